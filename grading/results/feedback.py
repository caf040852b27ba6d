"""One student's feedback, as Markdown: what feedback_content.py tells, escaped for whatever makes a page of it."""

from collections.abc import Sequence
from pathlib import Path

from grading.results.escaping import fenced, markdown, message
from grading.results.feedback_content import (
    Block,
    ChecksTable,
    Heading,
    Item,
    Items,
    Layers,
    Line,
    Origin,
    Paragraph,
    Printed,
    Span,
    content,
)
from grading.results.results import Mark, Result
from labkit.checks.assignment import Assignment
from labkit.files import atomic_file


def write_feedback(path: Path, result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> None:
    """Write the feedback, atomically; `comment` is the instructor's; raise WriteError where it can't be written."""
    with atomic_file(path) as file:
        file.write(feedback(result, marks, assignment, comment).encode())


def feedback(result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> str:
    """Return the feedback's text, in which everything that comes from the submission is escaped."""
    written = map(_block, content(result, marks, assignment, comment))
    return "\n\n".join(filter(None, written)) + "\n"


def _block(block: Block) -> str:
    """Write a block; "" for what only a picture shows."""
    match block:
        case Heading():
            return f"{'#' * block.level} {_line(block.line)}"
        case Paragraph():
            return _line(block.line)
        case ChecksTable():
            return _table(block)
        case Items():
            return "\n".join(map(_item, block.items))
        case Printed():
            return fenced(block.lines)
        case Layers():
            return ""


def _table(table: ChecksTable) -> str:
    lines = [f"| {' | '.join(table.head)} |", "|---|---|---:|"]
    lines += [f"| {markdown(row.name)} | {_line(row.outcome)} | {row.points} |" for row in table.rows]
    return "\n".join(lines)


def _item(item: Item) -> str:
    return f"- {_line(item.line)}{_numbered(item.layers)}"


def _numbered(layers: Sequence[Span]) -> str:
    return "".join(f"\n  {number}. {_span(layer)}" for number, layer in enumerate(layers, 1))


def _line(line: Line) -> str:
    return "".join(map(_span, line))


def _span(span: Span) -> str:
    writers = {Origin.KIT: str, Origin.MESSAGE: message, Origin.UNTRUSTED: markdown}
    text = writers[span.source](span.text)
    return f"**{text}**" if span.strong else text
