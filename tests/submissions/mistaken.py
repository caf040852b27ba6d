"""Everyday mistakes of students in their copies of deep_mnist.py, and the message for each.

mistakes.txt has a section for each: "= name: model_no1 from deep_mnist", the script and what it is an edit of; "> ",
then words of the message that leads to the fix, or nothing for what is no mistake; and the edits, as in `written`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.submissions import ROOT
from tests.submissions.written import edited

FILE = Path(__file__).with_name("mistakes.txt")
HEAD = re.compile(r"= (\w+): (model_no\d) from (\w+)")


@dataclass(frozen=True)
class Mistake:
    """A script with a mistake in it; `message` are words of its message, "" without one."""

    name: str
    script: str
    source: str
    message: str


def read_all() -> list[Mistake]:
    """Read all mistakes, in the order of the file."""
    sections: list[list[str]] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            sections.append([])
        sections[-1].append(line)
    return [_read(*section) for section in sections]


def _read(head: str, message: str, *edits: str) -> Mistake:
    found = HEAD.fullmatch(head)
    assert found, head
    name, script, reference = found.groups()
    lines = (ROOT / f"{reference}.py").read_text(encoding="utf-8").split("\n")
    return Mistake(name, script, "\n".join(edited(lines, list(edits))), message.removeprefix(">").strip())
