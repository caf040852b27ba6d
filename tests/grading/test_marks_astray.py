"""Names that imitate a system's, or another student's: no mark and no time reaches anybody but its owner."""

import csv
import io
import os
from datetime import datetime, timezone

import pytest

from grading.intake.arrivals import collect
from grading.intake.moments import read_moment
from grading.intake.people import read_roster
from grading.intake.sources import blackboard, canvas
from grading.intake.submission import Facts
from grading.intake.tables import TableError
from grading.intake.times import read_times
from grading.results.export.tables import number
from tests.grading.graded_class import everything, export, grade, hand_in, mark_by_hand
from tests.submissions.forge import make_zip

pytestmark = pytest.mark.grading


@pytest.fixture
def export_class(tmp_path, monkeypatch, capsys):
    """Return a function that grades zips, exports them into a gradebook, and returns its rows and what was printed."""

    def export_class(target, gradebook, *zips):
        for name in zips:
            hand_in(tmp_path / "submissions", name)
        for _ in range(2):
            out = grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades")
            mark_by_hand(out, {"": everything(0.5)})
        source = tmp_path / "gradebook.csv"
        source.write_text(gradebook, encoding="utf-8")
        _, printed, errors = export(capsys, target, out, "--from", source)
        filled = out / "export" / target / "gradebook.csv"
        text = filled.read_text(encoding="utf-8") if filled.exists() else gradebook
        return list(csv.reader(io.StringIO(text))), printed + errors

    return export_class


ILIAS = """\
update,usr_id,login,lastname,firstname,status,mark,notice,comment
0,2026,ghopper,Hopper,Grace,notgraded,,,
0,4711,alovelace,Lovelace,Ada,notgraded,,,
"""
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Lab
    Points Possible,,,,,100
