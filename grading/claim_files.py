"""The files by which graders share a class: which there are, what is in them, and how one is made, whole and only once.

claims.py says what each of them means.
"""

import contextlib
import errno
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from grading.options import GradingError
from labkit.files import WriteError
from labkit.text import printable

FOLDER = ".claims"  # within the folder of results
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def create_once(path: Path, data: bytes) -> bool:
    """Make a file with this content, unless one has the name already; tell whether it was made.

    It is written under another name first, and then linked: so it is whole as soon as it is there, and a file system
    gives its name to one only. On NFS an answer may be lost, and the link be made all the same; the number of links
    tells. Raises WriteError where it can't be written, or where the file system has no links.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")  # as those of atomic_file
    try:
        path.parent.mkdir(exist_ok=True)  # the last grader but this one may have taken it away
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return _link(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise WriteError(path, error) from error


def _link(file: Path, name: Path) -> bool:
    try:
        os.link(file, name)
    except FileExistsError:
        return file.stat().st_nlink == 2
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise GradingError(f"{name.parent} is in a file system without hard links, which --claim needs") from error
        raise
    return True


def look_anew(folder: Path) -> None:
    """Have a network file system look anew what is in a folder.

    A client of NFS remembers up to a minute that a file is not there. It asks the server after a change of its own.
    """
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        probe = folder / f".probe.{os.getpid()}-{secrets.token_hex(4)}.part"
        probe.touch()
        probe.unlink()


@dataclass(frozen=True)
class Grader:
    """A grader, as its own file has it, and each file that it makes.

    `terms` is a hash of those that it grades by; `sample` are hashes of some of its submissions, see `_sample`.
    """

    id: str
    machine: str
    process: int
    terms: str
    sample: tuple[str, ...] = ()
    beat: int = 0

    @property
    def who(self) -> str:
        return f"{printable(self.machine[:255])} (process {self.process})"


@dataclass(frozen=True)
class Made:
    """What a grader has made: `terms` in terms.<n>, `graded` in finished.<n>, a hash of what the tables are of."""

    grader: Grader
    terms: dict[str, str] = field(default_factory=dict)
    graded: str = ""


@dataclass
class Listing:
    """What is in the folder, by kind: the highest number of each name."""

    graders: set[str] = field(default_factory=set)
    claims: dict[str, int] = field(default_factory=dict)
    failed: dict[str, set[int]] = field(default_factory=dict)
    terms: int = 0
    finish: int = 0
    finished: set[int] = field(default_factory=set)
    names: list[str] = field(default_factory=list)  # of all files

    def add(self, name: str) -> None:
        kind, _, rest = name.partition(".")
        if not kind:
            return  # a file that is being written
        self.names.append(name)
        folder, _, number = rest.rpartition(".")
        if kind == "grader":
            self.graders.add(rest)
        elif not number.isdecimal():
            return
        elif kind == "claim":
            self.claims[folder] = max(int(number), self.claims.get(folder, 0))
        elif kind == "failed":
            self.failed.setdefault(folder, set()).add(int(number))
        elif kind == "terms":
            self.terms = max(self.terms, int(number))
        elif kind == "finish":
            self.finish = max(self.finish, int(number))
        elif kind == "finished":
            self.finished.add(int(number))
