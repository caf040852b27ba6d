"""Each benchmark runs for a few steps and leaves its tables and its record. Times are not looked at here."""

import argparse
import importlib
import importlib.util
import json
import math
import os
import queue
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from labkit.networks import TITLES
from labkit.study import ablation
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.benchmark
one_in_ci = pytest.mark.sample(1, of="benchmarks")

MEASURING = ["arithmetic", "first_weights", "grading", "loader", "optimisations", "scripts", "throughput"]
MEASURING += ["study", "time_to_accuracy"]
BENCHMARKS = [*MEASURING, "class_page", "error_rates", "grading_parts", "reports", "scale"]
PATIENCE = 1800  # seconds: not a figure to reach, but to end a test that hangs


def run(benchmark, *flags, cwd, **environment):
    """Run a benchmark as a user would, in a folder of its own."""
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / f"{benchmark}.py", *map(str, flags)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


OLD_SCRIPT = """
import tensorflow as tf
import tensorflow.examples.tutorials.mnist.input_data as by_path
from tensorflow.contrib.learn.python.learn.datasets.mnist import read_data_sets
from tensorflow.examples.tutorials.mnist import input_data

digits = input_data.read_data_sets("Z:/nowhere", one_hot=True)
assert by_path is input_data and read_data_sets is input_data.read_data_sets
images = tf.placeholder(tf.float32, [None, 784])
brightness = tf.reduce_mean(images)
with tf.Session() as session:
    for step in range(1000):
        batch, _ = digits.train.next_batch(50)
        session.run(brightness, feed_dict={images: batch})
print(step + 1, "steps")
"""


