"""What grading a submission comes to: the result and its points, `result.json`, and the class in `grades.csv`."""

import csv
import dataclasses
import datetime
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from grading.results.escaping import cell
from grading.results.overruling import MALUS, Decision
from labkit.checks.assignment import Assignment
from labkit.checks.check import Check, CheckId, Status
from labkit.errors import RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record
from labkit.version import VERSION


class SubmissionStatus(str, Enum):
    """What became of a submission."""

    GRADED = "graded"
    REFUSED = "refused"  # nothing in it could be graded
    SUPERSEDED = "superseded"  # another zip of the student's counts
    CRASHED = "crashed"  # the grader did, whoever's fault that is
    NOT_GRADED = "not graded"  # it is nobody's, unknown to the roster, or not whole: no mark of anybody's
    WAITING = "waiting"  # in the table of a run that was stopped

    def __str__(self) -> str:  # as it is written to files, whatever the version of Python
        return self.value


@dataclass
class Result:
    """What was found out about one zip; which points that earns is the rubric's, and worked out by `mark`.

    `folder` is that of its results. `key` stands for all that the checks depend on, but for `trained`. `problem` is why
    it was not graded, "" where it was. `late_seconds` counts from the deadline, 0.0 for in time. `marked` is what the
    present manual points are for: the zip that they were first seen with.
    """

    zip: str
    zip_sha256: str
    id: str
    name: str
    surname: str
    submitted: str
    late_seconds: float
    sandbox: str
    kit: str
    folder: str = ""
    key: str = ""
    status: SubmissionStatus = SubmissionStatus.GRADED
    problem: str = ""
    trained: bool = True
    marked: dict[str, str] = field(default_factory=dict)  # "row": what manual.csv says; "zip_sha256": of which zip
    remarks: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    system: str = ""  # that it was downloaded from; "" where none tells
    system_key: str = ""  # the system's own key for the student
    uploaded_as: list[str] = field(default_factory=list)  # as the system named what it gave
    time_source: str = "file"  # who tells `submitted`: see grading/intake/submission.py
    machine: str = ""  # the name of the host that the checks were made on; "" where none were

    @property
    def is_students(self) -> bool:
        """Whether it is the one that a student's mark is of: it has a row in grades.csv."""
        return bool(self.id) and self.status not in (SubmissionStatus.SUPERSEDED, SubmissionStatus.NOT_GRADED)

    @property
    def is_superseded(self) -> bool:
        """Whether another zip of the student's counts."""
        return self.status == SubmissionStatus.SUPERSEDED

    @property
    def who(self) -> str:
        """The student, for a line in which others are named, too."""
        return " ".join(filter(None, (self.name, self.surname, f"({self.id})" if self.id else ""))) or self.zip


@dataclass(frozen=True)
class MarkedCheck:
    """A check with the points that it earned, and the most that it could; those are 0 where it is still open."""

    check: Check
    points: float
    max_points: float


@dataclass(frozen=True)
class Mark:
    """The points of a result.

    `manual` has an entry for each item that the instructor has marked, `levels` one for each of these that was given a
    level, and `decisions` one for each check that the instructor overruled, and for a malus. `score` is what is left of
    all points after `late_penalty` and malus; `max_score` is of what was marked so far, so it leaves out what is
    `pending`: undecided checks, and manual items without points.
    """

    checks: list[MarkedCheck]
    manual: dict[str, float]
    pending: list[str]
    late_penalty: float
    score: float
    max_score: float
    decisions: dict[str, Decision] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)


def mark(
    result: Result,
    assignment: Assignment,
    manual: dict[str, float] | None = None,
    decisions: dict[str, Decision] | None = None,
    levels: dict[str, str] | None = None,
) -> Mark:
    """Work out a result's points by the assignment's rubric.

    `manual` maps the names of manual items to points; items that are not in it are still to be given. `levels` says
    which level has given these, where one has. `decisions` maps names of checks, and overruling.MALUS, to what the
    instructor decided, whatever a check came to.
    """
    manual, decisions = manual or {}, decisions or {}
    checks = [_mark_check(check, result, assignment, decisions) for check in _as_decided(result, decisions)]
    malus = decisions[MALUS].points if MALUS in decisions else 0.0
    reached = sum(row.points for row in checks) + sum(manual.values())
    percent = assignment.late.percent(datetime.timedelta(seconds=result.late_seconds))
    penalty = round(reached * percent / 100, 2)
    return Mark(
        checks=checks,
        manual=manual,
        pending=[
            *(check.name for check in undecided_checks(result, assignment, decisions)),
            *(item.name for item in assignment.manual if item.name not in manual),
        ],
        late_penalty=penalty,
        score=max(0.0, round(reached - penalty - malus, 2)),
        max_score=round(
            sum(row.max_points for row in checks)
            + sum(item.points for item in assignment.manual if item.name in manual),
            2,
        ),
        decisions=decisions,
        levels=levels or {},
    )


def undecided_checks(result: Result, assignment: Assignment, decisions: Mapping[str, Decision]) -> list[Check]:
    """Return the checks of a result that a person has still to settle, of those that are worth points."""
    checks = _as_decided(result, decisions)
    undecided = [check for check in checks if check.status == Status.UNDECIDED and check.name not in decisions]
    return [check for check in undecided if assignment.points.get(check.name)]


