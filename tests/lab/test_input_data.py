"""The loader: `DataSet`, `read_data_sets`, every defect of a file, and `python input_data.py`. No network."""

import contextlib
import gzip
import hashlib
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import input_data
from input_data import DataError, DataSet, read_data_sets
from labkit.data import data_directory, idx_files, loader, mnist_files, synthetic_digits
from tests.support import digit_files
from tests.support.digit_files import NAMES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS

pytestmark = pytest.mark.loader

ROOT = Path(input_data.__file__).parent


@pytest.fixture
def mnist(monkeypatch):
    """Make a small data set that passes for MNIST; return its payloads by name."""
    files = digit_files.payloads()
    monkeypatch.setattr(data_directory, "MNIST_SHA256", digit_files.sha256_of(files))
    monkeypatch.setattr(
        data_directory, "MNIST_COUNTS", {name: 60 if name.startswith("train") else 20 for name in NAMES}
    )
    return files


@pytest.fixture
def offline(monkeypatch):
    """Make every mirror unreachable."""
    monkeypatch.setattr(mnist_files, "MIRRORS", (digit_files.closed_port_url(), digit_files.closed_port_url()))


@pytest.fixture
def few_synthetic_digits(monkeypatch):
    """Draw few synthetic digits in place of all: blank images, 60 and 20."""

    def draw(seed):
        return {
            name: synthetic_digits._idx_file(np.zeros((count, 28, 28, 1) if "images" in name else count, np.uint8))
            for name, count in zip(NAMES, (60, 60, 20, 20), strict=True)
        }

    monkeypatch.setattr(synthetic_digits, "draw_all", draw)


@pytest.fixture
def real_directory():
    directory = Path(os.environ.get("MNIST_DATA_DIR") or "absent")
    if not all((directory / f"{name}.gz").exists() or (directory / name).exists() for name in NAMES):
        pytest.skip("MNIST_DATA_DIR does not have the four files")
    return directory


def numbered(count, **options):
    """Make a DataSet whose images and labels tell their row number: image r is all r, label r is r."""
    images = np.empty((count, 28, 28, 1), np.uint8)
    images[:] = np.arange(count).reshape(-1, 1, 1, 1)
    return DataSet(images, np.arange(count), **{"dtype": "uint8", **options})


def rows(batch):
    """Return the row numbers in a batch of `numbered`; they are the same in images and labels."""
    images, labels = batch
    assert np.array_equal(images, np.broadcast_to(labels[:, np.newaxis], images.shape))
    return labels.tolist()


class Reordering:
    """What the original did, in plain code: at each shuffle the rows themselves change places."""

    def __init__(self, count, seed):
        self.rows, self.random = list(range(count)), np.random.RandomState(seed)
        self.next, self.epochs = 0, 0

    def shuffle(self):
        places = np.arange(len(self.rows))
        self.random.shuffle(places)
        self.rows = [self.rows[place] for place in places]

    def take(self, size, shuffle):
        if shuffle and self.next == 0 and self.epochs == 0:
            self.shuffle()
        batch = self.rows[self.next : self.next + size]
        self.next += size
        if self.next > len(self.rows):
            self.epochs += 1
            self.next -= len(self.rows)
            if shuffle:
                self.shuffle()
            batch += self.rows[: self.next]
        return batch


# --- next_batch --------------------------------------------------------------------------------------------------


def test_first_permutation_is_that_of_a_random_state():
    # Worked out once with numpy.random.RandomState(0): shuffle(arange(5)), then shuffle(arange(5)) again.
    data = numbered(5, seed=0)
    assert rows(data.next_batch(5)) == [2, 0, 1, 3, 4]


def test_later_permutations_compose_on_the_first():
    data = numbered(5, seed=0)
    data.next_batch(5)
    random = np.random.RandomState(0)
    first, second = np.arange(5), np.arange(5)
    random.shuffle(first)
    random.shuffle(second)
    assert rows(data.next_batch(5)) == [int(first[place]) for place in second]


def test_without_shuffling_batches_walk_in_file_order_and_wrap():
    data = numbered(5)
    batches = [rows(data.next_batch(2, shuffle=False)) for _ in range(4)]
    assert batches == [[0, 1], [2, 3], [4, 0], [1, 2]]
    assert data.epochs_completed == 1


def test_exact_fit_completes_the_epoch_on_the_next_call():
    data = numbered(4)
    data.next_batch(2)
    data.next_batch(2)
    assert data.epochs_completed == 0
    data.next_batch(2)
    assert data.epochs_completed == 1


