"""exercises/relu_network.py: each part against NumPy, float64, and gradients from finite differences."""

import argparse
import importlib.util
import re

import numpy as np
import pytest
import tensorflow as tf

from exercises import relu_network
from exercises.support.gradient_check import finite_differences
from exercises.support.graph_log import write_graph
from labkit.errors import LabError
from tests.support.exercise import run_exercise
from tests.support.needs import needs

pytestmark = pytest.mark.exercises

X = np.array([1.0, 2.0, 3.0])


@pytest.fixture(scope="module")
def log_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def printed(log_dir):
    return run_exercise("relu_network", *["--log-dir", log_dir] * bool(importlib.util.find_spec("tensorboard")))


def relu(sums):
    return np.maximum(sums, 0)


def cross_entropy(logits, right):
    return np.log(np.exp(logits).sum()) - logits[right]


def descend(loss, arrays, steps):
    """Yield the loss before each step of 0.1, and the arrays as they are then; the gradient is that of differences."""
    for _ in range(steps):
        yield loss(*arrays), arrays
        gradients = finite_differences(loss, arrays, epsilon=1e-6)
        arrays = [array - 0.1 * gradient for array, gradient in zip(arrays, gradients, strict=True)]
    yield loss(*arrays), arrays


def numbers_after(words, printed):
    return [float(number) for number in re.search(rf"{words} \[\[(.*?)\]\]", printed)[1].split()]


def test_the_units_are_the_same_one_by_one_and_as_a_product():
    generator = np.random.RandomState(1)
    x, W = generator.normal(size=(4, 7)), generator.normal(size=(7, 5))
    for layer in relu_network.one_by_one, relu_network.dense:
        np.testing.assert_allclose(layer(tf.constant(x), tf.constant(W)), relu(x @ W), atol=1e-12)


def test_it_prints_units_softmax_and_what_is_missing_to_the_answer(printed):
    sums = X @ np.float64(relu_network.WEIGHTS)
    np.testing.assert_allclose(numbers_after("units one by one:", printed), relu(sums), atol=5e-4)
    np.testing.assert_allclose(numbers_after("by a product:", printed), relu(sums), atol=1e-6)
    p = np.exp(relu(sums)) / np.exp(relu(sums)).sum()
    np.testing.assert_allclose(numbers_after("softmax:", printed), p, atol=6e-4)
    np.testing.assert_allclose(numbers_after("answer - softmax:", printed), [0, 1, 0] - p, atol=6e-4)
    assert f"cross-entropy: {cross_entropy(relu(sums), 1):.3f}\n" in printed


@pytest.mark.parametrize(("answer", "right"), [("SECOND", 1), ("THIRD", 2)])
def test_ten_steps_by_hand_are_those_of_finite_differences(answer, right):
    history = relu_network.ten_steps(relu_network.WEIGHTS, getattr(relu_network, answer))
    start = [np.float64(relu_network.WEIGHTS)]
    expected = [loss for loss, _ in descend(lambda W: cross_entropy(relu(X @ W), right), start, steps=10)]
    np.testing.assert_allclose([loss for _, loss in history], expected, atol=1e-5)


def test_the_first_step_is_minus_a_tenth_of_softmax_minus_answer_times_x():
    off = tf.constant([[0.2, 0.1, 0.0], [0.1, 0.2, 0.3], [0.1, 0.1, 0.1]])  # all three units are on
    (p, _), (then, _), *_ = relu_network.ten_steps(off, relu_network.SECOND)
    W = np.float64(off) - 0.1 * np.outer(X, p[0] - [0, 1, 0])
    np.testing.assert_allclose(then[0], np.exp(relu(X @ W)) / np.exp(relu(X @ W)).sum(), atol=1e-6)


def test_a_unit_that_is_off_never_wins(printed):
    losses = [loss for _, loss in relu_network.ten_steps(relu_network.WEIGHTS, relu_network.THIRD)]
    assert min(losses) >= np.log(3) - 1e-6
    assert f"if the third should win, which is off: {np.log(3):.2f}," in printed


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_training_with_l2_is_that_of_finite_differences(l2):
    """The gradient of the penalty is 2 * l2 * W, so a wrong factor shows after a few steps."""
    tf.random.set_seed(3)
    model = relu_network.Model()
    names = [*model.W, *model.b, model.W_softmax, model.b_softmax]
    start = [np.float64(variable) for variable in names]
    relu_network.train(model, l2, steps=10)

    def loss(W1, W2, b1, b2, W_softmax, b_softmax):
        logits = relu(relu(X @ W1 + b1) @ W2 + b2) @ W_softmax + b_softmax
        return cross_entropy(logits, 1) + l2 * np.sum(W_softmax**2)

    *_, (_, expected) = descend(loss, start, steps=10)
    for variable, array in zip(names, expected, strict=True):
        np.testing.assert_allclose(variable, array, atol=1e-5)


