"""The class page without a browser: what it shows, what it writes, and whom it lets in."""

import csv
import dataclasses
import errno
import hashlib
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.needs import needs

needs("flask")
needs("psutil")
needs("pygments")

from grading.layout import STILL_REPORT, SUBMISSIONS  # noqa: E402
from grading.options import GradingError  # noqa: E402
from grading.page import notes  # noqa: E402
from grading.page.application import Page, reports_app  # noqa: E402
from grading.page.class_folder import ClassFolder, Order  # noqa: E402
from grading.page.guard import Secrets  # noqa: E402
from grading.page.names import without_names  # noqa: E402
from grading.page.static_copy import write_copy  # noqa: E402
from grading.results.results import MarkedCheck  # noqa: E402
from labkit.checks.assignment import DEFAULT  # noqa: E402
from labkit.checks.check import CheckId, failed  # noqa: E402
from tests.grading.graded_class import HOSTILE, grade, hand_in  # noqa: E402
from tests.grading.page_class import found, make_class, pdf, rows, with_levels  # noqa: E402

pytestmark = pytest.mark.grading

PORT = 28_100
HOME = f"http://127.0.0.1:{PORT}"


class Browser:
    """A client that has opened the address with the secret, and sends what a browser sends."""

    def __init__(self, out, assignment=DEFAULT, seed=1):
        self.out, self.known = out, Secrets()
        self.folder = ClassFolder(out, assignment, Order(seed))
        self.page = Page(self.folder, self.known, PORT, PORT + 1)
        self.client = self.page.app.test_client()
        assert self.client.get(f"/enter/{self.known.address}", base_url=HOME).status_code == 200

    def get(self, path, status=200, **headers):
        answer = self.client.get(self.known.root + path, base_url=HOME, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path, form, status=303, **headers):
        form = {"csrf": self.known.form, **form}
        address = self.known.root + path
        answer = self.client.post(address, base_url=HOME, data=form, headers={"Origin": HOME, **headers})
        assert answer.status_code == status, answer.text
        return answer

    def number(self, student_id):
        return next(one.number for one in self.folder.read().students if one.result.id == student_id)

    def form(self, student_id, query=""):
        """Return the fields of a student's marking form as a browser would send them."""
        return Fields(self.get(f"/students/{self.number(student_id)}{query}")).values

    def save(self, student_id, fields, status=303, query="", **headers):
        """Fill in the marking form, and send it."""
        form = self.form(student_id, query) | fields
        return self.post(f"/students/{self.number(student_id)}", form, status, **headers)


class Fields(html.parser.HTMLParser):
    """The values of the form with the id `marking`, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.values, self.inside, self.area = {}, False, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.inside = attributes.get("id") == "marking"
        if not self.inside:
            return
        if tag == "input" and (attributes["type"] != "radio" or "checked" in attributes):
            self.values[attributes["name"]] = attributes.get("value", "")
        if tag == "textarea":
            self.area = attributes["name"]
            self.values[self.area] = ""

    def handle_data(self, data):
        if self.area:
            self.values[self.area] += data.removeprefix("\n") if not self.values[self.area] else data

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        if tag == "form":
            self.inside = False


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade a class, once."""
    folder = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patched:
        make_class(patched, folder)
    return folder


@pytest.fixture
def out(graded, tmp_path):
    """Return the folder of results of a class of the test's own."""
    for name in ("submissions", "grades"):
        shutil.copytree(graded / name, tmp_path / name)
    return tmp_path / "grades"


@pytest.fixture
def browser(out):
    return Browser(out)


def text_of(page):
    """Return what is to be read in a page: its text without mark-up."""
    parser, parts = html.parser.HTMLParser(), []
    parser.handle_data = parts.append
    parser.feed(page)
    return " ".join(" ".join(parts).split())


# --------------------------------------------------------------------------------------------------------------- marks


