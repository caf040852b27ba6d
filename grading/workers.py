"""Who grades units: an executor, and how many at a time. Here: threads of this process, each with its own sandboxes."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from grading.unit import Place
from labkit.errors import KitError


class WorkersDied(KitError):
    """Every worker that was given a unit died of it."""


@dataclass(frozen=True)
class Workers:
    """Who grades: `grade` is what `executor` is to run with a unit.Task, as bytes, and returns a unit.GradedUnit.

    `count` tells how many units are graded at a time, now; `ahead` is how many more are sent, so that nobody waits for
    the next one.
    """

    executor: Executor
    grade: Callable[[bytes], bytes]
    count: Callable[[], int]
    ahead: int = 0


@contextlib.contextmanager
def threads(place: Place, jobs: int) -> Iterator[Workers]:
    """Grade in this process, `jobs` units at a time; where the block is left by an exception, nobody waits for them."""
    executor = Threads(jobs)
    try:
        yield Workers(executor, place.grade, lambda: jobs)
    except BaseException:  # Ctrl-C, while some are in the midst of a training
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    place.close()  # before the threads end, with whom their sandboxes would
    executor.shutdown()


class Threads(Executor):
    """An executor of threads that end with the program, in the midst of whatever they do.

    Those of concurrent.futures.ThreadPoolExecutor are waited for when the interpreter ends, so that Ctrl-C would wait
    for a training.
    """

    def __init__(self, max_threads: int) -> None:
        """Start up to `max_threads` threads, as they are needed."""
        self._most, self._over = max_threads, False
        self._threads: list[threading.Thread] = []
        self._todo: queue.SimpleQueue[tuple[Future, Callable, tuple, dict] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        with self._lock:
            if self._over:
                raise RuntimeError("the executor has been shut down")
            future = Future()
            self._todo.put((future, fn, args, kwargs))
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, daemon=True)
                self._threads.append(thread)
                thread.start()
            return future

    def _work(self) -> None:
        while job := self._todo.get():
            future, fn, args, kwargs = job
            if future.set_running_or_notify_cancel():
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del job, future, args, kwargs  # not to be kept in memory until the next one comes

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._over = True
            if cancel_futures:
                with contextlib.suppress(queue.Empty):
                    while job := self._todo.get_nowait():
                        job[0].cancel()
            for _ in self._threads:
                self._todo.put(None)
        if wait:
            for thread in self._threads:
                thread.join()
