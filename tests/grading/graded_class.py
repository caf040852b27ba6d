"""A class that is graded by the grader's own path, from files that came in to its tables, without running any code.

What the checks find is said by the test; who is who, points, manual points and files are the grader's.
"""

import csv
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

from grading import batch, course
from grading.command_line import main
from grading.intake.submission import Submission
from grading.options import Options
from grading.unit import GradedUnit, UnitStatus
from labkit.checks.assignment import CHECK_IDS, DEFAULT, load_assignment
from labkit.checks.check import Check, CheckId, failed, passed, undecided
from tests.submissions import make_zip
from tests.support.needs import needs

ASSIGNMENT = load_assignment()
ITEMS = {item.name: item.points for item in ASSIGNMENT.manual}
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \x1b[31m;=1+1,@SUM(A1)\u202e"


def checks(*others: Check) -> list[Check]:
    """Return all the checks of the rubric, passed but for those that are given."""
    given = {check.name: check for check in others}
    zip_check = passed(CheckId("files", "zip"), "the zip could be unpacked")
    return [zip_check, *(given.get(name) or passed(name, "right", seconds=0.25) for name in CHECK_IDS)]


def mixed(submission: Submission) -> list[Check]:
    """Return checks that give each student points of their own, by the id."""
    number = zlib.crc32(submission.id.encode())
    wrong = failed(
        CheckId("architecture", "model_no1"), f"layer 2 is a ReLU {HOSTILE}", fraction=number % 97 / 100, log=HOSTILE
    )
    return checks(wrong, *[failed(name, "not there") for place, name in enumerate(CHECK_IDS) if number >> place & 1])


def unsettled(submission: Submission) -> list[Check]:
    """Return checks of which one is undecided."""
    return checks(undecided(CheckId("report", "accuracies"), "numbers that belong to no network"))


def grade(
    monkeypatch,
    submissions: Path,
    out: Path,
    verdict: Callable[[Submission], list[Check]] = mixed,
    train: bool = True,
    roster: Path | None = None,
) -> Path:
    """Grade a folder of submissions; `verdict` says what the checks find, or raises what makes the grader fail."""
    needs("jinja2")

    monkeypatch.setattr(
        course,
        "find_sandbox",
        lambda unsafe: SimpleNamespace(name="bubblewrap", exposure=lambda folder: None, secrets={}),
    )
    monkeypatch.setattr(course.assessment, "grader_version", lambda: "0123456789abcdef")
    monkeypatch.setattr(course.network_checks, "find_data", lambda folder: folder)
    play(monkeypatch, verdict)
    monkeypatch.setattr(batch.Batch, "compare", lambda self, rows: None)
    options = Options(
        submissions=submissions,
        out=out,
        out_mode=0o755,
        assignment=DEFAULT,
        train=train,
        jobs=2,
        regrade=False,
        archive=[],
        unsafe=False,
        data_dir=submissions,
        roster=roster,
    )
    course.grade_class(options)
    return out


def play(monkeypatch, verdict: Callable[[Submission], list[Check]]) -> None:
    """Say what the checks of each submission find, or raise what makes the grader fail; nothing is sent to anybody."""

    def send(self, submission, workers):
        future = Future()
        try:
            future.set_result(GradedUnit(UnitStatus.GRADED, checks=verdict(submission)).encode())
        except Exception as error:
            future.set_exception(error)
        return future, 0

    monkeypatch.setattr(batch.Batch, "_send", send)


def hand_in(folder: Path, zip_name: str) -> Path:
    """Put a zip of its own content into a folder of submissions, below which it has a path."""
    path = folder / zip_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_zip({"model_no1.py": f"NAME = {zip_name!r}\n".encode()}))
    return path


def mark_by_hand(out: Path, given: Mapping[str, Mapping[str, object]]) -> None:
    """Write points, comments and decisions into manual.csv, by the student's id; "" is for everybody else."""
    path = out / "manual.csv"
    with open(path, newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        rows, heads = list(table), table.fieldnames
    for row in rows:
        row |= {name: str(value) for name, value in given.get(row["id"], given.get("", {})).items()}
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, heads)
        writer.writeheader()
        writer.writerows(rows)


def everything(points: float = 1.0) -> dict[str, object]:
    """Return a part of the points of every manual item."""
    return {name: most * points for name, most in ITEMS.items()}


def marks(out: Path) -> dict[str, float]:
    """Return the score of each student who has one, by id, as grades.csv has it."""
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        return {row["id"]: float(row["score"]) for row in csv.DictReader(file) if row["id"] and row["score"]}


def export(capsys, target: str, out: Path, *flags: object) -> tuple[int, str, str]:
    """Run the command; return its status, what it printed, and what it printed on stderr."""
    capsys.readouterr()
    status = main(["export", target, "--out", str(out), *map(str, flags)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err
