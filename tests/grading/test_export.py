"""Exporting: what is read of a folder of results, when it is refused, and a school of 120 through every gradebook."""

import csv
import io
import random
import re
import shutil

import pytest

from grading.results.export.command import TARGETS
from grading.results.export.graded import read_class
from grading.results.export.tables import Gradebook, number, written
from grading.results.export.texts import html
from labkit.checks.assignment import DEFAULT, load_assignment
from labkit.checks.check import CheckId, undecided
from labkit.submission.names import zip_name
from tests.grading.graded_class import (
    ASSIGNMENT,
    HOSTILE,
    checks,
    everything,
    export,
    grade,
    hand_in,
    mark_by_hand,
    marks,
)

pytestmark = pytest.mark.grading


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Grade two students, marks by hand included; return the folder."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("189295_ada_lovelace.zip", "189296_grace_hopper.zip"):
        hand_in(folder / "submissions", name)
    with pytest.MonkeyPatch.context() as monkeypatch:
        grade(monkeypatch, folder / "submissions", folder / "grades")
        mark_by_hand(folder / "grades", {"": everything() | {"comment": "fine"}})
        grade(monkeypatch, folder / "submissions", folder / "grades")
    return folder


@pytest.fixture
def graded(two, tmp_path):
    """Return a folder of results that a test may alter; the submissions are beside it."""
    shutil.copytree(two / "submissions", tmp_path / "submissions")
    return shutil.copytree(two / "grades", tmp_path / "grades")


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# ----------------------------------------------------------------------------------------------------- what is refused


def test_a_class_is_read_with_its_final_points(graded):
    found = read_class(graded, ASSIGNMENT)
    assert (found.maximum, found.open, found.ambiguous) == (100, [], [])
    assert {student.result.id: student.marks.score for student in found.students} == marks(graded)
    assert {student.comment for student in found.students} == {"fine"}


def test_points_that_the_grader_has_not_seen_are_not_exported(graded, capsys):
    mark_by_hand(graded, {"189295": {"explanation": 1}})
    told = export(capsys, "junit", graded)[2]
    assert 'manual.csv has other points for "189295_ada_lovelace.zip" than its result.json' in told
    assert f"run the grader again with --out {graded}" in told


def test_a_table_that_somebody_edited_is_not_exported(graded, capsys):
    score = marks(graded)["189295"]
    rewrite(graded / "grades.csv", f",graded,{score:g},", ",graded,99,")
    told = export(capsys, "junit", graded)[2]
    assert 'grades.csv and result.json say different things about "189295_ada_lovelace.zip"' in told


