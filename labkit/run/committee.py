"""A committee: networks of the same script, of one seed after the other, that vote."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from labkit.errors import LabError
from labkit.run import evaluation, record
from labkit.run.flags import SEEDS


def members(flags: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Yield the flags of each network of a committee: flags.committee of them, of the seeds from flags.seed on.

    Raises LabError, before the first, where a seed is beyond those that there are, or a longer run would be replaced;
    and under --test-only after one that was trained in another way than the first.
    """
    seeds = range(flags.seed, flags.seed + flags.committee)
    if seeds[-1] >= SEEDS:
        raise LabError(
            f"--committee {flags.committee} from --seed {flags.seed} on needs seeds up to {seeds[-1]}, and the last "
            f"one is {SEEDS - 1}: give a smaller --seed, or a smaller committee"
        )
    if not flags.test_only:
        for seed in seeds:
            record.keep_longer_run(record.run_folder(_member(flags, seed)), flags.steps)
    first = _member(flags, flags.seed)
    for seed in seeds:
        member = first if seed == flags.seed else _member(flags, seed)
        yield member
        for name in {*record.SETTINGS} & {*vars(flags)} - {"seed"}:  # which are those of its checkpoint by now
            if getattr(member, name) != getattr(first, name):
                raise LabError(
                    f"the networks of seed {first.seed} and {seed} were not trained alike, and can't vote: {name} was "
                    f"{getattr(first, name)} and {getattr(member, name)}"
                )


def _member(flags: argparse.Namespace, seed: int) -> argparse.Namespace:
    return argparse.Namespace(**vars(flags) | {"seed": seed})


def committee_folder(flags: argparse.Namespace) -> Path:
    """Return the folder that the results of a committee go to, beside those of its networks."""
    return record.run_folder(flags).with_name(f"committee-{flags.seed}-to-{flags.seed + flags.committee - 1}")


def print_votes(accuracies: Sequence[float], images: int, dataset: str) -> None:
    """Print what the first network reaches, the first two together, and so on; the last line is that of all.

    accuracies: of the test images, 0 to 1; `images` is how many these are.
    """
    for number, accuracy in enumerate(accuracies, start=1):
        print(f"accuracy of the first {number} that vote: {accuracy:.4f}")
    evaluation.print_accuracy(accuracies[-1], images, dataset)
