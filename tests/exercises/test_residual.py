"""exercises/residual.py: the block against the identity, the network against Keras's layers."""

import math
import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import residual
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def images(n):
    return np.random.RandomState(0).uniform(size=(n, 784)).astype(np.float32)


def test_a_residual_block_with_zero_weights_is_the_identity():
    x = tf.nn.relu(tf.random.normal([2, 28, 28, 8]))  # what a ReLU before it gives
    W, b = tf.zeros([3, 3, 8, 8]), tf.zeros([8])
    np.testing.assert_array_equal(residual.block(x, W, b, W, b, residual=True), x)  # exactly
    np.testing.assert_array_equal(residual.block(x, W, b, W, b, residual=False), tf.zeros_like(x))


@pytest.mark.parametrize("short_cut", [False, True])
def test_the_network_is_that_of_keras_layers(short_cut, monkeypatch):
    monkeypatch.setattr(residual, "BLOCKS", 2)
    model = residual.Model(residual=short_cut)
    for b in model.b:
        b.assign(tf.random.normal(b.shape))

    def convolution(W, b):
        layer = tf.keras.layers.Conv2D(8, 3, padding="same")
        layer.build((None, 28, 28, W.shape[2]))
        layer.set_weights([W.numpy(), b])
        return layer

    h = tf.nn.relu(convolution(model.W_first, np.zeros(8))(images(3).reshape(-1, 28, 28, 1)))
    for W1, b1, W2, b2 in (
        (model.W[0], model.b[0], model.W[1], model.b[1]),
        (model.W[2], model.b[2], model.W[3], model.b[3]),
    ):
        f = convolution(W2, b2.numpy())(tf.nn.relu(convolution(W1, b1.numpy())(h)))
        h = tf.nn.relu(tf.keras.layers.Add()([f, h]) if short_cut else f)
    expected = h.numpy().reshape(3, -1) @ model.W_last.numpy() + model.b_last.numpy()
    np.testing.assert_allclose(model(images(3)), expected, atol=1e-4)


def test_both_networks_have_twenty_layers_and_the_same_variables():
    tf.random.set_seed(0)
    plain = residual.Model(residual=False)
    tf.random.set_seed(0)
    other = residual.Model(residual=True)
    layers = [v for v in plain.trainable_variables if v.shape.rank > 1]
    assert len(layers) == 20
    count = 9 * 8 + 18 * (9 * 8 * 8 + 8) + 28 * 28 * 8 * 10 + 10
    assert sum(math.prod(v.shape) for v in plain.trainable_variables) == count
    for one, two in zip(plain.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_array_equal(one, two)


def test_nothing_is_left_of_the_image_after_twenty_plain_layers():
    """Of a layer's 3 * 3 * 8 inputs the weights keep, squared, 72 * 0.088 ** 2 / 2 = 0.28: of 19, a few 1e-11."""
    tf.random.set_seed(0)
    spread = {s: np.std(residual.Model(residual=s)(images(20)), axis=0).max() for s in (False, True)}
    assert spread[False] < 1e-3 * spread[True]


def test_it_trains_both_and_draws(synthetic_dir, tmp_path):
    options = ["--data-dir", synthetic_dir, "--dataset", "synthetic", "--results-dir", tmp_path]
    printed = run_exercise("residual", "--steps", 2, "--batch-size", 8, *options)
    last = r"loss after 2 steps: 2\.\d\d plain, \d\.\d\d residual \(synthetic digits\)"
    assert re.fullmatch(last, printed.splitlines()[-1])
    assert (tmp_path / "residual" / "seed-0" / "residual.png").stat().st_size > 10_000


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_the_plain_network_stalls_and_the_residual_one_learns_by_more_than_three_seeds_differ(mnist_dir, tmp_path):
    losses = []
    for seed in range(3):
        options = ["--data-dir", mnist_dir, "--dataset", "mnist", "--results-dir", tmp_path]
        last = run_exercise("residual", "--seed", seed, *options).splitlines()[-1]
        losses.append([float(loss) for loss in re.findall(r"(\d\.\d\d) (?:plain|residual)", last)])
    # Chosen on seed 0, then measured on 10 to 15, all of them: plain 2.301 to 2.302, residual 0.295 to 0.368. By Adam
    # (rate 0.001) one plain run of eight, seed 2 in bfloat16, learned after all, and ended at 0.19.
    plain, residual = np.array(losses).T
    assert np.all(np.abs(plain - np.log(10)) < 0.02)  # guessing
    spread = max(np.ptp(plain), np.ptp(residual))
    assert plain.min() - residual.max() > 5 * spread
    assert residual.max() < 0.6
