"""Reads the layers of an admitted graph, from the images to the output, however they are written.

The flow of data is cut at every tensor through which all of it passes. Between two cuts there is most often one
operation, which its type explains: a convolution, a ReLU. Where there is something else (a ReLU written with tf.where,
dropout with a mask of one's own), it is run on probes and told by what it does, not by how. Whatever does nothing known
is a layer too many.
"""

import functools
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from grading.freezing import BATCH
from grading.graphs import IMAGES
from grading.layers import Layer, unusual_convolution, unusual_pooling
from grading.operations import ELEMENTWISE, MOVEMENTS, MOVES, RANDOM, SHAPES

PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")
SOFTMAX = MOVES | {"Exp", "Max", "Mul", "RealDiv", "Reciprocal", "Sub", "Sum"}
TOLERANCE = 1e-4  # relative, of float32
MAGNITUDES = np.float32([0.01, 0.1, 1, 10, 100, 1000])  # of probes


@dataclass(frozen=True)
class Cut:
    """What lies between two tensors through which all data passes."""

    operations: tuple  # of tf.Operation
    entry: tf.Tensor
    exit: tf.Tensor

    @property
    def types(self):
        return {operation.type for operation in self.operations}

    @property
    def moves(self):
        """Whether it changes the shape alone."""
        return self.types <= MOVES

    def __str__(self):
        return ", ".join(dict.fromkeys(operation.type for operation in self.operations))


def read(graph: tf.Graph, output: str) -> tuple[list[Layer], list[str]]:
    """The layers of an admitted graph in the order of the data, and what is wrong with its shapes, a line each.

    Kinds besides those of grading.layers are "bias", "dropout", "softmax", "scaling" (by one number, of all values),
    and for anything else the operations that it is made of.
    """
    return _Reader(graph, output).read()


