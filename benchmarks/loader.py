"""The data loader: reading MNIST, verified, and drawing batches, against the original loader's way.

    python benchmarks/loader.py            nine rounds
    python benchmarks/loader.py --smoke    one, to see that it runs

The original unpacked and trusted what it found, made all images float32 at once, and reordered the whole arrays at
each epoch. Each measurement is in a fresh process, as in a script's life, after its imports; the files are in the
system's cache. The time of a batch is the mean over several epochs, shuffling included. A short run of `deep_mnist.py`
tells what part of a training step that is.
"""

import argparse
import json
import statistics

import lab_runs
import measuring
from measuring import Digits

OURS, ORIGINAL = "ours", "original"
BATCH_SIZE = 100  # images


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "loader")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=9, help="processes for each loader (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs", type=measuring.positive, default=5, help="of batches in each process (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=300, help="of the training, 100 or more (default: %(default)s)"
    )
    return measuring.parse(parser, rounds=1, epochs=1, steps=100)


def main(options: argparse.Namespace) -> None:
    """Measure, print the table, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    contenders = {name: lambda name=name: time_loader(name, digits, options) for name in (OURS, ORIGINAL)}
    rounds = measuring.alternate(contenders, options.rounds)
    step = step_seconds(digits, options.steps)

    print(f"Loading and batches of {BATCH_SIZE}, {digits.name}\n\n{as_table(rounds)}\n")
    part = statistics.median(measured["next_batch"] for measured in rounds[OURS]) / step
    print(f"next_batch of ours takes {part:.2%} of a training step of {1e3 * step:.1f} ms\n")
    measuring.write_record(options, digits, machine, rounds | {"step_seconds": step})


def time_loader(name: str, digits: Digits, options: argparse.Namespace) -> dict[str, float]:
    """Measure the seconds of each job in a fresh process."""
    where = [digits.data_dir, digits.dataset] if name == OURS else [digits.files, "any"]
    finished = measuring.run("-m", "benchmarks.loader_process", name, *where, BATCH_SIZE, options.epochs)
    return json.loads(finished.stdout)


def step_seconds(digits: Digits, steps: int) -> float:
    """Measure the median training step of a short run, next_batch included."""
    run = lab_runs.run_deep_mnist(digits, "--steps", steps, "--batch-size", BATCH_SIZE)
    return statistics.median(run.interval_seconds(warm_up=steps // 5)) / lab_runs.INTERVAL


def as_table(rounds: dict[str, list[dict[str, float]]]) -> str:
    """Format a row for each job: both loaders, and the ratio of ours to the original."""
    rows = []
    for job in rounds[OURS][0]:
        ours, original = ([1e3 * measured[job] for measured in rounds[name]] for name in (OURS, ORIGINAL))
        cells = [*measuring.summary(ours).text(",.3g"), *measuring.summary(original).text(",.3g")]
        rows.append([job, *cells, f"{measuring.ratio(ours, original):.2f}"])
    return measuring.table(["job", "ours, ms", "spread", "original, ms", "spread", "ours / original"], rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
