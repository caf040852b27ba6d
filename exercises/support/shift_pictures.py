"""The picture of networks that see digits elsewhere, or of another size, than in training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import plotter

Curves = Mapping[str, Sequence[float]]  # accuracies of each network, by its name


def plot_shift_and_scale(
    shifts: Sequence[int], moved: Curves, sizes: Sequence[int], scaled: Curves, path: Path, *, dataset: str
) -> Path:
    """Draw the accuracies of up to four networks against the shift and the size, both in pixels; return the path."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for (name, values), (colour, marker, line) in zip(moved.items(), plotter.LOOKS, strict=False):
        left.plot(shifts, values, color=colour, marker=marker, linestyle=line, label=name)
        right.plot([size / 28 for size in sizes], scaled[name], color=colour, marker=marker, linestyle=line)
    left.set(xlabel="shift (pixels)", ylabel="accuracy", ylim=(0, 1.02))
    right.set(xlabel="scale (1: as in training)", xscale="log", xticks=[0.5, 0.7, 1, 1.4, 2])
    right.xaxis.set_major_formatter("{x:g}")
    right.xaxis.set_minor_locator(NullLocator())
    for axes in (left, right):
        axes.grid(color="0.9")
    figure.suptitle(f"Trained on digits in the middle, tested on digits that moved or changed their size ({dataset})")
    figure.legend(loc="outside lower center", ncols=4)
    return plotter.save_figure(figure, path)
