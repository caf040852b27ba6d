"""From a student's model to the kit's own network: what is read, what is built of it, and what is trained."""

import types

import numpy as np
import pytest
import tensorflow as tf

import model_no2
import model_no3
from grading.inside.trusted import rebuilding, running, training
from labkit.checks.graph.freezing import BATCH, CallableModel, freeze, switches
from labkit.checks.graph.judging import look
from labkit.networks import LAYERS

pytestmark = pytest.mark.grading

IMAGES = np.random.default_rng(0).uniform(size=(BATCH, 784))


def data(model):
    """Return the bytes of a model's frozen graph."""
    network = CallableModel(model)
    network(tf.zeros([BATCH, 784]))
    return freeze(network).SerializeToString()


def weights(*shape):
    return tf.Variable(tf.random.normal(shape, stddev=np.sqrt(2 / np.prod(shape[:-1]))))


class Model(tf.Module):
    """Ablation no. 3, in parts that a test can replace."""

    def __init__(self, **parts):
        super().__init__()
        self.c1, self.d1 = weights(5, 5, 1, 32), tf.Variable(tf.fill([32], 0.1))
        self.c2, self.d2 = weights(5, 5, 32, 64), tf.Variable(tf.fill([64], 0.1))
        self.w, self.e = weights(3136, 10), tf.Variable(tf.zeros([10]))
        self._parts = {**PARTS, **parts}

    def __call__(self, x, keep_prob=1.0):
        parts = types.SimpleNamespace(**self._parts)
        h = parts.images(x)
        for W, b in ((self.c1, self.d1), (self.c2, self.d2)):
            h = parts.pool(parts.relu(parts.conv(h, W) + b))
        return parts.end(parts.dense(tf.reshape(h, [-1, 3136]), self.w) + self.e)


def shifted(x, W):
    """Compute a convolution as a sum of products with shifted images."""
    size, padded = x.shape[1], tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]])
    return tf.add_n([padded[:, i : i + size, j : j + size] @ W[i, j] for i in range(5) for j in range(5)])


def half(conv):
    """Return the same convolution in float16."""
    return lambda x, W: tf.cast(conv(tf.cast(x, tf.float16), tf.cast(W, tf.float16)), tf.float32)