def test_another_rubric_is_not_exported(graded, capsys, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(DEFAULT.read_text(encoding="utf-8").replace("model_no3 = 10", "model_no3 = 12"))
    told = export(capsys, "junit", graded, "--assignment", other)[2]
    assert "give the rubric that it was graded by with --assignment FILE" in told


def test_trainings_that_only_some_have_are_open(graded, tmp_path, monkeypatch, capsys):
    hand_in(tmp_path / "submissions", "189297_alan_turing.zip")
    grade(monkeypatch, tmp_path / "submissions", graded, lambda submission: checks(), train=False)
    mark_by_hand(graded, {"": everything()})
    grade(monkeypatch, tmp_path / "submissions", graded, lambda submission: checks(), train=False)
    status, _, told = export(capsys, "junit", graded)
    assert (status, "alan turing (189297): its trainings were left out" in told) == (1, True)
    assert "ada" not in told


def test_trainings_that_nobody_has_make_a_smaller_maximum(tmp_path, monkeypatch):
    hand_in(tmp_path / "submissions", "189297_alan_turing.zip")
    out = grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", train=False)
    assert read_class(out, ASSIGNMENT).maximum == 82


@pytest.mark.parametrize(
    ("target", "flags", "told"),
    [
        ("moodle", (), "moodle needs --from FILE: the grading worksheet"),
        ("junit", ("--from", "x.csv"), "junit takes no --from"),
        ("canvas", ("--from", "none.csv"), "none.csv can't be read: No such file"),
    ],
)
def test_a_missing_file_is_told_in_a_line(graded, capsys, target, flags, told):
    status, _, printed = export(capsys, target, graded, *flags)
    assert (status, told in printed, len(printed.splitlines())) == (1, True, 1)


def test_a_class_that_is_not_graded_is_told_in_a_line(tmp_path, capsys):
    assert f"there is no {tmp_path / 'grades.csv'}: grade the class first" in export(capsys, "junit", tmp_path)[2]


def test_the_download_itself_is_never_written_over(graded, capsys):
    path = graded / "Grades.csv"
    path.write_text("a,b\n1,2\n")
    assert "would be written over" in export(capsys, "moodle", graded, "--from", path, "--to", graded)[2]
    assert path.read_text() == "a,b\n1,2\n"


def test_every_target_is_in_the_help_and_a_wrong_one_is_a_bad_flag(capsys):
    with pytest.raises(SystemExit):
        export(capsys, "--help", "x")
    shown = capsys.readouterr().out
    assert all(name in shown for name in TARGETS)
    with pytest.raises(SystemExit) as ended:
        export(capsys, "blackbord", "x")
    assert ended.value.code == 2


# ------------------------------------------------------------------------------------------------------------ the parts


def with_keys(graded, system, keys):
    """Write into grades.csv from which system the two came, and by which keys that knows them."""
    with open(graded / "grades.csv", newline="", encoding="utf-8") as file:
        heads, *rows = csv.reader(file)
    places = {head: place for place, head in enumerate(heads)}
    heads += [head for head in ("system", "key") if head not in places]
    for row, key in zip(rows, keys, strict=True):
        row += [""] * (len(heads) - len(row))
        row[heads.index("system")], row[heads.index("key")] = system, key
    with open(graded / "grades.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])


@pytest.mark.parametrize(
    ("target", "table", "mark_head"),
    [
        (
            "moodle",
            "Identifier,Name,Status,Grade,Maximum grade,Last modified (grade)\n"
            "Participant 78,,x,,100.00,-\nParticipant 77,,x,,100.00,-\n",
            "Grade",
        ),
        (
            "canvas",
            "Student,ID,SIS User ID,SIS Login ID,Section,Lab\nPoints Possible,,,,,100\n"
            '"Byron, Augusta",77,,,1,\n"Murray, Grace",78,,,1,\n',
            "Lab",
        ),
        ("blackboard", "Last Name,Username,Lab [Total Pts: 100 Score] |7\nByron,77,\nMurray,78,\n", "Lab [Total"),
        (
            "ilias",
            "update,usr_id,login,lastname,firstname,status,mark,notice,comment\n"
            "0,1,78,Murray,Grace,notgraded,,,\n0,2,77,Byron,Augusta,notgraded,,,\n",
            "mark",
        ),
    ],
)
def test_the_key_of_the_system_finds_a_row_where_no_id_does(graded, tmp_path, capsys, target, table, mark_head):
    with_keys(graded, target, ("77", "78"))
    (tmp_path / "download.csv").write_text(table, encoding="utf-8")
    flags = ("--from", tmp_path / "download.csv")
    assert export(capsys, target, graded, *flags)[0] == 0
    filled = csv.DictReader(io.StringIO((graded / "export" / target / "download.csv").read_text(encoding="utf-8")))
    (column,) = [head for head in filled.fieldnames if head.startswith(mark_head)]
    found = {key: float(row[column]) for row in filled for key in ("77", "78") if key in " ".join(row.values()).split()}
    assert found == {"77": marks(graded)["189295"], "78": marks(graded)["189296"]}
    with_keys(graded, "another system", ("77", "78"))
    assert "none of the 2 students with a mark is in" in export(capsys, target, graded, *flags)[2]


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("7.50", 7.5), (" 7,5", 7.5), ("", None), ("-", None), ("1e5", None), ("nan", None)]
)
def test_numbers_are_read_with_point_or_comma_and_nothing_else_is(text, value):
    assert number(text) == value


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (7.5, "7.5"), (100, "100"), (33.333, "33.33"), (1e4, "10000")])
def test_numbers_are_written_with_a_point_and_two_decimals_at_most(value, text):
    assert written(value) == text


