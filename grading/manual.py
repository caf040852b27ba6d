"""The points that the instructor gives by hand: `manual.csv`, a row for each submission and a column for each item.

The file is the instructor's. It is made with empty cells, and from then on only gains rows at its end; all that is in
it stays as it is, byte by byte, in whatever dialect a spreadsheet has saved it.
"""

import csv
import io
from dataclasses import dataclass

from grading.escaping import cell
from grading.names import quoted
from idx_files import atomic_file

FILE = "manual.csv"
COMMENT = "comment"  # a column for what the instructor wants to tell the student


class ManualError(Exception):
    """manual.csv can't be used; the text names row, column, value and what is expected."""


@dataclass(frozen=True)
class Row:
    """What the instructor wrote about one submission: points by item, without the empty cells, and a comment."""

    points: dict[str, float]
    comment: str = ""


@dataclass(frozen=True)
class Manual:
    """The content of the file: rows by the zips' names, and the items that it has no column for."""

    rows: dict[str, Row]
    missing: list[str]

    def of(self, zip_name):
        """What the instructor wrote about the submission of this zip; an empty row where that is nothing yet."""
        return self.rows.get(_key(zip_name), Row({}))


def read_manual(path, items):
    """Reads the instructor's points; `items` are the assignment's.

    Separator, decimal comma, order of columns, extra columns and the encoding are as the spreadsheet likes them. Raises
    ManualError for what can't be points of an item, and for a file that can't be read.
    """
    if not path.exists():
        return Manual({}, [])
    head, rows, _ = _parse(path)
    if "zip" not in head:
        raise ManualError(f"{path} has no column zip in its first row; without it nobody knows whose points these are")
    found = {}
    for number, row in rows:
        texts = dict(zip(head, row, strict=False))
        name = _plain(texts["zip"]) if "zip" in texts else ""
        if not name:
            continue
        points = {item.name: _points(path, number, name, item, texts.get(item.name, "")) for item in items}
        points = {item: given for item, given in points.items() if given is not None}
        if name in found and points:
            raise ManualError(f"{path}, row {number}: {quoted(name)} is there twice; keep one of the rows")
        found.setdefault(name, Row(points, texts.get(COMMENT, "").strip()))
    return Manual(found, [item.name for item in items if item.name not in head])


def add_rows(path, results, items):
    """Adds a row with empty cells for each result that has none; makes the file where there is none.

    Raises ManualError where the file can't be read, idx_files.DataError where it can't be written.
    """
    head, rows, dialect = ["id", "name", "surname", "zip", *(item.name for item in items), COMMENT], [], _Dialect()
    before = b""
    if path.exists():
        head, rows, dialect = _parse(path)
        before = path.read_bytes()
    known = {_plain(row[head.index("zip")]) for _, row in rows if len(row) > head.index("zip")}
    new = [result for result in results if _key(result.zip) not in known]
    if before and not new:
        return
    text = io.StringIO()
    table = csv.writer(text, delimiter=dialect.separator, lineterminator=dialect.line_end)
    if not before:
        table.writerow(head)
    for result in new:
        cells = {name: cell(getattr(result, name)) for name in ("id", "name", "surname", "zip")}
        table.writerow([cells.get(column, "") for column in head])
    if before and not before.decode(dialect.encoding).endswith(("\n", "\r")):
        before += dialect.line_end.encode(dialect.encoding_without_mark)
    with atomic_file(path) as file:
        file.write(before + text.getvalue().encode(dialect.encoding_without_mark, errors="replace"))


@dataclass(frozen=True)
class _Dialect:
    """How a program saves its tables."""

    encoding: str = "utf-8"
    separator: str = ","
    line_end: str = "\n"

    @property
    def encoding_without_mark(self):
        """The encoding for what is appended: a byte order mark stands at the beginning only."""
        return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(self.encoding, self.encoding)


def _parse(path):
    """The header's cells, (row number, cells) of each other row that is not blank, and the dialect."""
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
    separator = max(",;\t", key=first.count)
    dialect = _Dialect(encoding, separator, "\r\n" if "\r\n" in text else "\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise ManualError(f"{path}, row {reader.line_num}: {error}") from error
    return [_plain(name).lower() for name in rows[0][1]], rows[1:], dialect


def _encoding(path, content):
    """UTF-8 with or without a mark, UTF-16 as "Unicode text" of Excel, or what Windows uses west of the Oder."""
    if content.startswith(b"\xff\xfe"):
        return "utf-16"
    for encoding in ("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise ManualError(f"{path} is in an unknown encoding; save it as CSV in UTF-8")


def _key(zip_name):
    return _plain(cell(zip_name))  # as it comes back from the file


def _plain(text):
    """A cell as it was meant: without spaces around, and the apostrophe that says that a text follows."""
    return text.strip().removeprefix("'")


def _points(path, number, name, item, text):
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
