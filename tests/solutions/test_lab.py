"""The frame around the scripts: flags, exit statuses, record, checkpoints, TensorBoard."""

import errno
import functools
import gc
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import deep_mnist
import input_data
import lab
from labkit.checks import model_check
from labkit.files import WriteError
from labkit.host import Host, hosted
from labkit.run import entry, summary
from labkit.run.checkpoints import Checkpoint, CheckpointError
from labkit.run.record import keep_longer_run
from tests.solutions.scripts import PATIENCE, run, start
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

SCRIPTS = ["softmax_mnist", "deep_mnist", "beyond_mnist", "model_no1", "model_no2", "model_no3"]
DEEP = {"confusion.png", "filters.png", "feature_maps.png"}
PICTURES = {"softmax_mnist": {"confusion.png", "weights.png"}, "beyond_mnist": {"distortions.png", "images_seen.png"}}


@pytest.fixture(scope="module")
def synthetic(synthetic_dir):
    return ("--dataset", "synthetic", "--data-dir", synthetic_dir)


# ---------------------------------------------------------------------------------------------- the scripts as a whole


@pytest.mark.smoke
@pytest.mark.training
@pytest.mark.sample(2, of="what takes seconds")
def test_importing_the_scripts_prints_nothing_and_leaves_nothing(tmp_path):
    code = "import " + ", ".join(SCRIPTS)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MNIST_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


THREE_STEPS = ("--steps", 3, "--seed", 7)


@pytest.fixture(scope="module")
def runs(synthetic, tmp_path_factory):
    """Run scripts, each once, and return the runs by name, and the folder that all leave their results in."""
    folder = tmp_path_factory.mktemp("runs")
    return SimpleNamespace(
        of=functools.cache(lambda script: run(script, *THREE_STEPS, *synthetic, cwd=folder)), folder=folder
    )


OTHERS = [pytest.param(script, marks=pytest.mark.training) for script in SCRIPTS[1:]]


@pytest.mark.parametrize("script", ["softmax_mnist", *OTHERS])
def test_a_run_leaves_its_record(script, runs):
    done = runs.of(script)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr

    folder = runs.folder / "results" / script / "seed-7"
    record = json.loads((folder / "run.json").read_text())
    predictions = np.load(folder / "predictions.npy")
    assert done.stdout.splitlines()[-1] == (
        f"test accuracy {record['test_accuracy']:.4f} (10,000 images, synthetic digits)"
    )
    assert (predictions.shape, predictions.dtype) == ((10_000,), np.uint8)
    assert record["predictions_sha256"] == hashlib.sha256((folder / "predictions.npy").read_bytes()).hexdigest()
    assert (record["script"], record["dataset"], record["seed"], record["steps"]) == (script, "synthetic digits", 7, 3)
    assert len(record["sha256"]) == 4
    assert record["packages"].keys() >= {"numpy", "matplotlib"}
    for accuracy in ("validation_accuracy", "train_accuracy"):
        assert [entry["step"] for entry in record["history"] if entry[accuracy] is not None] == [0, 1, 2, 3]
    assert [entry["step"] for entry in record["history"] if entry["loss"] is None] == [0]
    assert {path.name for path in folder.glob("*.png")} >= {"curves.png", "mistakes.png", *PICTURES.get(script, DEEP)}


def test_test_accuracy_counts_the_right_predictions(runs, synthetic_dir):
    runs.of("softmax_mnist")
    labels = input_data.read_data_sets(synthetic_dir, dataset="synthetic").test.labels
    folder = runs.folder / "results/softmax_mnist/seed-7"
    accuracy = np.count_nonzero(np.load(folder / "predictions.npy") == labels) / 10_000
    assert json.loads((folder / "run.json").read_text())["test_accuracy"] == accuracy


