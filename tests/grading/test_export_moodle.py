"""Moodle: what its own importers would read of the filled worksheet and of the zip, and what stays as it was."""

import csv
import dataclasses
import io
import re
import shutil
import zipfile
from pathlib import PurePosixPath

import pytest

from grading.results.export import moodle
from grading.results.export.graded import read_class
from grading.results.export.matching import Entry
from grading.results.export.tables import Gradebook
from tests.grading.graded_class import (
    ASSIGNMENT,
    HOSTILE,
    everything,
    export,
    grade,
    hand_in,
    mark_by_hand,
    marks,
    unsettled,
)

pytestmark = pytest.mark.grading

# The heads of a worksheet, and its other words, as Moodle's language packs have them.
LANGUAGES = {
    "en": (
        "Identifier|Full name|Email address|ID number|Status|Grade|Maximum grade|Grade can be changed|"
        "Last modified (submission)|Last modified (grade)|Feedback comments",
        ("Participant ", "Submitted for grading", "Yes", "Tuesday, 3 November 2026, 2:14 PM", "."),
    ),
    "de": (
        "ID|Vollständiger Name|E-Mail-Adresse|ID-Nummer|Status|Bewertung|Bestwertung|Bewertung kann geändert werden|"
        "Zuletzt geändert (Abgabe)|Zuletzt geändert (Bewertung)|Feedback als Kommentar",
        ("Teilnehmer/in", "Zur Bewertung abgegeben", "Ja", "Dienstag, 3. November 2026, 14:14", ","),
    ),
    "ja": (
        "識別子|フルネーム|メールアドレス|IDナンバー|ステータス|評点|最大評点|評定の変更|"
        "最終更新日時 (提出)|最終更新日時 (評定)|フィードバックコメント",
        ("参加者 ", "評定のために提出済み", "Yes", "2026年 11月 3日(火曜日) 14:14", "."),
    ),
}
STUDENTS = [
    ("1234567", "Ada Lovelace", "189295"),
    ("1234568", "Grace Hopper", "189296"),
    ("1234569", "Alan Turing", "189297"),
    ("1234570", "María José O'Brien", "189301"),
]


def php(cells, separator=","):
    """Write a row as PHP's fputcsv does, with which Moodle writes a worksheet."""

    def cell(text):
        return '"' + text.replace('"', '""') + '"' if re.search(r'[",\\\s]', text) else text

    return separator.join(map(cell, cells)) + "\n"


def worksheet(students=STUDENTS, language="en", maximum=100, **cells):
    """Write a worksheet; `cells` has contents of the columns grade and comments, by the participant's number."""
    heads, (participant, status, yes, date, point) = LANGUAGES[language]
    rows = [php(heads.split("|"))]
    for number, name, student in students:
        row = [f"{participant}{number}", name, f"{student}@example.org" if student else "", student, status]
        row += [cells.get("grade", {}).get(number, ""), f"{maximum:.2f}".replace(".", point), yes]
        rows.append(php([*row, date, "-", cells.get("comments", {}).get(number, "")]))
    return b"\xef\xbb\xbf" + "".join(rows).encode()


def imported(content, language="en", encoding="utf-8-sig", separator=","):
    """Read marks and comments by the participant's number, as Moodle's importer does: see moodle.py for its source."""
    heads, (participant, *_) = LANGUAGES[language]
    identifier, grade_head, comments_head = (heads.split("|")[place] for place in (0, 5, 10))
    found = {}
    for row in csv.DictReader(io.StringIO(content.decode(encoding), newline=""), delimiter=separator):
        maximum = float(row[heads.split("|")[6]].replace(",", "."))
        text = row[grade_head].replace(" ", "").replace(",", ".")
        if text and 0 <= float(text) <= maximum:
            found[row[identifier][len(participant) :]] = (float(text), row[comments_head])
    return found


def feedback_files(path):
    """Read the zip as Moodle's importer does: whose each file is, by the second part between underscores."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            assert not PurePosixPath(name).name.startswith((".", "~"))
            folder, _, file = name.partition("/")
            parts = folder.split("_", 4)
            assert parts[2:4] == ["assignsubmission", "file"]
            found[parts[1]] = (file, archive.read(name).decode())
    return found


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Grade a class that came from Moodle: three by the names of their zips, one under blind marking."""
    folder = tmp_path_factory.mktemp("moodle")
    for number, name, student in STUDENTS[:3]:
        first, last = name.lower().split()
        hand_in(folder / "submissions", f"{name}_{number}_assignsubmission_file/{student}_{first}_{last}.zip")
    hand_in(folder / "submissions", "Participant_1234570_assignsubmission_file/189301_maria-jose_o-brien.zip")
    with pytest.MonkeyPatch.context() as monkeypatch:
        grade(monkeypatch, folder / "submissions", folder / "grades")
    return folder


