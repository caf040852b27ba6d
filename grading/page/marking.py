"""Writes what the instructor decides on the page into manual.csv, a field at a time, and nothing over another's work.

A field is a column for points, the comment, or one decision within the column for those. Each comes with the text that
the page showed: where the file has another by now, a spreadsheet or a second page wrote it, and it stays.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grading.page.sitting import Change, Sitting
from grading.results.manual import COMMENT, OVERRULE, add_rows, read_overrule, read_points
from grading.results.manual import FILE as MANUAL
from grading.results.manual_file import ChangedMeanwhile, ManualError, Sheet, read_sheet, save
from grading.results.overruling import MALUS, Decision, written_decisions
from grading.results.results import Result
from labkit.checks.assignment import Assignment, ManualItem

TRIES = 5  # where somebody else saves in the same moment


@dataclass(frozen=True)
class Edit:
    """A field with what the page showed in it, and what it shall hold."""

    field: str
    before: str
    after: str


@dataclass
class EditOutcome:
    """What became of edits, by field: those that were saved, mistakes in words, and what others have written there."""

    saved: list[Change] = field(default_factory=list)
    mistakes: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)
    in_file: dict[str, str] = field(default_factory=dict)  # of the edits that are in the file now, what it has


class Marking:
    """The fields of one submission's row of manual.csv."""

    def __init__(self, out: Path, result: Result, assignment: Assignment) -> None:
        self._file, self._result, self._assignment = out / MANUAL, result, assignment
        self._items = {item.name: item for item in assignment.manual}

    def texts(self, fields: Iterable[str], sheet: Sheet | None = None) -> dict[str, str]:
        """Return the fields' texts as the page shows them; raises KitError where the file can't be used."""
        sheet = sheet or read_sheet(self._file)
        decisions = self._decisions(sheet)
        return {name: self._text(name, sheet, decisions) for name in fields}

    def as_shown(self, name: str, text: str) -> str:
        """Return a text as the page shows it once it is in the file: "7,5" as "7.5", "4.0: why" as "4: why"."""
        if name in self._items:
            return points_text(text, self._items[name])
        try:
            return decision_text(self._decision(name, text)[name]) if text and name != COMMENT else text
        except ValueError:
            return text  # a mistake, which saving tells

    def save(self, edits: list[Edit], sitting: Sitting, *, typing: bool = False) -> EditOutcome:
        """Write the edits that can be; raises KitError where the file can't be read or written."""
        edits = [dataclasses.replace(edit, after=self.as_shown(edit.field, edit.after)) for edit in edits]
        edits = [edit for edit in edits if edit.after != edit.before]
        if edits:
            add_rows(self._file, [self._result], self._assignment.manual)  # a run that is under way has not yet
        for attempt in range(TRIES):
            sheet = read_sheet(self._file)
            outcome, cells = self._outcome(edits, sheet)
            if not cells:
                return outcome
            try:
                save(self._file, sheet.with_cells(self._result.folder, cells, self._result.zip), sheet.digest)
            except ChangedMeanwhile:
                if attempt == TRIES - 1:
                    raise
                continue
            sitting.note(outcome.saved, typing=typing)
            return outcome
        raise AssertionError("the last attempt raises")

    def _outcome(self, edits: list[Edit], sheet: Sheet) -> tuple[EditOutcome, dict[str, str]]:
        """Sort the edits by what can become of them; return the cells to be written, too."""
        outcome, cells = EditOutcome(), {}
        now = self.texts([edit.field for edit in edits], sheet)
        decisions = self._decisions(sheet)
        for edit in edits:
            if now[edit.field] == edit.after:
                outcome.in_file[edit.field] = edit.after
                continue
            if now[edit.field] != edit.before:
                outcome.conflicts[edit.field] = now[edit.field]
                continue
            try:
                if edit.field in self._items:
                    read_points(self._items[edit.field], edit.after)
                    cells[edit.field] = edit.after
                elif edit.field == COMMENT:
                    cells[COMMENT] = edit.after
                else:
                    decisions = self._with_decision(decisions, edit)
                    cells[OVERRULE] = written_decisions(decisions)
            except ValueError as error:
                outcome.mistakes[edit.field] = str(error)
                continue
            outcome.in_file[edit.field] = edit.after
            outcome.saved.append(Change(self._result.folder, edit.field, edit.before, edit.after))
        return outcome, cells

    def _with_decision(self, decisions: dict[str, Decision], edit: Edit) -> dict[str, Decision]:
        others = {name: decision for name, decision in decisions.items() if name != edit.field}
        if not edit.after:
            return others
        return others | self._decision(edit.field, edit.after)

    def _decision(self, name: str, text: str) -> dict[str, Decision]:
        """Read one decision; raise ValueError for what is none, or for another one in its reason."""
        read = read_overrule(f"{name} = {text}", self._assignment.points)
        if list(read) != [name]:
            others = ", ".join(read.keys() - {name})
            raise ValueError(f"the reason has another decision in it, for {others}: leave that out")
        return read

    def _decisions(self, sheet: Sheet) -> dict[str, Decision]:
        try:
            return read_overrule(self._cell(sheet, OVERRULE), self._assignment.points)
        except ValueError as error:
            raise ManualError(f"{self._file}, {OVERRULE}: {error}") from error

    def _cell(self, sheet: Sheet, column: str) -> str:
        return sheet.text(self._result.folder, column, self._result.zip)

    def _text(self, name: str, sheet: Sheet, decisions: dict[str, Decision]) -> str:
        if name in self._items:
            return points_text(self._cell(sheet, name), self._items[name])
        if name == COMMENT:
            return self._cell(sheet, COMMENT)
        return decision_text(decisions.get(name))


def points_text(cell: str, item: ManualItem) -> str:
    """Return a cell of points as the page has it: a level's name as in the assignment, a number with a point."""
    level = item.level(cell)
    return level.name if level else cell.strip().replace(",", ".")


def decision_text(decision: Decision | None) -> str:
    """Return a decision as the page has it, "10: the reason"; "" for none."""
    return f"{decision.points:g}: {decision.reason}" if decision else ""


def is_field(name: str, assignment: Assignment) -> bool:
    """Tell whether a name is that of something that the instructor may write."""
    return name in (COMMENT, MALUS, *(item.name for item in assignment.manual)) or bool(assignment.points.get(name))


def undo(out: Path, result: Result, assignment: Assignment, sitting: Sitting) -> EditOutcome:
    """Take the last change back, which is the result's, if what it wrote is still there."""
    last = sitting.undo[-1]
    outcome = Marking(out, result, assignment).save([Edit(last.field, last.after, last.before)], Sitting())
    sitting.note_undone(last, done=bool(outcome.saved))
    return outcome


def lost(out: Path, results: dict[str, Result], assignment: Assignment, sitting: Sitting, sheet: Sheet) -> list[Change]:
    """List what was saved here, and is otherwise in the file by now: `before` is what the file has."""
    changes = []
    for (folder, name), text in sitting.saved.items():
        if folder in results and is_field(name, assignment):  # items come and go
            marking = Marking(out, results[folder], assignment)
            now = marking.texts([name], sheet)[name]
            if now != marking.as_shown(name, text):
                changes.append(Change(folder, name, now, text))
    return changes
