"""Finds the test accuracy of each network in a report's text, and reports what it could not place.

Reports call the networks by many names and put their numbers into rows, columns and sentences. A number is placed with
a network only where the text itself ties them together: in one row, below one head, in one clause. What is an accuracy
of an unknown network is loose: a person has to look. What says that it is something else (seconds, p-values,
counts of weights, differences, ends of intervals, training accuracy) is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from labkit.networks import FULL, TITLES

NETWORKS = tuple(TITLES)
LEAST_ACCURACY = 0.5  # below, a number is something else
LIKELY_ACCURACY = 0.9  # beside one of these, lower numbers are something else
MOST_LINE = 400  # characters of a line that are looked at; 120 fill one
HEAD_LINES = 12  # above a table's first row, that may be its head

# --------------------------------------------------------------------------------------- how reports call the networks

_ONE_TO_THREE = {1: r"(?:1|i|one|uno|eins|un)", 2: r"(?:2|ii|two|due|zwei|dos|deux)"}
_ONE_TO_THREE[3] = r"(?:3|iii|three|tre|drei|tres|trois)"
_KIND = (
    r"(?:sub)?models?|modell[oi]?|modelos?|mod[eè]les?|net(?:work)?s?|netz(?:werk)?|ret[ei]|red|r[ée]seau"
    r"|ablation|ablazione"
    r"|ablaci[óo]n|variante?|модель|сеть|模型|网络|version|case|config(?:uration)?|experiment|cnn|script|ablated"
)
_NUMBER_SIGN = r"(?:(?:no|nr|num)(?![a-z])\.?|n[.°º]|n(?=\s?\d)|number|№|#)"
_FIRST = {
    1: r"(?:first|1st|1\.|prim[ao]|erste[nr]?|premi[eè]re?|primera?)",
    2: r"(?:second|2nd|2\.|second[ao]|zweite[nr]?|deuxi[eè]me|seconde|segunda?)",
    3: r"(?:third|3rd|3\.|terz[ao]|dritte[nr]?|troisi[eè]me|tercera?)",
}
_CONVOLUTION = r"(?:conv(?:ol\w*)?\.?|faltung\w*)"
_DENSE = (
    r"(?:fully[\s-]*connected|dense|fc[\s_-]?1?|relu)(?:[\s-]+(?:relu[\s-]+)?(?:layer|stage|part))?"
    r"|(?:livello |strato )?(?:completamente connesso|denso|totalmente connesso)|vollverbunden\w*|voll verbunden\w*"
)
_LAYER = r"(?:layers?|livello|strato|schicht|capa|couche)"
_WITHOUT = (
    r"(?:without|w/o|no|minus|less|except|removing|removed:?|remove|senza|ohne|sans|sin|dropping|ablating|lacking|-)"
)
_GONE = r"(?:removed|ablated|dropped|missing|gone|taken out|left out|deleted|rimoss[ao]|entfernt|omitted|out)"
_THE = r"\s*(?:the |il |la |lo |die |den |der |le |el |its )?"


def _target(n: int) -> str:
    """Return the pattern of what the ablation of this number removes."""
    if n == 3:
        return rf"(?:{_FIRST[3]} {_LAYER}|{_LAYER} 3|{_DENSE})"
    layer = rf"{_FIRST[n]} (?:{_CONVOLUTION}(?: {_LAYER})?|{_LAYER}(?: {_CONVOLUTION})?(?! of the)|one\b)"
    return rf"(?:{layer}|{_CONVOLUTION}(?:[\s_-]?{_LAYER})?[\s_-]?{n}\b|{_LAYER} {n}\b)"


def _names(n: int) -> str:
    number = _ONE_TO_THREE[n]
    return "|".join(
        (
            rf"\b(?:{_KIND})[\s_]{{0,2}}-?(?:{_NUMBER_SIGN})?[\s_]{{0,2}}{number}(?![\w%]|[.,]\d)",
            rf"(?<![a-z]){_NUMBER_SIGN}\s{{0,2}}{n}(?![\w%]|[.,]\d)",
            rf"(?<![\w.,])m[\s_-]?{n}(?![\w%]|[.,]\d)",
            rf"(?<![\w-]){_WITHOUT}{_THE}{_target(n)}",
            rf"\b{_FIRST[n]} (?:ablation|variant|reduced (?:model|network))\b",
            rf"\b{_target(n)}(?: (?:is|was|are|were|has been))?\s{_GONE}\b",
        )
    )


_FULL = (
    r"\bfull\b|\bdeep[ _]mnist\b|\bdeep (?:convolutional )?(?:neural )?network|\b(?:complet[aoe]|complete"
    r"|original[e]?|originale[rs]?)\b"
    r"(?![- ](?:paper|images?|data|size|recipe))|\bbase[\s-]?line\b|\b(?:whole|entire|intact|unablated"
    r"|unmodified|unchanged|reference)"
    r" (?:model|network|net|cnn)|\bre(?:te|d) (?:intera|di partenza|base|entera)|\bvollst[äa]ndige?[nrs]?\b"
    r"|\bkomplett\w{0,2}\b"
    r"|\b(?:ganze|gesamte)s? netz\w*|\br[ée]seau (?:complet|entier)|\ball (?:of )?(?:the |its )?layers"
    r"|\bnone removed|\bnothing removed"
    r"|\bwithout (?:any )?(?:ablation|removal)\b|\bvolledige?\b|\bполная\b|完整|原始"  # noqa: RUF001  # Cyrillic is meant
    r"|\bno (?:layers? )?(?:ablation|removal|removed)\b|\b(?:none|nothing)\b(?=\s*(?:\d|$))"
    rf"|\b(?:{_KIND})[\s_]{{0,2}}-?(?:{_NUMBER_SIGN})?[\s_]{{0,2}}0(?![\w%]|[.,]\d)|(?<![\w.,])(?:m"
    rf"|#)[\s_-]?0(?![\w%]|[.,]\d)"
)
_NAMES = re.compile(
    "|".join(f"(?P<{name}>{words})" for name, words in zip(NETWORKS, (_FULL, *map(_names, (1, 2, 3))), strict=True))
)
_TARGETS = re.compile(  # in a table of what was removed
    "|".join(f"(?P<{NETWORKS[n]}>{_target(n)})" for n in (1, 2, 3)) + rf"|(?P<{NETWORKS[0]}>(?:none|nothing|-)(?=\s))"
)
_REMOVED = re.compile(r"\b(?:removed|ablated|removal|without|left out|missing|rimoss\w+|entfernt\w*|senza|ohne)\b")
_OF_ALL = re.compile(r"\b(\d)[.,' ]?(\d{3})\s?(?:/|of|out of|su|von|de|sur)\s?(?:the |all )?10[.,' ]?000\b")
_BARE_CNN = re.compile(r"(?:the )?(?:cnn|convnet)\b(?![_-]?\d)")  # the full network, where others are called CNN-1
_AND_MORE = re.compile(rf"\b(?:{_KIND})\b[\s_]*(?:{_NUMBER_SIGN})?[\s_]*1\s+2\s+3\b")  # a head: model 1 2 3

# --------------------------------------------------------------------------------------------------------- the numbers

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[+-]\s?)?(?P<digits>\d{1,3}(?P<between>[,.' ])\d{3}(?:(?P=between)\d{3})*(?![\d%]|\s?%)"
    r"|\d+(?:[.,]\d+)?)(?P<percent>\s?(?:%|percent|per cent))?"
    r"(?P<seconds>\s?(?:s|sec|seconds?|min|minutes?|h|ms|mb|epochs?|steps|images|digits|points?|pp)\b)?(?![\w]|[.,]\d)"
)
_DECIMALS = r"\d{1,2}(?:[.,]\d+)?\s?%?"
_LEFT_OUT = re.compile(
    rf"[(\[]\s*[+-]?{_DECIMALS}\s?(?:to|a|bis|[-,;…])\s?[+-]?{_DECIMALS}\s*[)\]]"  # intervals
    rf"|(?<!from )(?<![\d.,]){_DECIMALS}\s?(?:to|bis)\s{_DECIMALS}"
    rf"|(?:±|\+/-|\+-)\s?\d+(?:[.,]\d+)?\s?%?"
    rf"|\bp\s?(?:-?value)?\s?(?:[=<>≤≥]|of)\s?\d*[.,]\d+"
    rf"|\b9[059](?:[.,]\d)?\s?%?[\s-]?(?:ci\b|confidence|konfidenz\w*|intervals?|intervall\w*|di confidenza|credible)"
    rf"|\((?:std|sd|se|s\.d\.|\u03c3|±)[^()]{{0,20}}\)",
)

_COLUMNS = {  # what a table's head says about a column
    "training": r"train(?:ing)? (?:set )?(?:acc\w*|accuracy|score|set|images)|train\.? acc\w*|accuratezza (?:di"
    r"|sul) (?:training|addestramento)",
    "validation": r"(?:validation|valid|val|dev)\.? ?(?:acc\w*|accuracy|set)?",
    "seconds": r"(?:training|training time|train|time|zeit|tempo|dauer|seconds)[^a-z0-9]{0,3}\(?(?:s\b|sec\w*"
    r"|min\b)\)?|\b(?:training )?time\b"
    r"|\bseconds\b|\btempo\b",
    "difference": r"\bdifference\b(?:, points)?|\bdiff\b|\bdelta\b|Δ|\bdrop\b|\bchange\b|\bloss of accuracy\b"
    r"|\bdifferenza\b|\bdifferenz\b|\bvs\.?\b",
    "error": r"(?:test )?(?:error(?: rate)?s?|err\b|errore?|tasso d'errore|fehler(?:rate|quote)?|erreur|misclassif\w+)",
    "wrong": r"\b(?:wrong(?:ly)?|incorrect(?:ly)?|mistakes|missed|falsche?|sbagliat[ei])\b(?: read| classified)?"
    r"(?: (?:of|out of|/) [\d., ]{4,7})?",
    "counts": r"(?:right|correct|hits|richtige?|corrett[ei]|aciertos)(?:ly)?(?: read| classified)?(?: (?:of"
    r"|out of|su|von|/) [\d., ]{4,7})?"
    r"|of 10[,. ]?000",
    "parameters": r"\bparam(?:eter|etri|\u00e8tres)?s?\b|\bweights\b|\bgewichte\b|\bpesi\b",
    "seeds": r"\bseeds\b|\bruns\b|\bn\b(?! [.°º\d])",
    "one seed": r"\b(?:seed|run|trial) ?#?\d\b|\bs\d\b",
    "p": r"\bp(?:[- ]value)?\b|\bsignifican\w+",
    "spread": r"\bstd\b|\bs\.?d\.?\b|\bstandard deviation\b|\bspread\b|\b\u03c3|\bmin\b|\bmax\b|\bleast\b"
    r"|\bmost\b|\blowest\b|\bhighest\b",
    "mean": r"\b(?:mean|average|avg|media|mittel(?:wert)?|moyenne|median)\b(?: (?:of )?(?:test )?acc\w*)?",
    "test": r"accura(?:cy|tezza|cies),? \(?(?:sul|sui|on|of|in) (?:the |dati di |mnist )?test\w*"
    r"|test(?:ing)?[- ](?:set )?(?:acc\w*|score)(?: on mnist)?|accuracy on (?:the )?test\w*|acc\w* \(test\)"
    r"|test\b(?! error| err)",
    "accuracy": r"accura(?:cy|tezza)|accuracies|genauigkeit|pr[ée]cision|exactitud|precisi[óo]n|\bacc\b",
}
_HEAD = re.compile("|".join(f"(?P<c{n}>{words})" for n, words in enumerate(_COLUMNS.values())))
_KINDS = list(_COLUMNS)
_NOT_TEST = re.compile(
    r"\b(?:training|train|validation|val)[- ](?:set|acc\w*|images?|data|digits|score)|accuracy (?:on|of) the training"
)
_TEST = re.compile(r"\btest")
_ERROR = re.compile(_COLUMNS["error"])


@dataclass
class Stated:
    """What a report states: accuracies, 0 to 1, for each of NETWORKS, and those that belong to none for sure."""

    placed: dict[str, list[float]] = field(default_factory=lambda: {network: [] for network in NETWORKS})
    loose: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Number:
    """A number of a line: where, its value as it is written, and as an accuracy, None where it can't be one."""

    at: int
    value: float
    accuracy: float | None
    whole: bool


