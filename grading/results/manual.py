"""The points that the instructor gives by hand: `manual.csv`, a row for each submission and a column for each item.

A column `overrule` holds what the instructor decides in place of a check (grading/results/overruling.py).

The file is the instructor's (manual_file.py). It is made with empty cells, and from then on the grader only adds rows
at its end. Whose points a row has says its folder, that of the results: ASCII, so that no encoding loses it, as it does
the names of zips. A file of an earlier version of the kit, which has no such column, goes by the zips' names.
"""

import csv
import dataclasses
import difflib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from grading.results.escaping import cell
from grading.results.manual_file import (
    FOLDER,
    ZIP,
    ChangedMeanwhile,
    ManualError,
    Sheet,
    key_of_zip,
    meant,
    plain,
    read_sheet,
    save,
)
from grading.results.overruling import Decision, read_decisions
from grading.results.results import Result
from labkit.checks.assignment import ManualItem, level_key
from labkit.text import as_number, printable, quoted

FILE = "manual.csv"
COMMENT = "comment"  # a column for what the instructor wants to tell the student
OVERRULE = "overrule"  # a column for what the instructor decides in place of a check
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")  # what a table is saved as where nobody says CSV
ATTEMPTS = 5  # at adding rows to a file that others write
NAMED = 10  # rows that are told of many


class Given(NamedTuple):
    """What a cell of an item gives: points, and the name of the level that has them, "" where it holds a number."""

    points: float
    level: str = ""


@dataclass(frozen=True)
class ManualRow:
    """What the instructor wrote about one submission: points by item, without the empty cells, a comment, decisions.

    `levels` are by item, too, of those items that were given one: `points` has what the assignment makes of it.
    """

    points: dict[str, float]
    comment: str = ""
    decisions: dict[str, Decision] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    comment_cell: str = ""  # the comment as it stands in the file, where it is escaped there
    number: int = 0  # in the file, from 1
    folder: str = ""
    zip: str = ""
    id: str = ""

    @property
    def counts(self) -> bool:
        """Whether anything in it changes a score."""
        return bool(self.points or self.decisions)

    @property
    def summary(self) -> str:
        """The points and decisions in words: "report 9 (good), run/model_no1 = 2"."""
        levels = {name: f" ({level})" for name, level in self.levels.items()}
        points = [f"{name} {given:g}{levels.get(name, '')}" for name, given in self.points.items()]
        return ", ".join(points + [f"{name} = {decision.points:g}" for name, decision in self.decisions.items()])

    @property
    def digest(self) -> str:
        """Stands for what the instructor wrote: another one is a new look at the submission.

        New points of a level are none, so it is of the levels' names.
        """
        given = self.points | {name: level_key(level) for name, level in self.levels.items()}
        decisions = {name: [decision.points, decision.reason] for name, decision in self.decisions.items()}
        written = [given, self.comment_cell or self.comment, *([decisions] if decisions else [])]
        return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


class _Named:
    """Whose rows there are so far: two are of one submission with one folder, or, where one has none, one zip."""

    def __init__(self) -> None:
        self._folders: set[str] = set()
        self._zips: set[str] = set()
        self._zips_without_folder: set[str] = set()

    def add(self, row: ManualRow) -> None:
        self._folders.add(row.folder)
        self._zips.add(row.zip)
        if not row.folder:
            self._zips_without_folder.add(row.zip)

    def have(self, row: ManualRow) -> bool:
        if row.folder and row.folder in self._folders:
            return True
        return bool(row.zip) and row.zip in (self._zips_without_folder if row.folder else self._zips)


