"""Which submissions are one student's, which of them counts, and what an instructor should know about the others.

What a zip says of itself, its name or its manifest, is the student's claim. So a submission supersedes only those of
the same uploader, or, where no system tells who uploaded what, those under the same id and name. Who is in the roster
is one student, wherever it came from.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import timedelta
from itertools import combinations

from grading.intake.submission import Submission, TimeSource
from labkit.submission.names import number_of, same_person
from labkit.submission.packing import MANIFEST
from labkit.text import quoted

AT_ONCE = timedelta(seconds=30)  # in which a download writes one student's files: their times tell no order


def settle(submissions: list[Submission], grace: timedelta) -> None:
    """Note for each submission whether another one counts instead, and add remarks on whose it is."""
    people = _people(submissions)
    by_person = _grouped((people[submission.stem], submission) for submission in submissions)
    for attempts in by_person.values():
        _pick(attempts, grace)
        _remark_on_ids(attempts)
        _remark_on_names(attempts)
    _remark_on_shared_ids(submissions, people)
    _remark_on_copies(submissions, people)
    _remark_on_named(submissions, people)


def _people(submissions: list[Submission]) -> dict[str, Hashable]:
    """Return by stem what identifies a student; a submission of an unknown student is a student of its own."""
    by_number = _grouped((number_of(one.id), one) for one in submissions if one.id and not one.key and not one.is_known)
    of_one_student = {number for number, claimants in by_number.items() if _may_be_one(claimants)}
    return {submission.stem: _person(submission, of_one_student) for submission in submissions}


def _person(submission: Submission, of_one_student: set[Hashable]) -> Hashable:
    if submission.set_aside and not submission.key:
        return submission.stem
    if submission.is_known:
        return "known", number_of(submission.id)
    if submission.key:
        return submission.system, submission.key
    if not submission.id:
        return submission.stem
    number = number_of(submission.id)
    return (number, ()) if number in of_one_student else (number, submission.words)


def _may_be_one(claimants: list[Submission]) -> bool:
    """Tell whether all names under one id may be one person's: one has all the words of the other."""
    names = {" ".join(claimant.words) for claimant in claimants}
    return all(same_person(one, other) for one, other in combinations(names, 2))


def _grouped(items: Iterable[tuple[Hashable, Submission]]) -> dict[Hashable, list[Submission]]:
    groups: dict[Hashable, list[Submission]] = defaultdict(list)
    for key, submission in items:
        groups[key].append(submission)
    return groups


def _pick(attempts: list[Submission], grace: timedelta) -> None:
    """Mark all but one of a student's submissions as superseded: valid goes before not, in time before late."""
    times = [attempt.submitted for attempt in attempts]
    by_name = max(times) - min(times) <= AT_ONCE and all(
        attempt.time_source == TimeSource.DOWNLOAD or attempt.submitted == times[0] for attempt in attempts
    )

    def standing(attempt: Submission) -> tuple[bool, bool]:
        return attempt.problem is None, attempt.late <= grace

    def later(attempt: Submission) -> tuple:
        return (*standing(attempt), attempt.copy if by_name else 0, attempt.submitted, attempt.copy)

    counts = max(attempts, key=later)
    # The same zip sent again counts from the first time.
    same = [a for a in attempts if a.sha256 == counts.sha256 and standing(a) == standing(counts)]
    counts = min(same, key=lambda attempt: (attempt.submitted, attempt.copy))
    if by_name and len({attempt.sha256 for attempt in attempts if attempt.sound}) > 1:
        for attempt in attempts:
            attempt.doubt(
                f"which of {len(attempts)} submissions is the last is not told by their times: by their names it is "
                f"{quoted(counts.zip.name)}"
            )
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


def _remark_on_names(attempts: list[Submission]) -> None:
    """Remark on a student whose zips have more or fewer names: the words of one are among those of the other."""
    if len({attempt.words for attempt in attempts}) > 1 and not any(attempt.key for attempt in attempts):
        names = sorted({f"{attempt.name} {attempt.surname}" for attempt in attempts})
        for attempt in attempts:
            attempt.doubt(
                f"under the id {attempt.id} are the names {' and '.join(map(quoted, names))}: they were taken for one "
                "student's"
            )


def _remark_on_shared_ids(submissions: list[Submission], people: dict[str, Hashable]) -> None:
    """Remark on several students under one id, one of whom may not be its owner."""
    claims = [(number_of(submission.claimed_id), submission) for submission in submissions if submission.claimed_id]
    for claimants in _grouped(claims).values():
        if len({people[claimant.stem] for claimant in claimants}) > 1:
            names = {claimant.words for claimant in claimants}
            how = "under another name" if len(names) > 1 else "from another uploader"
            for claimant in claimants:
                if not claimant.set_aside:
                    claimant.doubt(f"the id {claimant.claimed_id} came in {how} too; each is graded")


def _remark_on_copies(submissions: list[Submission], people: dict[str, Hashable]) -> None:
    """Remark on the same bytes from several students, whoever had them first."""
    sound = [(submission.sha256, submission) for submission in submissions if submission.sound]
    for copies in _grouped(sound).values():
        if len({people[copy.stem] for copy in copies}) > 1:
            for copy in copies:
                copy.doubt("the same zip, byte for byte, came in from somebody else too")


def _remark_on_named(submissions: list[Submission], people: dict[str, Hashable]) -> None:
    """Remark on students who are named in the manifest of another student's zip."""
    claiming = _grouped((number_of(one.claimed_id), one) for one in submissions if one.claimed_id)
    for packed in submissions:
        if not (packed.manifest and packed.manifest.id):
            continue
        for named in claiming.get(number_of(packed.manifest.id), []):
            if people[named.stem] != people[packed.stem]:
                remark = f"{MANIFEST} in the zip of somebody else says that {quoted(packed.manifest.id)} packed that"
                if remark not in named.remarks:
                    named.doubt(remark)
