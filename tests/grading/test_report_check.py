"""The report of a submission: read as the sandbox would, and judged with what lies beside it."""

import json
from pathlib import Path

import pytest

from grading import doctor
from grading.report_check import check_report
from labkit.checks.assignment import load_assignment
from labkit.checks.check import CheckId, undecided
from labkit.checks.report.languages import chosen
from labkit.checks.report.reader import find_all
from labkit.limits import Outcome
from tests.submissions.report_pdf import make_report
from tests.submissions.report_words import ACCURACIES

pytestmark = pytest.mark.grading

SWAPPED = ACCURACIES | {"model_no1": ACCURACIES["model_no3"], "model_no3": ACCURACIES["model_no1"]}


class ReadHere:
    """Stands for a sandbox: runs the reader in this process, on the file that it was to see."""

    name = "here"
    python = "python"

    def run(self, command, read_only, output, **_):
        at = command.index("labkit.checks.report.reader")
        inside, template, _, *languages = command[at + 1 :]
        output.mkdir()
        kit = read_only["/kit"]
        found = find_all(read_only[inside], (kit / template).read_text(encoding="utf-8"), chosen(languages))
        (output / "found").write_text(json.dumps({"format": 1, "unread" if "problem" in found else "content": found}))
        return Outcome("exit", 0, "", 0.0, 0.0)


def accuracies_of(folder, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    checks, _ = check_report(folder, load_assignment(), ReadHere(), scratch)
    return next(check for check in checks if check.name == "report/accuracies")


@pytest.fixture
def folder(tmp_path):
    """Make an unpacked submission, of which only the report matters here."""
    path = tmp_path / "submission"
    (path / "results").mkdir(parents=True)
    make_report(path / "report.pdf", SWAPPED)
    return path


def write(path: Path, accuracies=ACCURACIES, dataset="MNIST"):
    rows = [f"{script},{dataset},{value}" for script, value in accuracies.items()]
    path.write_text("\n".join(["network,dataset,test_accuracy", *rows, ""]), encoding="utf-8")


def test_where_it_can_not_be_told_which_pdf_is_the_report_nothing_is_lost_and_nothing_earned(tmp_path):
    file = undecided(CheckId("files", "report"), "which PDF is the report can't be told")
    checks, _ = check_report(tmp_path, load_assignment(), ReadHere(), tmp_path, file)
    assert {check.status for check in checks} == {"undecided"}


def test_without_results_numbers_that_are_swapped_can_not_be_told(folder, tmp_path):
    assert accuracies_of(folder, tmp_path).status in ("passed", "undecided")


@pytest.mark.parametrize("place", ["ablation.csv", "results/ablation.csv"])
def test_the_results_beside_a_report_are_what_it_is_compared_with(place, folder, tmp_path):
    write(folder / place)
    check = accuracies_of(folder, tmp_path)
    assert check.status == "failed"
    assert "which by ablation.csv is that of no. 3" in check.message


def test_results_that_can_not_be_used_are_a_remark(folder, tmp_path):
    write(folder / "ablation.csv", dataset="synthetic digits")
    check = accuracies_of(folder, tmp_path)
    assert check.status != "failed"
    assert check.remarks == ("ablation.csv has no run on MNIST, so the report was read without it",)


def test_the_doctor_tells_which_reports_can_not_be_read_here(monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "pypdfium2" else object())
    finding = doctor._readers()
    assert finding.mark == doctor.NOTE
    assert finding.details.splitlines() == [
        "left to you: those whose words or letters come out wrong",
        "pip install -r requirements-grading.txt",
    ]
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    assert doctor._readers().mark == doctor.GOOD
