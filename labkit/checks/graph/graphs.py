"""Admits an untrusted frozen graph, or refuses it: plain arithmetic on one input and constants, and no more.

Of a graph's bytes only that part is taken which the outputs depend on, and only operations on a list are: none that
reads or writes files, runs Python, keeps state, loops, or calls functions. What is admitted is built as a tf.Graph of
fixed shapes, which `segments` runs and `reading` reads. Two things are made so that a reader has a hand on them: the
weights are variables, which may get other values; and all that is random follows from one number, DRAW, so that
nothing in the graph is by chance.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.python.framework import op_def_registry

from labkit.checks.graph.freezing import BATCH, STATE, TESTING, TRAINABLE, TRAINING, VARIABLE
from labkit.checks.graph.operations import ADMITTED, ALIASES, RANDOM, SEEDED
from labkit.errors import KitError

MAX_BYTES = 128 * 2**20  # model_no1, the largest, has 51 MB of weights
MAX_NODES = 5000  # some 40 are usual, some 200 with Keras
MAX_ELEMENTS = 2**26  # of one tensor: BATCH images with 64 channels have 2 million
IMAGES, DRAW = "images", "draw"
ASSIGN = "assign"  # prefix of the operations that give weights other values
ASSIGNING = ("Assign", "ResourceApply", "ResourceScatter", "ResourceStridedSliceAssign")  # how such operations begin
GENERATOR = "RngReadAndSkip"  # of a tf.random.Generator: its state is a variable


class Refused(KitError):
    """The graph breaks a rule or a limit; the text says which, for the student."""


class Unreadable(KitError):
    """The graph may be right, but has something that is not read here; the text says what."""


@dataclass(frozen=True)
class Weight:
    """A variable of the model: its name, its first value, whether training changes it, and its tensor in the graph."""

    name: str
    value: np.ndarray
    trainable: bool
    tensor: tf.Tensor


@dataclass(frozen=True)
class Admitted:
    """A graph from IMAGES and DRAW to its outputs, TESTING and TRAINING, and its weights.

    `learning` has the names of the weights that training reaches: no tf.stop_gradient is on every way to the output.
    `assigned` has the names of the variables that the outputs depend on and that a call would give other values: they
    are admitted with the values that they have. `switches` has the names of the variables of other types that the first
    output depends on: they, too.
    """

    graph: tf.Graph
    weights: tuple[Weight, ...]
    learning: frozenset[str]
    assigned: tuple[str, ...]
    switches: tuple[str, ...]

    def output(self, name: str) -> tf.Tensor:
        return self.graph.get_tensor_by_name(f"{name}:0")


def parse(data: bytes) -> dict:
    """Return the nodes of a GraphDef, by name; raise Refused for bytes that are no GraphDef, or too large a one."""
    if not data:
        raise Refused("something has overwritten the graph of the network; no script has any business in /output")
    if len(data) > MAX_BYTES:
        raise Refused(f"the model's graph takes {len(data) // 2**20} MiB, and {MAX_BYTES // 2**20} are allowed")
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError as error:
        raise Refused("what should be the model's graph is something else") from error
    if len(graph_def.node) > MAX_NODES:
        raise Refused(f"the model's graph has {len(graph_def.node):,} operations, and {MAX_NODES:,} are allowed")
    nodes = {node.name: node for node in graph_def.node}
    if len(nodes) < len(graph_def.node):
        raise Refused("the model's graph has two operations of the same name")
    return nodes


def build(nodes: dict, outputs: tuple[str, ...] = (TESTING, TRAINING)) -> Admitted:
    """Build the part of a graph that `outputs` depend on, checked and tidied; its outputs have those names, too.

    It is without other names for the same thing (Identity), conditions of a known value, duplicates, and what only has
    to run before something else. Raises Refused and Unreadable.
    """
    graph, builder = tf.Graph(), _Builder()
    try:
        sources = _Sources(nodes, outputs)
        order = _order(nodes, outputs, sources.inputs)
        for name in order:
            same = builder.add(nodes[name], sources.inputs(name), keep=name in outputs)
            if same != name:
                sources.replace(name, same)
        with graph.as_default():
            tf.compat.v1.import_graph_def(builder.graph_def, name="")
    except (ValueError, TypeError, LookupError) as error:  # a graph of TensorFlow's own making is never so
        raise Refused(f"the model's graph is not well-formed: {_first_line(error)}") from error
    _check_sizes(graph)
    weights = tuple(
        Weight(node.attr[VARIABLE].s.decode(), value, node.attr[TRAINABLE].b, graph.get_tensor_by_name(f"{name}:0"))
        for name, (node, value) in builder.weights.items()
    )
    reached = _reached(nodes, outputs[-1])
    learning = frozenset(name for name in builder.weights if name in reached)
    assigned, switches = tuple(_assigned(nodes, order, sources)), tuple(_switches(nodes, outputs[0]))
    return Admitted(graph, weights, learning, assigned, switches)


def _check_sizes(graph: tf.Graph) -> None:
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            if tensor.dtype == tf.resource:
                continue
            if tensor.shape.num_elements() is None:
                raise Unreadable(f"{operation.type} in the model makes a tensor whose shape only shows when it runs")
            if tensor.shape.num_elements() > MAX_ELEMENTS:
                raise Refused(
                    f"{operation.type} in the model makes a tensor of {tensor.shape.num_elements():,} numbers for "
                    f"{BATCH} images, and {MAX_ELEMENTS:,} are allowed"
                )


def _reached(nodes: dict[str, Any], output: str) -> set[str]:
    """Return the names of the nodes that gradients reach, from an output backwards."""
    reached, queue = set(), [output]
    while queue:
        name = queue.pop()
        if name in reached or name not in nodes or nodes[name].op in ("StopGradient", "PreventGradient"):
            continue
        reached.add(name)
        queue += [_name(tensor) for tensor in nodes[name].input if not tensor.startswith("^")]
    return reached


def _assigned(nodes: dict[str, Any], order: list[str], sources: "_Sources") -> Iterator[str]:
    """Yield the floating variables, and states of generators, in `order` that operations would assign to, by name."""
    variables = {name for name in order if VARIABLE in nodes[name].attr}
    counters = {name for name in variables if not tf.as_dtype(nodes[name].attr["dtype"].type).is_floating}
    drawn_from = {sources.of(nodes[name].input[0]) for name in order if nodes[name].op == GENERATOR}
    kept = (variables - counters) | (drawn_from & nodes.keys())
    for node in nodes.values():
        if node.op.startswith(ASSIGNING) and node.input and (name := sources.of(node.input[0])) in kept:
            yield nodes[name].attr[VARIABLE].s.decode()


def _switches(nodes: dict[str, Any], output: str) -> Iterator[str]:
    """Yield the names of the variables, neither floating nor a generator's, that an output depends on."""
    for name in _order(nodes, (output,), lambda name: [tensor for tensor in nodes[name].input if tensor[0] != "^"]):
        attributes = nodes[name].attr
        if VARIABLE in attributes and not (tf.as_dtype(attributes["dtype"].type).is_floating or attributes[STATE].b):
            yield attributes[VARIABLE].s.decode()


