"""Each ablation is a copy of deep_mnist.py with one layer removed, and nothing else."""

import ast
import difflib

import pytest

from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

# Lines that differ inside `class Model`, as `diff` counts them (removed plus added): the fewest that do the job.
CHANGED_LINES = {"model_no1": 15, "model_no2": 11, "model_no3": 11}


def split(script):
    """Split a script's source lines into (frame, model): all but docstring and `class Model`, and the class."""
    path = ROOT / f"{script}.py"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there yet")
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    docstring = ast.parse(source).body[0]
    model = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "Model")
    frame = [*lines[docstring.end_lineno : model.lineno - 1], "<class Model>\n", *lines[model.end_lineno :]]
    return frame, lines[model.lineno - 1 : model.end_lineno]


def difference(script, part):
    before, after = split("deep_mnist")[part], split(script)[part]
    return list(difflib.unified_diff(before, after, "deep_mnist.py", f"{script}.py", n=0))


@pytest.mark.parametrize("script", CHANGED_LINES)
def test_only_docstring_and_model_differ(script):
    changes = difference(script, part=0)
    if changes:
        pytest.fail("outside docstring and Model a copy must stay as it is:\n" + "".join(changes), pytrace=False)


@pytest.mark.parametrize(("script", "allowed"), CHANGED_LINES.items())
def test_model_differs_in_the_removed_layer_only(script, allowed):
    changes = difference(script, part=1)
    changed = [line for line in changes[2:] if line[0] in "+-" and line[1:].strip()]
    if len(changed) > allowed:
        pytest.fail(f"{len(changed)} lines of Model differ, {allowed} do the job:\n" + "".join(changes), pytrace=False)
