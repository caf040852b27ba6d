"""The class as its folder of results has it: what the page shows, read anew where a file has changed."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import os
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from grading.encodings import decoded
from grading.layout import GRADES, RESULT, SUBMISSIONS
from grading.progress import Phase, read_progress
from grading.results.escaping import cell
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, ManualRow, read_manual
from grading.results.manual_file import Sheet, read_sheet
from grading.results.results import Mark, Result, SubmissionStatus, mark, read_result
from grading.similarity.similarity_record import FILE as SIMILARITIES
from grading.similarity.similarity_record import Similarities, read_similarities
from labkit.checks.assignment import Assignment, load_assignment
from labkit.checks.check import Check, Status
from labkit.errors import KitError


@dataclass(frozen=True)
class Student:
    """One submission that counts, with its mark as the next run of the grader would give it.

    `number` is its place in the order of this sitting, from 1. `result` is without logs. `replaced` tells that what
    the instructor wrote was about other files of the student's.
    """

    number: int
    result: Result
    marks: Mark
    written: ManualRow
    replaced: bool = False

    @property
    def mark_of_form(self) -> str:
        """What tells a form whose it is; the folder's name would tell a reader of the page's source, too."""
        return hashlib.sha256(self.result.folder.encode()).hexdigest()[:16]

    @property
    def open(self) -> list[str]:
        """What is still to be marked by hand; nothing where nothing could be graded."""
        return self.marks.pending if self.result.status == SubmissionStatus.GRADED else []

    @property
    def failed(self) -> list[str]:
        """The names of the checks that failed, and were not decided otherwise."""
        checks = [row.check for row in self.marks.checks]
        return [str(one.name) for one in checks if one.status == Status.FAILED and one.name not in self.marks.decisions]

    @property
    def is_marked(self) -> bool:
        """Whether there is a mark: of what the grader failed on there is none, which is not a 0."""
        return self.result.status in (SubmissionStatus.GRADED, SubmissionStatus.REFUSED)

    @property
    def remarks(self) -> list[str]:
        """All remarks, those of its checks included."""
        return [*self.result.remarks, *(remark for row in self.marks.checks for remark in row.check.remarks)]


@dataclass(frozen=True)
class Class:
    """What is known at one moment: those who count, in this sitting's order, and what does not.

    `problems` has a line for each file of the instructor's that can't be used as it is.
    """

    assignment: Assignment
    manual: Manual
    students: list[Student]
    others: list[Result] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    manual_problem: str = ""  # of manual.csv: what is written now may be about something that is not seen here

    def student(self, number: int) -> Student | None:
        """Return the student with this number."""
        return next((one for one in self.students if one.number == number), None)


class ClassFolder:
    """Reads the folder; what has not changed is kept from the last time, so that a class of 1,000 is there at once."""

    def __init__(self, out: Path, assignment: Path, order: "Order") -> None:
        """Take the folder of results and the assignment's file; raises KitError where that can't be read."""
        self.out, self._assignment_file, self._order = out, assignment, order
        self._assignment = load_assignment(assignment)
        self._rules = assignment.read_bytes()
        self._manual = Manual([], [])
        self._manual_of: tuple[str, bytes] | None = None  # the digest of the file, and the rules, that it was read by
        self._sheet: Sheet | None = None
        self._results: dict[str, tuple[tuple[int, int, int], Result]] = {}
        self._marked: dict[str, tuple[object, Student]] = {}
        self._similar: tuple[object, Similarities | None] = (None, None)
        self._listed: tuple[object, set[str] | None] = (None, None)

    def read(self) -> Class:
        """Return the class as it is now."""
        problems, manual_problems = self._read_assignment(), self._read_manual()
        results = self._read_results()
        zips = self._zips_of_the_last_run()
        counting = {
            folder: result
            for folder, result in results.items()
            if result.is_students and (zips is None or str(cell(result.zip)) in zips)
        }
        others = [result for folder, result in results.items() if folder not in counting]
        students = [self._student(number, counting[folder]) for number, folder in self._order.of(counting)]
        problems += manual_problems
        return Class(self._assignment, self._manual, students, others, problems, "; ".join(manual_problems))

    def with_logs(self, student: Student) -> Student:
        """Return the student with the logs of the checks, which are read only where they are shown."""
        result = read_result(self.folder_of(student) / RESULT)
        if result is None:
            return student
        result.folder = student.result.folder
        return marked(student.number, result, student.written, self._assignment)

    def folder_of(self, student: Student) -> Path:
        """Return the folder of the student's results."""
        return self.out / SUBMISSIONS / student.result.folder

    def sheet_digest(self) -> str:
        """Return what stands for the content of manual.csv, also where that is no table."""
        try:
            return hashlib.sha256((self.out / MANUAL).read_bytes()).hexdigest()
        except OSError:
            return ""

    def similarities(self) -> Similarities | None:
        """Return what is alike in the class; None where nothing was compared yet."""
        seen = _signature(self.out / SIMILARITIES)
        if seen != self._similar[0]:
            self._similar = seen, read_similarities(self.out)
        return self._similar[1]

    def _read_assignment(self) -> list[str]:
        try:
            rules = self._assignment_file.read_bytes()
            if rules != self._rules:
                self._assignment, self._rules = load_assignment(self._assignment_file), rules
                self._marked.clear()
        except (KitError, OSError) as error:
            return [f"{error}; until that is mended, the rubric is the one before"]
        return []

    def sheet(self) -> Sheet:
        """Return manual.csv as it is now; raise ManualError where it is no table."""
        content = (self.out / MANUAL).read_bytes() if (self.out / MANUAL).exists() else None
        if self._sheet is None or content != (self._sheet.content if self._sheet.exists else None):
            self._sheet = read_sheet(self.out / MANUAL)
        return self._sheet

    def _read_manual(self) -> list[str]:
        try:
            read_from = (self.sheet().digest, self._rules)
            if read_from != self._manual_of:
                self._manual = read_manual(self.out / MANUAL, self._assignment.manual, self._assignment.points)
                self._manual_of = read_from
        except (KitError, OSError) as error:
            self._manual_of = None
            return [f"{error}; until that is mended, nothing can be marked here"]
        return []

    def _read_results(self) -> dict[str, Result]:
        """Return the results by folder, in the order of the folders; what can't be read is left out."""
        known, self._results = self._results, {}
        for name in sorted(os.listdir(self.out / SUBMISSIONS)):
            folder = self.out / SUBMISSIONS / name
            signature = _signature(folder / RESULT)
            if signature is None:
                continue
            if name in known and known[name][0] == signature:
                self._results[name] = known[name]
            elif result := read_result(folder / RESULT):
                result.folder = name  # what the page opens; the file may be of another place
                checks = [dataclasses.replace(check, log="") for check in result.checks]
                self._results[name] = signature, dataclasses.replace(result, checks=checks)
        return {name: result for name, (_, result) in self._results.items()}

    def _zips_of_the_last_run(self) -> set[str] | None:
        """Return the zips in grades.csv, as they are written there; None where a run has not come to its end.

        Results of a zip that is gone stay in their folder; they are nobody's mark any more.
        """
        state = read_progress(self.out)
        if state is None or state.phase != Phase.ENDED:
            return None
        seen = _signature(self.out / GRADES)
        if seen != self._listed[0]:
            with contextlib.suppress(OSError, ValueError, csv.Error):  # saved by a spreadsheet, say
                text = decoded((self.out / GRADES).read_bytes())[2]
                rows = list(csv.DictReader(io.StringIO(text, newline="")))
                self._listed = seen, {row["zip"] for row in rows if row.get("zip")} or None
        return self._listed[1]

    def _student(self, number: int, result: Result) -> Student:
        written = self._manual.of(result)
        seen = (self._results[result.folder][0], written, number)
        if self._marked.get(result.folder, (None,))[0] != seen:
            student = marked(number, result, written, self._assignment)
            self._marked[result.folder] = seen, student
        return self._marked[result.folder][1]


