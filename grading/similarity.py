"""Which submissions share more than the hand-out explains: in their code, their comments, their reports.

All right solutions are near-copies of deep_mnist.py. So what the kit handed out is taken out first, the reference
solutions too, and then whatever many of the class have in common; only what is left is compared. It informs the
instructor, and marks nobody: two students who learnt together may well write alike.

Texts are read in the sandbox (grading/fingerprint_reader.py), which leaves fingerprints: here numbers are compared.
"""

import functools
import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from grading.assignment import Similarity
from grading.fingerprints import KINDS, Print, hashes, source_text
from grading.limits import MIB, Limits
from grading.runner import Sandbox
from grading.staging import ROOT, stage
from idx_files import atomic_file

LEAST_SHARED = 8  # fingerprints of a kind, below which a likeness may be chance: some six lines of code, or 25 words
LEAST_COMMON = 4  # submissions that may share a passage before it is common, however small the class is
READER = ("grading/__init__", "grading/fingerprints", "grading/fingerprint_reader")  # what the sandbox gets
LIMITS = Limits(wall_seconds=60, cpu_seconds=20, memory_bytes=1024 * MIB, output_bytes=8 * MIB, output_files=2)


class NoFingerprints(Exception):
    """A submission can't be compared; the text tells the instructor why."""


@dataclass(frozen=True)
class Source:
    """The kept fingerprints of one submission: a file of JSON, so that a class need not be in memory at once.

    `student` is an id, or "" where it is unknown; `label` is for the reader.
    """

    file: Path
    label: str
    student: str

    def prints(self) -> dict[str, frozenset[int]]:
        """The values of the fingerprints, by kind. Raises NoFingerprints where there are none to be had."""
        record = self._record()
        return {name: frozenset(int(found[0]) for found in record["prints"][name]) for name in KINDS}

    def places(self, kind: str) -> tuple[list[Print], list[tuple[str, list[str]]]]:
        """The fingerprints of a kind, and the files that they are in: names and lines."""
        record = self._record()
        return [Print(*found) for found in record["prints"][kind]], [(name, lines) for name, lines in record["files"]]

    def _record(self) -> dict[str, Any]:
        record = json.loads(self.file.read_bytes())
        if record["problem"]:
            raise NoFingerprints(str(record["problem"]))
        return record


class Share(NamedTuple):
    """What two submissions share of a kind: the part of the smaller one's own text, 0 to 1, and the fingerprints."""

    part: float
    prints: frozenset[int]


@dataclass(frozen=True)
class Pair:
    """Two submissions that share much of some kind, or of several."""

    first: Source
    second: Source
    shares: dict[str, Share]

    @property
    def weight(self) -> tuple[float, int]:
        """How much the pair deserves a look."""
        return max(share.part for share in self.shares.values()), sum(len(s.prints) for s in self.shares.values())


@dataclass(frozen=True)
class Passage:
    """What two submissions have in common in one place: file names, and whole lines."""

    kind: str
    files: tuple[str, str]
    lines: tuple[list[str], list[str]]


# -------------------------------------------------------------------------------------------------------- fingerprints


def keep_fingerprints(file: Path, folder: Path, report: str, sandbox: Sandbox, scratch: Path) -> None:
    """Has the fingerprints of an unpacked submission taken in the sandbox, and keeps them, atomically.

    `report` is the text of its report, `scratch` an empty folder. What can't be read within the limits is kept as the
    problem that it is. Raises limits.SandboxError where the sandbox fails, and idx_files.DataError or OSError.
    """
    texts, output = scratch / "texts", scratch / "output"
    for made in (texts, output):
        made.mkdir()
    (texts / "report.txt").write_text(report, encoding="utf-8", errors="replace")
    known = {name: sorted(values) for name, values in known_hashes().items()}
    (texts / "known.json").write_text(json.dumps(known))
    outcome = sandbox.run(
        [
            *(sandbox.python, "-m", "grading.fingerprint_reader"),
            *("/submission", "/texts/report.txt", "/texts/known.json", "/output/found"),
        ],
        read_only={"/submission": folder, "/texts": texts, "/kit": stage(scratch / "kit", READER)},
        output=output,
        limits=LIMITS,
        cwd="/kit",
    )
    record: dict[str, Any] = {"version": version(), "problem": "", "files": [], "prints": {name: [] for name in KINDS}}
    try:
        found = json.loads((output / "found").read_bytes())
        record |= {key: found[key] for key in ("problem", "files", "prints")}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        record["problem"] = f"taking its fingerprints {outcome.problem or 'left nothing behind'}"
    with atomic_file(file) as target:
        target.write(json.dumps(record).encode())


def are_kept(file: Path) -> bool:
    """Whether fingerprints are in a file, and such as this version of the kit would take."""
    try:
        return json.loads(file.read_bytes())["version"] == version()
    except (OSError, ValueError, TypeError, KeyError):
        return False


@functools.cache
def version() -> str:
    """A hash of what fingerprints depend on: the code that takes them, its lexer, and what was handed out."""
    digest = hashlib.sha256(f"pygments {metadata.version('pygments')}".encode())
    for path in (*(ROOT / f"{name}.py" for name in READER), *_handed_out("*.py"), *_handed_out("*.md")):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _handed_out(pattern: str) -> list[Path]:
    """Files whose text no student wrote: the kit, its texts, and the reference solutions."""
    return sorted([*ROOT.glob(pattern), *ROOT.glob(f"labkit/**/{pattern}")])