def test_points_land_in_the_row_of_their_student_and_nothing_else_is_changed(browser):
    before = (browser.out / "manual.csv").read_bytes()
    browser.save("1003", {"cell.explanation": "7.5", "cell.comment": "good; =1+1\nsecond line"})
    row = rows(browser.out)["1003"]
    assert row["explanation"] == "7.5"
    lines = before.splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if line.startswith(b"1003,"))
    after = (browser.out / "manual.csv").read_bytes()
    assert after.startswith(b"".join(lines[:place]))
    assert after.endswith(b"".join(lines[place + 1 :]))
    assert browser.form("1003")["cell.comment"] == "good; =1+1\nsecond line", "a comment is read as it was written"


def test_the_mark_is_the_one_that_the_grader_gives(browser, monkeypatch, tmp_path):
    for student_id in ("1000", "1002", "1004"):
        browser.save(student_id, {"cell.explanation": "7", "cell.experiments": "2", "cell.discussion": "1"})
    shown = {one.result.id: one.marks.score for one in browser.folder.read().students}
    grade(monkeypatch, tmp_path / "submissions", browser.out, found)
    with open(browser.out / "grades.csv", newline="", encoding="utf-8") as file:
        assert {row["id"]: float(row["score"]) for row in csv.DictReader(file)} == shown


@pytest.mark.parametrize("points", ["11", "-1", "seven", "nan"])
def test_points_that_are_none_are_not_saved_and_told_with_what_is_expected(browser, points):
    before = (browser.out / "manual.csv").read_bytes()
    answer = browser.save("1000", {"cell.explanation": points}, status=409)
    assert f"{points}" in text_of(answer.text)
    assert "10" in text_of(answer.text)
    assert (browser.out / "manual.csv").read_bytes() == before


def test_an_undecided_check_is_settled_among_the_items_with_a_reason(browser):
    fields = browser.form("1001")
    assert "points.report/accuracies" in fields
    answer = browser.save("1001", {"points.report/accuracies": "4"}, status=409)
    assert "reason" in text_of(answer.text)
    browser.save("1001", {"points.report/accuracies": "4", "reason.report/accuracies": "they are in the figure"})
    assert rows(browser.out)["1001"]["overrule"] == "report/accuracies = 4: they are in the figure"
    student = browser.folder.read().student(browser.number("1001"))
    assert "report/accuracies" not in student.open


def test_a_check_is_decided_otherwise_and_points_are_taken_off(browser):
    query = "?decide=architecture/model_no1"
    browser.save("1002", {"points.architecture/model_no1": "9", "reason.architecture/model_no1": "a slip"}, query=query)
    browser.save("1002", {"points.malus": "5", "reason.malus": "late by mail"}, query="?decide=malus")
    assert rows(browser.out)["1002"]["overrule"] == "architecture/model_no1 = 9: a slip; malus = 5: late by mail"
    assert browser.form("1002")["points.malus"] == "5"
    browser.save("1002", {"points.malus": "", "reason.malus": ""})
    assert rows(browser.out)["1002"]["overrule"] == "architecture/model_no1 = 9: a slip"


def test_a_level_s_new_points_count_for_all_who_have_it(out, tmp_path):
    assignment = with_levels(tmp_path)
    browser = Browser(out, assignment)
    for student_id in ("1000", "1003"):
        browser.save(student_id, {"cell.discussion": "good"})
    assert rows(out)["1000"]["discussion"] == "good"
    scores = {one.result.id: one.marks.score for one in browser.folder.read().students}
    assignment.write_text(assignment.read_text(encoding="utf-8").replace("points = 8", "points = 6"), encoding="utf-8")
    changed = {one.result.id: one.marks.score for one in browser.folder.read().students}
    assert {one: scores[one] - changed[one] for one in scores} == dict.fromkeys(scores, 0) | {"1000": 2, "1003": 2}


def test_a_mistake_in_the_rubric_is_told_and_the_one_before_counts(out, tmp_path):
    assignment = with_levels(tmp_path)
    browser = Browser(out, assignment)
    assignment.write_text("course = 5", encoding="utf-8")
    assert "the rubric is the one before" in text_of(browser.get("/"))


