"""The pictures of q_learning.py: the values of a gridworld, and the cart with its pole as an animation."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from exercises.support.cart import SCALE
from exercises.support.gridworld import MOVES, Gridworld

SECONDS_A_MOVE = 0.02  # of CartPole's physics
EVERY = 5  # moves from one frame to the next: ten frames a second
EDGE = 2.4  # where the track ends, in metres
DPI = 80


def draw_gridworld(world: Gridworld, panels: Mapping[str, np.ndarray]) -> Figure:
    """Draw the world once for each of the tables of values, (squares, 4), under its title.

    A square shows the value of its best move; its shade, the same; an arrow, each move that is as good as the best.
    """
    figure = Figure(figsize=(5.2 * len(panels), 0.75 * world.rows + 0.9), layout="constrained")
    many = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, values) in zip(many, panels.items(), strict=True):
        axes.set_title(title, fontsize=11)
        axes.set(xlim=(0, world.columns), ylim=(world.rows, 0), aspect="equal", xticks=[], yticks=[])
        for square, kind in enumerate(world.squares.ravel()):
            row, column = divmod(square, world.columns)
            _draw_square(axes, column, row, kind, values[square])
    return figure


def _draw_square(axes: Axes, x: int, y: int, kind: str, values: np.ndarray) -> None:
    best = float(values.max())
    shade = {"#": 0.25, "+": 1.0, "-": 1.0}.get(kind, 1 - 0.45 * min(max(best, 0), 1))
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=str(shade), edgecolor="black", linewidth=0.8))
    if kind in "+-":
        name, reward = ("goal", "+1") if kind == "+" else ("pit", "\N{MINUS SIGN}1")
        axes.text(x + 0.5, y + 0.5, f"{name}\n{reward}", ha="center", va="center", fontsize=10, fontweight="bold")
    elif kind == ".":
        axes.text(x + 0.5, y + 0.5, f"{best:.2f}", ha="center", va="center", fontsize=9)
        for (down, right), value in zip(MOVES, values, strict=True):
            if value > best - 0.01:
                start = x + 0.5 + 0.24 * right, y + 0.5 + 0.24 * down
                tip = x + 0.5 + 0.46 * right, y + 0.5 + 0.46 * down
                axes.annotate("", tip, start, arrowprops={"arrowstyle": "->", "linewidth": 1.3})


def save_animation(path: Path, episodes: Mapping[str, Sequence[np.ndarray]]) -> Path:
    """Write a GIF of episodes side by side, each under its title, in real time; return the path.

    An episode is what was seen of the cart before the first move and after each.
    One that is over stays as it ended, until the longest is.
    """
    figure = Figure(figsize=(4.2 * len(episodes), 2.6), layout="constrained")
    many = figure.subplots(1, len(episodes), squeeze=False)[0]
    writer = PillowWriter(fps=round(1 / (SECONDS_A_MOVE * EVERY)))
    longest = max(map(len, episodes.values()))
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")  # the name's end tells the format
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with writer.saving(figure, str(temporary), DPI):
            for move in [*range(0, longest - 1, EVERY), longest - 1]:
                for axes, (title, states) in zip(many, episodes.items(), strict=True):
                    _draw_cart(axes, title, states, move)
                writer.grab_frame()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _draw_cart(axes: Axes, title: str, states: Sequence[np.ndarray], move: int) -> None:
    now = min(move, len(states) - 1)
    x, _, angle, _ = (float(number) for number in states[now] * SCALE)
    axes.clear()
    axes.set(xlim=(-EDGE - 0.2, EDGE + 0.2), ylim=(-0.5, 1.9), aspect="equal", yticks=[], xlabel="position (m)")
    axes.set_title(title, fontsize=11)
    axes.axhline(0, color="0.6", linewidth=1)
    axes.add_patch(Rectangle((x - 0.25, -0.15), 0.5, 0.3, color="black"))
    axes.plot([x, x + np.sin(angle)], [0.15, 0.15 + np.cos(angle)], color="tab:orange", linewidth=5)
    over = " (over)" if move > now else ""
    axes.text(-EDGE, 1.6, f"move {now}{over}", fontsize=10)