class _Builder:
    """Makes the GraphDef that is admitted, a node after the other."""

    def __init__(self) -> None:
        self.graph_def, self.weights, self._known = tf.compat.v1.GraphDef(), {}, {}
        self.graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION  # by older ones, a shape of [] is unknown
        self._draws = 0
        self._node(DRAW, "Placeholder", dtype=tf.int64, shape=tf.TensorShape([]))
        self._node(IMAGES, "Placeholder", dtype=tf.float32, shape=tf.TensorShape([BATCH, 784]))

    def add(self, node: Any, inputs: list[str], keep: bool) -> str:
        """Add an admitted node, tidied; return the name of the node that represents it. Raise Refused, Unreadable."""
        tidy = tf.compat.v1.NodeDef(name=node.name, op=node.op, input=inputs)
        if node.op == "Placeholder":
            if node.name != IMAGES:
                raise Refused("the model depends on something besides the images and its weights")
            return node.name
        if node.op == "Const" and VARIABLE in node.attr and tf.as_dtype(node.attr["dtype"].type).is_floating:
            self._add_weight(node)
            return node.name
        if node.op == "Const" and node.attr[STATE].b:
            self._add_state(node)
            return node.name
        if node.op in SEEDED or node.op == GENERATOR:
            self._add_draw(node, inputs)
            return node.name
        if node.op not in ADMITTED:
            raise _objection(node.op)
        for key, value in node.attr.items():
            if not key.startswith("_"):
                tidy.attr[key].CopyFrom(value)
        key = _key(tidy)
        if key in self._known and not keep:
            return self._known[key]
        self._known[key] = node.name
        self.graph_def.node.add().CopyFrom(tidy)
        return node.name

    def _node(self, name: str, op: str, *inputs: str, **attributes: Any) -> None:
        node = self.graph_def.node.add(name=name, op=op, input=inputs)
        for key, value in attributes.items():
            if isinstance(value, tf.DType):
                node.attr[key].type = value.as_datatype_enum
            elif isinstance(value, tf.TensorShape):
                node.attr[key].shape.CopyFrom(value.as_proto())
            elif isinstance(value, np.ndarray):
                node.attr[key].tensor.CopyFrom(tf.make_tensor_proto(value))
            elif isinstance(value, int):
                node.attr[key].i = value
            else:
                node.attr[key].s = value

    def _add_weight(self, node: Any) -> None:
        value = tf.make_ndarray(node.attr["value"].tensor)
        dtype, shape = tf.as_dtype(value.dtype), tf.TensorShape(value.shape)
        handle, given = f"{ASSIGN}/{node.name}/handle", f"{ASSIGN}/{node.name}/value"
        self._node(handle, "VarHandleOp", dtype=dtype, shape=shape, shared_name=node.name.encode())
        self._node(node.name, "ReadVariableOp", handle, dtype=dtype)
        self._node(given, "Placeholder", dtype=dtype, shape=shape)
        self._node(f"{ASSIGN}/{node.name}", "AssignVariableOp", handle, given, dtype=dtype)
        self.weights[node.name] = (node, value)

    def _add_state(self, node: Any) -> None:
        """Make the counter behind random numbers, which each call changes, depend on DRAW."""
        value = tf.make_ndarray(node.attr["value"].tensor)
        dtype, first, number = tf.as_dtype(value.dtype), f"{node.name}/first", f"{node.name}/number"
        self._node(first, "Const", dtype=dtype, value=value)
        self._node(number, "Cast", DRAW, SrcT=tf.int64, DstT=dtype)
        self._node(node.name, "AddV2", first, number, T=dtype)

    def _add_draw(self, node: Any, inputs: list[str]) -> None:
        """Make a random operation depend on DRAW alone, and not on a state of its own."""
        self._draws += 1
        number, seed = f"{DRAW}/{self._draws}", f"{DRAW}/{self._draws}/seed"
        self._node(number, "Const", dtype=tf.int64, value=np.array(self._draws, np.int64))
        if node.op == GENERATOR:
            self._node(node.name, "Pack", DRAW, number, DRAW, T=tf.int64, N=3)
            return
        self._node(seed, "Pack", DRAW, number, T=tf.int64, N=2)
        op, order, attributes = SEEDED[node.op]
        taken = [seed if place == "seed" else inputs[place] for place in order]
        self._node(node.name, op, *taken, Tseed=tf.int64)
        for source, target in attributes.items():
            self.graph_def.node[-1].attr[target].CopyFrom(node.attr[source])


