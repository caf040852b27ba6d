"""Boxes and matrices of a PDF's page, as its own instructions have them: points from the lower left corner."""

import math
from typing import Any

from labkit.checks.report.fonts import resolve

Box = tuple[float, float, float, float]  # left, bottom, right, top; in points
Matrix = tuple[float, float, float, float, float, float]

EVERYWHERE: Box = (-math.inf, -math.inf, math.inf, math.inf)
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def to_matrix(values: Any) -> Matrix:
    a, b, c, d, e, f = (float(resolve(value)) for value in resolve(values))
    return a, b, c, d, e, f


def times(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix of the first transformation followed by the second."""
    a, b, c, d, e, f = first
    A, B, C, D, E, F = then
    return a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F


def at(matrix: Matrix, point: tuple[float, float]) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f


def bounds(points: list[tuple[float, float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def around(matrix: Matrix, box: Box) -> Box:
    left, bottom, right, top = box
    return bounds([at(matrix, corner) for corner in ((left, bottom), (right, bottom), (right, top), (left, top))])


def common(a: Box, b: Box) -> Box:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def within(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def holds(box: Box, inner: Box) -> bool:
    """Tell whether a box contains nearly all of another, whose edges are estimates."""
    return area(common(box, inner)) >= 0.85 * area(inner)


def page_box(page: Any) -> Box:
    left, bottom, right, top = (float(value) for value in page.cropbox)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)
