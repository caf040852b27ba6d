"""A school hands in through each system: the same students, times and contents come out, whichever it was."""

import shutil
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from grading.intake.arrivals import collect, unpack
from grading.intake.download import DownloadError, unpacked_download
from grading.intake.people import read_roster
from grading.intake.submission import Facts, TimeSource
from grading.intake.tables import TableError
from grading.intake.times import read_times
from grading.intake.worksheet import read_worksheet
from labkit.submission.names import ascii_words
from tests.submissions import make_zip, school

pytestmark = pytest.mark.grading

SCHOOL = school.students()
DEADLINE = school.START + timedelta(hours=48)


def unpacked(submission, folder):
    """Return the files of a submission as they are graded."""
    unpack(submission.content, folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    return files


def assert_the_school(found, tmp_path, *, times=True, students=SCHOOL):
    """Assert that each student is there once, with the right id, name, time and contents."""
    assert {one.zip.name: one.problem for one in found if one.problem} == {}
    by_id = {one.id: one for one in found if one.superseded_by is None}
    assert sorted(by_id) == sorted(student.id for student in students)
    assert len(found) == len(students)
    for student in students:
        one = by_id[student.id]
        assert sorted(one.words) == sorted(ascii_words(student.full_name)), student
        assert unpacked(one, tmp_path / "unpacked") == student.files, student
        if times:
            assert abs(one.submitted - student.submitted) < timedelta(minutes=1), student


def late(found):
    """Return the ids of those who are charged for lateness."""
    return {one.id for one in found if one.late}


LATE = {student.id for student in SCHOOL if student.submitted > DEADLINE}


# --------------------------------------------------------------------------------------------------------- every source


@pytest.mark.parametrize("form", [{}, {"underscore": "_"}, {"blind": True}, {"flat": True}], ids=str)
def test_moodle_with_its_worksheet(form, tmp_path):
    students = SCHOOL[-20:] if form else SCHOOL
    school.moodle(tmp_path / "download", students, **form)
    people = read_worksheet(school.worksheet(tmp_path / "Grades-Lab-4711.csv", SCHOOL))
    found = collect(tmp_path / "download", DEADLINE, facts=Facts(people))
    assert_the_school(found, tmp_path, students=students)
    assert late(found) == LATE & {student.id for student in students}
    assert {(one.system, one.key) for one in found} == {("moodle", student.participant) for student in students}
    assert {one.time_source for one in found} == {TimeSource.WORKSHEET}


def test_canvas_with_a_roster_and_times(tmp_path):
    twins = {SCHOOL[-1].full_name}
    students = [one for one in SCHOOL if one.kind.startswith("zip") or one.full_name not in twins]
    school.canvas(tmp_path / "download", students)
    times = school.table(tmp_path / "times.csv", ["id", "submitted"], students)
    facts = Facts(read_roster(school.roster(tmp_path, SCHOOL)), read_times(times))
    found = collect(tmp_path / "download", DEADLINE, facts=facts)
    assert_the_school(found, tmp_path, students=students)
    assert late(found) == LATE & {one.id for one in students}
    assert {(one.system, one.key) for one in found} == {("canvas", student.user) for student in students}
    for one in found:
        assert all(f"_{one.key}_" in name for name in one.uploaded_as), "the ids go back to the system"


def test_blackboard_with_a_roster(tmp_path):
    school.blackboard(tmp_path / "download", SCHOOL)
    found = collect(tmp_path / "download", DEADLINE, facts=Facts(read_roster(school.roster(tmp_path, SCHOOL))))
    assert_the_school(found, tmp_path)
    assert late(found) == LATE
    assert {one.key for one in found} == {student.login for student in SCHOOL}


def test_brightspace_with_a_roster(tmp_path):
    twins = [one for one in SCHOOL if one.full_name == SCHOOL[-1].full_name and one.kind in ("loose", "folder")]
    students = [one for one in SCHOOL if one not in twins]
    school.brightspace(tmp_path / "download", students)
    found = collect(tmp_path / "download", DEADLINE, facts=Facts(read_roster(school.roster(tmp_path, SCHOOL))))
    assert_the_school(found, tmp_path, students=students)
    assert late(found) == LATE & {one.id for one in students}


def test_ilias_with_a_roster(tmp_path):
    school.ilias(tmp_path / "download", SCHOOL)
    found = collect(tmp_path / "download", DEADLINE, facts=Facts(read_roster(school.roster(tmp_path, SCHOOL))))
    assert_the_school(found, tmp_path)
    assert late(found) == LATE


def test_repositories_with_a_roster_and_times(tmp_path):
    school.repositories(tmp_path / "download", SCHOOL)
    times = school.table(tmp_path / "times.csv", ["login", "submitted"], SCHOOL)
    facts = Facts(read_roster(school.roster(tmp_path, SCHOOL)), read_times(times))
    found = collect(tmp_path / "download", DEADLINE, facts=facts)
    assert_the_school(found, tmp_path)
    assert late(found) == LATE


@pytest.mark.parametrize("source", [school.folders, school.zips])
def test_folders_and_zips_with_their_own_times(source, tmp_path):
    source(tmp_path / "class", SCHOOL)
    found = collect(tmp_path / "class", DEADLINE)
    assert_the_school(found, tmp_path)
    assert late(found) == LATE


def test_folders_of_a_course_and_of_sections_are_nobodys_and_looked_into(tmp_path):
    for n, name in enumerate((SCHOOL[0].full_name, "Bob Stone", "Eve Moon")):
        for path, content in SCHOOL[n].files.items():
            school.write(tmp_path / "12_mnist_lab" / name / path, content)
        school.write(tmp_path / "2026_mnist_lab" / f"{name}.zip", make_zip(SCHOOL[n].files))
    found = collect(tmp_path)
    assert len(found) == 6
    assert {one.id for one in found} == {""}
    people = read_roster(school.roster(tmp_path / "12_mnist_lab", SCHOOL[:1]))
    by_name = [one.id for one in collect(tmp_path, facts=Facts(people)) if one.id]
    assert by_name == [SCHOOL[0].id] * 2, "by the only such name in the roster"


def test_an_old_version_in_a_students_folder_makes_no_class_of_it(tmp_path):
    home = tmp_path / SCHOOL[1].zip_name.removesuffix(".zip")
    for path, content in SCHOOL[1].files.items():
        school.write(home / "new" / path, content)
    school.write(home / "old" / "model_no1.py", b"raise SystemExit")
    (one,) = collect(tmp_path)
    assert (one.id, one.problem) == (SCHOOL[1].id, None)
    assert unpacked(one, tmp_path / "unpacked") == SCHOOL[1].files


def test_results_among_the_submissions_are_none(tmp_path):
    school.zips(tmp_path, SCHOOL[:2])
    school.write(tmp_path / "grades" / "submissions" / SCHOOL[0].zip_name.removesuffix(".zip") / "result.json", b"{}")
    assert [one.problem for one in collect(tmp_path, out=tmp_path / "grades")] == [None, None]


def test_a_mixture_of_sources(tmp_path):
    parts = [school.moodle, school.blackboard, school.ilias, school.folders, school.zips]
    for n, source in enumerate(parts):
        source(tmp_path / "class" / f"part {n}", SCHOOL[n :: len(parts)])
    found = collect(tmp_path / "class", facts=Facts(read_roster(school.roster(tmp_path, SCHOOL))))
    assert_the_school(found, tmp_path, times=False)


def test_a_download_as_the_zip_that_it_is(tmp_path):
    school.zips(tmp_path / "class" / "lab 3", SCHOOL)
    download = school.packed(tmp_path / "class", tmp_path / "download.zip")
    with unpacked_download(download) as (folder, left_out):
        assert left_out == []
        found = collect(folder, DEADLINE)
        assert_the_school(found, tmp_path)
        assert late(found) == LATE
    assert not folder.exists()


# ----------------------------------------------------------------------------------------- where neither table says who


def test_moodle_alone_goes_by_its_own_key_where_no_zip_says_more(tmp_path):
    school.moodle(tmp_path / "download", SCHOOL)
    by_key = {one.key: one for one in collect(tmp_path / "download", DEADLINE)}
    for student in SCHOOL:
        named = student.kind.startswith("zip")
        assert by_key[student.participant].id == (student.id if named else f"participant {student.participant}")
    assert not late(by_key.values()), "nobody is charged by the time of a download"
    assert "the files have the time of a download" in "; ".join(by_key[SCHOOL[-1].participant].remarks)


def test_canvas_and_blackboard_alone_go_by_user_and_login(tmp_path):
    school.canvas(tmp_path / "canvas", SCHOOL[:5])
    school.blackboard(tmp_path / "blackboard", SCHOOL[:5])
    for system, key in (("canvas", "user"), ("blackboard", "login")):
        found = {one.key: one.id for one in collect(tmp_path / system)}
        assert found == {getattr(s, key): s.id if s.kind.startswith("zip") else getattr(s, key) for s in SCHOOL[:5]}


def test_canvas_says_late_and_no_more(tmp_path):
    school.canvas(tmp_path, SCHOOL[3:4])
    (one,) = collect(tmp_path, DEADLINE)
    assert one.late == timedelta()
    assert "Canvas says that it was late, and not by how much" in "; ".join(one.remarks)


@pytest.mark.parametrize("name", ["anon_8Fh3k_67895_lab.zip", "LATE_anon_8Fh3k_67895_lab.zip"])
def test_canvas_marked_anonymously(name, tmp_path):
    school.write(tmp_path / name, make_zip(SCHOOL[0].files))
    (one,) = collect(tmp_path)
    assert (one.system, one.key, one.id, one.problem) == ("canvas", "8Fh3k", "8Fh3k", None)


def test_a_text_in_canvas_is_a_refused_submission_and_in_moodle_none(tmp_path):
    school.write(tmp_path / "liskovbarbara_12349_text.html", b"<p>see attachment</p>")
    school.write(tmp_path / "Vint Cerf_12_assignsubmission_onlinetext" / "onlinetext.html", b"<p>sorry</p>")
    moodle, canvas = collect(tmp_path)
    assert (canvas.id, canvas.set_aside) == ("12349", False)
    assert "no file handed in" in canvas.problem
    assert (moodle.id, moodle.set_aside) == ("participant 12", True)


def test_the_last_attempt_of_blackboard_counts_by_the_time_in_its_name(tmp_path):
    for day in (4, 3, 6):
        files = make_zip(SCHOOL[0].files | {"day.txt": str(day).encode()})
        school.write(tmp_path / f"Lab_ada_attempt_2026-11-0{day}-14-22-10_189295_ada_lovelace.zip", files)
    for deadline, day in ((None, 6), (DEADLINE, 4)):
        counts = [one for one in collect(tmp_path, deadline) if one.superseded_by is None]
        assert [one.submitted.day for one in counts] == [day]


def test_files_of_one_moodle_student_are_one_submission_and_an_archive_among_them_is_named(tmp_path):
    ada = SCHOOL[0]
    folder = tmp_path / "Ada Lovelace_1_assignsubmission_file"
    scripts = {path: content for path, content in ada.files.items() if path.endswith(".py")}
    school.write(folder / "code.zip", make_zip(scripts))
    school.write(folder / "text.zip", make_zip({"report.pdf": ada.files["report.pdf"]}))
    school.write(tmp_path / "Bob Stone_2_assignsubmission_file" / "lab.rar", b"Rar!\x1a\x07\x01\x00" + bytes(99))
    one, rar = collect(tmp_path)
    assert unpacked(one, tmp_path / "unpacked") == ada.files
    assert "a RAR archive" in rar.problem


def test_two_students_under_one_first_number_of_brightspace_stay_two(tmp_path):
    for second, name in ((1, "Ada Lovelace"), (2, "Bob Stone")):
        folder = tmp_path / f"77-{second} - {name} - Nov 3, 2026 222 PM"
        school.write(folder / "lab.zip", make_zip(SCHOOL[second].files))
    assert [one.superseded_by for one in collect(tmp_path)] == [None, None]
    assert len({one.key for one in collect(tmp_path)}) == 2


@pytest.mark.parametrize("notes", [True, False])
def test_logins_of_blackboard_that_end_alike_stay_two_students(notes, tmp_path):
    for n, login in enumerate(("a_smith", "b_smith")):
        start = f"MNIST_lab_{login}_attempt_2026-11-03-14-22-10"
        school.write(tmp_path / f"{start}_lab.zip", make_zip(SCHOOL[n].files))
        if notes:
            school.write(tmp_path / f"{start}.txt", f"Name: {login.title()} ({login})\n".encode())
    found = collect(tmp_path)
    assert [one.superseded_by for one in found] == [None, None]
    assert len({one.id for one in found}) == 2
    if notes:
        assert [one.key for one in found] == ["a_smith", "b_smith"]


# ----------------------------------------------------------------------------------------------------------- worksheets

GERMAN = (
    *("ID", "Vollständiger Name", "E-Mail-Adresse", "ID-Nummer", "Status", "Bewertung", "Bestwertung"),
    *("Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)", "Zuletzt geändert (Bewertung)", "Feedback"),
)


@pytest.mark.parametrize(
    "form",
    [
        {"head": GERMAN, "participant": "Teilnehmer/in", "time": "%d. November %Y, %H:%M"},
        {"head": GERMAN, "separator": ";", "encoding": "cp1252", "time": "%d.%m.%Y %H:%M"},
        {"separator": "\t", "encoding": "utf-16", "time": "%Y-%m-%d %H:%M"},
        {"time": "%m/%d/%Y %I:%M %p"},
        {"time": "martes, %d de noviembre de %Y, %H:%M"},
    ],
    ids=["German", "Excel in Germany", "Excel's Unicode text", "Excel in the USA", "Spanish"],
)
def test_a_worksheet_in_another_language_or_out_of_excel(form, tmp_path):
    people = read_worksheet(school.worksheet(tmp_path / "sheet.csv", SCHOOL, **form)).everybody
    assert [(one.key, one.id) for one in people] == [(one.participant, one.id) for one in SCHOOL]
    assert [one.submitted for one in people] == [one.submitted.replace(second=0) for one in SCHOOL]


def test_dates_that_may_be_day_or_month_first_are_settled_by_a_flag(tmp_path):
    sheet = school.worksheet(tmp_path / "sheet.csv", SCHOOL[:3], time="%d/%m/%Y %H:%M")
    with pytest.raises(TableError, match="--dates day-first or --dates month-first"):
        read_worksheet(sheet)
    assert read_worksheet(sheet, order="day-first").everybody[0].submitted == SCHOOL[0].submitted
    assert read_worksheet(sheet, order="month-first").everybody[0].submitted.month == 3


def with_a_column(sheet, name):
    """Write a worksheet of SCHOOL with a column more behind the names, of seven digits each."""
    school.worksheet(sheet, SCHOOL)
    lines = [line.split(",", 2) for line in sheet.read_text(encoding="utf-8-sig").splitlines()]
    rows = [f"{who},{full},{name if n == 0 else 5550000 + n},{rest}" for n, (who, full, rest) in enumerate(lines)]
    sheet.write_text("\n".join(rows), encoding="utf-8")
    return sheet


def test_two_columns_that_may_be_the_ids_are_settled_by_a_flag(tmp_path):
    sheet = with_a_column(tmp_path / "sheet.csv", "Institution")
    with pytest.raises(TableError, match='"Institution" or "ID number": say so with --column "id=Institution"'):
        read_worksheet(sheet)
    assert read_worksheet(sheet, columns=["id=ID number"]).everybody[0].id == SCHOOL[0].id


@pytest.mark.parametrize("name", ["Phone", "Mobile phone", "Telefon", "Mobiltelefon", "Téléphone", "Tel.", "Cellulare"])
def test_a_telephone_number_is_no_id(name, tmp_path):
    assert read_worksheet(with_a_column(tmp_path / "sheet.csv", name)).everybody[0].id == SCHOOL[0].id


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name\n189295,Ada\n", "no column holds dates and times"),
        ("name,id\nAda,189295\n", "is not Moodle's grading worksheet"),
        ("", "is empty"),
        ("PK\x03\x04", "save it as CSV"),
        ("Identifier,Full name,Time\nParticipant 1,Ada B,2026-11-03 14:00\nParticipant 1,Bob,-\n", "in rows 2 and 3"),
    ],
)
def test_what_is_no_worksheet_is_told(content, message, tmp_path):
    (tmp_path / "sheet.csv").write_text(content)
    with pytest.raises(TableError, match=message):
        read_worksheet(tmp_path / "sheet.csv")


