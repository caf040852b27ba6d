"""exercises/multilayer_perceptron.py: its layers, its losses, its dropout, and the published accuracy."""

import json
import math
import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import multilayer_perceptron as script
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((4, 784), np.float32)
LABELS = np.eye(10, dtype=np.float32)[[3, 1, 4, 1]]


def in_numpy(model, x, activation):
    *hidden, (W_last, b_last) = [(W.numpy(), b.numpy()) for W, b in zip(model.W, model.b, strict=True)]
    for W, b in hidden:
        x = activation(x @ W + b)
    return x @ W_last + b_last


@pytest.mark.parametrize("hidden", [[625], [625, 625], [625, 625, 625], [10, 10]])
def test_each_layer_is_a_product_a_bias_and_relu(hidden):
    model = script.Model(hidden)
    for b in model.b:
        b.assign(RANDOM.normal(size=b.shape))
    np.testing.assert_allclose(model(IMAGES), in_numpy(model, IMAGES, lambda v: np.maximum(v, 0)), atol=1e-4)
    assert [W.shape[1] for W in model.W] == [*hidden, 10]


def test_the_old_network_has_sigmoids_and_496_885_parameters():
    model = script.Model([625], activation=tf.sigmoid)
    np.testing.assert_allclose(model(IMAGES), in_numpy(model, IMAGES, lambda v: 1 / (1 + np.exp(-v))), atol=1e-5)
    assert sum(math.prod(variable.shape) for variable in model.trainable_variables) == 784 * 625 + 625 + 6250 + 10


def test_the_weights_are_drawn_with_hes_variance():
    tf.random.set_seed(1)
    for W in script.Model().W:
        inputs, outputs = W.shape
        variance, spread = np.mean(np.square(W)), math.sqrt(2 / (inputs * outputs))  # of a variance of 1
        assert abs(variance * inputs / 2 - 1) < 4 * spread


def test_the_mean_over_10000_masks_is_the_input():
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    x = np.linspace(0.5, 2, 20, dtype=np.float32)
    for keep_prob in script.DROPOUT.values():
        masked = script.dropout(tf.repeat(x[None], 10_000, axis=0), keep_prob).numpy()
        standard_error = x * math.sqrt((1 - keep_prob) / keep_prob / 10_000)
        assert np.all(np.abs(masked.mean(axis=0) - x) < 3.5 * standard_error)
        assert np.all(np.isclose(masked, 0) | np.isclose(masked, x / keep_prob))


def test_l2_adds_the_squares_of_the_weights_so_that_a_step_shrinks_them():
    model = script.Model([10])
    with tf.GradientTape(persistent=True) as tape:
        plain, penalised = script.loss(model, IMAGES, LABELS), script.loss(model, IMAGES, LABELS, l2=0.01)
    squares = sum(np.sum(np.square(W.numpy(), dtype=np.float64)) for W in model.W)
    assert float(penalised - plain) == pytest.approx(0.01 * squares, rel=1e-4)
    for W in model.W:
        difference = tape.gradient(penalised, W) - tape.gradient(plain, W)
        np.testing.assert_allclose(difference, 2 * 0.01 * W.numpy(), atol=1e-6)
    for b in model.b:
        np.testing.assert_allclose(tape.gradient(penalised, b), tape.gradient(plain, b), atol=1e-7)


def test_the_loss_is_the_cross_entropy():
    model = script.Model([10])
    logits = model(IMAGES).numpy().astype(np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.mean(np.log(softmax[LABELS == 1]))
    assert float(script.loss(model, IMAGES, LABELS)) == pytest.approx(expected, rel=1e-5)


def test_noise_and_dropout_change_the_loss_each_time_and_nothing_else_does():
    model = script.Model()
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    for options in {"noise": 0.3}, {"keep_input": 0.8}, {"keep_hidden": 0.5}:
        assert len({float(script.loss(model, IMAGES, LABELS, **options)) for _ in range(3)}) == 3
    assert len({float(script.loss(model, IMAGES, LABELS, l2=0.1)) for _ in range(3)}) == 1


def test_it_compares_trains_tests_and_draws(synthetic_dir, tmp_path):
    flags = ["--dataset", "synthetic", "--data-dir", synthetic_dir, "--results-dir", tmp_path]
    printed = run_exercise("multilayer_perceptron", *flags, "--steps", 2, "--batch-size", 16)
    folder = tmp_path / "multilayer_perceptron" / "seed-0"
    mean = float(re.search(r"^dropout of a unit of 1, mean over 10,000 masks: (.*)$", printed, re.MULTILINE)[1])
    assert mean == pytest.approx(1, abs=0.06), "its standard deviation is 0.01"
    assert "625 sigmoid units, 7 steps" in printed
    table = re.findall(r"^  (.+?) +([01]\.\d\d)  ([01]\.\d\d)$", printed, re.MULTILINE)
    assert [name for name, _, _ in table] == list(script.COMPARED)
    assert re.search(r"\ntest accuracy 0\.\d{4} \(10,000 images, synthetic digits\)\n$", printed)
    assert {"run.json", "curves.png", "overfitting.png"} <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "run.json").read_text())["parameters"] == 784 * 625 + 625 * 625 + 6250 + 1260


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_gets_the_published_accuracies(mnist_dir, tmp_path):
    flags = ["--dataset", "mnist", "--data-dir", mnist_dir, "--results-dir", tmp_path]
    printed = run_exercise("multilayer_perceptron", *flags)
    accuracy = float(re.search(r"test accuracy ([\d.]+) \(10,000 images, MNIST\)\n$", printed)[1])
    old = float(re.search(r"625 sigmoid units, .*: validation accuracy ([\d.]+)", printed)[1])
    table = re.findall(r"^  (.+?) +([01]\.\d\d)  ([01]\.\d\d)$", printed, re.MULTILINE)
    validation = {name: float(right) for name, _, right in table}
    assert accuracy == pytest.approx(0.963, abs=0.008)
    assert old == pytest.approx(0.90, abs=0.015)
    fewer = validation.pop("fewer units: 10-10")
    assert min(validation.values()) > fewer + 0.03
