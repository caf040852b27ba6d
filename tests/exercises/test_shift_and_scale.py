"""exercises/shift_and_scale.py: parameters, how images are moved and scaled, and what the networks make of that."""

import re

import numpy as np
import pytest
from scipy import ndimage

import lab
from exercises import shift_and_scale as script
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def disc(radius=8.0):
    """Draw a disc of this radius in the middle of 28x28 pixels."""
    across, down = np.mgrid[:28, :28] - 13.5
    return np.clip(radius + 0.5 - np.hypot(across, down), 0, 1).astype(np.float32).reshape(1, 28, 28, 1)


def test_the_networks_have_the_published_parameters():
    dense = [layer.count_params() for layer in script.feed_forward().layers if layer.count_params()]
    assert dense == [392_500, 5_010]
    pooled = [layer.count_params() for layer in script.convolutional(pooling=True).layers if layer.count_params()]
    assert pooled == [3 * 3 * 16 + 16, 3 * 3 * 16 * 32 + 32, 7 * 7 * 32 * 10 + 10]
    plain = [layer.count_params() for layer in script.convolutional(pooling=False).layers if layer.count_params()]
    assert plain == [*pooled[:2], 28 * 28 * 32 * 10 + 10]
    assert script.pyramid().count_params() == sum(pooled)  # one network, seen three times


@pytest.mark.parametrize("pixels", script.SHIFTS)
def test_images_move_down_up_right_and_left(pixels):
    images = np.random.default_rng(0).random((9, 28, 28, 1), np.float32)
    moved = script.shift(images, pixels)
    for n, image in enumerate(images):
        direction = [(pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)][n % 4]
        expected = ndimage.shift(image[:, :, 0], direction, order=0, mode="constant")
        assert np.array_equal(moved[n, :, :, 0], expected), n


def test_the_same_size_is_the_same_image():
    images = np.random.default_rng(1).random((2, 28, 28, 1), np.float32)
    np.testing.assert_allclose(script.scale(images, 28), images, atol=1e-6)


@pytest.mark.parametrize("size", [14, 16, 20, 24, 34, 40])
def test_the_ink_changes_as_the_square_of_the_scale_and_stays_in_the_middle(size):
    scaled = script.scale(disc(), size)[0, :, :, 0]
    assert scaled.shape == (28, 28)
    assert scaled.sum() == pytest.approx(disc().sum() * (size / 28) ** 2, rel=0.02)
    assert ndimage.center_of_mass(scaled) == pytest.approx((13.5, 13.5), abs=0.02)


def test_a_pyramid_takes_the_largest_of_three_views():
    network, image = script.pyramid(), np.concatenate([disc(3), disc(4), disc(5)])
    look = next(layer for layer in network.layers if layer.count_params())
    half = np.pad(image.reshape(3, 14, 2, 14, 2, 1).mean(axis=(2, 4)), [(0, 0), (7, 7), (7, 7), (0, 0)])
    double = script.scale(image, 56)
    expected = np.max([look(view) for view in (half, image, double)], axis=0)
    np.testing.assert_allclose(network(image), expected, atol=1e-4)
    assert not np.allclose(network(image), look(image))  # not the middle one alone


def read_a_few(flags, read_data=lab.read_data):
    """Read the data sets as lab.read_data does, and leave 40 test images, so that this takes no minute."""
    mnist = read_data(flags)
    mnist.test._images, mnist.test._labels = mnist.test.images[:40], mnist.test.labels[:40]
    return mnist


def test_it_trains_compares_and_draws(synthetic_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "read_data", read_a_few)
    flags = ["--dataset", "synthetic", "--data-dir", synthetic_dir, "--results-dir", tmp_path]
    printed = run_exercise("shift_and_scale", *flags, "--steps", 1, "--batch-size", 8)
    last = printed.splitlines()[-1]
    assert re.fullmatch(
        r"moved by 3 pixels: [01]\.\d\d right, with convolutions and pooling [01]\.\d\d \(synthetic digits\)", last
    )
    assert "fully connected: 397,510 parameters, test accuracy " in printed
    mixed = re.findall(r"^(.+), pixels mixed: test accuracy [01]\.\d{3}, before [01]\.\d{3}$", printed, re.MULTILINE)
    assert mixed == ["fully connected", "convolutions, pooling"]
    assert (tmp_path / "shift_and_scale" / "seed-0" / "shift_and_scale.png").stat().st_size > 10_000


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
def test_pooling_stands_shifts_and_mixing_harms_convolutions_alone(mnist_dir, tmp_path):
    flags = ["--dataset", "mnist", "--data-dir", mnist_dir, "--results-dir", tmp_path]
    printed = run_exercise("shift_and_scale", *flags)
    dense, pooled = (float(right) for right in re.search(r"3 pixels: ([\d.]+) right.* ([\d.]+) \(", printed).groups())
    assert pooled > dense + 0.15
    mixed = re.findall(r"^(.+), pixels mixed: test accuracy ([\d.]+), before ([\d.]+)$", printed, re.MULTILINE)
    loss = {name: float(plain) - float(right) for name, right, plain in mixed}
    assert abs(loss["fully connected"]) < 0.008
    assert loss["convolutions, pooling"] > 0.01
