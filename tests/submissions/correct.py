"""Right solutions written differently: all with full marks, because a false negative is as bad as a false positive.

Each has the three networks of the assignment, and three scripts that run as the kit's do. Models that are another text
altogether are in models/, once for the three scripts; see rewriting.model_text.
"""

from tests.submissions import ROOT, Case, Files
from tests.submissions.rewriting import (
    MODEL,
    REFERENCE,
    model_text,
    replaced,
    rewritten,
    substituted,
    with_model,
)

HELPERS = MODEL.search(REFERENCE["model_no1"])[0].partition("class Model")[0].strip() + "\n"
HELPER_NAMES = "bias_variable, conv2d, dropout, max_pool_2x2, weight_variable"
MAIN_GUARD = 'if __name__ == "__main__":\n    lab.run_script(main, FLAGS)\n'

# What a model of Keras layers needs elsewhere: its variables are Keras's own, which only an optimizer of Keras updates.
KERAS = (
    ("learning_rate = tf.Variable(0.0)", "model(tf.zeros([1, 784]))  # makes the variables of its layers"),
    (
        "optimizer = tf.compat.v1.train.AdamOptimizer(learning_rate)",
        "optimizer = tf.keras.optimizers.Adam()\noptimizer.build(model.trainable_variables)",
    ),
    ("learning_rate.assign(rate)", "optimizer.learning_rate.assign(rate)"),
    ("model(x, KEEP_PROB)", "model(x, keep_prob=KEEP_PROB)"),
    ("W.shape.rank == 4", "len(W.shape) == 4"),
)


def helper_module() -> Files:
    """Put the lecture's helpers into a module of their own."""
    module = f'"""What my three models are made of."""\n\nimport math\n\nimport tensorflow as tf\n\n\n{HELPERS}'
    changes = ("import plotter\n", f"import plotter\nfrom my_layers import {HELPER_NAMES}\n"), (HELPERS, "")
    return rewritten(*changes) | {"my_layers.py": module.encode()}


def one_script_imports_another() -> Files:
    """Let nos. 2 and 3 import helpers and training from no. 1, which runs whatever model it is given."""
    no1 = replaced(REFERENCE["model_no1"], ("def main(flags):", "def main(flags, Model=Model):"))
    scripts = {"model_no1.py": no1.encode()}
    for script in ("model_no2", "model_no3"):
        text = REFERENCE[script]
        head, model = text[: text.index("import numpy")], text[text.index("class Model") : text.index("def main")]
        scripts[f"{script}.py"] = (
            f"{head}import tensorflow as tf\n\nimport model_no1\nfrom model_no1 import {HELPER_NAMES}\n\n\n{model}"
            + replaced(MAIN_GUARD, ("main, FLAGS", "lambda flags: model_no1.main(flags, Model), FLAGS"))
        ).encode()
    return scripts


NETWORKS = '''"""The three networks of the lab."""

import math

import tensorflow as tf


class Network(tf.Module):
    """What they have in common."""

    @staticmethod
    def parameters(*shape):
        W = tf.random.normal(shape, stddev=math.sqrt(2 / math.prod(shape[:-1])))
        return tf.Variable(W), tf.Variable(tf.constant(0.1, shape=shape[-1:]))

    @staticmethod
    def convolve(h, W, b):
        return tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(h, W, 1, "SAME") + b), 2, 2, "SAME")

    @staticmethod
    def connect(h, W, b):
        return tf.nn.relu(h @ W + b)

    @staticmethod
    def drop(h, keep_prob):
        return tf.nn.dropout(h, 1 - keep_prob) if keep_prob < 1 else h
'''


def shared_modules() -> Files:
    """Put the networks into one file, the training into another; the scripts only combine them."""
    text = REFERENCE["model_no1"]
    main = text[text.index("def main") : text.index(MAIN_GUARD)]
    main = replaced(main, ("def main(flags):", "def train(flags, network):"), ("model = Model()", "model = network()"))
    imports = "import numpy as np\nimport tensorflow as tf\n\nimport lab\nimport plotter\n\nKEEP_PROB = 0.5\n\n\n"
    files = {
        "networks.py": "\n\n".join([NETWORKS, *(model_text("shared", script) for script in REFERENCE)]).encode(),
        "training.py": (imports + main.strip() + "\n").encode(),
    }
    for script, text in REFERENCE.items():
        head = text[: text.index("import numpy")]
        body = f"import training\nfrom networks import Model{script[-1]} as Model\n\n"
        guard = replaced(MAIN_GUARD, ("main, FLAGS", "lambda flags: training.train(flags, Model), FLAGS"))
        files[f"{script}.py"] = (head + body + guard).encode()
    return files


