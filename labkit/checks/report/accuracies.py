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
MOST_SENTENCE = 20 * MOST_LINE
HEAD_LINES = 12  # above a table's first row, that may be its head

# --------------------------------------------------------------------------------------- how reports call the networks

_ONE_TO_THREE = {1: r"(?:1|i|one|uno|eins|un)", 2: r"(?:2|ii|two|due|zwei|dos|deux)"}
_ONE_TO_THREE[3] = r"(?:3|iii|three|tre|drei|tres|trois)"
_KIND = (
    r"(?:sub)?models?|modell[oi]?|modelos?|mod[eè]les?|net(?:work)?s?|netz(?:werk)?|ret[ei]|red|r[ée]seau"
    r"|ablation|ablazione"
    r"|ablaci[óo]n|variante?|модель|сеть|模型|网络|version|case|config(?:uration)?|experiment|cnn|script|ablated"
)
_NUMBER_SIGN = r"(?:(?:no|nr|nro|n[uú]m)(?![a-z])\.?|n\.?\s?[°º]\.?|n\.o(?![a-z])\.?|n\.|n(?=\s?\d)|number|№|#)"
_FIRST = {
    1: r"(?:first|1(?:st|\.?[aª]|[eè]?re|\.)|prim[ao]|erste[nr]?|premi[eè]re?|primera?)",
    2: r"(?:second|2(?:nd|\.?[aª]|[eè]me|e|de|\.)|second[ao]|zweite[nr]?|deuxi[eè]me|seconde|segunda?)",
    3: r"(?:third|3(?:rd|\.?[aª]|[eè]me|e|\.)|terz[ao]|dritte[nr]?|troisi[eè]me|tercera?)",
}
_CONVOLUTION = r"(?:conv(?:ol\w*)?\.?|faltung\w*)"
_DENSE = (
    r"(?:fully[\s-]*connected|dense|fc(?:[\s_-]?1(?![\d.,]))?|relu)(?:[\s-]+(?:relu[\s-]+)?(?:layer|stage|part"
    r"|schicht))?|couche (?:dense|(?:enti[eè]rement|totalement|compl[eè]tement"
    r"|pleinement) connect[ée]e|fc\b|fully[\s-]connected)|capa (?:densa|(?:totalmente"
    r"|completamente) conectada|fc\b|fully[\s-]connected)|(?:livello |strato )?(?:(?:completamente|totalmente"
    r"|pienamente) connesso|denso)|(?:livello|strato) (?:dense|fc\b|fully[\s-]connected)"
    r"|voll(?:st[äa]ndig)?[\s-]?(?:verbunden|vernetzt|verkn[üu]pft)\w*(?: schicht)?|dichte schicht"
)
_LAYER = r"(?:layers?|livello|strato|schicht|capa|couche)"
_WITHOUT = (
    r"(?:without|w/o|no|minus|less|except|removing|removed:?|remove"
    r"|senza|togliendo|rimuovendo|eliminando|ohne|sans|en (?:enlevant|supprimant|retirant)|sin|quitando|suprimiendo"
    r"|dropping|ablating|lacking|-)"
)
_GONE = (
    r"(?:removed|ablated|dropped|missing|gone|taken out|left out|deleted|omitted|out|rimoss[ao]|tolt[ao]|eliminat[ao]"
    r"|entfernt|weggelassen|gestrichen|eliminada|quitada|suprimida|supprim[ée]e|enlev[ée]e|retir[ée]e)"
)
_THE = r"\s*(?:(?:the|il|la|lo|die|den|der|le|les|el|its) |l['\u2019]\s?)?"


