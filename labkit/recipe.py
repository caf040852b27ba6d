"""How a script's training differs from deep_mnist.py's, by their texts: networks are compared that are trained alike.

Nothing here is run or imported.
"""

import ast
import copy
import math
import operator
from collections.abc import Callable, Iterator

from labkit.sources import dotted_name

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


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
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted_name(node.func)[-1:] == ["parse_flags"]
    ]
    if len(calls) != 1 or any(keyword.arg is None for keyword in calls[0].keywords):
        return 0, set()
    return calls[0].lineno, {keyword.arg for keyword in calls[0].keywords if keyword.arg}


def _step_differences(tree: ast.Module, reference: ast.Module) -> Iterator[tuple[ast.stmt, ast.stmt]]:
    """Yield the statements of train_step that differ, with the reference's; none where it is organised otherwise.

    What a variable is called makes no difference, nor whether a number is written 10 or 10.0.
    """
    own, reference_step = _training_step(tree), _training_step(reference)
    if [type(statement) for statement, _ in own] == [type(statement) for statement, _ in reference_step]:
        for (statement, text), (wanted, wanted_text) in zip(own, reference_step, strict=True):
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
        if isinstance(node, ast.Call) and dotted_name(node.func)[-1:] == ["parse_flags"]:
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
