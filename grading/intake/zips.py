"""Reads an untrusted zip without harm: what is in it, and a member's bytes.

`zipfile` parses; nothing that the archive says of itself is believed. What programs leave behind (litter.py) is dropped
before anything is judged. Then a zip is refused as a whole, before a byte of it is unpacked, for anything that would be
harmful in some program: a name that leaves the folder, two names that are one on another system, a member that is no
file, a compression bomb. Every reason has its own message, for the student.
"""

import contextlib
import functools
import io
import itertools
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from grading.intake.litter import is_litter
from grading.intake.zip_names import decoded_name
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
_COMMIT = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")  # the comment of a zip that git archive makes, as forges do


class BadZip(KitError):
    """A zip that is not graded; the text tells the student what was wrong and what to do."""


@dataclass(frozen=True)
class ZipLimits:
    """What a zip may take. A good one holds four files of some 100 KB together."""

    zip_bytes: int = 100 * 2**20
    listing_bytes: int = 2 * 2**20  # the names and sizes of all members, litter among them
    members: int = 2000
    total_bytes: int = 500 * 2**20  # unpacked, were everything unpacked
    ratio: int = 200  # unpacked to packed; text has some 5, and deflate ends at 1032
    ratio_from: int = 4 * 2**20  # bytes unpacked; a smaller member is no bomb, whatever its ratio
    depth: int = 12  # folders around a file
    path_chars: int = 240
    script_bytes: int = 2**20  # of a script or another text file that is kept
    report_bytes: int = 32 * 2**20
    kept_bytes: int = 64 * 2**20  # of all that is kept


LIMITS = ZipLimits()


@dataclass(frozen=True, eq=False)
class Member:
    """A file of a submission, in a zip or loose in a folder."""

    path: str  # safe and relative, "/" between folders, NFC
    size: int  # bytes
    checksum: int  # CRC-32 of the content; a claim, until the content is read
    open: Callable[[], IO[bytes]]
    modified: float | None = None  # seconds since 1970, by the zip's own local time; a claim

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    def is_same_as(self, other: "Member") -> bool:
        """Tell whether two files have one content, by size and checksum: who forges that chooses between their own."""
        return (self.size, self.checksum) == (other.size, other.checksum)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, in pieces; raise BadZip if they are damaged, or not as many as claimed."""
        left = self.size
        with refusing_damage(f"{quoted(self.path)} in the zip is damaged"):
            with self.open() as stream:
                while chunk := stream.read(CHUNK):
                    left -= len(chunk)
                    yield chunk
            if left:
                raise zipfile.BadZipFile(f"{left:,} bytes are missing")


@dataclass
class Archive:
    """What a submission holds, after every check that needs no unpacking: its files, without its folders."""

    members: list[Member]
    litter: set[str] = field(default_factory=set)  # names of files and folders that programs left behind
    remarks: list[str] = field(default_factory=list)  # what was tolerated


@contextlib.contextmanager
def open_zip(path: Path, limits: ZipLimits = LIMITS, left_out: list[str] | None = None) -> Iterator[Archive]:
    """Open and check a zip; raise BadZip, or OSError if the file cannot be read.

    With a list `left_out`, a member that would be refused is left out, with the reason in the list, and the others
    stay.
    """
    with open_zip_file(io.FileIO(path), limits, left_out) as archive:
        yield archive


@contextlib.contextmanager
def open_zip_file(
    raw: io.RawIOBase, limits: ZipLimits = LIMITS, left_out: list[str] | None = None
) -> Iterator[Archive]:
    """Open and check a zip as `open_zip` does, from an open file, which is closed afterwards."""
    with _Source(raw) as source:
        _check_format(source, limits)
        with refusing_damage("The zip's list of files is damaged"), source.at_most(limits):
            try:
                file = zipfile.ZipFile(source)
            except UnicodeDecodeError as error:
                raise BadZip(f"A file's name in the zip is not valid UTF-8. Rename it. {REPACK}") from error
        yield _checked(file, limits, left_out)


class _Source(io.BufferedReader):
    """A file from which no more than so many bytes are read while zipfile builds its list of members."""

    _left: int | None = None

    @contextlib.contextmanager
    def at_most(self, limits: ZipLimits) -> Iterator[None]:
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
def refusing_damage(what: str) -> Iterator[None]:
    """Turn whatever zipfile raises on a bad archive into BadZip."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OverflowError) as error:
        # NotImplementedError is a RuntimeError.
        reason = quoted(str(error) or "it ends too early")
        raise BadZip(f"{what} ({reason}): an upload that broke off, for one, leaves it so. {REPACK}") from error


# ------------------------------------------------------------------------------------------------------ the whole file


def _check_format(source: _Source, limits: ZipLimits) -> None:
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
        raise BadZip(f"The file is {format_of(head)}, not a zip, whatever its name says. {REPACK}")
    source.seek(-min(size, 2**16 + 22), io.SEEK_END)  # where the record of the end is, before a comment
    if b"PK\x05\x06" not in source.read():
        raise BadZip(f"The zip is truncated: its end is missing after {size:,} bytes. Send it again.")
    source.seek(0)


def format_of(head: bytes) -> str:
    """Name the format of a file by its first 512 bytes."""
    for magic, name in FORMATS:
        if head.startswith(magic):
            return name
    if head[257:].startswith(TAR_MAGIC):
        return "a tar archive"
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|!--|\?xml)", head, re.IGNORECASE):
        return "a web page (often the login page of the course)"
    return f"something else (it starts with {head[:8]!r})"