@pytest.fixture
def no_tensorflow(tmp_path):
    """Return an environment in which importing TensorFlow fails: what works there did not wait for it."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "tensorflow.py").write_text("raise ImportError('no such package here')\n")
    return {"PYTHONPATH": str(tmp_path / "fake")}


def test_help_does_not_wait_for_tensorflow(no_tensorflow, tmp_path):
    done = run("deep_mnist", "--help", cwd=tmp_path, **no_tensorflow)
    assert done.returncode == 0
    for flag in ("--data-dir", "--dataset", "--steps", "--batch-size", "--learning-rate", "--seed", "--results-dir"):
        assert flag in done.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ["--steps", "0"],
        ["--steps", "ten"],
        ["--learning-rate", "nan"],
        ["--seed", "-1"],
        ["--precision", "float16"],
        ["--colour", "red"],
    ],
)
def test_a_bad_flag_ends_with_status_2_before_tensorflow(flags, no_tensorflow, tmp_path):
    done = run("deep_mnist", *flags, cwd=tmp_path, **no_tensorflow)
    assert done.returncode == 2
    assert flags[1] in done.stderr


def test_a_missing_tensorflow_is_told_with_the_command_that_installs_it(no_tensorflow, tmp_path):
    done = run("deep_mnist", cwd=tmp_path, **no_tensorflow)
    assert done.returncode == 1
    assert "no such package here" in done.stderr
    assert "pip install -r requirements.txt" in done.stderr


def failure(done):
    """Return the one line of a failed run on stderr."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    return errors[0]


@pytest.mark.parametrize(
    ("script", "rate", "problem"),
    [
        ("softmax_mnist", "1e38", "the loss is"),
        pytest.param("deep_mnist", "1e30", "the weights are", marks=pytest.mark.training),
    ],
)
def test_numbers_that_are_not_finite_stop_the_run(script, rate, problem, synthetic, tmp_path):
    error = failure(run(script, "--learning-rate", rate, "--steps", 20, *synthetic, cwd=tmp_path))
    assert re.search(rf"{problem} not finite at step \d+", error)
    assert "--learning-rate" in error
    assert not (tmp_path / "results" / script / "seed-0" / "run.json").exists()


def test_an_error_of_several_lines_is_told_in_one(capsys):
    def main(flags):
        raise input_data.DataError("no data:\n  mirror 1 is silent\n  mirror 2, too\nTry again.")

    with pytest.raises(SystemExit) as end:
        lab.run_script(main, SimpleNamespace())
    assert end.value.code == 1
    assert capsys.readouterr().err == "error: no data: mirror 1 is silent mirror 2, too Try again.\n"


@pytest.mark.parametrize(
    ("saved", "message"),
    [(True, "; --resume continues from the last checkpoint"), (False, " before the first checkpoint")],
)
def test_ctrl_c_ends_a_script_with_130_and_the_way_to_go_on(saved, message, tmp_path, capsys):
    def main(flags):
        raise KeyboardInterrupt

    folder = tmp_path / "s" / "seed-0" / "checkpoint"
    folder.mkdir(parents=True)
    if saved:
        (folder / "run-1-step-100.index").touch()
    with pytest.raises(SystemExit) as end:
        lab.run_script(main, SimpleNamespace(results_dir=tmp_path, script="s", seed=0, resume=False))
    assert end.value.code == 130
    assert capsys.readouterr().err == f"stopped by Ctrl-C{message}\n"


def test_ctrl_c_promises_no_way_on_where_a_script_has_none(capsys):
    def main(flags):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        lab.run_script(main, SimpleNamespace())
    assert end.value.code == 130
    assert capsys.readouterr().err == "stopped by Ctrl-C\n"


def test_a_batch_larger_than_the_data_is_refused(synthetic, tmp_path):
    assert "--batch-size 60000" in failure(run("softmax_mnist", "--batch-size", 60000, *synthetic, cwd=tmp_path))


