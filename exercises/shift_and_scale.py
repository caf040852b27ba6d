"""Digits moved by 3 pixels: without convolutions 45% are right, with them and pooling 65 to 70%; other sizes, too.

    python exercises/shift_and_scale.py          train six networks, and draw how right they are in shift_and_scale.png
    python exercises/shift_and_scale.py --help   all flags

All learn from digits in the middle of the image. A fully connected network knows a pixel by its place, so a digit that
is elsewhere is strange to it. A convolution looks for the same strokes everywhere, pooling forgets where exactly they
were, and a pyramid looks at the image in three sizes. At last all pixels change places, and only one network minds.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    ONLY = ["data_dir", "dataset", "precision", "seed", "results_dir"]
    FLAGS = lab.parse_flags(__doc__, only=ONLY, steps=860, batch_size=128, learning_rate=1e-3)

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from exercises.support.shift_pictures import plot_shift_and_scale
from exercises.support.steps import accuracy, train_classifier

SHIFTS = [0, 1, 2, 3, 4, 5, 6]  # pixels; a digit is 20 of 28 pixels high or wide, so from 5 on parts of it are lost
SIZES = [14, 16, 20, 24, 28, 34, 40, 48, 56]  # pixels that the 28 become: scales of 0.5 to 2; from 40 on parts are lost
SOME = 2000  # test images that are moved and scaled

layers = tf.keras.layers


def feed_forward():
    """Make the lecture's fully connected network, 784-500-10."""
    network = tf.keras.Sequential([tf.keras.Input([28, 28, 1])])
    network.add(layers.Flatten())  # (N, 784)
    network.add(layers.Dense(500, activation="relu"))  # (N, 500): 784 * 500 + 500 = 392,500 parameters
    network.add(layers.Dense(10))  # (N, 10): 500 * 10 + 10 = 5,010
    return network


def convolutional(pooling):
    """Make a network of two 3x3 convolutions, with max pooling after each, or with none."""
    network = tf.keras.Sequential([tf.keras.Input([28, 28, 1])])
    for filters in 16, 32:
        network.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))  # 160 parameters, then 4,640
        network.add(layers.MaxPooling2D(2 if pooling else 1))  # (N, 14, 14, 16), then (N, 7, 7, 32), or as they were
    network.add(layers.Flatten())  # (N, 1568), or (N, 25088)
    network.add(layers.Dense(10))  # (N, 10): 15,690 parameters, or 250,890
    return network


def pyramid():
    """Make a network that shows one and the same network the image in three sizes, and takes the largest logits."""
    look = convolutional(pooling=True)
    image = tf.keras.Input([28, 28, 1])
    half = layers.ZeroPadding2D(7)(layers.AveragePooling2D(2)(image))  # (N, 28, 28, 1)
    double = layers.UpSampling2D(2, interpolation="bilinear")(layers.Cropping2D(7)(image))  # (N, 28, 28, 1)
    logits = layers.Maximum()([look(half), look(image), look(double)])  # (N, 10)
    return tf.keras.Model(image, logits)


def shift(images, pixels):
    """Move the images, (N, 28, 28, 1), a quarter of them in each direction; what leaves the image is lost."""
    padded, moved = np.pad(images, [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)]), np.empty_like(images)
    for n, (top, left) in enumerate([(0, pixels), (2 * pixels, pixels), (pixels, 0), (pixels, 2 * pixels)]):
        moved[n::4] = padded[n::4, top : top + 28, left : left + 28]  # down, up, right, left
    return moved


def scale(images, size):
    """Draw the images, (N, 28, 28, 1), with size x size pixels, in the middle of 28x28; what is outside is lost."""
    resized = tf.image.resize(images, [size, size], antialias=True)  # (N, size, size, 1)
    return tf.image.resize_with_crop_or_pad(resized, 28, 28).numpy()


def main(flags):
    """Train four networks, and move and scale the test images; then mix all pixels, and train two networks anew."""
    mnist = lab.read_data(flags)
    tf.keras.utils.set_random_seed(flags.seed)  # the first weights
    images, tests = (part.images.reshape(-1, 28, 28, 1) for part in (mnist.train, mnist.test))

    named = {"fully connected": feed_forward(), "convolutions": convolutional(pooling=False)}
    named |= {"convolutions, pooling": convolutional(pooling=True), "pyramid of the last": pyramid()}
    plain, moved, scaled = {}, {name: [] for name in named}, {name: [] for name in named}
    for name, network in named.items():
        train_classifier(network, images, mnist.train.labels, flags, name)
        plain[name] = accuracy(network, tests, mnist.test.labels)
        print(f"{name}: {network.count_params():,} parameters, test accuracy {plain[name]:.3f}")
    for change, values, accuracies in (shift, SHIFTS, moved), (scale, SIZES, scaled):
        for value in tqdm(values, desc=change.__name__, disable=None):
            changed = change(tests[:SOME], value)  # (2000, 28, 28, 1)
            for name, network in named.items():
                accuracies[name].append(accuracy(network, changed, mnist.test.labels[:SOME]))
        print(f"right, by the {change.__name__}:", *[f"{value:4}" for value in values])
        for name, rights in accuracies.items():
            print(f"{name:21} ", *[f"{right:.2f}" for right in rights])

    places = np.random.default_rng(flags.seed).permutation(784)  # where each pixel goes, the same in all images
    mixed, mixed_tests = (part.reshape(-1, 784)[:, places].reshape(part.shape) for part in (images, tests))
    for name, network in ("fully connected", feed_forward()), ("convolutions, pooling", convolutional(pooling=True)):
        train_classifier(network, mixed, mnist.train.labels, flags, name)
        right = accuracy(network, mixed_tests, mnist.test.labels)
        print(f"{name}, pixels mixed: test accuracy {right:.3f}, before {plain[name]:.3f}")
    path = lab.run_folder(flags) / "shift_and_scale.png"
    print("picture in", plot_shift_and_scale(SHIFTS, moved, SIZES, scaled, path, dataset=mnist.name))
    at_3 = [moved[name][SHIFTS.index(3)] for name in ("fully connected", "convolutions, pooling")]
    print("moved by 3 pixels: {:.2f} right, with convolutions and pooling {:.2f}".format(*at_3), f"({mnist.name})")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
