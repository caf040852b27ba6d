"""Blackboard, the gradebook's "Assignment File Download".

Each file is `Assignment_login_attempt_2026-11-03-14-22-10_name.zip`, of which the student writes the last part, and
beside the files of an attempt is a `.txt` of the same beginning, with the student's name and login in its first line,
in whichever language. The time is the server's.
"""

import re
from datetime import datetime
from pathlib import Path

from grading.intake.sources.upload import Upload

SYSTEM = "blackboard"
_NAME = re.compile(
    r"(?P<start>(?P<assignment>.*?)_(?P<login>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5}))(?:_(?P<file>.+)|(?P<note>\.txt))",
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
    note = path if match["note"] else path.with_name(f"{match['start']}.txt")
    full_name, login = _student(note, match["assignment"], match["login"])
    return Upload(
        SYSTEM,
        login,
        login,
        # Without a note nobody knows where the assignment ends and a login with "_" in it begins.
        context="" if full_name else match["assignment"],
        full_name=full_name,
        login=login,
        file=match["file"] or "",
        attempt=match["time"],
        submitted=time,
        is_text=bool(match["note"]),
        is_note=bool(match["note"]),
    )


def _student(note: Path, assignment: str, login: str) -> tuple[str, str]:
    """Return name and login by the first line of the note, `Name: Ada Lovelace (a_lovelace)`; "" and `login` without.

    `login` is the last part of it that has no `_`.
    """
    try:
        with open(note, "rb") as file:
            first = file.read(_NOTE_BYTES).decode("utf-8-sig", errors="replace").partition("\n")[0]
    except OSError:
        return "", login
    match = re.fullmatch(r"[^:]+:\s*(?P<name>.+?)\s*\((?P<login>[^()]+)\)\s*", first)
    if match and f"_{assignment}_{login}".endswith(f"_{match['login']}"):
        return match["name"], match["login"]
    return "", login
