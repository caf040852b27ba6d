"""The synthetic digits: their shapes, their being the same for a seed, and the cache."""

import functools
import gzip
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from input_data import DataError, read_data_sets
from labkit.data import loader, synthetic_digits
from tests.support.digit_files import NAMES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from tests.support.tracing import ROOT

pytestmark = pytest.mark.loader


@pytest.fixture(scope="module")
def fonts():
    return synthetic_digits.distance_fields()


@pytest.fixture
def few(monkeypatch, fonts):
    """Draw 60 and 20 digits instead of all; the list that it returns grows by a seed for each drawing."""
    draw_all, drawings = synthetic_digits.draw_all, []

    def draw(seed):
        drawings.append(seed)
        return draw_all(seed, train_size=60, test_size=20)

    monkeypatch.setattr(synthetic_digits, "draw_all", draw)
    monkeypatch.setattr(synthetic_digits, "distance_fields", lambda: fonts)
    return drawings


def draw(fonts, count, seed=0):
    return synthetic_digits.draw_digits(count, np.random.RandomState(seed), fonts)


def arrays(files):
    return [files[name].array.tobytes() for name in NAMES]


# --- glyphs ------------------------------------------------------------------------------------------------------


def test_distance_is_positive_in_the_stroke_and_negative_around_it(fonts):
    centre = synthetic_digits.GRID // 2
    one, zero = fonts[0, 1], fonts[0, 0]  # DejaVu Sans
    assert fonts[:, :, 0, 0].max() < 0
    assert one[centre, centre - 24 : centre + 25].max() > 0
    assert zero[centre, centre] < 0  # the hole
    assert zero[:, centre].max() > 0


def test_distance_to_a_square_is_that_of_geometry():
    corners = np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]], float)
    segments = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    field = synthetic_digits._signed_distance(segments) / synthetic_digits.DISTANCE_UNIT  # every half pixel
    assert field[28, 28] == 5
    assert field[28, 28 + 2 * 9] == -4
    assert field[28 + 2 * 8, 28 + 2 * 9] == -5  # a 3-4-5 triangle from the corner
    assert field[28, 28 + 2 * 5] == 0


def test_every_digit_of_every_font_is_drawn_twenty_pixels_high(fonts):
    rows = (fonts > 0).any(axis=-1)  # (fonts, 10, GRID)
    height = rows.sum(axis=-1) / synthetic_digits.PER_PIXEL
    assert (abs(height - synthetic_digits.GLYPH_HEIGHT) < 1).all()


def test_a_missing_font_is_told(monkeypatch):
    monkeypatch.setattr(synthetic_digits, "FONTS", ("NoSuchFont",))
    with pytest.raises(DataError, match=r"NoSuchFont.ttf is missing, a font of matplotlib's"):
        synthetic_digits.distance_fields()


# --- drawing -----------------------------------------------------------------------------------------------------


def test_digits_have_the_shapes_types_and_classes_of_mnist(fonts):
    images, labels = draw(fonts, 2_000)
    assert images.shape == (2_000, 28, 28, 1)
    assert images.dtype == labels.dtype == np.uint8
    assert np.bincount(labels, minlength=10).min() > 130
    assert len(np.bincount(labels)) == 10


def test_digits_are_bright_in_the_middle_and_dark_at_the_edge(fonts):
    mean = draw(fonts, 2_000)[0].mean(axis=(0, 3))
    assert mean[8:20, 10:18].mean() > 60
    assert mean[[0, -1]].mean() < 20
    assert mean[:, [0, -1]].mean() < 20


def test_no_digit_is_blank(fonts):
    images, _ = draw(fonts, 2_000)
    assert ((images > 100).sum(axis=(1, 2, 3)) > 10).all()


def test_the_same_seed_draws_the_same_digits_and_another_seed_others(fonts):
    (images, labels), (again, labels_again), (other, _) = draw(fonts, 100), draw(fonts, 100), draw(fonts, 100, seed=1)
    assert images.tobytes() == again.tobytes()
    assert labels.tobytes() == labels_again.tobytes()
    assert images.tobytes() != other.tobytes()


def test_digits_are_the_same_bytes_on_every_platform(fonts):
    """If the pixels were changed on purpose, raise VERSION and update the hash."""
    images, labels = draw(fonts, 1_000)
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "409b56a77f7796d9b9bef2140c442318350625d54de437ac31f8676ffa761068"


def test_a_set_does_not_depend_on_the_number_of_threads(fonts, monkeypatch):
    monkeypatch.setattr(synthetic_digits, "distance_fields", lambda: fonts)
    drawn = []
    for threads in (1, 4):
        monkeypatch.setattr(synthetic_digits, "THREADS", threads)
        drawn.append(arrays(synthetic_digits.draw_all(5, train_size=3_500, test_size=1_200)))
    assert drawn[0] == drawn[1]


def test_the_arithmetic_is_exact_in_float32(fonts, monkeypatch):
    """Were a sum to exceed 24 bits, the order of summation would show: a matrix product in float64 would differ."""
    expected, _ = draw(fonts, 300)
    basis = synthetic_digits._basis()
    monkeypatch.setattr(synthetic_digits, "_basis", lambda: basis.astype(np.float64))
    assert draw(fonts, 300)[0].tobytes() == expected.tobytes()


def test_training_and_test_digits_differ(few):
    files = synthetic_digits.draw_all(3)
    assert files[TRAIN_IMAGES].array[:20].tobytes() != files[TEST_IMAGES].array.tobytes()
    assert files[TRAIN_LABELS].array[:20].tobytes() != files[TEST_LABELS].array.tobytes()


