"""What every sandbox does the same: runs a command to its end under limits, or keeps one running and asks it things.

A `Sandbox` knows how to start a process; a `Process` how to end it, with all that it started, and what became of it.
"""

import abc
import contextlib
import math
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from grading.sandbox.cgroup import Wall
from grading.sandbox.outputs import TooMuchOutput
from labkit.limits import FLOOD, Limits, Log, Outcome, SandboxError, explain

CHUNK = 2**16  # bytes read at once
INBOX = "/inbox"
MAX_ANSWER = 2**24  # bytes of a line of a trusted process


@dataclass(frozen=True)
class EndReport:
    """How a process ended, in the words of `Outcome`, as told by what watched it."""

    ended: str
    status: int | None
    cpu_seconds: float


@dataclass(frozen=True)
class Job:
    """What to start: the command, what it may see, and what it may use."""

    command: Sequence[str]
    read_only: Mapping[str, Path]  # path inside to path outside
    has_output: bool
    limits: Limits
    env: Mapping[str, str]
    cwd: str
    inbox: Path | None  # /inbox: where files may appear later
    keeps_pipes: bool  # stdin and stdout for the grader, stderr apart; else stderr goes with stdout, and no stdin

    @property
    def pipes(self) -> dict:
        """The standard streams, as subprocess.Popen takes them."""
        if self.keeps_pipes:
            return {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


class Process(abc.ABC):
    """A process that a sandbox has started; `popen` holds its streams."""

    popen: subprocess.Popen
    grace = 0.0  # seconds to end itself at its wall time, before it is killed

    @abc.abstractmethod
    def kill(self) -> None:
        """End everything in the sandbox; when it returns, nothing of it is left. May be called again."""

    @abc.abstractmethod
    def report(self) -> EndReport | None:
        """Return how it ended, or None if that is unknown, because all of it was killed. Call it when it has ended.

        Raises SandboxError where it never started.
        """

    @abc.abstractmethod
    def fetch(self, destination: Path, limits: Limits) -> tuple[str, ...]:
        """Copy what is in the output folder; see outputs.fetch."""

    @abc.abstractmethod
    def close(self) -> None:
        """Kill it and release everything."""

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sandbox(abc.ABC):
    """Runs commands confined. `name` is what results record; `python` the interpreter that commands are to use."""

    name: str
    python: str = sys.executable
    allows: tuple[str, ...] = ()  # of what the doctor attempts, what is known to succeed

    @property
    def shown(self) -> list[Path]:
        """The folders and files outside that every command can read, because they are parts of the interpreter."""
        return []

    def exposure(self, folder: Path) -> str | None:
        """Say why commands could read what is in a folder outside, and what to do about it; None where they can't."""
        for shown in self.shown:
            if folder.resolve().is_relative_to(shown.resolve()):
                return (
                    f"would be shown to student code, as part of the Python that runs it ({shown}); "
                    "move it, or grade with a Python or a virtual environment elsewhere"
                )
        return None

    @property
    def secrets(self) -> Mapping[str, Path]:
        """What has to be out of reach beside the instructor's folders, by what it is."""
        return {}

    @property
    def walls(self) -> tuple[Wall, ...]:
        """What the kernel bounds once more, tried; empty where there is nothing to try."""
        return ()

    @abc.abstractmethod
    def _launch(self, job: Job) -> Process:
        """Start the job; raise SandboxError where that fails at once."""

    def run(
        self,
        command: Sequence[str],
        *,
        read_only: Mapping[str, Path] | None = None,
        output: Path | None = None,
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
    ) -> Outcome:
        """Run `command` to its end, or to a limit; when this returns or raises, nothing that it started is left.

        Args:
            command: the program (see `python`) and its arguments; paths are those inside.
            read_only: path inside to path outside, of files and folders that the command may read.
            output: a folder outside; what the command leaves in /output is copied there, if it is plain files within
                the limits. The command sees an empty /output, in memory, whatever is in the folder.
            limits: what it may use.
            env: environment variables, on top of the few that a sandbox sets (HOME, PATH, thread counts...).
            cwd: where to start, a path inside.

        Raises:
            SandboxError: the sandbox could not be started, or something outside is missing: not the command's fault.
        """
        limits = limits or Limits()
        job = self._job(
            command, read_only, limits, env, cwd, has_output=output is not None, inbox=None, keeps_pipes=False
        )
        log, removed = Log(limits.log_bytes), ()
        started = time.monotonic()
        with self._launch(job) as process:
            ended = _read(process.popen, log, started + limits.wall_seconds + process.grace)
            process.kill()
            try:
                report = process.report()
            except SandboxError as error:
                raise SandboxError(f"the {self.name} sandbox failed: {error} {log}".strip()) from None
            seconds = time.monotonic() - started
            # Without a report, all of it was killed: by this function, at a limit, or by somebody else.
            report = report or EndReport(ended or "killed", None if ended else -9, 0.0)
            ended, status = (ended, None) if ended else (report.ended, report.status)
            if output is not None:
                try:
                    removed = process.fetch(output, limits)
                except TooMuchOutput:
                    ended, status = "output", None
        problem = explain(ended, status, limits)
        return Outcome(ended, status, str(log), seconds, report.cpu_seconds, problem, removed)

    def start(
        self,
        command: Sequence[str],
        *,
        inbox: Path | None = None,
        read_only: Mapping[str, Path] | None = None,
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
    ) -> "Running":
        """Start a process that answers requests, confined as in `run`; wall and processor time are unlimited.

        `inbox` is a folder outside that the command may read as /inbox, as an argument of its own: a file that appears
        in it can be read inside. The process lives no longer than the thread that called this.
        """
        limits = replace(limits or Limits(), wall_seconds=math.inf, cpu_seconds=math.inf)
        inbox = inbox.resolve() if inbox else None
        job = self._job(command, read_only, limits, env, "/", has_output=False, inbox=inbox, keeps_pipes=True)
        return Running(self._launch(job), limits)

    def _job(
        self,
        command: Sequence[str],
        read_only: Mapping[str, Path] | None,
        limits: Limits,
        env: Mapping[str, str] | None,
        cwd: str,
        **rest: Any,
    ) -> Job:
        threads = str(limits.threads)
        base = {
            "PATH": os.path.dirname(self.python) or "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",  # so that what was printed before the end is in the log
            "MPLBACKEND": "Agg",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": "1",  # NumPy's own threads keep a core busy while they wait for work
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
        }
        for outside in (read_only or {}).values():
            if not Path(outside).exists():
                raise SandboxError(f"{outside} was to be shown to a sandbox, and does not exist")
        absolute = {inside: Path(outside).resolve() for inside, outside in (read_only or {}).items()}
        return Job(list(command), absolute, limits=limits, env=base | dict(env or {}), cwd=cwd, **rest)


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream of a process that was started with a pipe for it."""
    assert stream is not None
    return stream


def _read(popen: subprocess.Popen[bytes], log: Log, deadline: float) -> str | None:
    """Read what a process prints to its end; return None, or "timeout" or "log" where it is to be stopped."""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([_piped(popen.stdout)], [], [], left)[0]:
            continue
        data = os.read(_piped(popen.stdout).fileno(), CHUNK)
        log.write(data)
        if log.total > log.limit * FLOOD:
            return "log"
        if not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(left)
                return None
    return "timeout"


class Running:
    """A process in a sandbox that answers requests, a line for a line. A context manager; `close` ends it."""

    def __init__(self, process: Process, limits: Limits) -> None:
        self._process, self._popen = process, process.popen
        self._log = Log(limits.log_bytes)
        self._buffer = b""
        self._drain = threading.Thread(target=self._keep_errors, daemon=True)
        self._drain.start()

    def _keep_errors(self) -> None:
        while data := os.read(_piped(self._popen.stderr).fileno(), CHUNK):
            self._log.write(data)

    @property
    def log(self) -> str:
        """What it printed to stderr so far: head and tail, fit for a terminal."""
        return str(self._log)

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Send a line and return the line that comes back, both without their line end.

        Raises SandboxError, and ends the process, where no answer comes within `seconds`, or one that is too long.
        """
        deadline = time.monotonic() + seconds
        try:
            self._send(request + b"\n", deadline)
            return self._receive(deadline)
        except (OSError, SandboxError) as error:
            self.close()
            raise SandboxError(f"a sandboxed process gave no answer: {error} {self.log}".strip()) from None

    def _send(self, data: bytes, deadline: float) -> None:
        descriptor = _piped(self._popen.stdin).fileno()
        os.set_blocking(descriptor, False)
        while data:
            if not select.select([], [descriptor], [], max(0, deadline - time.monotonic()))[1]:
                raise SandboxError("it took too long to listen.")
            data = data[os.write(descriptor, data) :]

    def _receive(self, deadline: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_ANSWER:
                raise SandboxError("it talked without end.")
            if not select.select([_piped(self._popen.stdout)], [], [], max(0, deadline - time.monotonic()))[0]:
                raise SandboxError("it took too long.")
            data = os.read(_piped(self._popen.stdout).fileno(), CHUNK)
            if not data:
                raise SandboxError("it has ended.")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process and everything that it started."""
        try:
            self._process.kill()
            self._drain.join(1)  # without a sandbox, something may have escaped that keeps stderr open
        finally:
            self._process.close()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
