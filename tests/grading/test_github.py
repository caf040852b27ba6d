"""The workflow that grades repositories on GitHub: its commands, with a `gh` that stands in for GitHub's."""

import os
import re
import shutil
import subprocess
import textwrap

import pytest

from tests.submissions import ROOT

pytestmark = [
    pytest.mark.grading,
    pytest.mark.skipif(not shutil.which("bash"), reason="the workflow's commands are for bash"),
]

GH = """#!/bin/sh
if [ "$1" = api ]; then
    printf 'lab-ada\\t2026-05-01T10:00:00Z\\nlab-bob\\t2026-05-02T10:00:00Z\\nlab-eve\\t2026-05-03T10:00:00Z\\n'
    exit
fi
mkdir "$4"  # repo clone NAME FOLDER
[ "$3" != course/lab-bob ]
"""


def commands(step):
    """Return the commands of a step of grade.yml, by the beginning of its name."""
    workflow = (ROOT / ".github/workflows/grade.yml").read_text()
    (found,) = re.findall(rf"- name: {step}.*?\n +run: \|\n((?: {{10}}[^\n]*\n|\n)+)", workflow, re.DOTALL)
    return textwrap.dedent(found)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a step's commands as the workflow does, in a folder of its own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(GH)
    (tmp_path / "bin/gh").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "ORGANIZATION": "course", "PREFIX": "lab-"}

    def run(step):
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands(step)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_a_repository_that_can_t_be_fetched_stops_no_other_and_ends_red(run, tmp_path):
    assert run("repositories").returncode == 0
    times = "login,time\nada,2026-05-01T10:00:00Z\neve,2026-05-03T10:00:00Z\n"
    assert (tmp_path / "times.csv").read_text() == times
    assert sorted(path.name for path in (tmp_path / "repositories").iterdir()) == ["lab-ada", "lab-eve"]
    last = run("what could not be fetched")
    assert (last.returncode, last.stdout) == (1, "lab-bob\n")


def test_where_every_repository_was_fetched_it_ends_green(run):
    assert run("what could not be fetched").returncode == 0
