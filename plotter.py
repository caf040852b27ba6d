"""Pictures of the networks and of their results, one function for each.

    plot_mnist_weights(W)                               what the softmax regression looks for in each digit
    plot_filters(W_conv1)                               what a convolution looks for
    plot_feature_maps(image, layers, dataset=...)       what each layer makes of one digit
    plot_curves(history, dataset=...)                   loss and validation accuracy while training
    plot_confusion(labels, predictions, dataset=...)    which digits are taken for which
    plot_mistakes(images, labels, predictions, dataset=...)
    plot_distortions(images, distorted, dataset=...)    what random distortions make of digits
    plot_images_seen(history, batch_size, dataset=...)  accuracy over the images trained on, and how far it can go
    plot_comparison(networks, dataset=...)              accuracy, learning curves and time of several networks
    plot_digit_errors(errors, dataset=...)              which digits each of several networks gets wrong
    save_figure(figure, path)                           a picture of your own, drawn with matplotlib

`path` is where to save, as .png or .pdf; the function returns it. Without a path the picture opens in a window, and the
function returns None once that is closed; where no window can open, it saves the picture in `results/`, prints where,
and returns that path. `dataset` is the name of the data, for the title. Arrays may be TensorFlow tensors and variables.
What cannot be drawn raises ValueError; what cannot be saved, OSError, and then an earlier picture stays as it was.
"""

import inspect
import io
import os
import re
import secrets
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

MAX_FILTERS = 64  # drawn by plot_filters, of a convolution with one input channel
MAX_KERNELS = (8, 16)  # drawn by plot_filters otherwise: input channels, filters
MAX_MAPS = 64  # drawn by plot_feature_maps, of each layer
MAX_MISTAKES = 60  # drawn by plot_mistakes

# Negative is blue, zero grey, positive orange. Lightness rises all the way, so that a black and white printer keeps the
# sign; the usual blue-white-red is equally dark at both ends.
STOPS = [(0, "#061240"), (0.3, "#1f55b5"), (0.5, "#868686"), (0.7, "#f2a33a"), (1, "#fff6c9")]
SIGNED = LinearSegmentedColormap.from_list("signed", STOPS)
# Of the networks in a comparison: unlike in lightness, too, and in marker and line.
LOOKS = [("#061240", "o", "-"), ("#a04400", "s", "--"), ("#4f86d9", "^", "-."), ("#a3a3a3", "D", ":")]
FRACTION_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
# Lines in plot_images_seen: what the slides call not good, what they call the state of the art, and what is between.
GOALS = {
    0.91: "0.91: the softmax regression",
    0.992: "0.992: deep_mnist.py",
    0.996: "0.996: the same layers, trained further",
    0.9979: "0.9979: the state of the art (Wan, 2013)",
}
FRACTIONS = (0.005, 0.9995)  # the ends of a stretched axis, where fractions of 0 and 1 are drawn
# Numbers that may be labelled in each decade of a logarithmic axis, the densest first.
LABELLED = [(1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)]
LINE = 0.08  # of the height of an axis: the room that a label takes
UNDATED = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}  # the same input gives the same bytes


def plot_mnist_weights(W: Any, path: str | Path | None = None, *, dataset: str | None = None) -> Path | None:
    """Draw the weights of the softmax regression as ten images of 28x28, one for each digit.

    A bright pixel is one where ink speaks for the digit; a dark one, where ink speaks against it.

    W: (784, 10) array, tensor or variable. dataset: what it was trained on.
    """
    weights = _softmax_weights(W)
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    figure.suptitle("What the softmax regression looks for in each digit" + (f", {dataset}" if dataset else ""))
    panels = figure.subplots(2, 5)
    images = []
    for digit, axes in enumerate(panels.flat):
        images.append(axes.imshow(weights[:, digit].reshape(28, 28), **_signed_scale(weights)))
        axes.set_title(digit)
        axes.set_axis_off()
    figure.colorbar(
        images[-1], ax=panels, label="weight (logit per unit of ink)\ndark: against the digit, bright: for it"
    )
    return _save_or_show(figure, path, "mnist_weights")


