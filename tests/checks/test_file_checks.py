"""The checks files/: a file that is there, but holds nothing of what its name says, earns nothing."""

import pytest

from labkit.checks.assignment import NETWORKS
from labkit.checks.file_checks import check_files, pdf_problem, script_problem
from tests.submissions.report_pdf import make_pdf, make_report
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit


@pytest.fixture
def submission(tmp_path):
    """Make a folder with the three scripts and a report."""
    for script in NETWORKS:
        (tmp_path / f"{script}.py").write_text("import tensorflow as tf\n")
    make_report(tmp_path / "report.pdf")
    return tmp_path


def check(submission):
    found = {script: f"code/{script}.py" for script in NETWORKS}
    return {check.name: check for check in check_files(submission, NETWORKS, found, "My report.pdf")}


def test_files_that_hold_what_they_should_pass(submission):
    found = check(submission)
    assert list(found) == [*(f"files/{script}" for script in NETWORKS), "files/report"]
    assert all(one.passed for one in found.values())
    assert found["files/report"].message == "found as My report.pdf"


def test_empty_files_earn_nothing(submission):
    for path in submission.iterdir():
        path.write_bytes(b"")
    found = check(submission)
    assert {one.fraction for one in found.values()} == {0.0}
    assert found["files/model_no1"].message.startswith("code/model_no1.py is empty: save your script in it")
    assert found["files/report"].message == "My report.pdf is an empty file: export it again"


def test_what_is_not_there_is_said_to_be_missing(submission):
    found = check_files(submission, NETWORKS, {"model_no1": "model_no1.py"}, None)
    assert [one.passed for one in found] == [True, False, False, False]
    assert found[1].message == "there is no model_no2.py in the zip"
    assert found[3].message == "there is no PDF in the zip: export your report as report.pdf"


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (["model_no1_final.py"], '; "model_no1_final.py" is there: if it is meant, call it model_no1.py'),
        (["code/no1.py", "no12.py"], '; "code/no1.py" is there: if it is meant, call it model_no1.py'),
        (["model_no1.ipynb"], '; "model_no1.ipynb" is there: export that notebook as model_no1.py'),
        (["model_no1_old.py", "model_no1_new.py"], ""),
        (["helpers.py", "notes1.md", "results/model_no1/run.json"], ""),
        (["model_no1" + "x" * 200 + ".py"], ""),
    ],
)
def test_a_script_under_another_name_is_pointed_at_where_it_is_the_only_one(left_out, message, submission):
    found = check_files(submission, NETWORKS, {}, None, left_out)
    assert found[0].message == f"there is no model_no1.py in the zip{message}"


def test_several_pdfs_are_told_by_their_names_and_left_to_the_instructor(submission):
    found = check_files(submission, (), {}, None, ["b.pdf", "results/a.PDF"])
    assert found[0].status == "undecided"
    assert found[0].message == 'which PDF is the report can\'t be told ("b.pdf", "results/a.PDF"): call it report.pdf'


def test_a_pdf_that_was_taken_for_no_report_is_named(submission):
    found = check_files(submission, (), {}, None, ["results/ablation.pdf"])
    assert found[0].status == "failed"
    assert found[0].message.startswith('"results/ablation.pdf" was not taken for the report, for its size')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n\t\n", "is empty", id="blank"),
        pytest.param(b"# to do\n", "has no line of Python", id="a comment"),
        pytest.param(b"the first convolution is removed\n", "has no line of Python", id="prose"),
        pytest.param(b"\x00" * 300, "is not text", id="zero bytes"),
        pytest.param(b"PK\x03\x04\x14\x00\x00\x00", "is not text", id="a zip"),
        pytest.param(b'{\n "cells": [],\n "metadata": {}}', "is a notebook: export it", id="a notebook"),
    ],
)
def test_what_is_no_script_is_told_with_the_reason(content, message, tmp_path):
    path = tmp_path / "model_no1.py"
    path.write_bytes(content)
    assert message in script_problem(path)
    assert "model_no1.py" in script_problem(path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param((ROOT / "deep_mnist.py").read_bytes(), id="the lab's"),
        pytest.param(b"def f(:\n", id="a mistake"),
        pytest.param(b'print "Python 2"\nx = 1\n', id="Python 2"),
        pytest.param(b"\xef\xbb\xbfimport lab\r\n", id="a mark of Windows"),
        pytest.param("import lab\r\n".encode("utf-16"), id="UTF-16"),
        pytest.param("# Größe\nimport lab\n".encode("latin-1"), id="Latin-1"),
        pytest.param(b"\n\n    class Model:\n", id="indented"),
        pytest.param(b"main()\n", id="one call"),
    ],
)
def test_a_script_with_mistakes_is_a_script(content, tmp_path):
    (tmp_path / "model_no1.py").write_bytes(content)
    assert script_problem(tmp_path / "model_no1.py") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"%PDF-1.7\n", "nothing of one follows", id="nothing but its first line"),
        pytest.param(b"import lab\n", "is not a PDF", id="a script"),
        pytest.param(make_pdf("Report"), None, id="a PDF"),
        pytest.param(b"\n\njunk\n" + make_pdf("Report"), None, id="junk in front"),
    ],
)
def test_what_is_no_pdf_is_told(content, message, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(content)
    problem = pdf_problem(path)
    assert problem is None if message is None else message in problem
