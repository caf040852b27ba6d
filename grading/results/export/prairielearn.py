"""PrairieLearn: the results.json of an external grader, for each submission; it goes to /grade/results/results.json.

By its documentation (prairielearn.readthedocs.io, "External grading"): `score` is a number from 0 to 1, and mandatory
where `gradable` is not false; what is not gradable costs no attempt, and `format_errors` says why; `tests` have name,
description, points, max_points, message and output. The file has at most 1 MB.
"""

import json

from grading.results.export import texts
from grading.results.export.each import asked, log_of, text_of, write_each
from grading.results.export.graded import Graded, GradedClass
from grading.results.export.job import Exported, ExportJob, Target
from grading.results.results import SubmissionStatus
from labkit.text import printable


def export(job: ExportJob) -> Exported:
    """Write a file for each submission."""
    return write_each(job, "results.json", document)


def document(student: Graded, graded: GradedClass) -> bytes:
    """Return the JSON for one submission."""
    lines = texts.summary(student, graded)
    refused = student.result.status == SubmissionStatus.REFUSED and not student.marks.score
    if refused or not student.has_mark:
        record = {"gradable": False, "format_errors": lines}
    else:
        record = {
            "gradable": True,
            "score": student.marks.score / student.maximum,
            "message": lines[0],
            "output": "\n".join(lines),
            "tests": [*_checks(student), *_items(student, graded)],
        }
    return json.dumps(record, indent=1).encode() + b"\n"


def _checks(student: Graded) -> list[dict[str, object]]:
    return [
        {
            "name": str(row.check.name),
            "points": row.points,
            "max_points": row.max_points,
            "message": text_of(row, student),
            "output": log_of(row),
        }
        for row in student.marks.checks
        if row.max_points
    ]


def _items(student: Graded, graded: GradedClass) -> list[dict[str, object]]:
    return [
        {
            "name": item.name,
            "description": printable(asked(item, student)),
            "points": student.marks.manual[item.name],
            "max_points": item.points,
        }
        for item in graded.assignment.manual
        if item.name in student.marks.manual
    ]


TARGET = Target(source="", writes="results.json for each submission", export=export)