def test_changes_are_taken_back_one_after_the_other(browser):
    before = (browser.out / "manual.csv").read_bytes()
    browser.save("1000", {"cell.explanation": "7"})
    browser.save("1001", {"cell.comment": "why?"})
    browser.post("/undo", {})
    assert rows(browser.out)["1001"]["comment"] == ""
    assert rows(browser.out)["1000"]["explanation"] == "7"
    browser.post("/undo", {})
    assert (browser.out / "manual.csv").read_bytes() == before


def test_a_comment_of_the_bank_is_put_behind_the_student_s_and_stays_for_others(browser):
    browser.save("1000", {"keep": "explanation", "new.explanation": "ReLU is not explained."})
    browser.save("1000", {"cell.comment": "Nice.", "bank": "ReLU is not explained."})
    assert rows(browser.out)["1000"]["comment"] == "Nice.\nReLU is not explained."
    assert "ReLU is not explained." in browser.get(f"/students/{browser.number('1004')}")
    browser.save("1000", {"drop": "explanation:ReLU is not explained."})
    assert notes.read_notes(browser.out).comments == {"explanation": []}


def test_a_comment_for_the_bank_is_kept_whichever_button_sends_the_form(browser):
    """Enter in its field presses the first one, which is to save."""
    browser.save("1000", {"save": "yes", "new.explanation": "ReLU is not explained.", "new.experiments": " "})
    assert notes.read_notes(browser.out).comments == {"explanation": ["ReLU is not explained."]}
    browser.save("1000", {"keep": "experiments", "new.experiments": " "}, status=409)


def test_a_decimal_comma_is_a_point_and_no_other_s_work(browser):
    browser.save("1000", {"cell.explanation": "7,5"})
    browser.save("1001", {"points.report/accuracies": "4,0", "reason.report/accuracies": "in the figure"})
    student = browser.folder.read().student(browser.number("1000"))
    assert student.written.points["explanation"] == 7.5
    assert rows(browser.out)["1001"]["overrule"] == "report/accuracies = 4: in the figure"
    assert "Written over by somebody else" not in browser.get("/")


def test_a_reason_with_another_decision_in_it_is_none(browser):
    fields = {"points.report/accuracies": "4", "reason.report/accuracies": "see above; malus = 9: late"}
    answer = browser.save("1001", fields, status=409)
    assert "another decision" in text_of(answer.text)
    assert rows(browser.out)["1001"]["overrule"] == ""


@pytest.mark.parametrize(
    "comment", ["well done \U0001f469\u200d\U0001f4bb", "\u0645\u06cc\u200c\u062e", "a\tb", "soft\u00adhyphen"]
)
def test_a_comment_with_invisible_characters_can_be_changed(browser, comment):
    browser.save("1000", {"cell.comment": comment})
    assert browser.form("1000")["cell.comment"] == comment
    browser.save("1000", {"cell.comment": f"{comment}!"})
    assert browser.form("1000")["cell.comment"] == f"{comment}!"


# -------------------------------------------------------------------------------------------------------- two at a time


def test_what_a_spreadsheet_changed_meanwhile_is_shown_beside_and_not_written_over(browser):
    form = browser.form("1000") | {"cell.explanation": "9"}
    edit(browser.out, "1000", explanation="4")
    number = browser.number("1000")
    answer = text_of(browser.post(f"/students/{number}", form, 409).text)
    assert rows(browser.out)["1000"]["explanation"] == "4"
    assert "Yours 9" in answer
    assert "In the file 4" in answer


def test_what_another_changed_elsewhere_in_the_file_stays(browser):
    form = browser.form("1000") | {"cell.explanation": "9"}
    edit(browser.out, "1000", experiments="3")
    edit(browser.out, "1003", explanation="2")
    browser.post(f"/students/{browser.number('1000')}", form)
    found = rows(browser.out)
    assert (found["1000"]["explanation"], found["1000"]["experiments"]) == ("9", "3")
    assert found["1003"]["explanation"] == "2"


