"""Brightspace: an exported grade item, filled and imported again.

By its help (community.d2l.com/brightspace/kb/articles/3538-importing-grades): a row finds its student by OrgDefinedId
or Username, which the export begins with a number sign; the column is called `MNIST lab Points Grade <Numeric
MaxPoints:100 …>`, and the last one, `End-of-Line Indicator`, has a number sign in each row. A mark above the maximum
is cut to it. There is no column for comments.
"""

import re

from grading.results.export.gradebook import Layout, fill
from grading.results.export.job import Exported, ExportError, ExportJob, Target
from grading.results.export.matching import Entry, normal
from grading.results.export.tables import Gradebook, choose_column, number
from labkit.text import quoted

IDS, END = ("OrgDefinedId", "Username"), "End-of-Line Indicator"
_ITEM = re.compile(r"(?P<title>.+) Points Grade <Numeric MaxPoints:(?P<points>[\d.,]+)[^>]*>")


def export(job: ExportJob) -> Exported:
    """Fill the column of the grade item."""
    table = Gradebook(job.table)
    return fill(job, table, _layout(table, job.column))


def _layout(table: Gradebook, named: str) -> Layout:
    if not set(IDS) & set(table.head) or END not in table.head:
        raise ExportError(
            f"{table.path} is no export of Brightspace's grades: it needs {' or '.join(IDS)}, and {END}; export again"
        )
    items = {column: match for column, head in enumerate(table.head) if (match := _ITEM.fullmatch(head))}
    grade = choose_column(table, {column: item["title"] for column, item in items.items()}, named)
    maximum = number(items[grade]["points"])
    if not maximum:
        raise ExportError(
            f"{table.path}: the item {quoted(table.head[grade])} has no points that can be read; give it some first"
        )
    return Layout([_entry(table, row) for row in table.body], grade, maximum)


def _entry(table: Gradebook, row: int) -> Entry:
    name = f"{table.under(row, 'First Name')} {table.under(row, 'Last Name')}"
    return Entry(row, normal(table.under(row, head).removeprefix("#") for head in IDS), name=name)


TARGET = Target(
    source="the exported grade item, ….csv",
    writes="the export with one column filled",
    export=export,
)
