"""In which encoding a table came back from whatever program saved it."""

import codecs

SPREADSHEET = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, as xlsx and ods are; the older xls


def encoding_of(content: bytes) -> str:
    """Detect the encoding: UTF-8, with or without a mark, UTF-16 as Excel's "Unicode text", or Windows' 1252.

    Raises ValueError, which says what the file is and what to do, for any other.
    """
    if content.startswith(SPREADSHEET):
        raise ValueError("is a spreadsheet program's own file; save it as CSV, under the same name")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in ("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise ValueError("is in an unknown encoding; save it as CSV in UTF-8")


_MARKS = {"utf-8-sig": (codecs.BOM_UTF8, "utf-8"), "utf-16": (codecs.BOM_UTF16_LE, "utf-16-le")}


def decoded(content: bytes) -> tuple[bytes, str, str]:
    """Return a table's byte order mark, encoding, and text without the mark; raise ValueError as encoding_of does."""
    detected = encoding_of(content)
    mark, encoding = _MARKS.get(detected, (b"", detected))
    if content.startswith(codecs.BOM_UTF16_BE):
        mark, encoding = codecs.BOM_UTF16_BE, "utf-16-be"
    try:
        return mark, encoding, content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"begins as UTF-16, and is damaged at byte {len(mark) + error.start}; save it anew") from error
