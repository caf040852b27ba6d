"""One student's feedback as a page, feedback.html: what feedback_content.py tells, with pictures of the layers.

The page is one file that asks nobody for anything: no script, no link out, its style within, and a policy that holds
the browser to that. It reads on a telephone, in light and dark, and on paper. Jinja escapes whatever it is given; what
is untrusted is made printable before.
"""

import base64
import functools
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from grading.results.escaping import code_parts
from grading.results.feedback_content import Origin, Span, content
from grading.results.layers_picture import layers_picture
from grading.results.results import Mark, Result
from labkit.checks.assignment import Assignment
from labkit.checks.check import Check
from labkit.files import atomic_file
from labkit.text import printable

TEMPLATES = Path(__file__).resolve().parent / "templates"


def write_feedback_page(path: Path, result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> None:
    """Write the page, atomically; `comment` is the instructor's; raise WriteError where it can't be written."""
    with atomic_file(path) as file:
        file.write(feedback_html(result, marks, assignment, comment).encode())


def feedback_html(result: Result, marks: Mark, assignment: Assignment, comment: str = "") -> str:
    """Return the page, in which everything that comes from the submission is text."""
    return _template().render(
        title=printable(f"{result.name} {result.surname}: {assignment.course}".strip(": ")),
        blocks=content(result, marks, assignment, comment),
    )


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = (TEMPLATES / "feedback.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {"style": Markup(style), "style_hash": Markup(f"sha256-{digest}")}
    environment.filters |= {"printable": printable, "code_parts": _code_parts, "picture": _picture}
    environment.tests["untrusted"] = _is_untrusted
    return environment.get_template("feedback.html")


def _is_untrusted(span: Span) -> bool:
    return span.source is Origin.UNTRUSTED


def _code_parts(span: Span) -> list[str]:
    return code_parts(printable(span.text))


def _picture(check: Check | None) -> Markup:
    return layers_picture(check) if check else Markup("")
