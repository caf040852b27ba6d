"""What the runs of a study say: the statistics, in sentences that can be checked, and the files for the report.

`compare.py` trains; this module takes finished runs. Three questions, each with its own method, all from scipy.stats:

    How good is a network, trained anew?          mean over the seeds, with Student's 95% interval
    Does removing a layer change that?            Welch's t-test: each ablation against the full network
    Do two networks, as trained, differ?          McNemar's exact test, on the same test images, one seed

Welch's test lets each network have a spread of its own. Its p-values, and McNemar's, are multiplied by the number of
comparisons, and its intervals widened accordingly (Bonferroni), so that the level is that of the whole study. Why it is
this test, and what it finds with how many seeds, benchmarks/error_rates.py simulates. All of it is about other seeds on
the same test images; what other images would change, the report adds.
"""

import csv
import io
import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import plotter
from labkit.files import atomic_file
from labkit.formats import RunRecord
from labkit.networks import FULL, REMOVED, TITLES

ALPHA = 0.05  # of a whole study: the corrected p-value below which a difference is called significant
LEVEL = 1 - ALPHA  # of every interval; of the differences, together


@dataclass(frozen=True)
class FinishedRun:
    """A finished training: its run.json, and its guesses for the test images, (images,) uint8."""

    network: str
    seed: int
    record: RunRecord
    predictions: np.ndarray

    @property
    def accuracy(self) -> float:
        """Test accuracy in percent."""
        return 100 * self.record["test_accuracy"]


@dataclass(frozen=True)
class Difference:
    """Mean accuracy of an ablation less that of the full network, in percentage points.

    `low`, `high` (the interval) and `p`, both Welch's and corrected for `comparisons`, are None where the seeds don't
    allow a test.
    """

    points: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    comparisons: int = 0

    @property
    def significant(self) -> bool:
        """Whether the means over the seeds are shown to differ; the interval has no zero in it then."""
        return self.p is not None and self.p < ALPHA


@dataclass(frozen=True)
class PairedTest:
    """Two trained networks on the same test images: how many images each got right, and McNemar's corrected p."""

    seed: int
    both: int
    only_full: int
    only_ablation: int
    neither: int
    p: float
    comparisons: int


# ------------------------------------------------------------------------------------------------------- statistics


