"""The pictures of an autoencoder: what it gives back of digits, and how a deep network starts with its layers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import plotter


def plot_rows(rows: Mapping[str, np.ndarray], path: Path, *, title: str) -> Path:
    """Draw a row of digits for each name, with the name beside it; return the path.

    rows: arrays (n, 784), from 0 for white to 1 for black, the same n in each.
    """
    number = len(next(iter(rows.values())))
    sheets = [images.reshape(number, 28, 28).transpose(1, 0, 2).reshape(28, number * 28) for images in rows.values()]
    figure = Figure(figsize=(1 + 0.8 * number, 0.4 + 0.8 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.concatenate(sheets), cmap="Greys", vmin=0, vmax=1)
    axes.set(xticks=[], title=title)
    axes.set_yticks([28 * row + 13.5 for row in range(len(rows))], list(rows))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return plotter.save_figure(figure, path)


def plot_starts(curves: Mapping[str, Sequence[float]], path: Path, *, title: str, xlabel: str) -> Path:
    """Draw the validation accuracies of up to four networks after each round of training; return the path."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for (name, curve), (colour, marker, line) in zip(curves.items(), plotter.LOOKS, strict=False):
        axes.plot(range(1, len(curve) + 1), curve, color=colour, marker=marker, linestyle=line, label=name)
    axes.set(xlabel=xlabel, ylabel="validation accuracy", ylim=(0, 1), title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="0.9")
    axes.legend(loc="lower right")
    return plotter.save_figure(figure, path)
