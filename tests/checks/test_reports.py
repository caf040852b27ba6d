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
from labkit.checks.report.languages import any_of, chosen
from labkit.checks.report.methods import METHODS, MISSING, TREATED, find_methods
from labkit.checks.report.reader import OPENING_WORDS, find_all, has_introduction
from labkit.checks.report.rules import ReportContent, judge
from tests.submissions.report_producers import PRODUCERS, extracted, one_column, tabs_for_spaces, two_columns
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

FOLDER = Path(__file__).with_name("reports")
KINDS = sorted(path.stem for path in FOLDER.glob("*.txt"))
TEMPLATE = (ROOT / "report_template.md").read_text(encoding="utf-8")
REAL = {"word_on_a_mac", "two_columns", "layers_by_number"}  # remade from reports that students handed in
NAMES = {method: any_of(language.methods[method].names for language in chosen()) for method in METHODS}
OTHERWISE = {  # headings of these reports that name a method in another way
    "III. POOLING LAYER": "max pooling",
    "IV. ACTIVATION": "ReLU",
    "VI. OUTPUT LAYER": "softmax and cross-entropy",
    "2.3 Aktivierung": "ReLU",
    "Funzione di attivazione": "ReLU",
    "Aktivierung": "ReLU",
    "Activación": "ReLU",
    "Activation": "ReLU",
    "Pooling": "max pooling",
    "Regolarizzazione": "dropout",
    "Regularisierung": "dropout",
    "Regularización": "dropout",
    "Régularisation": "dropout",
    "Uscita e funzione di costo": "softmax and cross-entropy",
    "Ausgabe und Verlust": "softmax and cross-entropy",
    "Salida y pérdida": "softmax and cross-entropy",
    "Sortie et fonction de perte": "softmax and cross-entropy",
}
IN_COURSES = (pytest.mark.course, pytest.mark.sample(8, of="reports as PDFs"))


def read(kind: str) -> tuple[str, dict[str, Any]]:
    """Return a report's text, and what is known of it."""
    known = json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))
    return (FOLDER / f"{kind}.txt").read_text(encoding="utf-8"), known


def verdicts(found: ReportContent, known: dict[str, Any]) -> dict[str, str]:
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
    found = ReportContent(3, shown, True, find_methods(shown), stated.placed, [], stated.loose)
    assert verdicts(found, known) == known["verdicts"]


@pytest.mark.parametrize("left_out", METHODS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "methods" in read(kind)[1]["verdicts"]])
def test_a_method_whose_part_is_taken_out_is_missing_and_no_other(kind: str, left_out: str) -> None:
    """What holds a report that lacks one apart from one that has all is not how much else it says."""
    kept, part = [], ""  # the method of the present part, "" for none
    for block in read(kind)[0].strip().split("\n\n"):
        named = [method for method in METHODS if re.search(NAMES[method], block, re.IGNORECASE)]
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
    assert has_introduction(text) == has


@pytest.mark.parametrize(
    "text",
    [
        "1. Introduzione\nLe cifre.",
        "Abstract\nWir nehmen Schichten heraus.",
        "Einleitung\nZiffern.",
        "1 Einführung und Ziel\nZiffern.",
        "Riassunto\nUna rete legge cifre.",
        "I. Introducción\nCifras.",
        "Objetivo de la práctica\nCifras.",
        "Résumé\nUn réseau lit des chiffres.",
        "1) Contexte\nDes chiffres.",
        "MNIST\nCe travail porte sur un réseau qui lit des chiffres.",
        "MNIST\nEn este informe se quitan capas.",
        "MNIST\nLa presente relazione toglie strati.",
    ],
)
def test_an_introduction_is_known_in_each_language(text: str) -> None:
    assert has_introduction(text)


def test_a_line_within_a_paragraph_that_begins_like_an_introduction_is_none() -> None:
    text = "The network reads digits. It has two layers,\nbut no background is needed, nor is an\noverview given."
    assert not has_introduction(text)


@pytest.mark.parametrize("heading", ["Summary", "Zusammenfassung", "Résumé", "Sommario", "Resumen"])
def test_a_summary_at_the_end_is_no_introduction(heading: str) -> None:
    assert not has_introduction(
        f"Convolution\n{'A filter is moved over the image. ' * OPENING_WORDS}\n{heading}\nDone."
    )


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
    found = ReportContent(**find_all(tmp_path / "report.pdf", TEMPLATE))
    assert abs(len(found.text.split()) - len(extracted(text).split())) < 0.05 * len(text.split())
    assert found.introduction
    assert {network: found.accuracies[network] for network in NETWORKS} == known["accuracies"]
    assert found.loose == known.get("loose", [])
    assert verdicts(found, known) == known["verdicts"]
