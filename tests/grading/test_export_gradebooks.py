"""Canvas, Blackboard, Brightspace and ILIAS: what each would read of its file, by the rules that its exporter names."""

import csv
import io
import re
import zipfile

import pytest

from tests.grading.graded_class import everything, export, grade, hand_in, mark_by_hand, marks

pytestmark = pytest.mark.grading

STUDENTS = [("189295", "ada", "lovelace"), ("189296", "grace", "hopper"), ("189297", "alan", "turing")]


def grade_and_settle(monkeypatch, folder, zip_names, points=0.75):
    """Grade a class with these zips, marks by hand included."""
    for name in zip_names:
        hand_in(folder / "submissions", name)
    grade(monkeypatch, folder / "submissions", folder / "grades")
    mark_by_hand(folder / "grades", {"": everything(points)})
    grade(monkeypatch, folder / "submissions", folder / "grades")
    return marks(folder / "grades")


@pytest.fixture(scope="module")
def class_of_three(tmp_path_factory):
    """Grade a class of zips by name once; return the folder of results, and the marks by id."""
    folder = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as monkeypatch:
        expected = grade_and_settle(monkeypatch, folder, [f"{'_'.join(student)}.zip" for student in STUDENTS])
    return folder / "grades", expected


@pytest.fixture
def fill(class_of_three, capsys, tmp_path):
    """Return a function that fills a downloaded file with the marks of a class; see `filled`."""
    return lambda *arguments, **options: filled(capsys, tmp_path, class_of_three[0], *arguments, **options)


def filled(capsys, folder, out, target, content, *flags, name="gradebook.csv"):
    """Export into a downloaded file; return the status, the file's new content, and all that was printed."""
    (folder / name).write_bytes(content)
    status, printed, errors = export(capsys, target, out, "--from", folder / name, "--to", folder / "to", *flags)
    path = folder / "to" / name
    return status, path.read_bytes() if path.exists() else b"", printed + errors


# -------------------------------------------------------------------------------------------------------------- Canvas

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Essay (4710),MNIST lab (4711),Current Score,Final Score
Manual Posting,,,,,,,(read only),(read only)
    Points Possible,,,,,20.00,100.00,(read only),(read only)
"Lovelace, Ada",12345,189295,ada@example.org,"Lab 1, morning",17.00,,91.2,80.0
"Hopper, Grace",189297,189296,grace@example.org,Lab 1,,3.00,,
"Turing, Alan",12347,189297,alan@example.org,Lab 2,,EX,,
"Kay, Alan",12348,,kay@example.org,Lab 2,,,,
"Student, Test",99,189295,test@example.org,Lab 2,,,,
"""


def canvas_import(content, assignment):
    """Read an assignment's marks by the user's number, as Canvas does."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert "Student" in rows[0][0]
    assert "ID" in rows[0][1]
    column = rows[0].index(assignment)
    points = next(row for row in rows if "Points Possible" in row[0])
    assert not re.search(r"read\s+only", points[column])
    return {row[1]: row[column] for row in rows[rows.index(points) + 1 :]}


def test_canvas_gets_one_column_and_all_else_stays(fill, class_of_three):
    status, content, told = fill("canvas", CANVAS.encode(), "--column", "MNIST lab")
    found = canvas_import(content, "MNIST lab (4711)")
    _, expected = class_of_three
    assert float(found["12345"]) == expected["189295"]
    assert float(found["189297"]) == expected["189296"], "an id of the school is not a number of Canvas"
    assert found["12347"] == "EX", "who is excused stays so"
    assert (found["12348"], found["99"]) == ("", "")
    assert status == 1
    assert 'says "EX", which stays' in told
    assert f"grace hopper (189296): 3.00 becomes {expected['189296']:g}" in told
    before = content.decode().replace(f",{expected['189296']:g},,\n", ",3.00,,\n")
    assert before.replace(f",{expected['189295']:g},91.2", ",,91.2") == CANVAS


