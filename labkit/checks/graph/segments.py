"""Runs an admitted graph, in whole and in parts: a part between two tensors is a function on rows of numbers.

All that flows from the images to an output passes through some tensors. Between two of these lies a segment, which is a
function: fed with any numbers it shows what it does, whatever its operations are called. A tensor may hold the images
along any axis, or along a part of one (500 patches for each image, say); a row is what it holds of one image.
"""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from labkit.checks.graph.freezing import BATCH
from labkit.checks.graph.graphs import ASSIGN, DRAW, IMAGES, Admitted
from labkit.checks.graph.operations import RANDOM, SHAPES

# Relative to the largest number of a row: what rounding may do to it. The least exact type in a segment counts.
TOLERANCES = {tf.float64: 1e-4, tf.float32: 1e-4, tf.float16: 1e-2, tf.bfloat16: 5e-2}
LARGEST = {tf.float64: 1e6, tf.float32: 1e6, tf.bfloat16: 1e6, tf.float16: 30.0}  # of probes: float16 ends at 65,504


def plain_session(graph: tf.Graph) -> tf.compat.v1.Session:
    """Return a session that runs a graph as it is: optimising it takes longer, with all the weights in it."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    return tf.compat.v1.Session(graph=graph, config=config)


@dataclass(frozen=True)
class Rows:
    """How a tensor holds the images: along `axis`, `times` entries for each."""

    shape: tuple[int, ...]
    axis: int

    @classmethod
    def of(cls, tensor: tf.Tensor) -> "Rows | None":
        """Return the Rows of a tensor; None for one that has no axis for the images."""
        shape: tuple[Any, ...] = tuple(tensor.shape.as_list())  # whole: Admitted graphs have no unknown sizes
        axes = [axis for axis, size in enumerate(shape) if size and size % BATCH == 0]
        exact = [axis for axis in axes if shape[axis] == BATCH]
        return cls(shape, (exact or axes)[0]) if axes else None

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of one image's values, without axes of 1."""
        sizes = (*self.shape[: self.axis], self.shape[self.axis] // BATCH, *self.shape[self.axis + 1 :])
        return tuple(size for size in sizes if size != 1)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape)) // BATCH

    def pack(self, rows: np.ndarray) -> np.ndarray:
        """Arrange rows (BATCH, size) as the tensor does."""
        before, after = self.shape[: self.axis], self.shape[self.axis + 1 :]
        split = rows.reshape(BATCH, *before, self.shape[self.axis] // BATCH, *after)
        return np.moveaxis(split, 0, self.axis).reshape(self.shape)

    def unpack(self, values: np.ndarray) -> np.ndarray:
        """Return the tensor's values as rows (BATCH, size)."""
        before, after = self.shape[: self.axis], self.shape[self.axis + 1 :]
        split = values.reshape(*before, BATCH, self.shape[self.axis] // BATCH, *after)
        return np.moveaxis(split, self.axis, 0).reshape(BATCH, -1)


def rows_of(tensor: tf.Tensor) -> Rows:
    """Return the Rows of a tensor that is known to have an axis for the images."""
    rows = Rows.of(tensor)
    assert rows is not None
    return rows


class Flow:
    """The flow of data through an admitted graph to one of its outputs."""

    def __init__(self, admitted: Admitted, output: str, session: tf.compat.v1.Session | None = None) -> None:
        self.admitted, self.output = admitted, admitted.output(output)
        self.session = session or plain_session(admitted.graph)
        # Any: TensorFlow's stubs know no tensor that can be a key, and those of a graph can.
        self.images: Any = admitted.graph.get_tensor_by_name(f"{IMAGES}:0")
        self.data, self.noise = _tainted(admitted.graph)

    def load(self, values: Mapping[str, np.ndarray]) -> None:
        """Assign other values to weights, by the names of their operations."""
        for name, value in values.items():
            self.session.run(f"{ASSIGN}/{name}", {f"{ASSIGN}/{name}/value:0": value})

    def run(self, fetched: Any, fed: Mapping[Any, np.ndarray], draw: int = 0) -> Any:
        """Return the values of tensors when others are fed. Images are blank by default: some graphs need a shape."""
        graph = self.admitted.graph
        blank = {self.images: np.zeros(self.images.shape, np.float32)}
        number: Any = graph.get_tensor_by_name(f"{DRAW}:0")
        return self.session.run(fetched, {**blank, **fed, number: draw})

    def settled(self, place: tf.Tensor, images: np.ndarray) -> dict[Any, np.ndarray]:
        """Return what to feed to see a place, the exit of a segment, with these images at one draw after the other.

        It is the last tensor before the place, and before all that is random, with its values: these are the same at
        each draw, because whatever depends on the draw comes into the flow of data from the side.
        """
        last: Any = self.images
        for segment in self.segments:
            if segment.is_random or segment.exit is place:
                return {last: self.run(last, {self.images: images})}
            last = segment.exit
        return {self.images: images}  # the place is no exit

    @functools.cached_property
    def depends(self) -> bool:
        """Whether the output depends on the images at all."""
        return self.output.op in self.data

    @functools.cached_property
    def segments(self) -> list["Segment"]:
        """The flow of data, cut at each tensor through which all of it passes."""
        path = _path(self.output.op, self.data)
        position = {operation: number for number, operation in enumerate(path)}
        cuts, entry, start, farthest = [], path[0].outputs[0], 0, 0
        for number, operation in enumerate(path):
            users = [position[user] for tensor in operation.outputs for user in tensor.consumers() if user in position]
            users = [user for user in users if path[user].type not in SHAPES]
            used = [tensor for tensor in operation.outputs if _is_used(tensor, position)] or operation.outputs[:1]
            if farthest <= number and len(used) == 1 and number and used[0].dtype.is_floating and Rows.of(used[0]):
                cuts.append(Segment(self, tuple(path[start + 1 : number + 1]), entry, used[0]))
                entry, start = used[0], number
            farthest = max([farthest, *users])
        if start < len(path) - 1:
            cuts.append(Segment(self, tuple(path[start + 1 :]), entry, self.output))
        return cuts


@dataclass(frozen=True)
class Segment:
    """What lies between two tensors, as a function from rows to rows."""

    flow: Flow
    operations: tuple[tf.Operation, ...]
    entry: tf.Tensor
    exit: tf.Tensor

    def __str__(self) -> str:
        names = dict.fromkeys(operation.type for operation in self.operations)
        return ", ".join(names)

    def to(self, last: "Segment") -> "Segment":
        """Join this and all that follows, up to `last`."""
        segments = self.flow.segments
        between = segments[segments.index(self) : segments.index(last) + 1]
        return Segment(self.flow, sum((segment.operations for segment in between), ()), self.entry, last.exit)

    @functools.cached_property
    def inputs(self) -> Rows | None:
        return Rows.of(self.entry)

    @functools.cached_property
    def outputs(self) -> Rows | None:
        return Rows.of(self.exit)

    @property
    def size_in(self) -> int:
        """The number of values of each image that come in; needs `inputs`."""
        assert self.inputs is not None
        return self.inputs.size

    @property
    def size_out(self) -> int:
        """The number of values of each image that come out; needs `outputs`."""
        assert self.outputs is not None
        return self.outputs.size

    @functools.cached_property
    def tolerance(self) -> float:
        return max((TOLERANCES.get(dtype, 1e-4) for dtype in self._dtypes), default=1e-4)

    @functools.cached_property
    def largest(self) -> float:
        """The largest number that a probe of this segment should have."""
        return min((LARGEST.get(dtype, 1e6) for dtype in self._dtypes), default=1e6)

    @property
    def _dtypes(self) -> set[tf.DType]:
        made = {tensor.dtype for operation in self.operations for tensor in operation.outputs}
        return {dtype for dtype in made | {self.entry.dtype} if dtype.is_floating}

    @functools.cached_property
    def sides(self) -> list[tf.Tensor]:
        """The tensors that come in from the side: they do not depend on the images."""
        inputs = {tensor.ref(): tensor for operation in self.operations for tensor in operation.inputs}
        return [tensor for tensor in inputs.values() if tensor.op not in self.flow.data]

    @functools.cached_property
    def is_random(self) -> bool:
        return any(tensor.op in self.flow.noise for tensor in self.sides)

    @functools.cached_property
    def weights(self) -> frozenset[str]:
        """The names of the weights that this segment depends on."""
        return frozenset().union(*(_weights(tensor.op) for tensor in self.sides)) if self.sides else frozenset()

    def __call__(self, rows: np.ndarray, draw: int = 0) -> np.ndarray:
        """Apply the segment to rows (n, size of the entry), float64, for n up to BATCH."""
        assert self.inputs is not None
        assert self.outputs is not None
        entry: Any = self.entry
        full = np.zeros((BATCH, self.inputs.size))
        full[: len(rows)] = rows
        fed = self.inputs.pack(full).astype(self.entry.dtype.as_numpy_dtype)
        made = self.flow.run(self.exit, {entry: fed}, draw)
        return self.outputs.unpack(made).astype(np.float64)[: len(rows)]


@functools.lru_cache(maxsize=100_000)
def _weights(operation: tf.Operation) -> frozenset[str]:
    """Return the names of the weights that an operation depends on."""
    weights, seen, queue = set(), set(), [operation]
    while queue:
        before = queue.pop()
        if before in seen:
            continue
        seen.add(before)
        if before.type == "ReadVariableOp":
            weights.add(before.name)
        queue += [tensor.op for tensor in before.inputs]
    return frozenset(weights)


def _is_used(tensor: tf.Tensor, place: Collection[tf.Operation]) -> bool:
    return any(user in place and user.type not in SHAPES for user in tensor.consumers())


def _tainted(graph: tf.Graph) -> tuple[set[tf.Operation], set[tf.Operation]]:
    """Return the operations that depend on the images' values, and the others that depend on something random."""
    data, noise = set(), set()
    for operation in graph.get_operations():  # in an order in which inputs come first
        inputs = [] if operation.type in SHAPES else [tensor.op for tensor in operation.inputs]
        if operation.name == IMAGES or any(before in data for before in inputs):
            data.add(operation)
        elif operation.name == DRAW or operation.type in RANDOM or any(before in noise for before in inputs):
            noise.add(operation)
    return data, noise


def _path(output: tf.Operation, data: set[tf.Operation]) -> list[tf.Operation]:
    """Return the operations on the way from the images to the output, inputs first."""
    path, queue = {output}, [output]
    while queue:
        operation = queue.pop()
        if operation.type in SHAPES:
            continue
        for before in (tensor.op for tensor in operation.inputs):
            if before in data and before not in path:
                path.add(before)
                queue.append(before)
    return [operation for operation in output.graph.get_operations() if operation in path]
