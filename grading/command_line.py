"""The instructor's command line: `python -m grading`."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from grading.cluster import certificate
from grading.cluster.address import EXAMPLE, address
from labkit import startup
from labkit.run.flags import positive
from labkit.version import NAME, VERSION

if TYPE_CHECKING:
    from labkit.checks.assignment import Assignment

DESCRIPTION = """\
Grades a class: every submission in a folder, or in the download of a learning management system.

    python -m grading SOURCE --out grades/          grade what is in SOURCE, a folder or a system's download as a zip
    python -m grading doctor                        which sandbox works here, and how to get one
    python -m grading handout lab.zip               make what the students get
    python -m grading page --out grades/            mark by hand, in a browser on this machine
    python -m grading export moodle --from FILE     fill the school's gradebook; see export --help
    python -m grading one SUBMISSION.zip            grade one, and print its feedback
    python -m grading autograder autograder.zip     make Gradescope's autograder
    python -m grading cluster worker ADDRESS        grade on many machines; see cluster --help

Set course, address and deadline in assignment.toml first. SOURCE is what Moodle, Canvas, Blackboard, Brightspace or
ILIAS gives as the download of all submissions, a folder of zips or repositories, or a folder for each student. What
comes out:

    grades/grades.csv                        a row for each student: for the gradebook
    grades/not-graded.csv                    what came in and is no student's mark, with the reason
    grades/submissions/<zip>/feedback.html   for the student; feedback.md is the same as text, result.json for programs
    grades/manual.csv                        your points for what no program can judge: fill it in, or mark on the page
    grades/similarity.html                   groups of submissions that share more than the hand-out explains

