"""Looks at a script's Model for its student: in a process that submit.py starts and may have to end, and in tests.

    python -m grading.model_check model_no1 found.json

What it finds goes to the file as JSON: {"import": the problem or null, "shapes": [a line for each problem]}. It is the
same reading as in grading (`judging`), in words that speak of the lecture's variables where the model has them.
"""

import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from grading.architecture import Verdict
from grading.importing import explain, import_script
from grading.layers import expected_variables, variable_problems


def look_at(script):
    """What is wrong with a script in the working folder, as a dict that JSON can hold."""
    try:
        model = import_script(Path(f"{script}.py")).Model()
    except BaseException as error:  # whatever it raises, sys.exit included
        return {"import": explain(error, script), "shapes": []}
    return {"import": None, "shapes": shape_problems(script, model)}


def shape_problems(script, model):
    """All that is wrong with a model, a line each: nothing where grading would find nothing, however it is written."""
    verdict, error = examine(script, model)
    if verdict.unread and error is None:
        return [f"grading can't read this network, and would leave it to your instructor: {verdict.unread}"]
    if not verdict.problems and error is None:
        return []
    found = variable_shapes(model)
    named = found.keys() & expected_variables(script).keys()
    lines = [f"variable {problem}" for problem in variable_problems(script, found)] if named else []
    lines += verdict.problems
    if error is not None:
        layers = verdict.layers
        after = f"after layer {len(layers)} ({layers[-1]})" if layers else "before its first layer"
        lines.append(f"the model fails {after}: {explain(error, script)}")
    return lines


def variable_shapes(model):
    """Names to shapes of the variables that are attributes of a model."""
    attributes = vars(model).items()
    return {name: tuple(value.shape) for name, value in attributes if getattr(value, "trainable", False) is True
            and hasattr(value, "shape")}  # fmt: skip


def examine(script, model) -> tuple[Verdict, Exception | None]:
    """The verdict on a model, and the error where a call of it fails; then the verdict is on what comes before."""
    import tensorflow as tf

    from grading.freezing import BATCH, Network, freeze, freeze_broken
    from grading.judging import look

    tf.random.get_global_generator()  # as lab.read_data has made it, before a model is called
    network, error = Network(model), None
    try:
        logits = network(tf.zeros([BATCH, 784]))  # makes the variables that Keras makes late
        if tuple(getattr(logits, "shape", ())) != (BATCH, 10):
            raise ValueError(f"it returns {getattr(logits, 'shape', type(logits).__name__)} for {BATCH} images")
        graph = freeze(network)
    except Exception as problem:  # the model's own, most often: a shape that does not fit
        error, graph = problem, None
        with contextlib.suppress(Exception):  # nothing of it can be looked at, then
            graph = freeze_broken(network)
    if graph is None:
        return Verdict((), (), 0.0, ()), error
    images = np.random.default_rng().uniform(size=(BATCH, 784))
    return look(script, graph.SerializeToString(), images, whole=error is None).verdict, error


def main():
    """Looks at the script that the command line names first, and writes to the file that it names second."""
    script, destination = sys.argv[1], Path(sys.argv[2])
    destination.write_text(json.dumps(look_at(script)), encoding="utf-8")


if __name__ == "__main__":
    main()
