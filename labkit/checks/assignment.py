"""The assignment as the instructor sets it, in `assignment.toml`: read, and checked to the last key.

The dataclasses are the form of the file: a table each, in which every key without a default has to be. What a value may
be is its annotation, which msgspec holds it to; the sentence that an instructor reads is the annotation's description.
Names of keys are looked at here, because msgspec's errors guess at nothing.
"""

import datetime
import difflib
import math
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec.toml
from msgspec import Meta

from labkit.checks.check import CheckId
from labkit.checks.report.languages import SHIPPED
from labkit.checks.student_ids import DIGITS
from labkit.errors import KitError
from labkit.files import KIT
from labkit.networks import FULL
from labkit.text import as_number

DEFAULT = KIT / "assignment.toml"

NETWORKS = ("model_no1", "model_no2", "model_no3")
CHECKS = {  # the checks that have points, in the order in which they are made
    "files": (*NETWORKS, "report"),
    "run": NETWORKS,
    "architecture": NETWORKS,
    "training": NETWORKS,
    "report": ("text", "methods", "accuracies", "template"),
}
CHECK_IDS = tuple(CheckId(group, name) for group, names in CHECKS.items() for name in names)

# Names of columns in manual.csv and grades.csv, which no manual item can have.
RESERVED = (
    *("id", "name", "surname", "folder", "zip", "comment", "overrule", "malus"),
    *("status", "score", "max_score", "late_hours", "late_penalty", "remarks", "system", "key"),
)


LONGEST_LEVEL = 40  # characters of a level's name


class AssignmentError(KitError):
    """The assignment can't be used; the text names file, key, value and what is expected."""


def _number(low: float, high: float) -> Meta:
    return Meta(ge=low, le=high, description=f"a number from {low:,g} to {high:,g}")


def _whole(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high, description=f"a whole number from {low:,} to {high:,}")


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError
    return value.strip()


def _column(value: str) -> str:
    name = _line(value)
    if not re.fullmatch(r"[a-z][a-z0-9 _-]{0,39}", name):
        raise ValueError("a column's name: lower-case letters, digits, spaces, - and _, 40 at most")
    if name in RESERVED:
        raise ValueError(f"another name than those of the other columns ({', '.join(RESERVED)})")
    return name


def _level(value: str) -> str:
    name = _line(value)
    if len(name) > LONGEST_LEVEL:
        raise ValueError
    if as_number(name) is not None:
        raise ValueError("a name that is no number: a cell of manual.csv holds either points or a level's name")
    return name


def _pattern(value: str) -> str:
    """Read a regular expression that matches something."""
    pattern = _line(value)
    try:
        empty = re.fullmatch(pattern, "")
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    if empty:
        raise ValueError("a regular expression that matches no empty text")
    return pattern


def _rising(band: tuple[float, float]) -> tuple[float, float]:
    if band[0] > band[1]:
        raise ValueError
    return band


