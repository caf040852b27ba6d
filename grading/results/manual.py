"""The points that the instructor gives by hand: `manual.csv`, a row for each submission and a column for each item.

A column `overrule` holds what the instructor decides in place of a check (grading/results/overruling.py).

The file is the instructor's. It is made with empty cells, and from then on only gains rows at its end; all that is in
it stays as it is, byte by byte, in whatever dialect a spreadsheet has saved it. Whose points a row has says its folder,
that of the results: ASCII, so that no encoding loses it, as it does the names of zips. A file of an earlier version of
the kit, which has no such column, goes by the zips' names.

Encoding and separator are found by hand, because the libraries for it want longer texts. Of tables of one to five
students charset-normalizer 3.5 took a third of those in cp1252 for another code page ("¿qué pasó?" became "żqué
pasó?"), and two thirds of those in Mac Roman, whose comments are garbled here, too. csv.Sniffer found no separator in
two thirds of those with semicolons, because the cells have commas and semicolons as well; the first row has neither.
"""

import csv
import difflib
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.encodings import encoding_of
from grading.results.escaping import cell
from grading.results.overruling import Decision, read_decisions
from grading.results.results import Result
from labkit.checks.assignment import ManualItem
from labkit.errors import KitError
from labkit.files import atomic_file
from labkit.text import printable, quoted

FILE = "manual.csv"
FOLDER, ZIP = "folder", "zip"  # columns that tell whose a row is
COMMENT = "comment"  # a column for what the instructor wants to tell the student
OVERRULE = "overrule"  # a column for what the instructor decides in place of a check
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")  # what a table is saved as where nobody says CSV
NAMED = 10  # rows that are told of many


class ManualError(KitError):
    """manual.csv can't be used; the text names row, column, value and what is expected."""


@dataclass(frozen=True)
class Row:
    """What the instructor wrote about one submission: points by item, without the empty cells, a comment, decisions."""

    points: dict[str, float]
    comment: str = ""
    decisions: dict[str, Decision] = field(default_factory=dict)
    number: int = 0  # in the file, from 1
    folder: str = ""
    zip: str = ""
    id: str = ""

    def is_for_the_same_as(self, other: "Row") -> bool:
        """Tell whether two rows have one folder, or, where one has none, one zip."""
        if self.folder and other.folder:
            return self.folder == other.folder
        return bool(self.zip) and self.zip == other.zip

    @property
    def counts(self) -> bool:
        """Whether anything in it changes a score."""
        return bool(self.points or self.decisions)

    @property
    def told(self) -> str:
        """The points and decisions in words: "report 9, run/model_no1 = 2"."""
        points = [f"{name} {given:g}" for name, given in self.points.items()]
        return ", ".join(points + [f"{name} = {decision.points:g}" for name, decision in self.decisions.items()])

    @property
    def digest(self) -> str:
        """Stands for what the instructor wrote: another one is a new look at the submission."""
        decisions = {name: [decision.points, decision.reason] for name, decision in self.decisions.items()}
        written = [self.points, self.comment, *([decisions] if decisions else [])]
        return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


