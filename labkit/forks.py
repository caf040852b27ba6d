"""Runs tasks in forked children, so that TensorFlow is imported once for all of them, and each can be ended alone.

The parent holds no student code and believes a child nothing but what its task returned: a record that comes through a
pipe after the task's last line. A child that ends in any other way (os._exit(0), say) has no result. When a task is
over, everything that it started is ended, so that nothing can tamper with the tasks after it.

What this can't do: code that runs in the child and reads the child's memory can find the pipe and forge the record.
So nothing that matters rests on a record; see grading/networks/network_checks.py.
"""

import contextlib
import ctypes
import gc
import json
import os
import secrets
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_RECORD = 2**20  # bytes that a task may return, as JSON
MAX_PRINTED = 8 * 2**20  # bytes; who prints more is in an endless loop
LOG_BYTES = 4096  # of what was printed that are kept: the first and the last of them
CHUNK = 2**16
PATIENCE = 3  # times the limit that a task may take in all, where it has to wait for a processor
# TensorFlow imports Keras and h5py where it can, and Keras the others. A script that asks for one gets it all the same.
OPTIONAL = ("h5py", "keras", "matplotlib", "scipy")
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36


@dataclass(frozen=True)
class Ended:
    """How a child ended: "done" (with the `result` of its task), "exit", "signal", "timeout" or "flood".

    `status` is its exit status, or the signal's number; `log` is what it printed, head and tail: untrusted text.
    """

    ended: str
    status: int
    result: Any
    log: str
    seconds: float
    cpu_seconds: float


def import_tensorflow() -> None:
    """Import TensorFlow for all later children, in half the usual time."""
    gc.disable()  # it would look for garbage a hundred times, and find none
    absent: dict[str, Any] = dict.fromkeys(OPTIONAL)  # None: can't be imported
    sys.modules.update(absent)
    with _messages_of_c_held_back():
        import tensorflow
        from tensorflow.python.tools import module_util

    for package in OPTIONAL:
        del sys.modules[package]
    # As TensorFlow does where it finds Keras, so that `from tensorflow.keras import layers` finds it, too.
    keras = module_util.get_parent_dir_for_name("keras._tf_keras.keras")
    if keras and keras not in tensorflow.__path__:
        tensorflow.__path__ = [keras, *tensorflow.__path__]
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def _messages_of_c_held_back() -> Iterator[None]:
    """Keep what the import prints, whatever the log level, out of a log that students read; print it on an error."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def protect() -> None:
    """Close this process's memory and descriptors to processes of the same user, and adopt all its descendants."""
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(task: Callable[[], Any], seconds: float) -> Ended:
    """Run `task` in a child for at most `seconds`; its result has to fit into JSON.

    Time in which the task waits for a processor, because others are using them, does not count, up to PATIENCE.
    """
    nonce = secrets.token_hex(16)
    printed, log_end = os.pipe()
    record, record_end = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(task, nonce, log_end, record_end)
    os.close(log_end)
    os.close(record_end)
    pipes = {printed: _Kept(MAX_PRINTED), record: _Kept(MAX_RECORD)}
    reason, status, cpu_seconds = _wait(child, pipes, seconds)
    for pipe in pipes:
        os.close(pipe)
    result = _result(pipes[record].data, nonce) if reason is None and status == 0 else None
    if reason is None and result is None:
        reason = "signal" if status < 0 else "exit"
    return Ended(
        ended=reason or "done",
        status=abs(status),
        result=result["result"] if result else None,
        log=pipes[printed].shortened(),
        seconds=time.monotonic() - started,
        cpu_seconds=cpu_seconds,
    )


def _be_child(task: Callable[[], Any], nonce: str, log_end: int, record_end: int) -> NoReturn:
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log_end, 1)
        os.dup2(log_end, 2)
        os.dup2(record_end, 3)
        os.closerange(4, 4096)
        data = json.dumps({"nonce": nonce, "result": task()}).encode()
        while data:
            data = data[os.write(3, data) :]
        status = 0
    except BaseException as error:  # of the task's own making: whatever student code raised, it has dealt with
        with contextlib.suppress(Exception):
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _wait(child: int, pipes: "dict[int, _Kept]", seconds: float) -> tuple[str | None, int, float]:
    """Read the pipes until the child ends or has to; return the reason to end it (or None), its status and CPU time."""
    ending, open_pipes, reason = os.pidfd_open(child), set(pipes), None
    started, allowed, ended = time.monotonic(), seconds, False
    while not ended and not reason:
        left = started + allowed - time.monotonic()
        if left <= 0:
            allowed = min(seconds + _delay(child), PATIENCE * seconds)
            left = started + allowed - time.monotonic()
        ready = select.select([ending, *open_pipes], [], [], max(0, left))[0]
        for pipe in open_pipes.intersection(ready):
            data = os.read(pipe, CHUNK)
            pipes[pipe].write(data)
            if not data:
                open_pipes.remove(pipe)
        ended = ending in ready
        if any(kept.full for kept in pipes.values()):
            reason = "flood"
        elif left <= 0 and not ended:
            reason = "timeout"
    if reason:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    os.close(ending)
    end_descendants()  # before the rest is read: what the task left behind must not go on writing
    for pipe in open_pipes:
        while not pipes[pipe].full and (data := os.read(pipe, CHUNK)):
            pipes[pipe].write(data)
    return reason, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _delay(pid: int) -> float:
    """Return how many seconds the threads of a process were ready to run and did not, the most of any of them."""
    delays = [0.0]
    with contextlib.suppress(OSError):  # it has ended, or this kernel does not tell
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as file:
                delays.append(int(file.read().split()[1]) / 1e9)
    return max(delays)


def end_descendants() -> None:
    """End every process that this one started, directly or not, and wait until they are gone."""
    while children := _descendants():
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.wait()  # orphans become this process's children: see `protect`
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _descendants() -> list[int]:
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            parents[int(pid)] = int(file.read().rpartition(b")")[2].split()[1])  # the name before it may hold anything
    descendants, queue = [], [os.getpid()]
    while queue:
        parent = queue.pop()
        children = [pid for pid, its_parent in parents.items() if its_parent == parent]
        descendants += children
        queue += children
    return descendants


def _result(data: bytearray, nonce: str) -> dict[str, Any] | None:
    """Return the record that a child sent at its end; None if it sent none, or if something else wrote to its pipe."""
    try:
        record = json.loads(data)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("nonce") == nonce and "result" in record else None


class _Kept:
    """What came through a pipe, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.data, self._limit = bytearray(), limit

    @property
    def full(self) -> bool:
        return len(self.data) > self._limit

    def write(self, data: bytes) -> None:
        self.data += data

    def shortened(self) -> str:
        """Return the head and the tail of the output as text."""
        data, half = bytes(self.data), LOG_BYTES // 2
        if len(data) > LOG_BYTES:
            data = data[:half] + f"\n[... {len(data) - LOG_BYTES:,} bytes left out ...]\n".encode() + data[-half:]
        return data.decode("utf-8", "replace")
