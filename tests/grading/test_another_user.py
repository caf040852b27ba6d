"""The sandbox for containers: what it holds, what it is known not to hold, and that it leaves nothing behind."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grading import doctor
from grading.networks.network_checks import worker_limits
from grading.sandbox import another_user, choice, sandbox_init
from grading.sandbox.another_user import AnotherUser
from labkit.checks.assignment import load_assignment
from labkit.limits import Limits, SandboxError
from tests.attacks.test_containment import CASES, MEMORY, PATIENCE
from tests.submissions import ROOT, hostile_processes
from tests.submissions.watch import reached, watched

pytestmark = [
    pytest.mark.grading,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root can become another user"
    ),
]

QUICK = Limits(wall_seconds=10, memory_bytes=256 * 2**20, processes=50)
# What everybody on the system may read is in sight; the grader's own folders have to be closed.
OF_THE_PUBLIC = {"reads_passwd", "reads_a_home", "reads_the_marks", "reads_the_solutions", "reads_the_grader"}
OF_THE_PUBLIC |= {"reads_a_secret", "lists_processes", "reads_other_submissions", "reads_the_test_labels"}
A_FEW = {"becomes_root", "calls_this_machine", "kills_everybody", "leaves_a_daemon", "full_tmp"}
IN_ATTACKS = (pytest.mark.attack, pytest.mark.sample(6))
# None whom bubblewrap's sandboxes have, beside which these tests may run; each process of the tests has its own.
USER = 65520 + 2 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


@pytest.fixture
def sandbox():
    """Return the sandbox, with a Python that other users can start."""
    sandbox = AnotherUser()
    sandbox._users = itertools.cycle([(USER, USER + 1)])
    for python in (sys.executable, "/usr/bin/python3"):
        sandbox.python = python
        if shutil.which(python) and sandbox.run([python, "-c", ""], limits=QUICK).problem is None:
            return sandbox
    pytest.skip("every Python here is closed to other users")


@pytest.fixture
def run(sandbox):
    """Return a function that runs code, with its arguments, and checks that its user has nothing left afterwards."""

    def run(code, *arguments, limits=QUICK, **options):
        outcome = sandbox.run([sandbox.python, "-c", code, *arguments], limits=limits, **options)
        assert left() == []
        return outcome

    return run


@pytest.fixture
def public_folder():
    """Make a folder that every user can get to."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def left():
    """Return what processes and public folders have of the sandbox's user."""
    return processes() + [str(path) for path in another_user._left_by(USER)]


def processes():
    return [path.name for path in Path("/proc").glob("[0-9]*") if USER in another_user._users_of(path.name)]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=case.name, marks=() if case.name in A_FEW else (pytest.mark.attack, pytest.mark.sample(9))
        )
        for case in CASES
        if case.name not in OF_THE_PUBLIC
    ],
)
def test_attacks_reach_nothing_and_leave_nothing(case, run, tmp_path):
    limits = dataclasses.replace(
        worker_limits(load_assignment(ROOT / "assignment.toml"), PATIENCE), memory_bytes=MEMORY
    )
    with watched() as secret:
        outcome = run(case.alone, limits=limits, output=tmp_path / "output")
    assert not reached(outcome.log, secret)
    if case in hostile_processes.BOMBS and case.status("run/model_no1") == {"failed"}:
        assert outcome.problem, "nothing has stopped it"


def test_it_runs_as_a_user_who_is_nobody_else_without_privileges_or_groups(run):
    code = """
import os
print(*os.getresuid(), *os.getresgid(), *os.getgroups())
fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*(fields[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"))
)"""
    users, privileges = run(code).log.splitlines()
    (user,) = set(users.split())
    assert int(user) == USER
    assert privileges.split()[:2] == ["0" * 16] * 2
    assert privileges.split()[3:] == ["1", "2"]


def test_it_reads_what_it_is_given_and_writes_to_its_output_alone(run, tmp_path):
    (tmp_path / "given/deep").mkdir(parents=True)
    (tmp_path / "given/deep/file").write_text("seven")
    tmp_path.chmod(0o700)
    code = """
import os, sys
print(open(sys.argv[1] + "/deep/file").read())
open(os.environ["OUT"] + "/copy", "w").write("eight")
for path in (sys.argv[1] + "/new", sys.argv[1] + "/deep/file", sys.argv[2]):
    try:
        print("opened", open(path, "a"))
    except PermissionError:
        print("refused")
"""
    given = {"/given": tmp_path / "given"}
    outcome = run(
        code, "/given", str(tmp_path / "x"), read_only=given, output=tmp_path / "output", env={"OUT": "/output"}
    )
    assert outcome.log.split() == ["seven", "refused", "refused", "refused"]
    assert (tmp_path / "output/copy").read_text() == "eight"
    assert (tmp_path / "given/deep/file").read_text() == "seven"


