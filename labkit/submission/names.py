"""Names of zips: making one, and reading what students make of it.

A submission is called `id_name_surname.zip`: ASCII, lower case, `_` between the three and `-` within them. The id is of
digits, or what assignment.toml says, with capitals if it has any.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from anyascii import anyascii

from labkit.checks.student_ids import DIGITS, MAX_ID, as_written, find_ids
from labkit.errors import KitError
from labkit.text import quoted

MAX_PART = 60  # characters of a name or a surname in a zip's name; file systems take 255 for the whole
MAX_STEM = 80  # characters of a folder's name, without its hash

_STAND_IN = "0"  # for an id that is no number, while the rest of a name is read
_MOODLE = re.compile(r"(?P<full_name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+_+(?=.)")
_EXTENSION = re.compile(r"(\.(zip|rar|7z|tar|tgz|gz|pdf))+$", re.IGNORECASE)
# What file managers, browsers and people add to the name of a copy or a version, Google Drive to what it packs, and a
# forge to the archive of a branch.
_COPY_OF = re.compile(r"(copy of|kopie von|copia di|copia de|copie de|c\u00f3pia de|kopia)\s+", re.IGNORECASE)
_COPY = re.compile(
    r"(\s*\((?P<number>\d+)\)|[\s_-]+(copy|copia|kopie|copie|kopia|c\u00f3pia)|[\s_-]+(?P<final>final[ea]?|definitiv[oae]?)"
    r"|[\s_-]+v(er)?\.?(?P<version>\d{1,2})|-(?P<again>\d{1,2})|-\d{8}T\d{6}Z(-\d+){1,2}|-(main|master))$",
    re.IGNORECASE,
)
_FINAL = 99  # the number of a version that is called final: after the others
_DRIVE = re.compile(r"drive-download(-\d{8}T\d{6}Z)?(-\d+)*", re.IGNORECASE)
# Google Forms and Classroom put the uploader's name before, or after, the name of the file.
_WITH_UPLOADER = (
    re.compile(r"(?P<who>[^\W\d_][^\d_]*?) - (?P<rest>.*\d.*)"),
    re.compile(r"(?P<rest>.*\d.*) - (?P<who>[^\W\d_][^\d_]*)"),
)
# Windows gives these names to devices, in every folder and with any extension.
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


class BadName(KitError, ValueError):
    """A name that no submission can have; the text tells the student what was wrong and what is expected."""


@dataclass(frozen=True)
class ZipName:
    """The parts of a zip's name, as `zip_name` writes it; `remarks` lists what was tolerated, if anything."""

    id: str
    name: str
    surname: str
    remarks: tuple[str, ...] = ()


def zip_name(student_id: str, name: str, surname: str, ids: str = DIGITS) -> str:
    """Return the name of a student's zip: `189295_ada_lovelace.zip`.

    Names in any script become ASCII, lower case, words joined by "-". `ids` is the pattern of a student id.

    Raises BadName for an id that is none, and for a name or a surname without letters.
    """
    student_id = student_id.strip()
    if ids != DIGITS:
        written = as_written(student_id, ids)
        if not written:
            raise BadName(f"the student id {quoted(student_id)} is not like those of this course, {ids}: look it up")
        student_id = written
    elif not re.fullmatch(DIGITS, student_id):
        raise BadName(f"the student id {quoted(student_id)} is not a number; give its digits only, as in 189295")
    if len(student_id) > MAX_ID:
        raise BadName(f"the student id has {len(student_id)} digits, expected at most {MAX_ID}")
    parts = {"name": _ascii(name), "surname": _ascii(surname)}
    for kind, given in (("name", name), ("surname", surname)):
        if not parts[kind]:
            raise BadName(
                f"the {kind} is missing (found {quoted(given)}); give id, name and surname, in this order, each a word "
                "or between quotation marks of its own; who has one name only gives it twice"
            )
    return f"{student_id}_{parts['name']}_{parts['surname']}.zip"


