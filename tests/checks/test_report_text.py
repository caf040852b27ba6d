"""Reading a report: what is refused, and what is found in its text."""

import io
import sys
import textwrap
import zlib

import pypdf
import pytest
from pypdf.errors import DependencyError

from labkit.checks.assignment import load_assignment
from labkit.checks.report.accuracies import find_accuracies
from labkit.checks.report.letters import mend_letters
from labkit.checks.report.methods import METHODS, methods_treated
from labkit.checks.report.reader import find_all
from labkit.checks.report.rules import ReportContent, judge
from labkit.checks.report.text import BadReport, _clean, read_pdf, template_prompts_left
from tests.submissions.report_pdf import assemble, make_pdf, make_report, write_objects
from tests.submissions.report_words import ACCURACIES
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

TEMPLATE = (ROOT / "report_template.md").read_text(encoding="utf-8")
TEXT = "The network reads digits. " * 20


@pytest.fixture
def pdf(tmp_path):
    return tmp_path / "report.pdf"


def encrypted(pdf, user="secret", algorithm="RC4-128"):
    writer, content = pypdf.PdfWriter(io.BytesIO(pdf)), io.BytesIO()
    writer.encrypt(user, "of its owner", algorithm=algorithm)
    writer.write(content)
    return content.getvalue()


def without_spaces(text, below=b""):
    """Make a PDF whose words have a gap between them, smaller than the font's own space, as XeLaTeX sets them.

    pypdf takes the gap for no space, PDFium for one. `below` is drawn last.
    """
    lines = [words.encode().split() for words in textwrap.wrap(text, 80)]
    shown = b"".join(b"[" + b" -200 ".join(b"(%b)" % word for word in line) + b"] TJ T*\n" for line in lines)
    content = zlib.compress(b"BT\n/F 10 Tf\n16 TL\n50 790 Td\n" + shown + b"ET\n" + below)
    return write_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /ABCDEF+CMR10 /Encoding /WinAnsiEncoding "
            b"/FirstChar 0 /LastChar 255 /Widths [%b] >>" % (b"500 " * 256),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> "
            b"/Contents 5 0 R >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    )


SCAN = b"q 595 0 0 842 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q"  # a picture of the whole page


# ------------------------------------------------------------------------------------------------------------- the PDF