def settle(folder, given=None):
    """Mark a class by hand, and grade it again; return its folder of results, and the marks by id."""
    mark_by_hand(folder / "grades", given or {"": everything(0.75)})
    with pytest.MonkeyPatch.context() as monkeypatch:
        grade(monkeypatch, folder / "submissions", folder / "grades")
    return folder / "grades", marks(folder / "grades")


@pytest.fixture(scope="module")
def settled(fresh, tmp_path_factory):
    """Return a class of which nothing is open: its folder of results, and the marks by id."""
    return settle(shutil.copytree(fresh, tmp_path_factory.mktemp("settled") / "class"))


@pytest.fixture
def fill(capsys, tmp_path):
    """Return a function that fills a worksheet; it returns the status, the content, and what was printed."""

    def fill(out, content, *flags):
        (tmp_path / "Grades.csv").write_bytes(content)
        to = tmp_path / "to"
        status, *printed = export(capsys, "moodle", out, "--from", tmp_path / "Grades.csv", "--to", to, *flags)
        path = to / "Grades.csv"
        return status, path.read_bytes() if path.exists() else b"", "".join(printed)

    return fill


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_student_has_the_mark_of_the_grader_in_a_worksheet_of_any_language(settled, fill, tmp_path, language):
    out, expected = settled
    status, content, told = fill(out, worksheet(language=language))
    assert status == 0
    assert "4 marks" in told
    found = imported(content, language)
    assert {student: found[number][0] for number, _, student in STUDENTS} == expected
    assert len(set(expected.values())) == 4
    files = feedback_files(tmp_path / "to/feedback.zip")
    for number, name, _ in STUDENTS:
        file, text = files[number]
        assert file == "feedback.html"
        assert f" {name.split()[-1].lower().replace(chr(39), '-')} " in text


def test_all_but_marks_and_comments_stays_byte_for_byte(settled, fill):
    others = [("1234580", 'Vint "the" Cerf, Jr.', ""), ("1234581", "back\\slash\nand a line", "7")]
    before = worksheet([*STUDENTS, *others], comments={"1234580": "kept"}).replace(b"\n", b"\r\n")
    _, after, _ = fill(settled[0], before)
    written = re.sub(rb'(Submitted for grading",)[\d.]+,', rb"\1,", re.sub(rb"<p>.*</p>", b"", after))
    assert written.replace(b',""\r\n', b",\r\n") == before
    assert after.splitlines(keepends=True)[5:] == before.splitlines(keepends=True)[5:]


def test_a_table_without_changes_is_the_same_to_the_last_byte(tmp_path):
    for content in (
        worksheet(),
        b'sep=;\r\na;"b;c"\r\n\r\n1;2',
        b'a,b\n1,"x\\"y,z"\n',
        "a\tb\n1\t2\n".encode("utf-16"),
    ):
        (tmp_path / "t.csv").write_bytes(content)
        assert Gradebook(tmp_path / "t.csv").with_cells({}) == content


def test_it_refuses_while_anything_is_open_and_names_it(fresh, fill, tmp_path, monkeypatch):
    status, content, told = fill(fresh / "grades", worksheet())
    assert (status, content) == (1, b"")
    assert "error: 4 marks are not final" in told
    assert "ada lovelace (189295): explanation, experiments, discussion" in told
    assert not (tmp_path / "to").exists()
    grade(monkeypatch, fresh / "submissions", tmp_path / "grades", unsettled)
    _, _, told = fill(tmp_path / "grades", worksheet())
    assert "report/accuracies, explanation, experiments, discussion" in told


def test_a_crash_is_open_and_gets_no_mark_under_partial(fresh, fill, tmp_path, monkeypatch):
    def verdict(submission):
        if submission.id == "189296":
            raise RuntimeError("out of luck")
        return unsettled(submission)

    grade(monkeypatch, fresh / "submissions", tmp_path / "grades", verdict)
    assert "(189296): grading it failed" in fill(tmp_path / "grades", worksheet())[2]
    status, content, told = fill(tmp_path / "grades", worksheet(), "--partial")
    assert status == 0
    assert "4 marks are not final; run this again when all are:" in told
    found = imported(content)
    assert set(found) == {"1234567", "1234569", "1234570"}
    for mark, comment in found.values():
        assert mark == 69
        assert comment.startswith("<p>NOT FINAL: up to 31 of the 100 points are still to be given (report/accuracies, ")
    texts = feedback_files(tmp_path / "to/feedback.zip")
    told = '<main>\n<p class="notice"><strong>NOT FINAL: up to 31 of the 100 points are still to be given (report/acc'
    assert all(text.count(told) == 1 for _, text in texts.values())


