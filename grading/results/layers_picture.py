"""The layers of one network as a picture (SVG): those that were expected beside those that were found.

Equal layers stand at the same height. What was to be removed has a place among those expected, dashed, so that it can
be seen whether it is gone. What differs is told by a word and the shape of its box: nothing hangs on a colour. It is
drawn in `currentColor` without a style of its own, so it suits any page, light or dark, and any policy of one for its
content. It is 360 units wide, with text of 12: on a telephone that is about a pixel each.
"""

import difflib
import functools
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from markupsafe import Markup

from labkit.checks.check import Check, Status
from labkit.networks import FULL, LAYERS, REMOVED, Layer, expected_variables
from labkit.text import printable

MOST_LAYERS = 24  # drawn, of those found; the grader hands on 20, and how many more there are
MOST_CHARACTERS = 160  # of a layer's text
MOST_LINES = 6  # in a box
WIDTH, COLUMN = 360, 166  # of the picture, and of a column, in units
RIGHT = WIDTH - COLUMN  # where the second column begins
LINE, PAD, GAP = 15, 6, 8  # heights: of a line of text, within a box above and below, between rows
CHARACTERS, WIDE_CHARACTERS = 21, 46  # that fit into a line of a column, and of the whole width


class Agreement(Enum):
    """How a row came out."""

    EQUAL = "equal"
    DIFFERS = "differs"
    MISSING = "missing"
    EXTRA = "extra"
    GONE = "gone"  # as it should be
    KEPT = "kept"  # although it should be gone


# Of a network that the grader could not read nothing is known to be wrong, so its picture tells what was seen.
_WORDS = {
    Agreement.DIFFERS: "differs",
    Agreement.MISSING: "missing",
    Agreement.EXTRA: "not expected",
    Agreement.KEPT: "should be gone",
}
_SEEN_WORDS = {
    Agreement.DIFFERS: "seen here",
    Agreement.MISSING: "not seen",
    Agreement.EXTRA: "seen besides",
    Agreement.KEPT: "seen here",
}


@dataclass(frozen=True)
class LayerRow:
    """A layer that was expected and one that was found at the same height; "" for none."""

    expected: str
    actual: str
    outcome: Agreement


def layers_picture(check: Check) -> Markup:
    """Return the picture of an architecture/ check, an SVG element; "" for a check without layers."""
    script = check.name.subject
    if check.name.group != "architecture" or script not in LAYERS or not check.layers:
        return Markup("")
    return _picture(script, tuple(check.layers), seen=check.status == Status.UNDECIDED)


@functools.lru_cache(maxsize=64)  # most of a class have the same layers
def _picture(script: str, layers: tuple[str, ...], *, seen: bool) -> Markup:
    rows = rows_of(script, layers)
    drawing = _Drawing(_SEEN_WORDS if seen else _WORDS, neutral=seen)
    drawing.heads("expected", "seen" if seen else "found")
    drawing.rows(rows, REMOVED.get(script, ""))
    names = f"layers-{script}"
    return Markup(
        '<svg class="layers-picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="100%" '
        'role="img" aria-labelledby="{names}-title {names}-description" fill="currentColor" '
        'font-family="sans-serif" font-size="12">\n<title id="{names}-title">{title}</title>\n'
        '<desc id="{names}-description">{description}</desc>\n{parts}\n</svg>'
    ).format(
        width=WIDTH,
        height=drawing.height,
        names=names,
        title=f"The layers of {script}: expected, and {'seen' if seen else 'found'}",
        description=_description(rows, drawing.words),
        parts=Markup("\n").join(drawing.parts),
    )


def rows_of(script: str, actual: Sequence[str]) -> list[LayerRow]:
    """Align the layers that were found with those expected of a script's network, what is to be removed among these."""
    layers = _with_removed(script)
    expected, removed = [str(layer) for layer, _ in layers], [gone for _, gone in layers]
    actual = [_shortened(text) for text in actual[:MOST_LAYERS]]
    rows = []
    for tag, start, end, low, high in _opcodes(expected, actual):
        if tag == "equal":
            rows += [
                LayerRow(text, text, Agreement.KEPT if removed[place] else Agreement.EQUAL)
                for place, text in enumerate(expected[start:end], start)
            ]
        else:
            rows += _unequal(expected[start:end], removed[start:end], actual[low:high])
    return rows