# --------------------------------------------------------------------------------------------------------- its members


def _checked(file: zipfile.ZipFile, limits: ZipLimits, left_out: list[str] | None) -> Archive:
    infos, archive = file.infolist(), Archive([])
    names = [decoded_name(info) for info in infos]
    if _separates_by_backslashes(names):
        names = [name.replace("\\", "/") for name in names]
        archive.remarks.append("the zip separates folders by backslashes, which were read as /")
    members, folders = [], set()
    for info, name in _without_litter(zip(infos, names, strict=True), archive.litter, limits):
        if is_left_out_for_a_colon(name):
            archive.remarks.append(f"left out, because its name has a colon: {quoted(name)}")
            continue
        if _COMMIT.fullmatch(file.comment) and stat.S_ISLNK(info.external_attr >> 16):
            archive.remarks.append(f"left out, because it is a link in a repository: {quoted(name)}")
            continue
        try:
            member = _member(file, info, name, limits)
        except BadZip as error:
            if left_out is None:
                raise
            left_out.append(str(error))
            continue
        if isinstance(member, Member):
            members.append(member)
        else:
            folders.add(member)
    if not members and left_out is None:
        raise BadZip(f"The zip is empty: there is no file in it. {REPACK}")
    archive.members = members if left_out is not None else checked_members(members, limits, archive.remarks, folders)
    _check_overlaps(infos, file.start_dir)
    return archive


def _member(file: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limits: ZipLimits) -> Member | str:
    """Return a member, or the path of a folder; raise BadZip for one that is harmful."""
    path = safe_path(name, limits)
    _check_kind(info, path)
    if name.endswith("/") or stat.S_ISDIR(info.external_attr >> 16):
        return path
    _check_packing(info, path, limits)
    modified = None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        modified = datetime(*info.date_time).timestamp()
    return Member(path, info.file_size, info.CRC, functools.partial(file.open, info), modified)


def _without_litter(
    named: Iterable[tuple[zipfile.ZipInfo, str]], litter: set[str], limits: ZipLimits
) -> list[tuple[zipfile.ZipInfo, str]]:
    """Return the members with their names that are not litter, whose names are added to `litter`."""
    kept = []
    for info, name in named:
        litter_parts = [part for part in name.split("/") if is_litter(part)]
        litter.update(litter_parts)
        if not litter_parts:
            kept.append((info, name))
    if len(kept) > limits.members:
        raise BadZip(f"The zip holds {len(kept):,} files, at most {limits.members:,} are accepted. {REPACK}")
    return kept


def _separates_by_backslashes(names: list[str]) -> bool:
    r"""Tell whether every separator is a backslash, and harmless: some Windows programs write `a\x.py` for `a/x.py`."""
    parts = [name.split("\\") for name in names if "\\" in name]
    harmless = all(part[0] and ".." not in part for part in parts)
    return bool(parts) and harmless and not any("/" in name for name in names)


def is_left_out_for_a_colon(name: str) -> bool:
    """Tell whether a file can be left out for a colon in its name: macOS allows one, and no script or report has it.

    Within a script's or report's name it may be a stream of Windows, or a drive.
    """
    path, _, own_name = name.rpartition("/")
    return ":" in own_name and ":" not in path and not re.search(r"\.(py|pdf)\b|^[A-Za-z]:", own_name, re.IGNORECASE)


def checked_members(
    members: list[Member], limits: ZipLimits, remarks: list[str], folders: Iterable[str] = ()
) -> list[Member]:
    """Return the members, without those that are another one over again; raise BadZip where they can't be taken."""
    total = sum(member.size for member in members)
    if total > limits.total_bytes:
        raise BadZip(f"The zip unpacks to {total:,} bytes, at most {limits.total_bytes:,} are accepted. {REPACK}")
    members = _without_respelled(members, remarks)
    check_collisions(members, folders)
    return members


def _without_respelled(members: list[Member], remarks: list[str]) -> list[Member]:
    """Return the members without those that are another one under a name that differs in spelling only."""
    kept: dict[str, Member] = {}
    dropped = set()
    for member in sorted(members, key=lambda member: member.path, reverse=True):  # small letters come first
        other = kept.setdefault(_on_any_system(member.path), member)
        if other is not member and other.path != member.path and other.is_same_as(member):
            remarks.append(f"{quoted(member.path)} is the same as {quoted(other.path)}, and was left out")
            dropped.add(id(member))
    return [member for member in members if id(member) not in dropped]


def safe_path(name: str, limits: ZipLimits) -> str:
    """Return the path of a member, relative and without "." and empty parts; raise BadZip where it would be harmful."""
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
        f"a path of more than {limits.path_chars} characters": len(name.encode(errors="replace")) > limits.path_chars,
    }
    for defect, is_defective in defects.items():
        if is_defective:
            raise BadZip(f"The file {quoted(name)} in the zip has {defect}. That is not accepted. {REPACK}")
    return "/".join(parts)


def _check_kind(info: zipfile.ZipInfo, path: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK or info.external_attr & WINDOWS_LINK:
        raise BadZip(f"{quoted(path)} in the zip is a link, not a file. Put the file itself there. {REPACK}")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadZip(f"{quoted(path)} in the zip is a device or a pipe, not a file. Leave it out. {REPACK}")


def _check_packing(info: zipfile.ZipInfo, path: str, limits: ZipLimits) -> None:
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
