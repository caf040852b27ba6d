"""Three layers of 3x3 convolutions, and 99% of the test digits right; before them LeNet's layers of 1998, and 97%.

    python exercises/three_convolutions.py          train both, test the first one, and leave record and pictures
    python exercises/three_convolutions.py --help   all flags

Maps of 28x28 pixels become 14x14, 7x7 and 4x4, and dropout follows each layer. LeNet had no dropout; it had few weights
instead. Its pooling is a mean, with two parameters for each map, and each map of its second layer sees only some of
those of the first, so that no two can become the same.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    FLAGS = lab.parse_flags(__doc__, steps=860, batch_size=128, learning_rate=3e-3, schedule="one-cycle")

import numpy as np
import tensorflow as tf
from tqdm import trange

import plotter
from deep_mnist import bias_variable, conv2d, dropout, max_pool_2x2, weight_variable
from exercises.support.depth import compare_depths
from exercises.support.steps import accuracy, cross_entropy, make_train_step

KEEP_CONV, KEEP_HIDDEN = 0.8, 0.5  # the probability that dropout keeps a number, while training
# Which of the 6 maps of LeNet's first layer each of the 16 of its second one sees (LeCun et al., 1998, table I).
SEEN = ["012", "123", "234", "345", "045", "015", "0123", "1234"]
SEEN += ["2345", "0345", "0145", "0125", "0134", "1245", "0235", "012345"]
CONNECTED = np.array([[str(below) in seen for seen in SEEN] for below in range(6)], np.float32)  # (6, 16): 60 of 96


class Model(tf.Module):
    """The lecture's network: its variables, which are weights only, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        self.W_conv1 = weight_variable([3, 3, 1, 32])  # 32 filters of 3x3 pixels on the grey level
        self.W_conv2 = weight_variable([3, 3, 32, 64])
        self.W_conv3 = weight_variable([3, 3, 64, 128])
        self.W_fc1 = weight_variable([4 * 4 * 128, 625])  # 28x28 pixels, halved three times: 14, 7, and then 4, not 3.5
        self.W_fc2 = weight_variable([625, 10])

    def __call__(self, x, keep_hidden=1.0, keep_conv=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]."""
        h = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)
        h = dropout(max_pool_2x2(tf.nn.relu(conv2d(h, self.W_conv1))), keep_conv)  # (N, 14, 14, 32)
        h = dropout(max_pool_2x2(tf.nn.relu(conv2d(h, self.W_conv2))), keep_conv)  # (N, 7, 7, 64)
        h = dropout(max_pool_2x2(tf.nn.relu(conv2d(h, self.W_conv3))), keep_conv)  # (N, 4, 4, 128): SAME pads 7 to 8
        h = tf.reshape(h, [-1, 4 * 4 * 128])  # (N, 2048)
        h = dropout(tf.nn.relu(tf.matmul(h, self.W_fc1)), keep_hidden)  # (N, 625)
        return tf.matmul(h, self.W_fc2)  # (N, 10)


class LeNet(tf.Module):
    """LeNet-5 (LeCun et al., 1998), with the abs of the slide and a softmax at its end: 60,850 parameters."""

    def __init__(self):
        super().__init__()
        self.W1, self.b1 = weight_variable([5, 5, 1, 6]), bias_variable([6])  # 156 parameters
        self.factor2, self.b2 = tf.Variable(tf.ones([6])), bias_variable([6])  # 12, two for each map
        self.W3, self.b3 = weight_variable([5, 5, 6, 16]), bias_variable([16])  # 1,516: 36 of 96 filters are masked
        self.factor4, self.b4 = tf.Variable(tf.ones([16])), bias_variable([16])  # 32
        self.W5, self.b5 = weight_variable([5 * 5 * 16, 120]), bias_variable([120])  # 48,120
        self.W6, self.b6 = weight_variable([120, 84]), bias_variable([84])  # 10,164
        self.W7, self.b7 = weight_variable([84, 10]), bias_variable([10])  # 850

    def __call__(self, x):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32 in [0, 1]."""
        h = tf.reshape(x, [-1, 28, 28, 1])  # (N, 28, 28, 1)
        h = tf.abs(tf.tanh(conv2d(h, self.W1) + self.b1))  # (N, 28, 28, 6); abs: an edge is an edge either way
        h = tf.tanh(self.factor2 * tf.nn.avg_pool2d(h, 2, 2, "VALID") + self.b2)  # (N, 14, 14, 6)
        W3 = self.W3 * CONNECTED  # (5, 5, 6, 16): times 0 the gradient is exactly 0, too, so these are never trained
        h = tf.abs(tf.tanh(tf.nn.conv2d(h, W3, 1, "VALID") + self.b3))  # (N, 10, 10, 16)
        h = tf.tanh(self.factor4 * tf.nn.avg_pool2d(h, 2, 2, "VALID") + self.b4)  # (N, 5, 5, 16)
        h = tf.reshape(h, [-1, 5 * 5 * 16])  # (N, 400)
        h = tf.tanh(tf.matmul(h, self.W5) + self.b5)  # (N, 120)
        h = tf.tanh(tf.matmul(h, self.W6) + self.b6)  # (N, 84)
        return tf.matmul(h, self.W7) + self.b7  # (N, 10)


def main(flags):
    """Compare depths on 1,000 images, then train LeNet, and last the lecture's network, which alone is tested."""
    mnist = lab.read_data(flags)
    for depth, right in compare_depths(flags, mnist, 1000).items():  # in multilayer_perceptron.py it matters less
        print(f"{depth} of 3x3, trained on 1,000 images: validation accuracy {right:.2f} ({mnist.name})")

    lenet = LeNet()
    optimizer = tf.compat.v1.train.AdamOptimizer(2e-3)
    train_step = make_train_step(lambda x, y_: cross_entropy(y_, lenet(x)), lenet, optimizer)
    for _ in trange(flags.steps // 2, desc="LeNet", disable=None):
        train_step(*mnist.train.next_batch(flags.batch_size))  # images (N, 784), and one-hot labels (N, 10)
    right = accuracy(lenet, mnist.validation.images, mnist.validation.labels)
    print(f"LeNet, {flags.steps // 2:,} steps: validation accuracy {right:.4f} ({mnist.name})")

    model, learning_rate = Model(), tf.Variable(0.0)
    optimizer = tf.compat.v1.train.RMSPropOptimizer(learning_rate, decay=0.9)
    train_step = make_train_step(lambda x, y_: cross_entropy(y_, model(x, KEEP_HIDDEN, KEEP_CONV)), model, optimizer)
    run = lab.Run(flags, mnist, model, optimizer, predict=tf.function(lambda x: tf.argmax(model(x), axis=1)))
    for step in run.steps():
        learning_rate.assign(lab.learning_rate(step, flags))
        run.log(train_step(*mnist.train.next_batch(flags.batch_size)))
    run.test()  # once, at the end
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plotter.plot_filters(lenet.W1, run.folder / "filters.png", name="LeNet's first layer", dataset=mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