def test_canvas_is_matched_by_the_users_number_and_feedback_goes_back_under_the_files_name(
    tmp_path, monkeypatch, capsys
):
    name = "lovelaceada_LATE_12345_67890_189295_ada_lovelace.zip"
    hand_in(tmp_path / "submissions", "189295_ada_lovelace.zip")
    expected = grade_and_settle(monkeypatch, tmp_path, ["189296_grace_hopper.zip"])
    _as_if_called(tmp_path / "grades", "189295_ada_lovelace.zip", name)
    gradebook = CANVAS.replace("12345,189295,", "12345,,")
    flags = ("--column", "MNIST lab (4711)")
    status, content, told = filled(capsys, tmp_path, tmp_path / "grades", "canvas", gradebook.encode(), *flags)
    assert float(canvas_import(content, "MNIST lab (4711)")["12345"]) == expected["189295"]
    with zipfile.ZipFile(tmp_path / "to/feedback.zip") as archive:
        (entry,) = archive.namelist()
        assert [part for part in entry.split("_") if part.isdigit()][:2] == ["12345", "67890"]
        with zipfile.ZipFile(io.BytesIO(archive.read(entry))) as inner:
            assert "ada lovelace" in inner.read("feedback.html").decode()
    assert "the feedback of 1 is; return it by hand:\n  - grace hopper (189296)" in told
    assert status == 0


def _as_if_called(out, zip_name, canvas_name):
    """Rename a zip in the results to what Canvas calls it, whose names the intake may read or not."""
    for path in (out / "grades.csv", *out.glob("submissions/*/result.json"), out / "manual.csv"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f'"{zip_name}"', f'"{canvas_name}"').replace(f",{zip_name},", f",{canvas_name},"))


@pytest.mark.parametrize(
    ("content", "flags", "told"),
    [
        (CANVAS, (), 'which column is this assignment\'s? Name one with --column HEAD: "Essay (4710)", "MNIST lab'),
        (CANVAS, ("--column", "MNIST"), '"MNIST" names 0 of its columns.'),
        (CANVAS, ("--column", "Final Score"), '"Final Score" names 0 of its columns.'),
        (CANVAS.replace("100.00", ""), ("--column", "MNIST lab"), '"MNIST lab (4711)" has no points possible'),
        (CANVAS.replace("Points Possible", "Points"), ("--column", "MNIST lab"), 'has 0 rows "Points Possible"'),
        ("a,b\n1,2\n", (), "is no gradebook of Canvas"),
    ],
)
def test_a_gradebook_of_canvas_that_can_t_be_filled_is_told_why(fill, content, flags, told):
    status, _, printed = fill("canvas", content.encode(), *flags)
    assert status == 1
    assert told in printed


# ---------------------------------------------------------------------------------------------------------- Blackboard

BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Availability"\t"MNIST lab [Total Pts: 50 Score] |12345"\t'
    '"Grading Notes"\t"Notes Format"\t"Feedback to Learner"\t"Feedback Format"\n'
    '"Lovelace"\t"Ada"\t"alovelace"\t"189295"\t"Yes"\t""\t""\t""\t""\t""\n'
    '"Hopper"\t"Grace"\t"ghopper"\t"189296"\t"Yes"\t"Needs Grading"\t"a note"\t"HTML"\t""\t""\n'
    '"Turing"\t"Alan"\t"aturing"\t"189297"\t"Yes"\t""\t""\t""\t""\t""\n'
)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_blackboard_gets_marks_and_feedback_by_student_and_column_id(fill, class_of_three, encoding):
    status, content, told = fill("blackboard", BLACKBOARD.encode(encoding), name="gc_1.xls")
    assert status == 0
    assert "multiplied by 0.5" in told
    assert content[:2] == BLACKBOARD.encode(encoding)[:2]
    rows = list(csv.DictReader(io.StringIO(content.decode(encoding)), delimiter="\t"))
    (column,) = [head for head in rows[0] if re.search(r"\|\d+$", head)]
    found = {row["Student ID"]: float(row[column]) for row in rows}
    _, expected = class_of_three
    assert found == {student: pytest.approx(mark / 2, abs=0.0051) for student, mark in expected.items()}
    assert {row["Feedback Format"] for row in rows} == {"HTML"}
    assert rows[0]["Feedback to Learner"].startswith(f"<p>{expected['189295']:g} of 100 points, which are ")
    assert (rows[1]["Grading Notes"], rows[1]["Notes Format"]) == ("a note", "HTML")


