"""exercises/convolution_by_hand.py: its loops, sizes and counts against SciPy, arithmetic on paper, and Keras."""

import itertools
import re

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from exercises import convolution_by_hand as by_hand
from exercises.support import patterns
from labkit.errors import LabError
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def test_it_prints_what_its_first_line_says_and_leaves_a_picture(tmp_path):
    flags = ("--results-dir", tmp_path, "--seed", 3, "--pattern", "CONV-RELU-POOL-FC")
    printed = run_exercise("convolution_by_hand", *flags)
    last = printed.splitlines()[-1]
    assert last == "39 of 39 results within 1e-6 of TensorFlow's"
    assert by_hand.__doc__.startswith("Convolution by hand, in loops: 39 of 39 results")
    assert (tmp_path / "convolution_by_hand/seed-3/convolution.png").read_bytes().startswith(b"\x89PNG")
    assert "as a matrix: (16, 36), 144 weights, 9 different\n" in printed
    assert "three layers of 3x3 see 7x7 pixels" in printed
    counts = [int(count.replace(",", "")) for count in re.findall(r"^  [A-Z]+ .* ([\d,]+)$", printed, re.MULTILINE)]
    assert counts == [3 * 3 * 1 * 16 + 16, 0, 0, 14 * 14 * 16 * 10 + 10]
    assert f"in all {sum(counts):,} weights" in printed