def _as_decided(result: Result, decisions: Mapping[str, Decision]) -> list[Check]:
    """Return a result's checks; a training is undecided where the network it waited for was found right by hand."""
    checks = []
    for check in result.checks:
        network = decisions.get(CheckId("architecture", check.name.subject))
        if check.name.group == "training" and check.status == Status.SKIPPED and network and network.points:
            check = dataclasses.replace(
                check,
                status=Status.UNDECIDED,
                message="the network was not trained; your instructor has settled what it is, and settles this, too",
            )
        checks.append(check)
    return checks


def _mark_check(check: Check, result: Result, assignment: Assignment, decisions: Mapping[str, Decision]) -> MarkedCheck:
    max_points = assignment.points.get(check.name, 0.0)
    if check.name in decisions:
        return MarkedCheck(check, decisions[check.name].points, max_points)
    if _is_open(check, result):
        return MarkedCheck(check, 0.0, 0.0)
    return MarkedCheck(check, _points(check, max_points, assignment), max_points)


def _is_open(check: Check, result: Result) -> bool:
    """Whether a check earns nothing and costs nothing, as long as the instructor does not decide it."""
    return check.status == Status.UNDECIDED or _left_out(check, result)


def _left_out(check: Check, result: Result) -> bool:
    return check.name.group == "training" and not result.trained  # the instructor's choice: it costs no points


def _points(check: Check, max_points: float, assignment: Assignment) -> float:
    if check.status == Status.PASSED:
        return max_points
    if check.status == Status.FAILED and assignment.partial_credit:
        return round(max_points * check.fraction, 2)
    return 0.0


# --------------------------------------------------------------------------------------------------------- result.json


def write_result(path: Path, result: Result, marks: Mark) -> None:
    """Write a result with its points, atomically; raise WriteError where that fails."""
    record: dict[str, Any] = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(result)}
    del record["checks"]
    checks = [
        dataclasses.asdict(row.check) | {"points": row.points, "max_points": row.max_points} for row in marks.checks
    ]
    record |= {"score": marks.score, "max_score": marks.max_score, "late_penalty": marks.late_penalty}
    decisions = {name: dataclasses.asdict(decision) for name, decision in marks.decisions.items()}
    record |= {"manual": marks.manual, "levels": marks.levels, "decisions": decisions, "checks": checks}
    with atomic_file(path) as file:
        file.write(json.dumps(record, indent=1).encode() + b"\n")


def read_result(path: Path) -> Result | None:
    """Read the result of an earlier run; None if there is none, or none that this version of the kit can read."""
    try:
        return read_record(path.read_bytes(), Result)
    except (OSError, RecordError):
        return None


# ---------------------------------------------------------------------------------------------------------- grades.csv


def write_grades(path: Path, rows: Sequence[tuple[Result, Mark]], assignment: Assignment) -> None:
    """Write the class's table, atomically: a row for each student.

    `rows` are pairs of Result and Mark. What the grader failed on, or has not come to, has no score: an empty cell is
    not a 0. What is no student's mark is in the table of `write_not_graded`: gradebooks take a row without an id for
    one of the student above it. Raises WriteError where the file can't be written.
    """
    names = [*assignment.points]
    items = [item.name for item in assignment.manual]
    head = ["id", "name", "surname", "zip", "status", "score", "max_score", "late_hours", "late_penalty"]
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    table.writerow([*head, *names, *items, "remarks", "system", "key"])
    for result, marks in rows:
        if not result.is_students:
            continue
        counts = result.status in (SubmissionStatus.GRADED, SubmissionStatus.REFUSED)
        earned: dict[str, float] = {
            row.check.name: row.points
            for row in marks.checks
            if counts and (row.check.name in marks.decisions or not _is_open(row.check, result))
        }
        cells = [result.id, result.name, result.surname, result.zip, result.status]
        cells += [marks.score, marks.max_score] if counts else ["", ""]
        cells += [round(result.late_seconds / 3600, 2), marks.late_penalty if counts else ""]
        cells += [earned.get(name, "") for name in names]
        cells += [marks.manual.get(name, "") for name in items]
        open_ = [
            f"{check.name} is to be settled by hand, up to {assignment.points[check.name]:g} points: {check.message}"
            for check in undecided_checks(result, assignment, marks.decisions)
        ]
        decided = [
            f"{name} = {decision.points:g} by the instructor: {decision.reason}"
            for name, decision in marks.decisions.items()
        ]
        cells.append("; ".join(filter(None, (result.problem, *open_, *decided, *result.remarks))))
        table.writerow(map(cell, [*cells, result.system, result.system_key]))
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def write_not_graded(path: Path, results: Sequence[Result]) -> None:
    """Write what came in and is no student's mark, with the reason, atomically; raise WriteError."""
    text = io.StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    table.writerow(["zip", "status", "reason", "id", "name", "surname", "system", "key", "remarks"])
    for result in results:
        if not result.is_students:
            cells = [result.zip, result.status, result.problem, result.id, result.name, result.surname]
            table.writerow(map(cell, [*cells, result.system, result.system_key, "; ".join(result.remarks)]))
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())
