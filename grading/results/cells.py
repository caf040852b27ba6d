"""The cells of a table as text, and where they stand in it: what it takes to change one and no other byte."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and where it stands in the text of the file, quotation marks included."""

    text: str
    start: int
    end: int


def scan(text: str, separator: str, *, escapes: bool = False, lenient: bool = False) -> Iterator[list[Cell]]:
    """Yield the rows of a table in time proportional to its length; raise csv.Error for a cell that does not end.

    With `escapes`, a quotation mark behind a backslash is one of the text, where no cell or line ends behind it. What
    stands behind a closing quotation mark is an error, or, if `lenient`, the rest of the text, as csv.reader takes it.
    """
    ends = re.compile(rf"[{re.escape(separator)}\r\n]")  # of a cell without quotation marks
    row: list[Cell] = []
    at = number = 0
    while at < len(text) or row:
        try:
            cell = _cell(text, at, separator, ends, escapes)
        except csv.Error as error:
            raise csv.Error(f"row {number + 1}: {error}") from error
        if lenient:
            rest = _bare(text, cell.end, ends)
            cell = Cell(cell.text + rest.text, cell.start, rest.end)
        row.append(cell)
        at = cell.end
        following = text[at : at + 1]
        if following == separator:
            at += 1
            continue
        number += 1
        if following not in ("", "\r", "\n"):
            raise csv.Error(f"row {number}: there is more behind a closing quotation mark")
        yield row
        row = []
        at += 2 if text.startswith("\r\n", at) else 1


def _cell(text: str, start: int, separator: str, ends: re.Pattern[str], escapes: bool) -> Cell:
    if text[start : start + 1] != '"':
        return _bare(text, start, ends)
    at = start + 1
    while True:
        mark = text.find('"', at)
        if mark < 0:
            raise csv.Error("a quotation mark is not closed")
        following = text[mark + 1 : mark + 2]
        if following == '"' and not (escapes and text[mark - 1] == "\\"):
            at = mark + 2
        elif escapes and text[mark - 1] == "\\" and following not in ("", separator, "\r", "\n"):
            at = mark + 1
        else:
            return Cell(text[start + 1 : mark].replace('""', '"'), start, mark + 1)


def _bare(text: str, start: int, ends: re.Pattern[str]) -> Cell:
    """Return what is there up to the end of the cell."""
    end = ends.search(text, start)
    stop = end.start() if end else len(text)
    return Cell(text[start:stop], start, stop)


def quoted_cell(text: str, before: str, separator: str) -> str:
    """Return a text as it is written in place of a cell: in quotation marks where that was, or where it needs them.

    The other usual separators need them, too, so that the table reads the same with those; so do spaces, which some
    programs take away at either end.
    """
    if before.startswith('"') or separator in text or re.search(r'[\s",;]', text):
        return '"' + text.replace('"', '""') + '"'
    return text
