"""Puts together what a sandbox gets to see of the kit: whole folders, which the side of the wall tells.

    beside a submission                        the faces, labkit/ and grading/inside/worker/
    where things are read, built and trained   labkit/ and grading/inside/trusted/

What yields a network of the assignment is in grading/inside/trusted/ alone, so no submission can hand it back.
"""

import shutil
from pathlib import Path

from labkit.files import FACES, KIT

WORKER, TRUSTED = "worker", "trusted"  # the rooms of grading/inside/
PACKAGES = ("grading/__init__.py", "grading/inside/__init__.py")  # on the way to them
TEMPLATE = "report_template.md"  # what a report has of it is not the student's


def staged(side: str) -> list[Path]:
    """Return the files, relative to the kit, that a sandbox on this side of the wall (WORKER or TRUSTED) gets."""
    rooms = ("labkit", f"grading/inside/{side}")
    files = [path.relative_to(KIT) for room in rooms for path in sorted((KIT / room).rglob("*.py"))]
    beside = [f"{name}.py" for name in FACES] if side == WORKER else [TEMPLATE]
    return [Path(name) for name in (*PACKAGES, *beside)] + files


def stage(folder: Path, side: str) -> Path:
    """Copy what a sandbox on this side of the wall gets to `folder`; return the folder."""
    for path in staged(side):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(KIT / path, folder / path)
    return folder
