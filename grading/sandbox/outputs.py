"""Fetches what a sandboxed run left in its output folder: plain files within the limits, and nothing else."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from labkit.limits import Limits
from labkit.text import printable

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,99}")
MOST_PATH = 1000  # characters of a path, so that there is room for that of the destination before it
MOST_SHOWN = 200  # of them


class TooMuchOutput(Exception):
    """The output folder holds more bytes or files than allowed."""


def fetch(folder: int, destination: Path, limits: Limits) -> tuple[str, ...]:
    """Copy the regular files below `folder`, an open directory, to `destination`; return what was left behind.

    To be called when everything that could write to `folder` is dead. Links are never followed: they, devices, pipes,
    sockets, files with several names (hard links) and files with outlandish names stay behind, each with a remark. The
    copies are new files: owner, mode and other attributes of the originals stay behind, too.

    Raises TooMuchOutput at the first file too many; the files before it have been copied.
    """
    removed, count, room = [], 0, limits.output_bytes
    pending = [PurePosixPath()]
    while pending:
        here = pending.pop()
        for path, status, reason in _entries(folder, here):
            count += 1
            if count > limits.output_files:
                raise TooMuchOutput
            if reason:
                removed.append(f"{_shown(path)} {reason}")
            elif stat.S_ISDIR(status.st_mode):
                pending.append(path)
            else:
                room -= status.st_size
                if room < 0:
                    raise TooMuchOutput
                _copy(folder, path, destination / path)
    return tuple(removed)


def _shown(path: PurePosixPath) -> str:
    text = str(path)
    return printable(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}...")


def _entries(folder: int, here: PurePosixPath) -> Iterator[tuple[PurePosixPath, os.stat_result, str | None]]:
    """Yield path, status, and the reason to leave it behind (or None) of everything in `here`, below `folder`."""
    descriptor = os.open(here, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = here / entry.name
                status = entry.stat(follow_symlinks=False)
                yield path, status, _reason(folder, path, status)
    finally:
        os.close(descriptor)


def _reason(folder: int, path: PurePosixPath, status: os.stat_result) -> str | None:
    if len(str(path)) > MOST_PATH:
        return f"has a path of more than {MOST_PATH:,} characters"
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return "is not a regular file"
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        return "is a hard link"
    if not PLAIN_NAME.fullmatch(path.name):
        return "has a name with other characters than letters, digits and _ . = -, or more than 100 of them"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder))
    except OSError as error:  # no permission, or a path longer than the system takes
        return f"cannot be read: {error.strerror}"
    return None


def _copy(folder: int, path: PurePosixPath, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with open(descriptor, "rb") as source, open(destination, "wb") as target:
        shutil.copyfileobj(source, target)
