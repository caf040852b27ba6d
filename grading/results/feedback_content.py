"""What a student is told of a submission, as data: each fact and sentence once, for the file as text and the page.

It is a list of blocks, each of which feedback.py writes as Markdown and feedback_page.py as HTML. Nothing is escaped
here: a Span says where its text is from, and whoever writes it does what that takes.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from grading.results.escaping import last_lines
from grading.results.overruling import MALUS
from grading.results.results import Mark, MarkedCheck, Result, SubmissionStatus, undecided_checks
from labkit.checks.assignment import Assignment, ManualItem
from labkit.checks.check import Check, CheckId, Status
from labkit.mistakes import without_place
from labkit.networks import DROPPED, LAYERS, REMOVED

SETTLED_LATER, SETTLED = "to be settled by your instructor", "settled by your instructor"
LOG_LINES = 25  # of what a script printed; result.json has more of it
_GONE = re.compile(r" \(all of it: \S+\)")  # a file in the sandbox, which nobody can open any more


class Origin(Enum):
    """Whose words a text is."""

    KIT = "kit"  # or the rubric's: with code between backticks
    MESSAGE = "message"  # untrusted, but lines of code between backticks are to be shown as code
    UNTRUSTED = "untrusted"  # a submission's, or an instructor's comment: plain text, whatever is in it


@dataclass(frozen=True)
class Span:
    """A piece of a line."""

    text: str
    source: Origin = Origin.KIT
    strong: bool = False


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading: 1 for the whole, 2 for a section, 3 for a part of one."""

    level: int
    line: Line
    block = "heading"


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    line: Line
    block = "paragraph"


@dataclass(frozen=True)
class TableRow:
    """A row of the table: what is judged, how it came out, and the points, "" for what has none."""

    name: str
    outcome: Line
    points: str


@dataclass(frozen=True)
class ChecksTable:
    """All checks and the manual items that have points."""

    rows: Sequence[TableRow]
    head: tuple[str, str, str] = ("check", "result", "points")
    block = "table"


@dataclass(frozen=True)
class Item:
    """An item of a list, with the layers that it is about, where it is about some."""

    line: Line
    layers: Sequence[Span] = ()


@dataclass(frozen=True)
class Items:
    """A list; `check` is the one whose layers are its subject, for who can draw them."""

    items: Sequence[Item]
    check: Check | None = None
    block = "items"


@dataclass(frozen=True)
class Layers:
    """The layers of a network that is as it should be, for who can draw them; there is nothing else to say of them."""

    check: Check
    block = "layers"


@dataclass(frozen=True)
class Printed:
    """What a script printed, in lines."""

    lines: Sequence[str]
    block = "printed"


Block = Heading | Paragraph | ChecksTable | Items | Layers | Printed