def test_blackboard_tells_which_column_it_needs(fill):
    two = BLACKBOARD.replace('"Availability"', '"Quiz [Total Pts: 10 Score] |12344"')
    assert "Name one with --column HEAD" in fill("blackboard", two.encode())[2]
    assert fill("blackboard", two.encode(), "--column", "mnist lab")[0] == 0
    without = BLACKBOARD.replace(" |12345", "")
    assert "there is none to fill" in fill("blackboard", without.encode())[2]
    assert "it has no column Username" in fill("blackboard", b"a,b\n1,2\n")[2]


# --------------------------------------------------------------------------------------------------------- Brightspace

BRIGHTSPACE = """\
OrgDefinedId,Username,Last Name,First Name,MNIST Points Grade <Numeric MaxPoints:100 Weight:10>,End-of-Line Indicator
#189295,#alovelace,Lovelace,Ada,,#
#189296,#ghopper,Hopper,Grace,,#
#7,#189297,Turing,Alan,,#
"""


def test_brightspace_gets_marks_by_org_id_or_username(fill, class_of_three):
    status, content, _ = fill("brightspace", BRIGHTSPACE.encode())
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    (column,) = [head for head in rows[0] if " Points Grade" in head]
    assert [float(row[column]) for row in rows] == [class_of_three[1][student] for student, *_ in STUDENTS]
    assert {row["End-of-Line Indicator"] for row in rows} == {"#"}
    assert re.sub(r",[\d.]+,#", ",,#", content.decode()) == BRIGHTSPACE


def test_brightspace_tells_what_it_needs(fill):
    assert "is no export of Brightspace" in fill("brightspace", b"Username,b\n1,2\n")[2]
    scheme = BRIGHTSPACE.replace("Points Grade <Numeric MaxPoints:100 Weight:10>", "Grade Symbol")
    assert "there is none to fill" in fill("brightspace", scheme.encode())[2]


# --------------------------------------------------------------------------------------------------------------- ILIAS

ILIAS = """\
update,usr_id,login,lastname,firstname,status,mark,notice,comment,plagiarism,plag_comment
0,301,alovelace,Lovelace,Ada,notgraded,,,,,
0,302,ghopper,Höpper,Grace,notgraded,,mine,,,
0,303,kay,Kay,Alan,passed,2,,,,
"""


def test_ilias_gets_marks_in_rows_to_update_and_folders_by_user(tmp_path, monkeypatch, capsys):
    names = [
        "Lovelace_Ada_alovelace_301/189295_ada_lovelace.zip",
        "Hoepper_Grace_ghopper_302/189296_grace_hopper.zip",
    ]
    expected = grade_and_settle(monkeypatch, tmp_path, names)
    status, content, told = filled(capsys, tmp_path, tmp_path / "grades", "ilias", ILIAS.encode(), name="status.csv")
    rows = {row["login"]: row for row in csv.DictReader(io.StringIO(content.decode()))}
    updated = {login: float(row["mark"]) for login, row in rows.items() if row["update"] == "1"}
    assert updated == {"alovelace": expected["189295"], "ghopper": expected["189296"]}
    assert {row["status"] for row in rows.values()} <= {"notgraded", "passed", "failed"}
    assert rows["kay"] == next(row for row in csv.DictReader(io.StringIO(ILIAS)) if row["login"] == "kay")
    with zipfile.ZipFile(tmp_path / "to/feedback.zip") as archive:
        folders = ["Lovelace_Ada_alovelace_301", "Hoepper_Grace_ghopper_302"]
        assert sorted(archive.namelist()) == sorted(f"multi_feedback/{folder}/feedback.html" for folder in folders)
    assert status == 0
    assert "the column status stays as it is" in told


def test_ilias_tells_what_it_needs(fill):
    assert "has no column usr_id" in fill("ilias", ILIAS.replace("usr_id", "user").encode())[2]
