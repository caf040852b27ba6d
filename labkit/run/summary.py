"""What a model is made of, read off its graph: a table for `--summary`, and a quick look whether layers are missing."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from labkit.checks import model_check
from labkit.mistakes import with_script
from labkit.networks import DROPPED, LAYERS

# TensorFlow's operations, and what the lecture calls them.
KINDS = {"Conv2D": "convolution", "MatMul": "matrix product", "Relu": "ReLU", "MaxPool": "max pooling"}
KINDS |= {"Softmax": "softmax", "Reshape": "reshape"}
BIASES = ("AddV2", "BiasAdd")
PASS_ON = ("Identity", "ReadVariableOp", "Cast")  # operations that hand a variable on
HEAD = ("layer", "output", "weights and biases", "numbers")


@dataclass
class SummaryRow:
    """One layer: its name in the graph and its kind, its output's shape, the shapes of the variables that it uses."""

    name: str
    output: list[int | None]
    weights: list[list[int]] = field(default_factory=list)

    @property
    def numbers(self) -> int:
        """The number of weights and biases."""
        return sum(math.prod(shape) for shape in self.weights)

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        output = ", ".join("N" if size is None else str(size) for size in self.output)
        return self.name, f"({output})", " + ".join(map(str, self.weights)), f"{self.numbers:,}" if self.weights else ""


def summary(model: Any) -> str:
    """Format a table of a model's layers, as in testing: name, output's shape, weights and biases, their number."""
    rows = [row.cells() for row in _rows(_graph(model))]
    count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    rows = [HEAD, *rows, ("all that is trained", "", "", f"{count:,}")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    layer, output, weights, numbers = widths
    return "\n".join(f"{a:{layer}}  {b:{output}}  {c:{weights}}  {d:>{numbers}}" for a, b, c, d in rows)


def warning(script: str, model: Any) -> str | None:
    """Name the first thing to correct in a script's network, if it is not the one asked for; None if it seems to be.

    The words are those of `submit.py check`, which takes seconds: so only where a count of the layers gives rise to it.
    """
    if script not in LAYERS:
        return None
    kinds = Counter(layer.kind for layer in LAYERS[script])
    count = sum(math.prod(layer.weights) + layer.weights[-1] for layer in LAYERS[script] if layer.weights)
    if _counts(model) == (kinds, count, count, False, DROPPED in LAYERS[script]):
        return None
    problems = model_check.shape_problems(script, model)
    return with_script(script, problems[0]) if problems else None


def _counts(model: Any) -> tuple[Counter[str], int, int, bool, bool] | None:
    """Return the layers by kind, how many values are trained and how many used, and what draws at random.

    The last two are whether testing does, and training.
    """
    try:
        testing, training = _graph(model), _graph(model, 0.5)
    except Exception:  # whatever a model does that is called in another way than the lecture's
        return None
    kinds = Counter(KINDS[op.type] for op in testing.get_operations() if op.type in KINDS and op.type != "Reshape")
    count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    used = sum(math.prod(variable.shape) for variable in testing.trainable_variables)
    return kinds, count, used, _is_random(testing), _is_random(training)


def _is_random(graph: Any) -> bool:
    return any("Random" in op.type for op in graph.get_operations())


def _graph(model: Any, *arguments: float) -> Any:
    import tensorflow as tf

    images = tf.TensorSpec([None, 784], tf.float32)
    return tf.function(lambda x: model(x, *arguments)).get_concrete_function(images).graph


def _rows(graph: Any) -> list[SummaryRow]:
    shapes = {id(variable.handle): variable.shape.as_list() for variable in graph.variables}
    held = {placeholder.op.name: shapes.get(id(outside)) for outside, placeholder in graph.captures}
    rows: list[SummaryRow] = []
    for op in graph.get_operations():
        weights = [shape for tensor in op.inputs if (shape := _held(tensor.op, held)) is not None]
        if op.type in KINDS:
            name = f"{op.name.rpartition('/')[0]} {KINDS[op.type]}".strip()
            rows.append(SummaryRow(name, op.outputs[0].shape.as_list(), weights))
        elif op.type in BIASES and rows:
            rows[-1].weights += weights
    return rows


def _held(op: Any, held: dict[str, list[int] | None]) -> list[int] | None:
    """Return the shape of the variable that an operation passes on; None for any other operation."""
    while op.type in PASS_ON and op.inputs:
        op = op.inputs[0].op
    return held.get(op.name)
