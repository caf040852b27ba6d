"""Makes PDFs of one text as further programs do, which only the benchmark of reports needs.

The form of a text is that of report_producers.py. The packages are in benchmarks/requirements-reports.txt.
"""

import html
import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tests.submissions.report_producers import PRODUCERS, _blocks, _cells, _lines

WIDTH, HEIGHT, MARGIN = 595, 842, 60  # points
SIZE, LEADING = 10, 14
LETTER = 6.2  # points: the width of one, on average


@lru_cache
def _font() -> str:
    """Return the path of a font with the letters of all these languages."""
    import matplotlib

    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))


def reportlab(text: str) -> bytes:
    """Make a PDF by ReportLab: justified paragraphs, and tables with lines."""
    from reportlab.lib.enums import TA_JUSTIFY
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    pdfmetrics.registerFont(TTFont("DejaVu", _font()))
    body = ParagraphStyle("body", fontName="DejaVu", fontSize=SIZE, leading=LEADING, alignment=TA_JUSTIFY)
    heading = ParagraphStyle("heading", parent=body, fontSize=14, leading=20)
    content, story = io.BytesIO(), []
    for block in _blocks(text):
        if block[0].startswith("|"):
            story += [Table([_cells(row) for row in block], style=[("FONT", (0, 0), (-1, -1), "DejaVu", SIZE)])]
        else:
            shown = " ".join(block)
            style = heading if shown.startswith("# ") else body
            bullet = "\N{BULLET}" if shown.startswith("- ") else None
            story.append(Paragraph(html.escape(shown.removeprefix("# ").removeprefix("- ")), style, bulletText=bullet))
        story.append(Spacer(1, 6))
    SimpleDocTemplate(content).build(story)
    return content.getvalue()


def fpdf2(text: str) -> bytes:
    """Make a PDF by fpdf2: justified cells, in which each word may be set by itself."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.add_page()
    pdf.add_font("DejaVu", fname=_font())
    pdf.add_font("DejaVu", style="B", fname=_font())  # of a table's head
    for block in _blocks(text):
        shown = " ".join(block)
        pdf.set_font("DejaVu", size=14 if shown.startswith("# ") else SIZE)
        if block[0].startswith("|"):
            with pdf.table() as table:
                for row in block:
                    table.row(_cells(row))
        else:
            pdf.multi_cell(0, 6, shown.removeprefix("# "), align="J", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(3)
    return bytes(pdf.output())


def weasyprint(text: str) -> bytes:
    """Make a PDF by WeasyPrint, as of a web page: hyphens, ligatures, tables."""
    from weasyprint import HTML

    parts = []
    for block in _blocks(text):
        if block[0].startswith("|"):
            rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row)) for row in block)
            parts.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>")
        else:
            shown = " ".join(block)
            tag = "h2" if shown.startswith("# ") else "li" if shown.startswith("- ") else "p"
            parts.append(f"<{tag}>{html.escape(shown.removeprefix('# ').removeprefix('- '))}</{tag}>")
    style = "<style>p {text-align: justify; hyphens: auto} td {padding-right: 2em}</style>"
    return HTML(string=f"<html lang='en'><meta charset='utf-8'>{style}{''.join(parts)}").write_pdf()


def cairo(text: str) -> bytes:
    """Make a PDF by Cairo, in which glyphs are placed line by line and cell by cell."""
    import cairocffi

    content = io.BytesIO()
    surface = cairocffi.PDFSurface(content, WIDTH, HEIGHT)
    context = cairocffi.Context(surface)
    context.select_font_face("DejaVu Sans")
    context.set_font_size(SIZE)

    def show(cell: str, left: float, down: float) -> None:
        context.move_to(left, down)
        context.show_text(cell)

    _set_lines(text, show, surface.show_page)
    surface.finish()
    return content.getvalue()


def skia(text: str) -> bytes:
    """Make a PDF by Skia, the library by which Chrome and Google Docs make theirs."""
    import skia as library

    content = library.DynamicMemoryWStream()
    font = library.Font(library.Typeface.MakeFromFile(_font()), SIZE)
    document = library.PDF.MakeDocument(content)
    pages = [document.beginPage(WIDTH, HEIGHT)]

    def show(cell: str, left: float, down: float) -> None:
        pages[-1].drawString(cell, left, down, font, library.Paint())

    def turn() -> None:
        document.endPage()
        pages.append(document.beginPage(WIDTH, HEIGHT))

    _set_lines(text, show, turn)
    document.endPage()
    document.close()
    return bytes(content.detachAsData())


def _set_lines(text: str, show: Callable[[str, float, float], None], turn: Callable[[], object]) -> None:
    """Set a text line by line: `show` gets each cell with its place from the upper left, `turn` the page."""
    down, lines = MARGIN, list(_lines(text))
    first = max((LETTER * len(cells[0]) for cells in lines if len(cells) > 1), default=0.0)
    for cells in lines:
        column = (WIDTH - 2 * MARGIN - first) / max(1, len(cells) - 1)
        for n, cell in enumerate(cells):
            show(cell, MARGIN + (n > 0) * first + max(0, n - 1) * column, down)
        down += LEADING
        if down > HEIGHT - MARGIN:
            turn()
            down = MARGIN


PACKAGES = {  # by program, what it is imported as
    "Typst": "typst",
    "Typst, two columns": "typst",
    "ReportLab": "reportlab",
    "fpdf2": "fpdf",
    "WeasyPrint": "weasyprint",
    "Cairo": "cairocffi",
    "Skia (Chrome)": "skia",
}
PROGRAMS: dict[str, Callable[[str], bytes]] = {
    **dict(zip(("Word on a Mac", "Typst", "Typst, two columns", "matplotlib"), PRODUCERS, strict=True)),
    "ReportLab": reportlab,
    "fpdf2": fpdf2,
    "WeasyPrint": weasyprint,
    "Cairo": cairo,
    "Skia (Chrome)": skia,
}
