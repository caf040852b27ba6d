"""Overruling: what the instructor writes into a cell is read as meant, or told, and goes before what a check said."""

import csv
import json
import random
import re

import pytest

from grading.results.feedback import feedback
from grading.results.manual import ManualError, read_manual
from grading.results.manual_file import read_sheet
from grading.results.overruling import Decision, read_decisions, written_decisions
from grading.results.results import mark, write_grades, write_result
from labkit.checks.assignment import load_assignment
from labkit.checks.check import CheckId, failed, passed, skipped, undecided
from tests.grading.test_results import result_of

pytestmark = pytest.mark.grading

ASSIGNMENT = load_assignment()
CHECKS = ASSIGNMENT.points


@pytest.mark.parametrize(
    ("text", "decisions"),
    [
        ("", {}),
        ("architecture/model_no1 = 10: it is there", {"architecture/model_no1": Decision(10, "it is there")}),
        (
            " Report/Accuracies=4,5 :see page 3: the table;",
            {"report/accuracies": Decision(4.5, "see page 3: the table")},
        ),
        (
            "run/model_no2 = 2: ran by hand; twice, too; malus = 5: group work",
            {"run/model_no2": Decision(2, "ran by hand; twice, too"), "malus": Decision(5, "group work")},
        ),
        (
            "files/report = 0: a\r\nreport / text = 0: b",
            {"files/report": Decision(0, "a"), "report/text": Decision(0, "b")},
        ),
    ],
)
def test_decisions_are_read_as_people_write_them(text, decisions):
    assert read_decisions(text, CHECKS) == decisions


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10", '"10" is not "check = points: reason", as in "architecture/model_no1 = 10: '),
        ("architecture/model_no1 = 10", 'is not "check = points: reason"'),
        ("architecture/model_no1: 10", 'is not "check = points: reason"'),
        ("architecture/model_no1 = 10:", "architecture/model_no1 has no reason, which the student is to read"),
        (
            "run/model_no1 = 2: x, malus = 5: y",
            'the reason for run/model_no1 has another decision in it, "malus = 5:": put a ;',
        ),
        ("architecture/model_no1 = 11: a", 'architecture/model_no1: "11" is not a number from 0 to 10'),
        ("architecture/model_no1 = nan: a", '"nan" is not a number from 0 to 10'),
        ("architecture/model_no1 = ten: a", '"ten" is not a number from 0 to 10'),
        (
            "architectur/model_no1 = 10: a",
            'there is no check "architectur/model_no1"; did you mean "architecture/model_no1"?',
        ),
        ("everything = 10: a", "the checks are files/model_no1, "),
        ("malus = -5: a", 'malus: "-5" is not a number from 0 to 1000, without a sign: the points that are taken off'),
        ("run/model_no1 = 1: a; run/model_no1 = 2: b", "run/model_no1 is there twice"),
    ],
)
def test_a_mistake_is_told_with_what_is_expected(text, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        read_decisions(text, CHECKS)


def test_a_mistake_in_the_file_is_told_with_its_row(tmp_path):
    path = tmp_path / "manual.csv"
    path.write_text("folder,overrule\none,\ntwo,malus: 5\n")
    with pytest.raises(ManualError) as error:
        read_manual(path, ASSIGNMENT.manual, CHECKS)
    assert str(error.value).startswith(f'{path}, row 3 ("two"), overrule: "malus: 5" is not "check = points: reason"')


@pytest.mark.parametrize(
    ("check", "points", "score", "most"),
    [
        (failed(CheckId("run", "model_no1"), "wrong"), 2, 2, 2),
        (passed(CheckId("run", "model_no1"), "right"), 0.5, 0.5, 2),
        (undecided(CheckId("run", "model_no1"), "a loop"), 2, 2, 2),
        (skipped(CheckId("run", "model_no1"), "not made"), 1, 1, 2),
    ],
)
def test_a_decision_goes_before_whatever_a_check_said(check, points, score, most, tmp_path):
    result = result_of(check)
    marks = mark(result, ASSIGNMENT, decisions={check.name: Decision(points, "I ran *it*")})
    assert (marks.score, marks.max_score) == (score, most)
    assert check.name not in marks.pending
    text = feedback(result, marks, ASSIGNMENT)
    assert f"| run/model_no1 | settled by your instructor | {points:g} of 2 |" in text
    assert f"## Settled by your instructor\n\n- **run/model_no1**, {points:g} of 2: I ran \\*it\\*" in text
    assert "To be settled" not in text
    write_grades(tmp_path / "grades.csv", [(result, marks)], ASSIGNMENT)
    (row,) = csv.DictReader((tmp_path / "grades.csv").read_text().splitlines())
    assert row["run/model_no1"] == f"{points:g}"
    assert row["remarks"] == f"run/model_no1 = {points:g} by the instructor: I ran *it*"
    write_result(tmp_path / "result.json", result, marks)
    assert json.loads((tmp_path / "result.json").read_text())["decisions"] == {
        "run/model_no1": {"points": points, "reason": "I ran *it*"}
    }


def test_a_training_that_was_left_out_counts_once_it_is_decided():
    result = result_of(skipped(CheckId("training", "model_no1"), "left out"), trained=False)
    assert mark(result, ASSIGNMENT).max_score == 0
    marks = mark(result, ASSIGNMENT, decisions={"training/model_no1": Decision(6, "trained in the lab")})
    assert (marks.score, marks.max_score) == (6, 6)


def test_a_malus_is_taken_off_after_lateness_and_never_below_nothing():
    result = result_of(passed(CheckId("architecture", "model_no1"), "right"), late_seconds=2 * 24 * 3600)
    for points, score in ((3, 10 - 2 - 3), (50, 0)):
        marks = mark(result, ASSIGNMENT, decisions={"malus": Decision(points, "group work")})
        assert (marks.score, marks.max_score, marks.late_penalty) == (score, 10, 2)
    assert "- **malus**, 50 points are taken off: group work" in feedback(result, marks, ASSIGNMENT)


def test_what_failed_is_still_explained_where_some_points_are_lost():
    result = result_of(failed(CheckId("run", "model_no1"), "it stopped at step 7"))
    half, whole = (mark(result, ASSIGNMENT, decisions={"run/model_no1": Decision(n, "a")}) for n in (1, 2))
    assert "it stopped at step 7" in feedback(result, half, ASSIGNMENT)
    assert "it stopped at step 7" not in feedback(result, whole, ASSIGNMENT)


def test_a_refused_zip_can_be_given_points():
    result = result_of(
        skipped(CheckId("files", "model_no1"), "the zip can't be graded"), status="refused", problem="It is a RAR."
    )
    marks = mark(result, ASSIGNMENT, decisions={"files/model_no1": Decision(1, "unpacked by hand")})
    assert marks.score == 1
    assert "unpacked by hand" in feedback(result, marks, ASSIGNMENT)


def test_a_training_is_open_where_the_network_it_waited_for_was_found_right_by_hand():
    network, training = CheckId("architecture", "model_no1"), CheckId("training", "model_no1")
    result = result_of(checks=[failed(network, "no"), skipped(training, "this needs architecture/model_no1")])
    assert training not in mark(result, ASSIGNMENT).pending
    decisions = {network: Decision(10, "it is there")}
    marks = mark(result, ASSIGNMENT, decisions=decisions)
    assert marks.pending[0] == training
    assert "To be settled by your instructor" in feedback(result, marks, ASSIGNMENT)
    settled = mark(result, ASSIGNMENT, decisions=decisions | {training: Decision(6, "trained by hand")})
    assert (settled.score, settled.pending[0] == training) == (16, False)
    assert training not in mark(result, ASSIGNMENT, decisions={network: Decision(0, "it is not")}).pending


# -------------------------------------------------------------------------------------------------------- written again

PARTS = ["a", "see page 3", *";:=/ \n'\"", "\r\n", "x =", "malus", "run/model_no1 = 1:", "5", "\u00e9"]
POINTS = [0, 1, 0.1, 2 / 3, 1e-7]


def naive_is_read_otherwise(name, decision):
    """Tell whether a decision that is put down as it is would be another, or none, to the reader."""
    try:
        return read_decisions(f"{name} = {decision.points!r}: {decision.reason}", CHECKS) != {name: decision}
    except ValueError:
        return True


def test_decisions_are_read_as_they_were_written_and_only_refused_where_they_could_not_be():
    chance, refused = random.Random(0), 0
    for _ in range(2000):
        names = chance.sample([*map(str, CHECKS), "malus"], chance.randrange(4))
        reasons = ["".join(chance.choices(PARTS, k=chance.randrange(1, 6))) for _ in names]
        decisions = {name: Decision(chance.choice(POINTS), why) for name, why in zip(names, reasons, strict=True)}
        try:
            text = written_decisions(decisions)
        except ValueError:
            refused += 1
            assert any(naive_is_read_otherwise(name, decision) for name, decision in decisions.items())
        else:
            assert read_decisions(text, CHECKS) == decisions, text
    assert 0 < refused < 1800


@pytest.mark.parametrize(
    "reason",
    [
        "it is there",
        "see page 3: the table; and page 4",
        "a = b, x/y",
        "twice: 5 = 5",
        "; and",
        "\u00e9 < \u5b57",
        "=1+1; -2",
    ],
)
def test_a_reason_of_one_line_is_written_whatever_it_says(reason):
    decisions = {"run/model_no1": Decision(1.25, reason), CheckId("run", "model_no2"): Decision(2, reason)}
    assert read_decisions(written_decisions(decisions), CHECKS) == decisions


@pytest.mark.parametrize(
    ("decisions", "told"),
    [
        ({"run/model_no1": Decision(1, "")}, "run/model_no1 has no reason"),
        ({"run/model_no1": Decision(1, "a\nb")}, "would be read otherwise: write it in one line"),
        ({"run/model_no1": Decision(1, "a;")}, "without a ; at its end"),
        ({"run/model_no1": Decision(1, "late; x = 5")}, 'without one before a word and "="'),
        ({"run/model_no1": Decision(1, "late, malus = 5: b")}, "has another decision in it"),
        ({"malus": Decision(float("inf"), "a")}, "is not a number from 0 to 1000"),
        ({"run/model_no1": Decision(float("nan"), "a")}, "is not a number"),
        ({"run/Model": Decision(1, "a")}, 'there is no check "run/model"; did you mean "run/Model"?'),
    ],
)
def test_what_can_not_be_written_as_a_decision_is_told(decisions, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        written_decisions(decisions)


def test_decisions_come_back_from_a_file_that_a_spreadsheet_may_open(tmp_path):
    decisions = {"run/model_no1": Decision(1, "see, =1+1; -2"), "malus": Decision(5, "late")}
    path = tmp_path / "manual.csv"
    path.write_text("folder;comment\none;\n")
    path.write_bytes(read_sheet(path).with_cells("one", {"overrule": written_decisions(decisions)}))
    assert ", =" not in path.read_text()
    assert read_manual(path, ASSIGNMENT.manual, CHECKS).of(result_of(folder="one")).decisions == decisions
