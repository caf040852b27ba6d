"""Files for systems that ask a program for one submission's result, held to the rules that each system publishes."""

import json
import re
from types import MappingProxyType
from xml.etree import ElementTree as xml

import pytest

from labkit.checks.assignment import CHECK_IDS
from labkit.checks.check import CheckId, failed, skipped, undecided
from tests.grading.graded_class import HOSTILE, checks, everything, export, grade, hand_in, mark_by_hand, marks

pytestmark = pytest.mark.grading

NAMES = ("189295_ada_lovelace.zip", "189296_grace_hopper.zip", "189297_alan_turing.zip", "189298_alan_kay.zip")


def verdict(submission):
    """Give one of each kind of outcome: failures in part, one undecided, all skipped, and a failure of the grader."""
    wrong = failed(CheckId("architecture", "model_no1"), HOSTILE, fraction=0.255, log=f"{HOSTILE}\n\x00", seconds=1.5)
    if submission.id == "189296":
        return checks(undecided(CheckId("report", "accuracies"), "numbers that belong to no network"), wrong)
    if submission.id == "189297":
        return checks(*[skipped(name, "the script is not there") for name in CHECK_IDS[4:]])
    if submission.id == "189298":
        raise RuntimeError("out of luck")
    return checks(wrong)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Grade a class with one of each outcome, with points by hand, one decision, and two that are open."""
    folder = tmp_path_factory.mktemp("class")
    for name in (*NAMES, "nobody.zip"):
        hand_in(folder / "submissions", name)
    (folder / "submissions/189299_barbara_liskov.zip").write_bytes(b"Rar!\x1a\x07\x00")
    given = {
        "189295": everything(0.5) | {"overrule": "run/model_no2 = 1.5: slow; malus = 2.25: group work"},
        "189297": {"explanation": 5},
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        grade(monkeypatch, folder / "submissions", folder / "grades", verdict)
        mark_by_hand(folder / "grades", given)
        grade(monkeypatch, folder / "submissions", folder / "grades", verdict)
    return folder / "grades"


@pytest.fixture
def exported(out, tmp_path, capsys):
    """Return a function that exports to a target, and returns the files by the student's id."""

    def exported(target):
        status, printed, _ = export(capsys, target, out, "--to", tmp_path, "--partial")
        assert status == 0
        assert "(189298): grading it failed" in printed
        paths = [path for path in tmp_path.rglob("*.*") if path.is_file()]
        return {path.parent.name.partition("_")[0]: path.read_bytes() for path in paths}

    return exported


def test_nothing_is_exported_while_something_is_open(out, tmp_path, capsys):
    for target in ("junit", "prairielearn", "gradescope"):
        status, _, told = export(capsys, target, out, "--to", tmp_path)
        assert status == 1
        assert "grace hopper (189296): report/accuracies, explanation, experiments, discussion" in told
        assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------------- JUnit

# junit-10.xsd of Jenkins' xUnit plugin: attributes of each element, those that are required with a star, and which
# elements it holds in which order.
JUNIT = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, ["testsuite"]),
    "testsuite": (
        {
            "name*",
            "tests*",
            "failures",
            "errors",
            "time",
            "disabled",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
        },
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), ["property"]),
    "property": ({"name*", "value*"}, []),
    "testcase": (
        {"name*", "assertions", "time", "classname", "status"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "skipped": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "failure": ({"type", "message"}, []),
    "system-out": (set(), []),
}


def hold_to_schema(element):
    attributes, children = JUNIT[element.tag]
    assert set(element.attrib) <= {name.rstrip("*") for name in attributes}
    assert {name.rstrip("*") for name in attributes if name.endswith("*")} <= set(element.attrib)
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places)
    for child in element:
        hold_to_schema(child)


