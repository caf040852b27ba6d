"""MNIST in memory the way the loader of the first TensorFlow tutorials had it, written anew for comparison.

The files are trusted, not verified. All images become float32 at once, and each epoch reorders the whole arrays.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

VALIDATION_SIZE = 5_000


class DataSet:
    """`images`, float32 (n, 784) in [0, 1], and `labels`, uint8 (n,) or float64 (n, 10) one-hot."""

    def __init__(self, images, labels):
        self.images = np.multiply(images.astype(np.float32), 1 / 255)
        self.labels = labels
        self._position = None  # not shuffled yet

    def next_batch(self, batch_size):
        """Return the next images and labels; a batch that crosses the end of an epoch has parts of both epochs."""
        if self._position is None:
            self._shuffle()
            self._position = 0
        start, end = self._position, self._position + batch_size
        if end <= len(self.images):
            self._position = end
            return self.images[start:end], self.labels[start:end]
        rest = self.images[start:], self.labels[start:]
        self._shuffle()
        self._position = end - len(self.images)
        begin = self.images[: self._position], self.labels[: self._position]
        return np.concatenate([rest[0], begin[0]]), np.concatenate([rest[1], begin[1]])

    def _shuffle(self):
        order = np.random.permutation(len(self.images))
        self.images, self.labels = self.images[order], self.labels[order]


class DataSets(NamedTuple):
    """55,000 examples to train, 5,000 to validate, 10,000 to test."""

    train: DataSet
    validation: DataSet
    test: DataSet


def read_data_sets(directory, one_hot=False):
    """Read the four gzipped files of a directory; text may stand before their usual names."""
    images, labels = _read_images(directory, "train"), _read_labels(directory, "train", one_hot)
    return DataSets(
        DataSet(images[VALIDATION_SIZE:], labels[VALIDATION_SIZE:]),
        DataSet(images[:VALIDATION_SIZE], labels[:VALIDATION_SIZE]),
        DataSet(_read_images(directory, "t10k"), _read_labels(directory, "t10k", one_hot)),
    )


def _read_images(directory, split):
    return np.frombuffer(_unzip(directory, f"*{split}-images-idx3-ubyte.gz"), np.uint8, offset=16).reshape(-1, 784)


def _read_labels(directory, split, one_hot):
    labels = np.frombuffer(_unzip(directory, f"*{split}-labels-idx1-ubyte.gz"), np.uint8, offset=8)
    return np.eye(10)[labels] if one_hot else labels


def _unzip(directory, pattern):
    found = list(Path(directory).glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{directory} holds {len(found)} files {pattern}, expected one: the peers read gzip only"
        )
    return gzip.decompress(found[0].read_bytes())
