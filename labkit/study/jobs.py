"""The trainings that a study needs: which scripts, with which seeds, and what their records have to hold to count."""

import ast
import itertools
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.data import loader
from labkit.errors import KitError
from labkit.files import KIT
from labkit.networks import REMOVED, TITLES
from labkit.run import record as run_record
from labkit.run.preparation import pick_precision

NETWORKS = tuple(TITLES)
SCRIPTS = KIT
NO_RECORD = "it left no run.json: keep everything outside of the class Model as it is in deep_mnist.py"


class StudyError(KitError):
    """What keeps a study, or one of its runs, from going on; the text is fit for a student to read."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """A training that the study needs: where its results go, and what its run.json has to hold to count for it."""

    network: str
    seed: int
    folder: Path
    wanted: dict

    def __str__(self) -> str:
        return f"{self.network} seed {self.seed}"


def script_path(network: str) -> Path:
    """Return the path of a network's script, whether it is there or not."""
    return SCRIPTS / f"{network}.py"


def find_jobs(
    networks: Collection[str], seeds: int, given: dict[str, Any], data: loader.DataSets
) -> tuple[list[TrainingJob], dict[str, str]]:
    """Return the Jobs of a study, seed by seed, and {network: why it has none}; report which scripts are missing."""
    wanted, faults = {}, {}
    for network in [network for network in NETWORKS if network in networks]:  # in that order, once
        try:
            wanted[network] = expected_record(network, given, data)
        except FileNotFoundError:
            hint = f": copy deep_mnist.py and remove {REMOVED[network]}" if network in REMOVED else ""
            say(f"{network}.py is not there yet, so it is left out{hint}")
        except StudyError as error:
            faults[network] = str(error)
    for network, record in wanted.items():
        first, reference = next(iter(wanted.items()))
        if changed := changes(reference, record):
            listed = ", ".join(f"{name} is {one} in {first} and {other} in {network}" for name, one, other in changed)
            raise StudyError(f"the networks are not trained alike: {listed}; make them equal, or give them as flags")
    results = Path(given.get("results_dir", "results"))
    jobs = []
    for seed, (network, record) in itertools.product(range(seeds), wanted.items()):
        recipe = record["recipe"] | {"seed": seed}
        jobs.append(TrainingJob(network, seed, results / network / f"seed-{seed}", record | {"recipe": recipe}))
    return jobs, faults


def expected_record(network: str, given: dict[str, Any], data: loader.DataSets) -> dict[str, Any]:
    """Return what decides a training's result, laid out as in run.json, but for the seed.

    Raises StudyError for a script whose flags can't be read, and OSError where there is none.
    """
    path = script_path(network)
    source = path.read_bytes()
    defaults = read_defaults(path.name, source)
    settings = defaults | {name: value for name, value in given.items() if name in defaults}
    settings["precision"] = pick_precision(given.get("precision", "auto"))
    recipe = run_record.recipe(settings, data.name, source)
    return {"recipe": recipe, "sha256": data.sha256, **run_record.environment()}


def read_defaults(name: str, source: bytes) -> dict[str, Any]:
    """Read the defaults in a lab script's call of lab.parse_flags, without running it; raise StudyError on failure."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        call = next(call for call in calls if ast.unparse(call.func) == "lab.parse_flags")
        return {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
    except SyntaxError as error:
        raise StudyError(f"{name}, line {error.lineno}: {error.msg}") from error
    except (StopIteration, ValueError) as error:
        raise StudyError(
            f"{name} has no call of lab.parse_flags with plain numbers: take it over from deep_mnist.py, where only "
            "the docstring and the class Model are to change"
        ) from error


def kind(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the runs of one table share, names to values: of a run.json, or of an expected record.

    Neither script nor seed is in it. Nor is the number of threads, which no record has: with fewer of them sums are
    taken in another order, and that changes a result as another seed does, no more.
    """
    shared = {name: value for name, value in record["recipe"].items() if name not in ("script_sha256", "seed")}
    shared["data files"] = " ".join(sorted(digest[:8] for digest in record["sha256"].values()))
    machine = dict(record["machine"])
    machine["system"] = machine.pop("platform").partition("-")[0]  # without the kernel's version: that is updated
    return shared | record["packages"] | machine


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List where two records differ in kind: (name, value before, value now)."""
    before, now = kind(before), kind(now)
    names = [name for name in now | before if before.get(name) != now.get(name)]
    if "dataset" in names and "data files" in names:
        names.remove("data files")  # goes without saying
    return [(name, before.get(name, "none"), now.get(name, "none")) for name in names]


def say(line: str) -> None:
    """Print a line for the student on stderr: standard output is for results."""
    print(line, file=sys.stderr, flush=True)