Student code runs in a sandbox only. Run the same command again at any time: what is unchanged is not graded again.
"""
ORDERS = ("day-first", "month-first")  # of a date in numbers: see grading/intake/moments.py
MEMORY_OF_A_JOB = 2 * 2**30  # bytes: a training takes up to 1.2 GB, and the inspector beside it some of the rest
OF_A_CLUSTER = ("cryptography", "dask", "distributed")
PACKAGES = (  # that are imported in this process
    *(
        "anyascii",
        "flask",
        "jinja2",
        "markupsafe",
        "msgspec",
        "numpy",
        "psutil",
        "pygments",
        "scipy",
        "tqdm",
        "werkzeug",
    ),
)
EPILOG = "exit status: 0 success, 1 a failure reported on stderr, 2 a bad flag, 130 Ctrl-C, 143 SIGTERM"


class Terminated(KeyboardInterrupt):
    """The process is told to end, by SIGTERM."""


def program(arguments: list[str]) -> int:
    """Run the command as `main` does, in a process of its own: SIGTERM, which ends jobs on a cluster, is as Ctrl-C."""

    def terminate(*_: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    return main(arguments)


def main(arguments: list[str]) -> int:
    """Run the command that the arguments name; return the exit status."""
    try:
        if arguments[:1] == ["handout"]:
            return _handout(arguments[1:])
        if arguments[:1] == ["autograder"]:
            return _autograder(arguments[1:])
        if arguments[:1] == ["export"]:
            return _export(arguments[1:])
        if arguments[:1] == ["page"]:
            return _page(arguments[1:])
        with _readable_files() as umask:
            if arguments[:1] == ["doctor"]:
                return _doctor(arguments[1:])
            if arguments[:1] == ["cluster"]:
                return _cluster(arguments[1:])
            if arguments[:1] == ["one"]:
                return _one(arguments[1:], umask)
            return _grade(_parser().parse_args(arguments), umask)
    except KeyboardInterrupt as stopped:
        terminated = isinstance(stopped, Terminated)
        how = "SIGTERM" if terminated else "Ctrl-C"
        print(f"\nstopped by {how}; what is graded is kept, and the same command continues", file=sys.stderr)
        return 143 if terminated else 130
    except ModuleNotFoundError as error:
        if error.name not in (*PACKAGES, *OF_A_CLUSTER):
            raise
        file = "requirements-cluster.txt" if error.name in OF_A_CLUSTER else "requirements-grading.txt"
        print(f"error: {error.name} is not installed: pip install -r {file}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _readable_files() -> Iterator[int]:
    """Let the user of the sandbox read what is laid out for it; yield the umask that was set, and restore it."""
    umask = os.umask(0o022)
    try:
        yield umask
    finally:
        os.umask(umask)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grading",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    parser.add_argument("submissions", metavar="SOURCE", type=Path, help="the folder, or a system's download as a zip")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("grades"), help="where the results go (default: grades)"
    )
    _add_grading_flags(parser)
    parser.add_argument(
        "--worksheet", metavar="FILE", type=Path, help="Moodle's grading worksheet: who is who, and when they handed in"
    )
    parser.add_argument(
        "--roster", metavar="FILE", type=Path, help="a table with columns id, name, surname, login: who is in the class"
    )
    parser.add_argument(
        "--times", metavar="FILE", type=Path, help="a table with columns id (or login, key, zip) and time"
    )
    parser.add_argument(
        "--column",
        metavar="WHAT=NAME",
        action="append",
        default=[],
        help="where it can't be told: the worksheet's column of the id, or of the time of submission",
    )
    parser.add_argument(
        "--dates", choices=ORDERS, default="", help="where it can't be told: the order of day and month in 3/11/2026"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=positive(int), help="zips at a time (default: the cores, as far as memory goes)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        type=address,
        help=f"grade on the cluster there, {EXAMPLE}; see cluster --help",
    )
    parser.add_argument(
        "--tls",
        metavar="DIR",
        type=Path,
        default=certificate.FOLDER,
        help="with --scheduler: the folder of the cluster's certificate and key (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "auto"),
        help="of trainings (default: with --scheduler float32, the same on all machines; else auto, what is fastest)",
    )
    parser.add_argument(
        "--claim",
        action="store_true",
        help="share the class with all graders that are given this, on any machine that has the folders",
    )
    parser.add_argument("--regrade", action="store_true", help="grade unchanged zips, too; manual points stay")
    parser.add_argument(
        "--archive",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="zips of an earlier year, to compare with; may be given several times",
    )
    return parser


def _add_grading_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that decide how a submission is graded."""
    parser.add_argument(
        "--assignment", metavar="FILE", type=Path, help="points, bands, deadline (default: the kit's assignment.toml)"
    )
    parser.add_argument("--no-train", action="store_true", help="leave the trainings out, and their points")
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        default=Path(startup.data_folder()),
        help=f"where MNIST is, or goes (default: {startup.DATA_DEFAULT})",
    )
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="where no sandbox works: run student code as you, with your files and network; recorded in every result",
    )


