"""Follows the instructions of a PDF's page: where each piece of text stands, how large, and in which colour.

What it finds goes to a Canvas, piece by piece, in the order in which a viewer draws it.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from labkit.checks.report.boxes import (
    EVERYWHERE,
    IDENTITY,
    Box,
    Matrix,
    area,
    around,
    at,
    bounds,
    common,
    times,
    to_matrix,
)
from labkit.checks.report.fonts import Colour, Font, codes_of, resolve, to_rgb

FEWEST_POINTS = 2.0  # of a letter's size that somebody can read, with a magnifying glass
LEAST_OPACITY = 0.1
LEAST_SHOWN = 0.2  # of a piece of text within page and clipping path; of one cut off, the author saw the rest
SMALLEST_PAINT = 3.0  # points of width and height; what is smaller hides no word

INVISIBLE = "in an invisible rendering mode"
COVERED = "below a box or a picture"
OUTLINE = "the outline of something that may not be there"  # a clipping path of letters, for a gradient

SHOWS = {b"Tj", b"TJ", b"'", b'"'}
_FILLS = {b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"}
_ENDS_PATH = {*_FILLS, b"S", b"s", b"n"}


class Canvas(Protocol):
    """The receiver of what a page shows, piece by piece."""

    def font(self, resources: Any, name: Any) -> Font: ...

    def is_off(self, group: Any) -> bool: ...

    def paint(self, box: Box, colour: Colour | None, solid: bool, picture: bool = False) -> None: ...

    def run(self, key: tuple[int, int], letters: int, box: Box, start: tuple[float, float], how: Any) -> None: ...

    def form(self, form: Any, resources: Any, state: "GraphicsState", depth: int, layer_off: bool) -> None: ...


@dataclass
class GraphicsState:
    """The part of the graphics state that decides whether text is seen; None is an unknown colour."""

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


class Reader:
    """Follows the instructions of one stream; those that make no sense are passed over, as any reader does."""

    def __init__(
        self, canvas: Canvas, key: int, resources: Any, state: GraphicsState, depth: int, layer_off: bool
    ) -> None:
        self._canvas, self._key, self._resources, self._depth = canvas, key, resources, depth
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
        self._state.ctm = times(to_matrix(operands), self._state.ctm)

    def _line_width(self, _: bytes, operands: Any) -> None:
        self._state.line_width = float(operands[0])

    def _graphics(self, _: bytes, operands: Any) -> None:
        state, given = self._state, resolve(resolve(self._resources["/ExtGState"])[operands[0]])
        state.fill_alpha = float(given.get("/ca", state.fill_alpha))
        state.stroke_alpha = float(given.get("/CA", state.stroke_alpha))
        if "/SMask" in given or "/BM" in given:
            plain = resolve(given.get("/SMask", "/None")) == "/None"
            state.plain = plain and resolve(given.get("/BM", "/Normal")) in ("/Normal", "/Compatible")
        if "/Font" in given:
            state.font, state.size = Font(), float(resolve(given["/Font"])[1])

    def _colour(self, operator: bytes, operands: Any) -> None:
        numbers = [float(value) for value in operands if not isinstance(value, str)]
        space = self._state.fill_space if operator.islower() else self._state.stroke_space
        if operator.lower() in (b"g", b"rg", b"k"):
            space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}.get(len(numbers))
        colour = None
        with suppress(Exception):
            colour = to_rgb(space, numbers) if len(numbers) == len(operands) else None
        self._set_colour(operator.islower(), space, colour)

    def _colour_space(self, operator: bytes, operands: Any) -> None:
        spaces = resolve(self._resources.get("/ColorSpace", {}))
        space = resolve(spaces.get(operands[0], operands[0]))
        kind = resolve(space[0]) if isinstance(space, list) else space
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
        self._path += [at(self._state.ctm, corner) for corner in corners]
        self._boxes += 1

    def _points(self, operator: bytes, operands: Any) -> None:
        numbers = [float(value) for value in operands]
        self._path += [at(self._state.ctm, point) for point in zip(numbers[::2], numbers[1::2], strict=True)]
        if operator in (b"c", b"v", b"y"):
            self._plain_path = False

    def _clip(self, _: bytes, __: Any) -> None:
        self._clips = True

    def _end_path(self, operator: bytes, _: Any) -> None:
        state, path = self._state, self._path
        if path:
            box = bounds(path)
            seen = common(box, state.clip)
            if operator in _FILLS and not self._layers[-1] and state.fill_alpha >= LEAST_OPACITY:
                solid = state.fill_alpha > 0.95 and state.plain and self._is_box(box)
                self._canvas.paint(seen, state.fill, solid)
            elif operator in (b"S", b"s") and not self._layers[-1]:
                half = state.line_width * math.sqrt(abs(state.ctm[0] * state.ctm[3] - state.ctm[1] * state.ctm[2])) / 2
                if 2 * half >= SMALLEST_PAINT:  # a line as broad as a box
                    left, bottom, right, top = box
                    self._canvas.paint((left - half, bottom - half, right + half, top + half), None, False)
            if self._clips:
                state.clip = seen
        self._path, self._boxes, self._plain_path, self._clips = [], 0, True, False

    def _is_box(self, box: Box) -> bool:
        """Tell whether the path is one rectangle along the page's edges: each of its points is a corner."""
        if not self._plain_path or self._boxes > 1 or not 4 <= len(self._path) <= 6:
            return False
        corners = {(abs(x - box[0]) > 0.01, abs(y - box[1]) > 0.01) for x, y in self._path}
        at_edge = all(
            min(abs(x - box[0]), abs(x - box[2])) < 0.01 and min(abs(y - box[1]), abs(y - box[3])) < 0.01
            for x, y in self._path
        )
        return at_edge and len(corners) == 4

    def _shading(self, _: bytes, __: Any) -> None:
        self._canvas.paint(common(self._state.clip, EVERYWHERE), None, False)

    def _inline_image(self, _: bytes, __: Any) -> None:
        self._picture({})

    def _draw(self, _: bytes, operands: Any) -> None:
        drawn = resolve(resolve(self._resources["/XObject"])[operands[0]])
        off = self._layers[-1] or ("/OC" in drawn and self._canvas.is_off(drawn.raw_get("/OC")))
        if drawn.get("/Subtype") == "/Form":
            self._canvas.form(drawn, self._resources, replace(self._state), self._depth, off)
        elif drawn.get("/Subtype") == "/Image" and not off:
            self._picture(drawn)

    def _picture(self, picture: Any) -> None:
        state = self._state
        masked = any(name in picture for name in ("/SMask", "/Mask", "/ImageMask"))
        solid = bool(picture) and not masked and state.plain and state.fill_alpha > 0.95
        upright = abs(state.ctm[1]) + abs(state.ctm[2]) < 1e-6
        self._canvas.paint(
            common(around(state.ctm, (0, 0, 1, 1)), state.clip), None, solid and upright, picture=not masked
        )

    # layers

    def _begin_content(self, operator: bytes, operands: Any) -> None:
        off = self._layers[-1]
        if operator == b"BDC":
            with suppress(Exception):
                if operands[0] == "/OC":
                    off = off or self._canvas.is_off(resolve(self._resources["/Properties"]).raw_get(operands[1]))
        self._layers.append(off)

    def _end_content(self, _: bytes, __: Any) -> None:
        if len(self._layers) > 1:
            self._layers.pop()

    # text

    def _begin_text(self, _: bytes, __: Any) -> None:
        self._tm = self._line = IDENTITY

    def _font(self, _: bytes, operands: Any) -> None:
        self._state.size = float(operands[1])
        self._state.font = self._canvas.font(self._resources, operands[0])

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
        self._tm = self._line = times((1, 0, 0, 1, x, y), self._line)

    def _text_matrix(self, _: bytes, operands: Any) -> None:
        self._tm = self._line = to_matrix(operands)

    def _next_line(self, _: bytes, __: Any) -> None:
        self._tm = self._line = times((1, 0, 0, 1, 0, -self._state.leading), self._line)

    def _show(self, n: int, operator: bytes, operands: Any) -> None:
        if operator in (b"'", b'"'):
            self._next_line(operator, operands)
        state = self._state
        pieces = resolve(operands[0]) if operator == b"TJ" else [operands[-1]]
        width, letters = 0.0, 0  # in em
        for piece in pieces:
            if isinstance(piece, bytes | str):
                codes = codes_of(piece, state.font.code_bytes)
                width += sum(state.font.widths.get(code, state.font.default) for code in codes)
                width += len(codes) * state.spacing / (state.size or 1)
                letters += len(codes)
            else:
                width -= float(piece) / 1000
        em = times((state.size * state.scale, 0, 0, state.size, 0, state.rise), times(self._tm, state.ctm))
        box = around(em, (0.0, -0.2, max(width, 0.1), 0.75))
        how = (self._ink_colour(), self._reason(em, box))
        self._canvas.run((self._key, n), letters, box, (em[4] + 0.3 * em[2], em[5] + 0.3 * em[3]), how)
        self._tm = times((1, 0, 0, 1, width * state.size * state.scale, 0), self._tm)

    def _ink_colour(self) -> Colour | None:
        """Return the colour in which letters stand out; None where there are two, or one that is unknown."""
        state = self._state
        if not state.plain or state.mode % 4 == 2:
            return None
        return state.stroke if state.mode % 4 == 1 else state.fill

    def _reason(self, em: Matrix, box: Box) -> str | None:
        state = self._state
        if self._layers[-1]:
            return "in a layer that is switched off"
        if state.mode in (3, 7):
            return INVISIBLE if state.mode == 3 else OUTLINE
        if state.font.empty:
            return "in a font whose letters are empty"
        if state.font.height is not None:
            across, up = math.hypot(em[0], em[1]), math.hypot(em[2], em[3]) * state.font.height
            if min(across, up) < FEWEST_POINTS or abs(em[0] * em[3] - em[1] * em[2]) < FEWEST_POINTS**2 / 10:
                return f"smaller than {FEWEST_POINTS:g} points"
        alpha = {0: state.fill_alpha, 1: state.stroke_alpha}.get(state.mode % 4, 1.0)
        if alpha < LEAST_OPACITY:
            return "transparent"
        if area(common(box, state.clip)) < LEAST_SHOWN * area(box):
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
