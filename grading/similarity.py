"""Which submissions share more than the hand-out explains: in their code, their comments, their reports.

All right solutions are near-copies of deep_mnist.py. So what the kit handed out is taken out first, the reference
solutions too, and then whatever many of the class have in common; only what is left is compared. It informs the
instructor, and marks nobody: two students who learnt together may well write alike.
"""

import functools
import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from grading.fingerprints import KINDS, hashes, winnow
from grading.intake import source_text
from idx_files import atomic_file

ROOT = Path(__file__).resolve().parent.parent
LEAST_SHARED = 8  # fingerprints of a kind, below which a likeness may be chance: some six lines of code, or 25 words
LEAST_COMMON = 4  # submissions that may share a passage before it is common, however small the class is


@dataclass(frozen=True)
class Source:
    """The texts of one submission, in a file of JSON, so that a class need not be in memory at once.

    `student` is an id, or "" where it is unknown; `label` is for the reader.
    """

    file: Path
    label: str
    student: str

    def texts(self, kind):
        """The texts that are compared under a kind of KINDS: names to texts."""
        record = json.loads(self.file.read_bytes())
        return {"report": record["report"]} if kind == "report" else record["scripts"]


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
    def weight(self):
        """How much the pair deserves a look."""
        return max(share.part for share in self.shares.values()), sum(len(s.prints) for s in self.shares.values())


@dataclass(frozen=True)
class Passage:
    """What two submissions have in common in one place: file names and texts, whole lines."""

    kind: str
    files: tuple[str, str]
    texts: tuple[str, str]


def save_source(file, folder, report):
    """Keeps the texts of an unpacked submission for the comparison, atomically: its scripts, and its report's text."""
    scripts = {path.relative_to(folder).as_posix(): source_text(path) for path in sorted(folder.rglob("*.py"))}
    with atomic_file(file) as target:
        target.write(json.dumps({"scripts": scripts, "report": report}).encode())


def find_pairs(sources, archive, rules):
    """The pairs within a class, and between it and an archive, that share more than `rules` (Similarity) let pass.

    Sorted, the most alike first. Two submissions of the same student are no pair.
    """
    known = _handed_out()
    everybody = [*sources, *archive]
    found = defaultdict(dict)
    for kind in KINDS:
        least = rules.report if kind == "report" else rules.code
        prints = [_fingerprints(source, kind, known[kind]) for source in everybody]
        prints = [
            *_without_common(prints[: len(sources)], rules.common),
            *_without_common(prints[len(sources) :], rules.common),
        ]
        for (one, other), count in _counts(prints, len(sources)).items():
            part = count / min(len(prints[one]), len(prints[other]))
            if count >= LEAST_SHARED and part >= least:
                found[one, other][kind] = Share(part, frozenset(prints[one] & prints[other]))
    pairs = [Pair(everybody[one], everybody[other], shares) for (one, other), shares in found.items()]
    pairs = [pair for pair in pairs if not pair.first.student or pair.first.student != pair.second.student]
    return sorted(pairs, key=lambda pair: (*pair.weight, pair.first.label, pair.second.label), reverse=True)


@functools.cache
def _handed_out():
    """The hashes of all that students did not write, by kind: the kit, its texts, and the reference solutions."""
    scripts = [source_text(path) for path in sorted([*ROOT.glob("*.py"), *ROOT.glob("labkit/**/*.py")])]
    texts = [source_text(path) for path in sorted(ROOT.glob("*.md"))]
    return {
        name: frozenset(
            itertools.chain.from_iterable(
                hashes(kind.tokens(text), kind.size) for text in (scripts + texts if name == "report" else scripts)
            )
        )
        for name, kind in KINDS.items()
    }


def _fingerprints(source, name, known):
    kind = KINDS[name]
    found = set()
    for text in source.texts(name).values():
        found |= winnow(hashes(kind.tokens(text), kind.size), kind.window, known).keys()
    return found


def _without_common(prints, common):
    """Takes out what more than the part `common` of these submissions have; a handful of them is no class yet."""
    most = max(LEAST_COMMON, common * len(prints))
    counts = Counter(itertools.chain.from_iterable(prints))
    return [{value for value in found if counts[value] <= most} for found in prints]


def _counts(prints, class_size):
    """How many fingerprints each pair of numbers shares; from `class_size` on it is the archive, without pairs."""
    owners = defaultdict(list)
    for number, found in enumerate(prints):
        for value in found:
            owners[value].append(number)
    pairs = Counter()
    for numbers in owners.values():
        pairs.update(pair for pair in itertools.combinations(numbers, 2) if pair[0] < class_size)
    return pairs


# ------------------------------------------------------------------------------------------------------------ passages


@dataclass
class _Match:
    """Two runs of tokens that share fingerprints: a file and its first and last token on either side."""

    files: tuple[str, str]
    starts: tuple[int, int]
    ends: tuple[int, int]

    def takes(self, files, starts, gap):
        """Whether a run at `starts` continues this one, on both sides."""
        return files == self.files and all(
            start <= begun <= end + gap for start, begun, end in zip(self.starts, starts, self.ends, strict=True)
        )


def passages(pair, name):
    """The matching passages of a pair of one kind, the longest first."""
    size, window = KINDS[name].size, KINDS[name].window
    one, other = (_Side(source, name, pair.shares[name].prints) for source in (pair.first, pair.second))
    matches = []
    for value in sorted(one.places, key=one.places.get):
        (file, start), (other_file, other_start) = one.places[value], other.places[value]
        files, starts, ends = (file, other_file), (start, other_start), (start + size - 1, other_start + size - 1)
        if matches and matches[-1].takes(files, starts, window):
            matches[-1].ends = tuple(map(max, matches[-1].ends, ends))
        else:
            matches.append(_Match(files, starts, ends))
    matches.sort(key=lambda match: match.starts[0] - match.ends[0])
    return [
        Passage(
            name,
            m.files,
            (one.lines(m.files[0], m.starts[0], m.ends[0]), other.lines(m.files[1], m.starts[1], m.ends[1])),
        )
        for m in matches
    ]


class _Side:
    """One submission of a pair: where its shared fingerprints are, as (file, token)."""

    def __init__(self, source, name, prints):
        kind = KINDS[name]
        self._texts = source.texts(name)
        self._tokens = {file: kind.tokens(text) for file, text in self._texts.items()}
        self.places = {}
        for file, tokens in self._tokens.items():
            for position, value in enumerate(hashes(tokens, kind.size)):
                if value in prints:
                    self.places.setdefault(value, (file, position))

    def lines(self, file, first, last):
        """The whole lines from one token of a file to another."""
        text, tokens = self._texts[file], self._tokens[file]
        start = text.rfind("\n", 0, tokens[first].start) + 1
        end = text.find("\n", tokens[last].end)
        return text[start : end if end >= 0 else len(text)]
