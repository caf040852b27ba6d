"""A second wall around a sandbox: a control group of Linux, version 2, in which the kernel itself counts and bounds.

    groups = find_groups()
    with groups.make(limits) as group: ...       # start with the command line of `inside(group)`

A group is a folder of files; of the kernel's Documentation/admin-guide/cgroup-v2.rst this needs

    cgroup.procs            a process that writes its number there is in the group from then on, with all that it starts
    cgroup.subtree_control  "+memory" lets the groups below bound memory; not where processes are in the group itself
    cgroup.kill             "1" kills all that is in the group
    memory.max              bytes that it may have; shared memory counts, what the kernel holds for it, and read files
    memory.swap.max         bytes of swap
    memory.oom.group        "1": who passes memory.max is killed with all the others
    memory.events           "oom_kill 1": how many were
    pids.max                processes and threads
    cpu.stat                "usage_usec 1": processor time of all that were ever in it, with a cpu controller or without

Whether a file that is there has an effect depends on the system. So each of the walls (memory, processes, processor
time) stands only where a trial has shown that it does.
"""

import contextlib
import functools
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.limits import MIB, Limits

PROC = Path("/proc/self")
PREFIX = "mnist-lab-grading-"  # of a group's name; the number of the process that made it follows
CONTROLLERS = ("memory", "pids")
FILES = 512 * MIB  # for what it reads, TensorFlow's libraries, say: the group has these, too, but can do without
HELPERS = 4  # processes in the group that are not the command's: bwrap, process 1, ...
PATIENCE = 2.0  # seconds for what was killed to be gone
DELEGATE = "systemd-run --user --scope -p Delegate=yes python -m grading ..."


@dataclass(frozen=True)
class Wall:
    """A part of the second wall: what it bounds, whether it was seen to, and if not, why."""

    name: str
    stands: bool
    why: str = ""


class Group:
    """One group, made for one run. A context manager, which ends and removes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def processes(self) -> Path:
        """The file to which a process that is to be in the group writes its number."""
        return self._folder / "cgroup.procs"

    @property
    def usage(self) -> Path:
        """The file that tells of processor time."""
        return self._folder / "cpu.stat"

    def bound(self, name: str, value: int) -> None:
        """Write a file of the group; raise OSError where the system has none of that name."""
        with open(self._folder / name, "r+") as file:  # which makes no file, other than Path.write_text
            file.write(str(value))

    def cpu_seconds(self) -> float:
        """Return the processor time of all processes that were ever in the group."""
        return _numbers(self.usage).get("usage_usec", 0) / 10**6

    def out_of_memory(self) -> bool:
        """Tell whether the kernel killed something in the group for its memory."""
        with contextlib.suppress(OSError):  # no memory controller
            return _numbers(self._folder / "memory.events").get("oom_kill", 0) > 0
        return False

    def close(self) -> None:
        """Kill what is in the group, and remove it."""
        with contextlib.suppress(OSError):
            self.bound("cgroup.kill", 1)
        deadline = time.monotonic() + PATIENCE
        while self._folder.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # somebody in there is still dying
                self._folder.rmdir()
                return
            time.sleep(0.01)

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Groups:
    """A folder in which groups can be made, and which walls they are known to be."""

    home: Path
    walls: tuple[Wall, ...] = ()

    def stands(self, name: str) -> bool:
        return any(wall.stands for wall in self.walls if wall.name == name)

    def make(self, limits: Limits, files: int = FILES) -> Group:
        """Make a group with these limits, of the walls that stand; `files` are bytes for what it reads."""
        folder = self.home / f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex}"
        folder.mkdir()
        group = Group(folder)
        try:
            self.bound(group, limits, files)
        except OSError:
            group.close()
            raise
        return group

    def bound(self, group: Group, limits: Limits, files: int = FILES) -> None:
        """Set the limits of a group."""
        if self.stands("memory"):
            group.bound("memory.max", limits.memory_bytes + files)
            group.bound("memory.oom.group", 1)
            with contextlib.suppress(OSError):  # a kernel without swap has no such file
                group.bound("memory.swap.max", 0)
        if self.stands("processes"):
            group.bound("pids.max", limits.processes + HELPERS)


# --------------------------------------------------------------------------------------------------- where there is one


@functools.cache
def find_groups() -> Groups | None:
    """Return where this process may make groups, tried; None where it may not, or where no wall stands."""
    home = find_home(PROC, os.geteuid() == 0)
    if home is None or not _open_up(home):
        return None
    groups = Groups(home, tuple(trials(home)))
    return groups if any(wall.stands for wall in groups.walls) else None


def find_home(proc: Path, as_root: bool) -> Path | None:
    """Return the folder to make groups in: for root the uppermost, for others their own, if systemd has delegated it.

    `proc` is the folder /proc/self, of which `mountinfo` and `cgroup` are read.
    """
    mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    tops = [Path(mount[4]) for mount in mounts if mount[mount.index("-") + 1] == "cgroup2" and mount[3] == "/"]
    own = [line[3:] for line in (proc / "cgroup").read_text().splitlines() if line.startswith("0::/")]
    if not tops or not own:
        return None
    home = tops[0] if as_root else tops[0] / own[0].lstrip("/")
    needed = (home, home / "cgroup.procs", home / "cgroup.subtree_control")
    return home if all(os.access(path, os.W_OK) for path in needed) else None


def _open_up(home: Path) -> bool:
    """Enable controllers for groups in `home`, as far as possible; tell whether groups can be made in it at all."""
    try:
        if os.geteuid() != 0:  # a group that was given to this process: it has to make room in it
            below = home / "grader"
            below.mkdir(exist_ok=True)
            for process in (home / "cgroup.procs").read_text().split():
                (below / "cgroup.procs").write_text(process)
        for controller in CONTROLLERS:
            with contextlib.suppress(OSError):  # there is none; the trial will tell
                (home / "cgroup.subtree_control").write_text(f"+{controller}")
        _sweep(home)
        with Groups(home).make(Limits()):
            return True
    except OSError:
        return False


def _sweep(home: Path) -> None:
    """Remove what a grader that was killed has left; a group with a process in it can't be removed."""
    for folder in home.glob(f"{PREFIX}*"):
        maker = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def inside(group: Group, command: list[str]) -> list[str]:
    """Return the command line of a command that is in the group before it begins."""
    return ["/bin/sh", "-c", 'echo $$ > "$0" || exit 1; exec "$@"', str(group.processes), *command]


