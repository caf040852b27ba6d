"""The deep network trained further: its layers, its distortions, the average of its weights, and the committee."""

import ast
import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

import beyond_mnist
import input_data
from labkit.run.preparation import pick_precision
from tests.solutions.scripts import run
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

STEPS = ("--steps", 1, "--batch-size", 32)


@pytest.fixture
def seeded():
    """Return a function that starts the generator of the distortions anew."""
    return lambda seed=0: tf.random.set_global_generator(tf.random.Generator.from_seed(seed))


@pytest.fixture
def digits(synthetic_dir):
    return input_data.read_data_sets(synthetic_dir, dataset="synthetic").test.images[:64].astype(np.float32)


# ---------------------------------------------------------------------------------------------------------- the network


def test_the_network_is_that_of_deep_mnist_word_for_word():
    def parts(script):
        source = (ROOT / f"{script}.py").read_text(encoding="utf-8")
        return {
            node.name: ast.get_source_segment(source, node)
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name != "main"
        }

    deep, beyond = parts("deep_mnist"), parts("beyond_mnist")
    assert "Model" in deep
    assert {name: beyond.get(name) for name in deep} == deep


# ------------------------------------------------------------------------------------------------------ the distortions


def test_ink_between_pixels_is_that_of_scipy(digits):
    rng = np.random.default_rng(0)
    row, column = rng.uniform(-20, 20, size=(2, len(digits), 784)).astype(np.float32)  # the outside, too
    looked_up = beyond_mnist.look_up(digits, row, column)
    for image, rows, columns, ink in zip(digits, row, column, looked_up, strict=True):
        places = np.array([rows, columns]) + 13.5
        expected = ndimage.map_coordinates(image.reshape(28, 28), places, order=1, mode="grid-constant", cval=0)
        np.testing.assert_allclose(ink, expected, atol=2e-5)


def test_without_strength_nothing_changes(digits, seeded):
    seeded()
    np.testing.assert_array_equal(beyond_mnist.distort(digits, 0.0), digits)


def test_each_image_is_distorted_in_a_way_of_its_own_and_anew_each_time(digits, seeded):
    same = np.repeat(digits[:1], 8, axis=0)
    seeded()
    first, again = beyond_mnist.distort(same, 1.0).numpy(), beyond_mnist.distort(same, 1.0).numpy()
    assert len(np.unique(np.concatenate([first, again]), axis=0)) == 16
    seeded()
    np.testing.assert_array_equal(beyond_mnist.distort(same, 1.0), first)


def displacements(strength, images=500):
    """Measure how far pixels move: (images, 2, 14, 14), of the inner ones, by images whose ink is their own place."""
    moved = []
    for place in (beyond_mnist.ROW, beyond_mnist.COLUMN):
        tf.random.set_global_generator(tf.random.Generator.from_seed(1))
        ramp = np.repeat(place[np.newaxis], images, axis=0)
        moved.append(beyond_mnist.distort(ramp, strength).numpy() - ramp)
    return np.stack(moved, axis=1).reshape(images, 2, 28, 28)[:, :, 7:21, 7:21]


def test_distortions_are_as_large_as_the_constants_say():
    moved = displacements(1.0)
    centre = moved[:, :, 6:8, 6:8].mean(axis=(2, 3))  # where neither turning nor stretching moves anything
    shift, bend = beyond_mnist.SHIFT / np.sqrt(3), beyond_mnist.BEND  # standard deviations
    assert np.abs(centre.mean(axis=0)).max() < 0.15  # as often one way as the other
    np.testing.assert_allclose(centre.std(axis=0), np.hypot(shift, bend), rtol=0.15)

    # Over an image, the slope of its columns' places along the rows is what turning and slanting make of it.
    rows = np.arange(14) - 6.5
    slope = np.einsum("nrc,r->n", moved[:, 1], rows) / (14 * np.sum(rows**2))
    assert slope.std() > np.hypot(beyond_mnist.TURN, beyond_mnist.SLANT) / np.sqrt(3)


