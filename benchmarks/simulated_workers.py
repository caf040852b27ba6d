"""Workers that only take time: an executor of which `scale.py` measures how fast a real coordinator feeds it.

Time is virtual. It is the coordinator's processor time while that works, so that whatever else keeps the machine busy
counts for nothing, and jumps to the end of the unit that ends first where the coordinator would wait for one. So a
thousand workers need no thousand processors, and a minute of training no minute. Not in it is what the coordinator
waits for the disk, and what the engine takes that carries the units.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

# Seconds that a submission's checks took, trainings included, of a generated class of 100 on two cores, two at a time:
#     python -m tests.submissions.generate trial --students 100 --seed 5
#     python -m grading trial/submissions --out trial/grades
# and of each result.json whose status is "graded" the sum of its checks' seconds.
RECORDED = (
    *(12.8, 12.9, 13.1, 13.2, 13.3, 13.4, 14.6, 14.7, 16.0, 16.3, 16.6, 16.8, 18.3, 18.5, 18.6, 18.9, 18.9, 19.9),
    *(21.6, 24.1, 25.0, 25.3, 25.4, 25.8, 25.8, 26.0, 26.0, 26.1, 26.1, 26.2, 26.3, 26.4, 26.4, 26.4, 26.4, 26.5),
    *(26.6, 26.6, 26.7, 26.7, 26.7, 26.7, 26.7, 26.7, 26.8, 26.8, 26.9, 26.9, 26.9, 26.9, 26.9, 26.9, 26.9, 26.9),
    *(27.0, 27.0, 27.1, 27.1, 27.1, 27.1, 27.1, 27.1, 27.2, 27.2, 27.2, 27.2, 27.3, 27.3, 27.3, 27.3, 27.4, 27.4),
    *(27.5, 27.5, 27.6, 27.8, 27.8, 27.9, 28.0, 28.0, 28.2, 28.2, 28.3, 29.4, 38.8, 41.1, 44.7, 74.5),
)


class SimulatedWorkers(Executor):
    """So many workers, each of which takes one unit at a time, in the order in which they were sent.

    For one coordinator in one thread, which asks `count` before it sends and before it waits, as grading.batch does.
    """

    def __init__(self, workers: int, durations: Sequence[float], answer: Callable[[int], bytes]) -> None:
        """Take all units: the seconds of each, in the order of sending, and what comes back, by its number."""
        self._workers, self._durations, self._answer = workers, durations, answer
        self._free = [0.0] * workers  # a heap: when each can take a unit
        self._running: list[tuple[float, int, Future[bytes]]] = []  # a heap, by the moment of the end
        self._sent = itertools.count()
        self._left = len(durations)  # units that are not sent yet
        self._is_one_ready = False  # that ended, and was not taken yet
        self._moment, self._since = 0.0, time.process_time()
        self.costs: list[float] = []  # what the coordinator itself took until each unit ended, in seconds

    @property
    def now(self) -> float:
        """The virtual time, in seconds."""
        return self._moment + time.process_time() - self._since

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Send a unit; what it holds is not looked at."""
        number, future = next(self._sent), _Unit(self._note_taken)
        end = max(heapq.heappop(self._free), self.now) + self._durations[number]
        heapq.heappush(self._free, end)
        heapq.heappush(self._running, (end, number, future))
        self._left -= 1
        return future

    def count(self) -> int:
        """Return how many workers there are. Where the coordinator can only wait now, the first unit ends."""
        is_full = len(self._running) == self._workers or not self._left
        if self._running and is_full and not self._is_one_ready:
            self._end_one()
        return self._workers

    def _end_one(self) -> None:
        now = self.now
        self.costs.append(now - self._moment)
        end, number, future = heapq.heappop(self._running)
        self._moment, self._is_one_ready = max(now, end), True
        answer = self._answer(number)
        self._since = time.process_time()
        future.set_result(answer)

    def _note_taken(self) -> None:
        self._is_one_ready = False


class _Unit(Future):
    """A unit that tells when its answer is taken."""

    def __init__(self, note: Callable[[], None]) -> None:
        super().__init__()
        self._note = note

    def result(self, timeout: float | None = None) -> Any:
        self._note()
        return super().result(timeout)


def makespan(durations: Sequence[float], workers: int, costs: Iterable[float] = itertools.repeat(0.0)) -> float:
    """Return when the last of the units is done, in seconds.

    They go in their order, each to the first worker that is free, by a coordinator whom each costs so much of its own
    time when it comes back. With `costs` of 0 that is the ideal.
    """
    coordinator, costs = 0.0, iter(costs)
    running: list[float] = []
    for duration in durations:
        if len(running) == workers:
            coordinator = max(coordinator, heapq.heappop(running)) + next(costs)
        heapq.heappush(running, coordinator + duration)
    while running:
        coordinator = max(coordinator, heapq.heappop(running)) + next(costs)
    return coordinator
