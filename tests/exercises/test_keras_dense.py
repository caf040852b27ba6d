"""exercises/keras_dense.py: the lecture's network, and the error that no rule can go below."""

import math
import re

import numpy as np
import pytest
from scipy.stats import norm

from exercises import keras_dense
from tests.support.exercise import run_and_look

pytestmark = pytest.mark.exercises


def test_the_network_has_the_lectures_parameters():
    network = keras_dense.make_network()
    assert [layer.count_params() for layer in network.layers] == [300, 10_100, 101]
    assert network.count_params() == 10_501


def test_the_network_is_three_sigmoid_layers():
    network, x = keras_dense.make_network(), np.random.default_rng(3).normal(size=(5, 2)).astype(np.float32)
    h = x
    for W, b in zip(network.get_weights()[::2], network.get_weights()[1::2], strict=True):
        h = 1 / (1 + np.exp(-(h @ W + b)))
    np.testing.assert_allclose(network(x), h, atol=1e-6)


def test_the_bayes_error_is_that_of_normal_clouds():
    distance = math.dist(*keras_dense.CENTRES)
    assert pytest.approx(norm.cdf(-distance / 2), rel=1e-12) == keras_dense.BAYES_ERROR


def test_the_best_rule_on_drawn_points_has_the_bayes_error():
    points, clouds = keras_dense.draw_points(np.random.default_rng(4), 200_000)
    densities = [norm.pdf(points - centre).prod(axis=1) for centre in keras_dense.CENTRES]  # Bayes's rule itself
    error = np.mean(np.argmax(densities, axis=0) != clouds)
    standard_error = math.sqrt(keras_dense.BAYES_ERROR * (1 - keras_dense.BAYES_ERROR) / len(points))
    assert abs(error - keras_dense.BAYES_ERROR) < 4 * standard_error
    assert abs(np.mean(clouds) - 0.5) < 4 * 0.5 / math.sqrt(len(points))


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    flags = ["--results-dir", folder, "--epochs", 1, "--batch-size", 1000]
    return folder, *run_and_look("keras_dense", *flags)


def test_it_prints_its_error_beside_the_least_possible(short_run):
    folder, printed, _ = short_run
    assert re.search(r"\ntest error 0\.\d{4} \(100,000 points\), Bayes error 0\.0668\n$", printed)
    assert f"picture in {folder / 'keras_dense' / 'seed-0' / 'boundary.png'}\n" in printed
    assert (folder / "keras_dense" / "seed-0" / "boundary.png").stat().st_size > 10_000


def test_no_rule_beats_the_best_one_by_more_than_chance(short_run):
    _, printed, _ = short_run
    best = float(re.search(r"the best rule errs on ([\d.]+) of these points", printed)[1])
    error = float(re.search(r"test error ([\d.]+)", printed)[1])
    assert best == pytest.approx(keras_dense.BAYES_ERROR, abs=0.003)
    assert error > best - 0.001


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_comes_close_to_the_bayes_error(tmp_path):
    printed, _ = run_and_look("keras_dense", "--results-dir", tmp_path)
    error = float(re.search(r"test error ([\d.]+)", printed)[1])
    assert keras_dense.BAYES_ERROR - 0.0025 < error < keras_dense.BAYES_ERROR + 0.004
