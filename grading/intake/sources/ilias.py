"""ILIAS, an exercise's "Download all submissions", which multiple feedback goes back to.

Each student has a folder `Lovelace_Ada_alovelace_4711`: surname, name, login, and the number of the user. Within, each
file is `20261103142210_name.zip`: the time of the server in 14 digits, and the student's own name.
"""

import re
from datetime import datetime
from pathlib import Path

from grading.intake.sources.upload import Upload

SYSTEM = "ilias"
_FOLDER = re.compile(r"(?P<surname>[^_]+)_(?P<name>[^_]+)_(?P<login>.+)_(?P<number>\d+)")
_FILE = re.compile(r"(?P<time>\d{14})_(?P<file>.+)", re.DOTALL)


def read(path: Path) -> Upload | None:
    """Read the name of a folder with files as the system names them."""
    match = _FOLDER.fullmatch(path.name)
    if not match or path.is_symlink() or not path.is_dir():
        return None
    try:
        times = [time for file in path.rglob("*") if (time := time_of(file.name))]
    except OSError:
        return None
    if not times:
        return None
    return Upload(
        SYSTEM,
        match["login"],
        match["login"],
        f"{match['name']} {match['surname']}",
        login=match["login"],
        submitted=max(times),
    )


def time_of(file_name: str) -> datetime | None:
    """Return the time at which a file came in, by its name; None where that has none."""
    match = _FILE.fullmatch(file_name)
    try:
        return datetime.strptime(match["time"], "%Y%m%d%H%M%S").astimezone() if match else None
    except ValueError:
        return None


def own_name(file_name: str) -> str:
    """Return the student's own name of a file."""
    match = _FILE.fullmatch(file_name)
    return match["file"] if match else file_name
