"""What the marking view shows of one student: the fields to be filled in, and who comes before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grading.page.class_folder import Class, Student, decided_or_undecided
from grading.page.marking import decision_text
from grading.results.manual import COMMENT
from grading.results.overruling import MALUS, MOST_MALUS
from labkit.checks.assignment import Assignment, ManualItem
from labkit.checks.check import Check


@dataclass(frozen=True)
class ItemField:
    """An item of the rubric with what is written for it: points, a level's name, or "" as long as it is unmarked."""

    item: ManualItem
    text: str
    comments: Sequence[str]  # of its bank

    @property
    def own_points(self) -> str:
        """The points where they are those of no level of an item that has some; "" otherwise."""
        return "" if self.text in [level.name for level in self.item.levels] else self.text


@dataclass(frozen=True)
class DecisionField:
    """A check that is decided by hand, or the malus: the most points, and the decision's text, "" for none."""

    name: str
    maximum: float
    text: str
    check: Check | None = None

    @property
    def points(self) -> str:
        """The points of the decision."""
        return self.text.partition(": ")[0]

    @property
    def reason(self) -> str:
        """The reason of the decision, for the student."""
        return self.text.partition(": ")[2]


@dataclass(frozen=True)
class MarkingForm:
    """All that can be written for a student: what is to be marked, and what was decided in place of a check."""

    items: list[ItemField]
    decisions: list[DecisionField]
    comment: str

    @property
    def current(self) -> str:
        """The field that the keys are for at first: the first that is empty."""
        fields = [*((one.item.name, one.text) for one in self.items), *((one.name, one.text) for one in self.decisions)]
        return next((name for name, text in fields if not text), fields[0][0] if fields else "")


@dataclass(frozen=True)
class Neighbours:
    """The numbers of other students, None where there is none."""

    previous: int | None
    next: int | None
    unmarked: int | None
    failed: int | None


def field_names(student: Student, assignment: Assignment, decide: str = "") -> tuple[list[str], list[str]]:
    """Return the names of a student's fields: items, and decisions, with the check `decide` among them."""
    items = [item.name for item in assignment.manual]
    decisions = [str(check.name) for check in decided_or_undecided(student, assignment)]
    if decide and decide not in decisions and assignment.points.get(decide):
        decisions.append(decide)
    if MALUS in student.written.decisions or decide == MALUS:
        decisions.append(MALUS)
    return items, decisions


def marking_form(
    student: Student, texts: dict[str, str], assignment: Assignment, comments: dict[str, list[str]], decide: str = ""
) -> MarkingForm:
    """Return the form, filled with the texts of the fields; `comments` is the bank."""
    items, decisions = field_names(student, assignment, decide)
    checks = {str(row.check.name): row.check for row in student.marks.checks}
    by_name = {item.name: item for item in assignment.manual}
    return MarkingForm(
        [ItemField(by_name[name], texts[name], comments.get(name, [])) for name in items],
        [
            DecisionField(name, assignment.points.get(name, MOST_MALUS), texts[name], checks.get(name))
            for name in decisions
        ],
        texts[COMMENT],
    )


def texts_of(student: Student) -> dict[str, str]:
    """Return what is written for a student, by field, where there is no file to read it from anew."""
    written = student.written
    points = {name: f"{given:g}" for name, given in written.points.items()} | dict(written.levels)
    return points | {COMMENT: written.comment} | {n: decision_text(d) for n, d in written.decisions.items()}


def neighbours(class_: Class, number: int, item: str = "") -> Neighbours:
    """Return who is before and after a student; unmarked and failed ones are looked for behind, then from the start.

    With `item`, unmarked is who has no points for that item.
    """
    students = class_.students
    before = [one.number for one in students if one.number < number]
    after = [one.number for one in students if one.number > number]
    around = [one for one in students if one.number > number] + [one for one in students if one.number < number]

    def first(wanted: Callable[[Student], bool]) -> int | None:
        return next((one.number for one in around if wanted(one)), None)

    return Neighbours(
        before[-1] if before else None,
        after[0] if after else None,
        first(lambda one: item in one.open if item else bool(one.open)),
        first(lambda one: bool(one.failed)),
    )
