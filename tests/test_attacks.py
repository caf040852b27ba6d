"""Every hostile script, tried for real on the sandbox and the worker: it gets its verdict, and nothing else.

They take a minute each, at worst, because many never end; -k picks some of them.
"""

import dataclasses

import pytest

from grading import networks
from grading.assignment import load_assignment
from grading.intake import unpack
from grading.names import printable
from grading.sandbox import NoSandbox, find_sandbox
from tests.submissions import ROOT, hostile_code, reference_scripts
from tests.submissions.watch import reached, watched

pytestmark = [pytest.mark.grading, pytest.mark.slow]

RUN_SECONDS = 20  # for a script and its 20 steps: enough on a machine that is busy with other things
NO_REPORT = b"%PDF-1.4"  # nobody looks at it here
SCRIPTED = [case for case in hostile_code.CASES if any(path.endswith(".py") for path in case.files)]


@pytest.fixture(scope="module")
def sandbox():
    """Skips these tests where nothing confines student code."""
    try:
        return find_sandbox()
    except NoSandbox as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def inspector(sandbox):
    """One for all of them, as in grading: what one submission does to it, the next would feel."""
    with networks.Inspector(sandbox) as inspector:
        yield inspector


@pytest.fixture(scope="module")
def assignment():
    """The kit's, with less patience."""
    assignment = load_assignment(ROOT / "assignment.toml")
    return dataclasses.replace(assignment, limits=dataclasses.replace(assignment.limits, run_seconds=RUN_SECONDS))


@pytest.mark.parametrize("case", SCRIPTED, ids=lambda case: case.name)
def test_attack_gets_its_verdict_and_nothing_else(case, tmp_path, sandbox, inspector, assignment):
    zip_path, folder, workdir = tmp_path / "189295_ada_lovelace.zip", tmp_path / "submission", tmp_path / "work"
    zip_path.write_bytes(case.zip(reference_scripts() | {"report.pdf": NO_REPORT}))
    workdir.mkdir()
    with watched() as secret:
        scripts = set(unpack(zip_path, folder).scripts)
        checks = networks.check_networks(folder, assignment, sandbox, False, inspector, None, workdir, scripts)
    for check in checks:
        told = f"{check.name}: {check.message}\n{check.log}"
        assert not reached(told, secret)
        assert told == printable(told), "what a terminal would act on"
        if check.name.startswith("training/"):
            assert check.status == "skipped"
            continue
        assert check.status in case.status(check.name), told
        assert case.messages.get(check.name, "") in check.message