def test_junit_is_of_its_schema_and_has_each_mark(out, exported):
    found = {}
    for student, content in exported("junit").items():
        root = xml.fromstring(content)
        hold_to_schema(root)
        (suite,) = root
        names = [case.get("name") for case in suite.iter("testcase")]
        assert len(set(names)) == len(names) == int(suite.get("tests"))
        for kind, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == len(list(suite.iter(kind)))
        properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
        assert properties["id"] == student
        if "score" in properties:
            found[student] = float(properties["score"])
        else:
            assert [case.get("classname") for case in suite.iter("testcase") if case.find("error") is not None]
    assert found == marks(out)
    assert set(found) == {"189295", "189296", "189297", "189299"}


def test_junit_tells_what_became_of_each_check(exported):
    files = exported("junit")
    (suite,) = xml.fromstring(files["189295"])
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failure = cases["architecture/model_no1"].find("failure")
    assert failure.text.startswith("2.55 of 10 points\n=cmd|")
    assert "\\x1b[31m" in failure.get("message")
    assert cases["run/model_no2"].find("failure").get("message") == "settled by your instructor: slow"
    assert list(cases["run/model_no1"]) == []
    (suite,) = xml.fromstring(files["189296"])
    (case,) = [case for case in suite.iter("testcase") if case.get("name") == "report/accuracies"]
    assert case.find("skipped").get("message").startswith("to be settled by your instructor: numbers")
    assert suite.find("system-out").text.startswith("NOT FINAL: up to 31 of the 100 points")


# -------------------------------------------------------------------------------------------------------- PrairieLearn


def test_prairielearn_has_a_part_of_one_for_each_mark(out, exported):
    found = {}
    for student, content in exported("prairielearn").items():
        assert len(content) < 2**20
        record = json.loads(content)
        if not record["gradable"]:
            assert all(isinstance(line, str) for line in record["format_errors"])
            continue
        assert 0 <= record["score"] <= 1
        for test in record["tests"]:
            assert {"name", "points", "max_points"} <= set(test) <= {*test, "description", "message", "output"}
            assert 0 <= test["points"] <= test["max_points"]
        found[student] = round(record["score"] * 100, 6)
    expected = {student: mark for student, mark in marks(out).items() if student != "189299"}
    assert found == pytest.approx(expected)


def test_prairielearn_costs_no_attempt_for_what_can_t_be_graded(exported):
    files = exported("prairielearn")
    assert "It could not be graded." in " ".join(json.loads(files["189299"])["format_errors"])
    assert "not your fault" in " ".join(json.loads(files["189298"])["format_errors"])


# ---------------------------------------------------------------------------------------------------------- Gradescope

VISIBILITY = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
# The fields of the "Autograder Specifications", with their types.
GRADESCOPE = {
    "score": (int, float),
    "execution_time": int,
    "output": str,
    "output_format": str,
    "test_output_format": str,
    "test_name_format": str,
    "visibility": str,
    "stdout_visibility": str,
    "extra_data": dict,
    "tests": list,
}
GRADESCOPE_TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": str,
    "name": str,
    "name_format": str,
    "number": str,
    "output": str,
    "output_format": str,
    "tags": list,
    "visibility": str,
    "extra_data": dict,
}


def test_gradescope_is_of_its_specification_and_has_each_mark(out, exported):
    found = {}
    for student, content in exported("gradescope").items():
        record = json.loads(content)
        for entry, fields in [(record, GRADESCOPE), *((test, GRADESCOPE_TEST) for test in record["tests"])]:
            assert set(entry) <= set(fields)
            assert all(isinstance(value, fields[name]) for name, value in entry.items())
            assert entry.get("visibility", "visible") in VISIBILITY
            assert entry.get("status", "passed") in ("passed", "failed")
        assert {record["output_format"], record["test_output_format"], record["test_name_format"]} <= FORMATS
        numbers = [test["number"] for test in record["tests"] if "number" in test]
        assert len(set(numbers)) == len(numbers)
        assert all(re.fullmatch(r"\d+\.\d+", number) for number in numbers)
        if record["extra_data"]["status"] != "crashed":
            found[record["extra_data"]["id"]] = record["score"]
        else:
            assert (student, record["score"]) == ("189298", 0)
            assert "Not graded yet: grading this failed, which is not your fault" in record["output"]
    assert found == marks(out)


