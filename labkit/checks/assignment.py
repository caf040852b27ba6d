"""The assignment as the instructor sets it, in `assignment.toml`: read, and checked to the last key."""

import datetime
import difflib
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from labkit.checks.student_ids import DIGITS
from labkit.files import KIT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  # is installed on Python 3.10 alone

DEFAULT = KIT / "assignment.toml"

NETWORKS = ("model_no1", "model_no2", "model_no3")
CHECKS = {  # the checks that have points, in the order in which they are made
    "files": (*NETWORKS, "report"),
    "run": NETWORKS,
    "architecture": NETWORKS,
    "training": NETWORKS,
    "report": ("text", "methods", "accuracies", "template"),
}


# Names of columns in manual.csv and grades.csv, which no manual item can have.
RESERVED = (
    *("id", "name", "surname", "folder", "zip", "comment", "overrule", "malus"),
    *("status", "score", "max_score", "late_hours", "late_penalty", "remarks"),
)


class AssignmentError(Exception):
    """The assignment can't be used; the text names file, key, value and what is expected."""


@dataclass(frozen=True)
class ManualItem:
    """What the instructor marks by hand: a column of manual.csv, the most points, and what the student reads."""

    name: str
    points: float
    text: str


@dataclass(frozen=True)
class Late:
    """What lateness costs."""

    grace_minutes: float
    percent_per_day: float
    max_percent: float

    @property
    def grace(self) -> datetime.timedelta:
        """The time after the deadline in which no points are lost."""
        return datetime.timedelta(minutes=self.grace_minutes)

    def percent(self, late: datetime.timedelta) -> float:
        """Return the percentage of the points that is lost by handing in `late` (a timedelta) after the deadline."""
        if late <= self.grace:
            return 0.0
        return min(self.max_percent, self.percent_per_day * math.ceil(late / datetime.timedelta(days=1)))


LOWEST = 0.7  # accuracy, where the file does not say: files of earlier years don't


@dataclass(frozen=True)
class Training:
    """The recipe of the grader's own training; the learning rate is the largest of the one-cycle schedule.

    `lowest` is the test accuracy, 0 to 1, that a right network with good first weights has reached by then.
    """

    steps: int
    batch_size: int
    learning_rate: float
    label_smoothing: float
    seed: int
    lowest: float


@dataclass(frozen=True)
class Limits:
    """Of one step of grading: wall time in seconds, memory in megabytes."""

    run_seconds: float
    training_seconds: float
    memory_mb: int


@dataclass(frozen=True)
class ReportRules:
    """What a report has to keep to; the tolerance is a difference of accuracies from 0 to 1."""

    min_words: int
    max_pages: int
    accuracy_tolerance: float


@dataclass(frozen=True)
class Similarity:
    """From which shared part of the code (or comments) and of the report a pair is listed; 0 to 1."""

    code: float
    report: float


@dataclass(frozen=True)
class Assignment:
    """All of assignment.toml.

    `deadline` is aware, or None. `student_id` is a regular expression. `points` maps a check's name
    ("architecture/model_no1") to its points, in the order of the checks; `bands` maps a script ("deep_mnist",
    "model_no1", …) to its lowest and highest accuracy, 0 to 1.
    """

    course: str
    address: str
    subject: str
    deadline: datetime.datetime | None
    student_id: str
    partial_credit: bool
    points: dict[str, float]
    manual: tuple[ManualItem, ...]
    late: Late
    training: Training
    limits: Limits
    bands: dict[str, tuple[float, float]]
    report: ReportRules
    similarity: Similarity

    @property
    def to_fill_in(self) -> list[str]:
        """The keys that still have the value of the hand-out, which the instructor has to replace."""
        return [] if "@example." not in self.address else ["address"]

    @property
    def rules(self) -> dict[str, Any]:
        """What the outcome of a check depends on: unlike points and deadline, a change to it calls for a new run."""
        return {"training": self.training, "limits": self.limits, "bands": self.bands, "report": self.report}