def find_accuracies(text: str) -> Stated:
    """Find the test accuracies that a report's text states.

    Tables go before sentences: they are what a report rests on.
    """
    lines = _lines(text)
    tables, used = _tables(lines)
    prose = [line for n, line in enumerate(lines) if n not in used]
    sentences = _Sentences()
    for sentence in _split(" \n".join(prose)):
        sentences.read(sentence)
    stated = Stated()
    for network in NETWORKS:
        numbers = tables.placed[network] or sentences.placed[network]
        stated.placed[network] = list(dict.fromkeys(numbers + _crossed(network, tables, sentences.placed)))
    if not all(stated.placed.values()):
        known = {value for values in stated.placed.values() for value in values}
        loose = dict.fromkeys(tables.loose + sentences.loose)
        stated.loose = [value for value in loose if value not in known]
    return stated


def _crossed(network: str, tables: Stated, prose: dict[str, list[float]]) -> list[float]:
    """Return what sentences state for a network, if they and the tables swap its numbers with another network's."""
    for other in NETWORKS:
        own, others = set(tables.placed[network]), set(tables.placed[other])
        if own and others and own.isdisjoint(others) and set(prose[network]) == others and set(prose[other]) == own:
            return prose[network]
    return []


def accuracies(text: str) -> dict[str, list[float]]:
    """Return the accuracies that a report's text states for each of NETWORKS, 0 to 1."""
    return find_accuracies(text).placed


