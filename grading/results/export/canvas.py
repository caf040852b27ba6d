"""Canvas: one column of the exported gradebook, and the zip for uploading submissions again with feedback.

What Canvas does with them, by its source (github.com/instructure/canvas-lms):

- lib/gradebook_importer.rb: the first row begins with Student and ID (or LastName, FirstName, ID) and has Section; its
  heads are English whatever the language. A row finds its student by ID, then by SIS User ID, then by SIS Login ID. The
  row with "Points Possible" has the maximum of each assignment, and "(read only)" where a column can't be imported. A
  mark may have a point or a comma. EX is an excused student. A head with the name of no assignment makes a new one.
- app/models/abstract_assignment.rb, infer_comment_context_from_filename: of the parts of a file's name between
  underscores the first two that are numbers are the user and an attachment of the submission. The file is shown to
  the student under that attachment's own name, so what takes the place of a zip has to be a zip, whatever is in it.
"""

import re

from grading.results.export.gradebook import Layout, fill
from grading.results.export.graded import Graded
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Gradebook, choose_column, number
from labkit.text import quoted

SCHOOL_IDS = ("SIS User ID", "SIS Login ID", "Integration ID")
STUDENT_COLUMNS = ("Student", "LastName", "FirstName", "ID", *SCHOOL_IDS, "Root Account", "Section")
POINTS, READ_ONLY = "points possible", "read only"
EXCUSED = frozenset({"ex"})
TEST_STUDENT = "student, test"
# NAME_USER_ATTACHMENT_FILE, with _LATE_ where it came late; anon_CODE_ATTACHMENT_FILE where marking is anonymous.
_FILE = re.compile(r"(?:[^_]+_(?:LATE_)?(?P<user>\d+)|(?:LATE_)?anon_(?:LATE_)?[^_]+)_\d+_.+", re.DOTALL)


def export(job: ExportJob) -> Exported:
    """Fill the column of the assignment, and write the zip of the feedback."""
    table = Gradebook(job.table)
    return fill(job, table, _layout(table, job.column))


def _layout(table: Gradebook, named: str) -> Layout:
    if "ID" not in table.head or "Section" not in table.head:
        raise ExportError(f"{table.path} is no gradebook of Canvas: its first row has no ID or no Section; export it")
    points = [row for row in table.body if POINTS in table.at(row, 0).lower()]
    if len(points) != 1:
        raise ExportError(f'{table.path} has {len(points)} rows "Points Possible", expected one: export it again')
    grade = choose_column(table, _titles(table, points[0]), named)
    maximum = number(table.at(points[0], grade))
    if not maximum:
        raise ExportError(
            f"{table.path}: {quoted(table.head[grade])} has no points possible; give the assignment some in Canvas, "
            "and export the gradebook again"
        )
    students = [row for row in table.body if row > points[0] and _is_student(table, row)]
    return Layout(
        entries=[_entry(table, row) for row in students],
        grade=grade,
        maximum=maximum,
        keep=EXCUSED,
        keys_of=_keys_of,
        feedback_path=_feedback_path,
    )


def _is_student(table: Gradebook, row: int) -> bool:
    return bool(table.at(row, table.head.index("ID")).strip()) and table.at(row, 0).strip().lower() != TEST_STUDENT


def _titles(table: Gradebook, points: int) -> dict[int, str]:
    """Return the columns that Canvas imports, with the names of their assignments."""
    return {
        column: _title(table.head[column])
        for column in range(table.head.index("Section") + 1, len(table.head))
        if READ_ONLY not in table.at(points, column).lower() and table.head[column] not in STUDENT_COLUMNS
    }


def _title(head: str) -> str:
    """Return the name of an assignment without its number: "MNIST lab (4711)"."""
    return re.sub(r"\s*\(\d+\)$", "", head)


def _entry(table: Gradebook, row: int) -> Entry:
    name = table.under(row, "Student") or f"{table.under(row, 'FirstName')} {table.under(row, 'LastName')}"
    ids = normal(table.under(row, head) for head in SCHOOL_IDS)
    return Entry(row, ids, keys=normal([f"user {table.under(row, 'ID')}"]), name=name)


def _keys_of(student: Graded) -> frozenset[str]:
    """Return the user's number in Canvas, which the download has in the names of its files."""
    users = [match["user"] for name in student.names if (match := _FILE.fullmatch(name)) and match["user"]]
    return normal(f"user {number}" for number in (student.key_in("canvas"), *users) if number.isdecimal())


def _feedback_path(student: Graded, entry: Entry) -> str:
    """Return the name of a zip of the student's in the download, in whose place a zip comes; "" without one."""
    zips = [name for name in student.names if _FILE.fullmatch(name) and name.endswith(".zip")]
    return zips[0] if zips else ""


TARGET = Target(
    source="the exported gradebook, ….csv",
    writes="the gradebook with one column filled, and feedback.zip",
    export=export,
)
