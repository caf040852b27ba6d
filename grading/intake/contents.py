"""What a submission is made of: one zip, or loose files, or both. A folder is as good as a zip, under the same limits.

A zip within a zip, or beside loose files, is opened where scripts or report would be missing without it; one level, and
no deeper.
"""

import contextlib
import errno
import functools
import hashlib
import io
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from grading.intake.litter import is_litter
from grading.intake.zips import (
    CHUNK,
    LIMITS,
    REPACK,
    Archive,
    BadZip,
    Member,
    ZipLimits,
    checked_members,
    format_of,
    is_left_out_for_a_colon,
    open_zip,
    open_zip_file,
    safe_path,
)
from labkit.text import quoted

INNER_ZIPS = 5  # that are opened of one submission
_KEPT = (".py", ".pdf", ".json", ".csv", ".txt", ".md")  # extensions of files that may count
_ARCHIVE = re.compile(r"\.(zip|rar|7z|tar|t?gz|bz2|xz)$", re.IGNORECASE)
_LINKS = "left out, because it is a link, a device or a repository within this one: "


@dataclass(frozen=True)
class Content:
    """The files of a submission, by their paths within it, as they are on the disk."""

    files: tuple[tuple[str, Path], ...]
    left_out: tuple[str, ...] = ()  # remarks on what is never looked at

    @classmethod
    def of_file(cls, path: Path) -> "Content":
        return cls(((path.name, path),))

    @property
    def one_file(self) -> Path | None:
        """The one file, where there is no other and it is neither a script nor a report: to be read as a zip."""
        if len(self.files) != 1 or self.files[0][0].lower().endswith((".py", ".pdf")):
            return None
        return self.files[0][1]

    def copied_to(self, folder: Path) -> "Content":
        """Return a private copy of the files, in an empty folder; raise OSError."""
        copies = []
        for number, (name, path) in enumerate(self.files):
            copy = folder / f"{number}.part"
            with open_regular(path) as source, open(copy, "wb") as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
            copies.append((name, copy))
        return replace(self, files=tuple(copies))

    def read(self, max_bytes: int) -> tuple[tuple[str, bytes], ...]:
        """Return names and bytes of the files; raise OSError, also for more than `max_bytes` bytes in all."""
        files = []
        for name, path in self.files:
            with open_regular(path) as source:
                data = source.read(max_bytes + 1)
            max_bytes -= len(data)
            if max_bytes < 0:
                raise OSError(errno.EFBIG, "it has grown too large", str(path))
            files.append((name, data))
        return tuple(files)

    @property
    def size(self) -> int:
        """The number of bytes of all files; raises OSError."""
        return sum(path.lstat().st_size for _, path in self.files)

    def sha256(self) -> str:
        """Return the SHA-256, in hex: of a zip its own, of loose files one of their names and contents."""
        if self.one_file:
            return sha256_of(self.one_file)
        digest = hashlib.sha256()
        for name, path in sorted(self.files):
            digest.update(f"{name}\0{sha256_of(path)}\n".encode(errors="surrogatepass"))
        return digest.hexdigest()


