"""One student's feedback, as Markdown: each check, and of what went wrong what was expected, found, and to do."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

from grading.results.escaping import code_block, markdown, message
from grading.results.overruling import MALUS
from grading.results.results import Mark, MarkedCheck, Result, SubmissionStatus, undecided_checks
from labkit.checks.assignment import Assignment
from labkit.checks.check import CheckId, Status
from labkit.files import atomic_file
from labkit.mistakes import without_place
from labkit.networks import DROPPED, LAYERS, REMOVED

SETTLED_LATER, SETTLED = "to be settled by your instructor", "settled by your instructor"
_GONE = re.compile(r" \(all of it: \S+\)")  # a file in the sandbox, which nobody can open any more
LOG_LINES = 25  # of what a script printed; result.json has more of it


def write_feedback(path: Path, result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> None:
    """Write the feedback, atomically; `comment` is the instructor's; raise WriteError where it can't be written."""
    with atomic_file(path) as file:
        file.write(feedback(result, marks, assignment, comment).encode())


def feedback(result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> str:
    """Return the feedback's text, in which everything that comes from the submission is escaped."""
    parts = [f"# {markdown(assignment.course)}", _who(result)]
    if result.status in (SubmissionStatus.SUPERSEDED, SubmissionStatus.NOT_GRADED):
        parts.append(f"**This zip was not graded**: {markdown(result.problem)}.")
        return "\n\n".join(parts) + "\n"
    parts += [_score(result, marks), _lateness(result, marks)]
    if result.status == SubmissionStatus.GRADED:
        parts.append(_table(marks))
        parts += _what_to_look_at(marks, assignment)
        parts += _to_be_settled(result, marks, assignment)
    parts += [_decided(marks, assignment), _manual(result, marks, assignment), _comment(comment), _remarks(result)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _who(result: Result) -> str:
    student = f"{result.name} {result.surname} ({result.id})".strip() if result.id else "Unknown student"
    when = f", handed in {result.submitted.replace('T', ' ')[:16]}" if result.time_source != "download" else ""
    return f"{markdown(student)}: {markdown(result.zip)}{when}"


def _score(result: Result, marks: Mark) -> str:
    if result.status == SubmissionStatus.REFUSED:
        points = f"{marks.score:g} of {marks.max_score:g} points"
        return f"**{points}: the zip could not be graded.** {markdown(result.problem)}"
    if result.status == SubmissionStatus.CRASHED:
        return "**Not graded yet.** Grading this zip failed, which is not your fault; your instructor has been told."
    more = " Your instructor's points, for what no program could judge, are still to come." if marks.pending else ""
    return f"**{marks.score:g} of {marks.max_score:g} points.**{more}"


def _lateness(result: Result, marks: Mark) -> str:
    if not result.late_seconds:
        return ""
    cost = f"{marks.late_penalty:g} points, which are taken off above" if marks.late_penalty else "nothing"
    return f"It came {_time(result.late_seconds)} after the deadline. That cost {cost}."


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1:
        minutes = math.ceil(seconds / 60)
        return f"{minutes} minute{'s' * (minutes != 1)}"
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"


def _table(marks: Mark) -> str:
    lines = ["| check | result | points |", "|---|---|---:|"]
    for row in marks.checks:
        check = row.check
        outcome = f"{check.status}: {message(check.message)}" if check.status == Status.SKIPPED else str(check.status)
        outcome = SETTLED_LATER if check.status == Status.UNDECIDED else outcome
        outcome = SETTLED if check.name in marks.decisions else outcome
        points = f"{row.points:g} of {row.max_points:g}" if row.max_points else ""
        lines.append(f"| {markdown(check.name)} | {outcome} | {points} |")
    for name, points in marks.manual.items():
        lines.append(f"| {markdown(name)} | by your instructor | {points:g} |")
    return "\n".join(lines)


def _what_to_look_at(marks: Mark, assignment: Assignment) -> list[str]:
    shared: dict[tuple[str, str], list[MarkedCheck]] = {}  # what keeps several scripts from running is told once
    for row in marks.checks:
        check = row.check
        if check.status == Status.FAILED and not (check.name in marks.decisions and row.points == row.max_points):
            group, subject = check.name.group, check.name.subject
            told = without_place(check.message, subject) if group == "run" else check.name
            shared.setdefault((group, told), []).append(row)
    wrong = [_explain(alike, assignment) for alike in shared.values()]
    return ["## What to look at", *wrong] if wrong else []


def _to_be_settled(result: Result, marks: Mark, assignment: Assignment) -> list[str]:
    """Explain what the grader could not read, which costs nothing yet, to the student and the instructor."""
    sections = []
    for check in undecided_checks(result, assignment, marks.decisions):
        lines = [f"- Seen: {message(check.message)}"]
        lines += [f"- The layers found:{_numbered(map(markdown, check.layers))}"] if check.layers else []
        head = f"### {markdown(check.name)} (up to {assignment.points[check.name]:g} points)"
        sections.append(f"{head}\n\n" + "\n".join(lines))
    explained = "The grader could not read this, which is no mistake of yours: it has no points yet, and costs none."
    return ["## To be settled by your instructor", explained, *sections] if sections else []


def _decided(marks: Mark, assignment: Assignment) -> str:
    """Explain what the instructor decided in place of the checks, and why."""
    lines = []
    for name, decision in marks.decisions.items():
        points = f"{decision.points:g} points are taken off" if name == MALUS else f"{decision.points:g}"
        most = f" of {assignment.points[name]:g}" if name in assignment.points else ""
        lines.append(f"- **{markdown(name)}**, {points}{most}: {markdown(decision.reason)}")
    return "## Settled by your instructor\n\n" + "\n".join(lines) if lines else ""


def _explain(alike: list[MarkedCheck], assignment: Assignment) -> str:
    """Write the section about failed checks with the same message."""
    check = alike[0].check
    expected, to_do = _guide(check.name, assignment)
    lines = [f"### {', '.join(map(_with_points, alike))}"]
    lines += [f"- Expected: {expected}"] if expected else []
    lines += [f"- Found: {message(check.message)}"]
    lines += [f"- The layers found:{_numbered(map(markdown, check.layers))}"] if check.layers else []
    lines += [f"- What to do: {to_do}"] if to_do else []
    section = f"{lines[0]}\n\n" + "\n".join(lines[1:])
    if check.log.strip():
        log = _GONE.sub("", check.log)
        section += f"\n\nWhat it printed:\n\n{code_block(log, LOG_LINES)}"
    return section


def _with_points(row: MarkedCheck) -> str:
    name = markdown(row.check.name)
    return f"{name} ({row.points:g} of {row.max_points:g} points)" if row.max_points else name


def _dropout(script: str) -> str:
    """Say where dropout goes, which is no layer of its own in the list; "" for a network without it."""
    layers = LAYERS[script]
    return f", with dropout after layer {layers.index(DROPPED) + 1}, in training only" if DROPPED in layers else ""


def _numbered(lines: Iterable[object]) -> str:
    return "".join(f"\n  {number}. {line}" for number, line in enumerate(lines, 1))


def _guide(name: CheckId, assignment: Assignment) -> tuple[str, str]:
    """Return what a check expects, and what to do where it failed; both "" for a check that explains itself."""
    group, subject = name.group, name.subject
    number = subject.removeprefix("model_no")
    if group == "files":
        file = "the report, one PDF," if subject == "report" else f"{subject}.py"
        return f"{file} is in the zip.", "`python submit.py pack` makes a zip with all that belongs in it."
    if group == "run":
        return (
            f"importing {subject}.py trains nothing; it has the class `Model`; `python {subject}.py --steps 20` runs "
            "to its end.",
            "mend what is found there; `python submit.py check` tells you, before you hand in, whether it is mended.",
        )
    if group == "architecture":
        return (
            f"deep_mnist without {REMOVED[subject]}, all else as it was{_dropout(subject)}:"
            f"{_numbered(LAYERS[subject])}",
            f"`python -m pytest tests/test_shapes.py -m no{number}` tells each layer's shape, expected and found, and "
            "whether dropout acts in training only.",
        )
    if group == "training":
        training = assignment.training
        return (
            f"built anew from its layers and first weights, it reads at least {training.lowest:.0%} of the test "
            f"images after {training.steps} steps of the kit's own training.",
            f"run `python {subject}.py` on MNIST and look at curves.png; a network that learns too little starts, most "
            "often, from first weights that are all alike, or too large.",
        )
    return _REPORT.get(subject, ("", ""))


_REPORT = {
    "text": ("a PDF with text in it, of a sensible length, with an introduction.", ""),
    "methods": (
        "convolution, max pooling, ReLU, dropout, softmax and cross-entropy are each explained in some sentences.",
        "answer the prompts of section 2 of report_template.md, method by method.",
    ),
    "accuracies": (
        "the test accuracies of the full network and of no. 1, no. 2 and no. 3, as they come out of your runs.",
        "`python compare.py` makes the table; the run.json of each training has its accuracy.",
    ),
    "template": (
        "no prompt of the template is left in the report.",
        'answer each line that begins with "Prompt:", then delete it.',
    ),
}


def _manual(result: Result, marks: Mark, assignment: Assignment) -> str:
    given = [item for item in assignment.manual if item.name in marks.manual]
    pending = [
        item for item in assignment.manual if item.name in marks.pending and result.status == SubmissionStatus.GRADED
    ]
    lines = [
        f"- **{markdown(item.name)}**, {marks.manual[item.name]:g} of {item.points:g}: {item.text}" for item in given
    ]
    lines += [f"- **{markdown(item.name)}**, up to {item.points:g}, still to come: {item.text}" for item in pending]
    return "## Your instructor's points\n\n" + "\n".join(lines) if lines else ""


def _comment(comment: str) -> str:
    return f"Your instructor's comment: {markdown(comment)}" if comment else ""


def _remarks(result: Result) -> str:
    remarks = [*result.remarks, *(remark for check in result.checks for remark in check.remarks)]
    if not remarks:
        return ""
    return "## Remarks\n\n" + "\n".join(f"- {markdown(remark)}" for remark in remarks)
