"""Tells whether the layers' weights are the model's trainable variables, each number for itself.

What trains is a variable. Where filters are constants, or not trainable, or drawn in each call, where a layer's weights
are a product of smaller ones, or another layer's, the layers look right and learn otherwise than the assignment's. So
the numbers that training changes are counted; and with random values for all of them, what is read of the layers has to
be these very numbers: in another order, or all of them times one number, at most.
"""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from labkit.checks.graph.graphs import Admitted
from labkit.checks.graph.reading import Reading
from labkit.networks import LAYERS

BLOCK = 2**16  # numbers that are compared at once
SCALE = 1e-2  # relative: how far the factor between variables and weights may differ between first and random values


def expected_count(script: str) -> int:
    """Return the number of weights and biases of a script's network."""
    shapes = [layer.weights for layer in LAYERS[script] if layer.weights]
    return sum(int(np.prod(shape)) + shape[-1] for shape in shapes)


def trained(admitted: Admitted) -> dict[str, int]:
    """Return the variables that training changes, by the names of their operations, with the size of each."""
    return {
        weight.tensor.op.name: weight.value.size
        for weight in admitted.weights
        if weight.trainable and weight.tensor.op.name in admitted.learning
    }


def count_problems(script: str, admitted: Admitted, used: frozenset[str]) -> list[str]:
    """Report a wrong number of weights and biases among those that are trained and used."""
    sizes = trained(admitted)
    count, expected = sum(size for name, size in sizes.items() if name in used), expected_count(script)
    if count == expected:
        return []
    fixed = [weight.name for weight in admitted.weights if weight.tensor.op.name in used - sizes.keys()]
    why = ""
    if count < expected and fixed:
        names = ", ".join(fixed[:4])
        why = f" ({names} is not: trainable=False, tf.stop_gradient, or not found by model.trainable_variables)"
    elif count < expected:
        why = "; every weight has to be in a tf.Variable that the model keeps"
    return [f"training changes {count:,} weights and biases, expected {expected:,}{why}"]


def freedom_problems(
    admitted: Admitted, reading: Reading, values: dict[str, np.ndarray], first: dict[int, np.ndarray]
) -> list[str]:
    """Find the layers whose weights are computed from the variables instead of being variables.

    `values` are those of the variables that the reading was made with; `first` the first weights, by number of piece.
    """
    originals = {weight.tensor.op.name: weight.value for weight in admitted.weights}
    problems = []
    for pieces, names in _groups(reading, values.keys()):
        arrays = {number: weights() for number in pieces if (weights := reading.pieces[number].values)}
        variables = {name: values[name] for name in names}
        tolerance = max(reading.pieces[number].segment.tolerance for number in pieces)
        if not _is_same(list(arrays.values()), list(variables.values()), tolerance) and not _pairs_up(
            arrays, variables, first, originals, tolerance
        ):
            layer = reading.pieces[pieces[0]].layer
            problems.append(
                f"the weights of the {layer.kind} (output {'x'.join(map(str, layer.output))}) are computed from the "
                "model's variables; they should be variables themselves"
            )
    return problems


def _groups(reading: Reading, names: AbstractSet[str]) -> list[tuple[list[int], list[str]]]:
    """Group pieces with the variables that they depend on; groups share none: (numbers of pieces, names)."""
    groups = []
    for number, piece in enumerate(reading.pieces):
        if piece.values is None or piece.layer.kind == "scaling":
            continue
        pieces, used = {number}, set(piece.segment.weights & names)
        for group in [group for group in groups if group[1] & used]:
            groups.remove(group)
            pieces, used = pieces | group[0], used | group[1]
        groups.append((pieces, used))
    return [(sorted(pieces), sorted(used)) for pieces, used in groups]


def _is_same(arrays: Collection[np.ndarray], variables: Collection[np.ndarray], tolerance: float) -> bool:
    """Tell whether arrays hold the same numbers as variables, in any order."""
    ones, others = list(map(_row, arrays)), list(map(_row, variables))
    sizes, expected = [row.size for row in ones], [row.size for row in others]
    if sum(sizes) != sum(expected):
        return False
    if sizes == expected and _close(ones, others, tolerance):  # most often; joining and sorting take longer
        return True
    return _close([np.sort(np.concatenate(ones))], [np.sort(np.concatenate(others))], tolerance)


def _pairs_up(
    arrays: dict[int, np.ndarray],
    variables: dict[str, np.ndarray],
    first: dict[int, np.ndarray],
    originals: dict[str, np.ndarray],
    tolerance: float,
) -> bool:
    """Tell whether each array is a variable times a number, which is the same with the first weights."""
    left = dict(variables)
    for number, array in arrays.items():
        name = next((name for name, value in left.items() if value.size == array.size), None)
        if name is None:
            return False
        value = left.pop(name)
        scale = _norm(array) / max(_norm(value), 1e-30)
        if not scale or not any(
            _close([np.sort(_row(sign * array)) / scale], [np.sort(_row(value))], tolerance) for sign in (1, -1)
        ):
            return False
        before = _norm(originals[name])
        if before and abs(_norm(first[number]) / before / scale - 1) > SCALE:
            return False
    return not left


def _row(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float32).ravel()


def _norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(array, np.float32)))


def _close(ones: Sequence[np.ndarray], others: Sequence[np.ndarray], tolerance: float) -> bool:
    """Tell whether the numbers of rows are the same; `tolerance` is that of the operations that they were read through.

    Sorting makes no error larger, so that this can be strict: numbers that stand in for others, or take their signs,
    shift the rest by more.
    """
    # Block by block, which stay in the processor's cache: a matrix of 50 MB would pass through memory ten times.
    blocks = [
        (one[start : start + BLOCK], other[start : start + BLOCK])
        for one, other in zip(ones, others, strict=True)
        for start in range(0, one.size, BLOCK)
    ]
    size = sum(other.size for other in others)
    least = tolerance / 2 * sum(float(np.abs(block).sum()) for _, block in blocks) / max(1, size)
    return all((np.abs(a - b) <= least + tolerance / 2 * np.abs(b)).all() for a, b in blocks)