PARTS = {
    "images": lambda x: tf.reshape(x, [-1, 28, 28, 1]),
    "conv": lambda x, W: tf.nn.conv2d(x, W, 1, "SAME"),
    "pool": lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"),
    "relu": tf.nn.relu,
    "dense": tf.matmul,
    "end": lambda x: x,
}
RIGHT = {
    "as it is": {},
    "shifted images": {"conv": shifted},
    "float16": {"conv": half(PARTS["conv"])},
    "relu as a product": {"relu": lambda x: (x + tf.abs(x)) / 2},
    "relu and pooling in one": {
        "relu": lambda x: x,
        "pool": lambda x: tf.reduce_max(
            tf.stack([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)] + [tf.zeros_like(x[:, ::2, ::2])]), axis=0
        ),
    },
    "columns": {"dense": lambda x, W: tf.transpose(tf.matmul(W, x, transpose_a=True, transpose_b=True))},
    "patches and a product": {
        "conv": lambda x, W: (
            tf.image.extract_patches(x, [1, 5, 5, 1], [1] * 4, [1] * 4, "SAME") @ tf.reshape(W, [-1, W.shape[-1]])
        )
    },
    "softmax at the end": {"end": tf.nn.softmax},
    "scaled images": {"images": lambda x: tf.reshape(x / 255, [-1, 28, 28, 1])},
    "images scaled in two steps": {"images": lambda x: tf.reshape((x - 0.25) / 0.5, [-1, 28, 28, 1])},
}
WRONG = {
    "frozen filters": ({"conv": lambda x, W: tf.nn.conv2d(x, tf.stop_gradient(W), 1, "SAME")}, "expected 83,466"),
    "absolute weights": ({"dense": lambda x, W: x @ tf.abs(W)}, "computed from the model's variables"),
    "signs of weights": ({"dense": lambda x, W: x @ tf.sign(W)}, "computed from the model's variables"),
    "leaky": ({"relu": tf.nn.leaky_relu}, "LeakyRelu"),
    "no relu far out": ({"relu": lambda x: tf.where(tf.abs(x) > 1e4, x, tf.nn.relu(x))}, "it should be ReLU"),
    "average": ({"pool": lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME")}, "AvgPool"),
    "mirrored": ({"images": lambda x: tf.reshape(x, [-1, 28, 28, 1])[:, :, ::-1]}, "convolution"),
    "whole batch": ({"images": lambda x: tf.reshape(x / tf.reduce_max(x), [-1, 28, 28, 1])}, "RealDiv"),
}


@pytest.mark.attack
@pytest.mark.sample(8)
@pytest.mark.parametrize("parts", RIGHT.values(), ids=RIGHT)
def test_what_is_built_anew_computes_what_the_model_computes(parts):
    verdict, network = rebuilding.examine("model_no3", data(model := Model(**parts)), IMAGES)
    assert not verdict.problems
    assert not verdict.unread
    x = IMAGES.astype(np.float32)
    found = rebuilding.logits("model_no3", network.weights, network.scaling, tf.constant(x)).numpy()
    found = tf.nn.softmax(found).numpy() if "end" in parts else found
    np.testing.assert_allclose(found, model(x), rtol=2e-2, atol=2e-2 if "conv" in parts else 1e-4)


@pytest.mark.attack
@pytest.mark.sample(2, of="networks that take long to read")
def test_two_convolutions_in_one_layer_earn_little():
    class Twice(Model):
        def __init__(self):
            super().__init__(conv=lambda x, W: (PARTS["conv"](x, W) + PARTS["conv"](x, self.more[W.shape[2]])) / 2)
            self.more = {1: weights(5, 5, 1, 32), 32: weights(5, 5, 32, 64)}

    verdict, _ = rebuilding.examine("model_no3", data(Twice()), IMAGES)
    assert "expected 83,466" in verdict.problems[0]
    assert verdict.fraction <= 0.2


@pytest.mark.attack
@pytest.mark.sample(2, of="networks that take long to read")
def test_all_weights_may_be_one_variable():
    class Flat(Model):
        """Slices of one long variable; the last bias is a row of the last weights, with a column of ones."""

        def __init__(self):
            super().__init__()
            del self.c1, self.d1, self.c2, self.d2, self.w, self.e
            self.all = tf.Variable(0.05 * tf.random.normal([83_466]))

        def __call__(self, x, keep_prob=1.0):
            sizes = [800, 32, 51_200, 64, 31_370]
            c1, d1, c2, d2, w = tf.split(self.all, sizes)
            h = PARTS["images"](x)
            for W, b, shape in ((c1, d1, [5, 5, 1, 32]), (c2, d2, [5, 5, 32, 64])):
                h = PARTS["pool"](tf.nn.relu(PARTS["conv"](h, tf.reshape(W, shape)) + b))
            h = tf.reshape(h, [-1, 3136])
            return tf.concat([h, tf.ones([tf.shape(h)[0], 1])], axis=1) @ tf.reshape(w, [3137, 10])

    verdict, network = rebuilding.examine("model_no3", data(model := Flat()), IMAGES)
    assert not verdict.problems
    x = IMAGES.astype(np.float32)
    found = rebuilding.logits("model_no3", network.weights, network.scaling, tf.constant(x))
    np.testing.assert_allclose(found, model(x), rtol=1e-3, atol=1e-4)


@pytest.mark.attack
@pytest.mark.sample(8)
@pytest.mark.parametrize(("parts", "told"), WRONG.values(), ids=WRONG)
def test_another_network_is_told(parts, told):
    verdict, network = rebuilding.examine("model_no3", data(Model(**parts)), IMAGES)
    assert told in "; ".join(verdict.problems)
    assert network is None


def heavy(x):
    """Double images of which nearly all is ink, and nothing else."""
    ink = tf.reduce_mean(x, axis=1, keepdims=True)
    rare = (ink > 0.9) & (ink < 0.95) & tf.reduce_all((x >= 0) & (x < 1), axis=1, keepdims=True)
    return tf.reshape(tf.where(rare, 2 * x, x), [-1, 28, 28, 1])


@pytest.mark.attack
@pytest.mark.sample(2, of="networks that take long to read")
def test_a_network_that_treats_rare_digits_otherwise_is_another():
    rare = np.repeat(IMAGES, 2, axis=0)
    rare[BATCH + 3] = 0.92
    verdict, network = rebuilding.examine("model_no3", data(Model(images=heavy)), rare)
    assert "computes something else: on digits" in verdict.problems[0]
    assert network is None


@pytest.mark.attack
@pytest.mark.sample(2, of="networks that take long to read")
@pytest.mark.parametrize(
    ("variable", "relu"),
    [
        (tf.Variable(0.0, trainable=False), lambda x, leak: tf.maximum(x, leak * x)),
        (tf.Variable(False), lambda x, off: tf.where(off, x, tf.nn.relu(x))),
        (tf.Variable(False), lambda x, off: tf.cond(off, lambda: x, lambda: tf.nn.relu(x))),
    ],
    ids=["leak", "switch", "condition"],
)
def test_a_variable_that_waits_for_main_to_change_it_leaves_the_network_undecided(variable, relu):
    model = Model(relu=lambda x: relu(x, variable))
    model.late = variable
    verdict, network = rebuilding.examine("model_no3", data(model), IMAGES)
    assert not verdict.problems
    assert "depends on the variable Variable, which training leaves as it is" in verdict.unread
    assert network is None


def either(mask, axis):
    """Join a mask with its opposite."""
    return tf.concat([mask, ~mask], axis)


def set_back(x, p):
    tf.random.get_global_generator().reset_from_seed(42)
    return tf.where(tf.random.get_global_generator().uniform(tf.shape(x)) < p, x / p, 0.0)


def in_turn(x, p):
    if p == 1:
        return x
    COUNTER.assign_add(1)
    mask = tf.random.stateless_uniform(tf.shape(x), [COUNTER % 10, 0]) < p
    return tf.where(mask, x / p, 0.0)


COUNTER = tf.Variable(0)
DROPOUTS = {
    "always": (lambda x, p: tf.nn.dropout(x, 0.5), "all must stay"),
    "never": (lambda x, p: x, "no units are dropped"),
    "too few": (lambda x, p: tf.nn.dropout(x, 0.4) if p < 1 else x, "keeps 60%"),
    "unscaled": (
        lambda x, p: x * tf.cast(tf.random.uniform(tf.shape(x)) < 0.5, tf.float32) if p < 1 else x,
        "multiplies the units that it keeps by 1,",
    ),
    "same for all": (lambda x, p: tf.nn.dropout(x, 0.5, noise_shape=[1, 1024]) if p < 1 else x, "for all images"),
    "same at each step": (
        lambda x, p: tf.nn.experimental.stateless_dropout(x, 0.5, seed=[1, 2]) if p < 1 else x,
        "the same units at every step",
    ),
    "in pairs": (
        lambda x, p: tf.where(tf.repeat(tf.random.uniform([BATCH, 512]) < 0.5, 2, axis=1), 2 * x, 0.0) if p < 1 else x,
        "step, image or place depends on another",
    ),
    "one half by the other": (
        lambda x, p: tf.where(either(tf.random.uniform([BATCH, 512]) < 0.5, 1), 2 * x, 0.0) if p < 1 else x,
        "step, image or place depends on another",
    ),
    "of images far apart": (
        lambda x, p: (
            tf.where(tf.gather(tf.random.uniform([19, 1024]) < 0.5, np.arange(BATCH) % 19), 2 * x, 0.0) if p < 1 else x
        ),
        "step, image or place depends on another",
    ),
    "by a generator that is set back": (set_back, "another value"),
    "ten masks in turn": (in_turn, "step, image or place depends on another"),
    "by value": (
        lambda x, p: tf.where(x > tf.reduce_mean(x, axis=1, keepdims=True), 2 * x, 0.0) if p < 1 else x,
        "dropout",
    ),
}


@pytest.mark.attack
@pytest.mark.sample(4)
@pytest.mark.parametrize(("dropout", "told"), DROPOUTS.values(), ids=DROPOUTS)
def test_other_dropout_is_told(dropout, told, monkeypatch):
    monkeypatch.setattr(model_no2, "dropout", dropout)
    verdict = look("model_no2", data(model_no2.Model()), IMAGES).verdict
    assert told in "; ".join(verdict.problems)
    assert verdict.fraction > 0.7


COMPUTED = {
    "clipped": lambda W: tf.clip_by_value(W, -2, 2),
    "of a bounded norm": lambda W: tf.clip_by_norm(W, 50),
    "normalised": lambda W: tf.nn.l2_normalize(W, axis=(0, 1, 2)),
    "centred": lambda W: W - tf.reduce_mean(W, axis=(0, 1, 2), keepdims=True),
    "with a neighbour's sign": lambda W: tf.abs(W) * tf.sign(tf.roll(W, 1, axis=3)),
    "mirrored": lambda W: tf.concat([W[:, :3], W[:, 1::-1]], axis=1),
}


@pytest.mark.attack
@pytest.mark.sample(2)
@pytest.mark.parametrize("change", COMPUTED.values(), ids=COMPUTED)
def test_weights_that_are_computed_from_the_variables_are_told(change, monkeypatch):
    convolve = model_no2.conv2d
    monkeypatch.setattr(model_no2, "conv2d", lambda x, W: convolve(x, change(W)))
    verdict = look("model_no2", data(model_no2.Model()), IMAGES).verdict
    assert "are computed from the model's variables" in "; ".join(verdict.problems)


@pytest.mark.attack
@pytest.mark.sample(2, of="networks that take long to read")
def test_a_call_that_assigns_to_its_weights_is_told_and_one_that_counts_is_not():
    class Drifting(model_no2.Model):
        def __init__(self, name):
            super().__init__()
            self.calls, self._name_of_target = tf.Variable(0.0, trainable=False), name

        def __call__(self, x, keep_prob=1.0):
            target = getattr(self, self._name_of_target)
            target.assign_add(tf.ones_like(target))
            return super().__call__(x, keep_prob)

    assert look("model_no2", data(Drifting("calls")), IMAGES).verdict.problems == ()
    told = "; ".join(look("model_no2", data(Drifting("W_conv1")), IMAGES).verdict.problems)
    assert "each call gives the variable" in told
    assert "another value" in told


def test_right_dropout_is_right():
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    assert look("model_no2", data(model_no2.Model()), IMAGES).verdict.problems == ()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x, keep_prob=1.0: x, {"keep_prob": 0.5}),
        (lambda x, is_training=False: x, {"is_training": True}),
        (lambda x, keep_prob=0.5, training=False: x, {"keep_prob": 0.5, "training": True}),
        (lambda x, drop_rate=0.0: x, {"drop_rate": 0.5}),
        (lambda x, dropout=False: x, {"dropout": True}),
        (lambda x, mode="test": x, {"mode": "train"}),
        (lambda x, **kwargs: x, {"keep_prob": 0.5}),
        (lambda x, p=1.0: x, {"p": 0.5}),
        (lambda x, keep_prob=1.0, /: x, {"keep_prob": 0.5}),
        (lambda x, is_test=True: x, {"is_test": False}),
        (lambda x, no_dropout=True: x, {"no_dropout": False}),
        (lambda x, phase="test": x, {"phase": "train"}),
        (lambda x, latest=True: x, {}),
        (lambda x, mask=None: x, {}),
        (lambda x, return_maps=False: x, {}),
    ],
)
def test_the_switch_of_a_call_follows_from_its_name(call, expected):
    assert switches(call) == expected


