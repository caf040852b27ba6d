"""Training throughput: images per second of the deep network, ours against its peers.

    python benchmarks/throughput.py            five rounds at batches of 50, 100 and 256
    python benchmarks/throughput.py --smoke    a few steps of each contender, to see that it runs

Every contender trains the same network (3,274,634 weights and biases) with Adam on the same images from memory. Each
runs in a process of its own, and the contenders take turns, round by round. Ours is `deep_mnist.py` as a user runs it.
What counts is the median time of ten steps after the first fifth of the steps, which is left out as the warm-up.
"""

import argparse
import functools
import json
import statistics
from typing import Any, NamedTuple

import lab_runs
import measuring
from measuring import PEERS, BenchmarkError

PARAMETERS = 3_274_634
ENOUGH_IMAGES = 15_000  # that training has seen, after which the network must know most digits
LEARNED = 0.9  # the least accuracy on held-out images after that; chance is 0.1
OURS = "ours"


class Peer(NamedTuple):
    """A script in peers/ and its flags."""

    package: str  # that it needs, by the name that Python imports
    script: str
    flags: tuple[str, ...] = ()


CONTENDERS = {
    "Keras fit, float32": Peer("tensorflow", "keras_fit.py"),
    "Keras fit, float32, XLA": Peer("tensorflow", "keras_fit.py", ("--xla",)),
    "Keras fit, bfloat16": Peer("tensorflow", "keras_fit.py", ("--bfloat16",)),
    "TensorFlow v1 graph, feed_dict": Peer("tensorflow", "graph_feed_dict.py"),
    "tf.function, float32": Peer("tensorflow", "plain_function.py"),
    "PyTorch, float32": Peer("torch", "pytorch.py"),
    "PyTorch, float32, channels-last": Peer("torch", "pytorch.py", ("--channels-last",)),
    "PyTorch, bfloat16": Peer("torch", "pytorch.py", ("--bfloat16",)),
    "PyTorch, bfloat16, channels-last": Peer("torch", "pytorch.py", ("--bfloat16", "--channels-last")),
}


class Training(NamedTuple):
    """What one process of a contender reports."""

    parameters: int
    accuracy: float  # on images held out, after the last step
    interval_seconds: list[float]  # each of lab_runs.INTERVAL steps

    def images_per_second(self, batch_size: int) -> float:
        """Return the images per second in the median interval."""
        return lab_runs.INTERVAL * batch_size / statistics.median(self.interval_seconds)


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "throughput")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=5, help="times that each contender runs (default: %(default)s)"
    )
    parser.add_argument(
        "--steps",
        type=measuring.positive,
        default=200,
        help="of a run: 100 or more, and no more than one epoch has (default: %(default)s)",
    )
    measuring.add_batch_sizes(parser)
    options = measuring.parse(parser, rounds=1, steps=100, batch_sizes=[10])
    if options.steps < 100 or options.steps * max(options.batch_sizes) > 55_000:
        parser.error(f"--steps {options.steps}: 100 or more, and at most 55,000 images in all")
    return options


def main(options: argparse.Namespace) -> None:
    """Measure, print a table for each batch size, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    missing = {package for package in ("tensorflow", "torch") if not measuring.is_installed(package)}
    peers = {name: peer for name, peer in CONTENDERS.items() if peer.package not in missing}
    results = {}
    for batch_size in options.batch_sizes:
        contenders = {OURS: functools.partial(run_ours, digits, options.steps, batch_size)} | {
            name: functools.partial(run_peer, peer, digits, options.steps, batch_size) for name, peer in peers.items()
        }
        trainings = measuring.alternate(contenders, options.rounds)
        for name, runs in trainings.items():
            check(name, runs, options.steps * batch_size)
        results[batch_size] = summarise(trainings, batch_size)
        print(f"Batches of {batch_size}, {digits.name}\n\n{as_table(results[batch_size])}\n", flush=True)
    measuring.write_record(options, digits, machine, results)


def run_ours(digits: measuring.Digits, steps: int, batch_size: int) -> Training:
    """Train `deep_mnist.py` briefly."""
    run = lab_runs.run_deep_mnist(digits, "--steps", steps, "--batch-size", batch_size)
    return Training(run.record["parameters"], run.validation_accuracy, run.interval_seconds(warm_up=steps // 5))


def run_peer(peer: Peer, digits: measuring.Digits, steps: int, batch_size: int) -> Training:
    """Train a peer's script briefly; its last line is its report."""
    finished = measuring.run(
        PEERS / peer.script, digits.files, "--steps", steps, "--batch-size", batch_size, *peer.flags
    )
    report = Training(**json.loads(finished.stdout.splitlines()[-1]))
    warm_up = steps // 5 // lab_runs.INTERVAL
    return report._replace(interval_seconds=report.interval_seconds[warm_up:])


def check(name: str, runs: list[Training], images: int) -> None:
    """Raise BenchmarkError unless the contender trained the whole network, and the network learned."""
    for run in runs:
        if run.parameters != PARAMETERS:
            raise BenchmarkError(f"{name} has {run.parameters:,} parameters, expected {PARAMETERS:,}")
        if images >= ENOUGH_IMAGES and run.accuracy < LEARNED:
            raise BenchmarkError(f"{name} does not learn: accuracy {run.accuracy:.3f} after {images:,} images")


def summarise(trainings: dict[str, list[Training]], batch_size: int) -> dict[str, dict[str, Any]]:
    """Return each contender's images per second over the rounds, the ratio of ours to it, and its accuracy."""
    speeds = {name: [run.images_per_second(batch_size) for run in runs] for name, runs in trainings.items()}
    return {
        name: {
            "images_per_second": measuring.summary(speeds[name])._asdict(),
            "ours_to_it": measuring.ratio(speeds[OURS], speeds[name]),
            "accuracy": statistics.median(run.accuracy for run in runs),
            "rounds": speeds[name],
            "interval_seconds": [run.interval_seconds for run in runs],
        }
        for name, runs in trainings.items()
    }


def as_table(results: dict[str, dict[str, Any]]) -> str:
    """Format a row for each contender; the fastest peer is marked: it is the one to beat."""
    speeds = {name: result["images_per_second"]["median"] for name, result in results.items() if name != OURS}
    best = max(speeds, key=speeds.get, default=None)
    rows = [
        [
            f"{name} (best peer)" if name == best else name,
            *measuring.Summary(**result["images_per_second"]).text(",.0f"),
            f"{result['ours_to_it']:.2f}",
            f"{result['accuracy']:.3f}",
        ]
        for name, result in results.items()
    ]
    return measuring.table(["contender", "images/s", "spread", "ours / it", "accuracy"], rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
