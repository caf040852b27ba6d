"""The numbers in a line of a report, and which of them may be accuracies."""

import re
from dataclasses import dataclass, field, replace

from labkit.checks.report.wording import NAMES, NETWORKS

LEAST_ACCURACY = 0.5  # below, a number is something else
LIKELY_ACCURACY = 0.9  # beside one of these, lower numbers are something else
MOST_LINE = 400  # characters of a line that are looked at; 120 fill one
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[+-]\s?)?(?P<digits>\d{1,3}(?P<between>[,.' ])\d{3}(?:(?P=between)\d{3})*(?![\d%]|\s?%)"
    r"|\d+(?:[.,]\d+)?|\.\d{2,6})(?P<percent>\s?(?:%|percent|per cent))?"
    r"(?P<seconds>\s?(?:s|sec|seconds?|min|minutes?|h|ms|mb|epochs?|steps|images|digits|points?|pp)\b)?(?![\w]|[.,]\d)"
)
_DECIMALS = r"(?:\d{1,2}(?:[.,]\d+)?|\.\d+)\s?%?"
LEFT_OUT = re.compile(
    rf"[(\[]\s*[+-]?{_DECIMALS}\s?(?:to|a|bis|[-,;…])\s?[+-]?{_DECIMALS}\s*[)\]]"  # intervals
    rf"|(?<!from )(?<![\d.,]){_DECIMALS}\s?(?:to|bis)\s{_DECIMALS}"
    rf"|(?:±|\+/-|\+-)\s?(?:\d+(?:[.,]\d+)?|\.\d+)\s?%?"
    rf"|\bp\s?(?:-?value)?\s?(?:[=<>≤≥]|of)\s?\d*[.,]\d+"
    rf"|\b9[059](?:[.,]\d)?\s?%?[\s-]?(?:ci\b|confidence|konfidenz\w*|intervals?|intervall\w*|di confidenza|credible)"
    rf"|\((?:std|sd|se|s\.d\.|\u03c3|±)[^()]{{0,20}}\)",
)


@dataclass
class Stated:
    """What a report states: accuracies, 0 to 1, for each of NETWORKS, and those that belong to none for sure."""

    placed: dict[str, list[float]] = field(default_factory=lambda: {network: [] for network in NETWORKS})
    loose: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Number:
    """A number of a line: where, its value as it is written, and as an accuracy, None where it can't be one."""

    at: int
    value: float
    accuracy: float | None
    whole: bool


def numbers_in(line: str, signed: bool = False) -> list[Number]:
    """Return the numbers of a line that may be a cell of a table; those that say what else they are do not count.

    Numbers with a sign are differences, and only returned where `signed` asks for them.
    """
    line = LEFT_OUT.sub(lambda left: " " * len(left[0]), line)
    line = without_names(line)
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


def without_names(line: str) -> str:
    """Return a line in which the digits of networks' names are none."""
    return NAMES.sub(lambda name: re.sub(r"\d", "x", name[0]), line)


def _separates(sign: str, number: Number, before: list[Number]) -> bool:
    """Tell whether a sign is a dash behind a name, or an empty cell before an accuracy, and no minus: it has room.

    A fraction behind a percentage, as in "98.25 - 0.95", is a difference in points.
    """
    of_percent = bool(before) and before[-1].accuracy is not None and before[-1].value > 1
    empty_cell = bool(accurate([number])) and not (of_percent and number.value <= 1)
    return sign.startswith("-") and sign != "-" and (not before or empty_cell)


def _number(at: int, digits: str, percent: bool) -> Number | None:
    thousands = re.fullmatch(r"\d{1,3}(?:[,.' ]\d{3})+", digits) and not percent
    if thousands and not (digits.startswith(("0.", "0,")) or re.fullmatch(r"9\d\.\d{3}", digits)):
        return Number(at, float(re.sub(r"\D", "", digits)), None, True)
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
    return Number(at, value, round(accuracy, 6) if accuracy is not None else None, whole)


def right_of_error(number: Number) -> Number:
    return replace(number, accuracy=round(1 - number.value / 100, 6))


def accurate(numbers: list[Number]) -> list[Number]:
    return [number for number in numbers if number.accuracy is not None and number.accuracy >= LIKELY_ACCURACY]
