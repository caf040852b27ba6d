"""Tells a mistake in a lab script in one line: where it is, what it is, and what to do.

The script itself, tests/test_shapes.py, `submit.py check` and grading take the line from here, so they say the same.
Nothing here imports TensorFlow. LECTURE is the table of docs/student/tensorflow-1-to-2.md, in short.
"""

import ast
import copy
import errno
import linecache
import re
import sys
import traceback
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from labkit.errors import KitError

NEWER = (3, 12)  # has a syntax that older ones have not: nested f-strings, type statements, def f[T]
MESSAGE = 700  # characters of a line that are kept
IMAGES = 2  # blank ones, to try a model with
# What TensorFlow and Python add to their messages: addresses, modules, names of nodes, of operations, colours.
NOISE = r" at 0x[0-9a-f]+|(?<=<)\w+\.(?=Model object)|(?<=<class ')\w+\.(?=Model')"
NOISE += r"| for '\{\{node .*?(?=' with input shapes)'|\{\{.*?\}\} ?|\[Op:.*|\x1b\[[0-9;]*m"
FRAME = re.compile(r'File "(?P<file>.+?)", line (?P<line>\d+), in .*\n\s*(?P<code>.*)')
WRONG_RANK = re.compile(r"must be rank 4 but is rank (\d+)")
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
    "train.GradientDescentOptimizer": "`with tf.GradientTape() as tape:` and "
    "`variable.assign_sub(learning_rate * gradient)`",
    "train.AdamOptimizer": "`tf.compat.v1.train.AdamOptimizer(learning_rate)`",
    "get_default_session": "nothing: what is computed is there at once",
    "contrib.learn": "`mnist = lab.read_data(flags)`",
    "contrib": "what deep_mnist.py writes with tf.nn, tf.matmul and tf.reshape",
    "examples": "`mnist = lab.read_data(flags)`",
    "variable_scope": "`with tf.name_scope(...):`, with variables made in `__init__`",
    "get_variable": "`self.W_fc1 = weight_variable([...])`, in `__init__`",
    "random_normal": "`weight_variable([...])`, which draws with tf.random.normal",
    "random_uniform": "`tf.random.uniform`",
    "layers": "weight_variable and bias_variable, with tf.nn.conv2d, tf.nn.max_pool2d or tf.matmul",
    "to_float": "`tf.cast(x, tf.float32)`",
    "summary.scalar": "nothing: `run.log(losses)` keeps the losses",
    "train.Saver": "nothing: lab.Run saves checkpoints",
}
# A pattern in an error's line, and what to do; {0} is what its first group has found.
HINTS = (
    (
        r"`rate` must be a scalar|unexpected keyword argument 'keep_prob'",
        "the second argument of tf.nn.dropout is the rate to drop today, 1 - keep_prob: "
        f"write dropout(h_fc1, keep_prob), as deep_mnist.py does ({TABLE})",
    ),
    (
        r"input depth must be evenly divisible by filter depth: (\d+) vs (\d+)",
        "channels that come in, and channels that the weights are for: the third number of their shape has to be {0}, "
        "and the fourth is how many filters there are",
    ),
    (
        r"must be rank 4 but is rank \d",
        "a convolution and a pooling take [images, height, width, channels], tf.reshape(x, [-1, 28, 28, 1]), and the "
        "weights are [height, width, channels, filters]",
    ),
    (
        rf"In\[0\]: \[(?!(?:{IMAGES}|37),)\d+,\d+\], In\[1\]: \[(?:{IMAGES}|37),\d+\]",
        "the two are swapped: in tf.matmul, what comes in is first, and the weights second",
    ),
    (
        r"In\[0\] ndims must be >= 2",
        "what comes in is one row of numbers, without the images: tf.reshape takes the new shape as one list, "
        "tf.reshape(..., [-1, 14 * 14 * 64]) for pixels 14x14 in 64 maps",
    ),
    (
        r"Input to reshape is a tensor with \d+ values, but the requested shape has",
        "the first number of the shape is that of the images, which is another one at each call: write -1 for it, and "
        "behind it the numbers of the layer before",
    ),
    (
        r"has no attribute 'reshape'",
        "TensorFlow's tensors have no methods of that kind: write tf.reshape(h, [...])",
    ),
    (
        r"only supports singleton tf\.Variables|UnliftableError",
        "make variables and layers in `__init__`, once, and use them in `__call__`",
    ),
    (
        r"__call__\(\) takes (?:from 1 to )?2 positional arguments but 3 were given",
        "main hands KEEP_PROB on to it: write def __call__(self, x, keep_prob=1.0), as deep_mnist.py does",
    ),
    (
        r"Incompatible shapes: \[[\d,]*?\d+\] vs\. \[(\d+),1\]",
        "a bias has one number in its shape: bias_variable([{0}])",
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
    (r"NoneType|\(None\)", "something returned None: is a `return` missing?"),
    (
        r"No module named '(?!tensorflow)(\w+)",
        "the lab has numpy, TensorFlow and matplotlib, and grading has no other packages: do it without {0}",
    ),
)


# Characters that come from a PDF, a web page or a word processor, and what Python has in their place.
PASTED = {
    "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u00b4\u2032\u2033": "quotation marks from a word "
    "processor or a web page: write straight ones, \" or '",
    "\u00d7\u22c5\u00b7\u2217\u2715": "a multiplication sign from a PDF or a web page: write *",
    "\u2010\u2011\u2012\u2013\u2014\u2212": "a dash from a PDF or a web page: write the minus sign, -",
    "\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000\u200b\u200c\u200d\u2060\ufeff\u00ad": "a blank from a PDF or "
    "a web page that Python does not take for one: delete all blanks in this line, and type them yourself",
}

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
        advice = definition[1] if definition else _newer_python(error) or _pasted(error)
        reason += advice or _hint(reason, place.code if place else "")
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            reason += _memory_limit()
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


def todays(names: list[str]) -> str | None:
    """Return what LECTURE has for a dotted name without its `tf`, which may go on behind what is in the table."""
    return next((LECTURE[name] for name in (".".join(names[:2]), *names[:1]) if name in LECTURE), None)


def _hint(reason: str, code: str) -> str:
    missing = re.search(
        r"module 'tensorflow(?:\._api\.v2)?\.?([\w.]*)' has no attribute '(\w+)'|No module named 'tensorflow\.((\w+))",
        reason,
    )
    if missing:
        module, name = missing[1] or "", missing[2] or missing[4]
        names = [*filter(None, module.split(".")), name]
        behind = re.search(rf"\b{name}\.(\w+)", code)  # the error tells the first name that is missing, no more
        if today := todays([*names, *(behind.groups() if behind else ())]):
            return f"; that is of TensorFlow 1, and today {today} ({TABLE})"
        if _is_of_tensorflow_1(names):
            return f"; that is of TensorFlow 1: write it as deep_mnist.py does ({TABLE})"
    for pattern, advice in HINTS:
        if match := re.search(pattern, reason):
            return "; " + advice.format(*(group for group in match.groups() if group is not None))
    return ""


def _is_of_tensorflow_1(names: list[str]) -> bool:
    """Tell whether TensorFlow, where it is loaded, keeps this name for old programs."""
    found: Any = sys.modules.get("tensorflow")
    for name in ("compat", "v1", *names):
        found = getattr(found, name, None)
    return found is not None


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


def _pasted(error: BaseException) -> str:
    """Explain a character or a line that Python does not know because it was copied from elsewhere; "" for others."""
    if not isinstance(error, SyntaxError):
        return ""
    line = (error.text or "").strip()
    if line.startswith((">>> ", "... ", "In [")):
        return "; that is the prompt of a Python session: leave it out, and keep what stands behind it"
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
        return "; git has left both versions here: keep one, and delete the lines with <<<<<<<, ======= and >>>>>>>"
    found = re.search(r"invalid (?:non-printable )?character .*?U\+([0-9A-F]{4,6})", error.msg)
    if not found:
        return ""
    character = chr(int(found[1], 16))
    for characters, advice in PASTED.items():
        if character in characters:
            return f"; {advice}"
    return "; it comes from a PDF or a web page, most likely: delete it, and type the line yourself"


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


def call_problem(model: Any) -> str | None:
    """Explain why a model can't be called at all, and what to do; None if it can."""
    if callable(model):
        return None
    near = sorted(name for name in vars(type(model)) if "call" in name.lower())
    found = f" (there is `{near[0]}`)" if near else ""
    return (
        f"Model has no __call__{found}: is it called so, with two underscores before and after, and indented like "
        "__init__?"
    )


def output_problem(model: Any, images: int = IMAGES) -> str | None:
    """Describe what is wrong with a model's output for some blank images, and what to do; None if it returns logits.

    Raises what the model raises.
    """
    import tensorflow as tf

    if problem := call_problem(model):
        return problem
    _refuse_wrong_ranks(model, images)
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


def _refuse_wrong_ranks(model: Any, images: int) -> None:
    """Raise the error of a convolution of what is not 4-D, which would end the process where it is called eagerly.

    A bare graph is enough for that: no AutoGraph, no gradients, nothing optimised, so it takes some 10 ms. Whatever
    else goes wrong in it is for the call to tell. A copy of the model is called, which may keep what it makes there:
    tensors of that graph, or Keras layers that are half built.
    """
    import tensorflow as tf
    from tensorflow.python.framework.func_graph import FuncGraph

    def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("variables are made in a call")

    try:
        copied = copy.deepcopy(model)
        with FuncGraph("ranks").as_default(), tf.variable_creator_scope(refuse):
            copied(tf.zeros([images, 784]))
    except ValueError as error:
        if WRONG_RANK.search(str(error)):
            raise
    except Exception:  # told by the call itself, if it is a mistake at all
        return


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
    """Explain what causes a wrong number of rows, or of columns."""
    if shape == (images,):
        return ": one number for each image, as of tf.argmax, which is for predict; return the logits themselves"
    if len(shape) == 2 and shape[0] == images:
        return ": those may be of a hidden layer; return what the last matrix product and its bias give"
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