def one_step_at_a_time() -> Files:
    """Train one step at a time, in a Python loop, as most tutorials do."""
    loop = (
        "    for step in run.steps():\n"
        "        images, labels = mnist.train.next_batch(flags.batch_size)\n"
        "        run.log(train_step(images, np.float32(labels), lab.learning_rate(step, flags)))\n\n"
    )
    files = {}
    for script, text in REFERENCE.items():
        start, end = text.index("    @tf.function"), text.index("    @tf.function\n    def predict")
        text = text[:start] + text[end:]
        start, end = text.index("    for steps in run.rounds()"), text.index("    predictions = run.test()")
        text = text[:start] + loop + text[end:]
        files[f"{script}.py"] = replaced(
            text, ("    def train_step(", "    @tf.function\n    def train_step(")
        ).encode()
    return files


def upper_case_names() -> Files:
    """Name the scripts MODEL_NO1.py and so on."""
    return dict.fromkeys(rewritten()) | {f"{script.upper()}.py": text for script, text in REFERENCE.items()}


def latin_1() -> Files:
    """Encode comments as Latin-1, as an editor without UTF-8 does, with the declaration for that."""
    comment = ("KEEP_PROB = 0.5", "# probabilità: metà delle unità\nKEEP_PROB = 0.5")
    scripts = {script: "# -*- coding: latin-1 -*-\n" + replaced(text, comment) for script, text in REFERENCE.items()}
    return {f"{script}.py": text.encode("latin-1") for script, text in scripts.items()}


def the_whole_kit() -> Files:
    """Hand in the whole folder, with the kit's own modules."""
    kit = [path for path in sorted(ROOT.glob("*.py")) if path.stem not in REFERENCE]
    return rewritten() | {path.name: path.read_bytes() for path in kit}


def no_keep_prob() -> Files:
    """Leave keep_prob out of no. 3, which has no dropout to use it for."""
    changes = ("def __call__(self, x, keep_prob=1.0):", "def __call__(self, x):"), ("model(x, KEEP_PROB)", "model(x)")
    return {"model_no3.py": replaced(REFERENCE["model_no3"], *changes).encode()}


def correct(name: str, attempts: str, files: Files, **case) -> Case:
    """Make a solution with full marks."""
    return Case(name, attempts, "correct", files, **case)


_MATMUL = r"tf\.matmul\((\w+), self\.{}\)"
_CONV_BIAS = r"conv2d\((\w+), self\.(\w+)\) \+ self\.(\w+)"

OTHER_MODELS = [
    correct("keras_layers", "layers of Keras", with_model("keras_layers", *KERAS)),
    correct("keras_sequential", "tf.keras.Sequential", with_model("keras_sequential", *KERAS)),
    correct("keras_subclass", "a subclass of tf.keras.Model", with_model("keras_subclass", *KERAS)),
    correct("keras_functional", "Keras's functional interface", with_model("keras_functional", *KERAS)),
    correct("loop_over_layers", "lists of weights, loops over layers", with_model("loop")),
    correct("layer_classes", "a class for each kind of layer", with_model("layer_classes")),
    correct(
        "functional_style",
        "a chain of functions",
        with_model("functional_style", ("import math\n", "import functools\nimport math\n")),
    ),
    correct(
        "dataclass_config",
        "all sizes in a dataclass",
        with_model("dataclass_config", ("import math\n", "import math\nfrom dataclasses import dataclass\n")),
    ),
    correct(
        "type_hints",
        "types everywhere, and identities and casts in the graph",
        with_model(
            "typed",
            ("import math\n", "import math\nfrom collections.abc import Sequence\nfrom typing import TypeAlias\n"),
        ),
    ),
    correct("transposed_weights", "weights as (outputs, inputs)", with_model("transposed")),
    correct("comments_in_italian", "other names of helpers and variables, in Italian", with_model("italian")),
]

OTHER_FILES = [
    correct("reference_solutions", "the kit's own solutions", rewritten()),
    correct("helper_module", "a module beside the scripts, which they import", helper_module()),
    correct("one_script_imports_another", "nos. 2 and 3 import no. 1", one_script_imports_another()),
    correct("shared_modules", "networks and training in files of their own", shared_modules()),
    correct("upper_case_names", "MODEL_NO1.py", upper_case_names(), remarks=("was taken for",)),
    correct("the_whole_kit", "the whole folder in the zip", the_whole_kit()),
    correct("latin_1", "comments in Latin-1", latin_1()),
]

