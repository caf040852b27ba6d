"""What stands beside the marks in a student's view, a pane at a time: report, checks, networks, code, figures, log."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from grading.inside.trusted.shown_code import CodePiece, DiffRow
from grading.layout import STILL_REPORT
from grading.page.class_folder import ClassFolder, Student
from grading.results.feedback_content import guide
from grading.results.kept import read_code
from grading.results.layers_picture import layers_picture
from labkit.checks.assignment import NETWORKS, Assignment
from labkit.networks import FULL, TITLES

CONTEXT = 3  # equal lines that stay visible around a change
FEWEST_FOLDED = 8  # equal lines in a row that are worth folding
NOT_KEPT = "It was not kept: nothing of this submission could be graded, or an earlier version of the kit graded it."

# Classes of the style sheet for those of the tokens: comments, keywords, numbers, names, strings.
_COLOURS = {"c": "c", "k": "k", "o": "", "mi": "m", "s": "s", "sd": "s", "err": "", "": ""}
_KINDS = {" ": ("same", " "), "-": ("removed", "−"), "+": ("added", "+")}  # noqa: RUF001 # a minus, as wide as the plus


@dataclass(frozen=True)
class Line:
    """A row of a diff: the line's numbers in deep_mnist.py and in the script, and its pieces with their classes."""

    kind: str
    sign: str
    old: int | None
    new: int | None
    tokens: list[tuple[str, str]]


@dataclass(frozen=True)
class DiffPart:
    """Rows of a diff in a row; a long stretch without a change is folded."""

    folded: bool
    rows: list[Line]


@dataclass(frozen=True)
class Figures:
    """The accuracies of one network, as they are shown: "" for none."""

    title: str
    stated: str
    recorded: str
    band: str
    trained: str
    lowest: str


def contents(pane: str, student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    """Return what the template of a pane shows."""
    return _PANES[pane](student, assignment, folder)


def _report(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    is_kept = (folder.folder_of(student) / STILL_REPORT).is_file()
    return {"report": is_kept, "why": "" if is_kept else f"There is no report to be shown. {NOT_KEPT}"}


def _checks(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    rows = student.marks.checks
    expected = {str(row.check.name): guide(row.check.name, assignment)[0] for row in rows}
    return {"rows": rows, "expected": expected}


def _networks(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    checks = [row.check for row in student.marks.checks if row.check.name.group == "architecture"]
    return {"networks": [(check.name.subject, check, layers_picture(check)) for check in checks]}


def _code(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    code = read_code(folder.folder_of(student))
    scripts = code.scripts if code else {}
    parts = [(name, script.problem, list(_parts(script.rows))) for name, script in sorted(scripts.items())]
    return {"scripts": parts, "why": "" if scripts else f"There is no code to be shown. {NOT_KEPT}"}


def _parts(rows: Iterable[DiffRow]) -> Iterable[DiffPart]:
    """Split a diff where a long stretch without a change begins or ends, some lines from the change."""
    stretches = [(same, list(group)) for same, group in itertools.groupby(rows, lambda row: row.kind == " ")]
    visible: list[Line] = []
    for number, (same, group) in enumerate(stretches):
        lines = [_line(row) for row in group]
        before = CONTEXT if number else 0
        after = CONTEXT if number < len(stretches) - 1 else 0
        if not same or len(lines) - before - after < FEWEST_FOLDED:
            visible += lines
            continue
        visible += lines[:before]
        if visible:
            yield DiffPart(False, visible)
        yield DiffPart(True, lines[before : len(lines) - after])
        visible = lines[len(lines) - after :] if after else []
    if visible:
        yield DiffPart(False, visible)


def _line(row: DiffRow) -> Line:
    kind, sign = _KINDS[row.kind]
    return Line(kind, sign, row.old, row.new, [_coloured(piece) for piece in row.pieces])


def _coloured(piece: CodePiece) -> tuple[str, str]:
    return _COLOURS.get(piece.token_class, "n"), piece.text


def _accuracies(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    values: dict[tuple[str, str], tuple[float, ...]] = {}
    for row in student.marks.checks:
        values |= {(one.source, one.network): one.values for one in row.check.accuracies}

    def figures(source: str, network: str) -> str:
        return ", ".join(f"{value:.4g}" for value in values.get((source, network), ()))

    rows = []
    for network in (FULL, *NETWORKS):
        low, high = assignment.bands[network]
        lowest = "" if network == FULL else f"{assignment.training.lowest:g}"
        rows.append(
            Figures(
                title=TITLES[network],
                stated=figures("report", network),
                recorded=figures("ablation.csv", network),
                band=f"{low:g} to {high:g}",
                trained=figures("training", network),
                lowest=lowest,
            )
        )
    if others := figures("report", ""):
        rows.append(Figures("of no network that could be told", others, "", "", "", ""))
    return {"accuracies": rows}


def _log(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    return {"logs": [row.check for row in student.marks.checks if row.check.log.strip()]}


def _feedback(student: Student, assignment: Assignment, folder: ClassFolder) -> dict[str, Any]:
    return {}


_PANES: dict[str, Callable[[Student, Assignment, ClassFolder], dict[str, Any]]] = {
    "report": _report,
    "checks": _checks,
    "networks": _networks,
    "code": _code,
    "accuracies": _accuracies,
    "log": _log,
    "feedback": _feedback,
}
