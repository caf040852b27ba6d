"""What the original loader offered beside `read_data_sets`, for the scripts that call it piece by piece.

Behaviour of TensorFlow r1.0 to r1.8, module tensorflow.contrib.learn.python.learn.datasets.mnist.
"""

import gzip
import math
import os
import struct
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from labkit.data import mnist_files
from labkit.data.idx_files import CLASSES, IMAGES_MAGIC, LABELS_MAGIC

__all__ = ["dense_to_one_hot", "extract_images", "extract_labels", "maybe_download"]


def maybe_download(filename: str, work_directory: str | os.PathLike, source_url: str) -> str:
    """Fetch a file unless it exists; neither an existing nor a fetched file is checked.

    Args:
        filename: its name in `work_directory`.
        work_directory: is made if it is missing.
        source_url: of the file itself, not of the folder that it is in.

    Returns:
        The file's path.

    Raises:
        DataError: it cannot be fetched or written; then nothing is left under its name.
    """
    path = os.path.join(work_directory, filename)
    if not os.path.exists(path):
        mnist_files.fetch(source_url, path)
    return path


def extract_images(f: BinaryIO) -> np.ndarray:
    """Read the images in an open file, gzipped IDX: uint8 (n, rows, columns, 1), of any size, read-only.

    Raises ValueError where its magic number or its length is not that of images, OSError where it is not gzipped.
    """
    values, shape = _extract(f, IMAGES_MAGIC, "image")
    return values.reshape(*shape, 1)


def extract_labels(f: BinaryIO, one_hot: bool = False, num_classes: int = CLASSES) -> np.ndarray:
    """Read the labels in an open file, gzipped IDX: uint8 (n,), or float64 (n, num_classes) one-hot.

    Raises ValueError where its magic number or its length is not that of labels, OSError where it is not gzipped.
    """
    labels, _ = _extract(f, LABELS_MAGIC, "label")
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def dense_to_one_hot(labels_dense: npt.ArrayLike, num_classes: int = CLASSES) -> np.ndarray:
    """Return one-hot rows, float64 (n, num_classes), for class numbers (n,).

    Nothing is checked, as in the original, which counts through the rows: a label of -1 marks the last class of the
    row above (in the first row, the last class of the last row) and leaves its own row empty.

    Raises IndexError for a label that leads beyond the last row.
    """
    labels = np.asarray(labels_dense).ravel()
    rows = np.zeros((len(labels), num_classes))
    rows.put(num_classes * np.arange(len(labels)) + labels, 1)
    return rows


def _extract(f: BinaryIO, magic: int, kind: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """Read an IDX file; return its values, uint8 and flat, and the shape that its header promises."""
    where = f"{kind} file {getattr(f, 'name', '')}".rstrip()
    with gzip.GzipFile(fileobj=f) as stream:
        payload = stream.read()
    actual = int.from_bytes(payload[:4], "big")
    if actual != magic:
        raise ValueError(f"magic number {actual} in {where}, expected {magic}")
    axes = magic & 0xFF  # the last byte of a magic number is how many axes there are
    if len(payload) < 4 + 4 * axes:
        raise ValueError(f"{where} ends within its header of {4 + 4 * axes} bytes")
    shape = struct.unpack_from(f">{axes}I", payload, 4)
    size = math.prod(shape)
    values = np.frombuffer(payload, np.uint8, offset=4 + 4 * axes)
    if len(values) < size:
        raise ValueError(f"{len(values):,} bytes of values in {where}, expected {size:,} for shape {shape}")
    return values[:size], shape
