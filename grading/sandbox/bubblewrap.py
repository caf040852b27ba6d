"""The sandbox of choice: bubblewrap, which needs no daemon, no image and, on most systems, no privilege.

Every namespace is new: user, PID, network, IPC, UTS, cgroup, mount. The file system is put together from what the
interpreter needs, read-only; /tmp, /dev/shm and /output are in memory and bounded. Nothing of a run is ever written to
the host's disk but by `outputs.fetch`: the grader holds a descriptor of /output, which outlives the sandbox.

The interpreter keeps its path, wherever that is: in an environment inside the checkout, below /tmp, in a home. Of the
folders on the way to it there is no more than the way: each holds the next name and nothing else, and is read-only.

Started by root, the command runs as one of the users that systemd sets apart for passing services (61184 to 65519),
mapped into its user namespace beside root, who prepares the sandbox and keeps watch in it without the
privileges of the host. Started by anyone else, it runs as that user, who can do no more in there. Either way it has no
capability and can't get one (no_new_privs), and `seccomp` refuses the system calls that it has no use for.
"""

import contextlib
import itertools
import json
import os
import platform
import random
import re
import select
import shutil
import signal
import site
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from grading.sandbox import cgroup, outputs, sandbox_init, seccomp
from grading.sandbox.runner import INBOX, EndReport, Job, Process, Sandbox
from labkit.limits import Limits, SandboxError

USER = 1000  # the command's user and group inside
TRANSIENT_USERS = range(61184, 65520)
DEVICES = ("null", "full", "random", "urandom")
LIBRARIES = ("lib", "lib32", "lib64", "libx32")  # in /usr, and in / as links to those, or as folders on older systems
SYSTEM_PREFIXES = {Path("/usr"), Path("/usr/local")}  # of interpreters that share them with everything else
ENVIRONMENT = ("bin", "include", "lib", "lib64", "pyvenv.cfg")  # the parts of a virtual environment
SCRATCH = Path("/tmp")  # writable; an environment may be in a folder of it
INIT = "/init.py"
SLACK = 2**20  # bytes: a mount is a little larger than its limit, so that passing the limit shows
COUNTS_BY_NAMESPACE = (5, 14)  # the Linux that no longer counts all of a user's processes, when it limits a sandbox's
# What no limit counts is left to the kernel: when memory runs out, it ends this first.
EXPENDABLE = 'echo 1000 > /proc/self/oom_score_adj; exec "$@"'
PATIENCE = 2.0  # seconds for process 1 to end its sandbox and report, before it is killed