def plot_filters(
    W_conv: Any, path: str | Path | None = None, *, name: str = "W_conv", dataset: str | None = None
) -> Path | None:
    """Draw the filters of a convolution, on one colour scale centred on zero.

    With one input channel, each filter is one image. With more, a column is a filter and a row is an input channel.
    At most MAX_FILTERS or MAX_KERNELS are drawn; the title says how many of how many.

    W_conv: (height, width, in, out) array, tensor or variable. name: the variable's. dataset: what it was trained on.
    """
    filters = _numbers(W_conv, name)
    if filters.ndim != 4 or filters.size == 0:
        raise ValueError(f"{name} has shape {filters.shape}; filters are (height, width, in, out)")
    height, width, inputs, outputs = filters.shape
    rows, columns = (1, MAX_FILTERS) if inputs == 1 else MAX_KERNELS
    shown = filters[:, :, :rows, :columns]
    rows, columns = shown.shape[2:]
    tiles = shown.transpose(2, 3, 0, 1).reshape(-1, height, width)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    title = f"{name}: {_how_many(columns, outputs, 'filters')} of {height}x{width}"
    if inputs == 1:
        image = _draw_tiles(axes, tiles, 8, captions=range(columns), head=2, **_signed_scale(shown))
    else:
        image = _draw_tiles(axes, tiles, columns, **_signed_scale(shown))
        title += f" (columns)\non {_how_many(rows, inputs, 'input channels')} (rows)"
    figure.suptitle(title + (f", {dataset}" if dataset else ""))
    figure.colorbar(image, ax=axes, label="weight (no unit)")
    return _save_or_show(figure, path, "filters_" + re.sub(r"\W", "_", name))


def plot_feature_maps(
    image: Any, layers: Mapping[str, Any], path: str | Path | None = None, *, dataset: str
) -> Path | None:
    """Draw one digit and what each layer makes of it, from the input down, each layer on a scale of its own.

    A layer without negative values is drawn from zero up; another, on a scale centred on zero. At most MAX_MAPS maps of
    a layer are drawn; the title says how many of how many.

    image: (784,) or (28, 28). layers: dict from a layer's name to its output for that image, (H, W, C) or (C,).
    """
    digit = _numbers(image, "image")
    if digit.size != 784:
        raise ValueError(f"image has shape {digit.shape}; one digit is (784,) or (28, 28): pass images[0]?")
    blocks = [("input: 28x28", _sheet(digit.reshape(1, 28, 28), columns=7), _ink_scale(digit), ())]
    blocks += [_layer_block(name, output) for name, output in layers.items()]

    # Placed by hand, in inches: the automatic layouts are slow with many colour bars.
    left, width, gap = 0.2, 6.7, 0.42
    heights = [min(width * sheet.shape[0] / sheet.shape[1], 2) for _, sheet, _, _ in blocks]
    page = np.array([8.0, 0.8 + sum(heights) + gap * len(heights)])
    figure = Figure(figsize=(page[0], page[1]))
    title = f"What each layer makes of one digit ({dataset})\ncolour: the layer's output, no unit"
    figure.suptitle(title, y=1 - 0.3 / page[1], va="center")
    bottom = page[1] - 0.5
    for (title, sheet, scale, ticks), height in zip(blocks, heights, strict=True):
        bottom -= gap + height
        axes = figure.add_axes((left / page[0], bottom / page[1], width / page[0], height / page[1]))
        image = axes.imshow(sheet, aspect="auto", interpolation="nearest", **scale)
        axes.set_title(title, loc="left", fontsize="medium")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set(xticks=ticks, yticks=[])
        bar = figure.add_axes(((left + width + 0.1) / page[0], bottom / page[1], 0.12 / page[0], height / page[1]))
        figure.colorbar(image, cax=bar, ticks=[scale["vmin"], scale["vmax"]], format="%.3g")
    return _save_or_show(figure, path, "feature_maps")


