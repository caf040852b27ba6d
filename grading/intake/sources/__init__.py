"""The systems that submissions come from: a module for each, which reads the names that its download gives.

A reader is a function `read(path)`: what the system says by the name of a file or folder, an Upload; None where the
name is none of its own. What a system wrote comes first in a name, and what the student wrote after it is the student's
claim.
"""

from collections.abc import Callable
from pathlib import Path

from grading.intake.sources import blackboard, brightspace, canvas, ilias, moodle
from grading.intake.sources.upload import Upload

READERS: tuple[Callable[[Path], Upload | None], ...] = (
    moodle.read,
    blackboard.read,
    brightspace.read,
    canvas.read,
    ilias.read,
)


def recognise(path: Path) -> Upload | None:
    """Return what the system says that a file or folder came from; None where its name is of none."""
    return next((upload for read in READERS if (upload := read(path))), None)
