"""The four files of MNIST: found in a directory, fetched where they are missing or bad, and verified.

A file is MNIST when the SHA-256 of its uncompressed payload says so. Data from a `source_url` of one's own
(Fashion-MNIST, say) has no hash to be checked against, only a structure; a note in its directory keeps it
from being mixed with other data.
"""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import BinaryIO
from urllib.parse import urlsplit, urlunsplit

from tqdm import tqdm

from idx_files import (
    FILES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    DataError,
    IdxFile,
    atomic_file,
    read_idx,
)

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)

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

TIMEOUT = 10  # seconds that a connection may be silent
CONNECT_TIMEOUT = 5  # seconds per address: a second address of a host gets its turn within TIMEOUT
MAX_DOWNLOAD = 2**28  # bytes, gzipped; MNIST's largest file has 9.9e6, EMNIST's 1.8e8
SOURCE_NOTE = "source_url.txt"  # in a directory that holds data of a custom source_url: which

Files = dict[str, IdxFile]  # by the names in FILES


class NoFilesError(DataError):
    """The directory holds none of the files, and no mirror supplies them."""


class NotMnistError(DataError):
    """A well-formed file whose payload is not MNIST's."""


def load_files(directory: Path, source_url: str | None = None, only_mnist: bool = True) -> Files:
    """Load the four files from `directory`, after fetching those which are missing there or bad.

    Args:
        directory: holds the files, gzipped or unpacked; downloads are put there.
        source_url: where to fetch from, instead of MIRRORS; it ends with a slash.
        only_mnist: take nothing but MNIST, by hash; otherwise any data of the same structure.

    Raises:
        NoFilesError: the directory holds none of the files, and no mirror supplies them.
        DataError: anything else that stands between here and four good files.
    """
    found, faults = _read_directory(directory, only_mnist)
    if only_mnist and len(faults) == len(FILES) and all(isinstance(fault, NotMnistError) for fault in faults.values()):
        # Somebody's other data. Fetching "again" would overwrite it.
        raise DataError(
            f"{directory} holds other data than MNIST. {faults[TRAIN_IMAGES]}\n"
            "Choose another data directory; or, if this data is wanted, give read_data_sets its source_url."
        )
    if not only_mnist:
        only_mnist = _must_be_mnist(directory, source_url, found)
    if len(found) < len(FILES):
        mirrors = [_Mirror(url) for url in ([source_url] if source_url else MIRRORS)]
        found = _fetch_missing(directory, mirrors, found, faults, only_mnist)
    return found


def is_mnist(files: Files) -> bool:
    """Whether each of `files` has the hash of its namesake in MNIST."""
    return all(file.sha256 == MNIST_SHA256[name] for name, file in files.items())


