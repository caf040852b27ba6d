"""Tells from a script's text alone whether it is one of the lab's, what was trained, and trained as the others are.

Nothing is run or imported here.
"""

import ast
import codecs
import copy
import hashlib
import io
import math
import operator
import re
import tokenize
from collections.abc import Callable, Iterator

from labkit.hints import TABLE, todays
from labkit.mistakes import RUNS_ON_IMPORT

START_ANEW = "start from a copy of deep_mnist.py, and change its docstring and its class Model only"
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
AS_UTF8 = "save it as UTF-8 in your editor, and look whether that character is still right"


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


def encoding_problem(source: bytes) -> str | None:
    """Name the line of a script that is not in its encoding, which is UTF-8 unless it says otherwise; None if all are.

    Python reads such a script as a module where the character is in a comment, and refuses to run it.
    """
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"it is saved as UTF-16, which Python can't read: {AS_UTF8}"
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(source).readline)[0]
        source.decode(encoding)
    except UnicodeDecodeError as error:
        number = source.count(b"\n", 0, error.start) + 1
    except (SyntaxError, LookupError):  # in the first two lines, or an encoding that is none
        number = 2 if _is_utf8(source.split(b"\n")[0]) else 1
    else:
        return None
    line = source.split(b"\n")[number - 1].decode("cp1252", "replace").strip()
    return f"line {number}, `{line}`: a character in it is not UTF-8, so Python does not run the script: {AS_UTF8}"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return b"coding" not in line


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

    That is a constant, such as KEEP_PROB, one of the numbers that are passed to lab.parse_flags, or a statement of
    train_step. First weights are no part of it: the lecture draws them otherwise, too.
    """
    try:
        recipe, expected = _recipe(ast.parse(source)), _recipe(ast.parse(reference))
    except (SyntaxError, ValueError):
        return None
    alike = "networks that are not trained alike can't be compared, so take that over"
    for name, (line, value) in recipe.items():
        if name in expected and not _is_same(value, expected[name][1]):
            return f"line {line}, `{name} = {value!r}`: deep_mnist.py has {expected[name][1]!r}; {alike}"
    line, given = _given_flags(ast.parse(source))
    for name in sorted(_given_flags(ast.parse(reference))[1]) if given else ():
        if name not in given and name in expected:
            return (
                f"line {line}: lab.parse_flags has no {name}, deep_mnist.py has {name}={expected[name][1]!r}; {alike}"
            )
    for statement, wanted in _step_differences(ast.parse(source), ast.parse(reference)):
        return f"line {statement.lineno}, `{_shown(statement)}`: deep_mnist.py has `{_shown(wanted)}`; {alike}"
    return None


def _is_same(value: object, expected: object) -> bool:
    if isinstance(value, int | float) and isinstance(expected, int | float):
        return math.isclose(value, expected, rel_tol=1e-12)
    return value == expected


def _given_flags(tree: ast.Module) -> tuple[int, set[str]]:
    """Return the line of the call of lab.parse_flags, and the names that it passes; none where they can't be told."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and _names(node.func)[-1:] == ["parse_flags"]
    ]
    if len(calls) != 1 or any(keyword.arg is None for keyword in calls[0].keywords):
        return 0, set()
    return calls[0].lineno, {keyword.arg for keyword in calls[0].keywords if keyword.arg}


def _step_differences(tree: ast.Module, reference: ast.Module) -> Iterator[tuple[ast.stmt, ast.stmt]]:
    """Yield the statements of train_step that differ, with the reference's; none where it is organised otherwise.

    What a variable is called makes no difference, nor whether a number is written 10 or 10.0.
    """
    ours, expected = _training_step(tree), _training_step(reference)
    if [type(statement) for statement, _ in ours] == [type(statement) for statement, _ in expected]:
        for (statement, text), (wanted, wanted_text) in zip(ours, expected, strict=True):
            if text != wanted_text:
                yield statement, wanted


