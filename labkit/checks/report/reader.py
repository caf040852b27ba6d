"""Reads a report, and all that a pattern can find in its text; runs in the sandbox.

    python -m labkit.checks.report.reader report.pdf report_template.md found.json

A text can be made to keep a search busy for hours, as a PDF its reader, so the searching is done here, too, under the
sandbox's limits. What comes out is JSON (rules.Reading): either "found", with the fields of rules.Found, or "unread",
with those of rules.Unread.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from labkit.checks.report.accuracies import find_accuracies
from labkit.checks.report.methods import find_methods
from labkit.checks.report.text import BadReport, read_pdf, template_prompts_left
from labkit.formats import FORMAT

INTRODUCTION = re.compile(
    r"^\W{0,8}(?:\d|I)?[.)]?\s{0,4}(?:introd|motivation|motivazion|overview|background|premess|purpose"
    r"|aim\b|the task|einleitung|einf(?:ü|ue)hrung|aufgabe|scopo|obiettiv|objetiv|objecti"
    r"|введение|引言|绪论|介绍|简介|前言)",
    re.IGNORECASE | re.MULTILINE,
)
OPENING = re.compile(  # what a text says of itself in its first words, whatever stands above them
    r"\b(?:this|our|my|the) (?:report|paper|text|project|work|assignment|study|essay)\b"
    r"|\b(?:aim|goal|purpose|question) (?:of|is)\b"
    r"|\b(?:i|we) (?:want|wanted|look|looked|study|studied|ask|asked|investigate\w*|examine\w*)\b"
    r"|\b(?:dieser?|diesem|diese) (?:bericht|arbeit|projekt|versuch)|\b(?:questo|questa) (?:relazione|progetto|lavoro)"
    r"|\b(?:este|esta) (?:informe|trabajo|proyecto)|\b(?:ce|cette) (?:rapport|travail|projet|[ée]tude)",
    re.IGNORECASE,
)
OPENING_WORDS = 120


def _has_introduction(text: str) -> bool:
    """Tell whether a heading names an introduction, or the text begins with what it is about."""
    return bool(
        INTRODUCTION.search(text) or OPENING.search(" ".join(text.split(maxsplit=OPENING_WORDS)[:OPENING_WORDS]))
    )


def find_all(pdf: Path, template: str) -> dict[str, Any]:
    """Return what is in the PDF: fields of rules.Found, or of rules.Unread; `template` is the report's, as text."""
    try:
        report = read_pdf(pdf)
    except BadReport as error:
        return {"problem": str(error), "undecided": error.undecided, "remarks": list(error.remarks)}
    stated = find_accuracies(report.text)
    return {
        "pages": report.pages,
        "text": report.text,
        "introduction": _has_introduction(report.text),
        "methods": find_methods(report.text),
        "accuracies": stated.placed,
        "loose": stated.loose,
        "prompts": template_prompts_left(report.text, template),
        "hidden": report.hidden,
        "doubtful": report.doubtful,
        "why": list(report.why),
        "illegible": report.illegible,
    }


def main() -> None:
    """Read the files that the command line names, and write what was found to the last of them."""
    pdf, template, destination = map(Path, sys.argv[1:])
    contents = find_all(pdf, template.read_text(encoding="utf-8"))
    record = {"format": FORMAT, "unread" if "problem" in contents else "found": contents}
    destination.write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main()
