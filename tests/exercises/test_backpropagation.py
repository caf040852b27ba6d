"""exercises/backpropagation.py: gradients against differences, updates against Keras and closed forms."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from exercises import backpropagation
from exercises.support.gradient_check import finite_differences, largest_difference
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises

EXAMPLES = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]  # XOR


@pytest.fixture(scope="module")
def printed():
    return run_exercise("backpropagation")


def weights(seed):
    generator = np.random.RandomState(seed)
    return [generator.normal(size=shape) for shape in ((2, 8), (8,), (8, 2), (2,))]


def loss_by_loops(W1, b1, W2, b2):
    """Compute the loss unit by unit, in another way than the script does."""
    losses = []
    for x, right in EXAMPLES:
        h = [np.tanh(sum(x[i] * W1[i, j] for i in range(2)) + b1[j]) for j in range(8)]
        logits = [sum(h[j] * W2[j, k] for j in range(8)) + b2[k] for k in range(2)]
        losses.append(np.logaddexp(*logits) - logits[right])
    return np.mean(losses)


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_and_its_gradients_are_those_of_loops_and_differences(seed):
    assert backpropagation.loss(*weights(seed)) == pytest.approx(loss_by_loops(*weights(seed)), abs=1e-12)
    gradients = [np.zeros_like(part) for part in weights(seed)]
    for part, gradient in enumerate(gradients):
        for place in np.ndindex(gradient.shape):
            up, down = weights(seed), weights(seed)
            up[part][place] += 1e-5
            down[part][place] -= 1e-5
            gradient[place] = (loss_by_loops(*up) - loss_by_loops(*down)) / 2e-5
    for by_hand, expected in zip(backpropagation.backward(*weights(seed)), gradients, strict=True):
        np.testing.assert_allclose(by_hand, expected, atol=1e-8)


def test_the_gradients_are_those_of_the_tape():
    by_hand, by_tape = backpropagation.backward(*weights(5)), backpropagation.tape_gradients(*weights(5))
    assert largest_difference(by_hand, by_tape) < 1e-12


@pytest.mark.parametrize("steps", [1, 4])
def test_the_updates_are_those_of_keras(steps):
    generator = np.random.RandomState(0)
    w, gradients = generator.normal(size=5), list(generator.normal(size=(steps, 5)))
    rate = backpropagation.RATE
    optimizers = [
        keras.optimizers.SGD(rate),
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.optimizers.RMSprop(rate),
        keras.optimizers.Adam(rate),
    ]
    for name, moved, optimizer in zip(
        backpropagation.RULES, backpropagation.updates(w, gradients), optimizers, strict=True
    ):
        variable = tf.Variable(w)
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        np.testing.assert_allclose(moved, variable.numpy(), rtol=0, atol=1e-6, err_msg=name)


def test_the_first_updates_are_those_of_the_formulas():
    g = np.array([2.0, -0.5])
    sgd, momentum, rmsprop, adam = backpropagation.updates(np.zeros(2), [g])
    np.testing.assert_allclose(sgd, -backpropagation.RATE * g)
    np.testing.assert_allclose(momentum, sgd)  # nothing to go on with yet
    np.testing.assert_allclose(rmsprop, -backpropagation.RATE / np.sqrt(0.1) * np.sign(g), rtol=1e-5)
    np.testing.assert_allclose(adam, -backpropagation.RATE * np.sign(g), rtol=1e-5)


def test_momentum_of_a_constant_gradient_is_a_geometric_series():
    g, steps = np.array([1.0]), 30
    _, momentum, _, _ = backpropagation.updates(np.zeros(1), [g] * steps)
    way = sum((1 - 0.9**t) / (1 - 0.9) for t in range(1, steps + 1))  # the velocity after t steps, added up
    np.testing.assert_allclose(momentum, -backpropagation.RATE * way)


def test_l2_shrinks_the_weights_by_one_minus_eta_lambda(printed):
    line = re.search(
        r"^L2 +takes it to \[(.*?)\] in a step of SGD; shrunk by (\S+)%, then SGD: \[(.*?)\]", printed, re.M
    )
    assert line[1] == line[3]
    eta, decay = backpropagation.RATE, backpropagation.DECAY
    assert float(line[2]) == pytest.approx(100 * eta * decay)
    w, step = 1.0, eta * np.array([1.0, 0.01])
    expected = (1 - eta * decay) * w - step
    np.testing.assert_allclose(np.array(line[1].split(), float), expected, atol=1e-7)


def test_it_prints_what_the_docstring_says(printed):
    last = re.fullmatch(
        r"largest difference: (\S+) from GradientTape, (\S+) from finite differences, (\S+) from Keras's optimizers",
        printed.splitlines()[-1],
    )
    tape, differences, optimizers = map(float, last.groups())
    assert tape < 1e-12
    assert differences < 1e-8
    assert optimizers < 1e-6


def test_xor_is_learned(printed):
    before, after = map(float, re.search(r"loss (\S+), after 500 epochs (\S+)", printed).groups())
    assert before > np.log(2) > 0.05 > after
    assert "XOR, 42 weights and biases" in printed  # 2 * 8 + 8 + 8 * 2 + 2


def test_finite_differences_are_exact_for_squares_and_leave_their_arguments_alone():
    a, b = np.array([1.0, -2.0]), np.array([[3.0]])
    gradients = finite_differences(lambda a, b: float(np.sum(a**2) * b[0, 0]), [a, b])
    np.testing.assert_allclose(gradients[0], [6, -12], atol=1e-8)
    np.testing.assert_allclose(gradients[1], [[5]], atol=1e-8)
    assert a.tolist() == [1, -2]
    assert b.tolist() == [[3]]
    assert largest_difference([a, b], [a + 0.5, b - 2]) == 2