def _shipped(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or not set(names) <= set(SHIPPED):
        raise ValueError
    return names


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    if not all(len(value.strip()) >= 3 and value.isprintable() for value in values):
        raise ValueError
    return tuple(value.strip() for value in values)


# A function after the Meta makes the value, or raises ValueError: with what is expected, where that is not the
# description.
_TEXT = Meta(description="a text of one line, not empty")
Line = Annotated[str, _TEXT, _line]
Points = Annotated[float, _number(0, 1000)]
Share = Annotated[float, _number(0, 1)]
Percent = Annotated[float, _number(0, 100)]
Seconds = Annotated[float, _number(1, 24 * 3600)]
Band = Annotated[
    tuple[Share, Share], Meta(description="a lowest and a highest accuracy, as in [0.975, 0.9925]"), _rising
]
Moment = Annotated[
    datetime.datetime | None, Meta(description="a date and time without quotes, as in 2027-01-31T23:59:59+01:00")
]


def _extensions(value: dict[str, Any]) -> dict[str, datetime.datetime]:
    moments = {student_id: _moment(moment) for student_id, moment in value.items()}
    for student_id, moment in moments.items():
        if not isinstance(moment, datetime.datetime):
            raise ValueError(
                f'a date and time without quotes for each id, as in "{student_id}" = 2027-02-07T23:59:59+01:00'
            )
    return moments


Extensions = Annotated[
    dict[str, Any], Meta(description='a table of ids and dates, as in "189295" = 2027-02-07'), _extensions
]

_LANGUAGES = f"one or more of {', '.join(SHIPPED)}, in quotes and brackets"
Languages = Annotated[tuple[str, ...], Meta(description=_LANGUAGES), _shipped]
Words = Annotated[
    tuple[str, ...], Meta(description='words of at least 3 letters, in quotes and brackets, as in ["verslag"]'), _words
]


class _Written(NamedTuple):
    """How a value is written in the file: as the table `table`, of which `made` makes the value."""

    table: type
    made: Callable[[Any], Any]


_PointsTable = make_dataclass(
    "_PointsTable",
    [(group, make_dataclass(group, [(name, Points) for name in names])) for group, names in CHECKS.items()],
)
_BandsTable = make_dataclass("_BandsTable", [(script, Band) for script in (FULL, *NETWORKS)])


def _points(table: Any) -> dict[str, float]:
    return {name: getattr(getattr(table, name.group), name.subject) for name in CHECK_IDS}


@dataclass(frozen=True)
class Level:
    """A level of a manual item: its name stands in manual.csv in place of points, and the student reads its text."""

    name: Annotated[str, Meta(description=f"a text of one line, not empty, {LONGEST_LEVEL} characters at most"), _level]
    points: Points
    text: Line

    @property
    def key(self) -> str:
        """The name as levels are told apart by: without regard to capitals and to spaces around."""
        return level_key(self.name)


def level_key(name: str) -> str:
    """Return a level's name, as somebody wrote it, as levels are told apart by."""
    return " ".join(name.split()).casefold()


@dataclass(frozen=True)
class ManualItem:
    """What the instructor marks by hand: a column of manual.csv, the most points, and what the student reads."""

    name: Annotated[str, _TEXT, _column]
    points: Points
    text: Line
    levels: tuple[Level, ...] = ()

    def level(self, name: str) -> Level | None:
        """Return the level with this name, capitals or not; None where there is none."""
        return next((level for level in self.levels if level.key == level_key(name)), None)


@dataclass(frozen=True)
class Late:
    """What lateness costs."""

    grace_minutes: Annotated[float, _number(0, 7 * 24 * 60)]
    percent_per_day: Percent
    max_percent: Percent

    @property
    def grace(self) -> datetime.timedelta:
        """The time after the deadline in which no points are lost."""
        return datetime.timedelta(minutes=self.grace_minutes)

    def percent(self, late: datetime.timedelta) -> float:
        """Return the percentage of the points that is lost by handing in `late` (a timedelta) after the deadline."""
        if late <= self.grace:
            return 0.0
        return min(self.max_percent, self.percent_per_day * math.ceil(late / datetime.timedelta(days=1)))


@dataclass(frozen=True)
class TrainingRules:
    """The recipe of the grader's own training; the learning rate is the largest of the one-cycle schedule.

    `lowest` is the test accuracy, 0 to 1, that a right network with good first weights has reached by then.
    """

    steps: Annotated[int, _whole(1, 100_000)]
    batch_size: Annotated[int, _whole(1, 55_000)]
    learning_rate: Annotated[float, _number(1e-9, 10)]
    label_smoothing: Annotated[float, _number(0, 0.99)]
    seed: Annotated[int, _whole(0, 2**32 - 1)]
    lowest: Share = 0.7  # files of earlier years don't say


@dataclass(frozen=True)
class StepLimits:
    """Of one step of grading: wall time in seconds, memory in megabytes."""

    run_seconds: Seconds
    training_seconds: Seconds
    memory_mb: Annotated[int, _whole(1024, 2**20)]  # TensorFlow itself takes some 600


@dataclass(frozen=True)
class ReportRules:
    """What a report has to keep to; the tolerance is a difference of accuracies from 0 to 1.

    `languages` are those that it may be in, `names` words in a report's file name that tell it from other PDFs, besides
    those that the languages have.
    """

    min_words: Annotated[int, _whole(0, 100_000)]
    max_pages: Annotated[int, _whole(1, 1000)]
    accuracy_tolerance: Annotated[float, _number(0, 0.1)]
    languages: Languages = tuple(SHIPPED)  # files of earlier years don't say
    names: Words = ()


@dataclass(frozen=True)
class Similarity:
    """From which shared part of the code (or comments) and of the report a pair is listed; 0 to 1."""

    code: Share
    report: Share


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the outcome of a check depends on: unlike points and deadline, a change to it calls for a new run.

    `bands` maps a script ("deep_mnist", "model_no1", …) to its lowest and highest accuracy, 0 to 1.
    """

    training: TrainingRules
    limits: StepLimits
    bands: Annotated[dict[str, tuple[float, float]], _Written(_BandsTable, vars)]
    report: ReportRules


@dataclass(frozen=True, kw_only=True)
class Assignment(Rules):
    """All of assignment.toml.

    `deadline` is aware, or None. `student_id` is a regular expression. `points` maps a check's name, a CheckId, to its
    points, in the order of the checks.
    """

    course: Line
    address: Line
    subject: Line
    deadline: Moment = None
    student_id: Annotated[str, _TEXT, _pattern] = DIGITS
    extensions: Extensions = field(default_factory=dict)
    partial_credit: Annotated[bool, Meta(description="true or false")]
    points: Annotated[dict[str, float], _Written(_PointsTable, _points)]
    manual: tuple[ManualItem, ...] = ()
    late: Late
    similarity: Similarity

    @property
    def to_fill_in(self) -> list[str]:
        """The keys that still have the value of the hand-out, which the instructor has to replace."""
        return [] if "@example." not in self.address else ["address"]

    @property
    def rules(self) -> Rules:
        """What of it the outcome of a check depends on."""
        return Rules(training=self.training, limits=self.limits, bands=self.bands, report=self.report)


# ------------------------------------------------------------------------------------------------------------- reading

OF_EARLIER_YEARS = {"similarity": "common"}  # a key of a table that nothing asks for any more

_T = TypeVar("_T")


def load_assignment(path: str | Path = DEFAULT) -> Assignment:
    """Read an assignment file.

    Raises AssignmentError, a line with file, key, value and what is expected, for the first thing that is wrong.
    """
    content = _parse(Path(path))
    try:
        assignment = _read(content, Assignment)
        names = [item.name for item in assignment.manual]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise _refusal(f"manual[{number + 1}].name", name, "a name of its own for each item")
        for number, item in enumerate(assignment.manual, 1):
            _refuse_levels(f"manual[{number}].levels", item)
        _refuse_less_time(assignment)
        if not sum(assignment.points.values()):
            raise AssignmentError("no check has points, so that no submission could score any")
    except AssignmentError as error:
        raise AssignmentError(f"{path}: {error}") from None
    return assignment


def _refuse_levels(key: str, item: ManualItem) -> None:
    """Raise AssignmentError for a level with the name of another, or with more points than its item has."""
    keys = [level.key for level in item.levels]
    for number, level in enumerate(item.levels, 1):
        if level.key in keys[: number - 1]:
            expected = "a name of its own for each level of an item; capitals and small letters are the same"
            raise _refusal(f"{key}[{number}].name", level.name, expected)
        if level.points > item.points:
            expected = f"a number from 0 to {item.points:g}, the points of {item.name}"
            raise _refusal(f"{key}[{number}].points", level.points, expected)


def _refuse_less_time(assignment: Assignment) -> None:
    """Raise AssignmentError for an extension that gives a student less time than the others have."""
    for student_id, moment in assignment.extensions.items():
        if assignment.deadline and moment < assignment.deadline:
            expected = f"a date after the deadline, {assignment.deadline:%Y-%m-%d %H:%M}"
            raise _refusal(f"extensions.{student_id}", f"{moment:%Y-%m-%d %H:%M}", expected)


def _parse(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors begin a file with a mark
        content = msgspec.toml.decode(text)
        return content | {key: _moment(content[key]) for key in ("deadline",) if key in content}
    except FileNotFoundError as error:
        raise AssignmentError(f"there is no {path}: give the assignment's file with --assignment FILE") from error
    except OSError as error:
        raise AssignmentError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AssignmentError(f"{path} is not in UTF-8 (byte {error.start}): save it in that encoding") from error
    except msgspec.DecodeError as error:
        raise AssignmentError(_explain(path, text, str(error))) from error


_MISTAKES = (  # what people write for what TOML wants, as a pattern, and what to write instead
    (r"[^#]*[“”„‘’]", "typographic quotation marks are none to TOML: write straight ones"),  # noqa: RUF001
    (r"deadline\s*=", "write date and time as in 2027-01-31T23:59:59+01:00, or a date as in 2027-01-31"),
    (r"[^=]*=\s*-?\d+,\d+\s*(#|$)", "a number takes a point: write 5.5, not 5,5"),
)


def _explain(path: str | Path, text: str, problem: str) -> str:
    """Return the parser's message, and for everyday mistakes in that line what to write instead."""
    place = re.search(r"at line (\d+)", problem)
    line = text.splitlines()[int(place[1]) - 1].strip() if place else ""
    for pattern, instead in _MISTAKES:
        if place and re.match(pattern, line):
            return f"{path} is not valid TOML in line {place[1]} ({line}): {instead}"
    return f"{path} is not valid TOML: {problem}"


def _moment(value: Any) -> Any:
    """Take a date to last to its end, and no offset for local time; return any other value as it is, to be refused."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time(23, 59, 59))
    return value.astimezone() if isinstance(value, datetime.datetime) and value.tzinfo is None else value


def _read(content: dict[str, Any], kind: type[_T], prefix: str = "") -> _T:
    """Read a table of the file as the dataclass `kind`; raise AssignmentError, without the file's name."""
    known = {entry.name: entry for entry in fields(kind)}  # pyright: ignore[reportArgumentType]
    strange = [key for key in content if key not in known and key != OF_EARLIER_YEARS.get(prefix.rstrip("."))]
    for name, entry in known.items():
        if name not in content and entry.default is MISSING and entry.default_factory is MISSING:
            near = difflib.get_close_matches(name, strange, n=1)
            instead = f" (there is {prefix}{near[0]}, unknown: mistyped?)" if near else ""
            raise AssignmentError(f"{prefix}{name} is missing{instead}")
    for key in strange:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0)
        raise AssignmentError(f'unknown key {prefix}{key}; did you mean "{near[0]}"?')
    types = get_type_hints(kind, include_extras=True)
    return kind(**{name: _value(f"{prefix}{name}", content[name], types[name]) for name in known if name in content})


def _value(key: str, value: Any, kind: Any) -> Any:
    """Return the value of a key, held to the annotation `kind`."""
    extra: tuple[Any, ...] = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    if isinstance(extra[0] if extra else None, _Written):
        return extra[0].made(_value(key, value, extra[0].table))
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise _refusal(key, value, f"a table: [{key}]")
        return _read(value, kind, f"{key}.")  # pyright: ignore[reportArgumentType]
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _refusal(key, value, f"tables: [[{re.sub(r'[^a-z.]', '', key)}]]")
        return tuple(_read(item, get_args(kind)[0], f"{key}[{number}].") for number, item in enumerate(value, 1))
    meta, *makers = extra
    try:
        made = msgspec.convert(value, kind, builtin_types=(datetime.datetime, datetime.date))  # a quoted one is a text
        return makers[0](made) if makers else made
    except msgspec.ValidationError:
        raise _refusal(key, value, meta.description) from None
    except ValueError as error:
        raise _refusal(key, value, str(error) or meta.description) from error


def _refusal(key: str, value: Any, expected: str) -> AssignmentError:
    return AssignmentError(f"{key} is {value!r}, expected {expected}")
