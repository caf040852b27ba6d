"""Which words of a PDF's page can be seen, as far as the page's own instructions tell.

A page is a list of instructions: set a colour, draw a box, show letters. This module follows them, and notes for each
piece of text where it stands, how large and in which colour, and what is drawn before and after it in the same place.
Text is hidden where that is certain: rendering mode 3, no size to speak of, beyond the page or the clipping path, in
the colour of what is behind it, transparent, in a layer that is switched off, or below a box or a picture. It is
doubtful where a picture of the whole page may show the same words, as in a scan with a text layer. Whatever is not
understood counts as seen: an honest report must not lose words to an unusual program.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

Box = tuple[float, float, float, float]  # left, bottom, right, top; in points
Matrix = tuple[float, float, float, float, float, float]
Colour = tuple[float, float, float]  # red, green, blue, 0 to 1

FEWEST_POINTS = 2.0  # of a letter's size that somebody can read, with a magnifying glass
LEAST_CONTRAST = 0.1  # between the colour of a letter and what is behind it, in the channel where they differ most
LEAST_OPACITY = 0.1
LEAST_SHOWN = (
    0.2  # of a piece of text that is within page and clipping path; one that is cut off was seen by its author
)
COVERS_PAGE = 0.5  # of the page's area; such a picture is a scan, or may be
SMALLEST_PAINT = 3.0  # points of width and height; what is smaller hides no word
MOST_FORMS = 2_000  # forms drawn on a page, each as often as it is
WHITE: Colour = (1.0, 1.0, 1.0)
EVERYWHERE: Box = (-math.inf, -math.inf, math.inf, math.inf)
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

SHOWS = {b"Tj", b"TJ", b"'", b'"'}
_FILLS = {b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"}
_ENDS_PATH = {*_FILLS, b"S", b"s", b"n"}
_PAINTS_GLYPH = re.compile(rb"(?<!\S)(?:[fFBbSs]\*?|Do|sh|EI|Tj|TJ)(?!\S)")


@dataclass(frozen=True)
class Font:
    """What is known of a font: the width of each of its codes in em, and how high it is at a size of 1."""

    code_bytes: int = 1
    widths: dict[int, float] = field(default_factory=dict)
    default: float = 0.5
    height: float | None = 1.0  # None where it can't be told
    empty: bool = False  # its letters draw nothing


@dataclass
class State:
    """The part of the graphics state that decides whether text is seen; None is a colour that can't be told."""

    ctm: Matrix = IDENTITY
    clip: Box = EVERYWHERE
    fill: Colour | None = (0.0, 0.0, 0.0)
    stroke: Colour | None = (0.0, 0.0, 0.0)
    fill_space: Any = "/DeviceGray"
    stroke_space: Any = "/DeviceGray"
    fill_alpha: float = 1.0
    stroke_alpha: float = 1.0
    plain: bool = True  # no blend mode, no soft mask
    line_width: float = 1.0
    font: Font = field(default_factory=Font)
    size: float = 0.0
    mode: int = 0
    scale: float = 1.0
    leading: float = 0.0
    spacing: float = 0.0
    rise: float = 0.0


@dataclass(frozen=True)
class Paint:
    """Something drawn that is no text; `solid` where it surely fills its box and lets nothing through."""

    order: int
    box: Box
    colour: Colour | None
    solid: bool
    picture: bool = False


@dataclass(frozen=True)
class Run:
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
    """What of a page is not seen: the instructions, and for each reason the letters that they show."""

    hidden: set[tuple[int, int]] = field(default_factory=set)
    doubtful: set[tuple[int, int]] = field(default_factory=set)
    reasons: Counter[str] = field(default_factory=Counter)


def find_ink(page: Any) -> Ink:
    """Looks at a page (pypdf's PageObject), and leaves it as it is."""
    walk = _Walk(page)
    walk.read_page()
    return walk.judge()


@contextmanager
def without(page: Any, keys: set[tuple[int, int]]) -> Iterator[Any]:
    """The page without what the instructions in `keys` show; afterwards it is as it was."""
    undo: list[tuple[Any, Any, Any]] = []
    _Walk(page).leave_out(keys, undo)
    try:
        yield page
    finally:
        for holder, name, original in reversed(undo):
            holder[name] = original


