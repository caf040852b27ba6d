"""Gradients from a function alone, to check those that were derived."""

from collections.abc import Callable, Sequence

import numpy as np


def finite_differences(
    function: Callable[..., float], arrays: Sequence[np.ndarray], epsilon: float = 1e-5
) -> list[np.ndarray]:
    """Return the derivatives of function(*arrays) by each number of the float64 arrays, each in its array's shape.

    A number is moved up and down by epsilon, and what the function makes of that is divided by the way between: right
    to about epsilon squared, in two calls a number.
    """
    arrays = [np.array(array, np.float64) for array in arrays]  # copies, which are moved
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for place in np.ndindex(array.shape):
            number = array[place]
            array[place] = number + epsilon
            up = function(*arrays)
            array[place] = number - epsilon
            gradient[place] = (up - function(*arrays)) / (2 * epsilon)
            array[place] = number
    return gradients


def largest_difference(ones: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return how far the numbers of two lists of arrays are apart at most."""
    return max(float(np.max(np.abs(one - other))) for one, other in zip(ones, others, strict=True))
