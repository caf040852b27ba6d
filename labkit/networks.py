"""The layers of the lab's networks, and in what a model's layers and variables differ from them, in words.

Nothing here imports TensorFlow: whoever asks for feedback need not wait for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WEIGHTED = ("convolution", "matrix product")
FULL = "deep_mnist"
TITLES = {FULL: "full", "model_no1": "no. 1", "model_no2": "no. 2", "model_no3": "no. 3"}  # in tables and reports
TRIAL_STEPS = 20  # of a script's main, in a check and in grading
ONE_BIAS = "one bias for all"  # the kind of a bias with one number for all outputs
OWN_WEIGHTS = "a part with weights of its own"  # begins the kind of what has weights and is no layer known here


@dataclass(frozen=True)
class Layer:
    """One operation: its kind, its output's shape without the batch, and its weights' shape, () for none.

    `unusual` lists what differs from the lecture: strides, padding, windows.
    """

    kind: str
    output: tuple[int, ...]
    weights: tuple[int, ...] = ()
    unusual: tuple[str, ...] = ()

    def __str__(self) -> str:
        weights = f" by weights {times(self.weights)}" if self.weights else ""
        return ", ".join([f"{self.kind}{weights}", *self.unusual, f"output {times(self.output)}"])


def times(shape: Iterable[int]) -> str:
    """Format (14, 14, 64) as 14x14x64."""
    return "x".join(map(str, shape))


def _convolutional(size: int, channels: int, filters: int) -> list[Layer]:
    """Return a convolution 5x5 (SAME), ReLU and max pooling 2x2 on size x size pixels."""
    return [
        Layer("convolution", (size, size, filters), (5, 5, channels, filters)),
        Layer("ReLU", (size, size, filters)),
        Layer("max pooling", (size // 2, size // 2, filters)),
    ]


DROPPED = Layer("ReLU", (1024,))  # the layer that dropout follows, in training only


def _product(inputs: int, outputs: int) -> list[Layer]:
    return [Layer("matrix product", (outputs,), (inputs, outputs))]


def _fully_connected(inputs: int) -> list[Layer]:
    return [*_product(inputs, 1024), DROPPED]


LAYERS = {
    "softmax_mnist": _product(784, 10),
    "deep_mnist": [
        *_convolutional(28, 1, 32),
        *_convolutional(14, 32, 64),
        *_fully_connected(7 * 7 * 64),
        *_product(1024, 10),
    ],
    "model_no1": [*_convolutional(28, 1, 64), *_fully_connected(14 * 14 * 64), *_product(1024, 10)],
    "model_no2": [*_convolutional(28, 1, 32), *_fully_connected(14 * 14 * 32), *_product(1024, 10)],
    "model_no3": [*_convolutional(28, 1, 32), *_convolutional(14, 32, 64), *_product(7 * 7 * 64, 10)],
}

_NAMES = {
    "softmax_mnist": ("",),
    "deep_mnist": ("_conv1", "_conv2", "_fc1", "_fc2"),
    "model_no1": ("_conv2", "_fc1", "_fc2"),
    "model_no2": ("_conv1", "_fc1", "_fc2"),
    "model_no3": ("_conv1", "_conv2", "_fc2"),
}

REMOVED = {
    "model_no1": "the first convolution, its ReLU and its pooling",
    "model_no2": "the second convolution, its ReLU and its pooling",
    "model_no3": "the fully connected layer, its ReLU and its dropout",
}

# What a student most likely overlooked when the weights of this name have the wrong shape.
_MISTAKES = {
    (
        "model_no1",
        "W_conv2",
    ): "without the first convolution, the second one sees the image itself: 1 channel, not 32",
    (
        "model_no1",
        "W_fc1",
    ): "the input of the ReLU layer is 14*14*64 here, because only one max pooling is left",
    (
        "model_no2",
        "W_fc1",
    ): "the input of the ReLU layer is 14*14*32 here, because only one max pooling is left, "
    "and the convolution before it has 32 filters",
    ("model_no3", "W_fc2"): "the input of the last layer is 7*7*64 here: the second pooling's output, "
    "because the 1024 units are gone",
}


def expected_variables(script: str) -> dict[str, tuple[int, ...]]:
    """Return the variables of a script's model, names to shapes, in the order of its layers."""
    weights = [layer.weights for layer in LAYERS[script] if layer.weights]
    variables = {}
    for name, shape in zip(_NAMES[script], weights, strict=True):
        variables |= {f"W{name}": shape, f"b{name}": shape[-1:]}
    return variables


