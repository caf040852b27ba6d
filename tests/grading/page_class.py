"""A graded class for the tests of the class page: with reports, code and similar pairs, some of them hostile."""

import csv
import io
import json
import shutil
from pathlib import Path

from grading.inside.trusted.code_reader import read_code
from grading.inside.trusted.shown_code import FOUND_CODE, FOUND_REPORT
from grading.intake.submission import Submission
from grading.layout import REPORT, SUBMISSIONS
from grading.results.kept import keep_what_is_shown
from grading.similarity.similarity_record import (
    FILE,
    Party,
    SharedPart,
    ShownPair,
    ShownPassage,
    Similarities,
    write_similarities,
)
from labkit.checks.check import Check, CheckId, accuracies_of, failed, passed, undecided
from labkit.files import KIT
from labkit.formats import FORMAT
from labkit.networks import LAYERS
from tests.grading.graded_class import HOSTILE, checks, grade, hand_in

NAMES = ("Ada_Lovelace", "Grace_Hopper", "Alan_Turing", "Emmy_Noether", "Kurt_Godel", "Lise_Meitner")
LEVELS = """
[[manual.levels]]
name = "weak"
points = 3
text = "Numbers are repeated."

[[manual.levels]]
name = "good"
points = 8
text = "It says which layer matters."
"""
ACTS = b"<< /S /JavaScript /JS (app.alert\\('a script ran'\\);) >>"


def found(submission: Submission) -> list[Check]:
    """Return checks that differ by the student: one undecided, one failed, with text that attacks a page."""
    no1 = CheckId("architecture", "model_no1")
    layers = tuple(map(str, LAYERS["model_no1"]))
    if submission.id.endswith("1"):
        return checks(undecided(CheckId("report", "accuracies"), f"numbers of no network: 0.9 {HOSTILE}"))
    if submission.id.endswith("2"):
        full = tuple(map(str, LAYERS["deep_mnist"]))
        wrong = failed(no1, f"a layer is still there {HOSTILE}", log=HOSTILE, layers=full, remarks=(HOSTILE,))
        return checks(wrong)
    measured = accuracies_of("training", {"model_no1": (0.8765,)})
    trained = passed(CheckId("training", "model_no1"), "it learns", accuracies=measured)
    return checks(passed(no1, "right", layers=layers), trained)


def make_class(monkeypatch, folder: Path, size: int = 6) -> Path:
    """Grade a class, with ids from 1000 on; return the folder of its results."""
    submissions, out = folder / "submissions", folder / "grades"
    for number in range(size):
        hand_in(submissions, f"{1000 + number}_{NAMES[number % len(NAMES)]}.zip")
    grade(monkeypatch, submissions, out, found)
    keep(out, folder / "kept")
    return out


def keep(out: Path, scratch: Path) -> None:
    """Keep reports, code and pairs of a class as grading does."""
    scratch.mkdir()
    script = (KIT / "model_no1.py").read_text(encoding="utf-8")
    (scratch / "model_no1.py").write_text(f"# {HOSTILE}\n{script}", encoding="utf-8")
    scripts = {name: vars(script) for name, script in read_code(scratch, KIT / "deep_mnist.py").scripts.items()}
    output = scratch / "output"
    output.mkdir()
    (output / FOUND_CODE).write_text(json.dumps({"format": FORMAT, "scripts": scripts}), encoding="utf-8")
    (output / FOUND_REPORT).write_bytes(pdf())
    folders = sorted((out / SUBMISSIONS).iterdir())
    for folder in folders:
        keep_what_is_shown(output, folder, scratch, None)
        shutil.copyfile(output / FOUND_REPORT, folder / REPORT)
    one, other = (Party(folder.name, folder.name) for folder in folders[:2])
    passage = ShownPassage("code", ("model_no1.py", HOSTILE), ([HOSTILE], ["x = 1"]), (0, 2))
    pairs = [ShownPair(one, other, 3.0, {"code": SharedPart(0.8, 12.0)}, [passage])]
    found = Similarities("a class", {"groups": 1, "pairs": 1, "left_out": 0}, [], [], pairs, [])
    write_similarities(out / FILE, found)


def pdf(action: bytes = b"", annotation: bytes = b"", text: bytes = b"A report") -> bytes:
    """Return a PDF of a page, written by hand, with an action when it opens and an annotation."""
    stream = b"BT /F1 24 Tf 50 150 Td (%s) Tj ET" % text
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % (b"/OpenAction " + action if action else b""),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R %s"
        b" /Resources << /Font << /F1 5 0 R >> >> >>" % (b"/Annots [%s]" % annotation if annotation else b""),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    content, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return (
        content
        + end
        + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            len(objects) + 1,
            len(content),
        )
    )


def with_levels(folder: Path) -> Path:
    """Write an assignment whose last manual item has levels; return its path."""
    text = (KIT / "assignment.toml").read_text(encoding="utf-8")
    at = text.index("# ---", text.index('name = "discussion"'))
    path = folder / "assignment.toml"
    path.write_text(f"{text[:at]}{LEVELS}\n{text[at:]}", encoding="utf-8")
    return path


def rows(out: Path) -> dict[str, dict[str, str]]:
    """Return the rows of manual.csv by the student's id, read by Python's own reader."""
    text = (out / "manual.csv").read_bytes().decode("utf-8-sig")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
