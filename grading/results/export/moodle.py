"""Moodle: the offline grading worksheet of an assignment, and the zip of "Upload multiple feedback files in a zip".

What Moodle does with them, by its source (github.com/moodle/moodle, mod/assign/):

- feedback/offline/importgradeslib.php: the first column ends with the participant's number, by which a row finds its
  student; the columns are known by their heads in the language of the site, so these stay as they are.
- feedback/offline/locallib.php: a mark is a number with a point (or the site's comma), and one above the maximum is
  left out; so is a row that was graded later than the worksheet says, unless the box for that is ticked. A comment
  that differs replaces the one that is there, an empty one, too; so rows without a mark of ours are not touched.
- gradingtable.php: the order of the columns. "Maximum grade" comes right behind "Grade"; the time of the last grading
  comes before the columns of the feedback; of somebody without a submission or a grade it says "-".
- feedback/comments/locallib.php: a comment is HTML.
- feedback/file/importziplib.php: a path in the zip has a part `NAME_NUMBER_assignsubmission_file_`, split at its
  underscores, so NAME has none; hidden files are left out. Behind it is any file; feedback/file/lib.php has the browser
  save it, never show it, so a page is opened from the student's own disk.

The language can be any, so the columns are found by their places and what is in them.
"""

import re
from collections import Counter

from anyascii import anyascii

from grading.layout import FEEDBACK_PAGE
from grading.results.export.gradebook import Layout, fill
from grading.results.export.graded import Graded
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Gradebook, find_column, number
from labkit.text import quoted

NO_GRADE = ("", "-")
_PARTICIPANT = re.compile(r"\D*?(\d+)")  # "Participant 1234567", in any language
_DATE = re.compile(r"\d{4}|\d+[./]\d+[./]\d+")  # has a year of four digits, or is as spreadsheets rewrite it
_NO = [
    "no",
    "nein",
    "non",
    "nao",
    "nie",
    "ne",
    "nee",
    "nej",
    "nei",
    "ei",
    "nem",
    "nu",
    "hayir",
    "net",
    "ni",
    "iie",
    "aniyo",
    "fou",
    "ochi",
]  # in ASCII letters
_LONGEST_DATE = 60  # characters


def export(job: ExportJob) -> Exported:
    """Fill the worksheet, and write the zip of the feedback."""
    table = Gradebook(job.table)
    layout = _layout(table, job)
    outcome = fill(job, table, layout)
    lines = outcome.lines
    if layout.comments is None:
        lines.append('the worksheet has no column for comments: the setting "Feedback comments" is off')
    if table.separator != "," or not table.encoding.startswith("utf-8"):
        names = {",": "comma", ";": "semicolon", "\t": "tab"}
        lines.append(
            f"{table.path} was saved by a spreadsheet program: when you upload it, choose the separator "
            f"{names[table.separator]} and the encoding {table.encoding}"
        )
    return Exported(lines, outcome.left_out)


def _layout(table: Gradebook, job: ExportJob) -> Layout:
    if not table.body:
        raise ExportError(f"{table.path} has no row below its first one: download it with its students")
    participants = [_PARTICIPANT.fullmatch(text) for text in table.column(0)]
    numbers = [match[1] for match in participants if match]
    if len(set(numbers)) < len(table.body):
        raise ExportError(
            f"{table.path} is no grading worksheet of Moodle: its first column should have a number of its own in each "
            'row, as in "Participant 1234567"'
        )
    grade = find_column(table, job.column, "--column") if job.column else _grade_column(table)
    maxima = {number(text) for text in table.column(grade + 1)}
    maximum = maxima.pop() if len(maxima) == 1 else None
    if not maximum:
        raise ExportError(
            f"{table.path}: behind the column {quoted(table.head[grade])} there should be the maximum, the same number "
            "in each row; an assignment that is graded on a scale of words can't be filled with points"
        )
    entries = [_entry(table, row, participant, grade) for row, participant in zip(table.body, numbers, strict=True)]
    _refuse_another_assignment(table, entries, job.graded.marked)
    return Layout(
        entries=entries,
        grade=grade,
        maximum=maximum,
        comments=_comments_column(table, grade + 1, job.comments),
        locked=_locked(table, grade + 2),
        keys_of=_keys_of,
        feedback_path=feedback_path,
    )