@pytest.mark.parametrize("kind", [PermissionError, FileExistsError, NotADirectoryError])
def test_results_that_can_not_be_written_are_told_with_the_flag_for_another_folder(kind, tmp_path, capsys):
    number = {PermissionError: errno.EACCES, FileExistsError: errno.EEXIST, NotADirectoryError: errno.ENOTDIR}[kind]

    def main(flags):
        raise kind(number, os.strerror(number), "results/s")

    with pytest.raises(SystemExit):
        lab.run_script(main, SimpleNamespace(results_dir=tmp_path, script="s", seed=0))
    assert capsys.readouterr().err.endswith("'results/s'; --results-dir takes another folder for the results\n")


def test_a_results_folder_that_can_not_be_made_is_named(synthetic, tmp_path):
    (tmp_path / "results").write_text("a file where the folder should go")
    error = failure(run("softmax_mnist", "--steps", 2, *synthetic, cwd=tmp_path))
    assert "results/softmax_mnist" in error.replace("\\", "/")


def test_a_shape_that_does_not_fit_is_told_with_the_line_of_the_script(synthetic, tmp_path):
    source = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")
    copy = tmp_path / "model_no1.py"
    copy.write_text(source.replace("weight_variable([7 * 7 * 64, 1024])", "weight_variable([6 * 6 * 64, 1024])"))
    done = run(copy.with_suffix(""), *synthetic, cwd=tmp_path)
    error = failure(done)
    line = next(i for i, text in enumerate(source.splitlines(), 1) if "tf.matmul(h_pool2_flat" in text)
    assert f"model_no1.py, line {line}, `h_fc1 = tf.nn.relu(" in error
    assert "3136" in error
    assert "Traceback" in (tmp_path / "results/model_no1/seed-0/error.txt").read_text()


def test_a_mistake_whose_text_is_not_valid_is_told_all_the_same(tmp_path):
    flags = SimpleNamespace(results_dir=tmp_path, script="s", seed=0)
    message = entry._explain(ValueError("no file kit\udcff"), flags, lambda flags: None)
    assert message.startswith("test_lab.py: ValueError: no file kit\udcff (all of it: ")
    assert r"no file kit\udcff" in (tmp_path / "s/seed-0/error.txt").read_text()


def test_a_mistake_in_a_traced_function_is_told_with_its_reason(tmp_path):
    @tf.function
    def step(x):
        return tf.matmul(x, tf.zeros([4, 2])).shame

    def main(flags):
        step(tf.zeros([2, 4]))

    with pytest.raises(AttributeError) as failed:
        main(None)
    message = entry._explain(failed.value, SimpleNamespace(results_dir=tmp_path, script="s", seed=0), main)
    assert re.search(r"test_lab\.py, line \d+, `.*`: AttributeError: .*shame", message)
    assert "in user code" not in message


def test_a_reshape_that_mixes_up_images_is_told_before_training(synthetic, tmp_path):
    source = (ROOT / "model_no2.py").read_text(encoding="utf-8")
    copy = tmp_path / "model_no2.py"
    copy.write_text(source.replace("14 * 14 * 32", "7 * 7 * 32"))
    error = failure(run(copy.with_suffix(""), *synthetic, cwd=tmp_path))
    assert "the model returned shape (8, 10) for 2 images, expected (2, 10)" in error


# ---------------------------------------------------------------------------------------- same seed, kill and resume


def wait_for(path, process):
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert process.poll() is None, f"the run ended before it wrote {path}: {process.communicate()}"
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.02)


@pytest.mark.training
@pytest.mark.sample(2, of="what takes seconds")
def test_resume_starts_without_a_checkpoint_as_any_run_with_the_same_seed_and_refuses_another_recipe(
    runs, synthetic, tmp_path
):
    done = run("softmax_mnist", *THREE_STEPS, "--resume", *synthetic, cwd=tmp_path)
    assert (done.returncode, runs.of("softmax_mnist").returncode) == (0, 0)
    assert "starting from the first step" in done.stderr
    predictions = (path / "results/softmax_mnist/seed-7/predictions.npy" for path in (runs.folder, tmp_path))
    np.testing.assert_array_equal(*map(np.load, predictions))
    error = failure(run("softmax_mnist", "--steps", 6, "--seed", 7, "--resume", *synthetic, cwd=tmp_path))
    assert "steps was 3, is 6" in error


