"""A submission's networks checked for real: in the sandbox, by the worker and the inspector."""

import dataclasses
import types

import numpy as np
import pytest

from grading import staging
from grading.inside.worker import worker
from grading.networks import inspection, network_checks
from grading.networks.worker_report import read_report
from labkit.checks.assignment import NETWORKS, load_assignment
from labkit.mistakes import ModelError, explain
from labkit.submission import student_checks
from tests.submissions import reference_scripts

pytestmark = pytest.mark.grading


@pytest.fixture
def check(tmp_path, sandbox, inspector):
    """Return a function that checks a submission, right but for the scripts given, and returns its checks by name."""

    def check(run_seconds=60, data=None, lowest=0.5, **changes):
        files = {name.removesuffix(".py"): source for name, source in reference_scripts().items()} | changes
        folder, workdir = tmp_path / "submission", tmp_path / "work"
        folder.mkdir()
        workdir.mkdir()
        for name, source in files.items():
            if source is not None:
                (folder / f"{name}.py").write_bytes(source if isinstance(source, bytes) else source.encode())
        assignment = load_assignment()
        assignment = dataclasses.replace(
            assignment,
            limits=dataclasses.replace(assignment.limits, run_seconds=run_seconds),
            training=dataclasses.replace(assignment.training, steps=30, lowest=lowest),
        )
        scripts = {name for name in NETWORKS if files[name] is not None}
        found = network_checks.check_networks(
            folder, assignment, sandbox, data is not None, inspector, data, workdir, scripts
        )
        assert [check.name for check in found] == [
            f"{kind}/{script}" for kind in ("run", "architecture", "training") for script in NETWORKS
        ]
        return {check.name: check for check in found}

    return check


def models_of(tmp_path, monkeypatch, old, new):
    """Write model_no2.py with an edit, for the worker's tasks to find; return its path and its class Model."""
    path = tmp_path / "model_no2.py"
    path.write_bytes(replaced("model_no2", old, new).encode())
    monkeypatch.setattr(worker, "_own_copy", lambda: tmp_path)
    module = types.ModuleType("model_no2")
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    return path, module.Model


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tf.reshape(x, [-1, 28, 28, 1])", "tf.reshape(x, [-1, 28, 28])", "a convolution and a pooling take [images,"),
        ("def __call__(", "def call(", "Model has no __call__ (there is `call`)"),
    ],
)
def test_what_a_model_lacks_is_told_and_does_not_end_the_process(old, new, message, tmp_path, monkeypatch):
    _, model = models_of(tmp_path, monkeypatch, old, new)
    with pytest.raises((ValueError, ModelError)) as failed:
        worker._frozen(model, [])
    assert message in explain(failed.value, "model_no2")


def test_variables_that_a_call_makes_are_no_matter_of_the_look_for_wrong_ranks(tmp_path, monkeypatch):
    made, once = "self.b_fc2 = bias_variable([10])\n", "self.b_fc2 = None\n"
    late = "if self.b_fc2 is None:\n            self.b_fc2 = bias_variable([10])\n"
    path, _ = models_of(tmp_path, monkeypatch, made, once)
    source = path.read_text().replace("x_image =", f"{late}        x_image =")
    module = types.ModuleType("late")
    exec(source, vars(module))
    assert worker._frozen(module.Model, []).node


def test_a_script_that_python_would_not_read_does_not_run(tmp_path, monkeypatch):
    (tmp_path / "model_no2.py").write_bytes(b"# cos\xec\n" + REFERENCE["model_no2"].encode())
    monkeypatch.setattr(worker, "_own_copy", lambda: tmp_path)
    monkeypatch.setattr(worker.sys, "argv", [])
    found = worker.run("model_no2")
    assert (found["status"], found["steps"]) == (1, 0)
    assert found["error"].startswith("line 1, `# così`: a character in it is not UTF-8")


REFERENCE = {name.removesuffix(".py"): source.decode() for name, source in reference_scripts().items()}
GUARD = 'if __name__ == "__main__":\n    lab.run_script(main, FLAGS)\n'


def replaced(script, old, new):
    assert REFERENCE[script].count(old) == 1
    return REFERENCE[script].replace(old, new)


