"""A whole study, `python compare.py`: its time, against what its training loops take.

    python benchmarks/study.py                   20 trainings, 5 seeds of each of the four networks, two rounds
    python benchmarks/study.py --beside FOLDER   the same by another version of the kit, too, in turns
    python benchmarks/study.py --smoke           a few steps of four trainings, to see that it runs

A training loop is what a run.json has as its `training_seconds`: the steps, the first of which TensorFlow compiles, and
the validations and checkpoints between them. Not in it are imports, data, the network's first weights, the last
validation and checkpoint, the test, and the pictures. With another version beside this one the two must get the same
results, bit for bit.

For a version of the kit beside this one, `git worktree add FOLDER COMMIT`.
"""

import argparse
import functools
import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import measuring
from measuring import BenchmarkError, Digits


class Study(NamedTuple):
    """What a study cost, and the bits that it must get whatever it costs: of each run the losses and the guesses."""

    seconds: float  # wall time of compare.py, from start to exit
    cpu_seconds: float  # processor time of that, trainings included; other programs hardly change it
    loop_seconds: float  # of all trainings
    results: dict[str, Any]  # of each run, by its folder


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "study")
    parser.add_argument(
        "--seeds", type=measuring.positive, default=5, help="of each of the four networks (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=None, help="of each training (default: what the scripts take)"
    )
    parser.add_argument(
        "--rounds", type=measuring.positive, default=2, help="times that each kit runs (default: %(default)s)"
    )
    parser.add_argument("--beside", metavar="FOLDER", type=Path, help="a checkout of another version, to compare with")
    return measuring.parse(parser, seeds=1, steps=10, rounds=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print the table, and write the record."""
    if options.beside and not (options.beside / "compare.py").is_file():
        raise BenchmarkError(f"{options.beside} is no checkout of the kit: it has no compare.py")
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    kits = {"this kit": measuring.ROOT} | ({"the kit beside": options.beside.resolve()} if options.beside else {})
    flags = ["--seeds", options.seeds, *(["--steps", options.steps] if options.steps else [])]
    contenders = {name: functools.partial(run_study, kit, digits, flags) for name, kit in kits.items()}
    rounds = measuring.alternate(contenders, options.rounds)
    studies = [study for of_kit in rounds.values() for study in of_kit]
    if any(study.results != studies[0].results for study in studies):
        raise BenchmarkError("the same trainings have not got the same results, bit for bit")

    print(f"A study of {len(studies[0].results)} trainings, {digits.name}\n\n{table(rounds)}\n")
    results = {kit: [study._asdict() for study in of_kit] for kit, of_kit in rounds.items()}
    measuring.write_record(options, digits, machine, results)


def run_study(kit: Path, digits: Digits, flags: list[Any]) -> Study:
    """Run compare.py with these flags, and clean up after it."""
    with tempfile.TemporaryDirectory() as results:
        before = cpu_seconds()
        process = measuring.run("compare.py", *digits.flags, "--results-dir", results, *flags, root=kit)
        used = cpu_seconds() - before
        paths = sorted(Path(results).glob("*/*/run.json"))
        records = {str(path.parent.relative_to(results)): json.loads(path.read_text()) for path in paths}
    loops = sum(record["training_seconds"] for record in records.values())
    return Study(process.seconds, used, loops, {run: outcome(record) for run, record in records.items()})


def cpu_seconds() -> float:
    """Return the processor time of all processes that have ended, those which these had started included."""
    times = os.times()
    return times.children_user + times.children_system


def outcome(record: dict[str, Any]) -> list[Any]:
    """Return what a run's record has of its result, without times."""
    history = [[entry["step"], entry["loss"], entry["validation_accuracy"]] for entry in record["history"]]
    return [record["test_accuracy"], record["predictions_sha256"], history]


def table(rounds: dict[str, list[Study]]) -> str:
    """Format the times of each kit, and their ratios."""
    beside = rounds.get("the kit beside")
    rows = []
    for kit, studies in rounds.items():
        seconds, loops = ([getattr(study, field) for study in studies] for field in ("seconds", "loop_seconds"))
        row = [kit, str(len(studies)), f"{measuring.summary([study.cpu_seconds for study in studies]).median:,.1f}"]
        row += [*measuring.summary(seconds).text(",.1f"), *measuring.summary(loops).text(",.1f")]
        row.append(f"{measuring.ratio(seconds, loops):.3f}")
        if beside:
            row.append(f"{measuring.ratio(seconds, [study.loop_seconds for study in beside]):.3f}")
        rows.append(row)
    headers = ["", "rounds", "CPU seconds", "seconds", "spread", "in training loops", "spread", "seconds / loops"]
    return measuring.table(headers + ["seconds / loops of the kit beside"] * bool(beside), rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
