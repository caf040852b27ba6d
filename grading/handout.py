"""Makes what the students get: the kit without the solutions, without what gives them away, and without the grader.

Folders say it: the scripts and commands, the texts, labkit/, and the students' own tests. In a checkout only what git
tracks is handed out, so that no draft or result goes along.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from labkit.checks.assignment import AssignmentError, load_assignment
from labkit.files import FACES, KIT, atomic_file
from labkit.submission.packing import zip_bytes

FOLDER = "mnist-lab"  # in the zip, so that unpacking it makes one folder
STUDENTS = (  # patterns of paths in the kit, in which ** stands for any folders
    *(f"{name}.py" for name in FACES),
    "README.md",
    "LICENSE",
    ".gitignore",
    "assignment.toml",
    "pyproject.toml",
    "report_template.md",
    "requirements.txt",
    "requirements-report.txt",
    "requirements-exercises.txt",
    "exercises/**/*.py",
    "exercises/support/*.json",
    "exercises/support/drawing/*",
    "exercises/README.md",
    "docs/*.png",
    "docs/student/*.md",
    "docs/lectures.md",
    "labkit/**/*.py",
    "labkit/**/*.typ",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/test_shapes.py",
    "tests/lab/**/*.py",
    "tests/study/**/*.py",
    "tests/support/**/*.py",
)


def handed_out() -> list[str]:
    """Return the paths of what students get, relative to the kit, sorted; raise OSError if a pattern fits no file."""
    return kit_files(STUDENTS, "students get")


def kit_files(patterns: Iterable[str], who: str) -> list[str]:
    """Return the paths in the kit that fit any of the patterns, sorted, of what git tracks where it is a checkout.

    Raises OSError where nothing fits one of them; `who` says in its text who needs it.
    """
    tracked, paths = _tracked(), set()
    for pattern in patterns:
        files = {path.relative_to(KIT).as_posix() for path in KIT.glob(pattern) if path.is_file()}
        files = {path for path in files if tracked is None or path in tracked}
        if not files:
            raise FileNotFoundError(f"nothing in {KIT} is {pattern}, which {who}: the kit is not complete")
        paths |= files
    return sorted(paths)


def _tracked() -> set[str] | None:
    """Return the paths that git tracks in the kit; None where it is no checkout, or git is missing."""
    if not (KIT / ".git").exists():
        return None
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=KIT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return set(listed.split("\0"))


def write_handout(path: str | Path) -> None:
    """Write the hand-out's zip, whose bytes depend on nothing but the kit's files.

    Raises OSError where a file can't be read or written, or is missing, and AssignmentError for an assignment that
    can't be used, or that names students.
    """
    assignment = KIT / "assignment.toml"
    if assignment.is_file() and load_assignment(assignment).extensions:
        raise AssignmentError(
            f"{assignment} has [extensions], which every student would read: move them to a copy of it, and grade with "
            "--assignment FILE"
        )
    files = {f"{FOLDER}/{name}": (KIT / name).read_bytes() for name in handed_out()}
    with atomic_file(Path(path)) as file:
        file.write(zip_bytes(files))
