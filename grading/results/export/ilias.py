"""ILIAS: the status file of an exercise, and the zip of its multiple feedback.

By their source: the status file is that of the plugin ExerciseStatusFile (github.com/ilifau/ExerciseStatusFile,
classes/class.ilPluginExAssignmentStatusFile.php): the columns update, usr_id, login, lastname, firstname, status,
mark, notice, comment and two for plagiarism, all of them needed; commas or semicolons; only rows with a 1 in update
are read. A status is notgraded, passed or failed: which mark passes is the course's to say, so the column stays as it
is. ILIAS itself has the multiple feedback (Modules/Exercise, class.ilExAssignment.php, uploadMultiFeedbackFile): a
folder whose name begins with multi_feedback, and in it one for each student, lastname_firstname_login_id in ASCII,
with any files. What a site's settings forbid, where .html is on no list by default, is renamed to .sec there
(Services/Utilities, class.ilFileUtils.php, renameExecutables).
"""

import re

from grading.layout import FEEDBACK_PAGE
from grading.results.export.gradebook import Layout, fill
from grading.results.export.graded import Graded
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Gradebook, written

HEADS = ("update", "usr_id", "login", "lastname", "firstname", "status", "mark", "notice", "comment")
FOLDER = "multi_feedback"


def export(job: ExportJob) -> Exported:
    """Fill the status file, and write the zip of the feedback."""
    table = Gradebook(job.table)
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
        own = _download_folder(student)
        if _endings(own) & entry.keys:
            return f"{FOLDER}/{own}/{FEEDBACK_PAGE}"
        folder = "_".join(cells(entry.row, "lastname", "firstname", "login", "usr_id"))
        # Other letters ILIAS spells in a way of its own: rather by hand than into a folder that it does not know.
        return f"{FOLDER}/{folder}/{FEEDBACK_PAGE}" if re.fullmatch(r"[\w .'-]+", folder, re.ASCII) else ""

    entries = [
        Entry(
            row,
            ids=normal(cells(row, "login")),
            keys=normal([*cells(row, "login"), "_".join(cells(row, "login", "usr_id"))]),
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
    return Exported([*outcome.lines, points], outcome.left_out)


def _keys_of(student: Graded) -> frozenset[str]:
    """Return the user's login, and login and number as the student's folder in the download ends with them."""
    return normal([student.key_in("ilias")]) | _endings(_download_folder(student))


def _download_folder(student: Graded) -> str:
    """Return the name of the folder in which it came in: Lastname_Firstname_login_number if it is ILIAS's."""
    parts = student.result.zip.split("/")
    return parts[-2] if len(parts) > 1 else ""


def _endings(folder: str) -> frozenset[str]:
    """Return what login and number may be in a folder's name: a login may have underscores, too."""
    parts = folder.split("_")
    return normal("_".join(parts[n:]) for n in range(2, len(parts) - 1)) if parts[-1].isdecimal() else frozenset()


TARGET = Target(
    source="status.csv of the multiple feedback's download",
    writes="the status file with marks, and feedback.zip",
    export=export,
)
