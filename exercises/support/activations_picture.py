"""The picture of exercises/activations.py."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plotter import LOOKS, save_figure

SUMS = np.linspace(-4, 4, 401, dtype=np.float32)  # where the functions are drawn


def draw_activations(
    path: Path,
    activations: Mapping[str, tuple[Callable[..., Any], Callable[..., Any], float]],
    gradients: Mapping[str, np.ndarray],
    mean_squares: Mapping[str, np.ndarray],
    dead: Sequence[tuple[int, float, float]],
    dataset: str,
) -> Path:
    """Draw four panels: the functions, gradients and signals by layer, dead units by step; return the picture's path.

    activations: a name to the function, its derivative by what comes out of it, and a gain, which is not drawn.
    gradients, mean_squares: a name to one number for each layer, the input's first. dead: a step, and the share of dead
    units in each hidden layer then. dataset: what the network with these was trained on.
    """
    figure = Figure(figsize=(10, 8), layout="constrained")
    figure.suptitle(f"Activations, and units that die in training ({dataset})")
    ((functions, by_layer), (signals, deaths)) = figure.subplots(2, 2)
    for (name, (function, derivative, _)), (colour, _, _) in zip(activations.items(), LOOKS, strict=False):
        values = function(SUMS)
        functions.plot(SUMS, values, color=colour, label=name)
        functions.plot(SUMS, derivative(values), ":", color=colour)
    functions.set(title="the functions; dotted: their derivatives", ylim=(-1.1, 2.1))
    functions.set(xlabel="sum that comes in", ylabel="what comes out")
    functions.legend()

    _draw_layers(by_layer, gradients)
    by_layer.set(title="the gradient on its way down", ylabel="length, 1 at the last layer")
    _draw_layers(signals, mean_squares)
    signals.set(title="the signal on its way up", ylabel="mean square, 1 at the input")

    steps, *layers = np.array(dead).T
    for number, (shares, (colour, marker, line)) in enumerate(zip(layers, LOOKS, strict=False), start=1):
        look: Any = {"linestyle": line, "marker": marker, "markersize": 4, "color": colour}
        deaths.plot(steps, 100 * shares, label=f"hidden layer {number}", **look)
    deaths.set(title=f"dead units while training, {dataset}", xlabel="step")
    deaths.set(ylabel="units at 0 on all validation images, %", ylim=(0, max(5, 105 * np.max(layers))))
    deaths.legend(loc="center right")  # the first layer's line is above it, the second one's below
    return save_figure(figure, path)


def _draw_layers(axes: Axes, lines: Mapping[str, np.ndarray]) -> None:
    for (name, numbers), (colour, marker, line) in zip(lines.items(), LOOKS, strict=False):
        axes.semilogy(numbers, line, marker=marker, markersize=4, color=colour, label=name)
    axes.set_xlabel("layer (0: the input)")
    axes.legend(loc="lower left" if "tanh" not in lines else "lower right")
