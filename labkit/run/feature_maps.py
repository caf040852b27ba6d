"""What the layers of a model make of an image, by the graph of the model: the script itself does not keep it."""

from typing import Any

import numpy as np


def feature_maps(model: Any, image: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the output of each layer of the model for one image.

    image: (784,), float32. Returns a dict from the layer's name ("conv1 ReLU") to its output for the image: arrays
    (height, width, channels) or (units,), float32, in the order of the network.
    """
    import tensorflow as tf

    kinds, names = {"Relu": "ReLU", "MaxPool": "max pooling"}, []

    @tf.function
    def layers(x: Any) -> list[Any]:
        model(x)
        operations = [op for op in tf.compat.v1.get_default_graph().get_operations() if op.type in kinds]
        names.extend([f"{op.name.rpartition('/')[0]} {kinds[op.type]}".strip() for op in operations])
        return [op.outputs[0] for op in operations]

    outputs = layers(tf.constant(image[None]))
    return {name: output.numpy()[0] for name, output in zip(names, outputs, strict=True)}
