"""Which sandbox is taken, what the others do, and what the doctor tells about all of them."""

import os
import stat
from pathlib import Path

import pytest

from grading import doctor, remedies
from grading.sandbox import choice, containers
from grading.sandbox.containers import IMAGE, Docker, command_line
from grading.sandbox.runner import Job
from grading.sandbox.unconfined import Unconfined
from labkit.limits import Limits, NoSandbox, SandboxError
from tests.support.needs import needs

pytestmark = pytest.mark.grading

MIB = 2**20
ENGINE = """#!/bin/sh
# Stands in for a container engine: notes each call, and runs a container's command as it is.
echo "$@" >> "$0.calls"
case "$1 $2" in
    "version ") exit ${NO_ENGINE:-0} ;;
    "image inspect") exit ${NO_IMAGE:-0} ;;
    "inspect --format") echo "${OOM_KILLED:-false}" ;;
    run\\ *)
        while [ "$1" != mnist-lab-grading ]; do shift; done
        shift; exec "$@" ;;
esac
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A stand-in for docker on the PATH; returns the file in which it notes its calls."""
    program = tmp_path / "docker"
    program.write_text(ENGINE)
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return Path(f"{program}.calls")


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


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
    monkeypatch.setattr(containers.shutil, "which", lambda name: str(program) if name == "bwrap" else None)
    first, *others = choice.trials()
    assert (first.name, first.sandbox) == ("bubblewrap", None)
    assert "No permissions to create new namespace" in first.problem
    assert [trial.sandbox for trial in others] == [None, None]


# ----------------------------------------------------------------------------------------------------------- container


@pytest.fixture
def job(tmp_path):
    return Job(
        command=["python", "worker.py"],
        read_only={"/submission": tmp_path},
        has_output=True,
        limits=Limits(memory_bytes=1024 * MIB, processes=99, wall_seconds=60, cpu_seconds=50),
        env={"HOME": "/tmp"},
        cwd="/submission",
        keeps_pipes=False,
    )


def test_a_container_is_confined_by_its_command_line(job, tmp_path):
    line = command_line("docker", "a-name", job, tmp_path / "output", (1234, 1235))
    text = " ".join(line)
    assert line[:2] == ["docker", "run"]
    for option in (
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 1234:1235",
        f"--memory {1024 * MIB} --memory-swap {1024 * MIB}",
        "--pids-limit 99",
        "--ulimit cpu=50:50",
        f"--mount type=bind,source={tmp_path},target=/submission,readonly",
        f"--mount type=bind,source={tmp_path}/output,target=/output",
        "--workdir /submission",
    ):
        assert option in text
    assert line[-6:] == [IMAGE, "timeout", "--signal=KILL", "61", "python", "worker.py"]


def test_a_container_s_user_is_never_root(job, tmp_path):
    for name in ("docker", "podman"):
        line = command_line(name, "a-name", job, tmp_path, (0, 0))
        assert line[line.index("--user") + 1] == "61184:61184"
    assert "--userns keep-id" in " ".join(command_line("podman", "a-name", job, tmp_path, (1000, 1000)))


def test_a_container_runs_and_is_removed(engine):
    outcome = Docker().run(["/bin/sh", "-c", "echo hello"])
    assert (outcome.ended, outcome.status, outcome.log, outcome.problem) == ("exit", 0, "hello\n", None)
    assert engine.read_text().splitlines()[-1].startswith("rm --force mnist-lab-grading-")


def test_a_container_ends_at_its_wall_time(engine):
    outcome = Docker().run(["/bin/sh", "-c", "sleep 60"], limits=Limits(wall_seconds=0.3))
    assert outcome.ended == "timeout"
    assert "kill mnist-lab-grading-" in engine.read_text()


@pytest.mark.usefixtures("engine")
def test_a_container_out_of_memory_is_told(monkeypatch):
    monkeypatch.setenv("OOM_KILLED", "true")
    assert Docker().run(["/bin/sh", "-c", "exit 137"]).ended == "memory"


@pytest.mark.usefixtures("engine")
def test_a_container_that_dies_of_a_signal_is_told():
    outcome = Docker().run(["/bin/sh", "-c", "exit 139"])
    assert (outcome.ended, outcome.status) == ("killed", -11)


@pytest.mark.usefixtures("engine")
def test_an_engine_that_fails_is_no_fault_of_the_command():
    with pytest.raises(SandboxError, match="no such image"):
        Docker().run(["/bin/sh", "-c", "echo no such image; exit 125"])


@pytest.mark.usefixtures("engine")
def test_a_client_whose_engine_does_not_answer_is_no_sandbox(monkeypatch):
    monkeypatch.setenv("NO_ENGINE", "1")
    with pytest.raises(SandboxError, match="docker is here, but its engine does not answer"):
        Docker()


@pytest.mark.usefixtures("engine")
def test_without_its_image_an_engine_is_no_sandbox(monkeypatch):
    monkeypatch.setenv("NO_IMAGE", "1")
    with pytest.raises(SandboxError, match="docker build -t mnist-lab-grading"):
        Docker()


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


def test_the_doctor_finds_that_bubblewrap_holds(capsys, monkeypatch):
    trial = next(choice.trials())
    if trial.sandbox is None:
        pytest.skip(f"bubblewrap does not work here: {trial.problem}")
    monkeypatch.setattr(doctor, "TENSORFLOW", "print('2.20 1.0')")  # computes in test_sandbox.py, which takes long
    assert doctor.doctor() == 0
    told = capsys.readouterr().out
    assert "A class can be graded here." in told
    assert len([line for line in told.splitlines() if line.startswith("  yes   can't")]) == len(doctor.ATTEMPTS)