def _objection(op: str) -> Exception:
    """Return an exception that explains why an operation is not admitted."""
    if op in ("Switch", "Merge"):
        return Unreadable("the model takes one way or another depending on the images")
    if op in ("Enter", "Exit", "NextIteration", "LoopCond", "While", "StatelessWhile"):
        return Unreadable("the model has a loop")
    definition = op_def_registry.get(op)
    if definition is None or definition.is_stateful or op in ("ReadFile", "MatchingFiles"):
        return Refused(
            f"the model's graph has the operation {op[:80]}, which has no place in these networks: it reaches for "
            "something besides the images and the weights"
        )
    return Unreadable(f"the model's graph has the operation {op[:80]}, which is not read here")


def _key(node: Any) -> Hashable:
    """Return a key that is equal for two nodes that compute the same; large constants are not compared."""
    if node.op in RANDOM or node.ByteSize() > 10_000:
        return node.name
    attributes = [(key, node.attr[key].SerializeToString(deterministic=True)) for key in sorted(node.attr)]
    return (node.op, *node.input, *attributes)


def _order(nodes: dict[str, Any], outputs: Sequence[str], inputs: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the names of all that `outputs` depend on, inputs first. `inputs(name)` are tensors or "^name"."""
    order, state, stack = [], {}, list(outputs)
    while stack:
        name = stack[-1]
        if name not in nodes:
            raise Refused("the model's graph is not whole")
        if state.get(name) is None:
            state[name] = "open"
            for tensor in inputs(name):
                before = _name(tensor)
                if state.get(before) == "open":
                    raise Unreadable("the model has a loop")
                if state.get(before) is None:
                    stack.append(before)
        else:
            stack.pop()
            if state[name] == "open":
                state[name] = "done"
                order.append(name)
    return order


def _name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


class _Sources:
    """Where each tensor really comes from: behind its other names, and through conditions that are known."""

    def __init__(self, nodes: dict[str, Any], outputs: tuple[str, ...]) -> None:
        self._nodes, self._outputs = nodes, outputs
        self._source, self._same, self._dead = {}, {}, set()
        for name in _order(nodes, outputs, lambda name: nodes[name].input):
            self._resolve_node(name, nodes[name])

    def inputs(self, name: str) -> list[str]:
        """Return the tensors that a node really takes, "name" or "name:1".

        Without those that only have to run before it, and without the state of a generator, which is not needed here.
        """
        node = self._nodes[name]
        taken = [self._resolved(tensor) for tensor in node.input if not tensor.startswith("^")]
        return taken[1:] if node.op in (GENERATOR, "StatefulRandomBinomial") else taken

    def of(self, tensor: str) -> str:
        """Return the name of the node that a tensor really comes from."""
        return _name(self._resolved(tensor))

    def replace(self, name: str, other: str) -> None:
        """Replace a node by another wherever it is used."""
        self._same[name] = other

    def _resolved(self, tensor: str) -> str:
        tensor = tensor.removesuffix(":0")
        while tensor in self._source:
            tensor = self._source[tensor]
        name, colon, output = tensor.partition(":")
        return self._same.get(name, name) + colon + output

    def _resolve_node(self, name: str, node: Any) -> None:
        inputs = [tensor.removesuffix(":0") for tensor in node.input if not tensor.startswith("^")]
        if node.op == "Merge":
            alive = [tensor for tensor in inputs if tensor not in self._dead]
            if len(alive) == 1:
                self._source[name] = alive[0]
            elif not alive:
                self._dead |= {name, f"{name}:1"}
            return
        if any(_name(tensor) in self._dead if tensor[0] == "^" else tensor in self._dead for tensor in node.input):
            self._dead |= {name, *(f"{name}:{output}" for output in range(1, 10))}
        elif node.op == "Switch" and len(inputs) == 2:
            self._resolve_switch(name, inputs)
        elif node.op in ALIASES and name not in self._outputs:
            for output, tensor in enumerate(inputs):
                self._source[f"{name}:{output}".removesuffix(":0")] = tensor

    def _resolve_switch(self, name: str, inputs: list[str]) -> None:
        condition = self._nodes.get(_name(self._resolved(inputs[1])))
        if condition is None or condition.op != "Const":
            return
        if tf.make_ndarray(condition.attr["value"].tensor).any():
            self._dead.add(name)
            self._source[f"{name}:1"] = inputs[0]
        else:
            self._dead.add(f"{name}:1")
            self._source[name] = inputs[0]
