"""Backpropagation by hand: the gradients of GradientTape to 1e-12, and the updates of Keras's optimizers to 1e-6.

    python exercises/backpropagation.py          print both, by hand and by TensorFlow, and train a network on XOR
    python exercises/backpropagation.py --help   all flags

The chain rule, from the loss back to the first layer: `backward` turns the derivative by a layer's output into those by
its weights, its biases and its input, which is the output of the layer before. The lecture's Levenberg-Marquardt and
conjugate gradients are not here: they want all examples in each step, and networks have become too large for them.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, only=["seed"], epochs=500, learning_rate=0.5)

import numpy as np
import tensorflow as tf

from exercises.support.gradient_check import finite_differences, largest_difference

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # (4, 2): XOR, which one layer can't learn
Y = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])  # (4, 2), one-hot: equal, or different
SHAPES = (2, 8), (8,), (8, 2), (2,)  # of W1, b1, W2 and b2
RULES = "SGD", "momentum", "RMSProp", "Adam"
RATE, DECAY = 0.01, 0.1  # of the single updates: the eta of the lecture, and the lambda of L2


def forward(x, W1, b1, W2, b2):
    """Return the hidden layer of tanh, and the softmax of the second layer."""
    h = np.tanh(x @ W1 + b1)  # (N, 8)
    e = np.exp(h @ W2 + b2)  # (N, 2)
    return h, e / e.sum(axis=1, keepdims=True)


def loss(*weights):
    """Return the cross-entropy, the mean over the examples."""
    return -np.mean(np.sum(Y * np.log(forward(X, *weights)[1]), axis=1))


def backward(W1, b1, W2, b2):
    """Return the derivatives of the loss by W1, b1, W2 and b2, each in the shape of its own."""
    h, p = forward(X, W1, b1, W2, b2)
    d_logits = (p - Y) / len(X)  # (N, 2): of softmax and cross-entropy together
    d_W2, d_b2 = h.T @ d_logits, d_logits.sum(axis=0)  # (8, 2), (2,)
    d_h = d_logits @ W2.T  # (N, 8): a hidden unit answers for what it gave to each logit
    d_sum = d_h * (1 - h**2)  # (N, 8): the derivative of tanh
    d_W1, d_b1 = X.T @ d_sum, d_sum.sum(axis=0)  # (2, 8), (8,)
    return d_W1, d_b1, d_W2, d_b2


def tape_gradients(*weights):
    """Return the same by TensorFlow, which goes back by itself."""
    W1, b1, W2, b2 = variables = [tf.Variable(part) for part in weights]
    with tf.GradientTape() as tape:
        logits = tf.matmul(tf.tanh(tf.matmul(X, W1) + b1), W2) + b2  # (N, 2)
        cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=Y, logits=logits))
    return [gradient.numpy() for gradient in tape.gradient(cross_entropy, variables)]


def updates(w, gradients):
    """Return where four rules take w in as many steps as there are gradients."""
    sgd = momentum = rmsprop = adam = w
    velocity = square = m = s = 0.0
    for t, g in enumerate(gradients, start=1):
        sgd = sgd - RATE * g  # w - eta dE/dw
        velocity = 0.9 * velocity - RATE * g  # grows where the gradients agree
        momentum = momentum + velocity
        square = 0.9 * square + 0.1 * g**2  # a running mean; its root is how large g usually is
        rmsprop = rmsprop - RATE * g / np.sqrt(square + 1e-7)
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2  # too small at first, as they start from zero
        adam = adam - RATE * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(s) + 1e-7)
    return [sgd, momentum, rmsprop, adam]


def keras_update(optimizer, w, gradients):
    """Return where one of Keras's optimizers takes w."""
    variable = tf.Variable(w)
    for g in gradients:
        optimizer.apply_gradients([(tf.constant(g), variable)])
    return variable.numpy()


def main(flags):
    """Compare the gradients, train, compare the updates, and show what L2 does."""
    generator = np.random.RandomState(flags.seed)
    weights = [generator.normal(size=shape) for shape in SHAPES]
    gradients = backward(*weights)
    from_tape = largest_difference(gradients, tape_gradients(*weights))
    from_differences = largest_difference(gradients, finite_differences(loss, weights))
    print(f"XOR, {sum(w.size for w in weights)} weights and biases: loss {loss(*weights):.3f}", end="")
    for _ in range(flags.epochs):  # forward, backward, update
        weights = [w - flags.learning_rate * g for w, g in zip(weights, backward(*weights), strict=True)]
    print(f", after {flags.epochs} epochs {loss(*weights):.3f}")

    w, g, keras = np.array([1.0, 1.0]), np.array([1.0, 0.01]), tf.keras.optimizers  # w in a steep and a flat direction
    optimizers = keras.SGD(RATE), keras.SGD(RATE, momentum=0.9), keras.RMSprop(RATE), keras.Adam(RATE)
    from_keras = largest_difference(updates(w, [g] * 3), [keras_update(o, w, [g] * 3) for o in optimizers])
    for name, one, three in zip(RULES, updates(w, [g]), updates(w, [g] * 3), strict=True):
        print(f"{name:<8} takes [1, 1] to {one.round(4)} in one step, to {three.round(4)} in three")
    # L2 adds lambda / 2 times w squared to the loss, so lambda w to its gradient. The slide's W += -lambda W lacks eta.
    with_l2, shrunk = w - RATE * (g + DECAY * w), (1 - RATE * DECAY) * w - RATE * g
    print(f"L2       takes it to {with_l2} in a step of SGD; shrunk by {RATE * DECAY:.1%}, then SGD: {shrunk}")
    differences = f"{from_tape:.0e} from GradientTape, {from_differences:.0e} from finite differences"
    print(f"largest difference: {differences}, {from_keras:.0e} from Keras's optimizers")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
