"""Who handed in what, and when: every file in the folder of submissions, each read as far as it takes to tell.

Of several submissions of one student the last valid one counts. What is in a zip: `unpack`.
"""

import contextlib
import hashlib
import re
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from grading.intake.attempts import settle
from grading.intake.manifest import read_manifest
from grading.intake.submission import Submission
from grading.intake.unpacking import Unpacked, check_zip, unpack
from grading.intake.zips import LIMITS, BadZip, Limits
from labkit.checks.student_ids import DIGITS
from labkit.submission.names import (
    BadName,
    ZipName,
    is_moodle_folder,
    parse_zip_name,
    safe_stem,
    same_person,
    uploader_of,
)
from labkit.text import quoted

__all__ = ["LIMITS", "BadZip", "Limits", "Submission", "Unpacked", "collect", "sha256_of", "unpack"]

LITTER = {".ds_store", "thumbs.db", "desktop.ini"}  # what a file manager leaves in a folder, in lower case
# Files beside the submissions that nobody handed in, though some have a number or a student's file name in theirs: the
# worksheet of Moodle, whose number is the assignment's; locks of office programs; where Windows notes a file's origin.
SIDE_FILE = re.compile(r"[^\W\d_]+-.+-\d+( \(\d+\))?\.csv|~\$.+|\.~lock\..+#|.+:zone\.identifier", re.IGNORECASE)
APPLE_DOUBLE = b"\x00\x05\x16\x07"  # begins the "._" companion that macOS writes beside a file
NO_TIME = datetime.fromtimestamp(0, timezone.utc)  # of a file without a usable one: any other goes before it
MOODLE = "_assignsubmission_"  # in the name of each folder of a bulk download


def collect(
    submissions_dir: Path, deadline: datetime | None = None, grace: timedelta = timedelta(), ids: str = DIGITS
) -> list[Submission]:
    """Collect every file in a folder of submissions, in the order of their names; those of Moodle's folders too.

    What is no zip is in the list, with its problem; only what programs leave behind, and Moodle's worksheet, are not. A
    submission's time is the file's time of modification: the times within a zip are the student's to choose. Keep it
    when you copy (cp -p).

    Of several valid submissions of one student the last one in time counts, or else the last late one; see attempts.py.

    Args:
        submissions_dir: the folder.
        deadline: aware; None for none.
        grace: what arrives within this time after the deadline is late, but counts as if in time.
        ids: the pattern of a student id, a regular expression.

    Raises OSError if the folder itself cannot be read.
    """
    submissions = [_read(path, submissions_dir, deadline, ids) for path in _files(submissions_dir)]
    settle(submissions, grace)
    return submissions


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder.

    A folder in it that holds zips, as Moodle makes for each student, is replaced by its entries.
    """
    for path in sorted(folder.iterdir()):
        inside = []
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # it may not be read: then it is an entry itself
                inside = sorted(path.iterdir())
        if any(entry.suffix.lower() == ".zip" for entry in inside):
            yield from (entry for entry in inside if not _is_litter(entry))
        elif not _is_litter(path):
            yield path


def _is_litter(path: Path) -> bool:
    if path.name.startswith("._") and path.is_file():
        with contextlib.suppress(OSError), open(path, "rb") as file:
            return file.read(4) == APPLE_DOUBLE
    return path.name.lower() in LITTER or path.name == "__MACOSX" or bool(SIDE_FILE.fullmatch(path.name))


def _read(path: Path, folder: Path, deadline: datetime | None, ids: str) -> Submission:
    """Read a file as a submission; whatever is wrong with it is its `problem`."""
    submission = Submission(path, safe_stem(path.relative_to(folder).as_posix()), NO_TIME)
    try:
        submission.submitted = datetime.fromtimestamp(path.lstat().st_mtime, timezone.utc).astimezone()
    except FileNotFoundError:  # it was in the list of the folder a moment ago
        submission.problem = f"{quoted(path.name)} has vanished while the class was collected: send it again."
        return submission
    except (OSError, OverflowError, ValueError):
        submission.remarks += ("the file's time is none of any calendar, and says nothing about when it came in",)
    if deadline and submission.submitted > deadline:
        submission.late = submission.submitted - deadline
        submission.remarks += (f"handed in {_duration(submission.late)} after the deadline",)
    problems = []
    try:
        _identify(submission, path, ids)
    except BadName as error:
        problems.append(_sentence(str(error)))
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            kind = "a folder" if path.is_dir() else "a link or a device"
            raise BadZip(f"{quoted(path.name)} is {kind}, not a zip.")
        submission.sha256 = sha256_of(path)
        check_zip(path)
        submission.sound = True
        submission.manifest = read_manifest(path)
    except BadZip as error:
        problems.append(str(error))
    except OSError as error:
        problems.append(f"The file cannot be read: {error.strerror}.")
    if submission.manifest:
        full_name = f"{submission.name} {submission.surname}"
        if doubt := submission.manifest.doubt(submission.claimed_id, full_name):
            submission.doubt(doubt)
        submission.remarks += tuple(submission.manifest.remarks())
    submission.problem = " ".join(problems) or None
    return submission


def _identify(submission: Submission, path: Path, ids: str) -> None:
    """Note whose a submission is; raise BadName where its name does not tell."""
    uploader = uploader_of(path.parent.name, path.name)
    if uploader:
        submission.uploader = submission.id = uploader.key
        submission.name, submission.surname = uploader.name, uploader.surname
    if is_moodle_folder(path.name):  # it holds no zip; the number in it is Moodle's, and nobody's id
        return
    parsed = _parse(path, ids)
    submission.claimed_id = submission.id = parsed.id
    submission.name, submission.surname = parsed.name, parsed.surname
    submission.remarks += parsed.remarks
    if uploader and uploader.full_name and not same_person(f"{parsed.name} {parsed.surname}", uploader.full_name):
        submission.id, submission.name, submission.surname = uploader.key, uploader.name, uploader.surname
        claim = quoted(f"{parsed.id} {parsed.name} {parsed.surname}")
        submission.doubt(
            f"the zip's name says {claim}, but Moodle has it from {quoted(uploader.full_name)}, {uploader.key}: it is "
            "graded as the uploader's, whose id is not known"
        )


def _parse(path: Path, ids: str) -> ZipName:
    """Parse a file's name, with the help of its folder's where that is Moodle's and has the student's name."""
    try:
        return parse_zip_name(path.name, ids)
    except BadName:
        if MOODLE not in path.parent.name:
            raise
        return parse_zip_name(f"{path.parent.name.rstrip('_')}_{path.name}", ids)


def _duration(time: timedelta) -> str:
    minutes = -(-time // timedelta(minutes=1))  # rounded up: a second late is late
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number:,} {unit}" for number, unit in parts if number)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