def test_a_nearest_mean_classifier_finds_the_digits_neither_trivial_nor_hopeless(fonts):
    """A cheap stand-in for the slow test of the two networks: the labels are right, and it is no child's play."""
    images, labels = draw(fonts, 4_000)
    pixels = images.reshape(len(images), -1).astype(np.float64)
    means = np.stack([pixels[:3_000][labels[:3_000] == digit].mean(axis=0) for digit in range(10)])
    distances = ((pixels[3_000:, np.newaxis] - means) ** 2).sum(axis=-1)
    accuracy = (distances.argmin(axis=1) == labels[3_000:]).mean()
    assert 0.55 < accuracy < 0.9


# --- the cache ---------------------------------------------------------------------------------------------------


def test_digits_are_drawn_once_and_then_read_from_the_cache(tmp_path, few):
    first = synthetic_digits.load_digits(tmp_path)
    second = synthetic_digits.load_digits(tmp_path)
    assert len(few) == 1
    assert arrays(first) == arrays(second)
    assert {name: file.sha256 for name, file in first.items()} == {name: file.sha256 for name, file in second.items()}


def cached(directory, name):
    return directory / "synthetic" / f"synthetic-{name}.gz"


def flip_pixel(directory):
    path = cached(directory, TEST_IMAGES)
    payload = bytearray(gzip.decompress(path.read_bytes()))
    payload[100] ^= 1
    path.write_bytes(gzip.compress(payload))


def truncate(directory):
    path = cached(directory, TRAIN_IMAGES)
    path.write_bytes(path.read_bytes()[:1000])


def remove(directory):
    cached(directory, TEST_LABELS).unlink()


def age(directory):
    path = directory / "synthetic" / "synthetic.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "version": record["version"] - 1}))


def garble_record(directory):
    (directory / "synthetic" / "synthetic.json").write_text("[1, 2")


def empty_record(directory):
    (directory / "synthetic" / "synthetic.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [flip_pixel, truncate, remove, age, garble_record, empty_record],
    ids=lambda function: function.__name__,
)
def test_a_damaged_or_stale_cache_is_drawn_anew(tmp_path, few, damage):
    first = synthetic_digits.load_digits(tmp_path)
    damage(tmp_path)
    assert arrays(synthetic_digits.load_digits(tmp_path)) == arrays(first)
    assert len(few) == 2
    synthetic_digits.load_digits(tmp_path)
    assert len(few) == 2


def test_an_unwritable_directory_gives_digits_without_a_cache(tmp_path, few, monkeypatch, capsys):
    def refuse(path, payload):
        raise DataError(f"{path} cannot be written: No space left on device.")

    monkeypatch.setattr(synthetic_digits, "write_gzip", refuse)
    assert set(synthetic_digits.load_digits(tmp_path)) == set(NAMES)
    assert "not kept for the next run" in capsys.readouterr().err
    monkeypatch.setattr(loader, "read_data_sets", functools.partial(read_data_sets, validation_size=5))
    assert loader.main([str(tmp_path), "--dataset", "synthetic"]) == 0
    assert capsys.readouterr().out.startswith("synthetic digits\n")  # and not that they are in the folder


def test_cached_digits_never_pass_as_mnist(tmp_path, few, monkeypatch):
    monkeypatch.setattr("labkit.data.mnist_files.MIRRORS", ())
    read_data_sets(tmp_path, validation_size=5, dataset="synthetic")
    with pytest.raises(DataError, match="none of the four data files"):
        read_data_sets(tmp_path, dataset="mnist")


def test_two_processes_draw_into_one_directory_at_once(tmp_path):
    code = (
        "import functools, sys\n"
        "from labkit.data import synthetic_digits\n"
        "synthetic_digits.FONTS = synthetic_digits.FONTS[:2]\n"
        "synthetic_digits.draw_all = functools.partial(synthetic_digits.draw_all, train_size=60, test_size=20)\n"
        "files = synthetic_digits.load_digits(sys.argv[1])\n"
        "print(sorted(file.sha256 for file in files.values()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = {process.communicate(timeout=120)[0] for process in processes}
    assert len(outputs) == 1
    assert outputs != {""}
    assert synthetic_digits._read_cache(tmp_path / "synthetic") is not None


# --- the whole set -----------------------------------------------------------------------------------------------


@pytest.mark.training
def test_the_whole_set_teaches_a_softmax_regression_85_to_95_percent(tmp_path, fonts, monkeypatch):
    """The lecture's first network, in NumPy: 1,000 steps of 100, learning rate 0.5."""
    monkeypatch.setattr(synthetic_digits, "distance_fields", lambda: fonts)
    data = read_data_sets(tmp_path, one_hot=True, seed=0, dataset="synthetic")
    assert [part.num_examples for part in data] == [55_000, 5_000, 10_000]
    weights, bias = np.zeros((784, 10), np.float32), np.zeros(10, np.float32)
    for _ in range(1_000):
        images, labels = data.train.next_batch(100)
        logits = images @ weights + bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = ((odds / odds.sum(axis=1, keepdims=True) - labels) / 100).astype(np.float32)
        weights -= 0.5 * images.T @ error
        bias -= 0.5 * error.sum(axis=0)
    guesses = (data.test.images @ weights + bias).argmax(axis=1)
    assert 0.85 < (guesses == data.test.labels.argmax(axis=1)).mean() < 0.95