def variable_problems(script: str, shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """List the differences between a model's variables (`shapes`, by name) and those expected, a line each."""
    expected = expected_variables(script)
    problems = []
    for name, shape in expected.items():
        if name not in shapes:
            problems.append(f"{name}: missing; expected with shape {list(shape)}{_because(script, name)}")
        elif tuple(shapes[name]) != shape:
            because = _because(script, name, shapes[name])
            problems.append(f"{name}: shape {list(shapes[name])}, expected {list(shape)}{because}")
    for name in sorted(shapes.keys() - expected.keys()):
        problems.append(f"{name}: one too many{_removal(script)}")
    return problems


def removal_problems(script: str, layers: Sequence[Layer]) -> list[str]:
    """Report that the wrong layer was removed, or none at all; [] if the layers may be right.

    Only the layers with weights are counted: deep_mnist has four, each ablation three.
    """
    kinds = [layer.kind for layer in layers if layer.kind in WEIGHTED]
    expected = [layer.kind for layer in LAYERS[script] if layer.kind in WEIGHTED]
    if script not in REMOVED or kinds == expected:
        return []
    counted = f"the network has {_counted(kinds)}, expected {_counted(expected)}{_removal(script)}"
    if len(kinds) > len(expected):
        return [f"a layer that should be gone is still there: {counted}"]
    return [f"{'another layer is gone' if len(kinds) == len(expected) else 'too much is gone'}: {counted}"]


def _counted(kinds: list[str]) -> str:
    """Count the convolutions and matrix products, in words."""
    counts = [(kinds.count(kind), kind) for kind in WEIGHTED]
    return " and ".join(f"{count} {kind}{'s' * (count != 1)}" for count, kind in counts)


def layer_problems(script: str, layers: Sequence[Layer]) -> list[str]:
    """Describe the first difference between a model's layers and those expected; [] if none.

    Only the first: behind a wrong layer every shape is wrong.
    """
    expected = LAYERS[script]
    for number, layer in enumerate(expected):
        if number == len(layers):
            return [f"layer {number + 1} should be {layer}{_hint(script, layer)}"]
        if layers[number] != layer:
            if problem := _bias_problem(number, layers[number]):
                return [problem]
            same = layers[number].kind == layer.kind
            hint = _hint(script, layer, layers[number].weights) if same else _removal(script)
            return [f"layer {number + 1} is {layers[number]}; it should be {layer}{hint}"]
    number = len(expected)
    return [
        _bias_problem(number, layer) or f"layer {number + 1} is {layer}; it is one too many{_removal(script)}"
        for layer in layers[number : number + 1]
    ]


def _bias_problem(number: int, layer: Layer) -> str | None:
    """Say what to do about a bias that is the same for all outputs; None for any other layer."""
    if layer.kind != ONE_BIAS:
        return None
    outputs = layer.output[-1]
    return f"layer {number + 1} is {layer}; each of the {outputs} needs one of its own: bias_variable([{outputs}])"


def _hint(script: str, layer: Layer, weights: Sequence[int] = ()) -> str:
    names = [name for name, shape in expected_variables(script).items() if shape == layer.weights]
    return _because(script, names[0], weights) if names else ""


def _because(script: str, name: str, weights: Sequence[int] = ()) -> str:
    """Return what was overlooked about the inputs of these weights; "" where they have as many as they should."""
    mistake = _MISTAKES.get((script, name))
    has_its_inputs = len(weights) > 1 and mistake and weights[-2] == expected_variables(script)[name][-2]
    return f" ({mistake})" if mistake and not has_its_inputs else ""


def _removal(script: str) -> str:
    return f" ({script} is deep_mnist without {REMOVED[script]})" if script in REMOVED else ""


def unusual_convolution(operation: Any, padded: list[list[int]] | None = None) -> tuple[str, ...]:
    """List how a Conv2D operation differs from the lecture's: one pixel at a time, SAME padding.

    `padded` is the number of rows and columns of zeros that were added before it: [[2, 2], [2, 2]].
    """
    height, width = operation.inputs[1].shape.as_list()[:2]
    strides, dilations = (operation.get_attr(name)[1:3] for name in ("strides", "dilations"))
    differences = [f"strides {times(strides)}"] if strides != [1, 1] else []
    differences += [f"dilations {times(dilations)}"] if dilations != [1, 1] else []
    padding, explicit = operation.get_attr("padding").decode(), operation.get_attr("explicit_paddings")
    if padding == "EXPLICIT":
        padded = [explicit[2:4], explicit[4:6]]
    same = [[(size - 1) // 2, size // 2] for size in (height, width)]
    if padded != same and not (padding == "SAME" and padded is None) and (height, width) != (1, 1):
        differences.append(f"{padding if padded is None else 'another'} padding")
    return tuple(differences)


def unusual_pooling(operation: Any) -> tuple[str, ...]:
    """List how a MaxPool operation differs from the lecture's: of each 2x2 pixels, the largest."""
    windows, strides = (operation.get_attr(attribute)[1:3] for attribute in ("ksize", "strides"))
    return tuple(
        f"{name} {times(sizes)}" for name, sizes in (("window", windows), ("strides", strides)) if sizes != [2, 2]
    )
