"""Reads what a report's tables state: a number is placed where a row, or the head of its column, names a network."""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from labkit.checks.report.numbers import LEFT_OUT, LIKELY_ACCURACY, MOST_LINE, Number, Stated, accurate, numbers_in
from labkit.checks.report.sentences import Sentences, is_synthetic
from labkit.checks.report.wording import (
    AND_MORE,
    BARE_CNN,
    CAPTION,
    ELSEWHERE,
    ERROR,
    HEAD,
    KINDS,
    MNIST,
    NAMES,
    NOT_TEST,
    OF_IMAGES,
    OTHER_IMAGES,
    REMOVED,
    SYNTHETIC,
    TARGETS,
    TEST,
    WITHOUT,
)
from labkit.networks import FULL

OTHER_NUMBERS = {"difference", "loss", "seconds", "parameters", "p", "seeds", "spread", "elsewhere"}
MOST_HEAD = 8  # words of a line that is a head, and no sentence
HEAD_LINES = 12  # above a table's first row, that may be its head


def read_tables(lines: list[str]) -> tuple[Stated, set[int]]:
    """Read what rows and columns state; return it with the numbers of the lines that were read."""
    stated, used = Stated(), set()
    bare = any(re.match(r"cnn[\s_-]{1,3}(?:1|conv|first|fc)\b", line) for line in lines)
    for n, line in enumerate(lines):
        if n in used:
            continue
        above = lines[max(0, n - HEAD_LINES) : n]
        row = _row(line, bare, any(map(REMOVED.search, above)))
        if row:
            network, numbers = row
            value, loose = _choose(numbers, above, bare)
            if value is None and not loose:
                used |= {n} if loose is None else set()
                continue
            used.add(n)
            loose = loose or []
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
            rows = list(_rows_below(lines, n, len(heads)))
            titles = lines[max(0, n - 3) : n]
            nobodys = len(rows) > 1 or _of_other_numbers(titles)
            for k, values in rows:
                used |= {n, k}
                row = f"{line} {lines[k]}"
                if nobodys or _of_synthetic([*titles, row], bare) or _of_training([*titles, lines[k]], bare):
                    stated.loose += values
                    continue
                for network, value in zip(heads, values, strict=True):
                    if network:
                        stated.placed[network].append(value)
    return stated, used


def is_tabular(line: str) -> bool:
    """Tell whether a line may be a row of a table, of a network or of several."""
    return _row(line, bare=False) is not None or (_looks_like_row(line) and len(numbers_in(line)) >= 3)


_CELLS = re.compile(r"(?:[\d%)\]…†*✓✗-]|\b(?:yes|no|ja|nein|s[iìí]|oui|non))\s*[|;,]?$")


@functools.lru_cache(maxsize=1024)
def has_cells(line: str) -> bool:
    """Tell whether a line may be a row of any table: it ends in a number or a sign, after few words."""
    return is_tabular(line) or bool(len(line) <= MOST_LINE and _CELLS.search(line) and _looks_like_row(f"{line} 0"))


def is_head(line: str) -> bool:
    """Tell whether a line may be of a table's head: it names columns, and little else."""
    return bool(_columns(line) or (_head(line) and len(line.split()) <= 10)) and not CAPTION.match(line)


def names_columns(line: str) -> bool:
    """Tell whether a line is the head of a table with a column for each network."""
    return bool(_columns(line))


def _several(line: str) -> dict[str, list[float]]:
    """Return what a line states for three networks or all four, each with one number beside it; {} for another."""
    sentence = Sentences()
    sentence.read(line)
    return sentence.placed if sum(map(bool, sentence.placed.values())) >= 3 and not sentence.loose else {}


@functools.lru_cache(maxsize=1024)  # each line is looked at again as one of those above the next ones
def _row(line: str, bare: bool, removed: bool = False) -> tuple[str | None, list[Number]] | None:
    """Return the network of a row and its numbers; None for a line that is no row. A row of two networks has none.

    `bare` where "CNN" is the full network, `removed` where a row may name what was removed, and no more.
    """
    if len(line) > MOST_LINE or CAPTION.match(line):
        return None
    label = re.match(r"[\W_]{0,3}", line)
    start = 0 if re.match(rf"{WITHOUT}\s", line) else label.end() if label and not NAMES.match(line) else 0
    first = NAMES.match(line, start)
    networks = [match.lastgroup for match in NAMES.finditer(line, start)]
    if first is None and not (networks and _looks_like_row(line)):
        first = BARE_CNN.match(line) if bare else TARGETS.match(line) if removed else None
        if first is None:
            return None
        networks = [first.lastgroup or FULL]
    after = numbers_in(line if first is None else line[first.end() :])
    if not after or not _looks_like_row(line):
        return None
    return (networks[0] if len(set(networks)) == 1 else None), after


