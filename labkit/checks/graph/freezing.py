"""Turns a model into a frozen graph: plain operations on constants, without variables, functions or Python.

It runs in the sandbox, beside student code, so what it writes is mere data; `graphs` reads it with all the doubts due.
A graph has one input, `images`, (BATCH, 784) float32, and two outputs: TESTING, what `model(x)` returns, which is how
the lecture's main and `lab` test; and TRAINING, the same call with its switch (see `switches`). The
constants that stand for variables say so in attributes of theirs: their names, which of them training changes, and
which change at each call, as the state of random numbers does.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DT_RESOURCE
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

# What TensorFlow's own freezing is made of (tensorflow.python.framework.convert_to_constants). That can't be used: it
# freezes the state of random generators, too, which leaves a graph that can't be loaded.
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

from labkit.mistakes import ModelError
from labkit.model_problems import call_problem

# Images; a fixed number, because a model may well take it from the shape of x. It is a prime that divides no size in
# these networks, so the axis of a tensor that holds the images can be told from all others.
BATCH = 37
KEEP_PROB = 0.5
TESTING, TRAINING = "output_testing", "output_training"
# Attributes of a constant: the variable's name, whether it learns, and whether a call changes it.
VARIABLE, TRAINABLE, STATE = "_variable", "_trainable", "_state"
COMPILED = ("_XlaMustCompile", "_noinline")  # attributes of functions that stay apart, because XLA compiles them
TESTED = frozenset(("test", "testing", "eval", "evaluation", "infer", "inference"))  # words in the names of parameters
PASS_ON = ("Identity", "Switch", "Merge")  # operations that hand a variable on


def switches(model: Any) -> dict[str, Any]:
    """Return the arguments, by name, with which a model is called in training; in testing it gets the images only.

    Parameters are recognised by their names: keep_prob and the like are 0.5, so is a rate of dropout, whatever has
    "train" in it is True, a mode or phase is "train", a flag of testing is inverted, and any keywords take a
    keep_prob. Keras passes `training` on to its layers even where `call` does not name it. A parameter of another name
    is no switch.
    """
    # By the module's name: who asks TensorFlow for Keras's classes waits 2 s for them.
    keras_call = (getattr(type(model).__call__, "__module__", None) or "").startswith("keras.")
    parameters = inspect.signature(model.call if keras_call else model).parameters.values()
    arguments = {parameter.name: value for parameter in parameters if (value := _in_training(parameter)) is not None}
    if keras_call:
        arguments.setdefault("training", True)
    elif not arguments and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        arguments["keep_prob"] = KEEP_PROB
    return arguments


def _in_training(parameter: inspect.Parameter) -> Any:
    name = parameter.name.lower()
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return None
    if isinstance(parameter.default, bool) and ("drop" in name or TESTED & set(name.split("_"))):
        return not parameter.default
    if "train" in name:
        return True
    if name in ("mode", "phase"):
        return "train"
    if name == "p" or any(word in name for word in ("keep", "prob", "rate", "drop")):
        return KEEP_PROB
    return None


class CallableModel(tf.Module):
    """A student's model behind the lecture's call, however its own spells that."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        if problem := call_problem(model):
            raise ModelError(problem)
        self.model = model
        self._by_name = switches(model)
        nameless = [p.name for p in inspect.signature(model).parameters.values() if p.kind is p.POSITIONAL_ONLY]
        self._by_place = [self._by_name.pop(name) for name in nameless if name in self._by_name]

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Return the logits, (N, 10), of the images x, (N, 784)."""
        return self.model(x, *self._by_place, **self._by_name) if training else self.model(x)

    @property
    def trainable_variables(self) -> list[Any]:
        """The student's, in their order, without Keras's wrappers: only its own optimizers update those."""
        variables = getattr(self.model, "trainable_variables", None)
        if variables is None:
            raise TypeError("Model has no trainable_variables: write `class Model(tf.Module):`, which finds them")
        return [variable if isinstance(variable, tf.Variable) else variable.value for variable in variables]


def freeze(network: CallableModel) -> tf.compat.v1.GraphDef:
    """Return the GraphDef of a network, with the present values of its variables."""

    def call(x: Any) -> tuple[Any, Any]:
        return network(x), network(x, training=True)

    graph = _traced(call)
    learning, state = _changing(network, graph.variables)
    return _frozen(graph, _inlined(graph), graph.outputs, graph.variables, learning, state)


def _traced(call: Callable[[Any], Any]) -> Any:
    """Trace a call. Few need AutoGraph (an `if` on a tensor does), which takes longer than everything else here."""
    images = tf.TensorSpec([BATCH, 784], name="images")
    with contextlib.suppress(Exception):
        return tf.function(call, autograph=False).get_concrete_function(images).graph
    return tf.function(call).get_concrete_function(images).graph


def freeze_broken(network: CallableModel) -> tf.compat.v1.GraphDef | None:
    """Return the GraphDef of a network whose call fails, up to the failure; None if it does not get anywhere."""
    graphs = []

    def call(x: Any) -> Any:
        graphs.append(tf.compat.v1.get_default_graph())
        return network(x)

    with contextlib.suppress(Exception):  # it has been told already
        tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec([BATCH, 784], name="images"))
    depends_on_images, last = set(), None
    for operation in graphs[0].get_operations():
        if operation.name == "images" or any(tensor.op in depends_on_images for tensor in operation.inputs):
            depends_on_images.add(operation)
            last = operation.outputs[0] if operation.outputs else last
    if last is None:
        return None
    variables = network.trainable_variables  # the graph itself learns of them at the end, which it did not reach
    with graphs[0].as_default():
        last = tf.identity(last)
    return _frozen(graphs[0], _inlined(graphs[0], [last]), [last, last], variables, variables, [])


def _changing(network: "CallableModel", variables: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the trainable variables that get a gradient, which training changes, and those that a call changes."""
    counters = [variable for variable in variables if variable.dtype.is_integer]
    before = [variable.numpy() for variable in counters]
    trainable = network.trainable_variables
    try:
        with tf.GradientTape() as tape:
            logits = network(tf.random.uniform([BATCH, 784], seed=1), training=True)
            loss = tf.reduce_sum(tf.square(tf.cast(logits, tf.float32)))
        gradients = tape.gradient(loss, trainable)
    except Exception:  # not every right model can do that outside of a graph
        return trainable, counters
    learning = [variable for variable, gradient in zip(trainable, gradients, strict=True) if gradient is not None]
    return learning, [
        variable for variable, was in zip(counters, before, strict=True) if (variable.numpy() != was).any()
    ]


