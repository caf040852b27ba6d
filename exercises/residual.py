"""Twenty layers on MNIST: the plain network's loss stalls at 2.30, that of guessing; the residual one falls below 0.6.

    python exercises/residual.py          train both, print their losses, and draw them
    python exercises/residual.py --help   all flags

With the lecture's first weights each layer of the plain network makes the signal smaller; after twenty, nothing is left
of the image, nor of the gradient on its way back, and gradient descent stands still. A residual block (He, 2015) adds
its input to its output: its layers learn only what is to be added, and signal and gradient have a way past them. That
takes no weight more. Other first weights help the plain network, too, and so, now and then, does Adam.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FIELDS = ["data_dir", "dataset", "precision", "seed", "results_dir"]
    FLAGS = lab.parse_flags(__doc__, only=FIELDS, steps=300, batch_size=64, learning_rate=0.03)

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from tqdm import tqdm

import plotter

BLOCKS, CHANNELS = 9, 8  # 1 convolution, 9 blocks of 2, and the softmax layer: 20 layers with weights
# The lecture's, which make the plain network stall: with He's sqrt(2 / inputs) = 0.17 and a rate of 0.003 it learns.
STDDEV = 0.1


def weight_variable(shape):
    return tf.Variable(tf.random.truncated_normal(shape, stddev=STDDEV))


def conv(x, W):
    return tf.nn.conv2d(x, W, strides=1, padding="SAME")  # (N, 28, 28, 8), 3x3 filters


def block(x, W1, b1, W2, b2, residual):
    """Return what two layers make of x, (N, 28, 28, 8); with x itself added, if residual, before the last ReLU."""
    h = tf.nn.relu(conv(x, W1) + b1)  # (N, 28, 28, 8)
    f = conv(h, W2) + b2  # (N, 28, 28, 8)
    return tf.nn.relu(x + f if residual else f)


class Model(tf.Module):
    """The network, plain or residual: both have the same variables."""

    def __init__(self, residual):
        super().__init__()
        self.residual = residual
        self.W_first = weight_variable([3, 3, 1, CHANNELS])
        self.W = [weight_variable([3, 3, CHANNELS, CHANNELS]) for _ in range(2 * BLOCKS)]
        self.b = [tf.Variable(tf.zeros([CHANNELS])) for _ in range(2 * BLOCKS)]
        self.W_last, self.b_last = weight_variable([28 * 28 * CHANNELS, 10]), tf.Variable(tf.zeros([10]))

    def __call__(self, x):
        """Return the logits, (N, 10), of the images x, (N, 784)."""
        h = tf.nn.relu(conv(tf.reshape(x, [-1, 28, 28, 1]), self.W_first))  # (N, 28, 28, 8)
        for i in range(0, 2 * BLOCKS, 2):
            h = block(h, self.W[i], self.b[i], self.W[i + 1], self.b[i + 1], self.residual)  # (N, 28, 28, 8)
        return tf.matmul(tf.reshape(h, [-1, 28 * 28 * CHANNELS]), self.W_last) + self.b_last  # (N, 10)


def train(name, model, mnist, flags):
    """Train the model; return the loss of each step."""

    @tf.function
    def train_step(x, y_):
        with tf.GradientTape() as tape:
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x)))
        variables = model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(cross_entropy, variables), strict=True):
            variable.assign_sub(flags.learning_rate * gradient)  # Adam's steps do not shrink with the gradient
        return cross_entropy

    steps = tqdm(range(flags.steps), desc=name, unit="step", dynamic_ncols=True, disable=None)
    return np.array([train_step(*mnist.train.next_batch(flags.batch_size)) for _ in steps])  # (steps,)


def draw(losses, dataset):
    """Return a figure of each network's loss, step by step."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for (name, loss), (colour, line) in zip(losses.items(), (("#a04400", "--"), ("#061240", "-")), strict=True):
        axes.plot(range(1, len(loss) + 1), loss, line, color=colour, label=name)
    axes.axhline(np.log(10), color="#a3a3a3", linewidth=0.8, label="guessing: log 10")
    axes.set(xlabel="step", ylabel="loss (cross-entropy)", ylim=(0, None), title=f"Twenty layers, {dataset}")
    axes.legend()
    return figure


def main(flags):
    """Train the two networks from the same first weights, on the same batches, and draw."""
    losses = {}
    for name in "plain", "residual":
        mnist = lab.read_data(flags)  # seeds the weights and the order of the images
        losses[name] = train(name, Model(residual=name == "residual"), mnist, flags)
        print(f"{name}: loss {losses[name][0]:.2f} at the first step, {losses[name][-50:].mean():.2f} at the last 50")
    picture = plotter.save_figure(draw(losses, mnist.name), lab.run_folder(flags) / "residual.png")
    print(f"picture in {picture}")
    last = [f"{loss[-50:].mean():.2f} {name}" for name, loss in losses.items()]
    print(f"loss after {flags.steps} steps: {', '.join(last)} ({mnist.name})")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
