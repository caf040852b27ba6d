"""The made-up classes: the same seed makes the same class, and a wrong verdict does not go unnoticed."""

import json

import pytest

from grading.intake.arrivals import collect
from labkit.submission.names import safe_stem
from tests.submissions.generate import SHARES, all_cases, write_class
from tests.submissions.verdicts import differences

pytestmark = pytest.mark.grading


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a class of 60; return its folder, and what is expected."""
    folder = tmp_path_factory.mktemp("class")
    return folder, write_class(folder, 60, seed=1)


def test_same_seed_makes_the_same_class(made, tmp_path):
    folder, expected = made
    assert write_class(tmp_path, 60, seed=1) == expected
    for path in (folder / "submissions").iterdir():
        again = tmp_path / "submissions" / path.name
        assert again.read_bytes() == path.read_bytes()
        assert again.stat().st_mtime == path.stat().st_mtime


def test_class_has_some_of_every_kind(made):
    kinds = {verdict["kind"] for verdict in made[1].values()}
    assert kinds == {"good", *SHARES}
    assert any(verdict["superseded_by"] for verdict in made[1].values())


def test_no_two_cases_share_a_name():
    names = [case.name for cases in all_cases().values() for case in cases]
    assert len(set(names)) == len(names)


def test_intake_takes_in_a_class_as_expected(made):
    folder, expected = made
    found = {submission.zip.name: submission for submission in collect(folder / "submissions")}
    assert found.keys() == expected.keys()
    for name, verdict in expected.items():
        assert bool(found[name].problem) == bool(verdict["refused"]), (verdict["case"], found[name].problem)
        assert verdict["refused"] in (found[name].problem or "")
        assert (found[name].superseded_by or "") == verdict["superseded_by"]


@pytest.fixture
def graded(tmp_path):
    """Write what a grader would leave of three zips, all as expected; return the folder and what is expected."""
    plain = {"kind": "good", "refused": "", "messages": {}, "remarks": [], "superseded_by": "", "copied_from": ""}
    expected = {
        "1_a_b.zip": plain | {"case": "good", "expect": {}},
        "2_c_d.zip": plain | {"case": "copied", "expect": {"run/*": "failed|skipped"}, "copied_from": "1_a_b.zip"},
        "3_e_f.zip": plain | {"case": "bad", "expect": {}, "refused": "a RAR archive", "kind": "flawed"},
    }
    for name, status in zip(expected, ("passed", "failed", "skipped"), strict=True):
        folder = tmp_path / "submissions" / safe_stem(name)
        folder.mkdir(parents=True)
        refused = expected[name]["refused"]
        result = {"status": "refused" if refused else "graded", "problem": f"It is {refused}.", "trained": True}
        check = {"name": "run/model_no1", "status": status, "message": "ran", "remarks": []}
        (folder / "result.json").write_text(json.dumps(result | {"remarks": [], "checks": [check]}))
    first, *others = expected
    (tmp_path / "grades.csv").write_text("zip\n" + "\n".join(others))
    (tmp_path / "not-graded.csv").write_text(f"zip\n{first}\n")
    row = '<tr><td><a href="#pair-1">1</a></td><td>a b, 1_a_b.zip</td><td>c d, 2_c_d.zip</td></tr>'
    (tmp_path / "similarity.html").write_text(row)
    return tmp_path, expected


def test_right_verdicts_make_no_difference(graded):
    assert differences(graded[1], graded[0]) == []


@pytest.mark.parametrize(
    ("stem", "change", "difference"),
    [
        ("1_a_b", ('"passed"', '"failed"'), "run/model_no1 failed, expected passed"),
        ("2_c_d", ('"failed"', '"passed"'), "run/model_no1 passed, expected failed or skipped"),
        ("3_e_f", ("RAR", "7z"), "expected 'a RAR archive' in it"),
        ("3_e_f", ('"refused"', '"graded"'), "graded (It is a RAR archive.), expected refused"),
    ],
)
def test_wrong_verdict_is_a_difference(graded, stem, change, difference):
    folder, expected = graded
    path = folder / "submissions" / stem / "result.json"
    path.write_text(path.read_text().replace(*change))
    (line,) = differences(expected, folder)
    assert line.startswith(f"{stem}.zip")
    assert difference in line


def test_missing_results_rows_and_pairs_are_differences(graded):
    folder, expected = graded
    (folder / "submissions" / "1_a_b" / "result.json").unlink()
    (folder / "grades.csv").write_text("zip\n2_c_d.zip\n3_e_f.zip\n3_e_f.zip\n")
    (folder / "not-graded.csv").write_text("zip\n")
    (folder / "similarity.html").write_text("")
    assert differences(expected, folder) == [
        "1_a_b.zip (good): no result",
        "grades.csv and not-graded.csv have 0 rows for 1_a_b.zip",
        "grades.csv and not-graded.csv have 2 rows for 3_e_f.zip",
        "1_a_b.zip and 2_c_d.zip are copies, but not listed",
    ]
