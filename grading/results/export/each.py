"""One file for each submission, for systems that grade one at a time and ask a program for its result."""

from collections.abc import Callable

from grading.results.export.graded import Graded, GradedClass
from grading.results.export.job import Exported, ExportJob
from grading.results.results import MarkedCheck
from labkit.checks.assignment import ManualItem
from labkit.checks.check import Status
from labkit.files import atomic_file
from labkit.text import counted, printable

TO_SETTLE = "to be settled by your instructor"
LOG = 4000  # characters of what a check printed, from its end


def write_each(job: ExportJob, name: str, content: Callable[[Graded, GradedClass], bytes]) -> Exported:
    """Write a file called `name` into a folder for each submission, what the grader failed on included."""
    for student in job.graded.students:
        folder = job.folder / student.result.folder
        folder.mkdir(exist_ok=True)
        with atomic_file(folder / name) as file:
            file.write(content(student, job.graded))
    return Exported([f"{job.folder}/<submission>/{name}: {counted(len(job.graded.students), 'file')}"])


def is_full(row: MarkedCheck, student: Graded) -> bool:
    """Whether a check has all its points, by itself or by the instructor's decision."""
    if row.check.name in student.marks.decisions:
        return row.points >= row.max_points
    return row.check.passed


def is_open(row: MarkedCheck, student: Graded) -> bool:
    """Whether the instructor has still to settle a check."""
    return row.check.status == Status.UNDECIDED and row.check.name not in student.marks.decisions


def text_of(row: MarkedCheck, student: Graded) -> str:
    """Return what a student reads about a check, made printable: the instructor's reason, or the check's message."""
    decision = student.marks.decisions.get(row.check.name)
    if decision:
        return f"settled by your instructor: {printable(decision.reason)}"
    message = printable(row.check.message)
    return f"{TO_SETTLE}: {message}" if is_open(row, student) else message


def asked(item: ManualItem, student: Graded) -> str:
    """Return what a student reads about a manual item: what is asked for, and before it the level that was given."""
    level = item.level(student.marks.levels.get(item.name, ""))
    return f"{level.name}: {level.text} ({item.text})" if level else item.text


def log_of(row: MarkedCheck) -> str:
    """Return the end of what a check printed, made printable; "" for nothing."""
    return printable(row.check.log)[-LOG:].strip()
