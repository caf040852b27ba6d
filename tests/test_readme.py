"""The README tells the truth about flags, lines of code and files."""

import re

import pytest

from labkit.run.flags import FLAGS
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title):
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_flag_is_in_the_table():
    listed = re.findall(r"^\| `(--[a-z-]+)", section("Flags of the scripts"), re.MULTILINE)
    assert listed == list(FLAGS)


def test_the_lines_of_todays_tensorflow_are_in_the_scripts():
    scripts = [(ROOT / name).read_text(encoding="utf-8") for name in ("softmax_mnist.py", "deep_mnist.py")]
    rows = [row.split(" | ") for row in section("From the lecture's TensorFlow to today's").splitlines()]
    lines = [line for row in rows[3:] if len(row) == 3 for line in re.findall(r"`([^`]+)`", row[1])]
    assert len(lines) > 12
    for line in lines:
        assert any(line in script for script in scripts), line


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_script_it_runs_exists():
    for script in re.findall(r"python (\w[\w/]*\.py)", README):
        assert (ROOT / script).is_file(), script
