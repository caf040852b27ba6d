"""Admitting frozen graphs and reading their layers: by what they compute, however that is written."""

import numpy as np
import pytest
import tensorflow as tf

import model_no3
from labkit.checks.graph.freezing import BATCH, TESTING, TRAINING, CallableModel, freeze
from labkit.checks.graph.graphs import Refused, Unreadable, build, parse
from labkit.checks.graph.reading import read
from labkit.checks.graph.segments import Flow

pytestmark = pytest.mark.grading

CONV = tf.random.normal([5, 5, 1, 4], seed=1)
FC = tf.random.normal([784, 20], seed=2)
BIAS = tf.random.normal([20], seed=3)


class Written(tf.Module):
    """A model of a function of (x, keep_prob)."""

    def __init__(self, call):
        super().__init__()
        self._call = call

    def __call__(self, x, keep_prob=1.0):
        return self._call(x, keep_prob)


def frozen(call):
    """Return the admitted graph of `call`, a function of (x, keep_prob)."""
    return build(parse(freeze(CallableModel(Written(call))).SerializeToString()))


def opened(call, output=TESTING):
    """Return the flow of data to an output of `call`, a function of (x, keep_prob), with its first weights."""
    admitted = frozen(call)
    flow = Flow(admitted, output)
    flow.load({weight.tensor.op.name: weight.value for weight in admitted.weights})
    return flow


def reading(call, output=TESTING):
    return read(opened(call, output), np.random.default_rng(0))


def layers(call, output=TESTING):
    """Return the layers of `call`, a function of x, in words."""
    return [str(layer) for layer in reading(lambda x, keep_prob: call(x), output).layers]


def image(x):
    return tf.reshape(x, [-1, 28, 28, 1])


# --------------------------------------------------------------------------------------------- one layer in many ways


@pytest.mark.parametrize(
    "relu",
    [
        tf.nn.relu,
        lambda x: tf.maximum(x, 0.0),
        lambda x: tf.maximum(0.0, x),
        lambda x: tf.where(x > 0, x, 0.0),
        lambda x: tf.where(x < 0, tf.zeros_like(x), x),
        lambda x: x * tf.cast(x > 0, tf.float32),
        lambda x: (x + tf.abs(x)) / 2,
        lambda x: tf.clip_by_value(x, 0.0, 1e30),
        lambda x: tf.reduce_max(tf.stack([x, tf.zeros_like(x)]), axis=0),
    ],
)
def test_relu(relu):
    assert layers(lambda x: relu(x @ FC + BIAS)) == [
        "matrix product by weights 784x20, output 20",
        "bias, output 20",
        "ReLU, output 20",
    ]


@pytest.mark.parametrize("function", [tf.sigmoid, tf.tanh, tf.nn.relu6, tf.nn.leaky_relu, tf.nn.elu, tf.square])
def test_another_function_than_relu_is_named(function):
    assert len(found := layers(lambda x: function(x @ FC))) == 2
    assert "ReLU" not in found[1]


@pytest.mark.parametrize(
    "product",
    [
        lambda x: x @ FC,
        lambda x: tf.matmul(x, tf.transpose(FC), transpose_b=True),
        lambda x: tf.einsum("ni,io->no", x, FC),
        lambda x: tf.einsum("io,ni->no", FC, x),
        lambda x: tf.tensordot(x, FC, axes=1),
        lambda x: tf.tensordot(image(x), tf.reshape(FC, [28, 28, 1, 20]), axes=3),
        lambda x: tf.einsum("nhwc,hwco->no", image(x), tf.reshape(FC, [28, 28, 1, 20])),
        lambda x: tf.reshape(tf.nn.conv2d(image(x), tf.reshape(FC, [28, 28, 1, 20]), 1, "VALID"), [-1, 20]),
        lambda x: tf.reshape(tf.transpose(image(x), [0, 3, 2, 1]), [-1, 784]) @ FC,
    ],
)
def test_matrix_product(product):
    assert layers(product) == ["matrix product by weights 784x20, output 20"]


@pytest.mark.parametrize(
    "bias", [lambda x: x + BIAS, lambda x: BIAS + x, lambda x: tf.nn.bias_add(x, BIAS), lambda x: x - BIAS]
)
def test_bias(bias):
    assert layers(lambda x: bias(x @ FC))[1:] == ["bias, output 20"]


