"""Where the kit is, and files that are written whole or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from labkit.errors import KitError

# The modules beside labkit/, which students read, run or import.
FACES = ("softmax_mnist", "deep_mnist", "beyond_mnist", "input_data", "plotter", "lab", "compare", "submit")
KIT = Path(__file__).resolve().parent.parent  # the folder of the scripts and of labkit/
# Seconds without a write, after which a temporary file belongs to a killed process. It is more than the clocks of
# machines that share a folder differ by: in some file systems a file has the time of the machine that wrote it.
STALE_AFTER = 7 * 24 * 3600
_MOST_LOOKED = 1000  # directories that are remembered
_looked: dict[Path, int] = {}  # when a directory was last looked through, in weeks


class WriteError(KitError, OSError):
    """A file can't be written; the text names it, and says why and what to do next."""

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(cause.errno, cause.strerror, str(path))

    def __str__(self) -> str:
        return f"{self.filename} cannot be written: {self.strerror}. {_remedy(self)}"


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that is renamed to `path` if the block succeeds, and deleted if it fails.

    Its name is unique, so that any number of processes may write `path` at once; readers see one whole file
    or another. The data reaches the disk before the name does. An OSError in the block becomes a WriteError
    that names `path`.
    """
    # Not tempfile: its files are private to their owner, and this one is to be shared.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        try:
            with open(temporary, "xb") as file:
                _remove_stale(path.parent, now=os.fstat(file.fileno()).st_mtime)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):  # gone after os.replace; never there if it could not be opened
                temporary.unlink()
    except OSError as error:
        raise WriteError(path, error) from error


def _remove_stale(directory: Path, now: float) -> None:
    """Delete the temporary files that killed processes left in `directory`, at the first call and then once a week.

    At each call it would make writing so many files into one directory quadratic. `now` is in seconds by the clock of
    the file system, which may not be that of this machine.
    """
    week = int(now // STALE_AFTER)
    if _looked.get(directory) == week:
        return
    if len(_looked) >= _MOST_LOOKED:
        _looked.clear()
    _looked[directory] = week
    for leftover in directory.glob(f".*.*-{'[0-9a-f]' * 8}.part"):
        with contextlib.suppress(OSError):  # another process was faster, or it belongs to another user
            if leftover.stat().st_mtime < now - STALE_AFTER:
                leftover.unlink()


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "Free some space there, or choose another directory."
    return "Choose a directory that you may write to."