def test_under_blind_marking_a_worksheet_without_names_gives_the_times_and_the_zip_its_name(tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Status,Last modified (submission)\nParticipant 12,Submitted,2026-11-03 14:00\n")
    school.write(
        tmp_path / "d" / "Participant_12_assignsubmission_file" / "189295_ada_lovelace.zip",
        make_zip({"model_no1.py": b"x"}),
    )
    (one,) = collect(tmp_path / "d", DEADLINE, facts=Facts(read_worksheet(sheet)))
    assert (one.id, one.name, one.key, one.time_source) == ("189295", "ada", "12", TimeSource.WORKSHEET)


# -------------------------------------------------------------------------------------------------- rosters, and doubts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name,surname\n1,a,b\n01,c,d\n", 'the id "1" is in rows 2 and 3'),
        ("login,id,name,surname\nx,1,a,b\nX,2,c,d\n", 'the login "x" is in rows 2 and 3'),
        ("id,name\n1,a\n", "not so: surname"),
        ("id,name,surname\n18a,a,b\n", 'row 2: "18a" is no student id'),
    ],
)
def test_a_roster_that_would_be_a_guess_is_refused(content, message, tmp_path):
    (tmp_path / "roster.csv").write_text(content)
    with pytest.raises(TableError, match=message):
        read_roster(tmp_path / "roster.csv")


