"""When submissions came in, by a table of the instructor's: `--times`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grading.intake.moments import AmbiguousOrder, read_moment
from grading.intake.tables import TableError, read_table
from labkit.submission.names import number_of
from labkit.text import quoted

_TIME_COLUMNS = ("time", "submitted", "date")


@dataclass
class Times:
    """Times by what names a submission: an id, a login, a system's key, or the name of a zip.

    `by_name` and `rows`, the numbers of the rows, are by column and name: an id is no key, although both are numbers.
    """

    path: Path
    by_name: dict[tuple[str, str], datetime]
    rows: dict[tuple[str, str], int]
    used: set[int] = field(default_factory=set)

    def of(self, names: Iterable[tuple[str, str]]) -> datetime | None:
        """Return the time for the first of the names, each behind its column, that the table has; None without one."""
        for column, name in names:
            if name and (moment := self.by_name.get((column, _plain(name)))):
                self.used.add(self.rows[column, _plain(name)])
                return moment
        return None

    def without_effect(self) -> list[str]:
        """List the names of rows that no submission has."""
        return sorted(name for (_, name), row in self.rows.items() if row not in self.used)


def read_times(path: Path, order: str = "") -> Times:
    """Read a table with a column `time`, and beside it id, login, key or zip; raise TableError."""
    table = read_table(path)
    head = [cell.lower() for cell in table.head]
    columns = [index for index, name in enumerate(head) if name in _TIME_COLUMNS]
    if len(columns) != 1 or len(head) < 2:
        raise TableError(
            f'{path}: expected a column "time", as in 2026-11-03 14:14, and one of id, login, key or zip; its first '
            f"row is {quoted(', '.join(table.head))}"
        )
    times: dict[tuple[str, str], datetime] = {}
    rows: dict[tuple[str, str], int] = {}
    for number, cells in table.rows:
        try:
            time = read_moment(cells[columns[0]], order)
        except AmbiguousOrder as error:
            raise TableError(
                f"{path}, row {number}: in {quoted(cells[columns[0]])} day and month can't be told apart: say which is "
                "first with --dates day-first or --dates month-first"
            ) from error
        except ValueError as error:
            raise TableError(
                f"{path}, row {number}: {quoted(cells[columns[0]])} is no date with a time, as in 2026-11-03 14:14"
            ) from error
        for index, name in enumerate(cells):
            if index == columns[0] or not name or head[index] not in ("id", "login", "key", "zip"):
                continue
            if times.setdefault((head[index], _plain(name)), time) != time:
                first = rows[head[index], _plain(name)]
                raise TableError(f"{path}: {quoted(name)} is in rows {first} and {number}, with two times")
            rows.setdefault((head[index], _plain(name)), number)
    return Times(path, times, rows)


def _plain(name: str) -> str:
    return number_of(name.strip()) if name.strip() else ""