def test_html_has_the_text_and_no_mark_up_or_formula_of_it():
    shown = html(["<b>x</b> & y", "=1+1", f"a,{HOSTILE}"])
    assert shown.startswith("<p>&lt;b&gt;x&lt;/b&gt; &amp; y</p><p>&#61;1+1</p><p>a,&#61;cmd|")
    assert set(re.findall(r"<[^>]*>", shown)) == {"<p>", "</p>"}


def test_cells_of_any_table_are_replaced_and_read_back(tmp_path):
    chosen = random.Random(24)
    texts = ["", "plain", "a b", 'say "x"', "a,b", "a;b", "a\tb", "line\nend", "ä=1"]
    for separator in ",;\t":
        for end in ("\n", "\r\n"):
            table = [[chosen.choice(texts) for _ in range(5)] for _ in range(6)]
            buffer = io.StringIO()
            quoting = chosen.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))
            writer = csv.writer(buffer, delimiter=separator, lineterminator=end, quoting=quoting)
            writer.writerows([list("abcde"), *table])
            (tmp_path / "t.csv").write_bytes(buffer.getvalue().encode())
            cells = {(row + 1, chosen.randrange(5)): chosen.choice(texts) for row in range(6)}
            for (row, column), text in cells.items():
                table[row - 1][column] = text
            content = Gradebook(tmp_path / "t.csv").with_cells(cells).decode()
            assert list(csv.reader(io.StringIO(content, newline=""), delimiter=separator))[1:] == table


