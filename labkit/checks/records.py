"""What a student's trainings left: the records of a script's runs, and whether they can be what the report tells of."""

import csv
from dataclasses import dataclass
from pathlib import Path

from labkit.checks.check import Check, CheckId, failed, passed
from labkit.errors import KitError, RecordError
from labkit.formats import read_record
from labkit.networks import REMOVED, TITLES
from labkit.sources import code_sha256

MNIST = "MNIST"
RESULTS = "results"  # the folder of runs, by their scripts, unless --results-dir names another
ABLATION = "ablation.csv"  # in it, a row for each run that compare.py compared
MOST_BYTES = 1_000_000  # of it; twenty runs have 3,000


@dataclass(frozen=True)
class _Recipe:
    script_sha256: str


@dataclass(frozen=True)
class Record:
    """The part of a run.json (formats.RunRecord) that matters here; the accuracy is from 0 to 1."""

    dataset: str
    steps: int
    test_accuracy: float
    recipe: _Recipe


class BadRecord(KitError):
    """A run.json or an ablation.csv that can't be used; the text tells why."""


def check_training(script: str, folder: Path, band: tuple[float, float]) -> tuple[Check, float | None]:
    """Check that a script, in its present version, was trained on MNIST to an accuracy in `band` (low, high, 0 to 1).

    Returns (check, accuracy): the Check "training/<script>", and the mean accuracy over the seeds, or None without any.
    """
    name = CheckId("training", script)
    again = f"run `python {script}.py`, or `python compare.py` for all four networks"
    records = sorted((folder / RESULTS / script).glob("seed-*/run.json"))
    if not records:
        return failed(name, f"{script} has not been trained yet (no results/{script}/seed-*/run.json): {again}"), None
    try:
        runs = [read_run(path) for path in records]
    except BadRecord as error:
        return failed(name, f"{error}: delete that folder, and {again}"), None
    present = code_sha256((folder / f"{script}.py").read_bytes())
    current = [run for run in runs if run.recipe.script_sha256 == present]
    if not current:
        return failed(
            name, f"{script}.py has changed since it was trained, so its results are of another: {again}"
        ), None
    on_mnist = [run for run in current if run.dataset == MNIST]
    if not on_mnist:
        data = current[0].dataset
        problem = f"{script} was trained on {data}, not MNIST, and that says nothing about MNIST"
        return failed(name, f"{problem}: get MNIST (docs/student/when-something-does-not-work.md), then {again}"), None
    return _check_accuracy(name, script, on_mnist, band)


def _check_accuracy(
    name: CheckId, script: str, runs: list[Record], band: tuple[float, float]
) -> tuple[Check, float | None]:
    low, high = band
    accuracy = sum(run.test_accuracy for run in runs) / len(runs)
    seeds = f"{len(runs)} seed{'s' * (len(runs) != 1)}"
    measured = f"test accuracy {accuracy:.2%} on MNIST ({seeds}, {runs[0].steps:,} steps)"
    if low <= accuracy <= high:
        return passed(name, measured), accuracy
    why = "train it for longer" if accuracy < low else "that is more than this network can do"
    layer = f", and look whether just {REMOVED[script]} is gone" if script in REMOVED else ""
    first = f" (first mend what architecture/{script} tells, if that has failed)" if script in REMOVED else ""
    return failed(name, f"{measured}, expected {low:.2%} to {high:.2%}: {why}{layer}{first}"), accuracy


def read_run(path: Path) -> Record:
    """Read the Run in a run.json; raise BadRecord for one that is damaged or not of this kind."""
    where = "/".join(path.parts[-4:])
    try:
        run = read_record(path.read_bytes(), Record, earlier=True)  # they were trained all the same
    except OSError as error:
        raise BadRecord(f"{where} can't be read ({error.strerror})") from error
    except RecordError as error:
        raise BadRecord(f"{where} is damaged") from error
    if not 0 <= run.test_accuracy <= 1:  # nor is NaN
        raise BadRecord(f"{where} has a test accuracy of {run.test_accuracy}, which is none")
    return run


def read_ablation(path: Path) -> dict[str, tuple[float, ...]]:
    """Read what compare.py wrote of its runs: networks ("deep_mnist", ...) to the test accuracies on MNIST, 0 to 1.

    A spreadsheet may have been at it: semicolons and decimal commas are understood. Raises BadRecord for a file that is
    damaged, or has no run on MNIST.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8-sig")
        accuracies_of: dict[str, list[float]] = {}
        for row in csv.DictReader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ","):
            accuracy = float(row["test_accuracy"].replace(",", "."))
            if not 0 <= accuracy <= 1:  # nor is NaN
                raise BadRecord(f"{path.name} has a test accuracy of {row['test_accuracy']}, which is none")
            if row["network"] in TITLES and row["dataset"] == MNIST:
                accuracies_of.setdefault(row["network"], []).append(accuracy)
    except OSError as error:
        raise BadRecord(f"{path.name} can't be read ({error.strerror})") from error
    except (AttributeError, KeyError, ValueError, csv.Error) as error:
        raise BadRecord(f"{path.name} is damaged") from error
    if not accuracies_of:
        raise BadRecord(f"{path.name} has no run on {MNIST}")
    return {network: tuple(accuracies) for network, accuracies in accuracies_of.items()}
