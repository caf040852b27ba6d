"""The schedule of a training: the learning rate of each step, and the steps after which it is logged and validated."""

import argparse
import math
from collections.abc import Sequence

import numpy as np

LOG_EVERY = 10  # steps between two entries of the history; fewer in a very short run
VALIDATIONS = 5  # in a run; each takes as long as some 15 training steps
VALIDATE_EVERY_AT_MOST = 500  # steps: a long run wants more, because it saves its checkpoints then
EARLY = (10, 20, 50, 100, 200)  # steps at which a long run is validated, too: so early, its accuracy changes fast
WARM_UP = 0.2  # the part of a one-cycle run in which the learning rate rises


def learning_rate(step: int | Sequence[int] | np.ndarray, flags: argparse.Namespace) -> np.ndarray | np.float32:
    """Return the learning rate of a step, counted from 1: constant, or one cycle of a linear rise and a linear fall.

    For several steps, such as a range, it is an array. It is NumPy's float32, because tf.function takes that as
    data, and would compile anew for each of Python's numbers.
    The cycle (Smith, "Super-convergence", 2018) starts gently, while the gradients are still wild, goes through
    rates that would be too high to end with, and ends near zero, where the weights settle.
    """
    if flags.schedule == "constant":
        return np.float32(np.full(np.shape(step), flags.learning_rate))
    rise = max(1.0, WARM_UP * flags.steps)
    fall = max(1.0, flags.steps - rise)
    step = np.asarray(step)
    return np.float32(flags.learning_rate * np.minimum(step / rise, (flags.steps + 1 - step) / (fall + 1)))


def intervals(steps: int, validates: bool) -> tuple[int, int]:
    """Return the steps between two entries of the history, and between two validations, a multiple of the first.

    A run that does not validate on the way is validated at its end.
    """
    validate = min(VALIDATE_EVERY_AT_MOST, max(1, steps // (VALIDATIONS if validates else 1)))
    log = min(LOG_EVERY, validate)
    return log, math.ceil(validate / log) * log


def is_validated(step: int, steps: int, validate_every: int) -> bool:
    """Tell whether a run of so many steps is validated after this one."""
    early = validate_every == VALIDATE_EVERY_AT_MOST and step in EARLY
    return early or step % validate_every == 0 or step == steps
