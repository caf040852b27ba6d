"""The four files of MNIST: found in a directory, fetched where they are missing or bad, and verified.

A file is MNIST when the SHA-256 of its uncompressed payload says so, whatever it is called. Data from a
`source_url` of one's own (Fashion-MNIST, say) has no hash to be checked against, only a structure; a note in
its directory keeps it from being mixed with other data.
"""

import contextlib
import os
import ssl
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from tqdm import tqdm

from labkit.data.idx_files import (
    FILES,
    GZIP_MAGIC,
    SIDE,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    IdxFile,
    data_file,
    read_idx,
)
from labkit.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
ORIGIN = "http://yann.lecun.com/exdb/mnist/"  # where MNIST came from; scripts name it, though it serves no more

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

CERTIFICATE_REMEDY = (
    "Check this machine's clock. Where the network has a certificate of its own, get it from whoever runs the network, "
    "and set the environment variable REQUESTS_CA_BUNDLE to its file (.pem); or put the four files in place by hand."
)
PROXY_REMEDY = (
    "The proxy is set by the environment variable https_proxy, http_proxy or all_proxy, or in the system's settings: "
    "correct it, or unset it where there is none."
)

Files = dict[str, IdxFile]  # by the names in FILES


class NoFilesError(DataError):
    """The directory holds none of the files, and no mirror supplies them."""


class NotMnistError(DataError):
    """A well-formed file whose payload is not MNIST's."""


def load_files(directory: Path, source_url: str | None = None, only_mnist: bool = True) -> Files:
    """Load the four files from `directory`, after fetching those which are missing there or bad.

    Args:
        directory: holds the files, gzipped or unpacked, MNIST under any name and also in a folder there; downloads
            are put there.
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
        assert source_url is not None  # where else would other data come from?
        only_mnist = _must_be_mnist(directory, source_url, found)
    if len(found) < len(FILES):
        mirrors = [_Mirror(url) for url in ([source_url] if source_url else MIRRORS)]
        found = _fetch_missing(directory, mirrors, found, faults, only_mnist)
    return found


def fetch(url: str, path: str | os.PathLike) -> None:
    """Fetch one file, whatever is in it, and the folder is made that it is to be in.

    Raises DataError where it cannot be fetched or written; then there is nothing new under the name `path`.
    """
    path = Path(path)
    _make_directory(path.parent)
    _Mirror(url).check()
    with data_file(path) as file:
        _receive(url, file)


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
    if only_mnist and len(found) < len(FILES):
        found |= _find_by_hash(directory, [name for name in FILES if name not in found])
    faults = {name: fault for name, fault in results.items() if isinstance(fault, DataError) and name not in found}
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
        if path.is_dir():
            continue  # Kaggle's archive makes a folder of this name, with the file in it
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


def _find_by_hash(directory: Path, names: Collection[str]) -> Files:
    """Those of the MNIST files `names` that are in `directory`, or in a folder there, under whatever name.

    Programs that unpack them make `train-images.idx3-ubyte`, say, or a folder for each. Read are only files of the
    right size.
    """
    found: Files = {}
    for path in sorted([*directory.glob("*"), *directory.glob("*/*")]):
        size = _unpacked_size(path)
        for name in names:
            if name not in found and size == _mnist_size(name):
                with contextlib.suppress(DataError, FileNotFoundError):
                    file = read_idx(path, name)
                    if is_mnist({name: file}):
                        found[name] = file
    return found


def _unpacked_size(path: Path) -> int | None:
    """Bytes in a file, or by its own account in what is gzipped there; None where it cannot be read."""
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
    """Bytes in an uncompressed file of MNIST: its header, and one for each pixel or label."""
    return MNIST_COUNTS[name] * SIDE * SIDE + 16 if "images" in name else MNIST_COUNTS[name] + 8


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
    if is_mnist(found):
        if len(found) == len(FILES) and not _known_for_mnist(source_url):
            raise DataError(
                f"{directory} holds MNIST, expected data from {public_url(source_url)}. "
                "Choose another directory for it; or, if MNIST is wanted, leave source_url out."
            )
        return True
    if note is not None:
        raise DataError(
            f"{directory} holds data from {note}, expected data from {public_url(source_url)}. "
            "Choose another directory for it."
        )
    return False


def _known_for_mnist(source_url: str) -> bool:
    """Whether MNIST is what `source_url` has, by http or https."""
    places = [public_url(url).partition("://")[2] for url in (source_url, ORIGIN, *MIRRORS)]
    return places[0] in places[1:]


def _read_note(directory: Path) -> str | None:
    try:
        return (directory / SOURCE_NOTE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


# --- the network -----------------------------------------------------------------------------


class _MirrorError(DataError):
    """A mirror cannot supply a file; `remedy` is a sentence on what to do, where there is more to say than the text."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class _NoAnswerError(_MirrorError):
    """A mirror cannot be reached, or fell silent: it is not worth asking for the next file."""


