"""The shapes of the five networks, layer by layer.

Run it on your own copies:

    pytest tests/test_shapes.py -m no1     (or no2, no3, deep, softmax)
"""

import functools

import pytest

from grading.model_check import examine, shape_problems, variable_shapes
from tests.tracing import load

PARTS = {
    "softmax_mnist": pytest.mark.softmax,
    "deep_mnist": pytest.mark.deep,
    "model_no1": pytest.mark.no1,
    "model_no2": pytest.mark.no2,
    "model_no3": pytest.mark.no3,
}

# Counted by hand: inputs times outputs, and a bias for each output.
PARAMETERS = {
    "softmax_mnist": 784 * 10 + 10,
    "deep_mnist": (25 * 32 + 32) + (25 * 32 * 64 + 64) + (3136 * 1024 + 1024) + (1024 * 10 + 10),
    "model_no1": (25 * 64 + 64) + (12544 * 1024 + 1024) + (1024 * 10 + 10),
    "model_no2": (25 * 32 + 32) + (6272 * 1024 + 1024) + (1024 * 10 + 10),
    "model_no3": (25 * 32 + 32) + (25 * 32 * 64 + 64) + (3136 * 10 + 10),
}

scripts = pytest.mark.parametrize("script", [pytest.param(script, marks=mark) for script, mark in PARTS.items()])


@functools.cache
def looked_at(script):
    """The verdict on a script's Model, as in grading, and the error where a call of it fails."""
    return examine(script, load(script).Model())


@scripts
@pytest.mark.smoke
def test_each_layer_has_the_right_shape(script):
    verdict, error = looked_at(script)
    if error is not None or set(verdict.problems) - set(verdict.dropout) or verdict.unread:
        problems = shape_problems(script, load(script).Model())
        pytest.fail("\n".join([f"{script}.py, one step after another:", *problems]), pytrace=False)


@scripts
def test_number_of_parameters(script):
    found = sum(variable.shape.num_elements() for variable in load(script).Model().trainable_variables)
    if found != PARAMETERS[script]:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in variable_shapes(load(script).Model()).items())
        pytest.fail(
            f"{script}.py has {found:,} weights and biases, expected {PARAMETERS[script]:,}; it has {shapes}",
            pytrace=False,
        )


@scripts
def test_dropout_acts_in_training_only(script):
    verdict, error = looked_at(script)
    if error is not None:
        pytest.fail(f"{script}.py: Model()(x) fails: {error}", pytrace=False)
    if verdict.dropout:
        pytest.fail(f"{script}.py: {'; '.join(verdict.dropout)}", pytrace=False)
