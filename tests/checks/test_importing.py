"""What a student is told of a script that can't be imported, and what an unused import costs."""

import builtins
import sys

import pytest

from labkit.checks import importing
from labkit.mistakes import NEWER, explain

pytestmark = pytest.mark.grading


def error_of(source, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(source, encoding="utf-8")
    try:
        compile(source, str(path), "exec")
    except SyntaxError as error:
        return error
    raise AssertionError(f"{source!r} is right Python")


@pytest.mark.skipif(sys.version_info >= NEWER, reason="this Python knows that syntax")
@pytest.mark.parametrize("source", ['f"{x["a"]}"\n', "type X = int\n", "def f[T](x): pass\n", "class C[T]: pass\n"])
def test_a_newer_pythons_syntax_is_told_with_both_versions(source, tmp_path):
    message = explain(error_of(source, tmp_path), "script")
    assert "Python 3.12 can read that" in message
    assert f"here is Python {sys.version_info[0]}.{sys.version_info[1]}" in message


@pytest.mark.parametrize("source", ["x = (\n", "def f(x) pass\n"])
def test_other_syntax_errors_are_left_as_they_are(source, tmp_path):
    assert "Python" not in explain(error_of(source, tmp_path), "script")


def test_kerass_way_of_telling_an_error_is_shortened_to_the_error():
    error = ValueError(
        "Exception encountered when calling Model.call().\n\n\x1b[1mInput 0 is incompatible\x1b[0m\n\n"
        "Arguments received by Model.call():\n  • training=False"
    )
    assert explain(error, "script") == "ValueError: Input 0 is incompatible"


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Return the globals of a script that is graded where some package is not installed."""
    monkeypatch.setattr(importing, "ABSENT", frozenset(["absent_package"]))
    monkeypatch.setattr(builtins, "__import__", builtins.__import__)  # to be put back
    importing.stand_in_for_absent(tmp_path)
    return {"__file__": str(tmp_path / "script.py")}


def test_an_unused_import_of_a_package_that_grading_lacks_costs_nothing(script):
    exec("import absent_package.part as part\nfrom absent_package import Frame", script)


def test_its_use_is_told_with_what_grading_has(script):
    with pytest.raises(ModuleNotFoundError) as failed:
        exec("import absent_package as pd\npd.DataFrame([1])", script)
    message = explain(failed.value, "script")
    assert "No module named 'absent_package', of which absent_package.DataFrame is used" in message
    assert "grading has no other packages: do it without absent_package" in message


def test_a_library_that_uses_it_where_it_is_there_does_without_even_after_a_script_imported_it(script):
    exec("import absent_package", script)
    with pytest.raises(ModuleNotFoundError):
        exec("import absent_package", {"__file__": "/usr/lib/python3/site-packages/keras/src/optional.py"})


def test_any_other_package_that_is_missing_is_missing(script):
    with pytest.raises(ModuleNotFoundError):
        exec("import no_such_package_at_all", script)


def test_an_error_in_a_traced_function_is_told_with_its_reason_and_its_line():
    error = NameError(
        'in user code:\n\n    File "/home/ada/script.py", line 106, in train_step  *\n        logits = model(x, 0.5)\n'
        '    File "/home/ada/script.py", line 80, in __call__  *\n        h_drop = droput(h_fc1)\n\n'
        "    NameError: name 'droput' is not defined\n"
    )
    assert explain(error, "script") == "line 80, `h_drop = droput(h_fc1)`: NameError: name 'droput' is not defined"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate=1.0", "1 - keep_prob: write"),
        ("module 'tensorflow' has no attribute 'placeholder'", "today an argument: `def __call__(self, x, keep_prob"),
        ("module 'tensorflow._api.v2.train' has no attribute 'AdamOptimizer'", "tf.compat.v1.train.AdamOptimizer("),
        (
            "Matrix size-incompatible: In[0]: [2,12544], In[1]: [3136,1024]",
            "each row that comes in has 12544 numbers",
        ),
        ("'NoneType' object has no attribute 'shape'", "is a `return` missing?"),
        ("module 'tensorflow' has no attribute 'random_normal'", "which draws with tf.random.normal"),
        ("module 'tensorflow' has no attribute 'layers'", "today weight_variable and bias_variable"),
        ("No module named 'tensorflow.contrib'", "what deep_mnist.py writes with tf.nn"),
        ("No module named 'tensorflow.examples'", "today `mnist = lab.read_data(flags)`"),
        (
            "Model.__call__() takes 2 positional arguments but 3 were given",
            "__call__(self, x, keep_prob=1.0) has to take",
        ),
    ],
)
def test_an_error_of_tensorflows_is_told_with_what_to_do(error, hint):
    assert hint in explain(ValueError(error), "script")
