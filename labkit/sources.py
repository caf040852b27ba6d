"""Tells from a script's text alone whether it is one of the lab's, what was trained, and trained as the others are.

Nothing is run or imported here.
"""

import ast
import codecs
import functools
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator

from labkit.hints import TABLE, todays
from labkit.mistakes import RUNS_ON_IMPORT

START_ANEW = "start from a copy of deep_mnist.py, and change its docstring and its class Model only"
AS_UTF8 = "save it as UTF-8 in your editor, and look whether that character is still right"


@functools.lru_cache(maxsize=64)  # a study asks for the same few scripts again and again
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
        called = [dotted_name(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call)]
        if isinstance(statement, ast.Expr | ast.Assign) and any(names[:1] == ["lab"] for names in called):
            line = source.decode("utf-8", "replace").splitlines()[statement.lineno - 1]
            return f"line {statement.lineno}, `{line.strip()}`: {RUNS_ON_IMPORT}"
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
        names = dotted_name(node)
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


def dotted_name(node: ast.AST) -> list[str]:
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
