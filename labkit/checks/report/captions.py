"""Says whose a caption is: that of the table below it, or of the one above.

Both are customs, and some reports have both. A caption that stands between two tables belongs to the one that no other
caption can have, or goes where the report's other captions go. Where that leaves two, or several captions stand
together, those that say that numbers are no test accuracies on MNIST count for all: these numbers are then nobody's,
and a person looks.
"""

import itertools
import re
from dataclasses import dataclass, field

from labkit.checks.report.sentences import is_synthetic
from labkit.checks.report.tables import has_cells, is_head, is_tabular, names_columns
from labkit.checks.report.wording import CAPTION, NOT_TEST, TEST

HEAD_LINES, NOTE_LINES = 3, 2  # that may stand between a caption above and the first row, or the last row and one below
WRAPPED, MOST_WRAPPED = 50, 3  # characters of a caption's line that goes on in the next, and how many lines it has
_BARE = re.compile(r"[\W_]{0,3}\w+\.?\s*[a-z]?\d{0,2}[a-z]?\s*[.:)]?|.{0,12}\(continued\)")  # its text is the next line
_PAGE = re.compile(r"(?:page |seite |pagina |p\. ?)?\d{1,3}")


@dataclass(eq=False)
class _Table:
    """A table's first and last row, its neighbours without a caption between, and what is to be put above it."""

    first: int
    last: int
    captions: list[str] = field(default_factory=list)
    before: "_Table | None" = None
    after: "_Table | None" = None


@dataclass(eq=False)
class _Caption:
    """A caption, the line where it stands, and the tables that it may belong to."""

    first: int
    text: str
    above: _Table | None = None
    below: _Table | None = None
    with_others: bool = False  # right beside another caption, so that its table can't be told

    @property
    def last(self) -> int:
        return self.first

    @property
    def candidates(self) -> list[_Table]:
        return [table for table in (self.above, self.below) if table]


def captions_above(lines: list[str]) -> list[str]:
    """Return a report's lines with every caption, as one line, above its table, as tables are read."""
    lines = _joined(lines)
    captions, tables = _captions(lines), _tables(lines)
    _find_candidates(lines, captions, tables)
    _settle(captions)
    moved: set[int] = set()
    for caption in captions:
        in_doubt = caption.with_others or (caption.above and caption.below)
        if not in_doubt and caption.above:
            caption.above.captions.append(caption.text)
            moved.add(caption.first)
        elif in_doubt and _says_other_numbers(caption.text):
            for table in _all_beside(caption):
                table.captions.append(caption.text)
    places = {_top(lines, table): table.captions for table in tables if table.captions}
    arranged: list[str] = []
    for n, line in enumerate(lines):
        arranged += places.get(n, [])
        if n not in moved:
            arranged.append(line)
    return arranged


def _all_beside(caption: _Caption) -> list[_Table]:
    """Return the tables that a caption in doubt may be of; where several stand together, all beside them."""
    tables = caption.candidates
    above, below = caption.above, caption.below
    while caption.with_others and above and (above := above.before):
        tables.append(above)
    while caption.with_others and below and (below := below.after):
        tables.append(below)
    return tables


def _says_other_numbers(caption: str) -> bool:
    return is_synthetic(caption) or bool(NOT_TEST.search(caption) and not TEST.search(caption))


def _joined(lines: list[str]) -> list[str]:
    """Return the lines with each caption that goes on in the next lines as one."""
    joined: list[str] = []
    wrapped = 0  # lines of a caption that the next line may belong to
    for n, line in enumerate(lines):
        if wrapped and _goes_on(joined[-1], wrapped, line, lines[n + 1] if n + 1 < len(lines) else ""):
            joined[-1] += f" {line}"
            wrapped += 1
        else:
            joined.append(line)
            wrapped = 1 if CAPTION.match(line) else 0
    return joined


def _goes_on(caption: str, count: int, line: str, after: str) -> bool:
    """Tell whether a caption, of some lines so far, goes on in a line; `after` is the next."""
    if not line or has_cells(line) or CAPTION.match(line) or len(line.split()) > 20:
        return False
    if _BARE.fullmatch(caption):  # its text is there, unless that is the table's head
        return not (is_head(line) and has_cells(after))
    return len(caption) >= WRAPPED and count < MOST_WRAPPED and not caption.endswith(".") and not is_head(line)