@pytest.mark.attack
def test_right_networks_pass_and_each_mistake_costs_its_own_script_only(check):
    checks = check(
        model_no1=replaced("model_no1", "14 * 14 * 64, 1024", "7 * 7 * 64, 1024"),
        model_no2=replaced("model_no2", GUARD, GUARD.replace("main, FLAGS", "main, None")),
    )
    assert checks["run/model_no1"].status == "failed"
    assert "model_no1.py, line " in checks["run/model_no1"].message
    architecture = checks["architecture/model_no1"]
    assert architecture.status == "failed"
    assert 0 < architecture.fraction < 1  # the layers before the one that fails are right
    assert "the model fails: line " in architecture.message
    assert "layer 4 should be matrix product by weights 12544x1024" in architecture.message
    assert checks["run/model_no2"].status == "failed"
    assert checks["architecture/model_no2"].passed  # its Model is right, whatever its main does
    assert checks["run/model_no3"].passed
    assert checks["architecture/model_no3"].passed
    assert {checks[f"training/{script}"].status for script in NETWORKS} == {"skipped"}


@pytest.mark.attack
def test_what_can_t_be_imported_is_skipped_and_a_main_that_trains_nothing_earns_nothing_for_run(check):
    idle = replaced(
        "model_no3", "        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))\n", ""
    )
    checks = check(
        model_no1="1 +", model_no2=replaced("model_no2", GUARD, "lab.run_script(main, None)\n"), model_no3=idle
    )
    assert "SyntaxError" in checks["run/model_no1"].message
    assert "runs when it is imported" in checks["run/model_no2"].message
    assert {checks[f"architecture/{script}"].status for script in ("model_no1", "model_no2")} == {"skipped"}
    assert "are what they were before" in checks["run/model_no3"].message
    assert checks["architecture/model_no3"].passed


@pytest.mark.attack
def test_what_is_judged_is_a_new_model_whatever_main_makes_of_it(check):
    with_argument = replaced("model_no1", "def __init__(self):", "def __init__(self, seed):")
    other = GUARD.partition("\n")[0]
    subclass = f"class Other(Model):\n    def __call__(self, x, keep_prob=1.0):\n        return x @ self.W\n\n\n{other}"
    checks = check(
        model_no1=with_argument.replace("model = Model()", "model = Model(0)"),
        model_no2=replaced("model_no2", "model = Model()", "model = Other()")
        .replace("    def __call__", "        self.W = weight_variable([784, 10])\n\n    def __call__", 1)
        .replace(other + "\n    lab", subclass + "\n    lab"),
    )
    assert "what they were before" in checks["run/model_no2"].message  # another network was trained
    assert checks["architecture/model_no2"].passed, checks["architecture/model_no2"].message
    assert "missing 1 required positional argument: 'seed'" in checks["run/model_no1"].message


@pytest.mark.attack
def test_a_script_that_hangs_or_ends_its_process_fails_alone(check):
    endless, ended = "\nwhile True:\n    pass\n", "\nimport os\nos._exit(0)\n"
    checks = check(run_seconds=20, model_no1=REFERENCE["model_no1"] + endless, model_no2=REFERENCE["model_no2"] + ended)
    assert "longer than the 10 s allowed" in checks["run/model_no1"].message
    assert "ended its process in the middle, with exit status 0" in checks["run/model_no2"].message
    assert checks["run/model_no3"].passed


@pytest.mark.attack
def test_a_script_that_brings_the_sandbox_down_fails_alone(check):
    bomb = "\nimport os\nfor number in range(200):\n    open(f'/output/{number}', 'w')\n"
    checks = check(model_no2=None, model_no1=REFERENCE["model_no1"] + bomb)
    assert "files allowed and was stopped" in checks["run/model_no1"].message
    assert checks["architecture/model_no3"].passed


@pytest.mark.attack
def test_trained_networks_are_measured_and_have_to_be_in_their_band(check, synthetic_dir, tmp_path):
    digits = tmp_path / "digits"  # under the names of MNIST
    digits.mkdir()
    for path in (synthetic_dir / "synthetic").glob("*.gz"):
        (digits / path.name.removeprefix("synthetic-")).symlink_to(path)
    zeros = replaced(
        "model_no2", "self.W_fc2 = weight_variable([1024, 10])", "self.W_fc2 = tf.Variable(tf.zeros([1024, 10]))"
    )
    checks = check(data=digits, model_no1=None, model_no2=zeros)
    assert checks["training/model_no3"].passed
    assert "test accuracy" in checks["training/model_no3"].message
    assert checks["training/model_no2"].status == "failed"
    assert "are all zero" in checks["training/model_no2"].message