def _lines(text: str) -> list[str]:
    """Split the text into lines, in lower case, and join cells that stand on lines of their own to rows again."""
    lines: list[str] = []
    for line in text.lower().translate(_DASHES).splitlines():
        line = _BACKSLASH.sub(r"\1", " ".join(line.split()))
        line = _OF_ALL.sub(lambda count: f"{int(count[1] + count[2]) / 100:.2f}%", line)
        cell = re.fullmatch(r"[+-]?\d[\d.,' ]{0,11}\s?%?(?: ?\([^()]{0,40}\))?(?: ?± ?[\d.,]+%?)?", line)
        if cell and lines and len(lines[-1]) < MOST_LINE // 2 and not lines[-1].endswith("."):
            lines[-1] += f" {line}"
        elif lines and _is_name(line) and (_AND_MORE.fullmatch(lines[-1]) or all(map(_is_name, lines[-1].split("  ")))):
            lines[-1] += f"  {line}"  # a head's cells; two spaces stand nowhere else
        else:
            lines.append(line)
    return lines


def _is_name(line: str) -> bool:
    return bool(_NAMES.fullmatch(line))


_DASHES = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{NON-BREAKING HYPHEN}", "-"))
_BACKSLASH = re.compile(r"(\d)\\(?=%)")  # LaTeX's \%, as some programs leave it


