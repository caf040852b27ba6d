"""Which submissions share more than the hand-out explains: in their code, their comments, their reports.

All right solutions are near-copies of deep_mnist.py. So what the kit handed out is taken out first, the reference
solutions too. What is left is compared, and weighed: the fewer have a passage, the more it counts (rarity.py).
It informs the instructor, and marks nobody: two students who learnt together may well write alike.

Texts are read in the sandbox (inside/trusted/text_reader.py), which leaves fingerprints: numbers are compared.
"""

import functools
import hashlib
import json
import shutil
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from grading.inside.trusted import text_reader
from grading.inside.trusted.fingerprints import KINDS, Print, hashes_of_known, source_text
from grading.results.kept import keep_what_is_shown
from grading.sandbox.runner import Sandbox
from grading.similarity.rarity import overlaps
from grading.staging import TRUSTED, stage
from labkit.checks.assignment import Similarity
from labkit.errors import KitError, RecordError
from labkit.files import KIT, atomic_file
from labkit.formats import FORMAT, read_record
from labkit.limits import MIB, Limits

READER = KIT / "grading/inside/trusted"  # where texts are read
LIMITS = Limits(wall_seconds=60, cpu_seconds=20, memory_bytes=1024 * MIB, output_bytes=64 * MIB, output_files=3)


class NoFingerprints(KitError):
    """A submission can't be compared; the text tells the instructor why."""


@dataclass(frozen=True)
class Fingerprints:
    """What the reader (inside/trusted/text_reader.py) takes of a submission, or the problem why it can't.

    `files` are names and lines, `prints` the fingerprints by kind. `version` is that of what they depend on.
    """

    problem: str
    files: list[tuple[str, list[str]]]
    prints: dict[str, list[Print]]
    version: str = ""  # only where they are kept

    def __post_init__(self) -> None:
        if self.prints.keys() != KINDS.keys():
            raise ValueError(f"prints are of {', '.join(self.prints) or 'no kind'}, expected {', '.join(KINDS)}")


@dataclass(frozen=True)
class _Kept:
    version: str


@dataclass(frozen=True)
class Source:
    """The kept fingerprints of one submission: a file of JSON, so that a class need not be in memory at once.

    `student` is an id, or "" where it is unknown; `label` is for the reader. `folder` is that of its results, "" for
    one of an archive, whose label is a path.
    """

    file: Path
    label: str
    student: str
    folder: str = ""

    def prints(self) -> dict[str, frozenset[int]]:
        """Return the values of the fingerprints, by kind; raise NoFingerprints where there are none."""
        prints = self._fingerprints().prints
        return {name: frozenset(fingerprint.value for fingerprint in prints[name]) for name in KINDS}

    def places(self, kind: str) -> tuple[list[Print], list[tuple[str, list[str]]]]:
        """Return the fingerprints of a kind, and the files that they are in: names and lines."""
        fingerprints = self._fingerprints()
        return fingerprints.prints[kind], fingerprints.files

    def _fingerprints(self) -> Fingerprints:
        fingerprints = read_record(self.file.read_bytes(), Fingerprints)
        if fingerprints.problem:
            raise NoFingerprints(fingerprints.problem)
        return fingerprints


class Share(NamedTuple):
    """What two submissions share of a kind: the part of the smaller one's own text, 0 to 1, how much, and what.

    Part and amount are weighed by rarity; the amount is in fingerprints that nobody else has.
    """

    part: float
    amount: float
    prints: frozenset[int]


@dataclass(frozen=True)
class Pair:
    """Two submissions that share much of some kind, or of several."""

    first: Source
    second: Source
    shares: dict[str, Share]

    @property
    def weight(self) -> float:
        """How much the pair deserves a look: for much that is shared, and for little that is not."""
        return sum(share.part * share.amount for share in self.shares.values())


@dataclass(frozen=True)
class SimilarGroup:
    """Submissions that pairs connect, the most alike first.

    `links` are the pairs that suffice for that, one less than there are members; `others` are those that are left.
    """

    members: list[Source]
    links: list[Pair]
    others: list[Pair]

    @property
    def pairs(self) -> list[Pair]:
        """All pairs of the group."""
        return [*self.links, *self.others]


@dataclass(frozen=True)
class Passage:
    """What two submissions have in common in one place: file names, and whole lines."""

    kind: str
    files: tuple[str, str]
    lines: tuple[list[str], list[str]]