def public_url(url: str) -> str:
    """`url` without user name, password and query: fit for records and messages."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


# --- the directory ---------------------------------------------------------------------------


def _read_directory(directory: Path, only_mnist: bool) -> tuple[Files, dict[str, DataError]]:
    """The good files in `directory`, and what is wrong with the bad ones."""
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
            return _read_one(directory, name, only_mnist)
        except DataError as fault:
            return fault

    # zlib and hashlib release the interpreter lock: the files are unpacked and hashed side by side.
    with ThreadPoolExecutor(len(FILES)) as pool:
        results = dict(zip(FILES, pool.map(read, FILES), strict=True))
    found = {name: result for name, result in results.items() if isinstance(result, IdxFile)}
    faults = {name: result for name, result in results.items() if isinstance(result, DataError)}
    for labels, images in ((TRAIN_LABELS, TRAIN_IMAGES), (TEST_LABELS, TEST_IMAGES)):
        if labels in found:
            try:
                _check_count(labels, found[labels], found, str(directory / labels))
            except DataError as fault:
                faults[labels] = faults[images] = fault  # no telling which of the two is wrong
                del found[labels], found[images]
    return found, faults


def _read_one(directory: Path, name: str, only_mnist: bool) -> IdxFile | None:
    """One file, unpacked or gzipped, whichever is good; None if there is neither. DataError if it is bad."""
    fault = None
    for path in (directory / name, directory / f"{name}.gz"):
        try:
            file = read_idx(path, name)
            if only_mnist:
                _check_mnist(name, file, str(path))
            return file
        except FileNotFoundError:
            continue
        except DataError as error:
            fault = error
    if fault:
        raise fault
    return None


def _check_mnist(name: str, file: IdxFile, where: str) -> None:
    if len(file.array) != MNIST_COUNTS[name]:
        raise NotMnistError(f"{where} holds {len(file.array):,} items, expected the {MNIST_COUNTS[name]:,} of MNIST.")
    if file.sha256 != MNIST_SHA256[name]:
        raise NotMnistError(
            f"{where} is damaged, or is other data than MNIST: "
            f"the SHA-256 of its payload is {file.sha256}, expected {MNIST_SHA256[name]}."
        )


def _check_count(name: str, file: IdxFile, others: Files, where: str) -> None:
    """There must be as many labels as images, where the other file of the two is among `others`."""
    partner = others.get(PARTNERS[name])
    if partner is not None and len(partner.array) != len(file.array):
        raise DataError(
            f"{where} holds {len(file.array):,} items, expected {len(partner.array):,}: "
            f"as many as {PARTNERS[name]} has."
        )


def _must_be_mnist(directory: Path, source_url: str, found: Files) -> bool:
    """Whether what a custom source adds to `found` must be MNIST, because `found` is.

    Other data mixed in with MNIST would make neither.

    Raises:
        DataError: the files in `directory` came from another source than `source_url`.
    """
    note = _read_note(directory)
    if not found or note == public_url(source_url):
        return False
    if note is not None and not is_mnist(found):
        raise DataError(
            f"{directory} holds data from {note}, expected data from {public_url(source_url)}. "
            "Choose another directory for it."
        )
    return is_mnist(found)


def _read_note(directory: Path) -> str | None:
    try:
        return (directory / SOURCE_NOTE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


# --- the network -----------------------------------------------------------------------------


class _MirrorError(DataError):
    """A mirror cannot supply a file."""


class _NoAnswerError(_MirrorError):
    """A mirror cannot be reached, or fell silent: it is not worth asking for the next file."""


class _Mirror:
    """A server to fetch from.

    All are asked at once whether they answer, so that the lack of a network costs TIMEOUT once, not for each.
    """

    def __init__(self, url: str) -> None:
        import requests  # here and below, because it takes longer to import than MNIST to load

        self.url = url
        self.fault: _NoAnswerError | None = None
        self._deadline = time.monotonic() + TIMEOUT
        # A thread, because looking up a name may hang for longer than any timeout; a daemon, lest it is
        # waited for at exit.
        self._question = threading.Thread(target=self._ask, args=(requests,), daemon=True)
        self._question.start()

    def _ask(self, requests: ModuleType) -> None:
        try:
            requests.head(self.url, timeout=(CONNECT_TIMEOUT, TIMEOUT))  # any answer will do, a 404 too
        except (OSError, ValueError) as error:
            self.fault = _NoAnswerError(f"{public_url(self.url)} {_reason(error)}")

    def check(self) -> None:
        """Wait for the answer; _NoAnswerError if there is none in time, or it fell silent later."""
        self._question.join(max(0, self._deadline - time.monotonic()))
        if self._question.is_alive():
            self.fault = _NoAnswerError(f"{public_url(self.url)} gave no answer in {TIMEOUT} s")
        if self.fault:
            raise self.fault


class _Capped:
    """Passes on to `file` what is written, up to MAX_DOWNLOAD: a broken server must not fill the disk."""

    def __init__(self, file: BinaryIO, url: str) -> None:
        self._file, self._url, self._left = file, url, MAX_DOWNLOAD
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise _MirrorError(f"{public_url(self._url)} sends more than {MAX_DOWNLOAD:,} bytes")
        return self._file.write(data)


def _fetch_missing(
    directory: Path, mirrors: list[_Mirror], found: Files, faults: dict[str, DataError], only_mnist: bool
) -> Files:
    """`found`, completed from the mirrors. What is fetched is kept in `directory`, in place of what was bad."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{directory} cannot be made: {error.strerror}. Choose another data directory.") from error
    files = dict(found)
    for name in FILES:
        if name not in files:
            file = None if name in faults else _put_there_meanwhile(directory, name, files, only_mnist)
            try:
                file = file or _fetch(directory, name, mirrors, files, only_mnist)
            except DataError as error:
                # Windows replaces no file that others are reading; a sticky folder, no file of another user.
                file = _put_there_meanwhile(directory, name, files, only_mnist)
                if file is None:
                    raise _explained(error, directory, name, bool(found), faults) from error
            files[name] = file
            if name in faults:
                with contextlib.suppress(OSError):
                    (directory / name).unlink()  # a bad unpacked file; the good one is gzipped
    return {name: files[name] for name in FILES}


