"""What hostile code can do at all, without TensorFlow and the worker: in the sandbox alone, under the worker's limits.

It is the layer that the attacks of test_attacks.py stand on, in seconds: each that reaches for something,
takes too much, or tries to end others, as a script of its own. Nothing may be reached, and nothing left.
"""

import dataclasses
import re

import pytest

from grading.networks.network_checks import worker_limits
from labkit.checks.assignment import load_assignment
from tests.submissions import ROOT, hostile_processes, hostile_reach
from tests.submissions.watch import reached, watched

pytestmark = pytest.mark.grading

OF_THE_SCRIPT = re.compile(r"\b(tf|np|lab)\.|import lab\b")  # what the script around an attack has imported
PATIENCE = 3  # seconds; those who are still at it then would be so for ever
MEMORY = 256 * 2**20  # bytes; a quarter of what there is in grading, so that it is soon taken
CASES = [
    case
    for case in (*hostile_reach.ATTACKS, *hostile_processes.BOMBS, *hostile_processes.EXITS)
    if case.alone and not OF_THE_SCRIPT.search(case.alone)
]


def test_most_attacks_are_tried_here():
    assert len(CASES) > 50


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_attack_reaches_nothing_and_leaves_nothing(case, sandbox, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "model_no1.py").write_text(case.alone)
    limits = worker_limits(load_assignment(ROOT / "assignment.toml"), PATIENCE)
    limits = dataclasses.replace(limits, memory_bytes=MEMORY)
    with watched() as secret:
        outcome = sandbox.run(
            [sandbox.python, "/submission/model_no1.py"],
            read_only={"/submission": tmp_path / "submission"},
            output=tmp_path / "output",
            limits=limits,
        )
    assert not reached(outcome.log, secret)
    if case in hostile_processes.BOMBS and case.status("run/model_no1") == {"failed"}:
        assert outcome.problem, "nothing has stopped it"