def test_each_epoch_holds_each_example_once():
    data = numbered(10, seed=3)
    drawn = [row for _ in range(10) for row in rows(data.next_batch(3))]
    assert [sorted(drawn[start : start + 10]) for start in (0, 10, 20)] == [list(range(10))] * 3


@pytest.mark.parametrize("seed", range(5))
def test_any_mix_of_calls_is_bit_for_bit_that_of_the_original(seed):
    data, original = numbered(23, seed=seed), Reordering(23, seed)
    calls = np.random.RandomState(100 + seed)
    for _ in range(60):
        size, shuffle = calls.randint(-3, 47), bool(calls.randint(4))
        assert rows(data.next_batch(size, shuffle=shuffle)) == original.take(size, shuffle)
        assert data.epochs_completed == original.epochs


# Recorded from the loader in the wheel of TensorFlow 1.8.0, on five examples: what each call returned.
ODD_SIZES = {
    (7, 8, 3, 10, 2): [
        [2, 0, 1, 3, 4, 2, 1],
        [0, 4, 3, 1, 4, 3, 2, 0],
        [2, 4, 3],
        [0, 1, 1, 3, 0, 4, 2],
        [0, 4, 2, 3, 1],
    ],
    (0, -2, 3, 0, -1, 4, 2): [[], [2, 1, 0], [], [], [], [1, 4, 3, 2], [0, 2]],
}
IN_FILE_ORDER = {
    (7, 8, 3, 10, 2): [
        [0, 1, 2, 3, 4, 0, 1],
        [2, 3, 4, 0, 1, 2, 3, 4],
        [0, 1, 2],
        [3, 4, 0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
    ],
    (-2, 3, 0, -1, 4, 2): [[0, 1, 2], [], [], [], [0, 1, 2, 3], [4, 0]],
}


@pytest.mark.parametrize(("shuffle", "recorded"), [(True, ODD_SIZES), (False, IN_FILE_ORDER)])
def test_zero_negative_and_large_batches_are_those_of_the_original(shuffle, recorded):
    for sizes, expected in recorded.items():
        data = numbered(5, seed=0)
        assert [rows(data.next_batch(size, shuffle=shuffle)) for size in sizes] == expected


def test_a_batch_of_more_than_twice_the_examples_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 11, expected 1 to 5, the number of examples"):
        numbered(5).next_batch(11)


@pytest.mark.parametrize("size", [0, -3])
def test_a_batch_of_no_fake_examples_is_empty(size):
    images, labels = numbered(5).next_batch(size, fake_data=True)
    assert images.shape == (0, 784)
    assert labels.shape == (0,)


# Recorded from the same wheel: the first two batches of five, of the seeds around the largest that TensorFlow knows.
@pytest.mark.parametrize(
    ("seed", "first", "second"),
    [
        (2**31 - 2, [4, 1, 2, 0, 3], [3, 0, 1, 4, 2]),
        (2**31 - 1, [2, 0, 1, 3, 4], [2, 1, 0, 4, 3]),
        (2**31, [2, 1, 4, 0, 3], [2, 4, 3, 0, 1]),
        (2**32 - 1, [2, 1, 4, 0, 3], [2, 4, 3, 0, 1]),
        (-1, [4, 1, 2, 0, 3], [3, 0, 1, 4, 2]),
    ],
)
def test_large_and_negative_seeds_are_those_of_the_original(seed, first, second):
    data = numbered(5, seed=seed)
    assert [rows(data.next_batch(5)), rows(data.next_batch(5))] == [first, second]


@pytest.fixture
def seed_numpy():
    """Return np.random.seed, whose effect ends with the test."""
    before = np.random.get_state()
    yield np.random.seed
    np.random.set_state(before)


def test_without_a_seed_batches_follow_the_global_generator(seed_numpy):
    # Recorded from the same wheel. Scripts seed before they load the data, or after.
    seed_numpy(42)
    early = numbered(5)
    assert [rows(early.next_batch(size)) for size in (5, 3, 5)] == [[1, 4, 2, 0, 3], [0, 4, 2], [1, 3, 4, 0, 1]]
    late = numbered(5)
    seed_numpy(42)
    assert rows(late.next_batch(5)) == [1, 4, 2, 0, 3]


def test_without_a_seed_a_restored_state_continues_and_leaves_the_global_generator_alone(seed_numpy):
    seed_numpy(3)
    data = numbered(23)
    data.next_batch(7)
    state = data.get_state()
    expected = [rows(data.next_batch(7)) for _ in range(10)]
    data.set_state(state)
    seed_numpy(4)
    assert [rows(data.next_batch(7)) for _ in range(10)] == expected
    assert np.random.rand() == np.random.RandomState(4).rand()


def test_shuffling_leaves_images_and_labels_in_file_order():
    data = numbered(50, seed=1)
    for _ in range(5):
        data.next_batch(30)
    assert data.labels.tolist() == list(range(50))
    assert data.images[:, 0].tolist() == list(range(50))


def test_shuffling_leaves_the_global_generator_alone():
    np.random.seed(7)
    expected = np.random.RandomState(7).rand(3)
    numbered(50, seed=1).next_batch(10)
    assert np.array_equal(np.random.rand(3), expected)


def test_each_data_set_has_a_generator_of_its_own():
    first, second = numbered(20, seed=5), numbered(20, seed=5)
    alone = [rows(first.next_batch(10)) for _ in range(6)]
    interleaved = []
    for _ in range(6):
        numbered(20, seed=6).next_batch(10)
        interleaved.append(rows(second.next_batch(10)))
    assert interleaved == alone


def test_changing_a_batch_does_not_change_the_data():
    data = numbered(5)
    images, labels = data.next_batch(5, shuffle=False)
    images[:], labels[:] = 99, 99
    assert rows(data.next_batch(5, shuffle=False)) == [0, 1, 2, 3, 4]


def test_a_restored_state_continues_bit_for_bit():
    data = numbered(23, seed=4)
    for _ in range(5):
        data.next_batch(7)
    state = data.get_state()
    expected = [rows(data.next_batch(7)) for _ in range(10)]
    restored = numbered(23, seed=99)
    restored.set_state(state)
    assert restored.epochs_completed == 1
    assert [rows(restored.next_batch(7)) for _ in range(10)] == expected


def test_a_state_survives_an_npz_file(tmp_path):
    data = numbered(23, seed=4)
    data.next_batch(7)
    np.savez(tmp_path / "state.npz", **data.get_state())
    restored = numbered(23)
    with np.load(tmp_path / "state.npz") as state:
        restored.set_state(state)
    assert [rows(restored.next_batch(7)) for _ in range(10)] == [rows(data.next_batch(7)) for _ in range(10)]


def test_a_state_of_other_data_is_refused():
    with pytest.raises(ValueError, match="state is of 23 examples, expected 24"):
        numbered(24).set_state(numbered(23).get_state())


# --- DataSet -----------------------------------------------------------------------------------------------------


def test_float32_is_scaled_with_the_original_arithmetic():
    images = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    data = DataSet(images, np.zeros(256, np.uint8))
    expected = images.reshape(256, 1).astype(np.float32) * np.float32(1.0 / 255.0)
    batch, _ = data.next_batch(256, shuffle=False)
    assert batch.dtype == data.images.dtype == np.float32
    assert batch.tobytes() == data.images.tobytes() == expected.tobytes()


def test_batches_are_the_same_before_and_after_images_were_asked_for():
    images = np.random.RandomState(0).randint(256, size=(30, 28, 28, 1), dtype=np.uint8)
    early, late = (DataSet(images, np.arange(30), seed=1) for _ in range(2))
    assert late.images.shape == (30, 784)
    assert early.next_batch(20)[0].tobytes() == late.next_batch(20)[0].tobytes()


def test_the_attributes_of_the_original_can_be_read_and_set():
    images = np.random.RandomState(0).randint(256, size=(30, 28, 28, 1), dtype=np.uint8)
    data = DataSet(images, np.arange(30), seed=1)
    assert data._images.dtype == np.float32
    assert data._images.tobytes() == data.images.tobytes()
    data._images = data._images.reshape(-1, 28, 28) * 2 - 1
    batch, labels = data.next_batch(10)
    assert batch.dtype == np.float32
    assert np.array_equal(batch, images[labels, :, :, 0] * np.float32(1 / 255) * 2 - 1)


def test_images_that_were_set_are_not_scaled_again():
    data = DataSet(np.zeros((3, 28, 28, 1), np.uint8), np.arange(3))
    data._images = np.full((3, 784), 200, np.uint8)
    assert data.next_batch(3)[0].max() == data.images.max() == 200


@pytest.mark.parametrize("count", [3, 12])
def test_a_script_may_put_fewer_or_more_examples_in_place(count):
    data = numbered(6, seed=0)
    data.next_batch(4)
    data._images, data._labels, data._num_examples = (
        np.arange(count).repeat(784).reshape(count, 784),
        np.arange(count),
        count,
    )
    data._index_in_epoch = 0
    data._epochs_completed = 0
    assert sorted(rows(data.next_batch(count))) == list(range(count))


class TensorFlowDType:
    """What the loader sees of a tf.DType."""

    def __init__(self, as_numpy_dtype):
        self.as_numpy_dtype = as_numpy_dtype


@pytest.mark.parametrize("dtype", [np.uint8, "uint8", np.dtype("uint8"), TensorFlowDType(np.uint8)])
def test_uint8_leaves_grey_levels_as_they_are(dtype):
    images = np.full((3, 28, 28, 1), 200, np.uint8)
    data = DataSet(images, np.zeros(3, np.uint8), dtype=dtype)
    assert data.images.dtype == np.uint8
    assert data.next_batch(3)[0].max() == 200


@pytest.mark.parametrize(
    "dtype", [np.float64, "int32", "digits", None, TensorFlowDType(np.float16)], ids=lambda dtype: str(dtype)[:12]
)
def test_any_other_dtype_is_a_type_error(dtype, tmp_path):
    with pytest.raises(TypeError, match="expected float32 or uint8"):
        numbered(3, dtype=dtype)
    with pytest.raises(TypeError, match="expected float32 or uint8"):
        read_data_sets(tmp_path, dtype=dtype)


def test_without_reshape_images_keep_rows_columns_and_channel():
    data = numbered(3, reshape=False)
    assert data.images.shape == (3, 28, 28, 1)
    assert data.next_batch(2)[0].shape == (2, 28, 28, 1)


def test_one_hot_labels_have_a_one_at_the_class():
    data = DataSet(np.zeros((3, 28, 28, 1), np.uint8), np.array([3, 0, 9], np.uint8), one_hot=True)
    assert data.labels.tolist() == [
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]


def test_a_label_of_minus_one_marks_the_row_above_as_in_the_original():
    marked = DataSet(np.zeros((3, 28, 28, 1), np.uint8), np.array([3, -1, 9]), one_hot=True).labels
    assert np.argwhere(marked).tolist() == [[0, 3], [0, 9], [2, 9]]
    assert np.argwhere(input_data.dense_to_one_hot(np.array([-1, 0]), 10)).tolist() == [[1, 0], [1, 9]]


def test_one_hot_takes_a_number_of_classes_and_columns_of_labels():
    rows = input_data.dense_to_one_hot(np.array([[2], [0]]), 3)
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert rows.dtype == np.float64


def test_a_label_beyond_the_last_row_is_an_index_error():
    with pytest.raises(IndexError):
        input_data.dense_to_one_hot(np.array([3, 10]), 10)


@pytest.fixture
def gzipped_file(tmp_path):
    """Return a function that opens a gzipped file of these bytes."""
    with contextlib.ExitStack() as files:

        def make(payload):
            path = tmp_path / "file.gz"
            path.write_bytes(gzip.compress(payload))
            return files.enter_context(path.open("rb"))

        yield make


def test_images_are_extracted_from_an_open_file_whatever_their_size(gzipped_file):
    payload = digit_files.images_payload(5, rows=3, columns=2)
    images = input_data.extract_images(gzipped_file(payload))
    assert images.dtype == np.uint8
    assert images.shape == (5, 3, 2, 1)
    assert images.tobytes() == payload[16:]


def test_labels_are_extracted_from_an_open_file(gzipped_file):
    payload = digit_files.labels_payload(12)
    assert input_data.extract_labels(gzipped_file(payload)).tolist() == [*range(10), 0, 1]
    one_hot = input_data.extract_labels(gzipped_file(payload), one_hot=True, num_classes=11)
    assert one_hot.shape == (12, 11)
    assert one_hot.argmax(axis=1).tolist() == [*range(10), 0, 1]


@pytest.mark.parametrize(
    ("extract", "payload", "fault"),
    [
        ("extract_images", digit_files.labels_payload(3), r"magic number 2049 in image file .*file.gz, expected 2051"),
        ("extract_labels", digit_files.images_payload(3), r"magic number 2051 in label file .*file.gz, expected 2049"),
        ("extract_labels", digit_files.labels_payload(9)[:-1], r"8 bytes of values .*, expected 9"),
        ("extract_images", digit_files.images_payload(9)[:10], r"ends within its header"),
    ],
)
def test_what_is_no_such_file_is_a_value_error(gzipped_file, extract, payload, fault):
    with pytest.raises(ValueError, match=fault):
        getattr(input_data, extract)(gzipped_file(payload))


def test_images_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match=r"\(3, 28, 28, 1\), labels \(2,\)"):
        DataSet(np.zeros((3, 28, 28, 1), np.uint8), np.zeros(2, np.uint8))


