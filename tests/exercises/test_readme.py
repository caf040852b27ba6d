"""exercises/README.md: each script stands in its tables, with three questions, and each question has an answer."""

import re

import pytest

from tests.support.exercise import FOLDER
from tests.support.tracing import ROOT

pytestmark = pytest.mark.exercises

SCRIPTS = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "lab", "notebook"}
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def numbered(text, level):
    """Return the numbers of the lists below each heading that is a script, in their order."""
    parts = re.split(rf"^{level} (\w+)\.py$", text, flags=re.MULTILINE)[1:]
    return {
        script: re.findall(r"^(\d)\. ", part, re.MULTILINE)
        for script, part in zip(parts[::2], parts[1::2], strict=True)
    }


def test_the_table_has_each_script_once():
    rows = re.findall(r"^\| `exercises/(\w+)\.py` \|", README, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == SCRIPTS


def test_each_script_is_measured():
    assert set(re.findall(r"`python exercises/(\w+)\.py[^`]*`", README.partition("## Published")[2])) >= SCRIPTS - {
        "relu_network",  # whose figures are exact, and printed
        "backpropagation",
    }


def test_each_script_has_three_questions_with_answers():
    questions = numbered(README, "###")
    assert set(questions) == SCRIPTS
    assert all(numbers == ["1", "2", "3"] for numbers in questions.values())
    answers = numbered((ROOT / "docs" / "instructor" / "exercises.md").read_text(encoding="utf-8"), "##")
    assert list(answers) == list(questions)
    assert answers == questions
