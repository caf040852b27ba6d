"""Whose a submission is: by roster or worksheet before the system's naming, and that before the zip's own name.

A zip's name is the student's claim. It gives id and name where nothing contradicts it; where something does, the row is
the uploader's, under the system's own key. What is no more than likely is a remark.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from grading.intake.folders import Arrival
from grading.intake.people import People, Person, is_joined_name
from grading.intake.sources.upload import Upload
from grading.intake.submission import Submission
from labkit.submission.names import BadName, ZipName, ascii_words, number_of, parse_zip_name, same_number, same_person
from labkit.text import quoted

SYSTEMS = {
    "moodle": "Moodle",
    "canvas": "Canvas",
    "blackboard": "Blackboard",
    "brightspace": "Brightspace",
    "ilias": "ILIAS",
}
MOST = 0.8  # of a class have ids of one length, where another length is remarked
FEW = 5  # students, of whom nothing can be said


def identify(submission: Submission, arrival: Arrival, ids: str, people: People | None) -> None:
    """Note whose a submission is, with a problem where nobody tells."""
    claim, refusal = _claim(arrival.names, ids)
    if claim:
        submission.claimed_id = claim.id
        submission.remarks += claim.remarks
    if arrival.upload:
        _by_upload(submission, arrival.upload, claim, people)
    elif people:
        _by_people(submission, arrival, claim, refusal, people)
    elif claim:
        _take(submission, claim.id, claim.name, claim.surname)
    elif not arrival.set_aside:
        by_roster = "" if arrival.content.one_file else " With --roster, folders are found by login and name, too."
        submission.refuse(f"{refusal}{by_roster}")


def _claim(names: Iterable[str], ids: str) -> tuple[ZipName | None, str]:
    """Return what the first name tells that tells a student, and why the first of all does not."""
    refusal = ""
    for name in names:
        try:
            return parse_zip_name(name, ids), ""
        except BadName as error:
            refusal = refusal or f"{str(error)[0].upper()}{str(error)[1:]}."
    return None, refusal


def _take(submission: Submission, student_id: str, name: str, surname: str) -> None:
    submission.id, submission.name, submission.surname = student_id, name, surname


# ---------------------------------------------------------------------------------------------------------- by a system


def _by_upload(submission: Submission, upload: Upload, claim: ZipName | None, people: People | None) -> None:
    submission.system, submission.key, submission.login = upload.system, upload.key, upload.login
    name, surname = _names(upload)
    _take(submission, upload.id, name, surname)
    person = _person(submission, upload, people) if people else None
    if person:
        _take(submission, person.id or upload.id, person.name or name, person.surname or surname)
        submission.is_known = bool(person.id)
    elif people:
        namesakes = people.all_named(upload.full_name, joined=upload.joined_name)
        ids = " and ".join(quoted(one.id) for one in namesakes)
        who = f"one of the {len(namesakes)} of this name in the {people.what}, {ids}" if namesakes else ""
        submission.doubt(
            f"{SYSTEMS[upload.system]} has it from {_uploader(upload)}, {who or f'who is not in the {people.what}'}"
        )
    if claim:
        _weigh(submission, upload, claim, person, people)


def _weigh(
    submission: Submission, upload: Upload, claim: ZipName, person: Person | None, people: People | None
) -> None:
    """Take what the zip's name claims where nothing contradicts it; else remark on that."""
    if person and person.id:
        agrees = same_number(claim.id, person.id)
    elif people and people.what == "roster":
        claimed = people.with_id(claim.id)
        agrees = bool(claimed and same_person(_full(claim), claimed.full_name) and _may_be(upload, _full(claim)))
    else:
        agrees = _may_be(upload, _full(claim))
    if not agrees:
        said = quoted(f"{claim.id} {claim.name} {claim.surname}")
        known = "" if submission.is_known else ", whose id is not known"
        submission.doubt(
            f"the zip's name says {said}, but {SYSTEMS[upload.system]} has it from {_uploader(upload)}: it is graded "
            f"as the uploader's{known}"
        )
    elif not submission.is_known:
        _take(submission, claim.id, claim.name, claim.surname)
        if not upload.full_name:
            source = f"{SYSTEMS[upload.system]} tells only {upload.key}"
            submission.remarks += (f"id and name are the zip's own word: {source}",)


def _person(submission: Submission, upload: Upload, people: People) -> Person | None:
    """Find the uploader: by the system's key or a login for sure, by the only such name with a remark."""
    if person := (people.with_key(upload.key) if upload.system == "moodle" else None):
        return person
    if person := people.with_login(upload.login):
        return person
    person = people.named(upload.full_name, joined=upload.joined_name)
    if person:
        submission.is_by_name = True
        submission.remarks += (f"the {people.what} has one student by the name that {SYSTEMS[upload.system]} gives",)
    return person


def _may_be(upload: Upload, full_name: str) -> bool:
    """Tell whether the uploader may be a student of this name: so where the system tells no name."""
    if not upload.full_name:
        return True
    if upload.joined_name:
        return is_joined_name(upload.full_name, full_name)
    return same_person(full_name, upload.full_name)


def _names(upload: Upload) -> tuple[str, str]:
    """Return name and surname as in a zip's name; joined ones are a surname, because nobody knows where they part."""
    words = ascii_words(upload.full_name)
    if upload.joined_name:
        return "", "".join(words)
    return words[0] if words else "", "-".join(words[1:])