class Manual:
    """The content of the file: its rows, and the items that it has no column for."""

    def __init__(self, rows: Sequence[Row], missing: Sequence[str]) -> None:
        self.missing = list(missing)
        self._rows = rows
        # Of several rows for one submission the one that counts does; there is at most one, see read_manual.
        rows = sorted(rows, key=lambda row: row.counts)
        self._by_folder = {row.folder: row for row in rows if row.folder}
        self._by_zip = {row.zip: row for row in rows if not row.folder}

    def of(self, result: Result) -> Row:
        """Return what the instructor wrote about a submission; an empty row if that is nothing yet."""
        return self._by_folder.get(result.folder) or self._by_zip.get(_key(result.zip)) or Row({})

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
    if not path.exists():
        _refuse_spreadsheet_instead(path)
        return Manual([], [])
    head, rows, _ = _parse(path)
    if FOLDER not in head and ZIP not in head:
        missing = f"no column {FOLDER}, and none {ZIP}, in its first row"
        raise ManualError(f"{path} has {missing}; without one nobody knows whose points these are")
    _check_head(path, head, items)
    found: list[Row] = []
    for number, cells in rows:
        texts = dict(zip(head, cells, strict=False))
        whose = {column: _plain(texts.get(column, "")) for column in (FOLDER, ZIP, "id")}
        name = whose[FOLDER] or whose[ZIP] or whose["id"]
        if not name:  # a row of means, say
            continue
        _refuse_cells_beyond_the_head(path, number, name, cells[len(head) :])
        points = {item.name: _points(path, number, name, item, texts.get(item.name, "")) for item in items}
        points = {item: given for item, given in points.items() if given is not None}
        decisions = _decisions(path, number, name, texts.get(OVERRULE, ""), checks or {})
        row = Row(points, texts.get(COMMENT, "").strip(), decisions, number, **whose)
        if row.counts and any(row.is_for_the_same_as(other) for other in found):
            raise ManualError(f"{path}, row {number}: {quoted(name)} is there twice; keep one of the rows")
        found.append(row)
    return Manual(found, [item.name for item in items if item.name not in head])


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

    Raises ManualError where the file can't be read, WriteError where it can't be written.
    """
    head, rows, dialect = (
        ["id", "name", "surname", FOLDER, ZIP, *(item.name for item in items), COMMENT, OVERRULE],
        [],
        _Dialect(),
    )
    before = b""
    if path.exists():
        head, rows, dialect = _parse(path)
        before = path.read_bytes()
    folders, zips = _known(head, rows)
    # Of a name that the file's encoding can't hold there is what is left of it; it shall not get a row at every run.
    new = [
        result
        for result in results
        if result.folder not in folders and not zips & {_key(result.zip), dialect.held(_key(result.zip))}
    ]
    if before and not new:
        return
    text = io.StringIO()
    table = csv.writer(text, delimiter=dialect.separator, lineterminator=dialect.line_end)
    if not before:
        table.writerow(head)
    for result in new:
        cells = {name: cell(getattr(result, name)) for name in ("id", "name", "surname", FOLDER, ZIP)}
        table.writerow([cells.get(column, "") for column in head])
    if before and not before.decode(dialect.encoding).endswith(("\n", "\r")):
        before += dialect.line_end.encode(dialect.encoding_without_mark)
    with atomic_file(path) as file:
        file.write(before + text.getvalue().encode(dialect.encoding_without_mark, errors="replace"))


def _known(head: list[str], rows: list[tuple[int, list[str]]]) -> tuple[set[str], set[str]]:
    """Return whose rows exist: folders, and zips where a row has no folder."""
    folders, zips = set(), set()
    for _, cells in rows:
        texts = dict(zip(head, map(_plain, cells), strict=False))
        if texts.get(FOLDER):
            folders.add(texts[FOLDER])
        else:
            zips.add(texts.get(ZIP, ""))
    return folders, zips


@dataclass(frozen=True)
class _Dialect:
    """How a program saves its tables."""

    encoding: str = "utf-8"
    separator: str = ","
    line_end: str = "\n"

    @property
    def encoding_without_mark(self) -> str:
        """The encoding for what is appended: a byte order mark stands at the beginning only."""
        return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(self.encoding, self.encoding)

    def held(self, text: str) -> str:
        """Return what is left of a text that is written in this encoding and read again."""
        encoding = self.encoding_without_mark
        return text.encode(encoding, errors="replace").decode(encoding)


def _parse(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], _Dialect]:
    """Return the header's cells, (row number, cells) of each other row that is not blank, and the dialect."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ManualError(f"{path} can't be read: {error.strerror}") from error
    encoding = _encoding(path, content)
    text = content.decode(encoding)
    lines = text.splitlines()
    if not any(map(str.strip, lines)):
        raise ManualError(f"{path} is empty; delete it, and it is made anew")
    first = next(line for line in lines if line.strip())
    told = re.fullmatch(r'"?sep=(.)"?', first)  # Excel's own line above the table
    separator = told[1] if told else max(",;\t", key=first.count)
    dialect = _Dialect(encoding, separator, "\r\n" if "\r\n" in text else "\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise ManualError(f"{path}, row {reader.line_num}: {error}") from error
    if told:
        rows = rows[1:] or [(1, [])]
    return [_plain(name).lower() for name in rows[0][1]], rows[1:], dialect


def _encoding(path: Path, content: bytes) -> str:
    try:
        return encoding_of(content)
    except ValueError as error:
        raise ManualError(f"{path} {error}") from error


def _refuse_spreadsheet_instead(path: Path) -> None:
    """Raise ManualError where the points may be in a file that a spreadsheet program saved as its own."""
    for other in (path.with_suffix(suffix) for suffix in SPREADSHEETS):
        if other.exists():
            raise ManualError(f"there is {other}, and no {path.name}: save it as CSV, under that name, or move it away")


def _key(zip_name: str) -> str:
    return _plain(str(cell(zip_name)))  # as it comes back from the file


def _plain(text: str) -> str:
    """Return a cell as it was meant: without spaces around, and the apostrophe that says that a text follows."""
    return text.strip().removeprefix("'")


def _decisions(path: Path, number: int, name: str, text: str, checks: Mapping[str, float]) -> dict[str, Decision]:
    try:
        return read_decisions(_plain(text), checks)
    except ValueError as error:
        raise ManualError(f"{path}, row {number} ({quoted(name)}), {OVERRULE}: {printable(str(error))}") from error


def _points(path: Path, number: int, name: str, item: ManualItem, text: str) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = -1.0
    if not 0 <= points <= item.points:
        raise ManualError(
            f"{path}, row {number} ({quoted(name)}), {item.name}: {quoted(text)} is not a number "
            f"from 0 to {item.points:g}"
        )
    return points