class _CertificateError(_NoAnswerError):
    """There is a network, but no certificate to trust a mirror by: that is to be mended, not worked around."""


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
            self.fault = _no_answer(self.url, error)

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
    _make_directory(directory)
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


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{directory} cannot be made: {error.strerror}. Choose another data directory.") from error


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
        _CertificateError: none has, and of one the certificate could not be verified.
        _MirrorError: none has, for other reasons.
        DataError: it cannot be written.
    """
    faults: list[_MirrorError] = []
    for mirror in mirrors:
        try:
            mirror.check()
            return _download(mirror.url, directory, name, others, only_mnist)
        except _NoAnswerError as fault:
            mirror.fault = fault
            faults.append(fault)
        except _MirrorError as fault:
            faults.append(fault)
    told = "".join(f"\n  {fault}" for fault in faults)
    remedies = dict.fromkeys(fault.remedy for fault in faults if fault.remedy)  # each once, in order
    kind = _CertificateError if any(isinstance(fault, _CertificateError) for fault in faults) else _MirrorError
    raise kind("\n".join([told, *remedies]))


def _download(base: str, directory: Path, name: str, others: Files, only_mnist: bool) -> IdxFile:
    """Fetch one file, check it, and only then give it its name."""
    url = f"{base}{name}.gz"
    with data_file(directory / f"{name}.gz") as file:
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
            with data_file(directory / SOURCE_NOTE) as note:
                note.write(public_url(base).encode())
    return result


def _receive(url: str, file: BinaryIO) -> None:
    """Write what is at `url` to `file`, under a progress bar on stderr."""
    import requests
    from pooch import HTTPDownloader

    # pooch sets the total when it knows it; until then it must not be 0, which pooch takes for "no bar".
    with tqdm(total=1, desc=url.rpartition("/")[2], unit="B", unit_scale=True, leave=True) as bar:
        progress: Any = bar  # pooch takes what behaves like a bar, and says that it takes a bool
        download = HTTPDownloader(progressbar=progress, chunk_size=2**16, timeout=(CONNECT_TIMEOUT, TIMEOUT))
        try:
            download(url, _Capped(file, url), None)
        except requests.HTTPError as error:
            response: Any = error.response
            status = f"{response.status_code} {response.reason}"
            raise _MirrorError(f"{public_url(url)} cannot be fetched: HTTP status {status}") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise _MirrorError(f"{public_url(url)} broke off after {file.tell():,} bytes") from error
        except requests.RequestException as error:
            raise _no_answer(url, error) from error


def _no_answer(url: str, error: Exception) -> _NoAnswerError:
    """What requests has to say, told in a line: its own text is one of nested class names."""
    shown, cause = public_url(url), _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"{shown} has a certificate that is not trusted here ({cause.verify_message})"
        return _CertificateError(text, CERTIFICATE_REMEDY)
    if "certificate" in str(error).lower():  # REQUESTS_CA_BUNDLE names no file, or one without a certificate in it
        return _CertificateError(f"{shown} could not be asked ({cause})", CERTIFICATE_REMEDY)
    proxy = _proxy(url)
    way, remedy = (f" through the proxy {proxy}", PROXY_REMEDY) if proxy else ("", "")
    if "timed out" in str(error):
        return _NoAnswerError(f"{shown} gave no answer in {TIMEOUT} s{way}", remedy)
    return _NoAnswerError(f"{shown} cannot be reached{way} ({str(cause).rpartition(': ')[2]})", remedy)


def _innermost(error: BaseException) -> BaseException:
    """The exception at the bottom: requests and urllib3 wrap it, as `reason` or among the arguments."""
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    return error


def _proxy(url: str) -> str | None:
    """The proxy by which requests would ask for `url`, without its password; None if there is none."""
    from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    return public_url(prepend_scheme_if_needed(proxy, "http")) if proxy else None


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
    # Without a network there is nothing better than other digits. Behind a bad certificate there is.
    kind = DataError if isinstance(error, _CertificateError) else NoFilesError
    return kind(
        f"{directory} holds none of the four data files ({', '.join(FILES)}, with or without .gz), "
        f"and they could not be fetched:{error}\n"
        "Put them there, try again with a network, or choose another data directory."
    )
