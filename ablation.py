"""What the runs of a study say: the statistics, in sentences that can be checked, and the files for the report.

`compare.py` trains; this module takes finished runs. Three questions, each with its own method, all from scipy.stats:

    How good is a network, trained anew?          mean over the seeds, with Student's 95% interval
    Does removing a layer change that?            Dunnett's test: each ablation against the full network
    Do two networks, as trained, differ?          McNemar's exact test, on the same test images, one seed

Dunnett's test takes the three comparisons as one: its intervals hold together in 95 of 100 studies, so nothing is left
to correct. It assumes that the seeds of all networks vary alike; where they plainly don't, the report says so.
McNemar's p-values are multiplied by the number of comparisons (Bonferroni).
"""

import csv
import io
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

import plotter
from grading.layers import REMOVED
from idx_files import atomic_file

FULL = "deep_mnist"
NAMES = {FULL: "full", "model_no1": "no. 1", "model_no2": "no. 2", "model_no3": "no. 3"}  # in tables and pictures
LEVEL = 0.95  # of every interval; 1 - LEVEL is the p-value below which a difference is called significant
UNEQUAL = 5  # times the least spread: of four networks that vary alike, five seeds each, 1 study in 30 goes beyond


@dataclass(frozen=True)
class Run:
    """A finished training: its run.json, and its guesses for the test images, (images,) uint8."""

    network: str
    seed: int
    record: dict
    predictions: np.ndarray

    @property
    def accuracy(self):
        """Test accuracy in percent."""
        return 100 * self.record["test_accuracy"]


@dataclass(frozen=True)
class Difference:
    """Mean accuracy of an ablation less that of the full network, in percentage points.

    `low`, `high` (Dunnett's simultaneous interval) and `p` are None where the seeds don't allow a test.
    """

    points: float
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def significant(self):
        """Whether the seeds show a difference: the interval has no zero in it."""
        return self.p is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Pair:
    """Two trained networks on the same test images: how many images each got right, and McNemar's corrected p."""

    seed: int
    both: int
    only_full: int
    only_ablation: int
    neither: int
    p: float


# ------------------------------------------------------------------------------------------------------- statistics


def mean_interval(values):
    """(mean, low, high) of Student's interval for the mean; low and high are None of a single value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values))
    return mean, mean - half, mean + half


def differences(runs):
    """Each ablation's Difference from the full network; {} without runs of the full network.

    runs: dict from a network's name to its Runs. An ablation with a single seed has its difference, but no test; so
    have all where the full network has a single seed, or where no seed of any network differs from another.
    """
    accuracies = {network: np.array([run.accuracy for run in of_network]) for network, of_network in runs.items()}
    full = accuracies.pop(FULL, None)
    if full is None:
        return {}
    found = {network: Difference(float(values.mean() - full.mean())) for network, values in accuracies.items()}
    tested = {network: values for network, values in accuracies.items() if min(len(values), len(full)) > 1}
    if any(np.ptp(values) > 0 for values in [full, *tested.values()]) and tested:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a network whose seeds agree has variance 0; so be it
            # Its integral is computed by random points: from a fixed start, so that the same runs give the same p.
            result = stats.dunnett(*tested.values(), control=full, rng=np.random.default_rng(0))
        interval = result.confidence_interval(LEVEL)
        for n, network in enumerate(tested):
            p = min(1.0, max(0.0, float(result.pvalue[n])))
            found[network] = Difference(found[network].points, float(interval.low[n]), float(interval.high[n]), p)
    return found


def unequal_spread(runs):
    """Names of the networks (narrowest, widest) whose seeds vary too unlike for Dunnett's test, or None."""
    spread = {network: np.std([r.accuracy for r in mine], ddof=1) for network, mine in runs.items() if len(mine) > 1}
    if len(spread) < 2:
        return None
    narrowest, widest = min(spread, key=spread.get), max(spread, key=spread.get)
    return (narrowest, widest) if spread[widest] > UNEQUAL * spread[narrowest] else None


def pairs(runs, labels):
    """Each ablation's Pair with the full network, of the first seed that both have; labels: (images,), 0 to 9."""
    full = {run.seed: run for run in runs.get(FULL, [])}
    found = {}
    for network, of_network in runs.items():
        common = [run for run in of_network if run.seed in full]
        if network != FULL and common:
            found[network] = _pair(labels, full[common[0].seed], common[0], comparisons=len(runs) - 1)
    return found


def _pair(labels, full, ablation, comparisons):
    full_right, ablation_right = full.predictions == labels, ablation.predictions == labels
    only_full = int(np.sum(full_right & ~ablation_right))
    only_ablation = int(np.sum(~full_right & ablation_right))
    differ = only_full + only_ablation
    p = stats.binomtest(only_full, differ).pvalue if differ else 1.0  # heads or tails, were the networks alike
    return Pair(
        seed=ablation.seed,
        both=int(np.sum(full_right & ablation_right)),
        only_full=only_full,
        only_ablation=only_ablation,
        neither=int(np.sum(~full_right & ~ablation_right)),
        p=min(1.0, float(p) * comparisons),
    )


