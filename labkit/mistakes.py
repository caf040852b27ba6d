"""Tells a mistake in a lab script in one line: where it is, what it is, and what to do.

The script itself, tests/test_shapes.py, `submit.py check` and grading take the line from here, so they say the same.
Nothing here imports TensorFlow. What to do about each error is in hints.py.
"""

import ast
import errno
import linecache
import re
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

from labkit import hints
from labkit.errors import KitError

NEWER = (3, 12)  # has a syntax that older ones have not: nested f-strings, type statements, def f[T]
MESSAGE = 700  # characters of a line that are kept
# What TensorFlow and Python add to their messages: addresses, modules, names of nodes, of operations, colours.
NOISE = r" at 0x[0-9a-f]+|(?<=<)\w+\.(?=Model object)|(?<=<class ')\w+\.(?=Model')"
NOISE += r"| for '\{\{node .*?(?=' with input shapes)'|\{\{.*?\}\} ?|\[Op:.*|\x1b\[[0-9;]*m"
FRAME = re.compile(r'File "(?P<file>.+?)", line (?P<line>\d+), in .*\n\s*(?P<code>.*)')
RUNS_ON_IMPORT = 'it runs when it is imported; keep that line below `if __name__ == "__main__":`, or in main'


class RunsOnImport(BaseException):
    """The script did on import what belongs into its `main`; no `except Exception` of the script's own stops it."""


class NoModel(Exception):
    """The script has no Model."""


class ModelError(KitError):
    """A Model that can be called, and is none of the lab's; the text says what is wrong and what to do next."""


class _Place(NamedTuple):
    file: str
    line: int
    code: str


def explain(error: BaseException, script: str | Path) -> str:
    """Describe an error in one line: where in the script it occurred, what it is, and how to fix it if that is known.

    `script` is its path, or its name without `.py`. A shape that does not fit is reported with the line of the Model
    that led to it, and not with that of a helper such as conv2d, which is right.
    """
    place = _place(error, Path(script).stem)
    if definition := _wrong_definition(error, place.file if place else _file(script)):
        place = definition[0]
    at = f"line {place.line}, `{' '.join(place.code.split())}`: " if place else ""
    if isinstance(error, RunsOnImport):
        reason = RUNS_ON_IMPORT
    elif isinstance(error, NoModel) or (isinstance(error, NameError) and error.name == "Model"):
        return "it has no class Model: keep that name, which tests and grading look for"
    elif isinstance(error, ModelError):
        return str(error)
    elif isinstance(error, SystemExit):
        reason = "it ends the program"
    else:
        reason = _reason(error)
        advice = definition[1] if definition else _newer_python(error) or hints.pasted(error)
        advice = advice or hints.advice(reason, place.code if place else "")
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            advice += _memory_limit()
        reason = reason.removesuffix(".") + advice if advice else reason
    return f"{at}{reason}"[:MESSAGE]


def _file(script: str | Path) -> str:
    """Return the file of a script that is given by its path, or by its name where it has been imported."""
    return str(getattr(sys.modules.get(Path(script).stem), "__file__", None) or script)


def with_script(script: str, problem: str) -> str:
    """Return a problem with the script's name before it: "model_no1.py, line 73, ..."."""
    if problem.startswith(f"{script}.py"):
        return problem
    return f"{script}.py{', ' if problem.startswith('line ') else ': '}{problem}"


def without_place(problem: str, script: str) -> str:
    """Return a problem without the script's name and line: the same text for the same mistake in several scripts."""
    return re.sub(r"line \d+, `.*?`: ", "", problem.replace(script, "model_no?"))


def _place(error: BaseException, stem: str) -> _Place | None:
    """Return the line of the script that an error is reported with; None where the script has no part in it."""
    if isinstance(error, SyntaxError) and error.lineno and Path(error.filename or "").stem == stem:
        return _Place(str(error.filename), error.lineno, (error.text or "").strip())
    # An error in a traced function has the lines that led to it in its own text.
    traced = [_Place(m["file"], int(m["line"]), m["code"].strip()) for m in FRAME.finditer(str(error))]
    frames = traceback.extract_tb(error.__traceback__)
    called = [_Place(frame.filename, frame.lineno or 0, frame.line or "") for frame in frames]
    own = [place for place in called + traced if Path(place.file).stem == stem]
    if not own:
        return None
    if isinstance(error, NameError | AttributeError):  # is where it is, be it in a helper
        return own[-1]
    model = _model_lines(own[-1].file)
    return [*own, *(place for place in own if place.line in model)][-1]