def _signature(path: Path) -> tuple[int, int, int] | None:
    """Return what changes whenever a file is written anew, as the grader writes; None where there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def marked(number: int, result: Result, written: ManualRow, assignment: Assignment) -> Student:
    """Work out a student's mark from what the instructor wrote, as the next run of the grader will.

    What was written about other files counts again once the row has been changed: see batch.py.
    """
    about = result.marked.get("zip_sha256", result.zip_sha256)
    replaced = written.counts and about != result.zip_sha256 and result.marked.get("row") == written.digest
    counts = ManualRow({}) if replaced else written
    marks = mark(result, assignment, counts.points, counts.decisions, counts.levels)
    return Student(number, result, marks, written, replaced)


def decided_or_undecided(student: Student, assignment: Assignment) -> list[Check]:
    """Return the checks that a person has to settle, or has settled, of those that are worth points."""
    checks = [row.check for row in student.marks.checks]
    return [
        check
        for check in checks
        if assignment.points.get(check.name)
        and (check.status == Status.UNDECIDED or check.name in student.marks.decisions)
    ]


class Order:
    """The order of the students in this sitting: at random, so that nobody is always the last; new ones come behind.

    A number once given stays the student's, whatever becomes of the others: no mark may slip to a neighbour.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers: dict[str, int] = {}

    def of(self, folders: Collection[str]) -> list[tuple[int, str]]:
        """Return number and folder of each, in their order."""
        new = [folder for folder in folders if folder not in self._numbers]
        self._random.shuffle(new)
        for folder in new:
            self._numbers[folder] = len(self._numbers) + 1
        return [(number, folder) for folder, number in self._numbers.items() if folder in folders]