def test_the_slides_sizes():
    assert by_hand.places(7, 3, 2) == 3
    assert by_hand.places(7, 3, 3) == pytest.approx(7 / 3)
    assert by_hand.places(7, 3, 3, (1, 1)) == 3
    assert by_hand.places(5, 3, 1) == 3
    assert [by_hand.places(7, K, 1, ((K - 1) // 2,) * 2) for K in (3, 5, 7)] == [7, 7, 7]
    assert by_hand.places(7, 3, 1, d=2) == by_hand.places(7, 5, 1)  # two gaps: as wide as 5


@pytest.mark.parametrize("channels", [1, 3])
def test_the_loops_slide_multiply_and_sum(channels):
    random = np.random.default_rng(0)
    x, W = random.normal(size=[8, 7, channels]), random.normal(size=[3, 3, channels, 2])
    for f, map_ in enumerate(np.moveaxis(by_hand.convolve(x, W), 2, 0)):
        scipys = sum(signal.correlate2d(x[..., c], W[..., c, f], mode="valid") for c in range(channels))
        np.testing.assert_allclose(map_, scipys, atol=1e-12)


def test_a_sum_that_one_can_do_on_paper():
    x, W = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), np.array([[1.0, 0], [0, -1]])
    assert by_hand.convolve(x[..., None], W[..., None, None])[..., 0].tolist() == [[-4, -4], [-4, -4]]
    padded = by_hand.convolve(x[..., None], W[..., None, None], padding=(0, 1))[..., 0]
    assert padded.tolist() == [[-4, -4, 3], [-4, -4, 6], [7, 8, 9]]
    assert by_hand.convolve(x[..., None], W[..., None, None], d=2)[..., 0].tolist() == [[1 - 9]]


def test_a_stride_that_does_not_fit_never_sees_the_last_column():
    x, W = np.ones([7, 7, 1]), np.ones([3, 3, 1, 1])
    before = by_hand.convolve(x, W, 3)
    x[:, 6], x[6, :] = 100, 100
    assert by_hand.convolve(x, W, 3).tolist() == before.tolist() == np.full([2, 2, 1], 9).tolist()


@pytest.mark.parametrize(("s", "d"), [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)])  # Keras has none with both
@pytest.mark.parametrize("K", [2, 3, 4, 5])
def test_same_pads_as_keras_does(K, s, d):
    layer = tf.keras.layers.Conv2D(1, K, s, "same", dilation_rate=d, use_bias=False)
    for i in (6, 7, 13):
        x = np.random.default_rng(i).random([i, i, 1], np.float32)
        keras = layer(x[None])[0]
        padding = by_hand.same_padding(i, K, s, d)
        assert by_hand.places(i, K, s, padding, d) // 1 == keras.shape[0] == -(-i // s)
        np.testing.assert_allclose(by_hand.convolve(x, layer.kernel.numpy(), s, padding, d), keras, atol=2e-6)


def test_pooling_keeps_the_largest_or_the_mean():
    x = np.arange(16.0).reshape(4, 4, 1)
    assert by_hand.pool(x, 2, 2, np.max)[..., 0].tolist() == [[5, 7], [13, 15]]
    assert by_hand.pool(x, 2, 2, np.mean)[..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert by_hand.pool(np.zeros([5, 5, 3]), 3, 1, np.max).shape == (3, 3, 3)
    assert by_hand.pool(np.zeros([7, 7, 3]), 3, 2, np.max).shape == (3, 3, 3)


def test_the_matrix_is_the_convolution_exactly_and_repeats_nine_weights():
    W = np.arange(1.0, 10).reshape(3, 3)
    x = np.random.default_rng(1).integers(0, 10, [6, 6]).astype(float)
    matrix = by_hand.as_matrix(W, 6)
    assert (matrix @ x.ravel()).reshape(4, 4).tolist() == signal.correlate2d(x, W, mode="valid").tolist()
    assert matrix.shape == (16, 36)
    assert sorted(matrix[matrix != 0]) == sorted(np.repeat(np.arange(1.0, 10), 16))


@pytest.mark.parametrize(("layers", "side"), [(1, 3), (2, 5), (3, 7)])
def test_small_filters_stacked_see_as_much_as_a_large_one(layers, side):
    seen = by_hand.influence(layers) != 0
    expected = np.zeros([15, 15], bool)
    expected[7 - side // 2 : 8 + side // 2, 7 - side // 2 : 8 + side // 2] = True
    assert seen.tolist() == expected.tolist()


# ------------------------------------------------------------------------------------------------------- the builder


def test_a_pattern_is_written_out():
    assert patterns.expand("[[conv - relu]*2-pool]*1-fc") == ["CONV", "RELU", "CONV", "RELU", "POOL", "FC"]
    assert patterns.expand("[CONV]*0-[FC-RELU]*0-FC") == ["FC"]


@pytest.mark.parametrize(
    ("pattern", "size", "channels", "classes"),
    [
        (by_hand.PATTERN, 28, 1, 10),
        ("[CONV-POOL]*4-[FC-RELU]*2-FC", 33, 3, 7),
        ("POOL-CONV-POOL-FC", 29, 2, 10),
        ("FC", 28, 1, 10),
    ],
)
def test_shapes_and_counts_are_those_of_keras(pattern, size, channels, classes):
    network = patterns.build(pattern, size, channels, classes)
    rows = patterns.layers(pattern, size, channels, classes)
    kept = [layer for layer in network.layers if layer.name.partition("_")[0] != "flatten"]
    assert [layer.output.shape[1:] for layer in kept] == [row.shape for row in rows]
    assert [layer.count_params() for layer in kept] == [row.parameters for row in rows]
    assert network(np.zeros([2, size, size, channels], np.float32)).shape == (2, classes)


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("CONV", "has to end with FC"),
        ("", "has to end with FC"),
        ("CONVX-FC", "CONVX in the pattern CONVX-FC is no layer"),
        ("[CONV-FC", "is no layer"),
        ("[[CONV]*99]*99-FC", "more than 60 layers"),
        ("[CONV]*61-FC", "more than 60 layers"),
        ("FC-CONV-FC", "CONV or POOL after FC"),
        ("[POOL]*5-FC", "too often"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, complaint):
    with pytest.raises(LabError, match=re.escape(complaint)):
        patterns.layers(pattern)


def test_no_pattern_makes_a_network_of_the_assignment():
    assignment = {3_274_634}  # deep_mnist.py, then the three without a layer
    assignment |= {5 * 5 * n + n + inputs * 1024 + 1024 + 10_250 for n, inputs in ((64, 12_544), (32, 6_272))}
    assignment |= {5 * 5 * 32 + 32 + 5 * 5 * 32 * 64 + 64 + 31_370}
    for n, m, k, end in itertools.product(range(4), range(5), range(4), ("POOL", "[POOL]*0")):
        rows = patterns.layers(f"[[CONV-RELU]*{n}-{end}]*{m}-[FC-RELU]*{k}-FC")
        assert sum(row.parameters for row in rows) not in assignment
    kernels = [w.shape for w in patterns.build(by_hand.PATTERN).weights if len(w.shape) == 4]
    assert {tuple(shape[:2]) for shape in kernels} == {(3, 3)}
