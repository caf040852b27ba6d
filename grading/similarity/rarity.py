"""What two submissions share, each fingerprint weighed by its rarity: what only two have says much, an idiom little.

A weight is the inverse document frequency (Spärck Jones, "A statistical interpretation of term specificity and its
application in retrieval", 1972). Nothing is cut off, so that many who copy do not hide each other.

Who shares what is looked up in an inverted index, which leaves out of each submission its commonest fingerprints, as
far as they weigh less together than half of what a pair has to share. A pair shares the other half without them, so
none is missed, and few others are weighed. (Chaudhuri, Ganti, Kaushik, "A primitive operator for similarity joins in
data cleaning", 2006: prefix filtering.)
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LEAST_SHARED = 12  # fingerprints that nobody else has, or more of others: some eight lines of code, or 40 words
# So many more are added to each collection, who have none of it: in a small one it is not known yet what is common.
UNSEEN = 10
_ROWS = 256  # submissions that are looked up together: where all share something, 4 KB of memory for each submission
_PAIRS = 20_000  # that are weighed together
_SKIPPED = 0.5  # of what a pair has to share: more is quicker looked up, and leaves more pairs to be weighed
_ROUNDING = 1e-6  # of sums that are compared: by so much less than enough is looked at


class Overlap(NamedTuple):
    """What two submissions share: their numbers, the part of the smaller one's own text, 0 to 1, and the amount.

    The amount is in fingerprints that nobody else has; of those that more have it takes more.
    """

    one: int
    other: int
    part: float
    amount: float


def overlaps(
    current: Sequence[Collection[int]], archived: Sequence[Collection[int]], least: float
) -> Iterator[Overlap]:
    """Yield those who share `least` of the smaller one's text, 0 to 1, and LEAST_SHARED, in order.

    They are pairs within `current` and with `archived`, numbered in this order, without a gap. `archived` are not
    compared with each other. The fingerprints of each are without repetition.
    """
    prints = [*current, *archived]
    owners = np.repeat(np.arange(len(prints)), [len(values) for values in prints])
    values = np.fromiter(chain.from_iterable(prints), np.int64, len(owners))
    _, columns = np.unique(values, return_inverse=True)
    weights = _weights(owners, columns, len(current), len(archived))
    index = _Index(owners, columns, weights, len(prints), least)
    overlapping = []
    for start in range(0, len(prints), _ROWS):
        ones, others = index.candidates(start, min(start + _ROWS, len(prints)))
        ones, others = np.minimum(ones, others), np.maximum(ones, others)
        within = ones < len(current)
        overlapping += index.weighed(ones[within], others[within])
    yield from sorted(overlapping)


def rarity(having: NDArray[np.int64], of: int) -> NDArray[np.float64]:
    """Return the weight of what `having` of so many submissions have: 1 for one or two, the less, the more have it."""
    everybody = of + UNSEEN
    return np.log(everybody / np.maximum(having, 2)) / np.log(everybody / 2)


def _weights(owners: NDArray[np.int64], columns: NDArray[np.int64], current: int, archived: int) -> NDArray[np.float64]:
    """Return the weight of each column; what is common in one of the two collections is common."""
    width = int(columns.max(initial=-1)) + 1
    in_current = np.bincount(columns[owners < current], minlength=width)
    in_archived = np.bincount(columns[owners >= current], minlength=width)
    return np.minimum(rarity(in_current, current), rarity(in_archived, archived))


class _Index:
    """Which submissions have a fingerprint, and those of each that tell whom to look at."""

    def __init__(
        self,
        owners: NDArray[np.int64],
        columns: NDArray[np.int64],
        weights: NDArray[np.float64],
        everybody: int,
        least: float,
    ) -> None:
        shape = everybody, len(weights)
        self._least = least
        self._own = np.bincount(owners, weights[columns], minlength=everybody)
        self._needed = np.maximum(LEAST_SHARED, least * self._own) - _ROUNDING
        self._has = sparse.csr_array((np.ones(len(owners)), (owners, columns)), shape)
        self._weighed = sparse.csr_array((weights[columns], (owners, columns)), shape)
        self._having = self._has.T.tocsr()  # by fingerprint
        skipped = _commonest(owners, weights[columns], _SKIPPED * self._needed)
        self._skipped = np.bincount(owners[skipped], weights[columns[skipped]], minlength=everybody)
        telling = ~skipped & (np.bincount(columns, minlength=len(weights))[columns] > 1)
        owners, columns = owners[telling], columns[telling]
        self._telling = sparse.csr_array((weights[columns], (owners, columns)), shape)

    def candidates(self, start: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs, each once, of which one of these is the smaller, and may share enough of it."""
        products = (self._telling[start:end] @ self._having).tocoo()
        smaller, larger = products.coords
        smaller = smaller + start
        enough = products.data + self._skipped[smaller] >= self._needed[smaller]
        smaller, larger = smaller[enough], larger[enough]
        once = (self._own[smaller] < self._own[larger]) | (
            (self._own[smaller] == self._own[larger]) & (smaller < larger)
        )
        return smaller[once], larger[once]

    def weighed(self, ones: NDArray[np.int64], others: NDArray[np.int64]) -> Iterator[Overlap]:
        """Yield those of the pairs that share enough."""
        for start in range(0, len(ones), _PAIRS):
            one, other = ones[start : start + _PAIRS], others[start : start + _PAIRS]
            shared = self._weighed[one].multiply(self._has[other]).sum(axis=1)
            parts = (shared / np.minimum(self._own[one], self._own[other])).round(9)  # 1 is 1 in any order
            enough = (parts >= self._least) & (shared.round(9) >= LEAST_SHARED)
            columns = (array[enough].tolist() for array in (one, other, parts, shared))
            yield from map(Overlap._make, zip(*columns, strict=True))


def _commonest(
    owners: NDArray[np.int64], weights: NDArray[np.float64], largest: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mark the commonest fingerprints of each, as many as weigh less than `largest` together.

    `owners` are sorted, `weights` those of their fingerprints, `largest` is by submission.
    """
    order = np.lexsort((weights, owners))
    sums = np.cumsum(weights[order])
    counts = np.bincount(owners, minlength=len(largest))
    before = np.concatenate(([0.0], sums))[np.cumsum(counts) - counts]  # what all submissions before it weigh
    marked = np.empty(len(owners), bool)
    marked[order] = sums - before[owners] < largest[owners]
    return marked
