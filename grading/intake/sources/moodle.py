"""Moodle, an assignment's "Download all submissions".

Its mod/assign names each folder, or each file where folders are switched off, `Full
Name_1234567_assignsubmission_file`, with a `_` at its end in many versions; the number is the participant's, which the
worksheet for offline grading has, too. Under blind marking the name is a word for "participant", in the site's
language. What was typed in the page is `…_assignsubmission_onlinetext/onlinetext.html`. All files have the time of the
download.
"""

import re
from pathlib import Path

from grading.intake.sources.upload import Upload

SYSTEM = "moodle"
_PREFIX = r"(?P<full_name>.+?)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z]+)"
_FOLDER = re.compile(_PREFIX.replace(".+?", ".+") + "_*")
_FILE = re.compile(rf"{_PREFIX}_+(?P<file>.+)", re.DOTALL)
# "Participant" where marking is blind, as Moodle's language packs have it.
_NOBODY = {
    "participant",
    "teilnehmer",
    "teilnehmer/in",
    "teilnehmer_in",
    "teilnehmerin",
    "partecipante",
    "participante",
}
_NOBODY |= {"deelnemer", "uczestnik", "deltagare", "deltager", "deltaker", "osallistuja", "resztvevo", "ucastnik"}


def read(path: Path) -> Upload | None:
    """Read the name of a folder, or of a file."""
    # A file's name ends with the student's own, which may look like a folder's.
    patterns = (_FILE, _FOLDER) if path.is_file() else (_FOLDER, _FILE)
    match = next((match for pattern in patterns if (match := pattern.fullmatch(path.name))), None)
    if not match:
        return None
    key, name = match["number"], match["full_name"]
    return Upload(
        SYSTEM,
        key,
        f"participant {key}",
        "" if name.lower() in _NOBODY else name,
        file=match.groupdict().get("file") or "",
        is_text=match["plugin"] != "file",
    )
