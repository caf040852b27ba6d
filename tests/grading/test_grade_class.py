"""Whole classes, graded for real: in the sandbox, by the command, stopped in the midst of it and continued."""

import csv
import json
import signal
import subprocess
import sys
import time

import pytest

from tests.submissions import ROOT, make_zip, reference_scripts
from tests.submissions.generate import write_class
from tests.submissions.report_pdf import make_report
from tests.submissions.verdicts import differences
from tests.support.needs import needs

pytestmark = [pytest.mark.grading, pytest.mark.usefixtures("sandbox")]

PATIENCE = 1800  # seconds: not a figure to reach, but to end a test that hangs


def command(submissions, out, *flags):
    return [sys.executable, "-m", "grading", str(submissions), "--out", str(out), *flags]


def grade(submissions, out, *flags):
    """Grade a class to its end; return the finished process."""
    return subprocess.run(
        command(submissions, out, *flags), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def results(out):
    """Read the results that exist so far, by their folders' names."""
    return {path.parent.name: json.loads(path.read_bytes()) for path in out.glob("submissions/*/result.json")}


def stop_midway(process, out, enough):
    """Wait until so many zips are graded, and return their results, before the class is finished."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = {name: result for name, result in results(out).items() if result["status"] == "graded"}
        if len(found) >= enough:
            return found
        time.sleep(0.1)
    raise AssertionError("the class was graded, or grading failed, before it could be stopped")


@pytest.mark.smoke
@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_a_right_submission_has_full_marks(tmp_path):
    needs("psutil")
    (tmp_path / "submissions").mkdir()
    files = reference_scripts() | {"report.pdf": make_report()}
    (tmp_path / "submissions" / "189295_ada_lovelace.zip").write_bytes(make_zip(files))
    done = grade(tmp_path / "submissions", tmp_path / "grades", "--no-train")
    assert done.returncode == 0, done.stderr
    (result,) = results(tmp_path / "grades").values()
    assert [check for check in result["checks"] if check["status"] not in ("passed", "skipped")] == []
    assert result["score"] == result["max_score"] == 57


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_a_class_killed_midway_and_continued_gets_every_verdict(tmp_path):
    expected = write_class(tmp_path, students=14, seed=1)
    submissions, out = tmp_path / "submissions", tmp_path / "grades"
    process = subprocess.Popen(command(submissions, out, "--no-train"), cwd=ROOT, stdout=subprocess.DEVNULL)
    kept = stop_midway(process, out, enough=3)
    process.kill()
    process.wait()
    done = grade(submissions, out, "--no-train")
    assert done.returncode == 0, done.stderr
    assert differences(expected, out) == []
    after = results(out)
    for name, result in kept.items():  # graded again, they would have taken another time
        assert after[name]["checks"] == result["checks"], name
    assert {path.name for path in submissions.iterdir()} == set(expected)


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_ctrl_c_ends_at_once_with_130_and_leaves_nothing_running(tmp_path):
    psutil = needs("psutil")
    write_class(tmp_path, students=12, seed=2)
    process = subprocess.Popen(
        command(tmp_path / "submissions", tmp_path / "grades", "--no-train"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    stop_midway(process, tmp_path / "grades", enough=1)
    running = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "the same command continues" in stderr
    assert "Traceback" not in stderr
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not alive


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_with_training_right_networks_have_full_marks_and_the_report_is_held_to_the_bands(tmp_path, mnist_dir):
    submissions, out = tmp_path / "submissions", tmp_path / "grades"
    submissions.mkdir()
    right, report = reference_scripts(), make_report()
    (submissions / "1_ada_right.zip").write_bytes(make_zip(right | {"report.pdf": report}))
    other = right | {"model_no2.py": (ROOT / "deep_mnist.py").read_bytes()}
    false = make_report(
        accuracies={"deep_mnist": 0.9919, "model_no1": 0.9999, "model_no2": 0.9874, "model_no3": 0.9899}
    )
    (submissions / "2_ada_wrong.zip").write_bytes(make_zip(other | {"report.pdf": false}))
    done = grade(submissions, out, "--data-dir", str(mnist_dir))
    assert done.returncode == 0, done.stderr
    found = results(out)
    assert found["1_ada_right"]["score"] == found["1_ada_right"]["max_score"] == 75
    status = {check["name"]: check["status"] for check in found["2_ada_wrong"]["checks"]}
    assert status["architecture/model_no2"] == "failed"
    assert status["training/model_no2"] == "skipped"
    assert status["training/model_no3"] == "passed"
    assert status["report/accuracies"] == "failed"
    with open(out / "grades.csv", newline="") as file:
        scores = {row["zip"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {f"{name}.zip": result["score"] for name, result in found.items()}
