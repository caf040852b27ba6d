"""exercises/lstm.py: its cell is Keras's, and it reads the rows in their order."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import lstm
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def with_random_biases():
    """Make a model whose biases are not the zeros of a new one, which would hide a bias in the wrong place."""
    tf.random.set_seed(5)
    model = lstm.Model()
    model.b.assign(tf.random.normal(model.b.shape))
    model.b_out.assign(tf.random.normal(model.b_out.shape))
    return model


def keras_cell(model):
    """Return Keras's cell with the weights of the model: its gates are i, f, c, o, and it has no other forget bias."""
    inputs = lstm.COLUMNS
    i, j, f, o = np.split(model.W.numpy(), 4, axis=1)
    kernel = np.concatenate([i, f, j, o], axis=1)
    bi, bj, bf, bo = np.split(model.b.numpy(), 4)
    cell = tf.keras.layers.LSTMCell(lstm.UNITS)
    cell.build((None, inputs))
    cell.set_weights([kernel[:inputs], kernel[inputs:], np.concatenate([bi, bf + 1, bj, bo])])
    return cell


def test_the_cell_is_kerass_with_the_same_weights():
    model, random = with_random_biases(), np.random.default_rng(0)
    x, c, h = (random.normal(size=(6, size)).astype(np.float32) for size in (28, 128, 128))
    _, (h_keras, c_keras) = keras_cell(model)(tf.constant(x), [tf.constant(h), tf.constant(c)])
    c_new, h_new = model.cell(tf.constant(x), tf.constant(c), tf.constant(h))
    np.testing.assert_allclose(c_new, c_keras, rtol=0, atol=1e-6)
    np.testing.assert_allclose(h_new, h_keras, rtol=0, atol=1e-6)


def test_a_whole_image_is_read_as_by_kerass_layer():
    model, images = with_random_biases(), np.random.default_rng(1).random((3, 784), np.float32)
    rows = tf.reshape(images, [3, 28, 28])
    says = tf.keras.layers.RNN(keras_cell(model), return_sequences=True)(rows)
    expected = says.numpy() @ model.W_out.numpy() + model.b_out.numpy()
    np.testing.assert_allclose(np.swapaxes(model.read(images), 0, 1), expected, atol=1e-5)
    np.testing.assert_allclose(model(images), expected[:, -1], atol=1e-5)


def test_after_a_row_it_does_not_know_those_below():
    model, images = with_random_biases(), np.zeros((2, 784), np.float32)
    images[1, 20 * 28 :] = 1  # rows 20 to 27 differ
    differ = [bool(np.any(first != second)) for first, second in model.read(images)]
    assert differ == [False] * 20 + [True] * 8


def test_it_has_the_cells_weights_and_those_of_the_logits():
    sizes = {tuple(variable.shape) for variable in lstm.Model().trainable_variables}
    assert sizes == {(28 + 128, 4 * 128), (4 * 128,), (128, 10), (10,)}


def test_it_trains_tests_and_draws(synthetic_dir, tmp_path):
    flags = ["--dataset", "synthetic", "--data-dir", synthetic_dir, "--results-dir", tmp_path, "--steps", 1]
    printed = run_exercise("lstm", *flags)
    folder = tmp_path / "lstm" / "seed-0"
    assert re.search(r"\ntest accuracy 0\.\d{4} \(10,000 images, synthetic digits\)\n$", printed)
    assert f"picture in {folder / 'reading.png'}\n" in printed
    assert {"run.json", "predictions.npy", "curves.png", "reading.png"} <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "run.json").read_text())["parameters"] == 156 * 512 + 512 + 128 * 10 + 10


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_reads_98_of_100_digits(mnist_dir, tmp_path):
    printed = run_exercise("lstm", "--dataset", "mnist", "--data-dir", mnist_dir, "--results-dir", tmp_path)
    accuracy = float(re.search(r"test accuracy ([\d.]+) \(10,000 images, MNIST\)\n$", printed)[1])
    assert accuracy >= 0.978
