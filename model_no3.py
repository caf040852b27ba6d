"""Ablation no. 3: the deep network without its fully connected layer, the ReLU and the dropout after it.

    python model_no3.py          train, test, and leave record and pictures in results/model_no3/seed-0/
    python model_no3.py --help   all flags

A copy of deep_mnist.py. The last layer now follows the second pooling, and has 7x7x64 inputs: 83,466 weights and
biases, 2.5% of the deep network's.
"""

import math

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(
        __doc__, steps=540, batch_size=128, learning_rate=6e-3, schedule="one-cycle", label_smoothing=0.1
    )

import numpy as np
import tensorflow as tf

import plotter

KEEP_PROB = 0.5  # the probability that dropout keeps a unit, while training


def weight_variable(shape):
    """Draw random weights of variance 2 / inputs, so that a ReLU layer keeps the size of its signals (He, 2015)."""
    inputs = math.prod(shape[:-1])  # that each output sums up: 5 * 5 * 32 for [5, 5, 32, 64]
    return tf.Variable(tf.random.normal(shape, stddev=math.sqrt(2 / inputs)))


def bias_variable(shape):
    """Make biases a little above zero, so that no ReLU starts out dead."""
    return tf.Variable(tf.constant(0.1, shape=shape))


def conv2d(x, W):
    """Slide the filters W over x, a pixel at a time; SAME pads the edges, so height and width stay."""
    return tf.nn.conv2d(x, W, strides=1, padding="SAME")


def max_pool_2x2(x):
    """Keep the largest of each 2x2 pixels: half the height, half the width."""
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")


def dropout(x, keep_prob):
    """Zero each unit with probability 1 - keep_prob; dividing by keep_prob leaves the mean of the sum as it was."""
    if keep_prob == 1.0:  # testing: every unit takes part
        return x
    kept = tf.random.get_global_generator().uniform(tf.shape(x)) < keep_prob
    return tf.where(kept, x / keep_prob, 0.0)


class Model(tf.Module):
    """The network: its variables, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        self.W_conv1 = weight_variable([5, 5, 1, 32])  # 32 filters of 5x5 pixels on 1 channel, the grey level
        self.b_conv1 = bias_variable([32])
        self.W_conv2 = weight_variable([5, 5, 32, 64])  # 64 filters on the 32 channels of the first layer
        self.b_conv2 = bias_variable([64])
        self.W_fc2 = weight_variable([7 * 7 * 64, 10])  # one column for each digit; 28x28, halved twice: 7x7
        self.b_fc2 = bias_variable([10])

    def __call__(self, x, keep_prob=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]."""
        x_image = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)

        with tf.name_scope("conv1"):
            h_conv1 = tf.nn.relu(conv2d(x_image, self.W_conv1) + self.b_conv1)  # (N, 28, 28, 32)
            h_pool1 = max_pool_2x2(h_conv1)  # (N, 14, 14, 32)

        with tf.name_scope("conv2"):
            h_conv2 = tf.nn.relu(conv2d(h_pool1, self.W_conv2) + self.b_conv2)  # (N, 14, 14, 64)
            h_pool2 = max_pool_2x2(h_conv2)  # (N, 7, 7, 64)

        with tf.name_scope("fc2"):
            h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])  # (N, 3136)
            return tf.matmul(h_pool2_flat, self.W_fc2) + self.b_fc2  # (N, 10)


def main(flags):
    """Train the network, test it once, and write the record and the pictures."""
    mnist = lab.read_data(flags)
    model = Model()
    learning_rate = tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)  # one pass over the weights; Keras's takes several

    def train_step(x, y_, rate):
        learning_rate.assign(rate)
        with tf.GradientTape() as tape:  # records what follows, to differentiate it
            logits = model(x, KEEP_PROB)  # (N, 10)
            # Certainty never pays: 0.91 for the right digit and 0.01 for each other is as good as it gets.
            smooth = (1 - flags.label_smoothing) * y_ + flags.label_smoothing / 10  # (N, 10)
            cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=smooth, logits=logits))
        gradients = tape.gradient(cross_entropy, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return cross_entropy

    @tf.function  # compiles it to a graph, as the lecture's session did
    def train_steps(images, labels, rates):
        losses = tf.TensorArray(tf.float32, size=len(rates))
        for i in tf.range(len(rates)):  # a loop inside the graph: it need not go back to Python after each step
            losses = losses.write(i, train_step(images[i], labels[i], rates[i]))
        return losses.stack()  # (steps,)

    @tf.function
    def predict(x):
        return tf.argmax(model(x), axis=1)  # (N,): the digit with the largest logit

    run = lab.Run(flags, mnist, model, optimizer, predict)
    for steps in run.rounds():  # ten steps, or fewer
        batches = [mnist.train.next_batch(flags.batch_size) for _ in steps]
        images, labels = map(np.stack, zip(*batches, strict=True))  # (steps, N, 784), and one-hot (steps, N, 10)
        losses = train_steps(images, labels, lab.learning_rate(steps, flags))
        run.log(losses)  # now and then with the accuracy on the validation images

    predictions = run.test()  # once, at the end: the test images had no say in anything above
    digits = mnist.test.labels.argmax(axis=1)
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plotter.plot_confusion(digits, predictions, run.folder / "confusion.png", dataset=mnist.name)
    plotter.plot_mistakes(mnist.test.images, digits, predictions, run.folder / "mistakes.png", dataset=mnist.name)
    filters = next(W for W in model.trainable_variables if W.shape.rank == 4)  # of the first convolution there is
    plotter.plot_filters(filters, run.folder / "filters.png", dataset=mnist.name)
    image = mnist.test.images[0]
    maps = lab.feature_maps(model, image)
    plotter.plot_feature_maps(image, maps, run.folder / "feature_maps.png", dataset=mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