def test_a_row_that_a_spreadsheet_cut_short_gets_its_cells(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a;b;c;d\r\n1;2\r\n3;4;5;6\r\n")
    assert Gradebook(tmp_path / "t.csv").with_cells({(1, 3): "x y"}) == b'a;b;c;d\r\n1;2;;"x y"\r\n3;4;5;6\r\n'


# ----------------------------------------------------------------------------------------------------- a whole school


FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Niklaus", "María José", "Donald", "Zoë", "Łukasz")
LAST = (
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Wirth",
    "O'Brien",
    "Knuth",
    "Müller",
    "de la Cruz",
    "Ng",
    "Li",
    "Kay",
)
SCHOOL = [
    (f"{189000 + number}", first, last)
    for number, (first, last) in enumerate((first, last) for first in FIRST for last in LAST)
]


def sheet(heads, row_of):
    """Write a table with a row for each student, in an order of its own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    students = list(enumerate(SCHOOL))
    random.Random(120).shuffle(students)
    writer.writerows([heads, *(row_of(place, *student) for place, student in students)])
    return buffer.getvalue()


# Of each gradebook: its heads, a student's row, the columns of the id (or what stands for it) and of the mark.
DOWNLOADS = {
    "moodle": (
        [
            "Identifier",
            "Full name",
            "ID number",
            "Status",
            "Grade",
            "Maximum grade",
            "Last modified (grade)",
            "Feedback",
        ],
        lambda n, id_, first, last: [
            f"Participant {n + 1}",
            f"{first} {last}",
            id_,
            "Submitted",
            "",
            "100.00",
            "-",
            "",
        ],
        "ID number",
        "Grade",
    ),
    "blackboard": (
        ["Last Name", "First Name", "Username", "Student ID", "Lab [Total Pts: 100 Score] |7"],
        lambda n, id_, first, last: [last, first, f"user{n}", id_, ""],
        "Student ID",
        "Lab [Total Pts: 100 Score] |7",
    ),
    "brightspace": (
        [
            "OrgDefinedId",
            "Last Name",
            "First Name",
            "Lab Points Grade <Numeric MaxPoints:100>",
            "End-of-Line Indicator",
        ],
        lambda n, id_, first, last: [f"#{id_}", last, first, "", "#"],
        "OrgDefinedId",
        "Lab Points Grade <Numeric MaxPoints:100>",
    ),
    "ilias": (
        ["update", "usr_id", "login", "lastname", "firstname", "status", "mark", "notice", "comment"],
        lambda n, id_, first, last: [0, n, id_, last, first, "notgraded", "", "", ""],
        "login",
        "mark",
    ),
    "canvas": (
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab (7)"],
        lambda n, id_, first, last: [f"{last}, {first}", n + 189000, id_, f"user{n}", "Lab 1", ""],
        "SIS User ID",
        "Lab (7)",
    ),
}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Grade 120 students, each with points of their own, and nothing open."""
    folder = tmp_path_factory.mktemp("school")
    for student, first, last in SCHOOL:
        hand_in(folder / "submissions", zip_name(student, first, last))
    given = {
        student: {"explanation": place % 11, "experiments": 5, "discussion": 7.5}
        for place, (student, *_) in enumerate(SCHOOL)
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        grade(monkeypatch, folder / "submissions", folder / "grades")
        mark_by_hand(folder / "grades", given)
        grade(monkeypatch, folder / "submissions", folder / "grades")
    return folder / "grades"


@pytest.mark.parametrize("target", DOWNLOADS)
def test_a_school_of_120_has_each_mark_in_the_students_row(school, tmp_path, capsys, target):
    heads, row_of, id_head, mark_head = DOWNLOADS[target]
    content = sheet(heads, row_of)
    if target == "canvas":
        first, _, rest = content.partition("\n")
        content = f"{first}\n    Points Possible,,,,,100\n{rest}"
    (tmp_path / "download.csv").write_text(content, encoding="utf-8")
    status, printed, told = export(capsys, target, school, "--from", tmp_path / "download.csv", "--to", tmp_path / "to")
    with open(tmp_path / "to/download.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row[id_head]]
    assert {row[id_head].lstrip("#"): float(row[mark_head]) for row in rows} == marks(school)
    assert (status, told) == (0, "")
    assert len(set(marks(school).values())) > 60
    elsewhere = sum(not f"{first}{last}".isascii() for _, first, last in SCHOOL)
    by_hand = {"canvas": len(SCHOOL), "ilias": elsewhere}.get(target, 0)  # whose feedback has no place in the system
    assert (f"the feedback of {by_hand} is; return it by hand:" in printed) == bool(by_hand)


def test_a_school_of_120_has_a_file_each(school, tmp_path, capsys):
    assert export(capsys, "junit", school, "--to", tmp_path)[0] == 0
    assert len(list(tmp_path.rglob("junit.xml"))) == 120


def test_an_undecided_check_alone_keeps_a_mark_from_leaving(graded, tmp_path, monkeypatch, capsys):
    open_check = undecided(CheckId("report", "accuracies"), "numbers that belong to no network")
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "again", lambda submission: checks(open_check))
    mark_by_hand(tmp_path / "again", {"": everything()})
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "again", lambda submission: checks(open_check))
    assert "ada lovelace (189295): report/accuracies\n" in export(capsys, "junit", tmp_path / "again")[2]
    mark_by_hand(tmp_path / "again", {"": everything() | {"overrule": "report/accuracies = 6: on page 4"}})
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "again", lambda submission: checks(open_check))
    assert export(capsys, "junit", tmp_path / "again")[0] == 0


def test_an_item_without_points_keeps_no_mark_from_leaving(graded, tmp_path):
    rubric = (
        DEFAULT.read_text(encoding="utf-8") + '\n[[manual]]\nname = "style"\npoints = 0\ntext = "A word on style."\n'
    )
    (tmp_path / "rubric.toml").write_text(rubric, encoding="utf-8")
    assignment = load_assignment(tmp_path / "rubric.toml")
    assert read_class(graded, assignment).open == []