def test_with_a_roster_an_unknown_id_and_anothers_id_are_nobodys_mark(tmp_path):
    ada, bob = SCHOOL[0], SCHOOL[1]
    people = Facts(read_roster(school.roster(tmp_path, [ada, bob])))
    for name in (ada.zip_name, "999999_eve_moon.zip", f"{bob.id}_mallory_evil.zip"):
        school.write(tmp_path / "class" / name, make_zip(ada.files | {"n.txt": name.encode()}))
    mine, thief, unknown = collect(tmp_path / "class", facts=people)
    assert (mine.id, mine.problem) == (ada.id, None)
    assert (thief.id, thief.set_aside) == ("", True)
    assert f"has {bob.id} as" in thief.problem
    assert (unknown.id, unknown.set_aside) == ("", True)
    assert "no student with the id 999999" in unknown.problem


def test_of_two_students_with_one_name_neither_is_found_by_it(tmp_path):
    people = read_roster(school.roster(tmp_path, SCHOOL))
    assert people.named(SCHOOL[-1].full_name) is None
    assert people.named(SCHOOL[0].full_name).id == SCHOOL[0].id
    school.moodle(tmp_path / "class", SCHOOL[-2:])
    for one, student in zip(collect(tmp_path / "class", facts=Facts(people)), SCHOOL[-2:], strict=True):
        key = f"participant {student.participant}"
        assert one.id == (student.id if student.kind.startswith("zip") else key), "a guess between two"


