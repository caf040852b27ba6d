"""What to do about an error in a lab script: one sentence of advice behind the reason that Python or TensorFlow gives.

Nothing here imports TensorFlow. LECTURE is the table of docs/student/tensorflow-1-to-2.md, in short.
"""

import re
import sys
from typing import Any

IMAGES = 2  # blank ones, to try a model with; the graph that is frozen of it has the 37 of checks/graph/freezing.py
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
        "__call__(self, x, keep_prob=1.0) has to take keep_prob, which main hands on to it",
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


def todays(names: list[str]) -> str | None:
    """Return what LECTURE has for a dotted name without its `tf`, which may go on behind what is in the table."""
    return next((LECTURE[name] for name in (".".join(names[:2]), *names[:1]) if name in LECTURE), None)


def advice(reason: str, code: str) -> str:
    """Return what to do about an error, begun with a semicolon; "" where nothing is known. `code` is its line."""
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
    value: Any = sys.modules.get("tensorflow")
    for name in ("compat", "v1", *names):
        value = getattr(value, name, None)
    return value is not None


def pasted(error: BaseException) -> str:
    """Explain a character or a line that Python does not know because it was copied from elsewhere; "" for others."""
    if not isinstance(error, SyntaxError):
        return ""
    line = (error.text or "").strip()
    if line.startswith((">>> ", "... ", "In [")):
        return "; that is the prompt of a Python session: leave it out, and keep what stands behind it"
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>", "|||||||")):
        return "; git has left both versions here: keep one, and delete the lines with <<<<<<<, ======= and >>>>>>>"
    character_code = re.search(r"invalid (?:non-printable )?character .*?U\+([0-9A-F]{4,6})", error.msg)
    if not character_code:
        return ""
    character = chr(int(character_code[1], 16))
    for characters, advice in PASTED.items():
        if character in characters:
            return f"; {advice}"
    return "; it comes from a PDF or a web page, most likely: delete it, and type the line yourself"