def test_a_good_report_is_read_and_has_all_that_is_asked_for(pdf):
    make_report(pdf)
    report = read_pdf(pdf)
    assert report.pages == len(pypdf.PdfReader(pdf).pages)
    assert all(methods_treated(report.text).values())
    assert template_prompts_left(report.text, TEMPLATE) == []
    found = find_accuracies(report.text).placed
    assert {network: values[0] for network, values in found.items()} == ACCURACIES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"PK\x03\x04" + b"word/document.xml" * 100, "a Word or LibreOffice document", id="docx"),
        pytest.param(b"\xd0\xcf\x11\xe0" + bytes(500), "a document of an older Word", id="doc"),
        pytest.param(b"\n<!DOCTYPE html><p>Report</p>", "a web page", id="html"),
        pytest.param(b"\x89PNG\r\n" + bytes(500), "a picture", id="png"),
        pytest.param(b"Dear sir or madam", "something else", id="text"),
        pytest.param(b"%PDF-1.7\n" + bytes(range(256)) * 20, "is damaged", id="damaged"),
        pytest.param(make_pdf(TEXT)[:400], "is damaged", id="truncated"),
        pytest.param(assemble([zlib.compress(b"")] * 3), "3 pages and next to no text (0 letters)", id="scanned"),
        pytest.param(make_pdf("page 1"), "1 page and next to no text (4 letters)", id="scanned with page number"),
        pytest.param(encrypted(make_pdf(TEXT)), "protected by a password", id="password"),
        pytest.param(assemble([zlib.compress(b"")] * 201), "201 pages", id="too many pages"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(content, message, pdf):
    pdf.write_bytes(content)
    with pytest.raises(BadReport) as error:
        read_pdf(pdf)
    assert message in str(error.value)
    assert "report.pdf" in str(error.value)


def test_a_pdf_of_200_mb_is_refused_unread(pdf):
    pdf.write_bytes(make_pdf(TEXT))
    with open(pdf, "ab") as file:
        file.truncate(200_000_000)  # a hole: it takes no space on the disk
    with pytest.raises(BadReport, match="has 200 MB, expected at most 50"):
        read_pdf(pdf)


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_only_asks_not_to_be_changed_is_read(algorithm, pdf):
    if algorithm != "RC4-128":
        needs("cryptography")
    pdf.write_bytes(encrypted(make_pdf(TEXT), user="", algorithm=algorithm))
    assert "The network reads digits." in read_pdf(pdf).text


def test_what_only_a_package_opens_that_students_need_not_have_is_left_to_grading(pdf, monkeypatch):
    pdf.write_bytes(make_pdf(TEXT))
    monkeypatch.setattr(pypdf, "PdfReader", raising(DependencyError("cryptography>=3.1 is required for AES algorithm")))
    with pytest.raises(BadReport, match="the package cryptography is needed") as error:
        read_pdf(pdf)
    assert error.value.undecided


def raising(error):
    def raise_it(*_):
        raise error

    return raise_it


# ------------------------------------------------------------------------------------------------------ a second reader


def test_where_words_come_out_without_spaces_a_second_reader_is_tried(pdf):
    needs("pypdfium2")
    pdf.write_bytes(without_spaces(TEXT))
    assert "Thenetworkreadsdigits." in pypdf.PdfReader(pdf).pages[0].extract_text()
    report = read_pdf(pdf)
    assert "The network reads digits." in report.text
    assert not report.illegible


def test_the_second_reader_sees_no_words_that_nobody_sees(pdf):
    needs("pypdfium2")
    below = b"BT /F 10 Tf 3 Tr 50 100 Td [(in)-200(invisible)-200(ink)] TJ ET"
    pdf.write_bytes(without_spaces(TEXT, below))
    report = read_pdf(pdf)
    assert "The network reads digits." in report.text
    assert "invisible" not in report.text
    assert report.hidden


def test_the_second_reader_is_asked_where_the_first_finds_nothing(pdf, monkeypatch):
    needs("pypdfium2")
    pdf.write_bytes(make_pdf(TEXT))
    monkeypatch.setattr(pypdf.PageObject, "extract_text", lambda *_, **__: "")
    assert "The network reads digits." in read_pdf(pdf).text


def test_a_page_that_can_not_be_copied_for_the_second_reader_is_illegible_and_not_damaged(pdf, monkeypatch):
    monkeypatch.setattr(pypdf.PdfWriter, "add_page", raising(ValueError("of the writer's own")))
    pdf.write_bytes(without_spaces(TEXT))
    assert "without the spaces" in read_pdf(pdf).illegible


def test_without_a_second_reader_the_reason_is_kept_and_nothing_is_lost_for_it(pdf, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    pdf.write_bytes(without_spaces(TEXT))
    found = ReportContent(**find_all(pdf, TEMPLATE))
    checks = judge(found, load_assignment(), {})
    assert {check.status for check in checks} == {"undecided"}
    assert "without the spaces between them" in checks[0].message


def test_a_damaged_pdf_that_another_program_opens_is_left_to_the_instructor(pdf, monkeypatch):
    needs("pypdfium2")
    pdf.write_bytes(make_pdf(TEXT))
    monkeypatch.setattr(pypdf, "PdfReader", raising(ValueError("of the reader's own")))
    with pytest.raises(BadReport, match=r"is damaged .ValueError., and has a text all the same") as error:
        read_pdf(pdf)
    assert error.value.undecided


@pytest.mark.parametrize("drawn", [SCAN, b"0.5 0 0 0.5 50 50 cm " + b"10 10 8 12 re f\n" * 300])
def test_a_scan_or_a_text_of_outlines_is_left_to_the_instructor(drawn, pdf):
    pdf.write_bytes(assemble([zlib.compress(drawn)]))
    with pytest.raises(
        BadReport, match=r"next to no text .0 letters., but pictures or shapes that may be one"
    ) as error:
        read_pdf(pdf)
    assert error.value.undecided


@pytest.mark.parametrize(
    ("extracted", "meant"),
    [
        pytest.param("acƟvaƟon, aŌer, plaƞorm, aƩend", "activation, after, platform, attend", id="Calibri on a Mac"),
        pytest.param("ac\U0010019fva\U0010019fon", "activation", id="Calibri, in a private plane"),
        pytest.param("\x0clter, di\x0berent, e\x0ecient", "filter, different, efficient", id="TeX, OT1"),
        pytest.param("perch\u00b4e, pi`u, gr\u00a8oßte, a\u02dcno, fen\u02c6etre", "perché, più, größte, año, fenêtre",
                     id="TeX, accents"),
        pytest.param("`e vero; cos`\u0131; fran\u00b8cais", "è vero; così; français", id="TeX, more accents"),
        pytest.param("call `array` and 'x'", "call `array` and 'x'", id="a word of code"),
        pytest.param("\x1clter, di\x1berent, \x1d at", "filter, different, \x1d at", id="TeX, T1"),
    ],
)  # fmt: skip
def test_ligatures_that_came_out_as_something_else_are_letters_again(extracted, meant):
    assert mend_letters(extracted) == meant


def test_soft_hyphens_are_hyphens_but_within_a_word():
    assert _clean("- con\u00ad\nv1, hy\u00adphen, \u00ad0,0049") == "- con-\nv1, hyphen, -0,0049"


def test_control_characters_do_not_come_through(pdf):
    pdf.write_bytes(make_pdf(TEXT + "\x1b[31mred\x07"))
    assert "\x1b" not in read_pdf(pdf).text
    assert "red" in read_pdf(pdf).text


# --------------------------------------------------------------------------------------------------------- the methods

ABOUT_DROPOUT = """\
In each step of training, dropout sets half of the units to zero, chosen by chance. What remains is divided by the
probability of staying, so that the sum stays what it was. Because no unit can rely on another, dropout keeps the
network from learning the training images by heart. In testing, every unit takes part and dropout does nothing."""


def test_a_method_with_a_few_sentences_of_its_own_is_treated():
    assert methods_treated(ABOUT_DROPOUT) == {method: method == "dropout" for method in METHODS}


def test_a_method_below_its_own_heading_is_treated_though_the_text_never_repeats_its_name():
    text = "2.3 ReLU\n" + "It is the identity for positive numbers and zero for all others, nothing more.\n" * 4
    assert methods_treated(text)["ReLU"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("We use convolution, max pooling, ReLU, dropout and softmax, five times. " * 9, id="enumerations"),
        pytest.param("2.4 Dropout\n2.5 Softmax and cross-entropy\n3 Experiments\n" + TEXT, id="headings without text"),
        pytest.param(ABOUT_DROPOUT.replace(".", "?"), id="questions"),
        pytest.param("We tried dropout.\n" + TEXT, id="one mention"),
        pytest.param(TEMPLATE, id="the template itself"),
    ],
)
def test_a_method_that_is_just_named_is_not_treated(text):
    assert not any(methods_treated(text).values())


def test_hyphens_at_line_ends_and_other_spellings_are_understood():
    text = ABOUT_DROPOUT.replace("dropout keeps", "drop-\nout keeps").replace("training, dropout", "training, drop-out")
    assert methods_treated(text)["dropout"]


# ------------------------------------------------------------------------------------------------------ the accuracies


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("full 99.19%\nno. 1 98.77%\nno. 2 98.74%\nno. 3 98.99%", id="a row each"),
        pytest.param(
            "full (deep_mnist) 3,274,634 12.1 5 99.19 (99.12 to 99.26)\n"
            "no. 1 (model_no1) 12,857,994 18.0 5 98.77 (98.70 to 98.84) -0.42 (-0.52 to -0.32) yes, p < 0.001\n"
            "no. 2 (model_no2) 6,434,634 9.9 5 98.74 (98.66 to 98.82) -0.45 (-0.55 to -0.35) yes, p < 0.001\n"
            "no. 3 (model_no3) 83,466 8.2 5 98.99 (98.90 to 99.08) -0.20 (-0.30 to -0.10) yes, p < 0.001\n",
            id="the table of compare.py",
        ),
        pytest.param(
            "full no. 1 no. 2 no. 3\nmean 0.9919 0.9877 0.9874 0.9899\nleast 0.99 0.98 0.97 0.96", id="columns"
        ),
        pytest.param("The full network has 99,19%, Model 1 98,77%, model 2 98,74%, model_no3 98,99 %.", id="commas"),
        pytest.param("99.19% for the full network, 98.77% for no. 1, 98.74% with no. 2, 98.99% by no. 3.", id="before"),
        pytest.param("No. 1, No. 2 and No. 3: 98.77, 98.74 and 98.99%; 99.19% for the complete network", id="sentence"),
    ],
)
def test_the_accuracy_of_each_network_is_found(text):
    found = find_accuracies(text).placed
    assert all(value in found[network] for network, value in ACCURACIES.items()), found


