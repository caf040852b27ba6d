"""All five scripts: what each costs and reaches, and how much faster it is than the lecture's recipe for its network.

    python benchmarks/scripts.py            three rounds of each
    python benchmarks/scripts.py --smoke    a few steps of each, to see that it runs

Each script runs as a user runs it, with its default flags, a seed of its own in each round. The lecture's recipe for
the deep network and the ablations, 20,000 steps of 50 images through TensorFlow's v1 interface, runs in turn with
them, for some of its steps; the time of all of them is extrapolated from those.
"""

import argparse
import functools
import itertools
from collections.abc import Iterator

import measuring
from time_to_accuracy import ORIGINAL_STEPS, Outcome, median_of, outcome_row, train_original, train_ours

SOFTMAX = "softmax_mnist"  # has no recipe to compare with: it trained for seconds in the lecture, too
NETWORKS = ("deep_mnist", "model_no1", "model_no2", "model_no3")


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "scripts")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=3, help="times that each script runs (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=None, help="of each script (default: what it takes by itself)"
    )
    parser.add_argument(
        "--original-steps",
        type=measuring.positive,
        default=1000,
        help=f"of the lecture's recipe, which has {ORIGINAL_STEPS:,} (default: %(default)s)",
    )
    return measuring.parse(parser, rounds=1, steps=10, original_steps=20)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    contenders = {}
    for script in (SOFTMAX, *NETWORKS):
        contenders[script] = functools.partial(train_next, script, digits, options.steps, itertools.count())
    for network in NETWORKS:
        contenders[original(network)] = functools.partial(train_original, digits, options.original_steps, network)
    outcomes = measuring.alternate(contenders, options.rounds)

    headers = ["script", "runs", "lowest accuracy", "median", "seconds", "spread", "peak MB"]
    rows = [outcome_row(f"{script}.py", outcomes[script]) for script in (SOFTMAX, *NETWORKS)]
    print(f"The scripts, {digits.name}\n\n{measuring.table(headers, rows)}\n")
    rows = [ratio_row(network, outcomes) for network in NETWORKS]
    print(
        f"The lecture's recipe, extrapolated from {options.original_steps:,} of its {ORIGINAL_STEPS:,} steps\n\n"
        f"{measuring.table(['network', 'ours, s', 'original, s', 'original / ours'], rows)}\n"
    )
    results = {name: [outcome._asdict() for outcome in runs] for name, runs in outcomes.items()}
    measuring.write_record(options, digits, machine, results)


def original(network: str) -> str:
    """Name the lecture's recipe for a network in progress bar and record."""
    return f"{network}, original"


def train_next(script: str, digits: measuring.Digits, steps: int | None, seeds: Iterator[int]) -> Outcome:
    """Run a lab script with the next seed."""
    return train_ours(digits, next(seeds), steps, f"{script}.py")


def ratio_row(network: str, outcomes: dict[str, list[Outcome]]) -> list[str]:
    """Format the median times of one network, and the median over the rounds of their ratio."""
    ours, theirs = outcomes[network], outcomes[original(network)]
    ratio = measuring.ratio([run.seconds for run in theirs], [run.seconds for run in ours])
    return [network, f"{median_of(ours, 'seconds'):.1f}", f"{median_of(theirs, 'seconds'):.0f}", f"{ratio:.1f}"]


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
