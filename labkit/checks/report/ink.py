"""Which words of a PDF's page can be seen, as far as the page's own instructions tell.

A page is a list of instructions: set a colour, draw a box, show letters. This module follows them, and notes for each
piece of text where it stands, how large and in which colour, and what is drawn before and after it in the same place.
Text is hidden where that is certain: rendering mode 3, no size to speak of, beyond the page or the clipping path, in
the colour of what is behind it, transparent, in a layer that is switched off, or below a box or a picture. It is
doubtful where a picture of the whole page may show the same words, as in a scan with a text layer. Whatever is not
understood counts as seen: an honest report must not lose words to an unusual program.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from labkit.checks.report.boxes import IDENTITY, Box, area, around, common, holds, page_box, times, to_matrix, within
from labkit.checks.report.fonts import Colour, Font, read_font, resolve
from labkit.checks.report.page import COVERED, INVISIBLE, OUTLINE, SHOWS, SMALLEST_PAINT, GraphicsState, Reader

LEAST_CONTRAST = 0.1  # between the colour of a letter and what is behind it, in the channel where they differ most
COVERS_PAGE = 0.5  # of the page's area; such a picture is a scan, or may be
LETTERS_DRAWN = 0.3  # shapes for each letter in an invisible mode: they may be the letters, turned into outlines
LETTERS_OF_TEXT = 200  # shapes as high as letters; a plot's marks and ticks are fewer
LETTER_HEIGHT = (3.0, 20.0)  # points
MOST_FORMS = 2_000  # forms drawn on a page, each as often as it is
WHITE: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Paint:
    """Something drawn that is no text; `solid` where it surely fills its box and lets nothing through."""

    order: int
    box: Box
    colour: Colour | None
    solid: bool
    picture: bool = False


@dataclass(frozen=True)
class TextRun:
    """The text that one instruction shows; `key` is that instruction's, `reason` why it can't be seen, if known."""

    order: int
    key: tuple[int, int]
    letters: int
    box: Box
    start: tuple[float, float]
    colour: Colour | None
    reason: str | None


@dataclass
class Ink:
    """What of a page is not seen: the instructions, and for each reason the letters that they show.

    `drawn` tells whether there is a picture of the whole page, or as many shapes as a paragraph has letters.
    """

    drawn: bool = False
    hidden: set[tuple[int, int]] = field(default_factory=set)
    doubtful: set[tuple[int, int]] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)


def find_ink(page: Any) -> Ink:
    """Examine a page (pypdf's PageObject), without changing it."""
    walk = _Walk(page)
    walk.read_page()
    return walk.judge()


@contextmanager
def without(page: Any, keys: set[tuple[int, int]]) -> Iterator[Any]:
    """Provide the page without what the instructions in `keys` show; restore it afterwards."""
    undo: list[tuple[Any, Any, Any]] = []
    _Walk(page).leave_out(keys, undo)
    try:
        yield page
    finally:
        for holder, name, original in reversed(undo):
            holder[name] = original


def _layers_off(pdf: Any) -> set[int]:
    """Return the numbers of the objects that are layers switched off from the start."""
    with suppress(Exception):
        layers = resolve(resolve(pdf.trailer["/Root"])["/OCProperties"])
        settings = resolve(layers["/D"])
        named = {name: {item.idnum for item in resolve(settings.get(name, []))} for name in ("/ON", "/OFF")}
        if settings.get("/BaseState") == "/OFF":
            return {item.idnum for item in resolve(layers["/OCGs"])} - named["/ON"]
        return named["/OFF"]
    return set()


# ---------------------------------------------------------------------------------------------------- the instructions


class _Walk:
    """One way through a page's instructions, and those of the forms that it draws."""

    def __init__(self, page: Any) -> None:
        self._page, self._pdf = page, page.pdf
        self._off = _layers_off(page.pdf)
        self._box = page_box(page)
        self._runs: list[TextRun] = []
        self._paints: list[Paint] = []
        self._order = self._forms = 0
        self._fonts: dict[int, Font] = {}
        self._streams: dict[int, Any] = {}  # by id; they stay alive, so that no other gets the same id

    def read_page(self) -> None:
        content = self._page.get("/Contents")
        if content is not None:
            self._read(content, self._page.get("/Resources"), GraphicsState(clip=self._box), 0, layer_off=False)

    def _read(self, stream: Any, resources: Any, state: GraphicsState, depth: int, layer_off: bool) -> None:
        """Follow the instructions of a page or form."""
        resources = resolve(resources)
        key, operations = self._operations(stream)
        Reader(self, key, resources if isinstance(resources, dict) else {}, state, depth, layer_off).follow(operations)

    def _operations(self, stream: Any) -> tuple[int, list[Any]]:
        from pypdf.generic import ContentStream

        stream = resolve(stream)
        self._streams[id(stream)] = stream
        return id(stream), ContentStream(stream, self._pdf, "bytes").operations

    def font(self, resources: Any, name: Any) -> Font:
        font = resolve(resolve(resources.get("/Font", {})).get(name))
        if font is None:
            return Font()
        if id(font) not in self._fonts:
            self._streams[id(font)] = font
            self._fonts[id(font)] = Font()
            with suppress(Exception):
                self._fonts[id(font)] = read_font(font)
        return self._fonts[id(font)]

    def is_off(self, group: Any) -> bool:
        """Tell whether a layer (an optional content group, or a membership of some) is switched off."""
        if getattr(group, "idnum", None) in self._off:
            return True
        members = resolve(group).get("/OCGs") if isinstance(resolve(group), dict) else None
        if members is None:
            return False
        members = resolve(members) if isinstance(resolve(members), list) else [members]
        return bool(members) and all(getattr(member, "idnum", None) in self._off for member in members)

    def paint(self, box: Box, colour: Colour | None, solid: bool, picture: bool = False) -> None:
        self._order += 1
        if box[2] - box[0] >= SMALLEST_PAINT and box[3] - box[1] >= SMALLEST_PAINT:
            self._paints.append(Paint(self._order, box, colour, solid, picture))

    def run(self, key: tuple[int, int], letters: int, box: Box, start: tuple[float, float], how: Any) -> None:
        self._order += 1
        colour, reason = how
        self._runs.append(TextRun(self._order, key, letters, box, start, colour, reason))

    def form(self, form: Any, resources: Any, state: GraphicsState, depth: int, layer_off: bool) -> None:
        self._forms += 1
        if depth > 12 or self._forms > MOST_FORMS:
            return
        inner = replace(state, ctm=times(to_matrix(form.get("/Matrix", IDENTITY)), state.ctm))
        if "/BBox" in form:
            left, bottom, right, top = map(float, resolve(form["/BBox"]))
            inner.clip = common(inner.clip, around(inner.ctm, (left, bottom, right, top)))
        self._read(form, form.get("/Resources", resources), inner, depth + 1, layer_off)

    # ------------------------------------------------------------------------------------------------ what can be seen

    def judge(self) -> Ink:
        """Separate hidden text from visible. An instruction of a form that is drawn twice is hidden where both are."""
        rows: dict[int, list[Paint]] = {}
        for paint in self._paints:
            low, high = (min(max(value, -2000.0), 20_000.0) for value in (paint.box[1], paint.box[3]))
            for row in range(int(low // 20), int(high // 20) + 1):
                rows.setdefault(row, []).append(paint)
        verdicts: dict[tuple[int, int], set[str]] = {}
        ink = Ink(drawn=self._may_be_text())
        for run in self._runs:
            near = rows.get(int(min(max(run.start[1], -2000.0), 20_000.0) // 20), [])
            verdict, reason = self._verdict(run, near)
            verdicts.setdefault(run.key, set()).add(verdict)
            if reason and verdict != "seen":
                ink.reasons[reason] += run.letters
        for key, kinds in verdicts.items():
            if "seen" not in kinds:
                (ink.doubtful if "doubtful" in kinds else ink.hidden).add(key)
        return ink

    def _verdict(self, run: TextRun, near: list[Paint]) -> tuple[str, str]:
        scan = any(paint.picture and self._is_page(paint.box) and holds(paint.box, run.box) for paint in near)
        reason = run.reason or self._covered(run, near) or self._without_contrast(run, near)
        if not reason:
            return "seen", ""
        if scan and reason in (INVISIBLE, COVERED):
            return "doubtful", "behind or below the picture of a page"
        if reason == INVISIBLE and self._drawn(run, near) >= LETTERS_DRAWN * run.letters:
            return "doubtful", "behind shapes that may be the same letters"
        if reason == OUTLINE:
            return "doubtful", reason
        return "hidden", reason

    def _may_be_text(self) -> bool:
        low, high = LETTER_HEIGHT
        shapes = sum(1 for paint in self._paints if not paint.picture and low <= paint.box[3] - paint.box[1] <= high)
        return shapes >= LETTERS_OF_TEXT or any(paint.picture and self._is_page(paint.box) for paint in self._paints)

    def _is_page(self, box: Box) -> bool:
        return area(common(box, self._box)) >= COVERS_PAGE * area(self._box)

    def _covered(self, run: TextRun, near: list[Paint]) -> str | None:
        """Say what covers text: it is covered where each of twelve points of it is, be it by one box or by several."""
        over = [paint for paint in near if paint.order > run.order and paint.solid]
        if not over:
            return None
        left, bottom, right, top = run.box
        places = [
            (left + (right - left) * across, bottom + (top - bottom) * up)
            for across in (0.04, 0.2, 0.4, 0.6, 0.8, 0.96)
            for up in (0.25, 0.7)
        ]
        return COVERED if all(any(within(paint.box, place) for paint in over) for place in places) else None

    def _drawn(self, run: TextRun, near: list[Paint]) -> int:
        """Count the shapes of the size of letters that are drawn in the place of a piece of text."""
        height = run.box[3] - run.box[1]
        small = (paint.box for paint in near if not paint.picture and paint.box[3] - paint.box[1] <= height)
        return sum(1 for box in small if within(run.box, ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)))

    def _without_contrast(self, run: TextRun, near: list[Paint]) -> str | None:
        """Say why text lacks contrast; it counts as visible where any of three points of it may be."""
        if run.colour is None:
            return None
        left, bottom, right, top = run.box
        middle = (bottom + top) / 2
        for point in (run.start, (left + (right - left) / 4, middle), ((left + right) / 2, middle)):
            below = [paint for paint in near if paint.order < run.order and within(paint.box, point)]
            behind = WHITE if not below else below[-1].colour if below[-1].solid else None
            if behind is None or max(abs(a - b) for a, b in zip(run.colour, behind, strict=True)) >= LEAST_CONTRAST:
                return None
        return "in the colour of the paper, or of what is behind them"

    # ------------------------------------------------------------------------------------------------ the page without

    def leave_out(self, keys: set[tuple[int, int]], undo: list[tuple[Any, Any, Any]]) -> None:
        """Remove the instructions from the page and its forms; `undo` receives what each place held before."""
        from pypdf.generic import NameObject

        contents = self._page.get("/Contents")
        if contents is None:
            return
        undo.append((self._page, NameObject("/Contents"), self._page.raw_get("/Contents")))
        self._page[NameObject("/Contents")] = self._shortened(contents, keys)
        self._leave_out_of_forms(resolve(self._page.get("/Resources")), keys, undo, set(), 0)

    def _leave_out_of_forms(self, resources: Any, keys: Any, undo: Any, known: set[int], depth: int) -> None:
        forms = resolve(resources.get("/XObject")) if isinstance(resources, dict) else None
        if not isinstance(forms, dict) or depth > 12:
            return
        for name in list(forms):
            form = resolve(forms[name])
            if not isinstance(form, dict) or form.get("/Subtype") != "/Form" or id(form) in known:
                continue
            known.add(id(form))
            if any(key == id(form) for key, _ in keys):
                raw = forms.raw_get(name)  # pyright: ignore[reportAttributeAccessIssue]  # a dictionary of pypdf's
                undo.append((forms, name, raw))
                shortened = self._shortened(form, keys)
                shortened.update({k: v for k, v in form.items() if k not in ("/Filter", "/DecodeParms", "/Length")})
                forms[name] = shortened
            self._leave_out_of_forms(resolve(form.get("/Resources")), keys, undo, known, depth + 1)

    def _shortened(self, stream: Any, keys: set[tuple[int, int]]) -> Any:
        from pypdf.generic import ArrayObject, ByteStringObject, ContentStream

        stream = resolve(stream)
        content = ContentStream(stream, self._pdf, "bytes")
        nothing = {b"TJ": ([ArrayObject()], b"TJ"), b"Tj": ([ByteStringObject(b"")], b"Tj")}
        content.operations = [
            nothing.get(operator, ([], b"T*"))
            if operator in SHOWS and (id(stream), n) in keys
            else (operands, operator)
            for n, (operands, operator) in enumerate(content.operations)
        ]
        return content
