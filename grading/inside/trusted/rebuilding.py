"""Builds the kit's own network of the layers and first weights that were read, and holds it against the graph.

From then on the student's graph is not used: what was read is what is trained and tested. So the two have to agree, on
real images, on noise, and on numbers far beyond what an image holds; with the first weights, and with random ones. What
differs is not the network that it claims to be, whatever its operations are called.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from labkit.checks.graph.architecture import TOO_MANY, Verdict
from labkit.checks.graph.freezing import BATCH
from labkit.checks.graph.judging import Look, look
from labkit.checks.graph.segments import rows_of
from labkit.networks import DROPPED, LAYERS


@dataclass(frozen=True)
class RebuiltNetwork:
    """A network of the assignment: for each layer with weights these and the biases, in the lecture's layout.

    `scaling` is what is done to the images first: a factor and an offset.
    """

    script: str
    weights: tuple[tuple[np.ndarray, np.ndarray], ...]
    scaling: tuple[float, float] = (1.0, 0.0)


def logits(
    script: str,
    weights: Sequence[tuple[Any, ...]],
    scaling: tuple[float, float],
    images: Any,
    keep_prob: float = 1.0,
) -> tf.Tensor:
    """Compute the logits (N, 10) of images (N, 784), as the lecture's network of that name does.

    `weights` are pairs of weights and biases, arrays or variables.
    """
    x = tf.reshape(images * scaling[0] + scaling[1], [-1, 28, 28, 1])
    left = iter(weights)
    for layer in LAYERS[script]:
        if layer.kind == "convolution":
            filters, biases = next(left)
            x = tf.nn.bias_add(tf.nn.conv2d(x, filters, strides=1, padding="SAME"), biases)
        elif layer.kind == "matrix product":
            matrix, biases = next(left)
            x = tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, matrix.shape[0]]), matrix), biases)
        elif layer.kind == "max pooling":
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        else:
            x = tf.nn.relu(x)
            if layer == DROPPED and keep_prob < 1:
                x = tf.nn.dropout(x, 1 - keep_prob)
    return x


def examine(script: str, data: bytes, digits: np.ndarray, whole: bool = True) -> tuple[Verdict, RebuiltNetwork | None]:
    """Return the verdict on a graph, and the rebuilt network where it is right.

    `digits` are images (n * BATCH, 784), float, in [0, 1]; the other arguments are those of `judging.look`.
    """
    evidence = look(script, data, digits[:BATCH], whole)
    if evidence.verdict.problems or evidence.verdict.unread or evidence.reading is None:
        return evidence.verdict, None
    assert evidence.testing is not None  # nor are the others, then
    assert evidence.values is not None
    assert evidence.first is not None
    evidence.testing.load(evidence.values)
    values = {number: piece.values() for number, piece in enumerate(evidence.reading.pieces) if piece.values}
    differs = _differs(evidence, _network(script, evidence, values), digits[:BATCH])
    originals = {weight.tensor.op.name: weight.value for weight in evidence.testing.admitted.weights}
    evidence.testing.load(originals)
    network = _network(script, evidence, evidence.first)
    differs = differs or _differs(evidence, network, digits)
    if differs:
        problem = f"the model's layers look right, but it computes something else: {differs}"
        return replace(evidence.verdict, problems=(problem,), fraction=TOO_MANY), None
    return evidence.verdict, network


def _network(script: str, evidence: Look, values: Mapping[int, np.ndarray]) -> RebuiltNetwork:
    """Return the Network that has these weights, given by number of piece."""
    assert evidence.reading is not None
    weights, scaling = [], (1.0, 0.0)
    for number, piece in enumerate(evidence.reading.pieces):
        value = values.get(number)
        if piece.layer.kind == "scaling":
            factor, shift = map(float, values[number])
            scaling = factor * scaling[0], factor * scaling[1] + shift
        elif piece.layer.kind == "bias":
            weights[-1][1] = weights[-1][1] + np.asarray(value, np.float32)
        elif value is not None:
            weights.append([np.asarray(value, np.float32), np.zeros(value.shape[-1], np.float32)])
    return RebuiltNetwork(script, tuple((matrix, biases) for matrix, biases in weights), scaling)


def _differs(evidence: Look, network: RebuiltNetwork, digits: np.ndarray) -> str | None:
    """Say for which input the graph and the network differ, and by how much; None if they agree."""
    flow, reading = evidence.testing, evidence.reading
    assert flow is not None
    assert reading is not None
    ends = [piece.segment.entry for piece in reading.pieces if piece.layer.kind == "softmax"]
    output = ends[0] if ends else flow.output  # numbers of which no softmax has lost any
    tolerance = 2 * max(segment.tolerance for segment in flow.segments)
    largest = min(segment.largest for segment in flow.segments)
    weights = [tuple(map(tf.constant, pair)) for pair in network.weights]  # once, as they are large
    for draw, (name, probe) in enumerate(_probes(digits, largest)):
        fed = probe.astype(np.float32)
        made = rows_of(output).unpack(flow.run(output, {flow.images: fed}, draw)).astype(np.float64)
        expected = reading.carry * logits(network.script, weights, network.scaling, fed).numpy()
        error = np.abs(made - expected).max(axis=1)
        size = np.abs(expected).max(axis=1) + 1e-6
        if not (error <= tolerance * size).all():
            return f"on {name} its output is off by {np.nanmax(error / size):.2g} of what these layers make"
    return None


def _probes(digits: np.ndarray, largest: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield images and numbers (BATCH, 784) to compare on, with words for them; they can't be known beforehand."""
    rng = np.random.default_rng()
    for start in range(0, len(digits), BATCH):
        yield "digits", digits[start : start + BATCH]
    yield "grey noise", rng.uniform(size=(BATCH, 784))
    yield "black and white noise", rng.uniform(size=(BATCH, 784)) < rng.uniform(0.05, 0.95, (BATCH, 1))
    for magnitude in (1e-2, 1.0, 30.0, 1e3, 1e5):
        if magnitude <= largest:
            yield f"numbers around {magnitude:g}", magnitude * rng.standard_normal((BATCH, 784))


def save(network: RebuiltNetwork, path: Path) -> None:
    """Write a network to a file (.npz), for `load`."""
    arrays: dict[str, Any] = {
        f"{name}_{n}": value for n, pair in enumerate(network.weights) for name, value in zip("wb", pair, strict=True)
    }
    np.savez(path, scaling=np.array(network.scaling), **arrays)


def load(script: str, path: Path) -> RebuiltNetwork:
    """Read the network that `save` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("w_") for name in arrays.files)
        pairs = tuple((arrays[f"w_{n}"], arrays[f"b_{n}"]) for n in range(count))
        factor, offset = map(float, arrays["scaling"])
        return RebuiltNetwork(script, pairs, (factor, offset))