def test_an_uploader_whose_zip_has_anothers_name_is_graded_under_the_systems_key(tmp_path):
    ada, mallory = SCHOOL[0], SCHOOL[3]
    school.write(tmp_path / f"Lab_{mallory.login}_attempt_2026-11-03-14-22-10_{ada.zip_name}", make_zip(ada.files))
    note = f"Name: {mallory.full_name} ({mallory.login})\n"
    school.write(tmp_path / f"Lab_{mallory.login}_attempt_2026-11-03-14-22-10.txt", note.encode())
    (one,) = collect(tmp_path)
    assert one.id == mallory.login
    assert "but Blackboard has it from" in "; ".join(one.doubts)


def test_an_id_unlike_the_others_is_remarked(tmp_path):
    for name in (*(f"18929{n}_ada_lovelace-{n}x.zip" for n in range(6)), "12_bob_stone.zip"):
        school.write(tmp_path / name, make_zip({"model_no1.py": name.encode()}))
    doubted = [one.id for one in collect(tmp_path) if any("characters, those of most" in doubt for doubt in one.doubts)]
    assert doubted == ["12"]


def test_names_of_one_id_of_which_one_has_all_words_of_the_other_are_one_student_with_a_remark(tmp_path):
    for hours, name in enumerate(("189304_jose_garcia.zip", "189304_jose_garcia-lopez.zip")):
        school.write(tmp_path / name, make_zip({"model_no1.py": name.encode()}), school.START + timedelta(hours=hours))
    found = {one.zip.name: one for one in collect(tmp_path)}
    assert found["189304_jose_garcia.zip"].superseded_by == "189304_jose_garcia-lopez.zip"
    assert all("were taken for one student's" in "; ".join(one.doubts) for one in found.values())