def test_images_with_three_channels_cannot_be_flattened():
    with pytest.raises(ValueError, match=r"\(3, 28, 28, 3\), expected \(n, rows, columns, 1\)"):
        DataSet(np.zeros((3, 28, 28, 3), np.uint8), np.zeros(3, np.uint8))


def test_fake_data_is_ten_thousand_ones_labelled_zero():
    fake = read_data_sets("nowhere", True, True)
    assert fake.name == "fake data"
    for part in fake:
        assert part.num_examples == 10_000
        assert part.images.shape == (10_000, 784)
        images, labels = part.next_batch(50, True)
        assert images.shape == (50, 784)
        assert (np.asarray(images) == 1).all()
        assert np.asarray(labels).tolist() == [[1] + [0] * 9] * 50
    assert not Path("nowhere").exists()


# --- read_data_sets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unpacked", [False, True], ids=["gzipped", "unpacked"])
def test_the_validation_set_is_the_first_rows_of_the_training_file(tmp_path, mnist, offline, unpacked):
    digit_files.write(tmp_path, mnist, unpacked)
    train, validation, test = data = read_data_sets(tmp_path, dtype="uint8", validation_size=12)
    pixels = digit_files.pixels_of(mnist[TRAIN_IMAGES])
    assert np.array_equal(validation.images, pixels[:12])
    assert np.array_equal(train.images, pixels[12:])
    assert (train.num_examples, validation.num_examples, test.num_examples) == (48, 12, 20)
    assert train.labels.dtype == np.uint8
    assert train.labels[:3].tolist() == [2, 3, 4]
    assert data.name == "MNIST"
    assert data.sha256 == digit_files.sha256_of(mnist)
    assert data.validation is validation


