"""`python -m grading export`: marks and feedback, in the files that the school's system takes."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from grading.results.export import (
    blackboard,
    brightspace,
    canvas,
    classroom50,
    gradescope,
    ilias,
    junit,
    moodle,
    prairielearn,
)
from grading.results.export.graded import GradedClass, listed, read_class
from grading.results.export.job import ExportError, ExportJob, Target
from labkit.checks.assignment import load_assignment

FOLDER = "export"  # within the folder of results: what is exported, in a folder for each target
TARGETS: dict[str, Target] = {
    "moodle": moodle.TARGET,
    "canvas": canvas.TARGET,
    "blackboard": blackboard.TARGET,
    "brightspace": brightspace.TARGET,
    "ilias": ilias.TARGET,
    "gradescope": gradescope.TARGET,
    "prairielearn": prairielearn.TARGET,
    "classroom50": classroom50.TARGET,
    "junit": junit.TARGET,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the command to its parser."""
    parser.add_argument("target", metavar="TARGET", choices=TARGETS, help=f"one of {', '.join(TARGETS)}")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("grades"), help="the folder of results (default: grades)"
    )
    parser.add_argument("--from", metavar="FILE", type=Path, dest="source", help="what was downloaded from the system")
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help=f"where the files go (default: {FOLDER}/TARGET in the folder of results)"
    )
    parser.add_argument(
        "--assignment", metavar="FILE", type=Path, help="the rubric that it was graded by (default: the kit's)"
    )
    parser.add_argument("--column", metavar="HEAD", default="", help="the column for the marks, where it is in doubt")
    parser.add_argument("--comments", metavar="HEAD", default="", help="Moodle: the column for the comments, likewise")
    parser.add_argument(
        "--partial", action="store_true", help="go ahead although points are open, and say so in each feedback"
    )


def described() -> str:
    """Describe each target in a line, for the help."""
    width = max(map(len, TARGETS))
    return "\n".join(
        f"    {name:{width}}  {target.writes}{f'; --from {target.source}' if target.source else ''}"
        for name, target in TARGETS.items()
    )


def run(flags: argparse.Namespace, default_assignment: Path) -> int:
    """Export as the flags say; return 0, or 1 where a mark was put nowhere. Raises KitError where nothing can be."""
    target = TARGETS[flags.target]
    if bool(target.source) != bool(flags.source):
        needs = f"needs --from FILE: {target.source}" if target.source else "takes no --from: it fills no file"
        raise ExportError(f"{flags.target} {needs}")
    graded = read_class(flags.out, load_assignment(flags.assignment or default_assignment))
    _refuse_what_is_open(graded, flags.partial)
    folder = flags.to or flags.out / FOLDER / flags.target
    folder.mkdir(parents=True, exist_ok=True)
    if flags.source and flags.source.resolve().parent == folder.resolve():
        raise ExportError(f"{flags.source} would be written over: give another folder with --to")
    outcome = target.export(ExportJob(graded, flags.source, folder, flags.column, flags.comments))
    _tell(outcome.lines)
    if graded.open:
        are = "mark is" if len(graded.open) == 1 else "marks are"
        _tell([f"{len(graded.open)} {are} not final; run this again when all are:", *listed(graded.open)])
    left_out = [*graded.ambiguous, *outcome.left_out]
    if left_out:
        print(f"{len(left_out)} left out, to be entered by hand:", *left_out, sep="\n  - ", file=sys.stderr)
    return 1 if left_out else 0


def _refuse_what_is_open(graded: GradedClass, partial: bool) -> None:
    """Raise ExportError where there is nothing to export, or, but for --partial, where something is open."""
    if not graded.students:
        raise ExportError("there is nobody to export: no submission that counts has an id")
    waiting = [*graded.open, *graded.ambiguous]
    if waiting and not partial:
        lines = "".join(f"\n{line}" for line in listed(waiting))
        raise ExportError(
            f"{len(waiting)} marks are not final:{lines}\nSettle these and grade again, or go ahead with --partial"
        )


def _tell(lines: Iterable[str]) -> None:
    print(*lines, sep="\n")