def test_what_is_left_in_public_folders_is_removed(run):
    code = """
import os
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    os.makedirs(folder + "/left/deep")
    open(folder + "/left/deep/file", "w").write("x")
    os.symlink("/etc", folder + "/left/link")
print("written")
"""
    assert run(code).log == "written\n"
    assert Path("/etc/passwd").exists()


def test_folders_in_folders_without_end_are_removed(run, public_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(public_folder))
    code = """
import os
for folder in (os.environ["HOME"], "/tmp", "/dev/shm", os.environ["OUT"]):
    os.chdir(folder)
    for _ in range(2500):  # deeper than Python's functions go, and longer than a path can be
        os.mkdir("a")
        os.chdir("a")
"""
    outcome = run(code, output=tmp_path / "output", env={"OUT": "/output"})
    assert outcome.ended in ("exit", "output", "memory")
    assert list(public_folder.iterdir()) == []


def test_it_has_no_sockets_by_which_others_are_reached(run):
    code = """
import socket
for make in (socket.socketpair, socket.socket):
    try:
        print(make())
    except PermissionError:
        print("refused")
"""
    assert run(code).log.split() == ["refused", "refused"]


def test_it_slows_down_nobody_but_itself(run):
    code = """
import os, signal
os.sched_setaffinity(0, os.sched_getaffinity(0))
for aim in (lambda: os.sched_setaffinity(os.getppid(), {0}), lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)):
    try:
        print(aim())
    except PermissionError:
        print("refused")
child = os.fork()
if child == 0:
    signal.pause()
try:  # whom it might
    print(os.sched_setaffinity(child, {0}))
except PermissionError:
    print("refused")
os.kill(child, 9)
"""
    assert run(code).log.split() == ["refused"] * 3


def test_a_process_may_have_any_name(run, sandbox):
    code = """
import ctypes
ctypes.CDLL(None).prctl(15, b"x\\rUid: y", 0, 0, 0)
print("named", flush=True)
__import__("signal").pause()
"""
    with sandbox.start([sandbox.python, "-c", code]) as running:
        assert running._receive(time.monotonic() + 10) == b"named"
        named = [pid for pid in processes() if b"\rUid" in Path(f"/proc/{pid}/status").read_bytes()]
        assert named
    assert left() == []


def test_scratch_in_public_folders_is_bounded(run):
    code = """
import time
for n in range(100):
    open(f"/dev/shm/{n}", "wb").write(bytes(2**23))
    time.sleep(0.02)
time.sleep(60)
"""
    assert run(code).ended == "memory"