OTHER_NAMES = {
    "7-Zip's dot": lambda name: re.sub("-(idx.)-", r".\1-", name),
    "a folder for each": lambda name: f"{name}/{name}",
    "a folder for each, with the dot": lambda name: f"{name}/" + re.sub("-(idx.)-", r".\1-", name),
    "gzipped, in a folder": lambda name: f"raw/{name}.gz",
    "copies": lambda name: f"{name}(1).gz",
}


@pytest.mark.parametrize("renamed", OTHER_NAMES.values(), ids=OTHER_NAMES)
def test_files_of_mnist_are_found_under_other_names(tmp_path, mnist, offline, renamed):
    (tmp_path / "notes.txt").write_text("not of the data")
    (tmp_path / "empty").touch()
    for name, payload in mnist.items():
        path = tmp_path / renamed(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzipped(payload) if path.suffix == ".gz" else payload)
    before = sorted(tmp_path.rglob("*"))
    data = read_data_sets(tmp_path, dtype="uint8", validation_size=0)
    assert data.name == "MNIST"
    assert np.array_equal(data.train.images, digit_files.pixels_of(mnist[TRAIN_IMAGES]))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_good_file_under_another_name_makes_up_for_a_bad_one(tmp_path, mnist, offline):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"<html>")
    (tmp_path / "train-images.idx3-ubyte").write_bytes(mnist[TRAIN_IMAGES])
    assert read_data_sets(tmp_path, validation_size=5).name == "MNIST"


