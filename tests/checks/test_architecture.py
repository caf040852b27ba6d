"""What is made of a network's layers: right, wrong and how, and how much of it is right."""

import pytest

from labkit.checks.graph.architecture import judge
from labkit.networks import LAYERS, ONE_BIAS, OWN_WEIGHTS, Layer, expected_variables, variable_problems

pytestmark = pytest.mark.grading

SCRIPTS = ("model_no1", "model_no2", "model_no3")
DROPOUT = Layer("dropout", (1024,))


def written(script, *, dropout=False):
    """Return the right layers as `read` does: each product and convolution with a bias, ReLU where it should be."""
    found = []
    for layer in LAYERS[script]:
        found.append(layer)
        if layer.weights:
            found.append(Layer("bias", layer.output))
        if layer == Layer("ReLU", (1024,)) and dropout:
            found.append(DROPOUT)
    return found


def verdict(script, testing, training=None):
    return judge(script, testing, training if training is not None else testing, [])


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_right_network_is_right(script):
    found = verdict(script, written(script), written(script, dropout=True))
    assert (found.problems, found.remarks, found.fraction) == ((), (), 1.0)


def test_relu_may_follow_pooling():
    layers = written("model_no2")
    relu = layers.index(Layer("ReLU", (28, 28, 32)))
    layers[relu], layers[relu + 1] = layers[relu + 1], Layer("ReLU", (14, 14, 32))
    dropped = [*layers[:6], DROPOUT, *layers[6:]]
    assert layers[5:7] == [Layer("bias", (1024,)), Layer("ReLU", (1024,))]
    assert verdict("model_no2", layers, dropped).problems == ()  # dropout may come before ReLU, too


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("other", ["deep_mnist", *SCRIPTS])
def test_another_network_of_the_lab_earns_nothing(script, other):
    if script != other:
        found = verdict(script, written(other), written(other, dropout=True))
        assert found.problems[0].startswith(f"this is the network of {other}")
        assert found.fraction == 0


def changed(script, change):
    testing, training = written(script), written(script, dropout=True)
    for layers in (testing, training):
        change(layers)
    return verdict(script, testing, training)


def test_a_wrong_size_costs_the_layers_that_have_it():
    def narrow(layers):
        layers[:3] = [
            Layer("convolution", (28, 28, 32), (5, 5, 1, 32)),
            Layer("bias", (28, 28, 32)),
            Layer("ReLU", (28, 28, 32)),
        ]

    found = changed("model_no1", narrow)
    assert "layer 1 is convolution by weights 5x5x1x32" in found.problems[0]
    assert 0.5 < found.fraction < 0.9


def test_a_convolution_too_many_costs_more_than_half():
    found = changed("model_no1", lambda layers: layers.insert(4, Layer("convolution", (14, 14, 64), (5, 5, 64, 64))))
    assert "one too many" in found.problems[0] or "it should be matrix product" in found.problems[0]
    assert 0 < found.fraction < 0.5


def test_a_missing_bias_is_told():
    found = changed("model_no3", lambda layers: layers.pop())
    assert found.problems == ("no bias is added to the matrix product by weights 3136x10, output 10",)
    assert 0.7 < found.fraction < 1


def test_a_missing_bias_comes_before_the_count_that_it_changes():
    layers = written("model_no3")[:-1]
    count = "training changes 9 weights and biases, expected 10"
    found = judge("model_no3", layers, layers, [count])
    assert found.problems == ("no bias is added to the matrix product by weights 3136x10, output 10", count)


def test_one_bias_for_all_outputs_is_told_with_the_shape_that_it_needs():
    def shrink(layers):
        layers[-1] = Layer(ONE_BIAS, (10,))

    assert "each of the 10 needs one of its own: bias_variable([10])" in changed("model_no3", shrink).problems[0]


@pytest.mark.parametrize(("weights", "told"), [((3, 3, 1, 64), False), ((5, 5, 32, 64), True)])
def test_what_was_overlooked_about_the_inputs_is_told_where_these_are_wrong(weights, told):
    def replace(layers):
        layers[0] = Layer("convolution", (28, 28, 64), weights)

    problem = changed("model_no1", replace).problems[0]
    assert ("1 channel, not 32" in problem) == told
    named = variable_problems("model_no1", expected_variables("model_no1") | {"W_conv2": weights})
    assert ("1 channel, not 32" in named[0]) == told


def test_a_bias_after_relu_is_told():
    def swap(layers):
        layers[1], layers[2] = layers[2], layers[1]

    assert "ReLU comes before the bias" in changed("model_no3", swap).problems[0]


def test_dropout_has_its_place():
    def early(layers):
        if DROPOUT in layers:
            layers.remove(DROPOUT)
            layers.insert(layers.index(Layer("max pooling", (14, 14, 64))) + 1, Layer("dropout", (14, 14, 64)))

    found = changed("model_no1", early)
    assert found.problems == (
        "dropout follows max pooling, output 14x14x64; it should follow the ReLU of the 1024 units",
    )
    assert found.fraction < 1


def test_dropout_is_for_training():
    both = written("model_no1", dropout=True)
    assert "at keep_prob=1.0" in verdict("model_no1", both, both).problems[0]
    assert "no units are dropped at keep_prob=0.5" in verdict("model_no1", written("model_no1")).problems[0]


def test_dropout_goes_with_its_layer():
    layers = written("model_no3")
    found = verdict("model_no3", layers, [*layers[:-2], Layer("dropout", (7, 7, 64)), *layers[-2:]])
    assert "there is dropout, which goes with" in found.problems[0]


def test_unusual_dropout_is_told():
    odd = [
        Layer("dropout", (1024,), unusual=("keeps 30%",)) if x == DROPOUT else x
        for x in written("model_no1", dropout=True)
    ]
    assert verdict("model_no1", written("model_no1"), odd).problems == ("dropout keeps 30%",)


def test_other_layers_in_training_are_told():
    found = verdict("model_no3", written("model_no3"), written("deep_mnist"))
    assert "at keep_prob=0.5 the model has other layers" in found.problems[0]


def test_softmax_at_the_end_and_scaled_images_are_tolerated():
    layers = [Layer("scaling", (784,)), *written("model_no3"), Layer("softmax", (10,))]
    found = verdict("model_no3", layers)
    assert found.problems == ()
    assert len(found.remarks) == 2


@pytest.mark.parametrize("kind", ["Sigmoid", "softmax", "scaling", "AvgPool", "Conv2D, AddV2"])
def test_anything_else_between_layers_is_one_too_many(kind):
    found = changed("model_no3", lambda layers: layers.insert(4, Layer(kind, (14, 14, 32))))
    assert f"layer 4 is {kind}" in found.problems[0]


def test_a_part_that_is_not_read_decides_only_what_comes_after_it():
    layers = written("model_no3")
    odd = Layer(f"{OWN_WEIGHTS} (Einsum)", (14, 14, 64))
    unread = [odd if layer.kind == "convolution" and layer.output == (14, 14, 64) else layer for layer in layers]
    found = judge("model_no3", unread, unread, [], unread="after ...")
    assert (found.unread, found.problems) == ("after ...", ())
    pooling = Layer("max pooling", (14, 14, 32))
    wrong = [Layer("AvgPool", pooling.output) if layer == pooling else layer for layer in unread]
    assert "layer 3 is" in judge("model_no3", wrong, wrong, [], unread="after ...").problems[0]


def test_no_layers_at_all_earn_nothing():
    assert judge("model_no1", [], [], ["the model's output does not depend on the images"]).fraction == 0
