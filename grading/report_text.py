"""Reads a report: the text of a PDF, and what of the assignment it treats.

A PDF can be made to keep its reader busy for ever, or to fill the memory. So `report_reader` runs all this in a process
of its own, under somebody else's limits; the caps below only keep honest files within reason.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from grading.file_checks import pdf_problem

MAX_BYTES = 50_000_000  # of the file; a report with a dozen pictures has 2 MB
MAX_PAGES = 200
MAX_CHARACTERS = 1_000_000  # of its text
FEWEST_LETTERS = 200  # of a report in which text was found: a scan may carry a page number or a watermark
TREATED_WORDS = 40  # about a method, below which it is just named

METHODS = {
    "convolution": r"convol\w+",
    "max pooling": r"max[\s-]*pool\w*",
    "ReLU": r"relus?\b|rectif\w+|rettific\w+",
    "dropout": r"drop[\s-]?out",
    "softmax and cross-entropy": r"soft[\s-]?max|cross[\s-]*entrop\w*|entropia incrociata",
}

# How reports call the networks, in lower case.
_FULL = r"\bfull\b|deep[ _\n]mnist|deep (?:convolutional )?network|\b(?:complete|original) network"  # not "fully"
_NO = r"(?:(?<![a-z])(?:no|nr|n(?=[.°º]))[.°º]?|(?:model|network|ablation)[\s_]{0,2}#?)[\s_]{0,2}"
NETWORKS = {"deep_mnist": _FULL} | {f"model_no{n}": rf"{_NO}{n}(?!\d|[.,]\d)" for n in (1, 2, 3)}
# 98.77, 98,77, 98,772% and 0.9877; but neither 83,466, which counts weights, nor differences, nor parts of numbers.
_NUMBER = r"(?<![\d.,\u2212-])(?:0[.,]\d{2,6}|\d\d\.\d{1,4}|\d\d,(?:\d{1,2}|\d{4}|\d{3}(?=\s?%)))(?!\d|[.,]\d)"
_TOKENS = re.compile("|".join(f"(?P<{name}>{words})" for name, words in (NETWORKS | {"number": _NUMBER}).items()))
_LEAST_ACCURACY = 0.5


class BadReport(Exception):
    """The report can't be read; the text tells the student why, and what to do."""


@dataclass(frozen=True)
class Report:
    """What was found in a PDF: its number of pages, and their text."""

    pages: int
    text: str


def read_pdf(path):
    """The pages and the text of a PDF, at most MAX_CHARACTERS of it.

    Raises BadReport for what is no PDF, or is too large, encrypted, damaged, or without text.
    """
    path = Path(path)
    _check_file(path)
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it complains of what it then reads all the same
    try:
        reader = PdfReader(path)
        pages = len(reader.pages)
        if pages > MAX_PAGES:
            raise BadReport(f"{path.name} has {pages:,} pages, of which at most {MAX_PAGES} are read")
        text = ""
        for page in reader.pages:
            text += page.extract_text() + "\n"
            if len(text) > MAX_CHARACTERS:
                break
    except (FileNotDecryptedError, DependencyError) as error:
        raise BadReport(f"{path.name} is protected by a password: export it again without one") from error
    except BadReport:
        raise
    except Exception as error:  # pypdf answers a damaged file with errors of every kind
        raise BadReport(f"{path.name} is damaged ({type(error).__name__}): export it again") from error
    text = _clean(text[:MAX_CHARACTERS])
    letters = sum(map(str.isalpha, text))
    if letters < FEWEST_LETTERS:
        raise BadReport(
            f"{path.name} has {pages} page{'s' * (pages != 1)} and next to no text ({letters} letters): it is empty, "
            "or a scan; export it from the program in which it was written"
        )
    return Report(pages, text)


def _check_file(path):
    problem = pdf_problem(path)
    if problem:
        raise BadReport(problem)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise BadReport(
            f"{path.name} has {size / 1e6:,.0f} MB, expected at most {MAX_BYTES / 1e6:.0f}: use smaller pictures"
        )


def _clean(text):
    """Ligatures as letters, and nothing that could not be written to a file or a terminal."""
    text = unicodedata.normalize("NFKC", text).encode(errors="replace").decode()
    return "".join(char for char in text if char == "\n" or char.isprintable())


# ------------------------------------------------------------------------------------------------------- what it says


