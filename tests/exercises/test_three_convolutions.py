"""exercises/three_convolutions.py: shapes, the parameters that LeCun et al. published, and the maps not connected."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate2d

from exercises import three_convolutions as script
from exercises.support import depth as depths
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises

# Table I of LeCun et al., 1998: the maps of the first layer that each one of the second layer sees.
TABLE = [(m, (m + 1) % 6, (m + 2) % 6) for m in range(6)]
TABLE += [tuple((m + k) % 6 for k in range(4)) for m in range(6)]
TABLE += [(m, m + 1, (m + 3) % 6, (m + 4) % 6) for m in range(3)] + [tuple(range(6))]
IMAGES = np.random.default_rng(0).random((3, 784), np.float32)


def outputs_of(model, kind):
    """Return the shapes of the outputs of all operations of a kind in the model's graph, without the batch."""
    graph = tf.function(model).get_concrete_function(tf.TensorSpec([None, 784])).graph
    return [tuple(op.outputs[0].shape[1:]) for op in graph.get_operations() if op.type == kind]


def test_the_maps_are_28_14_7_and_4_pixels_wide():
    model = script.Model()
    assert outputs_of(model, "Conv2D") == [(28, 28, 32), (14, 14, 64), (7, 7, 128)]
    assert outputs_of(model, "MaxPool") == [(14, 14, 32), (7, 7, 64), (4, 4, 128)]
    assert outputs_of(model, "MatMul") == [(625,), (10,)]


def test_the_network_is_what_kerass_layers_compute():
    model, layers = script.Model(), tf.keras.layers
    stack = [tf.keras.Input([784]), layers.Reshape([28, 28, 1])]
    for filters in 32, 64, 128:
        stack += [layers.Conv2D(filters, 3, padding="same", activation="relu", use_bias=False)]
        stack += [layers.MaxPooling2D(padding="same")]
    stack += [layers.Flatten(), layers.Dense(625, "relu", use_bias=False), layers.Dense(10, use_bias=False)]
    network = tf.keras.Sequential(stack)
    weights = [model.W_conv1, model.W_conv2, model.W_conv3, model.W_fc1, model.W_fc2]
    network.set_weights([W.numpy() for W in weights])
    np.testing.assert_allclose(model(IMAGES), network(IMAGES), rtol=1e-4, atol=1e-4)


def test_dropout_zeroes_maps_and_units_in_training_only():
    model = script.Model()
    assert np.array_equal(model(IMAGES), model(IMAGES))
    assert not np.array_equal(model(IMAGES, 0.5, 1.0), model(IMAGES, 0.5, 1.0))
    assert not np.array_equal(model(IMAGES, 1.0, 0.8), model(IMAGES, 1.0, 0.8))


def test_lenets_layers_have_the_published_parameters():
    lenet = script.LeNet()
    masked = np.size(lenet.W3) - 25 * int(script.CONNECTED.sum())
    counts = []
    for layer in range(1, 8):
        parts = [value for name, value in vars(lenet).items() if name.endswith(str(layer))]
        counts.append(sum(int(tf.size(part)) for part in parts))
    counts[2] -= masked
    assert counts[:6] == [156, 12, 1_516, 32, 48_120, 10_164]  # LeCun et al., 1998, section II.B
    assert sum(counts) == 60_850


def test_lenets_maps_are_connected_as_in_its_table():
    assert [np.flatnonzero(column).tolist() for column in script.CONNECTED.T] == [sorted(seen) for seen in TABLE]


def test_lenets_sizes():
    lenet = script.LeNet()
    assert outputs_of(lenet, "Conv2D") == [(28, 28, 6), (10, 10, 16)]
    assert outputs_of(lenet, "AvgPool") == [(14, 14, 6), (5, 5, 16)]
    assert outputs_of(lenet, "MatMul") == [(120,), (84,), (10,)]


def test_the_gradient_of_what_is_not_connected_is_exactly_0():
    lenet = script.LeNet()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(lenet(IMAGES)))
    gradient = np.abs(tape.gradient(loss, lenet.W3)).max(axis=(0, 1))  # (6, 16)
    assert np.all(gradient[script.CONNECTED == 0] == 0)
    assert np.all(gradient[script.CONNECTED == 1] > 0)


def test_a_map_that_is_not_connected_has_no_say():
    lenet, changed = script.LeNet(), np.flatnonzero(script.CONNECTED[0] == 0)
    before = lenet(IMAGES).numpy()
    noise = np.zeros([5, 5, 6, 16], np.float32)
    noise[:, :, 0, changed] = 9
    lenet.W3.assign_add(noise)
    assert np.array_equal(lenet(IMAGES), before)


