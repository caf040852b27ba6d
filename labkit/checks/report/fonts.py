"""Fonts and colours of a PDF: how wide and high letters are, whether they draw anything, and in which colour."""

import re
from dataclasses import dataclass, field
from typing import Any

Colour = tuple[float, float, float]  # red, green, blue, 0 to 1
_PAINTS_GLYPH = re.compile(rb"(?<!\S)(?:[fFBbSs]\*?|Do|sh|EI|Tj|TJ)(?!\S)")


@dataclass(frozen=True)
class Font:
    """What is known of a font: the width of each of its codes in em, and how high it is at a size of 1."""

    code_bytes: int = 1
    widths: dict[int, float] = field(default_factory=dict)
    default: float = 0.5
    height: float | None = 1.0  # None where it can't be told
    empty: bool = False  # its letters draw nothing


def read_font(font: Any) -> Font:
    kind = font.get("/Subtype")
    if kind == "/Type0":
        return _read_wide_font(resolve(resolve(font["/DescendantFonts"])[0]))
    first = int(resolve(font.get("/FirstChar", 0)))
    unit = float(resolve(font["/FontMatrix"])[0]) if kind == "/Type3" else 0.001
    widths = {first + n: float(resolve(width)) * unit for n, width in enumerate(resolve(font.get("/Widths", [])))}
    if kind != "/Type3":
        return Font(widths=widths)
    box = [float(value) for value in resolve(font.get("/FontBBox", [0, 0, 0, 0]))]
    height = abs(box[3] - box[1]) * abs(float(resolve(font["/FontMatrix"])[3]))
    glyphs = [resolve(glyph).get_data() for glyph in resolve(font["/CharProcs"]).values()]
    drawn = sum(1 for glyph in glyphs if _PAINTS_GLYPH.search(glyph))
    return Font(widths=widths, height=height or None, empty=bool(glyphs) and drawn < len(glyphs) / 2)


def _read_wide_font(font: Any) -> Font:
    """Read the widths of a font of many characters, which come as `code [width ...]` or `first last width`."""
    widths: dict[int, float] = {}
    given = [resolve(item) for item in resolve(font.get("/W", []))]
    n = 0
    while n + 1 < len(given) and len(widths) < 70_000:
        if isinstance(given[n + 1], list):
            widths |= {int(given[n]) + k: float(resolve(width)) / 1000 for k, width in enumerate(given[n + 1])}
            n += 2
        else:
            codes = range(int(given[n]), min(int(given[n + 1]), int(given[n]) + 65_536) + 1)
            widths |= dict.fromkeys(codes, float(given[n + 2]) / 1000)
            n += 3
    return Font(code_bytes=2, widths=widths, default=float(resolve(font.get("/DW", 1000))) / 1000)


def codes_of(text: Any, code_bytes: int) -> list[int]:
    data = (
        text if isinstance(text, bytes) else getattr(text, "original_bytes", b"") or text.encode("latin-1", "replace")
    )
    return [int.from_bytes(data[n : n + code_bytes], "big") for n in range(0, len(data), code_bytes)]


def to_rgb(space: Any, numbers: list[float]) -> Colour | None:
    """Convert a colour of a colour space to red, green and blue; None where that is not possible."""
    space = resolve(space)
    if isinstance(space, list):
        kind = resolve(space[0])
        if kind == "/ICCBased" or kind in ("/CalGray", "/CalRGB"):
            space = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}.get(len(numbers))
        elif kind == "/Separation":
            ends = resolve(space[3])
            if ends.get("/FunctionType") != 2:
                return None
            low, high = ([float(value) for value in resolve(ends[name])] for name in ("/C0", "/C1"))
            tint = numbers[0] ** float(ends.get("/N", 1))
            return to_rgb(space[2], [a + tint * (b - a) for a, b in zip(low, high, strict=True)])
        else:
            return None
    if space == "/DeviceGray" and len(numbers) == 1:
        return numbers[0], numbers[0], numbers[0]
    if space == "/DeviceRGB" and len(numbers) == 3:
        return numbers[0], numbers[1], numbers[2]
    if space == "/DeviceCMYK" and len(numbers) == 4:
        red, green, blue = ((1 - value) * (1 - numbers[3]) for value in numbers[:3])
        return red, green, blue
    return None


def resolve(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value