def _looks_like_row(line: str) -> bool:
    """Tell whether a line is a row of a table and not part of a sentence: it ends in numbers, after few words."""
    words = re.findall(r"[^\W\d_]{2,}", LEFT_OUT.sub(" ", line))
    return (
        len(words) <= 9
        and bool(re.search(r"[\d%)\]…*-]\s*(?:yes|no|s|†|\*)?(?:, p.{0,12})?[|;,]?$", line))
        and not re.search(
            r"(?:\d\d|\b(?!convol\.)[a-z]{5,})[.!?]\s+[a-z]{2,}", line
        )  # where a sentence ends, others are
    )


def _choose(numbers: list[Number], above: list[str], bare: bool) -> tuple[float | None, list[float] | None]:
    """Choose the test accuracy of a row's numbers; return it, and the candidates if there is no deciding.

    The candidates are None where the head says that none of the numbers is an accuracy.
    """
    for count in range(1, len(above) + 1):
        head = above[-count:]
        if count > 1 and _row(above[-count], bare):
            continue  # other rows stand between this one and the head
        parts = [part for part in head if not _row(part, bare)]
        kinds = _head(" ".join(parts))
        goes_on = count < len(above) and is_head(above[-count - 1])  # upwards, as where each cell is a line
        if set(kinds) <= OTHER_NUMBERS and len(kinds) >= min(2, len(numbers)) and not goes_on:
            if len(parts) == 1 and len(parts[0].split()) <= MOST_HEAD:
                return None, None
            if set(kinds) == {"difference"}:
                return None, []
        spare = set(kinds[len(numbers) :])
        if len(kinds) >= len(numbers) and spare <= {"difference", "loss", "p"} and _one_each(kinds, numbers):
            values = [number.accuracy for number in numbers if number.accuracy is not None]
            if set(kinds) == {"one seed"} and len(values) == len(numbers):
                return round(sum(values) / len(values), 6), []
            column = _column(kinds[: len(numbers)])
            value = None if column is None else _as_accuracy(numbers[column], kinds[column])
            if value is not None and (value >= LIKELY_ACCURACY or not accurate(numbers)):
                return value, []
    title = " ".join(above[-2:])
    if ERROR.search(title) and not any(number.accuracy for number in numbers):
        errors = [1 - number.value / 100 for number in numbers if 0 < number.value < 20]
        return (round(errors[0], 6), []) if len(errors) == 1 else (None, [])
    return _only(numbers)


def _of_training(above: list[str], bare: bool) -> bool:
    """Tell whether a row's head, or its table's caption or title, names training or validation images and no others."""
    head = [line for line in above if not _row(line, bare) and not _has_accuracy(line)]
    kinds = set(_head(head[-1])) if head else set()
    if kinds & {"test", "accuracy", "mean", "error", "counts", "wrong"}:
        titles = [line for line in _from_last_caption(head[-3:]) if _is_title(line, 4)]
    elif kinds & {"training", "validation"}:
        return True
    else:
        titles = head[-2:]
    titles = [re.sub(r"\([^()]*\btest[^()]*\)", "", line) for line in titles]  # (the test accuracy is in table 1)
    return any(NOT_TEST.search(line) and not TEST.search(line) for line in titles)


def _of_synthetic(lines: list[str], bare: bool) -> bool:
    """Tell whether a row, the last of these lines, its table's head, caption or title names synthetic digits."""
    *above, row = lines
    above = [line for line in above if not _row(line, bare) and not _has_accuracy(line)]
    *titles, head = ["", "", *_from_last_caption(above[-3:])]
    if SYNTHETIC.search(head) and MNIST.search(head) and not CAPTION.match(head):  # a column each
        return True
    return is_synthetic(" ".join([*(line for line in titles if _is_title(line, 8)), head, row]))


def _from_last_caption(lines: list[str]) -> list[str]:
    """Return the lines from a caption on, if there is one: what is above that is another table's."""
    captions = [n for n, line in enumerate(lines) if CAPTION.match(line)]
    return lines[captions[-1] :] if captions else lines


