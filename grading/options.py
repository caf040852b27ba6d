"""How a class is graded, as the command line has it, and the error of what can't be graded so."""

from dataclasses import dataclass
from pathlib import Path

from labkit.errors import KitError


class GradingError(KitError):
    """The class can't be graded as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Options:
    """The command line; see grading/command_line.py."""

    submissions: Path
    out: Path
    out_mode: int  # permissions of that folder where it is new; they keep others from all that is in it
    assignment: Path
    train: bool
    jobs: int
    regrade: bool
    archive: list[Path]
    unsafe: bool
    data_dir: Path
    roster: Path | None = None
    worksheet: Path | None = None
    columns: tuple[str, ...] = ()  # of the worksheet, as --column settles them
    dates: str = ""  # the order of day and month in worksheet and times
    times: Path | None = None
    scheduler: str = ""  # of a cluster that grades, tls://HOST:PORT; "" where this machine does
    tls: Path = Path("cluster-tls")  # the folder of its certificate
    precision: str = "auto"  # of trainings: float32, bfloat16, or auto
    claim: bool = False  # share the class with other graders that do
