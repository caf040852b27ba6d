"""Who handed in what, and when: everything in the folder of submissions, each read as far as it takes to tell.

Of several submissions of one student the last valid one counts. What is in one: `unpack`.
"""

import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tqdm import tqdm

from grading.intake.attempts import settle
from grading.intake.contents import sha256_of
from grading.intake.download import is_download
from grading.intake.folders import Arrival, find_arrivals
from grading.intake.identity import SYSTEMS, compare_ids, identify
from grading.intake.manifest import read_manifest
from grading.intake.submission import Facts, Submission, TimeSource
from grading.intake.unpacking import Unpacked, look_through, unpack
from grading.intake.zips import LIMITS, BadZip
from labkit.checks.student_ids import DIGITS
from labkit.submission.names import number_of, safe_stem, same_number
from labkit.text import quoted

__all__ = ["LIMITS", "BadZip", "Submission", "Unpacked", "collect", "sha256_of", "unpack"]

DOWNLOAD = timedelta(minutes=10)  # within which a download writes all its files
FEW = 3  # students, of whom a part can't tell a download
NOTHING = Facts()


def collect(
    submissions_dir: Path,
    deadline: datetime | None = None,
    grace: timedelta = timedelta(),
    ids: str = DIGITS,
    facts: Facts = NOTHING,
    out: Path | None = None,
) -> list[Submission]:
    """Collect everything that came in, in the order of the paths, from whichever systems.

    What is no submission is in the list, with its problem; only what programs leave behind, and systems put beside, are
    not. The times within a zip are the student's to choose, and count for nothing. Of several valid submissions of one
    student the last one in time counts, or else the last late one; see attempts.py.

    Args:
        submissions_dir: the folder.
        deadline: aware; None for none.
        grace: what arrives within this time after the deadline is late, but counts as if in time.
        ids: the pattern of a student id, a regular expression.
        facts: what the instructor knows beside: roster or worksheet, times, extensions.
        out: the folder of the grader's results, which is left out where it is among the submissions.

    Raises OSError if the folder itself cannot be read.
    """
    arrivals = find_arrivals(submissions_dir, ids, facts.people, out)
    names = Counter(arrival.path.name for arrival in arrivals)
    shared = frozenset(name for name, count in names.items() if count > 1)
    bar = tqdm(arrivals, unit="zip", desc="collecting", dynamic_ncols=True, disable=None, leave=False)
    submissions = [_read(arrival, submissions_dir, ids, facts, shared) for arrival in bar]
    compare_ids(submissions)
    _find_downloads(submissions)
    _charge(submissions, deadline, facts.extensions)
    settle(submissions, grace)
    return submissions


def _read(arrival: Arrival, folder: Path, ids: str, facts: Facts, shared: frozenset[str]) -> Submission:
    """Read an arrival as a submission; whatever is wrong with it is its `problem`."""
    stem = safe_stem(arrival.path.relative_to(folder).as_posix())
    submission = Submission(arrival.path, stem, content=arrival.content, uploaded_as=arrival.uploaded_as)
    submission.remarks += arrival.remarks
    identify(submission, arrival, ids, facts.people)
    if arrival.problem:
        submission.refuse(arrival.problem, set_aside=arrival.set_aside)
    try:
        _note_time(submission, arrival, facts, shared)
        if not arrival.problem:
            _look_into(submission)
    except FileNotFoundError:  # it was in the list of the folder a moment ago
        vanished = f"{quoted(arrival.path.name)} has vanished while the class was collected: send it again."
        submission.refuse(vanished, set_aside=True)
    except OSError as error:
        submission.refuse(f"The file cannot be read: {error.strerror}.", set_aside=True)
    return submission


def _look_into(submission: Submission) -> None:
    """Hash and check the files, and read what they say of themselves; raise OSError."""
    content = submission.content
    if content.one_file and not stat.S_ISREG(content.one_file.lstat().st_mode):
        submission.refuse(f"{quoted(submission.zip.name)} is a link or a device, not a zip.")
        return
    if content.one_file and is_download(content.one_file):
        submission.id = submission.claimed_id = ""  # a number in its name is the assignment's
        problem = f"{quoted(submission.zip.name)} is the download of a class: give it as SOURCE, or unpack it."
        submission.refuse(problem, set_aside=True)
        return
    try:
        # Nobody waits for the hash of what is refused for its size.
        if content.size <= (LIMITS.zip_bytes if content.one_file else LIMITS.total_bytes):
            submission.sha256 = content.sha256()
        look_through(content)
        submission.sound = True
        submission.manifest = read_manifest(content)
    except BadZip as error:
        submission.refuse(str(error))
    if submission.manifest:
        full_name = f"{submission.name} {submission.surname}"
        if doubt := submission.manifest.doubt(submission.claimed_id or submission.id, full_name):
            submission.doubt(doubt)
        submission.remarks += tuple(submission.manifest.remarks())


