"""Reads a report, and all that a pattern can find in its text; runs in the sandbox.

    python -m grading.report_reader report.pdf report_template.md found.json

A text can be made to keep a search busy for hours, as a PDF its reader, so the searching is done here, too, under the
sandbox's limits. What comes out is JSON: the fields of report_rules.Found, or {"problem": "..."} for the student.
"""

import json
import re
import sys
from pathlib import Path

from grading.report_text import BadReport, accuracies, methods_treated, read_pdf, template_prompts_left

INTRODUCTION = re.compile(
    r"^\W{0,8}(?:\d|I)?[.)]?\s{0,4}(?:introd|motivation|motivazion|overview|background|premess|purpose|aim\b|the task)",
    re.IGNORECASE | re.MULTILINE,
)


def find_all(pdf, template):
    """What is in the PDF, as a dict that JSON can hold; `template` is the text of the report's template."""
    try:
        report = read_pdf(pdf)
    except BadReport as error:
        return {"problem": str(error)}
    return {
        "pages": report.pages,
        "text": report.text,
        "introduction": bool(INTRODUCTION.search(report.text)),
        "treated": methods_treated(report.text),
        "accuracies": accuracies(report.text),
        "prompts": template_prompts_left(report.text, template),
    }


def main():
    """Reads the files that the command line names, and writes what it found to the last of them."""
    pdf, template, destination = map(Path, sys.argv[1:])
    found = find_all(pdf, template.read_text(encoding="utf-8"))
    destination.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
