"""Tells where networks differ from the reference solutions, by running both with the same weights.

    python -m tests.submissions.equivalence FOLDER

prints a line for each difference between the scripts in FOLDER, somebody else's, and the kit's; 1 if there is any.
"""

import importlib
import inspect
import math
import sys
from pathlib import Path

import numpy as np

from tests.submissions import ROOT, SCRIPTS

IMAGES = 5
TOLERANCE = 1e-3  # of logits of some hundreds, summed up in another order


def load_models(folder):
    """Import the class Model of each script in a folder."""
    sys.path.insert(0, str(folder))
    models = {script: importlib.import_module(script).Model for script in SCRIPTS}
    sys.path.remove(str(folder))
    for script in SCRIPTS:
        del sys.modules[script]
    return models


def differences(script, model, reference):
    """Return what differs between two models of a script, a line each; both get weights drawn anew."""
    images = np.random.default_rng(0).random((IMAGES, 784), np.float32)
    model(images)  # makes the variables of Keras layers
    found = {math.prod(variable.shape): variable for variable in model.trainable_variables}
    expected = {math.prod(variable.shape): variable for variable in reference.trainable_variables}
    if sorted(found) != sorted(expected) or len(found) != len(model.trainable_variables):
        shapes = [tuple(variable.shape) for variable in model.trainable_variables]
        return [f"{script}: variables {shapes}, expected as many numbers in each as {sorted(expected)}"]
    rng = np.random.default_rng(1)
    for size, variable in expected.items():  # no two of a network have the same size
        weights = rng.normal(scale=0.1, size=variable.shape)
        variable.assign(weights.astype(np.float32))
        is_transposed = len(weights.shape) == 2 and tuple(found[size].shape) == weights.shape[::-1]
        found[size].assign((weights.T if is_transposed else weights.reshape(found[size].shape)).astype(np.float32))
    error = np.abs(np.asarray(model(images)) - np.asarray(reference(images))).max()
    lines = [] if error < TOLERANCE else [f"{script}: the logits differ by up to {error:.3g}"]
    if is_random(model, images) != is_random(reference, images):
        lines.append(f"{script}: dropout, or none, where the reference has it otherwise")
    return lines


def is_random(model, images):
    """Tell whether training sees other logits of the same images each time."""
    parameters = inspect.signature(getattr(model, "call", model)).parameters
    arguments = {name: value for name, value in (("keep_prob", 0.5), ("training", True)) if name in parameters}
    arguments = dict(list(arguments.items())[:1])  # "training" belongs to Keras where there is keep_prob, too
    first, second = (np.asarray(model(images, **arguments)) for _ in range(2))
    return not np.array_equal(first, second)


def main():
    """Compare the scripts in the folder of the command line."""
    import tensorflow as tf

    tf.random.set_global_generator(tf.random.Generator.from_seed(0))  # as lab.read_data does
    references, models = load_models(ROOT), load_models(Path(sys.argv[1]).resolve())
    found = [line for script in SCRIPTS for line in differences(script, models[script](), references[script]())]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