# -------------------------------------------------------------------------------------------------------------- tables


def _tables(lines: list[str]) -> tuple[Stated, set[int]]:
    """Read what rows and columns state; return it with the numbers of the lines that were read."""
    stated, used = Stated(), set()
    bare = any(re.match(r"cnn[\s_-]{1,3}(?:1|conv|first|fc)\b", line) for line in lines)
    for n, line in enumerate(lines):
        if n in used:
            continue
        above = lines[max(0, n - HEAD_LINES) : n]
        row = _row(line, bare, any(map(_REMOVED.search, above)))
        if row:
            network, numbers = row
            value, loose = _choose(numbers, above, bare)
            if value is None and not loose:
                continue
            used.add(n)
            if _of_training(above, bare):
                network = None
            if network is None:
                stated.loose += loose + ([value] if value is not None else [])
            else:
                stated.placed[network] += [value] if value is not None else loose
        heads = _columns(line)
        if heads:
            for k, values in _rows_below(lines, n, len(heads)):
                used |= {n, k}
                for network, value in zip(heads, values, strict=True):
                    if network:
                        stated.placed[network].append(value)
    return stated, used


def _row(line: str, bare: bool, removed: bool = False) -> tuple[str | None, list[_Number]] | None:
    """Return the network of a row and its numbers; None for a line that is no row. A row of two networks has none.

    `bare` where "CNN" is the full network, `removed` where a row may name what was removed, and no more.
    """
    if len(line) > MOST_LINE:
        return None
    label = re.match(r"[\W_]{0,3}", line)
    start = 0 if re.match(rf"{_WITHOUT}\s", line) else label.end() if label and not _NAMES.match(line) else 0
    first = _NAMES.match(line, start)
    networks = [match.lastgroup for match in _NAMES.finditer(line, start)]
    if first is None and not (networks and _looks_like_row(line)):
        first = _BARE_CNN.match(line) if bare else _TARGETS.match(line) if removed else None
        if first is None:
            return None
        networks = [first.lastgroup or FULL]
    after = _numbers(line if first is None else line[first.end() :])
    if not after or not _looks_like_row(line):
        return None
    return (networks[0] if len(set(networks)) == 1 else None), after


