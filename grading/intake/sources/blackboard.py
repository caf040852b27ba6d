"""Blackboard, the gradebook's "Assignment File Download".

Each file is `Assignment_login_attempt_2026-11-03-14-22-10_name.zip`, and beside the files of an attempt is a `.txt` of
the same beginning, with the student's name and login in its first line, in whichever language. The time is the
server's.
"""

import re
from datetime import datetime
from pathlib import Path

from grading.intake.sources.upload import Upload

SYSTEM = "blackboard"
_NAME = re.compile(
    r"(?P<start>.*?_(?P<login>[^_]+(?:_[^_]+)*?)_attempt_(?P<time>\d{4}(?:-\d\d){5}))(?:_(?P<file>.+)|(?P<note>\.txt))",
    re.DOTALL,
)
_NOTE_BYTES = 2**16  # that are read of a note


def read(path: Path) -> Upload | None:
    """Read the name of a file."""
    match = _NAME.fullmatch(path.name)
    if not match:
        return None
    try:
        time = datetime.strptime(match["time"], "%Y-%m-%d-%H-%M-%S").astimezone()
    except ValueError:
        return None
    login = match["login"].rpartition("_")[2]
    note = path if match["note"] else path.with_name(f"{match['start']}.txt")
    return Upload(
        SYSTEM,
        login,
        login,
        _full_name(note, login),
        login=login,
        file=match["file"] or "",
        attempt=match["time"],
        submitted=time,
        is_text=bool(match["note"]),
        is_note=bool(match["note"]),
    )


def _full_name(note: Path, login: str) -> str:
    """Return the student's name by the first line of the note, `Name: Ada Lovelace (alovelace)`; "" without one."""
    try:
        with open(note, "rb") as file:
            first = file.read(_NOTE_BYTES).decode("utf-8-sig", errors="replace").partition("\n")[0]
    except OSError:
        return ""
    match = re.fullmatch(rf"[^:]+:\s*(?P<name>.+?)\s*\({re.escape(login)}\)\s*", first)
    return match["name"] if match else ""
