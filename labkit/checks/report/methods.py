"""Finds out which methods of the lecture a report's text treats, rather than just names.

Words belong to a method when they stand below a heading that names it, or follow a sentence that names it and speak of
it until another method is named. Questions, which are the template's, and enumerations of methods do not count.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from labkit.checks.report.languages import METHODS, Language, any_of, chosen

TREATED_WORDS = 40  # about a method, below which it is just named
DENSE_WORDS, DENSE = 25, 5  # or so many, with so many different words of those that an explanation has
TREATED, UNCLEAR, MISSING = "treated", "unclear", "missing"
WINDOW = 4  # sentences in a row, in which a method may be explained without its name
SIGNS = 4  # different words of those that only this method's explanation has

_ELSEWHERE = {  # names in languages that no explanation is known of: it is then left to a person
    "convolution": r"сверт\w+|свёрт\w+|卷积|卷積",
    "max pooling": r"池化",
    "ReLU": r"整流",
    "dropout": r"随机失活|丢弃",
    "softmax and cross-entropy": r"交叉熵",
}


@dataclass(frozen=True)
class _Words:
    """The patterns of a method in all languages that a report may be in; see languages.MethodWords."""

    names: re.Pattern[str]
    headings: re.Pattern[str]
    telling: re.Pattern[str]
    signs: re.Pattern[str]


@dataclass(frozen=True)
class _Section:
    """Text below a heading, and the methods that the heading names."""

    methods: tuple[str, ...]
    text: str


def find_methods(text: str, languages: Sequence[Language] = chosen()) -> dict[str, str]:
    """Find how a report's text treats each of METHODS: names to TREATED, UNCLEAR or MISSING.

    A method is unclear where its section has none of the words of an explanation, as in a language that is not among
    `languages`, and where it seems to be explained without its name.
    """
    return _finder(tuple(language.name for language in languages)).find(text)


def methods_treated(text: str) -> dict[str, bool]:
    """Tell for each of METHODS whether a report's text surely treats it: names to bools."""
    return {method: verdict == TREATED for method, verdict in find_methods(text).items()}


@lru_cache
def _finder(names: tuple[str, ...]) -> "_Finder":
    return _Finder(chosen(names))