def mean_interval(percentages: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return (mean, low, high) of Student's interval for the mean of percentages, which ends at 0 and 100.

    low and high are None for a single value, and for equal ones, which don't show how far others would be from them.
    """
    mean = float(np.mean(percentages))
    if np.ptp(percentages) == 0:
        return mean, None, None
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(percentages) - 1) * stats.sem(percentages))
    return mean, max(0.0, mean - half), min(100.0, mean + half)


def differences(runs: Mapping[str, Sequence[FinishedRun]]) -> dict[str, Difference]:
    """Return each ablation's Difference from the full network; {} without runs of the full network.

    There is no test where either network has a single seed, nor where no seed of the two differs from another.
    """
    accuracies = {network: np.array([run.accuracy for run in of_network]) for network, of_network in runs.items()}
    full = accuracies.pop(FULL, None)
    if full is None:
        return {}
    untested = {network: Difference(float(values.mean() - full.mean())) for network, values in accuracies.items()}
    tested = {network: values for network, values in accuracies.items() if _can_be_tested(full, values)}
    return untested | {network: _difference(full, values, len(tested)) for network, values in tested.items()}


def _can_be_tested(full: np.ndarray, values: np.ndarray) -> bool:
    return min(len(full), len(values)) > 1 and max(np.ptp(full), np.ptp(values)) > 0


def _difference(full: np.ndarray, values: np.ndarray, comparisons: int) -> Difference:
    """Return the Difference of accuracies in percent, (seeds,) each, as one of so many comparisons."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a network whose seeds agree; the other's spread will do
        test: Any = stats.ttest_ind(values, full, equal_var=False)
        interval = test.confidence_interval(1 - ALPHA / comparisons)
    return Difference(
        points=float(values.mean() - full.mean()),
        low=max(-100.0, float(interval.low)),
        high=min(100.0, float(interval.high)),
        p=min(1.0, float(test.pvalue) * comparisons),
        comparisons=comparisons,
    )


def sampling_error(accuracy: float, images: int) -> float:
    """Return the sampling error of an accuracy in percent, in points: half of Wilson's 95% interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927).
    """
    interval = stats.binomtest(round(accuracy / 100 * images), images).proportion_ci(LEVEL, method="wilson")
    return 100 * float(interval.high - interval.low) / 2


def pairs(runs: Mapping[str, Sequence[FinishedRun]], labels: np.ndarray) -> dict[str, PairedTest]:
    """Return each ablation's Pair with the full network, by the first seed of both; labels: (images,), 0 to 9."""
    full = {run.seed: run for run in runs.get(FULL, [])}
    first = {}
    for network, of_network in runs.items():
        common = [run for run in of_network if run.seed in full]
        if network != FULL and common:
            first[network] = common[0]
    return {network: _pair(labels, full[run.seed], run, len(first)) for network, run in first.items()}


def _pair(labels: np.ndarray, full: FinishedRun, ablation: FinishedRun, comparisons: int) -> PairedTest:
    full_right, ablation_right = full.predictions == labels, ablation.predictions == labels
    only_full = int(np.sum(full_right & ~ablation_right))
    only_ablation = int(np.sum(~full_right & ablation_right))
    differ = only_full + only_ablation
    p = stats.binomtest(only_full, differ).pvalue if differ else 1.0  # heads or tails, were the networks alike
    return PairedTest(
        seed=ablation.seed,
        both=int(np.sum(full_right & ablation_right)),
        only_full=only_full,
        only_ablation=only_ablation,
        neither=int(np.sum(~full_right & ~ablation_right)),
        p=min(1.0, float(p) * comparisons),
        comparisons=comparisons,
    )


def digit_errors(runs: Mapping[str, Sequence[FinishedRun]], labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return each network's errors on the test images of each digit, in percent, mean over its seeds: (10,) float64."""
    images = np.maximum(np.bincount(labels, minlength=10), 1)

    def errors(run: FinishedRun) -> np.ndarray:
        return 100 * np.bincount(labels[run.predictions != labels], minlength=10) / images

    return {network: np.mean([errors(run) for run in of_network], axis=0) for network, of_network in runs.items()}


# -------------------------------------------------------------------------------------------------------- sentences


def conclusions(runs: Mapping[str, Sequence[FinishedRun]], labels: np.ndarray) -> list[str]:
    """Write one sentence for each ablation: what removing the layer costs, and whether a difference is shown."""
    paired = pairs(runs, labels)
    return [_conclusion(name, difference, runs, paired.get(name)) for name, difference in differences(runs).items()]


def _conclusion(
    network: str, difference: Difference, runs: Mapping[str, Sequence[FinishedRun]], pair: PairedTest | None
) -> str:
    start = _effect(network, difference, runs)
    if difference.p is not None and difference.low is not None and difference.high is not None:
        low, high = (-difference.high, -difference.low) if _costs(difference) else (difference.low, difference.high)
        verdict = "is shown" if difference.significant else "is not shown, nor that there is none"
        return (
            f"{start}, 95% CI {_end(low)} to {_end(high)}; a difference in mean accuracy over the seeds {verdict} "
            f"(Welch's t-test{_corrected(difference)}: {_p(difference.p)})."
        )
    if min(len(runs[network]), len(runs[FULL])) > 1:
        return f"{start}; no seed of either differs from another, and without a spread there is nothing to test with."
    if pair is None:
        return f"{start} with a single seed; whether that is the layer or the luck of the seed takes more seeds."
    differ = "differ" if pair.p < ALPHA else "are not shown to differ"
    return (
        f"{start} with a single seed: {_images(pair.only_full)} right only with it, {pair.only_ablation} only "
        f"without it, so these two trained networks {differ} (McNemar's test{_corrected(pair)}: {_p(pair.p)}); whether "
        "that is the layer or the luck of the seed takes more seeds."
    )


def _effect(network: str, difference: Difference, runs: Mapping[str, Sequence[FinishedRun]]) -> str:
    removing = "Removing" if _is_mnist(runs) else f"On {_data(runs)}, removing"
    start = f"{removing} {REMOVED[network]} ({TITLES[network]})"
    if _points(difference.points) == "0.00":
        return f"{start} changes test accuracy by less than 0.01 points"
    return f"{start} {'costs' if _costs(difference) else 'gains'} {abs(difference.points):.2f} points of test accuracy"


def _costs(difference: Difference) -> bool:
    return _points(difference.points).startswith("-")


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count} images are"


def _corrected(result: Difference | PairedTest) -> str:
    return f", corrected for {result.comparisons} comparisons" if result.comparisons > 1 else ""


def digit_sentences(runs: Mapping[str, Sequence[FinishedRun]], errors: Mapping[str, np.ndarray]) -> list[str]:
    """Say on which digits an ablation errs more often, a sentence for each whose mean accuracy is shown to differ.

    The others are named in one more sentence. errors: as `digit_errors` returns them.
    """
    significant = {network: difference.significant for network, difference in differences(runs).items()}
    sentences = [
        _digit_sentence(network, errors[FULL], errors[network]) for network in significant if significant[network]
    ]
    if rest := [TITLES[network] for network in significant if not significant[network]]:
        sentences.append(
            f"Of {_list(rest)} no difference over the seeds is shown, so nothing is said of single digits."
        )
    return sentences


def _digit_sentence(network: str, full: np.ndarray, errors: np.ndarray) -> str:
    worst = [digit for digit in np.argsort(full - errors, kind="stable")[:3] if errors[digit] > full[digit]]
    rises = ", ".join(f"{digit} (from {full[digit]:.2f} to {errors[digit]:.2f}%)" for digit in worst)
    rise = f"rise most for the digits {rises}" if worst else "rise for no digit"
    return f"Without {REMOVED[network]} ({TITLES[network]}) the errors {rise}."


def _list(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _points(value: float) -> str:
    """Format with two decimals, and without a minus sign before what rounds to zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def _end(value: float) -> str:
    """Format the end of an interval with two decimals, or as many as show on which side of zero it is."""
    texts = (f"{value:.{decimals}f}" for decimals in range(2, 7))
    return next((text for text in texts if float(text) != 0), "0.00")


def _p(value: float) -> str:
    """Format a p-value with three decimals, or as many as show on which side of ALPHA it is."""
    if value < 0.001:
        return "p < 0.001"
    texts = (f"{value:.{decimals}f}" for decimals in itertools.count(3))
    return f"p = {next(text for text in texts if (float(text) < ALPHA) == (value < ALPHA))}"


def _is_mnist(runs: Mapping[str, Sequence[FinishedRun]]) -> bool:
    return _any_run(runs).record["dataset"] == "MNIST"


def _data(runs: Mapping[str, Sequence[FinishedRun]]) -> str:
    """Name the data of the runs, so that nobody takes anything else for MNIST."""
    return _any_run(runs).record["dataset"] + ("" if _is_mnist(runs) else ", not MNIST")


def _any_run(runs: Mapping[str, Sequence[FinishedRun]]) -> FinishedRun:
    return next(iter(runs.values()))[0]


# ------------------------------------------------------------------------------------------------------------ files


def write(
    runs: Mapping[str, Sequence[FinishedRun]], labels: np.ndarray, folder: Path, notes: Sequence[str] = ()
) -> list[Path]:
    """Write ablation.md, ablation.csv, ablation.png and ablation_digits.png; return their paths.

    runs: dict from a network's name to its Runs by seed, at least one each, all of one dataset and recipe. labels:
    (images,) the digits of the test images. notes: lines for the reader of the report, on what is missing, say.
    Raises OSError where a file can't be written.
    """
    errors = digit_errors(runs, labels)
    paths = [folder / f"ablation{end}" for end in (".md", ".csv", ".png", "_digits.png")]
    with atomic_file(paths[0]) as file:
        file.write(_report(runs, labels, errors, notes).encode())
    with atomic_file(paths[1]) as file:
        file.write(_csv(runs, labels).encode())
    plotter.plot_comparison({TITLES[n]: _drawn(own) for n, own in runs.items()}, paths[2], dataset=_data(runs))
    plotter.plot_digit_errors({TITLES[n]: value for n, value in errors.items()}, paths[3], dataset=_data(runs))
    return paths


def _drawn(runs: Sequence[FinishedRun]) -> dict[str, Any]:
    """Return what plotter.plot_comparison draws of a network."""
    accuracies = [run.accuracy for run in runs]
    _, *interval = mean_interval(accuracies)
    return {
        "accuracies": accuracies,
        "interval": interval if None not in interval else None,
        "seconds": [run.record["training_seconds"] for run in runs],
        "histories": [run.record["history"] for run in runs],
    }


def _csv(runs: Mapping[str, Sequence[FinishedRun]], labels: np.ndarray) -> str:
    text = io.StringIO()
    columns = ["network", "seed", "dataset", "steps", "parameters", "training_seconds", "test_accuracy", "errors"]
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*columns, *(f"errors_on_{digit}" for digit in range(10)), "script_sha256"])
    for run in (run for of_network in runs.values() for run in of_network):
        wrong = np.bincount(labels[run.predictions != labels], minlength=10)
        record: Mapping[str, Any] = run.record
        known = [record[name] for name in columns[2:-1]]
        table.writerow([run.network, run.seed, *known, wrong.sum(), *wrong, record["recipe"]["script_sha256"]])
    return text.getvalue()


def main_table(runs: Mapping[str, Sequence[FinishedRun]]) -> str:
    """Format the table of the four networks in Markdown."""
    by_network = differences(runs)
    data = f"test accuracy on {_data(runs)}, % (95% CI)"
    header = ["network", "parameters", "training, s", "seeds", data, "difference, points (95% CI)", "significant"]
    return _table(header, [_main_row(network, own, by_network.get(network)) for network, own in runs.items()])


def _main_row(network: str, runs: Sequence[FinishedRun], difference: Difference | None) -> list[object]:
    mean, low, high = mean_interval([run.accuracy for run in runs])
    seconds = np.median([run.record["training_seconds"] for run in runs])
    row = [
        f"{TITLES[network]} (`{network}`)",
        f"{runs[0].record['parameters']:,}",
        f"{seconds:.1f}",
        len(runs),
        f"{mean:.2f}{_spread_text(low, high, len(runs))}",
    ]
    if difference is None:
        return [*row, "", ""]
    if difference.p is None or difference.low is None or difference.high is None:
        return [*row, _points(difference.points), "not tested"]
    interval = f"{_points(difference.points)} ({_end(difference.low)} to {_end(difference.high)})"
    return [*row, interval, f"{'yes' if difference.significant else 'no'}, {_p(difference.p)}"]


def _spread_text(low: float | None, high: float | None, seeds: int) -> str:
    if low is not None:
        return f" ({low:.2f} to {high:.2f})"
    return " (all seeds alike)" if seeds > 1 else ""


def _digit_table(
    runs: Mapping[str, Sequence[FinishedRun]], errors: Mapping[str, np.ndarray], labels: np.ndarray
) -> str:
    images = np.bincount(labels, minlength=10)
    header = [f"errors on {_data(runs)}, %", *(f"{digit} ({n:,})" for digit, n in enumerate(images)), "all"]
    rows = [
        [TITLES[network], *(f"{share:.2f}" for share in shares), f"{np.average(shares, weights=images):.2f}"]
        for network, shares in errors.items()
    ]
    return _table(header, rows)


def _pair_table(runs: Mapping[str, Sequence[FinishedRun]], paired: Mapping[str, PairedTest]) -> str:
    header = [f"test images, {_data(runs)}", "seed", "both right", "only full right", "only ablation right"]
    rows = [
        [TITLES[network], pair.seed, pair.both, pair.only_full, pair.only_ablation, pair.neither, _p(pair.p)]
        for network, pair in paired.items()
    ]
    return _table([*header, "both wrong", "McNemar, corrected"], rows)


def _table(header: list[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table in Markdown with its columns aligned, so that it can be read as it is."""
    cells = [list(map(str, line)) for line in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]  # the colon puts numbers to the right
    lines = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def _report(
    runs: Mapping[str, Sequence[FinishedRun]],
    labels: np.ndarray,
    errors: Mapping[str, np.ndarray],
    notes: Sequence[str],
) -> str:
    paired, listed = pairs(runs, labels), conclusions(runs, labels)
    parts = ["# What each layer is worth", *_warning(runs), _bullets(_conditions(runs, len(labels)) + list(notes))]
    parts += ["## The networks", main_table(runs), "![Accuracy, learning curves and time](ablation.png)"]
    if listed:
        parts += ["## Conclusions", _bullets(listed)]
    parts += ["## Errors by digit", _digit_table(runs, errors, labels), "![Errors by digit](ablation_digits.png)"]
    if listed:
        parts += [_bullets(digit_sentences(runs, errors))]
    if paired:
        parts += ["## Two networks on the same images", _pair_table(runs, paired)]
    parts += ["## How to read this", _bullets(_method(runs, len(labels), len(paired)))]
    return "\n\n".join(parts) + "\n"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _warning(runs: Mapping[str, Sequence[FinishedRun]]) -> list[str]:
    dataset = _any_run(runs).record["dataset"]
    return [] if _is_mnist(runs) else [f"**These are {dataset}, not MNIST: no figure here says anything about MNIST.**"]


def _conditions(runs: Mapping[str, Sequence[FinishedRun]], images: int) -> list[str]:
    """List what all runs have in common, a line each."""
    record = _any_run(runs).record
    seeds = sorted({run.seed for of_network in runs.values() for run in of_network})
    recipe = {
        name: value for name, value in record["recipe"].items() if name not in ("seed", "dataset", "script_sha256")
    }
    packages = [f"{name} {version}" for name, version in record["packages"].items()]
    return [
        f"Data: {_data(runs)}, {images:,} test images",
        f"Seeds: {', '.join(map(str, seeds))}",
        f"Recipe: {', '.join(f'{name} {value}' for name, value in recipe.items()).replace('_', ' ')}",
        f"Versions: {', '.join([*packages, 'Python ' + record['machine']['python']])}",
        f"Machine: {record['machine']['platform']}, {record['machine']['processors']} processors",
    ]


def _method(runs: Mapping[str, Sequence[FinishedRun]], images: int, pairs: int) -> list[str]:
    """Explain how the figures were obtained, a line each, naming only the methods that were used."""
    accuracies = {network: float(np.mean([run.accuracy for run in of_network])) for network, of_network in runs.items()}
    accuracy = accuracies.get(FULL, next(iter(accuracies.values())))
    lines = [
        "Training, s: what the training steps took, the median of the seeds: a machine that was busy once counts less.",
        f"Every figure is for these {images:,} test images; what intervals and tests tell of is other seeds. Other "
        f"images of the same kind would move an accuracy of {accuracy:.2f}% by about "
        f"±{sampling_error(accuracy, images):.2f} points (Wilson's 95% interval).",
        "One recipe served for all networks. The kit's own was chosen with the full network: with another, an ablation "
        "may lose less.",
    ]
    if any(len(of_network) > 1 for of_network in runs.values()):
        lines += [
            "Test accuracy: mean over the seeds, and Student's t-interval, mean ± t·s/√n, of n seeds with standard "
            "deviation s, cut off at 0 and 100%. It tells how well the mean of many more seeds is known, not where a "
            "single run will be. Seeds that are all alike tell nothing of that, and have no interval."
        ]
    tested = [difference for difference in differences(runs).values() if difference.p is not None]
    if tested:
        lines += [_welch(tested[0].comparisons)]
    lines += ["Errors by digit are a description, not a test: of so many figures, some differ by chance."]
    if pairs:
        factor = f" Its p is multiplied by {pairs}, the number of comparisons (Bonferroni)." if pairs > 1 else ""
        lines += [
            "McNemar's exact test looks at the images that only one of two trained networks gets right: were the two "
            "equally good, that would be either one by the toss of a coin. It is about these two trainings, on these "
            f"images, not about other seeds.{factor}"
        ]
    return lines


def _welch(comparisons: int) -> str:
    """Explain for the reader of the report what was tested, and how."""
    correction = (
        f" Both allow for the {comparisons} comparisons (Bonferroni): p is multiplied by {comparisons}, and each "
        f"interval is one of {100 * (1 - ALPHA / comparisons):.1f}%, so that in about 95 of 100 such studies all hold."
        if comparisons > 1
        else ""
    )
    return (
        "Difference: mean accuracy less that of the full network, in percentage points. Interval and p are from "
        "Welch's t-test, which asks whether the means over many more seeds would be equal, and lets each network have "
        f"a spread of its own.{correction} Significant: p < {ALPHA}, and the interval has no zero in it. That is about "
        "means: a single run of the worse network may still beat one of the better. Of two or three seeds, only large "
        "differences can be shown. All figures are rounded last, so a difference may be 0.01 off that of the rounded "
        "means."
    )