def test_counts_of_weights_differences_and_shares_are_no_accuracies():
    text = "no. 3 has 83,466 weights, 95% intervals, p = 0.03, loss 0.49, -0.62 points, version 99.1.2, 2.5% of them"
    assert find_accuracies(text).placed["model_no3"] == []


def test_the_fully_connected_layer_is_not_the_full_network():
    assert find_accuracies("the fully connected layer: 98.99%").placed["deep_mnist"] == []


@pytest.mark.attack
def test_a_text_made_to_keep_the_search_busy_does_not():
    for filler in (" ", "_", "model ", "no ", "1.", "0,", "max "):  # quadratic time in any of them would take a minute
        text = ("model" + filler * (50_000 // len(filler)))[:50_000]
        assert not any(find_accuracies(text).placed.values())
        assert not any(methods_treated(text).values())


# -------------------------------------------------------------------------------------------------------- the template


def test_every_prompt_of_the_template_is_recognised_however_the_lines_break():
    shown = TEMPLATE.partition("-->")[2].replace("> ", "").replace("-", "-\n")
    prompts = TEMPLATE.count("\n> Prompt:")
    assert prompts > 8
    assert len(template_prompts_left(shown, TEMPLATE)) == prompts


def test_the_prompt_for_the_name_is_recognised():
    assert template_prompts_left("> Prompt: your name, and your student id; no group work", TEMPLATE)


def test_a_part_of_a_prompt_is_told_by_its_beginning():
    text = "2.3 ReLU\nIt is max(0, x). What would the network be without it, however many layers it had?"
    assert template_prompts_left(text, TEMPLATE) == ["Write the function. What would the ..."]


def test_an_answer_left_behind_the_word_prompt_is_told():
    assert template_prompts_left("Prompt: ReLU is max(0, x).", TEMPLATE) == ["ReLU is max(0, x)."]
