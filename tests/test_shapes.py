"""The shapes of the five networks, layer by layer.

Run it on your own copies:

    pytest tests/test_shapes.py -m no1     (or no2, no3, deep, softmax)
"""

import functools

import pytest

from labkit.checks.file_checks import script_problem
from labkit.checks.model_check import examine, make_model, problems_of
from labkit.mistakes import with_script
from labkit.networks import REMOVED
from labkit.recipe import recipe_problem
from tests.support.tracing import ROOT

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
    """Return (model, verdict, problems) of a script.

    They are its Model, grading's verdict on it, and what is to be corrected, a line each.
    """
    path = ROOT / f"{script}.py"
    if not path.is_file():
        pytest.skip(f"{script}.py is not there yet: copy deep_mnist.py and remove {REMOVED[script]}")
    model, problem = (None, script_problem(path)) if script_problem(path) else make_model(path)
    if problem:
        return None, None, [problem]
    verdict, error = examine(script, model)
    return model, verdict, problems_of(script, model, verdict, error)


def not_before_the_layers_are_right(script):
    """Skip a test where the first one has reported everything already."""
    model, verdict, problems = looked_at(script)
    if set(problems) - set(verdict.dropout if verdict else ()):
        pytest.skip("first mend what test_each_layer_has_the_right_shape tells")
    return model, verdict


@scripts
@pytest.mark.smoke
def test_each_layer_has_the_right_shape(script):
    _, verdict, problems = looked_at(script)
    problems = [problem for problem in problems if not verdict or problem not in verdict.dropout]
    if problems:
        pytest.fail("\n".join([with_script(script, problems[0]), *problems[1:]]), pytrace=False)


@scripts
def test_it_is_trained_as_deep_mnist_is(script):
    scripts = [ROOT / f"{name}.py" for name in (script, "deep_mnist")]
    if script == "softmax_mnist" or not all(path.is_file() for path in scripts):
        pytest.skip("there is nothing to compare: the regression has a recipe of its own")
    problem = recipe_problem(*(path.read_bytes() for path in scripts))
    if problem:
        pytest.fail(with_script(script, problem), pytrace=False)


@scripts
def test_number_of_parameters(script):
    model, _ = not_before_the_layers_are_right(script)
    assert sum(variable.shape.num_elements() for variable in model.trainable_variables) == PARAMETERS[script]


@scripts
def test_dropout_acts_in_training_only(script):
    _, verdict = not_before_the_layers_are_right(script)
    if verdict.dropout:
        pytest.fail(with_script(script, "; ".join(verdict.dropout)), pytrace=False)
