"""Finds the characters of a report that no font here can draw, emoji most often: a box would stand for each."""

import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

MOST = 300  # characters that are tried; a report with more is in a script that this machine has, or has not, a font for
DRAWN = "LNPS"  # first letters of the categories of characters that draw something by themselves
BOXES = "LastResort"  # a font of matplotlib's, in which each character is a box with the name of its script


def boxes(characters: Iterable[str], typst: ModuleType, fonts: Path, families: str) -> list[str]:
    """Return those of the characters that Typst would set as a box.

    `typst` is the module, `fonts` the folder of fonts that it is given, and `families` the report's own, as Typst
    writes them. Each character is set on a page by itself: which of the machine's fonts stands in is Typst's choice.
    """
    import pypdf
    from matplotlib.ft2font import FT2Font

    known = FT2Font(str(fonts / "DejaVuSans.ttf")).get_charmap()
    unsure = sorted({c for c in characters if ord(c) not in known and unicodedata.category(c)[0] in DRAWN})[:MOST]
    if not unsure:
        return []
    page = f"#set page(width: 2cm, height: 2cm)\n#set text(font: ({families}))\n#pagebreak(weak: true)\n"
    codes = ", ".join(str(ord(character)) for character in unsure)
    each = f"{page}#for code in ({codes},) {{ page(str.from-unicode(code)) }}"
    pages = pypdf.PdfReader(io.BytesIO(typst.compile(each.encode(), font_paths=[fonts]))).pages
    return [character for character, page in zip(unsure, pages, strict=True) if _is_box(page)]


def _is_box(page: Any) -> bool:
    fonts = [str(font.get_object()["/BaseFont"]) for font in page["/Resources"].get("/Font", {}).values()]
    glyph = page.get_contents().get_data()
    return any(BOXES in font for font in fonts) or b"(\\000\\000)" in glyph  # glyph 0 is a font's own box
