"""The submissions that grading is tried on: right ones that are right, broken ones that are broken, and verdicts."""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from fnmatch import fnmatchcase

import pytest

from grading.intake.arrivals import unpack
from labkit.checks.assignment import CHECKS
from labkit.checks.file_checks import check_files
from tests.submissions import ROOT, SCRIPTS, attacks, correct, flawed_code, hostile_code, reference_scripts, watch
from tests.submissions.generate import all_cases
from tests.submissions.report_pdf import make_pdf
from tests.submissions.report_words import write_report
from tests.submissions.rewriting import replaced, substituted

pytestmark = pytest.mark.grading

CASES = {case.name: case for module in (correct, flawed_code, hostile_code) for case in module.CASES}
NAMES = [f"{group}/{check}" for group, checks in CHECKS.items() for check in checks]
NO_PYTHON = {
    "syntax_error",
    "tab_among_spaces",
    "not_python",
    "nested_source",
    "unfinished_source",
    "source_in_no_encoding",
}


def files_of(case):
    """Return the scripts and helpers of a case, by their paths, as bytes."""
    return {
        path: text.encode() if isinstance(text, str) else text for path, text in case.files.items() if text is not None
    }


def test_there_are_enough_cases_each_with_a_name_of_its_own():
    assert len(correct.CASES) >= 15
    assert len(flawed_code.CASES) >= 12
    assert len(hostile_code.CASES) >= 30
    counted = Counter(case.name for module in (correct, flawed_code, hostile_code) for case in module.CASES)
    assert counted.most_common(1)[0][1] == 1, counted.most_common(3)


def test_each_case_is_of_the_kind_of_its_module():
    kinds = {"correct": correct, "flawed": flawed_code, "hostile": hostile_code}
    for kind, module in kinds.items():
        assert {case.kind for case in module.CASES} == {kind}


def test_all_sources_are_python_but_those_that_are_not_meant_to_be():
    broken = set()
    for case in CASES.values():
        for path, source in files_of(case).items():
            if path.lower().endswith(".py"):
                try:
                    compile(source, path, "exec", dont_inherit=True)
                except (SyntaxError, ValueError, MemoryError, RecursionError):
                    broken.add(case.name)
    assert broken == NO_PYTHON


def test_right_solutions_are_all_different():
    scripts = {case.name: {path.lower(): text for path, text in files_of(case).items()} for case in correct.CASES}
    for (name, one), (other_name, other) in itertools.combinations(scripts.items(), 2):
        if {name, other_name} & {"reference_solutions", "upper_case_names", "the_whole_kit"}:
            continue  # the kit's own texts, under other names or in other company
        assert any(one.get(path) != other.get(path) for path in one | other), f"{name} is {other_name}"
        assert one != reference_scripts(), name


def test_right_solutions_expect_full_marks():
    for case in correct.CASES:
        assert not case.expect, case.name


@pytest.mark.parametrize("case", [*flawed_code.CASES, *hostile_code.CASES], ids=lambda case: case.name)
def test_verdicts_are_about_checks_that_exist(case):
    for pattern, status in case.expect.items():
        assert any(fnmatchcase(name, pattern) for name in NAMES), pattern
        assert set(status.split("|")) <= {"passed", "failed", "skipped", "undecided"}
    for name in case.messages:
        assert name in NAMES
        assert "failed" in case.status(name), "a check that is passed says nothing about mistakes"


def test_each_mistake_costs_something():
    for case in flawed_code.CASES:
        assert any(case.status(name) == {"failed"} for name in NAMES), case.name


def test_each_mistake_leaves_points_elsewhere():
    for case in flawed_code.CASES:
        for script in SCRIPTS:
            if f"{script}.py" not in case.files:
                assert case.status(f"architecture/{script}") == {"passed"}, case.name


def test_text_that_is_not_there_can_not_be_replaced():
    with pytest.raises(ValueError, match="occurs 0 times"):
        replaced("abc", ("x", "y"))
    with pytest.raises(ValueError, match="occurs 2 times"):
        replaced("abab", ("a", "y"))
    with pytest.raises(ValueError, match="nothing fits"):
        substituted((r"no such text", ""))


@pytest.mark.attack
@pytest.mark.sample(8)
@pytest.mark.parametrize("case", correct.CASES, ids=lambda case: case.name)
def test_right_solution_computes_what_the_reference_computes(case, tmp_path):
    for path, source in (reference_scripts() | files_of(case)).items():
        script = path.lower() if path.lower() in reference_scripts() else path
        (tmp_path / script).write_bytes(source)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "tests.submissions.equivalence", str(tmp_path)]
    child = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stdout + child.stderr


def test_traps_catch_who_gets_out(tmp_path):
    with pytest.raises(AssertionError, match="called from"), watch.watched(folders=[]):
        socket.create_connection(("127.0.0.1", attacks.PORT)).close()
    with pytest.raises(AssertionError, match="left "), watch.watched(folders=[tmp_path]):
        (tmp_path / attacks.CANARY).touch()
    command = [sys.executable, "-c", f"input()  # {attacks.CANARY}"]
    with (
        pytest.raises(AssertionError, match="runs on as process"),
        contextlib.ExitStack() as afterwards,
        watch.watched(folders=[]),
    ):
        afterwards.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL))


def test_traps_wait_for_those_of_another_run():
    with socket.create_server(("127.0.0.1", attacks.PORT)) as other:
        threading.Timer(0.3, other.close).start()
        with watch.watched(folders=[]):
            assert other.fileno() < 0  # closed


def test_traps_let_others_go():
    with watch.watched(folders=[]) as secret:
        stolen = attacks.SECRET.read_text()
        assert os.environ[attacks.SECRET_VARIABLE] == secret
    assert not attacks.SECRET.exists()
    assert watch.reached("harmless", secret) == []
    assert watch.reached(f"harmless\nit is {stolen}\n{attacks.BREACH}: x", secret) == [f"it is {stolen}", "BREACH: x"]


def test_each_case_expects_of_its_files_what_the_grader_finds(tmp_path):
    good = reference_scripts() | {"report.pdf": make_pdf(write_report())}
    for case in itertools.chain.from_iterable(all_cases().values()):
        folder = tmp_path / case.name
        file = tmp_path / "1_ada_lovelace.zip"
        file.write_bytes(case.zip(good))
        if case.refused:  # some by unpacking, others when the class is collected
            continue
        unpacked = unpack(file, folder)
        checks = check_files(folder, SCRIPTS, unpacked.scripts, unpacked.report, unpacked.left_out)
        found = {str(check.name): check.status for check in checks}
        assert {name: status for name, status in found.items() if status not in case.status(name)} == {}, case.name
        shutil.rmtree(folder)
