"""exercises/autoencoder.py: PCA is what linear algebra says it is, and what the networks learn is held against it."""

import re

import numpy as np
import pytest

from exercises import autoencoder as script
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises

RANDOM = np.random.default_rng(0)


def test_pca_leaves_the_discarded_singular_values():
    images = (RANDOM.normal(size=(50, 6)) @ RANDOM.normal(size=(6, 12)) + RANDOM.normal(size=(50, 12))).astype("f4")
    mean, directions = script.pca(images, 4)
    given_back = mean + (images - mean) @ directions @ directions.T
    singular = np.linalg.svd(images.astype("f8") - images.mean(axis=0, dtype="f8"), compute_uv=False)
    assert np.sum(np.square(images - given_back)) == pytest.approx(np.sum(singular[4:] ** 2), rel=1e-4)
    np.testing.assert_allclose(directions.T @ directions, np.eye(4), atol=1e-5)


def test_no_linear_autoencoder_is_better_than_pca():
    images = RANDOM.normal(size=(40, 8)) * np.arange(1, 9)
    mean, directions = script.pca(images, 3)
    best = np.mean(np.square(mean + (images - mean) @ directions @ directions.T - images))
    for _ in range(20):
        encoder, decoder = RANDOM.normal(size=(8, 3)), None
        code = (images - mean) @ encoder
        decoder = np.linalg.lstsq(code, images - mean, rcond=None)[0]  # the best one for this encoder
        assert np.mean(np.square(code @ decoder + mean - images)) > best


def test_the_autoencoder_is_two_layers_of_784_times_64_weights():
    encoder, network = script.autoencoder(784, "relu")
    assert network.count_params() == 784 * 64 + 64 + 64 * 784 + 784
    x = RANDOM.random((3, 784), np.float32)
    W, b, V, c = network.get_weights()
    code = np.maximum(x @ W + b, 0)
    np.testing.assert_allclose(encoder(x), code, atol=1e-5)
    np.testing.assert_allclose(network(x), 1 / (1 + np.exp(-(code @ V + c))), atol=1e-5)


def test_the_error_is_the_mean_over_all_numbers():
    x, y = RANDOM.random((3, 5), np.float32), RANDOM.random((3, 5), np.float32)
    assert float(script.mean_squared_error(x, y)) == pytest.approx(sum((x - y).ravel() ** 2) / 15, rel=1e-5)


def test_the_pictures_of_digits_stand_in_rows(tmp_path):
    from exercises.support.autoencoder_pictures import plot_rows

    path = plot_rows({"white": np.zeros((3, 784)), "black": np.ones((3, 784))}, tmp_path / "rows.png", title="rows")
    assert path.stat().st_size > 1_000


def test_it_compares_and_draws(synthetic_dir, tmp_path):
    flags = ["--dataset", "synthetic", "--data-dir", synthetic_dir, "--results-dir", tmp_path]
    printed = run_exercise("autoencoder", *flags, "--steps", 5, "--batch-size", 8)
    folder = tmp_path / "autoencoder" / "seed-0"
    last = printed.splitlines()[-1]
    assert re.fullmatch(
        r"mean squared error: autoencoder 0\.\d{4}, PCA 0\.\d{4} \(10,000 images, synthetic digits\)", last
    )
    assert re.findall(r"^6 layers from (.+?), 1,000 labelled images", printed, re.MULTILINE) == [
        "autoencoders",
        "random weights",
    ]
    assert {path.name for path in folder.iterdir()} == {"autoencoder.png", "start.png"}


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_beats_pca_and_starts_a_deep_network_better(mnist_dir, tmp_path):
    flags = ["--dataset", "mnist", "--data-dir", mnist_dir, "--results-dir", tmp_path]
    printed = run_exercise("autoencoder", *flags)
    network, pca = (float(re.search(rf"{name} ([\d.]+)", printed.splitlines()[-1])[1]) for name in ("encoder", "PCA"))
    assert pca == pytest.approx(0.00905, abs=0.0001)
    assert network < 0.6 * pca
    pretrained, random = (float(right) for right in re.findall(r"validation accuracy ([\d.]+)", printed))
    assert pretrained > random + 0.05