class _Finder:
    """Finds methods in texts of some languages."""

    def __init__(self, languages: Sequence[Language]) -> None:
        self._words = {method: _words(method, languages) for method in METHODS}
        asks = any_of(language.questions for language in languages)
        self._asks = re.compile(rf"(?:\d+(?:\.\d+)*[.)]?\s+)?(?:{asks})", re.IGNORECASE)

    def find(self, text: str) -> dict[str, str]:
        sections = self._sections(text)
        sentences = [sentence for section in sections for sentence in self._sentences(section.text)]
        flow = self._flow(sections)
        return {method: self._verdict(method, sections, sentences, flow[method]) for method in METHODS}

    def _verdict(self, method: str, sections: list[_Section], sentences: list[str], flow: list[str]) -> str:
        naming = [sentence for sentence in sentences if self._words[method].names.search(sentence)]
        below = [s for section in sections if method in section.methods for s in self._sentences(section.text)]
        named_often = len(naming) >= 3 and _count(naming) >= TREATED_WORDS
        if named_often or self._enough(below, method, fewest=2) or self._enough(flow, method, fewest=3):
            return TREATED
        if _count(below) >= TREATED_WORDS or self._explained_without_name(method, sections):
            return UNCLEAR
        return MISSING

    def _enough(self, sentences: list[str], method: str, fewest: int) -> bool:
        """Tell if these explain a method: many words with `fewest` telling ones among them, or few that tell much."""
        words, telling = _count(sentences), _different(self._words[method].telling, " ".join(sentences))
        return (words >= TREATED_WORDS and telling >= fewest) or (words >= DENSE_WORDS and telling >= DENSE)

    def _named(self, text: str) -> list[str]:
        return [method for method, words in self._words.items() if words.names.search(text)]

    def _sections(self, text: str) -> list[_Section]:
        """Return the parts of the text between headings; other headings than the methods' end a part if numbered."""
        sections: list[_Section] = []
        current: tuple[str, ...] = ()
        body: list[str] = []
        for line in text.splitlines():
            heading = self._heading(line.strip())
            if heading is None:
                body.append(line.strip())
                continue
            sections.append(_Section(current, "\n".join(body)))
            current, body = heading, []
        return [*sections, _Section(current, "\n".join(body))]

    def _heading(self, line: str) -> tuple[str, ...] | None:
        """Return the methods of a heading, () for a numbered one that names none; None for a line that is none."""
        if not line or len(line) > 120:
            return None
        numbered = re.match(r"(\d+(\.\d+)*|[IVX]+)[.)]?\s+[^\W\d_]", line)
        bullet = re.match(r"[•◦▪*\u2013-]\s*(?=\w)", line)
        line = line[bullet.end() :] if bullet else line
        words = line.split()
        begins = line[:1].isupper() or numbered or not (line.isascii() or line[:1].islower())  # some know no capitals
        if not begins or len(words) > 8:
            return None
        question = self._asks.match(line) and line.endswith("?")
        if (line[-1] in ".,;?!" and not question) or (line[-1] in ":\uff1a" and len(words) > 4):
            return None
        named = self._named(line)
        if not named and len(words) <= 7 and (numbered or len(words) <= 4):
            named = [method for method in METHODS if self._words[method].headings.search(line)]
        return tuple(named) if named or numbered else None

    def _sentences(self, text: str) -> list[str]:
        """Return the sentences with content: no questions, which are the template's, and no lists of methods."""
        return [sentence for sentence in _all_sentences(text) if len(self._named(sentence)) < 3]

    def _flow(self, sections: list[_Section]) -> dict[str, list[str]]:
        """Return the sentences that name a method, and those after them about it, until another method is named."""
        by_method: dict[str, list[str]] = {method: [] for method in METHODS}
        for section in sections:
            owners: list[str] = []
            for sentence in _all_sentences(section.text):
                named = self._named(sentence)
                if named:
                    owners = named if len(named) < 3 else []
                for method in owners:
                    if named or self._words[method].telling.search(sentence):
                        by_method[method].append(sentence)
        return by_method

    def _explained_without_name(self, method: str, sections: list[_Section]) -> bool:
        """Tell whether consecutive sentences have so many of a method's own words that they may well explain it."""
        for section in sections:
            sentences = self._sentences(section.text)
            for start in range(len(sentences)):
                window = sentences[start : start + WINDOW]
                signs = _different(self._words[method].signs, " ".join(window))
                if signs >= SIGNS and _count(window) >= TREATED_WORDS // 2:
                    return True
        return False


def _words(method: str, languages: Sequence[Language]) -> _Words:
    """Return a method's patterns, as one for all these languages."""
    known = [language.methods[method] for language in languages]
    names = any_of([*(words.names for words in known), _ELSEWHERE[method]])
    headings = any_of(words.headings for words in known)
    telling, signs = any_of(words.telling for words in known), any_of(words.signs for words in known)
    patterns = (names, rf"\b(?:{headings})\b", telling, signs)
    return _Words(*(re.compile(pattern, re.IGNORECASE) for pattern in patterns))


def _count(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)


def _different(pattern: re.Pattern[str], text: str) -> int:
    return len({match[0].lower() for match in pattern.finditer(text)})


def _all_sentences(text: str) -> list[str]:
    flowing = re.sub(r"\s+", " ", re.sub(r"(?<=\w)-\n(?=\w)", "", text))
    sentences = re.split(r"(?<=[.!?:;])\s+(?=[^a-z\s])|(?<=[。\uff1f\uff01])", flowing)
    return [sentence for sentence in sentences if sentence.strip() and not sentence.rstrip().endswith(("?", "\uff1f"))]
