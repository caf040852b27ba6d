"""Canvas, an assignment's "Download submissions".

Its content_zipper.rb names each file `lovelaceada_LATE_12345_67890_name.zip`: the sortable name in small letters
without what is no letter, LATE where it came after the due date, the ids of user and attachment, and the student's own
name of the file; under anonymous marking `anon_8Fh3k_67890_name.zip`, with LATE in front of it. A text or an address
that was handed in in place of files is `…_12345_text.html` or `…_link.html`. The system reads the ids off the names
when marked files are uploaded again.
"""

import re
from pathlib import Path

from grading.intake.sources.upload import Upload

SYSTEM = "canvas"
_STUDENT = (
    r"(?:(?P<late_first>LATE_)?anon_(?P<late_after>LATE_)?(?P<anonymous>[A-Za-z0-9]+)"
    r"|(?P<name>[^\s\d_.'()-][^\s_.'()-]*)_(?P<late>LATE_)?(?P<user>\d+))"
)
_FILE = re.compile(rf"{_STUDENT}_(?P<attachment>\d+)_(?P<file>.+)", re.DOTALL)
_TYPED = re.compile(rf"{_STUDENT}_(?:text|link)\.html")


def read(path: Path) -> Upload | None:
    """Read the name of a file."""
    match = _FILE.fullmatch(path.name) or _TYPED.fullmatch(path.name)
    if not match or (match["name"] and match["name"] != match["name"].lower()):
        return None
    fields = match.groupdict()
    code = fields["anonymous"]
    key = fields["user"] or (f"anon_{code}" if code.isdecimal() else code)  # such a code is no user's number
    return Upload(
        SYSTEM,
        key,
        key,
        fields["name"] or "",
        joined_name=True,
        file=fields.get("file") or "",
        is_late=any(fields[group] for group in ("late", "late_first", "late_after")),
        is_text="file" not in fields,
    )