OTHER_WORDS = [
    correct(
        "einsum_and_tensordot",
        "other functions for products",
        substituted(
            (_MATMUL.format("W_fc1"), r'tf.einsum("ni,ij->nj", \1, self.W_fc1)'),
            (_MATMUL.format("W_fc2"), r"tf.tensordot(\1, self.W_fc2, axes=1)"),
        ),
    ),
    correct("at_operator", "@ for tf.matmul", substituted((_MATMUL.format(r"(\w+)"), r"\1 @ self.\2"))),
    correct(
        "bias_add_and_convolution",
        "tf.nn.bias_add, tf.nn.convolution and tf.nn.pool",
        substituted(
            (_CONV_BIAS, r"tf.nn.bias_add(conv2d(\1, self.\2), self.\3)"),
            (r"tf\.matmul\((\w+), self\.(\w+)\) \+ self\.(\w+)", r"tf.nn.bias_add(tf.matmul(\1, self.\2), self.\3)"),
            (r'tf\.nn\.conv2d\(x, W, strides=1, padding="SAME"\)', 'tf.nn.convolution(x, W, padding="SAME")'),
            (
                r'tf\.nn\.max_pool2d\(x, ksize=2, strides=2, padding="SAME"\)',
                'tf.nn.pool(x, [2, 2], "MAX", strides=[2, 2], padding="SAME")',
            ),
        ),
    ),
    correct(
        "relu_after_pooling",
        "the largest of four pixels first, then its ReLU",
        substituted(
            (rf"tf\.nn\.relu\(({_CONV_BIAS})\)", r"\1"),
            (r"max_pool_2x2\((h_conv\d)\)", r"tf.nn.relu(max_pool_2x2(\1))"),
        ),
    ),
    correct("maximum_for_relu", "tf.maximum(x, 0)", substituted((r"tf\.nn\.relu\((.*)\)  #", r"tf.maximum(\1, 0)  #"))),
    correct("tf_function_on_call", "@tf.function", substituted((r"( +)(def __call__)", r"\1@tf.function\n\1\2"))),
    correct(
        "nn_dropout",
        "tf.nn.dropout",
        substituted((r"    kept = .*\n    return tf\.where\(.*\)", r"    return tf.nn.dropout(x, rate=1 - keep_prob)")),
    ),
    correct(
        "if_on_a_tensor",
        "a condition that needs AutoGraph",
        substituted((r"if keep_prob == 1\.0:", "if tf.equal(keep_prob, 1.0):")),
    ),
    correct(
        "other_reshapes",
        "Flatten, expand_dims and ensure_shape for reshape",
        substituted(
            (r"tf\.reshape\(x, \[-1, 28, 28, 1\]\)", r"tf.expand_dims(tf.reshape(x, [-1, 28, 28]), axis=3)"),
            (
                r"tf\.reshape\((h_pool\d), \[-1, (\d+ \* \d+ \* \d+)\]\)",
                r"tf.ensure_shape(tf.keras.layers.Flatten()(\1), [None, \2])",
            ),
        ),
    ),
    correct(
        "explicit_padding",
        "two pixels of padding, written out",
        substituted((r'(strides=1, padding=)"SAME"', r"\1[[0, 0], [2, 2], [2, 2], [0, 0]]")),
    ),
    correct(
        "padding_by_hand",
        "a frame of zeros, and no padding then",
        substituted(
            (
                r'tf\.nn\.conv2d\(x, W, strides=1, padding="SAME"\)',
                'tf.nn.conv2d(tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]), W, strides=1, padding="VALID")',
            )
        ),
    ),
    correct(
        "fully_convolutional",
        "products as convolutions over all that is left of the image",
        substituted(
            (r"variable\(\[(\d+) \* (\d+) \* (\d+), (\d+)\]\)", r"variable([\1, \2, \3, \4])"),
            (r"tf\.reshape\((h_pool\d), \[-1, .*\]\)", r"\1"),
            (
                r"tf\.matmul\((h_pool\d_flat), self\.(\w+)\)",
                r'tf.squeeze(tf.nn.conv2d(\1, self.\2, strides=1, padding="VALID"), axis=[1, 2])',
            ),
        ),
    ),
    correct(
        "relu_of_its_own",
        "tf.where(x > 0, x, 0)",
        substituted(
            (r"tf\.nn\.relu\(", "relu("),
            (
                r"def max_pool_2x2\(x\):",
                "def relu(x):\n    return tf.where(x > 0, x, tf.zeros_like(x))\n\n\ndef max_pool_2x2(x):",
            ),
        ),
    ),
    correct("no_keep_prob", "a model that takes only images, where nothing is dropped", no_keep_prob()),
    correct(
        "training_for_keep_prob",
        "training=True, as Keras has it",
        substituted(
            (r"def __call__\(self, x, keep_prob=1.0\)", "def __call__(self, x, training=False)"),
            (r"dropout\(h_fc1, keep_prob\)", "dropout(h_fc1, KEEP_PROB if training else 1.0)"),
            (r"model\(x, KEEP_PROB\)", "model(x, training=True)"),
        ),
    ),
    correct(
        "lecture_initialisation",
        "weights as the lecture first had them",
        substituted((r"tf\.random\.normal\(shape, .*\)\)", r"tf.random.truncated_normal(shape, stddev=0.1))")),
    ),
    correct(
        "checked_shapes",
        "assertions, and a counter that is not trained",
        substituted(
            (r"( +)(self\.b_fc2 = .*)", r"\1\2\n\1self.calls = tf.Variable(0, trainable=False)"),
            (r"( +)(x_image = .*)", r"\1\2\n\1assert x_image.shape[1:] == (28, 28, 1), x_image.shape"),
        ),
    ),
    correct("one_step_at_a_time", "a training loop in Python", one_step_at_a_time()),
]

CASES = [*OTHER_MODELS, *OTHER_FILES, *OTHER_WORDS]
