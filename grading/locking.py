"""One grader at a time in a folder of results: two would write over each other, and do all the work twice."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from labkit.errors import KitError

FILE = ".lock"


class InUse(KitError):
    """Somebody else grades into the folder; the text says so, and what to do."""


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep other graders out of a folder of results. The system releases it when the process ends, in any way.

    Raises InUse where another process holds it. Without locks, in the file system or the system, it does nothing.
    """
    try:
        import fcntl
    except ImportError:  # Windows; grading is for WSL there
        yield
        return
    with open(out / FILE, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(100).strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            raise InUse(f"another grader is at work in {out}{who}: wait for it, or give another --out") from None
        except OSError:
            yield
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
