"""Gradescope: the results.json of an autograder, for each submission; it goes to /autograder/results/results.json.

By its documentation (gradescope-autograders.readthedocs.io, "Autograder Specifications"): `score` goes before the sum
of the tests; a test has score, max_score, status (passed or failed), name, number, output, tags, visibility and
extra_data, and texts have a format. There has to be a score in any case, so what the grader failed on has a 0, and its
output says that this is none. The maximum is the assignment's in Gradescope.
"""

import json

from grading.results.export import texts
from grading.results.export.each import asked, is_full, is_open, log_of, text_of, write_each
from grading.results.export.graded import Graded, GradedClass
from grading.results.export.job import Exported, ExportJob, Target
from grading.results.export.tables import written
from grading.results.results import MarkedCheck

VISIBLE, HIDDEN = "visible", "hidden"


def export(job: ExportJob) -> Exported:
    """Write a file for each submission."""
    outcome = write_each(job, "results.json", document)
    points = f"set the autograder's points in Gradescope to {written(job.graded.maximum)}: marks are of as many"
    return Exported([*outcome.lines, points])


def document(student: Graded, graded: GradedClass) -> bytes:
    """Return the JSON for one submission."""
    result, checks = student.result, student.marks.checks
    record = {
        "score": student.marks.score if student.has_mark else 0.0,
        "execution_time": round(sum(row.check.seconds for row in checks)),
        "output": "\n".join(texts.summary(student, graded)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": VISIBLE,
        "stdout_visibility": HIDDEN,  # the grader's own, which is for the instructor
        "extra_data": {
            "id": result.id,
            "status": str(result.status),
            "max_score": student.maximum,
            "open": list(student.open),
            "sandbox": result.sandbox,
            "kit": result.kit,
            "zip_sha256": result.zip_sha256,
        },
        "tests": [*_checks(student), *_items(student, graded)],
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def failed(message: str) -> bytes:
    """Return the JSON for an upload of which there is no result at all; `message` is what the student reads."""
    record = {
        "score": 0.0,
        "output": message,
        "output_format": "text",
        "visibility": VISIBLE,
        "stdout_visibility": HIDDEN,
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def _checks(student: Graded) -> list[dict[str, object]]:
    """Return a test for each check that has points; its number is that of its group and that within the group."""
    tests, groups, places = [], [], {}
    for row in student.marks.checks:
        group = row.check.name.group
        if row.max_points or is_open(row, student):
            groups += [group] if group not in groups else []
            places[group] = places.get(group, 0) + 1
            tests.append(_test(row, student, f"{groups.index(group) + 1}.{places[group]}"))
    return tests


def _test(row: MarkedCheck, student: Graded, number: str) -> dict[str, object]:
    output = "\n".join(filter(None, (text_of(row, student), log_of(row))))
    test: dict[str, object] = {
        "name": str(row.check.name),
        "number": number,
        "score": row.points,
        "max_score": row.max_points,
        "output": output,
        "tags": [row.check.name.group],
        "visibility": VISIBLE,
        "extra_data": {"status": str(row.check.status), "seconds": row.check.seconds},
    }
    if not is_open(row, student):
        test["status"] = "passed" if is_full(row, student) else "failed"
    return test


def _items(student: Graded, graded: GradedClass) -> list[dict[str, object]]:
    return [
        {
            "name": item.name,
            "score": student.marks.manual[item.name],
            "max_score": item.points,
            "output": asked(item, student),
            "tags": ["by your instructor"],
            "visibility": VISIBLE,
        }
        for item in graded.assignment.manual
        if item.name in student.marks.manual
    ]


TARGET = Target(source="", writes="results.json for each submission", export=export)
