"""Turns what was drawn with a finger into an image like those of MNIST.

MNIST's digits were scanned, scaled to fit a box of 20x20 pixels with their proportions kept, and put on 28x28 pixels so
that their centre of mass is in the middle; scaling black and white made the grey levels (LeCun et al., 1998). Here the
strokes themselves are scaled and moved, and then painted with a round pen, so each pixel is grey by how much of it the
pen covers.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SIDE, BOX = 28, 20  # pixels
PEN = 1.25  # its radius in pixels: a stroke is about as thick as MNIST's are
SMALLEST = 0.1  # of the drawing's width: what is smaller, a dot say, is not blown up to fill the box
STROKES, POINTS = 200, 4_000  # at most: more is no digit


class NotStrokes(ValueError):
    """What was sent is not a list of strokes; the text says why."""


def check_strokes(value: Any) -> list[np.ndarray]:
    """Return strokes as arrays (points, 2); raise NotStrokes unless it is a list of lists of [x, y], 0 to 1 each."""
    if not isinstance(value, list) or len(value) > STROKES:
        raise NotStrokes(f"strokes are a list of {STROKES} at most")
    if not all(isinstance(stroke, list) and stroke for stroke in value) or sum(map(len, value)) > POINTS:
        raise NotStrokes(f"a stroke is a list of points, and {POINTS} are the most in all")
    if not all(isinstance(point, list) and len(point) == 2 and all(map(_fits, point)) for s in value for point in s):
        raise NotStrokes("a point is two numbers from 0 to 1")
    return [np.array(stroke, np.float64) for stroke in value]


def _fits(number: Any) -> bool:
    return type(number) in (int, float) and 0 <= number <= 1  # NaN does not, either


def draw_as_mnist(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the image, (28, 28) float32 in [0, 1], white on black; blank without strokes.

    A stroke is the points, (N, 2), where the pen was: x to the right and y down, 0 to 1 across the drawing.
    """
    if not strokes:
        return np.zeros((SIDE, SIDE), np.float32)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (BOX - 2 * PEN) / max(float((high - low).max()), SMALLEST)  # the pen is in the box, too
    middle = (SIDE - 1) / 2  # where the centre is: the middle of the first pixel is at 0
    segments = np.concatenate([_segments((stroke - (low + high) / 2) * scale + middle) for stroke in strokes])
    image = _paint(segments)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    centre = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
    return _paint(segments + (middle - centre)).astype(np.float32)


def _segments(points: np.ndarray) -> np.ndarray:
    """Return from where to where each piece of a stroke goes, (pieces, 2, 2); of a dot, from itself to itself."""
    return np.stack([points[:-1], points[1:]], axis=1) if len(points) > 1 else np.stack([points, points], axis=1)


def _paint(segments: np.ndarray) -> np.ndarray:
    """Return how much of each pixel the pen covers, (28, 28), nearly: by how far its middle is from the line."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)  # (784, 2)
    nearest = np.full(len(pixels), math.inf)
    for some in np.array_split(segments, math.ceil(len(segments) / 100)):  # not all at once: it would be 50 MB
        start, along = some[:, 0], some[:, 1] - some[:, 0]
        length = np.maximum((along**2).sum(axis=1), 1e-12)
        towards = pixels[:, None] - start  # (784, pieces, 2)
        part = np.clip((towards * along).sum(axis=2) / length, 0, 1)
        distance = np.sqrt(((towards - part[..., None] * along) ** 2).sum(axis=2))  # (784, pieces)
        nearest = np.minimum(nearest, distance.min(axis=1))
    return np.clip(PEN + 0.5 - nearest, 0, 1).reshape(SIDE, SIDE)