def _inlined(graph: Any, outputs: Sequence[Any] | None = None) -> tf.compat.v1.GraphDef:
    """Return the GraphDef of a graph, with the functions that it calls inlined."""
    graph_def = graph.as_graph_def()
    nodes = [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]
    for holder in (*nodes, *graph_def.library.function):
        for name in COMPILED:
            holder.attr.pop(name, None)
    meta_graph = export_meta_graph(graph_def=graph_def, graph=graph)
    fetched = meta_graph_pb2.CollectionDef()
    fetched.node_list.value.extend(tensor.name for tensor in [*graph.inputs, *(outputs or graph.outputs)])
    meta_graph.collection_def["train_op"].CopyFrom(fetched)
    config = config_pb2.ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.min_graph_nodes = -1  # no graph is too small
    rewriting.optimizers.extend(["function", "constfold"])  # the latter for conditions that are known, as in tf.cond
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _frozen(
    graph: Any,
    graph_def: tf.compat.v1.GraphDef,
    outputs: Sequence[Any],
    variables: Iterable[Any],
    learning: Iterable[Any],
    state: Iterable[Any],
) -> tf.compat.v1.GraphDef:
    """Replace the variables that a graph has captured by constants, and give input and outputs their names."""
    variables = {id(variable.handle): variable for variable in variables}
    learning, state = ({id(variable.handle) for variable in some} for some in (learning, state))
    nodes = {node.name: node for node in graph_def.node}
    kinds = {}  # a name to the type of the variable that it stands for
    for outside, placeholder in graph.captures:
        variable = variables.get(id(outside))
        if placeholder.op.name not in nodes or (variable is None and outside.dtype == tf.resource):
            continue
        value, node = (outside if variable is None else variable), nodes[placeholder.op.name]
        kinds[node.name] = value.dtype
        node.Clear()
        node.name, node.op = placeholder.op.name, "Const"
        node.attr["dtype"].type = value.dtype.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
        if variable is not None:
            node.attr[VARIABLE].s = variable.name.partition(":")[0].encode()
            node.attr[TRAINABLE].b = id(outside) in learning
            node.attr[STATE].b = id(outside) in state
    while any(_pass_on(node, kinds) for node in graph_def.node):  # the nodes are in no order
        pass
    for name, tensor in zip((TESTING, TRAINING), outputs, strict=True):
        node = graph_def.node.add(name=name, op="Identity", input=[tensor.name])
        node.attr["T"].type = tensor.dtype.as_datatype_enum
    graph_def.library.Clear()  # its functions have been written out
    return graph_def


def _pass_on(node: Any, kinds: dict[str, tf.DType]) -> bool:
    """Turn an operation on a variable into the same on its value; tell whether there was anything to turn."""
    dtype = kinds.get(node.input[0].removesuffix(":0").removesuffix(":1")) if node.input else None
    if dtype is None or node.name in kinds:
        return False
    if node.op == "ReadVariableOp":
        node.op = "Identity"
        node.attr.clear()
    elif node.op not in PASS_ON or node.attr["T"].type != DT_RESOURCE:
        return False
    else:
        kinds[node.name] = dtype
    node.attr["T"].type = dtype.as_datatype_enum
    return True
