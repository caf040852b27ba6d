"""manual.csv as a file: what is in its cells, and single ones written, with every other byte left as it is.

The file is the instructor's, in whatever dialect and encoding a spreadsheet has saved it: separator, quotation marks,
ends of lines, encoding and its mark stay. What is written is read again as it was meant: a text that a spreadsheet
would take for a formula is protected (escaping.protected_text), and one that the file's encoding can't hold makes the
whole file UTF-8 with a mark, which Excel reads.

Encoding and separator are found by hand, because the libraries for it want longer texts. Of tables of one to five
students charset-normalizer 3.5 took a third of those in cp1252 for another code page ("¿qué pasó?" became "żqué
pasó?"), and two thirds of those in Mac Roman, whose comments are garbled here, too. csv.Sniffer found no separator in
two thirds of those with semicolons, because the cells have commas and semicolons as well; the first row has neither.
"""

import codecs
import contextlib
import csv
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.encodings import decoded
from grading.locking import InUse, briefly_locked
from grading.results.cells import Cell, quoted_cell, scan
from grading.results.escaping import as_meant, cell, protected_text
from labkit.errors import KitError
from labkit.files import atomic_file
from labkit.text import quoted

FOLDER, ZIP = "folder", "zip"  # columns that tell whose a row is


class ManualError(KitError):
    """manual.csv can't be used; the text names row, column, value and what is expected."""


class ChangedMeanwhile(ManualError):
    """Somebody else has written the file since it was read, or is writing it; nothing has been written."""


@dataclass(frozen=True)
class Dialect:
    """How a program saves its tables: byte order mark, encoding without it, separator, end of a line."""

    mark: bytes = b""
    encoding: str = "utf-8"
    separator: str = ","
    line_end: str = "\n"

    def held(self, text: str) -> str:
        """Return what is left of a text that is written in this encoding and read again."""
        return text.encode(self.encoding, errors="replace").decode(self.encoding)


@dataclass(frozen=True)
class _Line:
    """A row of the table, with its number, from 1, as a spreadsheet counts."""

    number: int
    cells: list[Cell]

    @property
    def is_blank(self) -> bool:
        return not any(cell.text.strip() for cell in self.cells)


