"""What a system says of a file that somebody uploaded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Upload:
    """One file or folder of a download, by what the system wrote into its name; "" for what that does not say."""

    system: str
    key: str  # the system's own for the student, by which its gradebook knows them, too
    id: str  # what stands for the student's id, as long as nothing better is known
    full_name: str = ""
    joined_name: bool = False  # whether the words of the full name are joined, and in any order
    login: str = ""
    file: str = ""  # the student's own name of the file; "" for a folder
    attempt: str = ""  # tells one student's attempts apart
    submitted: datetime | None = None
    is_late: bool = False  # by the system's own deadline
    is_text: bool = False  # what was typed in a page, or the system's notes: no file of the student's
    is_note: bool = False  # the system's own, such as a list of the files: nobody handed it in
    context: str = ""  # what differs where one key turns out to be of several students, whose keys begin with it then
