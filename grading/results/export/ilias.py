"""ILIAS: the status file of an exercise, and the zip of its multiple feedback.

By their source: the status file is that of the plugin ExerciseStatusFile (github.com/ilifau/ExerciseStatusFile,
classes/class.ilPluginExAssignmentStatusFile.php): the columns update, usr_id, login, lastname, firstname, status,
mark, notice, comment and two for plagiarism, all of them needed; commas or semicolons; only rows with a 1 in update
are read. A status is notgraded, passed or failed: which mark passes is the course's to say, so the column stays as it
is. ILIAS itself has the multiple feedback (Modules/Exercise, class.ilExAssignment.php, uploadMultiFeedbackFile): a
folder whose name begins with multi_feedback, and in it one for each student, lastname_firstname_login_id in ASCII.
"""

import re

from grading.results.export.gradebook import Layout, fill
from grading.results.export.graded import Graded
from grading.results.export.job import ExportError, Job, Outcome, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Table, written
from grading.results.results import FEEDBACK

HEADS = ("update", "usr_id", "login", "lastname", "firstname", "status", "mark", "notice", "comment")
FOLDER = "multi_feedback"


def export(job: Job) -> Outcome:
    """Fill the status file, and write the zip of the feedback."""
    table = Table(job.table)
    missing = [head for head in HEADS if head not in table.head]
    if missing:
        raise ExportError(
            f"{table.path} is no status file of ILIAS: it has no column {', '.join(missing)}; take status.csv out of "
            "the multiple feedback's download"
        )
    column = {head: table.head.index(head) for head in HEADS}

    def cells(row: int, *heads: str) -> list[str]:
        return [table.at(row, column[head]).strip() for head in heads]

    def feedback_path(student: Graded, entry: Entry) -> str:
        user = _download_folder(student)
        if user and normal([f"user {user[1]}"]) <= entry.keys:
            return f"{FOLDER}/{user[0]}/{FEEDBACK}"
        folder = "_".join(cells(entry.row, "lastname", "firstname", "login", "usr_id"))
        # Other letters ILIAS spells in a way of its own: rather by hand than into a folder that it does not know.
        return f"{FOLDER}/{folder}/{FEEDBACK}" if re.fullmatch(r"[\w .'-]+", folder, re.ASCII) else ""

    entries = [
        Entry(
            row,
            ids=normal(cells(row, "login")),
            keys=normal(cells(row, "login")) | normal(f"user {number}" for number in cells(row, "usr_id")),
            name=" ".join(cells(row, "firstname", "lastname")),
        )
        for row in table.body
    ]
    outcome = fill(
        job,
        table,
        Layout(
            entries=entries,
            grade=column["mark"],
            maximum=job.graded.maximum,
            also={column["update"]: "1"},
            keys_of=_keys_of,
            feedback_path=feedback_path,
        ),
    )
    points = f"marks are points of {written(job.graded.maximum)}; the column status stays as it is: set it yourself"
    return Outcome([*outcome.lines, points], outcome.left_out)


def _keys_of(student: Graded) -> frozenset[str]:
    """Return the user's login, and the number with which the student's folder in the download ends."""
    folder = _download_folder(student)
    return normal([student.key_in("ilias"), f"user {folder[1]}" if folder else ""])


def _download_folder(student: Graded) -> re.Match[str] | None:
    """Return the student's folder in the download, whose name ends with the user's number, if it came in one."""
    parts = student.result.zip.split("/")
    return re.fullmatch(r".+_.+_.+_(\d+)", parts[-2]) if len(parts) > 1 else None


TARGET = Target(
    source="status.csv of the multiple feedback's download",
    writes="the status file with marks, and feedback.zip",
    export=export,
)