class Manual:
    """The content of the file: its rows, and the items that it has no column for."""

    def __init__(self, rows: Sequence[ManualRow], missing: Sequence[str]) -> None:
        self.missing = list(missing)
        self._rows = rows
        # Of several rows for one submission the one that counts does; there is at most one, see read_manual.
        rows = sorted(rows, key=lambda row: row.counts)
        self._by_folder = {row.folder: row for row in rows if row.folder}
        self._by_zip = {row.zip: row for row in rows if not row.folder}

    def of(self, result: Result) -> ManualRow:
        """Return what the instructor wrote about a submission; an empty row if that is nothing yet."""
        return self._by_folder.get(result.folder) or self._by_zip.get(key_of_zip(result.zip)) or ManualRow({})

    def without_effect(self, results: Sequence[Result]) -> list[str]:
        """List the rows whose points or decisions have no effect, a line each with the reason and what to do."""
        lines = []
        owners = {id(row): result for result in results if (row := self.of(result)).number}
        counting = {result.id: result for result in results if result.id and not result.is_superseded}
        for row in self._rows:
            owner = owners.get(id(row))
            if not row.counts or (owner and not owner.is_superseded):
                continue
            what = f"{sum(row.points.values()):g} points count" if row.points else f"column {OVERRULE} counts"
            points = f"row {row.number}: its {what} for nobody"
            named = row.zip or row.folder
            why = f"there is no zip {quoted(named)}" if named else f"it names neither {FOLDER} nor {ZIP}"
            why = f"{quoted(owner.zip)} is superseded" if owner else why
            other = counting.get(owner.id if owner else row.id)
            to_do = f"give them to {quoted(other.zip)} if they are its" if other else "look whose they are"
            lines.append(f"{points}: {why}; {to_do}")
        return lines[:NAMED] + [f"and {len(lines) - NAMED} more such rows"] * (len(lines) > NAMED)


def read_manual(path: Path, items: Sequence[ManualItem], checks: Mapping[str, float] | None = None) -> Manual:
    """Read the instructor's points and decisions; `items` and `checks`, with their points, are the assignment's.

    Separator, decimal comma, order of columns, extra columns and the encoding are as the spreadsheet writes them.
    Raises ManualError for what can't be points of an item, or a decision about a check, and for a file that can't be
    read.
    """
    sheet = read_sheet(path)
    if not sheet.exists:
        _refuse_spreadsheet_instead(path)
        return Manual([], [])
    head = sheet.head
    if FOLDER not in head and ZIP not in head:
        missing = f"no column {FOLDER}, and none {ZIP}, in its first row"
        raise ManualError(f"{path} has {missing}; without one nobody knows whose points these are")
    _check_head(path, head, items)
    rows: list[ManualRow] = []
    named = _Named()
    for number, cells in sheet.rows:
        texts = dict(zip(head, cells, strict=False))
        whose = {column: plain(texts.get(column, "")) for column in (FOLDER, ZIP, "id")}
        name = whose[FOLDER] or whose[ZIP] or whose["id"]
        if not name:  # a row of means, say
            continue
        _refuse_cells_beyond_the_head(path, number, name, cells[len(head) :])
        row = _row(f"{path}, row {number} ({quoted(name)})", texts, items, checks or {})
        row = dataclasses.replace(row, number=number, **whose)
        if row.counts and named.have(row):
            raise ManualError(f"{path}, row {number}: {quoted(name)} is there twice; keep one of the rows")
        named.add(row)
        rows.append(row)
    return Manual(rows, [item.name for item in items if item.name not in head])


def read_points(item: ManualItem, text: str) -> Given | None:
    """Return what a cell of an item gives, points or a level's; None for an empty one.

    Raises ValueError, which says what is expected, for what is neither a number up to the item's points nor a level.
    """
    text = meant(text)
    if not text:
        return None
    points, level = as_number(text), item.level(text)
    if level:
        return Given(level.points, level.name)
    if points is not None and 0 <= points <= item.points:
        return Given(points)
    expected = f"a number from 0 to {item.points:g}"
    if not item.levels:
        raise ValueError(f"{quoted(text)} is not {expected}")
    near = difflib.get_close_matches(level_key(text), [level.key for level in item.levels], n=1)
    names = [f'"{level.name}"' for level in item.levels]
    instead = "".join(f'; did you mean "{level.name}"?' for level in item.levels if level.key in near)
    raise ValueError(f"{quoted(text)} is neither {expected} nor a level ({', '.join(names)}){instead}")


def read_overrule(text: str, checks: Mapping[str, float]) -> dict[str, Decision]:
    """Return the decisions of a cell of OVERRULE; raise ValueError as overruling.read_decisions does."""
    return read_decisions(plain(meant(text)), checks)


