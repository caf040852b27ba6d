"""The instructor's command line, `python -m grading`: see grading/command_line.py."""
# ruff: noqa: E402

import signal
import sys

from labkit import startup

startup.check()

from grading.command_line import Terminated, main

__all__ = ["main"]


def _terminate(*_: object) -> None:
    raise Terminated


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)  # of whoever stops jobs on a cluster; it ends a run as Ctrl-C does
    sys.exit(main(sys.argv[1:]))