# -------------------------------------------------------------------------------------------------------------- trials


TRIAL = Limits(memory_bytes=32 * MIB, processes=8)
TAKE = {  # each more than that
    "memory": "block = bytearray(b'1') * 2**27",
    "memory, shared": "import mmap\nblock = mmap.mmap(-1, 2**27)\nfor at in range(0, 2**27, 4096): block[at] = 1",
    "processes": """
import os, time
try:
    for _ in range(20): os.fork() or (time.sleep(20), os._exit(0))
except BlockingIOError:
    os._exit(3)
""",
    "processor time": """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody but the group counts it
if os.fork() == 0:
    while time.process_time() < 0.2: pass
    os._exit(0)
time.sleep(0.1)
while True:
    try: os.wait()
    except OSError: break
""",
}


def trials(home: Path) -> Iterator[Wall]:
    """Try each wall with a process that takes too much."""
    private, shared, processes, cpu = (_tried(home, what) for what in TAKE)
    yield Wall("memory", not (private or shared), private or shared)
    yield Wall("processes", not processes, processes)
    yield Wall("processor time", not cpu, cpu)


def _tried(home: Path, what: str) -> str:
    """Say why a wall does not stop a process that takes too much; "" where it does."""
    wall = what.partition(",")[0]
    groups = Groups(home, (Wall(wall, True),))
    try:
        with groups.make(TRIAL, files=0) as group:
            command = inside(group, [sys.executable, "-I", "-S", "-c", TAKE[what]])
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    status = process.wait(20)
                finally:
                    process.kill()
            held = {
                "memory": status == -9 and group.out_of_memory(),
                "processes": status == 3,
                "processor time": group.cpu_seconds() >= 0.2,
            }[wall]
    except FileNotFoundError as error:
        return f"this system's control groups have no {Path(error.filename).name}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"a trial failed: {error}"
    return "" if held else f"what took too much ({what}) was not stopped"


def _numbers(path: Path) -> dict[str, int]:
    """Read the lines "name number" of a file of the kernel's."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