@pytest.mark.training
def test_another_seed_gives_other_predictions(runs, synthetic, tmp_path):
    assert run("softmax_mnist", "--steps", 3, "--seed", 8, *synthetic, cwd=tmp_path).returncode == 0
    runs.of("softmax_mnist")
    one, other = runs.folder / "results/softmax_mnist/seed-7", tmp_path / "results/softmax_mnist/seed-8"
    assert not np.array_equal(*(np.load(folder / "predictions.npy") for folder in (one, other)))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.training
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_resumes_and_ends_as_an_unbroken_one_does(number, runs, synthetic, tmp_path):
    command, folder = ("deep_mnist", *THREE_STEPS, *synthetic), Path("results/deep_mnist/seed-7")
    process = start(*command, cwd=tmp_path)
    wait_for(tmp_path / folder / "checkpoint" / "checkpoint", process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=PATIENCE)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in stderr
        assert "--resume" in stderr
    assert not (tmp_path / folder / "run.json").exists(), "stopped too late to test anything"

    resumed, unbroken = run(*command, "--resume", cwd=tmp_path), runs.of("deep_mnist")
    assert (resumed.returncode, unbroken.returncode) == (0, 0), resumed.stderr + unbroken.stderr
    assert "starting from the first step" not in resumed.stderr
    paths = [path / folder for path in (tmp_path, runs.folder)]
    np.testing.assert_array_equal(*(np.load(path / "predictions.npy") for path in paths))
    histories = [json.loads((path / "run.json").read_text())["history"] for path in paths]
    for logged in histories[0] + histories[1]:
        logged.pop("seconds")
    assert histories[0] == histories[1]


# ------------------------------------------------------------------------------------------------------------ the parts


class Digits(SimpleNamespace):
    """A stand-in for a DataSet of n random images with one-hot labels."""

    def __init__(self, n):
        rng = np.random.default_rng(n)
        super().__init__(
            images=rng.uniform(size=(n, 784)).astype(np.float32),
            labels=np.eye(10)[rng.integers(10, size=n)],
            num_examples=n,
        )

    def first(self, count):
        return self.images[:count], self.labels[:count]

    def get_state(self):
        return {}


def small_run(tmp_path, predict, **flags):
    """Make a Run on a few random images, for what needs no training."""
    names = {
        "script": "s",
        "seed": 0,
        "results_dir": str(tmp_path),
        "log_dir": None,
        "resume": False,
        "test_only": False,
    }
    recipe = {"steps": 20, "batch_size": 5, "learning_rate": 1.0, "schedule": "constant", "precision": "float32"}
    mnist = SimpleNamespace(
        train=Digits(50), validation=Digits(1234), test=Digits(1017), name="random noise", sha256={}
    )
    return lab.Run(SimpleNamespace(**names | recipe | flags), mnist, deep_mnist.Model(), None, predict)


def test_the_test_images_are_not_touched_while_training(tmp_path):
    seen = []

    def predict(x):
        seen.append(x)
        return tf.zeros(len(x), tf.int64)

    run = small_run(tmp_path, predict)
    test, run.mnist.test = run.mnist.test, None  # any use of them is an error
    for _ in run.steps():
        run.log(1.0)
    validation = run.mnist.validation.images
    both = np.concatenate([validation, run.mnist.train.images])
    np.testing.assert_array_equal(np.concatenate(seen), np.tile(both, (6, 1)))  # before the training, and five times

    run.mnist.test = test
    assert len(run.test()) == 1017  # the partial last batch counts


