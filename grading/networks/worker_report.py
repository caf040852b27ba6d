"""Reads what the worker left: untrusted, so checked for its form, capped, and made fit for a terminal."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.limits import MIB, Outcome
from labkit.text import printable

SUFFIXES = {"export": ".pb", "run": ".npz"}  # of the file that a task leaves
TASKS = tuple(SUFFIXES)
MAX_REPORT = 4 * MIB
MAX_TEXT = 2000  # characters of a message
MAX_LOG = 20_000  # characters


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
    found = {script: Records() for script in scripts}
    path = output / "report.json"
    try:
        entries = json.loads(path.read_bytes()) if path.stat().st_size <= MAX_REPORT else []
    except (OSError, ValueError, RecursionError):
        entries = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("script") in scripts and entry.get("task") in TASKS:
            found[entry["script"]].tasks[entry["task"]] = _record(entry, output)
    return found


def text(value: object, limit: int = MAX_TEXT) -> str:
    """Return untrusted text, fit to be shown; "" for anything else."""
    return printable(value[:limit]) if isinstance(value, str) else ""


def _record(entry: dict[str, Any], output: Path) -> Record:
    told = entry.get("result")
    result = told if isinstance(told, dict) else {}
    path = output / f"{entry['script']}{SUFFIXES[entry['task']]}"
    files = result.get("files")
    has_file = isinstance(files, dict) and path.name in files and path.is_file()
    return Record(
        ended=text(entry.get("ended")),
        status=int(_number(result.get("status", entry.get("status")))),
        error=text(result.get("error")),
        model_error=text(result.get("model_error")),
        steps=int(_number(result.get("steps"))),
        file=path if has_file else None,
        log=text(entry.get("log"), MAX_LOG),
        seconds=float(_number(entry.get("seconds"))),
    )


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and abs(value) < 1e9 else -1
