"""Which submissions are one student's, which of them counts, and what an instructor should know about the others.

What a zip says of itself, its name or its manifest, is the student's claim. So a submission supersedes only those of
the same uploader, or, where no system tells who uploaded what, those under the same id and name.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import timedelta

from grading.intake.submission import Submission
from labkit.submission.names import number_of, same_number
from labkit.submission.packing import MANIFEST
from labkit.text import quoted


def settle(submissions: list[Submission], grace: timedelta) -> None:
    """Note for each submission whether another one counts instead, and add remarks on whose it is."""
    by_person = _grouped((_person(submission), submission) for submission in submissions)
    for attempts in by_person.values():
        _pick(attempts, grace)
        _remark_on_ids(attempts)
    _remark_on_shared_ids(submissions)
    _remark_on_copies(submissions)
    _remark_on_named(submissions)


def _person(submission: Submission) -> Hashable:
    """Return what identifies a student; a submission of an unknown student is a student of its own."""
    if submission.uploader:
        return submission.uploader
    return (number_of(submission.id), submission.words) if submission.id else submission.stem


def _grouped(items: Iterable[tuple[Hashable, Submission]]) -> dict[Hashable, list[Submission]]:
    groups: dict[Hashable, list[Submission]] = defaultdict(list)
    for key, submission in items:
        groups[key].append(submission)
    return groups


def _pick(attempts: list[Submission], grace: timedelta) -> None:
    """Mark all but one of a student's submissions as superseded: valid goes before not, in time before late."""

    def standing(attempt: Submission) -> tuple[bool, bool]:
        return attempt.problem is None, attempt.late <= grace

    counts = max(attempts, key=lambda attempt: (*standing(attempt), attempt.submitted))
    # The same zip sent again counts from the first time.
    same = [a for a in attempts if a.sha256 == counts.sha256 and standing(a) == standing(counts)]
    counts = min(same, key=lambda attempt: attempt.submitted)
    for attempt in attempts:
        if attempt is not counts:
            attempt.superseded_by = counts.zip.name
            if attempt.submitted > counts.submitted and standing(attempt) < standing(counts):
                why = "came after the deadline" if attempt.problem is None else "can't be graded"
                attempt.superseded_why = f"because this one {why}"


def _remark_on_ids(attempts: list[Submission]) -> None:
    """Remark on a student who has written the id in several ways."""
    ids = sorted({attempt.claimed_id for attempt in attempts} - {""})
    if len(ids) > 1:
        for attempt in attempts:
            attempt.doubt(f"one student's zips have the ids {' and '.join(ids)}: look which is right")


def _remark_on_shared_ids(submissions: list[Submission]) -> None:
    """Remark on several students under one id, one of whom may not be its owner."""
    claims = [(number_of(submission.claimed_id), submission) for submission in submissions if submission.claimed_id]
    for claimants in _grouped(claims).values():
        if len({_person(claimant) for claimant in claimants}) > 1:
            names = {claimant.words for claimant in claimants}
            how = "under another name" if len(names) > 1 else "from another uploader"
            for claimant in claimants:
                claimant.doubt(f"the id {claimant.claimed_id} came in {how} too; each is graded")


def _remark_on_copies(submissions: list[Submission]) -> None:
    """Remark on the same bytes from several students, whoever had them first."""
    sound = [(submission.sha256, submission) for submission in submissions if submission.sound]
    for copies in _grouped(sound).values():
        if len({_person(copy) for copy in copies}) > 1:
            for copy in copies:
                copy.doubt("the same zip, byte for byte, came in from somebody else too")


def _remark_on_named(submissions: list[Submission]) -> None:
    """Remark on students who are named in the manifest of another student's zip."""
    for packed in submissions:
        if not (packed.manifest and packed.manifest.id):
            continue
        for named in submissions:
            if same_number(packed.manifest.id, named.claimed_id) and _person(named) != _person(packed):
                remark = f"{MANIFEST} in the zip of somebody else says that {quoted(packed.manifest.id)} packed that"
                if remark not in named.remarks:
                    named.doubt(remark)