def parse_zip_name(file_name: str, ids: str = DIGITS) -> ZipName:
    """Parse a zip's name, tolerantly: Moodle's prefix, copies, other separators, capitals, accents, another order.

    What would be a guess about the id is refused: a wrong id gives a mark to somebody else. `ids` is the pattern of a
    student id.

    Raises BadName for a name without id, name or surname, or with two numbers that might be the id.
    """
    stem, full_name, oddities = _strip(file_name)
    _refuse_odd_digits(file_name, stem)
    if _DRIVE.fullmatch(stem):
        raise BadName(
            f"{quoted(file_name)} is what Google Drive calls a download of several files: it says nobody's name. "
            "Unpack it, and put what is in it here"
        )
    text, own_id = anyascii(stem), ""
    if ids != DIGITS:
        own_id = _find_own(file_name, text, ids)
        text = _with_stand_in(text, ids)
        stem = re.sub(re.escape(own_id), _STAND_IN, stem, flags=re.IGNORECASE)
    if not re.fullmatch(rf"{DIGITS}_[a-z0-9-]+_[a-z0-9-]+", stem):
        oddities += _oddities(stem)
    parts = [part for part in text.split("_") if _ascii(part)]
    if len(parts) < 3 or not any(map(str.isdigit, parts)):
        parts = re.findall(r"[A-Za-z0-9]+", text)
    student_id, others = _take_id(file_name, parts)
    names = [_ascii(part) for part in others if re.search("[A-Za-z]", part)]
    if parts[-1].isdigit() and parts[-1] != student_id:
        oddities.append("a number at its end")
    if len(names) < 2 and len(_ascii(full_name).split("-")) > 1:
        oddities.append("no name and surname of its own, so that Moodle's were taken")
        names = _ascii(full_name).split("-")
    if len(names) < 2:
        raise BadName(
            f"the name {quoted(file_name)} has no {'surname' if names else 'name and surname'}; "
            "call the zip id_name_surname.zip, as in 189295_ada_lovelace.zip"
        )
    if parts[0] != student_id:
        oddities.append("the id in another place than the first")
    if len(names) > 2:
        oddities.append(f"{len(names)} parts after the id, where name and surname are two")
    parsed = re.fullmatch(r"(\d+)_(.+)_(.+)\.zip", zip_name(student_id, names[0], "-".join(names[1:])))
    assert parsed is not None  # of what zip_name makes
    if not oddities and parsed[0] != f"{stem}.zip":
        oddities.append("other separators than one _")
    read = f"{own_id}{parsed[0].removeprefix(_STAND_IN)}" if own_id else parsed[0]
    remark = f"the zip's name {quoted(file_name)} was read as {read}: it has {', '.join(oddities)}"
    _, name, surname = parsed.groups()
    return ZipName(own_id or student_id, name, surname, (remark,) if oddities else ())


def copy_number(file_name: str) -> int:
    """Return the number of a copy or version in a zip's name, 0 without one: `x (2).zip`, `x-2.zip`, `x_v2.zip`."""
    stem = _EXTENSION.sub("", file_name)
    match = _COPY.search(stem)
    if match is None:
        return 0
    number = match["number"] or match["version"] or match["again"]
    return _FINAL if match["final"] else int(number or 1)


def same_person(one: str, other: str) -> bool:
    """Tell whether two full names may be one person's: one has all words of the other, or both are one word joined."""
    words = [set(re.findall("[a-z0-9]+", anyascii(name).lower())) for name in (one, other)]
    joined = {re.sub("[^a-z0-9]+", "", anyascii(name).lower()) for name in (one, other)}
    return bool(words[0] and words[1]) and (words[0] <= words[1] or words[1] <= words[0] or len(joined) == 1)


def number_of(student_id: str) -> str:
    """Return an id without leading zeros, which spreadsheets take away, and in small letters."""
    return student_id.lstrip("0").lower() or student_id[:1]


def same_number(one: str, other: str) -> bool:
    """Tell whether two ids are the same but for leading zeros; a missing id equals none."""
    return bool(one and other) and number_of(one) == number_of(other)


def safe_stem(file_name: str) -> str:
    """Return a name for a submission's folder: the zip's without `.zip` where that is safe, else made safe.

    ASCII letters in lower case, digits, `.`, `_` and `-`, no leading dot, bounded length, no name that Windows
    reserves. What had to be altered ends with `+` and a hash of the original, so that no two submissions share a
    folder, not even on a system that ignores capitals.
    """
    stem = re.sub(r"\.zip$", "", file_name, flags=re.IGNORECASE)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", anyascii(stem)).lower()[:MAX_STEM].strip(".-")
    if not safe or _RESERVED.match(safe):
        safe = f"zip-{safe}".strip("-")
    if f"{safe}.zip" == file_name:
        return safe
    return f"{safe}+{hashlib.sha256(file_name.encode(errors='surrogatepass')).hexdigest()[:10]}"


def is_reserved(file_name: str) -> bool:
    """Tell whether Windows takes a file name for a device: `aux.py`, `NUL`."""
    return bool(_RESERVED.match(file_name))


def _ascii(text: str) -> str:
    """Convert to words in ASCII lower case, joined by "-", bounded: `María José` becomes `maria-jose`."""
    return "-".join(re.findall("[a-z0-9]+", anyascii(text).lower()))[:MAX_PART].strip("-")


def ascii_words(text: str) -> list[str]:
    """Return the words of a text in ASCII lower case: `O'Brien, María` becomes `["o", "brien", "maria"]`."""
    return re.findall("[a-z0-9]+", anyascii(text).lower())