def _target(n: int) -> str:
    """Return the pattern of what the ablation of this number removes."""
    if n == 3:
        return rf"(?:{_FIRST[3]} {_LAYER}|{_LAYER} 3|{_DENSE})"
    layer = rf"{_FIRST[n]} (?:{_CONVOLUTION}(?: {_LAYER})?|{_LAYER}(?: (?:d[ei] )?{_CONVOLUTION})?(?! of the)|one\b)"
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
    r"\b(?:m[ _-]?)?full\b|\bdeep[ _-]?mnist\b|\bdeep\b(?=[\s:=|-]{1,4}(?:9\d[.,%]|[01]?[.,]9))"
    r"|\bdeep (?:convolutional )?(?:neural )?network|\b(?:complet[aoe]?|compl[eè]te"
    r"|original[e]?|originale[rs]?)\b"
    r"(?![- ](?:paper|images?|data|size|recipe))|\bbase[\s-]?line\b|\b(?:whole|entire|intact|unablated"
    r"|unmodified|unchanged|reference)"
    r" (?:model|network|net|cnn)|\bvollst[äa]ndige?[nrs]?\b|\bkomplett\w{0,2}\b"
    rf"|\b(?:{_KIND}) (?:(?:d[ei] |d['\u2019] ?)?(?:base|partenza|riferimento|r[ée]f[ée]ren(?:ce|cia)|partida|d[ée]part"
    r"|origine?n?)|int(?:era|ero|act)|enter[ao]|enti[eè]re?)\b"
    r"|\b(?:ganze|gesamte|volle)[ns]? (?:netz|modell)\w*"
    r"|\b(?:gesamt|original|ausgangs|referenz|basis)(?:netz|modell)\w*"
    r"|\ball (?:of )?(?:the |its )?layers|\btutti gli strati|\balle schichten|\btodas las capas|\btoutes les couches"
    r"|\bnone removed|\bnothing removed|\bnichts entfernt|\bkeine (?:schicht )?entfernt"
    r"|\baucune (?:couche )?(?:supprim|enlev|retir)\w+"
    r"|\bnessun[oa]? (?:strato )?(?:rimoss|tolt|eliminat)[oa]|\bninguna (?:capa )?(?:eliminada|quitada|suprimida)"
    r"|\b(?:reference|r[ée]f[ée]rence|referenz|referencia|riferimento|unmodified|unver[äa]ndert)\b(?=[\s:=|-]{1,4}[.\d])"
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
_REMOVED = re.compile(
    r"\b(?:removed|ablated|removal|without|left out|missing|rimoss\w+|tolt[oai]|entfernt\w*|senza|ohne|quitad\w+"
    r"|eliminad\w+|sans|supprim\w+|enlev\w+|retir\w+)\b"
)
_OF_ALL = re.compile(r"\b([5-9])[.,' ]?(\d{3})\s?(?:/|of|out of|su|von|de|sur)\s?(?:the |all )?10[.,' ]?000\b")
_BARE_CNN = re.compile(r"(?:the )?(?:cnn|convnet)\b(?![_-]?\d)")  # the full network, where others are called CNN-1
_AND_MORE = re.compile(rf"\b(?:{_KIND})\b[\s_]*(?:{_NUMBER_SIGN})?[\s_]*1\s+2\s+3\b")  # a head: model 1 2 3