def test_two_uploaders_with_the_name_of_one_student_of_the_roster_are_neither(tmp_path):
    people = read_roster(school.roster(tmp_path, SCHOOL[:1]))
    for number in (1, 2):
        folder = tmp_path / "class" / f"{SCHOOL[0].full_name}_{number}_assignsubmission_file"
        school.write(folder / "model_no1.py", f"print({number})".encode())
    found = collect(tmp_path / "class", facts=Facts(people))
    assert [(one.id, one.superseded_by) for one in found] == [("participant 1", None), ("participant 2", None)]
    assert all("nobody knows who that is" in "; ".join(one.doubts) for one in found)


def test_an_uploader_of_whose_name_the_roster_has_two_is_neither_and_both_are_named(tmp_path):
    ada = SCHOOL[0]
    people = read_roster(school.roster(tmp_path, [ada, replace(SCHOOL[1], name=ada.name, surname=ada.surname)]))
    folder = tmp_path / "class" / f"{ada.full_name}_7_assignsubmission_file"
    school.write(folder / "model_no1.py", b"print(1)")
    (one,) = collect(tmp_path / "class", facts=Facts(people))
    assert one.id == "participant 7"
    assert f"one of the 2 of this name in the roster, {ada.id!r} and".replace("'", '"') in "; ".join(one.doubts)