def digit_errors(runs, labels):
    """Per network, the errors among the test images of each digit, in percent, mean over its seeds: (10,) float64."""
    images = np.maximum(np.bincount(labels, minlength=10), 1)

    def errors(run):
        return 100 * np.bincount(labels[run.predictions != labels], minlength=10) / images

    return {network: np.mean([errors(run) for run in of_network], axis=0) for network, of_network in runs.items()}


# -------------------------------------------------------------------------------------------------------- sentences


def conclusions(runs, labels):
    """One sentence for each ablation: what removing the layer costs, and whether that is more than chance."""
    paired = pairs(runs, labels)
    return [_conclusion(network, found, runs, paired.get(network)) for network, found in differences(runs).items()]


def _conclusion(network, found, runs, pair):
    removing = "Removing" if _is_mnist(runs) else f"On {_data(runs)}, removing"
    verb = "costs" if found.points < 0 else "gains"
    start = f"{removing} {REMOVED[network]} ({NAMES[network]}) {verb} {abs(found.points):.2f} points of test accuracy"
    if found.p is not None:
        low, high = (-found.high, -found.low) if found.points < 0 else (found.low, found.high)
        verdict = (
            "that is more than the seeds vary"
            if found.significant
            else "that is within what the seeds vary, so these runs do not show that the layer matters"
        )
        return f"{start}, 95% CI {_points(low)} to {_points(high)}; {verdict}."
    if min(len(runs[network]), len(runs[FULL])) > 1:
        return f"{start}; no seed differs from another, so there is no chance to compare that with."
    if pair is None:
        return f"{start} with a single seed; whether that is the layer or the luck of the seed takes more seeds."
    differ = "differ" if pair.p < 1 - LEVEL else "are not shown to differ"
    return (
        f"{start} with a single seed: {pair.only_full} images are right only with it, {pair.only_ablation} only "
        f"without it, so these two trained networks {differ} (McNemar, {_p(pair.p)}); whether that is the layer or the "
        "luck of the seed takes more seeds."
    )


def digit_sentences(errors):
    """One sentence for each ablation: on which digits it errs more often; `errors` as `digit_errors` returns them."""
    full = errors.get(FULL)
    return [
        _digit_sentence(network, full, mine) for network, mine in errors.items() if network != FULL and full is not None
    ]


def _digit_sentence(network, full, errors):
    worst = [digit for digit in np.argsort(full - errors, kind="stable")[:3] if errors[digit] > full[digit]]
    rises = ", ".join(f"{digit} (from {full[digit]:.2f} to {errors[digit]:.2f}%)" for digit in worst)
    rise = f"rise most for the digits {rises}" if worst else "rise for no digit"
    return f"Without {REMOVED[network]} ({NAMES[network]}) the errors {rise}."