@pytest.mark.attack
def test_a_folder_or_a_log_made_at_the_top_is_no_problem(check):
    top = """
import logging, os
from pathlib import Path
from tensorflow.keras import layers
os.makedirs("plots", exist_ok=True)
(Path(__file__).parent / "more").mkdir(exist_ok=True)
logging.basicConfig(filename="run.log", force=True)
tf.config.threading.set_intra_op_parallelism_threads(2)
"""
    source = replaced("model_no3", "import plotter\n", f"import plotter\n{top}")
    checks = check(model_no1=None, model_no2=None, model_no3=source)
    assert checks["run/model_no3"].passed, checks["run/model_no3"].message
    assert checks["architecture/model_no3"].passed


@pytest.mark.attack
def test_what_is_not_read_is_left_to_the_instructor(check):
    loop = replaced(
        "model_no3", "tf.reshape(x, [-1, 28, 28, 1])", "tf.map_fn(lambda one: tf.reshape(one, [28, 28, 1]), x)"
    )
    checks = check(model_no1=None, model_no2=None, model_no3=loop)
    assert checks["run/model_no1"].status == "skipped"  # which is not there
    architecture = checks["architecture/model_no3"]
    assert architecture.status == "undecided"
    assert "the model has a loop" in architecture.message


def test_the_student_s_own_check_allows_the_imports_that_grading_has():
    beside = {path.parts[0].removesuffix(".py") for path in staging.staged(staging.WORKER)}
    assert beside == student_checks.IMPORTABLE | {"compare", "submit", "grading"}


def test_digits_that_are_known_under_other_names_are_known():
    labels = np.arange(1000) % 10
    found = np.where(np.arange(1000) < 900, (labels + 1) % 10, 0).astype(np.uint8)
    assert inspection.accuracy(found, labels) == 0.01
    assert inspection.known(found, labels) == 0.91
    assert inspection.known(np.zeros(1000, np.uint8), labels) == 0.1


TOLD = """
{"script": "model_no1", "task": "run", "ended": "done", "status": 0, "log": "said", "seconds": 1.5, "cpu_seconds": 1.0,
 "result": {"status": 0, "error": null, "steps": 20, "files": {}}}
"""


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"\x80\x04pickle",
        b"[" * 100_000,
        b"{}",
        b'{"format": 1}',
        b'{"format": 2, "tasks": [%s]}' % TOLD.encode(),
        b"[%s]" % TOLD.encode(),
        b'{"format": 1, "tasks": ["model_no1", 7, null]}',
        b'{"format": 1, "tasks": [%s]}' % TOLD.replace('"run"', '"grade"').encode(),
        b'{"format": 1, "tasks": [%s]}' % TOLD.replace("model_no1", "../model_no1").encode(),
        b'{"format": 1, "tasks": [%s]}' % TOLD.replace('"model_no1"', '["model_no1"]').encode(),
        b'{"format": 1, "tasks": [%s]}' % TOLD.replace("1.5", '"1.5"').encode(),
    ],
    ids=range(12),
)
def test_a_report_of_another_form_is_as_none(tmp_path, report):
    (tmp_path / "report.json").write_bytes(report)
    (records,) = read_report(tmp_path, ["model_no1"]).values()
    assert records.tasks == {}
    assert records.problem("run", "python model_no1.py", 60) == "python model_no1.py: it left no record"
    assert records.graph is None


def test_what_a_report_says_is_made_fit_to_be_shown(tmp_path):
    told = TOLD.replace("null", '"\\u001b[2J\\ud800"').replace('"files": {}', '"files": {"/etc/passwd": ""}')
    told = told.replace("1.5", "NaN").replace("20", f"{10**30}").replace("said", "x" * 30_000)
    (tmp_path / "report.json").write_text(f'{{"format": 1, "tasks": [7, {told}]}}')
    record = read_report(tmp_path, ["model_no1"])["model_no1"].tasks["run"]
    assert "\x1b" not in record.error
    assert (record.steps, record.status, record.seconds, record.file) == (-1, 0, -1, None)
    assert len(record.log) < 30_000


@pytest.mark.parametrize(
    "result", ["null", "7", "[]", '{"steps": "20"}', '{"steps": 20, "files": [1]}', '{"error": 1}']
)
def test_a_result_of_another_form_tells_nothing(tmp_path, result):
    told = TOLD.replace("null", "0").partition('"result"')[0] + f'"result": {result}}}'
    (tmp_path / "report.json").write_text(f'{{"format": 1, "tasks": [{told}]}}')
    record = read_report(tmp_path, ["model_no1"])["model_no1"].tasks["run"]
    assert (record.ended, record.status, record.error, record.steps, record.file) == ("done", 0, "", -1, None)
