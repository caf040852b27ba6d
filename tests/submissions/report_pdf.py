"""Writes a report as a PDF: pages of text, by hand, so that the same text gives the same bytes."""

import random
import textwrap
import zlib
from collections.abc import Mapping
from pathlib import Path

from tests.submissions.report_words import ACCURACIES, write_report

LINES = 48  # of a page
WIDTH = 88  # characters of a line


def make_report(
    path: Path | None = None,
    accuracies: Mapping[str, float] = ACCURACIES,
    text: str | None = None,
    rng: random.Random | None = None,
) -> bytes:
    """Make the PDF of a plausible report with these accuracies (names of scripts to 0..1).

    It is also written to `path`, if given. `rng` chooses the words; `text` replaces them all.
    """
    pdf = make_pdf(write_report(accuracies, rng) if text is None else text)
    if path is not None:
        path.write_bytes(pdf)
    return pdf


def make_pdf(text: str) -> bytes:
    """Make a PDF of a text: paragraphs divided by empty lines, headings that start with "# "."""
    lines: list[tuple[int, str]] = []  # size in points, text
    for paragraph in text.split("\n\n"):
        heading = paragraph.startswith("# ")
        lines += [(15 if heading else 10, line) for line in textwrap.wrap(paragraph.removeprefix("# "), WIDTH)]
        lines.append((10, ""))
    pages = [_page(lines[start : start + LINES]) for start in range(0, len(lines), LINES)]
    return assemble(pages)


def assemble(contents: list[bytes]) -> bytes:
    """Make a PDF with a page for each stream of instructions; a stream is deflated already."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for n, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (5 + 2 * n),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    return write_objects(objects)


def write_objects(objects: list[bytes]) -> bytes:
    """Make a PDF of numbered objects, the first of which is the catalogue."""
    pdf, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(pdf))
    return pdf + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (size, table, trailer)


def _page(lines: list[tuple[int, str]]) -> bytes:
    instructions = b"BT\n16 TL\n50 790 Td\n"
    for size, line in lines:
        escaped = line.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        instructions += b"/F %d Tf\n(%b) Tj\nT*\n" % (size, escaped)
    return zlib.compress(instructions + b"ET", 9)
