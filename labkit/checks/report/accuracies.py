"""Finds the test accuracy of each network in a report's text, and reports what it could not place.

Reports call the networks by many names and put their numbers into rows, columns and sentences. A number is placed with
a network only where the text itself ties them together: in one row, below one head, in one clause. What is an accuracy
of an unknown network is loose: a person has to look. What says that it is something else (seconds, p-values,
counts of weights, differences, ends of intervals, training accuracy) is left out.
"""

import re

from labkit.checks.report.captions import captions_above
from labkit.checks.report.numbers import MOST_LINE, Stated, accurate, numbers_in, right_of_error
from labkit.checks.report.sentences import Sentences, count_images, likely_in, split_sentences
from labkit.checks.report.tables import HEAD_LINES, read_tables
from labkit.checks.report.wording import AND_MORE, ERROR, NAMES, NETWORKS, OF_ALL, OF_IMAGES, WRONGLY


def find_accuracies(text: str) -> Stated:
    """Find the test accuracies that a report's text states.

    Tables go before sentences: they are what a report rests on.
    """
    lines = captions_above(_lines(text))
    solid = [n for n, line in enumerate(lines) if re.search(r"\w", line)]  # neither empty nor a rule of a table
    tables, used = read_tables([lines[n] for n in solid])
    in_tables = {solid[n] for n in used}
    prose = [line for n, line in enumerate(lines) if n not in in_tables]
    parts = split_sentences(" \n".join(prose))
    sentences = Sentences()
    for sentence in parts:
        sentences.read(sentence)
    stated = Stated()
    for network in NETWORKS:
        numbers = tables.placed[network] or sentences.placed[network]
        stated.placed[network] = list(dict.fromkeys(numbers + _crossed(network, tables, sentences.placed)))
    if not any(stated.placed.values()):
        counts = count_images(parts)
        if all(len(values) == 1 for values in counts.placed.values()):
            return Stated(counts.placed)
        sentences.loose += [*counts.loose, *(value for values in counts.placed.values() for value in values)]
        sentences.loose += likely_in(parts)
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


def _lines(text: str) -> list[str]:
    """Split the text into lines, in lower case, and join cells that stand on lines of their own to rows again."""
    lines: list[str] = []
    for line in _HYPHENATED.sub("", text.lower().translate(_DASHES)).splitlines():
        line = _BACKSLASH.sub(r"\1", " ".join(line.split()))
        line = OF_ALL.sub(lambda count: f"{int(count[1] + count[2]) / 100:.2f}%", line)
        line = _rest_of_wrong(line, lines[-HEAD_LINES:])
        cell = re.fullmatch(
            r"[+-]?\.?\d[\d.,' ]{0,11}\s?(?:%|s|sec|min|h)?(?: ?\([^()]{0,40}\))?(?: ?± ?[\d.,]+%?)?", line
        )
        empty = line == "-" and lines and NAMES.match(lines[-1])
        if (cell or empty) and lines and len(lines[-1]) < MOST_LINE // 2 and not lines[-1].endswith("."):
            lines[-1] += f" {line}"
        elif (
            lines
            and len(lines[-1]) < MOST_LINE // 2
            and _is_name(line)
            and (AND_MORE.fullmatch(lines[-1]) or all(map(_is_name, lines[-1].split("  "))))
        ):
            lines[-1] += f"  {line}"  # a head's cells; two spaces stand nowhere else
        else:
            lines.append(line)
    return lines


def _rest_of_wrong(line: str, above: list[str]) -> str:
    """Return a network's row that ends in "80 of 10,000 wrong" with the percentage that is right; another as it is."""
    match = _WRONG_OF_ALL.search(line)
    if not match or not NAMES.match(line) or not any(map(WRONGLY.search, [line, *above])):
        return line
    if _MORE.search(line) or accurate(numbers_in(line)):
        return line
    wrong = int(re.sub(r"\D", "", match[1]))
    return f"{line[: match.start()]}{100 - wrong / 100:.2f}%"


_WRONG_OF_ALL = re.compile(rf"(?<![\w.,])((?:[12][.,']?)?\d{{1,3}}){OF_IMAGES}[^\d]{{0,30}}$")
_MORE = re.compile(r"\b(?:more|fewer|less|than|additional|loses|lost|difference)\b")


def _is_name(line: str) -> bool:
    return bool(NAMES.fullmatch(line))


_HYPHENS = "\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{FIGURE DASH}\N{HORIZONTAL BAR}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
_DASHES = str.maketrans(dict.fromkeys(_HYPHENS, "-"))
_HYPHENATED = re.compile(r"(?<=[^\W\d_])- ?\n(?=[^\W\d_])")  # a word that goes on in the next line
_BACKSLASH = re.compile(r"(\d)\\(?=%)")  # LaTeX's \%, as some programs leave it


def _glued(lines: list[str]) -> list[float]:
    """Return the accuracies that stand right behind a word or another number, as a narrow table's may."""
    numbers = [match[0].replace(",", ".") for line in lines for match in _GLUED.finditer(line)]
    return [float(digits) / (1 if digits.startswith("0") else 100) for digits in numbers]


_GLUED = re.compile(r"0[.,]9\d{2,4}(?![\d.,]\d)|9[5-9][.,]\d{1,2}(?![\d.,]\d)")  # to the cell before, in a narrow table


def _likely_errors(lines: list[str]) -> list[float]:
    """Return the accuracies that percentages of a few percent stand for, where a text speaks of errors."""
    if not any(ERROR.search(line) for line in lines):
        return []
    numbers = [number for line in lines if len(line) <= MOST_LINE for number in numbers_in(line)]
    errors = (right_of_error(number).accuracy for number in numbers if not number.whole and 0.2 <= number.value <= 5)
    return [value for value in errors if value is not None]