def test_a_switch_without_a_name_is_handed_on_by_its_place():
    network = CallableModel(lambda x, keep_prob=1.0, /: x * keep_prob)
    assert (network(1.0), network(1.0, training=True)) == (1.0, 0.5)


def test_keras_hands_training_on_to_its_layers():
    class Silent(tf.keras.Model):
        def call(self, x):
            return x

    assert switches(Silent()) == {"training": True}


# ---------------------------------------------------------------------------------------------- training and running


def first(script, factor=1.0, rng=None):
    """Make a network of the kit's own with first weights of usual size, times a factor."""
    rng = rng or np.random.default_rng(0)
    shapes = [layer.weights for layer in LAYERS[script] if layer.weights]
    pairs = [
        (factor * rng.standard_normal(s, np.float32) * np.float32(np.sqrt(2 / np.prod(s[:-1]))), np.zeros(s[-1], "f4"))
        for s in shapes
    ]
    return rebuilding.RebuiltNetwork(script, tuple(pairs))


def test_a_network_can_be_kept_in_a_file(tmp_path):
    network = first("model_no3")
    rebuilding.save(network, tmp_path / "network.npz")
    again = rebuilding.load("model_no3", tmp_path / "network.npz")
    assert again.scaling == network.scaling
    for pair, other in zip(network.weights, again.weights, strict=True):
        assert all((a == b).all() for a, b in zip(pair, other, strict=True))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda W: W * 0, "are all zero"),
        (lambda W: W * 0 + 0.5, "are all 0.5"),
        (lambda W: W * np.nan, "not all finite"),
        (lambda W: W[..., :1] + 0 * W, "the same for all outputs"),
        (lambda W: 1000 * W, "far too large"),
    ],
)
def test_first_weights_that_learn_nothing_are_told(change, told):
    network = first("model_no3")
    pairs = (network.weights[0], (change(network.weights[1][0]), network.weights[1][1]), network.weights[2])
    digits = np.uint8(255 * IMAGES)
    assert told in training.first_problem(rebuilding.RebuiltNetwork("model_no3", pairs), digits)
    assert training.first_problem(network, digits) is None


