"""Fills a gradebook that was downloaded as a table; where things are in it, each system's module says."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from grading.layout import FEEDBACK_PAGE
from grading.results.export import texts
from grading.results.export.graded import Graded, listed
from grading.results.export.job import Exported, ExportError, ExportJob
from grading.results.export.matching import Entry, match
from grading.results.export.tables import Gradebook, number, written
from labkit.files import atomic_file
from labkit.text import counted, quoted

FEEDBACK_ZIP = "feedback.zip"
_ALWAYS = (1980, 1, 1, 0, 0, 0)  # the time of every file in the zip: the same marks make the same bytes


def _nobody(student: Graded) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True)
class Layout:
    """Where things are in a gradebook's table.

    `grade` is the column for the marks, `maximum` the points that the gradebook gives for it, `comments` the column
    for a student's lines in HTML, None without one. `also` are cells, by column, to be set in every row that gets a
    mark. `locked` are rows in which the system takes no mark, with what they say of it. `keep` are contents of the
    mark's cell, in small letters, that are no marks and stay. `keys_of` returns by which keys the system knows a
    student. `feedback_path` returns the place of a student's feedback in `feedback.zip`, "" where the system could not
    tell whose it is; it is None for a system that takes no such zip.
    """

    entries: list[Entry]
    grade: int
    maximum: float
    comments: int | None = None
    also: Mapping[int, str] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    locked: Mapping[int, str] = field(default_factory=dict)
    keys_of: Callable[[Graded], frozenset[str]] = _nobody
    feedback_path: Callable[[Graded, Entry], str] | None = None


def fill(job: ExportJob, table: Gradebook, layout: Layout) -> Exported:
    """Write the table with the marks in it, and the feedback; raise ExportError where nobody is found in it."""
    matched = match(job.graded.marked, layout.entries, layout.keys_of)
    if not matched.rows:
        raise ExportError(
            f"none of the {len(job.graded.marked)} students with a mark is in {table.path}: is it of this course and "
            "this assignment?" + "".join(f"\n{line}" for line in listed(matched.left_out))
        )
    given, left_out, cells = [], list(matched.left_out), {}
    for entry, student in matched.rows:
        before = table.at(entry.row, layout.grade).strip()
        new = _cells(job, layout, entry, student)
        mark = new[entry.row, layout.grade]
        if entry.row in layout.locked:
            left_out.append(f"{student.who}: {entry.label} {layout.locked[entry.row]}; the mark would be {mark}")
        elif before.lower() in layout.keep:
            left_out.append(
                f"{student.who}: {entry.label} says {quoted(before)}, which stays; the mark would be {mark}"
            )
        else:
            given.append((entry, student))
            cells |= new
    path = job.folder / table.path.name
    with atomic_file(path) as file:
        file.write(table.with_cells(cells))
    lines = [f"{path}: {len(given)} marks in the column {quoted(table.head[layout.grade])}", *_scaled(job, layout)]
    if others := len(layout.entries) - len(given):
        lines.append(f"{counted(others, 'other row')} of the gradebook: as before")
    lines += _replaced(table, layout, given, cells)
    if layout.feedback_path:
        lines += _write_feedback(job, given, layout.feedback_path)
    return Exported(lines, left_out)


def _cells(job: ExportJob, layout: Layout, entry: Entry, student: Graded) -> dict[tuple[int, int], str]:
    """Return what a student's row gets, by (row, column)."""
    factor = layout.maximum / job.graded.maximum
    mark = written(student.marks.score * factor)
    cells = {**layout.also, layout.grade: mark}
    if layout.comments is not None:
        in_gradebook = "" if factor == 1 else f"{mark} of {written(layout.maximum)}"
        cells[layout.comments] = texts.html(texts.summary(student, job.graded, in_gradebook))
    return {(entry.row, column): text for column, text in cells.items()}


def _replaced(
    table: Gradebook, layout: Layout, given: list[tuple[Entry, Graded]], cells: Mapping[tuple[int, int], str]
) -> list[str]:
    """Tell of marks and comments that were there already, and that others take the place of."""
    lines = []
    for entry, student in given:
        before, mark = table.at(entry.row, layout.grade).strip(), cells[entry.row, layout.grade]
        if before not in ("", "-") and number(before) != number(mark):
            lines.append(f"{student.who}: {before} becomes {mark}")
        if layout.comments is not None:
            comment = table.at(entry.row, layout.comments).strip()
            if comment not in ("", cells[entry.row, layout.comments]):
                lines.append(f"{student.who}: the comment that was there")
    return [f"{len(lines)} cells were filled already, and are replaced:", *listed(lines)] if lines else []


def _scaled(job: ExportJob, layout: Layout) -> list[str]:
    """Tell the factor, where the gradebook has other points than the assignment."""
    if layout.maximum == job.graded.maximum:
        return []
    factor = layout.maximum / job.graded.maximum
    return [
        f"the gradebook has {written(layout.maximum)} points and the assignment {written(job.graded.maximum)}: every "
        f"mark is multiplied by {factor:.6g}, and rounded to two decimals"
    ]


def _write_feedback(
    job: ExportJob, given: list[tuple[Entry, Graded]], path_of: Callable[[Graded, Entry], str]
) -> list[str]:
    """Write the zip of the feedback; tell how many are in it, and whose can't be."""
    paths = {path: student for entry, student in given if (path := path_of(student, entry))}
    lines = []
    if paths:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, student in paths.items():
                content = texts.feedback(student).encode()
                _add(archive, path, _zipped(content) if path.endswith(".zip") else content)
        with atomic_file(job.folder / FEEDBACK_ZIP) as file:
            file.write(buffer.getvalue())
        lines.append(f"{job.folder / FEEDBACK_ZIP}: the feedback of {len(paths)}")
    by_hand = [student.who for entry, student in given if not path_of(student, entry)]
    if by_hand:
        lines += [
            f"the system can't tell whose the feedback of {len(by_hand)} is; return it by hand:",
            *listed(by_hand),
        ]
    return lines


def _add(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(path, _ALWAYS), content, zipfile.ZIP_DEFLATED)


def _zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, FEEDBACK_PAGE, content)
    return buffer.getvalue()
