"""The layers of the deep network, and how much arithmetic each of them is."""

import math
from typing import NamedTuple

FORWARD, TO_WEIGHTS, TO_INPUTS = "forward", "gradient to weights", "gradient to inputs"


class Layer(NamedTuple):
    """The shapes of a layer: of its weights, and for one image of what comes in and goes out."""

    name: str
    inputs: tuple[int, ...]
    weights: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def operations(self) -> int:
        """Operations of one pass over one image: each weight is multiplied and added once a place of the output."""
        return 2 * math.prod(self.weights) * math.prod(self.outputs[:-1])

    @property
    def passes(self) -> tuple[str, ...]:
        """Passes of a training step; the gradient to the image is not needed."""
        return (FORWARD, TO_WEIGHTS) if self.name == "conv1" else (FORWARD, TO_WEIGHTS, TO_INPUTS)


LAYERS = (
    Layer("conv1", (28, 28, 1), (5, 5, 1, 32), (28, 28, 32)),
    Layer("conv2", (14, 14, 32), (5, 5, 32, 64), (14, 14, 64)),
    Layer("fc1", (3136,), (3136, 1024), (1024,)),
    Layer("fc2", (1024,), (1024, 10), (10,)),
)
OPERATIONS_PER_IMAGE = sum(layer.operations * len(layer.passes) for layer in LAYERS)  # of training
