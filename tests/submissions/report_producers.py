"""Makes PDFs of one text as different programs do: with tabs for spaces, in two columns, with each cell by itself.

A text has paragraphs between empty lines, headings that start with "# ", items that start with "- ", and rows of tables
with "|" around their cells, a line each.
"""

import io
import json
import textwrap
import zlib
from collections.abc import Callable, Iterator

from tests.submissions.report_pdf import LINES, WIDTH, write_objects

BULLET = "\N{BULLET} "


def extracted(text: str) -> str:
    """Return the text as most PDFs yield it: lines, without the signs for headings and cells."""
    return "\n".join("  ".join(cells) for cells in _lines(text))


def tabs_for_spaces(text: str) -> bytes:
    """Make a PDF as macOS prints it from Word: the font's alphabet has a tab in the place of the space."""
    lines = [" ".join(cells) for cells in _lines(text)]
    pages = [lines[start : start + LINES] for start in range(0, len(lines), LINES)]
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(pages)))
    alphabet = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"3 beginbfrange <20> <20> <0009> <21> <7E> <0021> <A0> <FF> <00A0> endbfrange\n"
        b"1 beginbfchar <95> <2022> endbfchar\nendcmap end end"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Calibri /Encoding /WinAnsiEncoding /ToUnicode 4 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(alphabet), alphabet),
    ]
    for n, page in enumerate(pages):
        shown = b"".join(b"(%b) Tj T*\n" % _escaped(line) for line in page)
        content = zlib.compress(b"BT\n/F 10 Tf\n16 TL\n50 790 Td\n%bET" % shown)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (6 + 2 * n),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    return write_objects(objects)


def two_columns(text: str) -> bytes:
    """Make a PDF by Typst, set like a paper: two columns, justified, with hyphens at the ends of lines."""
    return _typst(text, '#set page(columns: 2, margin: 15mm)\n#set text(size: 9pt, lang: "en", hyphenate: true)\n')


def one_column(text: str) -> bytes:
    """Make a PDF by Typst as most people set one."""
    return _typst(text, "#set text(size: 11pt)\n")


def cell_by_cell(text: str) -> bytes:
    """Make a PDF by matplotlib, in which each line, and each cell of a table, is drawn by itself."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
    from matplotlib.figure import Figure

    lines, content = list(_lines(text)), io.BytesIO()
    with PdfPages(content) as pdf:
        for start in range(0, len(lines), LINES):
            figure = Figure(figsize=(8.27, 11.69))
            FigureCanvasPdf(figure)
            for n, cells in enumerate(lines[start : start + LINES]):
                for column, cell in enumerate(cells):
                    left, height = 0.08 + (column > 0) * (0.3 + 0.1 * column), 0.95 - n / (LINES + 5)
                    figure.text(left, height, cell, fontsize=9, parse_math=False)
            pdf.savefig(figure)
    return content.getvalue()


PRODUCERS: tuple[Callable[[str], bytes], ...] = (tabs_for_spaces, one_column, two_columns, cell_by_cell)


def _blocks(text: str) -> Iterator[list[str]]:
    for block in text.strip().split("\n\n"):
        yield block.split("\n")


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def _lines(text: str) -> Iterator[list[str]]:
    """Yield the lines of a page, each as its cells: one, but in tables."""
    for block in _blocks(text):
        if block[0].startswith("|"):
            yield from ([cell for cell in _cells(row) if cell] for row in block)
        else:
            shown = " ".join(block).removeprefix("# ")
            shown = BULLET + shown.removeprefix("- ") if shown.startswith("- ") else shown
            yield from ([line] for line in textwrap.wrap(shown, WIDTH))


def _typst(text: str, setup: str) -> bytes:
    import typst

    return typst.compile((setup + "\n\n".join(map(_typst_block, _blocks(text)))).encode())


def _typst_block(block: list[str]) -> str:
    if block[0].startswith("|"):
        cells = [f"[#{json.dumps(cell, ensure_ascii=False)}]" for row in block for cell in _cells(row)]
        return f"#table(columns: {len(_cells(block[0]))}, {', '.join(cells)})"
    shown = " ".join(block)
    for sign, function in (("# ", "heading"), ("- ", "list")):
        if shown.startswith(sign):
            return f"#{function}[#{json.dumps(shown.removeprefix(sign), ensure_ascii=False)}]"
    return f"#{json.dumps(shown, ensure_ascii=False)}"


def _escaped(line: str) -> bytes:
    return line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
