"""Says whose a caption is: that of the table below it, or of the one above.

Both are customs, and some reports have both. A caption that stands between two tables belongs to the one that no other
caption can have, or goes where the report's other captions go. Where that leaves two, and the caption says that its
numbers are no test accuracies on MNIST, it counts for both: their numbers are then nobody's, and a person looks.
"""

from dataclasses import dataclass, field

from labkit.checks.report.sentences import is_synthetic
from labkit.checks.report.tables import is_head, is_tabular, names_columns
from labkit.checks.report.wording import CAPTION, NOT_TEST, TEST

HEAD_LINES, NOTE_LINES = 3, 2  # that may stand between a caption above and the first row, or the last row and one below
WRAPPED = 50  # characters of a caption's line that goes on in the next


@dataclass(eq=False)
class _Table:
    """A table's first and last row, and the captions that are to be put above it."""

    first: int
    last: int
    captions: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Caption:
    """A caption's first and last line, and the tables that it may belong to."""

    first: int
    last: int
    above: _Table | None = None
    below: _Table | None = None

    @property
    def candidates(self) -> list[_Table]:
        return [table for table in (self.above, self.below) if table]


def captions_above(lines: list[str]) -> list[str]:
    """Return a report's lines with every caption above its table, as tables are read."""
    captions, tables = _captions(lines), _tables(lines)
    _find_candidates(lines, captions, tables)
    _settle(captions)
    moved: set[int] = set()
    for caption in captions:
        own = range(caption.first, caption.last + 1)
        text = [lines[n] for n in own]
        if caption.above and (not caption.below or _says_other_numbers(" ".join(text))):
            caption.above.captions += text
            if not caption.below:
                moved.update(own)
    places = {_top(lines, table): table.captions for table in tables if table.captions}
    arranged: list[str] = []
    for n, line in enumerate(lines):
        arranged += places.get(n, [])
        if n not in moved:
            arranged.append(line)
    return arranged


def _says_other_numbers(caption: str) -> bool:
    return is_synthetic(caption) or bool(NOT_TEST.search(caption) and not TEST.search(caption))


def _captions(lines: list[str]) -> list[_Caption]:
    captions = []
    for n, line in enumerate(lines):
        if CAPTION.match(line):
            after = lines[n + 1] if n + 1 < len(lines) else ""
            goes_on = len(line) >= WRAPPED and not line.endswith(".") and after and not _of_a_table(after)
            captions.append(_Caption(n, n + bool(goes_on)))
    return captions


def _of_a_table(line: str) -> bool:
    return is_tabular(line) or is_head(line) or bool(CAPTION.match(line))


def _tables(lines: list[str]) -> list[_Table]:
    """Find two rows or more without a line between them, or one below a head of networks."""
    tables: list[_Table] = []
    for n, line in enumerate(lines):
        if is_tabular(line) and not CAPTION.match(line):
            if tables and not any(lines[tables[-1].last + 1 : n]):
                tables[-1].last = n
            else:
                tables.append(_Table(n, n))
    return [table for table in tables if table.first < table.last or any(map(names_columns, lines[: table.first][-2:]))]


def _find_candidates(lines: list[str], captions: list[_Caption], tables: list[_Table]) -> None:
    """Set the tables next to each caption, where little but a head or notes stands between them."""
    for caption in captions:
        for table in tables:
            others = any(
                min(caption.first, table.first) < other.first < max(caption.first, table.first)
                for other in (*captions, *tables)
            )
            between = lines[table.last + 1 : caption.first] + lines[caption.last + 1 : table.first]
            count = sum(map(bool, between))
            if not others and table.last < caption.first and count <= NOTE_LINES:
                caption.above = table
            elif not others and table.first > caption.last and count <= HEAD_LINES:
                caption.below = table


def _settle(captions: list[_Caption]) -> None:
    """Leave each caption one table where that is clear: what no other has to have, or on the side of the others'."""
    while True:
        taken = [(caption, caption.candidates[0]) for caption in captions if len(caption.candidates) == 1]
        before = sum(len(caption.candidates) for caption in captions)
        for caption in captions:
            if len(caption.candidates) == 2:
                _drop(caption, [table for other, table in taken if other is not caption])
        if sum(len(caption.candidates) for caption in captions) == before:
            break
    settled = [caption for caption in captions if len(caption.candidates) == 1]
    ways = {caption.above is None for caption in settled}
    if len(ways) == 1:
        for caption in captions:
            if len(caption.candidates) == 2:
                _drop(caption, [caption.above if ways == {True} else caption.below])


def _drop(caption: _Caption, tables: list[_Table | None]) -> None:
    caption.above, caption.below = (None if table in tables else table for table in (caption.above, caption.below))


def _top(lines: list[str], table: _Table) -> int:
    """Return the number of the line where a table begins: its head's first, or its first row's."""
    top = table.first
    while top > 0 and table.first - top < HEAD_LINES and is_head(lines[top - 1]):
        top -= 1
    return top