def test_other_data_under_other_names_is_not_mnist(tmp_path, mnist, offline):
    for name, payload in digit_files.payloads(seed=50).items():
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(payload[:-1] + b"\0")
    with pytest.raises(DataError, match="none of the four data files"):
        read_data_sets(tmp_path, dataset="mnist")


def test_the_error_tells_what_the_files_are_called(tmp_path, mnist, offline):
    with pytest.raises(DataError) as error:
        read_data_sets(tmp_path, dataset="mnist")
    assert all(name in str(error.value) for name in NAMES)


@pytest.mark.parametrize("size", [-1, 61])
def test_validation_size_out_of_range_is_refused(tmp_path, mnist, size):
    digit_files.write(tmp_path, mnist)
    with pytest.raises(ValueError, match=f"validation_size is {size}, expected 0 to 60"):
        read_data_sets(tmp_path, validation_size=size)


def test_validation_size_may_be_zero(tmp_path, mnist):
    digit_files.write(tmp_path, mnist)
    data = read_data_sets(tmp_path, validation_size=0)
    assert (data.train.num_examples, data.validation.num_examples) == (60, 0)


# Of the scripts in docs/tf1_scripts.md, and of others: with what they call the loader, and what they do with the data.


@pytest.mark.parametrize(
    ("options", "image_shape", "label_shape"),
    [
        ({}, (784,), ()),
        ({"one_hot": True}, (784,), (10,)),
        ({"one_hot": False}, (784,), ()),
        ({"one_hot": True, "dtype": TensorFlowDType(np.uint8)}, (784,), (10,)),
        ({"one_hot": True, "reshape": False}, (28, 28, 1), (10,)),
        ({"validation_size": 0}, (784,), ()),
        ({"source_url": "http://yann.lecun.com/exdb/mnist/"}, (784,), ()),
        ({"source_url": ""}, (784,), ()),
        ({"seed": 42, "one_hot": True}, (784,), (10,)),
    ],
)
def test_the_calls_of_public_scripts_give_what_they_expect(tmp_path, mnist, offline, options, image_shape, label_shape):
    digit_files.write(tmp_path, mnist)
    data = read_data_sets(str(tmp_path) + "/", **{"validation_size": 5, **options})
    assert data.train.images.shape == (data.train.num_examples, *image_shape)
    assert data.test.labels.shape == (data.test.num_examples, *label_shape)
    assert len(data.train.images) // 10 == int(data.train.num_examples / 10)
    for batch in (data.train.next_batch(10), data.train.next_batch(batch_size=10), data.test.next_batch(20)):
        images, labels = batch
        assert images.shape == (len(labels), *image_shape)
        assert labels.shape[1:] == label_shape
    images, labels = data.train.next_batch(data.train.num_examples + 5)  # 60,000 of 55,000, as some ask for
    assert len(images) == len(labels) > data.train.num_examples - 20
    assert data.train.images.reshape(-1, 28, 28, 1).shape[0] == data.train.num_examples
    assert data.train.labels.astype(np.int32).dtype == np.int32


