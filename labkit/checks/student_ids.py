"""Student ids: each school has its own form, which is a regular expression in assignment.toml."""

import re

DIGITS = "[0-9]+"  # what most schools have; with it, the names of zips are read most tolerantly
MAX_ID = 20  # characters
_POSSIBLE = re.compile(rf"[A-Za-z0-9-]{{1,{MAX_ID}}}")  # in a zip's name


def as_written(text: str, pattern: str) -> str | None:
    """Return the id that a text is, with capitals and small letters as the pattern has them; None if it is none."""
    for form in (text, text.lower(), text.upper()):
        if _POSSIBLE.fullmatch(form) and re.fullmatch(pattern, form):
            return form
    return None


def find_ids(text: str, pattern: str) -> dict[str, re.Match[str]]:
    """Find the ids in a text, each with its first place: never within a longer word or number."""
    ids: dict[str, re.Match[str]] = {}
    for match in re.finditer(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", text, re.IGNORECASE):
        student_id = as_written(match[0], pattern)
        if student_id:
            ids.setdefault(student_id, match)
    return ids
