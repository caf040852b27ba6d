"""Sets traps for hostile submissions (see attacks.py), and tells what was caught in them."""

import contextlib
import errno
import os
import secrets
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.submissions import ROOT
from tests.submissions.attacks import BREACH, CANARY, PORT, SECRET, SECRET_VARIABLE
from tests.support.needs import needs

psutil = needs("psutil")

# Where a canary may have been left. Those that do not exist here, or are closed, do not matter.
FOLDERS = ("/", "/tmp", "/var/tmp", "/dev/shm", "/home", "/etc", "/usr/lib", "/output", Path.home(), ROOT, ROOT.parent)
BETWEEN_PROGRAMS = 1  # seconds after which no command line means that there is none
PATIENCE = 600  # seconds for the traps of another run of the tests to close


@contextlib.contextmanager
def watched(folders: Iterable[Path | str] = FOLDERS) -> Iterator[str]:
    """Set the traps, and yield the secret, for `reached`; afterwards, raise AssertionError if any was sprung."""
    secret = secrets.token_hex(16)
    with _listener() as listener:
        SECRET.write_text(secret)
        os.environ[SECRET_VARIABLE] = secret
        try:
            yield secret
            found = list(_left_outside(listener, folders))
        finally:
            SECRET.unlink(missing_ok=True)
            del os.environ[SECRET_VARIABLE]
    assert not found, f"somebody got out of the sandbox: {'; '.join(found)}"


def _listener():
    """Listen on PORT, which is the lock, too: traps are the machine's, so a second run of the tests waits its turn."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_server(("127.0.0.1", PORT))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _command_line(process):
    """Return a process's command line; wait for it where the process has just become another program."""
    deadline = time.monotonic() + BETWEEN_PROGRAMS
    with contextlib.suppress(psutil.Error):
        while not (words := process.cmdline()) and process.exe() and time.monotonic() < deadline:
            time.sleep(0.005)
        return words
    return []


def reached(text: str, secret: str) -> list[str]:
    """Return the lines of a log or a message with something that a submission must not have reached."""
    return [line for line in text.splitlines() if BREACH in line or secret in line]


def _left_outside(listener, folders):
    for folder in folders:
        with contextlib.suppress(OSError):
            yield from (f"left {path}" for path in sorted(Path(folder).glob(f"*{CANARY}*")))
    for process in psutil.process_iter():
        if any(CANARY in word for word in _command_line(process)):
            yield f"runs on as process {process.pid}"
    listener.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        connection, address = listener.accept()
        connection.close()
        yield f"called from {address}"
