"""A data directory: the good files in it, found by name or hash, and whether they are MNIST.

A file is MNIST when the SHA-256 of its uncompressed payload says so, whatever it is called.
"""

import contextlib
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labkit.data.idx_files import (
    FILES,
    GZIP_MAGIC,
    SIDE,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    IdxFile,
    read_idx,
)
from labkit.errors import DataError

# Of the uncompressed payloads: the gzip containers differ from mirror to mirror.
MNIST_SHA256 = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_COUNTS = {TRAIN_IMAGES: 60_000, TRAIN_LABELS: 60_000, TEST_IMAGES: 10_000, TEST_LABELS: 10_000}
PARTNERS = {
    TRAIN_IMAGES: TRAIN_LABELS,
    TRAIN_LABELS: TRAIN_IMAGES,
    TEST_IMAGES: TEST_LABELS,
    TEST_LABELS: TEST_IMAGES,
}
SOURCE_NOTE = "source_url.txt"  # in a directory that holds data of a custom source_url: which

Files = dict[str, IdxFile]  # by the names in FILES


class NotMnistError(DataError):
    """A well-formed file whose payload is not MNIST's."""


def read_directory(directory: Path, only_mnist: bool) -> tuple[Files, dict[str, DataError]]:
    """Return the good files in `directory`, and what is wrong with the bad ones."""
    try:
        os.listdir(directory)
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise DataError(
            f"{directory} cannot be read: {error.strerror}. Check that it is a directory that you may read."
        ) from error

    def read(name: str) -> IdxFile | DataError | None:
        try:
            return read_one(directory, name, only_mnist)
        except DataError as fault:
            return fault

    # zlib and hashlib release the interpreter lock: the files are unpacked and hashed side by side.
    with ThreadPoolExecutor(len(FILES)) as pool:
        results = dict(zip(FILES, pool.map(read, FILES), strict=True))
    files = {name: result for name, result in results.items() if isinstance(result, IdxFile)}
    if only_mnist and len(files) < len(FILES):
        files |= _find_by_hash(directory, [name for name in FILES if name not in files])
    faults = {name: fault for name, fault in results.items() if isinstance(fault, DataError) and name not in files}
    for labels, images in ((TRAIN_LABELS, TRAIN_IMAGES), (TEST_LABELS, TEST_IMAGES)):
        if labels in files:
            try:
                check_count(labels, files[labels], files, str(directory / labels))
            except DataError as fault:
                faults[labels] = faults[images] = fault  # no telling which of the two is wrong
                del files[labels], files[images]
    return files, faults


def read_one(directory: Path, name: str, only_mnist: bool) -> IdxFile | None:
    """Read one file, unpacked or gzipped, whichever is good; None if neither exists, DataError if it is bad."""
    fault = None
    for path in (directory / name, directory / f"{name}.gz"):
        if path.is_dir():
            continue  # Kaggle's archive makes a folder of this name, with the file in it
        try:
            file = read_idx(path, name)
            if only_mnist:
                check_mnist(name, file, str(path))
            return file
        except FileNotFoundError:
            continue
        except DataError as error:
            fault = error
    if fault:
        raise fault
    return None


def _find_by_hash(directory: Path, names: Collection[str]) -> Files:
    """Find MNIST's files `names` in `directory`, or in a folder there, under any name, by their hash.

    Programs that unpack them make `train-images.idx3-ubyte`, say, or a folder for each. Only files of the right size
    are read.
    """
    files: Files = {}
    for path in sorted([*directory.glob("*"), *directory.glob("*/*")]):
        size = _unpacked_size(path)
        for name in names:
            if name not in files and size == _mnist_size(name):
                with contextlib.suppress(DataError, FileNotFoundError):
                    file = read_idx(path, name)
                    if is_mnist({name: file}):
                        files[name] = file
    return files


def _unpacked_size(path: Path) -> int | None:
    """Return the size of a file in bytes, unpacked (gzip states it); None where it cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if file.read(2) != GZIP_MAGIC:
                return file.seek(0, os.SEEK_END)
            file.seek(-4, os.SEEK_END)  # the end of the format: the unpacked size, little-endian
            return int.from_bytes(file.read(4), "little")
    except OSError:
        return None


def _mnist_size(name: str) -> int:
    """Return the size of an uncompressed file of MNIST in bytes: its header, and one for each pixel or label."""
    return MNIST_COUNTS[name] * SIDE * SIDE + 16 if "images" in name else MNIST_COUNTS[name] + 8


def is_mnist(files: Files) -> bool:
    """Tell whether each of `files` has the hash of its namesake in MNIST."""
    return all(file.sha256 == MNIST_SHA256[name] for name, file in files.items())


def check_mnist(name: str, file: IdxFile, where: str) -> None:
    if len(file.array) != MNIST_COUNTS[name]:
        raise NotMnistError(f"{where} holds {len(file.array):,} items, expected the {MNIST_COUNTS[name]:,} of MNIST.")
    if file.sha256 != MNIST_SHA256[name]:
        raise NotMnistError(
            f"{where} is damaged, or is other data than MNIST: "
            f"the SHA-256 of its payload is {file.sha256}, expected {MNIST_SHA256[name]}."
        )


def check_count(name: str, file: IdxFile, others: Files, where: str) -> None:
    """Raise DataError if there are not as many labels as images, where the other of the two files is in `others`."""
    partner = others.get(PARTNERS[name])
    if partner is not None and len(partner.array) != len(file.array):
        raise DataError(
            f"{where} holds {len(file.array):,} items, expected {len(partner.array):,}: "
            f"as many as {PARTNERS[name]} has."
        )


def read_note(directory: Path) -> str | None:
    try:
        return (directory / SOURCE_NOTE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{directory} cannot be made: {error.strerror}. Choose another data directory.") from error
