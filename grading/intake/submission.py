"""One submission as it came in: a student, a time, and the files; nothing downstream knows from which system."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path

from grading.intake.contents import Content
from grading.intake.manifest import Manifest
from grading.intake.people import People
from grading.intake.times import Times
from labkit.submission.names import ascii_words, copy_number

NO_TIME = datetime.fromtimestamp(0, timezone.utc)  # of a file without a usable one: any other goes before it


class TimeSource(str, Enum):
    """Who tells when a submission came in, the most trustworthy first."""

    TIMES = "times"  # the instructor, by --times
    WORKSHEET = "worksheet"
    SYSTEM = "system"  # the system, in the names of its download
    FILE = "file"  # the file's time of modification
    DOWNLOAD = "download"  # that, where it seems to be the time of a download: nobody is late by it

    def __str__(self) -> str:  # as it is written to files, whatever the version of Python
        return self.value


@dataclass
class Submission:
    """What came in together."""

    zip: Path  # the zip; of loose files their folder, or the beginning that their names share
    stem: str  # the name of its folder of results: safe, and unique in the class
    submitted: datetime = NO_TIME  # aware, local time
    time_source: TimeSource = TimeSource.FILE
    content: Content = field(default_factory=lambda: Content(()))
    sha256: str = ""  # in hex: of the zip, or of the loose files; "" where they cannot be read
    id: str = ""  # "" for id, name and surname where nobody tells
    name: str = ""
    surname: str = ""
    claimed_id: str = ""  # the id in the file's name, also where it is not taken for the student's
    is_known: bool = False  # whether roster or worksheet has the student
    is_by_name: bool = False  # whether the student was found there by the name alone
    system: str = ""  # that it was downloaded from; "" where none tells
    key: str = ""  # who uploaded it, by the system's own key; "" where no system tells
    login: str = ""
    before_login: str = ""  # what the name of a repository has in front of it
    uploaded_as: tuple[str, ...] = ()  # as the system named what it gave: for the way back
    manifest: Manifest | None = None  # what the zip says of itself
    sound: bool = False  # whether it can be unpacked
    late: timedelta = timedelta()  # after the deadline; zero where there is none
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()  # those of the remarks that are about whose it is
    superseded_by: str | None = None  # the file name of the same student's submission that counts instead
    superseded_why: str = ""  # where that one came in before this one
    problem: str | None = None  # why it cannot be graded, to the student
    set_aside: bool = False  # whether that is no mark of the student's: nobody's, unknown to the roster, not whole

    def doubt(self, remark: str) -> None:
        """Add a remark about whose this is."""
        self.remarks += (remark,)
        self.doubts += (remark,)

    def refuse(self, problem: str, *, set_aside: bool = False) -> None:
        """Note why this can't be graded; of several reasons all are told."""
        self.problem = f"{self.problem} {problem}" if self.problem else problem
        self.set_aside |= set_aside

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the student's name: neither order nor hyphens make another student."""
        return tuple(sorted(ascii_words(f"{self.name} {self.surname}")))

    @property
    def copy(self) -> int:
        """The number of the version, by the file's name."""
        return copy_number(self.zip.name)


@dataclass(frozen=True)
class Facts:
    """What the instructor knows beside the files."""

    people: People | None = None  # of a roster, or of a system's worksheet
    times: Times | None = None
    extensions: Mapping[str, datetime] = field(default_factory=dict)  # by id: a deadline of the student's own
