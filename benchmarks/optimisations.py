"""What was tried: each change to the training step of `deep_mnist.py` against the step as it is.

    python benchmarks/optimisations.py            five rounds at batches of 50, 100 and 128
    python benchmarks/optimisations.py --smoke    a few steps of each variant, to see that it runs

A variant is the script with a few lines replaced, with another flag, or in another environment (variants.py). Each runs
in a process of its own, and the variants take turns, round by round. What counts is the median time of ten steps after
the first fifth of the steps, which is left out as the warm-up. Beside it stands what the change was reckoned to gain
before it was measured.

First of all, each variant trains for ten steps without dropout from the same weights on the same batches: its losses
must be those of the step as it is, and each of its variables must move as far, or nothing is measured.
"""

import argparse
import functools
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import lab_runs
import measuring
from measuring import BenchmarkError
from variants import AS_IT_IS, VARIANTS, Variant

CHECKED = 10  # steps
CHECK_FLAGS = ("--steps", CHECKED, "--schedule", "constant", "--learning-rate", 1e-3)  # gentle: no error grows
FIRST_LOSS = 0.01  # how far the loss of the first step may be off, relative: bfloat16 has 8 bits
MEAN_LOSS = 0.05  # the same for the mean of all steps checked
MOVED = 0.05  # the same for the distance that training moves a variable: it tells a gradient that is wrong or missing


class Training(NamedTuple):
    """What one process reports."""

    losses: list[float]  # of each step
    step_seconds: list[float]  # that a step took, in each round of ten
    moved: list[float]  # how far each variable is from its first values

    @property
    def milliseconds(self) -> float:
        """Milliseconds of a step in the median round, without the warm-up."""
        return 1e3 * statistics.median(self.step_seconds[len(self.step_seconds) // 5 :])


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "optimisations")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=5, help="times that each variant runs (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=200, help="of a run, in tens (default: %(default)s)"
    )
    measuring.add_batch_sizes(parser, default=(50, 100, 128))
    options = measuring.parse(parser, rounds=1, steps=10, batch_sizes=[10])
    if options.steps % lab_runs.INTERVAL:
        parser.error(f"--steps {options.steps} is not a multiple of {lab_runs.INTERVAL}")
    return options


def main(options: argparse.Namespace) -> None:
    """Check and measure the variants, print a table for each batch size, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    check_variants(digits, options.batch_sizes[0])
    print("\n".join(f"- {variant.name}: {variant.change}. Reckoned: {variant.reckoning.why}." for variant in VARIANTS))
    results = {}
    for batch_size in options.batch_sizes:
        flags = ("--batch-size", batch_size, "--steps", options.steps)
        contenders = {variant.name: functools.partial(train, variant, digits, *flags) for variant in VARIANTS}
        results[batch_size] = summarise(measuring.alternate(contenders, options.rounds), batch_size)
        print(f"\nBatches of {batch_size}, {digits.name}\n\n{as_table(results[batch_size])}", flush=True)
    print()
    measuring.write_record(options, digits, machine, results)


def train(variant: Variant, digits: measuring.Digits, *flags: Any) -> Training:
    """Train the variant briefly, with these flags of the script, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, lab_runs.SCRIPT)
        script.write_text(variant.source(), encoding="utf-8")
        finished = measuring.run(
            *("-m", "benchmarks.optimisations_process", script, *digits.flags, "--results-dir", folder),
            *(*flags, *variant.flags),
            environment=dict(variant.environment),
        )
    return Training(**json.loads(finished.stdout.splitlines()[-1]))


def check_variants(digits: measuring.Digits, batch_size: int) -> None:
    """Raise BenchmarkError unless every variant computes the same as the step as it is."""
    flags = ("--batch-size", batch_size, *CHECK_FLAGS)
    contenders = {
        variant.name: functools.partial(train, variant.without_dropout(), digits, *flags) for variant in VARIANTS
    }
    trainings = measuring.alternate(contenders, rounds=1)
    for variant in VARIANTS:
        check(variant, trainings[variant.name][0], trainings[AS_IT_IS.name][0])
    print(f"Each variant computes what the step as it is does: checked over {CHECKED} steps\n", flush=True)


def check(variant: Variant, training: Training, expected: Training) -> None:
    """Raise BenchmarkError where the variant's training is not the expected one.

    Where the variant takes other steps, only the loss of the first counts, and that every variable moves.
    """
    checks = [("the loss of its first step", training.losses[0], expected.losses[0], FIRST_LOSS)]
    if variant.same_steps:
        losses = statistics.mean(training.losses), statistics.mean(expected.losses)
        checks.append((f"the mean loss of its first {CHECKED} steps", *losses, MEAN_LOSS))
        for number, distances in enumerate(zip(training.moved, expected.moved, strict=True), start=1):
            checks.append((f"the distance that its variable {number} moves", *distances, MOVED))
    for what, value, wanted, tolerance in checks:
        if not abs(value - wanted) <= tolerance * wanted:  # a value that is no number, too
            raise BenchmarkError(
                f"`{variant.name}` does not compute what the step as it is does: {what} is {value:.4f}, "
                f"expected {wanted:.4f} within {tolerance:.0%}"
            )
    if not all(training.moved):
        raise BenchmarkError(f"`{variant.name}` leaves variable {training.moved.index(0) + 1} as it was")


def summarise(trainings: dict[str, list[Training]], batch_size: int) -> dict[str, dict[str, Any]]:
    """Return each variant's milliseconds per step over the rounds, its gain, and its reckoned gain."""
    times = {name: [run.milliseconds for run in runs] for name, runs in trainings.items()}
    base = times[AS_IT_IS.name]
    return {
        variant.name: {
            "change": variant.change,
            "milliseconds": measuring.summary(times[variant.name])._asdict(),
            "ms_less": statistics.median(was - is_ for was, is_ in zip(base, times[variant.name], strict=True)),
            "ms_less_reckoned": variant.reckoning.ms_less(batch_size),
            "reckoning": variant.reckoning.why,
            "ratio": measuring.ratio(times[variant.name], base),
            "rounds": times[variant.name],
            "step_seconds": [run.step_seconds for run in trainings[variant.name]],
        }
        for variant in VARIANTS
    }


def as_table(results: dict[str, dict[str, Any]]) -> str:
    """Format a row for each variant; the gains of the step as it is are left empty."""
    rows = []
    for name, result in results.items():
        gains = [f"{result['ms_less_reckoned']:+.2f}", f"{result['ms_less']:+.2f}", f"{result['ratio']:.3f}"]
        cells = measuring.Summary(**result["milliseconds"]).text(".2f")
        rows.append([name, *cells, *(["", "", ""] if name == AS_IT_IS.name else gains)])
    headers = ["variant", "ms a step", "spread", "reckoned, ms less", "measured, ms less", "it / as it is"]
    return measuring.table(headers, rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
