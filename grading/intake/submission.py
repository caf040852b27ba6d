"""One submission as it came in: which file, whose, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from grading.intake.manifest import Manifest


@dataclass
class Submission:
    """One file that came in."""

    zip: Path
    stem: str  # the name of its folder of results: safe, and unique in the class
    submitted: datetime  # aware, local time
    sha256: str = ""  # of the file, in hex; "" where it cannot be read
    id: str = ""  # "" for id, name and surname where nobody tells
    name: str = ""
    surname: str = ""
    claimed_id: str = ""  # the id in the file's name, also where it is not taken for the student's
    uploader: str = ""  # who uploaded it, by the system's own key; "" where no system tells
    manifest: Manifest | None = None  # what the zip says of itself
    sound: bool = False  # whether it is a zip that can be unpacked
    late: timedelta = timedelta()  # after the deadline; zero where there is none
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()  # those of the remarks that are about whose it is
    superseded_by: str | None = None  # the file name of the same student's submission that counts instead
    superseded_why: str = ""  # where that one came in before this one
    problem: str | None = None  # why it cannot be graded, to the student

    def doubt(self, remark: str) -> None:
        """Add a remark about whose this is."""
        self.remarks += (remark,)
        self.doubts += (remark,)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the student's name: neither order nor hyphens make another student."""
        return tuple(sorted(f"{self.name}-{self.surname}".split("-")))