def test_rounds_are_the_steps_in_order_and_stop_where_something_is_to_be_logged(tmp_path):
    cases = [(540, {10}, 5), (20, {4}, 5), (57, {10, 7}, 3), (33, {6, 3}, 6), (1, {1}, 1)]
    for steps, lengths, validations in cases:
        run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), steps=steps)
        run._checkpoint.save = lambda *_: None  # saving is slow, and another test's subject
        rounds = []
        for round_ in run.rounds():
            run.log(np.ones(len(round_)))
            rounds.append(round_)
        assert [step for round_ in rounds for step in round_] == list(range(1, steps + 1))
        assert {len(round_) for round_ in rounds} == lengths
        assert [entry["step"] for entry in run.history] == [0, *(round_[-1] for round_ in rounds)]
        assert sum(entry["validation_accuracy"] is not None for entry in run.history) == 1 + validations


def test_a_long_run_is_validated_often_while_its_accuracy_changes_fast(tmp_path):
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), steps=2600)
    run._checkpoint.save, run._validation_accuracy = (lambda *_: None), (lambda: 0.5)
    for steps in run.rounds():
        run.log(np.ones(len(steps)))
    validated = [entry["step"] for entry in run.history if entry["validation_accuracy"] is not None]
    assert validated == [0, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000, 2500, 2600]


def steps_told(tmp_path, capsys, steps, seconds=0.0):
    """Return the steps that a run reports without a terminal, where each step takes so many seconds."""
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), steps=steps)
    run._checkpoint.save, run._validation_accuracy = (lambda *_: None), (lambda: 0.5)
    times = iter(np.arange(steps + 1) * seconds)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("time.perf_counter", lambda: next(times))
        for _ in run.steps():
            run.log(1.0)
    _, before, *lines = capsys.readouterr().out.splitlines()
    assert before == "before training: validation 50.00%"
    assert all(
        re.fullmatch(r"step [\d,]+ of [\d,]+, \d+ s: loss 1\.000(, validation 50\.00%)?", line) for line in lines
    )
    return [int(line.split()[1].replace(",", "")) for line in lines]


def test_without_a_terminal_a_line_tells_each_tenth_of_the_steps_or_each_half_minute(tmp_path, capsys):
    assert steps_told(tmp_path, capsys, 100) == list(range(10, 100, 10))
    assert steps_told(tmp_path, capsys, 3) == [1, 2]
    assert max(np.diff(steps_told(tmp_path, capsys, 540, seconds=2))) == 20


def test_a_loss_that_is_not_finite_is_named_with_its_step_within_the_round(tmp_path):
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), steps=100)
    rounds = run.rounds()
    next(rounds)
    with pytest.raises(lab.LabError, match="the loss is not finite at step 4,"):
        run.log(np.array([1, 1, 1, np.nan, 1, 1, 1, 1, 1, 1]))


def test_a_round_needs_as_many_losses_as_steps(tmp_path):
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), steps=100)
    next(run.rounds())
    with pytest.raises(ValueError, match="shorter"):
        run.log(1.0)


def test_before_training_a_network_is_right_by_chance_and_that_is_measured(tmp_path):
    run = small_run(tmp_path, lambda x: tf.random.stateless_uniform([len(x)], [1, 2], 0, 10, tf.int64))
    next(run.steps())
    (entry,) = run.history
    assert (entry["step"], entry["loss"], entry["seconds"]) == (0, None, 0)
    assert entry["validation_accuracy"] == pytest.approx(0.1, abs=0.03)  # of 1,234 images; the deviation is 0.0085
    labels = run.mnist.train.labels.argmax(axis=1)
    assert entry["train_accuracy"] == np.mean(run.predict(run.mnist.train.images).numpy() == labels)


