"""There and back: a school hands in by a system, is graded once, and its marks go into that system's gradebook.

The mark of each student depends on nothing but the files that are graded as theirs, which say whose they are; the
gradebook is read back by the columns that the system itself knows the students by. So whoever is taken for somebody
else on either way has the wrong mark in the end.
"""

import csv
import re
import zlib
from dataclasses import dataclass
from typing import Any

import pytest

from grading.intake.unpacking import unpack
from labkit.checks.check import CheckId, failed
from tests.grading.graded_class import ITEMS, checks, everything, export, grade, mark_by_hand
from tests.submissions import school

pytestmark = pytest.mark.grading

SCHOOL = school.students(120)
AUTOMATIC = 75  # points of the checks, of which architecture/model_no1 has ten


@dataclass(frozen=True)
class System:
    """A system: what it downloads, its gradebook, and the columns of who and of what."""

    hand_in: Any
    heads: tuple[str, ...]
    row: Any  # of a student
    who: str
    mark: str
    second: tuple[str, ...] = ()  # a line below the heads
    roster: bool = False

    def known(self, student: school.Student) -> str:
        return str(dict(zip(self.heads, self.row(student), strict=True))[self.who])

    def gradebook(self, path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerows([self.heads, *([self.second] if self.second else []), *map(self.row, reversed(SCHOOL))])


SYSTEMS = {
    "moodle": System(
        school.moodle,
        school.ENGLISH,
        lambda one: [
            *(f"Participant {one.participant}", one.full_name, f"{one.login}@example.org", "", "Submitted for grading"),
            *("", "100.00", "Yes", "Tuesday, 3 November 2026, 2:22 PM", "-", ""),
        ],
        "Identifier",
        "Grade",
    ),
    "canvas": System(
        school.canvas,
        ("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab (7)"),
        lambda one: [f"{one.surname}, {one.name}", one.user, "", one.login, "Lab 1", ""],
        "ID",
        "Lab (7)",
        ("    Points Possible", "", "", "", "", "100"),
    ),
    "blackboard": System(
        school.blackboard,
        ("Last Name", "First Name", "Username", "Student ID", "Lab [Total Pts: 100 Score] |7"),
        lambda one: [one.surname, one.name, one.login, "", ""],
        "Username",
        "Lab [Total Pts: 100 Score] |7",
    ),
    "brightspace": System(
        school.brightspace,
        (
            "OrgDefinedId",
            "Last Name",
            "First Name",
            "Lab Points Grade <Numeric MaxPoints:100>",
            "End-of-Line Indicator",
        ),
        lambda one: [f"#{one.id}", one.surname, one.name, "", "#"],
        "OrgDefinedId",
        "Lab Points Grade <Numeric MaxPoints:100>",
        roster=True,  # its download has another number than its gradebook
    ),
    "ilias": System(
        school.ilias,
        ("update", "usr_id", "login", "lastname", "firstname", "status", "mark", "notice", "comment"),
        lambda one: [0, one.user, one.login, one.surname, one.name, "notgraded", "", "", ""],
        "login",
        "mark",
    ),
}


def fraction(student: str) -> float:
    return zlib.crc32(student.encode()) % 997 / 1000


def by_owner(tmp_path):
    """Return what the checks find: a part of the points of one, which follows from the id in the files."""

    def verdict(submission):
        folder = tmp_path / "unpacked" / submission.stem
        unpack(submission.content, folder)
        owners = {re.match(r"OWNER = '(\d+)'", path.read_text())[1] for path in folder.glob("model_no?.py")}
        (owner,) = owners
        return checks(failed(CheckId("architecture", "model_no1"), "in part", fraction=fraction(owner)))

    return verdict


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
@pytest.mark.parametrize("name", SYSTEMS)
def test_each_mark_comes_back_to_whose_files_it_is_for(name, tmp_path, monkeypatch, capsys):
    system = SYSTEMS[name]
    system.hand_in(tmp_path / "download", SCHOOL)
    roster = school.roster(tmp_path, SCHOOL) if system.roster else None
    for _ in range(2):  # the second time with the points by hand, and no check is made again
        out = grade(monkeypatch, tmp_path / "download", tmp_path / "grades", by_owner(tmp_path), roster=roster)
        monkeypatch.undo()
        mark_by_hand(out, {"": everything()})
    system.gradebook(tmp_path / "gradebook.csv")
    status, _, told = export(capsys, name, out, "--from", tmp_path / "gradebook.csv", "--to", tmp_path / "to")
    assert (status, told) == (0, "")
    with open(tmp_path / "to" / "gradebook.csv", newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row[system.who]]
    found = {row[system.who]: float(row[system.mark]) for row in rows}
    expected = {system.known(one): AUTOMATIC - 10 + sum(ITEMS.values()) + 10 * fraction(one.id) for one in SCHOOL}
    assert found.keys() == expected.keys()
    assert {who: (found[who], mark) for who, mark in expected.items() if abs(found[who] - mark) > 0.02} == {}
    assert len(set(found.values())) > 100