def test_gradescope_shows_what_is_open_as_neither_passed_nor_failed(exported):
    record = json.loads(exported("gradescope")["189296"])
    tests = {test["name"]: test for test in record["tests"]}
    assert "status" not in tests["report/accuracies"]
    assert tests["report/accuracies"]["output"].startswith("to be settled by your instructor")
    assert (tests["architecture/model_no1"]["score"], tests["architecture/model_no1"]["status"]) == (2.55, "failed")
    assert "\x1b" not in json.dumps(record, ensure_ascii=False)
    assert record["output"].startswith("NOT FINAL")


# -------------------------------------------------------------------------------------------------------- Classroom 50

RUNNER = MappingProxyType(
    {
        "CLASSROOM": "ml-2026",
        "ASSIGNMENT": "mnist-lab",
        "OWNER": "alovelace",
        "SUBMISSION_TAG": "submit/2026-11-03T14-22-10Z-a1b2c3d",
        "COMMIT_URL": "https://example.org/commit/a1b2c3d",
        "RELEASE_URL": "https://example.org/releases/tag/1",
    }
)


def hold_to_result_v1(record):
    """Hold a record to result-v1.schema.json, and to the rules across fields that it says are enforced in code."""
    texts = ("classroom", "assignment", "owner", "submission", "commit", "release", "review")
    assert set(record) == {"schema", "assignment_type", "datetime", "score", "max-score", "tests", *texts}
    assert record["schema"] == "classroom50/result/v1"
    assert record["assignment_type"] in ("individual", "group")
    assert all(isinstance(record[name], str) and record[name] for name in texts)
    assert record["submission"].startswith("submit/")
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", record["datetime"])
    for entry in (record, *record["tests"]):
        assert type(entry["score"]) is type(entry["max-score"]) is int
        assert 0 <= entry["score"] <= entry["max-score"]
    for test in record["tests"]:
        assert isinstance(test["test-name"], str)
        assert test["test-name"]
        assert type(test["passed"]) is bool


@pytest.mark.parametrize(("by_hand", "flags"), [(everything(0.55), ()), ({"explanation": 0.5}, ("--partial",))])
def test_classroom50_is_of_its_schema_and_has_the_mark(tmp_path, monkeypatch, capsys, by_hand, flags):
    hand_in(tmp_path / "submissions", NAMES[0])
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", verdict)
    mark_by_hand(tmp_path / "grades", {"": by_hand})
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", verdict)
    for name, value in RUNNER.items():
        monkeypatch.setenv(name, value)
    status, printed, _ = export(capsys, "classroom50", tmp_path / "grades", *flags)
    assert (status, "100 there are one point here" in printed) == (0, True)
    record = json.loads((tmp_path / "grades/export/classroom50/result.json").read_bytes())
    hold_to_result_v1(record)
    assert record["score"] / 100 == marks(tmp_path / "grades")["189295"]
    assert record["max-score"] == sum(test["max-score"] for test in record["tests"]) == 10_000
    assert any(test["test-name"] == "NOT FINAL" for test in record["tests"]) == bool(flags)


def test_classroom50_tells_what_it_misses(out, tmp_path, monkeypatch, capsys):
    told = export(capsys, "classroom50", out, "--to", tmp_path, "--partial")[2]
    assert "there are 5 submissions, and Classroom 50 takes the result of one" in told
    hand_in(tmp_path / "submissions", NAMES[0])
    grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", verdict)
    told = export(capsys, "classroom50", tmp_path / "grades", "--partial")[2]
    assert "the runner of Classroom 50 sets CLASSROOM, ASSIGNMENT, " in told
