"""Results: points by the rubric, files that programs and people read, and untrusted text that stays text."""

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from grading import batch
from grading.networks import network_checks
from grading.networks.inspection import Inspection
from grading.results.escaping import cell, fenced, last_lines, markdown, message
from grading.results.feedback import feedback
from grading.results.manual import ManualError, add_rows, read_manual
from grading.results.results import Result, mark, read_result, write_grades, write_not_graded, write_result
from labkit.checks.assignment import NETWORKS, load_assignment
from labkit.checks.check import Accuracies, CheckId, failed, passed, skipped, undecided
from labkit.submission.names import safe_stem
from labkit.version import VERSION
from tests.support.needs import needs

pytestmark = pytest.mark.grading

ASSIGNMENT = load_assignment()
HOSTILE = [
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt; &#60;b&#62;",
    "http://example.org www.example.org",
    "# heading",
    "- item",
    "1. item",
    "`code` ``more`` ```",
    "**bold** __bold__ _em_ ~~gone~~",
    "| a | b |",
    "a\n\n    code\n\n<b>",
    "\\<b>\\[x](y)",
    "$x^2$",
]


def result_of(*checks, **fields):
    """Make a graded result with these checks, and the fields that the test is about."""
    given = {
        "zip": "189295_ada_lovelace.zip",
        "zip_sha256": "ab" * 32,
        "id": "189295",
        "name": "ada",
        "surname": "lovelace",
        "submitted": "2027-01-31T12:00:00+01:00",
        "late_seconds": 0.0,
        "sandbox": "bubblewrap",
        "kit": "0123456789abcdef",
        "key": "k",
        "checks": list(checks),
    }
    return Result(**(given | fields))


# -------------------------------------------------------------------------------------------------------------- points


def test_points_are_those_of_the_rubric_with_partial_credit():
    checks = [
        passed(CheckId("files", "zip"), "fine"),
        passed(CheckId("files", "model_no1"), "there"),
        failed(CheckId("architecture", "model_no1"), "half of it", fraction=0.5),
        skipped(CheckId("training", "model_no1"), "not made"),
    ]
    marks = mark(result_of(*checks), ASSIGNMENT)
    assert [row.points for row in marks.checks] == [0, 1, 5, 0]
    assert [row.max_points for row in marks.checks] == [0, 1, 10, 6]
    assert (marks.score, marks.max_score) == (6, 17)
    strict = dataclasses.replace(ASSIGNMENT, partial_credit=False)
    assert mark(result_of(*checks), strict).score == 1


def test_lateness_costs_a_part_of_the_points_reached():
    checks = [passed(CheckId("architecture", "model_no1"), "right")]
    on_time, late = (mark(result_of(*checks, late_seconds=s), ASSIGNMENT) for s in (0.0, 90_000.0))
    assert (on_time.score, late.score, late.late_penalty, late.max_score) == (10, 8, 2, 10)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(5, "1 minute"), (3000, "50 minutes"), (90_000, "25.0 hours"), (720 * 3600, "30.0 days")],
)
def test_lateness_is_told_in_a_unit_that_fits(seconds, told):
    result = result_of(passed(CheckId("architecture", "model_no1"), "right"), late_seconds=float(seconds))
    assert f"It came {told} after the deadline" in feedback(result, mark(result, ASSIGNMENT), ASSIGNMENT)


def test_manual_points_count_in_score_and_maximum_once_they_are_given():
    checks = [passed(CheckId("architecture", "model_no1"), "right")]
    marks = mark(result_of(*checks), ASSIGNMENT, {"explanation": 7.5})
    assert (marks.score, marks.max_score) == (17.5, 20)
    assert marks.pending == ["experiments", "discussion"]


def test_trainings_that_the_instructor_left_out_cost_nothing():
    checks = [skipped(CheckId("training", "model_no1"), "--no-train"), passed(CheckId("run", "model_no1"), "ran")]
    marks = mark(result_of(*checks, trained=False), ASSIGNMENT)
    assert (marks.score, marks.max_score) == (2, 2)


