"""Which row of a gradebook is whose. A mark goes to one row that is the student's for sure, or to none.

The student's id comes first, where a column of the gradebook has it; then the key by which the system that the
submission came from knows the student. Where the two lead to different rows, where either leads to several, where two
students lead to one, where an id alone leads to a row with another name, or a key to one with quite another, nobody
gets the mark. An id that is nothing but a system's key is no id of the school's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from grading.intake.people import is_joined_name
from grading.results.export.graded import Graded
from labkit.submission.names import ascii_words, number_of, same_person
from labkit.text import quoted

# Of surnames, in many languages: no sign that two people are one.
_PARTICLES = """
al ap bin bint da das de degli dei del della den der di dos du el ibn la le lo los mac mc ne ni of san st ten ter van
vander vom von zu zum zur
"""
PARTICLES = frozenset(_PARTICLES.split())


@dataclass(frozen=True)
class Entry:
    """A student's row in a gradebook.

    `row` is its index in the table, from 0. `ids` are the cells that may be the student's id, `keys` the system's own
    names of the student; `name` is the full name, "" where the gradebook does not tell it.
    """

    row: int
    ids: frozenset[str]
    keys: frozenset[str] = frozenset()
    name: str = ""

    @property
    def label(self) -> str:
        """The row as an instructor finds it, counted from 1, with the name in it."""
        return f"row {self.row + 1}" + (f" ({quoted(self.name)})" if self.name.strip() else "")


@dataclass(frozen=True)
class Matched:
    """Who is in which row, and a line for each of those who are in none."""

    rows: list[tuple[Entry, Graded]]
    left_out: list[str]


def normal(texts: Iterable[str]) -> frozenset[str]:
    """Return ids as they are compared: without leading zeros, spaces around, and capitals; empty ones left out."""
    return frozenset(number_of(text.strip()) for text in texts if text.strip())


def match(students: Sequence[Graded], entries: Sequence[Entry], keys_of: Callable[[Graded], frozenset[str]]) -> Matched:
    """Find the row of each student. `keys_of` returns the names by which the system knows one, as `normal` does."""
    matches: list[tuple[Entry, Graded]] = []
    left_out = []
    for student in students:
        entry = _row_of(student, entries, keys_of(student))
        if isinstance(entry, Entry):
            matches.append((entry, student))
        else:
            left_out.append(f"{student.who}: {entry}")
    claims = Counter(entry.row for entry, _ in matches)
    left_out += [
        f"{student.who}: {entry.label} is claimed by {claims[entry.row]} submissions"
        for entry, student in matches
        if claims[entry.row] > 1
    ]
    return Matched([(entry, student) for entry, student in matches if claims[entry.row] == 1], left_out)


def _row_of(student: Graded, entries: Sequence[Entry], keys: frozenset[str]) -> Entry | str:
    """Return the row of a student, or why there is none."""
    own_id = normal([student.result.id])
    by_id = [entry for entry in entries if entry.ids & own_id]
    by_key = [entry for entry in entries if entry.keys & keys]
    if own_id == normal([student.key]):
        by_id = by_key  # nothing but the system tells who it is
    for what, rows in (("id", by_id), ("key in the system", by_key)):
        if len(rows) > 1:
            return f"the {what} leads to several rows: {', '.join(entry.label for entry in rows)}"
    if not by_id and not by_key:
        return "there is no row with this id"
    if by_id and by_key and by_id != by_key:
        return f"the id leads to {by_id[0].label}, and the submission's place in the download to {by_key[0].label}"
    entry = (by_id or by_key)[0]
    name = f"{student.result.name} {student.result.surname}"
    if not by_key and not _may_be_one_person(name, entry.name):
        return f"{entry.label} has this id and another name"
    return entry


def _may_be_one_person(one: str, other: str) -> bool:
    """Tell whether two full names may be one person's, in whatever script; a missing name is anybody's.

    They are where one has all words of the other, where the letters of both are the same, in whatever order of the
    words, and where they have two words in common, initials and particles not counted.
    """
    if not ascii_words(one) or not ascii_words(other) or same_person(one, other):
        return True
    common = {word for word in set(ascii_words(one)) & set(ascii_words(other)) if len(word) > 1} - PARTICLES
    return len(common) > 1 or is_joined_name(one, other) or is_joined_name(other, one)
