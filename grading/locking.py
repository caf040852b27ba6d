"""One grader at a time in a folder of results: two would write over each other, and do all the work twice.

Or several that share it (claims.py), and no other.

And one writer at a time of a file, for the moment in which it compares and replaces it.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from labkit.errors import KitError
from labkit.files import WriteError

FILE = ".lock"
PATIENCE = 10.0  # seconds that a writer waits for another one, who needs milliseconds
ASKS = 5  # of who only asks
ATTEMPTS, PAUSE = 5, 0.05  # to get the lock, and seconds in between: who only asks (is_graded_now) has it for a moment


class InUse(KitError):
    """Somebody else grades into the folder, or writes the file; the text says so, and what to do."""


@contextlib.contextmanager
def locked(out: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep other graders out of a folder of results. The system releases it when the process ends, in any way.

    With `shared` it keeps out those that do not share it. Raises InUse where another process holds it. Without locks,
    in the file system or the system, it does nothing.
    """
    with open(out / FILE, "a+", encoding="utf-8") as file:
        try:
            _take(file.fileno(), shared)
        except BlockingIOError:
            raise InUse(_who_holds(out, file, shared)) from None
        except (ImportError, OSError):  # no locks: on Windows, where grading is for WSL, or in this file system
            yield
            return
        file.truncate(0)
        if not shared:
            file.write(str(os.getpid()))
            file.flush()
        yield


def _who_holds(out: Path, file: TextIO, shared: bool) -> str:
    file.seek(0)
    holder = file.read(100).strip()
    if holder.isdigit():
        more = ", which shares with nobody (without --claim)" if shared else ""
        return f"another grader is at work in {out} (process {holder}){more}: wait for it, or give another --out"
    return f"graders with --claim are at work in {out}: wait for them, join them with --claim, or give another --out"


@contextlib.contextmanager
def briefly_locked(lock: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a lock file, which stays there: wait for whoever holds it, for `patience` seconds.

    Threads of one process keep each other out, too. Raises InUse where somebody still holds it then, and WriteError
    where it can't be made. Without locks, in the file system or the system, it does nothing.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        opened = _opened(lock)
    except OSError as error:
        raise WriteError(lock, error) from error
    with opened as file:
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise InUse(
                        f"another program has held {lock} for {patience:g} seconds: end it, and try again"
                    ) from None
                time.sleep(0.01)
                continue
            except OSError:
                pass  # no locks here
            break
        yield


def _opened(lock: Path, mode: str = "ab") -> BinaryIO:
    """Open a lock file, for writing where that is allowed; raise OSError."""
    try:
        return open(lock, mode)  # type: ignore[return-value]
    except PermissionError:  # a colleague's; it can be locked all the same
        return open(lock, "rb")


def _take(file: int, shared: bool = False) -> None:
    """Lock an open file, for this process alone or `shared`; raise BlockingIOError where another keeps it.

    Raises ImportError or another OSError where there are no locks.
    """
    import fcntl

    for last in [*(False for _ in range(1, ATTEMPTS)), True]:
        try:
            return fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if last:
                raise
            time.sleep(PAUSE)


def is_graded_now(out: Path) -> bool:
    """Tell whether a grader is at work in a folder of results, or several that share it.

    False, too, where there are no locks to tell by, and for several to whom may not write there. It disturbs nobody:
    nothing is written, and a grader that starts at the same moment waits for it.
    """
    try:
        import fcntl

        with _opened(out / FILE, "r+b") as file:
            # Exclusive, because several graders share theirs; for which NFS wants a file that is open for writing.
            kind = fcntl.LOCK_EX if file.writable() else fcntl.LOCK_SH
            for _ in range(ASKS):  # somebody else may be asking
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, kind | fcntl.LOCK_NB)
                    return False
                time.sleep(PAUSE / ASKS)
            return True
    except (ImportError, OSError):
        return False