def test_images_may_be_made_writable_and_changed_in_place(tmp_path, mnist, offline):
    digit_files.write(tmp_path, mnist)
    data = read_data_sets(tmp_path, validation_size=5)
    data.train.images.setflags(write=1)
    data.train.images[:] = 0.25
    assert (data.train.next_batch(10)[0] == 0.25).all()


def test_a_call_without_a_directory_is_a_type_error_as_in_the_original():
    with pytest.raises(TypeError, match="train_dir"):
        read_data_sets(one_hot=False)


def test_unknown_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'fashion', expected 'auto', 'mnist' or 'synthetic'"):
        read_data_sets(tmp_path, dataset="fashion")


def test_data_sets_keep_their_name_through_pickle(tmp_path, mnist):
    digit_files.write(tmp_path, mnist)
    data = pickle.loads(pickle.dumps(read_data_sets(tmp_path, validation_size=5)))
    assert data.name == "MNIST"
    assert data.sha256 == digit_files.sha256_of(mnist)


def test_a_read_only_directory_is_only_read(tmp_path, mnist, monkeypatch):
    digit_files.write(tmp_path, mnist)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    def refuse(*arguments, **options):
        raise AssertionError("something was to be written")

    monkeypatch.setattr(idx_files, "atomic_file", refuse)
    tmp_path.chmod(0o555)
    try:
        read_data_sets(tmp_path, validation_size=5)
    finally:
        tmp_path.chmod(0o755)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_no_file_and_no_network_gives_synthetic_digits_under_a_warning(
    tmp_path, mnist, offline, few_synthetic_digits, capsys
):
    data = read_data_sets(tmp_path, validation_size=5)
    assert data.name == "synthetic digits"
    assert set(data.sha256) == set(NAMES)
    output = capsys.readouterr()
    assert "THIS IS NOT MNIST" in output.err
    assert "SYNTHETIC DIGITS" in output.err
    assert output.out == ""


def test_dataset_mnist_never_falls_back(tmp_path, mnist, offline, few_synthetic_digits):
    with pytest.raises(DataError, match="none of the four data files"):
        read_data_sets(tmp_path, dataset="mnist")


def test_a_missing_file_beside_good_ones_is_no_reason_for_synthetic_digits(tmp_path, mnist, offline):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(DataError, match=rf"{TEST_LABELS} is missing"):
        read_data_sets(tmp_path)


def test_synthetic_digits_on_request_need_no_network(tmp_path, few_synthetic_digits, capsys):
    data = read_data_sets(tmp_path, validation_size=5, dataset="synthetic")
    assert data.name == "synthetic digits"
    assert "WARNING" not in capsys.readouterr().err


def test_synthetic_digits_cannot_come_from_a_url(tmp_path):
    with pytest.raises(ValueError, match="no source_url"):
        read_data_sets(tmp_path, source_url="http://127.0.0.1/", dataset="synthetic")