def test_an_undecided_check_is_open_like_manual_points_and_shown_as_such(tmp_path):
    seen = "the grader can't follow <b>it</b> past layer 3"
    result = result_of(
        passed(CheckId("run", "model_no1"), "ran"),
        undecided(CheckId("architecture", "model_no1"), seen, layers=("a convolution", "a cumsum")),
    )
    marks = mark(result, ASSIGNMENT, {"explanation": 8})
    assert (marks.score, marks.max_score) == (10, 12)
    assert marks.pending == ["architecture/model_no1", "experiments", "discussion"]
    text = feedback(result, marks, ASSIGNMENT)
    assert "| architecture/model_no1 | to be settled by your instructor |  |" in text
    assert "still to come" in text
    section = text.partition("## To be settled by your instructor")[2]
    assert "### architecture/model_no1 (up to 10 points)" in section
    assert "- Seen: the grader can't follow &lt;b&gt;it&lt;/b&gt; past layer 3" in section
    assert "2. a cumsum" in section
    assert "What to look at" not in text
    write_grades(tmp_path / "grades.csv", [(result, marks)], ASSIGNMENT)
    with open(tmp_path / "grades.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["score"], row["max_score"], row["architecture/model_no1"]) == ("10", "12", "")
    assert "architecture/model_no1 is to be settled by hand, up to 10 points: the grader can't" in row["remarks"]
    write_result(tmp_path / "result.json", result, marks)
    assert json.loads((tmp_path / "result.json").read_bytes())["version"] == VERSION
    assert read_result(tmp_path / "result.json") == result


# --------------------------------------------------------------------------------------------------------- result.json


def test_result_json_has_the_fields_that_programs_rely_on(tmp_path):
    result = result_of(failed(CheckId("architecture", "model_no1"), "wrong", fraction=0.25, log="a log", seconds=1.5))
    write_result(tmp_path / "result.json", result, mark(result, ASSIGNMENT))
    record = json.loads((tmp_path / "result.json").read_text())
    needed = {"id", "name", "surname", "zip", "score", "max_score", "sandbox", "zip_sha256", "kit", "checks"}
    assert needed <= set(record)
    assert (record["score"], record["max_score"]) == (2.5, 10)
    (check,) = record["checks"]
    assert {"name", "status", "points", "max_points", "message", "log", "seconds"} <= set(check)
    assert check["points"] == 2.5


def test_a_result_comes_back_as_it_was_written(tmp_path):
    result = result_of(
        failed(CheckId("run", "model_no1"), "wrong \udcff \x1b", remarks=("a remark",)),
        failed(CheckId("architecture", "model_no1"), "wrong", layers=("a ReLU", "max pooling")),
        passed(CheckId("training", "model_no1"), ""),
    )
    write_result(tmp_path / "result.json", result, mark(result, ASSIGNMENT))
    assert read_result(tmp_path / "result.json") == result


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"checks": 3}', b'{"checks": [{}]}', b"\xff"])
def test_a_damaged_result_counts_as_none(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    assert read_result(path) is None
    assert read_result(tmp_path / "none.json") is None


def test_the_figures_of_accuracies_are_in_result_json_and_earlier_results_without_them_are_read(tmp_path):
    figures = (Accuracies("report", "deep_mnist", (0.992,)), Accuracies("ablation.csv", "model_no1", (0.98, 0.981)))
    result = result_of(passed(CheckId("report", "accuracies"), "as expected", accuracies=figures))
    path = tmp_path / "result.json"
    write_result(path, result, mark(result, ASSIGNMENT))
    record = json.loads(path.read_bytes())
    assert record["checks"][0]["accuracies"][1] == {
        "source": "ablation.csv",
        "network": "model_no1",
        "values": [0.98, 0.981],
    }
    assert read_result(path) == result
    del record["checks"][0]["accuracies"]
    path.write_text(json.dumps(record))
    earlier = read_result(path)
    assert earlier is not None
    assert earlier.checks[0].accuracies == ()


@pytest.mark.parametrize(("trained", "verdict"), [(0.97, "passed"), (0.4, "failed")])
def test_a_training_keeps_the_accuracy_that_was_measured(trained, verdict):
    inspection = Inspection([], [], 1.0, [], untrained=0.1, trained=trained)
    submission = network_checks._Submission(None, ASSIGNMENT, None, None, None, None, set())
    check = submission._check_training("model_no2", inspection)
    assert check.status == verdict
    assert check.accuracies == (Accuracies("training", "model_no2", (trained,)),)


# ---------------------------------------------------------------------------------------------------------- grades.csv


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "ada;=1",
        "ada,=1",
        "ada\t=1",
        '";=1',
        "\uff1d1",
        "\u200b=1",
        "\x1b[31m=1",
    ],
)
def test_no_cell_is_a_formula_however_the_file_is_split(text, tmp_path):
    result = result_of(passed(CheckId("run", "model_no1"), ""), name=text, zip=f"{text}.zip", remarks=[text])
    write_grades(tmp_path / "grades.csv", [(result, mark(result, ASSIGNMENT))], ASSIGNMENT)
    content = (tmp_path / "grades.csv").read_text()
    for separator in ",;\t":
        for row in csv.reader(content.splitlines(), delimiter=separator):
            for found in row:
                assert not re.match(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]", found), (separator, found)
    assert "\x1b" not in content
    assert len(content.splitlines()) == 2