def test_a_process_that_stays_sees_files_as_they_come_and_not_what_is_beside_them(sandbox, tmp_path):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "secret").write_text("hidden")
    tmp_path.chmod(0o700)
    code = """
import sys
for line in sys.stdin:
    try:
        print(open(sys.argv[1] + "/" + line.strip()).read(), flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""
    with sandbox.start([sandbox.python, "-c", code, "/inbox"], inbox=tmp_path / "inbox") as running:
        (tmp_path / "inbox/new").write_text("just come")
        assert running.ask(b"new", 10) == b"just come"
        assert running.ask(b"../secret", 10) == b"PermissionError"
    assert left() == []


def test_no_way_leads_back_from_an_inbox_to_what_is_beside_it(sandbox, tmp_path):
    inbox = tmp_path / "open/inbox"
    inbox.mkdir(parents=True)
    inbox.parent.chmod(0o755)
    tmp_path.chmod(0o700)
    with pytest.raises(SandboxError, match=r"beside .*inbox could be read from there: chmod o-x .*open"):
        sandbox.start([sandbox.python, "-c", ""], inbox=inbox)


@pytest.mark.parametrize("argument", ["", "x" * 200_000], ids=["it started", "it could not start"])
def test_an_inbox_is_given_back_as_it_was(argument, sandbox, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir(mode=0o700)
    (inbox / "file").touch(mode=0o600)
    tmp_path.chmod(0o700)
    before = [(path.stat().st_mode, path.stat().st_gid) for path in (inbox, inbox / "file")]
    with contextlib.suppress(SandboxError):
        sandbox.start([sandbox.python, "-c", "", argument], inbox=inbox).close()
    assert [(path.stat().st_mode, path.stat().st_gid) for path in (inbox, inbox / "file")] == before


def test_what_can_t_be_copied_is_told(sandbox, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SandboxError, match=r"can't be copied for a sandbox: .*pipe"):
        sandbox.run([sandbox.python, "-c", ""], read_only={"/given": tmp_path}, limits=QUICK)


def test_a_folder_that_becomes_a_link_leads_the_watch_nowhere(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    opened = []

    def swap_and_open(path, *arguments, **options):
        if path == str(tmp_path / "mine"):
            (tmp_path / "mine").rmdir()
            (tmp_path / "mine").symlink_to("/usr/lib")
        opened.append(path)
        return real(path, *arguments, **options)

    real = os.open
    monkeypatch.setattr(os, "open", swap_and_open)
    assert sandbox_init.usage([str(tmp_path)], max_files=100) == (0, 1)
    assert opened == [str(tmp_path), str(tmp_path / "mine"), str(tmp_path)], "looked through the link"


def test_all_are_signalled_where_no_process_can_be_made_for_it(monkeypatch):
    def refuse():
        raise BlockingIOError

    realm = object.__new__(sandbox_init._User)
    realm._user, realm._messenger = USER, USER + 1
    with subprocess.Popen(["sleep", "600"], user=USER) as one, subprocess.Popen(["sleep", "600"], user=USER) as other:
        monkeypatch.setattr(os, "fork", refuse)
        realm.signal_all(signal.SIGKILL)
    assert (one.returncode, other.returncode) == (-9, -9)


def test_who_was_forked_while_all_were_held_is_continued():
    def state():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def wait_for(wanted):
        deadline = time.monotonic() + 10
        while state() != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    realm = object.__new__(sandbox_init._User)
    realm._user, realm._messenger = USER, USER + 1
    with subprocess.Popen(["sleep", "600"], user=USER) as process:
        process.send_signal(signal.SIGSTOP)
        wait_for("T")
        sandbox_init._wake(realm)  # it has stopped itself, for all that is known
        assert state() == "T"
        realm.has_held = True
        sandbox_init._wake(realm)
        wait_for("S")
        process.kill()


def test_what_is_left_in_other_folders_that_everybody_may_write_to_is_removed(sandbox):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o1777)
        code = f"import os\nos.mkdir({folder!r} + '/left')\nprint('written')"
        assert sandbox.run([sandbox.python, "-c", code], limits=QUICK).log == "written\n"
        assert os.listdir(folder) == []


def test_what_is_ended_before_it_has_begun_does_not_begin(sandbox):
    for _ in range(10):
        sandbox.start([sandbox.python, "-c", "import time; time.sleep(600)"]).close()
    time.sleep(1)
    assert left() == []


def test_where_the_watch_is_killed_all_ends_none_the_less(sandbox):
    code = "import os, time\nos.fork()\nprint('up', flush=True)\ntime.sleep(600)"
    running = sandbox.start([sandbox.python, "-c", code])
    deadline = time.monotonic() + 30
    while not left():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running._popen.send_signal(signal.SIGKILL)
    running.close()
    assert left() == []


def test_the_end_of_the_grader_is_the_end_of_its_sandboxes(sandbox):
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from grading.sandbox.another_user import AnotherUser
sandbox = AnotherUser()
sandbox._users = iter([({USER}, {USER + 1})])
sandbox.run([{sandbox.python!r}, "-c", "import time; time.sleep(600)"])
"""
    grader = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not processes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    grader.kill()
    grader.wait()
    while processes():
        assert time.monotonic() < deadline, "it goes on without its grader"
        time.sleep(0.05)


def test_grading_is_refused_while_a_private_folder_is_open_to_others(sandbox, public_folder, monkeypatch):
    monkeypatch.setattr(AnotherUser, "secrets", {})
    grades = public_folder / "grades"
    grades.mkdir(mode=0o755)
    with pytest.raises(SandboxError, match=r"--out \(.*grades\) is open to all users .*: chmod o-rwx .*grades"):
        choice.check_hidden(sandbox, {"--out": grades})
    grades.chmod(0o750)
    choice.check_hidden(sandbox, {"--out": grades})
    grades.chmod(0o755)
    public_folder.chmod(0o700)
    choice.check_hidden(sandbox, {"--out": grades})


def test_the_solutions_and_the_grader_are_private_too(sandbox):
    assert {path.name for path in sandbox.secrets.values()} >= {"grading", "model_no1.py", "model_no3.py"}


@pytest.mark.attack
@pytest.mark.sample(1)
def test_the_doctor_tells_what_it_does_not_hide(sandbox):
    found = {finding.what: finding.mark for finding in doctor.attempts(sandbox)}
    assert found.pop("can see other processes") == doctor.NOTE
    assert set(found.values()) == {doctor.GOOD}
    assert len(found) == len(doctor.ATTEMPTS) - 1
