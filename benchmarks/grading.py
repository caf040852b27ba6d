"""Grading a class: processor time for a submission, what comes on top of the trainings, and memory as classes grow.

    python benchmarks/grading.py            classes of 10, 40 and 100 without training, and one of 4 with it
    python benchmarks/grading.py --smoke    two submissions, to see that it runs

The classes are made up of good students, because theirs take longest: every check of every network is made. Processor
time is that of everything, sandboxed processes included. With training, as many are graded at a time as the grader
takes by itself, one for each core, and the time is set beside that of the trainings alone: the same three networks,
trained by their own scripts as often as there are submissions, one after the other, from the first step to the last.
Grading trains on nothing but MNIST, so without it that part is left out.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab_runs
import measuring
from measuring import Digits

NETWORKS = ("model_no1", "model_no2", "model_no3")


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
        "--rounds", type=measuring.positive, default=2, help="of everything with training (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=60, help="of each training (default: %(default)s, the kit's)"
    )
    return measuring.parse(parser, classes=[2], trained=1, rounds=1, steps=20)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    untrained = {size: grade(size, digits, "--no-train", "--jobs", 1) for size in options.classes}
    print(f"Without training, one submission at a time:\n\n{untrained_table(untrained)}\n", flush=True)
    rounds = {}
    if digits.name == "MNIST":
        rounds = measuring.alternate(with_training(options, digits), options.rounds)
        table = trained_table(rounds, options.trained)
        print(
            f"With {options.steps} steps of training on MNIST, a class of {options.trained}:\n\n{table}\n", flush=True
        )
    else:
        print(f"With training: left out, because grading trains on MNIST only, and these are {digits.name}\n")
    measuring.write_record(options, digits, machine, {"untrained": untrained, "trained": rounds})


def with_training(options: argparse.Namespace, digits: Digits) -> dict[str, Callable[[], float]]:
    """Return the two contenders: seconds for grading a class, and for the trainings of as many submissions alone."""
    rubric = (measuring.ROOT / "assignment.toml").read_text(encoding="utf-8")
    rubric = re.sub(r"(?m)^steps = \d+", f"steps = {options.steps}", rubric)

    def graded() -> float:
        with tempfile.TemporaryDirectory() as folder:
            assignment = Path(folder, "assignment.toml")
            assignment.write_text(rubric, encoding="utf-8")
            return grade(options.trained, digits, "--assignment", assignment)["seconds"]

    def trained() -> float:
        return options.trained * sum(training_seconds(script, digits, options.steps) for script in NETWORKS)

    return {"graded": graded, "trained": trained}


def grade(students: int, digits: Digits, *flags: Any) -> dict[str, float]:
    """Grade a class of this size; return what it cost: see grading_process.py."""
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "submissions"), Path(folder, "grades")
        measuring.run("-m", "benchmarks.grading_process", "make", submissions, students)
        command = ["-m", "benchmarks.grading_process", "grade", submissions, "--out", out]
        finished = measuring.run(*command, "--data-dir", digits.data_dir, *flags)
        return json.loads(finished.stdout.splitlines()[-1])


def training_seconds(script: str, digits: Digits, steps: int) -> float:
    """Return the time that a script's own training takes, from its first step to its last."""
    return lab_runs.run_lab_script(f"{script}.py", digits, "--steps", steps).record["training_seconds"]


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


def trained_table(rounds: dict[str, list[float]], students: int) -> str:
    """Format the times of grading and of the trainings alone, and their difference."""
    rows = []
    for name, what in (("graded", "grading"), ("trained", "the trainings alone")):
        seconds = measuring.summary([seconds / students for seconds in rounds[name]])
        rows.append([what, *seconds.text(".1f")])
    overhead = measuring.ratio(rounds["graded"], rounds["trained"]) - 1
    return measuring.table(["", "seconds for each submission", "spread"], [*rows, ["overhead", f"{overhead:.0%}", ""]])


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