def plot_curves(history: Sequence[Mapping[str, Any]], path: str | Path | None = None, *, dataset: str) -> Path | None:
    """Draw the training loss, and the accuracy on validation and training images, over the steps of one run.

    history: list of dicts with `step`, `loss` (None before training), `seconds` since the start and, where they were
    measured, `validation_accuracy` and `train_accuracy`; it is the `history` of a run.json.
    """
    if not history or any(not {"step", "loss", "seconds"} <= set(entry) for entry in history):
        raise ValueError("history must be a list of at least one dict with step, loss and seconds")
    fields = ("step", "loss", "seconds", "validation_accuracy", "train_accuracy")
    rows = [[row.get(field) for field in fields] for row in history]
    steps, losses, seconds, validation, training = np.array(rows, dtype=np.float64).T  # None becomes NaN
    last, lost = int(steps[-1]), steps[~np.isfinite(losses) & (steps > 0)]
    measured = np.isfinite(validation)
    accuracies = validation[measured]
    figure = Figure(figsize=(7, 6), layout="constrained")
    figure.suptitle(f"Training on {dataset}: {_how_many(last, last, 'steps')} in {seconds[-1]:,.0f} s")
    loss_axes, accuracy_axes = figure.subplots(2, 1, sharex=True)
    loss_axes.plot(steps, losses, color="#1f55b5", linewidth=1, marker="." if len(steps) <= 100 else None)
    loss_axes.set_ylabel("training loss\n(cross-entropy, nats)")
    _log_scale(loss_axes, losses)  # it falls a thousandfold: on a linear scale all but its start is flat
    if lost.size:
        _note(loss_axes, f"The loss is not a finite number in step {lost[0]:,.0f}: did training diverge?")
    accuracy_axes.plot(steps[measured], accuracies, "o--", color="#c25a00", markersize=4, label="validation images")
    accuracy_axes.set(xlabel="step (one batch each)", ylabel="accuracy\n(fraction of the images)")
    if np.isfinite(training).any():
        again = np.isfinite(training)
        accuracy_axes.plot(steps[again], training[again], "s-", color="#1f55b5", markersize=3, label="training images")
        accuracy_axes.legend(loc="lower right")
    _logit_scale(accuracy_axes)
    summary = f"best {accuracies.max():.4f}, last {accuracies[-1]:.4f}" if accuracies.size else "not measured"
    if accuracies.size and steps[0] == 0:
        summary = f"before training {accuracies[0]:.4f}, {summary}"
    accuracy_axes.set_title(summary, loc="right", fontsize="medium")
    if not accuracies.size:
        _note(accuracy_axes, "The validation accuracy was not measured.")
    for axes in (loss_axes, accuracy_axes):
        axes.grid(color="0.9")
    return _save_or_show(figure, path, "curves")


def plot_confusion(labels: Any, predictions: Any, path: str | Path | None = None, *, dataset: str) -> Path | None:
    """Draw the confusion matrix: how many images of each digit were taken for which.

    The colour shows the mistakes alone, as a share of the images of that digit: on one scale with the diagonal, they
    would all look like none.

    labels, predictions: (n,) integer class numbers, 0 to 9.
    """
    labels, predictions = _classes(labels, predictions)
    score = f"accuracy {np.mean(labels == predictions):.4f} ({labels.size:,} images, {dataset})"
    counts = np.bincount(10 * labels + predictions, minlength=100).reshape(10, 10)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(percent, np.nan)
    figure = Figure(figsize=(7, 6.2), layout="constrained")
    figure.suptitle(f"Which digits are taken for which\n{score}")
    axes = figure.subplots()
    axes.set_facecolor("0.88")  # of the diagonal, where `percent` is not a number
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=np.nanmax(percent) or 1)
    for (truth, guess), count in np.ndenumerate(counts):
        dark = truth != guess and np.greater(image.norm(percent[truth, guess]), 0.6)
        style: dict[str, Any] = {
            "color": "white" if dark else "black" if count else "0.45",
            "ha": "center",
            "va": "center",
        }
        axes.text(guess, truth, str(count), weight="bold" if truth == guess else "normal", **style)
    axes.set(xticks=range(10), yticks=range(10), xlabel="guess (digit)", ylabel="truth (digit)")
    figure.colorbar(image, ax=axes, label="mistakes (% of the images of the true digit)")
    return _save_or_show(figure, path, "confusion")


