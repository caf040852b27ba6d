"""Admits a frozen graph that a stranger made, or refuses it: plain arithmetic on one input and constants, and no more.

Of a graph's bytes only that part is taken which the output depends on, and only operations on a list are: none that
reads or writes files, runs Python, keeps state, loops, or calls functions. What is admitted is built as a tf.Graph of
fixed shapes, which `reading` reads and the inspector runs: what is inspected is what is evaluated.
"""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from grading.freezing import BATCH
from grading.operations import ADMITTED, ALIASES, RANDOM

MAX_BYTES = 128 * 2**20  # model_no1, the largest, has 51 MB of weights
MAX_NODES = 5000  # some 40 are usual, some 200 with Keras
MAX_ELEMENTS = 2**26  # of one tensor: BATCH images with 64 channels have 25 million
IMAGES = "images"

GENERATOR = (
    "RngReadAndSkip"  # of a tf.random.Generator: its state is a variable, in place of which any constant will do
)


class Refused(Exception):
    """The graph can't be admitted; the text says why, for the student."""


def parse(data: bytes) -> dict:
    """The nodes of a GraphDef, by name. Raises Refused for bytes that are no GraphDef, or too large a one."""
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


def build(nodes: dict, output: str) -> tf.Graph:
    """The part of a graph that `output` depends on, admitted and tidied; its output has that name, too.

    Gone are names for the same thing (Identity), conditions that are known, duplicates, and what only has to run before
    something else. Raises Refused.
    """
    sources = _Sources(nodes, output)
    graph_def, known = tf.compat.v1.GraphDef(), {}
    for name in _order(nodes, output, sources.inputs):
        node = _tidy(nodes[name], sources.inputs(name))
        key = _key(node)
        if key in known and name != output:
            sources.replace(name, known[key])
            continue
        known[key] = name
        graph_def.node.add().CopyFrom(node)
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.compat.v1.import_graph_def(graph_def, name="")
    except (ValueError, TypeError) as error:
        raise Refused(f"the model's graph is not well-formed: {_first_line(error)}") from error
    _check_sizes(graph)
    return graph


def _check_sizes(graph):
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            if tensor.shape.num_elements() is None:
                raise Refused(f"{operation.type} in the model makes a tensor whose shape only shows when it runs")
            if tensor.shape.num_elements() > MAX_ELEMENTS:
                raise Refused(
                    f"{operation.type} in the model makes a tensor of {tensor.shape.num_elements():,} numbers"
                )


def _tidy(node, inputs):
    """A copy of an admitted node, without whatever says how and where to run it. Raises Refused for others."""
    tidy = tf.compat.v1.NodeDef(name=node.name, op=node.op, input=inputs)
    if node.op == "Placeholder":
        _check_placeholder(node)
        tidy.attr["dtype"].type = tf.float32.as_datatype_enum
        tidy.attr["shape"].shape.CopyFrom(tf.TensorShape([BATCH, 784]).as_proto())
    elif node.op == GENERATOR:
        tidy.op = "Const"
        del tidy.input[:]
        tidy.attr["dtype"].type = tf.int64.as_datatype_enum
        tidy.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array([2, 3, 5]), tf.int64))
    elif node.op in ADMITTED:
        for key, value in node.attr.items():
            if not key.startswith("_"):
                tidy.attr[key].CopyFrom(value)
    elif node.op == "Switch" or node.op == "Merge":
        raise Refused("the model takes one way or another depending on the images, as none of these networks does")
    else:
        raise Refused(f"the model's graph has the operation {node.op[:80]}, which has no place in these networks")
    return tidy


def _check_placeholder(node):
    if node.name != IMAGES:
        raise Refused("the model depends on something besides the images and its weights")


def _key(node):
    """The same for two nodes that compute the same; large constants are not compared."""
    if node.op in RANDOM or node.ByteSize() > 10_000:
        return node.name
    attributes = [(key, node.attr[key].SerializeToString(deterministic=True)) for key in sorted(node.attr)]
    return (node.op, *node.input, *attributes)


def _order(nodes, output, inputs):
    """The names of all that `output` depends on, what comes first first. `inputs(name)` are tensors or "^name"."""
    order, state, stack = [], {}, [output]
    while stack:
        name = stack[-1]
        if name not in nodes:
            raise Refused("the model's graph is not whole")
        if state.get(name) is None:
            state[name] = "open"
            for tensor in inputs(name):
                before = _name(tensor)
                if state.get(before) == "open":
                    raise Refused("the model has a loop, as none of these networks has")
                if state.get(before) is None:
                    stack.append(before)
        else:
            stack.pop()
            if state[name] == "open":
                state[name] = "done"
                order.append(name)
    return order


def _name(tensor):
    return tensor.removeprefix("^").partition(":")[0]


def _first_line(error):
    return str(error).strip().partition("\n")[0][:300]


class _Sources:
    """Where each tensor really comes from: behind its other names, and through conditions that are known."""

    def __init__(self, nodes, output):
        self._nodes, self._output = nodes, output
        self._source, self._same, self._dead = {}, {}, set()
        for name in _order(nodes, output, lambda name: nodes[name].input):
            self._look_at(name, nodes[name])

    def inputs(self, name):
        """The tensors that a node really takes, "name" or "name:1"; without those that only have to run before it."""
        return [self._resolved(tensor) for tensor in self._nodes[name].input if not tensor.startswith("^")]

    def replace(self, name, other):
        """Lets a node stand for another."""
        self._same[name] = other

    def _resolved(self, tensor):
        tensor = tensor.removesuffix(":0")
        while tensor in self._source:
            tensor = self._source[tensor]
        name, colon, output = tensor.partition(":")
        return self._same.get(name, name) + colon + output

    def _look_at(self, name, node):
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
            self._look_at_switch(name, inputs)
        elif node.op in ALIASES and name != self._output:
            for output, tensor in enumerate(inputs):
                self._source[f"{name}:{output}".removesuffix(":0")] = tensor

    def _look_at_switch(self, name, inputs):
        condition = self._nodes.get(_name(self._resolved(inputs[1])))
        if condition is None or condition.op != "Const":
            return
        if tf.make_ndarray(condition.attr["value"].tensor).any():
            self._dead.add(name)
            self._source[f"{name}:1"] = inputs[0]
        else:
            self._dead.add(f"{name}:1")
            self._source[name] = inputs[0]
