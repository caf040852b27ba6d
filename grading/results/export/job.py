"""What every exporter is given, and what it hands back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from grading.results.export.graded import ExportError, GradedClass

__all__ = ["ExportError", "ExportJob", "Exported", "Target"]


@dataclass(frozen=True)
class ExportJob:
    """One export.

    `source` is what was downloaded from the system, None where it needs nothing. `folder` is where the files go, and
    exists. `column` and `comments` are the heads of the columns for the marks and for the comments, "" where these are
    to be found.
    """

    graded: GradedClass
    source: Path | None
    folder: Path
    column: str = ""
    comments: str = ""

    @property
    def table(self) -> Path:
        """The downloaded table, of a system that needs one: the command line sees to it."""
        assert self.source is not None
        return self.source


@dataclass(frozen=True)
class Exported:
    """What an exporter says: `lines` about what it wrote, and `left_out`, a line for each mark that it put nowhere."""

    lines: list[str]
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """A system that marks go to: what it needs, what is written for it, and the function that does it.

    `source` says what `--from` takes; it is "" where nothing is needed. The function raises ExportError where nothing
    can be written, and WriteError where a file can't be.
    """

    source: str
    writes: str
    export: Callable[[ExportJob], Exported]