def _training_step(tree: ast.Module) -> list[tuple[ast.stmt, str]]:
    """Return the statements of main's train_step, those of a block behind its head; each with its normal form."""
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if not {"main", "train_step"} <= set(functions):
        return []
    bound = {node.id for node in ast.walk(functions["main"]) if isinstance(node, ast.Name) and _is_stored(node)}
    bound |= {node.arg for node in ast.walk(functions["main"]) if isinstance(node, ast.arg)}
    normal = _Normal(bound)
    statements = [node for node in ast.walk(functions["train_step"]) if isinstance(node, ast.stmt)][1:]
    statements.sort(key=lambda statement: (statement.lineno, statement.col_offset))
    normal.visit(copy.deepcopy(functions["train_step"].args))
    return [(statement, ast.dump(normal.visit(copy.deepcopy(_head(statement))))) for statement in statements]


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _head(statement: ast.stmt) -> ast.stmt:
    """Return a statement without the block in it, whose statements come by themselves."""
    head = copy.copy(statement)
    if isinstance(head, ast.With):
        head.body = []
    return head


def _shown(statement: ast.stmt) -> str:
    return ast.unparse(statement).partition("\n")[0]


class _Normal(ast.NodeTransformer):
    """Numbers the variables in the order in which they come, and writes numbers as floats."""

    def __init__(self, variables: set[str]) -> None:
        self._numbers: dict[str, str] = {}
        self._variables = variables

    def _number(self, name: str) -> str:
        return self._numbers.setdefault(name, f"v{len(self._numbers)}") if name in self._variables else name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._number(node.id), node.ctx), node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(self._number(node.arg)), node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        value = node.value
        return ast.copy_location(ast.Constant(float(value)), node) if type(value) is int else node


def _recipe(tree: ast.Module) -> dict[str, tuple[int, object]]:
    """Return the constants of a script and the defaults of its flags: names to (line, value)."""
    constants: dict[str, tuple[int, object]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _names(node.func)[-1:] == ["parse_flags"]:
            named = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Assign) and node in tree.body and isinstance(node.targets[0], ast.Name):
            named = [(node.targets[0].id, node.value)]
        elif isinstance(node, ast.AnnAssign) and node in tree.body and isinstance(node.target, ast.Name) and node.value:
            named = [(node.target.id, node.value)]
        else:
            continue
        values = ((name, node.lineno, _computed(node)) for name, node in named)
        constants |= {name: (line, value) for name, line, value in values if value is not None}
    return constants


def _computed(node: ast.expr) -> bool | str | float | None:
    """Return the value of a constant, or of an arithmetic expression of numbers; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, bool | str | int | float) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _computed(node.operand)
        return -value if isinstance(value, int | float) else None
    if not isinstance(node, ast.BinOp) or type(node.op) not in _ARITHMETIC:
        return None
    left, right = _computed(node.left), _computed(node.right)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    try:
        return _ARITHMETIC[type(node.op)](left, right)
    except ArithmeticError:
        return None


def source_problem(source: bytes) -> str | None:
    """Say what kind of script this is and what to do, if it is none of the lab's; None for one of the lab's.

    A script with a class Model is one of the lab's, whatever it does: running it shows what is wrong with it.
    """
    if problem := encoding_problem(source):
        return problem
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
            yield line, f"it is written for TensorFlow 1, and this is today {old}; {_anew()}"
        elif names[-1:] in (["fit"], ["compile"]) and isinstance(node, ast.Attribute):
            yield line, f"it trains with Keras's model.{names[-1]}, and the lab with its own main; {START_ANEW}"


def _of_tensorflow_1(names: list[str]) -> str | None:
    """Return what a name of TensorFlow 1's is today; None for a name that is still there."""
    if names[1:3] == ["compat", "v1"]:
        return None if names[3:4] == ["train"] else todays(names[3:])
    return todays(names[1:])


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