def plot_mistakes(
    images: Any, labels: Any, predictions: Any, path: str | Path | None = None, *, dataset: str
) -> Path | None:
    """Draw the digits that a model got wrong, the first MAX_MISTAKES of them, each under its guess and truth.

    images: (n, 784), (n, 28, 28) or (n, 28, 28, 1), numbers from 0 to 1 or from 0 to 255. labels, predictions:
    (n,) integer class numbers, 0 to 9.
    """
    labels, predictions = _classes(labels, predictions)
    score = f"accuracy {np.mean(labels == predictions):.4f} ({labels.size:,} images, {dataset})"
    wrong = np.flatnonzero(labels != predictions)
    if len(wrong) == 0:
        title = f"No mistakes: every image is right\n{score}"
    else:
        title = f"Guess, not truth: {_how_many(min(len(wrong), MAX_MISTAKES), len(wrong), 'mistakes')}\n{score}"
    return _save_or_show(_draw_guesses(images, labels, predictions, wrong, title), path, "mistakes")


def plot_shared_mistakes(
    images: Any, labels: Any, predictions: Any, path: str | Path | None = None, *, dataset: str
) -> Path | None:
    """Draw the digits that each network of a committee gets wrong, the first MAX_MISTAKES, under guess and truth.

    images, labels: as plot_mistakes takes them. predictions: (networks, n) integer class numbers, 0 to 9; the guess is
    that of most networks, the smallest of several. Raises ValueError for anything else.
    """
    if np.ndim(predictions) != 2:
        raise ValueError(f"predictions have shape {np.shape(predictions)}; those of a committee are (networks, n)")
    predictions = np.stack([_classes(labels, one)[1] for one in predictions])
    labels = np.asarray(labels)
    wrong = np.flatnonzero((predictions != labels).all(axis=0))
    guesses = np.sum(predictions == np.arange(10)[:, np.newaxis, np.newaxis], axis=1).argmax(axis=0)  # (n,): of most
    shown = _how_many(min(len(wrong), MAX_MISTAKES), len(wrong), "digits") if len(wrong) else "no digit"
    title = (
        f"Guess, not truth: {shown} wrong for all of {len(predictions)} networks\n({labels.size:,} images, {dataset})"
    )
    return _save_or_show(_draw_guesses(images, labels, guesses, wrong, title), path, "shared_mistakes")


def plot_distortions(
    images: Any, distorted: Sequence[Any], path: str | Path | None = None, *, dataset: str
) -> Path | None:
    """Draw digits in a row, and below each what random distortions made of it, a row for each time.

    images: (n, 784), from 0 to 1. distorted: as many times as there are rows to draw, the same images, (n, 784).
    """
    rows = [_numbers(images, "images"), *(_numbers(again, "distorted") for again in distorted)]
    if any(row.ndim != 2 or row.shape != (len(rows[0]), 784) for row in rows):
        raise ValueError(f"images and distorted have the shapes {[row.shape for row in rows]}; each must be (n, 784)")
    figure = Figure(figsize=(8, 1), layout="constrained")
    tiles = np.concatenate(rows).reshape(-1, 28, 28)
    _draw_tiles(figure.subplots(), tiles, len(rows[0]), gap=4, **_ink_scale(rows[0]))
    figure.suptitle(f"Digits (first row), and what random distortions make of them, {dataset}")
    return _save_or_show(figure, path, "distortions")


def plot_images_seen(
    history: Sequence[Mapping[str, Any]],
    batch_size: int,
    path: str | Path | None = None,
    *,
    committee: Sequence[float] = (),
    dataset: str,
) -> Path | None:
    """Draw the validation accuracy over the number of images trained on, both stretched, and GOALS as lines.

    history: as plot_curves takes it. batch_size: the images of a step. committee: of several such networks, the test
    accuracy of the first alone, of the first two together, and so on; each has seen as many images as the first.
    """
    measured = [row for row in history if row["step"] and row.get("validation_accuracy") is not None]
    if not measured:
        raise ValueError("history has no validation accuracy of a step after the first")
    seen = batch_size * np.array([row["step"] for row in measured])
    figure = Figure(figsize=(8, 5), layout="constrained")
    figure.suptitle(f"Accuracy over the images that a network was trained on, {dataset}")
    axes = figure.subplots()
    validation = [row["validation_accuracy"] for row in measured]
    axes.plot(seen, validation, "o-", color="#1f55b5", markersize=4, label="one network, validation images")
    if len(committee):
        votes = seen[-1] * np.arange(1, len(committee) + 1)
        axes.plot(votes, committee, "s--", color="#c25a00", markersize=4, label="networks that vote, test images")
    axes.set(xscale="log", xlabel="images seen (each distorted anew)", ylabel="accuracy\n(fraction of the images)")
    for goal, name in GOALS.items():
        axes.axhline(goal, color="0.6", linewidth=1, zorder=0)
        place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
        axes.annotate(name, (1, goal), (4, 0), **place)  # beside the axes, out of the way of the curves
    axes.legend(loc="lower right")
    _logit_scale(axes)
    axes.grid(color="0.9", axis="x")
    return _save_or_show(figure, path, "images_seen")


