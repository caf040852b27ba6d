"""What the peers of `throughput.py` do the same: flags, the training loop, its clock, and the report."""

import argparse
import itertools
import json
import time

from original_loader import read_data_sets

INTERVAL = 10  # steps between two readings of the clock
LEARNING_RATE = 1e-3  # learns within a few hundred steps
HELD_OUT = 1_000  # images on which each peer shows that it has learned


def parse_flags(description, **variants):
    """Parse the command line; `variants` are the peer's own flags, name to help text, off by default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data_dir", metavar="DIR", help="with the four gzipped files")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=50)
    for name, text in variants.items():
        parser.add_argument("--" + name.replace("_", "-"), action="store_true", help=text)
    return parser.parse_args()


def train(flags, train_step, predict, parameters, one_hot=False):
    """Train for `flags.steps` and print the report.

    Args:
        flags: from `parse_flags`.
        train_step: takes images, float32 (n, 784), and labels, uint8 (n,) or float64 (n, 10) one-hot; returns when
            the weights are updated.
        predict: takes images, returns class numbers (n,) as an array.
        parameters: how many weights and biases it trains.
        one_hot: which labels `train_step` takes.
    """
    digits = read_data_sets(flags.data_dir, one_hot)
    times = [time.perf_counter()]
    for step in range(1, flags.steps + 1):
        train_step(*digits.train.next_batch(flags.batch_size))
        if step % INTERVAL == 0:
            times.append(time.perf_counter())
    report(parameters, digits.validation, predict, times)


def report(parameters, held_out, predict, times):
    """Print what `throughput.py` reads; `times` are the clock's at the start and after each interval, in seconds."""
    labels = held_out.labels[:HELD_OUT]
    digits = labels.argmax(axis=1) if labels.ndim == 2 else labels
    accuracy = float((predict(held_out.images[:HELD_OUT]) == digits).mean())
    intervals = [end - start for start, end in itertools.pairwise(times)]
    print(json.dumps({"parameters": int(parameters), "accuracy": accuracy, "interval_seconds": intervals}))