@pytest.mark.parametrize(("precision", "short"), [("float32", False), ("bfloat16", True)])
def test_trainings_multiply_in_the_precision_that_is_asked_for_whatever_the_processor(precision, short):
    option = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    try:
        training.set_precision(precision)
        assert tf.config.optimizer.get_experimental_options()[option] is short
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def test_a_few_steps_learn_a_few_images_by_heart():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 784)).astype(np.uint8), rng.integers(0, 10, 40)
    recipe = {"steps": 40, "batch_size": 20, "learning_rate": 3e-3, "label_smoothing": 0.1, "seed": 0}
    trained = training.train(first("model_no3"), images, labels, recipe)
    assert np.mean(training.predict(trained, images) == labels) > 0.9


def samples(path, shapes, change=1.0):
    """Write the samples that the worker leaves of a run."""
    arrays = {}
    for n, shape in enumerate(shapes):
        arrays |= {f"shape_{n}": np.array(shape), f"before_{n}": np.ones(3), f"after_{n}": np.ones(3) + change}
    np.savez(path, **arrays)
    return path


def test_a_run_is_worth_the_weights_that_it_moved(tmp_path):
    graph, path = data(model_no3.Model()), tmp_path / "run.npz"
    shapes = [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (3136, 10), (10,)]
    assert running.problem(samples(path, shapes), graph) is None
    assert "what they were before" in running.problem(samples(path, shapes, 0.0), graph)
    assert "not all finite" in running.problem(samples(path, shapes, np.nan), graph)
    assert "another network" in running.problem(samples(path, [*shapes[:4], (3136, 1024), (1024,)]), graph)
    path.write_bytes(b"\x80\x04pickle")
    assert "could not be read" in running.problem(path, graph)
