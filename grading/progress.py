"""How far a run over a class has come, for other processes: progress.json in the folder of results.

A run that is killed can't say so here: whether one is still at work is told by its lock (locking.is_graded_now).
"""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from labkit.errors import RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record

FILE = "progress.json"
SECONDS = 0.5  # between two looks whether there is something new to be written


class Phase(str, Enum):
    """What a run is doing."""

    GRADING = "grading"
    COMPARING = "comparing"  # all is graded; who shares what is still to come
    ENDED = "ended"
    STOPPED = "stopped"  # by Ctrl-C or by an error

    def __str__(self) -> str:  # as it is written to files, whatever the version of Python
        return self.value


@dataclass(frozen=True)
class RunState:
    """How far a run is: of `submissions`, how many are done, and the folders of those that are being graded.

    `started` and `ended` are moments, ISO 8601 with the offset from UTC; `ended` is "" before that.
    """

    submissions: int
    done: int
    running: list[str]
    phase: Phase
    started: str
    ended: str = ""


class Progress:
    """Tells of a run while it lasts: a context manager.

    The file is written by a thread of its own, some times a second at most. That it can't be written stops nothing.
    """

    def __init__(self, out: Path, submissions: int, tells: Callable[[], bool] = lambda: True) -> None:
        """Tell it in `out`, the folder of results; `submissions` is how many there are in all.

        `tells` says whether this run is the one that writes the file, where several share a class.
        """
        self._file, self._over = out / FILE, threading.Event()
        self._state = RunState(submissions, 0, [], Phase.GRADING, _now())
        self._tells = tells
        self._rows: Sized = ()
        self._running: list[str] = []
        self._written: RunState | None = None
        self._thread = threading.Thread(target=self._keep_writing, daemon=True)

    def total(self, submissions: int) -> None:
        """Tell that there are so many submissions in all, from now on."""
        self._state = dataclasses.replace(self._state, submissions=submissions)

    def count(self, rows: Sized) -> None:
        """Count as done what is in `rows` from now on, at any time."""
        self._rows = rows

    def working_on(self, folders: Sequence[str]) -> None:
        """Tell which submissions are being graded from now on, known by the folders of their results."""
        self._running = list(folders)

    def comparing(self) -> None:
        """Tell that all is graded, and is compared now."""
        self._state = dataclasses.replace(self._state, phase=Phase.COMPARING)

    def __enter__(self) -> "Progress":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._state = dataclasses.replace(self._state, phase=Phase.STOPPED if kind else Phase.ENDED, ended=_now())
        self._write()

    def _keep_writing(self) -> None:
        while not self._over.wait(SECONDS):
            self._write()

    def _write(self) -> None:
        running = [] if self._state.ended else self._running
        state = dataclasses.replace(self._state, done=len(self._rows), running=running)
        if state == self._written or not self._tells():
            return
        with contextlib.suppress(OSError), atomic_file(self._file) as file:
            file.write(json.dumps({"format": FORMAT, **dataclasses.asdict(state)}).encode() + b"\n")
            self._written = state


def read_progress(out: Path) -> RunState | None:
    """Read how far the last run into a folder of results is, or was; None where nothing tells."""
    try:
        return read_record((out / FILE).read_bytes(), RunState)
    except (OSError, RecordError):
        return None


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