def test_numbers_in_cells_stay_numbers():
    assert cell(-0.5) == -0.5
    assert cell("189295") == "189295"
    assert cell("maria-jose o'brien") == "maria-jose o'brien"


def test_grades_have_a_row_for_every_student_and_the_others_are_told_with_the_reason(tmp_path):
    graded = result_of(passed(CheckId("run", "model_no1"), "ran"), system="moodle", system_key="1234567")
    old = result_of(zip="old.zip", status="superseded", problem="189295_ada_lovelace.zip counts instead")
    crashed = result_of(zip="odd.zip", id="2", status="crashed", problem="the grader failed", remarks=["a remark"])
    nobody = result_of(zip="lab.zip", id="", status="refused", problem="no student id")
    unknown = result_of(zip="x.zip", id="3", status="not graded", problem="not in the roster")
    results = (graded, old, crashed, nobody, unknown)
    write_grades(tmp_path / "grades.csv", [(result, mark(result, ASSIGNMENT)) for result in results], ASSIGNMENT)
    write_not_graded(tmp_path / "not-graded.csv", results)
    with open(tmp_path / "grades.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["status"] for row in table] == ["graded", "crashed"]
    assert [row["score"] for row in table] == ["2", ""], "an empty cell is not a 0"
    assert [row["run/model_no1"] for row in table] == ["2", ""]
    assert (table[0]["system"], table[0]["key"]) == ("moodle", "1234567")
    assert table[1]["remarks"] == "the grader failed; a remark"
    with open(tmp_path / "not-graded.csv", newline="") as file:
        others = {row["zip"]: (row["status"], row["reason"]) for row in csv.DictReader(file)}
    assert others == {
        "old.zip": ("superseded", "189295_ada_lovelace.zip counts instead"),
        "lab.zip": ("refused", "no student id"),
        "x.zip": ("not graded", "not in the roster"),
    }


# ------------------------------------------------------------------------------------------------------------ feedback


class Elements(HTMLParser):
    """Collects the tags of a page, with what their attributes point to."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *(value for name, value in attributes if name in ("href", "src"))))


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_shows_as_it_is_once_markdown_is_rendered(text):
    pypandoc = needs("pypandoc")
    page = pypandoc.convert_text(markdown(text), "html", format="gfm", extra_args=["--wrap=none"])
    elements = Elements()
    elements.feed(page)
    assert elements.tags == [("p",)], page


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_leaves_no_tag_and_no_block_in_feedback(text):
    result = result_of(
        failed(CheckId("run", "model_no1"), text, log=text, remarks=(text,)),
        name=text,
        zip=text,
        remarks=[text],
        problem=text,
    )
    written = feedback(result, mark(result, ASSIGNMENT), ASSIGNMENT, comment=text)
    outside = re.sub(r"^(`{3,})text\n.*?\n\1$", "", written, flags=re.MULTILINE | re.DOTALL)
    assert "<" not in outside
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert "://" not in outside


@pytest.mark.parametrize("text", HOSTILE)
def test_untrusted_text_in_a_message_is_text_or_code_and_nothing_else(text):
    pypandoc = needs("pypandoc")
    shown = message(f"line 3, `{text}`: {text}")
    elements = Elements()
    elements.feed(pypandoc.convert_text(shown, "html", format="gfm", extra_args=["--wrap=none"]))
    assert elements.tags[0] == ("p",)
    assert {tag for tag, *_ in elements.tags[1:]} <= {"code"}
    assert "<" not in shown
    assert not re.search(r"(?<!\\)\]\(|://", shown)


def test_a_line_of_code_in_a_message_can_be_copied():
    text = "line 9, `if __name__ == '__main__':`: keep_prob * 2"
    assert message(text) == "line 9, `if __name__ == '__main__':`: keep_prob \\* 2"
    assert message("`a | b` and `<b>`") == "\\`a \\| b\\` and \\`&lt;b&gt;\\`"


def test_the_log_in_feedback_names_no_file_that_is_gone_with_the_sandbox():
    check = failed(CheckId("run", "model_no1"), "it fails", log="error: x (all of it: /tmp/tmp123/error.txt)")
    written = feedback(result_of(check), mark(result_of(check), ASSIGNMENT), ASSIGNMENT)
    assert "error: x\n" in written
    assert "all of it" not in written


def test_a_log_cannot_leave_its_block():
    log = "before\n```\n<b>out</b>\n````\n# heading"
    block = fenced(last_lines(log, 40))
    fence = block.split("text")[0]
    assert block.count(fence) == 2
    assert block.endswith(fence)


def test_a_long_log_is_shown_by_its_end():
    block = fenced(last_lines("\n".join(map(str, range(100))), 10))
    assert "\n99\n" in block
    assert "\n89\n" not in block
    assert "90 lines before" in block


def test_names_of_scripts_read_well_in_the_file_itself():
    assert markdown("model_no1.py, line 3: W_conv1 is missing") == "model_no1.py, line 3: W_conv1 is missing"


def test_feedback_says_what_was_expected_found_and_to_do():
    found = "layer 2 is a ReLU; it should be max pooling"
    result = result_of(
        passed(CheckId("files", "model_no1"), "there"),
        failed(
            CheckId("architecture", "model_no1"),
            found,
            fraction=0.5,
            log="Traceback",
            layers=("a convolution", "a *ReLU*"),
        ),
        skipped(CheckId("training", "model_no1"), "the architecture is wrong"),
        remarks=["the name was read tolerantly"],
    )
    text = feedback(result, mark(result, ASSIGNMENT, {"explanation": 8}), ASSIGNMENT, comment="Well written!")
    assert "**14 of 27 points.**" in text
    assert "| architecture/model_no1 | failed | 5 of 10 |" in text
    assert "- Expected: deep_mnist without the first convolution" in text
    assert "with dropout after layer 5, in training only:\n  1. convolution by weights 5x5x1x64" in text
    assert f"- Found: {found}\n- The layers found:\n  1. a convolution\n  2. a \\*ReLU\\*\n" in text
    assert "- What to do: `python -m pytest tests/test_shapes.py -m no1`" in text
    assert "**explanation**, 8 of 10" in text
    assert "**discussion**, up to 10, still to come" in text
    assert "the name was read tolerantly" in text
    assert "Well written!" in text


@pytest.mark.parametrize("status", ["graded", "refused", "superseded", "crashed"])
def test_every_kind_of_result_has_feedback_without_holes(status):
    result = result_of(status=status, problem="" if status == "graded" else "the reason")
    text = feedback(result, mark(result, ASSIGNMENT), ASSIGNMENT)
    assert "None" not in text
    assert "\n\n\n" not in text


# ---------------------------------------------------------------------------------------------------------- manual.csv

ITEMS = ASSIGNMENT.manual
NAMES = ("189295_ada_lovelace.zip", "189296_charles_babbage.zip", "-odd; name,.zip")


def class_of(*zips):
    return [result_of(zip=name, folder=safe_stem(name)) for name in zips]


def row_of(read, name):
    """Return the row that was read for the submission of this zip."""
    (result,) = class_of(name)
    return read.of(result)


@pytest.fixture
def manual(tmp_path):
    """Make a fresh manual.csv for two students; return its path."""
    path = tmp_path / "manual.csv"
    add_rows(path, class_of(*NAMES[:2]), ITEMS)
    return path


def test_a_new_file_has_a_row_for_each_and_empty_cells(manual):
    table = list(csv.DictReader(manual.read_text().splitlines()))
    assert [row["zip"] for row in table] == list(NAMES[:2])
    assert [row["explanation"] for row in table] == ["", ""]
    read = read_manual(manual, ITEMS)
    assert row_of(read, NAMES[0]).points == {}
    assert read.missing == []


def test_rows_are_added_and_nothing_else_changes(manual):
    edited = manual.read_text().replace("babbage.zip,,,", "babbage.zip,7,0,2.5").rstrip("\n")  # no line end at its end
    manual.write_text(edited)
    add_rows(manual, class_of(*NAMES), ITEMS)
    assert manual.read_text().startswith(edited + "\n")
    before = manual.read_bytes()
    add_rows(manual, class_of(*NAMES), ITEMS)
    assert manual.read_bytes() == before
    read = read_manual(manual, ITEMS)
    assert row_of(read, NAMES[1]).points == {"explanation": 7, "experiments": 0, "discussion": 2.5}
    assert row_of(read, NAMES[2]).points == {}
    assert "-odd" in before.decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_a_spreadsheet_saves_is_read_and_added_to_in_its_own_dialect(manual, encoding, separator):
    table = list(csv.DictReader(manual.read_text().splitlines()))
    table[0] |= {"explanation": "7,5", "comment": "già buono"}
    lines = [separator.join(reversed(list(table[0])))]  # columns in another order
    lines += [separator.join(f'"{cell}"' for cell in reversed(list(row.values()))) for row in table]
    saved = ("\r\n".join(lines) + "\r\n").encode(encoding)
    manual.write_bytes(saved)
    read = read_manual(manual, ITEMS)
    assert row_of(read, NAMES[0]).points == {"explanation": 7.5}
    assert row_of(read, NAMES[0]).comment == "già buono"
    add_rows(manual, class_of(*NAMES), ITEMS)
    assert manual.read_bytes().startswith(saved)
    assert manual.read_bytes().decode(encoding).endswith("\r\n")
    again = manual.read_bytes()
    add_rows(manual, class_of(*NAMES), ITEMS)
    assert manual.read_bytes() == again, "each has its row by now"


def test_an_item_without_a_column_is_told_and_not_added(manual):
    manual.write_text(manual.read_text().replace(",discussion", ",other"))
    before = manual.read_bytes()
    assert read_manual(manual, ITEMS).missing == ["discussion"]
    add_rows(manual, class_of(*NAMES[:2]), ITEMS)
    assert manual.read_bytes() == before


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("ten,,", ["row 3", "babbage", "explanation", '"ten"', "0 to 10"]),
        ("11,,", ['"11"', "0 to 10"]),
        ("-1,,", ['"-1"']),
        ("nan,,", ['"nan"']),
        (",,99", ["discussion", "0 to 10"]),
    ],
)
def test_what_is_no_points_is_told_with_row_and_column(manual, cells, said):
    manual.write_text(manual.read_text().replace("babbage.zip,,,", f"babbage.zip,{cells}"))
    with pytest.raises(ManualError) as error:
        read_manual(manual, ITEMS)
    for part in said:
        assert part in str(error.value)


def test_rows_of_a_class_share_what_is_equal_in_them_and_hold_no_text_that_only_feedback_shows():
    stopped = failed(CheckId("run", "model_no1"), "it stops", 0.5, log="a traceback", layers=("ReLU",))
    full = result_of(stopped, passed(CheckId("run", "model_no2"), "right", seconds=1.5))
    rows = [batch._without_logs(full, mark(full, ASSIGNMENT)) for _ in range(2)]
    (one, marks), (other, _) = rows
    assert all(check is same for check, same in zip(one.checks, other.checks, strict=True))
    assert not any(check.log or check.layers for check in one.checks)
    assert [row.points for row in marks.checks] == [row.points for row in mark(full, ASSIGNMENT).checks]


@pytest.mark.parametrize("cells", [f"{safe_stem(NAMES[0])},", f",{NAMES[0]}", f"{safe_stem(NAMES[0])},{NAMES[1]}"])
def test_two_rows_with_points_for_one_zip_are_told(manual, cells):
    manual.write_text(manual.read_text() + f"1,a,b,{cells},5,,\n")
    with pytest.raises(ManualError, match="there twice"):
        read_manual(manual, ITEMS)


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"a,b\n1,2\n", "no column folder, and none zip"), (b"\x81", "encoding")]
)
def test_a_file_that_is_no_such_table_is_told_and_left_alone(tmp_path, content, said):
    path = tmp_path / "manual.csv"
    path.write_bytes(content)
    with pytest.raises(ManualError, match=said):
        read_manual(path, ITEMS)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"\xd0\xcf\x11\xe0 of 1997"])
def test_a_spreadsheets_own_file_is_told_whatever_it_is_called(tmp_path, content):
    path = tmp_path / "manual.csv"
    path.write_bytes(content)
    with pytest.raises(ManualError, match="spreadsheet program's own file; save it as CSV"):
        read_manual(path, ITEMS)
    path.rename(tmp_path / "manual.xlsx")
    with pytest.raises(ManualError, match=r"there is .*manual.xlsx, and no manual.csv: save it as CSV"):
        read_manual(path, ITEMS)


def test_excels_own_line_above_the_table_is_none_of_its_rows(manual):
    manual.write_text("sep=;\n" + manual.read_text().replace(",", ";").replace("babbage.zip;;", "babbage.zip;7,5;"))
    before = manual.read_text()
    assert row_of(read_manual(manual, ITEMS), NAMES[1]).points == {"explanation": 7.5}
    add_rows(manual, class_of(*NAMES[:2], "9_new_one.zip"), ITEMS)
    assert manual.read_text().startswith(before)
    assert manual.read_text().count("\n") == before.count("\n") + 1
    assert ";9_new_one;9_new_one.zip;" in manual.read_text()


FOREIGN = "189297_Ж李_lovelace.zip"  # no encoding of Excel's holds both


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "shift_jis"])
def test_a_name_that_excels_encoding_can_not_hold_loses_no_points_and_gains_no_rows(tmp_path, encoding):
    path, results = tmp_path / "manual.csv", class_of(*NAMES[:2], FOREIGN)
    add_rows(path, results, ITEMS)
    table = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    table[2] |= {"explanation": "7,5"}
    lines = [";".join(table[0]), *(";".join(row.values()) for row in table)]
    path.write_bytes("\r\n".join(lines).encode(encoding, errors="replace"))
    saved = path.read_bytes()
    assert read_manual(path, ITEMS).of(results[2]).points == {"explanation": 7.5}
    for _ in range(2):
        add_rows(path, results, ITEMS)
    assert path.read_bytes() == saved


def test_a_file_of_an_earlier_version_goes_by_the_zips_names_and_gains_no_rows_either(tmp_path):
    path, results = tmp_path / "manual.csv", class_of(*NAMES[:2], FOREIGN)
    rows = f"id,name,surname,zip,explanation,comment\n1,a,b,{NAMES[0]},7,già\n2,c,d,{FOREIGN},5,\n"
    path.write_bytes(rows.encode("cp1252", errors="replace"))
    for _ in range(2):
        add_rows(path, results, ITEMS)
    assert path.read_text(encoding="cp1252").count("\n") == 4
    read = read_manual(path, ITEMS)
    assert (read.of(results[0]).points, read.of(results[0]).comment) == ({"explanation": 7}, "già")
    (told,) = read.without_effect(results)
    assert 'row 3: its 5 points count for nobody: there is no zip "189297_??_lovelace.zip"' in told


def test_points_that_count_for_nobody_are_told_with_where_they_may_belong(manual):
    manual.write_text(manual.read_text().replace("babbage.zip,,,", "babbage.zip,7,0,2.5"))
    again = result_of(zip="189296_charles_babbage (1).zip", id="189296", folder="again")
    old = result_of(zip=NAMES[1], id="189296", folder=safe_stem(NAMES[1]), status="superseded")
    read = read_manual(manual, ITEMS)
    assert read.without_effect(class_of(*NAMES)) == []
    assert read.without_effect([old, again]) == [
        f'row 3: its 9.5 points count for nobody: "{NAMES[1]}" is superseded; '
        'give them to "189296_charles_babbage (1).zip" if they are its'
    ]
    (told,) = read.without_effect(class_of(NAMES[0]))
    assert told.endswith(f'there is no zip "{NAMES[1]}"; look whose they are') or "if they are its" in told


def test_points_in_a_row_that_only_an_id_names_are_told(manual):
    manual.write_text(manual.read_text() + "189296,,,,,9,5,10,,\n,mean,,,,4.5,5,10,,\n")
    (told,) = read_manual(manual, ITEMS).without_effect(class_of(*NAMES[:2]))
    assert told.startswith("row 4: its 24 points count for nobody: it names neither folder nor zip")


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_text_that_a_bare_separator_cuts_is_told_with_its_row(manual, separator):
    text = manual.read_text().replace("babbage.zip,,,,,", "babbage.zip,,,,,malus = 5: late" + ", and group work")
    manual.write_text(text.replace(",", separator))
    with pytest.raises(ManualError, match=r'row 3 \(.*babbage"\) has more cells .* "and group work".*quotation marks'):
        read_manual(manual, ITEMS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",overrule", ",Override", 'unknown column "override"; did you mean "overrule"?'),
        (",comment", ",Comments", 'unknown column "comments"; did you mean "comment"?'),
        (",discussion", ",discusion", 'unknown column "discusion"; did you mean "discussion"?'),
        (",discussion", ",explanation", "the column explanation is there twice"),
    ],
)
def test_a_column_that_is_mistyped_or_there_twice_is_told(manual, old, new, said):
    manual.write_text(manual.read_text().replace(old, new))
    with pytest.raises(ManualError, match=re.escape(said)):
        read_manual(manual, ITEMS)


def test_what_keeps_all_scripts_from_running_is_told_once():
    told = "importing {0}.py and its Model: line {1}, `x = tf.placeholder(1)`: it is written for TensorFlow 1"
    checks = [failed(CheckId("run", script), told.format(script, line)) for line, script in enumerate(NETWORKS, 3)]
    result = result_of(*checks, failed(CheckId("report", "text"), "too short"))
    text = feedback(result, mark(result, ASSIGNMENT), ASSIGNMENT)
    assert text.count("it is written for TensorFlow 1") == 1
    heads = [line for line in text.splitlines() if line.startswith("### ")]
    assert [head.count("points") for head in heads] == [len(NETWORKS), 1]
