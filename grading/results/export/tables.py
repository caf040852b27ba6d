"""A gradebook's table: single cells are replaced, and all the rest stays as it is, byte by byte.

The separator, which cells are in quotation marks, the ends of the lines, the encoding and its mark are those of the
file, whoever wrote it: a system, or a spreadsheet program that it was opened with.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from grading.encodings import decoded
from grading.results.cells import Cell, quoted_cell, scan
from grading.results.export.graded import ExportError
from labkit.text import quoted

SEPARATORS = ",;\t"


class Gradebook:
    """A table with a first row of heads, read from a file.

    `head` has their texts; `rows` the texts of all rows, that one included, each as long as it is.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; raise ExportError, which names file and row, for what is no such table."""
        self.path = path
        self._mark, self.encoding, self._text = _decode(path)
        self.separator = max(SEPARATORS, key=self._width)
        self._cells = self._read()
        self.rows = [[cell.text for cell in row] for row in self._cells]
        self.first = 1 if self.rows and re.fullmatch(r"sep=.", self.separator.join(self.rows[0])) else 0
        if len(self.rows) <= self.first or len(self.rows[self.first]) < 2:
            raise ExportError(f"{path} is no table with commas, semicolons or tabs between its cells")
        self.head = [text.strip() for text in self.rows[self.first]]
        for number, row in enumerate(self.rows[self.first :], self.first + 1):
            if len(row) > len(self.head):
                more = f"has {len(row)} cells, and the first row has {len(self.head)}"
                raise ExportError(f"{path}, row {number} {more}: download it again")

    @property
    def body(self) -> list[int]:
        """The indices of the rows below the head that are not blank."""
        rows = range(self.first + 1, len(self.rows))
        return [row for row in rows if any(text.strip() for text in self.rows[row])]

    def at(self, row: int, column: int) -> str:
        """Return a cell's text; "" where the row ends before it."""
        cells = self.rows[row]
        return cells[column] if column < len(cells) else ""

    def under(self, row: int, head: str) -> str:
        """Return the text under a head, without spaces around; "" where there is no such column."""
        return self.at(row, self.head.index(head)).strip() if head in self.head else ""

    def column(self, column: int) -> list[str]:
        """Return a column's texts, without spaces around, of the rows that are not blank."""
        return [self.at(row, column).strip() for row in self.body]

    def with_cells(self, cells: Mapping[tuple[int, int], str]) -> bytes:
        """Return the file's content with these cells, by (row, column), in place of those that are there.

        A character that the file's encoding does not have becomes a numeric entity of HTML.
        """
        by_row: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for (row, column), text in cells.items():
            by_row[row][column] = text
        pieces, end = [], 0
        for row in sorted(by_row):
            for start, stop, text in self._changes(row, by_row[row]):
                pieces += [self._text[end:start], text]
                end = stop
        written = "".join([*pieces, self._text[end:]])
        return self._mark + written.encode(self.encoding, errors="xmlcharrefreplace")

    def _changes(self, row: int, texts: Mapping[int, str]) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, text) for each change in a row; cells that the row lacks come at its end."""
        cells = self._cells[row]
        for column in sorted(texts):
            if column < len(cells):
                cell = cells[column]
                yield (
                    cell.start,
                    cell.end,
                    quoted_cell(texts[column], self._text[cell.start : cell.end], self.separator),
                )
        if max(texts) >= len(cells):
            missing = (texts.get(column, "") for column in range(len(cells), max(texts) + 1))
            end = cells[-1].end
            yield end, end, "".join(self.separator + quoted_cell(text, "", self.separator) for text in missing)

    def _width(self, separator: str) -> int:
        """Return how many cells the first row has with this separator."""
        try:
            return len(next(scan(self._text, separator)))
        except csv.Error:
            return 0

    def _read(self) -> list[list[Cell]]:
        try:
            return list(scan(self._text, self.separator))
        except csv.Error as error:
            try:  # as PHP writes it, which leaves a quotation mark behind a backslash alone
                return list(scan(self._text, self.separator, escapes=True))
            except csv.Error:
                raise ExportError(f"{self.path}, {error}: download it again") from error


def number(text: str) -> float | None:
    """Read a number with a decimal point or comma; None for what is none, or may be a thousand or one: 1,000."""
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", text.strip()):
        return None
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+", text, re.ASCII) else None


def written(value: float) -> str:
    """Write a number for a system: a decimal point, which each of them reads, and two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def find_column(table: Gradebook, head: str, flag: str) -> int:
    """Return the column with this head; raise ExportError, which lists the heads, where there is not one such."""
    columns = [column for column, text in enumerate(table.head) if text.casefold() == head.strip().casefold()]
    if len(columns) == 1:
        return columns[0]
    what = f"{len(columns)} columns" if columns else "no column"
    raise ExportError(f"{table.path} has {what} {quoted(head)}, which {flag} names; its columns are {_heads(table)}")


def choose_column(table: Gradebook, titles: Mapping[int, str], named: str) -> int:
    """Return the assignment's column of those that can be filled: the one that is named, or else the only one.

    `titles` maps these to the names of their assignments; `named` may be one of those, or a whole head. Raises
    ExportError, which lists them, where that is not one column.
    """
    chosen = [
        column
        for column, title in titles.items()
        if not named or named.strip().casefold() in (title.casefold(), table.head[column].casefold())
    ]
    if len(chosen) == 1:
        return chosen[0]
    what = f"{quoted(named)} names {len(chosen)} of its columns." if named else "which column is this assignment's?"
    raise ExportError(
        f"{table.path}: {what} Name one with --column HEAD: {_heads(table, titles) or 'there is none to fill'}"
    )


def _heads(table: Gradebook, columns: Iterable[int] | None = None) -> str:
    chosen = range(len(table.head)) if columns is None else columns
    return ", ".join(quoted(table.head[column]) for column in chosen if table.head[column])


def _decode(path: Path) -> tuple[bytes, str, str]:
    """Return the file's byte order mark, its encoding, and its text without the mark."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path} can't be read: {error.strerror}") from error
    try:
        mark, encoding, text = decoded(content)
    except ValueError as error:
        raise ExportError(f"{path} {error}") from error
    if not text.strip():
        raise ExportError(f"{path} is empty: download it again")
    return mark, encoding, text
