"""Honest mistakes in the scripts: each with the checks that fail, those that depend on them, and those that do not.

Almost all are in model_no1.py, so that nos. 2 and 3 show that one mistake costs its own points only.
"""

from tests.submissions import SCRIPTS, Case
from tests.submissions.rewriting import DEEP, MODEL, REFERENCE, Change, replaced, without_layer

# What becomes of a script's checks.
NOT_IMPORTED = {"run": "failed", "architecture": "skipped", "training": "skipped"}
NO_SCRIPT = {**NOT_IMPORTED, "files": "failed"}  # not even a line of Python
MODEL_FAILS = {"run": "failed", "architecture": "failed|skipped", "training": "skipped"}  # some layers may be there
MAIN_FAILS = {"run": "failed", "architecture": "passed|skipped", "training": "passed|skipped"}  # the network is right
OTHER_NETWORK = {"architecture": "failed", "training": "skipped"}

CONV = "h_conv2 = tf.nn.relu(conv2d(x_image, self.W_conv2) + self.b_conv2)"
CONV_WEIGHTS = "weight_variable([5, 5, 1, 64])"
FC1 = "h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1)"
DROP = "h_fc1_drop = dropout(h_fc1, keep_prob)"
FLAT = "h_pool2_flat = tf.reshape(h_pool2, [-1, 14 * 14 * 64])"
HELPERS_START = "def weight_variable(shape):"
GUARD = 'if __name__ == "__main__":\n    lab.run_script(main, FLAGS)\n'
LOSS = "tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=smooth, logits=logits))"


def checks(statuses: dict[str, str], *scripts: str) -> dict[str, str]:
    """Return checks by their full names, for the scripts given, from statuses by the first part of the names."""
    return {f"{kind}/{script}": status for script in scripts for kind, status in statuses.items()}


def flawed(
    name: str,
    attempts: str,
    statuses: dict[str, str],
    *changes: Change,
    network: str = REFERENCE["model_no1"],
    **case,
) -> Case:
    """Make a mistake in model_no1.py, by changes to its text."""
    text = replaced(network, *changes)
    expect = checks(statuses, "model_no1")
    if statuses.get("training") == "failed":
        expect["report/accuracies"] = "passed|failed"  # the report has the accuracy of a network that learns
    return Case(name, attempts, "flawed", {"model_no1.py": text}, expect=expect, **case)


def mentions(check: str, fragment: str) -> dict[str, dict[str, str]]:
    """Require a fragment of a check's message."""
    return {"messages": {check: fragment}}


WRONG_REMOVAL = [
    Case(
        "nothing_removed",
        "deep_mnist.py under another name",
        "flawed",
        {"model_no1.py": DEEP},
        expect=checks(OTHER_NETWORK, "model_no1"),
    ),
    Case(
        "swapped_scripts",
        "nos. 1 and 2 under each other's name",
        "flawed",
        {"model_no1.py": REFERENCE["model_no2"], "model_no2.py": REFERENCE["model_no1"]},
        expect=checks(OTHER_NETWORK, "model_no1", "model_no2"),
    ),
    Case(
        "one_script_three_times",
        "no. 3 under all names",
        "flawed",
        {f"{script}.py": REFERENCE["model_no3"] for script in SCRIPTS},
        expect=checks(OTHER_NETWORK, "model_no1", "model_no2"),
    ),
    flawed(
        "two_layers_removed",
        "no convolution is left, whose filters main could draw",
        OTHER_NETWORK | {"run": "passed|failed"},
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([784, 1024])"),
        (FLAT, "h_pool2_flat = tf.reshape(x_image, [-1, 784])"),
        network=without_layer(REFERENCE["model_no1"], "conv2"),
    ),
    flawed(
        "fully_connected_layer_removed_too",
        "nothing between pooling and the last layer",
        OTHER_NETWORK,
        ("        self.W_fc1 = weight_variable([14 * 14 * 64, 1024])", "        #"),
        ("        self.b_fc1 = bias_variable([1024])\n", ""),
        ("weight_variable([1024, 10])", "weight_variable([14 * 14 * 64, 10])"),
        (FC1, "h_fc1 = h_pool2_flat"),
    ),
    flawed(
        "pooling_left_behind",
        "the first convolution is gone, its pooling is not",
        OTHER_NETWORK,
        ("tf.reshape(x, [-1, 28, 28, 1])", "max_pool_2x2(tf.reshape(x, [-1, 28, 28, 1]))"),
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([7 * 7 * 64, 1024])"),
        (FLAT, "h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])"),
    ),
    Case(
        "dropout_left_in_no3",
        "the fully connected layer is gone, its dropout is not",
        "flawed",
        {
            "model_no3.py": replaced(
                REFERENCE["model_no3"],
                ("tf.matmul(h_pool2_flat, self.W_fc2)", "tf.matmul(dropout(h_pool2_flat, keep_prob), self.W_fc2)"),
            )
        },
        expect=checks(OTHER_NETWORK, "model_no3"),
    ),
]

