"""Reads a report, and all that a pattern can find in its text; runs in the sandbox.

    python -m labkit.checks.report.reader report.pdf report_template.md found.json English Italian

A text can be made to keep a search busy for hours, as a PDF its reader, so the searching is done here, too, under the
sandbox's limits. What comes out is JSON (rules.ReportReading): either "content", with the fields of
rules.ReportContent, or "unread", with those of rules.Unread.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.checks.report.accuracies import find_accuracies
from labkit.checks.report.languages import Language, any_of, chosen
from labkit.checks.report.methods import find_methods
from labkit.checks.report.text import BadReport, read_pdf, template_prompts_left
from labkit.formats import FORMAT

OPENING_WORDS = 120  # in which a text says what it is about, whatever stands above them
ABSTRACT_WORDS = 150  # in which an abstract begins; a summary further down is a conclusion
_HEADING = (  # with its number; or a short line of its own, or one word before the text, that begins with a capital
    r"^\W{{0,8}}(?:(?:\d|I)[.)]{{0,2}}\s{{0,4}}(?:{0})|(?-i:(?=[^a-z]))(?:{0})(?:[^\n.,;:]{{0,40}}$|\w*\s?[.:\u2014-]))"
)
_ELSEWHERE = r"введение|引言|绪论|介绍|简介|前言"  # an introduction in languages that nothing else is known of


def has_introduction(text: str, languages: Sequence[Language] = chosen()) -> bool:
    """Tell whether a heading names an introduction, or the text begins with an abstract, or with what it is about."""
    introductions, abstracts, openings = (
        any_of(getattr(language, part) for language in languages) for part in ("introduction", "abstract", "opening")
    )
    flags = re.IGNORECASE | re.MULTILINE
    return bool(
        re.search(_HEADING.format(f"{introductions}|{_ELSEWHERE}"), text, flags)
        or re.search(_HEADING.format(abstracts), _first(ABSTRACT_WORDS, text), flags)
        or re.search(openings, " ".join(_first(OPENING_WORDS, text).split()), re.IGNORECASE)
    )


def _first(words: int, text: str) -> str:
    """Return the beginning of a text, with its lines."""
    beginning = re.match(rf"\s*(?:\S+\s+){{0,{words}}}", text)
    return beginning[0] if beginning else ""


def find_all(pdf: Path, template: str, languages: Sequence[Language] = chosen()) -> dict[str, Any]:
    """Return what is in the PDF: fields of rules.ReportContent, or of rules.Unread.

    `template` is the report's, as text; `languages` are those that the assignment takes reports in.
    """
    try:
        report = read_pdf(pdf, languages)
    except BadReport as error:
        return {"problem": str(error), "undecided": error.undecided, "remarks": list(error.remarks)}
    stated = find_accuracies(report.text)
    return {
        "pages": report.pages,
        "text": report.text,
        "introduction": has_introduction(report.text, languages),
        "methods": find_methods(report.text, languages),
        "accuracies": stated.placed,
        "loose": stated.loose,
        "prompts": template_prompts_left(report.text, template),
        "hidden": report.hidden,
        "doubtful": report.doubtful,
        "why": list(report.why),
        "illegible": report.illegible,
    }


def main() -> None:
    """Read the first two files that the command line names, in the languages behind them; write the third."""
    pdf, template, destination = map(Path, sys.argv[1:4])
    contents = find_all(pdf, template.read_text(encoding="utf-8"), chosen(sys.argv[4:]))
    record = {"format": FORMAT, "unread" if "problem" in contents else "content": contents}
    destination.write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main()