def test_saving_one_field_takes_no_other_s_new_text_for_seen(browser):
    """The script goes on with what the answer has: what the form does not show is not what it was made with."""
    form = browser.form("1000")
    number = browser.number("1000")
    edit(browser.out, "1000", experiments="3")
    told = browser.post(f"/students/{number}", form | {"cell.explanation": "9"}, 200, Accept="application/json").json
    assert told["before"] == {"explanation": "9"}
    assert (
        told["digest"]
        != browser.client.get(f"{browser.known.root}/state?student={number}", base_url=HOME).json["digest"]
    )
    form |= {f"before.{name}": text for name, text in told["before"].items()} | {"cell.explanation": "8"}
    browser.post(f"/students/{number}", form, 200, Accept="application/json")
    assert (rows(browser.out)["1000"]["explanation"], rows(browser.out)["1000"]["experiments"]) == ("8", "3")


def test_of_two_conflicts_the_second_is_still_there_when_the_first_is_settled(browser):
    form = browser.form("1000") | {"cell.explanation": "9", "cell.comment": "mine,\nof two lines"}
    edit(browser.out, "1000", explanation="4", comment="theirs")
    number = browser.number("1000")
    answer = browser.post(f"/students/{number}", form, 409).text
    first = answer[answer.index(f'<form action="{browser.known.root}/students/') : answer.index("Write mine over it")]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', first))
    answer = text_of(browser.post(f"/students/{number}", fields, 409).text)
    assert rows(browser.out)["1000"]["explanation"] == "9"
    assert "Yours mine, of two lines In the file theirs" in answer


def test_an_item_that_was_renamed_is_no_other_s_work_and_can_not_be_undone(out, tmp_path):
    assignment = with_levels(tmp_path)
    browser = Browser(out, assignment)
    browser.save("1000", {"cell.experiments": "2"})
    browser.save("1001", {"cell.explanation": "7"})
    text = assignment.read_text(encoding="utf-8").replace('name = "explanation"', 'name = "clarity"')
    assignment.write_text(text, encoding="utf-8")
    assert "Written over by somebody else" not in browser.get("/")
    assert "no explanation any more" in text_of(browser.post("/undo", {}, 409).text)
    browser.post("/undo", {})
    assert (rows(out)["1000"]["experiments"], rows(out)["1001"]["explanation"]) == ("", "7")


def test_a_level_that_is_gone_can_not_be_brought_back_by_undo_and_that_is_told(out, tmp_path):
    assignment = with_levels(tmp_path)
    browser = Browser(out, assignment)
    browser.save("1000", {"cell.discussion": "good"})
    browser.save("1000", {"cell.discussion": "weak"})
    text = assignment.read_text(encoding="utf-8").replace('name = "good"', 'name = "fine"')
    assignment.write_text(text, encoding="utf-8")
    assert "nor a level" in text_of(browser.post("/undo", {}, 409).text)
    assert rows(out)["1000"]["discussion"] == "weak"


def test_undo_goes_past_a_submission_that_does_not_count_any_more(browser):
    browser.save("1000", {"cell.explanation": "7"})
    browser.save("1001", {"cell.explanation": "5"})
    (next((browser.out / SUBMISSIONS).glob("1001_*")) / "result.json").unlink()
    assert "does not count any more" in text_of(browser.post("/undo", {}, 409).text)
    browser.post("/undo", {})
    assert (rows(browser.out)["1000"]["explanation"], rows(browser.out)["1001"]["explanation"]) == ("", "5")


def test_a_mistake_in_another_row_stops_all_writing_and_what_was_typed_can_be_sent_again(browser):
    form = browser.form("1000") | {"cell.explanation": "9", "cell.comment": "long work"}
    number = browser.number("1000")
    before = (browser.out / "manual.csv").read_bytes()
    edit(browser.out, "1003", overrule="nonsense")
    broken = (browser.out / "manual.csv").read_bytes()
    told = browser.post(f"/students/{number}", form, 409, Accept="application/json").json
    assert "nonsense" in told["problem"]
    # Whose row it is, by number only: names are hidden.
    whose = next((browser.out / SUBMISSIONS).glob("1003_*")).name
    for text in (
        told["problem"],
        text_of(browser.get("/")),
        text_of(browser.post(f"/students/{number}", form, 409).text),
    ):
        assert f"student {browser.number('1003')}" in text
        assert whose not in text
    page = browser.post(f"/students/{number}", form, 409).text
    assert (browser.out / "manual.csv").read_bytes() == broken
    (browser.out / "manual.csv").write_bytes(before)
    again = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
    browser.post(f"/students/{number}", again)
    assert rows(browser.out)["1000"]["comment"] == "long work"


