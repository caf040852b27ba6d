"""Compares a model in training with the same in testing: only dropout may differ, and it must be the lecture's.

Dropout is looked for as what it does: somewhere before the last layer, the values in training are those in testing,
each either 0 or divided by keep_prob; and what follows is the same in both. All that is random in an admitted graph
follows from one number, the draw, so a mask can be drawn again: with other images it must be the same mask. Whether it
is by chance, of the right share in each image and each unit, is a question of statistics: the tests below are such
that of 10,000 right networks one fails at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from labkit.checks.graph.freezing import BATCH, KEEP_PROB
from labkit.checks.graph.segments import Flow, Rows, Segment, rows_of

DRAWS = (0, 1, 2, 3, 10, 20, 100, 1000)  # far apart, too: for what comes again, or changes by and by
# Standard deviations; by chance one share in 30 million is so far off, and here are some 2,000.
SIGMAS = 5.5
SIGMAS_OF_PAIRS = 7.0  # of half a million pairs of units, one is so far off by chance in a million networks
ALIKE = 0.99  # the share of units from which on two masks are the same
SEEN = 1e-3  # of the largest value; a smaller one does not show whether it was dropped


@dataclass(frozen=True)
class Mask:
    """What dropout does: `factor`, that of the values that are kept, and for each draw, image and unit 1 for kept, 0
    for dropped, or -1 where a value was too small to tell.
    """

    factor: float
    kept: np.ndarray


def mask_problems(testing: Flow, training: Flow, entry: tf.Tensor, images: np.ndarray) -> list[str] | None:
    """List what is wrong with dropout before a layer, whose `entry` in testing is given; None if none is found there.

    images: (BATCH, 784), float.
    """
    values = rows_of(entry).unpack(testing.run(entry, {testing.images: images})).astype(np.float64)
    after = _after(testing, entry)
    for place in reversed([segment.exit for segment in training.segments]):
        rows = Rows.of(place)
        if rows is None or rows.size != values.shape[1]:
            continue
        behind = _after(training, place)
        if place is not training.output and not _same(after, behind):
            continue
        mask = _mask(training, place, images, values)
        if mask is not None:
            return _unusual(mask) + _depends_on_values(testing, training, entry, place, images, mask)
    return None


def _after(flow: Flow, tensor: tf.Tensor) -> Segment:
    """Return all that follows a tensor, as a function."""
    operations, seen = (), False
    for segment in flow.segments:
        seen = seen or segment.entry is tensor
        operations += segment.operations if seen else ()
    return Segment(flow, operations, tensor, flow.output)


def _same(after: Segment, behind: Segment) -> bool:
    if not after.operations or not behind.operations or behind.inputs is None:
        return False
    x = np.abs(np.random.default_rng().standard_normal((BATCH, after.size_in)))
    one, other = after(x), behind(x, draw=1)
    size = np.abs(one).max()
    return bool(np.abs(one - other).max() <= 2 * max(after.tolerance, behind.tolerance) * size)


def _mask(
    training: Flow, place: tf.Tensor, images: np.ndarray, values: np.ndarray, draws: Sequence[int] = DRAWS
) -> Mask | None:
    """Return the Mask that turns a place's values in testing into those in training; None if there is none."""
    rows, kept = rows_of(place), []
    factor: Any = None
    seen = np.abs(values) > SEEN * np.abs(values).max()
    fed = training.settled(place, images)
    for draw in draws:
        trained = rows.unpack(training.run(place, fed, draw)).astype(np.float64)
        ratio = np.divide(trained, values, out=np.zeros_like(trained), where=seen)
        stays = np.abs(ratio) > 0.05
        factor = np.median(ratio[stays]) if factor is None and stays.any() else factor
        if factor is None or np.abs(ratio[stays] - factor).max(initial=0) > 0.05 * abs(factor):
            return None
        if np.abs(trained[~seen]).max(initial=0) > 10 * SEEN * np.abs(values).max() * abs(factor):
            return None
        kept.append(np.where(seen, stays, -1))
    return Mask(float(factor), np.array(kept, np.int8))


def _unusual(mask: Mask) -> list[str]:
    """List how dropout differs from the lecture's."""
    kept, seen = mask.kept == 1, mask.kept >= 0
    share = kept.sum() / max(1, seen.sum())
    if share == 1:
        return ["no units are dropped in training (keep_prob=0.5)"]
    if _same_share(mask.kept[0::2], mask.kept[1::2]) > ALIKE:
        return ["dropout drops the same units at every step: draw the mask anew in each call, from no fixed seed"]
    if _same_share(mask.kept[:, 0:-1:2], mask.kept[:, 1::2]) > ALIKE:
        return ["dropout drops the same units for all images"]
    if _is_off(kept, seen, (0, 1, 2)):
        return [f"dropout keeps {share:.0%} of the units at keep_prob=0.5"]
    faults = []
    if abs(mask.factor * KEEP_PROB - 1) > 0.05:
        faults.append(f"dropout multiplies the units that it keeps by {mask.factor:.3g}, not by 1 / keep_prob")
    if any(_some_agree(np.moveaxis(mask.kept, axis, 0)) for axis in (0, 1, 2)):
        faults.append("which units dropout drops at one step, image or place depends on another; draw each by itself")
    elif _is_off(kept, seen, (0, 2)) or _is_off(kept, seen, (1, 2)):
        faults.append("dropout drops all units of an image, or none: draw for each unit by itself")
    elif _is_off(kept, seen, (0, 1)):
        faults.append("dropout drops some units more often than others")
    return faults


def _is_off(kept: np.ndarray, seen: np.ndarray, axes: tuple[int, ...]) -> bool:
    """Tell whether the share of kept units, along some axes, is further from keep_prob than by chance."""
    count = seen.sum(axis=axes)
    error = np.abs(kept.sum(axis=axes) - KEEP_PROB * count)
    return bool((error > SIGMAS * np.sqrt(count * KEEP_PROB * (1 - KEEP_PROB)) + 1).any())


def _same_share(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of the units in which two masks are equal."""
    both = (one >= 0) & (other >= 0)
    return ((one == other) & both).sum() / max(1, both.sum())


def _some_agree(masks: np.ndarray) -> bool:
    """Tell whether any two of these masks are equal in more units, or in fewer, than by chance."""
    kept = masks.reshape(len(masks), -1).astype(np.float32)
    seen = kept >= 0
    signs = np.where(seen, 2 * kept - 1, 0)
    both = seen.astype(np.float32) @ seen.T.astype(np.float32)
    excess = np.abs(signs @ signs.T) - SIGMAS_OF_PAIRS * np.sqrt(both)  # of those alike over those unlike
    np.fill_diagonal(excess, -1)
    return bool((excess > 1).any())


def _depends_on_values(
    testing: Flow, training: Flow, entry: tf.Tensor, place: tf.Tensor, images: np.ndarray, mask: Mask
) -> list[str]:
    """Report a mask that changes with the images, for the same draw."""
    others = np.roll(images, 1, axis=0)
    values = rows_of(entry).unpack(testing.run(entry, {testing.images: others})).astype(np.float64)
    again = _mask(training, place, others, values, DRAWS[:1])
    if again is None or ((mask.kept[:1] != again.kept) & (mask.kept[:1] >= 0) & (again.kept >= 0)).any():
        return ["which units dropout drops depends on their values; it should be by chance alone"]
    return []
