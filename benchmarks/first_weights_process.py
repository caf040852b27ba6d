"""Trainings of `first_weights.py` in one precision, in a process of their own; prints a JSON.

python -m benchmarks.first_weights_process PRECISION DATA_DIR STEPS DRAWS

STEPS is a JSON of numbers of steps, DRAWS one of the number of draws of each kind of first weights.
"""

import dataclasses
import importlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from grading.inside.trusted import training
from grading.inside.trusted.inspector import TEST_IMAGES
from grading.inside.trusted.rebuilding import RebuiltNetwork
from grading.networks.inspection import accuracy, read_digits, read_test_set
from labkit.checks.assignment import load_assignment
from labkit.networks import LAYERS

ABLATIONS = ("model_no1", "model_no2", "model_no3")
FACTORS = {"the kit's": 1.0, "the kit's x 10": 10.0, "the kit's x 30": 30.0, "the kit's x 100": 100.0}
FACTORS |= {"the kit's / 1000": 0.001}
# What makes an initializer of weights, and the biases. Each tensor needs one of its own: Keras's gives a shape the same
# numbers at each call.
INITIALIZERS = {
    "the lecture's": (partial(tf.keras.initializers.TruncatedNormal, stddev=0.1), 0.1),
    "Glorot's, as in Keras": (tf.keras.initializers.GlorotUniform, 0.0),
    "He's, biases 0": (tf.keras.initializers.HeNormal, 0.0),
    "all 0": (tf.keras.initializers.Zeros, 0.0),
    "all 0.1": (partial(tf.keras.initializers.Constant, 0.1), 0.1),
}


def main(precision: str, data_dir: Path, steps: list[int], draws: dict[str, int]) -> None:
    """Train each ablation from as many first weights of each kind, with each number of steps."""
    digits = read_digits(data_dir)
    test, labels = (array[:TEST_IMAGES] for array in read_test_set(data_dir))
    recipe = dataclasses.asdict(load_assignment().training)
    training.set_precision(precision)

    def train(network: str, kind: str) -> dict[str, Any]:
        refused = []
        found = {number: {"accuracies": [], "seconds": []} for number in steps}
        for seed in range(draws[kind]):
            first = draw(network, kind, seed)
            refused += filter(None, [training.first_problem(first, digits["probes"])])
            for number in steps:
                started = time.perf_counter()
                trained = training.train(first, digits["train"], digits["labels"], recipe | {"steps": number})
                found[number]["seconds"].append(time.perf_counter() - started)
                found[number]["accuracies"].append(accuracy(training.predict(trained, test), labels))
        return {"network": network, "refused": refused, "steps": found}

    print(json.dumps({kind: [train(network, kind) for network in ABLATIONS] for kind in draws}))


def draw(network: str, kind: str, seed: int) -> RebuiltNetwork:
    """Return a network with first weights of this kind: one of INITIALIZERS, or the script's own, scaled by FACTORS."""
    tf.keras.utils.set_random_seed(seed)
    if kind in INITIALIZERS:
        initializer, bias = INITIALIZERS[kind]
        shapes = [layer.weights for layer in LAYERS[network] if layer.weights]
        pairs = [(initializer()(shape).numpy(), np.full(shape[-1], bias, np.float32)) for shape in shapes]
        return RebuiltNetwork(network, tuple(pairs))
    model = importlib.import_module(network).Model()
    made = {name: FACTORS[kind] * value.numpy() for name, value in vars(model).items() if name[:2] in ("W_", "b_")}
    layers = [name.removeprefix("W_") for name in made if name.startswith("W_")]
    return RebuiltNetwork(network, tuple((made[f"W_{layer}"], made[f"b_{layer}"]) for layer in layers))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]))