def plot_comparison(
    networks: Mapping[str, Mapping[str, Any]], path: str | Path | None = None, *, dataset: str
) -> Path | None:
    """Draw what several networks reached over their seeds: accuracy, time, and learning curves.

    Each seed is a small mark, their mean a large one, with its interval; of the times it is the median. The curves are
    means over the seeds.

    networks: dict from a network's name to a dict with `accuracies`, (seeds,) percent; `interval`, the (low, high) of
    their mean, or None; `seconds`, (seeds,) of training; `histories`, a list of what plot_curves takes.
    """
    if not 1 <= len(networks) <= len(LOOKS):
        raise ValueError(f"there are {len(networks)} networks; a comparison draws 1 to {len(LOOKS)}")
    counts = [len(network["accuracies"]) for network in networks.values()]
    seeds = (
        _how_many(counts[0], counts[0], "seeds") if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)} seeds"
    )
    figure = Figure(figsize=(10, 7.9), layout="constrained")
    figure.suptitle(f"{', '.join(networks)}: {seeds}, {dataset}")
    panels = figure.subplots(2, 2).ravel()
    for row, (name, network) in enumerate(networks.items()):
        _draw_network(panels, row, name, network)
    scores, times, losses, validation = panels
    validation.sharex(losses)
    scores.set(yticks=range(len(networks)), yticklabels=networks, ylim=(len(networks) - 0.4, -0.6))
    scores.set(xlabel="test accuracy (%)", title="Accuracy: each seed, the mean, its 95% interval")
    times.set(xlabel="training (s)", ylabel="test accuracy (%)", title="Time against accuracy")
    losses.set(xlabel="step (one batch each)", ylabel="training loss\n(cross-entropy, nats)", title="Learning: loss")
    validation.set(xlabel="step (one batch each)", ylabel="validation errors (%)", title="Learning: validation errors")
    for axes, measure in ((losses, "loss"), (validation, "validation accuracy")):
        curves = {line.get_label(): line.get_ydata() for line in axes.lines}
        _log_scale(axes, np.concatenate(list(curves.values())))  # they part near the end, which a linear scale flattens
        if lost := [name for name, values in curves.items() if not np.all(np.isfinite(values))]:
            _note(axes, f"Not a finite number in some step: the {measure} of {', '.join(lost)}")
        elif absent := [name for name, values in curves.items() if not values.size]:
            _note(axes, f"There is no step at which every seed measured the {measure} of {', '.join(absent)}")
    for axes in panels:
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    figure.legend(*losses.get_legend_handles_labels(), loc="outside lower center", ncols=len(networks))
    return _save_or_show(figure, path, "comparison")


def plot_digit_errors(errors: Mapping[str, Any], path: str | Path | None = None, *, dataset: str) -> Path | None:
    """Draw which digits each of several networks gets wrong: a row for each network, a column for each digit.

    errors: dict from a network's name to its (10,) percentages, of the images of each digit.
    """
    shares = _numbers(list(errors.values()), "errors")
    if shares.ndim != 2 or shares.shape[1] != 10:
        raise ValueError(f"errors have shape {shares.shape}; each network has 10, one for each digit")
    figure = Figure(figsize=(9, 1.6 + 0.5 * len(shares)), layout="constrained")
    figure.suptitle(f"Which digits each network gets wrong, {dataset}")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=shares.max() or 1, aspect="auto")
    for (network, digit), share in np.ndenumerate(shares):
        colour = "white" if np.greater(image.norm(share), 0.6) else "black"
        axes.text(digit, network, f"{share:.2f}", color=colour, ha="center", va="center")
    axes.set(xticks=range(10), xlabel="digit", yticks=range(len(shares)), yticklabels=errors)
    figure.colorbar(image, ax=axes, label="errors (% of its images)")
    return _save_or_show(figure, path, "digit_errors")