def _looks_like_row(line: str) -> bool:
    """Tell whether a line is a row of a table and not part of a sentence: it ends in numbers, after few words."""
    words = re.findall(r"[^\W\d_]{2,}", _LEFT_OUT.sub(" ", line))
    return (
        len(words) <= 9
        and bool(re.search(r"[\d%)\]…*-]\s*(?:yes|no|s|†|\*)?(?:, p.{0,12})?[|;,]?$", line))
        and not re.search(r"(?:\d|\b(?!convol\.)[a-z]{5,})[.!?]\s+[a-z]{2,}", line)  # where a sentence ends, others are
    )


def _choose(numbers: list[_Number], above: list[str], bare: bool) -> tuple[float | None, list[float]]:
    """Choose the test accuracy of a row's numbers; return it, and the candidates if there is no deciding."""
    for count in range(1, len(above) + 1):
        head = above[-count:]
        if count > 1 and _row(above[-count], bare):
            continue  # other rows stand between this one and the head
        kinds = _head(" ".join(part for part in head if not _row(part, bare)))
        spare = set(kinds[len(numbers) :])
        if len(kinds) >= len(numbers) and spare <= {"difference", "p"} and _one_each(kinds, numbers):
            values = [number.accuracy for number in numbers if number.accuracy is not None]
            if set(kinds) == {"one seed"} and len(values) == len(numbers):
                return round(sum(values) / len(values), 6), []
            column = _column(kinds[: len(numbers)])
            value = None if column is None else _as_accuracy(numbers[column], kinds[column])
            if value is not None and (value >= LIKELY_ACCURACY or not _accurate(numbers)):
                return value, []
    title = " ".join(above[-2:])
    if _ERROR.search(title) and not any(number.accuracy for number in numbers):
        errors = [1 - number.value / 100 for number in numbers if 0 < number.value < 20]
        return (round(errors[0], 6), []) if len(errors) == 1 else (None, [])
    return _only(numbers)


def _of_training(above: list[str], bare: bool) -> bool:
    """Tell whether a row's head, or its table's caption, names training or validation images and no others."""
    head = [line for line in above if not _row(line, bare)]
    kinds = set(_head(head[-1])) if head else set()
    if kinds & {"test", "accuracy", "mean", "error", "counts", "wrong"}:
        head = [line for line in head[-3:] if re.match(_CAPTION, line)]
    elif kinds & {"training", "validation"}:
        return True
    return any(_NOT_TEST.search(line) and not _TEST.search(line) for line in head[-2:])


_CAPTION = r"(?:table|tab\.|tabelle|tabella|tabla|tableau)\b"


def _only(numbers: list[_Number]) -> tuple[float | None, list[float]]:
    likely = [number.accuracy for number in numbers if number.accuracy is not None]
    if any(value >= LIKELY_ACCURACY for value in likely):
        likely = [value for value in likely if value >= LIKELY_ACCURACY]
    likely = list(dict.fromkeys(likely))
    return (likely[0], []) if len(likely) == 1 else (None, likely)


