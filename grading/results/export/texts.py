"""What a student reads of a mark: some lines beside it in the gradebook, and the feedback to go with it.

Lines are plain text; what of them is a submission's own is made harmless where they are written: by `html` here, by the
writers of JSON and XML there.
"""

import html as html_module
import re

from grading.layout import FEEDBACK_PAGE
from grading.results.export.graded import ExportError, Graded, GradedClass
from grading.results.overruling import MALUS
from grading.results.results import SubmissionStatus
from labkit.checks.check import Status
from labkit.text import printable

_MAIN = "<main>\n"  # where the page's text begins; it is no text of a submission's, which has no < there
_FORMULA = re.compile(r"(^|[,;|>])([\s\"']*)([=+\-@＝＋－＠]+)")  # noqa: RUF001 # as escaping.cell, and behind a tag


def not_final(student: Graded) -> str:
    """Say what is still open of a mark; "" where nothing is."""
    if not student.open:
        return ""
    if not student.has_mark:
        return "Not graded yet: grading this failed, which is not your fault; your instructor has been told."
    points = f"up to {student.open_points:g} of the {student.maximum:g} points are still to be given"
    return f"NOT FINAL: {points} ({', '.join(student.open)})."


def summary(student: Graded, graded: GradedClass, in_gradebook: str = "") -> list[str]:
    """Write a mark in some lines: the points, and of what is not full marks the reason.

    `in_gradebook` is the mark as the gradebook has it, where that is another number.
    """
    result, marks = student.result, student.marks
    if not student.has_mark:
        return [not_final(student)]
    points = f"{marks.score:g} of {student.maximum:g} points"
    lines = [not_final(student), f"{points}{f', which are {in_gradebook} here' if in_gradebook else ''}."]
    if result.status == SubmissionStatus.REFUSED:
        lines.append(f"It could not be graded. {result.problem}")
    if marks.late_penalty:
        lines.append(f"{marks.late_penalty:g} points are taken off for lateness.")
    lines += _checks(student) + _by_hand(student, graded)
    return [" ".join(printable(line).split()) for line in lines if line]


def _checks(student: Graded) -> list[str]:
    lines = []
    for row in student.marks.checks:
        check, decision = row.check, student.marks.decisions.get(row.check.name)
        points = f"{check.name}: {row.points:g} of {row.max_points:g}"
        if decision:
            lines.append(f"{points}, settled by your instructor: {decision.reason}")
        elif check.status == Status.FAILED and row.max_points:
            lines.append(f"{points}: {check.message}")
    return lines


def _by_hand(student: Graded, graded: GradedClass) -> list[str]:
    marks = student.marks
    items = [item for item in graded.assignment.manual if item.name in marks.manual]
    levels = {name: f", {level}" for name, level in marks.levels.items()}
    lines = [
        f"{item.name}: {marks.manual[item.name]:g} of {item.points:g}{levels.get(item.name, '')}" for item in items
    ]
    if MALUS in marks.decisions:
        malus = marks.decisions[MALUS]
        lines.append(f"{malus.points:g} points are taken off: {malus.reason}")
    return lines + ([f"Your instructor's comment: {student.comment}"] if student.comment else [])


def html(lines: list[str]) -> str:
    """Write lines as paragraphs of HTML on one line, in which no text is mark-up, nor a formula in any spreadsheet.

    What a spreadsheet could take for the beginning of a formula, with whatever separator it reads the file, becomes
    numeric entities.
    """
    text = "".join(f"<p>{html_module.escape(' '.join(printable(line).split()))}</p>" for line in lines)
    return _FORMULA.sub(lambda match: match[1] + match[2] + "".join(f"&#{ord(char)};" for char in match[3]), text)


def feedback(student: Graded) -> str:
    """Return the student's feedback.html, with what is still open told at its top.

    The page goes out and not feedback.md, because a browser is on every telephone and what shows Markdown on few; both
    say the same, and one file is enough. Raises ExportError where what is there is not as the grader writes it.
    """
    notice = not_final(student) if student.has_mark else ""
    if not notice:
        return student.feedback
    before, main, after = student.feedback.partition(_MAIN)
    if not main:
        raise ExportError(f"{FEEDBACK_PAGE} of {student.who} is not as the grader writes it: run the grader again")
    text = html_module.escape(printable(notice))
    return f'{before}{main}<p class="notice"><strong>{text}</strong></p>\n{after}'
