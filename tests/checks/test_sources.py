"""What a script's text alone tells: whether it is the lab's, is what was trained, and is trained as the others."""

import pytest

from labkit.recipe import recipe_problem
from labkit.sources import code_sha256, encoding_problem, import_problem, source_problem
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

DEEP = (ROOT / "deep_mnist.py").read_bytes()
OF_TENSORFLOW_1 = "it is written for TensorFlow 1, and this is today "


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 784])\n",
            f"line 2, `x = tf.placeholder(tf.float32, [None, 784])`: {OF_TENSORFLOW_1}an argument",
            id="TensorFlow 1",
        ),
        pytest.param(
            "from tensorflow.examples.tutorials.mnist import input_data\nimport tensorflow as tf\n",
            f"{OF_TENSORFLOW_1}`mnist = lab.read_data(flags)`",
            id="the tutorials' loader",
        ),
        pytest.param(
            "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()\nsess = tf.InteractiveSession()\n",
            f"{OF_TENSORFLOW_1}a call of a function under `@tf.function`",
            id="compat.v1",
        ),
        pytest.param("print 'step', 1\n", "it is written for Python 2, and for TensorFlow 1", id="Python 2"),
        pytest.param("import torch.nn as nn\n", "it is written for PyTorch", id="PyTorch"),
        pytest.param(
            "from tensorflow import keras\nmodel = keras.Sequential()\nmodel.fit(1, 2)\n",
            "line 3, `model.fit(1, 2)`: it trains with Keras's model.fit",
            id="Keras's fit",
        ),
        pytest.param("!pip install tensorflow\n", "it comes from a notebook", id="a notebook's line"),
        pytest.param(
            "class ModelNo1: pass\nclass ModelNo2: pass\nclass ModelNo3: pass\n",
            "it has the classes ModelNo1, ModelNo2, ModelNo3, and none called Model",
            id="one file for all three",
        ),
    ],
)
def test_a_script_that_is_none_of_the_labs_is_told_what_it_is(source, message):
    assert message in source_problem(source.encode())


@pytest.mark.parametrize("script", ["softmax_mnist", "deep_mnist"])
def test_a_script_of_the_labs_is_left_to_running_it(script):
    assert source_problem((ROOT / f"{script}.py").read_bytes()) is None


def test_a_renamed_class_does_not_make_a_script_of_the_labs_another_ones():
    assert source_problem(DEEP.replace(b"class Model(", b"class Net(")) is None


def test_comments_docstrings_blanks_and_line_ends_are_no_part_of_what_was_trained():
    changed = DEEP.replace(b"A deep convolutional network", b"My network").replace(b"\n\n\n", b"\n\n\n\n# mine\n\n\n")
    assert code_sha256(changed) == code_sha256(DEEP.replace(b"\n", b"\r\n")) == code_sha256(DEEP)
    assert code_sha256(DEEP.replace(b"KEEP_PROB = 0.5", b"KEEP_PROB = 0.6")) != code_sha256(DEEP)
    assert code_sha256(b"x = (") != code_sha256(b"x = [")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"KEEP_PROB = 0.5", b"KEEP_PROB = 0.8", "`KEEP_PROB = 0.8`: deep_mnist.py has 0.5"),
        (b"steps=540", b"steps=100", "`steps = 100`: deep_mnist.py has 540"),
        (b"KEEP_PROB = 0.5", b"KEEP_PROB = 1 - 0.2", "`KEEP_PROB = 0.8`: deep_mnist.py has 0.5"),
        (b"KEEP_PROB = 0.5", b"KEEP_PROB: float = 0.8", "`KEEP_PROB = 0.8`: deep_mnist.py has 0.5"),
        (b"steps=540", b"steps=54 * 20", "`steps = 1080`: deep_mnist.py has 540"),
        (b", label_smoothing=0.1", b"", "line 15: lab.parse_flags has no label_smoothing, deep_mnist.py has"),
        (b' schedule="one-cycle",', b"", "lab.parse_flags has no schedule"),
        (b"model(x, KEEP_PROB)", b"model(x)", "`logits = model(x)`: deep_mnist.py has `logits = model(x, KEEP_PROB)`"),
        (b"labels=smooth", b"labels=y_", "labels=y_"),
        (b"learning_rate.assign(rate)", b"learning_rate.assign(3 * rate)", "`learning_rate.assign(3 * rate)`"),
    ],
)
def test_another_recipe_is_told_with_its_line(old, new, message):
    assert message in recipe_problem(DEEP.replace(old, new), DEEP)
    assert recipe_problem(DEEP, DEEP) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"KEEP_PROB = 0.5", b"KEEP_PROB: float = 1 - 1 / 2"),
        (b"steps=540", b"steps=54 * 10"),
        (b"learning_rate=6e-3", b"learning_rate=6 / 1000"),
        (b"steps=540", b"steps=1 // 0"),
        (b"tape", b"record"),
        (b"model", b"net"),
        (b"/ 10  #", b"/ 10.0  #"),
        (b"def train_step(x, y_, rate):", b"def train_step(x, y_, rate, x2=None):\n        x = x"),
        (b"KEEP_PROB = 0.5", b"KEEP_PROB = keep()"),
    ],
)
def test_the_same_recipe_written_otherwise_and_one_that_can_not_be_read_are_no_other_recipe(old, new):
    assert recipe_problem(DEEP.replace(old, new), DEEP) is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import lab\n# una colonna, così\n".encode("cp1252"), "line 2, `# una colonna, così`: a character in it"),
        ("# così\nimport lab\n".encode("cp1252"), "line 1, `# così`: a character in it"),
        ("\nname = 'è'\n".encode("cp1252"), "line 2, `name = 'è'`: a character in it"),
        ("import lab\n".encode("utf-16"), "it is saved as UTF-16"),
        (b"# coding: nonsense\n", "line 1, `# coding: nonsense`"),
        (b"# coding: rot13\n", "line 1, `# coding: rot13`"),
        ("# coding: cp1252\n# così\n".encode("cp1252"), None),
        ("# così\n".encode("utf-8-sig"), None),
        (DEEP, None),
    ],
)
def test_a_character_that_is_not_utf_8_is_told_with_its_line(source, message):
    problem = encoding_problem(source)
    assert problem is None if message is None else problem and message in problem


@pytest.mark.parametrize("name", ["keras.layers.Dense", "math.log", "random.normal", "compat.v1.train.AdamOptimizer"])
def test_todays_names_are_not_taken_for_tensorflow_1s(name):
    assert source_problem(f"import tensorflow as tf\nx = tf.{name}(1)\n".encode()) is None


def test_a_run_outside_of_the_guard_is_told_with_its_line():
    guarded = b'if __name__ == "__main__":\n    lab.run_script(main, FLAGS)'
    message = import_problem(DEEP.replace(guarded, b"lab.run_script(main, FLAGS)"))
    assert "`lab.run_script(main, FLAGS)`: it runs when it is imported" in message
    assert import_problem(DEEP) is None
