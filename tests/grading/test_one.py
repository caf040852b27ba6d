"""One submission by itself: its feedback on stdout, by the path of a class, and nothing of anybody else's touched."""

import json
from types import SimpleNamespace

import pytest

from grading import batch, course
from grading.command_line import main
from labkit.checks.check import CheckId, failed
from tests.grading.graded_class import checks, grade, hand_in, marks, play
from tests.support.needs import needs

pytestmark = pytest.mark.grading


@pytest.fixture
def one(monkeypatch, tmp_path, capsys):
    """Return a function that runs the command; what checks find is said here, and no code is run."""
    needs("jinja2")

    def verdict(submission):
        if submission.name == "unlucky":
            raise RuntimeError("out of luck")
        return checks(failed(CheckId("architecture", "model_no1"), "layer 2 is a ReLU", fraction=0.5))

    monkeypatch.setattr(
        course,
        "find_sandbox",
        lambda unsafe: SimpleNamespace(name="bubblewrap", exposure=lambda folder: None, secrets={}),
    )
    play(monkeypatch, verdict)
    monkeypatch.setattr(batch.Batch, "compare", lambda self, rows: None)

    def one(*arguments):
        capsys.readouterr()
        status = main(["one", *map(str, arguments), "--no-train"])
        return status, *capsys.readouterr()

    return one


def test_the_feedback_is_all_that_is_on_stdout(one, tmp_path):
    status, out, err = one(hand_in(tmp_path, "189295_ada_lovelace.zip"))
    assert status == 0
    assert out.startswith("# ")
    assert "ada lovelace (189295)" in out
    assert "| architecture/model_no1 | failed | 5 of 10 |" in out
    assert ": 1 graded, 0 refused" in err
    assert "manual.csv" not in err, "a file that is gone by now"
    assert [path.name for path in tmp_path.iterdir()] == ["189295_ada_lovelace.zip"]


def test_the_result_is_that_of_a_class(one, tmp_path, monkeypatch):
    path = hand_in(tmp_path / "submissions", "189295_ada_lovelace.zip")
    status, _, err = one(path, "--out", tmp_path / "one")
    assert status == 0
    assert f"{tmp_path / 'one' / 'manual.csv'}: write your points there" in err
    wrong = failed(CheckId("architecture", "model_no1"), "layer 2 is a ReLU", fraction=0.5)
    grade(monkeypatch, path.parent, tmp_path / "class", lambda submission: checks(wrong), train=False)
    name = "submissions/189295_ada_lovelace"
    assert marks(tmp_path / "one") == marks(tmp_path / "class")
    alone, among = (json.loads((tmp_path / out / name / "result.json").read_bytes()) for out in ("one", "class"))
    assert alone | {"kit": "", "key": ""} == among | {"kit": "", "key": ""}, "the time of handing in included"
    for file in ("feedback.md", "feedback.html"):
        feedback = [(tmp_path / out / name / file).read_bytes() for out in ("one", "class")]
        assert feedback[0] == feedback[1]


def test_a_refused_submission_has_its_reason_and_is_no_failure(one, tmp_path):
    path = tmp_path / "189295_ada_lovelace.zip"
    path.write_bytes(b"Rar!\x1a\x07\x00")
    status, out, _ = one(path)
    assert (status, "the zip could not be graded" in out) == (0, True)


def test_a_failure_of_the_grader_is_one_of_the_command(one, tmp_path):
    status, out, _ = one(hand_in(tmp_path, "189295_unlucky_lovelace.zip"))
    assert (status, "**Not graded yet.**" in out) == (1, True)


def test_a_class_is_never_written_over(one, tmp_path, monkeypatch):
    hand_in(tmp_path / "submissions", "189296_grace_hopper.zip")
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades")
    before = (tmp_path / "grades/grades.csv").read_bytes()
    status, _, err = one(hand_in(tmp_path, "189295_ada_lovelace.zip"), "--out", tmp_path / "grades")
    assert status == 1
    assert 'has results of others ("189296_grace_hopper"): give another --out' in err
    assert (tmp_path / "grades/grades.csv").read_bytes() == before


def test_its_own_folder_is_used_again_and_exported_from(one, tmp_path, capsys):
    path = hand_in(tmp_path, "189295_ada_lovelace.zip")
    for _ in range(2):
        assert one(path, "--out", tmp_path / "one")[0] == 0
    assert main(["export", "junit", "--out", str(tmp_path / "one"), "--partial"]) == 0


def test_a_missing_file_is_told_in_a_line(one, tmp_path):
    status, out, err = one(tmp_path / "none.zip")
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert "give the student's zip" in err
