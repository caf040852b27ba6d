"""The picture of convolution_by_hand.py: a photograph, what filters and poolings make of it, and two matrices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import cbook
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

import plotter

STEP = 8  # pixels: one of so many is kept, in each direction
SOBEL = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # bright where the right side is brighter than the left


def photograph() -> np.ndarray:
    """Return a small colour photograph, of those that come with matplotlib: (75, 64, 3), from 0 to 1."""
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return np.asarray(imread(path))[::STEP, ::STEP] / 255.0


def draw(
    convolve: Callable[..., np.ndarray],
    pool: Callable[..., np.ndarray],
    matrix: np.ndarray,
    influence: np.ndarray,
    folder: Path,
) -> Path:
    """Draw what the script's functions make of a photograph, the matrix, and which pixels the centre sees.

    matrix: (places, pixels). influence: (rows, columns), how much the centre changes with each pixel. Returns the path.
    """
    photo = photograph()
    edges = convolve(photo, np.repeat(SOBEL.reshape(3, 3, 1, 1), 3, axis=2) / 12)  # (H - 2, W - 2, 1)
    strength = np.abs(edges)
    brightest = strength.max()
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    figure.suptitle("Convolution by hand (the photograph: Grace Hopper, from matplotlib's samples)")
    panels: Any = figure.subplots(2, 3)
    (original, filtered, largest), (mean, repeated, field) = panels
    _show(original, photo, f"the image: {_size(photo)}, three channels")
    _signed(filtered, edges[..., 0], f"one filter 3x3x3, {_size(edges)}:\nbright where it gets lighter to the right")
    pooled = pool(strength, 3, 2, np.max)
    grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": brightest}
    _show(largest, pooled[..., 0], f"its strength: the largest of each 3x3,\nstride 2, {_size(pooled)}", **grey)
    pooled = pool(strength, 3, 2, np.mean)
    _show(mean, pooled[..., 0], f"its strength: the mean of each 3x3,\nstride 2, {_size(pooled)}", **grey)
    shared = np.where(matrix == 0, np.nan, matrix)
    shown = _show(
        repeated, shared, f"a 3x3 filter on 6x6 pixels as a matrix:\n{_size(matrix)}, blank is 0", cmap="viridis"
    )
    repeated.set(xlabel="pixel of the image", ylabel="place of the filter")
    figure.colorbar(shown, ax=repeated, label="weight (no unit)", shrink=0.6)
    seen = np.where(influence == 0, np.nan, influence)
    side = np.count_nonzero(influence.any(axis=0))
    shown = _show(
        field, seen, f"what the centre sees through three\nlayers of 3x3: {side}x{side} pixels", cmap="viridis"
    )
    field.set(xticks=range(0, len(seen), 2), yticks=range(0, len(seen), 2))
    figure.colorbar(shown, ax=field, label="change of the centre, for each pixel", shrink=0.6)
    for axes in (original, filtered, largest, mean):
        axes.set_axis_off()
    return plotter.save_figure(figure, folder / "convolution.png")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"


def _show(axes: Axes, array: np.ndarray, title: str, **scale: Any) -> Any:
    axes.set_title(title, fontsize="medium")
    axes.set_facecolor("0.9")
    return axes.imshow(array, interpolation="nearest", **scale)


def _signed(axes: Axes, array: np.ndarray, title: str) -> None:
    limit = np.abs(array).max()
    _show(axes, array, title, cmap=plotter.SIGNED, vmin=-limit, vmax=limit)
