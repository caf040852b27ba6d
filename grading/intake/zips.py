"""Reads an untrusted zip without harm: what is in it, and a member's bytes.

`zipfile` parses; nothing that the archive says of itself is believed. A zip is refused as a whole, before a byte of it
is unpacked, for anything that would be harmful in some program: a name that leaves the folder, two names that are one
on another system, a member that is no file, a compression bomb. Every reason has its own message, for the student.
"""

import contextlib
import io
import itertools
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labkit.errors import KitError
from labkit.text import quoted

CHUNK = 2**16  # bytes read and unpacked at once
HEADER = 30  # bytes before the name of a member
WINDOWS_LINK = 0x400  # attribute of a reparse point
ENCRYPTED = 0x2041  # flag bits: encrypted, strongly encrypted, with masked headers
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES encryption"}
REPACK = "Make a new zip: python submit.py pack does it right."

# What people send in place of a zip, by its first bytes.
FORMATS = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
)
TAR_MAGIC = b"ustar"  # at byte 257


class BadZip(KitError):
    """A zip that is not graded; the text tells the student what was wrong and what to do."""


@dataclass(frozen=True)
class Limits:
    """What a zip may take. A good one holds four files of some 100 KB together."""

    zip_bytes: int = 100 * 2**20
    listing_bytes: int = 2**20  # the names and sizes of all members
    members: int = 2000
    total_bytes: int = 500 * 2**20  # unpacked, were everything unpacked
    ratio: int = 200  # unpacked to packed; text has some 5, and deflate ends at 1032
    ratio_from: int = 4 * 2**20  # bytes unpacked; a smaller member is no bomb, whatever its ratio
    depth: int = 12  # folders around a file
    path_chars: int = 240
    script_bytes: int = 2**20  # of a script or another text file that is kept
    report_bytes: int = 32 * 2**20
    kept_bytes: int = 64 * 2**20  # of all that is kept


LIMITS = Limits()


class Member(NamedTuple):
    """A file in a zip."""

    path: str  # safe and relative, "/" between folders, NFC
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


class Archive:
    """A zip that has passed every check that needs no unpacking; `members` are its files, without its folders."""

    def __init__(self, file: zipfile.ZipFile, members: list[Member]) -> None:
        self.members = members
        self._file = file

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Yield the bytes of a member, in pieces; raise BadZip if they are damaged, or not as many as claimed."""
        left = member.info.file_size
        with _refusing_damage(f"{quoted(member.path)} in the zip is damaged"):
            with self._file.open(member.info) as stream:
                while chunk := stream.read(CHUNK):
                    left -= len(chunk)
                    yield chunk
            if left:
                raise zipfile.BadZipFile(f"{left:,} bytes are missing")


@contextlib.contextmanager
def open_zip(path: Path, limits: Limits = LIMITS) -> Iterator[Archive]:
    """Open and check a zip; raise BadZip, or OSError if the file cannot be read."""
    with _Source(io.FileIO(path)) as source:
        _check_format(source, limits)
        with _refusing_damage("The zip's list of files is damaged"), source.at_most(limits):
            try:
                file = zipfile.ZipFile(source)
            except UnicodeDecodeError as error:
                raise BadZip(f"A file's name in the zip is not valid UTF-8. Rename it. {REPACK}") from error
        yield Archive(file, _check_members(file, limits))


class _Source(io.BufferedReader):
    """A file from which no more than so many bytes are read while zipfile builds its list of members."""

    _left: int | None = None

    @contextlib.contextmanager
    def at_most(self, limits: Limits) -> Iterator[None]:
        self._left = limits.listing_bytes + 2 * 2**16  # zipfile looks for the end, and reads a comment of 64 KiB
        yield
        self._left = None

    def read(self, size: int | None = -1) -> bytes:
        if self._left is None:
            return super().read(size)
        data = super().read(self._left + 1 if size is None or size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise BadZip(f"The zip's list of files is too long: it holds far more than the four files asked. {REPACK}")
        return data


@contextlib.contextmanager
def _refusing_damage(what: str) -> Iterator[None]:
    """Turn whatever zipfile raises on a bad archive into BadZip."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError) as error:
        # NotImplementedError is a RuntimeError.
        reason = quoted(str(error) or "it ends too early")
        raise BadZip(f"{what} ({reason}): an upload that broke off, for one, leaves it so. {REPACK}") from error


# ------------------------------------------------------------------------------------------------------ the whole file


def _check_format(source: _Source, limits: Limits) -> None:
    head = source.read(512)
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    if not head:
        raise BadZip("The file is empty (0 bytes): the upload failed. Send it again.")
    if size > limits.zip_bytes:
        raise BadZip(
            f"The zip has {size:,} bytes, at most {limits.zip_bytes:,} are accepted: send the scripts and the report, "
            f"without data and results. {REPACK}"
        )
    if head.startswith(b"PK\x05\x06"):
        raise BadZip(f"The zip is empty: there is no file in it. {REPACK}")
    if not head.startswith(b"PK\x03\x04"):
        raise BadZip(f"The file is {_format(head)}, not a zip, whatever its name says. {REPACK}")
    source.seek(-min(size, 2**16 + 22), io.SEEK_END)  # where the record of the end is, before a comment
    if b"PK\x05\x06" not in source.read():
        raise BadZip(f"The zip is truncated: its end is missing after {size:,} bytes. Send it again.")
    source.seek(0)


