"""Grades on the workers of a Dask cluster: the coordinator's side.

    with dask_workers("tls://host:8786", tls, own, train=True) as workers:
        class_.grade(submissions, workers)

Units and answers are bytes (see unit.py). A worker that has not proved the same as this machine offers not what units
ask for, so it never gets one. What a worker had when it died, or was cut off, goes to another one.
"""

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import dask.config
from distributed import Client, KilledWorker
from tqdm import tqdm

from grading.cluster import worker
from grading.cluster.address import NobodyThere, reach
from grading.cluster.certificate import security
from grading.cluster.proof import Proof, differences, read_proof
from grading.cluster.settings import TRIES
from grading.options import GradingError
from grading.workers import Workers, WorkersDied
from labkit.errors import RecordError
from labkit.text import printable, quoted

CONNECT = 15  # seconds in which a scheduler has to answer
LOOK = 2.0  # seconds between two looks at who is there
LARGE = "1 GiB"  # of a unit; Dask warns above that, and a submission may have some 10 MB
START = "python -m grading cluster scheduler"


@contextlib.contextmanager
def dask_workers(
    address: str, tls: Path, own: Proof, *, train: bool, grade: Callable[[bytes], bytes] = worker.grade
) -> Iterator[Workers]:
    """Grade on the workers of a scheduler at tls://HOST:PORT.

    Args:
        address: the scheduler's, as address.address takes it.
        tls: the folder of the certificate.
        own: what is so on this machine, and has to be so on a worker's.
        train: whether units are trained.
        grade: what a worker does with a unit.

    Raises:
        GradingError: nobody answers there who has the certificate, or the connection is lost.
    """
    with _connected(address, tls) as client, _Watch(client, own, train) as watch:
        print(
            f"workers and progress, in a browser on the scheduler's machine: {client.dashboard_link}", file=sys.stderr
        )
        yield Workers(_DaskExecutor(client, address, own.resource(train=train)), grade, watch.count)


@contextlib.contextmanager
def _connected(address: str, tls: Path) -> Iterator[Client]:
    certificate = security(tls)
    _silence()
    try:
        reach(address, tls)
    except NobodyThere as error:
        raise GradingError(f"{error}: {START}, on that machine, starts one") from error
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGE}):
        try:
            client = Client(address, security=certificate, timeout=CONNECT, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise GradingError(f"what answers at {address} is no scheduler of the grader's ({error})") from error
        with client:
            yield client


def _silence() -> None:
    """Keep Dask from logging: what matters of it is told here, in a line. Some of its loggers have their own level."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


class _DaskExecutor(Executor):
    """Distributed's own executor, in which a unit ends as Batch expects it: with an answer, or with what was wrong."""

    def __init__(self, client: Client, address: str, resource: str) -> None:
        self._client, self._address = client, address
        self._executor = client.get_executor(resources={resource: 1}, retries=TRIES - 1, pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        if self._client.status != "running":
            raise self._lost()
        future: Future = Future()
        self._executor.submit(fn, *args, **kwargs).add_done_callback(lambda inner: self._pass_on(inner, future))
        return future

    def _pass_on(self, inner: Future, future: Future) -> None:
        if inner.cancelled():  # by nobody here
            future.set_exception(self._lost())
        elif isinstance(error := inner.exception(), worker.UnitFailed):
            future.set_result(error.answer)
        elif isinstance(error, KilledWorker):
            last = quoted(str(error.last_worker.name))
            future.set_exception(WorkersDied(f"{TRIES} workers died while they graded it, the last was {last}"))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(inner.result())

    def _lost(self) -> GradingError:
        return GradingError(
            f"the scheduler at {self._address} is lost; {START} starts it again. What is graded is kept, and the "
            "same command continues"
        )


class _Watch:
    """Knows how many workers there are that may grade, and tells of those that may not. A context manager."""

    def __init__(self, client: Client, own: Proof, train: bool) -> None:
        self._client, self._own, self._train = client, own, train
        self._resource = own.resource(train=train)
        self._agreeing: set[str] | None = None
        self._refused: set[str] = set()  # names, which a worker keeps when it starts anew
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)

    def count(self) -> int:
        """Return how many units are worked on at a time; 1 where nobody is there yet, so that it is waiting there."""
        return max(1, len(self._agreeing or ()))

    def __enter__(self) -> "_Watch":
        self._client.subscribe_topic(worker.TROUBLE, self._tell_of_trouble)
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep_looking(self) -> None:
        while not self._over.wait(LOOK):
            with contextlib.suppress(OSError, RuntimeError, ValueError):  # no scheduler for now; submit() tells
                self._look()

    def _look(self) -> None:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        agreeing = {at for at, facts in workers.items() if self._resource in facts["resources"]}
        names = {at: str(facts["name"]) for at, facts in workers.items()}
        self._refuse({at: name for at, name in names.items() if at not in agreeing and name not in self._refused})
        if not agreeing and self._agreeing != set():
            _tell("waiting for workers: no machine that has proved the same as this one is there")
        self._agreeing = agreeing

    def _refuse(self, others: dict[str, str]) -> None:
        if not others:
            return
        answers: Any = self._client.run(worker.own_proof, workers=list(others), on_error="return")
        for at, name in others.items():
            if at in answers:  # it may have gone
                self._refused.add(name)
                _tell(f"no work for {quoted(name)}: {self._why(answers[at])}")

    def _why(self, answer: object) -> str:
        if isinstance(answer, str):
            with contextlib.suppress(RecordError):
                reasons = differences(self._own, read_proof(answer), train=self._train)
                return "; ".join(reasons) or "it offers something else than what it has proved"
        return "it was not started by python -m grading cluster worker"

    @staticmethod
    def _tell_of_trouble(event: tuple[float, object]) -> None:
        _tell(f"the grader failed at {printable(str(event[1]))[:500]}; the submission is tried again")


def _tell(line: str) -> None:
    """Print a line without breaking the bar."""
    tqdm.write(line, file=sys.stderr)
