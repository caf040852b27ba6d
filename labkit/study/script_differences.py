"""Whether the scripts that a study compares differ in their Model only, as they should."""

import ast
import itertools
from collections.abc import Iterable
from pathlib import Path

from labkit.networks import FULL
from labkit.study.jobs import script_path


def unlike_scripts(networks: Iterable[str]) -> list[str]:
    """Return a line for each script that differs from deep_mnist.py in more than its docstring and its Model."""
    reference = _outside_of_model(script_path(FULL))
    if not reference:
        return []
    paths = [script_path(network) for network in dict.fromkeys(networks)]
    differences = {path.name: _first_difference(_outside_of_model(path), reference) for path in paths}
    return [
        f"Caution: {script} differs from {FULL}.py outside of the class Model, {where}: "
        "more than a layer may be compared"
        for script, where in differences.items()
        if where
    ]


def _first_difference(statements: list[ast.stmt], reference: list[ast.stmt]) -> str:
    """Say in words where statements begin to differ from the reference; "" where they don't."""
    for statement, expected in itertools.zip_longest(statements, reference):
        if statement is None:
            return f"where it lacks `{_first_line(expected)}`"
        if expected is None or ast.dump(statement) != ast.dump(expected):
            return f"first in line {statement.lineno}, `{_first_line(statement)}`"
    return ""


def _outside_of_model(path: Path) -> list[ast.stmt]:
    """Return the statements of a lab script, without its docstring and the class Model; [] where it can't be read."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        statement
        for statement in body
        if not (isinstance(statement, ast.ClassDef) and statement.name == "Model")
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).partition("\n")[0]
