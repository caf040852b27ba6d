"""Reads a table that another program wrote, or a spreadsheet saved: any separator, any of the usual encodings."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.encodings import encoding_of
from labkit.errors import KitError

LARGEST = 32 * 2**20  # bytes; a course of 10,000 students has some 3 MB


class TableError(KitError):
    """A table can't be used; the text names file, row, column and what is expected."""


@dataclass(frozen=True)
class Table:
    """A header, and rows of as many cells, with their numbers in the file."""

    path: Path
    head: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, index: int) -> list[str]:
        """Return the cells of a column that are not empty."""
        return [cells[index] for _, cells in self.rows if cells[index]]


def read_table(path: Path) -> Table:
    """Read a table; raise TableError where it is none.

    Not by csv.Sniffer, which finds no separator in most tables with dates and names in them: the first row tells.
    """
    text = _text(path)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise TableError(f"{path} is empty: give the file as the system wrote it")
    separator_line = re.fullmatch(r'"?sep=(.)"?', lines[0])  # Excel's own line above the table
    separator = separator_line[1] if separator_line else max(",;\t", key=lines[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [(reader.line_num, [_plain(cell) for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise TableError(f"{path}, row {reader.line_num}: {error}") from error
    rows = rows[1:] if separator_line else rows
    if not rows:
        raise TableError(f"{path} is empty: give the file as the system wrote it")
    head = rows[0][1]
    width = max(len(cells) for _, cells in rows)
    return Table(path, _padded(head, width), [(number, _padded(cells, width)) for number, cells in rows[1:]])


def _text(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise TableError(f"{path} can't be read: {error.strerror}") from error
    if len(content) > LARGEST:
        raise TableError(f"{path} has more than {LARGEST:,} bytes: that is no table of a class")
    try:
        return content.decode(encoding_of(content))
    except ValueError as error:
        raise TableError(f"{path} {error}") from error


def _plain(text: str) -> str:
    """Return a cell as it was meant: without spaces around, and the apostrophe that says that a text follows."""
    return text.replace("\xa0", " ").replace("\u202f", " ").strip().removeprefix("'")


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]
