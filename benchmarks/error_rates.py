"""How often a study finds differences that are not there, and how often those that are: Dunnett's test and Welch's.

    python benchmarks/error_rates.py            40,000 studies of each kind: half a minute
    python benchmarks/error_rates.py --smoke    a few of them, to see that it runs

Studies are drawn at random: the accuracies of four networks over some seeds, normal around a mean, in whole images of
10,000 as real ones are. In one half all means are the same, and each difference called significant is an error. In the
other, each ablation is less accurate than the full network, and a difference that is not called significant is missed.
"""

import argparse
import itertools
import sys
import warnings
from collections.abc import Callable
from typing import NamedTuple

import measuring
import numpy as np
from scipy import stats

sys.path.insert(0, str(measuring.ROOT))  # first of all, because a module in this folder is called like the grader
from labkit.study.ablation import ALPHA

ABLATIONS = 3
SEEDS = (2, 3, 5, 10)
SPREAD = 0.05  # standard deviation of a network's accuracy over its seeds, in points
SPREADS = {  # of full network, no. 1, no. 2, no. 3, in units of SPREAD
    "all alike": (1, 1, 1, 1),
    "no. 3 twice": (1, 1, 1, 2),
    "no. 3 four times": (1, 1, 1, 4),
    "full twice": (2, 1, 1, 1),
    "full four times": (4, 1, 1, 1),
    "ablations four times": (1, 4, 4, 4),
}
LOSS = 0.2  # points that each ablation loses, where there is something to find
CHUNK = 10_000  # studies at a time

Test = Callable[[np.ndarray], np.ndarray]  # (studies, 4, seeds) accuracies to (studies, 3) verdicts, bool


class Rates(NamedTuple):
    """What a test does, as shares of the studies or, for what is found, of their comparisons."""

    errors: float  # with at least one difference called significant, where there is none
    found: float  # called significant, where all three are real


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--studies", type=measuring.positive, default=40_000, help="of each kind that are drawn (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--smoke", action="store_true", help="1,000 studies of each kind")
    return measuring.parse(parser, studies=1000)


def main(options: argparse.Namespace) -> None:
    """Simulate, and print the table."""
    rng = np.random.default_rng(options.seed)
    rows = []
    for seeds, (spreads, factors) in itertools.product(SEEDS, SPREADS.items()):
        tests = {"Dunnett": dunnett(seeds), "Welch": welch}
        rates = simulate(tests, seeds, SPREAD * np.array(factors), options.studies, rng)
        rows.append([spreads, str(seeds), *(f"{100 * rate:.1f}" for test in rates.values() for rate in test)])
    headers = ["spreads", "seeds", "Dunnett: errors, %", "found, %", "Welch, Bonferroni: errors, %", "found, %"]
    print(measuring.table(headers, rows))


def simulate(
    tests: dict[str, Test], seeds: int, spreads: np.ndarray, studies: int, rng: np.random.Generator
) -> dict[str, Rates]:
    """Estimate the Rates of each test over so many studies; spreads: (4,) in points."""
    errors, found = dict.fromkeys(tests, 0), dict.fromkeys(tests, 0)
    for start in range(0, studies, CHUNK):
        count = min(CHUNK, studies - start)
        noise = rng.normal(size=(count, ABLATIONS + 1, seeds)) * spreads[:, np.newaxis]
        loss = np.array([0] + [LOSS] * ABLATIONS)[:, np.newaxis]
        for name, test in tests.items():
            errors[name] += np.count_nonzero(test(in_whole_images(noise)).any(axis=1))
            found[name] += np.count_nonzero(test(in_whole_images(noise - loss)))
    return {name: Rates(errors[name] / studies, found[name] / studies / ABLATIONS) for name in tests}


def in_whole_images(points: np.ndarray) -> np.ndarray:
    """Round accuracies, in points above or below some mean, to what a test on 10,000 images can distinguish."""
    return points.round(2)


def dunnett(seeds: int) -> Test:
    """Return Dunnett's test of three ablations, for so many seeds of each network: one spread, of all four."""
    sample = np.arange(seeds, dtype=float)
    result = stats.dunnett(*[sample] * ABLATIONS, control=sample, rng=np.random.default_rng(0))
    unit = sample.std(ddof=1) * np.sqrt(2 / seeds)
    critical = float(result.confidence_interval(1 - ALPHA).high[0]) / unit

    def test(accuracies: np.ndarray) -> np.ndarray:
        pooled = np.sqrt(accuracies.var(axis=2, ddof=1).mean(axis=1, keepdims=True) * 2 / seeds)
        return np.abs(differences(accuracies)) > critical * pooled

    return test


def welch(accuracies: np.ndarray) -> np.ndarray:
    """Run Welch's test of three ablations, with Bonferroni's correction: the one of labkit/study/ablation.py."""
    full, others = accuracies[:, :1], accuracies[:, 1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of networks whose seeds agree
        p = stats.ttest_ind(others, full, axis=2, equal_var=False).pvalue * ABLATIONS
    varies = np.maximum(np.ptp(others, axis=2), np.ptp(full, axis=2)) > 0  # else there is no test
    return varies & (p < ALPHA)


def differences(accuracies: np.ndarray) -> np.ndarray:
    """Return the mean accuracy of each ablation less that of the full network: (studies, 3)."""
    means = accuracies.mean(axis=2)
    return means[:, 1:] - means[:, :1]


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
