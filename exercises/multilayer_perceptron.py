"""Two layers of 625 units, ReLU and dropout: 96% of the test digits right after two epochs; before, what they are for.

    python exercises/multilayer_perceptron.py          compare networks, then train and test the lecture's modern one
    python exercises/multilayer_perceptron.py --help   all flags

First comes the network of the 1980s: 625 sigmoid units and plain gradient descent. Then seven networks see 1,000 images
only, and the picture overfitting.png shows how many of those they know by heart, and how many of others they get right.
"""

from functools import partial

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, steps=860, batch_size=128, learning_rate=1e-3, schedule="constant")

import tensorflow as tf
from tqdm import trange

import plotter
from deep_mnist import dropout
from exercises.support.overfitting import plot_overfitting
from exercises.support.steps import accuracy, cross_entropy, make_train_step, train

DROPOUT = {"keep_input": 0.8, "keep_hidden": 0.5}  # the probabilities that it keeps a pixel, and a hidden unit
RMSProp = tf.compat.v1.train.RMSPropOptimizer
FEW = 1000  # training images in the comparison
COMPARED = {  # layers of ReLU units, and what is done against overfitting
    "625-625": ([625, 625], {}),
    "one layer: 625": ([625], {}),
    "three layers: 625-625-625": ([625, 625, 625], {}),
    "fewer units: 10-10": ([10, 10], {}),
    "625-625, L2 of 0.0003": ([625, 625], {"l2": 0.0003}),
    "625-625, input noise of 0.3": ([625, 625], {"noise": 0.3}),
    "625-625, dropout": ([625, 625], DROPOUT),
}


class Model(tf.Module):
    """Fully connected layers: 784 pixels, some layers of hidden units, 10 logits."""

    def __init__(self, hidden=(625, 625), activation=tf.nn.relu):
        super().__init__()
        self.activation = activation
        shapes = list(zip([784, *hidden], [*hidden, 10], strict=True))  # (784, 625), (625, 625), (625, 10)
        # Of variance 2 / inputs (He, 2015). The lecture's, 0.01 squared, lets a layer of 10 units sleep for long.
        self.W = [tf.Variable(tf.random.normal(shape, stddev=(2 / shape[0]) ** 0.5)) for shape in shapes]
        self.b = [tf.Variable(tf.zeros(shape[1:])) for shape in shapes]

    def __call__(self, x, keep_hidden=1.0, keep_input=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]."""
        h = dropout(x, keep_input)  # (N, 784)
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            h = dropout(self.activation(tf.matmul(h, W) + b), keep_hidden)  # (N, 625)
        return tf.matmul(h, self.W[-1]) + self.b[-1]  # (N, 10)


def loss(model, x, y_, keep_hidden=1.0, keep_input=1.0, noise=0.0, l2=0.0):
    """Return the loss for images x, (N, 784), and labels y_, (N, 10), with what can be done against overfitting."""
    x += noise * tf.random.get_global_generator().normal(tf.shape(x))  # other noise each time an image is seen
    penalty = l2 * sum(tf.reduce_sum(tf.square(W)) for W in model.W)  # so each step makes all weights a little smaller
    return cross_entropy(y_, model(x, keep_hidden, keep_input)) + penalty


def compare(flags, mnist):
    """Train each network on the same 1,000 images; return its accuracy on those, and on the 5,000 for validation."""
    images, labels = mnist.train.next_batch(FEW)  # (1000, 784), (1000, 10)
    some = {"steps": flags.steps // 2, "batch_size": flags.batch_size, "seed": flags.seed}
    accuracies = {}
    for name, (hidden, options) in COMPARED.items():
        network = Model(hidden)
        optimizer = RMSProp(flags.learning_rate, decay=0.9)
        train_step = make_train_step(partial(loss, network, **options), network, optimizer)
        train(train_step, images, labels, **some, name=name)
        right = accuracy(network, mnist.validation.images, mnist.validation.labels)
        accuracies[name] = accuracy(network, images, labels), right
        print(f"  {name:28} {accuracies[name][0]:.2f}  {right:.2f}")
    return accuracies


def main(flags):
    """Train the old network and those of the comparison, then the modern one, which alone is tested."""
    mnist = lab.read_data(flags)
    # Dropout as it was first did not divide by keep_prob what it kept: its weights had to be made smaller for testing.
    print(f"dropout of a unit of 1, mean over 10,000 masks: {tf.reduce_mean(dropout(tf.ones([10_000]), 0.5)):.2f}")
    old, steps = Model([625], activation=tf.sigmoid), flags.steps * 7 // 2  # 7 epochs, while the modern one has 2
    train_step = make_train_step(partial(loss, old), old, tf.compat.v1.train.GradientDescentOptimizer(0.05))
    for _ in trange(steps, disable=None):
        train_step(*mnist.train.next_batch(flags.batch_size))  # (N, 784), and one-hot (N, 10)
    right = accuracy(old, mnist.validation.images, mnist.validation.labels)
    print(f"625 sigmoid units, {steps:,} steps of SGD: validation accuracy {right:.2f} ({mnist.name})")

    print("trained on 1,000 images: right of those, and of the validation images")
    accuracies = compare(flags, mnist)

    model, learning_rate = Model(), tf.Variable(0.0)
    optimizer = RMSProp(learning_rate, decay=0.9)
    train_step = make_train_step(partial(loss, model, **DROPOUT), model, optimizer)
    run = lab.Run(flags, mnist, model, optimizer, predict=tf.function(lambda x: tf.argmax(model(x), axis=1)))
    for step in run.steps():
        learning_rate.assign(lab.learning_rate(step, flags))
        run.log(train_step(*mnist.train.next_batch(flags.batch_size)))
    run.test()  # once, at the end
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plot_overfitting(accuracies, run.folder / "overfitting.png", images=FEW, dataset=mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
