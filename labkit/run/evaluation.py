"""What a model sees in images, how often it is right, and whether training it still makes sense."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from labkit.errors import LabError

TEST_BATCH = 500  # images at once: fewer test more slowly, more take more memory
TRAIN_IMAGES = 1000  # of the training images, on which the training accuracy is measured beside the validation accuracy
GUESSING, MANY_STEPS = 0.15, 100  # an accuracy that is hardly above chance; steps after which it should be

Predict = Callable[[np.ndarray], Any]  # images (N, 784) to a tensor of class numbers (N,)


def predict_all(predict: Predict, images: np.ndarray) -> np.ndarray:
    """Return the digit seen in each of the images, (N, 784): (N,), uint8."""
    batches = [images[start : start + TEST_BATCH] for start in range(0, len(images), TEST_BATCH)]
    return np.concatenate([predict(batch).numpy() for batch in batches]).astype(np.uint8)


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Return the part of the predictions, (N,), that are right by the labels, one-hot (N, 10): 0 to 1."""
    return float(np.mean(predictions == labels.argmax(axis=1)))


def print_accuracy(test_accuracy: float, images: int, dataset: str) -> None:
    """Print the last line of a script: the test accuracy, of how many images, and of which data."""
    print(f"test accuracy {test_accuracy:.4f} ({images:,} images, {dataset})", flush=True)


def is_guessing(test_accuracy: float, steps: int) -> bool:
    """Tell whether a network has learned nothing in a number of steps that should have sufficed."""
    return test_accuracy < GUESSING and steps >= MANY_STEPS


def check_losses(losses: np.ndarray, steps: Iterable[int], learning_rate: float) -> None:
    """Raise LabError where the loss of a step is not finite, ValueError where there is not one for each step."""
    for step, loss in zip(steps, losses, strict=True):
        _check_finite("the loss is", step, math.isfinite(loss), learning_rate)


def check_weights(variables: Iterable[Any], step: int, learning_rate: float) -> None:
    """Raise LabError where variables are not finite: a ReLU may turn NaN into 0, and the loss look sound."""
    import tensorflow as tf

    for variable in variables:
        finite = bool(tf.reduce_all(tf.math.is_finite(variable)))  # NumPy would have to copy the values first
        _check_finite("the weights are", step, finite, learning_rate)


def _check_finite(what: str, step: int, finite: bool, learning_rate: float) -> None:
    if not finite:
        raise LabError(
            f"{what} not finite at step {step:,}, so training can't go on: "
            f"try a smaller --learning-rate than {learning_rate:g}"
        )