def _draw_network(panels: Sequence[Axes], row: int, name: str, network: Mapping[str, Any]) -> None:
    """Draw one network into the four panels of plot_comparison."""
    scores, times, losses, validation = panels
    colour, marker, line = LOOKS[row]
    accuracies, seconds = _numbers(network["accuracies"], "accuracies"), _numbers(network["seconds"], "seconds")
    mean, reach = accuracies.mean(), None
    if network["interval"] is not None:
        reach = np.abs(np.reshape(network["interval"], (2, 1)) - mean)  # downwards, upwards
    small = {"color": colour, "marker": marker, "s": 14, "alpha": 0.6, "linewidths": 0}
    large = {"color": colour, "marker": marker, "markersize": 8, "markeredgecolor": "white", "capsize": 5}
    scores.scatter(accuracies, np.full(len(accuracies), row + 0.25), **small)
    scores.errorbar(mean, row, xerr=reach, **large)
    times.scatter(seconds, accuracies, **small)
    times.errorbar(np.median(seconds), mean, yerr=reach, **large)
    curve: dict[str, Any] = {"color": colour, "linestyle": line, "marker": marker, "label": name}
    steps, loss = _mean_curve(network["histories"], "loss")
    apart = max(1, len(steps) // 3)  # three marks a curve, none under those of another
    losses.plot(steps, loss, **curve, markersize=4, markevery=(row * apart // len(LOOKS), apart))
    steps, reached = _mean_curve(network["histories"], "validation_accuracy")
    validation.plot(steps, 100 * (1 - reached), **curve, markersize=4)


def _mean_curve(histories: Sequence[Sequence[Mapping[str, Any]]], field: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps at which all histories measured `field`, and its mean over the histories at each."""
    measured = [  # step 0 is before training
        {row["step"]: row[field] for row in history if row["step"] and row.get(field) is not None}
        for history in histories
    ]
    steps = sorted(set.intersection(*map(set, measured)))
    return np.array(steps), np.array([np.mean([values[step] for values in measured]) for step in steps])


def _log_scale(axes: Axes, values: np.ndarray) -> None:
    """Make the vertical axis logarithmic, with labels that don't overlap, if the finite values drawn are above zero."""
    values = values[np.isfinite(values)]
    if not values.size or values.min() <= 0:
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    room = LINE * np.log10(high / low)  # in decades
    labelled = next((digits for digits in LABELLED if np.log10(_narrowest_gap(digits)) >= room), LABELLED[-1])
    locator = LogLocator(subs=labelled)
    ticks = np.asarray(locator.tick_values(low, high))
    if np.count_nonzero((low <= ticks) & (ticks <= high)) < 2:
        locator = MaxNLocator(4)
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _logit_scale(axes: Axes) -> None:
    """Stretch the ends of an axis of fractions, so that 0.99 and 0.995 are apart even where a line begins at 0.1."""
    for line in axes.lines:
        line.set_ydata(np.clip(np.asarray(line.get_ydata()), *FRACTIONS))
    axes.relim()
    axes.autoscale_view()
    low, high = axes.get_ylim()
    ticks = [tick for tick in FRACTION_TICKS if low <= tick <= high]
    if len(ticks) < 2:  # they are close together, and a linear scale shows them as well
        return
    axes.set_yscale("logit")
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _narrowest_gap(digits: tuple[int, ...]) -> float:
    """Return the smallest ratio of neighbours among numbers of a decade, the first of the next one included."""
    return min(upper / lower for lower, upper in zip(digits, [*digits[1:], 10], strict=True))


def _note(axes: Axes, text: str) -> None:
    """Write in the middle of a panel why something is missing in it; if all is, remove the numbers from the axis."""
    if not any(np.isfinite(line.get_ydata()).any() for line in axes.lines):
        axes.set_yticks([])
    box = {"facecolor": "white", "edgecolor": "0.6", "alpha": 0.9}
    place = {"transform": axes.transAxes, "ha": "center", "va": "center", "fontsize": "small"}
    axes.text(0.5, 0.5, textwrap.fill(text, 50), bbox=box, **place)


def _layer_block(name: str, output: Any) -> tuple[str, np.ndarray, dict[str, Any], Sequence[int]]:
    """Return the title, the sheet, the scale and the ticks of one layer in plot_feature_maps."""
    output = _numbers(output, name)
    if output.ndim not in (1, 3) or output.size == 0:
        raise ValueError(f"{name} has shape {output.shape}; one digit has (H, W, C) or (C,): pass {name}[0]?")
    scale = _signed_scale(output)
    if output.min() >= 0:
        scale = {"cmap": "viridis", "vmin": 0, "vmax": scale["vmax"]}
    if output.ndim == 1:
        sheet = _sheet(output.reshape(-1, 1, 1), columns=min(output.size, 128), gap=0)
        ticks = range(output.size) if output.size <= 32 else ()
        return f"{name}: {_how_many(output.size, output.size, 'values')}", sheet, scale, ticks
    height, width, maps = output.shape
    sheet = _sheet(output[:, :, :MAX_MAPS].transpose(2, 0, 1), columns=16)
    return f"{name}: {_how_many(min(maps, MAX_MAPS), maps, 'maps')} of {height}x{width}", sheet, scale, ()


def _draw_guesses(images: Any, labels: np.ndarray, guesses: np.ndarray, which: np.ndarray, title: str) -> Figure:
    """Draw the first MAX_MISTAKES of some images, each under its guess and truth."""
    images = _numbers(images, "images")
    if images.shape[1:] not in {(784,), (28, 28), (28, 28, 1)} or len(images) != len(labels):
        raise ValueError(f"images has shape {images.shape}; {len(labels)} labels need ({len(labels)}, 784)")
    figure = Figure(figsize=(8, 1), layout="constrained")
    if len(which) == 0:
        figure.suptitle(title, y=0.5, va="center")
        return figure
    which = which[:MAX_MISTAKES]
    captions = [f"{guesses[n]}, not {labels[n]}" for n in which]
    tiles = images[which].reshape(-1, 28, 28)
    _draw_tiles(figure.subplots(), tiles, 10, captions, gap=6, head=8, **_ink_scale(images))
    figure.suptitle(title)
    return figure


def _draw_tiles(
    axes: Axes,
    tiles: np.ndarray,
    columns: int,
    captions: Iterable[Any] = (),
    gap: int = 1,
    head: int = 0,
    **scale: Any,
) -> AxesImage:
    """Draw (n, h, w) tiles as one image, faster than an Axes for each; fit the page to it and return it."""
    sheet = _sheet(tiles, columns, gap, head)
    image = axes.imshow(sheet, interpolation="nearest", **scale)
    axes.set_axis_off()
    figure: Any = axes.figure
    figure.set_figheight(0.8 + 7.4 * min(sheet.shape[0] / sheet.shape[1], 1))  # inches
    _, height, width = tiles.shape
    for n, caption in enumerate(captions):
        row, column = divmod(n, columns)
        x, y = column * (width + gap) + (width - 1) / 2, row * (head + height + gap) + head - 1
        axes.text(x, y, caption, ha="center", va="bottom", fontsize="small")
    return image


def _sheet(tiles: np.ndarray, columns: int, gap: int = 1, head: int = 0) -> np.ndarray:
    """Lay (n, h, w) tiles in rows, `gap` pixels apart, `head` more above each; between is NaN, left blank."""
    n, height, width = tiles.shape
    rows = -(-n // columns)
    cells = np.full((rows * columns, head + height + gap, width + gap), np.nan)
    cells[:n, head : head + height, :width] = tiles
    sheet = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2).reshape(rows * cells.shape[1], -1)
    return sheet[: len(sheet) - gap, : sheet.shape[1] - gap]


def _signed_scale(values: np.ndarray) -> dict[str, Any]:
    limit = float(np.abs(values).max()) or 1.0  # all zero, as before training: any scale will do
    return {"cmap": SIGNED, "vmin": -limit, "vmax": limit}


def _ink_scale(images: np.ndarray) -> dict[str, Any]:
    brightest = images.max()
    if brightest > 1:  # of 0 to 255, though converted to floats perhaps
        brightest = 255 if images.dtype.kind in "iu" else brightest
    return {"cmap": "gray_r", "vmin": 0, "vmax": max(1, brightest)}


def _how_many(shown: int, total: int, noun: str) -> str:
    noun = noun.removesuffix("s") if total == 1 else noun
    return f"{total:,} {noun}" if shown == total else f"the first {shown} of {total:,} {noun}"


def _numbers(value: Any, name: str) -> np.ndarray:
    """Return the value as an array of finite numbers, or raise a ValueError that names the likely mistake."""
    if inspect.isroutine(value):
        raise ValueError(f"{name} is a method, not its result: add the brackets, as in {name}.numpy()")
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind in "biuf" else array.astype(np.float32)  # bfloat16, say
    except (TypeError, ValueError, NotImplementedError) as error:
        mistake = f"a {type(value).__name__} without numbers: outside of tf.function, pass {name}.numpy()"
        raise ValueError(f"{name} is {mistake}") from error
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        raise ValueError(f"{bad:,} of {array.size:,} numbers in {name} are not finite: did training diverge?")
    return array


def _softmax_weights(W: Any) -> np.ndarray:
    weights = _numbers(W, "W")
    shape = weights.shape
    if shape == (784, 10):
        return weights
    if shape == (10, 784):
        mistake = "it is transposed, so pass W.T (a tensor: tf.transpose(W))"
    elif weights.size == 7840:
        mistake = "it was reshaped, so pass W as softmax_mnist.py has it"
    elif weights.ndim == 2 and shape[1] == 10:
        mistake = f"that is the deep network's last layer, whose {shape[0]} inputs are features, not pixels"
    else:
        mistake = "pass the variable W of softmax_mnist.py"
    raise ValueError(f"W has shape {shape}, not (784, 10): {mistake}")


def _classes(labels: Any, predictions: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of class numbers, (n,) int64."""
    labels, predictions = _numbers(labels, "labels"), _numbers(predictions, "predictions")
    for name, classes in (("labels", labels), ("predictions", predictions)):
        if classes.ndim != 1 or classes.size == 0 or classes.dtype.kind not in "iu":
            hint = f"of one-hot labels or logits, pass {name}.argmax(axis=1)"
            raise ValueError(f"{name} are {classes.dtype} {classes.shape}, not integers (n,): {hint}")
        if classes.min() < 0 or classes.max() > 9:
            raise ValueError(f"{name} go from {classes.min()} to {classes.max()}; digits are 0 to 9")
    if len(labels) != len(predictions):
        raise ValueError(f"{len(labels)} labels but {len(predictions)} predictions")
    return labels.astype(np.int64), predictions.astype(np.int64)


def _save_or_show(figure: Figure, path: str | Path | None, name: str) -> Path | None:
    """Save the figure and return the path. Without a path, show it if a window can open, and return None."""
    if path is not None:
        return save_figure(figure, Path(path))
    if _show_in_window(figure):
        return None
    path = save_figure(figure, Path("results", f"{name}.png"))
    print(f"saved {path}")
    return path


def _show_in_window(figure: Figure) -> bool:
    """Show the figure until its window is closed; return False if no window can open here."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        return False
    from matplotlib import pyplot  # only here: it is slow, and picks a backend for the whole process

    try:
        pyplot.figure(FigureClass=lambda **_: figure)  # pyright: ignore[reportArgumentType]  # is called, no more
    except Exception:  # no toolkit, or no screen behind DISPLAY: each toolkit has errors of its own
        return False
    if figure.canvas.required_interactive_framework is None:  # a backend without windows
        pyplot.close(figure)
        return False
    pyplot.show()
    return True


def save_figure(figure: Figure, path: Path) -> Path:
    """Save a figure of your own as the pictures here are: whole or not at all, as .png or .pdf; return the path."""
    suffix = path.suffix.lower()
    if suffix not in UNDATED:
        raise ValueError(f"{path} is neither .png nor .pdf, the two formats of a picture")
    FigureCanvasAgg(figure)  # instead of what a window that could not open left behind
    picture = io.BytesIO()
    figure.savefig(picture, format=suffix[1:], dpi=150, metadata=UNDATED[suffix])
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # two runs may save at once
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(picture.getvalue())
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, f"cannot save the picture: {error.strerror}", str(path)) from error
    finally:
        if os.path.exists(temporary):  # something went wrong
            temporary.unlink()
    return path
