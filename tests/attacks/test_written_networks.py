"""The grader's verdicts on networks as people write them: in plain TensorFlow and Keras, right ones and wrong ones."""

import dataclasses
import sys
from collections import defaultdict
from itertools import zip_longest

import pytest

from grading.networks import network_checks
from labkit.checks.assignment import load_assignment
from tests.submissions import reference_scripts
from tests.submissions.written import Written, read_all

pytestmark = pytest.mark.grading

WRITTEN = read_all()
PATIENCE = 60  # seconds for a script and its 20 steps: one in float16, which is "either", takes twice as long


def packs() -> list[list[Written]]:
    """Return all networks, in submissions of one each script."""
    of_script = defaultdict(list)
    for written in WRITTEN:
        of_script[written.script].append(written)
    return [[one for one in pack if one] for pack in zip_longest(*of_script.values())]


def name_of(pack: list[Written]) -> str:
    return "+".join(written.name for written in pack)


def test_there_are_enough_each_of_its_own_name_and_none_is_the_reference():
    names = [written.name for written in WRITTEN]
    assert len(set(names)) == len(names) > 200
    assert all(written.source != reference_scripts()[f"{written.script}.py"] for written in WRITTEN)


def check(pack, folder, sandbox, inspector):
    """Check a submission of these scripts; return its checks by name."""
    (folder / "submission").mkdir()
    (folder / "work").mkdir()
    for written in pack:
        (folder / "submission" / f"{written.script}.py").write_bytes(written.source)
    assignment = load_assignment()
    limits = dataclasses.replace(assignment.limits, run_seconds=PATIENCE)
    scripts = {written.script for written in pack}
    found = network_checks.check_networks(
        folder / "submission",
        dataclasses.replace(assignment, limits=limits),
        sandbox,
        False,
        inspector,
        None,
        folder / "work",
        scripts,
    )
    return {check.name: check for check in found}


@pytest.mark.attack
@pytest.mark.sample(3)
@pytest.mark.parametrize("pack", packs(), ids=name_of)
def test_right_networks_pass_and_wrong_ones_do_not(pack, tmp_path, sandbox, inspector):
    checks = check(pack, tmp_path, sandbox, inspector)
    for written in pack:
        if written.name.startswith("python_312") and sys.version_info < (3, 12):
            assert "Python 3.12 can read that" in checks[f"run/{written.script}"].message
            continue
        architecture, run = (checks[f"{kind}/{written.script}"] for kind in ("architecture", "run"))
        wrong = ("failed", "skipped", "undecided")  # and must not pass
        allowed = wrong if written.architecture == "failed" else (written.architecture,)
        assert architecture.status in allowed, (written.name, architecture)
        if written.run != "either":
            assert run.status == written.run, (written.name, run)