class Sheet:
    """The file as it was when it was read; of a file that does not exist, an empty one.

    `digest` stands for its content, "" where there is no file. `head` are the names of the columns, in small letters.
    """

    def __init__(self, path: Path, content: bytes | None) -> None:
        """Take the content apart; raise ManualError, which names the file, for what is no table."""
        self.path, self.content = path, content or b""
        self.digest = _digest(content)
        self.dialect, self.head = Dialect(), []
        self._text, self._lines, self._first = "", [], 0
        if content is not None:
            self._parse()
        self._by_folder: dict[str, list[_Line]] = {}
        self._by_zip: dict[str, list[_Line]] = {}  # of the rows without a folder
        for line in self._body():
            folder, zip_name = (plain(self._raw(line, column)) for column in (FOLDER, ZIP))
            rows, name = (self._by_folder, folder) if folder else (self._by_zip, zip_name)
            rows.setdefault(name, []).append(line)

    @property
    def exists(self) -> bool:
        """Whether there was a file."""
        return bool(self.digest)

    @property
    def ends_with_a_line_end(self) -> bool:
        """Whether another row may follow as it is."""
        return self._text.endswith(("\n", "\r"))

    @property
    def rows(self) -> list[tuple[int, list[str]]]:
        """The number and the cells' texts, as they are in the file, of each row below the head that is not blank."""
        return [(line.number, [cell.text for cell in line.cells]) for line in self._body()]

    def text(self, folder: str, column: str, zip_name: str = "") -> str:
        """Return the text of a submission's cell as the instructor meant it; "" where there is no such row or column.

        The row is that of the results' folder. One without a folder, as in files of an earlier version, is found by
        the name of the zip. Raises ManualError for several rows of one submission.
        """
        line = self._line(folder, zip_name)
        return meant(self._raw(line, column.lower())) if line else ""

    def with_cells(self, folder: str, cells: Mapping[str, str], zip_name: str = "") -> bytes:
        """Return the content with these texts, by column, in a submission's row, found as by `text`.

        Spaces around a text are left out, and its line ends become one character. A column that the file lacks comes
        at the end of each row. Raises ManualError where there is no such row, or several, and for a text that no table
        holds.
        """
        line = self._line(folder, zip_name)
        if line is None:
            raise ManualError(
                f"{self.path} has no row for {quoted(folder or zip_name)}: grade the class, which adds it"
            )
        texts = {column.lower(): self._writable(column, text) for column, text in cells.items()}
        texts = {name: text for name, text in texts.items() if text != meant(self._raw(line, name))}
        new = [name for name in texts if name not in self.head]
        if new:
            self._refuse_cells_beyond_the_head()
        places = {name: self._place(name) if name in self.head else len(self.head) + new.index(name) for name in texts}
        written = {places[name]: protected_text(text) for name, text in texts.items()}
        return self._encoded("".join(self._pieces(line, written, {places[name]: name for name in new})))

    def _parse(self) -> None:
        try:
            mark, encoding, self._text = decoded(self.content)
        except ValueError as error:
            raise ManualError(f"{self.path} {error}") from error
        lines = self._text.splitlines()
        if not any(map(str.strip, lines)):
            raise ManualError(f"{self.path} is empty; delete it, and it is made anew")
        first = next(line for line in lines if line.strip())
        separator_line = re.fullmatch(r'"?sep=(.)"?', first)  # Excel's own line above the table
        separator = separator_line[1] if separator_line else max(",;\t", key=first.count)
        self.dialect = Dialect(mark, encoding, separator, "\r\n" if "\r\n" in self._text else "\n")
        try:
            numbered = enumerate(scan(self._text, separator, lenient=True), 1)
            self._lines = [_Line(number, cells) for number, cells in numbered]
        except csv.Error as error:
            raise ManualError(f"{self.path}, {error}") from error
        filled = [index for index, line in enumerate(self._lines) if not line.is_blank][bool(separator_line) :]
        self._first = filled[0] if filled else len(self._lines)
        if filled:
            self.head = [plain(numbered.text).lower() for numbered in self._lines[self._first].cells]

    def _body(self) -> Iterator[_Line]:
        return (line for line in self._lines[self._first + 1 :] if not line.is_blank)

    def _raw(self, line: _Line, column: str) -> str:
        """Return the text of a cell as it is in the file; "" where there is none."""
        place = self._place(column) if column in self.head else len(line.cells)
        return line.cells[place].text if place < len(line.cells) else ""

    def _place(self, column: str) -> int:
        if self.head.count(column) > 1:
            raise ManualError(f"{self.path}: the column {column} is there twice; keep one of them")
        return self.head.index(column)

    def _line(self, folder: str, zip_name: str) -> _Line | None:
        """Return the row of a submission, None where there is none."""
        zip_name = zip_name or ("" if FOLDER in self.head else folder)
        lines = self._by_folder.get(folder, []) if folder else []
        zips = {plain(self._raw(line, ZIP)) for line in lines} | {key_of_zip(zip_name)}
        lines = [*lines, *(line for name in zips if name for line in self._by_zip.get(name, []))]
        if len(lines) > 1:
            numbers = " and ".join(str(line.number) for line in lines)
            raise ManualError(f"{self.path}: the rows {numbers} are for {quoted(folder or zip_name)}; keep one of them")
        return lines[0] if lines else None

    def _writable(self, column: str, text: str) -> str:
        """Return a text as it is to be read again; raise ManualError for what is in no table."""
        text = _with_plain_line_ends(text).strip()
        for char in text:
            if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cs"):
                raise ManualError(
                    f"{column}: {quoted(text)} has a character that no table holds, {quoted(char)}: leave it out"
                )
        return text

    def _refuse_cells_beyond_the_head(self) -> None:
        """Raise ManualError where a row has texts without a column, which would be a new column's."""
        for line in self._body():
            if any(cell.text.strip() for cell in line.cells[len(self.head) :]):
                raise ManualError(f"{self.path}, row {line.number} has more cells than the first row: give them a head")

    def _pieces(self, target: _Line, texts: Mapping[int, str], new: Mapping[int, str]) -> Iterator[str]:
        """Yield the file's text in pieces, with texts for the target's cells and the heads of new columns, by place."""
        end = 0
        for index, line in enumerate(self._lines):
            written = texts if line is target else new if index == self._first else {}
            width = max(new, default=-1) + 1 if index >= self._first else 0
            for start, stop, text in self._changes(line, written, max(width, max(written, default=-1) + 1)):
                yield self._text[end:start]
                yield text
                end = stop
        yield self._text[end:]

    def _changes(self, line: _Line, texts: Mapping[int, str], width: int) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, text) for each change in a row; cells up to `width` that it lacks come at its end."""
        for place in sorted(texts):
            if place < len(line.cells):
                cell = line.cells[place]
                before = self._text[cell.start : cell.end]
                yield cell.start, cell.end, quoted_cell(texts[place], before, self.dialect.separator)
        missing = [texts.get(place, "") for place in range(len(line.cells), width)]
        if missing and not (len(line.cells) == 1 and line.is_blank):
            separator, end = self.dialect.separator, line.cells[-1].end
            yield end, end, "".join(separator + quoted_cell(text, "", separator) for text in missing)

    def _encoded(self, text: str) -> bytes:
        """Return the content of the file with this text: in its encoding, or in UTF-8 where that can't hold it.

        "é" in Windows' 1252 may be a letter of UTF-8: what would be read as another encoding than it was written in is
        not left to a guess either.
        """
        with contextlib.suppress(ValueError):
            content = self.dialect.mark + text.encode(self.dialect.encoding)
            if decoded(content)[2] == text:
                return content
        return codecs.BOM_UTF8 + text.encode()


def read_sheet(path: Path) -> Sheet:
    """Read the file; raise ManualError where it can't be read, or is no table."""
    try:
        return Sheet(path, _content(path))
    except OSError as error:
        raise ManualError(f"{path} can't be read: {error.strerror}") from error


