"""Classroom 50: the result.json that an autograder leaves for its runner, of the one submission in the folder.

The form is the schema classroom50/result/v1 (github.com/foundation50/classroom50, schemas/result-v1.schema.json).
Points are whole numbers there and may have halves here, so a point here is 100 there. What the runner knows of the
repository comes from its environment variables. Manual points that are still open are a test of their own, not passed.
"""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone

from grading.results.export.each import asked, is_full, text_of
from grading.results.export.graded import Graded, GradedClass
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from labkit.files import atomic_file

SCHEMA = "classroom50/result/v1"
UNITS = 100  # of a point
FILE = "result.json"
# Fields, and the variables of the runner that have them; the first that is set counts.
CONTEXT = {
    "classroom": ("CLASSROOM",),
    "assignment": ("ASSIGNMENT",),
    "owner": ("OWNER", "USERNAME"),
    "submission": ("SUBMISSION_TAG",),
    "commit": ("COMMIT_URL",),
    "release": ("RELEASE_URL",),
    "review": ("REVIEW_URL", "COMMIT_URL"),
}


def export(job: ExportJob) -> Exported:
    """Write the file of the one submission that there is."""
    if len(job.graded.students) != 1:
        raise ExportError(
            f"there are {len(job.graded.students)} submissions, and Classroom 50 takes the result of one: grade it "
            "with python -m grading one SUBMISSION --out DIR, and export that folder"
        )
    (student,) = job.graded.students
    path = job.folder / FILE
    with atomic_file(path) as file:
        file.write(document(student, job.graded, os.environ))
    return Exported([f"{path}: {UNITS} there are one point here"])


def document(student: Graded, graded: GradedClass, environment: Mapping[str, str]) -> bytes:
    """Return the JSON; raise ExportError where a variable of the runner is missing."""
    tests = [*_checks(student), *_items(student, graded), *_still_open(student)] if student.has_mark else []
    record = {
        "schema": SCHEMA,
        **_context(environment),
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or environment.get("MODE") or "individual",
        "datetime": datetime.fromisoformat(student.result.submitted)
        .astimezone(timezone.utc)
        .strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": _units(student.marks.score) if student.has_mark else 0,
        "max-score": _units(student.maximum) if student.has_mark else 0,
        "tests": tests,
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def _context(environment: Mapping[str, str]) -> dict[str, str]:
    context = {field: next(filter(None, map(environment.get, names)), "") for field, names in CONTEXT.items()}
    missing = [CONTEXT[field][0] for field, value in context.items() if not value]
    if missing:
        raise ExportError(f"the runner of Classroom 50 sets {', '.join(missing)}, which this command misses")
    return context


def _units(points: float) -> int:
    return round(points * UNITS)


def _test(name: str, passed: bool, points: float, max_points: float, output: str) -> dict[str, object]:
    return {
        "test-name": name,
        "passed": passed,
        "score": _units(points),
        "max-score": _units(max_points),
        "output": output,
    }


def _checks(student: Graded) -> list[dict[str, object]]:
    return [
        _test(str(row.check.name), is_full(row, student), row.points, row.max_points, text_of(row, student))
        for row in student.marks.checks
        if row.max_points
    ]


def _items(student: Graded, graded: GradedClass) -> list[dict[str, object]]:
    given = {item.name: student.marks.manual.get(item.name) for item in graded.assignment.manual}
    return [
        _test(item.name, points == item.points, points, item.points, asked(item, student))
        for item in graded.assignment.manual
        if (points := given[item.name]) is not None
    ]


def _still_open(student: Graded) -> list[dict[str, object]]:
    if not student.open:
        return []
    what = f"still to be given: {', '.join(student.open)}"
    return [_test("NOT FINAL", False, 0.0, student.open_points, what)]


TARGET = Target(source="", writes="result.json, of a folder with one submission", export=export)
