"""Moodle's worksheet for offline grading: who each participant is, and when they handed in.

The file is in the language of the site, so its columns are found by place and content. Moodle writes them in this order
(mod/assign's grading table, MoodleDocs "Offline grading worksheet"): the identifier, "Participant 1234567"; the full
name, unless marking is blind; what the site shows of a user, the ID number perhaps; status; grade, maximum and whether
it can be changed; when the submission was last modified; when the grade was; feedback. Excel changes separators,
encoding and dates.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from grading.intake.moments import AmbiguousOrder, read_moment
from grading.intake.people import People, Person
from grading.intake.tables import Table, TableError, read_table
from labkit.checks.student_ids import DIGITS, as_written
from labkit.submission.names import number_of
from labkit.text import quoted

_IDENTIFIER = re.compile(r"\D*?(\d+)")
_NO_TIME = ("-", "–", "")  # noqa: RUF001
_NO_ID = re.compile(  # what the site may show beside an id, and is as much a number of everybody's own
    r"\b(?:(?:tele)?phone|mobile|cell|fax|handy|mobil|t[ée]l[ée]phone|portable|tel[ée]fono|m[óo]vil|cellulare|rufnummer)"
    r"|telefon|\btel\b",
    re.IGNORECASE,
)
_COLUMNS = ("id", "time")  # what --column can settle


def read_worksheet(path: Path, ids: str = DIGITS, columns: Sequence[str] = (), order: str = "") -> People:
    """Read a worksheet; `columns` are of --column, "id=ID number", `order` of --dates.

    Raises TableError where it is none, and where a column can't be told from another, with the flag that settles it.
    """
    table = read_table(path)
    chosen = _chosen(table, columns)
    identifiers = [(number, _IDENTIFIER.fullmatch(cells[0])) for number, cells in table.rows]
    if not table.rows or not all(match for _, match in identifiers):
        wrong = next((number for number, match in identifiers if not match), 1)
        raise TableError(
            f"{path} is not Moodle's grading worksheet: its first column should hold identifiers, as in "
            f'"Participant 1234567" (row {wrong}). In Moodle: the assignment, Submissions, Download grading worksheet'
        )
    keys = [match[1] for _, match in identifiers if match]
    _refuse_twice(table, "identifier", keys)
    id_column = chosen.get("id") or _id_column(table, ids)
    time_column = chosen.get("time") or _time_column(table)
    people = []
    for key, (number, cells) in zip(keys, table.rows, strict=True):
        student_id = as_written(cells[id_column], ids) if id_column else None
        name, surname = _names(cells, table)
        people.append(Person(student_id or "", name, surname, "", key, _time(table, number, cells[time_column], order)))
    _refuse_twice(table, "id", [number_of(person.id) if person.id else "" for person in people])
    return People(path, "worksheet", people)


def _chosen(table: Table, columns: Sequence[str]) -> dict[str, int]:
    """Return the indices of the columns that the flag names."""
    chosen = {}
    for text in columns:
        what, _, name = text.partition("=")
        places = [index for index, head in enumerate(table.head) if head.lower() == name.strip().lower()]
        if what not in _COLUMNS or len(places) != 1:
            raise TableError(
                f"--column {text}: expected id=NAME or time=NAME, with one of the columns of {table.path}: "
                f"{', '.join(map(quoted, table.head))}"
            )
        chosen[what] = places[0]
    return chosen


def _id_column(table: Table, ids: str) -> int:
    """Return the index of the column of ids, 0 where there is none: each cell is like an id, no two are the same."""
    candidates = []
    for index in range(1, _end_of_identity(table)):
        cells = table.column(index)
        is_of_ids = cells and all(as_written(cell, ids) for cell in cells) and len(set(cells)) == len(cells)
        if is_of_ids and not _NO_ID.search(table.head[index]):
            candidates.append(index)
    if len(candidates) > 1:
        raise _ambiguous(table, "id", candidates)
    return candidates[0] if candidates else 0


def _time_column(table: Table) -> int:
    """Return the index of the column of the times of submission: the first of at most two columns of times."""
    times = [index for index in range(1, len(table.head)) if _is_of_times(table, index)]
    if not times:
        raise TableError(
            f"{table.path}: no column holds dates and times that can be read, as in "
            f'"Tuesday, 3 November 2026, 2:14 PM": name the column with --column time=NAME; the columns are '
            f"{', '.join(map(quoted, table.head))}"
        )
    if len(times) > 2:
        raise _ambiguous(table, "time", times)
    return times[0]


def _end_of_identity(table: Table) -> int:
    """Return the index of the column behind those of who is who: the grade, before its maximum; or a time."""
    for index in range(2, len(table.head)):
        cells = table.column(index)
        is_one_number = len(set(cells)) == 1 and re.fullmatch(r"\d+([.,]\d+)?", cells[0])
        if is_one_number and len(cells) == len(table.rows) > 1:  # the maximum, of everybody's
            return index - 1
        if _is_of_times(table, index):
            return index
    return len(table.head)


def _is_of_times(table: Table, index: int) -> bool:
    cells = [cell for cell in table.column(index) if cell not in _NO_TIME]
    return bool(cells) and all(map(_is_time, cells))


def _is_time(text: str) -> bool:
    try:
        read_moment(text)
    except AmbiguousOrder:
        return True
    except ValueError:
        return False
    return True


def _ambiguous(table: Table, what: str, candidates: Sequence[int]) -> TableError:
    names = " or ".join(quoted(table.head[index]) for index in candidates)
    return TableError(
        f"{table.path}: which column has the {what}s can't be told, {names}: say so with "
        f'--column "{what}={table.head[candidates[0]]}", or another of them'
    )


def _time(table: Table, number: int, text: str, order: str) -> datetime | None:
    if text in _NO_TIME:
        return None
    try:
        return read_moment(text, order or _order(table))
    except AmbiguousOrder as error:
        raise TableError(
            f"{table.path}, row {number}: in {quoted(text)} day and month can't be told apart: say which is first with "
            "--dates day-first or --dates month-first"
        ) from error
    except ValueError as error:
        raise TableError(f"{table.path}, row {number}: {quoted(text)} is no date and time that can be read") from error


def _order(table: Table) -> str:
    """Return the order of dates in numbers, where one in the table can be of one order only; "" where none is."""
    text = "\n".join(cell for _, cells in table.rows for cell in cells)
    pairs = [(int(first), int(second)) for first, second in re.findall(r"\b(\d{1,2})/(\d{1,2})/\d{4}\b", text)]
    day_first, month_first = any(first > 12 for first, _ in pairs), any(second > 12 for _, second in pairs)
    return "" if day_first == month_first else "day-first" if day_first else "month-first"


def _names(cells: Sequence[str], table: Table) -> tuple[str, str]:
    """Return name and surname by the second column; both "" where it holds no names, as under blind marking."""
    full_name = cells[1] if len(table.head) > 1 else ""
    if "@" in full_name or not re.search(r"[^\W\d_]", full_name) or not _holds_names(table):
        return "", ""
    name, _, surname = full_name.partition(" ")
    return name, surname.strip()


def _holds_names(table: Table) -> bool:
    """Tell whether the second column differs by student, which a status does not."""
    cells = table.column(1)
    return len(cells) > 0 and (len(cells) < 3 or len(set(cells)) > len(cells) / 2)


def _refuse_twice(table: Table, what: str, values: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for value, (number, _) in zip(values, table.rows, strict=True):
        if value and first.setdefault(value, number) != number:
            raise TableError(f"{table.path}: the {what} {quoted(value)} is in rows {first[value]} and {number}")
