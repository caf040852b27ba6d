"""An autoencoder gives digits back from 64 numbers with an error of 0.004 a pixel; that of PCA, with as many, is 0.009.

    python exercises/autoencoder.py          train, and draw what it gives back, and what else it is good for
    python exercises/autoencoder.py --help   all flags

The network 784-64-784 learns to give back its own input, so nobody has to label anything. PCA is the best that can be
done with 64 numbers and no nonlinearity. In 2006 autoencoders made deep networks possible: layer after layer learned to
give back what the one before it said, and only at last came labels, here of 1,000 images, and trained them all.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    ONLY = ["data_dir", "dataset", "precision", "seed", "results_dir"]
    FLAGS = lab.parse_flags(__doc__, only=ONLY, steps=4300, batch_size=128, learning_rate=2e-3)

import numpy as np
import tensorflow as tf

from exercises.support.autoencoder_pictures import plot_rows, plot_starts
from exercises.support.steps import accuracy, cross_entropy, make_train_step, train

CODE = 64  # numbers that an image is squeezed into
DEPTH = 6  # layers of as many sigmoid units in the deep network
LABELLED, ROUNDS = 1000, 20  # images that it sees with their labels, and how often it is validated while it does

layers, Adam = tf.keras.layers, tf.keras.optimizers.Adam


def pca(images, components):
    """Return the mean of the images, (784,), and the directions in which they differ most, (784, components)."""
    mean = images.mean(axis=0)  # (784,)
    centred = images - mean  # (N, 784)
    _, directions = np.linalg.eigh(centred.T @ centred)  # (784, 784): a column each, the last one for most variance
    return mean, directions[:, -components:]


def autoencoder(inputs, activation):
    """Make the network inputs-64-inputs; return its first layer, and all of it, which has that layer inside."""
    encoder = layers.Dense(CODE, activation)  # (N, 64)
    decoder = layers.Dense(inputs, activation="sigmoid")  # (N, inputs): from 0 to 1, as the pixels are
    return encoder, tf.keras.Sequential([tf.keras.Input([inputs]), encoder, decoder])


def mean_squared_error(x, y):
    """Return the mean over all numbers of all images."""
    return tf.reduce_mean(tf.square(x - y))


def learn_to_give_back(network, x, rate, steps, flags, name):
    """Train an autoencoder with x, (n, inputs), which is its input and the answer, too."""
    train_step = make_train_step(lambda x, y_: mean_squared_error(y_, network(x)), network, Adam(rate))
    train(train_step, x, x, steps=steps, batch_size=flags.batch_size, seed=flags.seed, name=name)


def learn_digits(start, mnist, flags, name):
    """Put ten logits on the layers of the start, train them all, and return the validation accuracies on the way."""
    network = tf.keras.Sequential([tf.keras.Input([784]), *start, layers.Dense(10)])  # (N, 10)
    train_step = make_train_step(lambda x, y_: cross_entropy(y_, network(x)), network, Adam(flags.learning_rate))
    images, labels, steps = mnist.train.images[:LABELLED], mnist.train.labels[:LABELLED], max(1, flags.steps // 215)
    accuracies = []
    for number in range(ROUNDS):
        train(train_step, images, labels, steps=steps, batch_size=50, seed=number, name=name)
        accuracies.append(accuracy(network, mnist.validation.images, mnist.validation.labels))
    return accuracies


def main(flags):
    """Hold an autoencoder against PCA, then start a deep network with the layers of others."""
    mnist = lab.read_data(flags)
    tf.keras.utils.set_random_seed(flags.seed)  # the first weights
    images, tests, folder = mnist.train.images, mnist.test.images, lab.run_folder(flags)

    _, network = autoencoder(784, "relu")
    learn_to_give_back(network, images, flags.learning_rate, flags.steps, flags, "autoencoder")
    mean, directions = pca(images, CODE)
    by_network = network(tests).numpy()  # (10000, 784)
    by_pca = mean + (tests - mean) @ directions @ directions.T  # (10000, 784): to 64 numbers of each, and back
    some = mnist.test.labels.argmax(axis=0)  # (10,): where the first 0 is, the first 1, and so on
    rows = {"digits": tests[some], "PCA": by_pca[some], "autoencoder": by_network[some]}
    title = f"Digits, and what comes back from {CODE} numbers of each, {mnist.name}"
    print("picture in", plot_rows(rows, folder / "autoencoder.png", title=title))

    # With ReLU, good first weights (He, 2015) and dropout, this is not needed any more: compare deep_mnist.py.
    pretrained, x = [], images  # (55000, 784)
    for number in range(DEPTH):
        encoder, network = autoencoder(x.shape[1], "sigmoid")
        learn_to_give_back(network, x, 5 * flags.learning_rate, flags.steps // 5, flags, f"layer {number + 1}")
        pretrained.append(encoder)
        x = encoder(x).numpy()  # (55000, 64): what the next one has to give back
    untrained = [layers.Dense(CODE, "sigmoid") for _ in pretrained]
    curves = {}
    for name, start in ("autoencoders", pretrained), ("random weights", untrained):
        curves[name] = learn_digits(start, mnist, flags, name)
        print(f"{DEPTH} layers from {name}, {LABELLED:,} labelled images: validation accuracy {curves[name][-1]:.2f}")
    title = f"{DEPTH} layers of {CODE} sigmoid units, {LABELLED:,} labelled images, {mnist.name}"
    print("picture in", plot_starts(curves, folder / "start.png", title=title, xlabel="round of training"))
    errors = [mean_squared_error(tests, back).numpy() for back in (by_network, by_pca)]
    print("mean squared error: autoencoder {:.4f}, PCA {:.4f}".format(*errors), f"(10,000 images, {mnist.name})")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
