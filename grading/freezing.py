"""Turns a model into a frozen graph: plain operations on constants, without variables, functions or Python.

It runs in the sandbox, beside student code, so what it writes is mere data; `graphs` reads it with all the doubts due.
A graph has one input, `images`, (BATCH, 784) float32, and two outputs: TESTING (keep_prob 1) and TRAINING (0.5).
"""

import contextlib
import inspect

import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DT_RESOURCE
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

# What TensorFlow's own freezing is made of (tensorflow.python.framework.convert_to_constants). That can't be used: it
# freezes the state of random generators, too, which leaves a graph that can't be loaded.
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

BATCH = 500  # images; a fixed number, because a model may well take it from the shape of x
KEEP_PROB = 0.5
TESTING, TRAINING = "output_testing", "output_training"
ANY_WEIGHT = 0.37  # for weights whose values do not matter: does nothing by chance, as 0 or 1 would
PASS_ON = ("Identity", "Switch", "Merge")  # operations that hand a variable on


class Network(tf.Module):
    """A student's model behind the lecture's call: (x, keep_prob=1.0) to logits, however its own call spells that."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        names = list(inspect.signature(getattr(model, "call", model)).parameters)
        self._name = next((name for name in ("keep_prob", "training") if name in names), None)
        self._positional = self._name is None and len(names) > 1

    def __call__(self, x, keep_prob=1.0):
        if self._name == "keep_prob":
            return self.model(x, keep_prob=keep_prob)
        if self._name == "training":  # as Keras has it
            return self.model(x, training=keep_prob < 1.0)
        return self.model(x, keep_prob) if self._positional else self.model(x)

    @property
    def trainable_variables(self):
        """The student's, in their order, without what Keras wraps around them: only its own optimizers update that."""
        found = self.model.trainable_variables
        return [variable if isinstance(variable, tf.Variable) else variable.value for variable in found]


def freeze(network, with_values):
    """The GraphDef of a Network; its weights have their values, or with_values=False, one value for all of them.

    Without values the graph is small.
    """

    def call(x):
        return network(x, 1.0), network(x, KEEP_PROB)

    graph = _traced(call)
    return _frozen(graph, _inlined(graph), graph.outputs, graph.variables, with_values)


def _traced(call):
    """The graph of a call. Few need AutoGraph (an `if` on a tensor does), which takes longer than all else here."""
    images = tf.TensorSpec([BATCH, 784], name="images")
    with contextlib.suppress(Exception):
        return tf.function(call, autograph=False).get_concrete_function(images).graph
    return tf.function(call).get_concrete_function(images).graph


def freeze_broken(network):
    """The GraphDef of a Network whose call fails, as far as it gets."""
    graphs = []

    def call(x):
        graphs.append(tf.compat.v1.get_default_graph())
        return network(x, 1.0)

    with contextlib.suppress(Exception):  # it has been told already
        tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec([BATCH, 784], name="images"))
    depends_on_images, last = set(), None
    for operation in graphs[0].get_operations():
        if operation.name == "images" or any(tensor.op in depends_on_images for tensor in operation.inputs):
            depends_on_images.add(operation)
            last = operation.outputs[0] if operation.outputs else last
    variables = network.trainable_variables  # the graph itself learns of them at the end, which it did not reach
    return _frozen(graphs[0], graphs[0].as_graph_def(), [last, last], variables, with_values=False)


def _inlined(graph):
    """The GraphDef of a graph, with the functions that it calls written out in their places."""
    meta_graph = export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    fetched = meta_graph_pb2.CollectionDef()
    fetched.node_list.value.extend(tensor.name for tensor in [*graph.inputs, *graph.outputs])
    meta_graph.collection_def["train_op"].CopyFrom(fetched)
    config = config_pb2.ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.min_graph_nodes = -1  # no graph is too small
    rewriting.optimizers.extend(["function", "constfold"])  # the latter for conditions that are known, as in tf.cond
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _frozen(graph, graph_def, outputs, variables, with_values):
    """Makes the variables that a graph has captured constants, and gives input and outputs their names."""
    variables = {id(variable.handle): variable for variable in variables}
    nodes = {node.name: node for node in graph_def.node}
    kinds = {}  # a name to the type of the variable that it stands for
    for outside, placeholder in graph.captures:
        variable = variables.get(id(outside))
        if placeholder.op.name not in nodes or (variable is None and outside.dtype == tf.resource):
            continue
        value, node = (outside if variable is None else variable), nodes[placeholder.op.name]
        learned = variable is not None and value.dtype.is_floating
        kinds[node.name] = value.dtype
        node.Clear()
        node.name, node.op = placeholder.op.name, "Const"
        node.attr["dtype"].type = value.dtype.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(_filled(value) if learned and not with_values else _tensor(value))
    while any(_pass_on(node, kinds) for node in graph_def.node):  # the nodes are in no order
        pass
    for name, tensor in zip((TESTING, TRAINING), outputs, strict=True):
        node = graph_def.node.add(name=name, op="Identity", input=[tensor.name])
        node.attr["T"].type = tensor.dtype.as_datatype_enum
    graph_def.library.Clear()  # its functions have been written out
    return graph_def


def _tensor(value):
    return tf.make_tensor_proto(value.numpy())


def _filled(value):
    tensor = tf.make_tensor_proto(ANY_WEIGHT, value.dtype)  # TensorFlow repeats the last value where some are missing
    tensor.tensor_shape.CopyFrom(value.shape.as_proto())
    return tensor


def _pass_on(node, kinds):
    """Turns an operation on a variable into the same on its value; tells whether there was anything to turn."""
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