def test_a_file_that_can_not_be_written_is_told_with_what_to_do(browser, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    form = browser.form("1000") | {"cell.explanation": "9"}
    monkeypatch.setattr(os, "fsync", full)
    answer = browser.post(f"/students/{browser.number('1000')}", form, 409)
    assert "Free some space" in text_of(answer.text)
    monkeypatch.undo()
    assert rows(browser.out)["1000"]["explanation"] == ""
    again = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text))
    browser.post(f"/students/{browser.number('1000')}", again)
    assert rows(browser.out)["1000"]["explanation"] == "9"


@pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}])
def test_what_is_refused_is_told_in_words_to_the_script_too(browser, headers):
    form = browser.form("1000") | {"cell.comment": "x" * 2**21}
    answer = browser.post(f"/students/{browser.number('1000')}", form, 413, **headers)
    assert "make the comment shorter" in (answer.json["problem"] if headers else text_of(answer.text))
    answer = browser.post("/students/99", form | {"cell.comment": ""}, 404, **headers)
    assert "no student 99" in (answer.json["problem"] if headers else text_of(answer.text))


def test_what_was_saved_here_and_written_over_by_a_spreadsheet_is_told_and_can_be_put_back(browser):
    before = (browser.out / "manual.csv").read_bytes()
    browser.save("1000", {"cell.explanation": "9"})
    (browser.out / "manual.csv").write_bytes(before)  # from a spreadsheet that had the file open
    assert "Written over by somebody else" in browser.get("/")
    number = browser.number("1000")
    browser.post(f"/students/{number}/mine", {"field": "explanation", "before": "", "keep": "mine"})
    assert rows(browser.out)["1000"]["explanation"] == "9"
    assert "Written over by somebody else" not in browser.get("/")


def test_a_file_that_is_no_table_any_more_is_told_and_nothing_is_written_into_it(browser):
    form = browser.form("1000") | {"cell.explanation": "9"}
    (browser.out / "manual.csv").write_text('id,folder,explanation\n1000,"x', encoding="utf-8")
    assert "nothing can be marked here" in text_of(browser.get("/"))
    browser.post(f"/students/{browser.number('1000')}", form, 409)
    assert (browser.out / "manual.csv").read_text(encoding="utf-8") == 'id,folder,explanation\n1000,"x'


def test_a_number_stays_its_student_s_whoever_comes_or_goes(browser, monkeypatch, tmp_path):
    numbers = {one.result.id: one.number for one in browser.folder.read().students}
    (tmp_path / "submissions" / "1000_Ada_Lovelace.zip").unlink()
    hand_in(tmp_path / "submissions", "0999_New_Student.zip")
    grade(monkeypatch, tmp_path / "submissions", browser.out, found)
    gone = next((browser.out / SUBMISSIONS).glob("1000_*"))
    (gone / "result.json").unlink()
    now = {one.result.id: one.number for one in browser.folder.read().students}
    assert now.pop("0999") == len(numbers) + 1
    assert now == {name: number for name, number in numbers.items() if name != "1000"}


def test_results_of_a_zip_that_is_gone_are_no_student_s(browser, monkeypatch, tmp_path):
    (tmp_path / "submissions" / "1000_Ada_Lovelace.zip").rename(tmp_path / "submissions" / "1000_Ada_King.zip")
    grade(monkeypatch, tmp_path / "submissions", browser.out, found)
    assert len(list((browser.out / SUBMISSIONS).glob("1000_*"))) == 2
    students = [one.result.surname for one in browser.folder.read().students if one.result.id == "1000"]
    assert students == ["king"]
    progress = json.loads((browser.out / "progress.json").read_text(encoding="utf-8"))
    (browser.out / "progress.json").write_text(json.dumps(progress | {"phase": "grading"}), encoding="utf-8")
    assert len(browser.folder.read().students) == 7, "a run that was killed has no table of those whom it graded"