def _model_lines(file: str) -> range:
    """Return the line numbers of a script's class Model."""
    models = (node for node in _parsed(file).body if isinstance(node, ast.ClassDef) and node.name == "Model")
    return next((range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in models), range(0))


def _parsed(file: str) -> ast.Module:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _wrong_definition(error: BaseException, file: str) -> tuple[_Place, str] | None:
    """Return the line of the function that an error comes from, and what it lacks: its `self`, or its `return`.

    Python reports neither where it is missing, but where something is done with what came of it.
    """
    if not isinstance(error, TypeError | ValueError | AttributeError | NameError):
        return None
    tree = _parsed(file)
    models = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Model"]
    methods = [node for model in models for node in model.body if isinstance(node, ast.FunctionDef)]
    for node in methods:
        if not node.decorator_list and _lacks_self(node):
            return _line(file, node.lineno), f"; is `self` missing? It comes first: def {node.name}(self, ...)"
    if not re.search(r"NoneType|\bNone\b", str(error)):
        return None
    for node in [*(node for node in tree.body if isinstance(node, ast.FunctionDef)), *methods]:
        if _goes_on(node.body) and node.name in _used_calls(tree):
            return _line(file, node.body[-1].lineno), f"; is a `return` missing? {node.name} returns None"
    return None


def _line(file: str, number: int) -> _Place:
    return _Place(file, number, linecache.getline(file, number))


def _lacks_self(function: ast.FunctionDef) -> bool:
    """Tell whether a method uses `self` and does not take it."""
    taken = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    made = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return "self" in used - taken - made


def _goes_on(body: list[ast.stmt]) -> bool:
    """Tell whether statements that compute something end without a `return`; false where that can't be told."""
    last = body[-1]
    if isinstance(last, ast.If):
        return _goes_on(last.body) or not last.orelse or _goes_on(last.orelse)
    if isinstance(last, ast.With):
        return _goes_on(last.body)
    return isinstance(last, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign)


def _used_calls(tree: ast.Module) -> set[str]:
    """Return the names of the functions whose results are used."""
    unused = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in unused]
    return {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}


def _reason(error: BaseException) -> str:
    """Return an error's type, and the line of its message that says what is wrong."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    text = re.sub(NOISE, "", str(error)).partition("Arguments received by")[0]
    kind = type(error).__name__
    if "in user code:" in text:  # comes last, after the lines that led to it, with its type
        frames = list(FRAME.finditer(text))
        text = text[frames[-1].end() :] if frames else text.partition("in user code:")[2]
        kind = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if "Exception encountered when calling" in lines[0]:  # as Keras begins
        kind = kind or lines[0].partition(":")[0]
        lines = lines[1:] or lines
    return f"{kind}: {lines[0]}" if kind else lines[0]


def _newer_python(error: BaseException) -> str:
    """Explain syntax that this Python does not know, but a newer or an older one does; "" for any other error."""
    if not isinstance(error, SyntaxError):
        return ""
    if "Missing parentheses in call to 'print'" in error.msg:
        return "; that is Python 2: today print is a function"
    line = (error.text or "").strip()
    newer_syntax = "f-string" in error.msg or re.match(r"type \w+|(async )?(def|class) \w+\[", line)
    if sys.version_info >= NEWER or not newer_syntax:
        return ""
    here, newer = (".".join(map(str, version[:2])) for version in (sys.version_info, NEWER))
    return f"; Python {newer} can read that, and here is Python {here}: write it so that both can"


def _memory_limit() -> str:
    """Name the limit on memory, if there is one: that of the sandbox, in which there is no shared memory either."""
    try:
        import resource  # Windows has none
    except ImportError:
        return ""
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if limit == resource.RLIM_INFINITY:
        return ""
    return f" (a script may use {limit // 2**20:,} MiB of memory, and share none between processes but by a file)"