def test_a_systems_key_is_not_taken_for_the_id_of_another_student(tmp_path):
    school.write(tmp_path / "stonebob_189295_7_model_no1.py", b"print(1)")
    school.write(tmp_path / "189295_ada_lovelace.zip", make_zip({"model_no1.py": b"print(2)"}))
    assert [one.id for one in collect(tmp_path)] == ["189295", "canvas 189295"]


def test_the_download_of_a_class_among_the_submissions_is_nobodys(tmp_path):
    school.moodle(tmp_path / "moodle", SCHOOL[:2])
    (tmp_path / "class").mkdir()
    school.packed(tmp_path / "moodle", tmp_path / "class" / "MNIST lab-4711.zip")
    (one,) = collect(tmp_path / "class")
    assert (one.id, one.set_aside) == ("", True)
    assert "is the download of a class: give it as SOURCE" in one.problem


# ---------------------------------------------------------------------------------------------------------------- times


def class_at(folder, *minutes):
    """Hand zips in at these minutes after the deadline."""
    for n, minute in enumerate(minutes):
        school.write(folder / SCHOOL[n].zip_name, make_zip(SCHOOL[n].files), DEADLINE + timedelta(minutes=minute))
    return folder


def test_who_is_left_out_of_the_times_is_not_charged_by_the_time_of_a_file(tmp_path):
    class_at(tmp_path / "class", 600, 600)
    (tmp_path / "times.csv").write_text(f"id,time\n{SCHOOL[0].id},{DEADLINE:%Y-%m-%dT%H:%M:%S%z}\n")
    found = collect(tmp_path / "class", DEADLINE, facts=Facts(times=read_times(tmp_path / "times.csv")))
    assert [one.time_source for one in found] == [TimeSource.TIMES, TimeSource.DOWNLOAD]
    assert not late(found)


