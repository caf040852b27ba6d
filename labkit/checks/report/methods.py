"""Finds out which methods of the lecture a report's text treats, rather than just names.

Words belong to a method when they stand below a heading that names it, or follow a sentence that names it and speak of
it until another method is named. Questions, which are the template's, and enumerations of methods do not count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TREATED_WORDS = 40  # about a method, below which it is just named
DENSE_WORDS, DENSE = 25, 5  # or so many, with so many different words of those that an explanation has
TREATED, UNCLEAR, MISSING = "treated", "unclear", "missing"
WINDOW = 4  # sentences in a row, in which a method may be explained without its name
SIGNS = 4  # different words of those that only this method's explanation has

METHODS = {
    "convolution": r"convol\w+|faltung\w*|сверт\w+|свёрт\w+|卷积|卷積",
    "max pooling": r"max\w*[\s-]*pool\w*|pool\w*(?=[^.]{0,60}\b(?:max|larg|bigg|highe|mass|größ|grand))"
    r"|\b(?:maxim|larg|bigg|highe|massim|größ)[^.]{0,60}\bpool\w*|subsampl\w+|池化",
    "ReLU": r"relus?\b|rectif\w+|rettific\w+|rektifi\w+|整流",
    "dropout": r"drop[\s-]?out|随机失活|丢弃",
    "softmax and cross-entropy": r"soft[\s-]?max|cross[\s-]*entrop\w*|entropia (?:incrociata|cruzada)|entropie crois\w+"
    r"|kreuz[\s-]*entropie|交叉熵",
}
_HEADINGS = {  # that do not name the method, and have it below them all the same
    "max pooling": r"pool\w*|(?:sub|down)[\s-]?sampl\w+",
    "ReLU": r"activations?|non[\s-]?linear\w*|attivazion\w+|aktivierung\w*",
    "dropout": r"regulari[sz]\w+|regolarizz\w+|regularisierung|over-?fitting",
    "softmax and cross-entropy": r"output|loss|cost function|classifi\w+|uscita|perdita|ausgabe\w*|verlust\w*",
}
_WORDS = {  # of which an explanation has some, in the languages that reports come in
    "convolution": r"filt[er]|kernel|weight|pixel|channel|padd|stride|feature|slid|shared?|bias|local|patch"
    r"|window|sum\b"
    r"|summ|gewicht|kanal|pes[oi]|canal|finest|fenster|merkmal|caratteristic|gemeinsam|condivis|image|bild|immagin",
    "max pooling": r"largest|maxim|highest|biggest|2 ?[x\u00d7] ?2|half|halv|quarter|shrink|reduc|size|shift"
    r"|translat|invarian"
    r"|window|square|sampl|resolution|massim|metà|größ|halb|viert|riduc|stroke|verschieb|position|place",
    "ReLU": r"zero|negativ|positiv|linear|sigmoid|saturat|gradient|vanish|max ?\(|identi|activation|threshold|null"
    r"|attivazion|aktivierung|larger|nichtlinear|lineare",
    "dropout": r"random|chance|probabil|zero|half|keep|kept|units?\b|neuron|overfit|train|ensemble|rely|adapt"
    r"|divid|scal"
    r"|regulari|wahrschein|zufäll|null|casual|azzer|unità|einheit|über",
    "softmax and cross-entropy": r"exp|probabil|logit|sum|distribut|logarithm|\blog\b|loss|negativ|label"
    r"|gradient|normali"
    r"|class|wahrschein|vert|verlust|perdita|summe|somma|mistake|fehler",
}
_SIGNS = {  # words that hardly any other part of a report has; enough of them explain a method without its name
    "convolution": r"filter|kernel|pixel|weights|channel|padd|slid|shared?\b|bias",
    "max pooling": r"largest|maxim|highest|2 ?[x\u00d7] ?2|halve|quarter|square|shift|moves|window",
    "ReLU": r"negativ|positiv|saturat|vanish|sigmoid|identity|zero|larger of|linear map",
    "dropout": r"random|chance|probabilit|zero|kept|keep|overfit|divided|rely|adapt",
    "softmax and cross-entropy": r"exponential|probabilit|distribution|logarithm|logits|sum\b|negative",
}


@dataclass(frozen=True)
class _Section:
    """Text below a heading, and the methods that the heading names."""

    methods: tuple[str, ...]
    text: str


def find_methods(text: str) -> dict[str, str]:
    """Find how a report's text treats each of METHODS: names to TREATED, UNCLEAR or MISSING.

    A method is unclear where its section has none of the words of an explanation, as in a language that is not known
    here, and where it seems to be explained without its name.
    """
    sections = list(_sections(text))
    sentences = [sentence for section in sections for sentence in _sentences(section.text)]
    below = {method: _words_below(sections, method) for method in METHODS}
    flow = _flow(sections)
    verdicts = {}
    for method, pattern in METHODS.items():
        naming = [sentence for sentence in sentences if re.search(pattern, sentence, re.IGNORECASE)]
        named_often = len(naming) >= 3 and _count(naming) >= TREATED_WORDS
        section = _count(below[method])
        enough = _enough(below[method], method, fewest=2) or _enough(flow[method], method, fewest=3)
        if named_often or enough:
            verdicts[method] = TREATED
        elif section >= TREATED_WORDS or _explained_without_name(method, sections):
            verdicts[method] = UNCLEAR
        else:
            verdicts[method] = MISSING
    return verdicts


def methods_treated(text: str) -> dict[str, bool]:
    """Tell for each of METHODS whether a report's text surely treats it: names to bools."""
    return {method: verdict == TREATED for method, verdict in find_methods(text).items()}