def test_a_page_that_is_not_the_graders_is_not_handed_back_as_if_it_were_final(fresh, fill, tmp_path):
    class_ = shutil.copytree(fresh, tmp_path / "class")
    for page in class_.glob("grades/submissions/*/feedback.html"):
        page.write_text("<p>of another kit</p>")
    status, _, told = fill(class_ / "grades", worksheet(), "--partial")
    assert status == 1
    assert "feedback.html of ada lovelace (189295) is not as the grader writes it: run the grader again" in told


def test_another_maximum_scales_the_marks_and_prints_the_factor(settled, fill):
    out, expected = settled
    _, content, told = fill(out, worksheet(maximum=30, language="de"))
    assert "the gradebook has 30 points and the assignment 100: every mark is multiplied by 0.3" in told
    found = imported(content, "de")
    for number, _, student in STUDENTS:
        mark, comment = found[number]
        assert mark == pytest.approx(expected[student] * 0.3, abs=0.0051)
        assert f"{expected[student]:g} of 100 points, which are {mark:g} of 30 here." in comment


def test_comments_have_reasons_decisions_and_the_instructors_words_and_nothing_harmful(fresh, fill, tmp_path):
    given = everything(0.5) | {"comment": f"Well done! {HOSTILE}", "overrule": "run/model_no1 = 2: =I ran it"}
    out, expected = settle(shutil.copytree(fresh, tmp_path / "class"), {"": given})
    _, content, _ = fill(out, worksheet())
    comment = imported(content)["1234567"][1]
    assert comment.startswith(f"<p>{expected['189295']:g} of 100 points.</p>")
    assert "<p>architecture/model_no1: " in comment
    assert "<p>run/model_no1: 2 of 2, settled by your instructor: =I ran it</p>" in comment
    assert "<p>explanation: 5 of 10</p>" in comment
    assert "Your instructor&#x27;s comment: Well done!" in comment
    assert re.sub(r"</?p>", "", comment).count("<") == 0
    assert "\x1b" not in comment
    for separator in ",;\t|":
        for row in csv.reader(io.StringIO(content.decode()), delimiter=separator):
            for cell in row:
                assert not re.match(r"[\s\"']*[=+\-@]\S", cell), (separator, cell)


def test_a_worksheet_that_excel_saved_is_filled_as_it_is(fresh, fill, tmp_path):
    given = everything(1.0) | {"comment": "λ = 0.1"}
    out, expected = settle(shutil.copytree(fresh, tmp_path / "class"), {"": given})
    lines = worksheet(language="de").decode("utf-8-sig").splitlines()
    rows = [row for line in lines for row in csv.reader([line])]
    saved = "".join(";".join(row) + "\r\n" for row in rows).encode("cp1252")
    status, content, told = fill(out, saved)
    assert status == 0
    assert "choose the separator semicolon and the encoding cp1252" in told
    found = imported(content, "de", "cp1252", ";")
    assert {student: found[number][0] for number, _, student in STUDENTS} == expected
    assert "&#955; " in found["1234567"][1]


def test_marks_and_comments_that_are_there_already_are_told_when_they_are_replaced(settled, fill):
    out, expected = settled
    grades = {"1234567": "12.00", "1234568": f"{expected['189296']:.2f}"}
    _, content, told = fill(out, worksheet(grade=grades, comments={"1234569": "See me!"}))
    assert "2 cells were filled already, and are replaced:" in told
    assert f"ada lovelace (189295): 12.00 becomes {expected['189295']:g}" in told
    assert "alan turing (189297): the comment that was there" in told
    assert "are replaced" not in fill(out, content)[2], "what was exported before is the same again"


def test_a_mark_never_comes_under_another_name(settled, fill):
    students = [
        ("1234567", "Grace Hopper", "189296"),  # the participant's number is Ada's, the id is Grace's
        ("1234568", "Ada Lovelace", "189295"),
        ("1234569", "Alan Turing", "189297"),
        ("1234590", "Alan Turing", "0189297"),  # one id twice
        ("1234570", "Somebody Else", "9"),
    ]
    status, content, told = fill(settled[0], worksheet(students))
    assert status == 1
    assert "3 left out, to be entered by hand:" in told
    assert 'ada lovelace (189295): the id leads to row 3 ("Ada Lovelace"), and the submission\'s place' in told
    assert "alan turing (189297): the id leads to several rows: row 4 " in told
    assert set(imported(content)) == {"1234570"}, "Moodle's own number is the student's, whatever the name is"


