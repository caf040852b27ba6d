"""Tells what works on this machine and how to get the rest: `python -m grading doctor`."""

import importlib.util
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading import bytecode
from grading.remedies import remedies
from grading.sandbox.another_user import AnotherUser
from grading.sandbox.cgroup import DELEGATE
from grading.sandbox.choice import trials
from grading.sandbox.runner import Sandbox
from labkit import startup
from labkit.checks.assignment import AssignmentError, load_assignment
from labkit.data.data_directory import MNIST_SHA256
from labkit.data.idx_files import FILES, read_idx
from labkit.errors import DataError
from labkit.limits import MIB, Limits, SandboxError

GOOD, BAD, NOTE = "yes", "no", "note"
DISK_WANTED = 2**30  # bytes: a class's files and logs, and room for the instructor
READERS = {  # packages, and the reports that can't be read without them
    "cryptography": "those that are encrypted by AES",
    "pypdfium2": "those whose words or letters come out wrong",
}
CANARY = "what only the host may read"
TENSORFLOW = """
import tensorflow as tf
square = tf.ones([100, 100])
print(tf.__version__, float(tf.reduce_sum(square @ square)))
"""
# Each tries what student code must not be able to do, and prints "done" where it could. {} is filled in.
ATTEMPTS = {
    "reach the network": "import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('done')",
    "read your files": "print('done' if {canary!r} in open({path!r}).read() else '')",
    "see other processes": "import glob; print('done' if len(glob.glob('/proc/[0-9]*')) > 9 else '')",
    "write what it is shown": "open('/shown/new', 'w'); print('done')",
    "take all memory": "block = bytearray(b'1') * 2**30; print('done')",
    "take it all, shared": (
        "import mmap; block = mmap.mmap(-1, 2**30)\nfor at in range(0, 2**30, 4096): block[at] = 1\nprint('done')"
    ),
    "start endless processes": "import os, time\nfor _ in range(500): os.fork() or time.sleep(9)\nprint('done')",
    "run for ever": "import time; time.sleep(5); print('done')",
}


@dataclass(frozen=True)
class Finding:
    """A line of the table: GOOD, BAD or NOTE, what it is about, and the details."""

    mark: str
    what: str
    details: str


def doctor() -> int:
    """Print a table of what works here; return 0 where student code can run in a sandbox, else 1."""
    print("What grading needs, and what is here:", flush=True)
    sandbox: Sandbox | None = None
    for trial in trials():
        _show(Finding(GOOD if trial.sandbox else BAD, trial.name, trial.problem or _user(trial.name)))
        if sandbox := trial.sandbox:
            break
    works = sandbox is not None
    if sandbox is not None:
        for finding in trials_of(sandbox):
            _show(finding)
            works &= finding.mark != BAD
        for finding in walls(sandbox):
            _show(finding)
    for finding in (_bytecode(), _readers(), _data(), _assignment(), _disk()):
        _show(finding)
    if sandbox is None:
        print(f"\n{remedies()}", end="")
    print(f"\n{'A class can' if works else 'No class can'} be graded here.")
    return 0 if works else 1


def _show(finding: Finding) -> None:
    lines = finding.details.strip().splitlines() or [""]
    print(f"  {finding.mark:<4}  {finding.what:<29}  {lines[0]}", flush=True)
    for line in lines[1:]:
        print(f"{'':39}{line}")


def _user(name: str) -> str:
    if name == AnotherUser.name:
        return "student code runs as a user of its own, in sight of what everybody here may read: for containers"
    if os.geteuid() == 0:
        return "student code runs as a user of its own, not as root"
    return "student code runs as you, behind walls; where root grades, it runs as a user of its own"


def trials_of(sandbox: Sandbox) -> Iterator[Finding]:
    """Try whether a sandbox holds, and whether TensorFlow computes in it; a finding that is BAD rules it out."""
    yield from attempts(sandbox)
    yield _tensorflow(sandbox)