def test_a_form_of_an_earlier_start_writes_nothing(out):
    form = Browser(out, seed=1).form("1000") | {"cell.explanation": "9"}
    other = Browser(out, seed=2)
    wrong = next(one.number for one in other.folder.read().students if one.result.id != "1000")
    other.post(f"/students/{wrong}", form | {"csrf": other.known.form}, 404)
    assert not any(row["explanation"] for row in rows(out).values())


def test_who_is_graded_while_the_page_is_open_can_be_marked_before_the_run_ends(browser, monkeypatch, tmp_path):
    table = (browser.out / "manual.csv").read_bytes()
    hand_in(tmp_path / "submissions", "1009_Sofia_Kovalevskaya.zip")
    grade(monkeypatch, tmp_path / "submissions", browser.out, found)
    (browser.out / "manual.csv").write_bytes(table)  # its row comes at the end of a run
    browser.save("1009", {"cell.explanation": "6"})
    assert rows(browser.out)["1009"]["explanation"] == "6"


# --------------------------------------------------------------------------------------------------------------- views


def test_names_are_hidden_in_every_view_until_they_are_asked_for(browser):
    number = browser.number("1000")
    views = ["/", "/similarity", f"/students/{number}", f"/students/{number}/feedback", "/?sort=name"]
    views += [f"/students/{number}?pane={pane}" for pane in ("checks", "networks", "code", "accuracies", "log")]
    for view in views:
        assert "lovelace" not in browser.get(view).casefold(), f"not in the source of {view} either"
    browser.post("/names", {"show": "yes"})
    assert "ada lovelace (1000)" in browser.get("/")
    assert "ada lovelace (1000)" in browser.get(f"/students/{number}")


def test_a_name_in_what_a_script_printed_or_a_check_found_is_hidden_too(browser):
    """A path of the student's own machine, say."""
    student = browser.folder.read().student(browser.number("1002"))
    check = failed(CheckId("run", "model_no1"), "no /home/alan/turing/x", log="/home/alan", remarks=("by Turing",))
    marks = dataclasses.replace(student.marks, checks=[MarkedCheck(check, 0.0, 2.0)])
    shown = without_names(dataclasses.replace(student, marks=marks))
    (row,) = shown.marks.checks
    told = f"{row.check.message} {row.check.log} {row.check.remarks}".casefold()
    assert "alan" not in told
    assert "turing" not in told
    assert told.count("hidden") == 4


def test_a_hidden_name_is_hidden_in_parts_and_leaves_other_words_alone(browser):
    student = browser.folder.read().student(1)
    result = dataclasses.replace(
        student.result, name="Ada Maria", surname="Lin", id="128", problem="a linear layer for maria lin (128 of 1280)"
    )
    shown = without_names(dataclasses.replace(student, result=result))
    assert shown.result.problem == "a linear layer for hidden hidden (hidden of 1280)"


def test_no_order_tells_of_hidden_names(browser):
    by_number = re.findall(r"Student \d+", browser.get("/"))
    assert re.findall(r"Student \d+", browser.get("/?sort=name")) == by_number
    browser.post("/names", {"show": "yes"})
    names = re.findall(r">(\w+ \w+) \(\d+\)<", browser.get("/?sort=name"))
    assert names == sorted(names, key=lambda name: name.split()[::-1])


