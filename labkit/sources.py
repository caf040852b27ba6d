"""Tells from a script's text alone whether it is one of the lab's, what was trained, and trained as the others are.

Nothing is run or imported here.
"""

import ast
import hashlib
import re
from collections.abc import Iterator

from labkit.mistakes import LECTURE, RUNS_ON_IMPORT, TABLE

START_ANEW = "start from a copy of deep_mnist.py, and change its docstring and its class Model only"
_OPTIMIZERS = ("GradientDescentOptimizer", "AdamOptimizer")


def code_sha256(source: bytes) -> str:
    """Return the SHA-256 of a script's code, hex, without comments, docstrings, blanks and line ends.

    Where the bytes are no Python that this version can read, it is the hash of the bytes.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return hashlib.sha256(source).hexdigest()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def import_problem(source: bytes) -> str | None:
    """Name the line of a script that runs it where it is only imported; None if there is none."""
    for statement in ast.parse(source).body:
        called = [_names(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)]
        if isinstance(statement, ast.Expr | ast.Assign) and any(names[:1] == ["lab"] for names in called):
            line = source.decode("utf-8", "replace").splitlines()[statement.lineno - 1]
            return f"line {statement.lineno}, `{line.strip()}`: {RUNS_ON_IMPORT}"
    return None


def recipe_problem(source: bytes, reference: bytes) -> str | None:
    """Describe how a script's training differs from deep_mnist.py's, whose text is `reference`; None if it does not.

    That is a constant, such as KEEP_PROB, or one of the numbers that are passed to lab.parse_flags.
    """
    try:
        recipe, expected = _recipe(ast.parse(source)), _recipe(ast.parse(reference))
    except (SyntaxError, ValueError):
        return None
    for name, (line, value) in recipe.items():
        if name in expected and value != expected[name][1]:
            return (
                f"line {line}, `{name} = {value!r}`: deep_mnist.py has {expected[name][1]!r}; networks that are not "
                "trained alike can't be compared, so take that over"
            )
    return None


def _recipe(tree: ast.Module) -> dict[str, tuple[int, object]]:
    """Return the constants of a script and the defaults of its flags: names to (line, value)."""
    constants: dict[str, tuple[int, object]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _names(node.func)[-1:] == ["parse_flags"]:
            named = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Assign) and node in tree.body and isinstance(node.targets[0], ast.Name):
            named = [(node.targets[0].id, node.value)]
        else:
            continue
        constants |= {name: (value.lineno, value.value) for name, value in named if isinstance(value, ast.Constant)}
    return constants


def source_problem(source: bytes) -> str | None:
    """Say what kind of script this is and what to do, if it is none of the lab's; None for one of the lab's.

    A script with a class Model is one of the lab's, whatever it does: running it shows what is wrong with it.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        if "call to 'print'" in str(error):
            return f"{_at(error)}: it is written for Python 2, and for TensorFlow 1, most likely; {_anew()}"
        if "google.colab" in str(source) or re.search(rb"^\s*[!%]\w", source, re.MULTILINE):
            return f"{_at(error)}: it comes from a notebook, and only Python may be in it: leave out lines with ! and %"
        return None
    if any(_defines_model(node) for node in ast.walk(tree)):
        return None
    lines = source.decode("utf-8", "replace").splitlines()
    for line, explanation in sorted(_signs(tree)):
        return f"line {line}, `{lines[line - 1].strip()}`: {explanation}"
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if len(classes) > 1:
        listed = ", ".join(classes)
        return f"it has the classes {listed}, and none called Model: each script holds one network, as its class Model"
    return None


def _at(error: Exception) -> str:
    return f"line {getattr(error, 'lineno', 0)}, `{(getattr(error, 'text', None) or '').strip()}`"


def _anew() -> str:
    return f"{START_ANEW}: {TABLE} has what each line became"


def _defines_model(node: ast.AST) -> bool:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return node.name == "Model"
    if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(("tensorflow", "keras")):
        return any((alias.asname or alias.name) == "Model" for alias in node.names)
    return isinstance(node, ast.Name) and node.id == "Model" and isinstance(node.ctx, ast.Store)


def _signs(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the lines that show what a script without a Model was written for, each with a sentence."""
    for node in ast.walk(tree):
        names = _names(node)
        line = getattr(node, "lineno", 0)
        if names[:1] == ["torch"]:
            yield line, f"it is written for PyTorch, and the lab is in TensorFlow; {START_ANEW}"
        elif names[:1] in (["tf"], ["tensorflow"]) and (old := _of_tensorflow_1(names)):
            yield line, f"it is written for TensorFlow 1, and this is today {LECTURE[old]}; {_anew()}"
        elif names[-1:] in (["fit"], ["compile"]) and isinstance(node, ast.Attribute):
            yield line, f"it trains with Keras's model.{names[-1]}, and the lab with its own main; {START_ANEW}"


def _of_tensorflow_1(names: list[str]) -> str | None:
    if names[1:2] == ["train"]:
        return names[2] if names[2:] and names[2] in _OPTIMIZERS else None
    return next((name for name in names[1:] if name in LECTURE and name not in _OPTIMIZERS), None)


def _names(node: ast.AST) -> list[str]:
    """Return the parts of an imported name or of a dotted one: ["tf", "train", "AdamOptimizer"]."""
    if isinstance(node, ast.Import):
        return node.names[0].name.split(".")
    if isinstance(node, ast.ImportFrom):
        return [*(node.module or "").split("."), node.names[0].name]
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) and names else []