@pytest.mark.parametrize(
    ("name", "surname", "shown"),
    [("Zoë", "O'Brien-Müller", "Zoë O'Brien-Müller"), ("a_1", "../b\x1b_9", "a 1 b 9"), ("", "", "Participant")],
)
def test_a_name_never_splits_the_path_of_a_feedback_file(settled, name, surname, shown):
    student = read_class(settled[0], ASSIGNMENT).students[0]
    student = dataclasses.replace(student, result=dataclasses.replace(student.result, name=name, surname=surname))
    path = moodle.feedback_path(student, Entry(1, frozenset(), frozenset({"77"})))
    assert path == f"{shown}_77_assignsubmission_file_/feedback.html"


@pytest.fixture
def by_name(tmp_path, monkeypatch):
    """Return a function that grades zips by their names alone, and marks them by hand."""

    def by_name(*names):
        for name in names:
            hand_in(tmp_path / "submissions", name)
        grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades")
        return settle(tmp_path)[0]

    return by_name


def test_an_id_alone_does_not_lead_to_another_persons_row(by_name, fill):
    status, content, told = fill(by_name("189295_mallory_malice.zip", "189296_grace_hopper.zip"), worksheet())
    assert status == 1
    assert 'mallory malice (189295): row 2 ("Ada Lovelace") has this id and another name' in told
    assert set(imported(content)) == {"1234568"}


def test_a_worksheet_of_other_students_gets_no_mark(by_name, fill):
    others = worksheet([("1", "Eve Other", "1"), ("2", "Bob Other", "2")])
    status, content, told = fill(by_name("189295_ada_lovelace.zip"), others)
    assert (status, content) == (1, b"")
    assert "none of the 1 students with a mark is in" in told
    assert "  - ada lovelace (189295): there is no row with this id" in told


def test_one_id_with_two_submissions_that_count_gets_no_mark(by_name, fill):
    out = by_name("189295_ada_lovelace.zip", "189295_grace_hopper.zip", "189297_alan_turing.zip")
    assert "is one of 2 submissions of that id" in fill(out, worksheet())[2]
    status, content, _ = fill(out, worksheet(), "--partial")
    assert status == 1
    assert set(imported(content)) == {"1234569"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (worksheet([(number[1:], name, id_) for number, name, id_ in STUDENTS]), "the worksheet of another assignment"),
        (b"PK\x03\x04", "is a spreadsheet program's own file; save it as CSV"),
        (b"", "is empty"),
        (b"one\ntwo\n", "is no table with commas, semicolons or tabs"),
        (worksheet() + b'"Participant 12345', "a quotation mark is not closed"),
        (worksheet().replace(b"Participant 1234568", b"Participant 1234567"), "a number of its own in each row"),
        (worksheet().replace(b"100.00", b"Good"), "name it with --column HEAD"),
        (worksheet().replace(b",-,", b",,"), "name it with --comments HEAD"),
        (
            worksheet().replace(b'Grace Hopper",', b'Grace Hopper",1,2,3,'),
            "row 3 has 14 cells, and the first row has 11",
        ),
    ],
)
def test_a_file_that_is_no_worksheet_of_this_class_is_told_in_a_line(settled, fill, content, told):
    status, written, printed = fill(settled[0], content)
    assert (status, written) == (1, b"")
    assert told in printed


def test_a_flag_settles_which_column_it_is(settled, fill):
    out, expected = settled
    two = worksheet().replace(b'"Grade can be changed"', b"Weight").replace(b",Yes,", b",1,")
    two = two.replace(b",Weight,", b",Weight,Factor,").replace(b",1,", b",1,1,")
    assert 'may be any of "Grade", ' in fill(out, two)[2]
    status, content, _ = fill(out, two, "--column", "grade")
    assert status == 0
    assert imported(content)["1234567"][0] == expected["189295"]


def test_a_worksheet_without_comments_gets_the_marks_alone(settled, fill):
    out, expected = settled
    without = worksheet().replace(b',"Feedback comments"', b"").replace(b",-,\n", b",-\n")
    _, content, told = fill(out, without)
    assert "the worksheet has no column for comments" in told
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert {row["ID number"]: float(row["Grade"]) for row in rows} == expected