# -------------------------------------------------------------------------------------------------------- fingerprints


def keep_texts(
    file: Path, folder: Path, report: str, sandbox: Sandbox, scratch: Path, results: Path | None = None
) -> None:
    """Read the texts of an unpacked submission in the sandbox; keep their fingerprints in a file, atomically.

    `report` is the text of its report, `scratch` an empty folder, `results` the folder for what is shown of the
    submission (see kept.keep_what_is_shown), None for none. What can't be read within the limits is kept as the problem
    that it is. Raises limits.SandboxError where the sandbox fails, and OSError.
    """
    output = scratch / "output"
    output.mkdir()
    outcome = sandbox.run(
        [sandbox.python, "-m", text_reader.__name__, "/submission", "/texts", "/output"],
        read_only={
            "/submission": folder,
            "/texts": _texts(scratch / "texts", report),
            "/kit": stage(scratch / "kit", TRUSTED),
        },
        output=output,
        limits=LIMITS,
        cwd="/kit",
    )
    try:
        fingerprints = read_record((output / text_reader.FINGERPRINTS).read_bytes(), Fingerprints)
    except (OSError, RecordError):
        problem = f"taking its fingerprints {outcome.problem or 'left nothing behind'}"
        fingerprints = Fingerprints(problem, [], {name: [] for name in KINDS})
    record = {"format": FORMAT, **vars(fingerprints), "version": version()}
    with atomic_file(file) as target:
        target.write(json.dumps(record).encode())
    if results:
        keep_what_is_shown(output, results, folder, outcome.problem)


def _texts(folder: Path, report: str) -> Path:
    """Write what the reader gets beside the submission; return the folder."""
    folder.mkdir()
    (folder / text_reader.REPORT).write_text(report, encoding="utf-8", errors="replace")
    (folder / text_reader.KNOWN).write_text(_known_record())
    shutil.copyfile(KIT / text_reader.REFERENCE, folder / text_reader.REFERENCE)
    return folder


def are_kept(file: Path) -> bool:
    """Tell whether a file holds fingerprints, and such as this version of the kit would take."""
    try:
        return read_record(file.read_bytes(), _Kept).version == version()
    except (OSError, RecordError):
        return False


@functools.cache
def version() -> str:
    """Return a hash of what fingerprints depend on: the code that takes them, its lexer, and what was handed out."""
    digest = hashlib.sha256(f"pygments {metadata.version('pygments')}".encode())
    for path in (*READER.rglob("*.py"), *_handed_out("*.py"), *_handed_out("*.md")):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _handed_out(pattern: str) -> list[Path]:
    """Return files whose text no student wrote: the kit, its texts, and the reference solutions."""
    return sorted([*KIT.glob(pattern), *KIT.glob(f"labkit/**/{pattern}")])


@functools.cache
def known_hashes() -> dict[str, frozenset[int]]:
    """Hash all that was handed out, by kind. This is the kit's own text, so that no sandbox is needed."""
    kinds_of = {"*.py": tuple(KINDS), "*.md": ("report",)}
    known: dict[str, set[int]] = {name: set() for name in KINDS}
    for pattern, names in kinds_of.items():
        for path in _handed_out(pattern):
            text = source_text(path.read_bytes())
            for name in names:
                known[name] |= hashes_of_known(text, KINDS[name])
    return {name: frozenset(values) for name, values in known.items()}


@functools.cache
def _known_record() -> str:
    """Return the hashes of what was handed out as the reader gets them: 5 MB of JSON, the same for every submission."""
    return json.dumps({name: sorted(values) for name, values in known_hashes().items()})


# --------------------------------------------------------------------------------------------------------------- pairs