def _captions(lines: list[str]) -> list[_Caption]:
    captions = []
    for n, line in enumerate(lines):
        if CAPTION.match(line):
            after = lines[n + 1] if n + 1 < len(lines) else ""
            # A caption's second sentence, or the title of what comes next: it counts for both.
            more = line.endswith(".") and len(after.split()) <= 14 and _says_other_numbers(after)
            captions.append(_Caption(n, f"{line} {after}" if more else line))
    return captions


def _tables(lines: list[str]) -> list[_Table]:
    """Find rows without a line between them: two of networks, three of others, or one below a head or by a caption."""
    tables: list[_Table] = []
    complete: list[_Table] = []
    known = 0  # rows of the last table that name networks
    before: list[str] = []  # lines since the last row, but for empty ones
    for n, line in enumerate(lines):
        if CAPTION.match(line) or not has_cells(line):
            before += [line] if line else []
            continue
        if not tables or not all(map(_PAGE.fullmatch, before)):
            tables.append(_Table(n, n))
            known = 0
        table = tables[-1]
        table.last = n
        known += is_tabular(line)
        rows = sum(map(bool, lines[table.first : min(n + 1, table.first + 9)]))
        by_head = bool(before) and (names_columns(before[-1]) or is_head(before[-1]))
        alone = by_head or _is_caption(lines, n - 1) or _is_caption(lines, n + 1)
        if (rows >= 3 or (known and (rows == 2 or alone))) and table not in complete[-1:]:
            complete.append(table)
        before = []
    return complete


def _is_caption(lines: list[str], n: int) -> bool:
    return 0 <= n < len(lines) and bool(CAPTION.match(lines[n]))


def _find_candidates(lines: list[str], captions: list[_Caption], tables: list[_Table]) -> None:
    """Set the tables next to each caption, where little but a head, notes or other captions stand between them."""
    things: list[_Caption | _Table] = sorted([*captions, *tables], key=lambda one: one.first)
    for one, next_one in itertools.pairwise(things):
        count = sum(map(bool, lines[one.last + 1 : min(next_one.first, one.last + 20)]))
        if isinstance(one, _Caption) and isinstance(next_one, _Caption) and count == 0:
            one.with_others = next_one.with_others = True
        elif isinstance(one, _Caption) and isinstance(next_one, _Table) and count <= HEAD_LINES:
            one.below = next_one
        elif isinstance(one, _Table) and isinstance(next_one, _Caption) and count <= NOTE_LINES:
            next_one.above = one
        elif isinstance(one, _Table) and isinstance(next_one, _Table) and count <= HEAD_LINES:
            one.after, next_one.before = next_one, one
    # Of captions that stand together, each may belong to whatever is next to any.
    for run in (things, things[::-1]):
        for one, next_one in itertools.pairwise(run):
            if (
                isinstance(one, _Caption)
                and isinstance(next_one, _Caption)
                and one.with_others
                and next_one.with_others
            ):
                next_one.above = next_one.above or one.above
                next_one.below = next_one.below or one.below


def _settle(captions: list[_Caption]) -> None:
    """Leave each caption one table where that is clear: what no other has to have, or on the side of the others'."""
    alone = [caption for caption in captions if not caption.with_others]
    taken = {id(table) for caption in alone if len(caption.candidates) == 1 for table in caption.candidates}
    for run in (alone, alone[::-1]):  # what one takes leaves its neighbour the other
        for caption in run:
            if len(caption.candidates) == 2 and _drop(caption, taken):
                taken.add(id(caption.candidates[0]))
    ways = {caption.above is None for caption in alone if len(caption.candidates) == 1}
    if len(ways) == 1:
        for caption in alone:
            if len(caption.candidates) == 2:
                _drop(caption, {id(caption.above if ways == {True} else caption.below)})


def _drop(caption: _Caption, taken: set[int]) -> bool:
    """Leave a caption with two tables the one that is not taken, if that is one of them; tell whether it is."""
    free = [table for table in caption.candidates if id(table) not in taken]
    if len(free) != 1:
        return False
    caption.above = caption.above if caption.above is free[0] else None
    caption.below = caption.below if caption.below is free[0] else None
    return True


def _top(lines: list[str], table: _Table) -> int:
    """Return the number of the line where a table begins: its head's first, or its first row's."""
    top = table.first
    while top > 0 and table.first - top < HEAD_LINES and is_head(lines[top - 1]):
        top -= 1
    return top