def halved(maps, factor, bias):
    """Subsample maps, (height, width, maps), as the paper tells: mean of 2x2, times a factor, plus a bias, squashed."""
    height, width, number = maps.shape
    means = maps.reshape(height // 2, 2, width // 2, 2, number).mean(axis=(1, 3))
    return np.tanh(means * factor + bias)


def test_lenet_is_what_loops_over_its_table_compute():
    tf.random.set_seed(2)
    lenet = script.LeNet()
    for bias in (lenet.b1, lenet.b2, lenet.b3, lenet.b4, lenet.b5, lenet.b6, lenet.b7, lenet.factor2, lenet.factor4):
        bias.assign(tf.random.normal(bias.shape))
    w = {name: value.numpy() for name, value in vars(lenet).items() if isinstance(value, tf.Variable)}
    image = np.pad(IMAGES[0].reshape(28, 28), 2)  # 32x32, as in the paper
    h = np.stack([correlate2d(image, w["W1"][:, :, 0, m], "valid") + w["b1"][m] for m in range(6)], axis=2)
    h = halved(np.abs(np.tanh(h)), w["factor2"], w["b2"])
    maps = []
    for m, seen in enumerate(TABLE):
        parts = [correlate2d(h[:, :, below], w["W3"][:, :, below, m], "valid") for below in seen]
        maps.append(sum(parts) + w["b3"][m])
    h = halved(np.abs(np.tanh(np.stack(maps, axis=2))), w["factor4"], w["b4"]).ravel()
    h = np.tanh(np.tanh(h @ w["W5"] + w["b5"]) @ w["W6"] + w["b6"])
    np.testing.assert_allclose(lenet(IMAGES)[0], h @ w["W7"] + w["b7"], atol=1e-4)


def test_the_networks_of_other_depths_differ_in_their_3x3_layers_alone():
    convolutions, logits = [320, 9_248, 9_248], [14 * 14 * 32 * 10 + 10, 7 * 7 * 32 * 10 + 10, 4 * 4 * 32 * 10 + 10]
    for depth in 1, 2, 3:
        counts = [layer.count_params() for layer in depths.three_by_three(depth).layers]
        assert [count for count in counts if count] == [*convolutions[:depth], logits[depth - 1]]
    for depth in 0, 4:
        with pytest.raises(ValueError, match=f"depth is {depth}, not 1, 2 or 3"):
            depths.three_by_three(depth)


def test_it_trains_both_tests_one_and_draws(synthetic_dir, tmp_path):
    flags = ["--dataset", "synthetic", "--data-dir", synthetic_dir, "--results-dir", tmp_path]
    printed = run_exercise("three_convolutions", *flags, "--steps", 2, "--batch-size", 16)
    folder = tmp_path / "three_convolutions" / "seed-0"
    assert re.findall(r"^(\d) of 3x3, trained on 1,000 images: validation", printed, re.MULTILINE) == ["1", "2", "3"]
    assert re.search(r"^LeNet, 1 steps?: validation accuracy 0\.\d+ \(synthetic digits\)$", printed, re.MULTILINE)
    assert re.search(r"\ntest accuracy 0\.\d{4} \(10,000 images, synthetic digits\)\n$", printed)
    assert {"run.json", "predictions.npy", "curves.png", "filters.png"} <= {path.name for path in folder.iterdir()}
    count = 9 * 32 + 9 * 32 * 64 + 9 * 64 * 128 + 2048 * 625 + 6250
    assert json.loads((folder / "run.json").read_text())["parameters"] == count


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_it_gets_99_of_100_digits_right(mnist_dir, tmp_path):
    flags = ["--dataset", "mnist", "--data-dir", mnist_dir, "--results-dir", tmp_path]
    printed = run_exercise("three_convolutions", *flags)
    by_depth = [float(right) for right in re.findall(r"^\d of 3x3, .* accuracy ([\d.]+)", printed, re.MULTILINE)]
    assert by_depth[0] < by_depth[2]
    lenet = float(re.search(r"^LeNet, .* validation accuracy ([\d.]+)", printed, re.MULTILINE)[1])
    accuracy = float(re.search(r"test accuracy ([\d.]+) \(10,000 images, MNIST\)\n$", printed)[1])
    assert accuracy >= 0.987
    assert lenet >= 0.965
