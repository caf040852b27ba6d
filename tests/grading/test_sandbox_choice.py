"""Which sandbox is taken, what the others do, and what the doctor tells about all of them."""

import shutil
import stat

import pytest

from grading import doctor, remedies
from grading.sandbox import choice
from grading.sandbox.unconfined import Unconfined
from labkit.limits import Limits, NoSandbox
from tests.support.needs import needs

pytestmark = pytest.mark.grading

MIB = 2**20


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    """Hide bubblewrap, and be nobody who could become another user."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)


# ------------------------------------------------------------------------------------------------------------- choice


@pytest.mark.usefixtures("nothing_installed")
def test_without_a_sandbox_grading_is_refused():
    with pytest.raises(NoSandbox, match="python -m grading doctor"):
        choice.find_sandbox()


@pytest.mark.usefixtures("nothing_installed")
def test_who_insists_gets_none_and_it_is_called_so():
    needs("psutil")
    assert choice.find_sandbox(unsafe=True).name == "none"


def test_a_sandbox_that_is_there_and_does_not_work_is_not_taken(tmp_path, monkeypatch):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: str(program) if name == "bwrap" else None)
    trial = next(choice.trials())
    assert (trial.name, trial.sandbox) == ("bubblewrap", None)
    assert "No permissions to create new namespace" in trial.problem


# ---------------------------------------------------------------------------------------------------------- unconfined


def test_without_a_sandbox_paths_inside_become_those_outside(tmp_path):
    needs("psutil")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "digits").write_text("7")
    code = """
import os, sys
open("/output/copy", "w").write(open(os.environ["DATA"] + "/digits").read())
print("/database", sys.argv[1], os.getcwd())
"""
    sandbox = Unconfined()
    outcome = sandbox.run(
        [sandbox.python, "-c", code, '{"path":"/data/digits"}'],
        read_only={"/data": tmp_path / "data"},
        output=tmp_path / "out",
        env={"DATA": "/data"},
        cwd="/data",
    )
    assert outcome.log.split() == ["/database", f'{{"path":"{tmp_path}/data/digits"}}', str(tmp_path / "data")]
    assert (tmp_path / "out" / "copy").read_text() == "7"


def test_without_a_sandbox_limits_hold_all_the_same(tmp_path):
    needs("psutil")
    sandbox = Unconfined()
    limits = Limits(wall_seconds=5, cpu_seconds=1, memory_bytes=256 * MIB, output_bytes=MIB, file_bytes=4 * MIB)

    def ended(code):
        return sandbox.run([sandbox.python, "-c", code], limits=limits, output=tmp_path / "output").ended

    assert ended("while True: pass") == "cpu"
    assert "MemoryError" in sandbox.run([sandbox.python, "-c", "bytearray(2**40)"], limits=limits).log
    assert ended("import time; open('/output/x', 'wb').write(bytes(2**21)); time.sleep(60)") == "output"
    assert sandbox.run([sandbox.python, "-c", "input()"], limits=Limits(wall_seconds=5)).status == 1  # no stdin
    sleep = [sandbox.python, "-c", "import time; time.sleep(60)"]
    assert sandbox.run(sleep, limits=Limits(wall_seconds=0.3)).ended == "timeout"


# -------------------------------------------------------------------------------------------------------------- doctor


@pytest.mark.usefixtures("nothing_installed")
def test_the_doctor_tells_how_to_get_a_sandbox(capsys):
    assert doctor.doctor() == 1
    told = capsys.readouterr().out
    assert "apt-get install bubblewrap" in told
    assert "No class can be graded here." in told


@pytest.mark.parametrize("setting", list(remedies.FORBIDDING))
def test_the_doctor_tells_what_the_system_forbids(tmp_path, monkeypatch, setting):
    value, remedy = remedies.FORBIDDING[setting]
    (tmp_path / "setting").write_text(f"{value}\n")
    monkeypatch.setattr(remedies, "FORBIDDING", {str(tmp_path / "setting"): (value, remedy)})
    assert remedy in remedies.remedies()
    (tmp_path / "setting").write_text("7\n")
    assert remedy not in remedies.remedies()


def test_the_doctor_finds_a_sandbox_that_holds_nothing_back(monkeypatch):
    needs("psutil")
    harmless = ("reach the network", "read your files", "see other processes", "write what it is shown")
    monkeypatch.setattr(doctor, "ATTEMPTS", {attempt: doctor.ATTEMPTS[attempt] for attempt in harmless})
    findings = list(doctor.attempts(Unconfined()))
    assert [finding.mark for finding in findings] == [doctor.BAD] * len(harmless)


@pytest.mark.course  # and CI runs the doctor itself
@pytest.mark.sample(2, of="what takes seconds")
def test_the_doctor_finds_that_bubblewrap_holds(capsys, monkeypatch):
    trial = next(choice.trials())
    if trial.sandbox is None:
        pytest.skip(f"bubblewrap does not work here: {trial.problem}")
    monkeypatch.setattr(doctor, "TENSORFLOW", "print('2.20 1.0')")  # computes in test_sandbox.py, which takes long
    assert doctor.doctor() == 0
    told = capsys.readouterr().out
    assert "A class can be graded here." in told
    assert len([line for line in told.splitlines() if line.startswith("  yes   can't")]) == len(doctor.ATTEMPTS)
