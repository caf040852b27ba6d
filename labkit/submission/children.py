"""Runs a student's own code on the student's own machine: in a process of its own, ended at a limit.

It keeps mistakes away from the checks, an endless loop, say; it is no sandbox, and grading has no use for it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from labkit.files import KIT
from labkit.limits import FLOOD, Limits, Outcome, explain
from labkit.text import printable

POLL = 0.05  # seconds between two looks


def run_child(arguments: Sequence[str | int | Path], seconds: float, folder: Path) -> Outcome:
    """Run Python with these arguments in a folder, with the kit's modules on its path; return an Outcome.

    It is stopped, with all that it started, after `seconds`, or when it has printed more than any script should.
    """
    limits = Limits(wall_seconds=seconds)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(KIT), os.environ.get("PYTHONPATH")]))}
    environment |= {"PYTHONIOENCODING": "utf-8", "TF_CPP_MIN_LOG_LEVEL": "2"}
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:  # not a pipe, which anything it leaves behind could keep open
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            ended = _wait(process, output, started, limits)
        finally:
            _end(process)
        log = _tail(output, limits.log_bytes)
    seconds = time.perf_counter() - started
    status = process.returncode if ended in ("exit", "killed") else None
    return Outcome(ended, status, log, seconds, 0.0, explain(ended, status, limits))


def _wait(process: subprocess.Popen[bytes], output: IO[bytes], started: float, limits: Limits) -> str:
    while process.poll() is None:
        if time.perf_counter() - started > limits.wall_seconds:
            return "timeout"
        if os.fstat(output.fileno()).st_size > FLOOD * limits.log_bytes:
            return "log"
        time.sleep(POLL)
    return "exit" if process.returncode >= 0 else "killed"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process; where there are groups of processes, also what it started and left behind."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _tail(output: IO[bytes], size: int) -> str:
    end = output.seek(0, os.SEEK_END)
    output.seek(max(0, end - size))
    return printable(output.read().decode(errors="replace"))
