"""What the page keeps beside manual.csv: the bank of comments, by item, and what was noted about similar pairs.

One file, `page.json` in the folder of results, for the page alone.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grading.locking import briefly_locked
from labkit.errors import KitError, RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record

FILE, LOCK = "page.json", ".page.lock"
MOST_COMMENTS = 100  # of an item
LONGEST = 2000  # characters of a comment, or of a note


class NotesError(KitError):
    """page.json can't be used, or what was to be kept in it can't; the text says why and what to do."""


@dataclass
class PairNote:
    """What the instructor noted about a pair of submissions."""

    looked_at: bool = False
    note: str = ""


@dataclass
class Notes:
    """The file's content: comments by item, pairs by `pair_key`."""

    comments: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[str, PairNote] = field(default_factory=dict)


def pair_key(one: str, other: str) -> str:
    """Return by what a pair is found, whichever is named first."""
    return "|".join(sorted((one, other)))


def read_notes(out: Path) -> Notes:
    """Read the file; raise NotesError where it is no such file."""
    try:
        return read_record((out / FILE).read_bytes(), Notes)
    except FileNotFoundError:
        return Notes()
    except (OSError, RecordError) as error:
        raise NotesError(f"{out / FILE} can't be read ({error}): move it away, and it is made anew") from error


def change_notes(out: Path, change: Callable[[Notes], None]) -> None:
    """Read the file, change what it holds, and write it, while no other page does; raise NotesError or WriteError."""
    with briefly_locked(out / LOCK):
        notes = read_notes(out)
        change(notes)
        with atomic_file(out / FILE) as file:
            file.write(json.dumps({"format": FORMAT, **asdict(notes)}, indent=1, ensure_ascii=False).encode() + b"\n")


def keep_comment(notes: Notes, item: str, text: str) -> None:
    """Add a comment to an item's bank; raise NotesError for an empty one, or one too many."""
    text = text.strip()[:LONGEST]
    comments = notes.comments.setdefault(item, [])
    if not text:
        raise NotesError("the comment is empty: write it, then keep it")
    if len(comments) >= MOST_COMMENTS:
        raise NotesError(f"{item} has {MOST_COMMENTS} comments: remove one first")
    if text not in comments:
        comments.append(text)


def drop_comment(notes: Notes, of_item: str) -> None:
    """Remove a comment from an item's bank, if it is there; it is given behind the item's name and a colon."""
    for item, comments in notes.comments.items():
        notes.comments[item] = [comment for comment in comments if f"{item}:{comment}" != of_item]