def test_half_the_strength_is_half_the_way():
    # Of the same draws: what is left over is of second order, such as the angle's square.
    whole, half = displacements(1.0), displacements(0.5)
    assert np.abs(half - whole / 2).max() < 0.2 < np.abs(whole).max()


def test_the_graph_distorts_as_precisely_as_python(digits, seeded):
    """The rewriter, which has products in bfloat16, must leave places alone: they would be off by a tenth pixel."""
    if pick_precision("auto") != "bfloat16":
        pytest.skip("this processor has no fast bfloat16, so nothing is rewritten")
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    try:
        model = beyond_mnist.Model()

        @tf.function
        def look(x):
            distorted = beyond_mnist.distort(x, 1.0)
            return distorted, model(distorted)

        seeded()
        distorted, logits = look(digits)
        seeded()
        expected = beyond_mnist.distort(digits, 1.0)
    finally:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})
    assert not np.array_equal(logits, model(expected))  # it was rewritten
    np.testing.assert_allclose(distorted, expected, atol=1e-4)


# ----------------------------------------------------------------------------------------------- average and committee


@pytest.fixture(scope="module")
def committee(synthetic_dir, tmp_path_factory):
    """Run a committee of two; return its process and the folder of its results."""
    folder = tmp_path_factory.mktemp("committee")
    flags = ("--committee", 2, "--seed", 7, *STEPS, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    return run("beyond_mnist", *flags, cwd=folder), folder / "results" / "beyond_mnist"


@pytest.mark.training
def test_what_is_tested_is_the_average_of_the_weights(committee):
    _, results = committee
    tf.random.set_seed(7)
    model, mean = beyond_mnist.Model(), beyond_mnist.Model()
    before = mean.W_fc2.numpy()
    checkpoint = tf.train.latest_checkpoint(results / "seed-7" / "checkpoint")
    parts = tf.train.Checkpoint(model=model)
    tf.train.Checkpoint(model=mean, optimizer=parts).restore(checkpoint).expect_partial()
    keep = 1 / 101
    np.testing.assert_allclose(mean.W_fc2, keep * before + (1 - keep) * model.W_fc2, atol=1e-6)
    assert not np.allclose(mean.W_fc2, model.W_fc2, atol=1e-4)


@pytest.mark.training
def test_weights_decay_by_the_rate_and_biases_do_not(committee, synthetic_dir, tmp_path):
    """The same first step without the decay, in a copy of the script, shows what the decay took away."""
    source = (ROOT / "beyond_mnist.py").read_text(encoding="utf-8")
    (tmp_path / "beyond_mnist.py").write_text(source.replace("DECAY = 0.4", "DECAY = 0.0"), encoding="utf-8")
    flags = ("--seed", 7, *STEPS, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    done = run(tmp_path / "beyond_mnist", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    def trained(results):
        model = beyond_mnist.Model()
        path = tf.train.latest_checkpoint(results / "seed-7" / "checkpoint")
        parts = tf.train.Checkpoint(model=model)
        tf.train.Checkpoint(optimizer=parts).restore(path).expect_partial()
        return model

    decayed, whole = trained(committee[1]), trained(tmp_path / "results" / "beyond_mnist")
    rate = 4e-3 / 2  # of the only step of a run
    np.testing.assert_allclose(decayed.W_fc1, (1 - 0.4 * rate) * whole.W_fc1, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(decayed.b_fc1, whole.b_fc1)
    assert not np.array_equal(decayed.W_fc1, whole.W_fc1)


@pytest.mark.training
def test_a_committee_is_runs_of_as_many_seeds_and_their_votes(committee, synthetic_dir, tmp_path):
    done, results = committee
    assert done.returncode == 0, done.stderr
    flags = ("--seed", 8, *STEPS, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    alone = run("beyond_mnist", *flags, cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    (line,) = re.findall(r"test accuracy .*", alone.stdout)
    assert line in done.stdout.splitlines()
    guesses = "seed-8/predictions.npy"
    np.testing.assert_array_equal(np.load(results / guesses), np.load(tmp_path / "results/beyond_mnist" / guesses))

    labels = input_data.read_data_sets(synthetic_dir, dataset="synthetic").test.labels
    voted = np.load(results / "committee-7-to-8" / "predictions.npy")
    assert (voted.shape, voted.dtype) == ((10_000,), np.uint8)
    reached = [json.loads((results / f"seed-{seed}/run.json").read_text())["test_accuracy"] for seed in (7, 8)]
    together = np.mean(voted == labels)
    *_, first, both, last = done.stdout.splitlines()
    assert first == f"accuracy of the first 1 that vote: {reached[0]:.4f}"
    assert both == f"accuracy of the first 2 that vote: {together:.4f}"
    assert last == f"test accuracy {together:.4f} (10,000 images, synthetic digits)"
    one, other = (np.load(results / f"seed-{seed}/predictions.npy") for seed in (7, 8))
    agree = one == other
    np.testing.assert_array_equal(voted[agree & (one == labels)], labels[agree & (one == labels)])
    assert {path.name for path in (results / "committee-7-to-8").iterdir()} == {
        "predictions.npy",
        "mistakes.png",
        "shared_mistakes.png",
        "images_seen.png",
    }


@pytest.mark.training
def test_a_stopped_committee_goes_on_with_the_network_that_was_missing(committee, synthetic_dir, tmp_path):
    _, results = committee
    flags = ("--seed", 7, *STEPS, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    assert run("beyond_mnist", *flags, cwd=tmp_path).returncode == 0
    done = run("beyond_mnist", "--committee", 2, "--resume", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "seed 7, on from step 1" in re.sub(r", \w+(?=, on from)", "", done.stdout)
    voted = "committee-7-to-8/predictions.npy"
    np.testing.assert_array_equal(np.load(tmp_path / "results/beyond_mnist" / voted), np.load(results / voted))


@pytest.fixture
def another(committee, synthetic_dir, tmp_path):
    """Return a function that runs the script where seed 7 is that of the committee, and seed 8 had a step more."""
    shutil.copytree(committee[1] / "seed-7", tmp_path / "results" / "beyond_mnist" / "seed-7")
    flags = ("--batch-size", 32, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    assert run("beyond_mnist", "--seed", 8, "--steps", 2, *flags, cwd=tmp_path).returncode == 0
    return lambda *given: run("beyond_mnist", "--seed", 7, *given, *flags, cwd=tmp_path)


@pytest.mark.training
def test_networks_that_were_not_trained_alike_are_no_committee(another, tmp_path):
    done = another("--committee", 2, "--test-only")
    assert done.returncode == 1
    assert "seed 7 and 8 were not trained alike, and can't vote: steps was 1 and 2" in done.stderr
    assert not (tmp_path / "results/beyond_mnist/committee-7-to-8/predictions.npy").exists()


@pytest.mark.training
def test_a_longer_run_that_would_be_replaced_is_told_before_any_training(another):
    done = another("--committee", 2, "--steps", 1)
    assert done.returncode == 1
    assert "seed-8 holds a run of 2 steps" in done.stderr
    assert not done.stdout


@pytest.mark.training
def test_testing_again_draws_what_was_trained_and_not_what_the_flags_would_train(committee, synthetic_dir, tmp_path):
    shutil.copytree(committee[1] / "seed-7", tmp_path / "results" / "beyond_mnist" / "seed-7")
    pictures = {path: path.read_bytes() for path in (tmp_path / "results/beyond_mnist/seed-7").glob("*.png")}
    flags = ("--dataset", "synthetic", "--data-dir", synthetic_dir)
    done = run("beyond_mnist", "--seed", 7, "--test-only", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path for path, drawn in pictures.items() if path.read_bytes() != drawn} <= {
        tmp_path / "results/beyond_mnist/seed-7/distortions.png"  # which are random
    }
    assert len(pictures) == 4
    assert "learned nothing" not in done.stderr  # a single step need not have taught it anything


def test_a_seed_beyond_the_last_one_is_told_before_any_training(synthetic_dir, tmp_path):
    flags = ("--seed", 2**32 - 1, "--committee", 2, *STEPS, "--dataset", "synthetic", "--data-dir", synthetic_dir)
    done = run("beyond_mnist", *flags, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs seeds up to 4294967296, and the last one is 4294967295" in done.stderr
