"""Levels: a name in manual.csv stands for the points that the assignment gives it now, and for a text."""

import dataclasses
import json
import re

import pytest

from grading.results.feedback import feedback
from grading.results.manual import Given, ManualError, read_manual, read_points
from grading.results.manual_file import read_sheet
from grading.results.results import mark
from labkit.checks.assignment import DEFAULT, Level, load_assignment
from tests.grading import graded_class
from tests.grading.graded_class import everything, export, grade, hand_in, mark_by_hand, marks, mixed
from tests.grading.test_results import result_of
from tests.submissions import make_zip

pytestmark = pytest.mark.grading

ASSIGNMENT = load_assignment()
LEVELS = (Level("Very good", 9, "All of it."), Level("not *yet*", 0, "Hardly any of it."), Level("-", 1.5, "A line."))
ITEMS = (dataclasses.replace(ASSIGNMENT.manual[0], levels=LEVELS), *ASSIGNMENT.manual[1:])
WITH_LEVELS = dataclasses.replace(ASSIGNMENT, manual=ITEMS)


def row_of(tmp_path, content, items=ITEMS):
    """Return what is read of the row of one submission, in the folder "one"."""
    path = tmp_path / "manual.csv"
    path.write_text(content, encoding="utf-8")
    return read_manual(path, items, ASSIGNMENT.points).of(result_of(folder="one"))


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", None),
        (" 8,5 ", Given(8.5)),
        ("very good", Given(9, "Very good")),
        ("  VERY  GOOD ", Given(9, "Very good")),
        ("not *yet*", Given(0, "not *yet*")),
        ("-", Given(1.5, "-")),
        ("'-", Given(1.5, "-")),  # as a spreadsheet keeps it from being a formula
    ],
)
def test_a_cell_holds_points_or_the_name_of_a_level(text, given):
    assert read_points(ITEMS[0], text) == given


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vary good", '"vary good" is neither a number from 0 to 10 nor a level ("Very good", "not *yet*", "-"); did'),
        ("vary good", 'did you mean "Very good"?'),
        ("11", '"11" is neither a number from 0 to 10 nor a level'),
        ("x" * 500, "..."),
    ],
)
def test_an_unknown_level_is_told_with_those_that_there_are(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        read_points(ITEMS[0], text)


def test_a_mistake_in_the_file_is_told_with_row_and_column(tmp_path):
    with pytest.raises(ManualError) as error:
        row_of(tmp_path, "folder,explanation\ntwo,\none,not yet\n")
    told = '/manual.csv, row 3 ("one"), explanation: "not yet" is neither a number from 0 to 10 nor a level ('
    assert told in str(error.value)
    assert str(error.value).endswith('did you mean "not *yet*"?')


def test_a_level_of_one_item_is_none_of_another(tmp_path):
    with pytest.raises(ManualError, match='experiments: "Very good" is not a number from 0 to 5'):
        row_of(tmp_path, "folder,experiments\none,Very good\n")


def test_a_row_has_the_points_of_today_and_the_level_that_gave_them(tmp_path):
    row = row_of(tmp_path, "folder,explanation,experiments\none, very good,4\n")
    assert (row.points, row.levels) == ({"explanation": 9, "experiments": 4}, {"explanation": "Very good"})
    assert row.summary == "explanation 9 (Very good), experiments 4"


def test_a_levels_points_are_no_new_look_and_its_name_is(tmp_path):
    content = "folder,explanation\none,Very good\n"
    cheaper = (dataclasses.replace(ITEMS[0], levels=(Level("very GOOD", 3, "Less."), *LEVELS[1:])), *ITEMS[1:])
    before, after = row_of(tmp_path, content), row_of(tmp_path, content, cheaper)
    assert (before.points["explanation"], after.points["explanation"]) == (9, 3)
    assert before.digest == after.digest
    assert row_of(tmp_path, content.replace("Very good", "VERY GOOD")).digest == before.digest
    assert row_of(tmp_path, content.replace("Very good", "-")).digest != before.digest
    assert row_of(tmp_path, content.replace("Very good", "9")).digest != before.digest


@pytest.mark.parametrize(
    ("cells", "digest"),
    [
        ("7,,2.5,good work,", "03cf2ee7faf6e530"),
        (",,,'-5 for style,malus = 5: group work; run/model_no1 = 1.5: ran by hand", "5e6f59eb44048d7f"),
        ('"7,5",0,10,"first line\nsecond, \'=line",', "24be8f92cf4f0e85"),
        (",,,only a comment,", "3a6ec19454ce3d21"),
    ],
)
def test_what_earlier_runs_noted_of_rows_without_levels_still_stands_for_them(cells, digest, tmp_path):
    content = f"folder,explanation,experiments,discussion,comment,overrule\none,{cells}\n"
    assert row_of(tmp_path, content).digest == digest


def test_feedback_has_the_levels_text_beside_the_items():
    marks = mark(result_of(), WITH_LEVELS, {"explanation": 0, "experiments": 5}, levels={"explanation": "not *yet*"})
    text = feedback(result_of(), marks, WITH_LEVELS)
    item, other = ITEMS[:2]
    assert f"- **explanation**, 0 of 10 (not \\*yet\\*): Hardly any of it. ({item.text})\n" in text
    assert f"- **experiments**, 5 of 5: {other.text}" in text


# ------------------------------------------------------------------------------------------------------------- a class


def rubric(path, points):
    """Write an assignment in which "good" gives so many points for the explanation."""
    text = DEFAULT.read_text(encoding="utf-8")
    levels = f'[[manual.levels]]\nname = "Good"\npoints = {points}\ntext = "Nearly all of it."\n'
    path.write_text(text.replace('\n[[manual]]\nname = "experiments"', f'\n{levels}\n[[manual]]\nname = "experiments"'))
    return path


@pytest.fixture
def class_of_two(tmp_path, monkeypatch):
    """Return a function that grades two students by a rubric in which "good" has so many points, and its folder."""
    for name in ("189295_ada_lovelace.zip", "189296_grace_hopper.zip"):
        hand_in(tmp_path / "submissions", name)

    def grade_with(points, verdict=mixed):
        monkeypatch.setattr(graded_class, "DEFAULT", rubric(tmp_path / "assignment.toml", points))
        return grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", verdict)

    return grade_with


def never(submission):
    raise AssertionError("a check was run again")


def result_json(out, student):
    (path,) = out.glob(f"submissions/{student}*/result.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_new_points_of_a_level_count_for_all_who_have_it_without_another_check(class_of_two, capsys, tmp_path):
    out = class_of_two(8)
    mark_by_hand(out, {"": everything() | {"explanation": " GOOD"}, "189296": everything()})
    before = marks(class_of_two(8, never))
    first = result_json(out, "189295")
    assert (first["manual"]["explanation"], first["levels"]) == (8, {"explanation": "Good"})
    assert result_json(out, "189296")["levels"] == {}
    assert export(capsys, "gradescope", out, "--assignment", tmp_path / "assignment.toml")[0] == 0
    (exported,) = out.glob("export/gradescope/189295*/results.json")
    assert "Good: Nearly all of it." in exported.read_text(encoding="utf-8")

    rubric(tmp_path / "assignment.toml", 6.5)
    status, _, told = export(capsys, "gradescope", out, "--assignment", tmp_path / "assignment.toml")
    assert status != 0
    assert '8 points for explanation, by the level "Good", and by this assignment it would be 6.5: give the' in told

    after = marks(class_of_two(6.5, never))
    assert after == {"189295": before["189295"] - 1.5, "189296": before["189296"]}
    second = result_json(out, "189295")
    assert second["marked"] == first["marked"]
    assert second["remarks"] == []
    assert export(capsys, "gradescope", out, "--assignment", tmp_path / "assignment.toml")[0] == 0


def test_a_level_whose_points_change_does_not_make_a_replaced_zip_marked(class_of_two, tmp_path):
    out = class_of_two(8)
    mark_by_hand(out, {"": everything() | {"explanation": "Good"}})
    class_of_two(8)
    (tmp_path / "submissions/189295_ada_lovelace.zip").write_bytes(make_zip({"model_no1.py": b"NAME = 'another'\n"}))
    class_of_two(7)
    record = result_json(out, "189295")
    assert record["manual"] == {}
    assert "explanation 7 (Good)" in record["remarks"][0]


def test_a_level_that_is_gone_refuses_the_run_and_the_export(class_of_two, capsys, tmp_path):
    out = class_of_two(8)
    mark_by_hand(out, {"": everything() | {"explanation": "Good"}})
    class_of_two(8)
    status, _, told = export(capsys, "gradescope", out)
    assert status != 0
    assert 'explanation: "Good" is not a number from 0 to 10' in told
    path = out / "manual.csv"
    path.write_bytes(read_sheet(path).with_cells("189295_ada_lovelace", {"explanation": "8"}))
    path.write_bytes(read_sheet(path).with_cells("189296_grace_hopper", {"explanation": "8"}))
    status, _, told = export(capsys, "gradescope", out)
    assert status != 0
    assert 'by the level "Good", and by this assignment there is no such level of explanation' in told