@pytest.mark.parametrize(
    "convolution",
    [
        lambda x: tf.nn.conv2d(x, CONV, strides=1, padding="SAME"),
        lambda x: tf.nn.convolution(x, CONV, padding="SAME"),
        lambda x: tf.nn.conv2d(x, CONV, strides=1, padding=[[0, 0], [2, 2], [2, 2], [0, 0]]),
        lambda x: tf.nn.conv2d(tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]]), CONV, strides=1, padding="VALID"),
        lambda x: tf.nn.depthwise_conv2d(x, CONV, [1, 1, 1, 1], "SAME"),
        lambda x: tf.image.extract_patches(x, [1, 5, 5, 1], [1] * 4, [1] * 4, "SAME") @ tf.reshape(CONV, [25, 4]),
        lambda x: tf.transpose(tf.nn.conv2d(x, CONV, 1, "SAME"), [0, 3, 1, 2]),
        lambda x: tf.cast(tf.nn.conv2d(tf.cast(x, tf.bfloat16), tf.cast(CONV, tf.bfloat16), 1, "SAME"), tf.float32),
    ],
)
def test_convolution(convolution):
    assert layers(lambda x: convolution(image(x))) == ["convolution by weights 5x5x1x4, output 28x28x4"]


@pytest.mark.parametrize(
    ("convolution", "unusual"),
    [
        (lambda x: tf.nn.conv2d(x, CONV, strides=1, padding="VALID"), "VALID padding, output 24x24x4"),
        (lambda x: tf.nn.conv2d(x, CONV, strides=2, padding="SAME"), "strides 2x2, output 14x14x4"),
        (lambda x: tf.nn.conv2d(x, CONV, 1, "SAME", dilations=2), "28x28x4"),
        (lambda x: tf.nn.conv2d(x, CONV, 1, [[0, 0], [4, 0], [2, 2], [0, 0]]), "output 28x28x4"),
    ],
)
def test_a_convolution_with_other_settings_is_told_apart(convolution, unusual):
    found = layers(lambda x: convolution(image(x)))
    assert found != ["convolution by weights 5x5x1x4, output 28x28x4"]
    assert unusual in found[-1]


@pytest.mark.parametrize(
    "pooling",
    [
        lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"),
        lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
        lambda x: tf.nn.pool(x, [2, 2], "MAX", strides=[2, 2], padding="SAME"),
        lambda x: tf.reduce_max(tf.reshape(x, [-1, 14, 2, 14, 2, 4]), axis=[2, 4]),
        lambda x: tf.nn.max_pool2d(tf.nn.max_pool2d(x, (2, 1), (2, 1), "SAME"), (1, 2), (1, 2), "SAME"),
        lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "SAME").output,
        lambda x: tf.maximum(
            tf.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]), tf.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2])
        ),
    ],
)
def test_max_pooling(pooling):
    assert layers(lambda x: pooling(tf.nn.conv2d(image(x), CONV, 1, "SAME")))[1:] == ["max pooling, output 14x14x4"]


def test_another_pooling_is_told_apart():
    assert layers(lambda x: tf.nn.max_pool2d(image(x), 3, 2, "SAME")) == ["max pooling, window 3x3, output 14x14x1"]
    assert layers(lambda x: tf.nn.avg_pool2d(image(x), 2, 2, "SAME")) == ["AvgPool, output 14x14x1"]


def own_mask(x, keep_prob, uniform=tf.random.uniform):
    return tf.where(uniform(tf.shape(x)) < keep_prob, x / keep_prob, 0.0)


def with_if(x, keep_prob):
    if tf.equal(keep_prob, 1.0):  # a tensor, for which AutoGraph is needed
        return x
    return tf.nn.dropout(x, 1 - keep_prob)


DROPOUTS = {
    "if on a tensor": with_if,
    "nn": lambda x, p: tf.nn.dropout(x, rate=1 - p),
    "stateless": lambda x, p: tf.nn.experimental.stateless_dropout(
        x, 1 - p, tf.random.uniform([2], maxval=9, dtype="int32")
    ),
    "mask": own_mask,
    "generator": lambda x, p: own_mask(x, p, tf.random.get_global_generator().uniform),
    "floor": lambda x, p: x / p * tf.floor(p + tf.random.uniform(tf.shape(x))),
    "product": lambda x, p: x * tf.cast(tf.random.uniform(tf.shape(x)) < p, tf.float32) / p,
    "known condition": lambda x, p: tf.cond(tf.constant(p) < 1.0, lambda: tf.nn.dropout(x, 0.5), lambda: x),
}


