"""Reads what the worker left: untrusted, so checked for its form, capped, and made fit for a terminal."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.errors import RecordError
from labkit.formats import as_record, read_record
from labkit.limits import MIB, Outcome
from labkit.text import printable

SUFFIXES = {"export": ".pb", "run": ".npz"}  # of the file that a task leaves
TASKS = tuple(SUFFIXES)
MAX_REPORT = 4 * MIB
MAX_TEXT = 2000  # characters of a message
MAX_LOG = 20_000  # characters
MOST = 1e9  # a larger number is none, and could only spoil what is shown


@dataclass(frozen=True)
class _Report:
    """report.json, of which each part is looked at by itself: one that is of another form spoils none of the others."""

    tasks: list[Any]


@dataclass(frozen=True)
class _Task:
    """What the worker tells of a task, as in forks.Ended; `result` may be student code's own."""

    script: str
    task: str
    ended: str
    status: int
    log: str
    seconds: float
    result: Any = None


@dataclass(frozen=True)
class _Result:
    """What a task returned: both kinds of them (worker.export and worker.run) in one."""

    error: str | None = None
    model_error: str | None = None
    status: int | None = None
    steps: int = -1
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What is told of one task: `ended`, `status`, `log` and `seconds` as in forks.Ended, and what the task returned.

    `error` is what went wrong in the student's code, `model_error` in a call of its Model; `steps` are those that a run
    finished; `file` is what the task left: a graph, or samples of weights.
    """

    ended: str
    status: int
    error: str
    model_error: str
    steps: int
    file: Path | None
    log: str
    seconds: float


@dataclass(frozen=True)
class Records:
    """The records of one script, by task; `stopped` is how its sandbox ended, where that was not well."""

    tasks: dict[str, Record] = field(default_factory=dict)
    stopped: Outcome | None = None

    @property
    def log(self) -> str:
        """What the script printed."""
        return self.stopped.log if self.stopped else "".join(record.log for record in self.tasks.values())

    @property
    def seconds(self) -> float:
        """Wall time of all its tasks."""
        return self.stopped.seconds if self.stopped else sum(record.seconds for record in self.tasks.values())

    @property
    def graph(self) -> Path | None:
        """The frozen graph of its network."""
        return self.tasks["export"].file if "export" in self.tasks else None

    @property
    def weights(self) -> Path | None:
        """Samples of the weights that its main trained."""
        return self.tasks["run"].file if "run" in self.tasks else None

    def problem(self, task: str, what: str, limit_seconds: float) -> str | None:
        """Say why `what` (a task, in words) did not end well, in a sentence for the student; None if it did.

        A task that was not tried did not end well, either.
        """
        if self.stopped:
            return f"{what}: it {self.stopped.problem}"
        record = self.tasks.get(task)
        if record is None:
            return f"{what}: it left no record"
        if record.ended == "done":
            return f"{what}: {record.error}" if record.error else None
        how = {
            "timeout": f"took longer than the {limit_seconds:g} s allowed and was stopped",
            "flood": "printed without end and was stopped",
            "exit": f"ended its process in the middle, with exit status {record.status}",
            "signal": f"was ended by signal {record.status}",
        }
        return f"{what}: it {how.get(record.ended, 'came to no known end')}"


def read_report(output: Path, scripts: list[str]) -> dict[str, Records]:
    """Read the records that a worker left in a folder, by script; one that is not of their form counts as missing."""
    records = {script: Records() for script in scripts}
    path, entries = output / "report.json", []
    with contextlib.suppress(OSError, RecordError):
        if path.stat().st_size <= MAX_REPORT:
            entries = read_record(path.read_bytes(), _Report).tasks
    for entry in entries:
        with contextlib.suppress(RecordError):
            task = as_record(entry, _Task)
            if task.script in scripts and task.task in TASKS:
                records[task.script].tasks[task.task] = _record(task, output)
    return records


def text(value: str | None, limit: int = MAX_TEXT) -> str:
    """Return untrusted text, fit to be shown; "" for none."""
    return printable(value[:limit]) if value else ""


def _record(task: _Task, output: Path) -> Record:
    result = _Result()  # what is of another form tells nothing
    with contextlib.suppress(RecordError):
        result = as_record(task.result or {}, _Result)
    path = output / f"{task.script}{SUFFIXES[task.task]}"
    return Record(
        ended=text(task.ended),
        status=_bounded(task.status if result.status is None else result.status),
        error=text(result.error),
        model_error=text(result.model_error),
        steps=_bounded(result.steps),
        file=path if path.name in result.files and path.is_file() else None,
        log=text(task.log, MAX_LOG),
        seconds=task.seconds if abs(task.seconds) < MOST else -1.0,  # nor is NaN
    )


def _bounded(number: int) -> int:
    return number if abs(number) < MOST else -1