# --- defects of files --------------------------------------------------------------------------------------------


def flip_bit(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def gzipped(payload):
    return gzip.compress(payload, mtime=0)


def damaged_files():
    """Return (what is wrong, file name, content under its name, what the error must say)."""
    good = digit_files.payloads()
    images, labels = good[TRAIN_IMAGES], good[TRAIN_LABELS]
    empty_header = struct.pack(">IIII", 2051, 0, 28, 28)
    bomb = struct.pack(">II", 2049, 60) + bytes(50_000_000)
    return [
        ("empty file", f"{TRAIN_IMAGES}.gz", b"", r"is empty"),
        ("web page", f"{TRAIN_IMAGES}.gz", b"\n<!DOCTYPE html><html>Log in</html>", r"web page .*<!DOCTYPE"),
        (
            "truncated gzip",
            f"{TRAIN_IMAGES}.gz",
            gzipped(images)[:-5000],
            r"truncated: .* ends after [\d,]+ bytes.*47,056",
        ),
        ("gzip without its checksum", f"{TRAIN_LABELS}.gz", gzipped(labels)[:-8], r"truncated"),
        ("gzip with a flipped bit", f"{TRAIN_IMAGES}.gz", flip_bit(gzipped(images), 20_000), r"damaged gzip data"),
        ("flipped bit", TRAIN_IMAGES, flip_bit(images, 30_000), r"SHA-256 .* [0-9a-f]{64}, expected [0-9a-f]{64}"),
        ("flipped bit, gzipped", f"{TRAIN_IMAGES}.gz", gzipped(flip_bit(images, 30_000)), r"SHA-256 .* expected"),
        ("truncated", TRAIN_IMAGES, images[:-1], r"truncated: 47,055 bytes .*expected 47,056"),
        ("too long", TRAIN_IMAGES, images + b"\0", r"too long: 47,057 bytes .*expected 47,056"),
        ("cut in the header", TRAIN_IMAGES, images[:10], r"truncated: it ends within its header of 16 bytes"),
        ("labels as images", f"{TRAIN_IMAGES}.gz", gzipped(labels), r"magic number 2049, expected 2051"),
        (
            "wrong magic number",
            TRAIN_LABELS,
            digit_files.labels_payload(60, magic=77),
            r"magic number 77, expected 2049",
        ),
        ("27x28 images", TRAIN_IMAGES, digit_files.images_payload(60, rows=27), r"27x28 pixels, expected 28x28"),
        ("no images", TRAIN_IMAGES, empty_header, r"holds no images"),
        ("fewer labels", TRAIN_LABELS, digit_files.labels_payload(59), r"holds 59 items, expected the 60 of MNIST"),
        (
            "label 10",
            TRAIN_LABELS,
            labels[:-1] + b"\x0a",
            r"label 10 in row 59, expected 0 to 9",
        ),
        ("gzip bomb", f"{TRAIN_LABELS}.gz", gzipped(bomb), r"too long: 69 bytes uncompressed, expected 68"),
        ("header of a bomb", TRAIN_LABELS, struct.pack(">II", 2049, 2**31), r"claims 2,147,483,648 labels, more than"),
    ]


@pytest.mark.parametrize(
    ("file_name", "content", "expected"), [pytest.param(*case[1:], id=case[0]) for case in damaged_files()]
)
@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_a_bad_file_without_network_is_named_with_its_defect(
    tmp_path, mnist, offline, dataset, file_name, content, expected
):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{file_name.removesuffix('.gz')}.gz").unlink()
    (tmp_path / file_name).write_bytes(content)
    with pytest.raises(DataError, match=expected) as error:
        read_data_sets(tmp_path, dataset=dataset)
    assert str(error.value).startswith(str(tmp_path / file_name))
    assert "could not be fetched again" in str(error.value)


def test_a_good_unpacked_file_makes_up_for_a_bad_gzipped_one(tmp_path, mnist, offline):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"<html>")
    (tmp_path / TRAIN_IMAGES).write_bytes(mnist[TRAIN_IMAGES])
    assert read_data_sets(tmp_path, validation_size=5).name == "MNIST"


def test_other_data_of_the_same_structure_is_refused_and_left_alone(tmp_path, mnist, offline):
    other = digit_files.payloads(seed=50)
    other[TRAIN_LABELS] = other[TRAIN_LABELS][:-1] + b"\0"
    other[TEST_LABELS] = other[TEST_LABELS][:-1] + b"\0"
    digit_files.write(tmp_path, other)
    with pytest.raises(DataError, match=r"holds other data than MNIST.*\n.*source_url"):
        read_data_sets(tmp_path)
    assert gzip.decompress((tmp_path / f"{TRAIN_IMAGES}.gz").read_bytes()) == other[TRAIN_IMAGES]


