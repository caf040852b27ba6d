"""What two submissions share, each fingerprint weighed by its rarity: what only two have says much, an idiom little.

A weight is the inverse document frequency (Spärck Jones, "A statistical interpretation of term specificity and its
application in retrieval", 1972). Nothing is cut off, so that many who copy do not hide each other.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_SHARED = 12  # fingerprints that nobody else has, or more of others: some eight lines of code, or 40 words
# So many more are added to each collection, who have none of it: in a small one it is not known yet what is common.
UNSEEN = 10
_CHUNK = 1024  # fingerprints that are looked at together: 8 KB of memory for each submission


class Overlap(NamedTuple):
    """What two submissions share: their numbers, the part of the smaller one's own text, 0 to 1, and the amount.

    The amount is in fingerprints that nobody else has; of those that more have it takes more.
    """

    one: int
    other: int
    part: float
    amount: float


def overlaps(ours: Sequence[frozenset[int]], theirs: Sequence[frozenset[int]], least: float) -> Iterator[Overlap]:
    """Yield those who share `least` of the smaller one's text, 0 to 1, and LEAST_SHARED.

    They are pairs within `ours` and with `theirs`, numbered in this order, without a gap. `theirs` are not compared
    with each other.
    """
    prints = [*ours, *theirs]
    owners = np.repeat(np.arange(len(prints)), [len(values) for values in prints])
    values = np.fromiter(chain.from_iterable(prints), np.int64, len(owners))
    _, columns = np.unique(values, return_inverse=True)
    weights = _weights(owners, columns, len(ours), len(theirs))
    own = np.bincount(owners, weights[columns], minlength=len(prints))
    shared = _shared(owners, columns, weights, len(ours), len(prints))
    smaller = np.minimum(own[: len(ours), None], own)
    parts = np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0).round(9)  # 1 is 1 in any order
    overlapping = np.triu((parts >= least) & (shared.round(9) >= LEAST_SHARED), k=1)
    for one, other in np.argwhere(overlapping).tolist():
        yield Overlap(one, other, float(parts[one, other]), float(shared[one, other]))


def rarity(having: NDArray[np.int64], of: int) -> NDArray[np.float64]:
    """Return the weight of what `having` of so many submissions have: 1 for one or two, the less, the more have it."""
    everybody = of + UNSEEN
    return np.log(everybody / np.maximum(having, 2)) / np.log(everybody / 2)


def _weights(owners: NDArray[np.int64], columns: NDArray[np.int64], ours: int, theirs: int) -> NDArray[np.float64]:
    """Return the weight of each column; what is common in one of the two collections is common."""
    width = int(columns.max(initial=-1)) + 1
    in_ours = np.bincount(columns[owners < ours], minlength=width)
    in_theirs = np.bincount(columns[owners >= ours], minlength=width)
    return np.minimum(rarity(in_ours, ours), rarity(in_theirs, theirs))


def _shared(
    owners: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64], ours: int, everybody: int
) -> NDArray[np.float64]:
    """Return the weight of what each of ours shares with each of all, (ours, everybody), in groups of columns."""
    shared = np.zeros((ours, everybody))
    several = np.flatnonzero(np.bincount(columns, minlength=len(weights)) > 1)
    place = np.full(len(weights), -1)
    place[several] = np.arange(len(several))
    order = np.argsort(place[columns], kind="stable")
    owners, places = owners[order], place[columns][order]
    for start in range(0, len(several), _CHUNK):
        first, last = np.searchsorted(places, (start, start + _CHUNK))
        has = np.zeros((everybody, _CHUNK))
        has[owners[first:last], places[first:last] - start] = 1
        weight = np.zeros(_CHUNK)
        chosen = weights[several[start : start + _CHUNK]]
        weight[: len(chosen)] = chosen
        shared += (has[:ours] * weight) @ has.T
    return shared