def test_a_script_of_tensorflow_1_runs_as_it_is_cut_short_and_has_its_calls_listed(mnist_dir, tmp_path):
    (tmp_path / "old.py").write_text(OLD_SCRIPT)
    done = run("tf1_script", "old.py", "--data-dir", mnist_dir, "--iterations", 7, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "7 steps\n"
    assert re.search(r"1 x read_data_sets\('Z:/nowhere', one_hot=True\)\n +7 x next_batch\(50\)\n$", done.stderr)


@pytest.fixture
def digits(request):
    """Return the flags for real MNIST if it is available, else for synthetic digits."""
    if os.environ.get("MNIST_DATA_DIR"):
        return ("--dataset", "mnist")
    return ("--dataset", "synthetic", "--data-dir", request.getfixturevalue("synthetic_dir"))


def run_smoke(benchmark, digits, folder, *flags):
    """Run a benchmark briefly; return the finished process, and the record that it left."""
    done = run(benchmark, "--smoke", "--json", "record.json", *digits, *flags, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    record = json.loads((folder / "record.json").read_text())
    assert set(record) == {"dataset", "settings", "machine", "results"}
    assert record["dataset"] in done.stdout
    return done, record


@one_in_ci
def test_throughput_runs_every_peer_that_is_installed(digits, tmp_path):
    done, record = run_smoke("throughput", digits, tmp_path)
    (results,) = record["results"].values()  # of the one batch size
    families = {name.partition(",")[0] for name in results}
    expected = {"ours", "Keras fit", "TensorFlow v1 graph", "tf.function"}
    if importlib.util.find_spec("torch"):
        expected.add("PyTorch")
    else:
        assert "skipped: torch is not installed" in done.stderr
    assert families == expected
    for name, result in results.items():
        assert result["interval_seconds"][0], name
        assert f"| {name} " in done.stdout


@one_in_ci
def test_time_to_accuracy_runs_both_recipes_and_says_that_it_extrapolates(digits, tmp_path):
    done, record = run_smoke("time_to_accuracy", digits, tmp_path)
    assert len(record["results"]["ours"]) == len(record["results"]["original"]) == 1
    assert record["results"]["original_is_extrapolated"]
    assert "EXTRAPOLATED" in done.stdout
    assert "deep_mnist.py --help" in done.stdout


@one_in_ci
def test_time_to_accuracy_can_do_without_new_instructions(digits, tmp_path):
    done, record = run_smoke("time_to_accuracy", digits, tmp_path, "--avx2")
    assert record["results"]["avx2_alone"]
    assert "AVX2 ALONE" in done.stdout


@one_in_ci
def test_scripts_runs_all_five_and_the_lectures_recipe_for_four(digits, tmp_path):
    done, record = run_smoke("scripts", digits, tmp_path)
    assert len(record["results"]) == 9
    assert "model_no3.py" in done.stdout


@one_in_ci
def test_two_committees_take_turns_with_deep_mnist_and_vote(digits, tmp_path):
    done, record = run_smoke("beyond", digits, tmp_path)
    results = record["results"]
    assert len(results["deep_mnist.py"]) == len(results["beyond_mnist.py"]) == 2
    assert results["committees"] == [[run["accuracy"]] for run in results["beyond_mnist.py"]]
    assert "McNemar's exact test: p = " in done.stdout
    again = run("beyond", "--smoke", *digits, cwd=tmp_path)
    assert again.returncode == 1
    assert "holds an earlier measurement: --resume goes on with it" in again.stderr


@one_in_ci
def test_a_study_is_measured_against_its_training_loops(digits, tmp_path):
    done, record = run_smoke("study", digits, tmp_path)
    (study,) = record["results"]["this kit"]
    assert len(study["results"]) == 4
    assert 0 < study["loop_seconds"] < study["seconds"]
    assert "A study of 4 trainings" in done.stdout


@one_in_ci
def test_loader_measures_every_job_of_both_loaders(digits, tmp_path):
    _, record = run_smoke("loader", digits, tmp_path)
    jobs = {"read_data_sets", "read_data_sets and float32 images", "next_batch"}
    assert set(record["results"]["ours"][0]) == set(record["results"]["original"][0]) == jobs


@one_in_ci
def test_arithmetic_measures_every_layer_in_both_precisions(digits, tmp_path):
    _, record = run_smoke("arithmetic", digits, tmp_path)
    measured = {(case["name"], case["pass_"], case["precision"]) for case in record["results"]}
    # Two precisions of: the peak, the step, three passes of four layers but for the gradient to the image.
    assert len(measured) == 2 * (1 + 1 + 11)


@one_in_ci
def test_optimisations_measures_every_variant_beside_its_reckoning(digits, tmp_path):
    done, record = run_smoke("optimisations", digits, tmp_path)
    (results,) = record["results"].values()  # of the one batch size
    assert len(results) == done.stdout.count("Reckoned: ") >= 15
    assert "Each variant computes what the step as it is does" in done.stdout
    for name, result in results.items():
        assert result["step_seconds"][0], name
        assert f"| {name} " in done.stdout


@one_in_ci
def test_reports_are_read_and_what_is_found_in_them_is_counted(tmp_path):
    needs("typst")
    done = run("reports", "--smoke", "--corpus", "corpus", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pdfs = sorted(path.stem for path in (tmp_path / "corpus").glob("*.pdf"))
    assert pdfs == sorted(path.stem for path in (tmp_path / "corpus").glob("*.json"))
    assert f"{len(pdfs)} PDFs of " in done.stdout
    for row in ("introduction", "method: ReLU", "accuracy: no. 3", "earned", "not earned"):
        assert f"| {row} " in done.stdout


@one_in_ci
def test_the_class_page_is_measured_beside_static_pages(tmp_path):
    needs("playwright")
    if not shutil.which("chromium"):
        pytest.skip("Chromium is not installed: apt-get install chromium")
    done = run("class_page", "--smoke", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for view in ("class view", "next student"):
        assert f"| {view} " in done.stdout
    assert (tmp_path / "results" / "benchmarks" / "class_page.json").is_file()


@one_in_ci
def test_scale_measures_each_part_for_every_class_and_reckons_the_largest(tmp_path):
    done = run("scale", "--smoke", "--picture", "scale.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((tmp_path / "results" / "benchmarks" / "scale.json").read_text())
    assert {part: list(found) for part, found in record["results"].items()} == {
        "grade": ["20", "40"],
        "compare": ["20", "40"],
        "page": ["20", "40"],
        "scale": ["1", "5"],
    }
    assert [len(found["costs"]) for found in record["results"]["grade"].values()] == [20, 40]


def simulated(workers, durations):
    """Let a coordinator that takes no time feed simulated workers; return the virtual time, and what came back."""
    from benchmarks.simulated_workers import SimulatedWorkers

    executor = SimulatedWorkers(workers, durations, lambda number: b"%d" % number)
    finished, waiting, answers = queue.SimpleQueue(), len(durations), []
    in_flight = 0
    while waiting or in_flight:
        while waiting and in_flight < executor.count():
            executor.submit(bytes, b"").add_done_callback(finished.put)
            waiting, in_flight = waiting - 1, in_flight + 1
        executor.count()
        answers.append(int(finished.get(timeout=10).result()))
        in_flight -= 1
    return executor.now, answers


@pytest.mark.parametrize(
    ("workers", "expected", "order"), [(1, 10.0, [0, 1, 2, 3]), (2, 6.0, [1, 2, 0, 3]), (9, 4.0, [1, 2, 3, 0])]
)
def test_simulated_workers_end_their_units_when_they_should(workers, expected, order):
    from benchmarks.simulated_workers import makespan

    durations = [4.0, 1.0, 2.0, 3.0]
    moment, answers = simulated(workers, durations)
    assert moment == pytest.approx(expected, abs=0.1)  # the coordinator's own time
    assert answers == order
    assert makespan(durations, workers) == expected


def test_a_coordinator_that_is_slower_than_its_workers_is_the_limit():
    from benchmarks.simulated_workers import makespan

    assert makespan([1.0] * 100, 100, [0.5] * 100) == 51.0
    assert makespan([1.0] * 100, 1, [0.5] * 100) == 150.0


def test_error_rates_are_simulated_for_every_number_of_seeds_and_every_spread(tmp_path):
    done = run("error_rates", "--smoke", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    header, _, *rows = done.stdout.splitlines()
    assert "Dunnett" in header
    assert len(rows) == 4 * 6


@one_in_ci
@pytest.mark.usefixtures("sandbox")
def test_grading_measures_a_class_without_training_and_on_mnist_one_with_it(digits, tmp_path):
    done, record = run_smoke("grading", digits, tmp_path)
    assert set(record["results"]["untrained"]["2"]) == {"seconds", "cpu_seconds", "peak_bytes"}
    if record["dataset"] == "MNIST":
        turns = {(turn["kit"], turn["how"]) for turn in record["results"]["rounds"]}
        assert turns == {("this", "without training"), ("this", "with training")}
        assert "| this kit, with training " in done.stdout
    else:
        assert "left out" in done.stdout


@one_in_ci
@pytest.mark.usefixtures("sandbox")
def test_grading_is_measured_part_by_part(tmp_path):
    done = run("grading_parts", "--smoke", "--json", "record.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (parts,) = json.loads((tmp_path / "record.json").read_text())["results"]["this kit"]
    assert len(parts) == 9
    for part, seconds in parts.items():
        assert seconds > 0, part
        assert f"| {part} " in done.stdout


@one_in_ci
def test_first_weights_are_those_that_the_grader_refuses_at_sight_and_those_that_it_trains(digits, tmp_path):
    done, record = run_smoke("first_weights", [*digits, "--precisions", "float32", "bfloat16"], tmp_path)
    assert "no. 1 |" in done.stdout
    assert "float32 minus bfloat16" in done.stdout
    assert {row["precision"] for row in record["results"]} == {"float32", "bfloat16"}
    refused = {row["weights"] for row in record["results"] if row["refused"]}
    assert refused == {"all 0", "all 0.1", "the kit's x 10", "the kit's x 30", "the kit's x 100"}
    assert all(0 <= value <= 1 for row in record["results"] for value in row["steps"]["3"]["accuracies"])


@pytest.mark.parametrize("kind", ["the kit's", "the lecture's", "Glorot's, as in Keras", "He's, biases 0"])
def test_each_draw_of_good_first_weights_is_another_and_the_same_again(kind):
    from benchmarks.first_weights_process import draw  # which imports TensorFlow

    one, again, other = (draw("model_no3", kind, seed) for seed in (0, 0, 1))
    for (weights, _), (same, _), (another, _) in zip(one.weights, again.weights, other.weights, strict=True):
        assert np.array_equal(weights, same)
        assert not np.isclose(weights, another).all()


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_help_teaches_and_a_bad_flag_ends_with_status_2(benchmark, tmp_path):
    shown = run(benchmark, "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert f"python benchmarks/{benchmark}.py --smoke" in shown.stdout
    assert run(benchmark, "--json", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("benchmark", MEASURING)
def test_a_failure_is_told_in_one_line(benchmark, tmp_path):
    nowhere = tmp_path / "a file"
    nowhere.touch()
    done = run(benchmark, "--smoke", "--dataset", "mnist", "--data-dir", nowhere, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------------ what they count on


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a module of the benchmarks; these import each other as scripts of a folder."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


def test_intervals_leave_out_warm_up_validation_and_odd_lengths(module):
    entries = [(10, 9.0, None), (20, 10.0, None), (30, 11.0, 0.9), (40, 15.0, None), (48, 15.8, None), (50, 16.0, None)]
    names = ("step", "seconds", "validation_accuracy")
    run = module("lab_runs").LabRun(None, {"history": [dict(zip(names, entry, strict=True)) for entry in entries]})
    assert run.interval_seconds(warm_up=0) == [1.0, 1.0]  # 10 to 20, 20 to 30
    assert run.interval_seconds(warm_up=20) == [1.0]
    with pytest.raises(module("measuring").BenchmarkError, match="give more steps"):
        run.interval_seconds(warm_up=30)


def test_ratio_is_of_the_same_round(module):
    measuring = module("measuring")
    assert measuring.ratio([2.0, 20.0, 200.0], [1.0, 10.0, 50.0]) == 2.0
    assert measuring.summary([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)


def test_the_record_of_a_sitting_names_the_other_version_s_folder(module, tmp_path):
    options = argparse.Namespace(json=tmp_path / "record.json", beside=tmp_path / "old", rounds=2)
    digits = module("measuring").Digits("MNIST", tmp_path, "mnist", tmp_path)
    module("measuring").write_record(options, digits, {}, {})
    assert json.loads(options.json.read_text())["settings"] == {"beside": str(tmp_path / "old"), "rounds": 2}


def test_contenders_take_turns(module):
    order = []
    contenders = {name: lambda name=name: order.append(name) for name in "ab"}
    module("measuring").alternate(contenders, rounds=2)
    assert order == ["a", "b", "b", "a"]


def test_what_is_simulated_is_what_a_study_does(module):
    error_rates = module("error_rates")
    studies = np.random.default_rng(0).normal(99, 0.05, (100, 4, 3)).round(2)
    studies[:, 1] -= 0.2
    studies[0, :2] = [[99.0], [98.0]]  # no seed differs from another
    networks = list(TITLES)
    for accuracies, verdicts in zip(studies, error_rates.welch(studies), strict=True):
        runs = {
            network: [ablation.FinishedRun(network, 0, {"test_accuracy": value / 100}, None) for value in values]
            for network, values in zip(networks, accuracies, strict=True)
        }
        found = ablation.differences(runs)
        if found["model_no1"].p is not None:  # without it, the study has a comparison less to allow for
            assert [found[network].significant for network in networks[1:]] == list(verdicts)
        else:
            assert not verdicts[0]


def test_dunnett_s_test_is_scipy_s(module):
    error_rates = module("error_rates")
    for accuracies in np.random.default_rng(0).normal(99, 0.05, (20, 4, 3)) - [[0], [0.1], [0.2], [0.3]]:
        full, *others = accuracies
        p = stats.dunnett(*others, control=full, rng=np.random.default_rng(0)).pvalue
        assert list(error_rates.dunnett(3)(accuracies[np.newaxis])[0]) == list(p < 0.05)


def test_layers_are_those_of_the_network(module):
    layers = module("layers")
    assert sum(math.prod(layer.weights) + layer.weights[-1] for layer in layers.LAYERS) == 3_274_634
    assert layers.OPERATIONS_PER_IMAGE == 82_049_024


def test_every_variant_is_the_script_with_a_change(module):
    variants = module("variants")
    script = (ROOT / "deep_mnist.py").read_text()
    sources = {variant.name: variant.source() for variant in variants.VARIANTS}  # raises where the script has changed
    assert sources.pop("as it is") == script
    for variant in variants.VARIANTS[1:]:
        compile(sources[variant.name], variant.name, "exec")
        assert sources[variant.name] != script or variant.flags or variant.environment, variant.name
        assert variant.without_dropout().source().count("\nKEEP_PROB = 1.0 ") == 1, variant.name


def test_a_variant_of_a_line_that_has_changed_is_told(module):
    variant = module("variants").Variant("stale", "a change", None, edits=(("no such line", ""),))
    with pytest.raises(module("measuring").BenchmarkError, match=r"`no such line` is there 0 times.*`stale`"):
        variant.source()


@pytest.mark.parametrize(
    ("same_steps", "losses", "moved", "complaint"),
    [
        (True, [3.0, 2.0], [0.1, 0.2], None),
        (True, [3.02, 2.05], [0.102, 0.199], None),  # rounding
        (False, [3.0, 1.0], [5.0, 7.0], None),  # another optimizer
        (True, [3.1, 1.9], [0.1, 0.2], "loss of its first step is 3.1000, expected 3.0000"),
        (True, [3.0, 1.0], [0.1, 0.2], "mean loss of its first 10 steps is 2.0000"),
        (True, [3.0, 2.0], [0.1, 0.1], "variable 2 moves is 0.1000"),
        (True, [math.nan, 2.0], [0.1, 0.2], "loss of its first step is nan"),
        (False, [3.0, 1.0], [0.0, 0.2], "leaves variable 1 as it was"),
    ],
)
def test_a_variant_that_computes_something_else_is_told(module, same_steps, losses, moved, complaint):
    optimisations = module("optimisations")
    variant = optimisations.Variant("other", "a change", None, same_steps=same_steps)
    training = optimisations.Training(losses, [], moved)
    expected = optimisations.Training([3.0, 2.0], [], [0.1, 0.2])
    if complaint is None:
        optimisations.check(variant, training, expected)
    else:
        with pytest.raises(module("measuring").BenchmarkError, match=complaint):
            optimisations.check(variant, training, expected)


def test_a_reckoning_grows_with_the_batch(module):
    variants = module("variants")
    assert variants.Reckoning("why", fixed_ms=1.0, ms_per_image=-0.5).ms_less(10) == -4.0
    momentum = next(variant for variant in variants.VARIANTS if variant.name == "Nesterov momentum")
    assert momentum.reckoning.ms_less(50) == pytest.approx(2 * 13.1e6 / 40e9 * 1e3, rel=0.01)  # two arrays at 40 GB/s


def test_a_measurement_that_was_ended_goes_on_where_it_was(module, monkeypatch, tmp_path):
    beyond, measuring = module("beyond"), module("measuring")
    ran = []

    def train(script, *flags, **_):
        ran.append((script, flags[flags.index("--seed") + 1]))
        if len(ran) == 4:
            raise KeyboardInterrupt
        return measuring.Finished("test accuracy 0.9900 (10,000 images, MNIST)\n", len(ran), None)

    monkeypatch.setattr(measuring, "run", train)
    options = argparse.Namespace(networks=1, seed=7, folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        beyond.train(options, ("--steps", "10"))
    trained = beyond.train(options, ("--steps", "10"))
    turns = [("deep_mnist.py", 7), ("beyond_mnist.py", 7), ("beyond_mnist.py", 8), ("deep_mnist.py", 8)]
    assert ran == [*turns, turns[-1]]
    assert [run.seconds for run in trained["deep_mnist.py"]] == [1, 5]
    assert [run.seconds for run in trained["beyond_mnist.py"]] == [2, 3]
    with pytest.raises(measuring.BenchmarkError, match=r"deep_mnist.py-7.json was measured with other flags"):
        beyond.train(options, ("--steps", "11"))
