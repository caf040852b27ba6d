"""IDX, the file format of MNIST: reading, checking and writing, gzipped or not.

An IDX file is a big-endian header (a magic number that tells the kind of the file, then one count per
axis), followed by the values, one byte each. MNIST keeps images as `(n, 28, 28)` and labels as `(n,)`.
Source: http://yann.lecun.com/exdb/mnist/, "File formats for the MNIST database".
"""

import contextlib
import gzip
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from labkit.errors import DataError
from labkit.files import WriteError, atomic_file

# The four files of the original database, in the order in which they are loaded.
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

SIDE = 28  # pixels; every image is SIDE x SIDE
CLASSES = 10
IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
MAX_PAYLOAD = 2**30  # bytes; EMNIST, the largest relative of MNIST, has 0.55e9
GZIP_MAGIC = b"\x1f\x8b"


class IdxFile(NamedTuple):
    """The content of one IDX file."""

    array: np.ndarray  # uint8, (n, 28, 28, 1) images or (n,) labels
    sha256: str  # of the uncompressed payload, in hex


def read_idx(path: Path, name: str, where: str | None = None) -> IdxFile:
    """Read and check one IDX file, gzipped or unpacked: its content tells which, not its name.

    Args:
        path: the file to read.
        name: one of FILES; tells whether images or labels are expected.
        where: what to call the file in errors, if not by its path (a URL, say).

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the file cannot be read, or is not a well-formed IDX file of that kind.
    """
    where = where or str(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror}.") from error
    if not raw:
        raise DataError(f"{where} is empty, expected an IDX file of {_kind(name)}.")
    if raw.startswith(GZIP_MAGIC):
        payload = _gunzip(raw, name, where)
    else:
        _check_size(len(raw), _header(raw[:16], name, where), where)
        payload = raw
    return IdxFile(_to_array(payload, name, where), hashlib.sha256(payload).hexdigest())


def payload_of(array: np.ndarray) -> bytes:
    """Return the uncompressed IDX file that holds `array`, uint8: images `(n, 28, 28, 1)` or labels `(n,)`."""
    if array.ndim == 1:
        return struct.pack(">II", LABELS_MAGIC, len(array)) + array.tobytes()
    return struct.pack(">IIII", IMAGES_MAGIC, len(array), SIDE, SIDE) + array.tobytes()


@contextlib.contextmanager
def data_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file of the data as files.atomic_file does; raise DataError where it can't be written."""
    try:
        with atomic_file(path) as file:
            yield file
    except WriteError as error:
        raise DataError(str(error)) from error


def write_gzip(path: Path, payload: bytes) -> None:
    """Write `payload` to `path`, gzipped and atomically; raise DataError if that fails."""
    with data_file(path) as file:
        # Level 1 takes a tenth of the time of the default level; without a time stamp, equal payloads give
        # equal files.
        file.write(gzip.compress(payload, compresslevel=1, mtime=0))


def _kind(name: str) -> str:
    return "images" if "images" in name else "labels"


def _header(head: bytes, name: str, where: str) -> tuple[int, ...]:
    """Check the first 16 bytes of a payload; return the shape that they promise, `(n, 28, 28)` or `(n,)`."""
    if head.lstrip()[:1] == b"<":
        raise DataError(f"{where} is a web page (it starts with {head!r}), expected an IDX file.")
    images = _kind(name) == "images"
    expected, length = (IMAGES_MAGIC, 16) if images else (LABELS_MAGIC, 8)
    magic = int.from_bytes(head[:4], "big")
    if magic != expected:
        raise DataError(f"{where} has magic number {magic}, expected {expected} (IDX {_kind(name)}).")
    if len(head) < length:
        raise DataError(f"{where} is truncated: it ends within its header of {length} bytes.")
    shape = struct.unpack(f">{length // 4 - 1}I", head[4:length])
    if images and shape[1:] != (SIDE, SIDE):
        raise DataError(f"{where} has images of {shape[1]}x{shape[2]} pixels, expected {SIDE}x{SIDE}.")
    if shape[0] == 0:
        raise DataError(f"{where} holds no {_kind(name)}: the count in its header is 0.")
    if math.prod(shape) > MAX_PAYLOAD:
        raise DataError(f"{where} claims {shape[0]:,} {_kind(name)}, more than {MAX_PAYLOAD:,} bytes.")
    return shape


def _payload_size(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape) + math.prod(shape)


def _check_size(size: int, shape: tuple[int, ...], where: str) -> None:
    if size != _payload_size(shape):
        defect = "is truncated" if size < _payload_size(shape) else "is too long"
        raise DataError(
            f"{where} {defect}: {size:,} bytes uncompressed, expected {_payload_size(shape):,} "
            f"for the {shape[0]:,} items in its header."
        )


def _gunzip(raw: bytes, name: str, where: str) -> bytes:
    """Unpack gzip data, at most to the size that its header promises: a small file can unpack to a huge one."""
    try:
        head = zlib.decompressobj(wbits=31).decompress(raw, 16)
        shape = _header(head, name, where)
        stream = zlib.decompressobj(wbits=31)
        # One byte more than promised shows a payload that is too long, and makes zlib go on to the checksum.
        payload = stream.decompress(raw, _payload_size(shape) + 1)
    except zlib.error as error:
        raise DataError(f"{where} has damaged gzip data ({error}).") from error
    if len(payload) <= _payload_size(shape) and not stream.eof:
        raise DataError(
            f"{where} is truncated: its gzip data ends after {len(payload):,} bytes of payload, "
            f"expected {_payload_size(shape):,}."
        )
    _check_size(len(payload), shape, where)
    return payload


def _to_array(payload: bytes, name: str, where: str) -> np.ndarray:
    if _kind(name) == "images":
        return np.frombuffer(payload, np.uint8, offset=16).reshape(-1, SIDE, SIDE, 1)
    labels = np.frombuffer(payload, np.uint8, offset=8)
    if labels.max() >= CLASSES:
        row = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{where} has label {labels[row]} in row {row}, expected 0 to {CLASSES - 1}.")
    return labels
