"""What the class view shows: who, filtered and sorted, how the scores are spread, and where the class failed."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grading.page.class_folder import Class, Student
from grading.results.results import SubmissionStatus
from labkit.checks.check import Status

BINS = 10  # of the distribution, a tenth of the points each
MOST_FAILED = 12  # checks in the table of what the class failed


@dataclass(frozen=True)
class Question:
    """What the class view is asked for, as the address has it; anything unknown is as if it were not there."""

    search: str = ""
    filter: str = ""
    check: str = ""
    sort: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Question":
        """Read it from an address."""
        sort = query.get("sort", "")
        known = query.get("filter", "")
        return cls(
            search=query.get("q", "")[:200],
            filter=known if known in FILTERS else "",
            check=query.get("check", "")[:100],
            sort=sort if sort.removeprefix("-") in SORTS else "",
        )

    @property
    def query(self) -> dict[str, str]:
        """The address's query for it."""
        return {"q": self.search, "filter": self.filter, "check": self.check, "sort": self.sort}


@dataclass(frozen=True)
class Bar:
    """A bar of the distribution: scores from `low` to below `high` percent, and how many have one."""

    low: int
    high: int
    count: int


def percent(student: Student) -> float:
    """Return the score in percent of what was marked so far; -1 where there is no mark."""
    return (
        100 * student.marks.score / student.marks.max_score if student.is_marked and student.marks.max_score else -1.0
    )


FILTERS: dict[str, tuple[str, Callable[[Student], bool]]] = {
    "open": ("still to be marked", lambda student: bool(student.open)),
    "undecided": ("undecided checks", lambda student: any("/" in name for name in student.open)),
    "failed": ("failed checks", lambda student: bool(student.failed)),
    "late": ("late", lambda student: student.result.late_seconds > 0),
    "remarks": ("remarks", lambda student: bool(student.remarks)),
    "replaced": ("replaced since marked", lambda student: student.replaced),
    "problem": ("refused, or the grader failed", lambda student: student.result.status != SubmissionStatus.GRADED),
}

SORTS: dict[str, Callable[[Student], object]] = {
    "number": lambda student: student.number,
    "name": lambda student: (student.result.surname.casefold(), student.result.name.casefold()),
    "status": lambda student: str(student.result.status),
    "score": percent,
    "open": lambda student: len(student.open),
    "late": lambda student: student.result.late_seconds,
    "remarks": lambda student: len(student.remarks),
}


def chosen(class_: Class, question: Question, *, names_shown: bool) -> list[Student]:
    """Return the students that are asked for, in the order that is asked for."""
    students = class_.students
    if question.filter:
        students = [student for student in students if FILTERS[question.filter][1](student)]
    if question.check:
        students = [student for student in students if question.check in student.failed]
    if question.search:
        students = [student for student in students if _is_found(student, question.search, names_shown=names_shown)]
    if question.sort and (names_shown or question.sort.removeprefix("-") != "name"):  # an order tells of names, too
        students = sorted(students, key=SORTS[question.sort.removeprefix("-")], reverse=question.sort.startswith("-"))  # pyright: ignore[reportArgumentType,reportCallIssue]
    return students


def _is_found(student: Student, search: str, *, names_shown: bool) -> bool:
    """Tell whether a text is in what the page shows of a student; a hidden name can't be searched for."""
    result = student.result
    shown = [str(student.number), str(result.status), *student.open, *student.failed]
    if names_shown:
        shown += [f"{result.name} {result.surname}", result.id, result.zip]
    return search.strip().casefold() in " ".join(shown).casefold()


def distribution(class_: Class) -> list[Bar]:
    """Count the scores by tenths of the points that were marked so far; full marks are in the last."""
    counts = Counter(min(int(percent(one) * BINS / 100), BINS - 1) for one in class_.students if percent(one) >= 0)
    width = 100 // BINS
    return [Bar(number * width, (number + 1) * width, counts[number]) for number in range(BINS)]


def most_failed(class_: Class) -> list[tuple[str, int]]:
    """Return the checks that most students failed, with their number, the most frequent first."""
    counts = Counter(name for student in class_.students for name in student.failed)
    return counts.most_common(MOST_FAILED)


def undecided(student: Student) -> int:
    """Count the checks that a person has still to settle."""
    rows = student.marks.checks
    return sum(row.check.status == Status.UNDECIDED and row.check.name in student.open for row in rows)