class _Reader:
    def __init__(self, graph, output):
        self._graph = graph
        self._output = graph.get_operation_by_name(output)
        self._data, self._noise = _tainted(graph)
        self._layers, self._problems = [], []
        self._pending = []  # cuts that are not explained yet, since the last that was

    @functools.cached_property
    def _session(self):
        return plain_session(self._graph)

    def read(self):
        if self._output not in self._data:
            return [], ["the model's output does not depend on the images"]
        for cut in self._cuts():
            if not self._problems:
                self._look_at(cut)
        self._give_up()
        return self._layers, self._problems

    def _cuts(self):
        """Cuts the flow of data from the images to the output."""
        path = _path(self._output, self._data)
        place = {operation: number for number, operation in enumerate(path)}
        cuts, start, farthest = [], 0, 0
        for number, operation in enumerate(path):
            users = [place[user] for tensor in operation.outputs for user in tensor.consumers() if user in place]
            users = [user for user in users if path[user].type not in SHAPES]
            one_output = len([tensor for tensor in operation.outputs if tensor.consumers()]) < 2
            if farthest <= number and one_output and number:
                entry = cuts[-1].exit if cuts else path[0].outputs[0]
                cuts.append(Cut(tuple(path[start + 1 : number + 1]), entry, operation.outputs[0]))
                start = number
            farthest = max([farthest, *users])
        return cuts

    def _look_at(self, cut):
        explained = self._explain(cut)
        if explained:
            self._settle(explained)
            self._layers.append(explained)
            return
        self._pending.append(cut)
        explained = None if self._moves_only() else self._try()
        if explained and explained.kind != "scaling":  # which may be the first part of dropout
            self._layers += [explained] if explained.kind else []
            self._pending = []

    def _moves_only(self):
        return all(cut.moves for cut in self._pending)

    def _settle(self, following):
        """Deals with what came before a layer that is known: moves are fine, if the layer does not mind the order."""
        if not self._moves_only() and not (following.kind == "matrix product" and self._stays_in_rows()):
            self._give_up()
        self._pending = []

    def _give_up(self):
        """What can't be explained is a layer of its own."""
        explained = None if self._moves_only() else self._try()
        strange = [Layer(str(cut), _sizes(cut.exit)) for cut in self._pending if not cut.moves]
        self._layers += [explained] if explained else strange
        self._pending = []

    # ------------------------------------------------------------------------------------------- by type

    def _explain(self, cut):
        """The layer that a cut is, if the types of its operations tell."""
        if len(cut.operations) != 1:
            return None
        operation = cut.operations[0]
        sides = [tensor for tensor in operation.inputs if tensor.op not in self._data]
        if any(tensor.op in self._noise for tensor in sides):
            return None
        if operation.type == "Conv2D":
            return self._convolution(operation)
        if operation.type in PRODUCTS:
            return self._product(operation, sides)
        if operation.type == "MaxPool":
            return Layer("max pooling", _sizes(cut.exit), unusual=unusual_pooling(operation))
        if operation.type == "Relu":
            return Layer("ReLU", _sizes(cut.exit))
        if operation.type in ("Softmax", "LogSoftmax"):
            return Layer("softmax", _sizes(cut.exit))
        if operation.type in ("Add", "AddV2", "BiasAdd", "Sub") and sides and _is_bias(sides[0], operation):
            return Layer("bias", _sizes(cut.exit))
        return None

    def _convolution(self, operation):
        data, weights = operation.inputs
        if data.op not in self._data or weights.op in self._data:
            return None
        window, output = tuple(weights.shape[:2]), _sizes(operation.outputs[0])
        if operation.get_attr("padding") == b"VALID" and window == tuple(data.shape[1:3]):
            return self._checked(data, Layer("matrix product", output[-1:], (np.prod(data.shape[1:]), output[-1])))
        padded = self._zeros_around(data)
        return Layer("convolution", output, tuple(weights.shape), unusual_convolution(operation, padded))

    def _zeros_around(self, data):
        """How many rows and columns of zeros were added before a convolution, if nothing else was; else nothing."""
        *before, last = self._pending or [None]
        if last is None or last.types != {"Pad"} or data is not last.exit or not all(cut.moves for cut in before):
            return None
        padding = tf.get_static_value(last.operations[0].inputs[1])
        if padding is None or padding[[0, 3]].any():
            return None
        self._pending = []
        return padding[1:3].tolist()

    def _product(self, operation, sides):
        """A matrix product in any notation has one weight for each pair of an input and an output."""
        output = operation.outputs[0]
        if len(sides) != 1 or len(operation.inputs) != 2 or not _keeps_rows(operation, sides[0]):
            return None
        data = next(tensor for tensor in operation.inputs if tensor is not sides[0])
        inputs, outputs = int(np.prod(data.shape[1:])), int(np.prod(output.shape[1:]))
        if sides[0].shape.num_elements() != inputs * outputs or output.shape[0] != data.shape[0]:
            return None
        return self._checked(data, Layer("matrix product", (outputs,), (inputs, outputs)))

    def _checked(self, data, layer):
        if data.shape[0] != BATCH:
            before = f", which follows {self._layers[-1]}," if self._layers else ""
            self._problems.append(
                f"the reshape{before} makes {data.shape.as_list()} of {BATCH} images, expected {BATCH} rows"
            )
        return layer

    # ------------------------------------------------------------------------------------------- by probes

    def _try(self):
        """The layer that the pending cuts are together, told by what they do; of kind "" if they do nothing."""
        entry, exit_ = self._pending[0].entry, self._pending[-1].exit
        if entry.dtype != tf.float32 or exit_.dtype != tf.float32 or exit_.shape[0] != BATCH:
            return None
        x = _probe(entry.shape)
        y = self._session.run(exit_, {entry: x})
        sizes = _sizes(exit_)
        if self._consists_of(MOVEMENTS) and y.size == x.size:
            return Layer("", sizes) if (x.ravel() == y.ravel()).all() else None
        if self._consists_of(ELEMENTWISE | MOVES | RANDOM) and y.size == x.size:
            return _elementwise(x, y.reshape(x.shape), sizes, is_random=self._has_noise())
        if self._consists_of(MOVEMENTS | {"Max", "Maximum"}) and x.ndim == 4 and y.size * 4 == x.size:
            return _pooling(x, y)
        if self._consists_of(SOFTMAX) and y.shape == x.shape and y.ndim == 2:
            odds = np.exp(x - x.max(axis=1, keepdims=True))
            return Layer("softmax", sizes) if _equal(odds / odds.sum(axis=1, keepdims=True), y) else None
        return None

    def _consists_of(self, types):
        """Whether the pending cuts have no other operations: nothing that could tell a probe from digits."""
        return all(cut.types <= types for cut in self._pending)

    def _has_noise(self):
        operations = [operation for cut in self._pending for operation in cut.operations]
        return any(tensor.op in self._noise for operation in operations for tensor in operation.inputs)

    def _stays_in_rows(self):
        """Whether the pending cuts only move the values of each image about; the layer after them is to match that."""
        entry, exit_ = self._pending[0].entry, self._pending[-1].exit
        if not self._consists_of(MOVEMENTS) or entry.dtype != tf.float32:
            return False
        size = entry.shape.num_elements() // BATCH
        if entry.shape[0] != BATCH or exit_.shape[0] != BATCH or exit_.shape.num_elements() != BATCH * size:
            return False
        x = np.arange(BATCH, dtype=np.float32)[:, None] * np.ones(size, np.float32)
        rows = self._session.run(exit_, {entry: x.reshape(entry.shape)}).reshape(BATCH, -1)
        x = np.ones((BATCH, 1), np.float32) * np.arange(size, dtype=np.float32)
        columns = self._session.run(exit_, {entry: x.reshape(entry.shape)}).reshape(BATCH, -1)
        return bool((rows == np.arange(BATCH)[:, None]).all() and (np.sort(columns) == np.arange(size)).all())


