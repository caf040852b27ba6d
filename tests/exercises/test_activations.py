"""exercises/activations.py: derivatives against differences, gradients and signals against their bounds."""

import math
import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import activations
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises

FORMULAS = {"logsig": lambda s: 1 / (1 + math.exp(-s)), "tanh": math.tanh, "ReLU": lambda s: max(s, 0.0)}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("s", [-3.0, -0.5, 0.2, 1.0, 4.0])
def test_the_functions_and_their_derivatives_are_those_of_the_formulas(name, s):
    function, derivative, _ = activations.ACTIVATIONS[name]
    assert float(function(s)) == pytest.approx(FORMULAS[name](s), abs=1e-6)
    slope = (FORMULAS[name](s + 1e-5) - FORMULAS[name](s - 1e-5)) / 2e-5
    assert float(derivative(function(s))) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_a_sigmoid_layer_leaves_a_quarter_of_the_gradient_at_most(seed, monkeypatch):
    monkeypatch.setattr(activations, "WIDTH", 60)
    tf.random.set_seed(seed)
    function, _, gain = activations.ACTIVATIONS["logsig"]
    lengths = activations.gradients_by_layer(function, gain)
    assert lengths.shape == (11,)
    assert lengths[-1] == 1
    assert np.all(lengths[:-1] / lengths[1:] <= 0.25)
    assert 0.25**10 / 10 < lengths[0] <= 0.25**10  # near the bound, as the sums are near zero


def test_rotations_keep_lengths_where_nothing_else_changes_them(monkeypatch):
    monkeypatch.setattr(activations, "WIDTH", 60)
    np.testing.assert_allclose(activations.gradients_by_layer(tf.identity, 1.0), np.ones(11), rtol=1e-4)


def test_a_relu_layer_leaves_all_of_the_gradient(monkeypatch):
    monkeypatch.setattr(activations, "WIDTH", 200)
    tf.random.set_seed(0)
    function, _, gain = activations.ACTIVATIONS["ReLU"]
    assert np.all(np.abs(activations.gradients_by_layer(function, gain) - 1) < 0.3)


def test_glorot_and_he_keep_the_variance_and_the_others_do_not():
    tf.random.set_seed(0)
    mean_squares = {name: activations.mean_squares_by_layer(*scheme) for name, scheme in activations.SCHEMES.items()}
    layers = np.arange(11)
    # Of 500 units a layer, each factor is off by sqrt(5 / 500) = 0.1 at most in the mean, and ten of them by 0.3.
    np.testing.assert_allclose(mean_squares["none, Glorot"], np.ones(11), rtol=0.3)
    np.testing.assert_allclose(mean_squares["ReLU, He"], np.ones(11), rtol=0.6)
    np.testing.assert_allclose(mean_squares["ReLU, Glorot"], 0.5**layers, rtol=0.6)
    np.testing.assert_allclose(mean_squares["ReLU, 0.1"], 2.5**layers, rtol=0.6)  # 500 * 0.1 ** 2 / 2


@pytest.mark.parametrize(
    ("name", "initializer"),
    [("ReLU, He", "HeNormal"), ("none, Glorot", "GlorotNormal"), ("ReLU, Glorot", "GlorotNormal")],
)
def test_the_variances_are_those_of_keras(name, initializer):
    shape = (activations.WIDTH, activations.WIDTH)
    drawn = np.array(getattr(tf.keras.initializers, initializer)(seed=0)(shape))
    assert activations.SCHEMES[name][1] == pytest.approx(drawn.var(), rel=0.02)  # 250,000 numbers


def test_all_units_are_dead_at_a_bias_of_minus_100(monkeypatch):
    images = np.random.RandomState(0).normal(size=(50, 784)).astype(np.float32)  # of both signs: no unit is off on all
    first, second = activations.dead_share(activations.Model(), images)
    assert first == 0
    assert second < 1
    monkeypatch.setattr(activations, "BIAS", -100.0)
    assert activations.dead_share(activations.Model(), images) == [1, 1]


def test_the_share_counts_units_that_are_zero_on_all_images():
    model = activations.Model()
    images = np.random.RandomState(0).uniform(size=(50, 784)).astype(np.float32)
    b1, W1 = np.zeros(200, np.float32), np.ones((784, 200), np.float32)
    b1[:50] = -784  # 50 of 200 can't be reached by any image
    W1[:, 50:60] = 0
    W1[0, 50:60] = 1
    b1[50:60] = -images[:, 0].max() + 1e-3  # 10 are on for one image only, which is enough
    model.W1.assign(W1)
    model.b1.assign(b1)
    model.b2.assign(np.full(200, 1e6, np.float32))
    assert activations.dead_share(model, images) == [0.25, 0]


def test_the_model_is_numpys():
    model = activations.Model()
    x = np.random.RandomState(0).uniform(size=(5, 784)).astype(np.float32)
    h = x
    for W, b in ((model.W1, model.b1), (model.W2, model.b2)):
        h = np.maximum(h @ W.numpy() + b.numpy(), 0)
    np.testing.assert_allclose(model(x), h @ model.W3.numpy() + model.b3.numpy(), atol=1e-4)


def test_it_trains_watches_and_draws(synthetic_dir, tmp_path):
    options = ["--data-dir", synthetic_dir, "--dataset", "synthetic", "--results-dir", tmp_path]
    printed = run_exercise("activations", "--steps", 5, *options)
    left = re.search(r"^logsig at 0: 0\.50, derivative 0\.25; (\S+) of the gradient is left", printed, re.M)
    assert 1e-7 < float(left[1]) <= 0.25**10 * 1.05  # it is printed with one digit
    assert re.search(r"^dead at step 1: \d+\.\d% and \d+\.\d% of the two hidden layers$", printed, re.M)
    assert re.fullmatch(r"test accuracy 0\.\d{4} \(10,000 images, synthetic digits\)", printed.splitlines()[-1])
    assert (tmp_path / "activations" / "seed-0" / "activations.png").stat().st_size > 10_000


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_units_die_at_the_large_rate_and_not_at_a_small_one(mnist_dir, tmp_path):
    dead, accuracy = {}, {}
    for rate in 0.1, 0.8:
        folder = tmp_path / str(rate)
        printed = run_exercise(
            "activations",
            "--learning-rate",
            rate,
            "--data-dir",
            mnist_dir,
            "--dataset",
            "mnist",
            "--results-dir",
            folder,
        )
        dead[rate] = float(re.search(r"^dead at step 500: (\S+)% and", printed, re.M)[1])
        accuracy[rate] = float(re.fullmatch(r"test accuracy (0\.\d{4}) .*", printed.splitlines()[-1])[1])
    # Seeds 0, 1, 2 in bfloat16: none dead at 0.1, and 28.0, 10.0, 59.0% at 0.8; accuracies of 0.9414, 0.9378, 0.9418,
    # and of 0.9496, 0.9582, 0.9186. Which units die depends on rounding, too, so the bands are wide.
    assert dead[0.1] < 2
    assert dead[0.8] > 5
    assert accuracy[0.1] > 0.92
    assert accuracy[0.8] > 0.89