def _enough(sentences: list[str], method: str, fewest: int) -> bool:
    """Tell whether these explain a method: many words with `fewest` telling ones among them, or few, but telling."""
    words, telling = _count(sentences), _different(_WORDS[method], " ".join(sentences))
    return (words >= TREATED_WORDS and telling >= fewest) or (words >= DENSE_WORDS and telling >= DENSE)


def _count(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)


def _different(pattern: str, text: str) -> int:
    return len({match.lower() for match in re.findall(pattern, text, re.IGNORECASE)})


def _named(text: str) -> list[str]:
    return [method for method, pattern in METHODS.items() if re.search(pattern, text, re.IGNORECASE)]


def _sections(text: str) -> Iterator[_Section]:
    """Yield the parts of the text between headings; other headings than the methods' end a part if numbered."""
    current: tuple[str, ...] = ()
    body: list[str] = []
    for line in text.splitlines():
        heading = _heading(line.strip())
        if heading is None:
            body.append(line.strip())
            continue
        yield _Section(current, "\n".join(body))
        current, body = heading, []
    yield _Section(current, "\n".join(body))


def _heading(line: str) -> tuple[str, ...] | None:
    """Return the methods of a heading, () for a numbered one that names none; None for a line that is no heading."""
    if not line or len(line) > 120:
        return None
    numbered = re.match(r"(\d+(\.\d+)*|[IVX]+)[.)]?\s+[^\W\d_]", line)
    bullet = re.match(r"[•◦▪*\u2013-]\s*(?=\w)", line)
    line = line[bullet.end() :] if bullet else line
    words = line.split()
    if not (line[:1] != line[:1].lower() or numbered or not line.isascii()) or len(words) > 8:
        return None
    if line[-1] in ".,;?!" or (line[-1] in ":\uff1a" and len(words) > 4):
        return None
    named = _named(line)
    if not named and len(words) <= 7:
        named = [
            method
            for method, pattern in _HEADINGS.items()
            if re.search(rf"\b(?:{pattern})\b", line, re.IGNORECASE) and (numbered or len(words) <= 4)
        ]
    return tuple(named) if named or numbered else None


def _sentences(text: str) -> list[str]:
    """Return the sentences with content: no questions, which are the template's, and no lists of methods."""
    return [sentence for sentence in _all_sentences(text) if len(_named(sentence)) < 3]


def _all_sentences(text: str) -> list[str]:
    flowing = re.sub(r"\s+", " ", re.sub(r"(?<=\w)-\n(?=\w)", "", text))
    sentences = re.split(r"(?<=[.!?:;])\s+(?=[^a-z\s])|(?<=[。\uff1f\uff01])", flowing)
    return [sentence for sentence in sentences if sentence.strip() and not sentence.rstrip().endswith(("?", "\uff1f"))]


def _words_below(sections: list[_Section], method: str) -> list[str]:
    return [sentence for section in sections if method in section.methods for sentence in _sentences(section.text)]


def _flow(sections: list[_Section]) -> dict[str, list[str]]:
    """Return the sentences that name a method, and those after them about it, until another method is named."""
    by_method: dict[str, list[str]] = {method: [] for method in METHODS}
    for section in sections:
        owners: list[str] = []
        for sentence in _all_sentences(section.text):
            named = _named(sentence)
            if named:
                owners = named if len(named) < 3 else []
            for method in owners:
                if named or re.search(_WORDS[method], sentence, re.IGNORECASE):
                    by_method[method].append(sentence)
    return by_method


def _explained_without_name(method: str, sections: list[_Section]) -> bool:
    """Tell whether consecutive sentences have so many of a method's own words that they may well explain it."""
    for section in sections:
        sentences = _sentences(section.text)
        for start in range(len(sentences)):
            window = sentences[start : start + WINDOW]
            if _different(_SIGNS[method], " ".join(window)) >= SIGNS and _count(window) >= TREATED_WORDS // 2:
                return True
    return False
