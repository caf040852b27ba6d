"""What the name of a member of a zip says, whichever program wrote it, and in whichever code page."""

import contextlib
import struct
import unicodedata
import zipfile
import zlib

_UTF8 = 0x800  # flag bit: the name is in UTF-8
_UNICODE_PATH = 0x7075  # extra field: the name in UTF-8, with the checksum of the one it stands for (APPNOTE 4.6.9)


def decoded_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name: its Unicode Path, or UTF-8 where it is that, or by the code page that makes words of it.

    Not `filename`, which is cut at a NUL, and which newer versions of Python take from another field.
    """
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    try:
        raw = name.encode("cp437")  # how zipfile has decoded it
    except UnicodeError:
        return name
    if path := _unicode_path(info.extra, raw):
        return path
    with contextlib.suppress(UnicodeError):  # many programs write UTF-8 without saying so
        return raw.decode()
    if _is_chinese(raw):
        return raw.decode("gb2312")
    western = raw.decode("cp850")
    return western if _letters(western) > _letters(name) else name


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """Return the name in a Unicode Path field, "" without one, or where it stands for another name."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        body = extra[at + 4 : at + 4 + size]
        is_path = kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1
        if is_path and struct.unpack_from("<I", body, 1)[0] == zlib.crc32(raw):
            with contextlib.suppress(UnicodeError):
                return body[5:].decode()
        at += 4 + size
    return ""


def _is_chinese(raw: bytes) -> bool:
    """Tell whether a name is in GBK: all its bytes beyond ASCII are pairs of the common characters.

    Both bytes of those are beyond ASCII, while an accented letter of a Western code page mostly stands among others.
    """
    try:
        text = raw.decode("gb2312")
    except UnicodeError:
        return False
    return all(char.isascii() or unicodedata.name(char, "").startswith("CJK UNIFIED") for char in text)


def _letters(text: str) -> int:
    return sum(unicodedata.category(char).startswith("L") and not "\u0370" <= char <= "\u03ff" for char in text)
