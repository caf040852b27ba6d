"""A made-up school that hands in through each system: the same students, times and contents, as each lays them out.

Each function writes one source to a folder, named and laid out as that system's documents and source say (the modules
of `grading/intake/sources/` tell where that is written down), and returns what the instructor has beside it.
"""

import csv
import os
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from anyascii import anyascii

from tests.submissions import make_zip
from tests.submissions.report_pdf import make_report

FIRST = (
    "Ada",
    "María José",
    "Łukasz",
    "Grace",
    "Jean-Luc",
    "Niklaus",
    "明",
    "Barbara",
    "Edsger",
    "Radia",
    "Tim",
    "Zoë",
)
LAST = ("Lovelace", "O'Brien", "Nowak", "Hopper", "de la Cruz", "Wirth", "李", "Liskov", "Dijkstra", "Perlman")
START = datetime(2026, 11, 3, 8, 0).astimezone()
DOWNLOADED = datetime(2026, 11, 30, 9, 0).astimezone()  # the time that all files of a download have
REPORT = make_report()
KINDS = ("zip", "loose", "folder", "zip_in_folder", "zip_in_zip")  # how the files are handed in


@dataclass(frozen=True)
class Student:
    """A student of the school, and what they hand in."""

    number: int  # from 0
    id: str
    name: str
    surname: str
    login: str
    submitted: datetime

    @property
    def full_name(self) -> str:
        return f"{self.name} {self.surname}"

    @property
    def participant(self) -> str:
        return str(1_234_500 + 7 * self.number)

    @property
    def user(self) -> str:
        return str(52_000 + 3 * self.number)

    @property
    def zip_name(self) -> str:
        parts = ["-".join(re.findall("[a-z0-9]+", anyascii(part).lower())) for part in (self.name, self.surname)]
        return f"{self.id}_{'_'.join(parts)}.zip"

    @property
    def kind(self) -> str:
        return KINDS[self.number % len(KINDS)]

    @property
    def files(self) -> dict[str, bytes]:
        """The student's own scripts and report."""
        scripts = {f"model_no{n}.py": f"OWNER = {self.id!r}\nNUMBER = {n}\n".encode() for n in (1, 2, 3)}
        return scripts | {"report.pdf": REPORT + f"% {self.id}".encode()}

    def handed_in(self) -> dict[str, bytes]:
        """Return the files as the student uploads them, by path: a zip, loose, in folders, a zip in a zip."""
        if self.kind == "loose":
            return self.files
        if self.kind == "folder":
            return {f"lab/{path}": content for path, content in self.files.items()}
        zipped = make_zip(self.files)
        place = "submission/" if self.kind == "zip_in_folder" else ""
        return {f"{place}{self.zip_name}": make_zip({"lab.zip": zipped}) if self.kind == "zip_in_zip" else zipped}

    def uploads(self) -> dict[str, bytes]:
        """Return the same for a system without folders."""
        files = {path.rpartition("/")[2]: content for path, content in self.handed_in().items()}
        return files if self.kind != "folder" else self.files


