"""Hides who a student is, as far as the grader tells: what the student wrote may still tell it."""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from grading.page.class_folder import Student
from grading.results.results import MarkedCheck, Result
from labkit.checks.check import Check

HIDDEN = "hidden"
FEWEST_LETTERS = 3  # of a name that is hidden: "Li" may be anything
FEWEST_WITHIN_WORDS = 6  # of one that is hidden within other words: "Lin" is in "linear", and 128 in many a number


def without_names(student: Student) -> Student:
    """Return the student with a number for a name, also where remarks, messages and logs have it."""
    result = student.result
    names = {result.name, result.surname, *result.name.split(), *result.surname.split()}
    pattern = _any_of(names | _keys(result) | set(result.uploaded_as))

    def hidden(text: str) -> str:
        return pattern.sub(HIDDEN, text)

    def check_without(check: Check) -> Check:
        return dataclasses.replace(
            check,
            message=hidden(check.message),
            log=hidden(check.log),
            remarks=tuple(map(hidden, check.remarks)),
        )

    rows = [MarkedCheck(check_without(row.check), row.points, row.max_points) for row in student.marks.checks]
    shown = dataclasses.replace(
        result,
        name=f"Student {student.number}",
        surname="",
        id=HIDDEN,
        zip=HIDDEN,
        problem=hidden(result.problem),
        remarks=list(map(hidden, result.remarks)),
        checks=[check_without(check) for check in result.checks],
    )
    return dataclasses.replace(student, result=shown, marks=dataclasses.replace(student.marks, checks=rows))


def numbered(text: str, students: Iterable[Student]) -> str:
    """Return a text about a file of the instructor's, such as manual.csv, with numbers in place of zips and folders."""
    for student in students:
        text = _any_of(_keys(student.result)).sub(f"student {student.number}", text)
    return text


def _keys(result: Result) -> set[str]:
    """Return what stands for a submission in the grader's own texts."""
    return {result.id, result.zip, PurePosixPath(result.zip).stem, result.folder, result.system_key}


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    # The longest first: a zip's name has the others in it.
    words = sorted((name for name in names if len(name) >= FEWEST_LETTERS), key=len, reverse=True)
    return re.compile("|".join(map(_pattern, words)) or r"(?!)", re.IGNORECASE)


def _pattern(name: str) -> str:
    word = re.escape(name)
    return word if len(name) >= FEWEST_WITHIN_WORDS else rf"(?<![^\W_]){word}(?![^\W_])"
