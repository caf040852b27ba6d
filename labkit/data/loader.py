"""The loader behind input_data.py, and the command that prepares a data directory and checks it."""

import argparse
import operator
import os
import sys
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit import host, startup
from labkit.data import data_directory, mnist_files, synthetic_digits
from labkit.data.download import public_url
from labkit.data.idx_files import CLASSES, FILES, SIDE, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from labkit.data.legacy import dense_to_one_hot
from labkit.errors import DataError

__all__ = ["DataError", "DataSet", "DataSets", "read_data_sets"]

SYNTHETIC = "synthetic digits"
FAKE_EXAMPLES = 10_000
PIXEL_SCALE = np.float32(1 / 255)  # a factor, not a divisor: the original multiplied, and the last bit differs
_kept: dict[tuple[Path, str | None, str], tuple[data_directory.Files, str]] = {}  # what `keep` has loaded, by its place
SEEDS = 2**31 - 1  # how many different seeds TensorFlow knows: it takes larger and negative ones modulo this


class DataSet:
    """Images and their labels, handed out in shuffled batches.

    Args:
        images: (n, rows, columns, 1), grey levels from 0 to 255.
        labels: (n,) class numbers, or (n, 10) one-hot.
        fake_data: ignore both, and hold 10,000 fake examples: all pixels 1, all labels 0.
        one_hot: turn class numbers into one-hot rows (float64); see dense_to_one_hot for those beyond 0 to 9.
        dtype: of the images: float32, scaled to [0, 1], or uint8, as they are. A NumPy dtype, its name,
            or a tf.DType.
        reshape: flatten images to (n, rows * columns).
        seed: of the shuffling, any integer; those that differ by a multiple of 2**31 - 1 are the same. None to
            shuffle with NumPy's global generator: another order each time, unless `np.random.seed` was called.

    Raises:
        TypeError: `dtype` is neither float32 nor uint8.
        ValueError: as many images as labels are wanted, and one channel if they are to be flattened.
    """

    def __init__(
        self,
        images: npt.ArrayLike,
        labels: npt.ArrayLike,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: npt.DTypeLike = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        self._dtype = _image_dtype(dtype)
        self._fake_example = _fake_example(self._dtype, one_hot, reshape)
        if fake_data:
            images, labels = (np.broadcast_to(part, (FAKE_EXAMPLES, *part.shape)) for part in self._fake_example)
        else:
            images, labels = _checked(np.asarray(images), np.asarray(labels), one_hot, reshape)
            if self._dtype == np.float32 and images.dtype != np.uint8:
                images = _scaled(images)
        self._fake_data = fake_data
        # uint8 until somebody asks for `images` as float32: batches are scaled as they are drawn, which
        # saves 130 MB.
        self._pixels = images
        self._to_be_scaled = self._dtype == np.float32 and images.dtype == np.uint8
        self._labels = labels
        self._num_examples = len(images)
        # Batches are drawn in this order. The original reordered the images instead, a copy of 172 MB per
        # epoch.
        self._order = np.arange(self._num_examples)
        self._index_in_epoch = 0
        self._epochs_completed = 0
        # With a seed, its own: the original reseeded NumPy's global one.
        self._generator = None if seed is None else np.random.RandomState(operator.index(seed) % SEEDS)

    @property
    def images(self) -> np.ndarray:
        """All images in file order, whatever has been shuffled: (n, 784) or (n, 28, 28, 1)."""
        if self._to_be_scaled:
            self._pixels, self._to_be_scaled = _scaled(self._pixels), False
        return self._pixels

    @property
    def _images(self) -> np.ndarray:
        """All images, as `images`: an attribute of the original, which scripts read and, to change the data, set."""
        return self.images

    @_images.setter
    def _images(self, images: np.ndarray) -> None:
        self._pixels, self._to_be_scaled = images, False
        if len(images) != len(self._order):
            self._order = np.arange(len(images))

    @property
    def labels(self) -> np.ndarray:
        """All labels in file order: uint8 (n,), or float64 (n, 10) one-hot."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """The number of examples."""
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        """How often a batch has crossed the end of the data; an exact fit counts on the next call."""
        return self._epochs_completed

    def first(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the first `count` images and labels in file order, or all; the order of the batches is not touched.

        Other than `images`, which keeps all of them as float32, it needs no more memory than these.
        """
        images = self._pixels[:count]
        return _scaled(images) if self._to_be_scaled else images, self._labels[:count]

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the next `batch_size` images and labels.

        A batch that crosses the end of an epoch is the rest of this epoch, then the start of the next one. The
        edge cases are those of TensorFlow r1.8, which cut the data by Python's slices.

        Args:
            batch_size: 1 to `num_examples`. From there to twice as many, a batch is what is left of this epoch and
                what there is of the next, so that it and later ones may have fewer or more examples than asked for.
                0 is an empty batch. A negative one goes back by so many examples, and is an empty batch, but
                before the first example: there it is all but so many of the last.
            fake_data: return fake examples, whatever the data.
            shuffle: draw each epoch in a new order; otherwise keep the present one, at first that of the file.

        Returns:
            images, (batch_size, 784) or (batch_size, 28, 28, 1), and labels, (batch_size,) or
            (batch_size, 10): copies, which the caller may change.

        Raises:
            ValueError: `batch_size` is more than twice `num_examples`.
        """
        batch_size = operator.index(batch_size)
        if fake_data or self._fake_data:
            (image, label), count = self._fake_example, max(0, batch_size)
            return np.repeat(image[np.newaxis], count, 0), np.repeat(label[np.newaxis], count, 0)
        if batch_size > 2 * self._num_examples:
            raise ValueError(
                f"batch_size is {batch_size}, expected 1 to {self._num_examples}, the number of examples "
                "(twice as many at the most)"
            )
        rows = self._next_rows(batch_size, shuffle)
        images = self._pixels[rows]
        return _scaled(images) if self._to_be_scaled else images, self._labels[rows]

    def _next_rows(self, batch_size: int, shuffle: bool) -> np.ndarray:
        """Return the row numbers of the next batch, int64 (batch_size,)."""
        start = self._index_in_epoch
        if shuffle and start == 0 and self._epochs_completed == 0:
            self._shuffle()
        end = start + batch_size
        if end <= self._num_examples:
            self._index_in_epoch = end
            return self._order[start:end]
        rest = self._order[start : self._num_examples]
        self._epochs_completed += 1
        if shuffle:
            self._shuffle()
        self._index_in_epoch = end - self._num_examples
        return np.concatenate([rest, self._order[: self._index_in_epoch]])

    def _shuffle(self) -> None:
        """Permute the present order, with the same calls to the generator as in the original."""
        permutation = np.arange(self._num_examples)
        (self._generator or np.random).shuffle(permutation)
        self._order = self._order[permutation]

    def get_state(self) -> dict[str, np.ndarray | int]:
        """Return the position in the data, for a checkpoint; `set_state` continues from there, bit for bit.

        Without a seed the generator's part is a copy of NumPy's global one.

        Returns:
            order, int64 (n,); index_in_epoch and epochs_completed, int; generator_key, uint32 (624,), and
            generator_pos, int, of the Mersenne Twister.
        """
        generator = (self._generator or np.random).get_state(legacy=False)["state"]
        return {
            "order": self._order.copy(),
            "index_in_epoch": self._index_in_epoch,
            "epochs_completed": self._epochs_completed,
            "generator_key": generator["key"].copy(),
            "generator_pos": int(generator["pos"]),
        }

    def set_state(self, state: dict[str, np.ndarray | int]) -> None:
        """Restore what `get_state` returned; raise ValueError if that was for data of another size.

        From here on the generator is one of its own, whatever the seed was.
        """
        order = np.array(state["order"], dtype=np.int64)
        if len(order) != self._num_examples:
            raise ValueError(f"the state is of {len(order)} examples, expected {self._num_examples}")
        self._generator = np.random.RandomState()
        twister: Any = ("MT19937", state["generator_key"], int(state["generator_pos"]))  # the rest has defaults
        self._generator.set_state(twister)
        self._order = order
        self._index_in_epoch = int(state["index_in_epoch"])
        self._epochs_completed = int(state["epochs_completed"])


class DataSets(namedtuple("DataSets", ["train", "validation", "test"])):
    """The three DataSets, and what they are.

    Attributes:
        name: "MNIST", "synthetic digits", "fake data", or "data from <source_url>".
        sha256: {file name: SHA-256 of its uncompressed payload, in hex}.
    """

    name: str = "data of unknown origin"
    sha256: Mapping[str, str] = MappingProxyType({})

    def __new__(
        cls,
        train: DataSet,
        validation: DataSet,
        test: DataSet,
        name: str = name,
        sha256: Mapping[str, str] = sha256,
    ) -> "DataSets":
        """Make the named tuple, and add the attributes."""
        self = super().__new__(cls, train, validation, test)
        self.name = name
        self.sha256 = dict(sha256)
        return self


def read_data_sets(
    train_dir: str | os.PathLike,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: npt.DTypeLike = np.float32,
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str | None = None,
    *,
    dataset: str = "auto",
) -> DataSets:
    """Load MNIST, or what stands in for it: 55,000 examples to train, 5,000 to validate, 10,000 to test.

    Args:
        train_dir: the directory of the four files, gzipped or unpacked; MNIST's are known by their hashes, under
            any name, there or in a folder there. What is missing is fetched, and kept there.
        fake_data: give 10,000 fake examples in each set, for smoke tests; no file is read.
        one_hot: give labels as one-hot rows.
        dtype: of the images, float32 or uint8; see DataSet.
        reshape: flatten images to 784 pixels.
        validation_size: how many of the first training examples to set apart, 0 to 60,000.
        seed: of the shuffling, the same for each set; None to follow `np.random.seed`. See DataSet.
        source_url: fetch from here instead of from mnist_files.MIRRORS. With "auto" this may be other data of the same
            format: it is checked for its structure, named after its source, and never replaced by
            synthetic digits, nor by MNIST that is in `train_dir`.
        dataset: "auto": MNIST from `train_dir` or from a mirror; synthetic digits, under a warning, if there
            is neither file nor mirror. "mnist": MNIST, or an error. "synthetic": synthetic digits, kept in
            `train_dir`/synthetic.

    Raises:
        DataError: the data is not available; the text says which file, why, and what to do.
        TypeError: `dtype` is neither float32 nor uint8.
        ValueError: `validation_size` or `dataset` is out of range.
    """
    host.refuse_while_importing()
    if dataset not in ("auto", "mnist", "synthetic"):
        raise ValueError(f"dataset is {dataset!r}, expected 'auto', 'mnist' or 'synthetic'")
    if dataset == "synthetic" and source_url:
        raise ValueError("dataset is 'synthetic', which has no source_url")
    options = {"one_hot": one_hot, "dtype": _image_dtype(dtype), "reshape": reshape, "seed": seed}
    if host.current.read_data_sets:
        return host.current.read_data_sets(**options)
    if fake_data:
        return DataSets(*(DataSet([], [], fake_data=True, **options) for _ in range(3)), name="fake data")

    if source_url and not source_url.endswith("/"):
        source_url += "/"
    files, name = _load(Path(train_dir), source_url or None, dataset)
    images, labels = files[TRAIN_IMAGES].array, files[TRAIN_LABELS].array
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size is {validation_size}, expected 0 to {len(images)}")
    return DataSets(
        train=DataSet(images[validation_size:], labels[validation_size:], **options),
        validation=DataSet(images[:validation_size], labels[:validation_size], **options),
        test=DataSet(files[TEST_IMAGES].array, files[TEST_LABELS].array, **options),
        name=name,
        sha256={file_name: file.sha256 for file_name, file in files.items()},
    )


def keep(train_dir: str | os.PathLike, dataset: str) -> None:
    """Load what `read_data_sets` will then take from memory, here and in forked children: "mnist" or "synthetic".

    MNIST that is not whole in `train_dir` is left to `read_data_sets`, which fetches it.
    """
    directory = Path(train_dir)
    if dataset == "synthetic":
        _kept[directory, None, dataset] = _load(directory, None, dataset)
        return
    files, _ = data_directory.read_directory(directory, only_mnist=True)
    if len(files) == len(FILES):
        _kept[directory, None, dataset] = files, "MNIST"


def _load(directory: Path, source_url: str | None, dataset: str) -> tuple[data_directory.Files, str]:
    """Load the four files; return them and the name of the data in them."""
    if kept := _kept.get((directory, source_url, dataset)):
        return kept
    if dataset == "synthetic":
        return synthetic_digits.load_digits(directory), SYNTHETIC
    any_data = dataset == "auto" and source_url is not None
    try:
        files = mnist_files.load_files(directory, source_url, only_mnist=not any_data)
    except mnist_files.NoFilesError as error:
        if dataset == "mnist" or source_url:
            raise
        _warn_of_synthetic_digits(error)
        return synthetic_digits.load_digits(directory), SYNTHETIC
    if data_directory.is_mnist(files):
        return files, "MNIST"
    assert source_url is not None  # else only MNIST was taken
    return files, f"data from {public_url(source_url)}"


def _warn_of_synthetic_digits(error: DataError) -> None:
    rule = "*" * 80
    print(
        f"{rule}\n*** WARNING: THIS IS NOT MNIST. Every result of this run is on SYNTHETIC DIGITS.\n"
        f"{rule}\n{error}\n{rule}",
        file=sys.stderr,
        flush=True,
    )


def _image_dtype(dtype: npt.DTypeLike) -> np.dtype:
    """Return float32 or uint8 for a NumPy dtype, its name, or a tf.DType; raise TypeError for anything else."""
    try:
        result = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
    except TypeError:
        result = None
    if result is None or result not in (np.dtype(np.float32), np.dtype(np.uint8)):
        raise TypeError(f"dtype is {dtype!r}, expected float32 or uint8")
    return result


def _scaled(images: np.ndarray) -> np.ndarray:
    """Convert grey levels 0 to 255 to float32 0 to 1, with the bits of the original's arithmetic."""
    return np.multiply(images, PIXEL_SCALE, dtype=np.float32, casting="unsafe")


def _checked(images: np.ndarray, labels: np.ndarray, one_hot: bool, reshape: bool) -> tuple[np.ndarray, np.ndarray]:
    """Check that images and labels match, and return them in the shape that was asked for."""
    if len(images) != len(labels):
        raise ValueError(f"images have shape {images.shape}, labels {labels.shape}: expected as many of each")
    if reshape:
        if images.ndim != 4 or images.shape[3] != 1:
            raise ValueError(f"images have shape {images.shape}, expected (n, rows, columns, 1) to flatten")
        images = images.reshape(len(images), images.shape[1] * images.shape[2])
    if one_hot and labels.ndim == 1:
        labels = dense_to_one_hot(labels)
    return images, labels


def _fake_example(dtype: np.dtype, one_hot: bool, reshape: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return one image of ones, and the label 0."""
    image = np.ones(SIDE * SIDE if reshape else (SIDE, SIDE, 1), dtype)
    label: Any = np.eye(CLASSES)[0] if one_hot else np.uint8(0).reshape(())
    return image, label


# --- python input_data.py --------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Prepare and check a data directory; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        data = read_data_sets(options.directory, dataset=options.dataset)
    except DataError as error:
        print("input_data.py:", *str(error).split(), file=sys.stderr)  # on one line, however many the error has
        return 1
    except KeyboardInterrupt:
        print("input_data.py: interrupted", file=sys.stderr)
        return 130
    kept = data.name != SYNTHETIC or any(Path(options.directory, "synthetic").glob("*.gz"))
    print(f"{data.name} in {options.directory}" if kept else data.name)
    for split, part in zip(data._fields, data, strict=True):
        print(_description(split, part))
    print("SHA-256 of the uncompressed files")
    for file_name in FILES:
        print(f"  {file_name:<24} {data.sha256[file_name]} {_verdict(data, file_name)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="input_data.py",
        description="Prepare a data directory for the lab, and check it: fetch what is missing, verify each "
        "file by its SHA-256, and print what is there. Run it once for the shared folder of the lab; students "
        f"then start with --data-dir, or with {startup.DATA_VARIABLE} set to it, and need neither network nor write "
        "access.",
        epilog="Exit status: 0 when the data is ready, 1 when it is missing, 2 for wrong arguments, 130 on Ctrl-C.",
    )
    parser.add_argument(
        "directory",
        nargs="?",
        metavar="DIR",
        type=Path,
        default=Path(startup.data_folder()),
        help=f"where the files are, gzipped or unpacked, or shall be (default: {startup.DATA_DEFAULT})",
    )
    parser.add_argument(
        "--dataset",
        choices=["auto", "mnist", "synthetic"],
        default="auto",
        help="mnist: the real thing, or an error; synthetic: digits drawn from fonts, without network; "
        "auto: mnist, and synthetic where there is neither file nor network (default: %(default)s)",
    )
    return parser


def _description(split: str, part: DataSet) -> str:
    images, labels = part.images, part.labels
    counts = enumerate(np.bincount(labels, minlength=CLASSES))
    listed = "  ".join(f"{digit}: {count}" for digit, count in counts)
    return (
        f"{split:<10} images {images.shape} {images.dtype} in [{images.min():g}, {images.max():g}], "
        f"labels {labels.shape} {labels.dtype}\n{'':<10} class counts  {listed}"
    )


def _verdict(data: DataSets, file_name: str) -> str:
    if data.sha256[file_name] == data_directory.MNIST_SHA256[file_name]:
        return "is MNIST's"
    return f"is not MNIST's: {data.name}"
