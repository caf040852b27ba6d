"""The picture of overfitting: what networks know by heart, and what they have learned."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

import plotter


def plot_overfitting(accuracies: Mapping[str, Sequence[float]], path: Path, *, images: int, dataset: str) -> Path:
    """Draw the accuracies of each network on its training images and on others, a row each; return the path.

    found: for each network's name its training accuracy and its validation accuracy, 0 to 1. images: how many it was
    trained on.
    """
    figure = Figure(figsize=(8, 1.4 + 0.35 * len(accuracies)), layout="constrained")
    axes = figure.subplots()
    for row, (training, validation) in enumerate(accuracies.values()):
        labels = (f"the {images:,} training images", "validation images") if row == 0 else ("", "")
        axes.plot([training, validation], [row, row], color="0.75", zorder=1)
        axes.plot(training, row, "o", color="#f2a33a", markeredgecolor="black", label=labels[0])
        axes.plot(validation, row, "D", color="#061240", label=labels[1])
    axes.set_yticks(range(len(accuracies)), list(accuracies))
    axes.invert_yaxis()  # the first on top, as in a table
    axes.set(xlabel="accuracy", title=f"Trained on {images:,} images, {dataset}")
    axes.grid(axis="x", color="0.9")
    figure.legend(loc="outside lower center", ncols=2)
    return plotter.save_figure(figure, path)
