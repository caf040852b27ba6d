"""How a lab script runs and ends: what goes wrong in it becomes one line on stderr, and an exit status."""

import argparse
import atexit
import contextlib
import errno
import re
import sys
import traceback
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, NoReturn

from tqdm import tqdm

from labkit import host, mistakes, notebook, startup
from labkit.errors import KitError
from labkit.run import record, summary

_ran: list[Any] = []  # the main that run_script was called with, or the packages for want of which it never is


def watch_script() -> None:
    """Report in a line, too, what a lab script does wrong outside of its main, or that it forgets to run it."""
    started: Any = sys.modules["__main__"]
    path = Path(getattr(started, "__file__", None) or "")
    of_the_lab = re.fullmatch(r"(softmax|deep|beyond)_mnist|model_no\d", path.stem) or path.parent.name == "exercises"
    if getattr(started, "__spec__", None) or not of_the_lab:
        return  # a notebook, pytest, a worker of grading
    usual = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        started.FLAGS = None
        line = mistakes.explain(error, path) if isinstance(error, Exception) else ""
        if line.startswith("line "):
            print(f"error: {path.name}, {line}", file=sys.stderr)
        elif isinstance(error, KeyboardInterrupt):
            print("stopped by Ctrl-C", file=sys.stderr)
        else:
            usual(kind, error, trace)

    def look_back() -> None:
        if getattr(started, "FLAGS", None) and not _ran:
            last = '`if __name__ == "__main__":` and `lab.run_script(main, FLAGS)`'
            print(f"error: {path.name} runs nothing: its last lines have to be {last}", file=sys.stderr)

    sys.excepthook = tell
    atexit.register(look_back)


def require(*packages: str) -> None:
    """End the process, with a line on stderr that says what to install, where one of these packages is missing."""
    try:
        startup.check(*packages)
    except SystemExit:
        _ran.append(packages)
        raise


def run_script(main: FunctionType, flags: argparse.Namespace) -> None:
    """Run `main(flags)` and end the process: status 0, 1 and a line on stderr on a failure, or 130 on Ctrl-C."""
    host.refuse_while_importing()
    _ran.append(main)
    try:
        if getattr(flags, "summary", False):
            print(summary.summary(main.__globals__["Model"]()))
        else:
            main(flags)
    except KeyboardInterrupt:
        way_on = ""
        if hasattr(flags, "resume"):
            has_checkpoint = any(record.run_folder(flags).glob("checkpoint/*.index"))
            way_on = (
                "; --resume continues from the last checkpoint" if has_checkpoint else " before the first checkpoint"
            )
        _stop(f"stopped by Ctrl-C{way_on}", status=130)
    except KitError as error:
        _stop(f"error: {error}")
    except OSError as error:  # a full disk, a folder that may not be written
        unwritable = error.errno in (errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.EPERM, errno.EROFS)
        _stop(f"error: {error}" + ("; --results-dir takes another folder for the results" if unwritable else ""))
    except Exception as error:  # most often a shape that does not fit, in a copy that a student is editing
        _stop(f"error: {_explain(error, flags, main)}")


def _stop(message: str, status: int = 1) -> NoReturn:
    line = " ".join(message.split())  # the loader's errors have a line for each mirror
    if notebook.running():
        notebook.stop(status, line)
    tqdm.write(line, file=sys.stderr)  # below the progress bar, not behind it
    sys.exit(status)


def _explain(error: Exception, flags: argparse.Namespace, main: FunctionType) -> str:
    """Explain a mistake in one line: the script's own line that led to it, and where the whole trace is.

    The script, a file or a notebook's cell, is where `main` is.
    """
    where = ""
    if {"results_dir", "seed"} <= set(vars(flags)):  # an exercise may leave nothing
        trace = record.run_folder(flags) / record.ERROR
        with contextlib.suppress(OSError):  # the mistake itself matters more
            trace.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(traceback.format_exception(error))
            trace.write_text(text, encoding="utf-8", errors="backslashreplace")  # a path in it need not be valid UTF-8
        where = f" (all of it: {trace})"
    script = main.__code__.co_filename if hasattr(main, "__code__") else sys.argv[0]
    line = mistakes.explain(error, script)
    line = f"the cell, {line}" if notebook.pasted(script) else mistakes.with_script(Path(script).stem, line)
    return f"{line}{where}"
