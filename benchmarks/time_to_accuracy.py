"""Time to 0.99: the whole of `python deep_mnist.py`, from start to exit, against the lecture's original recipe.

    python benchmarks/time_to_accuracy.py            ten seeds of ours, and between them three of the original recipe
    python benchmarks/time_to_accuracy.py --avx2     as on a processor without anything newer, as most laptops have
    python benchmarks/time_to_accuracy.py --smoke    a few steps of each, to see that it runs

The original recipe is 20,000 steps of 50 images with a constant learning rate, by TensorFlow's v1 interface. What is
timed is the process, with imports, loading, training, testing and pictures; memory is the most that it held at once.
The start-up of ours is measured, too: one step of training, `--help`, and TensorFlow's import for comparison.
"""

import argparse
import os
import re
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import lab_runs
import measuring
from measuring import PEERS, Digits

ORIGINAL_STEPS = 20_000
GOAL = 0.990  # test accuracy that each seed must reach


class Outcome(NamedTuple):
    """What a training cost and reached."""

    accuracy: float  # on the test images
    seconds: float  # wall time of the process
    peak_bytes: int | None


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "time_to_accuracy")
    parser.add_argument(
        "--seeds", type=measuring.positive, default=10, help="of ours, from 0 upwards (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=None, help="of ours (default: what deep_mnist.py takes by itself)"
    )
    parser.add_argument(
        "--original-runs",
        type=measuring.positive,
        default=3,
        help="of the original recipe, spread evenly among ours (default: %(default)s)",
    )
    parser.add_argument(
        "--original-steps",
        type=measuring.positive,
        default=ORIGINAL_STEPS,
        help="with fewer than %(default)s, the time of the training is extrapolated to that, and the tables say so",
    )
    parser.add_argument(
        "--avx2",
        action="store_true",
        help="keep oneDNN, in both, from instructions that are newer than AVX2; ours is in float32 then",
    )
    parser.add_argument(
        "--startup-rounds", type=measuring.positive, default=5, help="of each start-up (default: %(default)s)"
    )
    return measuring.parse(parser, seeds=1, steps=20, original_runs=1, original_steps=20, startup_rounds=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    if options.avx2:
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"  # the processes that are measured inherit it; ours take float32 then
        print("AVX2 ALONE: oneDNN does without newer instructions, and ours trains in float32\n")
    digits = measuring.prepare_digits(options)
    startup = measure_startup(digits, options.startup_rounds)
    print(f"Start-up\n\n{startup_table(startup)}\n", flush=True)

    ours, originals = train_alternately(options, digits)
    if options.original_steps < ORIGINAL_STEPS:
        print(
            f"EXTRAPOLATED: the original recipe ran {options.original_steps:,} of its {ORIGINAL_STEPS:,} steps; its "
            "time is what all of them would take, its accuracy is what these steps reached\n"
        )
    print(f"Whole processes, {digits.name}\n\n{outcome_table(ours, originals)}\n")
    print_seeds(ours)
    results = {
        "startup_seconds": startup,
        "ours": [outcome._asdict() for outcome in ours],
        "original": [outcome._asdict() for outcome in originals],
        "avx2_alone": options.avx2,
        "original_is_extrapolated": options.original_steps < ORIGINAL_STEPS,
    }
    measuring.write_record(options, digits, machine, results)


# ------------------------------------------------------------------------------------------------------------- measure


def measure_startup(digits: Digits, rounds: int) -> dict[str, list[float]]:
    """Measure the wall seconds, from start to exit, of the shortest commands."""
    contenders = {
        f"{lab_runs.SCRIPT} --steps 1": lambda: lab_runs.run_deep_mnist(digits, "--steps", 1).process.seconds,
        f"{lab_runs.SCRIPT} --help": lambda: measuring.run(lab_runs.SCRIPT, "--help").seconds,
        "import tensorflow": lambda: measuring.run("-c", "import tensorflow").seconds,
    }
    return measuring.alternate(contenders, rounds)


def train_alternately(options: argparse.Namespace, digits: Digits) -> tuple[list[Outcome], list[Outcome]]:
    """Train every seed of ours, and between them the runs of the original recipe, spread evenly."""
    ours, originals = [], []
    with measuring.progress(options.seeds + options.original_runs) as bar:
        for seed in range(options.seeds):
            bar.set_postfix_str(f"ours, seed {seed}")
            ours.append(train_ours(digits, seed, options.steps))
            bar.update()
            while len(originals) < (seed + 1) * options.original_runs // options.seeds:
                bar.set_postfix_str("original recipe")
                originals.append(train_original(digits, options.original_steps))
                bar.update()
    return ours, originals


def train_ours(digits: Digits, seed: int, steps: int | None, script: str = lab_runs.SCRIPT) -> Outcome:
    """Run a lab script with its default flags, but for the seed."""
    run = lab_runs.run_lab_script(script, digits, "--seed", seed, *(["--steps", steps] if steps else []))
    return Outcome(run.record["test_accuracy"], run.process.seconds, run.process.peak_bytes)


def train_original(digits: Digits, steps: int, network: str = "deep_mnist") -> Outcome:
    """Run the original recipe; with fewer steps than it has, add the time of the others."""
    finished = measuring.run(PEERS / "original_recipe.py", digits.files, "--steps", steps, "--network", network)
    training = float(re.search(r"^training took ([\d.]+) s$", finished.stdout, re.MULTILINE)[1])
    accuracy = float(re.search(r"^test accuracy ([\d.]+)$", finished.stdout, re.MULTILINE)[1])
    missing = training * (ORIGINAL_STEPS / steps - 1)
    return Outcome(accuracy, finished.seconds + missing, finished.peak_bytes)


# -------------------------------------------------------------------------------------------------------------- tables


def startup_table(startup: dict[str, list[float]]) -> str:
    """Format the median and spread of each command."""
    rows = [[command, *measuring.summary(seconds).text(".2f")] for command, seconds in startup.items()]
    return measuring.table(["command", "seconds", "spread"], rows)


def outcome_table(ours: Sequence[Outcome], originals: Sequence[Outcome]) -> str:
    """Format both recipes, and how many times as much time and memory the original takes."""
    rows = [outcome_row(lab_runs.SCRIPT, ours), outcome_row("original recipe", originals)]
    memory = ""
    if ours[0].peak_bytes:
        memory = f"{median_of(originals, 'peak_bytes') / median_of(ours, 'peak_bytes'):.1f}"
    speed = f"{median_of(originals, 'seconds') / median_of(ours, 'seconds'):.1f}"
    rows.append(["original / ours, of the medians", "", "", "", speed, "", memory])
    return measuring.table(["recipe", "runs", "lowest accuracy", "median", "seconds", "spread", "peak MB"], rows)


def outcome_row(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    """Format the figures of one recipe."""
    accuracies = [outcome.accuracy for outcome in outcomes]
    seconds = measuring.summary([outcome.seconds for outcome in outcomes])
    memory = f"{median_of(outcomes, 'peak_bytes') / 1e6:,.0f}" if outcomes[0].peak_bytes else "unknown"
    reached = f"{min(accuracies):.4f}", f"{statistics.median(accuracies):.4f}"
    return [name, str(len(outcomes)), *reached, *seconds.text(",.1f"), memory]


def median_of(outcomes: Sequence[Outcome], field: str) -> float:
    """Return the median of one field of the outcomes."""
    return statistics.median(getattr(outcome, field) for outcome in outcomes)


def print_seeds(ours: Sequence[Outcome]) -> None:
    """Print the accuracy and time of each seed, and how many reached the goal."""
    rows = [[str(seed), f"{run.accuracy:.4f}", f"{run.seconds:.1f}"] for seed, run in enumerate(ours)]
    reached = sum(run.accuracy >= GOAL for run in ours)
    print(f"{measuring.table(['seed', 'accuracy', 'seconds'], rows)}\n")
    print(f"at least {GOAL:.3f}: {reached} of {len(ours)} seeds\n")


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