@pytest.mark.parametrize("dropout", DROPOUTS.values(), ids=DROPOUTS)
def test_dropout_in_training_only(dropout):
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    found = {output: reading(lambda x, p: dropout(x @ FC, p), output).layers for output in (TESTING, TRAINING)}
    assert [str(layer) for layer in found[TESTING]] == ["matrix product by weights 784x20, output 20"]
    assert [str(layer) for layer in found[TRAINING][1:]] == ["dropout, output 20"]


# ----------------------------------------------------------------------------------------------- the flow of the data


def test_what_does_nothing_is_no_layer():
    def call(x):
        x = tf.identity(tf.cast(x, tf.float32)) * 1.0 + 0.0
        x = tf.squeeze(tf.reshape(x, [-1, 28, 28])[..., tf.newaxis])
        return tf.reshape(x, [tf.shape(x)[0], -1]) @ FC

    assert layers(call) == ["matrix product by weights 784x20, output 20"]


def test_what_the_output_does_not_depend_on_is_no_layer():
    def call(x):
        tf.nn.conv2d(image(x), CONV, 1, "SAME")
        tf.print(tf.reduce_sum(x))
        tf.debugging.assert_all_finite(x, "finite")
        return x @ FC

    assert layers(call) == ["matrix product by weights 784x20, output 20"]


def test_a_skip_connection_is_a_layer_of_its_own():
    found = layers(lambda x: (lambda h: h + tf.nn.relu(h @ tf.ones([20, 20])))(x @ FC))
    assert found[1:] == ["a part with weights of its own (MatMul, Relu, AddV2), output 20"]


def test_weights_that_depend_on_the_images_are_none():
    assert layers(lambda x: x @ tf.matmul(x, x, transpose_a=True)) == ["MatMul, output 784"]


def test_normalising_a_batch_is_told():
    assert "Mean" in "".join(layers(lambda x: x - tf.reduce_mean(x, axis=0)))


def test_pixels_of_other_images_are_told():
    assert not layers(lambda x: x[::-1] @ FC)[0].startswith("matrix product")


def test_pixels_in_another_order_are_told_before_a_convolution():
    shuffled = np.random.RandomState(0).permutation(784)
    found = layers(lambda x: tf.nn.conv2d(image(tf.gather(x, shuffled, axis=1)), CONV, 1, "SAME"))
    assert found != ["convolution by weights 5x5x1x4, output 28x28x4"]


def test_a_reshape_that_makes_other_rows_is_noted():
    found = reading(lambda x, keep_prob: tf.reshape(x, [-1, 196]) @ FC[:196])
    assert found.notes == [f"the reshape makes [{4 * BATCH}, 196] of {BATCH} images, expected {BATCH} rows"]


def test_an_output_without_images_is_told():
    assert not opened(lambda x, keep_prob: tf.zeros([BATCH, 10])).depends


def test_the_graph_computes_what_the_model_computes():
    model = model_no3.Model()
    x = np.random.default_rng(0).uniform(size=(BATCH, 784)).astype(np.float32)
    flow = opened(model)
    np.testing.assert_allclose(flow.run(flow.output, {flow.images: x}), model(x), rtol=1e-4, atol=1e-4)


def test_weights_can_have_other_values():
    flow = opened(model := model_no3.Model())
    names = {weight.name: weight.tensor.op.name for weight in flow.admitted.weights}
    assert len(names) == 1  # all are called Variable
    flow.load({weight.tensor.op.name: np.zeros_like(weight.value) for weight in flow.admitted.weights})
    x = np.ones((BATCH, 784), np.float32)
    assert not flow.run(flow.output, {flow.images: x}).any()
    assert model(x).numpy().any()


def test_all_that_is_random_follows_from_the_draw():
    flow = opened(lambda x, keep_prob: tf.nn.dropout(x, 0.5) + tf.random.normal([784]))
    x = np.ones((BATCH, 784), np.float32)
    first, again, other = (flow.run(flow.output, {flow.images: x}, draw) for draw in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


# ------------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (lambda x: tf.py_function(lambda y: y, [x], tf.float32), "EagerPyFunc"),
        (lambda x: tf.numpy_function(lambda y: y, [x], tf.float32), "PyFunc"),
        (lambda x: x + tf.io.decode_raw(tf.io.read_file("/etc/passwd"), tf.float32)[0], "ReadFile"),
        (lambda x: x + tf.cast(tf.size(tf.io.matching_files("/*")), tf.float32), "MatchingFiles"),
        (lambda x: x + tf.cast(tf.timestamp(), tf.float32), "Timestamp"),
    ],
)
def test_operations_that_reach_beyond_arithmetic_are_refused(call, operation):
    with pytest.raises(Refused, match=f"{operation}, which has no place"):
        frozen(lambda x, keep_prob: call(x))


