"""A graded class as it is in the folder of results: final points, what is still open, comments and feedback.

`grades.csv` says who counts, each `result.json` what was found, and `manual.csv` what the instructor wrote to a
student. The three have to be of one run: points are worked out anew and compared, so that no mark leaves that the
grader would not give today.
"""

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.encodings import encoding_of
from grading.layout import FEEDBACK_PAGE, GRADES, RESULT, SUBMISSIONS
from grading.results.escaping import cell
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, read_manual
from grading.results.overruling import Decision
from grading.results.results import Mark, Result, SubmissionStatus, mark
from labkit.checks.assignment import Assignment
from labkit.errors import KitError, RecordError
from labkit.formats import read_record
from labkit.submission.names import number_of
from labkit.text import printable, quoted

NAMED = 10  # students who are named of many
_OTHER_RUBRIC = "give the rubric that it was graded by with --assignment FILE, or grade the class again"


class ExportError(KitError):
    """Marks can't be exported as asked; the text names file, row or student, and says what to do."""


@dataclass
class _Recorded(Result):
    """A result with the points that its `result.json` has."""

    score: float = 0.0
    max_score: float = 0.0
    manual: dict[str, float] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """One student's submission with its mark.

    `maximum` is all points that there are, those that are still open included. `open` names what nobody has decided
    yet. `system` is where the submission was downloaded from, and `key` by what that knows the student, "" where
    `grades.csv` does not say; `names` are those of the files there. `comment` is the instructor's, `feedback` the text
    of `feedback.html`.
    """

    result: Result
    marks: Mark
    maximum: float
    open: tuple[str, ...]
    system: str
    key: str
    names: tuple[str, ...]
    comment: str
    feedback: str

    def key_in(self, system: str) -> str:
        """Return by what a system knows the student; "" where the submission is not from there."""
        return self.key if self.system == system else ""

    @property
    def has_mark(self) -> bool:
        """Whether there is a mark: of what the grader failed on there is none, which is not a 0."""
        return self.result.status in (SubmissionStatus.GRADED, SubmissionStatus.REFUSED)

    @property
    def open_points(self) -> float:
        """The points that somebody may still give."""
        return round(self.maximum - self.marks.max_score, 2) if self.open else 0.0

    @property
    def who(self) -> str:
        """The student, for a line of a message."""
        return printable(self.result.who)


@dataclass(frozen=True)
class GradedClass:
    """The submissions that count, one for each student, and what keeps their marks from being final.

    `maximum` is the assignment's points. `open` has a line for each student with something open, and `ambiguous` one
    for each submission of an id that has several: those are not among `students`.
    """

    assignment: Assignment
    students: list[Graded]
    maximum: float
    open: list[str]
    ambiguous: list[str]

    @property
    def marked(self) -> list[Graded]:
        """Those who have a mark."""
        return [student for student in self.students if student.has_mark]


def read_class(out: Path, assignment: Assignment) -> GradedClass:
    """Read a folder of results.

    Raises ExportError where there are none, where they are not of one run, and where another assignment's rubric gave
    the points; ManualError for a mistake in `manual.csv`.
    """
    # A row without an id is nobody's.
    rows = [row for row in _rows(out / GRADES) if row["id"] and row["status"] != SubmissionStatus.SUPERSEDED]
    manual = read_manual(out / MANUAL, assignment.manual, assignment.points)
    recorded = _recorded(out / SUBMISSIONS)
    waiting = [row for row in rows if row["status"] == SubmissionStatus.WAITING]
    graded = [_graded(out, row, recorded, manual, assignment) for row in rows if row not in waiting]
    maximum = max((one.maximum for one in graded), default=0.0)
    counts = Counter(number_of(one.result.id) for one in graded)
    alone = [_with_trainings(one, maximum) for one in graded if counts[number_of(one.result.id)] == 1]
    return GradedClass(
        assignment=assignment,
        students=alone,
        maximum=maximum,
        open=[f"{one.who}: {', '.join(one.open)}" for one in alone if one.open]
        + [f"{row['id']}: {quoted(row['zip'])} is not graded yet" for row in waiting],
        ambiguous=[
            f"{one.who}: {quoted(one.result.zip)} is one of {counts[number_of(one.result.id)]} submissions of that id"
            for one in graded
            if counts[number_of(one.result.id)] > 1
        ],
    )


def listed(lines: Iterable[str]) -> list[str]:
    """Return the first NAMED of the lines, each behind a dash, and how many more there are."""
    lines = list(lines)
    more = [f"  and {len(lines) - NAMED} more"] if len(lines) > NAMED else []
    return [f"  - {line}" for line in lines[:NAMED]] + more


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ExportError(f"there is no {path}: grade the class first, and give its folder with --out") from error
    except OSError as error:
        raise ExportError(f"{path} can't be read: {error.strerror}") from error
    try:
        table = csv.DictReader(io.StringIO(content.decode(encoding_of(content)), newline=""))
        rows = [{name: text or "" for name, text in row.items() if name} for row in table]
    except (ValueError, csv.Error) as error:
        raise _stale(path.parent, f"{path} can't be read ({error})") from error
    if not {"id", "zip", "status", "score"} <= set(table.fieldnames or ()):
        raise _stale(path.parent, f"{path} is not as the grader writes it")
    return rows