OTHER_LAYERS = [
    flawed("no_dropout", "dropout is gone, too", OTHER_NETWORK, (DROP, "h_fc1_drop = h_fc1")),
    flawed(
        "dropout_when_testing",
        "half of the units are always dropped",
        OTHER_NETWORK,
        (DROP, "h_fc1_drop = tf.nn.dropout(h_fc1, rate=0.5)"),
    ),
    flawed(
        "width_512",
        "512 units for 1024",
        OTHER_NETWORK,
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([14 * 14 * 64, 512])"),
        ("bias_variable([1024])", "bias_variable([512])"),
        ("weight_variable([1024, 10])", "weight_variable([512, 10])"),
    ),
    flawed(
        "filters_of_the_other_layer",
        "the 32 filters of the layer that should be gone",
        OTHER_NETWORK,
        (CONV_WEIGHTS, "weight_variable([5, 5, 1, 32])"),
        ("bias_variable([64])", "bias_variable([32])"),
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([14 * 14 * 32, 1024])"),
        (FLAT, "h_pool2_flat = tf.reshape(h_pool2, [-1, 14 * 14 * 32])"),
    ),
    flawed("kernel_3x3", "3x3 pixels for 5x5", OTHER_NETWORK, (CONV_WEIGHTS, "weight_variable([3, 3, 1, 64])")),
    flawed(
        "valid_padding",
        "no padding: 24x24 pixels are left",
        OTHER_NETWORK,
        ('strides=1, padding="SAME"', 'strides=1, padding="VALID"'),
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([12 * 12 * 64, 1024])"),
        (FLAT, "h_pool2_flat = tf.reshape(h_pool2, [-1, 12 * 12 * 64])"),
    ),
    flawed(
        "stride_for_pooling",
        "a stride of 2 in place of pooling",
        OTHER_NETWORK,
        ('tf.nn.conv2d(x, W, strides=1, padding="SAME")', 'tf.nn.conv2d(x, W, strides=2, padding="SAME")'),
        ("h_pool2 = max_pool_2x2(h_conv2)", "h_pool2 = h_conv2"),
    ),
    flawed(
        "average_pooling",
        "the mean of four pixels for the largest",
        OTHER_NETWORK,
        ("tf.nn.max_pool2d(x,", "tf.nn.avg_pool2d(x,"),
    ),
    flawed(
        "no_relu_after_convolution",
        "a convolution without ReLU",
        OTHER_NETWORK,
        (CONV, "h_conv2 = conv2d(x_image, self.W_conv2) + self.b_conv2"),
    ),
    flawed(
        "no_relu_before_dropout",
        "a fully connected layer without ReLU",
        OTHER_NETWORK,
        (FC1, "h_fc1 = tf.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1"),
    ),
    flawed(
        "sigmoid_for_relu",
        "the sigmoid of older lectures",
        OTHER_NETWORK,
        (FC1, "h_fc1 = tf.nn.sigmoid(tf.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1)"),
    ),
    flawed(
        "no_bias",
        "a convolution without its bias",
        OTHER_NETWORK,
        (CONV, "h_conv2 = tf.nn.relu(conv2d(x_image, self.W_conv2))"),
    ),
    flawed(
        "learns_nothing",
        "biases start far below zero, so that no ReLU ever lets anything through",
        {"training": "failed"},
        ("tf.constant(0.1, shape=shape)", "tf.constant(-10.0, shape=shape)"),
    ),
]

MODEL_DOES_NOT_WORK = [
    flawed(
        "reshape_of_the_old_size",
        "rows of 7*7*64 where 14*14*64 are left: four for each image",
        MODEL_FAILS,
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([7 * 7 * 64, 1024])"),
        (FLAT, "h_pool2_flat = tf.reshape(h_pool2, [-1, 7 * 7 * 64])"),
    ),
    flawed(
        "weights_of_the_old_size",
        "7*7*64 inputs where 14*14*64 arrive",
        MODEL_FAILS,
        ("weight_variable([14 * 14 * 64, 1024])", "weight_variable([7 * 7 * 64, 1024])"),
    ),
    flawed(
        "twenty_outputs",
        "20 logits for 10 digits",
        MODEL_FAILS,
        ("weight_variable([1024, 10])", "weight_variable([1024, 20])"),
        ("bias_variable([10])", "bias_variable([20])"),
    ),
    flawed(
        "keep_prob_for_the_rate",
        "tf.nn.dropout is told to drop all, where it should keep all",
        MODEL_FAILS,
        (DROP, "h_fc1_drop = tf.nn.dropout(h_fc1, keep_prob)"),
    ),
    flawed(
        "forgotten_variable",
        "b_conv2 was deleted with b_conv1",
        MODEL_FAILS,
        ("        self.b_conv2 = bias_variable([64])\n", ""),
    ),
    flawed(
        "model_wants_an_argument",
        "Model(keep_prob), which nobody else knows of",
        MODEL_FAILS,
        ("    def __init__(self):", "    def __init__(self, keep_prob):"),
        ("    model = Model()", "    model = Model(KEEP_PROB)"),
    ),
    flawed(
        "returns_nothing",
        "the return was forgotten",
        MODEL_FAILS,
        ("return tf.matmul(h_fc1_drop", "tf.matmul(h_fc1_drop"),
    ),
]