def content(result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> list[Block]:
    """Return all that a student is told, in order; `comment` is the instructor's."""
    blocks: list[Block] = [Heading(1, (_untrusted(assignment.course),)), Paragraph(_who(result))]
    if result.status in (SubmissionStatus.SUPERSEDED, SubmissionStatus.NOT_GRADED):
        why = (_strong("This zip was not graded"), Span(": "), _untrusted(result.problem), Span("."))
        return [*blocks, Paragraph(why)]
    blocks += [Paragraph(_score(result, marks)), *_lateness(result, marks)]
    if result.status == SubmissionStatus.GRADED:
        blocks += [_table(marks), *_right_layers(marks)]
        blocks += _what_to_look_at(marks, assignment)
        blocks += _to_be_settled(result, marks, assignment)
    blocks += [*_decided(marks, assignment), *_by_hand(result, marks, assignment)]
    return [*blocks, *_comment(comment), *_remarks(result)]


def _untrusted(text: str, strong: bool = False) -> Span:
    return Span(text, Origin.UNTRUSTED, strong)


def _message(text: str) -> Span:
    return Span(text, Origin.MESSAGE)


def _strong(text: str) -> Span:
    return Span(text, strong=True)


def _section(title: str, *blocks: Block) -> list[Block]:
    return [Heading(2, (Span(title),)), *blocks]


def _who(result: Result) -> Line:
    student = f"{result.name} {result.surname} ({result.id})".strip() if result.id else "Unknown student"
    when = f", handed in {result.submitted.replace('T', ' ')[:16]}" if result.time_source != "download" else ""
    return _untrusted(student), Span(": "), _untrusted(result.zip), Span(when)


def _score(result: Result, marks: Mark) -> Line:
    points = f"{marks.score:g} of {marks.max_score:g} points"
    if result.status == SubmissionStatus.REFUSED:
        return _strong(f"{points}: the zip could not be graded."), Span(" "), _untrusted(result.problem)
    if result.status == SubmissionStatus.CRASHED:
        why = " Grading this zip failed, which is not your fault; your instructor has been told."
        return _strong("Not graded yet."), Span(why)
    more = " Your instructor's points, for what no program could judge, are still to come." if marks.pending else ""
    return _strong(f"{points}."), Span(more)


def _lateness(result: Result, marks: Mark) -> list[Block]:
    if not result.late_seconds:
        return []
    cost = f"{marks.late_penalty:g} points, which are taken off above" if marks.late_penalty else "nothing"
    return [Paragraph((Span(f"It came {_time(result.late_seconds)} after the deadline. That cost {cost}."),))]


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1:
        minutes = math.ceil(seconds / 60)
        return f"{minutes} minute{'s' * (minutes != 1)}"
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"


def _table(marks: Mark) -> ChecksTable:
    rows = []
    for row in marks.checks:
        points = f"{row.points:g} of {row.max_points:g}" if row.max_points else ""
        rows.append(TableRow(row.check.name, _outcome(row.check, marks), points))
    by_hand = (Span("by your instructor"),)
    return ChecksTable(rows + [TableRow(name, by_hand, f"{points:g}") for name, points in marks.manual.items()])


def _outcome(check: Check, marks: Mark) -> Line:
    if check.name in marks.decisions:
        return (Span(SETTLED),)
    if check.status == Status.UNDECIDED:
        return (Span(SETTLED_LATER),)
    if check.status == Status.SKIPPED:
        return Span(f"{check.status}: "), _message(check.message)
    return (Span(str(check.status)),)


def _right_layers(marks: Mark) -> list[Block]:
    checks = [row.check for row in marks.checks if row.check.status == Status.PASSED]
    return [Layers(check) for check in checks if check.layers]


def _what_to_look_at(marks: Mark, assignment: Assignment) -> list[Block]:
    shared: dict[tuple[str, str], list[MarkedCheck]] = {}  # what keeps several scripts from running is told once
    for row in marks.checks:
        check = row.check
        if check.status == Status.FAILED and not (check.name in marks.decisions and row.points == row.max_points):
            group, subject = check.name.group, check.name.subject
            cause = without_place(check.message, subject) if group == "run" else check.name
            shared.setdefault((group, cause), []).append(row)
    wrong = [block for alike in shared.values() for block in _explain(alike, assignment)]
    return _section("What to look at", *wrong) if wrong else []


def _to_be_settled(result: Result, marks: Mark, assignment: Assignment) -> list[Block]:
    """Explain what the grader could not read, which costs nothing yet, to the student and the instructor."""
    blocks: list[Block] = []
    for check in undecided_checks(result, assignment, marks.decisions):
        points = Span(f" (up to {assignment.points[check.name]:g} points)")
        seen = Item((Span("Seen: "), _message(check.message)))
        blocks += [Heading(3, (_untrusted(check.name), points)), Items([seen, *_layers_found(check)], check)]
    explained = "The grader could not read this, which is no mistake of yours: it has no points yet, and costs none."
    return _section("To be settled by your instructor", Paragraph((Span(explained),)), *blocks) if blocks else []


def _decided(marks: Mark, assignment: Assignment) -> list[Block]:
    """Explain what the instructor decided in place of the checks, and why."""
    items = []
    for name, decision in marks.decisions.items():
        points = f"{decision.points:g} points are taken off" if name == MALUS else f"{decision.points:g}"
        maximum = f" of {assignment.points[name]:g}" if name in assignment.points else ""
        items.append(Item((_untrusted(name, strong=True), Span(f", {points}{maximum}: "), _untrusted(decision.reason))))
    return _section("Settled by your instructor", Items(items)) if items else []


def _explain(alike: list[MarkedCheck], assignment: Assignment) -> list[Block]:
    """Write the part about failed checks with the same message."""
    check = alike[0].check
    expected, to_do = guide(check.name, assignment)
    layers = LAYERS[check.name.subject] if check.name.group == "architecture" else []
    items = [Item((Span(f"Expected: {expected}"),), [Span(str(layer)) for layer in layers])] if expected else []
    items += [Item((Span("Found: "), _message(check.message))), *_layers_found(check)]
    items += [Item((Span(f"What to do: {to_do}"),))] if to_do else []
    head = [span for place, row in enumerate(alike) for span in (Span(", " * (place > 0)), *_with_points(row))]
    blocks: list[Block] = [Heading(3, tuple(head)), Items(items, check)]
    if check.log.strip():
        printed = Printed(last_lines(_GONE.sub("", check.log), LOG_LINES))
        blocks += [Paragraph((Span("What it printed:"),)), printed]
    return blocks


def _layers_found(check: Check) -> list[Item]:
    layers = [_untrusted(layer) for layer in check.layers]
    return [Item((Span("The layers found:"),), layers)] if layers else []


def _with_points(row: MarkedCheck) -> Line:
    points = f" ({row.points:g} of {row.max_points:g} points)" if row.max_points else ""
    return _untrusted(row.check.name), Span(points)


def _dropout(script: str) -> str:
    """Say where dropout goes, which is no layer of its own in the list; "" for a network without it."""
    layers = LAYERS[script]
    return f", with dropout after layer {layers.index(DROPPED) + 1}, in training only" if DROPPED in layers else ""


def guide(name: CheckId, assignment: Assignment) -> tuple[str, str]:
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
            f"deep_mnist without {REMOVED[subject]}, all else as it was{_dropout(subject)}:",
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


def _by_hand(result: Result, marks: Mark, assignment: Assignment) -> list[Block]:
    """Tell the manual items, those that have points first."""
    items = []
    for item in assignment.manual:
        if item.name in marks.manual:
            items.append(Item((_untrusted(item.name, strong=True), *_given(item, marks))))
    for item in assignment.manual:
        if item.name in marks.pending and result.status == SubmissionStatus.GRADED:
            points = f", up to {item.points:g}, still to come: "
            items.append(Item((_untrusted(item.name, strong=True), Span(points), Span(item.text))))
    return _section("Your instructor's points", Items(items)) if items else []


def _given(item: ManualItem, marks: Mark) -> Line:
    """Return the points of an item, and what they are for; of a level, also what it stands for."""
    points = f", {marks.manual[item.name]:g} of {item.points:g}"
    level = item.level(marks.levels.get(item.name, ""))
    if level is None:
        return (Span(f"{points}: "), Span(item.text))
    return (Span(f"{points} ("), _untrusted(level.name), Span("): "), Span(level.text), Span(f" ({item.text})"))


def _comment(comment: str) -> list[Block]:
    return [Paragraph((Span("Your instructor's comment: "), _untrusted(comment)))] if comment else []


def _remarks(result: Result) -> list[Block]:
    remarks = [*result.remarks, *(remark for check in result.checks for remark in check.remarks)]
    return _section("Remarks", Items([Item((_untrusted(remark),)) for remark in remarks])) if remarks else []