def _head(text: str) -> list[str]:
    """Return the kinds of the columns that a table's head names, in their order."""
    kinds = [_KINDS[int(str(match.lastgroup)[1:])] for match in _HEAD.finditer(_LEFT_OUT.sub(" ", text))]
    return [kind for n, kind in enumerate(kinds) if n == 0 or kind != kinds[n - 1] or kind in ("one seed", "spread")]


def _one_each(kinds: list[str], numbers: list[_Number]) -> bool:
    """Tell whether numbers match the columns of their kinds, one for one from the left."""
    for kind, number in zip(kinds, numbers, strict=False):
        if kind in ("test", "accuracy", "mean", "one seed", "training", "validation") and number.accuracy is None:
            return False
        if kind == "wrong" and not (number.whole and number.value <= 5000):
            return False
        if kind == "counts" and not (number.whole and 5000 <= number.value <= 10_000):
            return False
        if kind == "error" and not 0 <= number.value <= (2000 if number.whole else 50):
            return False
        if kind == "parameters" and not number.whole:
            return False
    return True


def _column(kinds: list[str]) -> int | None:
    for wanted in ("mean", "test", "accuracy", "error", "counts", "wrong"):
        if kinds.count(wanted) == 1:
            return kinds.index(wanted)
    return None


def _as_accuracy(number: _Number, kind: str) -> float | None:
    if kind == "wrong" or (kind == "error" and number.whole and number.value >= 10):  # images of 10,000
        return round(1 - number.value / 10_000, 6)
    if kind == "error":
        return round(1 - (number.value / 100 if number.value >= 0.1 else number.value), 6)
    if kind == "counts":
        return round(number.value / 10_000, 6)
    return number.accuracy


def _columns(line: str) -> list[str | None]:
    """Return the networks that a head names in its columns, in their order; [] for a line that is no such head."""
    if _AND_MORE.search(line):
        line = _AND_MORE.sub(" no. 1 no. 2 no. 3 ", line)
    names = [match.lastgroup for match in _NAMES.finditer(line)]
    rest = re.sub(r"[\W\d_]+", " ", _NAMES.sub(" ", line)).split()
    if (
        len(set(names)) < 3
        or len(names) != len(set(names))
        or len(rest) > 4
        or _accurate(_numbers(_NAMES.sub(" ", line)))
    ):
        return []
    return list(names)


def _rows_below(lines: list[str], head: int, columns: int) -> Iterator[tuple[int, list[float]]]:
    """Yield the rows below a head of networks that state their accuracies: the mean's, or else the first."""
    rows = []
    for n in range(head + 1, min(head + 9, len(lines))):
        line, numbers = lines[n], _numbers(lines[n])
        kinds = _head(re.split(r"\s[+-]?\d", line)[0])
        if len(numbers) != columns or "training" in kinds or "validation" in kinds or "spread" in kinds:
            continue
        kind = "error" if "error" in kinds else "counts" if "counts" in kinds else "test"
        if _one_each([kind] * columns, numbers):
            values = [_as_accuracy(number, kind) for number in numbers]
            rows.append(("mean" not in kinds, "test" not in kinds, n, [value for value in values if value is not None]))
    yield from ((n, values) for _, _, n, values in sorted(rows)[:1] if len(values) == columns)


# ----------------------------------------------------------------------------------------------------------- sentences


def _split(text: str) -> list[str]:
    flowing = re.sub(r"-\n(?=[a-z])", "", text)
    flowing = re.sub(r"\b(no|nr|n|num|fig|tab|sec|eq)\.\s+(?=\d)", r"\1.", flowing)  # no end of a sentence
    return _SENTENCE_END.split(flowing)


_SENTENCE_END = re.compile(
    r"(?<=[^\W\d][.!?;])\s+|(?<=[%\d][.!?])\s+(?=[a-z(])|(?<=[%\d]\.)\s+(?=\d+(?:\.\d+)*\s[a-z])|(?<=;)\s+|\n\s*\n"
)