def _format(head: bytes) -> str:
    for magic, name in FORMATS:
        if head.startswith(magic):
            return name
    if head[257:].startswith(TAR_MAGIC):
        return "a tar archive"
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|!--|\?xml)", head, re.IGNORECASE):
        return "a web page (often the login page of the course)"
    return f"something else (it starts with {head[:8]!r})"


# --------------------------------------------------------------------------------------------------------- its members


def _check_members(file: zipfile.ZipFile, limits: Limits) -> list[Member]:
    infos = file.infolist()
    if len(infos) > limits.members:
        raise BadZip(f"The zip holds {len(infos):,} files, at most {limits.members:,} are accepted. {REPACK}")
    members, folders = [], set()
    for info in infos:
        path = _safe_path(info, limits)
        _check_kind(info, path)
        if info.orig_filename.endswith("/") or stat.S_ISDIR(info.external_attr >> 16):
            folders.add(path)
        else:
            _check_packing(info, path, limits)
            members.append(Member(path, info))
    if not members:
        raise BadZip(f"The zip is empty: there is no file in it. {REPACK}")
    total = sum(member.info.file_size for member in members)
    if total > limits.total_bytes:
        raise BadZip(f"The zip unpacks to {total:,} bytes, at most {limits.total_bytes:,} are accepted. {REPACK}")
    check_collisions(members, folders)
    _check_overlaps(infos, file.start_dir)
    return members


def _safe_path(info: zipfile.ZipInfo, limits: Limits) -> str:
    """Return the path of a member, relative and without "." and empty parts; raise BadZip where it would be harmful."""
    name = info.orig_filename  # filename is cut at a NUL, and newer versions take it from another field
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):  # many programs write UTF-8 without saying so
            name = name.encode("cp437").decode()
    name = unicodedata.normalize("NFC", name)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    defects = {
        "a control character": any(unicodedata.category(char) == "Cc" for char in name),
        "a drive letter": re.match(r"[A-Za-z]:", name),
        "backslashes, which some Windows programs write (PowerShell 5, for one)": "\\" in name,
        "a colon": ":" in name,
        "an absolute path": name.startswith("/"),
        '".." in it, which leads out of its folder': ".." in parts,
        "no name": not parts and name != "./",
        f"more than {limits.depth} folders around it": len(parts) > limits.depth + 1,
        f"a path of more than {limits.path_chars} characters": len(name.encode()) > limits.path_chars,
    }
    for defect, found in defects.items():
        if found:
            raise BadZip(f"The file {quoted(name)} in the zip has {defect}. That is not accepted. {REPACK}")
    return "/".join(parts)


def _check_kind(info: zipfile.ZipInfo, path: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK or info.external_attr & WINDOWS_LINK:
        raise BadZip(f"{quoted(path)} in the zip is a link, not a file. Put the file itself there. {REPACK}")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadZip(f"{quoted(path)} in the zip is a device or a pipe, not a file. Leave it out. {REPACK}")


def _check_packing(info: zipfile.ZipInfo, path: str, limits: Limits) -> None:
    if info.flag_bits & ENCRYPTED or info.compress_type == 99:
        raise BadZip(f"{quoted(path)} in the zip is encrypted. Make the zip without a password. {REPACK}")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = METHODS.get(info.compress_type, f"method {info.compress_type}")
        raise BadZip(f"{quoted(path)} in the zip is compressed by {method}, expected Deflate, zip's usual. {REPACK}")
    if info.file_size > max(limits.ratio_from, limits.ratio * info.compress_size):
        raise BadZip(
            f"{quoted(path)} in the zip unpacks from {info.compress_size:,} to {info.file_size:,} bytes, more than "
            f"{limits.ratio} times its size: a compression bomb. Leave it out. {REPACK}"
        )


def check_collisions(members: list[Member], folders: Iterable[str] = ()) -> None:
    """Raise BadZip if two members get the same name on any system, or a file that of a folder."""
    files: dict[str, str] = {}
    for member in members:
        key = _on_any_system(member.path)
        if key in files:
            how = "" if files[key] == member.path else f" (the other is {quoted(files[key])})"
            raise BadZip(f"The zip holds {quoted(member.path)} twice{how}. Which one counts is not clear. {REPACK}")
        files[key] = member.path
    parents = {_on_any_system(folder) for folder in folders}
    for key in files:
        parents.update(itertools.accumulate(key.split("/")[:-1], "{}/{}".format))
    for key in parents & files.keys():
        raise BadZip(f"{quoted(files[key])} in the zip is both a file and a folder. {REPACK}")


def _on_any_system(path: str) -> str:
    """Normalise a path as a system does that ignores capitals, Unicode's variants, and dots and spaces at the end."""
    return "/".join(unicodedata.normalize("NFKC", part).casefold().rstrip(". ") for part in path.split("/"))


def _check_overlaps(infos: list[zipfile.ZipInfo], end: int) -> None:
    """Raise BadZip where a byte belongs to two members: that is how a small zip unpacks to petabytes."""
    infos = sorted(infos, key=lambda info: info.header_offset)
    starts = [info.header_offset for info in infos]
    for info, following in zip(infos, [*starts[1:], end], strict=True):
        packed = HEADER + len(info.orig_filename) + info.compress_size  # at the least
        if info.header_offset < 0 or info.header_offset + packed > following:
            raise BadZip(f"{quoted(info.orig_filename)} in the zip shares its bytes with another file. {REPACK}")