@pytest.mark.training
def test_test_only_trains_nothing_and_finds_the_accuracy_of_the_record(runs, synthetic, tmp_path):
    runs.of("softmax_mnist")
    shutil.copytree(runs.folder / "results", tmp_path / "results")
    folder = tmp_path / "results" / "softmax_mnist" / "seed-7"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".json", ".npy", ".png")}
    done = run("softmax_mnist", "--seed", 7, "--test-only", *synthetic, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.splitlines()
    assert first == "softmax_mnist: tests the weights of step 3, synthetic digits"
    accuracy = json.loads(before["run.json"])["test_accuracy"]
    assert last == f"test accuracy {accuracy:.4f} (10,000 images, synthetic digits)"
    assert {name: (folder / name).read_bytes() for name in before} == before


@pytest.mark.training
def test_test_only_needs_a_checkpoint_of_this_very_script(runs, synthetic, tmp_path):
    error = failure(run("softmax_mnist", "--seed", 8, "--test-only", *synthetic, cwd=tmp_path))
    assert "to test: train first, without --test-only" in error
    runs.of("softmax_mnist")
    shutil.copytree(runs.folder / "results", tmp_path / "results", dirs_exist_ok=True)
    copy = tmp_path / "softmax_mnist.py"
    copy.write_text((ROOT / "softmax_mnist.py").read_text().replace("tf.zeros([784, 10])", "tf.ones([784, 10])"))
    error = failure(run(copy.with_suffix(""), "--seed", 7, "--test-only", *synthetic, cwd=tmp_path))
    assert "softmax_mnist.py has changed" in error


def test_the_end_without_a_test_is_told_with_what_is_missing(tmp_path):
    with pytest.raises(lab.LabError, match=r"run\.test\(\) has to come before"):
        small_run(tmp_path, None).finish()


def test_the_learning_rates_of_a_round_are_those_of_its_steps():
    for schedule in ("one-cycle", "constant"):
        flags = SimpleNamespace(schedule=schedule, steps=540, learning_rate=6e-3)
        rates = lab.learning_rate(range(101, 111), flags)
        assert rates.dtype == np.float32
        assert list(rates) == [lab.learning_rate(step, flags) for step in range(101, 111)]


def test_the_last_good_record_stays_when_the_disk_is_full(tmp_path, monkeypatch):
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64))
    for _ in run.steps():
        run.log(1.0)
    run.test()
    good = (run.folder / "run.json").read_bytes()

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(WriteError, match="No space left"):
        run.test()
    assert (run.folder / "run.json").read_bytes() == good
    assert not list(run.folder.glob(".*"))


def small_checkpoint(folder):
    model = tf.Module()
    model.w = tf.Variable(tf.zeros([1000]))
    return Checkpoint(folder, model)


def test_a_checkpoint_on_a_full_disk_is_told_without_blaming_the_script_and_leaves_no_part(tmp_path, capsys):
    checkpoint = small_checkpoint(tmp_path / "s" / "seed-0" / "checkpoint")

    def full(checkpoint_number):
        (checkpoint.folder / "run-1-step-4_temp").mkdir(parents=True)
        raise tf.errors.ResourceExhaustedError(None, None, f"{checkpoint.folder}/part; No space left on device")

    checkpoint._manager.save = full
    with pytest.raises(SystemExit):
        lab.run_script(lambda flags: checkpoint.save(4, {}), SimpleNamespace(results_dir=tmp_path, script="s", seed=0))
    assert capsys.readouterr().err == (
        f"error: the checkpoint in {checkpoint.folder} can't be saved, because the disk is full "
        "(No space left on device): make room, or give --results-dir a folder on another disk; "
        "--resume goes on from the last checkpoint\n"
    )
    assert list(checkpoint.folder.iterdir()) == []


def test_a_network_that_is_done_is_restored_without_warnings_about_its_optimizer(tmp_path, caplog):
    def checkpoint():
        model, optimizer = tf.Module(), tf.compat.v1.train.AdamOptimizer(0.1)
        model.w = tf.Variable([1.0, 2.0])
        return Checkpoint(tmp_path, model, optimizer), model, optimizer

    saved, model, optimizer = checkpoint()
    optimizer.apply_gradients([(tf.constant([1.0, 1.0]), model.w)])
    saved.save(1, {})
    restored, again, optimizer = checkpoint()  # which takes no step, so it has no averages to restore
    restored.restore()
    np.testing.assert_array_equal(again.w, model.w)
    del restored, again, optimizer
    gc.collect()
    assert not caplog.messages


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_damaged_checkpoint_is_told_with_what_to_do(part, tmp_path):
    checkpoint = small_checkpoint(tmp_path)
    checkpoint.save(3, {"step": 3})
    assert checkpoint.read_state() == {"step": 3}
    (path,) = tmp_path.glob(f"*.{part}")
    path.write_bytes(path.read_bytes()[:100])
    read = checkpoint.restore if part.startswith("data") else checkpoint.read_state  # the state alone may be whole
    with pytest.raises(CheckpointError, match=r"is damaged \(.*\): leave out --resume to start anew"):
        read()