# ---------------------------------------------------------------------------------------------------------------- times


def _note_time(submission: Submission, arrival: Arrival, facts: Facts, shared: frozenset[str]) -> None:
    """Note when it came in, by the most trustworthy source; raise OSError where the files have no time.

    `shared` are names of zips that several have: --times can't tell whose it means by such a name.
    """
    upload = arrival.upload
    if upload and upload.is_late:
        submission.remarks += (
            f"{SYSTEMS[upload.system]} says that it was late, and not by how much: give --times to charge for that",
        )
    names = (
        *(("zip", name) for name in (submission.zip.name, arrival.path.as_posix()) if name not in shared),
        *(("key", submission.key), ("id", submission.id), ("login", submission.login)),
    )
    if facts.times and (time := facts.times.of(names)):
        submission.submitted, submission.time_source = time, TimeSource.TIMES
        return
    if upload and facts.people and upload.system == "moodle":
        person = facts.people.with_key(upload.key)
        if person and person.submitted:
            submission.submitted, submission.time_source = person.submitted, TimeSource.WORKSHEET
            return
    if upload and upload.submitted:
        submission.submitted, submission.time_source = upload.submitted, TimeSource.SYSTEM
        return
    files = [path for _, path in submission.content.files] or [submission.zip]
    latest = max(path.lstat().st_mtime for path in files)
    try:
        submission.submitted = datetime.fromtimestamp(latest, timezone.utc).astimezone()
    except (OSError, OverflowError, ValueError):
        submission.remarks += ("the file's time is none of any calendar, and says nothing about when it came in",)
    if arrival.is_repository:
        submission.time_source = TimeSource.DOWNLOAD
        submission.remarks += (
            "the time of a commit is the committer's own word, and counts for nothing: give --times",
        )
    elif upload and upload.system in ("moodle", "canvas"):  # whose downloads have the time of the download
        submission.time_source = TimeSource.DOWNLOAD


def _find_downloads(submissions: Sequence[Submission]) -> None:
    """Take the files' times for those of a download where those of all, or most, students lie within minutes.

    A single one says nothing by itself; but where another source tells when the others came in, it is no better.
    """
    others_are_known = any(one.time_source not in (TimeSource.FILE, TimeSource.DOWNLOAD) for one in submissions)
    by_file = sorted(
        (one for one in submissions if one.time_source == TimeSource.FILE and not one.set_aside),
        key=lambda one: one.submitted,
    )
    first, start, end = 0, 0, 0
    for last, one in enumerate(by_file):
        while one.submitted - by_file[first].submitted > DOWNLOAD:
            first += 1
        if last + 1 - first > end - start:
            start, end = first, last + 1
    largest = by_file[start:end]
    students, everybody = len({one.id or one.stem for one in largest}), len({one.id or one.stem for one in by_file})
    is_all = students == everybody and (students > 1 or others_are_known)
    if is_all or (students >= FEW and 2 * students > everybody):
        for one in largest:
            one.time_source = TimeSource.DOWNLOAD


def _charge(submissions: Iterable[Submission], deadline: datetime | None, extensions: Mapping[str, datetime]) -> None:
    """Note how late each is, by the deadline that is the student's own."""
    by_number = {number_of(student_id): moment for student_id, moment in extensions.items()}
    for submission in submissions:
        own = by_number.get(number_of(submission.id)) if submission.id else None
        limit = own or deadline
        if limit is None or submission.submitted <= limit or submission.set_aside:
            continue
        if submission.time_source == TimeSource.DOWNLOAD:
            submission.remarks += (
                "when it came in is not known: the files have the time of a download, so lateness costs nothing",
            )
            continue
        submission.late = submission.submitted - limit
        until = f"the deadline, which is {own:%Y-%m-%d %H:%M} for this student" if own else "the deadline"
        submission.remarks += (f"handed in {_duration(submission.late)} after {until}",)


def without_effect(submissions: Iterable[Submission], facts: Facts, deadline: datetime | None) -> list[str]:
    """Tell which extensions and times are of nobody here, or move nothing, a line each kind."""
    if facts.extensions and not deadline:
        return ["[extensions] moves nothing, because the assignment has no deadline"]
    ids = {submission.id for submission in submissions if submission.id}
    unknown = [one for one in facts.extensions if not any(same_number(one, student_id) for student_id in ids)]
    lines = [f"[extensions] has students who handed in nothing: {', '.join(map(quoted, unknown))}"] if unknown else []
    unused = facts.times.without_effect() if facts.times else []
    if facts.times and unused:
        more = f" and {len(unused) - 5} more" if len(unused) > 5 else ""
        lines.append(f"{facts.times.path} has times of nobody here: {', '.join(map(quoted, unused[:5]))}{more}")
    return lines


def _duration(time: timedelta) -> str:
    minutes = -(-time // timedelta(minutes=1))  # rounded up: a second late is late
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    return " ".join(f"{number:,} {unit}" for number, unit in parts if number)
