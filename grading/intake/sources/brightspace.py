"""Brightspace (D2L), an assignment's "Download" of all submissions.

Each folder, or in older versions each file, is `152711-351765 - Ada Lovelace - Nov 3, 2026 222 PM`: two numbers, the
student's name and the time, whose colon is left out. The first number is the student's. The language is the site's, so
is the order in the date.
"""

import re
from pathlib import Path

from grading.intake.moments import read_moment
from grading.intake.sources.upload import Upload

SYSTEM = "brightspace"
_NAME = re.compile(
    r"(?P<key>\d+)-(?P<second>\d+) ?- (?P<full_name>.+?) ?- (?P<date>[^-]*?\b\d{4}\b[^-]*?) (?P<time>\d{3,4})"
    r"(?P<half>\s?[AaPp]\.?[Mm]\.?)?(?: - (?P<file>.+))?",
    re.DOTALL,
)


def read(path: Path) -> Upload | None:
    """Read the name of a folder, or of a file."""
    match = _NAME.fullmatch(path.name)
    if not match:
        return None
    time = f"{match['time'][:-2]}:{match['time'][-2:]}{match['half'] or ''}"
    try:
        submitted = read_moment(f"{match['date']} {time}")
    except ValueError:
        return None
    return Upload(
        SYSTEM,
        match["key"],
        match["key"],
        match["full_name"],
        file=match["file"] or "",
        attempt=f"{match['date']} {time}",
        submitted=submitted,
        context=match["full_name"],  # should the first number be another's than the student's
    )