def _is_title(line: str, max_words: int) -> bool:
    """Tell whether a line may be a caption or heading: of at most so many words, where nothing else shows it."""
    return bool(CAPTION.match(line)) or line.endswith(":") or len(line.split()) <= max_words


def _has_accuracy(line: str) -> bool:
    """Tell whether a line may be a row of another network, which is no head of those below it."""
    return has_cells(line) and not CAPTION.match(line) and bool(accurate(numbers_in(line)))


def _of_other_numbers(titles: list[str]) -> bool:
    """Tell whether a caption says that a table has times, say, and no accuracies."""
    kinds = {kind for line in titles if CAPTION.match(line) for kind in _head(line)}
    return bool(kinds) and kinds <= OTHER_NUMBERS


def _only(numbers: list[Number]) -> tuple[float | None, list[float]]:
    likely = [number.accuracy for number in numbers if number.accuracy is not None]
    if any(value >= LIKELY_ACCURACY for value in likely):
        likely = [value for value in likely if value >= LIKELY_ACCURACY]
    likely = list(dict.fromkeys(likely))
    return (likely[0], []) if len(likely) == 1 else (None, likely)


def _head(text: str) -> list[str]:
    """Return the kinds of the columns that a table's head names, in their order."""
    kinds = [KINDS[int(str(match.lastgroup)[1:])] for match in HEAD.finditer(LEFT_OUT.sub(" ", text))]
    return [kind for n, kind in enumerate(kinds) if n == 0 or kind != kinds[n - 1] or kind in ("one seed", "spread")]


def _one_each(kinds: list[str], numbers: list[Number]) -> bool:
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


def _as_accuracy(number: Number, kind: str) -> float | None:
    if number.whole and (kind == "wrong" or (kind == "error" and number.value >= 10)):  # images of 10,000
        return round(1 - number.value / 10_000, 6)
    if kind in ("wrong", "error"):
        return round(1 - (number.value / 100 if number.value >= 0.1 else number.value), 6)
    if kind == "counts":
        return round(number.value / 10_000, 6)
    return number.accuracy


def _columns(line: str) -> list[str | None]:
    """Return the networks that a head names in its columns, in their order; [] for a line that is no such head."""
    if AND_MORE.search(line):
        line = AND_MORE.sub(" no. 1 no. 2 no. 3 ", line)
    names = [match.lastgroup for match in NAMES.finditer(line)]
    rest = re.sub(r"[\W\d_]+", " ", NAMES.sub(" ", line)).split()
    if (
        len(set(names)) < 3
        or len(names) != len(set(names))
        or len(rest) > 4
        or accurate(numbers_in(NAMES.sub(" ", line)))
    ):
        return []
    return list(names)


def _rows_below(lines: list[str], head: int, columns: int) -> Iterator[tuple[int, list[float]]]:
    """Yield the rows below a head of networks that state their accuracies: the mean's, or that of tests, or the first.

    Several where nothing tells which of them it is.
    """
    rows: list[_Below] = []
    for n in range(head + 1, min(head + 9, len(lines))):
        line, numbers = lines[n], numbers_in(re.sub(OF_IMAGES, " ", lines[n]))
        label = re.split(r"\s[+-]?\.?\d", line)[0]
        kinds = set(_head(label))
        if len(numbers) != columns or kinds & (OTHER_NUMBERS | {"training", "validation"}):
            continue
        if OTHER_IMAGES.match(label) or is_synthetic(label) or ELSEWHERE.search(label):
            continue
        kind = next((kind for kind in ("wrong", "error", "counts") if kind in kinds), "test")
        if _one_each([kind] * columns, numbers):
            values = [value for number in numbers if (value := _as_accuracy(number, kind)) is not None]
            if len(values) < columns:
                continue
            known = bool(kinds - {"one seed"}) or bool(MNIST.search(label))
            of_seed = "one seed" in kinds or not re.search(r"[^\W\d_]", label)
            rows.append(_Below("mean" not in kinds, "test" not in kinds, not known, n, of_seed, values))
    rows.sort()
    is_clear = bool(rows) and (not rows[0].unknown or all(row.of_seed for row in rows))
    yield from ((row.line, row.values) for row in (rows[:1] if is_clear else rows))


class _Below(NamedTuple):
    """A row below a head of networks; the first in order is the likeliest to state the test accuracies."""

    no_mean: bool
    no_test: bool
    unknown: bool  # whether the row's label names nothing that is known
    line: int
    of_seed: bool  # whether it is one of several alike
    values: list[float]