def _strip(file_name: str) -> tuple[str, str, list[str]]:
    """Return the name without additions, the student's full name by Moodle ("" if unknown), and the oddities."""
    oddities = []
    stem = re.split(r"[/\\]", unicodedata.normalize("NFC", file_name))[-1]
    moodle = _MOODLE.match(stem)
    if moodle:
        oddities.append("Moodle's prefix")
        stem = stem[moodle.end() :]
    extension = _EXTENSION.search(stem)
    if extension:
        stem = stem[: extension.start()]
        if extension[0] != ".zip":
            oddities.append(f"{quoted(extension[0])} at its end, where .zip is expected")
    stem, additions = _without_uploader(stem)
    oddities += additions
    stem, additions = _without_copies(stem)
    oddities += additions
    return stem, moodle["full_name"] if moodle else "", oddities


def _without_copies(stem: str) -> tuple[str, list[str]]:
    """Return a name without what was added to a copy or a version of it, as long as id and names remain."""
    plain = _COPY_OF.sub("", stem, count=1) if _COPY_OF.match(stem) else stem
    while match := _COPY.search(plain):
        rest = plain[: match.start()]
        # "final" may be a surname, and a number the id.
        if match["number"] is None and (not re.search(r"\d", rest) or len(ascii_words(rest)) < 3):
            break
        plain = rest
    return plain, ["the mark of a copy or of a version"] if plain != stem else []


def _without_uploader(stem: str) -> tuple[str, list[str]]:
    """Return a name without the uploader's beside it, where both are one person's."""
    for pattern in _WITH_UPLOADER:
        match = pattern.fullmatch(stem)
        if match and same_person(match["who"], re.sub(r"[\d_]+", " ", _without_copies(match["rest"])[0])):
            return match["rest"], ["the uploader's name beside it"]
    return stem, []


def _oddities(stem: str) -> list[str]:
    """List what a name has besides lower-case ASCII letters, digits, `_` and `-`."""
    kinds = {
        "spaces": r"\s",
        "dots": r"\.",
        "capital letters": r"[A-Z]",
        "letters or digits outside ASCII": r"[^\W\x00-\x7f]",
        "other signs than - and _": r"[^\w\s.-]",
    }
    return [oddity for oddity, pattern in kinds.items() if re.search(pattern, stem)]


def _find_own(file_name: str, text: str, ids: str) -> str:
    """Return the one id of this pattern in a name; raise BadName for none, or for several."""
    ids_found = list(find_ids(text, ids))
    if len(ids_found) != 1:
        several = f"more than one student id ({' and '.join(ids_found)})"
        problem = several if ids_found else f"no student id, which are like {ids}"
        raise BadName(
            f"the name {quoted(file_name)} has {problem}; call the zip id_name_surname.zip, with one _ between"
        )
    return ids_found[0]


def _with_stand_in(text: str, ids: str) -> str:
    """Replace the id in a name by a number, and remove every other number."""
    (match,) = find_ids(text, ids).values()
    around = (text[: match.start()], text[match.end() :])
    return _STAND_IN.join(re.sub(r"(?<![A-Za-z0-9])[0-9]+(?![A-Za-z0-9])", "", part) for part in around)


def _refuse_odd_digits(file_name: str, stem: str) -> None:
    """Raise BadName for what may be meant as a digit of the id, or may not: a superscript, a circled number."""
    for part in re.split(r"[\s_.-]+", stem):
        odd = [char for char in part if char.isdigit() and not char.isdecimal()]
        if odd and anyascii(part).isdigit():
            raise BadName(
                f"the name {quoted(file_name)} has {quoted(odd[0])} in what may be the id, of the digits 0 to 9; "
                "call the zip id_name_surname.zip, as in 189295_ada_lovelace.zip"
            )


def _take_id(file_name: str, parts: list[str]) -> tuple[str, list[str]]:
    """Return the id and the other parts, without a trailing number of up to two digits: that of a version."""
    if len(parts) > 1 and re.fullmatch(r"\d{1,2}", parts[-1]) and any(map(str.isdigit, parts[:-1])):
        parts = parts[:-1]
    numbers = sorted({part for part in parts if part.isdigit()}, key=parts.index)
    if len(numbers) == 1:
        return numbers[0], [part for part in parts if part not in numbers]
    expected = "call the zip id_name_surname.zip, as in 189295_ada_lovelace.zip"
    if numbers:
        raise BadName(f"the name {quoted(file_name)} has more than one number ({' and '.join(numbers)}); {expected}")
    mixed = [part for part in parts if re.search(r"\d", part)]
    if mixed:
        raise BadName(f"the id {quoted(mixed[0])} in the name {quoted(file_name)} is not a number; {expected}")
    raise BadName(f"the name {quoted(file_name)} has no student id; {expected}")
