"""Networks from a pattern such as [[CONV-RELU]*2-POOL]*2-[FC-RELU]*1-FC, with each layer's shape and weights.

The pattern gives the order of the layers only. Their sizes follow from fixed rules, so that two patterns differ in
nothing else: a convolution has 3x3 filters, 16 of them before the first pooling and twice as many after each.
"""

import math
import re
from typing import Any, NamedTuple

from labkit.errors import LabError

FILTER = 3  # pixels: the side of each filter
FIRST_FILTERS = 16  # of a convolution before any pooling
POOL = 2  # pixels: the side of what is pooled, and the stride
UNITS = 128  # of a fully connected layer that is not the last
MOST_LAYERS = 60

LAYERS = ("CONV", "RELU", "POOL", "FC")
REPEATED = re.compile(r"\[([^][]*)\]\*(\d{1,2})")  # an innermost bracket, and how often it stands there


class Layer(NamedTuple):
    """One layer of a network: its output's shape, without the images' number, and how many numbers it learns."""

    name: str
    shape: tuple[int, ...]
    parameters: int


def expand(pattern: str) -> list[str]:
    """Return the names of the layers, in order: "[CONV-RELU]*2-FC" gives CONV, RELU, CONV, RELU, FC.

    Raises LabError for what is no pattern, naming the part that is not.
    """
    text = pattern.replace(" ", "").upper()
    while match := REPEATED.search(text):
        text = text[: match.start()] + "-".join([match[1]] * int(match[2])) + text[match.end() :]
        if text.count("-") > 2 * MOST_LAYERS:
            raise LabError(f"the pattern {pattern} has more than {MOST_LAYERS} layers")
    names = [name for name in text.split("-") if name]  # what stands there 0 times leaves nothing between two dashes
    for name in names:
        if name not in LAYERS:
            raise LabError(f"{name} in the pattern {pattern} is no layer: there are {', '.join(LAYERS)}, and [...]*2")
    if names[-1:] != ["FC"]:
        raise LabError(f"the pattern {pattern} has to end with FC, the layer that gives the logits")
    if len(names) > MOST_LAYERS:
        raise LabError(f"the pattern {pattern} has more than {MOST_LAYERS} layers")
    if {"CONV", "POOL"} & set(names[names.index("FC") :]):
        raise LabError(
            f"the pattern {pattern} has CONV or POOL after FC, which leaves no rows and columns to slide over"
        )
    return names


def layers(pattern: str, size: int = 28, channels: int = 1, classes: int = 10) -> list[Layer]:
    """Return the layers of a pattern for images of size x size pixels: shapes and counts by the slide's formulas.

    Raises LabError for what is no pattern, and where pooling leaves no pixel.
    """
    result: list[Layer] = []
    shape = [size, size, channels]
    names, filters = expand(pattern), FIRST_FILTERS
    for place, name in enumerate(names):
        parameters = 0
        if name == "CONV":
            parameters = FILTER * FILTER * shape[2] * filters + filters  # F F D1 K weights, and K biases
            shape[2] = filters  # padding (F - 1) / 2 keeps rows and columns
        elif name == "POOL":
            side = (shape[0] - POOL) // POOL + 1  # (W1 - F) / S + 1
            if side < 1:
                raise LabError(f"the pattern {pattern} pools {size} pixels too often: none is left")
            shape[:2] = side, side
            filters *= 2
        elif name == "FC":
            units = classes if place == len(names) - 1 else UNITS
            parameters = math.prod(shape) * units + units
            shape = [units]
        result.append(Layer(name, tuple(shape), parameters))
    return result


def build(pattern: str, size: int = 28, channels: int = 1, classes: int = 10) -> Any:
    """Return the network of a pattern as a tf.keras.Sequential, which gives logits, (N, classes)."""
    import tensorflow as tf  # here, because it takes seconds, and --help should not

    keras = tf.keras
    network = keras.Sequential([keras.Input((size, size, channels))])
    for name, shape, _ in layers(pattern, size, channels, classes):
        if name == "CONV":
            network.add(keras.layers.Conv2D(shape[2], FILTER, padding="same"))
        elif name == "RELU":
            network.add(keras.layers.ReLU())
        elif name == "POOL":
            network.add(keras.layers.MaxPooling2D(POOL))
        else:
            network.add(keras.layers.Flatten())  # which leaves what is flat already
            network.add(keras.layers.Dense(shape[0]))
    return network
