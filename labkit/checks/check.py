"""The result of one check of one submission: plain data, from whoever checked to whoever gives marks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal


class Status(str, Enum):
    """How a check came out."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # one that it depends on failed
    UNDECIDED = "undecided"  # the grader could not read what it was to judge: the instructor settles it

    def __str__(self) -> str:  # as it is written to files, whatever the version of Python
        return self.value


class CheckId(str):
    """Which check it is: a group of the rubric, and what of the submission it looks at.

    It is a text, "architecture/model_no1", as people and files have it.
    """

    def __new__(cls, group: str, subject: str) -> "CheckId":
        return super().__new__(cls, f"{group}/{subject}")

    def __reduce__(self) -> tuple[Any, ...]:
        return CheckId, (self.group, self.subject)

    @classmethod
    def parse(cls, text: str) -> "CheckId":
        """Return the id that has this text; raise ValueError where none has."""
        group, _, subject = text.partition("/")
        if not group or not subject:
            raise ValueError(f"{text!r} is no check's name, as architecture/model_no1 is")
        return cls(group, subject)

    @property
    def group(self) -> str:
        """Such as "architecture"."""
        return self.partition("/")[0]

    @property
    def subject(self) -> str:
        """Such as "model_no1"."""
        return self.partition("/")[2]


Source = Literal["report", "ablation.csv", "training"]


@dataclass(frozen=True)
class Accuracies:
    """The test accuracies of a network, 0 to 1, by one source.

    The sources are what the report's text states, the student's runs in ablation.csv, and the grader's own, shorter
    training. `network` is a script's name, or "" where the text does not tell whose they are.
    """

    source: Source
    network: str
    values: tuple[float, ...]


MOST_VALUES = 20  # of a network that are kept: a report may hold any number of them


def accuracies_of(source: Source, by_network: Mapping[str, Sequence[float]]) -> tuple[Accuracies, ...]:
    """Return the accuracies of those networks that have some, the first of each."""
    return tuple(Accuracies(source, name, tuple(values[:MOST_VALUES])) for name, values in by_network.items() if values)


@dataclass(frozen=True)
class Check:
    """What one check found.

    `message` is for the student: what was expected, what was found, what to do. `fraction` is the part of the points
    earned, 0 to 1: an undecided check has none yet. `log` is what the submission printed, capped and printable;
    `seconds` is wall time.
    """

    name: CheckId
    status: Status
    message: str
    fraction: float = 0.0
    log: str = ""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()  # what was tolerated, and what an instructor should look at; they cost nothing
    layers: tuple[str, ...] = ()  # of an architecture/ check: those that were found, in their order
    accuracies: tuple[Accuracies, ...] = ()  # of report/accuracies and training/: the figures that were judged

    @property
    def passed(self) -> bool:
        return self.status == Status.PASSED


def passed(name: CheckId, message: str, **details: Any) -> Check:
    """Make a check with full marks."""
    return Check(name, Status.PASSED, message, fraction=1.0, **details)


def failed(name: CheckId, message: str, fraction: float = 0.0, **details: Any) -> Check:
    """Make a check that failed, with partial credit for what is right."""
    return Check(name, Status.FAILED, message, fraction=fraction, **details)


def skipped(name: CheckId, message: str) -> Check:
    """Make a check that was not run, because one that it depends on has failed."""
    return Check(name, Status.SKIPPED, message)


def undecided(name: CheckId, message: str, **details: Any) -> Check:
    """Make a check that only a person can settle; the message says what was seen, and what stopped the reading."""
    return Check(name, Status.UNDECIDED, message, **details)
