"""The finished runs of a study: read, and held against what their records say and the study asks for."""

import hashlib
import io
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labkit.errors import RecordError
from labkit.formats import RunRecord, read_record
from labkit.networks import REMOVED, expected_variables
from labkit.study.jobs import NETWORKS, NO_RECORD, StudyError, TrainingJob, changes, say


class NoRunError(StudyError):
    """There is no finished run yet."""


class OtherKindError(StudyError):
    """A finished run that may not stand in one table with those of this study."""


class OtherNetworkError(StudyError):
    """A finished run of a script as it is, which holds another network than its name says."""


def read_run(job: TrainingJob, labels: np.ndarray) -> tuple[RunRecord, np.ndarray]:
    """Read a finished job; return (run.json, predictions): the record, and uint8 (images,).

    Raises NoRunError; OtherKindError for a run that was trained under other conditions; OtherNetworkError for one whose
    network is not the one that the study is about; and StudyError for one whose script has changed since, or whose
    files are damaged.
    """
    try:
        record = read_record((job.folder / "run.json").read_bytes(), RunRecord, earlier=True)
    except FileNotFoundError as error:
        raise NoRunError(NO_RECORD) from error
    except OSError as error:
        raise StudyError(f"its run.json can't be read ({error.strerror})") from error
    except RecordError as error:
        raise StudyError("its run.json is damaged") from error
    if not record["history"]:  # of which tables and pictures are made
        raise StudyError("its run.json is damaged")
    if changed := changes(record, job.wanted):
        raise OtherKindError(", ".join(f"{name} was {before}, is {now}" for name, before, now in changed))
    if record["recipe"].get("script_sha256") != job.wanted["recipe"]["script_sha256"]:
        raise StudyError("its script has changed since")
    check_network(job.network, record["parameters"])
    return record, read_predictions(job.folder / "predictions.npy", record, labels)


def check_network(network: str, parameters: int) -> None:
    """Raise OtherNetworkError where a network does not have as many parameters as the assignment's of that name."""
    expected = count_parameters(network)
    if parameters == expected:
        return
    same = [f", which is what {other}.py should have" for other in NETWORKS if count_parameters(other) == parameters]
    if network not in REMOVED:
        wanted, mark = f"the lecture's network has {expected:,}: there is nothing to compare the others with", "deep"
    else:
        wanted = f"without {REMOVED[network]} it would be {expected:,}: so it tells nothing about them"
        mark = network.removeprefix("model_")
    raise OtherNetworkError(
        f"{network}.py has {parameters:,} parameters{''.join(same)}, and {wanted}; to see what differs: "
        f"python -m pytest tests/test_shapes.py -m {mark}"
    )


def count_parameters(network: str) -> int:
    """Return the number of weights and biases of the assignment's network of that name."""
    return sum(math.prod(shape) for shape in expected_variables(network).values())


def read_predictions(path: Path, record: RunRecord, labels: np.ndarray) -> np.ndarray:
    """Read the predictions of a run, (images,) uint8; raise StudyError where they contradict its record."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StudyError(f"its predictions.npy can't be read ({error.strerror})") from error
    if hashlib.sha256(raw).hexdigest() != record["predictions_sha256"]:
        raise StudyError("its predictions.npy is not the one that its run.json tells of")
    predictions = np.load(io.BytesIO(raw), allow_pickle=False)
    right = float(np.mean(predictions == labels))
    if not math.isclose(record["test_accuracy"], right, abs_tol=1e-9):  # nor is NaN close to anything
        raise StudyError(f"its test accuracy is {record['test_accuracy']}, but {right} of its predictions are right")
    return predictions


def find_finished(
    jobs: Sequence[TrainingJob], labels: np.ndarray
) -> tuple[dict[TrainingJob, tuple[RunRecord, np.ndarray]], dict[str, str]]:
    """Find the finished jobs: {job: what read_run returns}; and {network: why its runs are of another network}.

    Reports which runs have to be trained again, and why. Raises StudyError where a run of another kind is in the way:
    to train that again would be to lose it.
    """
    finished, mismatched, retrained, other_kinds = {}, {}, defaultdict(list), defaultdict(list)
    for job in jobs:
        try:
            finished[job] = read_run(job, labels)
        except NoRunError:
            continue
        except OtherKindError as error:
            other_kinds[str(error)].append(job)
        except OtherNetworkError as error:
            mismatched[job.network] = str(error)
        except StudyError as error:
            retrained[str(error)].append(job)
    if other_kinds:
        listed = "".join(f"\n  {named(affected)}: {why}" for why, affected in other_kinds.items())
        raise StudyError(
            f"there are results of another kind, which can't go into one table with those of this command:{listed}\n"
            "Give the flags that they were trained with; or keep them, and give another --results-dir; or delete them."
        )
    for why, affected in retrained.items():
        say(f"{named(affected)}: {why}; to be trained again")
    return finished, mismatched


def named(jobs: Sequence[TrainingJob]) -> str:
    """Name jobs briefly: "deep_mnist seed 0, 1; model_no1 seed 0"."""
    seeds = defaultdict(list)
    for job in jobs:
        seeds[job.network].append(str(job.seed))
    return "; ".join(f"{network} seed {', '.join(numbers)}" for network, numbers in seeds.items())
