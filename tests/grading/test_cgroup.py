"""The second wall: what is written to a control group and read from it, on a folder of files; and tried for real."""

import os
import shutil
import subprocess
import sys

import pytest

from grading import doctor
from grading.sandbox import bubblewrap, cgroup
from grading.sandbox.cgroup import Group, Groups, Wall
from grading.sandbox.runner import EndReport
from grading.sandbox.unconfined import Unconfined
from labkit.limits import MIB, Limits
from tests.support.needs import needs

pytestmark = [pytest.mark.grading, pytest.mark.skipif(sys.platform != "linux", reason="the grader needs Linux")]

FILES = {  # of a new group, as the kernel has them
    "cgroup.procs": "",
    "cgroup.kill": "0",
    "memory.max": "max",
    "memory.swap.max": "max",
    "memory.oom.group": "0",
    "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
    "pids.max": "max",
    "cpu.stat": "usage_usec 0\nuser_usec 0\nsystem_usec 0\n",
}
ALL = tuple(Wall(name, True) for name in ("memory", "processes", "processor time"))
LIMITS = Limits(memory_bytes=1024 * MIB, processes=99)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """Shorten the wait for the end of a group: a folder of plain files is not removed by its rmdir."""
    monkeypatch.setattr(cgroup, "PATIENCE", 0.05)


@pytest.fixture
def folder(tmp_path):
    """Make a folder with the files of a group."""
    folder = tmp_path / "group"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    return folder


def test_a_group_bounds_what_its_walls_are_known_to_bound(folder):
    Groups(folder.parent, ALL).bound(Group(folder), LIMITS, files=2 * MIB)
    written = {name: (folder / name).read_text() for name in FILES if (folder / name).read_text() != FILES[name]}
    assert written == {
        "memory.max": f"{1026 * MIB}",
        "memory.swap.max": "0ax",  # what follows in a plain file; the kernel takes a write as a whole
        "memory.oom.group": "1",
        "pids.max": f"{99 + cgroup.HELPERS}",
    }


@pytest.mark.parametrize("stands", ["memory", "processes", "processor time"])
def test_a_wall_that_does_not_stand_is_not_used(folder, stands):
    walls = tuple(Wall(wall.name, wall.name == stands) for wall in ALL)
    Groups(folder.parent, walls).bound(Group(folder), LIMITS)
    changed = {name for name in FILES if (folder / name).read_text() != FILES[name]}
    memory = {"memory.max", "memory.swap.max", "memory.oom.group"}
    assert changed == {"memory": memory, "processes": {"pids.max"}, "processor time": set()}[stands]


def test_a_system_without_swap_has_a_wall_all_the_same(folder):
    (folder / "memory.swap.max").unlink()
    Groups(folder.parent, ALL).bound(Group(folder), LIMITS)
    assert not (folder / "memory.swap.max").exists()


def test_a_group_that_can_t_be_bounded_is_removed_and_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"memory\.max"):
        Groups(tmp_path, ALL).make(LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_a_group_tells_what_was_used_and_whether_memory_ended_it(folder):
    group = Group(folder)
    assert (group.cpu_seconds(), group.out_of_memory()) == (0, False)
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 2400000\nsystem_usec 100000\nnice_usec 0\n")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 3\noom_group_kill 1\n")
    assert (group.cpu_seconds(), group.out_of_memory()) == (2.5, True)
    (folder / "memory.events").unlink()  # no memory controller
    assert not group.out_of_memory()


def test_a_group_ends_what_is_in_it(folder):
    Group(folder).close()
    assert (folder / "cgroup.kill").read_text() == "1"


def test_a_command_is_in_its_group_before_it_begins(folder):
    command = cgroup.inside(
        Group(folder), [sys.executable, "-c", f"print(open({str(folder / 'cgroup.procs')!r}).read())"]
    )
    done = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert done.communicate()[0].split() == [str(done.pid)]
    shutil.rmtree(folder)
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 1, "never outside of it"


# --------------------------------------------------------------------------------------------------- where there is one

MOUNTS = """\
24 30 0:22 / /proc rw,relatime - proc proc rw
35 30 0:30 / {top} rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
36 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
"""


@pytest.fixture
def system(tmp_path):
    """Make a folder like /proc/self, and one like /sys/fs/cgroup: this process is in a scope of a user's."""
    top, proc = tmp_path / "top", tmp_path / "proc"
    scope = top / "user.slice/run-1.scope"
    scope.mkdir(parents=True)
    proc.mkdir()
    for folder in (top, scope):
        (folder / "cgroup.procs").write_text("")
        (folder / "cgroup.subtree_control").write_text("")
    (proc / "mountinfo").write_text(MOUNTS.format(top=top))
    (proc / "cgroup").write_text("4:memory:/elsewhere\n0::/user.slice/run-1.scope\n")
    return proc, top, scope