def test_the_order_is_at_random_and_the_same_for_a_sitting(out):
    orders = [[one.result.id for one in Browser(out, seed=seed).folder.read().students] for seed in range(20)]
    assert len(set(map(tuple, orders))) > 5
    browser = Browser(out)
    assert browser.folder.read().students == browser.folder.read().students


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("filter=undecided", {"1001"}),
        ("filter=failed", {"1002"}),
        ("check=architecture/model_no1", {"1002"}),
        ("filter=open", {"1000", "1001", "1002", "1003", "1004", "1005"}),
        ("filter=nonsense&sort=nonsense", {"1000", "1001", "1002", "1003", "1004", "1005"}),
        ("q=undecid", set()),
        ("q=report/accuracies", {"1001"}),
    ],
)
def test_the_class_is_filtered_and_searched(browser, query, ids):
    browser.post("/names", {"show": "yes"})
    page = browser.get(f"/?{query}")
    table = page[page.index('id="students"') :]
    assert set(re.findall(r"\((\d{4})\)", table)) == ids


def test_hostile_text_is_text_in_every_view(browser):
    browser.post("/names", {"show": "yes"})
    number = browser.number("1002")
    views = ["/", "/similarity", f"/students/{number}/feedback"]
    views += [
        f"/students/{number}?pane={pane}" for pane in ("report", "checks", "networks", "code", "accuracies", "log")
    ]
    seen = 0
    for view in views:
        page = browser.get(view)
        seen += "alert(1)" in page
        assert "<script>alert" not in page, view
        assert not {"\x1b", "\u202e"} & set(page), view
    assert seen >= 5


def test_the_grader_s_figures_stand_beside_the_bands(browser):
    page = text_of(browser.get(f"/students/{browser.number('1003')}?pane=accuracies"))
    assert "no. 1" in page
    assert "0.8765" in page
    assert "0.975 to 0.9925" in page


def test_a_note_on_a_pair_is_kept(browser):
    page = browser.get("/similarity")
    key = re.search(r'name="pair" value="([^"]+)"', page)[1]
    browser.post("/similarity", {"pair": key, "looked_at": "yes", "note": f"they are {HOSTILE}"})
    browser.post("/similarity", {"pair": "nobody|else", "note": "x"}, 404)
    again = Browser(browser.out).get("/similarity")
    assert "checked" in again
    assert "they are =cmd" in again


# ------------------------------------------------------------------------------------------------------------- secrets


def test_nobody_gets_in_without_the_address(browser):
    other = browser.page.app.test_client()
    root = browser.known.root
    for path in ("/", "/students/1", "/similarity", "/state", "/assets/page.css"):
        assert other.get(root + path, base_url=HOME).status_code == 403
    assert root not in other.get("/", base_url=HOME).text, "the cookie is for this path, and nobody learns it"
    assert other.get("/enter/guessed", base_url=HOME).status_code == 403
    cookie = browser.client.get_cookie("page", domain="127.0.0.1", path=root)
    assert cookie.http_only
    assert cookie.same_site == "Strict"


def test_the_address_that_a_browser_is_started_with_opens_once(browser):
    """Who else is on the machine may read it in the list of processes."""
    owner, other = browser.page.app.test_client(), browser.page.app.test_client()
    once = f"/enter/{browser.known.once}"
    assert owner.get(once, base_url=HOME).status_code == 200
    answer = other.get(once, base_url=HOME)
    assert answer.status_code == 403
    assert "opened a browser already" in answer.text
    root = browser.known.root
    assert other.get(f"{root}/", base_url=HOME).status_code == 403
    assert owner.get(f"{root}/", base_url=HOME).status_code == 200


def test_no_other_host_and_no_other_site_gets_an_answer(browser):
    for host in ("localhost", "evil.example", "127.0.0.1.evil.example"):
        headers = {"Cookie": f"page={browser.known.cookie}", "Host": f"{host}:{PORT}"}
        client = browser.page.app.test_client(use_cookies=False)
        answer = client.get(f"{browser.known.root}/", base_url=HOME, headers=headers)
        assert answer.status_code == 403, host
        assert "at http://127.0.0.1" in answer.text, "it is refused for the name, and not for want of the cookie"
    browser.get("/", 403, **{"Sec-Fetch-Site": "cross-site"})
    browser.get("/", 403, **{"Sec-Fetch-Site": "same-site"})


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"csrf": "guessed"}, {}),
        ({}, {"Origin": "http://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Origin": f"http://localhost:{PORT + 1}"}),
    ],
)
def test_a_form_of_another_page_changes_nothing(browser, form, headers):
    before = (browser.out / "manual.csv").read_bytes()
    browser.save("1000", {"cell.explanation": "9", **form}, 403, **headers)
    assert (browser.out / "manual.csv").read_bytes() == before