def methods_treated(text):
    """Whether a report's text treats each of METHODS, rather than just names it: names to bools.

    A method is treated when TREATED_WORDS words belong to it: those below a heading that names it, or those of three
    sentences or more that name it. Questions and enumerations of methods do not count.
    """
    sections = _words_in_sections(text)
    sentences = _sentences(text)
    treated = {}
    for method, pattern in METHODS.items():
        naming = [len(sentence.split()) for sentence in sentences if re.search(pattern, sentence, re.IGNORECASE)]
        treated[method] = sections[method] >= TREATED_WORDS or (len(naming) >= 3 and sum(naming) >= TREATED_WORDS)
    return treated


def _sentences(text):
    """The sentences that tell something: no questions, which are the template's, and no lists of methods."""
    flowing = re.sub(r"\s+", " ", re.sub(r"(?<=\w)-\n(?=\w)", "", text))
    sentences = re.split(r"(?<=[.!?:;])\s+(?=[^a-z\s])", flowing)
    return [sentence for sentence in sentences if not sentence.endswith("?") and len(_named(sentence)) < 3]


def _named(text):
    return [method for method, pattern in METHODS.items() if re.search(pattern, text, re.IGNORECASE)]


def _words_in_sections(text):
    """How many words stand below headings that name a method, up to the next numbered heading or the next method's."""
    bodies, current = dict.fromkeys(METHODS, ""), []
    for line in text.splitlines():
        line = line.strip()
        numbered = re.match(r"(\d+(\.\d+)*|[IVX]+)[.)]?\s+[A-Z]", line)
        heading = line[:1] != line[:1].lower() or numbered
        heading = heading and line[-1] not in ".,;:?!" and len(line.split()) <= 8
        named = _named(line)
        if heading and (named or numbered):
            current = named
            continue
        for method in current:
            bodies[method] += line + "\n"
    return {method: sum(len(sentence.split()) for sentence in _sentences(body)) for method, body in bodies.items()}


def template_prompts_left(text, template):
    """The prompts of the template (its text, in Markdown) that are still in a report's text, each by its beginning.

    A prompt is left when any sentence of it is. Only letters and digits are compared: line ends and hyphens vary. What
    the student wrote behind a "Prompt:" that should have gone counts, too.
    """
    shown = re.sub(r"<!--.*?-->", "", template, flags=re.DOTALL)
    prompts = [re.sub(r"\s*\n> ?", " ", prompt) for prompt in re.findall(r"> Prompt: ?((?:.*\n>)*.*)", shown)]
    found = _letters(text)
    left = []
    for prompt in prompts:
        sentences = [_letters(sentence) for sentence in re.split(r"(?<=[.?])\s", prompt)]
        if any(len(sentence) >= 20 and sentence in found for sentence in sentences):
            left.append(_beginning(prompt))
    known = " ".join(map(_letters, prompts))
    own = [rest for rest in re.findall(r"\bPrompt: *(.{1,80})", text) if _letters(rest)[:20] not in known]
    return left + [_beginning(rest) for rest in own]


def _letters(text):
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def _beginning(text, words=6):
    short = " ".join(text.split()[:words])
    return short if len(text.split()) <= words else f"{short} ..."


def accuracies(text):
    """The numbers in a report's text that may be the test accuracy of each of NETWORKS: names to lists, 0 to 1.

    In a row of a table and in a sentence, numbers follow the network that they belong to; several networks in a row
    share out the numbers that follow, as in a table with a column for each; and "98.7% for no. 1" is understood. A
    percentage becomes a fraction. Nothing below 0.5 is taken for an accuracy.
    """
    found = {network: [] for network in NETWORKS}
    text = text.lower()
    names, numbers, tokens = [], [], list(_TOKENS.finditer(text))
    for n, token in enumerate(tokens):
        if token.lastgroup != "number":
            if numbers:
                _share_out(names, numbers, found)
                names, numbers = [], []
            names.append(token.lastgroup)
            continue
        value = _fraction(token[0])
        if value is None:
            continue
        numbers.append(value)
        after = tokens[n + 1] if n + 1 < len(tokens) else token
        gap = text[token.end() : min(after.start(), token.end() + 40)]
        if after.lastgroup != "number" and re.fullmatch(r"\s?%?\s?(for|of|with|by)\b.{0,20}", gap, re.DOTALL):
            found[after.lastgroup].append(value)
    _share_out(names, numbers, found)
    return found


def _share_out(names, numbers, found):
    names = [name for n, name in enumerate(names) if names[n - 1 : n] != [name]]
    if 1 < len(names) <= len(numbers):
        for n, value in enumerate(numbers):
            found[names[n % len(names)]].append(value)
    elif names:
        found[names[-1]] += numbers


def _fraction(number):
    value = float(number.replace(",", "."))
    value = value / 100 if value > 1 else value
    return round(value, 6) if _LEAST_ACCURACY <= value <= 1 else None
