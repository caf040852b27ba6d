"""A convolutional network made of helper functions: 215,370 parameters, about 99% of the test digits right.

    python exercises/helper_functions.py             train, test, and leave record, pictures and a checkpoint
    python exercises/helper_functions.py --restore   in another program: find that checkpoint, restore it, test it
    python exercises/helper_functions.py --help      all flags

A helper makes a layer from the one below, so that the model reads as a list of layers.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    OWN = {"--restore": {"action": "store_true", "help": "train nothing: restore the last checkpoint, and test it"}}
    FLAGS = lab.parse_flags(__doc__, steps=5500, batch_size=100, learning_rate=1e-3, schedule="constant", own=OWN)

import numpy as np
import tensorflow as tf

import plotter


def weights_and_biases(shape):
    """Make the variables of a layer, once; the lecture makes them in each call, and finds them by their names."""
    stddev = (2 / np.prod(shape[:-1])) ** 0.5  # keeps the size of the signals: variance 2 / inputs
    return {"W": tf.Variable(tf.random.normal(shape, stddev=stddev)), "b": tf.Variable(tf.zeros(shape[-1:]))}


def conv_layer(x, layer):
    """Slide the filters over x, (N, H, W, C): four directions, not the slide's three; SAME keeps height and width."""
    return tf.nn.relu(tf.nn.conv2d(x, layer["W"], strides=1, padding="SAME") + layer["b"])


def max_pool(x):
    """Keep the largest of each 2x2 pixels: half the height, half the width, and nothing to learn."""
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding="SAME")


def flatten_layer(x):
    """Put all pixels and channels of an image in one row: (N, H * W * C)."""
    return tf.reshape(x, [-1, x.shape[1:].num_elements()])


def fc_layer(x, layer, use_relu=True):
    """Connect each unit of the layer with all of x."""
    x = tf.matmul(x, layer["W"]) + layer["b"]
    return tf.nn.relu(x) if use_relu else x


class Model(tf.Module):
    """The network: its variables, and how they turn images into logits."""

    def __init__(self):
        super().__init__()
        self.conv1 = weights_and_biases([5, 5, 1, 16])  # 16 filters of 5x5 pixels on 1 channel: 416 parameters
        self.conv2 = weights_and_biases([5, 5, 16, 32])  # 12,832
        self.fc1 = weights_and_biases([7 * 7 * 32, 128])  # 28x28 pixels, halved twice by pooling: 200,832
        self.fc2 = weights_and_biases([128, 10])  # 1,290

    def __call__(self, x, keep_prob=1.0):
        """Return the logits, (N, 10) float32, of the images x, (N, 784) float32; nothing is dropped here."""
        x = max_pool(conv_layer(tf.reshape(x, [-1, 28, 28, 1]), self.conv1))  # (N, 14, 14, 16)
        x = max_pool(conv_layer(x, self.conv2))  # (N, 7, 7, 32)
        x = fc_layer(flatten_layer(x), self.fc1)  # (N, 128)
        return fc_layer(x, self.fc2, use_relu=False)  # (N, 10)


def restore(model, folder):
    """Put the weights of the last checkpoint in the folder into the model, and print their names."""
    path = tf.train.latest_checkpoint(folder / "checkpoint")  # a small file there says which is the last
    if path is None:
        raise lab.LabError(f"there is no checkpoint in {folder}: train first, without --restore")
    for name, shape in tf.train.list_variables(path):
        if name.startswith("model/") and "OPTIMIZER_SLOT" not in name:  # Adam's averages are in the file, too
            print(f"{name.removesuffix('/.ATTRIBUTES/VARIABLE_VALUE')}: {shape}")  # the way from the model to it
    tf.train.Checkpoint(model=model).restore(path).expect_partial()  # in place of the random weights; no averages


def main(flags):
    """Train the network, test it once, and write record and pictures; or restore it, and test it again."""
    mnist, model, learning_rate = lab.read_data(flags), Model(), tf.Variable(0.0)
    optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)  # the lecture's

    @tf.function  # compiles the step to a graph, as the lecture's session did
    def train_step(x, y_, rate):
        learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    predict = tf.function(lambda x: tf.argmax(model(x), axis=1))  # (N,): the digit with the largest logit
    if flags.restore:
        folder, digits = lab.run_folder(flags), mnist.test.labels.argmax(axis=1)
        restore(model, folder)
        guesses = np.concatenate([predict(images) for images in np.split(mnist.test.images, 20)])  # (10000,)
        print(f"{np.sum(guesses == np.load(folder / 'predictions.npy')):,} guesses are those after the training")
        return lab.print_accuracy(np.mean(guesses == digits), len(digits), mnist.name)
    run = lab.Run(flags, mnist, model, optimizer, predict)
    for step in run.steps():  # 5,500 of 100 images: the lecture's 10 epochs
        images, labels = mnist.train.next_batch(flags.batch_size)  # (N, 784), and one-hot (N, 10)
        run.log(train_step(images, labels, lab.learning_rate(step, flags)))
    run.test()
    plotter.plot_curves(run.history, run.folder / "curves.png", dataset=mnist.name)
    plotter.plot_filters(model.conv1["W"], run.folder / "filters.png", name="conv1", dataset=mnist.name)
    run.finish()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
