"""The shape checks themselves: what they tell a student whose copy is half edited."""

import types

import pytest

from labkit.checks.graph.freezing import BATCH
from labkit.checks.importing import import_script
from labkit.checks.model_check import shape_problems
from tests.submissions.rewriting import DEEP, REFERENCE, edited, without_layer

pytestmark = pytest.mark.lab


def slow(test):
    return pytest.mark.attack(pytest.mark.sample(2, of="networks that take long to read")(test))


def model_of(source):
    """Make the Model of a script's text."""
    module = types.ModuleType("edited")
    exec(compile(source, "edited.py", "exec"), module.__dict__)  # no file's name: AutoGraph would read that file
    return module.Model()


WITHOUT_CONV1 = edited(
    without_layer(DEEP, "conv1"),
    ("weight_variable([5, 5, 32, 64])", "weight_variable([5, 5, 1, 64])"),
    ("conv2d(h_pool1, self.W_conv2)", "conv2d(x_image, self.W_conv2)"),
)
WIDER = ("weight_variable([7 * 7 * 64, 1024])", "weight_variable([14 * 14 * 64, 1024])")


@slow
def test_the_unchanged_copy_is_told_apart():
    problems = "\n".join(shape_problems("model_no1", model_of(DEEP)))
    assert "variable W_conv1: one too many" in problems
    assert "model_no1 is deep_mnist without the first convolution" in problems


def test_weights_left_at_the_old_size_are_named_with_the_likely_mistake():
    problems = "\n".join(shape_problems("model_no1", model_of(WITHOUT_CONV1)))
    assert "variable W_fc1: shape [3136, 1024], expected [12544, 1024]" in problems
    assert "the input of the ReLU layer is 14*14*64 here, because only one max pooling is left" in problems


def test_a_reshape_that_does_not_fit_is_named_with_rows_and_numbers():
    model = model_of(edited(WITHOUT_CONV1, WIDER))
    problems = "\n".join(shape_problems("model_no1", model))
    made = f"makes [{4 * BATCH}, 3136] of {BATCH} images, expected {BATCH} rows"
    assert f"which follows max pooling, output 14x14x64, {made}" in problems
    assert "layer 4 should be matrix product by weights 12544x1024" in problems


@slow
def test_a_product_of_sizes_that_do_not_match_is_told_with_the_error_of_tensorflow():
    wider = ("tf.reshape(h_pool2, [-1, 7 * 7 * 64])", "tf.reshape(h_pool2, [-1, 14 * 14 * 64])")
    model = model_of(edited(WITHOUT_CONV1, wider))
    problems = shape_problems("model_no1", model)
    assert any("layer 4" in problem and "12544x1024" in problem for problem in problems)
    assert "each row that comes in has 12544 numbers, and the weights are for 3136" in problems[0]
    assert problems[1].startswith("that is after layer 3 (max pooling")


@slow
def test_a_missing_pooling_is_named():
    model = model_of(edited(DEEP, ("max_pool_2x2(h_conv2)", "h_conv2")))
    assert any("it should be max pooling, output 7x7x64" in problem for problem in shape_problems("deep_mnist", model))


@slow
def test_a_condition_that_needs_autograph_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = edited(REFERENCE["model_no1"], ("keep_prob == 1.0", "tf.equal(keep_prob, 1.0)"))
    path = tmp_path / "with_if.py"
    path.write_text(source, encoding="utf-8")
    assert shape_problems("model_no1", import_script(path).Model()) == []


@slow
def test_a_renamed_variable_is_no_problem():
    renamed = edited(
        DEEP,
        ("self.W_fc2 = weight_variable([1024, 10])", "self.W_out = weight_variable([1024, 10])"),
        ("tf.matmul(h_fc1_drop, self.W_fc2)", "tf.matmul(h_fc1_drop, self.W_out)"),
    )
    model = model_of(renamed)
    assert shape_problems("deep_mnist", model) == []
