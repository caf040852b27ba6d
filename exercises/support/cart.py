"""Gymnasium's CartPole as q_learning.py learns it, and an episode of it from beginning to end."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

Seen = np.ndarray  # (4,) float32: position, speed, angle, and its speed, as parts of SCALE
SCALE = np.array([2.4, 2.0, 0.21, 2.0], np.float32)  # m, m/s, rad, rad/s: the cart seldom goes beyond


class Cart:
    """CartPole-v1: 500 moves at most, left or right; it is lost where the pole leans by 12 degrees, or at the edge.

    A network learns better from numbers of one size, so the states are scaled to about -1 to 1. And it learns better
    where it need not first find out that its answers are about 100: CartPole's reward is 1 a move, which makes
    (1 - gamma^T) / (1 - gamma) of T moves; here it is -1 for the last one, which makes -gamma^(T - 1). Either is the
    larger the later the pole falls, so what is best stays the same.
    """

    def __init__(self) -> None:
        """Make the environment, without a window."""
        self._environment = gymnasium.make("CartPole-v1")

    def reset(self, seed: int | None = None) -> tuple[Seen, dict[str, Any]]:
        """Start an episode; the seed decides how."""
        return self._environment.reset(seed=seed)[0] / SCALE, {}

    def step(self, action: int) -> tuple[Seen, float, bool, bool, dict[str, Any]]:
        """Push the cart left (0) or right (1); return state, reward, whether it is lost, whether 500 moves are over."""
        state, _, lost, cut_off, _ = self._environment.step(action)
        return state / SCALE, -float(lost), lost, cut_off, {}


def play(cart: Cart, act: Callable[[Seen], int], seed: int) -> list[Seen]:
    """Play one episode without trying anything out; return the states it went through, one more than its moves."""
    states, over = [cart.reset(seed=seed)[0]], False
    while not over:
        state, _, lost, cut_off, _ = cart.step(act(states[-1]))
        states, over = [*states, state], lost or cut_off
    return states