@functools.cache
def known_hashes() -> dict[str, frozenset[int]]:
    """The hashes of all that was handed out, by kind. This is the kit's own text, so that no sandbox is needed."""
    scripts = [source_text(path.read_bytes()) for path in _handed_out("*.py")]
    texts = [source_text(path.read_bytes()) for path in _handed_out("*.md")]
    known: dict[str, set[int]] = {name: set() for name in KINDS}
    for text in scripts:
        for name, kind in KINDS.items():
            known[name].update(hashes(kind.tokens(text), kind.size))
    for text in texts:
        known["report"].update(hashes(KINDS["report"].tokens(text), KINDS["report"].size))
    return {name: frozenset(values) for name, values in known.items()}


# --------------------------------------------------------------------------------------------------------------- pairs


def find_pairs(
    sources: Sequence[Source], archive: Sequence[Source], rules: Similarity
) -> tuple[list[Pair], list[tuple[Source, str]]]:
    """The pairs within a class, and between it and an archive, that share more than `rules` let pass.

    Returns (pairs, left_out): the pairs sorted, the most alike first, and the sources that can't be compared, with the
    reason. Two submissions of the same student are no pair.
    """
    left_out: list[tuple[Source, str]] = []
    ours, theirs = list(_loaded(sources, left_out)), list(_loaded(archive, left_out))
    everybody = [source for source, _ in (*ours, *theirs)]
    found: dict[tuple[int, int], dict[str, Share]] = defaultdict(dict)
    for kind in KINDS:
        least = rules.report if kind == "report" else rules.code
        prints = [
            *_without_common([values[kind] for _, values in ours], rules.common),
            *_without_common([values[kind] for _, values in theirs], rules.common),
        ]
        for (one, other), count in _counts(prints, len(ours)).items():
            part = count / min(len(prints[one]), len(prints[other]))
            if count >= LEAST_SHARED and part >= least:
                found[one, other][kind] = Share(part, prints[one] & prints[other])
    pairs = [Pair(everybody[one], everybody[other], shares) for (one, other), shares in found.items()]
    pairs = [pair for pair in pairs if not pair.first.student or pair.first.student != pair.second.student]
    pairs.sort(key=lambda pair: (*pair.weight, pair.first.label, pair.second.label), reverse=True)
    return pairs, left_out


def _loaded(
    sources: Sequence[Source], left_out: list[tuple[Source, str]]
) -> Iterator[tuple[Source, dict[str, frozenset[int]]]]:
    for source in sources:
        try:
            yield source, source.prints()
        except NoFingerprints as reason:
            left_out.append((source, str(reason)))
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            left_out.append((source, f"its fingerprints in {source.file} can't be read: delete that file"))


def _without_common(prints: list[frozenset[int]], common: float) -> list[frozenset[int]]:
    """Takes out what more than the part `common` of these submissions have; a handful of them is no class yet."""
    most = max(LEAST_COMMON, common * len(prints))
    counts = Counter(itertools.chain.from_iterable(prints))
    return [frozenset(value for value in found if counts[value] <= most) for found in prints]


def _counts(prints: list[frozenset[int]], class_size: int) -> Counter[tuple[int, int]]:
    """How many fingerprints each pair of numbers shares; from `class_size` on it is the archive, without pairs."""
    owners: dict[int, list[int]] = defaultdict(list)
    for number, found in enumerate(prints):
        for value in found:
            owners[value].append(number)
    pairs: Counter[tuple[int, int]] = Counter()
    for numbers in owners.values():
        for place, one in enumerate(numbers):
            if one < class_size:
                pairs.update((one, other) for other in numbers[place + 1 :])
    return pairs


# ------------------------------------------------------------------------------------------------------------ passages


@dataclass
class _Match:
    """Two runs of tokens that share fingerprints: on either side the file, the tokens and the lines, ends included."""

    files: tuple[int, int]
    tokens: list[list[int]]  # [first, last] of either side
    lines: list[list[int]]

    def takes(self, one: Print, other: Print, gap: int) -> bool:
        """Whether fingerprints continue this match, on both sides."""
        return (one.file, other.file) == self.files and all(
            first <= found.token <= last + gap for (first, last), found in zip(self.tokens, (one, other), strict=True)
        )

    def extend(self, one: Print, other: Print, size: int) -> None:
        for side, found in enumerate((one, other)):
            self.tokens[side][1] = max(self.tokens[side][1], found.token + size - 1)
            self.lines[side] = [min(self.lines[side][0], found.first), max(self.lines[side][1], found.last)]


def passages(pair: Pair, name: str) -> list[Passage]:
    """The matching passages of a pair of one kind, the longest first."""
    size, window = KINDS[name].size, KINDS[name].window
    shared = pair.shares[name].prints
    (ones, files), (others, other_files) = pair.first.places(name), pair.second.places(name)
    places = {found.value: found for found in others}
    matches: list[_Match] = []
    for one in sorted((found for found in ones if found.value in shared), key=lambda found: (found.file, found.token)):
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