class Bubblewrap(Sandbox):
    """Runs commands in bubblewrap. Raises SandboxError where there is none, or it can't do its work."""

    name = "bubblewrap"

    def __init__(self) -> None:
        self._program = shutil.which("bwrap")
        if self._program is None:
            raise SandboxError("there is no bwrap on the PATH")
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:  # inherited, in there, too
            raise SandboxError("grading was started with SIGCHLD ignored, so that it can't tell how a process ended")
        kernel = os.uname().release
        if os.geteuid() != 0 and tuple(map(int, re.findall(r"\d+", kernel)[:2])) < COUNTS_BY_NAMESPACE:
            raise SandboxError(f"Linux {kernel} is older than 5.14, and can only limit processes where root grades")
        self._sizes = "--size" in subprocess.run([self._program, "--help"], capture_output=True, text=True).stdout
        calls = seccomp.program()
        if calls is None:  # limits rest on it
            raise SandboxError(f"the kit has no filter of system calls for a processor called {platform.machine()}")
        self.filter = calls
        self._system = list(_system())
        self.groups = cgroup.find_groups()
        # Each run its own user, so that their processes are counted apart.
        start = random.randrange(len(TRANSIENT_USERS))
        self._users = itertools.cycle([*TRANSIENT_USERS[start:], *TRANSIENT_USERS[:start]])

    @property
    def shown(self) -> list[Path]:
        return [path.resolve() for path in _shown()]

    @property
    def walls(self) -> tuple[cgroup.Wall, ...]:
        return self.groups.walls if self.groups else ()

    def _launch(self, job: Job) -> Process:
        if site.ENABLE_USER_SITE:
            job = replace(job, env={"PYTHONUSERBASE": site.getuserbase(), **job.env})
        if os.geteuid() != 0:
            return _BubblewrapProcess(self, job)
        for outside in (*filter(Path.is_dir, _interpreter()), *job.read_only.values(), *filter(None, [job.inbox])):
            _check_readable(outside)
        return _BubblewrapProcess(self, job, next(self._users))

    def options(self, job: Job, as_root: bool) -> list[str]:
        """Return the command line up to the descriptors."""
        kinds = ("user", "pid", "net", "ipc", "uts", "cgroup-try")
        options = [self._program, *(f"--unshare-{kind}" for kind in kinds), "--hostname", "sandbox"]
        # Not --die-with-parent: until process 1 has begun, that kills the outer bwrap alone, and the inner one then
        # waits for it for good. The end of the grader closes what bwrap and then process 1 read from, and so ends them.
        options += ["--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        user = "0" if as_root else str(USER)
        options += ["--uid", user, "--gid", user]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL") if as_root else ():
            options += ["--cap-add", capability]
        options += self._memory(str(SCRATCH), job.limits.scratch_bytes)  # first: the system's mounts may be in it
        options += self._system
        options += self._memory("/dev/shm", job.limits.scratch_bytes)
        options += self._memory("/output", job.limits.output_bytes) if job.has_output else []
        shown = {**job.read_only, INIT: sandbox_init.__file__, **({INBOX: job.inbox} if job.inbox else {})}
        for inside, outside in sorted(shown.items()):
            options += _show(outside, inside)  # in order: a folder before what is mounted in it
        # /proc: who can't write there can't lower its oom_score_adj, and so on.
        return [*options, "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]

    def _memory(self, folder: str, size: int) -> list[str]:
        """Return options for a folder in memory that anyone may write to. Before 0.7, only the watch bounds it."""
        bound = ["--size", str(size + SLACK)] if self._sizes else []
        return ["--perms", "1777", *bound, "--tmpfs", folder]


def _show(outside: str | Path, inside: str | Path) -> Iterator[str]:
    """Yield options that mount something read-only, below folders that anyone may pass.

    Folders that bwrap makes itself are closed to other users.
    """
    for folder in reversed(Path(inside).parents[:-1]):
        yield from ("--dir", str(folder))
    yield from ("--ro-bind", str(outside), str(inside))


def _check_readable(path: Path) -> None:
    needed = 0o005 if path.is_dir() else 0o004
    if path.stat().st_mode & needed != needed:
        raise SandboxError(f"{path} is closed to the user of the sandbox: chmod o+rX {path}")


# ------------------------------------------------------------------------------------------------------- file system


def _system() -> Iterator[str]:
    """Yield options that mount the interpreter and what it needs, read-only, and a minimal /dev and /proc."""
    shown = _shown()
    ways = _ways_through_scratch(shown)
    for way in ways:
        yield from ("--tmpfs", str(way))
    for path in shown:
        if path.name in LIBRARIES and path.parent in (Path("/"), Path("/usr")) and path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        else:
            yield from _show(path, path)
    for way in ways:
        yield from ("--remount-ro", str(way))
    yield from ("--proc", "/proc", "--tmpfs", "/dev")
    for device in DEVICES:
        yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
    yield from ("--symlink", "/proc/self/fd", "/dev/fd")


def _ways_through_scratch(shown: list[Path]) -> list[Path]:
    """Return the folders right in /tmp that lead to what is shown, which would be as writable as /tmp itself."""
    below = [path for path in shown if SCRATCH in path.parents]
    tops = {Path(*path.parts[: len(SCRATCH.parts) + 1]) for path in below}
    return sorted(tops.difference(shown))


def _interpreter() -> Iterator[Path]:
    """Yield the parts of this interpreter: its own folder, that of the one it was made from, and its packages.

    A virtual environment's python is a link to another, which may be a link in turn; each may have its library beside
    it. Of a prefix that holds the system's programs, too, only the interpreter and its library are shown.
    """
    programs = list(_links(Path(sys.executable)))
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    prefixes |= {program.parent.parent for program in programs}
    yield from sorted(prefixes - SYSTEM_PREFIXES)
    yield from (prefix / "lib" for prefix in sorted(prefixes & SYSTEM_PREFIXES))
    yield from (program for program in programs if program.parent.parent in SYSTEM_PREFIXES)
    if site.ENABLE_USER_SITE:
        yield Path(site.getusersitepackages())


def _shown() -> list[Path]:
    """Return everything outside that is shown.

    Of a virtual environment these are its parts, because its folder may be the course's own.
    """
    shown = [Path(folder, name) for folder in ("/usr", "/") for name in LIBRARIES] + [Path("/etc/ld.so.cache")]
    for path in _interpreter():
        shown += [path / part for part in ENVIRONMENT] if (path / "pyvenv.cfg").is_file() else [path]
    return [path for path in shown if path.exists()]


def _links(path: Path) -> Iterator[Path]:
    """Yield the path, what it links to, what that links to, and so on."""
    yield path
    while path.is_symlink():
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
        yield path


# ----------------------------------------------------------------------------------------------------------- process


class _BubblewrapProcess(Process):
    """bwrap, which waits for process 1 in the sandbox, which watches the command."""

    popen: Any = None  # a Popen as soon as bwrap is started
    grace = 5.0

    def __init__(self, sandbox: Bubblewrap, job: Job, user: int | None = None) -> None:
        """Start the sandbox; `user`: the host's number of the user to run as, where root starts it."""
        self._init = self._output = self._group = None  # _init: a descriptor of process 1
        self._control, inherited = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with inherited:
                if sandbox.groups:
                    self._group = sandbox.groups.make(job.limits)
                with open(self._group.usage if self._group else os.devnull, "rb") as usage:
                    self._start(sandbox, job, user, inherited.fileno(), usage.fileno())
        except BaseException:
            self.close()
            raise

    def _start(self, sandbox: Bubblewrap, job: Job, user: int | None, control: int, usage: int) -> None:
        """Start bwrap; `control` and `usage` are descriptors for process 1."""
        config = {
            "command": job.command,
            "cwd": job.cwd,
            "control": control,
            "user": USER if user else None,
            "output": "/output" if job.has_output else None,
            "usage": usage if self._group else None,
            "limits": asdict(job.limits),
        }
        with _Pipe() as info, _Pipe() as users, _Pipe() as filter_:
            options = [*sandbox.options(job, as_root=user is not None), "--info-fd", str(info.writes)]
            options += ["--userns-block-fd", str(users.reads)] if user else []
            options += ["--seccomp", str(filter_.reads)]
            filter_.send(sandbox.filter)
            command = [*options, "--", sys.executable, "-I", "-S", INIT, json.dumps(config)]
            command = cgroup.inside(self._group, command) if self._group else command
            self.popen = subprocess.Popen(
                ["/bin/sh", "-c", EXPENDABLE, "sh", *command],
                env=job.env,
                # The end that reads the news, too, so that bwrap can write them and go on when nobody does any more.
                pass_fds=[control, usage, info.reads, info.writes, users.reads, filter_.reads],
                start_new_session=True,  # Ctrl-C is for the grader, which then ends its sandboxes
                **job.pipes,
            )
            info.close_writes()
            self._adopt(info.receive(), user)
            users.send(b"go")

    def _adopt(self, info: bytes, user: int | None) -> None:
        """Open a descriptor of process 1, and give it its users where root started it."""
        try:
            pid = json.loads(info)["child-pid"]
            self._init = os.pidfd_open(pid)
            if user:
                for kind in ("uid_map", "gid_map"):
                    Path(f"/proc/{pid}/{kind}").write_text(f"0 0 1\n{USER} {user} 1\n")
        except (ValueError, OSError) as error:
            self.kill()
            said = self.popen.stderr or self.popen.stdout
            message = os.read(said.fileno(), 1000) if select.select([said], [], [], PATIENCE)[0] else b""
            raise SandboxError(f"bwrap failed: {message.decode(errors='replace').strip() or error}") from None

    def kill(self) -> None:
        """Ask process 1 to end everything and report, and kill it if it does not; its end is the end of all."""
        with contextlib.suppress(OSError):  # it has hung up itself
            self._control.shutdown(socket.SHUT_WR)
        if self._init is not None and not _wait(self._init, PATIENCE):
            signal.pidfd_send_signal(self._init, signal.SIGKILL)
            _wait(self._init, None)
        if self.popen is not None:
            if self._init is None:  # a bwrap killed now might leave behind what it has just begun
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.popen.wait(PATIENCE)
            self.popen.kill()
            self.popen.wait()

    def report(self) -> EndReport | None:
        hello, descriptors, _, _ = socket.recv_fds(self._control, 100, 1)
        if not hello:
            raise SandboxError("it did not start.")
        self._output = descriptors[0] if descriptors else None
        data = self._control.recv(1000)
        report = EndReport(**json.loads(data)) if data else None
        if self._group and self._group.out_of_memory():
            return EndReport("memory", None, report.cpu_seconds if report else self._group.cpu_seconds())
        return report

    def fetch(self, destination: Path, limits: Limits) -> tuple[str, ...]:
        assert self._output is not None  # process 1 has sent it
        return outputs.fetch(self._output, destination, limits)

    def close(self) -> None:
        self.kill()
        self._control.close()
        for descriptor in (self._init, self._output):
            if descriptor is not None:
                os.close(descriptor)
        if self._group:
            self._group.close()
        self._init = self._output = self._group = None
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr) if self.popen else ():
            if stream:
                stream.close()


def _wait(process: int, seconds: float | None) -> bool:
    """Wait until a descriptor's process, and all of the PID namespace that it began, is gone; tell whether it is."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class _Pipe:
    """A pipe whose ends are closed with the block."""

    def __enter__(self) -> "_Pipe":
        self.reads, self.writes = os.pipe()
        self._open = {self.reads, self.writes}
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def close_writes(self) -> None:
        self._open.remove(self.writes)
        os.close(self.writes)

    def send(self, data: bytes) -> None:
        """Write at most what a pipe holds, and the end."""
        os.write(self.writes, data)
        self.close_writes()

    def receive(self) -> bytes:
        """Read everything, up to the end."""
        data = b""
        while part := os.read(self.reads, 4096):
            data += part
        return data