# --------------------------------------------------------------------------------------------------------- the numbers

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[+-]\s?)?(?P<digits>\d{1,3}(?P<between>[,.' ])\d{3}(?:(?P=between)\d{3})*(?![\d%]|\s?%)"
    r"|\d+(?:[.,]\d+)?|\.\d{2,6})(?P<percent>\s?(?:%|percent|per cent))?"
    r"(?P<seconds>\s?(?:s|sec|seconds?|min|minutes?|h|ms|mb|epochs?|steps|images|digits|points?|pp)\b)?(?![\w]|[.,]\d)"
)
_DECIMALS = r"(?:\d{1,2}(?:[.,]\d+)?|\.\d+)\s?%?"
_LEFT_OUT = re.compile(
    rf"[(\[]\s*[+-]?{_DECIMALS}\s?(?:to|a|bis|[-,;…])\s?[+-]?{_DECIMALS}\s*[)\]]"  # intervals
    rf"|(?<!from )(?<![\d.,]){_DECIMALS}\s?(?:to|bis)\s{_DECIMALS}"
    rf"|(?:±|\+/-|\+-)\s?(?:\d+(?:[.,]\d+)?|\.\d+)\s?%?"
    rf"|\bp\s?(?:-?value)?\s?(?:[=<>≤≥]|of)\s?\d*[.,]\d+"
    rf"|\b9[059](?:[.,]\d)?\s?%?[\s-]?(?:ci\b|confidence|konfidenz\w*|intervals?|intervall\w*|di confidenza|credible)"
    rf"|\((?:std|sd|se|s\.d\.|\u03c3|±)[^()]{{0,20}}\)",
)

_OF_IMAGES = (
    r"[\s,]{0,3}\(?\s?(?:out )?(?:of|su|von|sur|de|/)\s?(?:the |all )?10[.,' ]?000\b"
    r"(?:(?: test)? (?:images|digits|immagini|bilder))?\)?"
)
_READ = r"(?: read| classified| recogni[sz]ed)?(?:(?: test)? (?:images|digits))?"
_ON = r"(?:,? \(?(?:on|of|in|sul|sui|sulle|di|auf|im|beim|bei|en|sur|de|sobre)(?: [a-zéáíó]+){0,3}? ?"
_ON_TEST = rf"{_ON}(?:test\w*|prueba\w*)(?: (?:set|images|data))?\)?|,? \((?:test|prueba)\w*\))"
_ON_TRAINING = rf"{_ON}(?:l['\u2019])?(?:training\w*|addestramento|entrenamiento|entra[îi]nement|apprentissage))"
_ON_VALIDATION = rf"{_ON}(?:la )?valid(?:ation\w*|azione|aci[óo]n|ierung\w*))"
_ACCURACY = (
    r"(?:accura(?:cy|tezza|cies)|\bacc\b|genauigkeit|pr[ée]cisione?|exactitude?|precisi[óo]n|justesse|aciertos?\b"
    r"|esattezza|treffer(?:quote|rate))"
)
_COLUMNS = {  # what a table's head says about a column
    "loss": r"(?:(?:test|val(?:idation)?|train(?:ing)?) )?"
    r"(?:loss|cross[ -]entropy|verlust|perdita)\b(?! (?:of|di|an)\b)",
    "training": rf"{_ACCURACY}{_ON_TRAINING}|trainings?-?genauigkeit"
    r"|train(?:ing)?(?=,? test\b)|(?<=test )train(?:ing)?$"
    r"|train(?:ing)? (?:set )?(?:acc\w*|accuracy|score|set|images)|train\.? acc\w*|accuratezza (?:di"
    r"|sul) (?:training|addestramento)",
    "validation": rf"{_ACCURACY}{_ON_VALIDATION}|(?:validation|valid|val|dev)\.? ?(?:acc\w*|accuracy|set)?"
    r"|validazione|validaci[óo]n|validierung\w*|validations?genauigkeit",
    "seconds": r"(?:training|training time|train|time|zeit|tempo|dauer|seconds)[^a-z0-9]{0,3}\(?(?:s\b|sec\w*"
    r"|min\b)\)?|\b(?:training )?time\b"
    r"|\bseconds\b|\btempo\b|\btemps\b|\btiempo\b|\bdur[ée]e\b|\bdurata\b|\bduraci[óo]n\b|\btrainings?zeit\b",
    "difference": r"\bdifference\b(?:, points)?|\bdiff\b|\bdelta\b|Δ|\bdrop\b|\bchange\b|\bloss of accuracy\b"
    r"|\bdifferenza\b|\bdifferenz\b|\bdiff[ée]rence\b|\bdiferencia\b|\b[ée]cart\b|\bscarto\b|\bunterschied\b|\bvs\.?\b",
    "wrong": r"\b(?:test )?(?:(?:wrong(?:ly)?|incorrect(?:ly)?|mistakes|missed|misread|falsche?|sbagliat[ei])\b"
    rf"{_READ}(?:{_OF_IMAGES})?|(?:misclassif\w+|errors?|errori|fehler|erreurs)\b{_READ}{_OF_IMAGES})",
    "error": r"(?:test[\s-]?)?(?:error(?: rate)?s?|err\b|errore?|tasso d(?:i |['\u2019] ?)errore|fehler(?:rate|quote)?"
    rf"|tasa de errores|erreurs?|misclassif\w+)(?:{_ON_TEST})?",
    "counts": rf"(?:right|correct|hits|richtige?|corrett[ei]|aciertos)(?:ly)?{_READ}(?:{_OF_IMAGES})?|{_OF_IMAGES}",
    "parameters": r"\bpar[aá]m(?:eter|etri|etros|\u00e8tres)?s?\b|\bweights\b|\bgewichte\b|\bpes[io]s?\b|\bpoids\b",
    "seeds": r"\bseeds\b|\bruns\b|\bn\b(?! [.°º\d])",
    "one seed": r"\b(?:seed|run|trial) ?#?\d\b|\bs\d\b",
    "p": r"\bp(?:[- ]value)?\b|\bsignifican\w+",
    "spread": r"\bstd\b|\bs\.?d\.?\b|\bstandard deviation\b|\bspread\b|\b\u03c3|\bmin\b|\bmax\b|\bleast\b"
    r"|\bmost\b|\blowest\b|\bhighest\b",
    "mean": r"\b(?:mean|average|avg|media|mittel(?:wert)?|moyenne|median)\b(?: (?:of )?(?:test )?acc\w*)?",
    "test": r"accura(?:cy|tezza|cies),? \(?(?:sul|sui|on|of|in) (?:the |dati di |mnist )?test\w*"
    r"|test(?:ing)?[- ](?:set )?(?:acc\w*|score)(?: on mnist)?|accuracy on (?:the )?test\w*|acc\w* \(test\)"
    rf"|{_ACCURACY}{_ON_TEST}|test-?genauigkeit|test\b(?! error| err)",
    "accuracy": _ACCURACY,
}
_HEAD = re.compile("|".join(f"(?P<c{n}>{words})" for n, words in enumerate(_COLUMNS.values())))
_KINDS = list(_COLUMNS)
_NOT_TEST = re.compile(
    r"\b(?:training|train|validation|val)[- ](?:set|acc\w*|images?|data|digits|score)|accuracy (?:on|of) the training"
    rf"|{_ACCURACY}(?:{_ON_TRAINING}|{_ON_VALIDATION})|\b(?:trainings?|validierungs?|validations?)-?(?:genauigkeit|daten|bilder)"
)
_TEST = re.compile(r"\btest|\bprueba")
_SYNTHETIC = re.compile(r"\b(?:synthetic|sintetic|synthetisch|synth[ée]tique|generated digits)")
_MNIST = re.compile(r"(?<!deep )\bmnist\b")
_SOURCE = r"(?:hand-?out|assignment|lecture|readme|template|slides|paper|documentation|instructions)"
_ELSEWHERE = re.compile(  # what a network ought to have, and has not been seen to have
    rf"\b(?:according to (?:the |your |this )?{_SOURCE}|{_SOURCE}(?:'s)? (?:says|states|reports|promises|gives|claims)"
    r"|should (?:have|reach|get|achieve)|expected? (?:\w+ ){1,4}to (?:have|reach|get|achieve))\b"
)
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
    parts = _split(" \n".join(prose))
    sentences = _Sentences()
    for sentence in parts:
        sentences.read(sentence)
    stated = Stated()
    for network in NETWORKS:
        numbers = tables.placed[network] or sentences.placed[network]
        stated.placed[network] = list(dict.fromkeys(numbers + _crossed(network, tables, sentences.placed)))
    if not any(stated.placed.values()):
        counts = _count_images(parts)
        if all(len(values) == 1 for values in counts.placed.values()):
            return Stated(counts.placed)
        sentences.loose += [*counts.loose, *(value for values in counts.placed.values() for value in values)]
        sentences.loose += _likely(parts)
    if not all(stated.placed.values()):
        known = {value for values in stated.placed.values() for value in values}
        loose = dict.fromkeys(tables.loose + sentences.loose or _likely_errors(lines) or _glued(lines))
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
    for line in _HYPHENATED.sub("", text.lower().translate(_DASHES)).splitlines():
        line = _BACKSLASH.sub(r"\1", " ".join(line.split()))
        line = _OF_ALL.sub(lambda count: f"{int(count[1] + count[2]) / 100:.2f}%", line)
        line = _rest_of_wrong(line, lines[-HEAD_LINES:])
        cell = re.fullmatch(
            r"[+-]?\.?\d[\d.,' ]{0,11}\s?(?:%|s|sec|min|h)?(?: ?\([^()]{0,40}\))?(?: ?± ?[\d.,]+%?)?", line
        )
        empty = line == "-" and lines and _NAMES.match(lines[-1])
        if (cell or empty) and lines and len(lines[-1]) < MOST_LINE // 2 and not lines[-1].endswith("."):
            lines[-1] += f" {line}"
        elif lines and _is_name(line) and (_AND_MORE.fullmatch(lines[-1]) or all(map(_is_name, lines[-1].split("  ")))):
            lines[-1] += f"  {line}"  # a head's cells; two spaces stand nowhere else
        else:
            lines.append(line)
    return lines


def _rest_of_wrong(line: str, above: list[str]) -> str:
    """Return a network's row that ends in "80 of 10,000 wrong" with the percentage that is right; another as it is."""
    match = _WRONG_OF_ALL.search(line)
    if not match or not _NAMES.match(line) or not any(map(_WRONGLY.search, [line, *above])):
        return line
    if _MORE.search(line) or _accurate(_numbers(line)):
        return line
    return f"{line[: match.start()]}{100 - int(re.sub(r'[^0-9]', '', match[1])) / 100:.2f}%"


_WRONG_OF_ALL = re.compile(rf"(?<![\w.,])((?:[12][.,']?)?\d{{1,3}}){_OF_IMAGES}[^\d]{{0,30}}$")
_MORE = re.compile(r"\b(?:more|fewer|less|than|additional|loses|lost|difference)\b")


def _is_name(line: str) -> bool:
    return bool(_NAMES.fullmatch(line))


_HYPHENS = "\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{FIGURE DASH}\N{HORIZONTAL BAR}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
_DASHES = str.maketrans(dict.fromkeys(_HYPHENS, "-"))
_HYPHENATED = re.compile(r"(?<=[^\W\d_])- ?\n(?=[^\W\d_])")  # a word that goes on in the next line
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
            if _of_training(above, bare) or _of_synthetic([*above, line], bare):
                network = None
            elif network is None and (several := _several(line)):
                for name, values in several.items():
                    stated.placed[name] += values
                continue
            if network is None:
                stated.loose += loose + ([value] if value is not None else [])
            else:
                stated.placed[network] += [value] if value is not None else loose
        heads = _columns(line)
        if heads:
            for k, values in _rows_below(lines, n, len(heads)):
                used |= {n, k}
                if _of_synthetic([*lines[max(0, n - 3) : n], f"{line} {lines[k]}"], bare):
                    stated.loose += values
                    continue
                for network, value in zip(heads, values, strict=True):
                    if network:
                        stated.placed[network].append(value)
    return stated, used


def _several(line: str) -> dict[str, list[float]]:
    """Return what a line states for three networks or all four, each with one number beside it; {} for another."""
    sentence = _Sentences()
    sentence.read(line)
    return sentence.placed if sum(map(bool, sentence.placed.values())) >= 3 and not sentence.loose else {}


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
        and not re.search(
            r"(?:\d\d|\b(?!convol\.)[a-z]{5,})[.!?]\s+[a-z]{2,}", line
        )  # where a sentence ends, others are
    )


def _choose(numbers: list[_Number], above: list[str], bare: bool) -> tuple[float | None, list[float]]:
    """Choose the test accuracy of a row's numbers; return it, and the candidates if there is no deciding."""
    for count in range(1, len(above) + 1):
        head = above[-count:]
        if count > 1 and _row(above[-count], bare):
            continue  # other rows stand between this one and the head
        kinds = _head(" ".join(part for part in head if not _row(part, bare)))
        if set(kinds) == {"difference"}:
            return None, []
        spare = set(kinds[len(numbers) :])
        if len(kinds) >= len(numbers) and spare <= {"difference", "loss", "p"} and _one_each(kinds, numbers):
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


def _of_synthetic(lines: list[str], bare: bool) -> bool:
    """Tell whether a row, the last of these lines, its table's head, caption or title names synthetic digits."""
    *above, row = lines
    *titles, head = ["", "", *(line for line in above if not _row(line, bare))][-3:]
    titles = [line for line in titles if re.match(_CAPTION, line) or line.endswith(":") or len(line.split()) <= 8]
    return _synthetic(" ".join([*titles, head, row]))


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
        if kind == "counts" and not (number.whole and 5000 <= number.value <= 10_000):
            return False
        if kind == "wrong" and not 0 <= number.value <= (5000 if number.whole else 50):
            return False
        if kind == "error" and not 0 <= number.value <= (2000 if number.whole else 50):
            return False
        if kind == "loss" and number.whole:
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
    if number.whole and (kind == "wrong" or (kind == "error" and number.value >= 10)):  # images of 10,000
        return round(1 - number.value / 10_000, 6)
    if kind in ("wrong", "error"):
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
        line, numbers = lines[n], _numbers(re.sub(_OF_IMAGES, " ", lines[n]))
        kinds = _head(re.split(r"\s[+-]?\.?\d", line)[0])
        if len(numbers) != columns or "training" in kinds or "validation" in kinds or "spread" in kinds:
            continue
        kind = next((kind for kind in ("wrong", "error", "counts") if kind in kinds), "test")
        if _one_each([kind] * columns, numbers):
            values = [_as_accuracy(number, kind) for number in numbers]
            rows.append(("mean" not in kinds, "test" not in kinds, n, [value for value in values if value is not None]))
    yield from ((n, values) for _, _, n, values in sorted(rows)[:1] if len(values) == columns)


# ----------------------------------------------------------------------------------------------------------- sentences


def _untested(sentence: str) -> bool:
    """Tell whether a sentence speaks of training or validation images, and of no test."""
    return bool(_NOT_TEST.search(sentence)) and not _TEST.search(sentence)


def _synthetic(text: str) -> bool:
    """Tell whether a text speaks of synthetic digits, and not of MNIST's."""
    return bool(_SYNTHETIC.search(text)) and not _MNIST.search(text)


def _split(text: str) -> list[str]:
    flowing = re.sub(r"\b(no|nr|n|num|fig|tab|sec|eq)\.\s+(?=\d)", r"\1.", text)  # no end of a sentence
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
        if not re.search(r"\d", sentence) or len(sentence) > MOST_SENTENCE:
            return
        sentence = " ".join(sentence.split())  # a name may go over the end of a line
        everything = _numbers(sentence)
        numbers = [number for number in everything if number.accuracy is not None]
        if _ERROR.search(sentence) and not numbers:
            numbers = [_of_error(number) for number in everything if 0 < number.value < 20 and not number.whole]
        if any(number.accuracy >= LIKELY_ACCURACY for number in numbers if number.accuracy is not None):
            numbers = [n for n in numbers if n.accuracy is not None and n.accuracy >= LIKELY_ACCURACY]
        self.place(sentence, numbers)

    def place(self, sentence: str, numbers: list[_Number]) -> None:
        """Place the numbers of a sentence; they are loose where it speaks of other digits, or of others' results."""
        if not numbers or _untested(sentence):
            return
        if _ELSEWHERE.search(sentence) or _synthetic(sentence):
            self.loose += [number.accuracy for number in numbers if number.accuracy is not None]
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
        in_turn = all(kinds[n] != kinds[n + 1] for n in range(0, 2 * count, 2)) if alternate else False
        in_order = kinds == [True] * count + [False] * count or kinds == [False] * count + [True] * count
        if alternate and (in_turn or (in_order and count > 1)):
            for name, value in zip(names, values, strict=True):
                self.placed[name].append(value)
        else:
            self.loose += values


def _count_images(sentences: list[str]) -> _Sentences:
    """Read how many of the 10,000 test images each network gets right, or wrong, in sentences that speak of these."""
    counts = _Sentences()
    for sentence in sentences:
        wrong, right = _WRONGLY.search(sentence), _RIGHTLY.search(sentence)
        line = " ".join(sentence.split())
        if len(line) > MOST_SENTENCE or not (wrong or right) or not _NAMES.search(line):
            continue
        numbers = _accurate(_numbers(line))
        for match in _IMAGES.finditer(_without_names(line)):
            count = int(re.sub(r"\D", "", match[0]))
            if (wrong and 20 <= count <= 2000) or (right and 5000 <= count < 10_000):
                accuracy = count / 10_000 if count >= 5000 else round(1 - count / 10_000, 6)
                numbers.append(_Number(match.start(), count, accuracy, True))
        counts.place(line, numbers)
    return counts


_WRONGLY = re.compile(
    r"\b(?:wrong|incorrect|misclassif|misread|misrecogni|mistake|errors?\b|missed|unrecogni|not recogni|sbagli|errat"
    r"|errori|falsch|fehler|erreurs)"
)
_RIGHTLY = re.compile(r"\b(?:correct|right|hits|recogni|richtig|corrett)")
_IMAGES = re.compile(r"(?<![\w.,+-])(?:\d[.,']?\d{3}|\d{2,3})(?!\w|\s?%|[.,']\d)")


def _likely(sentences: list[str]) -> list[float]:
    """Return all numbers of 90 to 100%, with a dash before them too, but of training images."""
    tests = [sentence for sentence in sentences if len(sentence) <= MOST_SENTENCE and not _untested(sentence)]
    numbers = [number for sentence in tests for number in _accurate(_numbers(sentence, signed=True))]
    return [number.accuracy for number in numbers if number.accuracy is not None]


def _glued(lines: list[str]) -> list[float]:
    """Return the accuracies that stand right behind a word or another number, as a narrow table's may."""
    found = [match[0].replace(",", ".") for line in lines for match in _GLUED.finditer(line)]
    return [float(digits) / (1 if digits.startswith("0") else 100) for digits in found]


_GLUED = re.compile(r"0[.,]9\d{2,4}(?![\d.,]\d)|9[5-9][.,]\d{1,2}(?![\d.,]\d)")  # to the cell before, in a narrow table


def _likely_errors(lines: list[str]) -> list[float]:
    """Return the accuracies that percentages of a few percent stand for, where a text speaks of errors."""
    if not any(_ERROR.search(line) for line in lines):
        return []
    numbers = [number for line in lines if len(line) <= MOST_LINE for number in _numbers(line)]
    errors = (_of_error(number).accuracy for number in numbers if not number.whole and 0.2 <= number.value <= 5)
    return [value for value in errors if value is not None]


# ------------------------------------------------------------------------------------------------------------- numbers


def _numbers(line: str, signed: bool = False) -> list[_Number]:
    """Return the numbers of a line that may be a cell of a table; those that say what else they are do not count.

    Numbers with a sign are differences, and only returned where `signed` asks for them.
    """
    line = _LEFT_OUT.sub(lambda left: " " * len(left[0]), line)
    line = _without_names(line)
    numbers = []
    for match in _NUMBER.finditer(line):
        digits, percent = match["digits"], bool(match["percent"])
        if match["seconds"] and not percent:
            continue
        number = _number(match.start(), digits, percent)
        if number is None:
            continue
        sign, before = match["sign"], line[: match.start()]
        if signed or not sign or before.endswith((":", "=", "-")) or _separates(sign, number, numbers):
            numbers.append(number)
    return numbers


def _without_names(line: str) -> str:
    """Return a line in which the digits of networks' names are none."""
    return _NAMES.sub(lambda name: re.sub(r"\d", "x", name[0]), line)


def _separates(sign: str, number: _Number, before: list[_Number]) -> bool:
    """Tell whether a sign is a dash behind a name, or an empty cell before an accuracy, and no minus: it has room.

    A fraction behind a percentage, as in "98.25 - 0.95", is a difference in points.
    """
    of_percent = bool(before) and before[-1].accuracy is not None and before[-1].value > 1
    empty_cell = bool(_accurate([number])) and not (of_percent and number.value <= 1)
    return sign.startswith("-") and sign != "-" and (not before or empty_cell)


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
    elif not whole and re.fullmatch(r"[01]?[.,]\d{2,6}", digits):
        accuracy = value
    if accuracy is not None and not LEAST_ACCURACY <= accuracy <= 1:
        accuracy = None
    return _Number(at, value, round(accuracy, 6) if accuracy is not None else None, whole)


def _of_error(number: _Number) -> _Number:
    return replace(number, accuracy=round(1 - number.value / 100, 6))


def _accurate(numbers: list[_Number]) -> list[_Number]:
    return [number for number in numbers if number.accuracy is not None and number.accuracy >= LIKELY_ACCURACY]
