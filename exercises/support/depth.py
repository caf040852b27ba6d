"""Small convolutional networks that differ in their depth alone, for the question whether depth matters."""

from argparse import Namespace
from typing import Any

import tensorflow as tf

from exercises.support.steps import accuracy, train_classifier
from labkit.data.loader import DataSets

FILTERS = 32


def three_by_three(depth: int) -> Any:
    """Make a Keras network of 1 to 3 convolutions with 32 filters of 3x3, each with ReLU and pooling, and ten logits.

    It takes images (N, 784), and returns (N, 10).
    """
    if depth not in (1, 2, 3):
        raise ValueError(f"depth is {depth}, not 1, 2 or 3: the third pooling leaves 4x4 pixels")
    layers = tf.keras.layers
    network = tf.keras.Sequential([tf.keras.Input([784]), layers.Reshape([28, 28, 1])])
    for _ in range(depth):
        network.add(layers.Conv2D(FILTERS, 3, padding="same", activation="relu"))
        network.add(layers.MaxPooling2D(padding="same"))  # 14x14, 7x7, 4x4
    network.add(layers.Flatten())
    network.add(layers.Dense(10))
    return network


def compare_depths(flags: Namespace, mnist: DataSets, images: int) -> dict[int, float]:
    """Train each of the three with so many images; return the validation accuracy by depth."""
    few, labels = mnist.train.next_batch(images)
    accuracies = {}
    for depth in 1, 2, 3:
        network = three_by_three(depth)
        train_classifier(network, few, labels, flags, f"depth {depth}")
        accuracies[depth] = accuracy(network, mnist.validation.images, mnist.validation.labels)
    return accuracies
