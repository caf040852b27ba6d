"""Words that nobody sees do not count; words that somebody sees do, whatever program made the PDF."""

import io
import zlib

import pypdf
import pytest

from labkit.checks.report.text import BadReport, read_pdf
from tests.submissions.report_pdf import make_pdf, write_objects

pytestmark = pytest.mark.submit

VISIBLE = "One line that everybody reads, and a second one of the same kind, so that there is text enough. " * 3
SECRET = "secret words that are not to be seen by a person"


def instructions(before="", around="{}", after="", size=10):
    """Return the instructions of a page with VISIBLE, then SECRET, between other instructions."""
    seen = "".join(f"50 {800 - 12 * n} Td ({line}) Tj -50 {12 * n - 800} Td\n" for n, line in enumerate(lines(VISIBLE)))
    hidden = "".join(
        f"50 {500 - 12 * n} Td ({line}) Tj -50 {12 * n - 500} Td\n" for n, line in enumerate(lines((SECRET + ", ") * 6))
    )
    hidden = around.format(f"BT /F {size} Tf\n{hidden}ET\n")
    return f"BT /F 10 Tf\n{seen}ET\nq\n{before}\n{hidden}\nQ\n{after}"


def lines(text):
    return [text[start : start + 80] for start in range(0, len(text), 80)]


def page(content, resources=b"", catalogue=b"", objects=(), entries=b"", fonts=b""):
    """Return a PDF of one page. Objects from number 6 on are `objects`, which `resources` may name."""
    stream = zlib.compress(content.encode("latin-1"))
    return write_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R %b >>" % catalogue,
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
            b"/Resources << /Font << /F 3 0 R %b >> %b >> %b >>" % (fonts, resources, entries),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(stream), stream),
            *objects,
        ]
    )


def stream(entries, content):
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (entries, len(content), content)


def read(pdf, tmp_path):
    (tmp_path / "report.pdf").write_bytes(pdf)
    return read_pdf(tmp_path / "report.pdf")