def _probe(shape):
    """Numbers small and large, of both signs: few functions are alike on all of them."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape, np.float32) * rng.choice(MAGNITUDES, shape)


def plain_session(graph: tf.Graph) -> tf.compat.v1.Session:
    """A session that runs a graph as it is: making it faster takes longer, with all the weights in it."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    return tf.compat.v1.Session(graph=graph, config=config)


def _pooling(x, y):
    """Max pooling, if that is what makes y of x (n, height, width, channels); else None."""
    n, height, width, channels = x.shape
    if height % 2 or width % 2:
        return None
    pooled = x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    return Layer("max pooling", pooled.shape[1:]) if (pooled.ravel() == y.ravel()).all() else None


def _elementwise(x, y, sizes, is_random):
    """The layer that makes y of x, both of one shape, value by value; None if it is none of those known."""
    if _equal(x, y):
        return Layer("", sizes)
    if _equal(np.maximum(x, 0), y):
        return Layer("ReLU", sizes)
    kept = y != 0
    if is_random and not kept.all():
        scale = float(y[kept][0] / x[kept][0]) if kept.any() else 0.0
        return Layer("dropout", sizes, unusual=_unusual_dropout(kept, scale)) if _equal(scale * x * kept, y) else None
    middling = np.abs(x) < 3
    slope, offset = np.polyfit(x[middling][:1000], y[middling][:1000], 1)
    return Layer("scaling", sizes) if _equal(slope * x + offset, y) else None


def _unusual_dropout(kept, scale):
    """How dropout differs from the lecture's; `kept` tells for each value whether it was kept."""
    rate, found = float(kept.mean()), []
    if abs(rate - 0.5) > 0.02:  # some 500,000 values: 30 standard deviations
        found.append(f"keeps {rate:.0%} of the units at keep_prob=0.5")
    elif abs(scale - 2) > 0.01:
        found.append(f"multiplies the units that it keeps by {scale:.3g}, not by 1 / keep_prob")
    if (kept == kept[:1]).all():
        found.append("drops the same units for all images")
    return tuple(found)


def _equal(a, b):
    return np.allclose(a, b, rtol=TOLERANCE, atol=1e-5)


def _tainted(graph):
    """The operations that depend on the images' values, and the others that depend on something random."""
    data, noise = set(), set()
    for operation in graph.get_operations():  # in an order in which inputs come first
        inputs = [] if operation.type in SHAPES else [tensor.op for tensor in operation.inputs]
        if operation.name == IMAGES or any(before in data for before in inputs):
            data.add(operation)
        elif operation.type in RANDOM or any(before in noise for before in inputs):
            noise.add(operation)
    return data, noise


def _path(output, data):
    """The operations on the way from the images to the output, in an order in which inputs come first."""
    found, queue = {output}, [output]
    while queue:
        operation = queue.pop()
        for before in (tensor.op for tensor in operation.inputs):
            if before in data and before not in found:
                found.add(before)
                queue.append(before)
    return [operation for operation in output.graph.get_operations() if operation in found]


def _sizes(tensor):
    return tuple(tensor.shape[1:].as_list())


def _keeps_rows(operation, weights):
    """Whether each row of a product's output comes from one row of the data, by its notation."""
    if operation.type != "Einsum":
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        return operation.inputs[1] is weights and not transposed
    terms, _, output = operation.get_attr("equation").decode().partition("->")
    theirs, data = terms.split(",") if operation.inputs[0] is weights else reversed(terms.split(","))
    return data[:1] == output[:1] and data[0] not in theirs


def _is_bias(side, operation):
    """Whether a constant holds one number for each channel or unit."""
    if operation.type == "Sub" and operation.inputs[1] is not side:
        return False
    sizes = side.shape.as_list()
    channels = operation.outputs[0].shape[-1]
    return sizes[-1:] == [channels] and side.shape.num_elements() == channels and channels > 1
