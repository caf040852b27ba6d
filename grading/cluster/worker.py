"""What a process of a worker does: it grades units, one after the other, and says what the worker has proved.

A unit on which the grader itself fails is tried on other machines, too, before that is the answer: a disk may be full
here, and not there. Meanwhile this worker rests, so that it doesn't take the rest of the class and fail at that.
"""

import functools
import os
from pathlib import Path

from distributed import Worker, get_worker
from distributed.core import Status

from grading.cluster.proof import read_proof
from grading.cluster.settings import SCRATCH, settings
from grading.sandbox.choice import find_sandbox
from grading.unit import GradedUnit, Place, UnitStatus

TROUBLE = "grading-trouble"  # the topic under which a worker tells what failed there
REST = 30.0  # seconds


class UnitFailed(Exception):
    """The grader failed on a unit here; `answer` says so, as unit.GradedUnit, in bytes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer = answer


def own_proof() -> str:
    """Return what this worker has proved before it started, as JSON."""
    return settings().proof


@functools.lru_cache(maxsize=1)
def _place() -> Place:
    own = settings()
    proof = read_proof(own.proof)
    data = Path(own.data) if proof.mnist else None
    return Place(find_sandbox(own.unsafe), data, proof.kit, Path(os.environ[SCRATCH]), proof.precision)


def grade(task: bytes) -> bytes:
    """Grade a unit.Task, and return a unit.GradedUnit. Raises UnitFailed where another worker should try it."""
    return or_rest(_place().grade(task))


def or_rest(answer: bytes) -> bytes:
    """Return an answer; where it is that the grader failed, rest for a while and raise UnitFailed."""
    graded = GradedUnit.decode(answer)
    if graded.outcome != UnitStatus.FAILED:
        return answer
    worker = get_worker()
    worker.log_event(TROUBLE, f"{worker.name}: {graded.problem}")
    worker.loop.add_callback(_rest, worker)
    raise UnitFailed(answer)


def _rest(worker: Worker) -> None:
    """Take no more units for a while; those that are waiting here go to other workers."""
    worker.status = Status.paused
    worker.loop.call_later(REST, _go_on, worker)


def _go_on(worker: Worker) -> None:
    if worker.status == Status.paused:
        worker.status = Status.running
