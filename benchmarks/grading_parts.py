"""Where the processor time of a submission goes: each sandbox, each task in it, and the grader itself.

    python benchmarks/grading_parts.py                   a class of 2 without training
    python benchmarks/grading_parts.py --beside FOLDER   the same by another version of the kit, too, in turns
    python benchmarks/grading_parts.py --smoke           one submission, to see that it runs

The submissions are good ones, as in grading.py, graded one at a time; the seconds are those of one submission.
"""

import argparse
import functools
import json
import tempfile
from pathlib import Path

import measuring
from measuring import BenchmarkError

PROCESS = Path(__file__).resolve().with_name("grading_parts_process.py")


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "grading_parts")
    parser.add_argument(
        "--submissions",
        metavar="N",
        type=measuring.positive,
        default=2,
        help="submissions in the class (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=measuring.positive, default=3, help="of the class (default: %(default)s)")
    parser.add_argument("--beside", metavar="FOLDER", type=Path, help="a checkout of another version of the kit")
    return measuring.parse(parser, submissions=1, rounds=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print the table, and write the record."""
    if options.beside and not (options.beside / "benchmarks" / "grading_process.py").is_file():
        raise BenchmarkError(f"{options.beside} is no checkout of the kit: it has no benchmarks/grading_process.py")
    machine = measuring.print_machine()
    kits = {"this kit": measuring.ROOT} | ({"beside": options.beside.resolve()} if options.beside else {})
    contenders = {name: functools.partial(grade, kit, options.submissions) for name, kit in kits.items()}
    rounds = measuring.alternate(contenders, options.rounds)
    print(f"Processor seconds of a submission, in the middle of {options.rounds}:\n\n{parts_table(rounds)}\n")
    record = {"settings": {"submissions": options.submissions, "rounds": options.rounds}, "machine": machine}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record | {"results": rounds}, indent=1) + "\n")
    print(f"everything measured: {options.json}")


def grade(kit: Path, students: int) -> dict[str, float]:
    """Grade a class of this size, written and graded by the same kit; return the seconds of one, by part."""
    with tempfile.TemporaryDirectory() as folder:
        submissions, out = Path(folder, "submissions"), Path(folder, "grades")
        measuring.run("-m", "benchmarks.grading_process", "make", submissions, students, root=kit)
        finished = measuring.run(PROCESS, submissions, out, root=kit)
        parts = json.loads(finished.stdout.splitlines()[-1])
        return {part: seconds / students for part, seconds in parts.items()}


def parts_table(rounds: dict[str, list[dict[str, float]]]) -> str:
    """Format a row for each part, and the sum; a column with the spread for each kit."""
    runs = next(iter(rounds.values()))
    rows = [[part, *_cells([[run[part] for run in each] for each in rounds.values()])] for part in runs[0]]
    rows.append(["all", *_cells([[sum(run.values()) for run in each] for each in rounds.values()])])
    return measuring.table(["part", *(cell for kit in rounds for cell in (kit, "spread"))], rows)


def _cells(values: list[list[float]]) -> list[str]:
    return [cell for each in values for cell in measuring.summary(each).text(".2f")]


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
