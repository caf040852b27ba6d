"""similarity.json: what the page of similar submissions shows, for programs; made of the same objects.

Its text is the submissions' own. It has no control characters, but it is not escaped for HTML.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from grading.similarity.pairs import Pair, Passage, SimilarGroup, Source, passages
from labkit.errors import RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record
from labkit.text import printable
from labkit.version import VERSION

FILE = "similarity.json"
MOST_LISTED = 1000  # pairs, submissions that were left out, groups, and members of each
MOST_PASSAGES = 8  # of a kind in a pair
MOST_LINES = 40  # of a passage
LABEL = 200  # characters of a name


@dataclass(frozen=True)
class Party:
    """A submission: the folder of its results, "" for one of an archive, and what it is called."""

    label: str
    folder: str


@dataclass(frozen=True)
class ShownPassage:
    """A passage (see pairs.Passage), and how many of its lines are left out on either side."""

    kind: str
    files: tuple[str, str]
    lines: tuple[list[str], list[str]]
    more_lines: tuple[int, int]


@dataclass(frozen=True)
class SharedPart:
    """What is shared of a kind: see pairs.Share."""

    part: float
    amount: float


@dataclass(frozen=True)
class ShownPair:
    """A pair; `more_passages` counts by kind those that are left out. `full` says that there was room for none."""

    first: Party
    second: Party
    weight: float
    shares: dict[str, SharedPart]
    passages: list[ShownPassage] = field(default_factory=list)
    more_passages: dict[str, int] = field(default_factory=dict)
    full: bool = False


@dataclass(frozen=True)
class ShownGroup:
    """A group: how many they are, the first of them, and by kind the least and the most that a pair of it shares."""

    size: int
    members: list[Party]
    shares: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class LeftOut:
    """A submission that could not be compared, and why."""

    party: Party
    reason: str


@dataclass(frozen=True)
class Similarities:
    """The whole of it; the counts are of all that was found, the lists have the first of them.

    `compared` says in words what was. `copies` are groups who sent the same zip, byte for byte.
    """

    compared: str
    count: dict[str, int]  # of groups, pairs and left_out
    copies: list[list[Party]]
    groups: list[ShownGroup]
    pairs: list[ShownPair]
    left_out: list[LeftOut]
    version: str = VERSION


def party(source: Source) -> Party:
    """Return what is told of a submission; of one of an archive, which is known by its path, the name of the file."""
    label = source.label if source.folder else Path(source.label).name
    return Party(printable(label[:LABEL]), source.folder)


def shown_pair(pair: Pair) -> ShownPair:
    """Return a pair with its passages, as many as are shown."""
    passages_of = {kind: passages(pair, kind) for kind in pair.shares}
    return ShownPair(
        **_heading(pair),
        passages=[_shown(passage) for kind in passages_of for passage in passages_of[kind][:MOST_PASSAGES]],
        more_passages={kind: len(of) - MOST_PASSAGES for kind, of in passages_of.items() if len(of) > MOST_PASSAGES},
    )


def listed_pair(pair: Pair) -> ShownPair:
    """Return a pair without its passages."""
    return ShownPair(**_heading(pair), full=True)


def _heading(pair: Pair) -> dict:
    shares = {kind: SharedPart(share.part, share.amount) for kind, share in pair.shares.items()}
    return {"first": party(pair.first), "second": party(pair.second), "weight": pair.weight, "shares": shares}


def _shown(passage: Passage) -> ShownPassage:
    (one, other), (ones, others) = passage.files, passage.lines
    return ShownPassage(
        passage.kind,
        (printable(one), printable(other)),
        (list(map(printable, ones[:MOST_LINES])), list(map(printable, others[:MOST_LINES]))),
        (max(0, len(ones) - MOST_LINES), max(0, len(others) - MOST_LINES)),
    )


def ranges(group: SimilarGroup) -> dict[str, tuple[float, float]]:
    """Return by kind the least and the most that a pair of the group shares."""
    parts: dict[str, list[float]] = {}
    for pair in group.pairs:
        for kind, share in pair.shares.items():
            parts.setdefault(kind, []).append(share.part)
    return {kind: (min(shares), max(shares)) for kind, shares in parts.items()}


def shown_group(group: SimilarGroup) -> ShownGroup:
    """Return a group with its first members."""
    return ShownGroup(len(group.members), list(map(party, group.members[:MOST_LISTED])), ranges(group))


def shown_reasons(left_out: Sequence[tuple[Source, str]]) -> list[LeftOut]:
    """Return the first of those that could not be compared."""
    return [LeftOut(party(source), printable(reason)) for source, reason in left_out[:MOST_LISTED]]


def write_similarities(path: Path, similarities: Similarities) -> None:
    """Write the file, atomically; raise WriteError where that fails."""
    with atomic_file(path) as file:
        file.write(json.dumps({"format": FORMAT, **asdict(similarities)}).encode() + b"\n")


def read_similarities(out: Path) -> Similarities | None:
    """Read what is in a folder of results; None where there is none, or none that this version of the kit can read."""
    try:
        return read_record((out / FILE).read_bytes(), Similarities)
    except (OSError, RecordError):
        return None
