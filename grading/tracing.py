"""Traces a lab script's `Model`, and tells what is wrong with its shapes.

It runs the model, so in grading it has no place outside of the sandbox; it serves the students' own checks.
"""

import contextlib

from grading.layers import expected_variables, layer_problems, read_layers, variable_problems

IMAGES = 3  # a batch whose size is not that of any layer, so that a wrong reshape shows


def variable_shapes(model):
    """Names to shapes of the variables that are attributes of a model."""
    return {
        name: tuple(value.shape) for name, value in vars(model).items() if hasattr(value, "shape") and value.trainable
    }


def trace(model, **arguments):
    """Calls the model on symbolic images.

    Returns (graph, error): the tf.Graph with all operations up to the end or to the error, and the error, or None.
    """
    import tensorflow as tf

    graphs = []

    def call(x):
        graphs.append(tf.compat.v1.get_default_graph())
        return model(x, **arguments)

    try:
        tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec([IMAGES, 784]))
    except Exception as error:  # whatever a student's model raises is what the check is about
        with contextlib.suppress(Exception):  # an `if` on a tensor needs AutoGraph, whose errors are harder to read
            tf.function(call).get_concrete_function(tf.TensorSpec([IMAGES, 784]))
            return graphs[-1], None
        return graphs[0], error
    return graphs[0], None


def shape_problems(script, model):
    """All that is wrong with the shapes of a script's model, a line each.

    Variables are compared by name where the model has any of the lecture's names; else its layers tell it all.
    """
    found = variable_shapes(model)
    named = found.keys() & expected_variables(script).keys()
    problems = [f"variable {problem}" for problem in variable_problems(script, found)] if named else []
    graph, error = trace(model)
    layers, batch_problems = read_layers(graph, IMAGES)
    problems += batch_problems + layer_problems(script, layers)
    if error is not None:
        after = f"after layer {len(layers)} ({layers[-1]})" if layers else "before its first layer"
        problems.append(f"the model fails {after}: {str(error).strip().splitlines()[0]}")
    return problems
