"""submit.py: the report's PDF, the check, and the zip."""

import dataclasses
import datetime
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from types import SimpleNamespace

import pytest

import submit
from labkit import files
from labkit.checks.assignment import NETWORKS, load_assignment
from labkit.checks.check import CheckId, failed, passed, undecided
from labkit.files import FACES
from labkit.sources import code_sha256
from labkit.submission import packing, report_pdf, student_checks
from labkit.submission.children import run_child
from labkit.version import VERSION
from tests.submissions import correct
from tests.submissions.report_pdf import make_pdf, make_report
from tests.submissions.report_words import ACCURACIES
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

SCRIPTS = ("deep_mnist", *NETWORKS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder with all that a student hands in, and change to it."""
    for script in SCRIPTS:
        shutil.copy(ROOT / f"{script}.py", tmp_path)
        train(tmp_path, script)
    make_report(tmp_path / "report.pdf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(folder, script, seed=0, **changes):
    """Write the record of a training, with some fields changed."""
    source = (folder / f"{script}.py").read_bytes()
    record = {"seed": seed, "dataset": "MNIST", "steps": 540, "test_accuracy": ACCURACIES[script]}
    record["recipe"] = {"script_sha256": code_sha256(source)}
    path = folder / "results" / script / f"seed-{seed}" / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record | changes))
    return path


@pytest.fixture
def stubbed(monkeypatch):
    """Let the scripts pass without running them: that takes TensorFlow and many seconds."""
    monkeypatch.setattr(student_checks, "_look_at", lambda path, seconds: (None, []))
    monkeypatch.setattr(student_checks, "_check_steps", lambda name, path, seconds: passed(name, "runs"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs submit.py in this process and returns an object with status, out and err."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["submit.py", *arguments])
        with pytest.raises(SystemExit) as end:
            submit.main()
        return SimpleNamespace(status=end.value.code, **capsys.readouterr()._asdict())

    return run


def check(folder):
    """Return all checks of a folder: names to Checks."""
    return {check.name: check for check in student_checks.check_all(folder, load_assignment())}


# -------------------------------------------------------------------------------------------------------- command line


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"], ["check", "--help"], ["pack", "--help"]])
def test_help_teaches_and_does_not_wait_for_anything(arguments):
    code = "import sys, submit; submit.main()"
    imports = [sys.executable, "-X", "importtime", "-c", code, *arguments]
    done = subprocess.run(imports, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "exit status: 0 success, 1 a failed check" in done.stdout
    assert "numpy" not in done.stderr  # the least of what is slow to import


def test_a_command_that_does_not_exist_is_a_bad_flag(run):
    assert run("deliver").status == 2


# ---------------------------------------------------------------------------------------------------- check: the whole


def test_all_is_well_with_a_good_submission(folder, stubbed, run):
    done = run("check")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) == student_checks.TOTAL + 1
    assert all(line.startswith("passed") for line in lines[:-1])
    assert lines[-1] == f"{student_checks.TOTAL} passed, 0 failed, 0 skipped"


def test_an_empty_folder_has_a_line_for_each_check_and_what_to_do(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    done = run("check")
    assert done.status == 1
    lines = done.out.splitlines()
    assert len(lines) == student_checks.TOTAL + 1
    wrong = [line.split() for line in lines if line.startswith("failed")]
    assert [words[1] for words in wrong] == [*(f"files/{script}" for script in NETWORKS), "files/report"]
    assert "copy deep_mnist.py, and remove the first convolution" in done.out
    assert "`python submit.py report`, or export it from any word processor" in done.out
    assert lines[-1] == "0 passed, 4 failed, 14 skipped"


def test_what_depends_on_a_failed_check_is_skipped(folder, monkeypatch):
    (folder / "model_no2.py").write_text("self.W_conv1 = \n")
    monkeypatch.setattr(student_checks, "NETWORKS", ("model_no2",))
    (folder / "report.pdf").write_bytes(b"")
    found = {name: check.status for name, check in check(folder).items()}
    assert found["files/model_no2"] == "passed"
    assert found["run/model_no2"] == "failed"
    assert found["architecture/model_no2"] == "skipped"
    assert found["files/report"] == "failed"
    assert found["report/text"] == "failed"
    assert {found[f"report/{part}"] for part in ("methods", "accuracies", "template")} == {"skipped"}


# -------------------------------------------------------------------------------------------------- check: the scripts


def look_at(folder, source, seconds=60):
    (folder / "model_no1.py").write_text(source)
    return student_checks._look_at(folder / "model_no1.py", seconds)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("import lab\nself.W = \n", "line 2, `self.W =`: SyntaxError: invalid syntax", id="syntax error"),
        pytest.param("x = 1\n\tpass\n", "line 2, `pass`: IndentationError: unexpected indent", id="indentation"),
        pytest.param("x = '\0'\n", "null bytes", id="null byte"),
        pytest.param("import lab\n\nclass Net:\n    pass\n", "no class Model: keep that name", id="wrong class name"),
        pytest.param("import lab\nlab.read_data(None)\n", "line 2, `lab.read_data(None)`: it runs when", id="trains"),
        pytest.param("import lab\nF = lab.parse_flags('')\n", 'below `if __name__ == "__main__":`', id="reads flags"),
        pytest.param("import sys\nsys.exit(0)\n", "line 2, `sys.exit(0)`: it ends the program", id="exits"),
        pytest.param("import os\nos._exit(0)\n", "importing it and its Model ended without a word", id="exits at once"),
        pytest.param("import os\nos.abort()\n", "was ended by SIGABRT: look at the last lines", id="aborts"),
        pytest.param("x = undefined\n", "line 1, `x = undefined`: NameError", id="name error"),
        pytest.param("import helper\n", "imports helper.py, which would not be in the zip", id="helper module"),
        pytest.param("import compare\n", "imports compare.py, which would not be in the zip", id="no part of a run"),
        pytest.param(
            "class Model:\n    def __init__(self):\n        self.W = W\n", "line 3, `self.W = W`: NameError", id="half"
        ),
    ],
)
def test_a_script_that_can_not_be_imported_is_told_with_the_line(source, told, tmp_path):
    for name in ("helper", "compare"):
        (tmp_path / f"{name}.py").touch()
    problem, _ = look_at(tmp_path, source)
    assert told in problem


def test_a_script_that_never_ends_on_import_is_stopped(tmp_path):
    problem, _ = look_at(tmp_path, "while True:\n    pass\n", seconds=0.5)
    assert "ran longer than the 0.5 s allowed and was stopped: close what else is running and try again" in problem
    assert "it must not train" in problem


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_a_half_edited_model_is_told_layer_by_layer(tmp_path):
    source = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")
    problem, shapes = look_at(tmp_path, source.replace("[5, 5, 1, 32]", "[5, 5, 1, 64]"))
    assert problem is None
    assert "conv2d(x_image, self.W_conv1)" in shapes[0]
    assert "the layer has 64 outputs, and the bias 32" in shapes[0]
    assert any("variable W_conv1: one too many (model_no1 is deep_mnist without the first" in line for line in shapes)
    found = student_checks._check_shapes("architecture/model_no1", tmp_path / "model_no1.py", shapes)
    assert found.status == "failed"
    assert found.message.endswith("all of it: python -m pytest tests/test_shapes.py -m no1")


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_what_all_scripts_share_is_told_once(tmp_path):
    for script in NETWORKS:
        (tmp_path / f"{script}.py").write_text("import tensorflow as tf\nx = tf.placeholder(tf.float32)\nz = 1\n")
    checks = check(tmp_path)
    assert "it is written for TensorFlow 1" in checks["run/model_no1"].message
    for script in NETWORKS[1:]:
        assert checks[f"run/{script}"].message == f"{script}.py: the same as in model_no1.py, above"


def test_a_report_of_an_earlier_text_is_told(tmp_path):
    source, pdf = tmp_path / "report.md", tmp_path / "report.pdf"
    source.write_text("as it was\n")
    pdf.write_bytes(b"%PDF-1.7 MNIST lab kit " + report_pdf._digest("as it was\n").encode())
    assert student_checks._stale_report(pdf) is None
    source.write_text("as it is\n")
    assert "report.md has changed since report.pdf was made of it" in student_checks._stale_report(pdf)
    pdf.write_bytes(b"%PDF-1.7 of a word processor")
    assert student_checks._stale_report(pdf) is None


def test_a_report_with_a_box_in_place_of_a_picture_fails_the_check(folder):
    with (folder / "report.pdf").open("ab") as pdf:
        pdf.write(b"% MNIST lab kit 0123456789abcdef 2 missing\n")
    found = report_checks(folder)["files/report"]
    assert found.status == "failed"
    assert "in report.pdf boxes stand in place of 2 pictures: `python submit.py report` says which" in found.message


@pytest.mark.attack
@pytest.mark.parametrize("name", ["keras_subclass", "tf_function_on_call", "transposed_weights", "relu_after_pooling"])
def test_a_right_model_is_right_however_it_is_written(name, tmp_path):
    files = next(case.files for case in correct.CASES if case.name == name)
    assert look_at(tmp_path, bytes(files["model_no1.py"]).decode()) == (None, [])


@pytest.mark.attack
def test_dropout_that_acts_in_testing_is_told_though_every_shape_is_right(tmp_path):
    source = (ROOT / "model_no1.py").read_text(encoding="utf-8")
    problem, shapes = look_at(tmp_path, source.replace("dropout(h_fc1, keep_prob)", "dropout(h_fc1, 0.5)"))
    assert problem is None
    assert "units are dropped at keep_prob=1.0, which is for testing" in " ".join(shapes)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("print('error: no place (all of it: x)')\nexit(1)", "--steps 20: no place", id="told"),
        pytest.param("exit(3)", "ended with exit status 3", id="silent"),
        pytest.param("pass", "ended well, but left no run.json", id="nothing done"),
        pytest.param("while True: pass", "ran longer than the 1 s allowed", id="endless"),
    ],
)
def test_a_script_that_does_not_run_to_the_end_is_told_in_a_line(source, told, tmp_path):
    path = tmp_path / "model_no1.py"
    path.write_text(source)
    found = student_checks._check_steps("run/model_no1", path, seconds=1)
    assert found.status == "failed"
    assert told in found.message
    assert len(found.message.splitlines()) == 1


def test_a_script_that_prints_without_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("labkit.submission.children.FLOOD", 2)
    (tmp_path / "flood.py").write_text("while True: print('x' * 10_000)")
    outcome = run_child(["flood.py"], 60, tmp_path)
    assert outcome.ended == "log"
    assert len(outcome.log) <= 64 * 1024


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here")
def test_nothing_that_a_script_starts_outlives_it(tmp_path):
    (tmp_path / "leave.py").write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
    )
    assert run_child(["leave.py"], 60, tmp_path).ended == "exit"
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_modules_a_script_may_import_are_those_of_the_kit():
    here = {path.stem for path in ROOT.glob("*.py")} - set(NETWORKS)
    assert here == set(FACES)


# -------------------------------------------------------------------------------------------------- check: the results


def training(folder, script="model_no1"):
    check, accuracy = student_checks.check_training(script, folder, load_assignment().bands[script])
    assert check.name == f"training/{script}"
    return check, accuracy


def test_results_over_several_seeds_are_told_by_their_mean(folder):
    train(folder, "model_no1", seed=1, test_accuracy=0.9857)
    check, accuracy = training(folder)
    assert check.passed
    assert accuracy == pytest.approx((0.9877 + 0.9857) / 2)
    assert "98.67% on MNIST (2 seeds, 540 steps)" in check.message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"test_accuracy": float("nan")}, "a test accuracy of nan, which is none", id="NaN"),
        pytest.param({"test_accuracy": 98.77}, "a test accuracy of 98.77, which is none", id="percent"),
        pytest.param({"test_accuracy": None}, "is damaged", id="null"),
        pytest.param({"recipe": {}}, "is damaged", id="no hash"),
        pytest.param({"dataset": "synthetic digits"}, "trained on synthetic digits, not MNIST", id="synthetic digits"),
        pytest.param({"recipe": {"script_sha256": "0" * 64}}, "has changed since it was trained", id="edited since"),
        pytest.param({"test_accuracy": 0.61, "steps": 20}, "61.00% on MNIST (1 seed, 20 steps), expected", id="low"),
        pytest.param(
            {"test_accuracy": 0.96}, "(first mend what architecture/model_no1 tells, if", id="of a softmax too many"
        ),
        pytest.param({"test_accuracy": 0.9951}, "more than this network can do", id="high"),
    ],
)
def test_results_that_can_not_stand_are_told_plainly(changes, told, folder):
    train(folder, "model_no1", **changes)
    check, _ = training(folder)
    assert check.status == "failed"
    assert told in check.message


def test_a_script_without_results_is_told_how_to_get_them(folder):
    shutil.rmtree(folder / "results" / "model_no1")
    check, accuracy = training(folder)
    assert check.status == "failed"
    assert "has not been trained yet" in check.message
    assert "run `python model_no1.py`, or `python compare.py`" in check.message
    assert accuracy is None


def test_another_recipe_is_told_before_a_training_that_it_would_spoil(tmp_path):
    source = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")
    script = tmp_path / "model_no1.py"
    script.write_text(source.replace("KEEP_PROB = 0.5", "KEEP_PROB = 0.8"), encoding="utf-8")
    check, _ = student_checks.check_training("model_no1", tmp_path, (0.9, 1.0))
    assert "has not been trained yet" in check.message
    assert "`KEEP_PROB = 0.8`: deep_mnist.py has 0.5" in student_checks._trained_alike(check, script).message


def test_a_record_cut_short_is_told_as_damaged(folder):
    path = train(folder, "model_no1")
    path.write_bytes(path.read_bytes()[:50])
    assert "results/model_no1/seed-0/run.json is damaged" in training(folder)[0].message


def test_results_on_mnist_count_though_others_are_on_synthetic_digits(folder):
    train(folder, "model_no1", seed=1, dataset="synthetic digits", test_accuracy=0.5)
    check, accuracy = training(folder)
    assert check.passed
    assert accuracy == ACCURACIES["model_no1"]


# --------------------------------------------------------------------------------------------------- check: the report


def report_checks(folder):
    found = student_checks._check_report(folder / "report.pdf", load_assignment(), ACCURACIES, lambda what: None)
    return {check.name: check for check in found}


def test_a_word_file_named_pdf_is_told_apart(folder):
    (folder / "report.pdf").write_bytes(b"PK\x03\x04word/document.xml" * 100)
    found = report_checks(folder)
    assert "not a PDF, whatever its name says, but a Word" in found["report/text"].message
    assert found["report/methods"].status == "skipped"


def test_a_report_that_takes_its_reader_for_ever_is_given_up(folder, monkeypatch):
    monkeypatch.setattr(student_checks, "REPORT_SECONDS", 0.01)
    assert "ran longer than the 0.01 s allowed" in report_checks(folder)["report/text"].message


def test_a_report_without_one_network_or_with_old_numbers_is_told_which(folder):
    make_report(folder / "report.pdf", accuracies=ACCURACIES | {"model_no2": 0.9512})
    found = report_checks(folder)["report/accuracies"]
    assert found.status == "failed"
    assert "no. 2: the report has 95.12%, where 98.74% was measured" in found.message


def test_the_template_handed_in_unwritten_fails_in_all_that_is_to_be_written(folder):
    text = (ROOT / "report_template.md").read_text(encoding="utf-8").partition("-->")[2]
    (folder / "report.pdf").write_bytes(make_pdf(text.replace("## ", "# ").replace("> ", "")))
    found = report_checks(folder)
    assert [name for name, check in found.items() if check.passed] == ["files/report"]
    assert "not there, or just named: convolution, max pooling, ReLU, dropout" in found["report/methods"].message


# ---------------------------------------------------------------------------------------------------------------- pack


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["189a95", "ada", "lovelace"], 'the student id "189a95" is not a number', id="id with letters"),
        pytest.param(["189295", "ada"], "the surname is missing", id="no surname"),
        pytest.param(["189295"], "the name is missing", id="no name"),
        pytest.param(["189295", "...", "lovelace"], "the name is missing", id="no letter in the name"),
    ],
)
def test_a_name_that_can_not_be_is_told_before_anything_is_checked(arguments, told, folder, run):
    done = run("pack", *arguments)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert told in done.err
    assert len(done.err.splitlines()) == 1
    assert list(folder.glob("*.zip")) == []


def test_the_zip_holds_the_three_scripts_the_report_and_a_manifest(folder, stubbed, run):
    done = run("pack", "189295", "ada", "lovelace")
    assert (done.status, done.err) == (0, "")
    with zipfile.ZipFile(folder / "189295_ada_lovelace.zip") as archive:
        names = archive.namelist()
        assert sorted(names) == ["manifest.json", "model_no1.py", "model_no2.py", "model_no3.py", "report.pdf"]
        for name in set(names) - {"manifest.json"}:
            assert archive.read(name) == (folder / name).read_bytes()
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["id"], manifest["name"], manifest["surname"]) == ("189295", "ada", "lovelace")
    assert manifest["version"] == VERSION
    assert (manifest["forced"], manifest["failed_checks"]) == (False, [])
    assert manifest["sha256"]["report.pdf"] == hashlib.sha256((folder / "report.pdf").read_bytes()).hexdigest()


def test_the_zip_holds_what_compare_py_measured(folder, stubbed, run):
    (folder / "results" / "ablation.csv").write_text(ablation_csv(ACCURACIES))
    assert run("pack", "189295", "ada", "lovelace").status == 0
    with zipfile.ZipFile(folder / "189295_ada_lovelace.zip") as archive:
        assert archive.read("ablation.csv").decode() == ablation_csv(ACCURACIES)
        assert "ablation.csv" in json.loads(archive.read("manifest.json"))["sha256"]


def test_a_report_is_checked_against_what_compare_py_measured_as_in_grading(folder, stubbed, run):
    (folder / "results" / "ablation.csv").write_text(ablation_csv(ACCURACIES | {"model_no1": 0.9777}))
    done = run("check")
    assert "no. 1: the report has 98.77%, where ablation.csv has 97.77%" in done.out


def ablation_csv(accuracies):
    rows = [f"{script},0,MNIST,540,{value}" for script, value in accuracies.items()]
    return "\n".join(["network,seed,dataset,steps,test_accuracy", *rows, ""])


def test_names_become_a_safe_file_name_and_stay_intact_in_the_manifest(folder, stubbed, run):
    done = run("pack", "7", "María José", "O'Brien", "李")
    assert done.status == 0, done.err
    (path,) = folder.glob("*.zip")
    assert path.name.isascii()
    assert path.name.startswith("7_maria-jose_o-brien-li")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["name"], manifest["surname"]) == ("María José", "O'Brien 李")


def test_the_same_files_give_the_same_bytes(folder, stubbed, run):
    run("pack", "1", "a", "b")
    first = (folder / "1_a_b.zip").read_bytes()
    (folder / "1_a_b.zip").unlink()
    for path in folder.glob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    run("pack", "1", "a", "b")
    assert (folder / "1_a_b.zip").read_bytes() == first


def test_an_earlier_zip_is_not_written_over_silently(folder, stubbed, run):
    run("pack", "1", "a", "b")
    zipped = folder / "1_a_b.zip"
    first = zipped.read_bytes()
    assert "is there already, just as it would be written" in run("pack", "1", "a", "b").out

    make_report(folder / "report.pdf", accuracies=ACCURACIES | {"model_no1": 0.9878})
    done = run("pack", "1", "a", "b")
    assert done.status == 1
    assert "1_a_b.zip is there already, with other content: add --replace, or rename it first" in done.err
    assert zipped.read_bytes() == first

    assert run("pack", "1", "a", "b", "--replace").status == 0
    assert zipped.read_bytes() != first


def test_a_failed_check_asks_for_force_which_the_manifest_records(folder, stubbed, run):
    (folder / "model_no3.py").unlink()
    done = run("pack", "1", "a", "b")
    assert done.status == 1
    assert "nothing is packed, because a check failed" in done.err
    assert not (folder / "1_a_b.zip").exists()

    assert run("pack", "1", "a", "b", "--force").status == 0
    with zipfile.ZipFile(folder / "1_a_b.zip") as archive:
        assert "model_no3.py" not in archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["forced"], manifest["failed_checks"]) == (True, ["files/model_no3"])


def test_force_records_nothing_where_nothing_failed(folder, stubbed, run):
    run("pack", "1", "a", "b", "--force")
    with zipfile.ZipFile(folder / "1_a_b.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["forced"] is False


def test_a_full_disk_is_told_in_a_line_and_leaves_nothing_half_written(folder, stubbed, run, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    before = sorted(folder.iterdir())
    done = run("pack", "1", "a", "b")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert "1_a_b.zip cannot be written: No space left on device. Free some space" in done.err
    assert sorted(folder.iterdir()) == before


def test_ctrl_c_ends_with_130_and_no_trace(folder, monkeypatch, run):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(student_checks, "check_all", interrupted)
    done = run("pack", "1", "a", "b")
    assert done.status == 130
    assert done.err.splitlines()[-1] == "stopped by Ctrl-C; nothing was written"


def test_letters_that_the_terminal_does_not_have_stop_nothing(folder):
    (folder / "model_no1.py").write_text("x = '李\n", encoding="utf-8")
    for script in ("model_no2", "model_no3"):
        (folder / f"{script}.py").unlink()
    done = subprocess.run(
        [sys.executable, ROOT / "submit.py", "check"],
        cwd=folder,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "failed   run/model_no1" in done.stdout


def instructions(folder, now, **changes):
    assignment = dataclasses.replace(load_assignment(), **changes)
    return "\n".join(packing.instructions(assignment, folder / "1_a_b.zip", now))


def test_what_to_send_and_where_is_told_from_the_assignment(tmp_path):
    zone = datetime.timezone(datetime.timedelta(hours=1))
    deadline = datetime.datetime(2027, 1, 31, 23, 59, 59, tzinfo=zone)
    told = instructions(
        tmp_path, deadline - datetime.timedelta(days=3), course="ML 101", address="ml@uni.it", deadline=deadline
    )
    assert "hand in 1_a_b.zip for ML 101" in told
    assert "ml@uni.it" in told
    assert load_assignment().subject in told
    assert "31 January 2027, 23:59 (UTC+0100)" in told
    assert "PASSED" not in told

    told = instructions(tmp_path, deadline + datetime.timedelta(hours=30), deadline=deadline)
    assert "THE DEADLINE HAS PASSED, 30 hours ago: it counts as late (20% of the points are lost so far)" in told


def test_an_address_that_nobody_has_filled_in_is_not_passed_on(tmp_path):
    told = instructions(tmp_path, datetime.datetime.now().astimezone(), address="instructor@example.org")
    assert "example.org" not in told
    assert "ask your instructor" in told


def test_what_only_a_person_can_settle_is_counted_and_fails_nothing(folder, monkeypatch, run):
    checks = [passed(CheckId("report", "text"), "fine"), undecided(CheckId("report", "methods"), "unclear")]
    monkeypatch.setattr(student_checks, "check_all", lambda *_, **__: iter(checks))
    done = run("check")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "1 passed, 0 failed, 0 skipped, 1 undecided"


def test_a_failed_check_is_one_line_whatever_is_in_its_message(folder, monkeypatch, run):
    checks = [failed(CheckId("run", "model_no1"), "first\nsecond \x1b[2J")]
    monkeypatch.setattr(student_checks, "check_all", lambda *_, **__: iter(checks))
    done = run("check")
    assert done.out.splitlines()[0] == r"failed   run/model_no1           first second \x1b[2J"


@pytest.mark.skipif(os.name == "nt", reason="arguments are text on Windows")
def test_a_name_in_another_encoding_than_the_systems_is_a_bad_flag(folder):
    command = [sys.executable, ROOT / "submit.py", "pack", "1", b"ada\xff", "lovelace"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("is not valid in the system's encoding: use plain letters")
