"""Who is in the class, by a roster or by a system's worksheet: what is known of each student, and how to find one.

What is found is one student for sure, or nobody: of two with one name neither is found by it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grading.intake.tables import TableError, read_table
from labkit.checks.student_ids import DIGITS, as_written
from labkit.submission.names import ascii_words, number_of
from labkit.text import quoted

ROSTER_COLUMNS = ("login", "id", "name", "surname")


@dataclass(frozen=True)
class Person:
    """A student of the class; "" for what is not known."""

    id: str = ""
    name: str = ""
    surname: str = ""
    login: str = ""
    key: str = ""  # a system's own: Moodle's participant number
    submitted: datetime | None = None  # by the system, as the worksheet has it

    @property
    def full_name(self) -> str:
        return f"{self.name} {self.surname}".strip()


@dataclass
class People:
    """The students of a class, to be found by what a submission tells."""

    source: Path  # the file that they are from, for messages
    what: str  # that file in a word: "roster", "worksheet"
    everybody: list[Person]
    _by_id: dict[str, Person] = field(init=False)
    _by_login: dict[str, Person] = field(init=False)
    _by_key: dict[str, Person] = field(init=False)
    _by_words: dict[tuple[str, ...], list[Person]] = field(init=False)
    _by_letters: dict[str, list[Person]] = field(init=False)  # of the words joined, in each order

    def __post_init__(self) -> None:
        self._by_id = {number_of(person.id): person for person in self.everybody if person.id}
        self._by_login = {person.login.lower(): person for person in self.everybody if person.login}
        self._by_key = {person.key: person for person in self.everybody if person.key}
        self._by_words, self._by_letters = defaultdict(list), defaultdict(list)
        for person in self.everybody:
            self._by_words[_words(person.full_name)].append(person)
            for letters in _joined(person):
                self._by_letters[letters].append(person)

    def with_id(self, student_id: str) -> Person | None:
        return self._by_id.get(number_of(student_id)) if student_id else None

    def with_login(self, login: str) -> Person | None:
        return self._by_login.get(login.lower()) if login else None

    def with_key(self, key: str) -> Person | None:
        return self._by_key.get(key) if key else None

    def named(self, full_name: str, *, joined: bool = False) -> Person | None:
        """Return the only student of a name, in whatever order; `joined`: without spaces between its words."""
        people = self.all_named(full_name, joined=joined)
        return people[0] if len(people) == 1 else None

    def all_named(self, full_name: str, *, joined: bool = False) -> list[Person]:
        """Return the students of a name; see `named`."""
        if not _words(full_name):
            return []
        letters = "".join(ascii_words(full_name))
        return self._by_letters.get(letters, []) if joined else self._by_words.get(_words(full_name), [])

    def of_repository(self, name: str) -> Person | None:
        """Return the student whose login a repository's name is, or ends with: `mnist-lab-alovelace`."""
        words = name.lower().split("-")
        ends = ("-".join(words[first:]) for first in range(len(words)))  # the longest first
        return next((self._by_login[end] for end in ends if end in self._by_login), None)


def is_joined_name(letters: str, full_name: str) -> bool:
    """Tell whether letters are a full name without spaces, surname or name first."""
    words = ascii_words(full_name)
    return any("".join(words[n:] + words[:n]) == "".join(ascii_words(letters)) for n in range(len(words)))


def _joined(person: Person) -> set[str]:
    name, surname = ("".join(ascii_words(part)) for part in (person.name, person.surname))
    words = ascii_words(person.full_name)
    return {name + surname, surname + name, *("".join(words[n:] + words[:n]) for n in range(len(words)))}


def _words(full_name: str) -> tuple[str, ...]:
    return tuple(sorted(ascii_words(full_name)))


def read_roster(path: Path, ids: str = DIGITS) -> People:
    """Read a roster: a table with columns id, name, surname and, for repositories and logins, login; in any order.

    Raises TableError for a column that is missing, an id that is none, and for an id or a login that is there twice.
    """
    table = read_table(path)
    head = [cell.lower() for cell in table.head]
    missing = [column for column in ROSTER_COLUMNS[1:] if head.count(column) != 1]
    if missing:
        raise TableError(
            f"{path}: expected one column each of {', '.join(ROSTER_COLUMNS)} (login may be left out); "
            f"not so: {', '.join(missing)}. Its first row is {quoted(', '.join(table.head))}"
        )
    people, rows = [], []
    for number, cells in table.rows:
        known = {column: cells[head.index(column)] for column in ROSTER_COLUMNS if column in head}
        written = as_written(known["id"], ids)
        if not written:
            raise TableError(f"{path}, row {number}: {quoted(known['id'])} is no student id, which are like {ids}")
        people.append(Person(written, known["name"], known["surname"], known.get("login", "")))
        rows.append(number)
    _refuse_twice(path, "id", [number_of(person.id) for person in people], rows)
    _refuse_twice(path, "login", [person.login.lower() for person in people], rows)
    return People(path, "roster", people)


def _refuse_twice(path: Path, column: str, values: Iterable[str], rows: Iterable[int]) -> None:
    first: dict[str, int] = {}
    for value, row in zip(values, rows, strict=True):
        if value and first.setdefault(value, row) != row:
            raise TableError(
                f"{path}: the {column} {quoted(value)} is in rows {first[value]} and {row}; each student has one of "
                "their own: correct the file"
            )