def find_pairs(
    sources: Sequence[Source], archive: Sequence[Source], rules: Similarity
) -> tuple[list[Pair], list[tuple[Source, str]]]:
    """Find the pairs within a class, and between it and an archive, that share more than `rules` allow.

    Returns (pairs, left_out): the pairs sorted, the most alike first, and the sources that can't be compared, with the
    reason. Two submissions of the same student are no pair.
    """
    left_out: list[tuple[Source, str]] = []
    current, archived = list(_loaded(sources, left_out)), list(_loaded(archive, left_out))
    everybody = [source for source, _ in (*current, *archived)]
    shares_of: dict[tuple[int, int], dict[str, Share]] = defaultdict(dict)
    for kind in KINDS:
        prints = [values[kind] for _, values in (*current, *archived)]
        least = rules.report if kind == "report" else rules.code
        for one, other, part, amount in overlaps(prints[: len(current)], prints[len(current) :], least):
            shares_of[one, other][kind] = Share(part, amount, frozenset(prints[one]).intersection(prints[other]))
    pairs = [Pair(everybody[one], everybody[other], shares) for (one, other), shares in shares_of.items()]
    pairs = [pair for pair in pairs if not pair.first.student or pair.first.student != pair.second.student]
    pairs.sort(key=lambda pair: (-pair.weight, pair.first.label, pair.second.label))
    return pairs, left_out


def _loaded(sources: Sequence[Source], left_out: list[tuple[Source, str]]) -> Iterator[tuple[Source, dict[str, array]]]:
    """Yield what can be compared, with its fingerprints by kind: as numbers, which take a tenth of a set's memory."""
    for source in sources:
        try:
            yield source, {kind: array("q", values) for kind, values in source.prints().items()}
        except NoFingerprints as reason:
            left_out.append((source, str(reason)))
        except (OSError, RecordError, OverflowError):
            left_out.append((source, f"its fingerprints in {source.file} can't be read: delete that file"))


def find_groups(pairs: Sequence[Pair]) -> list[SimilarGroup]:
    """Group the pairs, which are sorted as find_pairs does; groups with the weightiest pair come first."""
    group_of: dict[Source, SimilarGroup] = {}
    for pair in pairs:
        one, other = (
            group_of.setdefault(source, SimilarGroup([source], [], [])) for source in (pair.first, pair.second)
        )
        if one is other:
            one.others.append(pair)
            continue
        one.members.extend(other.members)
        one.links.extend([*other.links, pair])
        one.others.extend(other.others)
        group_of |= dict.fromkeys(other.members, one)
    groups = {id(group): group for group in group_of.values()}
    return sorted(groups.values(), key=lambda group: -max(pair.weight for pair in group.pairs))


# ------------------------------------------------------------------------------------------------------------ passages


@dataclass
class _Match:
    """Two runs of tokens that share fingerprints: on either side the file, the tokens and the lines, ends included."""

    files: tuple[int, int]
    tokens: list[list[int]]  # [first, last] of either side
    lines: list[list[int]]

    def takes(self, one: Print, other: Print, gap: int) -> bool:
        """Tell whether fingerprints continue this match, on both sides."""
        return (one.file, other.file) == self.files and all(
            first <= fingerprint.token <= last + gap
            for (first, last), fingerprint in zip(self.tokens, (one, other), strict=True)
        )

    def extend(self, one: Print, other: Print, size: int) -> None:
        for side, fingerprint in enumerate((one, other)):
            self.tokens[side][1] = max(self.tokens[side][1], fingerprint.token + size - 1)
            self.lines[side] = [min(self.lines[side][0], fingerprint.first), max(self.lines[side][1], fingerprint.last)]


def passages(pair: Pair, name: str) -> list[Passage]:
    """Return the matching passages of a pair of one kind, the longest first."""
    size, window = KINDS[name].size, KINDS[name].window
    shared = pair.shares[name].prints
    (ones, files), (others, other_files) = pair.first.places(name), pair.second.places(name)
    places = {fingerprint.value: fingerprint for fingerprint in others}
    matches: list[_Match] = []
    for one in sorted(
        (fingerprint for fingerprint in ones if fingerprint.value in shared),
        key=lambda fingerprint: (fingerprint.file, fingerprint.token),
    ):
        other = places[one.value]
        if not (matches and matches[-1].takes(one, other, window)):
            starts = [[one.token, one.token], [other.token, other.token]]
            matches.append(_Match((one.file, other.file), starts, [[one.first, one.last], [other.first, other.last]]))
        matches[-1].extend(one, other, size)
    matches.sort(key=lambda match: match.tokens[0][0] - match.tokens[0][1])
    return [
        Passage(
            name,
            (files[m.files[0]][0], other_files[m.files[1]][0]),
            (_lines(files[m.files[0]][1], *m.lines[0]), _lines(other_files[m.files[1]][1], *m.lines[1])),
        )
        for m in matches
    ]


def _lines(lines: list[str], first: int, last: int) -> list[str]:
    return [str(line) for line in lines[first : last + 1]]
