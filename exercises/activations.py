"""Activations: ten layers of sigmoids leave a millionth of a gradient, and many of 200 ReLU units die.

    python exercises/activations.py          draw the functions, and what becomes of signals and gradients; train
    python exercises/activations.py --help   all flags; --learning-rate 0.1 kills no unit, 1 kills more

A unit's activation decides what it passes on: forward the signal, backward the gradient times its derivative. logsig's
derivative is 1/4 at most. ReLU's is 1 or 0, so a unit that is at 0 on all images learns nothing: it is dead.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, steps=500, batch_size=100, learning_rate=0.8, schedule="constant")

import numpy as np
import tensorflow as tf

from exercises.support.activations_picture import draw_activations

DEPTH, WIDTH = 10, 500  # layers of the networks that are not trained, and units in each layer
BIAS = 0.0  # that the hidden units of Model start with; -100 kills them all
ACTIVATIONS = {  # the function, its derivative by what comes out of it, and the gain that keeps the signal's size
    "logsig": (tf.sigmoid, lambda a: a * (1 - a), 1.0),
    "tanh": (tf.tanh, lambda a: 1 - a**2, 1.0),
    "ReLU": (tf.nn.relu, lambda a: tf.cast(a > 0, tf.float32), 2**0.5),
}
SCHEMES = {  # the activation, and the variance of the weights: 2 / (inputs + outputs) by Glorot, 2 / inputs by He
    "none, Glorot": (tf.identity, 2 / (WIDTH + WIDTH)),
    "ReLU, Glorot": (tf.nn.relu, 2 / (WIDTH + WIDTH)),
    "ReLU, He": (tf.nn.relu, 2 / WIDTH),
    "ReLU, 0.1": (tf.nn.relu, 0.1**2),  # the standard deviation of the lecture's convolutional network
}


def gradients_by_layer(activation, gain):
    """Return the length of the gradient by each layer's output, the input's first, over that by the last one's."""
    layers = [tf.random.normal([100, WIDTH])]
    with tf.GradientTape() as tape:
        tape.watch(layers[0])
        for _ in range(DEPTH):
            rotation, _ = tf.linalg.qr(tf.random.normal([WIDTH, WIDTH]))  # keeps lengths: the activation is what counts
            layers.append(activation(gain * layers[-1] @ rotation))  # (100, WIDTH)
        loss = tf.reduce_sum(layers[-1] * tf.random.normal([100, WIDTH]))
    lengths = np.array([tf.norm(gradient) for gradient in tape.gradient(loss, layers)])
    return lengths / lengths[-1]  # (DEPTH + 1,)


def mean_squares_by_layer(activation, variance):
    """Return the mean square of each layer's output, from an input of variance 1 on."""
    layers = [tf.random.normal([100, WIDTH])]
    for _ in range(DEPTH):
        layers.append(activation(layers[-1] @ tf.random.normal([WIDTH, WIDTH], stddev=variance**0.5)))  # (100, WIDTH)
    return np.array([tf.reduce_mean(h**2) for h in layers])  # (DEPTH + 1,)


class Model(tf.Module):
    """Two layers of 200 ReLU units, and a softmax layer; weights by He."""

    def __init__(self):
        super().__init__()
        shapes = [784, 200], [200, 200], [200, 10]
        self.W1, self.W2, self.W3 = (tf.Variable(tf.random.normal(s, stddev=(2 / s[0]) ** 0.5)) for s in shapes)
        self.b1, self.b2, self.b3 = (tf.Variable(tf.fill(s[1:], BIAS)) for s in shapes)

    def hidden(self, x):  # (N, 784)
        h1 = tf.nn.relu(tf.matmul(x, self.W1) + self.b1)  # (N, 200)
        return h1, tf.nn.relu(tf.matmul(h1, self.W2) + self.b2)  # (N, 200)

    def __call__(self, x, keep_prob=1.0):
        return tf.matmul(self.hidden(x)[1], self.W3) + self.b3  # (N, 10): the logits


def dead_share(model, images):
    """Return the share of each hidden layer's units that are 0 on all images."""
    return [float(np.mean(np.max(h, axis=0) == 0)) for h in model.hidden(images)]


def main(flags):
    mnist = lab.read_data(flags)
    gradients = {name: gradients_by_layer(f, gain) for name, (f, _, gain) in ACTIVATIONS.items()}
    mean_squares = {name: mean_squares_by_layer(*scheme) for name, scheme in SCHEMES.items()}
    for name, (f, derivative, _) in ACTIVATIONS.items():
        left = f"{gradients[name][0]:.1g} of the gradient is left after {DEPTH} layers"
        print(f"{name} at 0: {f(0.0):.2f}, derivative {derivative(f(0.0)):.2f}; {left}")
    for name, by_layer in mean_squares.items():
        print(f"{name}: mean square 1 at the input, {by_layer[1]:.2g} after a layer, {by_layer[-1]:.2g} after {DEPTH}")
    model, dead = Model(), []

    @tf.function
    def train_step(x, y_, learning_rate):
        with tf.GradientTape() as tape:
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x)))
        variables = model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(cross_entropy, variables), strict=True):
            variable.assign_sub(learning_rate * gradient)
        return cross_entropy

    run = lab.Run(flags, mnist, model, optimizer=None, predict=tf.function(lambda x: tf.argmax(model(x), axis=1)))
    for step in run.steps():
        run.log(train_step(*mnist.train.next_batch(flags.batch_size), lab.learning_rate(step, flags)))
        if step % 20 == 0 or step == 1:  # the second layer's may live again, when the first layer has changed
            dead.append((step, *dead_share(model, mnist.validation.images)))
    print(f"dead at step {dead[-1][0]}: {dead[-1][1]:.1%} and {dead[-1][2]:.1%} of the two hidden layers")
    run.test()
    draw_activations(run.folder / "activations.png", ACTIVATIONS, gradients, mean_squares, dead, mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