PICTURE = stream(b"/Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray", b"\xff")
LAYER = b"<< /Type /OCG /Name (secret) >>"
OFF = b"/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >>"
EMPTY_FONT = (
    b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 32 "
    b"/LastChar 122 /Widths [" + b"500 " * 91 + b"] /Encoding << /Differences [32 " + b"/g " * 91 + b"] >> "
    b"/CharProcs << /g 7 0 R >> /ToUnicode 8 0 R >>"
)
IDENTITY = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <20> <7e> <0020> endbfrange endcmap end end"""


@pytest.mark.parametrize(
    ("content", "more", "why"),
    [
        pytest.param(instructions("1 g"), {}, "in the colour of the paper", id="white"),
        pytest.param(instructions("1 1 1 rg"), {}, "in the colour of the paper", id="white as red, green, blue"),
        pytest.param(instructions("0 0 0 0 k"), {}, "in the colour of the paper", id="white as four inks"),
        pytest.param(instructions("0.97 g"), {}, "in the colour of the paper", id="nearly white"),
        pytest.param(
            instructions("/C cs 0 scn"),
            {
                "resources": b"/ColorSpace << /C [/Separation /Spot /DeviceGray << /FunctionType 2 /Domain [0 1] "
                b"/C0 [1] /C1 [0] /N 1 >>] >>"
            },
            "in the colour of the paper",
            id="no ink of a spot colour",
        ),
        pytest.param(
            instructions("0.1 0.1 0.4 rg 40 300 500 230 re f 0.1 0.1 0.4 rg"),
            {},
            "in the colour of the paper",
            id="dark on the same dark",
        ),
        pytest.param(instructions("3 Tr"), {}, "in an invisible rendering mode", id="rendering mode 3"),
        pytest.param(instructions(size=1), {}, "smaller than 2 points", id="one point"),
        pytest.param(instructions(size=0.01), {}, "smaller than 2 points", id="next to no size"),
        pytest.param(instructions("0.05 0 0 0.05 10 10 cm"), {}, "smaller than 2 points", id="scaled down"),
        pytest.param(instructions("1 Tz"), {}, "smaller than 2 points", id="squeezed to a line"),
        pytest.param(instructions("1 0 0 1 700 0 cm"), {}, "beyond the edge of the page", id="off the page"),
        pytest.param(instructions("1 0 0 1 0 -900 cm"), {}, "beyond the edge of the page", id="below the page"),
        pytest.param(
            instructions(), {"entries": b"/CropBox [0 600 595 842]"}, "beyond the edge of the page", id="cropped"
        ),
        pytest.param(instructions("0 0 20 20 re W n"), {}, "beyond the edge of the page", id="clipped"),
        pytest.param(instructions(after="1 g 0 0 595 550 re f"), {}, "below a box", id="below a white box"),
        pytest.param(
            instructions(after="1 g 0 0 m 595 0 l 595 550 l 0 550 l h f"), {}, "below a box", id="below a drawn box"
        ),
        pytest.param(
            instructions(after="1 g 0 0 200 550 re f 200 0 200 550 re f 400 0 195 550 re f"),
            {},
            "below a box",
            id="below three boxes",
        ),
        pytest.param(
            instructions(after="q 560 0 0 200 30 350 cm /X Do Q"),
            {"resources": b"/XObject << /X 6 0 R >>", "objects": [PICTURE]},
            "below a box or a picture",
            id="below a picture",
        ),
        pytest.param(
            instructions("/G gs"), {"resources": b"/ExtGState << /G << /ca 0 >> >>"}, "transparent", id="transparent"
        ),
        pytest.param(
            instructions(around="/OC /L BDC\n{}EMC"),
            {"resources": b"/Properties << /L 6 0 R >>", "objects": [LAYER], "catalogue": OFF},
            "in a layer that is switched off",
            id="a layer that is off",
        ),
        pytest.param(
            instructions().replace("/F 10 Tf\n50 500", "/E 10 Tf\n50 500"),
            {
                "fonts": b"/E 6 0 R",
                "objects": [EMPTY_FONT, stream(b"", b"500 0 d0"), stream(b"", IDENTITY)],
            },
            "in a font whose letters are empty",
            id="letters without ink",
        ),
    ],
)
def test_words_that_nobody_sees_do_not_count_and_are_told_with_the_reason(content, more, why, tmp_path):
    report = read(page(content, **more), tmp_path)
    assert "second one of the same" in report.text
    assert "secret" not in report.text
    assert report.hidden >= 50
    assert report.doubtful == 0
    assert why in report.why[0]


@pytest.mark.parametrize("white", ["1 g", "3 Tr"])
def test_hidden_words_in_a_form_do_not_count(white, tmp_path):
    form = f"BT {white} /F 10 Tf 50 500 Td ({SECRET}) Tj 0 -20 Td ({SECRET}) Tj ET"
    seen = instructions().partition("q\n")[0]
    more = {"resources": b"/XObject << /X 6 0 R >>", "objects": [
        stream(b"/Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >>", form.encode())
    ]}  # fmt: skip
    report = read(page(f"{seen}/X Do", **more), tmp_path)
    assert "secret" not in report.text
    assert report.hidden == 2 * len(SECRET.split())


FORM = {"resources": b"/XObject << /X 6 0 R >>", "objects": [
    stream(b"/Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >>",
           f"BT /F 10 Tf 50 500 Td ({SECRET}) Tj ET".encode())
]}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "more"),
    [
        pytest.param(instructions(), {}, id="black"),
        pytest.param(instructions("0.6 g"), {}, id="grey"),
        pytest.param(instructions("0.2 0.3 0.4 rg 0 0 595 700 re f 1 g"), {}, id="white on a dark box"),
        pytest.param(instructions("0 0 m 595 0 l 595 600 l 300 700 0 650 0 600 c f 1 g"), {}, id="white on a curve"),
        pytest.param(
            instructions("q 595 0 0 650 0 0 cm /X Do Q 1 g"),
            {"resources": b"/XObject << /X 6 0 R >>", "objects": [PICTURE]},
            id="white on a picture",
        ),
        pytest.param(instructions("300 w 0 400 m 595 400 l S 1 g"), {}, id="white on a broad line"),
        pytest.param(instructions("/P cs /Q scn"), {"resources": b"/ColorSpace << /P /Pattern >>"}, id="a pattern"),
        pytest.param(
            instructions("/C cs 0 scn"),
            {"resources": b"/ColorSpace << /C [/Lab << /WhitePoint [1 1 1] >>] >>"},
            id="a colour that can't be told",
        ),
        pytest.param(instructions("2 Tr 1 g 0 G"), {}, id="white with a black outline"),
        pytest.param(instructions("0 0 300 900 re W n"), {}, id="cut off on its right"),
        pytest.param(instructions(size=4), {}, id="small print"),
        pytest.param(instructions("0 1 -1 0 500 0 cm 0.5 0 0 0.5 0 0 cm"), {}, id="turned"),
        pytest.param(instructions(after="q /G gs 1 1 0 rg 0 300 595 250 re f Q"),
                     {"resources": b"/ExtGState << /G << /BM /Multiply >> >>"}, id="marked with a pen"),
        pytest.param(instructions(after="1 g 0 0 30 700 re f"), {}, id="a box beside it"),
        pytest.param(
            instructions(around="/OC /L BDC\n{}EMC"),
            {
                "resources": b"/Properties << /L 6 0 R >>",
                "objects": [LAYER],
                "catalogue": OFF.replace(b"/OFF", b"/ON"),
            },
            id="a layer that is on",
        ),
        pytest.param(instructions().partition("q\n")[0] + "q 1 g BT 3 Tr ET Q /X Do q 1 0 0 1 900 0 cm /X Do Q", FORM,
                     id="a form that is seen once of twice"),
        pytest.param(instructions("Q Q Q 1 2 cm (x) rg /no gs /no Do BX EX"), {}, id="instructions that make no sense"),
    ],
)  # fmt: skip
def test_words_that_can_be_seen_count(content, more, tmp_path):
    report = read(page(content, **more), tmp_path)
    assert "secret words" in report.text
    assert (report.hidden, report.doubtful) == (0, 0)


def test_a_scan_with_a_text_layer_is_doubtful_not_hidden(tmp_path):
    scan = {"resources": b"/XObject << /X 6 0 R >>", "objects": [PICTURE]}
    for before, after in (("q 595 0 0 842 0 0 cm /X Do Q 3 Tr", ""), ("", "q 595 0 0 842 0 0 cm /X Do Q")):
        content = f"{before} BT /F 10 Tf 50 700 Td ({SECRET}) Tj 0 -20 Td ({SECRET}) Tj ET {after}"
        report = read(page(content, **scan), tmp_path)
        assert (report.hidden, report.doubtful) == (0, 2 * len(SECRET.split()))
        assert report.why == ("behind or below the picture of a page",)


def test_an_invisible_text_behind_its_own_outlines_is_doubtful(tmp_path):
    outlines = "".join(f"{60 + 5 * n} 500 m {64 + 5 * n} 500 l {62 + 5 * n} 506 l f\n" for n in range(40))
    content = f"{instructions().partition('q')[0]} BT 3 Tr /F 10 Tf 50 500 Td ({SECRET}) Tj ET {outlines}"
    report = read(page(content), tmp_path)
    assert (report.hidden, report.doubtful) == (0, len(SECRET.split()))


def test_a_report_that_is_all_in_invisible_ink_is_told_so(tmp_path):
    with pytest.raises(BadReport, match=r"next to no text \(0 letters, and 200 words that nobody sees: in") as error:
        read(page("1 g BT /F 10 Tf 50 700 Td" + " (white ) Tj 0 -3 Td" * 200 + " ET"), tmp_path)
    assert error.value.remarks == (
        "200 words of the report can't be seen (in the colour of the paper, or of what is behind them) and don't count",
    )


def test_pages_are_as_they_were_after_they_were_read(tmp_path):
    (tmp_path / "report.pdf").write_bytes(page(instructions("1 g")))
    from labkit.checks.report.ink import find_ink, without

    first = pypdf.PdfReader(tmp_path / "report.pdf").pages[0]
    before = first.extract_text()
    ink = find_ink(first)
    with without(first, ink.hidden):
        assert "secret" not in first.extract_text()
    assert first.extract_text() == before


def test_pdfs_of_other_programs_lose_no_word(tmp_path):
    """White on dark, letters as Type 3 and as TrueType, text in pictures: what matplotlib draws."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    for kind in (3, 42):
        figure, content = Figure(), io.BytesIO()
        axes = figure.subplots()
        axes.set_facecolor("black")
        axes.text(0.1, 0.5, f"White words on black axes, {VISIBLE}", color="white", fontsize=5, wrap=True)
        axes.table([["full", "99.19"], ["no. 1", "98.77"]], cellColours=[["navy"] * 2] * 2)
        figure.text(0.1, 0.9, VISIBLE[:90], color="0.5")
        with mpl.rc_context({"pdf.fonttype": kind}):
            figure.savefig(content, format="pdf")
        report = read(content.getvalue(), tmp_path)
        assert "White words on black axes" in report.text
        assert (report.hidden, report.doubtful) == (0, 0)


def test_the_kits_own_reports_have_no_hidden_word(tmp_path):
    report = read(make_pdf(VISIBLE * 40), tmp_path)
    assert (report.hidden, report.doubtful, report.why) == (0, 0, ())
