"""The arithmetic of the networks, against NumPy written out by hand."""

import numpy as np
import pytest
import tensorflow as tf

import deep_mnist
import softmax_mnist

pytestmark = pytest.mark.lab


def numpy_conv2d(x, W):
    """Convolve with SAME padding: each output pixel is the sum over the window of pixel times weight."""
    height, width = W.shape[0] // 2, W.shape[1] // 2
    padded = np.pad(x, [(0, 0), (height, height), (width, width), (0, 0)])
    y = np.zeros((*x.shape[:3], W.shape[3]))
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            window = padded[:, row : row + W.shape[0], column : column + W.shape[1]]
            y[:, row, column] = np.tensordot(window, W, axes=3)
    return y


def numpy_max_pool_2x2(x):
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def numpy_deep_network(model, x):
    """Return the logits of the deep network as the lecture draws it."""

    def relu(z):
        return np.maximum(z, 0)

    W = {name: value.numpy().astype(np.float64) for name, value in vars(model).items() if hasattr(value, "numpy")}
    h = x.reshape(-1, 28, 28, 1)
    h = numpy_max_pool_2x2(relu(numpy_conv2d(h, W["W_conv1"]) + W["b_conv1"]))
    h = numpy_max_pool_2x2(relu(numpy_conv2d(h, W["W_conv2"]) + W["b_conv2"]))
    h = relu(h.reshape(len(x), -1) @ W["W_fc1"] + W["b_fc1"])
    return h @ W["W_fc2"] + W["b_fc2"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_convolution_is_that_of_numpy(rng):
    x, W = rng.normal(size=(2, 9, 7, 3)), rng.normal(size=(5, 5, 3, 4))
    np.testing.assert_allclose(deep_mnist.conv2d(x, W), numpy_conv2d(x, W), atol=1e-10)


def test_max_pooling_is_that_of_numpy(rng):
    x = rng.normal(size=(2, 8, 6, 3)).astype(np.float32)
    np.testing.assert_array_equal(deep_mnist.max_pool_2x2(x), numpy_max_pool_2x2(x))


def test_logits_of_the_deep_network_are_those_of_numpy(rng):
    x = rng.uniform(size=(3, 784)).astype(np.float32)
    model = deep_mnist.Model()
    np.testing.assert_allclose(model(x), numpy_deep_network(model, x), rtol=1e-4, atol=1e-4)


def test_gradient_of_the_softmax_regression_is_that_of_numpy(rng):
    x, digits = rng.uniform(size=(20, 784)), rng.integers(10, size=20)
    y_, W, b = np.eye(10)[digits], rng.normal(size=(784, 10)) * 0.1, rng.normal(size=10)
    model = softmax_mnist.Model()
    model.W.assign(W)
    model.b.assign(b)
    with tf.GradientTape() as tape:
        logits = model(x.astype(np.float32))
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=logits))
    gradient_W, gradient_b = tape.gradient(loss, [model.W, model.b])

    odds = np.exp(x @ W + b)
    softmax = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(softmax[np.arange(20), digits]).mean(), rtol=1e-5)
    np.testing.assert_allclose(gradient_W, x.T @ (softmax - y_) / 20, atol=1e-6)
    np.testing.assert_allclose(gradient_b, (softmax - y_).mean(axis=0), atol=1e-6)


def test_dropout_zeroes_half_the_units_and_keeps_the_mean():
    dropped = deep_mnist.dropout(tf.ones([100, 1000]), 0.5).numpy()
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)  # 6 standard deviations of 100,000 draws


def test_dropout_draws_anew_at_every_step():
    step = tf.function(lambda x: deep_mnist.dropout(x, 0.5))
    assert not np.array_equal(step(tf.ones([1000])), step(tf.ones([1000])))


def test_first_weights_keep_the_size_of_the_signal(rng):
    x = rng.normal(size=(200, 3136)).astype(np.float32)
    h = tf.nn.relu(tf.matmul(x, deep_mnist.weight_variable([3136, 1024])))
    assert np.mean(np.square(h)) == pytest.approx(np.mean(np.square(x)), rel=0.1)


@pytest.mark.smoke
def test_one_batch_can_be_learned_by_heart(rng):
    """All variables take part: the network can learn even random labels, which needs every layer's gradient."""
    x, y_ = rng.uniform(size=(20, 784)).astype(np.float32), np.eye(10, dtype=np.float32)[rng.integers(10, size=20)]
    model = deep_mnist.Model()
    optimizer = tf.compat.v1.train.AdamOptimizer(1e-3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    losses = [float(step()) for _ in range(40)]
    assert losses[-1] < 0.05 < losses[0]