def attempts(sandbox: Sandbox) -> Iterator[Finding]:
    """Try in the sandbox what it has to prevent."""
    limits = Limits(wall_seconds=2, memory_bytes=512 * MIB, processes=100)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        canary, shown = Path(folder, "canary"), Path(folder, "shown")
        canary.write_text(CANARY)
        shown.mkdir()
        facts = {"port": server.getsockname()[1], "path": str(canary), "canary": CANARY}
        for attempt, code in ATTEMPTS.items():
            try:
                command = [sandbox.python, "-c", code.format(**facts)]
                outcome = sandbox.run(command, read_only={"/shown": shown}, limits=limits)
            except SandboxError as error:
                yield Finding(BAD, f"can't {attempt}", str(error))
                continue
            if "done" in outcome.log.splitlines() and attempt in sandbox.allows:
                yield Finding(NOTE, f"can {attempt}", "this kind of sandbox does not hide them")
            elif "done" in outcome.log.splitlines():  # not in the code that a traceback shows, since Python 3.13
                yield Finding(BAD, f"can't {attempt}", "but it can: don't grade here")
            else:
                said = outcome.problem if outcome.ended != "exit" else outcome.log.strip().rpartition("\n")[2]
                yield Finding(GOOD, f"can't {attempt}", said or "")


def walls(sandbox: Sandbox) -> Iterator[Finding]:
    """Report the second wall, the kernel's own limits; a class can be graded without it."""
    for wall in sandbox.walls:
        said = "a trial was stopped by the kernel's count of it" if wall.stands else f"none: {wall.why}"
        yield Finding(GOOD if wall.stands else NOTE, f"second wall: {wall.name}", said)
    if not sandbox.walls:
        how = "" if os.geteuid() == 0 else f"\nto have one, where systemd does: {DELEGATE}"
        yield Finding(NOTE, "second wall", f"no control group; the filter and the watch hold alone{how}")


def _tensorflow(sandbox: Sandbox) -> Finding:
    try:
        outcome = sandbox.run([sandbox.python, "-c", TENSORFLOW])
    except SandboxError as error:
        return Finding(BAD, "TensorFlow", str(error))
    if outcome.problem:
        return Finding(BAD, "TensorFlow", f"in the sandbox, it {outcome.problem}\n{outcome.log}")
    version = outcome.log.strip().splitlines()[-1].split()[0]
    return Finding(GOOD, "TensorFlow", f"{version} computes in the sandbox ({outcome.seconds:.1f} s with its import)")


def _bytecode() -> Finding:
    problem = bytecode.missing()
    details = problem.replace("; ", "\n") if problem else "TensorFlow is compiled"
    return Finding(NOTE if problem else GOOD, "bytecode", details)


def _readers() -> Finding:
    """Tell whether what some reports can't be read without is installed; grading goes on without it."""
    missing = [package for package in READERS if importlib.util.find_spec(package) is None]
    if not missing:
        return Finding(GOOD, "reports", "a second reader, and AES")
    lost = "; ".join(READERS[package] for package in missing)
    return Finding(NOTE, "reports", f"left to you: {lost}\npip install -r requirements-grading.txt")


def _data() -> Finding:
    folder = Path(startup.data_folder())
    bad = missing_of_mnist(folder)
    if bad:
        return Finding(
            NOTE,
            "MNIST",
            f"not whole in {folder} ({', '.join(bad)}): grading downloads it, or set MNIST_DATA_DIR to where it is",
        )
    return Finding(GOOD, "MNIST", f"{folder}")


def missing_of_mnist(folder: Path) -> list[str]:
    """Return the names of MNIST's files that are not in a folder, or are others, by their SHA-256."""
    return [name for name in FILES if not _is_mnist(folder, name)]


def _is_mnist(folder: Path, name: str) -> bool:
    for path in (folder / name, folder / f"{name}.gz"):
        try:
            if read_idx(path, name).sha256 == MNIST_SHA256[name]:
                return True
        except (OSError, DataError):
            continue
    return False


def _assignment() -> Finding:
    try:
        assignment = load_assignment()
    except AssignmentError as error:
        return Finding(BAD, "assignment.toml", str(error))
    if assignment.to_fill_in:
        return Finding(NOTE, "assignment.toml", f"valid; still to fill in: {', '.join(assignment.to_fill_in)}")
    return Finding(GOOD, "assignment.toml", assignment.course)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    mark = GOOD if free > DISK_WANTED else NOTE
    return Finding(mark, "disk space", f"{free / 2**30:.1f} GiB free here, {DISK_WANTED / 2**30:g} GiB is plenty")