def test_groups_are_made_at_the_top_by_root_and_by_others_in_their_own(system):
    proc, top, scope = system
    assert cgroup.find_home(proc, as_root=True) == top
    assert cgroup.find_home(proc, as_root=False) == scope


def test_what_is_not_there_or_not_given_is_not_taken(system, monkeypatch):
    proc, top, scope = system
    monkeypatch.setattr(cgroup.os, "access", lambda path, _: path != scope / "cgroup.subtree_control")
    assert cgroup.find_home(proc, as_root=False) is None
    (proc / "mountinfo").write_text("24 30 0:22 / /proc rw,relatime - proc proc rw\n")
    assert cgroup.find_home(proc, as_root=True) is None
    (proc / "mountinfo").write_text(MOUNTS.format(top=top))
    assert cgroup.find_home(proc, as_root=True) == top
    (proc / "cgroup").write_text("4:memory:/elsewhere\n")
    assert cgroup.find_home(proc, as_root=True) is None


def test_what_a_killed_grader_left_is_removed(tmp_path):
    left, ours = (tmp_path / f"{cgroup.PREFIX}{pid}-1" for pid in (2**30, os.getpid()))
    left.mkdir()
    ours.mkdir()
    cgroup._sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [ours]


# -------------------------------------------------------------------------------------------------------------- trials


def test_files_that_have_no_effect_are_no_wall(tmp_path, monkeypatch):
    """A folder of files takes every limit and holds nothing back, as a system might: no wall stands there."""

    class Pretending(Groups):
        def make(self, limits, files=0):
            folder = tmp_path / "group"
            folder.mkdir(exist_ok=True)
            for name, content in FILES.items():
                (folder / name).write_text(content)
            self.bound(Group(folder), limits, files)
            return Group(folder)

    monkeypatch.setattr(cgroup, "Groups", Pretending)
    walls = list(cgroup.trials(tmp_path))
    assert [(wall.name, wall.stands) for wall in walls] == [(wall.name, False) for wall in ALL]
    assert walls[0].why == "what took too much (memory) was not stopped"


def test_a_wall_that_shared_memory_passes_does_not_stand(tmp_path, monkeypatch):
    why = {"memory, shared": "what took too much (memory, shared) was not stopped"}
    monkeypatch.setattr(cgroup, "_tried", lambda _, what: why.get(what, ""))
    assert [wall.stands for wall in cgroup.trials(tmp_path)] == [False, True, True]


def test_the_walls_that_stand_here_hold_a_sandbox(monkeypatch):
    groups = cgroup.find_groups()
    if groups is None:
        pytest.skip("there is no control group of version 2 here")
    assert list(groups.home.glob(f"{cgroup.PREFIX}{os.getpid()}-*")) == [], "what the trials made is gone"
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    sandbox = bubblewrap.Bubblewrap()
    assert sandbox.walls == groups.walls
    made = []
    make = groups.make
    monkeypatch.setattr(Groups, "make", lambda self, limits: made.append(make(limits)) or made[-1])
    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('done')"
    outcome = sandbox.run([sandbox.python, "-c", code])
    assert (outcome.log, len(made)) == ("done\n", 1)
    assert outcome.cpu_seconds >= 0.3
    assert not made[0].processes.exists(), "the group is gone with the run"


def test_what_the_second_wall_stopped_is_told_as_memory(folder, monkeypatch):
    """The kernel kills all of it, the watch too, which then tells nothing."""
    process = object.__new__(bubblewrap._BubblewrapProcess)
    process._group, process._control = Group(folder), None
    monkeypatch.setattr(bubblewrap.socket, "recv_fds", lambda *_: (b"up", [], 0, None))
    process._control = type("Control", (), {"recv": lambda self, size: b""})()
    assert process.report() is None
    (folder / "memory.events").write_text("oom_kill 2\n")
    assert process.report() == EndReport("memory", None, 0.0)


def test_the_doctor_tells_which_walls_stand(capsys):
    needs("psutil")

    class Walled(Unconfined):
        walls = (Wall("memory", False, "this system's control groups have no memory.max"), Wall("processes", True))

    for finding in doctor.walls(Walled()):
        doctor._show(finding)
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"  {doctor.NOTE}  second wall: memory ")
    assert told[0].endswith("none: this system's control groups have no memory.max")
    assert told[1].startswith(f"  {doctor.GOOD:<4}  second wall: processes ")
    note = next(iter(doctor.walls(Unconfined())))
    assert note.mark == doctor.NOTE
    assert ("systemd-run" in note.details) == (os.geteuid() != 0)
