"""What scripts share that train several networks one after the other: the step, the loop over batches, the accuracy."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

BATCH = 500  # images at once, in testing

Images = Any  # an array or a tensor, float32: (N, 784), or as the model wants them
Labels = Any  # an array or a tensor (N, 10), one-hot


def cross_entropy(labels: Labels, logits: Any) -> Any:
    """Return the mean cross-entropy, a scalar tensor, of the softmax of the logits, (N, 10)."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def make_train_step(
    loss: Callable[[Images, Labels], Any], model: Any, optimizer: Any
) -> Callable[[Images, Labels], Any]:
    """Return the compiled step: of a batch it takes images and labels, trains the model, and returns the loss."""
    if hasattr(optimizer, "build"):  # Keras's would make its variables in the first step, which is compiled twice then
        optimizer.build(model.trainable_variables)

    @tf.function
    def train_step(x: Images, y_: Labels) -> Any:
        with tf.GradientTape() as tape:
            value = loss(x, y_)
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return value

    return train_step


def train(
    train_step: Callable[[Images, Labels], Any],
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    seed: int,
    name: str,
) -> None:
    """Take so many steps, each by a batch drawn from x and y at random; `name` stands at the progress bar."""
    batches = np.random.default_rng(seed).integers(len(x), size=(steps, batch_size))
    for batch in tqdm(batches, desc=name, leave=False, disable=None):
        train_step(x[batch], y[batch])


def train_classifier(network: Any, images: np.ndarray, labels: np.ndarray, flags: Namespace, name: str) -> None:
    """Train a Keras network, whose outputs are logits, by cross-entropy and Adam, for the steps that the flags name.

    Networks that are trained with the same flags and as many images get the same batches.
    """
    optimizer = tf.keras.optimizers.Adam(flags.learning_rate)
    train_step = make_train_step(lambda x, y_: cross_entropy(y_, network(x)), network, optimizer)
    train(train_step, images, labels, steps=flags.steps, batch_size=flags.batch_size, seed=flags.seed, name=name)


def accuracy(model: Callable[[Images], Any], images: np.ndarray, labels: np.ndarray) -> float:
    """Return the part of the images, (N, ...), whose largest logit is that of their label, one-hot (N, 10)."""
    batches = range(0, len(images), BATCH)
    guesses = np.concatenate([np.argmax(model(images[at : at + BATCH]), axis=1) for at in batches])
    return float(np.mean(guesses == labels.argmax(axis=1)))