def _uploader(upload: Upload) -> str:
    return f"{quoted(upload.full_name)}, {upload.id}" if upload.full_name else upload.id


def _full(claim: ZipName) -> str:
    return f"{claim.name} {claim.surname}"


# ---------------------------------------------------------------------------------------------------------- by a roster


def _by_people(submission: Submission, arrival: Arrival, claim: ZipName | None, refusal: str, people: People) -> None:
    """Find whose a file is that no system names: it is a student of the roster, or a row of its own kind."""
    if claim:
        person = people.with_id(claim.id)
        if person and same_person(_full(claim), person.full_name):
            _know(submission, person)
            return
        _take(submission, "", claim.name, claim.surname)
        submission.refuse(_unknown(claim, person, people), set_aside=True)
        return
    for name in arrival.names:
        stem = name[:-4] if name.lower().endswith(".zip") else name
        for branch in ("-main", "-master"):
            stem = stem.removesuffix(branch)
        if person := people.of_repository(stem):
            _know(submission, person)
            if stem.lower() != person.login.lower():
                submission.before_login = stem.lower().removesuffix(person.login.lower())
            return
        if person := people.named(stem):
            _know(submission, person)
            submission.remarks += (f"the {people.what} has one student by the name {quoted(name)}",)
            return
    if not arrival.set_aside:
        submission.refuse(refusal)


def _know(submission: Submission, person: Person) -> None:
    _take(submission, person.id, person.name, person.surname)
    submission.login, submission.is_known = person.login, True


def _unknown(claim: ZipName, person: Person | None, people: People) -> str:
    if person:
        return (
            f"The {people.what} has {person.id} as {quoted(person.full_name)}, and the zip's name says "
            f"{quoted(_full(claim))}: whose it is is for you to find out; rename it, or correct the {people.what}."
        )
    return (
        f"The {people.what} has no student with the id {claim.id}, which the zip's name gives for "
        f"{quoted(_full(claim))}: rename the zip, or add the student to {people.source.name}."
    )


# ------------------------------------------------------------------------------------------------------ the class's ids


def compare_ids(submissions: list[Submission]) -> None:
    """Take back what turns out to be a guess between several uploaders, and remark on ids unlike those of others."""
    _take_back(
        (one for one in submissions if one.key and same_number(one.id, one.claimed_id) and not one.is_known),
        "several uploaders' zips have the id {id}, so that nobody knows whose it is",
    )
    _take_back(
        (one for one in submissions if one.key and one.is_by_name),
        "several uploaders have the name of the one student {id}, so that nobody knows who that is",
    )
    _doubt_other_repositories(submissions)
    _tell_keys_from_ids(submissions)
    _remark_on_unlike(submissions)


def _take_back(submissions: Iterable[Submission], why: str) -> None:
    """Have uploaders who were all taken for one student go by the system's own keys."""
    by_id: dict[str, list[Submission]] = defaultdict(list)
    for one in submissions:
        by_id[number_of(one.id)].append(one)
    for claimants in by_id.values():
        if len({(one.system, one.key) for one in claimants}) > 1:
            for one in claimants:
                one.doubt(f"{why.format(id=one.id)}: it is graded under {SYSTEMS[one.system]}'s key")
                one.id, one.is_known = _id_by_key(one), False


def _doubt_other_repositories(submissions: list[Submission]) -> None:
    """Doubt repositories whose name has something else before the login than those of the others have.

    In `mnist-lab-ann-lee` it may be the end of another login, ann-lee.
    """
    starts = Counter(one.before_login for one in submissions if one.before_login)
    usual = max(starts, key=lambda start: (starts[start], -len(start)), default="")
    for one in submissions:
        if one.before_login not in ("", usual):
            one.doubt(
                f"before the login {quoted(one.login)} its name has {quoted(one.before_login)}, and those of others "
                f"have {quoted(usual)}: look whether it is the end of another's login"
            )


def _id_by_key(submission: Submission) -> str:
    return f"participant {submission.key}" if submission.system == "moodle" else submission.key


def _tell_keys_from_ids(submissions: list[Submission]) -> None:
    """Tell a system's key that stands for an id from the id of somebody else that is the same number."""
    ids = {number_of(one.id) for one in submissions if one.id and (not one.key or one.id != _id_by_key(one))}
    for one in submissions:
        if one.key and one.id == _id_by_key(one) and number_of(one.id) in ids:
            one.doubt(f"{SYSTEMS[one.system]}'s key {one.key} is another student's id: this row is the uploader's")
            one.id = f"{one.system} {one.key}"


def _remark_on_unlike(submissions: list[Submission]) -> None:
    claimed = [
        one for one in submissions if one.claimed_id and same_number(one.id, one.claimed_id) and not one.is_known
    ]
    numbers = {number_of(one.id) for one in claimed}
    if len(numbers) < FEW:
        return
    lengths = [len(number) for number in numbers]
    usual = max(set(lengths), key=lengths.count)
    if lengths.count(usual) < MOST * len(numbers):
        return
    for one in claimed:
        if len(number_of(one.id)) != usual:
            one.doubt(f"the id {one.id} has {len(number_of(one.id))} characters, those of most others {usual}")
