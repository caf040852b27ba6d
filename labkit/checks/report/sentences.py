"""Reads what a report's sentences state: a number is placed where its clause names a network."""

import re

from labkit.checks.report.numbers import (
    LIKELY_ACCURACY,
    MOST_LINE,
    Number,
    accurate,
    numbers_in,
    right_of_error,
    without_names,
)
from labkit.checks.report.wording import (
    ELSEWHERE,
    ERROR,
    IMAGES,
    MNIST,
    NAMES,
    NETWORKS,
    NOT_TEST,
    RIGHTLY,
    SYNTHETIC,
    TEST,
    WRONGLY,
)

MOST_SENTENCE = 20 * MOST_LINE


def _untested(sentence: str) -> bool:
    """Tell whether a sentence speaks of training or validation images, and of no test."""
    return bool(NOT_TEST.search(sentence)) and not TEST.search(sentence)


def is_synthetic(text: str) -> bool:
    """Tell whether a text speaks of synthetic digits, and not of MNIST's."""
    return bool(SYNTHETIC.search(text)) and not MNIST.search(text)


def split_sentences(text: str) -> list[str]:
    """Split a text, in lower case, at the ends of its sentences."""
    flowing = re.sub(r"\b(no|nr|n|num|fig|tab|sec|eq)\.\s+(?=\d)", r"\1.", text)  # no end of a sentence
    return _SENTENCE_END.split(flowing)


_SENTENCE_END = re.compile(
    r"(?<=[^\W\d][.!?;])\s+|(?<=[%\d][.!?])\s+(?=[a-z(])|(?<=[%\d]\.)\s+(?=\d+(?:\.\d+)*\s[a-z])|(?<=;)\s+|\n\s*\n"
)


class Sentences:
    """Places the numbers of sentences: one for each name, before it or behind it, or as many in the names' order."""

    def __init__(self) -> None:
        self.placed: dict[str, list[float]] = {network: [] for network in NETWORKS}
        self.loose: list[float] = []

    def read(self, sentence: str) -> None:
        if not re.search(r"\d", sentence) or len(sentence) > MOST_SENTENCE:
            return
        sentence = " ".join(sentence.split())  # a name may go over the end of a line
        everything = numbers_in(sentence)
        numbers = [number for number in everything if number.accuracy is not None]
        if ERROR.search(sentence) and not numbers:
            numbers = [right_of_error(number) for number in everything if 0 < number.value < 20 and not number.whole]
        if any(number.accuracy >= LIKELY_ACCURACY for number in numbers if number.accuracy is not None):
            numbers = [n for n in numbers if n.accuracy is not None and n.accuracy >= LIKELY_ACCURACY]
        self.place(sentence, numbers)

    def place(self, sentence: str, numbers: list[Number]) -> None:
        """Place the numbers of a sentence; they are loose where it speaks of other digits, or of others' results."""
        if not numbers or _untested(sentence):
            return
        if ELSEWHERE.search(sentence) or is_synthetic(sentence):
            self.loose += [number.accuracy for number in numbers if number.accuracy is not None]
            return
        names = [(match.start(), match.lastgroup) for match in NAMES.finditer(sentence)]
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


def count_images(sentences: list[str]) -> Sentences:
    """Read how many of the 10,000 test images each network gets right, or wrong, in sentences that speak of these."""
    counts = Sentences()
    for sentence in sentences:
        wrong, right = WRONGLY.search(sentence), RIGHTLY.search(sentence)
        line = " ".join(sentence.split())
        if len(line) > MOST_SENTENCE or not (wrong or right) or not NAMES.search(line):
            continue
        numbers = accurate(numbers_in(line))
        for match in IMAGES.finditer(without_names(line)):
            count = int(re.sub(r"\D", "", match[0]))
            if (wrong and 20 <= count <= 2000) or (right and 5000 <= count < 10_000):
                accuracy = count / 10_000 if count >= 5000 else round(1 - count / 10_000, 6)
                numbers.append(Number(match.start(), count, accuracy, True))
        counts.place(line, numbers)
    return counts


def likely_in(sentences: list[str]) -> list[float]:
    """Return all numbers of 90 to 100%, with a dash before them too, but of training images."""
    tests = [sentence for sentence in sentences if len(sentence) <= MOST_SENTENCE and not _untested(sentence)]
    numbers = [number for sentence in tests for number in accurate(numbers_in(sentence, signed=True))]
    return [number.accuracy for number in numbers if number.accuracy is not None]
