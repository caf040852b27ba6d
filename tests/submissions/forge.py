"""Makes zips that no packing program would: members of any kind under any name, and headers that lie."""

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

from tests.submissions import STAMP, Files, make_zip

Build = Callable[[Files], bytes]

# Of a local header and of an entry of the list: where a field is, and its format.
LOCAL = {"flags": (6, "<H"), "method": (8, "<H"), "crc": (14, "<I"), "packed": (18, "<I"), "size": (22, "<I")}
LISTED = {
    "flags": (8, "<H"),
    "method": (10, "<H"),
    "crc": (16, "<I"),
    "packed": (20, "<I"),
    "size": (24, "<I"),
    "attributes": (38, "<I"),
    "offset": (42, "<I"),
}


def member(path: str, content: bytes = b"", mode: int = 0, attributes: int | None = None) -> Build:
    """Add a member of any name and kind: `mode` as in stat, or all of the `attributes`."""

    def build(files: Files) -> bytes:
        buffer = io.BytesIO(make_zip(files))
        with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a name that is there twice
            info = zipfile.ZipInfo("placeholder", STAMP)
            info.filename = path  # the constructor would tidy it up
            info.external_attr = mode << 16 if attributes is None else attributes
            archive.writestr(info, content)
        return buffer.getvalue()

    return build


def edited(path: str, *, only_listed: bool = False, **fields: int) -> Build:
    """Set fields of a member's headers, both the local one and that in the list, whatever is true."""
    return lambda files: edit(make_zip(files), path, only_listed=only_listed, **fields)


def edit(data: bytes, path: str, *, only_listed: bool = False, **fields: int) -> bytes:
    """Set fields as `edited` does, in the bytes of a zip."""
    forged = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        local, entry = archive.getinfo(path).header_offset, archive.start_dir
    while data[entry + 46 :][: sum(struct.unpack_from("<H", data, entry + 28))] != path.encode():
        entry += 46 + sum(struct.unpack_from("<HHH", data, entry + 28))  # its name, extra field and comment
    for field, value in fields.items():
        position, form = LISTED[field]
        struct.pack_into(form, forged, entry + position, value)
        if field in LOCAL and not only_listed:
            position, form = LOCAL[field]
            struct.pack_into(form, forged, local + position, value)
    return bytes(forged)


def renamed(path: str, raw: bytes, to: bytes) -> Build:
    """Add a member and then replace `raw` in its name by as many other bytes, wherever it occurs."""
    return lambda files: make_zip({**files, path: b""}).replace(raw, to)


def streamed(files: Files) -> bytes:
    """Make a zip as it is written to a pipe: sizes and checksums stand behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, STAMP), content)
    return pipe.data


def with_zip64(files: Files) -> bytes:
    """Make a zip with the fields for huge files, which some programs always write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            with archive.open(zipfile.ZipInfo(path, STAMP), "w", force_zip64=True) as stream:
                stream.write(content)
    return buffer.getvalue()


def with_folders(files: Files) -> bytes:
    """Make a zip with an entry of its own for each folder, as most programs do."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in ({"lab/": b"", "lab/code/": b""} | {f"lab/code/{p}": c for p, c in files.items()}).items():
            info = zipfile.ZipInfo(path, STAMP)
            info.external_attr = 0o40755 << 16 | 0x10 if path.endswith("/") else 0o100644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def overlapping(files: Files, members: int = 200, size: int = 2**20) -> bytes:
    """Make a bomb of many members that share one compressed kernel (Fifield, "A better zip bomb", 2019)."""
    compressor = zlib.compressobj(9, wbits=-15)
    zeros = bytes(size)
    kernel = compressor.compress(zeros) + compressor.flush()
    data, listing = make_zip(files), b""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
        listing = data[start:-22]
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 33, zlib.crc32(zeros), len(kernel), size, 4, 0)
    entry = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        0x02014B50,
        20,
        20,
        0,
        8,
        0,
        33,
        zlib.crc32(zeros),
        len(kernel),
        size,
        4,
        0,
        0,
        0,
        0,
        0,
        start,
    )
    listing += b"".join(entry + b"%04d" % n for n in range(members))
    body = data[:start] + local + b"0000" + kernel
    count = len(files) + members
    return body + listing + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(listing), len(body), 0)