def test_a_folder_of_results_among_the_submissions_is_nobodys(tmp_path):
    class_at(tmp_path, 0)
    school.write(tmp_path / "grades" / "grades.csv", b"id\n")
    school.write(tmp_path / "grades" / "submissions" / "189301_alan_turing" / "result.json", b"{}")
    one, results = collect(tmp_path)
    assert (one.id, results.id, results.set_aside) == (SCHOOL[0].id, "", True)
    assert '"grades" holds results of an earlier run' in results.problem


@pytest.mark.parametrize(
    ("minutes", "charged"),
    [
        ((600, 601, 605, 609), 0),  # all within minutes: a download
        ((600, 601, 605, 609, 900), 1),  # one was added later
        ((-90, -60, -30, 600), 1),
        ((600,), 1),  # one alone says nothing
        ((-500, -300, 600, 605), 2),
    ],
)
def test_nobody_is_charged_by_the_time_of_a_download(minutes, charged, tmp_path):
    assert len(late(collect(class_at(tmp_path, *minutes), DEADLINE))) == charged


def test_an_extension_moves_the_deadline_of_one_student(tmp_path):
    class_at(tmp_path, -200, 600, 1200)
    extensions = {
        f"0{SCHOOL[1].id}": DEADLINE + timedelta(minutes=700),
        SCHOOL[2].id: DEADLINE + timedelta(minutes=700),
    }
    found = {one.id: one for one in collect(tmp_path, DEADLINE, facts=Facts(extensions=extensions))}
    assert late(found.values()) == {SCHOOL[2].id}
    assert found[SCHOOL[2].id].late == timedelta(minutes=500)
    assert "for this student" in "; ".join(found[SCHOOL[2].id].remarks)


def test_times_go_before_every_other_source_and_unknown_ones_are_listed(tmp_path):
    class_at(tmp_path / "class", 600, 601, 602)
    table = tmp_path / "times.csv"
    table.write_text(
        f"id;time\n{SCHOOL[0].id};{DEADLINE + timedelta(minutes=5):%Y-%m-%d %H:%M:%S}\n77;2026-11-03 10:00\n"
    )
    times = read_times(table)
    assert late(collect(tmp_path / "class", DEADLINE, facts=Facts(times=times))) == {SCHOOL[0].id}
    assert times.without_effect() == ["77"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,when\n1,2026-11-03 10:00\n", 'expected a column "time"'),
        ("id,time\n1,2026-11-03\n", 'row 2: "2026-11-03" is no date with a time'),
        ("id,time\n1,3/4/2026 10:00\n", "--dates day-first"),
        ("id,time\n1,2026-11-03 10:00\n01,2026-11-03 11:00\n", "with two times"),
    ],
)
def test_times_that_can_not_be_read_are_told(content, message, tmp_path):
    (tmp_path / "times.csv").write_text(content)
    with pytest.raises(TableError, match=message):
        read_times(tmp_path / "times.csv")


def test_where_times_do_not_tell_the_version_in_the_name_does_with_a_doubt(tmp_path):
    for name in ("x.zip", "x (1).zip", "x_v2.zip"):
        school.write(tmp_path / f"189296_grace_{name}", make_zip({"model_no1.py": name.encode()}))
    counts = [one for one in collect(tmp_path) if one.superseded_by is None]
    assert [one.zip.name for one in counts] == ["189296_grace_x_v2.zip"]
    assert "which of 3 submissions is the last is not told by their times" in "; ".join(counts[0].doubts)