def test_a_file_in_place_of_the_directory_is_told(tmp_path):
    (tmp_path / "data").write_text("not a directory")
    with pytest.raises(DataError, match=r"data cannot be read: .*Check that it is a directory"):
        read_data_sets(tmp_path / "data")


def test_an_unreadable_directory_is_told(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(data_directory.os, "listdir", refuse)
    with pytest.raises(DataError, match=r"cannot be read: Permission denied"):
        read_data_sets(tmp_path)


def test_an_unreadable_file_is_told(tmp_path, mnist, offline, monkeypatch):
    digit_files.write(tmp_path, mnist)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(idx_files.Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}(\.gz)? cannot be read: Permission denied"):
        read_data_sets(tmp_path)


# --- the module and the command ----------------------------------------------------------------------------------


def test_importing_the_loader_imports_nothing_heavy():
    heavy = ("matplotlib", "pooch", "requests", "tensorflow", "PIL")
    code = f"import sys, input_data; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_the_command_prints_each_split_and_the_verdict(tmp_path, mnist, monkeypatch, capsys):
    monkeypatch.setattr(input_data.read_data_sets, "__defaults__", _with_validation_size(10))
    digit_files.write(tmp_path, mnist)
    assert input_data.main([str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert f"MNIST in {tmp_path}" in output
    assert "images (50, 784) float32 in [0, 1], labels (50,) uint8" in output
    assert "0: 5  1: 5  2: 5" in output
    for name, digest in digit_files.sha256_of(mnist).items():
        assert f"{name} {digest} is MNIST's" in " ".join(output.split())


def _with_validation_size(size):
    return tuple(size if default == 5000 else default for default in read_data_sets.__defaults__)


def test_the_command_tells_a_failure_and_exits_with_1(tmp_path, mnist, offline, capsys):
    assert input_data.main([str(tmp_path), "--dataset", "mnist"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"input_data.py: {tmp_path} holds none of the four data files")


def test_the_command_exits_with_130_on_ctrl_c(tmp_path, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(loader, "read_data_sets", interrupt)
    assert input_data.main([str(tmp_path)]) == 130
    assert capsys.readouterr().err == "input_data.py: interrupted\n"


def test_the_command_exits_with_2_on_a_bad_flag():
    with pytest.raises(SystemExit) as status:
        input_data.main(["--dataset", "fashion"])
    assert status.value.code == 2


# --- real MNIST --------------------------------------------------------------------------------------------------


def test_real_mnist_has_the_published_shapes_and_first_digits(real_directory):
    data = read_data_sets(real_directory, reshape=False, seed=0)
    assert data.name == "MNIST"
    assert [part.images.shape for part in data] == [(55_000, 28, 28, 1), (5_000, 28, 28, 1), (10_000, 28, 28, 1)]
    assert data.validation.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(data.train.images.mean() - 0.1307) < 0.001  # the mean that every tutorial normalises with


def test_first_shuffled_batch_of_real_mnist_is_that_of_the_original(real_directory):
    data = read_data_sets(real_directory, dtype="uint8", seed=7)
    order = np.arange(55_000)
    np.random.RandomState(7).shuffle(order)
    images, labels = data.train.next_batch(100)
    assert np.array_equal(images, data.train.images[order[:100]])
    assert np.array_equal(labels, data.train.labels[order[:100]])


def test_one_flipped_bit_of_real_mnist_is_found(real_directory, tmp_path, offline):
    for path in real_directory.glob("*ubyte*"):
        shutil.copyfile(path, tmp_path / path.name)  # not its mode: it may be for reading only
    labels = tmp_path / f"{TEST_LABELS}.gz"
    payload = gzip.decompress(labels.read_bytes())
    labels.write_bytes(gzip.compress(flip_bit(payload, 5000)))
    with pytest.raises(DataError, match=r"t10k-labels.*SHA-256 .* is .*, expected ff7bcfd4"):
        read_data_sets(tmp_path)


def test_the_hashes_are_those_of_the_real_payloads(real_directory):
    for name in NAMES:
        path = real_directory / f"{name}.gz"
        payload = gzip.decompress(path.read_bytes()) if path.exists() else (real_directory / name).read_bytes()
        assert hashlib.sha256(payload).hexdigest() == data_directory.MNIST_SHA256[name]