def _refuse_another_assignment(table: Gradebook, entries: list[Entry], students: list[Graded]) -> None:
    """Raise ExportError where no participant's number is in the worksheet: each assignment has its own."""
    participants = frozenset().union(*map(_keys_of, students))
    if participants and not any(entry.keys & participants for entry in entries):
        raise ExportError(
            f"{table.path} has none of the participants of the submissions, such as {min(participants)}: it is the "
            "worksheet of another assignment; download that of this one"
        )


def _entry(table: Gradebook, row: int, participant: str, grade: int) -> Entry:
    """Read a row: between the participant and the grade are the name, unless marking is blind, and other fields."""
    cells = [table.at(row, column).strip() for column in range(1, grade)]
    named = table.at(row, 1).strip()
    name = "" if re.search(r"[@\d]", named) else named
    return Entry(row, ids=normal(cells), keys=normal([participant]), name=name)


def _grade_column(table: Gradebook) -> int:
    """Find the grade: the next column has one number in all rows, and in this one no number is above that."""
    columns = []
    for column in range(1, len(table.head) - 1):
        maxima = {number(text) for text in table.column(column + 1)}
        maximum = maxima.pop() if len(maxima) == 1 else None
        if maximum and all(_is_grade(text, maximum) for text in table.column(column)):
            columns.append(column)
    if len(columns) == 1:
        return columns[0]
    heads = ", ".join(quoted(table.head[column]) for column in columns)
    why = f"may be any of {heads}" if columns else "is none that a maximum comes behind, the same in each row"
    raise ExportError(
        f"{table.path}: the column of the grade {why}; name it with --column HEAD, or download the worksheet again"
    )


def _is_grade(text: str, maximum: float) -> bool:
    value = number(text)
    return text in NO_GRADE or (value is not None and 0 <= value <= maximum)


def _comments_column(table: Gradebook, maximum: int, head: str) -> int | None:
    """Find the comments: the one column behind the time of the last grading; None where there is none behind it."""
    if head:
        return find_column(table, head, "--comments")
    dates = [column for column in range(maximum + 1, len(table.head)) if all(map(_is_date, table.column(column)))]
    behind = range(max(dates) + 1, len(table.head)) if dates else range(0)
    if dates and len(behind) <= 1:
        return behind[0] if behind else None
    heads = ", ".join(quoted(text) for text in table.head[maximum + 1 :])
    raise ExportError(
        f"{table.path}: the column of the comments may be any of {heads}; name it with --comments HEAD, or download "
        "the worksheet again"
    )


def _locked(table: Gradebook, column: int) -> dict[int, str]:
    """Find the rows whose grade can't be changed, by the column behind the maximum: Moodle skips them.

    It has one of two words, in the language of the site: "No", or where that is not known the rarer one.
    """
    words = Counter(text for row in table.body if not _is_date(text := table.at(row, column).strip()) and text)
    if not words or len(words) > 2:
        return {}
    denied = [word for word in words if anyascii(word).lower() in _NO]
    if not denied and len(words) == 2:
        denied = [min(words, key=words.__getitem__)]
    says = f"says that its grade can't be changed ({quoted(table.head[column])})"
    return {row: says for row in table.body if table.at(row, column).strip() in denied}


def _is_date(text: str) -> bool:
    return text == "-" or (len(text) <= _LONGEST_DATE and bool(_DATE.search(text)))


def _keys_of(student: Graded) -> frozenset[str]:
    """Return the participant's number, which the download has in the names of its folders."""
    return normal([student.key_in("moodle")])


def feedback_path(student: Graded, entry: Entry) -> str:
    """Return the place of a student's feedback in the zip, by the participant's number in the row."""
    (participant,) = entry.keys
    words = re.sub(r"[^\w' -]|_", " ", f"{student.result.name} {student.result.surname}").split()
    return f"{' '.join(words) or 'Participant'}_{participant}_assignsubmission_file_/{FEEDBACK_PAGE}"


TARGET = Target(
    source="the grading worksheet, Grades-….csv",
    writes="the worksheet with marks and comments, and feedback.zip",
    export=export,
)