# ------------------------------------------------------------------------------------------------------------ bad input


def test_side_files_are_no_submissions_and_a_partial_download_is_named(tmp_path):
    class_at(tmp_path, 1)
    for name in ("index.html", "status.xlsx", ".~lock.grades.csv#", "Grades-ML-MNIST lab-4711.csv", "~$notes.docx"):
        school.write(tmp_path / name, b"x")
    school.write(tmp_path / "189300_niklaus_wirth.zip.crdownload", b"PK\3\4")
    found = {one.zip.name: one for one in collect(tmp_path)}
    assert sorted(found) == sorted([SCHOOL[0].zip_name, "189300_niklaus_wirth.zip.crdownload"])
    (tmp_path / "189300_niklaus_wirth.zip.crdownload").unlink()
    school.write(tmp_path / "189300_niklaus_wirth.zip.download" / "189300_niklaus_wirth.zip", b"PK\3\4")
    (safaris,) = [one for one in collect(tmp_path) if one.zip.name.endswith(".download")]
    assert safaris.set_aside
    partial = found["189300_niklaus_wirth.zip.crdownload"]
    assert 'download "189300_niklaus_wirth.zip" again' in partial.problem
    assert partial.set_aside, "it costs the student nothing"


def test_thousands_of_stray_files_are_nobodys_in_a_line_each_and_in_a_students_folder_one_refusal(tmp_path):
    class_at(tmp_path, 1)
    for n in range(1000):
        (tmp_path / f"189295 curve {n}.png").touch()
    home = tmp_path / "189296_grace_hopper"
    home.mkdir()
    for n in range(2001):
        (home / f"{n}.png").touch()
    found = collect(tmp_path)
    assert len(found) == 1002
    assert [one.id for one in found if one.id and not one.problem] == [SCHOOL[0].id]
    (refused,) = [one for one in found if one.zip == home]
    assert "more than 2,000 files" in refused.problem
    assert all(one.set_aside for one in found if one.id == ""), "a number in a file's name is no claim"


def test_a_folder_that_changes_while_it_is_read_costs_nobody_anything(tmp_path, monkeypatch):
    school.folders(tmp_path, SCHOOL[:2])
    lstat = Path.lstat

    def vanishing(path):
        if path.name == "model_no2.py":
            path.unlink(missing_ok=True)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", vanishing)
    found = collect(tmp_path)
    assert [one.set_aside for one in found] == [False, True]
    assert "changed while it was" in found[1].problem


def test_a_link_in_a_folder_is_left_out_and_never_followed(tmp_path):
    home = tmp_path / "class" / SCHOOL[1].zip_name.removesuffix(".zip")
    for path, content in SCHOOL[1].files.items():
        school.write(home / path, content)
    (home / "model_no1.py").unlink()
    (home / "model_no1.py").symlink_to("/etc/passwd")
    (one,) = collect(tmp_path / "class")
    assert "model_no1.py" not in unpacked(one, tmp_path / "unpacked")
    assert any("because it is a link" in remark for remark in one.content.left_out)


def test_a_bad_file_in_a_download_does_not_stop_the_class(tmp_path):
    class_at(tmp_path / "class", 1, 2)
    download = school.packed(tmp_path / "class", tmp_path / "download.zip")
    with zipfile.ZipFile(download, "a") as file:
        file.writestr("../../pwned.py", "x")
        file.writestr("x\ny.zip", "x")
    with unpacked_download(download) as (folder, left_out):
        assert [one.id for one in collect(folder)] == [SCHOOL[0].id, SCHOOL[1].id]
        assert len(left_out) == 2
    assert not (tmp_path.parent / "pwned.py").exists()
    (tmp_path / "no.zip").write_bytes(b"PK\3\4")
    with pytest.raises(DownloadError, match="truncated"), unpacked_download(tmp_path / "no.zip"):
        pass