def load_assignment(path: str | Path = DEFAULT) -> Assignment:
    """Read an assignment file.

    Raises AssignmentError, a line with file, key, value and what is expected, for the first thing that is wrong.
    """
    top = _Table(path, _parse(Path(path)))
    assignment = Assignment(
        course=top.text("course"),
        address=top.text("address"),
        subject=top.text("subject"),
        deadline=top.moment("deadline"),
        student_id=top.pattern("student_id", DIGITS),
        partial_credit=top.boolean("partial_credit"),
        points=_points(top.table("points")),
        manual=_manual_items(top.tables("manual")),
        late=_late(top.table("late")),
        training=_training(top.table("training")),
        limits=_limits(top.table("limits")),
        bands=_bands(top.table("bands")),
        report=_report(top.table("report")),
        similarity=_similarity(top.table("similarity")),
    )
    top.finish()
    if not sum(assignment.points.values()):
        raise AssignmentError(f"{path}: no check has points, so that no submission could score any")
    return assignment


def _parse(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors begin a file with a mark
        return tomllib.loads(text)
    except FileNotFoundError as error:
        raise AssignmentError(f"there is no {path}: give the assignment's file with --assignment FILE") from error
    except OSError as error:
        raise AssignmentError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AssignmentError(f"{path} is not in UTF-8 (byte {error.start}): save it in that encoding") from error
    except tomllib.TOMLDecodeError as error:
        raise AssignmentError(_explain(path, text, str(error))) from error


_MISTAKES = (  # what people write for what TOML wants, as a pattern, and what to write instead
    (r"[^#]*[“”„‘’]", "typographic quotation marks are none to TOML: write straight ones"),  # noqa: RUF001
    (r"deadline\s*=", "write date and time as in 2027-01-31T23:59:59+01:00, or a date as in 2027-01-31"),
    (r"[^=]*=\s*-?\d+,\d+\s*(#|$)", "a number takes a point: write 5.5, not 5,5"),
)


def _explain(path: str | Path, text: str, problem: str) -> str:
    """Return the parser's message, and for everyday mistakes in that line what to write instead."""
    found = re.search(r"at line (\d+)", problem)
    line = text.splitlines()[int(found[1]) - 1].strip() if found else ""
    for pattern, instead in _MISTAKES:
        if found and re.match(pattern, line):
            return f"{path} is not valid TOML in line {found[1]} ({line}): {instead}"
    return f"{path} is not valid TOML: {problem}"


def _points(table: "_Table") -> dict[str, float]:
    points = {}
    for group, names in CHECKS.items():
        checks = table.table(group)
        points |= {f"{group}/{name}": checks.number(name, 0, 1000) for name in names}
        checks.finish()
    table.finish()
    return points


def _manual_items(tables: "Sequence[_Table]") -> tuple[ManualItem, ...]:
    items = []
    for table in tables:
        name = table.text("name")
        if not re.fullmatch(r"[a-z][a-z0-9 _-]{0,39}", name):
            table.refuse("name", "a column's name: lower-case letters, digits, spaces, - and _, 40 at most")
        if name in RESERVED:
            table.refuse("name", f"another name than those of the other columns ({', '.join(RESERVED)})")
        if name in [item.name for item in items]:
            table.refuse("name", "a name of its own for each item")
        items.append(ManualItem(name, table.number("points", 0, 1000), table.text("text")))
        table.finish()
    return tuple(items)


def _late(table: "_Table") -> Late:
    late = Late(
        grace_minutes=table.number("grace_minutes", 0, 7 * 24 * 60),
        percent_per_day=table.number("percent_per_day", 0, 100),
        max_percent=table.number("max_percent", 0, 100),
    )
    table.finish()
    return late


def _training(table: "_Table") -> Training:
    training = Training(
        steps=table.whole("steps", 1, 100_000),
        batch_size=table.whole("batch_size", 1, 55_000),
        learning_rate=table.number("learning_rate", 1e-9, 10),
        label_smoothing=table.number("label_smoothing", 0, 0.99),
        seed=table.whole("seed", 0, 2**32 - 1),
        lowest=table.number("lowest", 0, 1, default=LOWEST),
    )
    table.finish()
    return training


def _limits(table: "_Table") -> Limits:
    limits = Limits(
        run_seconds=table.number("run_seconds", 1, 24 * 3600),
        training_seconds=table.number("training_seconds", 1, 24 * 3600),
        memory_mb=table.whole("memory_mb", 1024, 2**20),  # TensorFlow itself takes some 600
    )
    table.finish()
    return limits


def _bands(table: "_Table") -> dict[str, tuple[float, float]]:
    bands = {script: table.band(script) for script in ("deep_mnist", *NETWORKS)}
    table.finish()
    return bands


def _report(table: "_Table") -> ReportRules:
    report = ReportRules(
        min_words=table.whole("min_words", 0, 100_000),
        max_pages=table.whole("max_pages", 1, 1000),
        accuracy_tolerance=table.number("accuracy_tolerance", 0, 0.1),
    )
    table.finish()
    return report


def _similarity(table: "_Table") -> Similarity:
    similarity = Similarity(**{name: table.number(name, 0, 1) for name in ("code", "report")})
    table.ignore("common")  # of files of earlier years, when what many had in common was cut off
    table.finish()
    return similarity


class _Table:
    """One table of the file: hands out its values, each checked, and at `finish` refuses those nobody asked for."""

    def __init__(self, path: str | Path, content: dict[str, Any], prefix: str = "") -> None:
        self._path, self._content, self._prefix = path, content, prefix
        self._known = []

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.refuse(key, "a text of one line, not empty")
        return value.strip()

    def pattern(self, key: str, default: str) -> str:
        """Read a regular expression that matches something."""
        if key not in self._content:
            self._known.append(key)
            return default
        value = self.text(key)
        try:
            empty = re.fullmatch(value, "")
        except re.error as error:
            self.refuse(key, f"a regular expression ({error})")
        if empty:
            self.refuse(key, "a regular expression that matches no empty text")
        return value

    def boolean(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Read a number in a range; without a `default`, the key must be there."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.refuse(key, f"a number from {low:,g} to {high:,g}")
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse(key, f"a whole number from {low:,} to {high:,}")
        return value

    def band(self, key: str) -> tuple[float, float]:
        value = self._get(key)
        numbers = isinstance(value, list) and [n for n in value if isinstance(n, int | float) and 0 <= n <= 1]
        if not numbers or len(value) != 2 or len(numbers) != 2 or numbers[0] > numbers[1]:
            self.refuse(key, "a lowest and a highest accuracy, as in [0.975, 0.9925]")
        return float(value[0]), float(value[1])

    def moment(self, key: str) -> datetime.datetime | None:
        """Read an aware datetime, or None without one: a date lasts to its end, and no offset means local time."""
        self._known.append(key)
        value = self._content.get(key)
        if isinstance(value, datetime.datetime):
            return value.astimezone() if value.tzinfo is None else value
        if isinstance(value, datetime.date):
            return datetime.datetime.combine(value, datetime.time(23, 59, 59)).astimezone()
        if value is not None:
            self.refuse(key, "a date and time without quotes, as in 2027-01-31T23:59:59+01:00")
        return None

    def table(self, key: str) -> "_Table":
        value = self._get(key)
        if not isinstance(value, dict):
            self.refuse(key, f"a table: [{self._prefix}{key}]")
        return _Table(self._path, value, f"{self._prefix}{key}.")

    def tables(self, key: str) -> "list[_Table]":
        """Return the tables under a repeated heading; none where there is no such heading."""
        self._known.append(key)
        value = self._content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(key, f"tables: [[{self._prefix}{key}]]")
        return [_Table(self._path, item, f"{self._prefix}{key}[{n}].") for n, item in enumerate(value, 1)]

    def ignore(self, key: str) -> None:
        """Accept a key of earlier years' files that is not used any more."""
        self._known.append(key)

    def finish(self) -> None:
        for key in [key for key in self._content if key not in self._known]:
            near = difflib.get_close_matches(key, self._known, n=1, cutoff=0)
            raise AssignmentError(f'{self._path}: unknown key {self._prefix}{key}; did you mean "{near[0]}"?')

    def refuse(self, key: str, expected: str) -> NoReturn:
        raise AssignmentError(f"{self._path}: {self._prefix}{key} is {self._content[key]!r}, expected {expected}")

    def _get(self, key: str, default: float | None = None) -> Any:
        self._known.append(key)
        if key not in self._content and default is not None:
            return default
        if key not in self._content:
            near = difflib.get_close_matches(key, [k for k in self._content if k not in self._known], n=1)
            instead = f" (there is {self._prefix}{near[0]}, unknown: mistyped?)" if near else ""
            raise AssignmentError(f"{self._path}: {self._prefix}{key} is missing{instead}")
        return self._content[key]
