"""The result of one check of one submission: plain data, from whoever checked to whoever gives marks for it."""

from dataclasses import dataclass
from typing import Any

PASSED, FAILED, SKIPPED, UNDECIDED = "passed", "failed", "skipped", "undecided"


@dataclass(frozen=True)
class Check:
    """What one check found.

    `name` is that of the rubric, such as "architecture/model_no1"; `message` is for the student: what was expected,
    what was found, what to do. `fraction` is the part of the points earned, 0 to 1; `log` is what the submission
    printed, capped and printable; `seconds` is wall time. A check is skipped where one that it depends on failed, and
    undecided where the grader could not read what it was to judge: it has no points yet, and the instructor settles it.
    """

    name: str
    status: str  # PASSED, FAILED, SKIPPED or UNDECIDED
    message: str
    fraction: float = 0.0
    log: str = ""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()  # what was tolerated, and what an instructor should look at; they cost nothing
    layers: tuple[str, ...] = ()  # of an architecture/ check: those that were found, in their order

    @property
    def passed(self) -> bool:
        return self.status == PASSED


def passed(name: str, message: str, **details: Any) -> Check:
    """Make a check with full marks."""
    return Check(name, PASSED, message, fraction=1.0, **details)


def failed(name: str, message: str, fraction: float = 0.0, **details: Any) -> Check:
    """Make a check that failed, with partial credit for what is right."""
    return Check(name, FAILED, message, fraction=fraction, **details)


def skipped(name: str, message: str) -> Check:
    """Make a check that was not run, because one that it depends on has failed."""
    return Check(name, SKIPPED, message)


def undecided(name: str, message: str, **details: Any) -> Check:
    """Make a check that only a person can settle; the message says what was seen, and what stopped the reading."""
    return Check(name, UNDECIDED, message, **details)
