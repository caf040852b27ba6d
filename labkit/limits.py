"""What a sandboxed run may use, how it ended, and what it printed."""

import signal
from dataclasses import dataclass

from labkit.errors import KitError
from labkit.text import printable

MIB = 2**20
FLOOD = 1024  # times `log_bytes`: a run that prints more is ended, because reading on would only cost time


class SandboxError(KitError):
    """The sandbox itself failed, not what ran in it; the text says how."""


class NoSandbox(SandboxError):
    """Nothing on this machine confines a process; the text says how to get something that does."""


@dataclass(frozen=True)
class Limits:
    """What one run may use; all of it for the whole tree of its processes, unless it says otherwise."""

    wall_seconds: float = 120.0
    cpu_seconds: float = 240.0
    memory_bytes: int = 4096 * MIB  # data: anonymous and shared memory, not address space; also for each process
    processes: int = 256  # and threads, of which TensorFlow starts a few for every processor
    file_bytes: int = 64 * MIB  # of one file
    open_files: int = 1024  # of one process
    output_bytes: int = 64 * MIB  # in /output
    output_files: int = 100  # in /output, folders counted
    scratch_bytes: int = 64 * MIB  # in each of /tmp and /dev/shm
    log_bytes: int = 64 * 1024  # of stdout and stderr that are kept
    threads: int = 2  # that TensorFlow and OpenMP compute with


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    `ended` is "exit" (with `status`, its exit status), "killed" (by a signal that nobody here sent; `status` is its
    negative number), or the limit at which it was stopped: "timeout", "cpu", "memory", "output" or "log".
    `log` is what it printed to stdout and stderr: head and tail, fit for a terminal. `removed` lists what was in the
    output folder and is not allowed there. `problem` is a sentence for the student, or None where the run went well.
    """

    ended: str
    status: int | None
    log: str
    seconds: float
    cpu_seconds: float
    problem: str | None = None
    removed: tuple[str, ...] = ()


def explain(ended: str, status: int | None, limits: Limits) -> str | None:
    """Return the sentence that tells a student how a run ended, or None where it succeeded."""
    if ended == "exit":
        return f"ended with exit status {status}" if status else None
    if ended == "killed" and status is not None:
        return f"was ended by {_signal_name(-status)}"
    return {
        "timeout": f"ran longer than the {limits.wall_seconds:g} s allowed and was stopped",
        "cpu": f"used more than the {limits.cpu_seconds:g} s of processor time allowed and was stopped",
        "memory": f"used more than the {limits.memory_bytes // MIB:,} MiB of memory allowed and was stopped",
        "output": f"wrote more than the {limits.output_bytes // MIB:,} MiB or the {limits.output_files} files "
        "allowed and was stopped",
        "log": f"printed more than {limits.log_bytes * FLOOD // MIB:,} MiB and was stopped",
    }[ended]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Log:
    """Takes bytes without end and keeps the first and the last of them, `limit` in all."""

    def __init__(self, limit: int) -> None:
        self.total, self.limit = 0, limit
        self._head, self._tail = b"", b""
        self._half = limit // 2

    def write(self, data: bytes) -> None:
        self.total += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-self._half :]

    def __str__(self) -> str:
        """Return readable text: control characters of untrusted output escaped, and how much was left out."""
        left_out = self.total - len(self._head) - len(self._tail)
        gap = f"\n[... {left_out:,} bytes left out ...]\n".encode() if left_out else b""
        return printable((self._head + gap + self._tail).decode("utf-8", "replace"))
