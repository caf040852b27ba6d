"""The instructor's command line, `python -m grading`: see grading/command_line.py."""
# ruff: noqa: E402

import sys

from labkit import startup

startup.check()

from grading.command_line import main, program

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(program(sys.argv[1:]))