def test_the_gradient_of_the_penalty_is_twice_l2_times_the_weights():
    tf.random.set_seed(3)
    model = relu_network.Model()
    for W in model.W:
        W.assign(tf.zeros([3, 3]))  # then the cross-entropy does not depend on W_softmax
    before = model.W_softmax.numpy()
    relu_network.train(model, l2=0.25, steps=10)
    np.testing.assert_allclose(model.W_softmax, before * (1 - 0.1 * 2 * 0.25) ** 10, rtol=1e-4)


def test_the_weights_are_the_shorter_the_more_l2_counts(printed):
    lengths = [float(length) for length in re.findall(r"^L2 of .* a length of (\S+) ", printed, re.MULTILINE)]
    assert len(lengths) == 3
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 2 * lengths[2]


@pytest.mark.parametrize("layers", [0, 1, 5])
def test_a_layer_more_is_twelve_numbers_more(layers):
    model = relu_network.Model(layers)
    assert sum(int(tf.size(variable)) for variable in model.trainable_variables) == 12 * (layers + 1)
    assert model(tf.zeros([4, 3])).shape == (4, 3)


def test_the_deep_network_is_numpys():
    model = relu_network.Model(layers=4)
    h = np.random.RandomState(0).normal(size=(5, 3))
    logits = model(tf.constant(h, tf.float32))
    for W, b in zip(model.W, model.b, strict=True):
        h = relu(h @ W.numpy() + b.numpy())
    np.testing.assert_allclose(logits, h @ model.W_softmax.numpy() + model.b_softmax.numpy(), atol=1e-5)


def test_the_residual_block_is_the_identity_where_its_weights_are_zero():
    h = relu(np.random.RandomState(0).normal(size=(6, 3))).astype(np.float32)
    zero = tf.zeros([3, 3])
    np.testing.assert_array_equal(relu_network.residual_block(h, zero, zero), h)  # exactly


def test_paths_and_residual_blocks_are_numpys(printed):
    tf.random.set_seed(0)
    W1, W2 = (W.numpy() for W in relu_network.train(relu_network.Model(), l2=0.1).W)
    h = relu(X @ np.float64(relu_network.WEIGHTS))
    np.testing.assert_allclose(numbers_after("a parallel path:", printed), relu(h @ W1) + relu(h @ W2), atol=6e-4)
    np.testing.assert_allclose(numbers_after("an activation as bias:", printed), relu(h @ W1 + h), atol=6e-4)
    block = relu(h + relu(h @ W1) @ W2)
    np.testing.assert_allclose(numbers_after("a residual block:", printed), block, atol=6e-4)
    assert numbers_after("of zero weights:", printed) == numbers_after("is its input:", printed)


def test_scopes_name_the_operations_by_layer(printed):
    before = re.search(r"^before scopes: (.*)", printed, re.MULTILINE)[1].split()
    after = re.search(r"^after scopes: (.*)", printed, re.MULTILINE)[1].split()
    assert len(before) == len(after) == 8
    assert not any("/" in name for name in before)
    assert [name.split("/")[0] for name in after] == ["layer0"] * 3 + ["layer1"] * 3 + ["softmax"] * 2


def test_the_graphs_are_written_where_they_are_asked_for(printed, log_dir):
    needs("tensorboard")
    graphs = {file.parent.name: file.read_bytes() for file in log_dir.glob("relu_network/*/events*")}
    assert set(graphs) == {"before", "after"}
    assert b"layer1/MatMul" in graphs["after"]
    assert b"layer1/" not in graphs["before"]
    write_graph(None, "before", argparse.Namespace(log_dir=None))  # does nothing


def test_the_graphs_need_tensorboard(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match="--log-dir needs TensorBoard: pip install tensorboard"):
        write_graph(None, "before", argparse.Namespace(log_dir=tmp_path))


def test_the_last_line_is_the_loss_of_ten_steps(printed):
    losses = printed.splitlines()[-1].removeprefix("ten steps of 0.1: the loss is ").split()
    assert len(losses) == 11
    assert (losses[0], losses[-1]) == ("0.94", "0.07")  # as the docstring says
    assert [float(loss) for loss in losses] == sorted(map(float, losses), reverse=True)