def _grade(flags: argparse.Namespace, umask: int) -> int:
    # Imported here, so that --help and a mistyped flag answer at once.
    from grading.course import grade_class
    from grading.options import Options
    from labkit.checks.assignment import DEFAULT
    from labkit.errors import KitError

    options = Options(
        submissions=flags.submissions,
        out=flags.out,
        out_mode=0o777 & ~umask,
        assignment=flags.assignment or DEFAULT,
        train=not flags.no_train,
        jobs=flags.jobs or _default_jobs(),
        regrade=flags.regrade,
        archive=flags.archive,
        unsafe=flags.unsafe_no_sandbox,
        data_dir=flags.data_dir,
        roster=flags.roster,
        worksheet=flags.worksheet,
        columns=tuple(flags.column),
        dates=flags.dates,
        times=flags.times,
        scheduler=flags.scheduler or "",
        tls=flags.tls,
        precision=flags.precision or ("float32" if flags.scheduler else "auto"),
        claim=flags.claim,
    )
    try:
        return grade_class(options)
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _one(arguments: list[str], umask: int) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m grading one",
        description="Grades one submission as in a class, and prints its feedback.",
        epilog=EPILOG,
    )
    parser.add_argument("submission", metavar="SUBMISSION", type=Path, help="the student's zip")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="keep the results in this folder, a new one or its own (default: none)",
    )
    _add_grading_flags(parser)
    flags = parser.parse_args(arguments)
    from grading.one import grade_one
    from labkit.checks.assignment import DEFAULT
    from labkit.errors import KitError

    try:
        return grade_one(
            flags.submission,
            out=flags.out,
            out_mode=0o777 & ~umask,
            assignment=flags.assignment or DEFAULT,
            train=not flags.no_train,
            unsafe=flags.unsafe_no_sandbox,
            data_dir=flags.data_dir,
        )
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _cluster(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m grading cluster", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    from grading.cluster import command
    from labkit.errors import KitError

    parser.description = command.DESCRIPTION
    command.add_arguments(parser)
    try:
        return command.run(parser.parse_args(arguments), _default_jobs)
    except Terminated:
        return 143
    except KeyboardInterrupt:
        print("\nstopped by Ctrl-C", file=sys.stderr)
        return 130
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _autograder(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m grading autograder",
        description="Makes Gradescope's autograder: the zip to upload there, which grades each upload with this kit.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the zip to write, such as autograder.zip")
    parser.add_argument(
        "--assignment", metavar="FILE", type=Path, help="the rubric to grade by (default: the kit's assignment.toml)"
    )
    flags = parser.parse_args(arguments)
    from grading.autograder import write_autograder
    from labkit.checks.assignment import DEFAULT
    from labkit.errors import KitError

    try:
        write_autograder(flags.file, flags.assignment or DEFAULT)
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{flags.file}: upload this to the assignment's autograder")
    return 0


def _export(arguments: list[str]) -> int:
    from grading.results.export import command
    from labkit.checks.assignment import DEFAULT
    from labkit.errors import KitError

    parser = argparse.ArgumentParser(
        prog="python -m grading export",
        description=f"Writes marks and feedback as the school's system takes them. TARGET is one of\n\n"
        f"{command.described()}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    try:
        return command.run(parser.parse_args(arguments), DEFAULT)
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _page(arguments: list[str]) -> int:
    from grading.page import command
    from labkit.checks.assignment import DEFAULT
    from labkit.errors import KitError

    parser = argparse.ArgumentParser(prog="python -m grading page", description=command.DESCRIPTION, epilog=EPILOG)
    command.add_arguments(parser)
    try:
        command.run(parser.parse_args(arguments), DEFAULT)
    except (KitError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _default_jobs() -> int:
    """Return the number of cores, though a training uses two: while it reads or starts, another one has its cores."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, psutil.virtual_memory().total // MEMORY_OF_A_JOB))


def _doctor(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m grading doctor", description="Tries each sandbox, and tells how to get one where none works."
    )
    parser.parse_args(arguments)
    from grading.doctor import doctor

    return doctor()


def _handout(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m grading handout",
        description="Makes what the students get: the kit without the solutions and without what gives them away.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the zip to write, such as lab.zip")
    flags = parser.parse_args(arguments)
    from grading.handout import write_handout
    from labkit.checks.assignment import load_assignment
    from labkit.errors import KitError

    try:
        write_handout(flags.file)
    except (OSError, KitError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{flags.file}: hand this to the students")
    for note in _what_they_would_read(load_assignment()):
        print(f"note: {note}", file=sys.stderr)
    return 0


def _what_they_would_read(assignment: "Assignment") -> list[str]:
    """Return what an instructor would not want the students to read in the assignment's file."""
    notes = [f"{key} in assignment.toml is still the placeholder" for key in assignment.to_fill_in]
    if assignment.deadline and assignment.deadline < datetime.now(timezone.utc):
        notes.append(f"the deadline in assignment.toml, {assignment.deadline:%Y-%m-%d %H:%M}, has passed")
    return notes