def _put_there_meanwhile(directory: Path, name: str, others: Files, only_mnist: bool) -> IdxFile | None:
    """A good file that another process, filling the same directory, was quicker to fetch; None if there is none."""
    try:
        file = _read_one(directory, name, only_mnist)
        if file is not None:
            _check_count(name, file, others, name)
        return file
    except DataError:
        return None


def _fetch(directory: Path, name: str, mirrors: list[_Mirror], others: Files, only_mnist: bool) -> IdxFile:
    """Fetch one file from the first mirror that has it.

    Raises:
        _MirrorError: none has.
        DataError: it cannot be written.
    """
    faults = []
    for mirror in mirrors:
        try:
            mirror.check()
            return _download(mirror.url, directory, name, others, only_mnist)
        except _NoAnswerError as fault:
            mirror.fault = fault
            faults.append(fault)
        except _MirrorError as fault:
            faults.append(fault)
    raise _MirrorError("".join(f"\n  {fault}" for fault in faults))


def _download(base: str, directory: Path, name: str, others: Files, only_mnist: bool) -> IdxFile:
    """Fetch one file, check it, and only then give it its name."""
    url = f"{base}{name}.gz"
    with atomic_file(directory / f"{name}.gz") as file:
        _receive(url, file)
        file.flush()
        try:
            result = read_idx(Path(file.name), name, where=public_url(url))
            _check_count(name, result, others, public_url(url))
            if only_mnist:
                _check_mnist(name, result, public_url(url))
        except DataError as fault:
            raise _MirrorError(str(fault)) from fault
        if not only_mnist and _read_note(directory) != public_url(base):
            with atomic_file(directory / SOURCE_NOTE) as note:
                note.write(public_url(base).encode())
    return result


def _receive(url: str, file: BinaryIO) -> None:
    """Write what is at `url` to `file`, under a progress bar on stderr."""
    import requests
    from pooch import HTTPDownloader

    # pooch sets the total when it knows it; until then it must not be 0, which pooch takes for "no bar".
    with tqdm(total=1, desc=url.rpartition("/")[2], unit="B", unit_scale=True, leave=True) as bar:
        download = HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=(CONNECT_TIMEOUT, TIMEOUT))
        try:
            download(url, _Capped(file, url), None)
        except requests.HTTPError as error:
            status = f"{error.response.status_code} {error.response.reason}"
            raise _MirrorError(f"{public_url(url)} is not to be had: HTTP status {status}") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise _MirrorError(f"{public_url(url)} broke off after {file.tell():,} bytes") from error
        except requests.RequestException as error:
            raise _NoAnswerError(f"{public_url(url)} {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The gist of what requests has to say, which else is a line of nested class names."""
    if "timed out" in str(error):
        return f"gave no answer in {TIMEOUT} s"
    cause = getattr(error.args[0], "reason", error) if error.args else error
    return f"cannot be reached ({str(cause).rpartition(': ')[2]})"


def _explained(
    error: DataError, directory: Path, name: str, some_found: bool, faults: dict[str, DataError]
) -> DataError:
    """`error`, which kept `name` from being fetched, with what led to it and what to do next."""
    if not isinstance(error, _MirrorError):
        return DataError(f"{faults[name]}\nIt cannot be replaced: {error}") if name in faults else error
    if name in faults:
        return DataError(
            f"{faults[name]}\nIt could not be fetched again:{error}\n"
            "Replace it with a good copy, or try again with a network."
        )
    if some_found or faults:
        return DataError(
            f"{directory / name} is missing (gzipped or not), and it could not be fetched:{error}\n"
            "Put it there, or try again with a network."
        )
    return NoFilesError(
        f"{directory} holds none of the four data files, and they could not be fetched:{error}\n"
        "Put them there, try again with a network, or choose another data directory."
    )
