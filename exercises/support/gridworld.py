"""A world of squares, drawn with letters, that a robot crosses: all of it is in three tables, so it can be solved."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left: (rows, columns)


class Gridworld:
    """The world, with the methods of a Gymnasium environment that a learner calls: `reset` and `step`.

    In the drawing, `#` is a wall, `+` the goal (reward 1), `-` a pit (reward -1), and `.` an empty square. A move into
    a wall or out of the world leads nowhere. Goal and pit end the episode.

    `next_square`, (squares, 4), `reward`, (squares, 4), and `ends`, (squares, 4) are the whole world: what each of the
    four moves leads to from each of the squares. `starts` are the numbers of the empty squares, where episodes start.
    """

    def __init__(self, drawing: Sequence[str], moves_at_most: int = 50) -> None:
        """Read the drawing; an episode is cut off after so many moves."""
        self.squares = np.array([list(row) for row in drawing])  # (rows, columns)
        self.rows, self.columns = self.squares.shape
        self.starts = np.flatnonzero(self.squares.ravel() == ".")
        self.moves_at_most = moves_at_most
        size = self.squares.size
        self.next_square = np.zeros((size, len(MOVES)), np.int64)
        for square in range(size):
            row, column = divmod(square, self.columns)
            for move, (down, right) in enumerate(MOVES):
                target = row + down, column + right
                inside = 0 <= target[0] < self.rows and 0 <= target[1] < self.columns
                free = inside and self.squares[target] != "#"
                self.next_square[square, move] = target[0] * self.columns + target[1] if free else square
        entered = self.squares.ravel()[self.next_square]  # (squares, 4)
        self.reward = np.where(entered == "+", 1.0, np.where(entered == "-", -1.0, 0.0))
        self.ends = (entered == "+") | (entered == "-")
        self._random = random.Random(0)
        self._square = self._moves = 0

    def one_hot(self, square: int) -> np.ndarray:
        """Return what the learner sees of the square it is in: (squares,) float32, a one among zeros."""
        seen = np.zeros(self.squares.size, np.float32)
        seen[square] = 1
        return seen

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in an empty square drawn at random."""
        if seed is not None:
            self._random = random.Random(seed)
        self._square, self._moves = int(self._random.choice(list(self.starts))), 0
        return self.one_hot(self._square), {}

    def step(self, move: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Make a move; return what is seen then, the reward, whether it ended there, whether it was cut off."""
        here = self._square
        self._square = int(self.next_square[here, move])
        self._moves += 1
        cut_off = self._moves >= self.moves_at_most
        return self.one_hot(self._square), float(self.reward[here, move]), bool(self.ends[here, move]), cut_off, {}
