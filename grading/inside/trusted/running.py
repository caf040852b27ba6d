"""Judges what a script's own main made of its weights in 20 steps, by samples of them from before and after.

Who steps counts, and not who says so: weights have to have moved, to be finite, and to be those of the network that was
read. That a submission wrote the file itself is no gain: it would have to know all this, for the points of run/ only.
"""

from pathlib import Path

import numpy as np

from labkit.checks.graph import graphs
from labkit.checks.graph.freezing import TRAINABLE

MAX_VARIABLES = 200


def problem(path: Path, graph: bytes) -> str | None:
    """Say what is wrong with the run, in a sentence for the student, or return None."""
    try:
        samples = _samples(path)
        wanted = _shapes(graph)
        finite = all(np.isfinite(after).all() for _, _, after in samples)
    except Exception:  # the file may hold anything, and says nothing of the network
        return "its weights could not be read after the 20 steps"
    left = sorted(samples, key=_has_moved, reverse=True)  # of several of one shape, some may be copies, as averages are
    trained = []
    for shape in wanted:
        match = next((sample for sample in left if sample[0] == shape), None)
        if match is None:
            sizes = "x".join(map(str, shape)) or "1"
            return f"what its main trains is another network than its Model: there are no weights of shape {sizes}"
        left = [sample for sample in left if sample is not match]
        trained.append(match)
    if not finite:
        return "after 20 steps its weights are not all finite numbers: the learning rate may be too large"
    still = len(trained) - sum(map(_has_moved, trained))
    if 2 * still >= len(trained):  # a few may well stand still: of a part that some make without any effect
        return (
            f"after 20 steps {still} of its {len(trained)} weights and biases are what they were before: main has to "
            "train the Model, as that of deep_mnist.py does"
        )
    return None


def _has_moved(sample: tuple[tuple[int, ...], np.ndarray, np.ndarray]) -> bool:
    _, before, after = sample
    return not np.array_equal(before, after)


def _samples(path: Path) -> list[tuple[tuple[int, ...], np.ndarray, np.ndarray]]:
    """Read the samples: (shape, before, after) of each variable."""
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("shape_") for name in arrays.files)
        if not 0 < count <= MAX_VARIABLES:
            raise ValueError("no variables, or too many")
        return [
            (tuple(arrays[f"shape_{n}"].tolist()), arrays[f"before_{n}"], arrays[f"after_{n}"]) for n in range(count)
        ]


def _shapes(graph: bytes) -> list[tuple[int, ...]]:
    """Return the shapes of the variables in a graph that training changes, large ones first."""
    nodes = graphs.parse(graph).values()
    tensors = [node.attr["value"].tensor for node in nodes if node.op == "Const" and node.attr[TRAINABLE].b]
    return sorted((tuple(size.size for size in tensor.tensor_shape.dim) for tensor in tensors), key=np.prod)[::-1]
