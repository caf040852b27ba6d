"""A committee: networks of the same script, of one seed after the other, that vote."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from labkit.run import evaluation, record


def members(flags: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Yield the flags of each network of a committee: flags.committee of them, of the seeds from flags.seed on."""
    for seed in range(flags.seed, flags.seed + flags.committee):
        yield argparse.Namespace(**vars(flags) | {"seed": seed})


def committee_folder(flags: argparse.Namespace) -> Path:
    """Return the folder that the results of a committee go to, beside those of its networks."""
    return record.run_folder(flags).with_name(f"committee-{flags.seed}-to-{flags.seed + flags.committee - 1}")


def print_votes(accuracies: Sequence[float], images: int, dataset: str) -> None:
    """Print what the first network reaches, the first two together, and so on; the last line is that of all.

    accuracies: of the test images, 0 to 1; `images` is how many these are.
    """
    for number, accuracy in enumerate(accuracies, start=1):
        print(f"{number:3d} vote: {accuracy:.4f}")
    evaluation.print_accuracy(accuracies[-1], images, dataset)