def _points(value):
    """Two decimals; no minus sign before what rounds to zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def _p(value):
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _is_mnist(runs):
    return _any(runs).record["dataset"] == "MNIST"


def _data(runs):
    """What the runs are of, so that nobody takes anything else for MNIST."""
    return _any(runs).record["dataset"] + ("" if _is_mnist(runs) else ", not MNIST")


def _any(runs):
    return next(iter(runs.values()))[0]


# ------------------------------------------------------------------------------------------------------------ files


def write(runs, labels, folder, notes=()):
    """Writes ablation.md, ablation.csv, ablation.png and ablation_digits.png; returns their paths.

    runs: dict from a network's name to its Runs by seed, at least one each, all of one dataset and recipe. labels:
    (images,) the digits of the test images. notes: lines for the reader of the report, on what is missing, say.
    Raises OSError or DataError where a file can't be written.
    """
    errors = digit_errors(runs, labels)
    paths = [folder / f"ablation{end}" for end in (".md", ".csv", ".png", "_digits.png")]
    with atomic_file(paths[0]) as file:
        file.write(_report(runs, labels, errors, notes).encode())
    with atomic_file(paths[1]) as file:
        file.write(_csv(runs, labels).encode())
    plotter.plot_comparison({NAMES[n]: _drawn(mine) for n, mine in runs.items()}, paths[2], dataset=_data(runs))
    plotter.plot_digit_errors({NAMES[n]: mine for n, mine in errors.items()}, paths[3], dataset=_data(runs))
    return paths


def _drawn(runs):
    """What plotter.plot_comparison wants to know of a network."""
    accuracies = [run.accuracy for run in runs]
    _, *interval = mean_interval(accuracies)
    return {
        "accuracies": accuracies,
        "interval": interval if len(runs) > 1 else None,
        "seconds": [run.record["training_seconds"] for run in runs],
        "histories": [run.record["history"] for run in runs],
    }


def _csv(runs, labels):
    text = io.StringIO()
    columns = ["network", "seed", "dataset", "steps", "parameters", "training_seconds", "test_accuracy", "errors"]
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*columns, *(f"errors_on_{digit}" for digit in range(10)), "script_sha256"])
    for run in (run for of_network in runs.values() for run in of_network):
        wrong = np.bincount(labels[run.predictions != labels], minlength=10)
        record = run.record
        known = [record[name] for name in columns[2:-1]]
        table.writerow([run.network, run.seed, *known, wrong.sum(), *wrong, record["recipe"]["script_sha256"]])
    return text.getvalue()


def main_table(runs):
    """The table of the four networks, in Markdown."""
    found = differences(runs)
    data = f"test accuracy on {_data(runs)}, % (95% CI)"
    header = ["network", "parameters", "training, s", "seeds", data, "difference, points (95% CI)", "significant"]
    return _table(header, [_main_row(network, mine, found.get(network)) for network, mine in runs.items()])


def _main_row(network, runs, found):
    mean, low, high = mean_interval([run.accuracy for run in runs])
    seconds = np.median([run.record["training_seconds"] for run in runs])
    row = [
        f"{NAMES[network]} (`{network}`)",
        f"{runs[0].record['parameters']:,}",
        f"{seconds:.1f}",
        len(runs),
        f"{mean:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})"),
    ]
    if found is None:
        return [*row, "", ""]
    if found.p is None:
        return [*row, _points(found.points), "not tested"]
    interval = f"{_points(found.points)} ({_points(found.low)} to {_points(found.high)})"
    return [*row, interval, f"{'yes' if found.significant else 'no'}, {_p(found.p)}"]


def _digit_table(runs, errors, labels):
    images = np.bincount(labels, minlength=10)
    header = [f"errors on {_data(runs)}, %", *(f"{digit} ({n:,})" for digit, n in enumerate(images)), "all"]
    rows = [
        [NAMES[network], *(f"{share:.2f}" for share in shares), f"{np.average(shares, weights=images):.2f}"]
        for network, shares in errors.items()
    ]
    return _table(header, rows)


def _pair_table(runs, paired):
    header = [f"test images, {_data(runs)}", "seed", "both right", "only full right", "only ablation right"]
    rows = [
        [NAMES[network], pair.seed, pair.both, pair.only_full, pair.only_ablation, pair.neither, _p(pair.p)]
        for network, pair in paired.items()
    ]
    return _table([*header, "both wrong", "McNemar, corrected"], rows)


def _table(header, rows):
    """A table in Markdown, its columns lined up, so that it can be read as it is."""
    cells = [list(map(str, line)) for line in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]  # the colon puts numbers to the right
    lines = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def _report(runs, labels, errors, notes):
    paired, listed = pairs(runs, labels), conclusions(runs, labels)
    parts = ["# What each layer is worth", *_warning(runs), _bullets(_conditions(runs, len(labels)) + list(notes))]
    parts += ["## The networks", main_table(runs), "![Accuracy, learning curves and time](ablation.png)"]
    if listed:
        parts += ["## Conclusions", _bullets(listed)]
    parts += ["## Errors by digit", _digit_table(runs, errors, labels), "![Errors by digit](ablation_digits.png)"]
    if listed:
        parts += [_bullets(digit_sentences(errors))]
    if paired:
        parts += ["## Two networks on the same images", _pair_table(runs, paired)]
    parts += ["## How to read this", _bullets(_method(runs, len(paired)))]
    return "\n\n".join(parts) + "\n"


def _bullets(lines):
    return "\n".join(f"- {line}" for line in lines)


def _warning(runs):
    dataset = _any(runs).record["dataset"]
    return [] if _is_mnist(runs) else [f"**These are {dataset}, not MNIST: no figure here says anything about MNIST.**"]


def _conditions(runs, images):
    """What all runs have in common, a line each."""
    record = _any(runs).record
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


def _method(runs, comparisons):
    """How the figures came about, a line each; of the methods, those that were used."""
    lines = [
        "Training, s: what the training steps took, the median of the seeds: a machine that was busy once counts less."
    ]
    if any(len(of_network) > 1 for of_network in runs.values()):
        lines += [
            "Test accuracy: mean over the seeds, and Student's t-interval, mean ± t·s/√n, of n seeds with standard "
            "deviation s. It tells how well the mean of many more seeds is known, not where a single run will be. Of "
            "two or three seeds it is wide, and may reach beyond 0 and 100%."
        ]
    if any(found.p is not None for found in differences(runs).values()):
        lines += [
            "Difference: mean accuracy less that of the full network, in percentage points. Interval and p are from "
            "Dunnett's test, which compares several networks with one and allows for their number: the intervals hold "
            "together in 95 of 100 such studies. Significant: the interval has no zero in it (p < 0.05). "
            "All figures are rounded last, so a difference may be 0.01 off that of the rounded means."
        ]
    if unlike := unequal_spread(runs):
        lines += [
            f"Caution: Dunnett's test takes the seeds of all networks to vary alike, and those of {NAMES[unlike[1]]} "
            f"vary more than {UNEQUAL} times as much as those of {NAMES[unlike[0]]}."
        ]
    if comparisons:
        lines += [
            "McNemar's exact test looks at the images that only one of two trained networks gets right: were the two "
            "equally good, that would be either one by the toss of a coin. It is about these two trainings, on these "
            f"images, not about other seeds. Its p is multiplied by {comparisons}, the number of comparisons "
            "(Bonferroni)."
        ]
    return lines