"""
BRIGHTSPACE = """\
OrgDefinedId,Username,Last Name,First Name,Lab Points Grade <Numeric MaxPoints:100>,End-of-Line Indicator
#152711,#lgarcia,Garcia,Luis,,#
#189295,#agarcia,Garcia,Ana,,#
"""
MOODLE = """\
Identifier,Full name,ID number,Status,Grade,Maximum grade,Grade can be changed,Last modified (grade),Feedback comments
Participant 11,Ada Lovelace,189295,Submitted,,100.00,No,-,
Participant 12,Grace Hopper,189296,Submitted,,100.00,Yes,-,
"""


def test_a_year_at_the_end_of_a_folder_is_no_users_number_in_ilias(export_class):
    rows, told = export_class("ilias", ILIAS, "Kurs_A_WS_2026/189295_ada_lovelace.zip")
    assert [row[6] for row in rows[1:]] == ["", ""]
    assert "ada lovelace (189295)" in told


@pytest.mark.parametrize(
    ("zip_name", "owner"),
    [
        ("189296_sean_o-brien.zip", "O'Neil, Mary"),
        ("189296_jan_van-dijk.zip", "van der Berg, Piet"),
        ("189296_karl_von-stein.zip", "von Berg, Eva"),
        ("189296_maria_rossi.zip", "Bianchi, Maria"),
    ],
)
def test_a_mistyped_id_does_not_lead_to_somebody_with_a_word_in_common(export_class, zip_name, owner):
    rows, told = export_class("canvas", CANVAS + f'"{owner}",7,189296,,1,\n', zip_name)
    assert rows[-1][-1] == ""
    assert "has this id and another name" in told


@pytest.mark.parametrize(
    ("zip_name", "owner"),
    [
        ("189296_sean_o-brien.zip", "O'Brien, Sean Patrick"),
        ("189296_van-dijk_jan.zip", "van Dijk, Jan"),
        ("189296_ada_byron-lovelace.zip", "King Lovelace, Ada"),
        ("189296_muller_jorg.zip", "Müller, Jörg"),
    ],
)
def test_a_name_in_another_order_or_with_more_words_is_the_same_student(export_class, zip_name, owner):
    rows, _ = export_class("canvas", CANVAS + f'"{owner}",7,189296,,1,\n', zip_name)
    assert float(rows[-1][-1]) > 0


def test_a_systems_number_is_no_id_of_the_school(export_class):
    rows, told = export_class("brightspace", BRIGHTSPACE, "152711-351765 - Ana Garcia - Nov 3, 2026 222 PM/lab.zip")
    assert [row[4] for row in rows[1:]] == ["", ""]
    assert "152711" in told


def test_one_name_that_looks_like_canvas_among_zips_by_name_is_no_systems(export_class):
    gradebook = CANVAS + '"Lovelace, Ada",12345,189295,,1,\n"Hopper, Grace",2,12345,,1,\n'
    rows, _ = export_class("canvas", gradebook, "grace_12345_2_hopper.zip", "189295_ada_lovelace.zip")
    marks = {row[0]: row[-1] for row in rows[2:]}
    assert float(marks["Lovelace, Ada"]) > 0
    assert all(row[-1] == "" or row[0] == "Lovelace, Ada" for row in rows[2:])


def test_a_grade_that_moodle_does_not_change_is_left_out_and_told(export_class):
    rows, told = export_class("moodle", MOODLE, "189295_ada_lovelace.zip", "189296_grace_hopper.zip")
    assert rows[1][4] == ""
    assert float(rows[2][4]) > 0
    assert "says that its grade can't be changed" in told


def test_a_word_in_the_place_of_a_mark_is_told_where_it_is_replaced(export_class):
    gradebook = CANVAS + '"Lovelace, Ada",12345,189295,,1,complete\n'
    assert "complete becomes" in export_class("canvas", gradebook, "189295_ada_lovelace.zip")[1]


def test_what_a_student_calls_a_file_is_no_other_attempt_of_blackboards(tmp_path):
    own = "x_grace_attempt_2026-10-01-10-00-00_lab.zip"
    path = tmp_path / f"MNIST_ada_attempt_2026-11-03-14-22-10_{own}"
    path.write_bytes(b"")
    upload = blackboard.read(path)
    assert (upload.login, upload.submitted.month, upload.file) == ("ada", 11, own)


def test_a_file_that_is_called_like_a_folder_of_moodles_is_its_uploaders(tmp_path):
    own = "Grace Hopper_1234568_assignsubmission_file"
    (tmp_path / f"Ada Lovelace_1234567_assignsubmission_file_{own}").write_bytes(make_zip({"model_no1.py": b"1"}))
    (submission,) = collect(tmp_path)
    assert submission.key == "1234567"


def test_a_code_of_digits_is_no_users_number_in_canvas(tmp_path):
    assert not canvas.read(tmp_path / "anon_12345_678_lab.zip").key.isdecimal()


def test_the_end_of_another_login_is_doubted(tmp_path):
    (tmp_path / "roster.csv").write_text(
        "login,id,name,surname\nlee,1,Bo,Lee\nkay,2,Alan,Kay\nann,3,Ann,Byron\n", encoding="utf-8"
    )
    for name in ("mnist-lab-ann-lee", "mnist-lab-kay", "mnist-lab-ann"):
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / "class" / f"{name}.zip").write_bytes(make_zip({"model_no1.py": name.encode()}))
    found = collect(tmp_path / "class", facts=Facts(read_roster(tmp_path / "roster.csv")))
    doubted = {one.zip.stem for one in found if any("another's login" in doubt for doubt in one.doubts)}
    assert doubted == {"mnist-lab-ann-lee"}


def test_times_by_id_are_not_taken_for_a_participants_number(tmp_path):
    folder = tmp_path / "class" / "Ada Lovelace_189296_assignsubmission_file"
    folder.mkdir(parents=True)
    (folder / "189295_ada_lovelace.zip").write_bytes(make_zip({"model_no1.py": b"1"}))
    times = tmp_path / "times.csv"
    times.write_text("id,time\n189295,2026-11-03 12:00\n189296,2026-11-05 12:00\n", encoding="utf-8")
    (submission,) = collect(tmp_path / "class", facts=Facts(times=read_times(times)))
    assert submission.submitted.day == 3


def test_a_time_by_a_zips_name_that_several_have_is_nobodys(tmp_path):
    for who in ("Ada Lovelace_11", "Grace Hopper_12"):
        folder = tmp_path / "class" / f"{who}_assignsubmission_file"
        folder.mkdir(parents=True)
        (folder / "lab.zip").write_bytes(make_zip({"model_no1.py": who.encode()}))
        os.utime(folder / "lab.zip", (0, 0))
    times = tmp_path / "times.csv"
    times.write_text("zip,time\nlab.zip,2026-11-05 12:00\n", encoding="utf-8")
    facts = Facts(times=read_times(times))
    assert {one.submitted.year for one in collect(tmp_path / "class", facts=facts)} == {1970}
    assert facts.times.without_effect() == ["lab.zip"]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026年 11月 3日(火曜日) 午後 11:30", 23),
        ("2026년 11월 3일 오후 2:14", 14),
        ("2026年11月3日 下午 2:14", 14),
        ("2026年11月3日 上午 2:14", 2),
        ("Τρίτη, 3 Νοεμβρίου 2026, 02:14 μμ", 14),
        ("den 3 november 2026 02:14 em", 14),
        ("Dienstag, 3. November 2026, 14:14 Uhr", 14),
        ("Tuesday, 3 November 2026, 2:14 PM", 14),
    ],
)
def test_afternoons_are_afternoons(text, hour):
    assert read_moment(text) == datetime(2026, 11, 3, hour, 30 if "30" in text else 14).astimezone()


def test_a_word_behind_a_time_that_may_be_for_the_afternoon_is_no_morning():
    with pytest.raises(ValueError, match="may be for the afternoon"):
        read_moment("3 November 2026, 2:14 delpasdite")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T14:14:05Z",
        "2026-11-03T14:14:05z",
        "2026-11-03T14:14:05+0000",
        "2026-11-03 14:14:05 +0000",
        "2026-11-03T15:14:05+01",
        "2026-11-03T15:14:05+01:00",
        "2026-11-03T04:44:05-0930",
        "2026-11-03T14:14:05.1Z",
        "2026-11-03T14:14:05.123456789Z",
        "2026-11-03T14:14:05,5+00:00",
    ],
)
def test_moments_in_iso_8601_are_read_in_every_python(text):
    assert read_moment(text).replace(microsecond=0) == datetime(2026, 11, 3, 14, 14, 5, tzinfo=timezone.utc)


def test_moments_without_an_offset_or_seconds_are_local_and_a_month_13_is_none():
    assert read_moment("2026-11-03 14:14") == datetime(2026, 11, 3, 14, 14).astimezone()
    assert read_moment("2026-11-03T14:14:05.25") == datetime(2026, 11, 3, 14, 14, 5, 250_000).astimezone()
    with pytest.raises(ValueError, match="month"):
        read_moment("2026-13-03T14:14")


def test_a_thousand_with_a_comma_is_not_one():
    assert number("1,000") is None
    assert (number("1,5"), number("0,125"), number("1000")) == (1.5, 0.125, 1000)


@pytest.mark.parametrize("text", [",,,\n", "sep=;\n", " \n"])
def test_a_table_of_blank_cells_is_told(tmp_path, text):
    (tmp_path / "roster.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match="is empty"):
        read_roster(tmp_path / "roster.csv")
