"""Reads a report: the text of a PDF that can be seen, and the template's prompts in it.

A PDF can be made to keep its reader busy for ever, or to fill the memory. So `reader.py` runs all this in a process
of its own, under somebody else's limits; the caps below only keep honest files within reason.
"""

import io
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.checks.file_checks import pdf_problem
from labkit.checks.report.ink import Ink, find_ink, without
from labkit.checks.report.languages import Language, chosen
from labkit.checks.report.letters import illegible, mend_letters
from labkit.errors import KitError

MAX_BYTES = 50_000_000  # of the file; a report with a dozen pictures has 2 MB
MAX_PAGES = 200  # that are read; a report has a dozen
MAX_CHARACTERS = 1_000_000  # of its text
FEWEST_HIDDEN = 10  # words that nobody sees, of which somebody should know
FEWEST_LETTERS = 200  # of a report in which text was found: a scan may carry a page number or a watermark


class BadReport(KitError):
    """The report can't be read; the text tells the student why, and what to do.

    `undecided` where that is the grader's limit, so that somebody has to read it; `remarks` are for the instructor.
    """

    def __init__(self, message: str, undecided: bool = False, remarks: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.undecided, self.remarks = undecided, remarks


@dataclass(frozen=True)
class Report:
    """What was found in a PDF: its number of pages, and the text that can be seen on them.

    `hidden` counts the words that can't be seen, `doubtful` those that perhaps can't; `why` has the reasons, the most
    frequent first. `drawn` is whether there are pictures or shapes that may be text. `illegible` says why the text
    can't be what a person reads, "" where it can.
    """

    pages: int
    text: str
    hidden: int = 0
    doubtful: int = 0
    why: tuple[str, ...] = ()
    drawn: bool = False
    illegible: str = ""


def read_pdf(path: str | Path, languages: Sequence[Language] = chosen()) -> Report:
    """Read a PDF: the number of pages, and the text of the first MAX_PAGES of them, at most MAX_CHARACTERS of it.

    Where pypdf's text can't be what a person reads in one of `languages`, PDFium's is taken if it can, where that is
    installed. A PDF that only asks not to be changed (an owner's password) is read like any other; AES takes the
    package cryptography.

    Raises BadReport for what is no PDF, or is too large, encrypted, damaged, or without text.
    """
    path = Path(path)
    _check_file(path)
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it complains of what it then reads all the same
    try:
        pdf = PdfReader(path)
        report = _read_pages(pdf, languages)
        if report.illegible or _letters_in(report.text) < FEWEST_LETTERS:
            report = _read_again(pdf, report, languages)
    except FileNotDecryptedError as error:
        raise BadReport(f"{path.name} is protected by a password: export it again without one") from error
    except DependencyError as error:
        raise BadReport(
            f"{path.name} is encrypted, and to open that the package cryptography is needed, which is not installed "
            "here: export the report again without encryption, or leave it to grading",
            undecided=True,
        ) from error
    except Exception as error:  # pypdf answers a damaged file with errors of every kind
        kind = type(error).__name__
        if _letters_in(_pdfium_text(path.read_bytes())) >= FEWEST_LETTERS:
            raise BadReport(
                f"{path.name} is damaged ({kind}), and has a text all the same, but whether all its words can be seen "
                "can't be told: export it again",
                undecided=True,
            ) from error
        raise BadReport(f"{path.name} is damaged ({kind}): export it again") from error
    letters = _letters_in(report.text)
    if letters < FEWEST_LETTERS and not report.doubtful:
        raise _without_text(path.name, report, letters)
    return report


def _without_text(name: str, report: Report, letters: int) -> BadReport:
    """Return the error for a PDF without text: nothing to give points for, or nothing that a program can read."""
    problem = f"{name} has {report.pages} page{'s' * (report.pages != 1)} and next to no text ({letters} letters"
    problem += f", and {report.hidden:,} words that nobody sees: {', '.join(report.why)})" if report.hidden else ")"
    export = "export it from the program in which it was written"
    remarks = hidden_words(report.hidden, report.why)
    if report.drawn:
        return BadReport(
            f"{problem}, but pictures or shapes that may be one: {export}", undecided=True, remarks=remarks
        )
    return BadReport(f"{problem}: it is empty, or a scan; {export}", remarks=remarks)


def hidden_words(count: int, why: Sequence[str]) -> tuple[str, ...]:
    """Return a remark on so many hidden words; none for a few, which are a slip of the program that made the PDF."""
    if count < FEWEST_HIDDEN:
        return ()
    return (f"{count:,} words of the report can't be seen ({', '.join(why)}) and don't count",)


def _read_pages(pdf: Any, languages: Sequence[Language]) -> Report:
    pages, text, hidden, doubtful, drawn = len(pdf.pages), "", 0, 0, False
    reasons: Counter[str] = Counter()
    for number in range(min(pages, MAX_PAGES)):
        page = pdf.pages[number]
        ink = _ink(page)
        seen, unseen, unsure = _read_page(page, ink)
        text, hidden, doubtful = f"{text}{seen}\n", hidden + unseen, doubtful + unsure
        drawn = drawn or ink.drawn
        reasons += ink.reasons
        if len(text) > MAX_CHARACTERS:
            break
    why = tuple(reason for reason, _ in reasons.most_common(3)) if hidden or doubtful else ()
    text = mend_letters(text[:MAX_CHARACTERS])
    return Report(pages, _clean(text), hidden, doubtful, why, drawn, illegible(text, languages))


def _ink(page: Any) -> Ink:
    try:
        return find_ink(page)
    except Exception:  # whatever is odd about the page: what can't be followed counts as seen
        return Ink()


def _read_page(page: Any, ink: Ink) -> tuple[str, int, int]:
    """Return a page's visible text; how many words are not, and how many doubtful."""
    text = page.extract_text()
    if not ink.hidden and not ink.doubtful:
        return text, 0, 0
    try:
        with without(page, ink.hidden | ink.doubtful):
            seen = page.extract_text()
        with without(page, ink.hidden):
            perhaps = page.extract_text() if ink.doubtful else seen
    except Exception:  # as in _ink
        return text, 0, 0
    words, likely, sure = (len(one.split()) for one in (text, perhaps, seen))
    return seen, max(0, words - likely), max(0, likely - sure)


def _read_again(pdf: Any, report: Report, languages: Sequence[Language]) -> Report:
    """Return the report with PDFium's text of what can be seen, if that is legible; else the report as it is."""
    from pypdf import PdfWriter

    visible, content = PdfWriter(), io.BytesIO()
    try:
        for number in range(min(report.pages, MAX_PAGES)):
            page = pdf.pages[number]
            ink = _ink(page)
            with without(page, ink.hidden | ink.doubtful):
                visible.add_page(page)
        visible.write(content)
    except Exception:  # what the first reader could read, it can't always write
        return report
    text = mend_letters(_pdfium_text(content.getvalue()))
    is_whole = _letters_in(text) >= 0.8 * _letters_in(report.text)
    return replace(report, text=_clean(text), illegible="") if is_whole and not illegible(text, languages) else report


def _pdfium_text(content: bytes) -> str:
    """Return the text of a PDF as PDFium reads it; "" where that fails, or is not installed."""
    try:
        import pypdfium2

        with closing(pypdfium2.PdfDocument(content)) as document:
            pages = [document[number] for number in range(min(len(document), MAX_PAGES))]
            text = "\n".join(page.get_textpage().get_text_range() for page in pages)
    except Exception:  # its own errors, ctypes', and those of a module that is not there
        return ""
    return _PDFIUM_HYPHEN.sub("", text.replace("\r\n", "\n"))[:MAX_CHARACTERS]


_PDFIUM_HYPHEN = re.compile("[\x02\ufffe]\\s*")  # it stands for one at the end of a line, within a word


def _check_file(path: Path) -> None:
    problem = pdf_problem(path)
    if problem:
        raise BadReport(problem)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadReport(
            f"{path.name} has {size / 1e6:,.0f} MB, expected at most {MAX_BYTES / 1e6:.0f}: use smaller pictures"
        )


def _letters_in(text: str) -> int:
    return sum(map(str.isalpha, text))


def _clean(text: str) -> str:
    """Turn ligatures into letters, tabs into spaces, and remove what a file or a terminal could not take.

    A soft hyphen stands for one that is seen, as Typst writes them, unless it is between the letters of a word.
    """
    text = re.sub(r"(?<![^\W\d_])\u00ad|\u00ad(?![^\W\d_])", "-", text)
    text = unicodedata.normalize("NFKC", text).encode(errors="replace").decode()
    return "".join(char for char in text.replace("\t", " ") if char == "\n" or char.isprintable())


def template_prompts_left(text: str, template: str) -> list[str]:
    """Find the prompts of the template (its text, in Markdown) that are still in a report's text, by their beginnings.

    A prompt is left when any sentence of it is. Only letters and digits are compared: line ends and hyphens vary. What
    the student wrote behind a "Prompt:" that should have been deleted counts, too.
    """
    shown = re.sub(r"<!--.*?-->", "", template, flags=re.DOTALL)
    prompts = [re.sub(r"\s*\n> ?", " ", prompt) for prompt in re.findall(r"> Prompt: ?((?:.*\n>)*.*)", shown)]
    letters = _letters(text)
    left = []
    for prompt in prompts:
        sentences = [_letters(sentence) for sentence in re.split(r"(?<=[.?])\s", prompt)]
        if any(len(sentence) >= 20 and sentence in letters for sentence in sentences):
            left.append(_beginning(prompt))
    known = " ".join(map(_letters, prompts))
    own = [rest for rest in re.findall(r"\bPrompt: *(.{1,80})", text) if _letters(rest)[:20] not in known]
    return left + [_beginning(rest) for rest in own]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def _beginning(text: str, words: int = 6) -> str:
    short = " ".join(text.split()[:words])
    return short if len(text.split()) <= words else f"{short} ..."