def test_loops_are_not_read():
    with pytest.raises(Unreadable, match="loop"):
        frozen(lambda x, keep_prob: tf.while_loop(lambda y: tf.reduce_sum(y) < 9.0, lambda y: (y + 1.0,), [x])[0])


def test_ways_that_depend_on_the_images_are_not_read():
    with pytest.raises(Unreadable, match="depending on the images"):
        frozen(lambda x, keep_prob: tf.cond(tf.reduce_sum(x) > 0, lambda: x @ FC, lambda: x @ FC * 2.0))


def node(name, op, *inputs, **types):
    made = tf.compat.v1.NodeDef(name=name, op=op, input=inputs)
    for key, value in types.items():
        made.attr[key].type = value.as_datatype_enum
    return made


IMAGES = node("images", "Placeholder", dtype=tf.float32)
FORGED = {
    "no graph": (b"\x80\x04\x95pickle", "something else"),
    "nothing": (b"", "overwritten"),
    "no output": ([IMAGES], "not whole"),
    "missing input": ([node(TESTING, "Relu", "lost", T=tf.float32)], "not whole"),
    "same name twice": ([IMAGES, IMAGES, node(TESTING, "Relu", "images", T=tf.float32)], "same name"),
    "cycle": ([node(TESTING, "Relu", "a", T=tf.float32), node("a", "Relu", TESTING, T=tf.float32)], "loop"),
    "other input": (
        [node("labels", "Placeholder", dtype=tf.float32), node(TESTING, "Relu", "labels", T=tf.float32)],
        "besides the images",
    ),
    "wrong types": ([IMAGES, node(TESTING, "Relu", "images", T=tf.string)], "not well-formed"),
    "no such output": ([IMAGES, node(TESTING, "Relu", "images:7", T=tf.float32)], "not well-formed"),
    "unknown operation": ([IMAGES, node(TESTING, "Format\x1b[2Jdisk", "images")], "no place"),
    "large": ([node(str(n), "NoOp") for n in range(5001)], "5,001 operations"),
}


@pytest.mark.parametrize(("nodes", "reason"), FORGED.values(), ids=FORGED)
def test_forged_graphs_are_refused(nodes, reason):
    data = nodes if isinstance(nodes, bytes) else tf.compat.v1.GraphDef(node=nodes).SerializeToString()
    with pytest.raises((Refused, Unreadable), match=reason):
        build(parse(data), (TESTING,))


def test_tensors_too_large_to_run_are_refused():
    with pytest.raises(Refused, match="makes a tensor of"):
        frozen(lambda x, keep_prob: tf.reduce_sum(tf.broadcast_to(x, [5000, BATCH, 784]), axis=0))


# --------------------------------------------------------------------------------------- what would pass for another


def gated(hidden):
    """Return a call that changes nothing for large values, such as the probes', and anything for those of digits."""

    def call(x):
        gate = tf.cast(tf.reduce_max(tf.abs(x)) < 100.0, tf.float32)
        return (x + gate * hidden(x)) @ FC

    return call


@pytest.mark.parametrize(
    "hidden",
    [
        lambda x: tf.nn.relu(x @ tf.ones([784, 784])),
        lambda x: x[::-1],
        lambda x: tf.reduce_sum(x, axis=0, keepdims=True),
    ],
)
def test_what_tells_probes_from_digits_does_not_hide(hidden):
    assert len(layers(gated(hidden))) > 1


def test_products_that_mix_images_are_none():
    square = tf.ones([BATCH, BATCH])
    for call in (
        lambda x: tf.matmul(square, x[:, :BATCH]),
        lambda x: tf.einsum("ij,jk->ik", square, x[:, :BATCH]),
        lambda x: tf.einsum("ij,ik->jk", x[:, :BATCH], square),
        lambda x: tf.matmul(x[:, :BATCH], square, transpose_a=True),
    ):
        assert not layers(call)[-1].startswith("matrix product")
