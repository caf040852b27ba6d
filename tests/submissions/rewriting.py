"""Makes students' scripts out of the kit's: with some text or code replaced, which has to be there, or another model.

Code is found by the syntax tree, so that comments, docstrings and layout of the kit's scripts may change.
"""

import ast
import itertools
import re
import textwrap
from pathlib import Path
from string import Template

from tests.submissions import ROOT, SCRIPTS, Files, reference_scripts

Change = tuple[str, str]  # the text that is there, once, and the one in its place

REFERENCE = {path.removesuffix(".py"): text.decode() for path, text in reference_scripts().items()}
DEEP = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")  # what a script is where nothing has been removed
MODEL = re.compile(r"^def weight_variable.*(?=^def main)", re.DOTALL | re.MULTILINE)  # the helpers and the class
_TEMPLATES = Path(__file__).with_name("models")
_SHAPES = {
    "model_no1": {"channels": 1, "side": 14, "filters": 64, "flat": 12544, "units": 1024},
    "model_no2": {"channels": "", "side": 14, "filters": 32, "flat": 6272, "units": 1024},
    "model_no3": {"channels": 32, "side": 7, "filters": 64, "flat": "", "units": 3136},
}


def replaced(text: str, *changes: Change) -> str:
    """Make each change to a text; raise ValueError for text that is not there exactly once."""
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times, expected once")
        text = text.replace(old, new)
    return text


def edited(text: str, *changes: Change) -> str:
    """Return the text with code in place of other code: statements, with their comments, or an expression.

    "" takes statements away. Raises ValueError for code that is not there exactly once.
    """
    for old, new in changes:
        first, *others = find_code(text, old)
        if isinstance(first, ast.stmt):
            text = _with_lines(text, [first, *others], textwrap.indent(new, " " * first.col_offset))
        else:
            raw = text.encode()  # columns of a tree are counted in bytes
            lines = [0, *itertools.accumulate(map(len, raw.splitlines(keepends=True)))]
            start = lines[first.lineno - 1] + first.col_offset
            end = lines[first.end_lineno - 1] + first.end_col_offset
            text = (raw[:start] + new.encode() + raw[end:]).decode()
    return text


def without_layer(text: str, name: str) -> str:
    """Return the text of a script without a layer, conv1 say: its variables, and the block under its name."""
    parts = (f"self.W_{name}", f"self.b_{name}", f"tf.name_scope('{name}')")
    statements = [
        node
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in parts)
        or (isinstance(node, ast.With) and ast.unparse(node.items[0]) in parts)
    ]
    if len(statements) != len(parts):
        raise ValueError(f"{len(statements)} parts of {name}, expected {len(parts)}")
    for statement in sorted(statements, key=lambda statement: -statement.lineno):  # the last one first: lines move up
        text = _with_lines(text, [statement], "")
    return text


def find_code(text: str, code: str) -> list:
    """Return the nodes that code has in the tree of a script: some statements, or an expression.

    Raises ValueError for code that is not there exactly once.
    """
    wanted, nodes = ast.parse(code).body, list(ast.walk(ast.parse(text)))
    if len(wanted) == 1 and isinstance(wanted[0], ast.Expr):
        wanted = [wanted[0].value]
        parts = [[node] for node in nodes if type(node) is type(wanted[0])]
    else:
        blocks = [block for node in nodes for block in vars(node).values() if isinstance(block, list)]
        parts = [block[start : start + len(wanted)] for block in blocks for start in range(len(block))]
    form = [ast.dump(node) for node in wanted]
    found = [part for part in parts if isinstance(part[0], ast.AST) and [ast.dump(node) for node in part] == form]
    if len(found) != 1:
        raise ValueError(f"{code!r} occurs {len(found)} times, expected once")
    return found[0]


def _with_lines(text: str, statements: list[ast.stmt], new: str) -> str:
    """Return the text with new lines in place of those of consecutive statements."""
    lines = text.split("\n")
    return "\n".join([*lines[: statements[0].lineno - 1], *new.splitlines(), *lines[statements[-1].end_lineno :]])


def model_text(name: str, script: str) -> str:
    """Return the model of a script, written as in models/<name>.txt.

    A line marked #-1 there is not in model_no1, one marked #=3 is in model_no3 only. $channels is the number of input
    channels of the second convolution; $side, $filters and $flat are height, depth and number of units after the last
    pooling; $units is the number of inputs of the last layer.
    """
    number = script[-1]
    lines = []
    for line in (_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text, _, mark = line.partition("#-" if "#-" in line else "#=")
        if not mark or (mark == number) == ("#=" in line):
            lines.append(text.rstrip() + "\n")
    return Template("".join(lines)).substitute(_SHAPES[script], n=number)


def with_model(name: str, *changes: Change) -> Files:
    """Put the model of models/<name>.txt into the three scripts, with code edited elsewhere."""
    scripts = {}
    for script in SCRIPTS:
        model = model_text(name, script) + "\n\n"
        text = MODEL.sub(lambda _, model=model: model, REFERENCE[script])
        scripts[f"{script}.py"] = edited(text, *changes).encode()
    return scripts


def rewritten(*changes: Change) -> Files:
    """Make the same changes to each of the three reference solutions."""
    return {f"{script}.py": replaced(text, *changes).encode() for script, text in REFERENCE.items()}


def substituted(*changes: Change) -> Files:
    """Apply re.sub with each change to the three reference solutions; raise ValueError for a pattern that none has."""
    scripts = dict(REFERENCE)
    for pattern, new in changes:
        before = scripts
        scripts = {script: re.sub(pattern, new, text) for script, text in before.items()}
        if scripts == before:
            raise ValueError(f"nothing fits {pattern!r}")
    return {f"{script}.py": text.encode() for script, text in scripts.items()}