def students(number: int = 120) -> list[Student]:
    """Make the school; the last two students have one name."""
    made = []
    for n in range(number):
        name, surname = FIRST[n % len(FIRST)], LAST[n // len(FIRST) % len(LAST)]
        if n == number - 1:
            name, surname = made[-1].name, made[-1].surname
        made.append(Student(n, str(189_000 + 11 * n), name, surname, f"s{n:03d}x", START + timedelta(minutes=311 * n)))
    return made


def write(path: Path, content: bytes, time: datetime = DOWNLOADED) -> None:
    """Write a file with a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.timestamp(), time.timestamp()))


def roster(folder: Path, school: list[Student]) -> Path:
    """Write a roster."""
    return table(folder / "roster.csv", ["login", "id", "name", "surname"], school)


def table(path: Path, columns: list[str], school: list[Student]) -> Path:
    """Write a table with some of the students' attributes."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["time" if column == "submitted" else column for column in columns])
        for student in school:
            rows.writerow([getattr(student, column) for column in columns])
    return path


# ---------------------------------------------------------------------------------------------------------- the systems


def moodle(
    folder: Path, school: list[Student], *, underscore: str = "", blind: bool = False, flat: bool = False
) -> None:
    for one in school:
        name = "Participant" if blind else one.full_name
        prefix = f"{name}_{one.participant}_assignsubmission_file{underscore}"
        for path, content in (one.uploads() if flat else one.handed_in()).items():
            write(folder / (f"{prefix}_{path}" if flat else f"{prefix}/{path}"), content)
        if one.number % 10 == 0:
            text = f"{name}_{one.participant}_assignsubmission_onlinetext{underscore}"
            write(folder / (f"{text}_onlinetext.html" if flat else f"{text}/onlinetext.html"), b"<p>see my files</p>")


ENGLISH = (
    *("Identifier", "Full name", "Email address", "ID number", "Status", "Grade", "Maximum grade"),
    *("Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"),
)


def worksheet(
    path: Path,
    school: list[Student],
    *,
    head: tuple[str, ...] = ENGLISH,
    participant: str = "Participant",
    time: str = "%A, %d %B %Y, %I:%M %p",
    separator: str = ",",
    encoding: str = "utf-8-sig",
) -> Path:
    """Write Moodle's worksheet; `time` is a format of strftime."""
    with open(path, "w", newline="", encoding=encoding, errors="replace") as file:
        rows = csv.writer(file, delimiter=separator)
        rows.writerow(head)
        maximum = "100,00" if separator == ";" else "100.00"
        for one in school:
            when = one.submitted.strftime(time)
            who = [f"{participant} {one.participant}", one.full_name, f"{one.login}@example.org", one.id]
            rows.writerow([*who, "Submitted for grading", "", maximum, "Yes", when, "-", ""])
    return path


def canvas(folder: Path, school: list[Student]) -> None:
    for one in school:
        sortable = re.sub(r"[^\w]", "", f"{one.surname}{one.name}".lower())
        late = "LATE_" if one.number % 7 == 3 else ""
        for attachment, (path, content) in enumerate(one.uploads().items(), 80_000 + 10 * one.number):
            write(folder / f"{sortable}_{late}{one.user}_{attachment}_{path}", content)


def blackboard(folder: Path, school: list[Student]) -> None:
    for one in school:
        start = f"MNIST lab_{one.login}_attempt_{one.submitted:%Y-%m-%d-%H-%M-%S}"
        for path, content in one.uploads().items():
            write(folder / f"{start}_{path}", content)
        write(folder / f"{start}.txt", f"Name: {one.full_name} ({one.login})\nAssignment: MNIST lab\n".encode())


def brightspace(folder: Path, school: list[Student]) -> None:
    for one in school:
        hour = one.submitted.strftime("%I%M %p").lstrip("0")
        name = (
            f"{one.user}-351765 - {one.full_name} - {one.submitted:%b} {one.submitted.day}, {one.submitted.year} {hour}"
        )
        for path, content in one.handed_in().items():
            write(folder / name / path, content)
    write(folder / "index.html", b"<html>")


def ilias(folder: Path, school: list[Student]) -> None:
    for one in school:
        own = "_".join(anyascii(part).replace(" ", "-") for part in (one.surname, one.name))
        for path, content in one.uploads().items():
            write(folder / f"{own}_{one.login}_{one.user}" / f"{one.submitted:%Y%m%d%H%M%S}_{path}", content)
    write(folder / "status.xlsx", b"PK\3\4")


def repositories(folder: Path, school: list[Student]) -> None:
    """Write checkouts with a `.git`, a link and a submodule, and every third as a forge's archive of a branch."""
    for one in school:
        name = f"mnist-lab-{one.login}"
        if one.number % 3 == 0:
            write(folder / f"{name}-main.zip", make_zip({f"{name}-main/{path}": c for path, c in one.files.items()}))
            continue
        beside = {".git/objects/00/0": b"x", "library/.git": b"gitdir: ..", "library/model_no1.py": b"x"}
        for path, content in {**one.files, **beside}.items():
            write(folder / name / path, content)
        (folder / name / "results").symlink_to("/tmp")


def folders(folder: Path, school: list[Student]) -> None:
    """Write a folder for each student, in sections and groups."""
    for one in school:
        place = folder / f"section {one.number % 2}" / f"group {one.number % 6}" / one.zip_name.removesuffix(".zip")
        for path, content in one.handed_in().items():
            write(place / path, content, one.submitted)


def zips(folder: Path, school: list[Student]) -> None:
    """Write zips by name, copied with their times."""
    for one in school:
        write(folder / one.zip_name, make_zip(one.files), one.submitted)


def packed(folder: Path, path: Path) -> Path:
    """Pack a download as the system hands it out: one zip, with the files' times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for source in sorted(folder.rglob("*")):
            if source.is_file() and not source.is_symlink():
                file.write(source, source.relative_to(folder))
    return path
