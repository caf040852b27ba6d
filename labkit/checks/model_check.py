"""Looks at a script's Model for its student: in a process that submit.py starts and may have to end, and in tests.

    python -m labkit.checks.model_check model_no1 found.json

What it finds goes to the file as JSON: {"import": the problem or null, "shapes": [a line for each problem]}. It is the
same reading as in grading (`judging`), in words that speak of the lecture's variables where the model has them.
"""

import contextlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from labkit.checks.graph.architecture import Verdict
from labkit.checks.importing import import_script
from labkit.mistakes import ModelError, explain
from labkit.model_problems import output_problem, variables_problem
from labkit.networks import LAYERS, expected_variables, removal_problems, variable_problems
from labkit.sources import encoding_problem, source_problem


def script_problems(script: str) -> dict[str, Any]:
    """Return what is wrong with a script in the working folder, as a dict for JSON."""
    model, problem = make_model(Path(f"{script}.py"))
    return {"import": problem, "shapes": [] if problem else shape_problems(script, model)}


def make_model(path: Path) -> tuple[Any, str | None]:
    """Make a Model of the script `path`, whose folder is on the path of modules; return (model, problem).

    One of the two is None. Any end of the script counts as a problem, sys.exit included.
    """
    if problem := encoding_problem(path.read_bytes()):
        return None, problem
    try:
        return import_script(path).Model(), None
    except BaseException as error:
        return None, source_problem(path.read_bytes()) or explain(error, path)


def shape_problems(script: str, model: Any) -> list[str]:
    """List all that is wrong with a model, a line each, what to correct first at the beginning; [] for a right one.

    It is right where grading would find nothing, however it is written, but for what is reported here because it spoils
    a student's own training and tables: a softmax at the end, and variables that nothing uses.
    """
    return problems_of(script, model, *examine(script, model))


def problems_of(script: str, model: Any, verdict: Verdict, error: Exception | None) -> list[str]:
    """List the same for a model that has been examined."""
    if verdict.unread and error is None:
        return [f"grading can't read this network, and would leave it to your instructor: {verdict.unread}"]
    if not verdict.problems and error is None:
        return own_problems(script, model, verdict)
    shapes = variable_shapes(model)
    named = shapes.keys() & expected_variables(script).keys()
    variables = [f"variable {problem}" for problem in variable_problems(script, shapes)] if named else []
    if error is None:
        swapped = verdict.problems[0].startswith("this is the network of")
        removal = [] if swapped else removal_problems(script, verdict.layers)
        return [*removal, *verdict.problems, *variables]
    layers = verdict.layers
    after = f"after layer {len(layers)} ({layers[-1]})" if layers else "before its first layer"
    return [explain(error, script), f"that is {after}", *variables, *verdict.problems]


def own_problems(script: str, model: Any, verdict: Verdict) -> list[str]:
    """List what grading tolerates, and a student's own training and tables do not."""
    problems = [remark for remark in verdict.remarks if "softmax" in remark]
    weights = sum(math.prod(layer.weights) + layer.weights[-1] for layer in LAYERS[script] if layer.weights)
    count = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    unused = variable_shapes(model).keys() - expected_variables(script).keys() if count > weights else ()
    if count > weights:
        listed = f" ({', '.join(sorted(unused))}?)" if unused else ""
        problems.append(
            f"{count:,} weights and biases are made, and only {weights:,} of them are used: leave out of __init__ what "
            f"the removed layer had{listed}, or your tables count it"
        )
    return problems


def variable_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the variables that are attributes of a model."""
    attributes = vars(model).items()
    return {name: tuple(value.shape) for name, value in attributes if getattr(value, "trainable", False) is True
            and hasattr(value, "shape")}  # fmt: skip


def examine(script: str, model: Any) -> tuple[Verdict, Exception | None]:
    """Return the verdict on a model, and the error where a call of it fails: then the verdict ends before that."""
    import tensorflow as tf

    from labkit.checks.graph.freezing import BATCH, CallableModel, freeze, freeze_broken
    from labkit.checks.graph.judging import look

    tf.random.get_global_generator()  # as lab.read_data has made it, before a model is called
    network = error = None
    try:
        network = CallableModel(model)
        problem = output_problem(network) or variables_problem(model)  # the call makes the variables of Keras layers
        if problem:
            raise ModelError(problem)
        graph = freeze(network)
    except Exception as problem:  # the model's own, most often: a shape that does not fit
        error, graph = problem, None
        with contextlib.suppress(Exception):  # nothing of it can be looked at, then
            graph = freeze_broken(network) if network else None
    if graph is None:
        return Verdict((), (), 0.0, ()), error
    images = np.random.default_rng().uniform(size=(BATCH, 784))
    return look(script, graph.SerializeToString(), images, whole=error is None).verdict, error


def main() -> None:
    """Check the script that the command line names first, and write the result to the file that it names second."""
    script, destination = sys.argv[1], Path(sys.argv[2])
    destination.write_text(json.dumps(script_problems(script)), encoding="utf-8")


if __name__ == "__main__":
    main()