# ------------------------------------------------------------------------------------------------------ the instructions


class _Walk:
    """One way through a page's instructions, and those of the forms that it draws."""

    def __init__(self, page: Any):
        self._page, self._pdf = page, page.pdf
        self._off = _layers_off(page.pdf)
        self._box = _page_box(page)
        self._runs: list[Run] = []
        self._paints: list[Paint] = []
        self._order = self._forms = 0
        self._fonts: dict[int, Font] = {}
        self._streams: dict[int, Any] = {}  # by id; they stay alive, so that no other gets the same id

    def read_page(self) -> None:
        content = self._page.get("/Contents")
        if content is not None:
            self._read(content, self._page.get("/Resources"), State(clip=self._box), 0, layer_off=False)

    def _read(self, stream: Any, resources: Any, state: State, depth: int, layer_off: bool) -> None:
        """Follows the instructions of a page or form."""
        resources = _get(resources)
        key, operations = self._operations(stream)
        _Reader(self, key, resources if isinstance(resources, dict) else {}, state, depth, layer_off).follow(operations)

    def _operations(self, stream: Any) -> tuple[int, list[Any]]:
        from pypdf.generic import ContentStream

        stream = _get(stream)
        self._streams[id(stream)] = stream
        return id(stream), ContentStream(stream, self._pdf, "bytes").operations

    def font(self, resources: Any, name: Any) -> Font:
        font = _get(_get(resources.get("/Font", {})).get(name))
        if font is None:
            return Font()
        if id(font) not in self._fonts:
            self._streams[id(font)] = font
            self._fonts[id(font)] = Font()
            with suppress(Exception):
                self._fonts[id(font)] = _read_font(font)
        return self._fonts[id(font)]

    def is_off(self, group: Any) -> bool:
        """Whether a layer (an optional content group, or a membership of some) is switched off."""
        if getattr(group, "idnum", None) in self._off:
            return True
        members = _get(group).get("/OCGs") if isinstance(_get(group), dict) else None
        if members is None:
            return False
        members = _get(members) if isinstance(_get(members), list) else [members]
        return bool(members) and all(getattr(member, "idnum", None) in self._off for member in members)

    def paint(self, box: Box, colour: Colour | None, solid: bool, picture: bool = False) -> None:
        self._order += 1
        if box[2] - box[0] >= SMALLEST_PAINT and box[3] - box[1] >= SMALLEST_PAINT:
            self._paints.append(Paint(self._order, box, colour, solid, picture))

    def run(self, key: tuple[int, int], letters: int, box: Box, start: tuple[float, float], how: Any) -> None:
        self._order += 1
        colour, reason = how
        self._runs.append(Run(self._order, key, letters, box, start, colour, reason))

    def form(self, form: Any, resources: Any, state: State, depth: int, layer_off: bool) -> None:
        self._forms += 1
        if depth > 12 or self._forms > MOST_FORMS:
            return
        inner = replace(state, ctm=_times(_matrix(form.get("/Matrix", IDENTITY)), state.ctm))
        if "/BBox" in form:
            left, bottom, right, top = map(float, _get(form["/BBox"]))
            inner.clip = _common(inner.clip, _around(inner.ctm, (left, bottom, right, top)))
        self._read(form, form.get("/Resources", resources), inner, depth + 1, layer_off)

    # ------------------------------------------------------------------------------------------------ what can be seen

    def judge(self) -> Ink:
        """Tells hidden text from seen. An instruction of a form that is drawn twice is hidden where both are."""
        rows: dict[int, list[Paint]] = {}
        for paint in self._paints:
            low, high = (min(max(value, -2000.0), 20_000.0) for value in (paint.box[1], paint.box[3]))
            for row in range(int(low // 20), int(high // 20) + 1):
                rows.setdefault(row, []).append(paint)
        verdicts: dict[tuple[int, int], set[str]] = {}
        ink = Ink()
        for run in self._runs:
            near = rows.get(int(min(max(run.start[1], -2000.0), 20_000.0) // 20), [])
            verdict, reason = self._verdict(run, near)
            verdicts.setdefault(run.key, set()).add(verdict)
            if reason and verdict != "seen":
                ink.reasons[reason] += run.letters
        for key, found in verdicts.items():
            if "seen" not in found:
                (ink.doubtful if "doubtful" in found else ink.hidden).add(key)
        return ink

    def _verdict(self, run: Run, near: list[Paint]) -> tuple[str, str]:
        scan = any(paint.picture and self._is_page(paint.box) and _holds(paint.box, run.box) for paint in near)
        reason = run.reason or self._covered(run, near) or self._without_contrast(run, near)
        if not reason:
            return "seen", ""
        if scan and reason in (_INVISIBLE, _COVERED):
            return "doubtful", "behind or below the picture of a page"
        if reason == _OUTLINE:
            return "doubtful", reason
        return "hidden", reason

    def _is_page(self, box: Box) -> bool:
        return _area(_common(box, self._box)) >= COVERS_PAGE * _area(self._box)

    def _covered(self, run: Run, near: list[Paint]) -> str | None:
        over = [paint for paint in near if paint.order > run.order and paint.solid]
        return _COVERED if any(_holds(paint.box, run.box) for paint in over) else None

    def _without_contrast(self, run: Run, near: list[Paint]) -> str | None:
        """Text is taken for seen where any of three places of it may be."""
        if run.colour is None:
            return None
        left, bottom, right, top = run.box
        middle = (bottom + top) / 2
        for point in (run.start, (left + (right - left) / 4, middle), ((left + right) / 2, middle)):
            below = [paint for paint in near if paint.order < run.order and _within(paint.box, point)]
            behind = WHITE if not below else below[-1].colour if below[-1].solid else None
            if behind is None or max(abs(a - b) for a, b in zip(run.colour, behind, strict=True)) >= LEAST_CONTRAST:
                return None
        return "in the colour of the paper, or of what is behind them"

    # ------------------------------------------------------------------------------------------------ the page without

    def leave_out(self, keys: set[tuple[int, int]], undo: list[tuple[Any, Any, Any]]) -> None:
        """Takes the instructions out of the page and its forms; `undo` gets what each place held before."""
        from pypdf.generic import NameObject

        contents = self._page.get("/Contents")
        if contents is None:
            return
        undo.append((self._page, NameObject("/Contents"), self._page.raw_get("/Contents")))
        self._page[NameObject("/Contents")] = self._shortened(contents, keys)
        self._leave_out_of_forms(_get(self._page.get("/Resources")), keys, undo, set(), 0)

    def _leave_out_of_forms(self, resources: Any, keys: Any, undo: Any, known: set[int], depth: int) -> None:
        forms = _get(resources.get("/XObject")) if isinstance(resources, dict) else None
        if not isinstance(forms, dict) or depth > 12:
            return
        for name in list(forms):
            form = _get(forms[name])
            if not isinstance(form, dict) or form.get("/Subtype") != "/Form" or id(form) in known:
                continue
            known.add(id(form))
            if any(key == id(form) for key, _ in keys):
                undo.append((forms, name, forms.raw_get(name)))
                shortened = self._shortened(form, keys)
                shortened.update({k: v for k, v in form.items() if k not in ("/Filter", "/DecodeParms", "/Length")})
                forms[name] = shortened
            self._leave_out_of_forms(_get(form.get("/Resources")), keys, undo, known, depth + 1)

    def _shortened(self, stream: Any, keys: set[tuple[int, int]]) -> Any:
        from pypdf.generic import ArrayObject, ByteStringObject, ContentStream

        stream = _get(stream)
        content = ContentStream(stream, self._pdf, "bytes")
        nothing = {b"TJ": ([ArrayObject()], b"TJ"), b"Tj": ([ByteStringObject(b"")], b"Tj")}
        content.operations = [
            nothing.get(operator, ([], b"T*"))
            if operator in SHOWS and (id(stream), n) in keys
            else (operands, operator)
            for n, (operands, operator) in enumerate(content.operations)
        ]
        return content


_INVISIBLE = "in an invisible rendering mode"
_COVERED = "below a box or a picture"
_OUTLINE = "the outline of something that may not be there"  # a clipping path of letters, for a gradient


class _Reader:
    """Follows the instructions of one stream; those that make no sense are passed over, as any reader does."""

    def __init__(self, walk: _Walk, key: int, resources: Any, state: State, depth: int, layer_off: bool):
        self._walk, self._key, self._resources, self._depth = walk, key, resources, depth
        self._state, self._stack = state, []
        self._layers = [layer_off]
        self._tm = self._line = IDENTITY
        self._path: list[tuple[float, float]] = []
        self._boxes = 0  # of the path, those that are drawn as one
        self._plain_path = True
        self._clips = False

    def follow(self, operations: list[Any]) -> None:
        for n, (operands, operator) in enumerate(operations):
            name = _METHODS.get(operator)
            with suppress(ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError):
                if operator in SHOWS:
                    self._show(n, operator, operands)
                elif name:
                    getattr(self, name)(operator, operands)

    # state

    def _save(self, _: bytes, __: Any) -> None:
        if len(self._stack) < 1000:
            self._stack.append(replace(self._state))

    def _restore(self, _: bytes, __: Any) -> None:
        if self._stack:
            self._state = self._stack.pop()

    def _transform(self, _: bytes, operands: Any) -> None:
        self._state.ctm = _times(_matrix(operands), self._state.ctm)

    def _line_width(self, _: bytes, operands: Any) -> None:
        self._state.line_width = float(operands[0])

    def _graphics(self, _: bytes, operands: Any) -> None:
        state, given = self._state, _get(_get(self._resources["/ExtGState"])[operands[0]])
        state.fill_alpha = float(given.get("/ca", state.fill_alpha))
        state.stroke_alpha = float(given.get("/CA", state.stroke_alpha))
        if "/SMask" in given or "/BM" in given:
            plain = _get(given.get("/SMask", "/None")) == "/None"
            state.plain = plain and _get(given.get("/BM", "/Normal")) in ("/Normal", "/Compatible")
        if "/Font" in given:
            state.font, state.size = Font(), float(_get(given["/Font"])[1])

    def _colour(self, operator: bytes, operands: Any) -> None:
        numbers = [float(value) for value in operands if not isinstance(value, str)]
        space = self._state.fill_space if operator.islower() else self._state.stroke_space
        if operator.lower() in (b"g", b"rg", b"k"):
            space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}.get(len(numbers))
        colour = None
        with suppress(Exception):
            colour = _rgb(space, numbers) if len(numbers) == len(operands) else None
        self._set_colour(operator.islower(), space, colour)

    def _colour_space(self, operator: bytes, operands: Any) -> None:
        spaces = _get(self._resources.get("/ColorSpace", {}))
        space = _get(spaces.get(operands[0], operands[0]))
        kind = _get(space[0]) if isinstance(space, list) else space
        first = (0.0, 0.0, 0.0) if kind not in ("/Pattern", "/Separation", "/DeviceN", "/Indexed", "/Lab") else None
        self._set_colour(operator.islower(), space, first)

    def _set_colour(self, fill: bool, space: Any, colour: Colour | None) -> None:
        if fill:
            self._state.fill_space, self._state.fill = space, colour
        else:
            self._state.stroke_space, self._state.stroke = space, colour

    # paths and pictures

    def _rectangle(self, _: bytes, operands: Any) -> None:
        x, y, width, height = map(float, operands)
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        self._path += [_at(self._state.ctm, corner) for corner in corners]
        self._boxes += 1

    def _points(self, operator: bytes, operands: Any) -> None:
        numbers = [float(value) for value in operands]
        self._path += [_at(self._state.ctm, point) for point in zip(numbers[::2], numbers[1::2], strict=True)]
        if operator in (b"c", b"v", b"y"):
            self._plain_path = False

    def _clip(self, _: bytes, __: Any) -> None:
        self._clips = True

    def _end_path(self, operator: bytes, _: Any) -> None:
        state, path = self._state, self._path
        if path:
            box = _bounds(path)
            seen = _common(box, state.clip)
            if operator in _FILLS and not self._layers[-1] and state.fill_alpha >= LEAST_OPACITY:
                solid = state.fill_alpha > 0.95 and state.plain and self._is_box(box)
                self._walk.paint(seen, state.fill, solid)
            elif operator in (b"S", b"s") and not self._layers[-1]:
                half = state.line_width * math.sqrt(abs(state.ctm[0] * state.ctm[3] - state.ctm[1] * state.ctm[2])) / 2
                if 2 * half >= SMALLEST_PAINT:  # a line as broad as a box
                    left, bottom, right, top = box
                    self._walk.paint((left - half, bottom - half, right + half, top + half), None, False)
            if self._clips:
                state.clip = seen
        self._path, self._boxes, self._plain_path, self._clips = [], 0, True, False

    def _is_box(self, box: Box) -> bool:
        """Whether the path is one rectangle along the page's edges: each of its points is a corner."""
        if not self._plain_path or self._boxes > 1 or not 4 <= len(self._path) <= 6:
            return False
        corners = {(abs(x - box[0]) > 0.01, abs(y - box[1]) > 0.01) for x, y in self._path}
        at_edge = all(
            min(abs(x - box[0]), abs(x - box[2])) < 0.01 and min(abs(y - box[1]), abs(y - box[3])) < 0.01
            for x, y in self._path
        )
        return at_edge and len(corners) == 4

    def _shading(self, _: bytes, __: Any) -> None:
        self._walk.paint(_common(self._state.clip, EVERYWHERE), None, False)

    def _inline_image(self, _: bytes, __: Any) -> None:
        self._picture({})

    def _draw(self, _: bytes, operands: Any) -> None:
        drawn = _get(_get(self._resources["/XObject"])[operands[0]])
        off = self._layers[-1] or ("/OC" in drawn and self._walk.is_off(drawn.raw_get("/OC")))
        if drawn.get("/Subtype") == "/Form":
            self._walk.form(drawn, self._resources, replace(self._state), self._depth, off)
        elif drawn.get("/Subtype") == "/Image" and not off:
            self._picture(drawn)

    def _picture(self, picture: Any) -> None:
        state = self._state
        masked = any(name in picture for name in ("/SMask", "/Mask", "/ImageMask"))
        solid = bool(picture) and not masked and state.plain and state.fill_alpha > 0.95
        upright = abs(state.ctm[1]) + abs(state.ctm[2]) < 1e-6
        self._walk.paint(
            _common(_around(state.ctm, (0, 0, 1, 1)), state.clip), None, solid and upright, picture=not masked
        )

    # layers

    def _begin_content(self, operator: bytes, operands: Any) -> None:
        off = self._layers[-1]
        if operator == b"BDC":
            with suppress(Exception):
                if operands[0] == "/OC":
                    off = off or self._walk.is_off(_get(self._resources["/Properties"]).raw_get(operands[1]))
        self._layers.append(off)

    def _end_content(self, _: bytes, __: Any) -> None:
        if len(self._layers) > 1:
            self._layers.pop()

    # text

    def _begin_text(self, _: bytes, __: Any) -> None:
        self._tm = self._line = IDENTITY

    def _font(self, _: bytes, operands: Any) -> None:
        self._state.size = float(operands[1])
        self._state.font = self._walk.font(self._resources, operands[0])

    def _text_number(self, operator: bytes, operands: Any) -> None:
        value = float(operands[0])
        if operator == b"Tr":
            self._state.mode = int(value)
        else:
            name = {b"TL": "leading", b"Tc": "spacing", b"Tz": "scale", b"Ts": "rise"}[operator]
            setattr(self._state, name, value / 100 if operator == b"Tz" else value)

    def _move(self, operator: bytes, operands: Any) -> None:
        x, y = float(operands[0]), float(operands[1])
        if operator == b"TD":
            self._state.leading = -y
        self._tm = self._line = _times((1, 0, 0, 1, x, y), self._line)

    def _text_matrix(self, _: bytes, operands: Any) -> None:
        self._tm = self._line = _matrix(operands)

    def _next_line(self, _: bytes, __: Any) -> None:
        self._tm = self._line = _times((1, 0, 0, 1, 0, -self._state.leading), self._line)

    def _show(self, n: int, operator: bytes, operands: Any) -> None:
        if operator in (b"'", b'"'):
            self._next_line(operator, operands)
        state = self._state
        pieces = _get(operands[0]) if operator == b"TJ" else [operands[-1]]
        width, letters = 0.0, 0  # in em
        for piece in pieces:
            if isinstance(piece, bytes | str):
                codes = _codes(piece, state.font.code_bytes)
                width += sum(state.font.widths.get(code, state.font.default) for code in codes)
                width += len(codes) * state.spacing / (state.size or 1)
                letters += len(codes)
            else:
                width -= float(piece) / 1000
        em = _times((state.size * state.scale, 0, 0, state.size, 0, state.rise), _times(self._tm, state.ctm))
        box = _around(em, (0.0, -0.2, max(width, 0.1), 0.75))
        how = (self._ink_colour(), self._reason(em, box))
        self._walk.run((self._key, n), letters, box, (em[4] + 0.3 * em[2], em[5] + 0.3 * em[3]), how)
        self._tm = _times((1, 0, 0, 1, width * state.size * state.scale, 0), self._tm)

    def _ink_colour(self) -> Colour | None:
        """The colour in which letters stand out; None where there are two, or one that can't be told."""
        state = self._state
        if not state.plain or state.mode % 4 == 2:
            return None
        return state.stroke if state.mode % 4 == 1 else state.fill

    def _reason(self, em: Matrix, box: Box) -> str | None:
        state = self._state
        if self._layers[-1]:
            return "in a layer that is switched off"
        if state.mode in (3, 7):
            return _INVISIBLE if state.mode == 3 else _OUTLINE
        if state.font.empty:
            return "in a font whose letters are empty"
        if state.font.height is not None:
            across, up = math.hypot(em[0], em[1]), math.hypot(em[2], em[3]) * state.font.height
            if min(across, up) < FEWEST_POINTS or abs(em[0] * em[3] - em[1] * em[2]) < FEWEST_POINTS**2 / 10:
                return f"smaller than {FEWEST_POINTS:g} points"
        alpha = {0: state.fill_alpha, 1: state.stroke_alpha}.get(state.mode % 4, 1.0)
        if alpha < LEAST_OPACITY:
            return "transparent"
        if _area(_common(box, state.clip)) < LEAST_SHOWN * _area(box):
            return "beyond the edge of the page, or cut off"
        return None


_METHODS = {
    b"q": "_save",
    b"Q": "_restore",
    b"cm": "_transform",
    b"w": "_line_width",
    b"gs": "_graphics",
    **dict.fromkeys((b"g", b"G", b"rg", b"RG", b"k", b"K", b"sc", b"SC", b"scn", b"SCN"), "_colour"),
    **dict.fromkeys((b"cs", b"CS"), "_colour_space"),
    b"re": "_rectangle",
    **dict.fromkeys((b"m", b"l", b"c", b"v", b"y"), "_points"),
    **dict.fromkeys((b"W", b"W*"), "_clip"),
    **dict.fromkeys(_ENDS_PATH, "_end_path"),
    b"sh": "_shading",
    b"INLINE IMAGE": "_inline_image",
    b"Do": "_draw",
    **dict.fromkeys((b"BMC", b"BDC"), "_begin_content"),
    b"EMC": "_end_content",
    b"BT": "_begin_text",
    b"Tf": "_font",
    **dict.fromkeys((b"Tr", b"TL", b"Tc", b"Tz", b"Ts"), "_text_number"),
    **dict.fromkeys((b"Td", b"TD"), "_move"),
    b"Tm": "_text_matrix",
    b"T*": "_next_line",
}


# ------------------------------------------------------------------------------------------- fonts, colours and layers


def _read_font(font: Any) -> Font:
    kind = font.get("/Subtype")
    if kind == "/Type0":
        return _read_wide_font(_get(_get(font["/DescendantFonts"])[0]))
    first = int(_get(font.get("/FirstChar", 0)))
    unit = float(_get(font["/FontMatrix"])[0]) if kind == "/Type3" else 0.001
    widths = {first + n: float(_get(width)) * unit for n, width in enumerate(_get(font.get("/Widths", [])))}
    if kind != "/Type3":
        return Font(widths=widths)
    box = [float(value) for value in _get(font.get("/FontBBox", [0, 0, 0, 0]))]
    height = abs(box[3] - box[1]) * abs(float(_get(font["/FontMatrix"])[3]))
    glyphs = [_get(glyph).get_data() for glyph in _get(font["/CharProcs"]).values()]
    drawn = sum(1 for glyph in glyphs if _PAINTS_GLYPH.search(glyph))
    return Font(widths=widths, height=height or None, empty=bool(glyphs) and drawn < len(glyphs) / 2)


def _read_wide_font(font: Any) -> Font:
    """The widths of a font of many characters, which come as `code [width ...]` or `first last width`."""
    widths: dict[int, float] = {}
    given = [_get(item) for item in _get(font.get("/W", []))]
    n = 0
    while n + 1 < len(given) and len(widths) < 70_000:
        if isinstance(given[n + 1], list):
            widths |= {int(given[n]) + k: float(_get(width)) / 1000 for k, width in enumerate(given[n + 1])}
            n += 2
        else:
            codes = range(int(given[n]), min(int(given[n + 1]), int(given[n]) + 65_536) + 1)
            widths |= dict.fromkeys(codes, float(given[n + 2]) / 1000)
            n += 3
    return Font(code_bytes=2, widths=widths, default=float(_get(font.get("/DW", 1000))) / 1000)


def _codes(text: Any, code_bytes: int) -> list[int]:
    data = (
        text if isinstance(text, bytes) else getattr(text, "original_bytes", b"") or text.encode("latin-1", "replace")
    )
    return [int.from_bytes(data[n : n + code_bytes], "big") for n in range(0, len(data), code_bytes)]


def _rgb(space: Any, numbers: list[float]) -> Colour | None:
    """A colour of a colour space as red, green and blue; None where that can't be told."""
    space = _get(space)
    if isinstance(space, list):
        kind = _get(space[0])
        if kind == "/ICCBased" or kind in ("/CalGray", "/CalRGB"):
            space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}.get(len(numbers))
        elif kind == "/Separation":
            ends = _get(space[3])
            if ends.get("/FunctionType") != 2:
                return None
            low, high = ([float(value) for value in _get(ends[name])] for name in ("/C0", "/C1"))
            tint = numbers[0] ** float(ends.get("/N", 1))
            return _rgb(space[2], [a + tint * (b - a) for a, b in zip(low, high, strict=True)])
        else:
            return None
    if space == "/DeviceGray" and len(numbers) == 1:
        return (numbers[0],) * 3
    if space == "/DeviceRGB" and len(numbers) == 3:
        return numbers[0], numbers[1], numbers[2]
    if space == "/DeviceCMYK" and len(numbers) == 4:
        red, green, blue = ((1 - value) * (1 - numbers[3]) for value in numbers[:3])
        return red, green, blue
    return None


def _layers_off(pdf: Any) -> set[int]:
    """The numbers of the objects that are layers switched off from the start."""
    with suppress(Exception):
        layers = _get(_get(pdf.trailer["/Root"])["/OCProperties"])
        settings = _get(layers["/D"])
        named = {name: {item.idnum for item in _get(settings.get(name, []))} for name in ("/ON", "/OFF")}
        if settings.get("/BaseState") == "/OFF":
            return {item.idnum for item in _get(layers["/OCGs"])} - named["/ON"]
        return named["/OFF"]
    return set()


def _page_box(page: Any) -> Box:
    left, bottom, right, top = (float(value) for value in page.cropbox)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _get(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


# --------------------------------------------------------------------------------------------------------------- geometry


def _matrix(values: Any) -> Matrix:
    a, b, c, d, e, f = (float(_get(value)) for value in _get(values))
    return a, b, c, d, e, f


def _times(first: Matrix, then: Matrix) -> Matrix:
    """The matrix of doing one thing, then the other."""
    a, b, c, d, e, f = first
    A, B, C, D, E, F = then
    return a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F


def _at(matrix: Matrix, point: tuple[float, float]) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def _bounds(points: list[tuple[float, float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _around(matrix: Matrix, box: Box) -> Box:
    left, bottom, right, top = box
    return _bounds([_at(matrix, corner) for corner in ((left, bottom), (right, bottom), (right, top), (left, top))])


def _common(a: Box, b: Box) -> Box:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _within(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _holds(box: Box, inner: Box) -> bool:
    """Whether a box holds nearly all of another, whose edges are estimates."""
    return _area(_common(box, inner)) >= 0.85 * _area(inner)
