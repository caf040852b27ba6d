"""The map of words of word2vec.py: embeddings in the plane in which they differ most."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import plotter

MOST = 100  # words that are drawn of a text
MARKERS = "osD^vP*X"  # one for each class, since not everybody sees the colours
COLOURS = ("#061240", "#c25a00", "#4f86d9", "#7a7a7a")


def principal_plane(embeddings: np.ndarray) -> np.ndarray:
    """Return where the embeddings, (words, size), are in the plane of their two principal components: (words, 2)."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)  # neighbours are told by the angle alone
    centred = unit - unit.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:2].T


def free_corners(texts: Sequence[str], places: np.ndarray) -> list[tuple[float, float]]:
    """Return where each text begins, near its place, (texts, 2), so that none covers another: fractions of the axes."""
    taken = [(x - 0.006, y - 0.006, x + 0.006, y + 0.006) for x, y in places]  # by the marks
    corners = []
    for text, (x, y) in zip(texts, places, strict=True):
        width, height = 0.011 * len(text), 0.019  # of letters of that size
        around = [
            (x + 0.01 * far * np.cos(angle) - (width if np.cos(angle) < -0.1 else 0), y + 0.01 * far * np.sin(angle))
            for far in range(1, 12)
            for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False)
        ]
        boxes = [(left, base - height / 2, left + width, base + height / 2) for left, base in around]
        inside = [box for box in boxes if box[0] > 0 and box[2] < 1]
        free = [box for box in inside if not any(_overlap(box, other) for other in taken)]
        taken.append(free[0] if free else boxes[0])
        corners.append((float(taken[-1][0]), float(taken[-1][1] + height / 4)))
    return corners


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def draw(words: Sequence[str], embeddings: np.ndarray, classes: Mapping[str, str], title: str, path: Path) -> Path:
    """Draw the words, with a mark for each class, or a dot where no class is known. Returns the path."""
    chosen = [number for number, word in enumerate(words) if word in classes] if classes else range(len(words))
    chosen = list(chosen)[:MOST]
    places = principal_plane(embeddings[chosen])
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots()
    kinds = sorted({classes.get(words[number], "") for number in chosen})
    for row, kind in enumerate(kinds):
        here = places[[classes.get(words[number], "") == kind for number in chosen]]
        style: dict[str, Any] = {"marker": MARKERS[row % len(MARKERS)], "color": COLOURS[row % len(COLOURS)]}
        axes.scatter(here[:, 0], here[:, 1], s=30, label=kind, **style)
    low, high = places.min(axis=0), places.max(axis=0)
    margin = 0.08 * (high - low)
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    fractions = (places - low + margin) / (high - low + 2 * margin)
    texts = [words[number] for number in chosen]
    for text, place, corner in zip(texts, places, free_corners(texts, fractions), strict=True):
        line = {"arrowstyle": "-", "color": "0.7", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
        style = {"xycoords": "data", "textcoords": "axes fraction", "fontsize": "small", "arrowprops": line}
        axes.annotate(text, tuple(place), xytext=corner, **style)
    if classes:
        axes.legend(title="class in the grammar", loc="upper left", bbox_to_anchor=(1, 1))  # beside the words
    axes.set(title=title, xlabel="first principal component of the embeddings (no unit)", ylabel="second")
    return plotter.save_figure(figure, path)
