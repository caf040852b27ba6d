"""Reports as they come, and what is in them: each kind of reports/ is read and judged, whatever made its PDF.

Beside a text stands, as JSON, what a person finds in it: the accuracies of each network, those of nobody for sure
("loose"), and what the checks of methods and accuracies have to say.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from labkit.checks.assignment import load_assignment
from labkit.checks.report.accuracies import NETWORKS, find_accuracies
from labkit.checks.report.methods import METHODS, MISSING, TREATED, find_methods
from labkit.checks.report.reader import OPENING_WORDS, _has_introduction, find_all
from labkit.checks.report.rules import Found, judge
from tests.submissions.report_producers import PRODUCERS, extracted, one_column, tabs_for_spaces, two_columns
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

FOLDER = Path(__file__).with_name("reports")
KINDS = sorted(path.stem for path in FOLDER.glob("*.txt"))
TEMPLATE = (ROOT / "report_template.md").read_text(encoding="utf-8")
REAL = {"word_on_a_mac", "two_columns", "layers_by_number"}  # remade from reports that students handed in
OTHERWISE = {  # headings of these reports that name a method in another way
    "III. POOLING LAYER": "max pooling",
    "IV. ACTIVATION": "ReLU",
    "VI. OUTPUT LAYER": "softmax and cross-entropy",
    "2.3 Aktivierung": "ReLU",
}
IN_COURSES = (pytest.mark.course, pytest.mark.sample(8, of="reports as PDFs"))


def read(kind: str) -> tuple[str, dict[str, Any]]:
    """Return a report's text, and what is known of it."""
    known = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    return (FOLDER / f"{kind}.txt").read_text(encoding="utf-8"), known


def verdicts(found: Found, known: dict[str, Any]) -> dict[str, str]:
    """Return the verdicts of the checks that this report is about."""
    checks = {check.name.removeprefix("report/"): check.status for check in judge(found, load_assignment(), {})}
    return {name: checks[name] for name in known["verdicts"]}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_report_says_is_found_and_judged_as_a_person_would(kind: str) -> None:
    text, known = read(kind)
    shown = extracted(text)
    stated = find_accuracies(shown)
    assert stated.placed == known["accuracies"]
    assert stated.loose == known.get("loose", [])
    found = Found(3, shown, True, find_methods(shown), stated.placed, [], stated.loose)
    assert verdicts(found, known) == known["verdicts"]


@pytest.mark.parametrize("left_out", METHODS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "methods" in read(kind)[1]["verdicts"]])
def test_a_method_whose_part_is_taken_out_is_missing_and_no_other(kind: str, left_out: str) -> None:
    """What holds a report that lacks one apart from one that has all is not how much else it says."""
    kept, part = [], ""  # the method of the present part, "" for none
    for block in read(kind)[0].strip().split("\n\n"):
        named = [method for method, words in METHODS.items() if re.search(words, block, re.IGNORECASE)]
        if block.startswith(("# ", "- ")):
            part = OTHERWISE.get(block.split(" ", 1)[1], named[0] if len(named) == 1 else "")
        if left_out not in (part, *(named if len(named) == 1 else ())):
            kept.append(block)
    found = find_methods(extracted("\n\n".join(kept)))
    assert found == {method: MISSING if method == left_out else TREATED for method in METHODS}


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("1 Introduction\nDigits.", True),
        ("What for?\nIn this report I take layers out of a network.", True),
        ("Ziffern lesen\nDieser Bericht nimmt ein Netz auseinander.", True),
        ("Convolution\nA filter is moved over the image, and its weights are shared.", False),
        (f"Convolution\n{'A filter is moved over the image. ' * OPENING_WORDS}This report ends here.", False),
    ],
)
def test_an_introduction_has_a_heading_or_is_how_the_text_begins(text: str, has: bool) -> None:
    assert _has_introduction(text) == has


def producers() -> list[Any]:
    """Combine each kind with each program; by default the real ones as two of them set a report, which is quick."""
    quick = {(kind, make) for kind in REAL for make in (tabs_for_spaces, two_columns)}
    return [
        pytest.param(kind, make, id=f"{kind}-{make.__name__}", marks=() if (kind, make) in quick else IN_COURSES)
        for kind in KINDS
        for make in PRODUCERS
    ]


@pytest.mark.parametrize(("kind", "make"), producers())
def test_it_is_the_same_whatever_made_the_pdf(kind: str, make: Any, tmp_path: Path) -> None:
    if make in (one_column, two_columns):
        needs("typst")
    text, known = read(kind)
    (tmp_path / "report.pdf").write_bytes(make(text))
    found = Found(**find_all(tmp_path / "report.pdf", TEMPLATE))
    assert abs(len(found.text.split()) - len(extracted(text).split())) < 0.05 * len(text.split())
    assert found.introduction
    assert {network: found.accuracies[network] for network in NETWORKS} == known["accuracies"]
    assert found.loose == known.get("loose", [])
    assert verdicts(found, known) == known["verdicts"]