class _Sentences:
    """Places the numbers of sentences: one for each name, before it or behind it, or as many in the names' order."""

    def __init__(self) -> None:
        self.placed: dict[str, list[float]] = {network: [] for network in NETWORKS}
        self.loose: list[float] = []

    def read(self, sentence: str) -> None:
        if not re.search(r"\d", sentence) or len(sentence) > 20 * MOST_LINE:
            return
        sentence = " ".join(sentence.split())  # a name may go over the end of a line
        everything = _numbers(sentence)
        numbers = [number for number in everything if number.accuracy is not None]
        if _ERROR.search(sentence) and not numbers:
            numbers = [_of_error(number) for number in everything if 0 < number.value < 20 and not number.whole]
        if any(number.accuracy >= LIKELY_ACCURACY for number in numbers if number.accuracy is not None):
            numbers = [n for n in numbers if n.accuracy is not None and n.accuracy >= LIKELY_ACCURACY]
        if not numbers or (_NOT_TEST.search(sentence) and not _TEST.search(sentence)):
            return
        names = [(match.start(), match.lastgroup) for match in _NAMES.finditer(sentence)]
        parts: list[tuple[int, str | None, float | None]] = [(at, name, None) for at, name in names]
        parts += [(number.at, None, number.accuracy) for number in numbers]
        self._place(self._merge(sorted(parts)))

    @staticmethod
    def _merge(parts: list[tuple[int, str | None, float | None]]) -> list[str | float]:
        """Return names and values in their order; a name that is repeated at once counts once."""
        merged: list[str | float] = []
        for _, name, value in parts:
            item = name if name is not None else value
            if item is not None and not (isinstance(item, str) and merged and merged[-1] == item):
                merged.append(item)
        return merged

    def _place(self, parts: list[str | float]) -> None:
        names = [part for part in parts if isinstance(part, str)]
        values = [part for part in parts if not isinstance(part, str)]
        kinds = [isinstance(part, str) for part in parts]
        count = len(names)
        alternate = count == len(values) and len(set(names)) == count
        in_turn = kinds == [True, False] * count or kinds == [False, True] * count
        in_order = kinds == [True] * count + [False] * count or kinds == [False] * count + [True] * count
        if alternate and (in_turn or (in_order and count > 1)):
            for name, value in zip(names, values, strict=True):
                self.placed[name].append(value)
        else:
            self.loose += values


# ------------------------------------------------------------------------------------------------------------- numbers


def _numbers(line: str) -> list[_Number]:
    """Return the numbers of a line that may be a cell of a table; those that say what else they are do not count."""
    line = _LEFT_OUT.sub(lambda left: " " * len(left[0]), line)
    line = _NAMES.sub(lambda name: re.sub(r"\d", "x", name[0]), line)
    numbers = []
    for match in _NUMBER.finditer(line):
        digits, percent = match["digits"], bool(match["percent"])
        if match["seconds"] and not percent:
            continue
        if match["sign"] and not line[: match.start()].endswith((":", "=")):
            continue
        number = _number(match.start(), digits, percent)
        if number is not None:
            numbers.append(number)
    return numbers


def _number(at: int, digits: str, percent: bool) -> _Number | None:
    thousands = re.fullmatch(r"\d{1,3}(?:[,.' ]\d{3})+", digits) and not percent
    if thousands and not (digits.startswith(("0.", "0,")) or re.fullmatch(r"9\d\.\d{3}", digits)):
        return _Number(at, float(re.sub(r"\D", "", digits)), None, True)
    if digits.count(",") + digits.count(".") > 1 or " " in digits or "'" in digits:
        return None
    value, whole = float(digits.replace(",", ".")), digits.isdigit()
    accuracy = None
    if percent or (not whole and value > 1):
        accuracy = value / 100
    elif not whole and re.fullmatch(r"[01][.,]\d{2,6}", digits):
        accuracy = value
    if accuracy is not None and not LEAST_ACCURACY <= accuracy <= 1:
        accuracy = None
    return _Number(at, value, round(accuracy, 6) if accuracy is not None else None, whole)


def _of_error(number: _Number) -> _Number:
    return replace(number, accuracy=round(1 - number.value / 100, 6))


def _accurate(numbers: list[_Number]) -> list[_Number]:
    return [number for number in numbers if number.accuracy is not None and number.accuracy >= LIKELY_ACCURACY]
