r"""Blackboard Learn: a column of the gradebook, downloaded to work offline and uploaded again.

By its help (help.blackboard.com, "Work Offline with Grade Data"; the older library.blackboard.com, "Uploading External
Grade Center Items"): a row finds its student by Username and a column its item by the number behind the bar in its
head, `MNIST lab [Total Pts: 100 Score] |12345`; heads without one make a new column, without points. The file has
tabs (.xls, in fact a text in UTF-16) or commas with every cell in quotation marks. Of one column that is downloaded
with its comments, `Feedback to Learner` is for the student, in the format that `Feedback Format` names.
"""

import re

from grading.results.export.gradebook import Layout, fill
from grading.results.export.graded import Graded
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Gradebook, choose_column, number
from labkit.text import quoted

USERNAME, STUDENT_ID = "Username", "Student ID"
FEEDBACK, FORMAT = "Feedback to Learner", "Feedback Format"
_ITEM = re.compile(r"(?P<title>.*?) *\[[^\]\d]*(?P<points>\d+(?:[.,]\d+)?)[^\]]*\]\s*\|\s*\d+")


def export(job: ExportJob) -> Exported:
    """Fill the column of the assignment, and the student's feedback where the file has a column for it."""
    table = Gradebook(job.table)
    return fill(job, table, _layout(table, job.column))


def _layout(table: Gradebook, named: str) -> Layout:
    if USERNAME not in table.head:
        raise ExportError(f"{table.path} is no gradebook of Blackboard: it has no column {USERNAME}; download it again")
    items = {column: match for column, head in enumerate(table.head) if (match := _ITEM.fullmatch(head))}
    grade = choose_column(table, {column: item["title"] for column, item in items.items()}, named)
    maximum = number(items[grade]["points"])
    if not maximum:
        raise ExportError(
            f"{table.path}: the column {quoted(table.head[grade])} has no points that can be read; give it some first"
        )
    has_comments = {FEEDBACK, FORMAT} <= set(table.head)
    return Layout(
        entries=[_entry(table, row) for row in table.body],
        grade=grade,
        maximum=maximum,
        keys_of=_keys_of,
        comments=table.head.index(FEEDBACK) if has_comments else None,
        also={table.head.index(FORMAT): "HTML"} if has_comments else {},
    )


def _entry(table: Gradebook, row: int) -> Entry:
    name = f"{table.under(row, 'First Name')} {table.under(row, 'Last Name')}"
    login = table.under(row, USERNAME)
    return Entry(row, normal([login, table.under(row, STUDENT_ID)]), keys=normal([login]), name=name)


def _keys_of(student: Graded) -> frozenset[str]:
    return normal([student.key_in("blackboard")])


TARGET = Target(
    source="the downloaded column, gc_….xls or .csv",
    writes="the column with marks, and comments where it has a place for them",
    export=export,
)