SCRIPT_DOES_NOT_RUN = [
    flawed(
        "crash_at_step_1", "a mistyped name in the loop", MAIN_FAILS, ("model(x, KEEP_PROB)", "model(x, KEEP_PROP)")
    ),
    flawed(
        "crash_after_training", "a mistyped name behind the loop", MAIN_FAILS, ("    run.finish()", "    run.finnish()")
    ),
    flawed(
        "loss_is_nan",
        "the logarithm of logits, without a softmax",
        MAIN_FAILS,
        (LOSS, "-tf.reduce_mean(tf.cast(smooth, tf.float32) * tf.math.log(logits))"),
        **mentions("run/model_no1", "not finite"),
    ),
    flawed(
        "stops_early",
        "a return in the loop",
        MAIN_FAILS,
        ("        run.log(losses)", "        return\n        run.log(losses)"),
    ),
    flawed(
        "asks_for_input",
        "a question in the terminal",
        MAIN_FAILS,
        ("    model = Model()\n", '    model = Model()\n    input("press Enter to start the training")\n'),
    ),
    flawed(
        "no_main",
        "the call of main was deleted",
        MAIN_FAILS,
        (GUARD, ""),
    ),
]

SCRIPT_DOES_NOT_IMPORT = [
    flawed(
        "syntax_error",
        "a bracket that was never closed",
        NOT_IMPORTED,
        ("class Model(tf.Module):", "class Model(tf.Module:"),
        **mentions("run/model_no1", "SyntaxError"),
    ),
    flawed(
        "tab_among_spaces",
        "a line that was indented in another editor",
        NOT_IMPORTED,
        ("        self.b_fc1 =", "\tself.b_fc1 ="),
        **mentions("run/model_no1", "TabError"),
    ),
    flawed("class_named_net", "class Net", NOT_IMPORTED, ("class Model(", "class Net("), ("= Model()", "= Net()")),
    Case(
        "no_model",
        "the model was deleted, and main with it",
        "flawed",
        {"model_no1.py": MODEL.sub("", REFERENCE["model_no1"])},
        expect=checks(NOT_IMPORTED, "model_no1"),
    ),
    flawed(
        "trains_on_import",
        "main is called whoever imports the script",
        NOT_IMPORTED,
        (GUARD, "FLAGS = lab.parse_flags(__doc__, steps=540, batch_size=128)\nlab.run_script(main, FLAGS)\n"),
        **mentions("run/model_no1", "import"),
    ),
    flawed(
        "reads_data_on_import",
        "the digits are read at the top of the script",
        NOT_IMPORTED,
        (HELPERS_START, f"import input_data\n\nMNIST = input_data.read_data_sets('MNIST_data')\n\n\n{HELPERS_START}"),
        **mentions("run/model_no1", "import"),
    ),
    flawed(
        "file_of_its_own_machine",
        "weights in the student's home",
        NOT_IMPORTED,
        (HELPERS_START, f'START = np.load("/home/ada/lab/weights.npy")\n\n\n{HELPERS_START}'),
        **mentions("run/model_no1", "/home/ada/lab/weights.npy"),
    ),
    flawed(
        "package_that_nobody_has",
        "import seaborn_for_digits",
        NOT_IMPORTED,
        ("import plotter\n", "import plotter\nimport seaborn_for_digits\n"),
        **mentions("run/model_no1", "seaborn_for_digits"),
    ),
    flawed(
        "helper_left_at_home",
        "a module that is not in the zip",
        NOT_IMPORTED,
        ("import plotter\n", "import plotter\nfrom my_layers import conv2d\n"),
        **mentions("run/model_no1", "my_layers"),
    ),
    flawed(
        "tensorflow_1",
        "a placeholder, as in the old tutorials",
        NOT_IMPORTED,
        (HELPERS_START, f"x = tf.placeholder(tf.float32, [None, 784])\n\n\n{HELPERS_START}"),
        **mentions("run/model_no1", "placeholder"),
    ),
    Case(
        "empty_script",
        "a file of 0 bytes",
        "flawed",
        {"model_no1.py": ""},
        expect=checks(NO_SCRIPT, "model_no1"),
    ),
    Case(
        "not_python",
        "a text document under the script's name",
        "flawed",
        {"model_no1.py": b"\xff\xfe" + "Ablation no. 1\r\n".encode("utf-16-le")},
        expect=checks(NO_SCRIPT, "model_no1"),
    ),
]

CASES = [
    *WRONG_REMOVAL,
    *OTHER_LAYERS,
    *MODEL_DOES_NOT_WORK,
    *SCRIPT_DOES_NOT_RUN,
    *SCRIPT_DOES_NOT_IMPORT,
]