def content_of(folder: Path, limits: ZipLimits = LIMITS) -> Content:
    """Find the files of a folder, without litter; links, devices, and repositories within it are left out.

    Raises BadZip for more files than a zip may hold, OSError where a folder can't be read.
    """
    files: list[tuple[str, Path]] = []
    left_out: list[str] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for path in sorted(here.iterdir()):
            name = path.relative_to(folder).as_posix()
            kind = path.lstat().st_mode
            if is_litter(path.name):
                continue
            if stat.S_ISDIR(kind) and not (path / ".git").is_file():  # a submodule has a file there
                waiting.append(path)
            elif stat.S_ISREG(kind):
                files.append((name, path))
            else:
                left_out.append(f"{_LINKS}{quoted(name)}")
        if len(files) > limits.members:
            raise BadZip(f"{quoted(folder.name)} holds more than {limits.members:,} files, the most that are accepted.")
    return Content(tuple(sorted(files)), tuple(left_out))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def open_regular(path: Path) -> BinaryIO:
    """Open a file, never through a link and never a pipe, which would wait; raise OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(f"{path} is no file any more")


@contextlib.contextmanager
def open_content(content: Content | Path, limits: ZipLimits = LIMITS) -> Iterator[Archive]:
    """Open and check a submission, which may be given as the path of a zip; raise BadZip, or OSError."""
    if isinstance(content, Path):
        content = Content.of_file(content)
    with contextlib.ExitStack() as opened:
        if content.one_file:
            archive = opened.enter_context(open_zip(content.one_file, limits))
        else:
            archive = _loose(content, limits)
        yield _with_inner_zips(archive, limits, opened)


def _loose(content: Content, limits: ZipLimits) -> Archive:
    if not content.files:
        raise BadZip("It is a folder without a file in it, where the scripts and the report were expected.")
    archive = Archive([], remarks=list(content.left_out))
    members = []
    for name, path in content.files:
        name = name.replace("\\", "/") if ".." not in name else name  # a program unpacked a zip of Windows so
        if is_left_out_for_a_colon(name):
            archive.remarks.append(f"left out, because its name has a colon: {quoted(name)}")
            continue
        size = path.lstat().st_size
        checksum = _checksum(path) if name.lower().endswith(_KEPT) and size <= limits.report_bytes else 0
        members.append(Member(safe_path(name, limits), size, checksum, functools.partial(open_regular, path)))
    archive.members = checked_members(members, limits, archive.remarks)
    return archive


def _checksum(path: Path) -> int:
    checksum = 0
    with open_regular(path) as file:
        while chunk := file.read(CHUNK):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


# ------------------------------------------------------------------------------------------------------- zips within


def _with_inner_zips(archive: Archive, limits: ZipLimits, opened: contextlib.ExitStack) -> Archive:
    """Return the archive with the files of the zips in it in their places, where it is not complete without them."""
    zips = [member for member in archive.members if member.name.lower().endswith(".zip")]
    if not zips or len(zips) > INNER_ZIPS or _is_complete(archive.members):
        return archive
    members = [member for member in archive.members if member not in zips]
    for member in zips:
        try:
            inner = _open_inner(member, limits, opened)
        except BadZip as error:
            if any(other.name.lower().endswith((".py", ".pdf")) for other in archive.members):
                archive.remarks.append(f"{quoted(member.path)} was left out: {error}")
                members.append(member)
                continue
            raise BadZip(f"In {quoted(member.path)}: {error}") from error
        prefix = re.sub(r"(\.zip)+$", "", member.path, flags=re.IGNORECASE)
        members += [replace(file, path=f"{prefix}/{file.path}") for file in inner.members]
        archive.litter |= inner.litter
        archive.remarks += [f"the zip {quoted(member.path)} within was opened", *inner.remarks]
    if len(members) > limits.members:
        raise BadZip(f"The zips hold {len(members):,} files, at most {limits.members:,} are accepted. {REPACK}")
    archive.members = checked_members(members, limits, archive.remarks)
    return archive


def _is_complete(members: list[Member]) -> bool:
    """Tell whether there seem to be three scripts and a report without looking into a zip within."""
    names = [member.name.lower() for member in members]
    scripts = {match[1] for name in names if (match := re.match(r"model\D*([123])\D*\.py", name))}
    return len(scripts) == 3 and any(name.endswith(".pdf") for name in names)


def _open_inner(member: Member, limits: ZipLimits, opened: contextlib.ExitStack) -> Archive:
    if member.size > limits.zip_bytes:
        raise BadZip(f"{quoted(member.path)} has {member.size:,} bytes, at most {limits.zip_bytes:,} are accepted.")
    with tempfile.TemporaryFile() as copy:
        for chunk in member.chunks():
            copy.write(chunk)
        copy.seek(0)
        return opened.enter_context(open_zip_file(io.FileIO(os.dup(copy.fileno())), limits))


def name_archives(members: list[Member]) -> list[str]:
    """Name the archives among the files, each as what it is: `"x.rar" is a RAR archive`."""
    descriptions = []
    for member in members:
        if _ARCHIVE.search(member.name) and member.size:
            with member.open() as file:
                descriptions.append(f"{quoted(member.path)} is {format_of(file.read(512))}")
    return descriptions