def test_each_answer_says_what_a_browser_may_do_with_it(browser):
    for path in ("/", f"/students/{browser.number('1000')}", "/similarity", "/nothing"):
        headers = browser.client.get(browser.known.root + path, base_url=HOME).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_reports_are_pdfs_on_a_site_of_their_own_by_number_only(browser):
    def folder_of(number):
        student = browser.folder.read().student(number)
        return browser.folder.folder_of(student) if student else None

    app = reports_app(folder_of, browser.known.reports, PORT + 1, PORT)
    home = f"http://localhost:{PORT + 1}"
    path = f"/{browser.known.reports}/{browser.number('1000')}.pdf"
    answer = app.test_client().get(path, base_url=home)
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.data == pdf()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert f"frame-ancestors {HOME}" in answer.headers["Content-Security-Policy"]
    answer.close()
    for wrong in ("/guessed/1.pdf", f"/{browser.known.reports}/99.pdf", f"/{browser.known.reports}/../../x.pdf"):
        assert app.test_client().get(wrong, base_url=home).status_code == 404
    assert app.test_client().get(path, base_url=HOME).status_code == 403


# --------------------------------------------------------------------------------------------------------------- files


def test_the_copy_as_files_is_whole_and_takes_no_forms(out, tmp_path):
    target = tmp_path / "copy"
    write_copy(out, DEFAULT, target)
    pages = {path.name: path.read_text(encoding="utf-8") for path in target.glob("*.html")}
    assert "ada lovelace (1000)" in pages["index.html"]
    for name, page in pages.items():
        assert "<button" not in page, name
        assert 'type="hidden" name="csrf"' not in page, name
        for link in re.findall(r'(?:href|src)="([^"#]+)', page):
            assert link == "data:," or (target / link).is_file(), (name, link)
    still = next((out / SUBMISSIONS).glob(f"*/{STILL_REPORT}")).read_bytes()
    reports = [path.read_bytes() for path in target.glob("*.pdf")]
    assert reports == [still] * 6


def test_no_copy_is_made_without_the_marks(out, tmp_path):
    edit(out, "1003", overrule="nonsense")
    with pytest.raises(GradingError, match="nonsense"):
        write_copy(out, DEFAULT, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_folder_with_files_in_it_is_not_written_into(out, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    command = ["page", "--out", str(out), "--static", str(tmp_path / "copy")]
    outcome = subprocess.run([sys.executable, "-m", "grading", *command], capture_output=True, text=True)
    assert outcome.returncode == 1
    assert "has files in it" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]


def test_a_folder_without_results_is_told_in_a_line(tmp_path):
    outcome = subprocess.run(
        [sys.executable, "-m", "grading", "page", "--out", str(tmp_path)], capture_output=True, text=True
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("error: there are no results in")


def test_the_page_s_script_is_short_and_nothing_comes_from_elsewhere():
    folder = DEFAULT.parent / "grading/page"
    script = (folder / "assets/page.js").read_text(encoding="utf-8")
    assert len([line for line in script.splitlines() if line.strip()]) <= 155
    for path in [*folder.glob("assets/*"), *folder.glob("templates/*")]:
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path


def edit(out, student_id, **cells):
    """Write cells as another program does, which knows nothing of the page."""
    text = (out / "manual.csv").read_text(encoding="utf-8")
    table = csv.DictReader(io.StringIO(text, newline=""))
    found = [row | cells if row["id"] == student_id else row for row in table]
    with open(out / "manual.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, table.fieldnames, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    assert hashlib.sha256((out / "manual.csv").read_bytes()).digest() != hashlib.sha256(text.encode()).digest()
