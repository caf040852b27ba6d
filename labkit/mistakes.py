"""Tells a mistake in a lab script in one line: where it is, what it is, and what to do.

The script itself, tests/test_shapes.py, `submit.py check` and grading take the line from here, so they say the same.
Nothing here imports TensorFlow. LECTURE is the table of docs/student/tensorflow-1-to-2.md, in short.
"""

import ast
import errno
import linecache
import re
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from labkit.errors import KitError

NEWER = (3, 12)  # has a syntax that older ones have not: nested f-strings, type statements, def f[T]
MESSAGE = 700  # characters of a line that are kept
IMAGES = 2  # blank ones, to try a model with
# What TensorFlow adds to its messages: names of nodes, of operations, colours.
NOISE = r" for '\{\{node .*?(?=' with input shapes)'|\{\{.*?\}\} ?|\[Op:.*|\x1b\[[0-9;]*m"
FRAME = re.compile(r'File "(?P<file>.+?)", line (?P<line>\d+), in .*\n\s*(?P<code>.*)')
TABLE = "docs/student/tensorflow-1-to-2.md"  # what each line of the lecture became
# A name of TensorFlow 1's, and what that table has in its place.
LECTURE = {
    "placeholder": "an argument: `def __call__(self, x, keep_prob=1.0):`",
    "Session": "a call of a function under `@tf.function`",
    "InteractiveSession": "a call of a function under `@tf.function`",
    "global_variables_initializer": "nothing: a variable has its value once it is made",
    "initialize_all_variables": "nothing: a variable has its value once it is made",
    "truncated_normal": "`weight_variable([5, 5, 1, 32])`, which draws with tf.random.normal",
    "log": "`tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=logits)`",
    "GradientDescentOptimizer": "`with tf.GradientTape() as tape:` and `variable.assign_sub(learning_rate * gradient)`",
    "AdamOptimizer": "`tf.compat.v1.train.AdamOptimizer(learning_rate)`",
    "get_default_session": "nothing: what is computed is there at once",
    "contrib": "`mnist = lab.read_data(flags)`",
    "examples": "`mnist = lab.read_data(flags)`",
}
# A pattern in an error's line, and what to do; {0} is what its first group has found.
HINTS = (
    (
        r"`rate` must be a scalar",
        "the second argument of tf.nn.dropout is the rate to drop today, 1 - keep_prob: "
        f"write dropout(h_fc1, keep_prob), as deep_mnist.py does ({TABLE})",
    ),
    (
        r"input depth must be evenly divisible by filter depth: (\d+) vs (\d+)",
        "channels that come in, and channels that the weights are for: the third number of their shape has to be {0}",
    ),
    (
        r"In\[0\]: \[\d+,(\d+)\], In\[1\]: \[(\d+),\d+\]",
        "each row that comes in has {0} numbers, and the weights are for {1}: the number in the reshape, and the "
        "first of the weights' shape, both have to be the size of the layer before",
    ),
    (
        r"In\[0\]: \[\d+,(\d+),(\d+),(\d+)\]|In\[0\] mismatch.*: \[\d+,(\d+),(\d+),(\d+)\] vs",
        "what comes in is not flat: first tf.reshape(..., [-1, {0} * {1} * {2}])",
    ),
    (
        r"Incompatible shapes: \[[\d,]*?(\d+)\] vs\. \[(\d+)\]",
        "the layer has {0} outputs, and the bias {1}: it needs one for each",
    ),
    (
        r"NameError: name '(h_\w+)' is not defined",
        "the lines that made {0} are gone: what comes before them has to be handed on",
    ),
    (r"NameError: name '([Wb](?:_\w+)?)' is not defined", "write self.{0}"),
    (
        r"'Model' object has no attribute '([Wb]\w*)'",
        "__init__ makes no self.{0}: make it there, or leave out what uses it",
    ),
    (
        r"NameError: name 'FLAGS' is not defined",
        "take over the lines of deep_mnist.py that begin with `if __name__ ==`, at the top and at the end",
    ),
    (
        r"Only input tensors may be passed as positional arguments|no attribute '_in_graph_mode'",
        "a Keras model can't be trained by the lab's main: write class Model(tf.Module), and make its variables with "
        "weight_variable and bias_variable, as deep_mnist.py does",
    ),
    (r"'NoneType' object", "something returned None: is a `return` missing?"),
    (
        r"invalid character .*\(U\+(?:201[89A-F]|00[AB]B)\)",
        "quotation marks from a word processor or a web page: write straight ones, \" or '",
    ),
    (
        r"No module named '(?!tensorflow)(\w+)",
        "the lab has numpy, TensorFlow and matplotlib, and grading has no other packages: do it without {0}",
    ),
)


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


# ------------------------------------------------------------------------------------------------------------- errors


def explain(error: BaseException, script: str | Path) -> str:
    """Describe an error in one line: where in the script it occurred, what it is, and how to fix it if that is known.

    `script` is its path, or its name without `.py`. A shape that does not fit is reported with the line of the Model
    that led to it, and not with that of a helper such as conv2d, which is right.
    """
    place = _place(error, Path(script).stem)
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
        reason += _newer_python(error) or _hint(reason)
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            reason += _memory_limit()
    return f"{at}{reason}"[:MESSAGE]


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
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return range(0)
    models = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Model")
    return next((range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in models), range(0))


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


def _hint(reason: str) -> str:
    missing = re.search(r"module 'tensorflow.*' has no attribute '(\w+)'|No module named 'tensorflow\.(\w+)", reason)
    name = next(filter(None, missing.groups()), "") if missing else ""
    if name in LECTURE:
        return f"; that is of TensorFlow 1, and today {LECTURE[name]} ({TABLE})"
    for pattern, advice in HINTS:
        if match := re.search(pattern, reason):
            return "; " + advice.format(*(group for group in match.groups() if group is not None))
    return ""


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


# -------------------------------------------------------------------------------------------------------------- models


def output_problem(model: Any, images: int = IMAGES) -> str | None:
    """Describe what is wrong with a model's output for some blank images, and what to do; None if it returns logits.

    Raises what the model raises.
    """
    import tensorflow as tf

    logits = model(tf.zeros([images, 784]))
    if logits is None:
        return "Model()(x) returned None: is the `return` missing in __call__?"
    if not hasattr(logits, "shape"):
        return f"the model returned a {type(logits).__name__}, expected the logits, a tensor of shape ({images}, 10)"
    shape = tuple(logits.shape)
    if shape != (images, 10):
        problem = f"the model returned shape {shape} for {images} images, expected ({images}, 10)"
        return f"{problem}{_rows(shape, images)}"
    return None


def variables_problem(model: Any) -> str | None:
    """Explain why a model, which has been called, can't be trained by the lab's main; None if it can."""
    if not hasattr(model, "trainable_variables"):
        return "Model has no trainable_variables: write `class Model(tf.Module):`, which finds them"
    if not model.trainable_variables:
        return (
            "Model has no variables that can be trained: tf.Module does not find those of Keras layers; make them with "
            "weight_variable and bias_variable, as deep_mnist.py does"
        )
    return None


def _rows(shape: tuple[int, ...], images: int) -> str:
    """Explain what causes a wrong number of rows."""
    if len(shape) != 2 or shape[1] != 10 or not shape[0]:
        return ""
    small, large = sorted((shape[0], images))
    if large % small:
        return ": the reshape before the first matrix product does not fit the layer before it"
    much = "small" if shape[0] > images else "large"
    return (
        f": the number in the reshape before the first matrix product is {large // small} times too {much} for the "
        "layer before it, and so is the first of the weights' shape behind it"
    )