def _row(place: str, texts: Mapping[str, str], items: Sequence[ManualItem], checks: Mapping[str, float]) -> ManualRow:
    """Return what a row gives, by its cells' texts; raise ManualError, with the `place`."""
    column = ""
    given: dict[str, Given] = {}
    try:
        for item in items:
            column = item.name
            if (read := read_points(item, texts.get(column, ""))) is not None:
                given[column] = read
        column = OVERRULE
        decisions = read_overrule(texts.get(column, ""), checks)
    except ValueError as error:
        raise ManualError(f"{place}, {column}: {printable(str(error))}") from error
    comment = texts.get(COMMENT, "")
    return ManualRow(
        points={name: one.points for name, one in given.items()},
        levels={name: one.level for name, one in given.items() if one.level},
        comment=meant(comment),
        comment_cell=comment.strip(),
        decisions=decisions,
    )


def _check_head(path: Path, head: Sequence[str], items: Sequence[ManualItem]) -> None:
    """Raise ManualError for a column that is there twice, or is called nearly as one that is missing.

    Other columns are the instructor's own.
    """
    known = [FOLDER, ZIP, "id", COMMENT, OVERRULE, *(item.name for item in items)]
    for column in known:
        if head.count(column) > 1:
            raise ManualError(f"{path}: the column {column} is there twice; keep one of them")
    missing = [column for column in known if column not in head]
    for column in filter(None, head):
        near = [] if column in known else difflib.get_close_matches(column, missing, n=1, cutoff=0.7)
        if near:
            raise ManualError(f'{path}: unknown column {quoted(column)}; did you mean "{near[0]}"? If not, rename it')


def _refuse_cells_beyond_the_head(path: Path, number: int, name: str, cells: Sequence[str]) -> None:
    """Raise ManualError where a row has more cells than the first row: a part of a text with a bare separator."""
    if any(map(str.strip, cells)):
        raise ManualError(
            f"{path}, row {number} ({quoted(name)}) has more cells than the first row, beginning with "
            f"{quoted(next(filter(str.strip, cells)).strip())}: put a text that has the separator in it between "
            'quotation marks ("...")'
        )


def add_rows(path: Path, results: Sequence[Result], items: Sequence[ManualItem]) -> None:
    """Add a row with empty cells for each result that has none; make the file if there is none.

    What somebody else saves at that moment stays. Raises ManualError where the file can't be read, WriteError where it
    can't be written.
    """
    for attempt in range(ATTEMPTS):
        sheet = read_sheet(path)
        content = _with_rows(sheet, results, items)
        if content == sheet.content:
            return
        try:
            save(path, content, sheet.digest)
            return
        except ChangedMeanwhile:
            if attempt == ATTEMPTS - 1:
                raise


def _with_rows(sheet: Sheet, results: Sequence[Result], items: Sequence[ManualItem]) -> bytes:
    """Return the content of the file with a row for each result."""
    dialect = sheet.dialect
    head = sheet.head or ["id", "name", "surname", FOLDER, ZIP, *(item.name for item in items), COMMENT, OVERRULE]
    folders, zips = _known(head, sheet.rows)
    # Of a name that the file's encoding can't hold there is what is left of it; it shall not get a row at every run.
    new = [
        result
        for result in results
        if result.folder not in folders and not zips & {key_of_zip(result.zip), dialect.held(key_of_zip(result.zip))}
    ]
    text = io.StringIO()
    table = csv.writer(text, delimiter=dialect.separator, lineterminator=dialect.line_end)
    if not sheet.exists:
        table.writerow(head)
    elif new and not sheet.ends_with_a_line_end:
        text.write(dialect.line_end)
    for result in new:
        cells = {name: cell(getattr(result, name)) for name in ("id", "name", "surname", FOLDER, ZIP)}
        table.writerow([cells.get(column, "") for column in head])
    return sheet.content + text.getvalue().encode(dialect.encoding, errors="replace")


def _known(head: list[str], rows: list[tuple[int, list[str]]]) -> tuple[set[str], set[str]]:
    """Return whose rows exist: folders, and zips where a row has no folder."""
    folders, zips = set(), set()
    for _, cells in rows:
        texts = dict(zip(head, map(plain, cells), strict=False))
        if texts.get(FOLDER):
            folders.add(texts[FOLDER])
        else:
            zips.add(texts.get(ZIP, ""))
    return folders, zips


def _refuse_spreadsheet_instead(path: Path) -> None:
    """Raise ManualError where the points may be in a file that a spreadsheet program saved as its own."""
    for other in (path.with_suffix(suffix) for suffix in SPREADSHEETS):
        if other.exists():
            raise ManualError(f"there is {other}, and no {path.name}: save it as CSV, under that name, or move it away")