def _with_removed(script: str) -> list[tuple[Layer, bool]]:
    """Return a network's layers, and those of the full one that are not in it at their place, with True."""
    layers = [(layer, False) for layer in LAYERS[script]]
    if script not in REMOVED:
        return layers
    weights = [[name for name in expected_variables(network) if name[0] == "W"] for network in (FULL, script)]
    missing = next(place for place, name in enumerate(weights[0]) if name not in weights[1])
    at, full_at = (_place(network, missing) for network in (script, FULL))
    count = len(LAYERS[FULL]) - len(layers)
    removed = [(layer, True) for layer in LAYERS[FULL][full_at : full_at + count]]
    return layers[:at] + removed + layers[at:]


def _place(script: str, number: int) -> int:
    """Return where the layer is that is the `number`th with weights."""
    return [place for place, layer in enumerate(LAYERS[script]) if layer.weights][number]


def _opcodes(expected: Sequence[str], actual: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(None, expected, actual, autojunk=False).get_opcodes()


def _unequal(expected: Sequence[str], removed: Sequence[bool], actual: Sequence[str]) -> Iterator[LayerRow]:
    """Align layers of which no two are equal: those of one kind stand side by side, then the others, in their order."""
    kinds = ["" if gone else _kind(text) for text, gone in zip(expected, removed, strict=True)]
    for _, start, end, low, high in _opcodes(kinds, [_kind(text) for text in actual]):
        others = list(actual[low:high])
        for text, gone in zip(expected[start:end], removed[start:end], strict=True):
            if gone:
                yield LayerRow(text, "", Agreement.GONE)
            elif others:
                yield LayerRow(text, others.pop(0), Agreement.DIFFERS)
            else:
                yield LayerRow(text, "", Agreement.MISSING)
        yield from (LayerRow("", text, Agreement.EXTRA) for text in others)


def _kind(text: str) -> str:
    return text.partition(",")[0].partition(" by weights ")[0]


def _shortened(text: str) -> str:
    """Make an untrusted text printable, of one line, and not too long."""
    text = " ".join(printable(text[: 2 * MOST_CHARACTERS]).split())
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."


def _description(rows: Sequence[LayerRow], words: dict[Agreement, str]) -> str:
    """Tell the picture in words, a sentence for each row."""
    sentences = []
    for row in rows:
        match row.outcome:
            case Agreement.EQUAL:
                sentences.append(f"{row.expected}: as expected.")
            case Agreement.GONE:
                sentences.append(f"{row.expected}: removed, as it should be.")
            case Agreement.DIFFERS:
                sentences.append(f"{row.expected}: {words[row.outcome]}, {row.actual}.")
            case _:
                sentences.append(f"{row.expected or row.actual}: {words[row.outcome]}.")
    return " ".join(sentences)


class _Drawing:
    """The parts of a picture, from above to below; `height` is how far it has come.

    Where it is `neutral`, nothing is drawn as if it were wrong.
    """

    def __init__(self, words: dict[Agreement, str], neutral: bool) -> None:
        self.words, self._neutral, self.parts, self.height = words, neutral, [], 0

    def heads(self, left: str, right: str) -> None:
        for x, text in ((0, left), (RIGHT, right)):
            self._line(x + COLUMN // 2, 12, text, bold=True, middle=True)
        self.height = LINE + GAP

    def rows(self, rows: Sequence[LayerRow], removed: str) -> None:
        """Draw the rows; those that are gone, one after the other, as one box. `removed` says what all of them are."""
        partly = any(row.outcome is Agreement.KEPT for row in rows)
        for is_gone, group in itertools.groupby(rows, lambda row: row.outcome is Agreement.GONE):
            if is_gone:
                self._removed(", ".join(_kind(row.expected) for row in group) if partly else removed)
            else:
                for row in group:
                    self._row(row)

    def _removed(self, what: str) -> None:
        lines = ["removed", *_wrapped(what, WIDE_CHARACTERS)]
        height = len(lines) * LINE + 2 * PAD
        self._box(0, WIDTH, height, Agreement.GONE)
        self._text(0, WIDTH, lines, first_bold=True)
        self.height += height + GAP

    def _row(self, row: LayerRow) -> None:
        left, right = _lines(row.expected), _lines(row.actual)
        word = self.words.get(row.outcome, "")
        if row.outcome is Agreement.KEPT:
            left = ["removed", *left]
        if word:
            right = [word, *right]
        height = max(len(left), len(right)) * LINE + 2 * PAD
        if left:
            self._box(0, COLUMN, height, Agreement.GONE if row.outcome is Agreement.KEPT else Agreement.EQUAL)
            self._text(0, COLUMN, left, first_bold=row.outcome is Agreement.KEPT)
        self._box(RIGHT, COLUMN, height, row.outcome)
        self._text(RIGHT, COLUMN, right, first_bold=bool(word))
        self._between(height, row.outcome)
        self.height += height + GAP

    def _box(self, x: int, width: int, height: int, outcome: Agreement) -> None:
        """Draw a box: round where all is well, dashed for what is not there, with sharp corners and heavy else."""
        dashed = outcome in (Agreement.GONE, Agreement.MISSING)
        heavy = outcome not in (Agreement.EQUAL, Agreement.GONE) and not self._neutral
        self.parts.append(
            Markup(
                '<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="none" '
                'stroke="currentColor" stroke-width="{stroke}"{dashes}/>'
            ).format(
                name="wrong" if heavy else "right",
                x=x + 1.5,
                y=self.height + 1.5,
                width=width - 3,
                height=height - 3,
                radius=0 if heavy else 6,
                stroke=2.5 if heavy else 1,
                dashes=Markup(' stroke-dasharray="5 4"') if dashed else "",
            )
        )

    def _between(self, height: int, outcome: Agreement) -> None:
        """Put a sign between two boxes: = or its opposite."""
        signs = {Agreement.EQUAL: "=", Agreement.DIFFERS: "≠"}
        if sign := signs.get(outcome):
            self._line(WIDTH // 2, self.height + height // 2 + 4, sign, bold=True, middle=True)

    def _text(self, x: int, width: int, lines: Sequence[str], first_bold: bool = False) -> None:
        """Write lines into a box that begins here; what is too wide for it, in whatever script, is cut at its edge."""
        height = len(lines) * LINE + 2 * PAD
        self.parts.append(
            Markup('<svg x="{}" y="{}" width="{}" height="{}" overflow="hidden">').format(
                x + 3, self.height, width - 6, height
            )
        )
        for number, text in enumerate(lines):
            self._line(PAD, PAD + LINE * number + 12, text, bold=first_bold and number == 0)
        self.parts.append(Markup("</svg>"))

    def _line(self, x: int, y: int, text: str, bold: bool = False, middle: bool = False) -> None:
        attributes = Markup(' font-weight="bold"' if bold else "") + Markup(' text-anchor="middle"' if middle else "")
        self.parts.append(Markup('<text x="{}" y="{}"{}>{}</text>').format(x, y, attributes, text))


def _lines(text: str) -> list[str]:
    """Return a layer's text in lines for a box: what it is, its weights, what is unusual, its output."""
    parts = text.replace(" by weights ", ", weights ").split(", ") if text else []
    lines = [line for part in parts for line in _wrapped(part, CHARACTERS)]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "..."]


def _wrapped(text: str, characters: int) -> list[str]:
    """Wrap a text at its spaces, or anywhere in a word that is too long; wide letters count twice."""
    lines, left = [""], characters
    for word in text.split():
        if lines[-1] and _width(word) + 1 > left:
            lines.append("")
            left = characters
        elif lines[-1]:
            lines[-1] += " "
            left -= 1
        for letter in word:
            if _width(letter) > left:
                lines.append("")
                left = characters
            lines[-1] += letter
            left -= _width(letter)
    return lines


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