def save(path: Path, content: bytes, expected_digest: str) -> str:
    """Write the file, if its content is still that of `expected_digest`, and return the digest of the new content.

    Raises ChangedMeanwhile where it is another: the content decides, not a clock. Of two processes that save at once,
    the second waits for the first, and then finds another content. The file is replaced as a whole, so that a reader
    sees the old one or the new one; its permissions stay, and its owner and group where the system lets us. Raises
    WriteError where it can't be written.

    What remains: a program that does not know of our lock, such as a spreadsheet, may save in the moment between our
    last look and the replacement, some microseconds; then its version is lost. One that has the file open does not see
    what we write, and overwrites it when it saves. Where a file system has no locks, two of us may do as it does.
    """
    path = Path(os.path.realpath(path))  # the file itself, where it is somewhere else and has a link here
    try:
        with briefly_locked(path.with_name(f".{path.name}.lock")), atomic_file(path) as file:
            _keep_permissions(file.fileno(), path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # slow, and done before the last look
            if _digest(_content(path)) != expected_digest:
                raise ChangedMeanwhile(
                    f"{path} has been changed since it was read, so nothing was written: read it again"
                )
    except InUse as error:
        raise ChangedMeanwhile(f"{path} was not written: {error}") from error
    return _digest(content)


def meant(text: str) -> str:
    """Return a cell as the instructor meant it: without spaces around, an escape of ours, and line ends of Windows."""
    return as_meant(_with_plain_line_ends(text).strip())


def plain(text: str) -> str:
    """Return a cell that says whose a row is, without spaces around, and the apostrophe before what is a text."""
    return text.strip().removeprefix("'")


def key_of_zip(name: str) -> str:
    """Return the name of a zip as it comes back from the column ZIP."""
    return plain(str(cell(name)))


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _digest(content: bytes | None) -> str:
    return hashlib.sha256(content).hexdigest() if content is not None else ""


def _keep_permissions(file: int, path: Path) -> None:
    """Give an open file the owner, group and permissions of the one that it is to replace, as far as we may."""
    try:
        before = path.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError, AttributeError):  # not ours to give; Windows
        os.fchown(file, before.st_uid, before.st_gid)
    with contextlib.suppress(OSError, AttributeError):
        os.fchmod(file, stat.S_IMODE(before.st_mode))
