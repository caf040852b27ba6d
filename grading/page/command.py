"""The command `page`: its flags, and what it runs. Flask is imported when it does, so that --help answers at once."""

import argparse
from pathlib import Path

DESCRIPTION = (
    "Shows a graded class in a browser on this machine, to look at it and to mark by hand. What you write is saved to "
    "manual.csv at once; grade again to bring it into the feedback and the tables."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("grades"), help="the folder of results (default: grades)"
    )
    parser.add_argument(
        "--assignment", metavar="FILE", type=Path, help="the rubric to mark by (default: the kit's assignment.toml)"
    )
    parser.add_argument(
        "--port", metavar="N", type=_port, default=0, help="where to listen; the next one is for the reports"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    parser.add_argument(
        "--static", metavar="DIR", type=Path, help="write all of it as files that can only be read, and end"
    )


def run(flags: argparse.Namespace, assignment: Path) -> None:
    """Show the page until Ctrl-C, or write it as files; `assignment` is the rubric where none was given.

    Raises KitError and OSError as these do.
    """
    from grading.page.server import serve
    from grading.page.static_copy import write_copy

    assignment = flags.assignment or assignment
    if flags.static:
        write_copy(flags.out, assignment, flags.static)
        print(f"{flags.static / 'index.html'}: open this in a browser")
    else:
        serve(flags.out, assignment, port=flags.port, browser=not flags.no_browser)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) < 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1024 to 65534")
    return int(text)
