"""What a student is told of a script that can't be imported."""

import sys

import pytest

from labkit.run.mistakes import NEWER, explain

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
    told = explain(error_of(source, tmp_path), "script")
    assert "Python 3.12 can read that" in told
    assert f"here is Python {sys.version_info[0]}.{sys.version_info[1]}" in told


@pytest.mark.parametrize("source", ["x = (\n", "def f(x) pass\n"])
def test_other_syntax_errors_are_left_as_they_are(source, tmp_path):
    assert "Python" not in explain(error_of(source, tmp_path), "script")


def test_kerass_way_of_telling_an_error_is_shortened_to_the_error():
    error = ValueError(
        "Exception encountered when calling Model.call().\n\n\x1b[1mInput 0 is incompatible\x1b[0m\n\n"
        "Arguments received by Model.call():\n  • training=False"
    )
    assert explain(error, "script") == "ValueError: Input 0 is incompatible"