def _recorded(folder: Path) -> dict[str, _Recorded]:
    """Return the results by the name of their zip, as `grades.csv` has it; what can't be read is left out."""
    records = {}
    for path in sorted(folder.glob(f"*/{RESULT}")):
        try:
            record = read_record(path.read_bytes(), _Recorded)
        except (OSError, RecordError):
            continue
        records[str(cell(record.zip))] = record
    return records


def _is_of_one_run(row: Mapping[str, str], record: _Recorded) -> bool:
    score = str(cell(record.score)) if record.status != SubmissionStatus.CRASHED else ""
    return (row["status"], row["id"], row["score"]) == (record.status, str(cell(record.id)), score)


def _graded(
    out: Path, row: Mapping[str, str], recorded: Mapping[str, _Recorded], manual: Manual, assignment: Assignment
) -> Graded:
    """Return what a row of `grades.csv` is about, with points that are worked out anew."""
    record = recorded.get(row["zip"])
    if record is None or not _is_of_one_run(row, record):
        raise _stale(out, f"{GRADES} and {RESULT} say different things about {quoted(row['zip'])}")
    _refuse_other_levels(record, assignment)
    marks = mark(record, assignment, record.manual, record.decisions, record.levels)
    if (marks.score, marks.max_score) != (record.score, record.max_score):
        raise ExportError(
            f"{quoted(record.zip)} has {record.score:g} of {record.max_score:g} points, and by this assignment it "
            f"would be {marks.score:g} of {marks.max_score:g}: {_OTHER_RUBRIC}"
        )
    return Graded(
        result=record,
        marks=marks,
        maximum=_maximum(record, assignment),
        open=_open(record, marks, assignment),
        system=row.get("system", ""),
        key=row.get("key", ""),
        names=tuple(record.uploaded_as) or (record.zip.rpartition("/")[2],),
        comment=_comment(out, record, manual),
        feedback=_feedback(out, record),
    )


def _refuse_other_levels(record: _Recorded, assignment: Assignment) -> None:
    """Raise ExportError where a level that was given has other points by now, or is gone."""
    for item in assignment.manual:
        name = record.levels.get(item.name)
        level = item.level(name) if name else None
        if name and (level is None or level.points != record.manual.get(item.name)):
            now = f"there is no such level of {item.name}" if level is None else f"it would be {level.points:g}"
            raise ExportError(
                f"{quoted(record.zip)} has {record.manual.get(item.name, 0):g} points for {item.name}, by the level "
                f"{quoted(name)}, and by this assignment {now}: {_OTHER_RUBRIC}"
            )


def _maximum(record: _Recorded, assignment: Assignment) -> float:
    """Return all the points of a submission, but those of trainings that were left out and not decided by hand."""
    checks = [
        points
        for name, points in assignment.points.items()
        if record.trained or name in record.decisions or not name.startswith("training/")
    ]
    return round(sum(checks) + sum(item.points for item in assignment.manual), 2)


def _open(record: _Recorded, marks: Mark, assignment: Assignment) -> tuple[str, ...]:
    """Name what is open, of what has points. Where nothing could be graded, nothing is left for anybody to mark."""
    if record.status == SubmissionStatus.CRASHED:
        return ("grading it failed",)
    worthless = {item.name for item in assignment.manual if not item.points}
    return tuple(name for name in marks.pending if record.status == SubmissionStatus.GRADED and name not in worthless)


def _with_trainings(one: Graded, maximum: float) -> Graded:
    """Count trainings that were left out as open where others of the class have them."""
    if one.maximum == maximum or one.result.status == SubmissionStatus.CRASHED:
        return one
    left_out = () if one.result.status == SubmissionStatus.REFUSED else ("its trainings were left out",)
    return dataclasses.replace(one, maximum=maximum, open=(*one.open, *left_out))


def _comment(out: Path, record: _Recorded, manual: Manual) -> str:
    """Return the instructor's comment; raise ExportError where the row is not the one that gave the points."""
    if record.status == SubmissionStatus.CRASHED:
        return ""
    written = manual.of(record)
    if record.marked and record.marked.get("zip_sha256") != record.zip_sha256:
        return ""  # it is about other work, see batch.REPLACED
    if written.counts != bool(record.marked) or (written.counts and record.marked.get("row") != written.digest):
        raise _stale(out, f"{MANUAL} has other points for {quoted(record.zip)} than its {RESULT}")
    return written.comment


def _feedback(out: Path, record: _Recorded) -> str:
    path = out / SUBMISSIONS / record.folder / FEEDBACK_PAGE
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _stale(out, f"{path} can't be read ({error.strerror})") from error


def _stale(out: Path, problem: str) -> ExportError:
    return ExportError(f"{problem}: run the grader again with --out {out}, and then this command")
