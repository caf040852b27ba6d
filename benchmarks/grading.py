"""Grading a class: what a submission takes with training and without, and memory as classes grow.

    python benchmarks/grading.py                   classes of 10, 40 and 100 without training, and one of 4 with it
    python benchmarks/grading.py --beside FOLDER   the same, and the class of 4 by another version of the kit, too
    python benchmarks/grading.py --smoke           two submissions, to see that it runs

The classes are made up of good students, because theirs take longest: every check of every network is made. Processor
time is that of everything, sandboxed processes included. As many are graded at a time as the grader takes by itself,
one for each core, but for the classes of growing size, which are graded one at a time. Grading trains on nothing but
MNIST, so without it that part is left out.

For a version of the kit beside this one, `git worktree add FOLDER COMMIT`. The two take turns.
"""

import argparse
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import measuring
from measuring import BenchmarkError, Digits

TRAINING = {"without training": ["--no-train"], "with training": []}


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "grading")
    parser.add_argument(
        "--classes",
        metavar="N",
        type=measuring.positive,
        nargs="+",
        default=[10, 40, 100],
        help="submissions in the classes that are graded without training (default: 10 40 100)",
    )
    parser.add_argument(
        "--trained",
        metavar="N",
        type=measuring.positive,
        default=4,
        help="submissions in the class that is graded with training (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds", type=measuring.positive, default=2, help="of the class with training (default: %(default)s)"
    )
    parser.add_argument(
        "--beside", metavar="FOLDER", type=Path, help="a checkout of another version, to grade that class, too"
    )
    return measuring.parse(parser, classes=[2], trained=1, rounds=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    if options.beside and not (options.beside / "benchmarks" / "grading_process.py").is_file():
        raise BenchmarkError(f"{options.beside} is no checkout of the kit: it has no benchmarks/grading_process.py")
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    untrained = {size: grade(measuring.ROOT, size, digits, "--no-train", "--jobs", 1) for size in options.classes}
    print(f"Without training, one submission at a time:\n\n{untrained_table(untrained)}\n", flush=True)
    rounds = {}
    if digits.name == "MNIST":
        rounds = take_turns(options, digits)
        print(f"A class of {options.trained}:\n\n{turns_table(rounds, options.trained)}\n", flush=True)
    else:
        print(f"With training: left out, because grading trains on MNIST only, and these are {digits.name}\n")
    turns = [{"kit": kit, "how": how, "runs": runs} for (kit, how), runs in rounds.items()]
    measuring.write_record(options, digits, machine, {"untrained": untrained, "rounds": turns})


def take_turns(options: argparse.Namespace, digits: Digits) -> dict[tuple[str, str], list[dict[str, float]]]:
    """Return what the class costs in each round, by kit ("this" or "beside") and TRAINING."""
    kits = {"this": measuring.ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    contenders = {
        (kit, how): functools.partial(grade, folder, options.trained, digits, *flags)
        for how, flags in TRAINING.items()
        for kit, folder in kits.items()
    }
    return measuring.alternate(contenders, options.rounds)


def grade(kit: Path, students: int, digits: Digits, *flags: Any) -> dict[str, float]:
    """Grade a class of this size, written and graded by the same kit; return what it cost: see grading_process.py."""
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "submissions"), Path(folder, "grades")
        measuring.run("-m", "benchmarks.grading_process", "make", submissions, students, root=kit)
        command = ["-m", "benchmarks.grading_process", "grade", submissions, "--out", out]
        finished = measuring.run(*command, "--data-dir", digits.data_dir, *flags, root=kit)
        return json.loads(finished.stdout.splitlines()[-1])


def untrained_table(classes: dict[int, dict[str, float]]) -> str:
    """Format a row for each class: the time of a submission, and the grader's memory."""
    rows = [
        [
            str(size),
            f"{cost['cpu_seconds'] / size:.2f}",
            f"{cost['seconds'] / size:.2f}",
            f"{cost['peak_bytes'] / 1e6:.0f}",
        ]
        for size, cost in classes.items()
    ]
    headers = ["submissions", "CPU seconds for each", "seconds for each", "peak memory of the grader, MB"]
    return measuring.table(headers, rows)


def turns_table(rounds: dict[tuple[str, str], list[dict[str, float]]], students: int) -> str:
    """Format the times of a submission with each kit, with training and without, and the ratio of the kits."""
    seconds = {key: [run["seconds"] / students for run in runs] for key, runs in rounds.items()}
    rows = []
    for (kit, how), each in seconds.items():
        beside = seconds.get(("beside", how), each)
        row = [f"{kit} kit, {how}", *measuring.summary(each).text(".1f")]
        rows.append([*row, f"{measuring.ratio(each, beside):.2f}" if kit == "this" and len(seconds) > 2 else ""])
    return measuring.table(["", "seconds for each submission", "spread", "of those of the kit beside"], rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
