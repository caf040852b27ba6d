"""The four files of MNIST: found in a directory, fetched where they are missing or bad, and verified.

Data from a `source_url` of one's own (Fashion-MNIST, say) has no hash to be checked against, only a structure; a note
in its directory keeps it from being mixed with other data.
"""

import contextlib
import os
from pathlib import Path

from labkit.data.data_directory import (
    SOURCE_NOTE,
    Files,
    NotMnistError,
    check_count,
    check_mnist,
    is_mnist,
    make_directory,
    read_directory,
    read_note,
    read_one,
)
from labkit.data.download import CertificateError, Mirror, MirrorError, NoAnswerError, public_url, receive
from labkit.data.idx_files import FILES, TRAIN_IMAGES, IdxFile, data_file, read_idx
from labkit.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
ORIGIN = "http://yann.lecun.com/exdb/mnist/"  # where MNIST came from; scripts name it, though it serves no more


class NoFilesError(DataError):
    """The directory holds none of the files, and no mirror supplies them."""


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
    files, faults = read_directory(directory, only_mnist)
    if only_mnist and len(faults) == len(FILES) and all(isinstance(fault, NotMnistError) for fault in faults.values()):
        # Somebody's other data. Fetching "again" would overwrite it.
        raise DataError(
            f"{directory} holds other data than MNIST. {faults[TRAIN_IMAGES]}\n"
            "Choose another data directory; or, if this data is wanted, give read_data_sets its source_url."
        )
    if not only_mnist:
        assert source_url is not None  # where else would other data come from?
        only_mnist = _must_be_mnist(directory, source_url, files)
    if len(files) < len(FILES):
        mirrors = [Mirror(url) for url in ([source_url] if source_url else MIRRORS)]
        files = _fetch_missing(directory, mirrors, files, faults, only_mnist)
    return files


def fetch(url: str, path: str | os.PathLike) -> None:
    """Fetch one file, whatever it holds; make the folder that it goes into.

    Raises DataError where it cannot be fetched or written; then nothing new is left under the name `path`.
    """
    path = Path(path)
    make_directory(path.parent)
    Mirror(url).check()
    with data_file(path) as file:
        receive(url, file)


def _must_be_mnist(directory: Path, source_url: str, files: Files) -> bool:
    """Tell whether what a custom source adds to `files` must be MNIST, because `files` is.

    Other data mixed in with MNIST would make neither.

    Raises:
        DataError: the files in `directory` came from another source than `source_url`.
    """
    note = read_note(directory)
    if not files or note == public_url(source_url):
        return False
    if is_mnist(files):
        if len(files) == len(FILES) and not _known_for_mnist(source_url):
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
    """Tell whether `source_url` is known to serve MNIST, by http or https."""
    places = [public_url(url).partition("://")[2] for url in (source_url, ORIGIN, *MIRRORS)]
    return places[0] in places[1:]


def _fetch_missing(
    directory: Path, mirrors: list[Mirror], files: Files, faults: dict[str, DataError], only_mnist: bool
) -> Files:
    """Complete `files` from the mirrors; keep what is fetched in `directory`, in place of what was bad."""
    make_directory(directory)
    complete = dict(files)
    for name in FILES:
        if name not in complete:
            file = None if name in faults else _put_there_meanwhile(directory, name, complete, only_mnist)
            try:
                file = file or _fetch(directory, name, mirrors, complete, only_mnist)
            except DataError as error:
                # Windows replaces no file that others are reading; a sticky folder, no file of another user.
                file = _put_there_meanwhile(directory, name, complete, only_mnist)
                if file is None:
                    raise _explained(error, directory, name, bool(files), faults) from error
            complete[name] = file
            if name in faults:
                with contextlib.suppress(OSError):
                    (directory / name).unlink()  # a bad unpacked file; the good one is gzipped
    return {name: complete[name] for name in FILES}


def _put_there_meanwhile(directory: Path, name: str, others: Files, only_mnist: bool) -> IdxFile | None:
    """Read a file that another process has fetched into the same directory meanwhile; None if there is no good one."""
    try:
        file = read_one(directory, name, only_mnist)
        if file is not None:
            check_count(name, file, others, name)
        return file
    except DataError:
        return None


def _fetch(directory: Path, name: str, mirrors: list[Mirror], others: Files, only_mnist: bool) -> IdxFile:
    """Fetch one file from the first mirror that has it.

    Raises:
        CertificateError: none has, and of one the certificate could not be verified.
        MirrorError: none has, for other reasons.
        DataError: it cannot be written.
    """
    faults: list[MirrorError] = []
    for mirror in mirrors:
        try:
            mirror.check()
            return _download(mirror.url, directory, name, others, only_mnist)
        except NoAnswerError as fault:
            mirror.fault = fault
            faults.append(fault)
        except MirrorError as fault:
            faults.append(fault)
    reasons = "".join(f"\n  {fault}" for fault in faults)
    remedies = dict.fromkeys(fault.remedy for fault in faults if fault.remedy)  # each once, in order
    kind = CertificateError if any(isinstance(fault, CertificateError) for fault in faults) else MirrorError
    raise kind("\n".join([reasons, *remedies]))


def _download(base: str, directory: Path, name: str, others: Files, only_mnist: bool) -> IdxFile:
    """Fetch one file, check it, and only then give it its name."""
    url = f"{base}{name}.gz"
    with data_file(directory / f"{name}.gz") as file:
        receive(url, file)
        file.flush()
        try:
            result = read_idx(Path(file.name), name, where=public_url(url))
            check_count(name, result, others, public_url(url))
            if only_mnist:
                check_mnist(name, result, public_url(url))
        except DataError as fault:
            raise MirrorError(str(fault)) from fault
        if not only_mnist and read_note(directory) != public_url(base):
            with data_file(directory / SOURCE_NOTE) as note:
                note.write(public_url(base).encode())
    return result


def _explained(
    error: DataError, directory: Path, name: str, some_found: bool, faults: dict[str, DataError]
) -> DataError:
    """Explain `error`, which kept `name` from being fetched: what led to it, and what to do next."""
    if not isinstance(error, MirrorError):
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
    kind = DataError if isinstance(error, CertificateError) else NoFilesError
    return kind(
        f"{directory} holds none of the four data files ({', '.join(FILES)}, with or without .gz), "
        f"and they could not be fetched:{error}\n"
        "Put them there, try again with a network, or choose another data directory."
    )