def test_one_cycle_rises_for_a_fifth_of_the_steps_and_falls_to_almost_zero():
    flags = SimpleNamespace(schedule="one-cycle", steps=10, learning_rate=0.9)
    rates = [lab.learning_rate(step, flags) for step in range(1, 11)]
    np.testing.assert_allclose(rates, [0.45, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_is_positive_however_short(steps):
    flags = SimpleNamespace(schedule="one-cycle", steps=steps, learning_rate=0.9)
    assert all(0 < lab.learning_rate(step, flags) <= np.float32(0.9) for step in range(1, steps + 1))


def test_a_learning_rate_that_changes_does_not_compile_the_step_anew():
    step = tf.function(lambda rate: rate * 2)
    flags = SimpleNamespace(schedule="one-cycle", steps=10, learning_rate=0.9)
    for number in range(1, 11):
        step(lab.learning_rate(number, flags))
    assert step.experimental_get_tracing_count() == 1


def test_a_constant_schedule_is_constant():
    flags = SimpleNamespace(schedule="constant", steps=10, learning_rate=0.5)
    assert {lab.learning_rate(step, flags) for step in range(1, 11)} == {np.float32(0.5)}


@pytest.mark.parametrize(
    ("processor", "precision"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 rdpid", "bfloat16"),
        ("flags\t\t: fpu amx_bf16 amx_tile", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f", "float32"),
        ("Features\t: fp asimd bf16", "float32"),
    ],
)
def test_precision_follows_the_processor(processor, precision, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(processor + "\n")
    assert lab.pick_precision("auto", cpuinfo) == precision
    assert lab.pick_precision("float32", cpuinfo) == "float32"


@pytest.mark.parametrize(
    ("allowed", "precision"),
    [("AVX2", "float32"), ("avx512_core_vnni", "float32"), ("AVX512_CORE_BF16", "bfloat16"), ("DEFAULT", "bfloat16")],
)
def test_precision_follows_what_onednn_may_use_of_the_processor(allowed, precision, tmp_path, monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", allowed)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags\t\t: fpu avx512_bf16\n")
    assert lab.pick_precision("auto", cpuinfo) == precision


def test_precision_is_float32_where_the_processor_can_not_be_asked(tmp_path):
    assert lab.pick_precision("auto", tmp_path / "absent") == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_of_the_flag_is_that_of_the_run(precision, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["deep_mnist.py", "--precision", precision, "--data-dir", str(tmp_path)])
    flags = lab.parse_flags("A script.", steps=1, batch_size=1)
    before = tf.config.optimizer.get_experimental_options()
    try:
        with hosted(Host(read_data_sets=lambda **_: input_data.DataSets(*[numbered_images(2)] * 3))):
            lab.read_data(flags)
        options = tf.config.optimizer.get_experimental_options()
    finally:
        tf.config.optimizer.set_experimental_options(before)
    assert flags.precision == precision
    assert options["auto_mixed_precision_onednn_bfloat16"] == (precision == "bfloat16")


def numbered_images(count):
    return input_data.DataSet(np.zeros((count, 28, 28, 1), np.uint8), np.arange(count))


def test_feature_maps_of_a_model_that_needs_autograph():
    def with_if(x, keep_prob=1.0):
        if tf.equal(keep_prob, 1.0):
            x = x - 0.5
        return tf.nn.relu(x)

    image = np.random.default_rng(0).uniform(size=784).astype(np.float32)
    ((_, values),) = lab.feature_maps(with_if, image).items()
    np.testing.assert_array_equal(values, np.maximum(image - np.float32(0.5), 0))


def test_feature_maps_are_the_outputs_of_the_layers():
    model, image = deep_mnist.Model(), np.random.default_rng(0).uniform(size=784).astype(np.float32)
    maps = lab.feature_maps(model, image)
    assert {name: values.shape for name, values in maps.items()} == {
        "conv1 ReLU": (28, 28, 32),
        "conv1 max pooling": (14, 14, 32),
        "conv2 ReLU": (14, 14, 64),
        "conv2 max pooling": (7, 7, 64),
        "fc1 ReLU": (1024,),
    }
    conv1 = tf.nn.relu(deep_mnist.conv2d(image.reshape(1, 28, 28, 1), model.W_conv1) + model.b_conv1)
    np.testing.assert_allclose(maps["conv1 ReLU"], conv1[0], rtol=1e-5, atol=1e-6)
    logits = maps["fc1 ReLU"] @ model.W_fc2.numpy() + model.b_fc2.numpy()
    np.testing.assert_allclose(logits, model(image[None])[0], rtol=1e-4, atol=1e-4)


def test_without_tensorboard_the_script_runs_and_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), log_dir=tmp_path / "logs")
    for _ in run.steps():
        run.log(1.0)
    assert "pip install tensorboard" in capsys.readouterr().err
    assert run.history[-1]["step"] == 20


@pytest.mark.training
@pytest.mark.sample(2, of="what takes seconds")
def test_tensorboard_gets_scalars_histograms_and_a_graph_with_readable_names(tmp_path):
    needs("tensorboard")
    run = small_run(tmp_path, lambda x: tf.zeros(len(x), tf.int64), log_dir=tmp_path / "logs")
    for _ in run.steps():
        run.log(1.0)
    (log,) = (tmp_path / "logs/s/seed-0").iterdir()
    events = [tf.compat.v1.Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(log))]
    tags = {(event.step, value.tag) for event in events for value in event.summary.value}
    assert tags >= {(16, "loss"), (20, "learning rate"), (20, "validation accuracy"), (20, "W_conv1"), (4, "b_fc2")}
    graph = tf.compat.v1.GraphDef.FromString(b"".join(event.graph_def for event in events))
    assert {node.name.split("/")[0] for node in graph.node} >= {"images", "conv1", "conv2", "fc1", "fc2"}


# ------------------------------------------------------------------------------------- summary, and records that stay


def test_a_longer_runs_record_is_not_replaced_by_a_shorter_ones(tmp_path):
    (tmp_path / "run.json").write_text('{"steps": 540}')
    keep_longer_run(tmp_path, 540)
    with pytest.raises(lab.LabError, match="holds a run of 540 steps, which this one of 1 step would replace: give"):
        keep_longer_run(tmp_path, 1)


@pytest.mark.parametrize("record", [None, "", "{", "[]", "{}"])
def test_a_record_that_nobody_can_use_is_in_nobodys_way(record, tmp_path):
    if record is not None:
        (tmp_path / "run.json").write_text(record)
    keep_longer_run(tmp_path, 1)


def test_the_summary_has_each_layer_with_its_output_and_weights():
    table = [line.split("  ") for line in summary.summary(deep_mnist.Model()).splitlines()]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in table]
    assert rows[0] == ["layer", "output", "weights and biases", "numbers"]
    assert ["conv1 convolution", "(N, 28, 28, 32)", "[5, 5, 1, 32] + [32]", "832"] in rows
    assert ["conv2 max pooling", "(N, 7, 7, 64)"] in rows
    assert ["fc1 matrix product", "(N, 1024)", "[3136, 1024] + [1024]", "3,212,288"] in rows
    assert rows[-1] == ["all that is trained", "3,274,634"]


def test_a_right_network_gets_no_warning_and_is_not_read_for_it(monkeypatch):
    monkeypatch.setattr(model_check, "shape_problems", None)
    assert summary.warning("deep_mnist", deep_mnist.Model()) is None
