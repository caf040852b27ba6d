"""The sandbox for containers, in which bubblewrap can make no namespaces: another user of the same system.

Root starts the command as a user of its own, who owns nothing but the folders of this run, under the limits and the
watch of `sandbox_init` and a filter of system calls (see `seccomp`) that leaves no network; nothing gives it new
privileges. What it is to read is copied to where it can read it, so that every folder of the grader can be closed to
it, and has to be (`exposure`). Afterwards everything of that user is ended, and what it left in public folders removed.

What this does not hold, and bubblewrap does: the command sees what everybody on the system may read, and the names and
command lines of all processes; until it ends it can write to /tmp and the other public folders, up to its limit. What
belongs to no process and has no name counts towards no limit but the container's own: files that are deleted and open,
pages shared through /dev/zero, what the kernel keeps of locks and attributes. And a hole in the kernel leads into the
container, not into an empty one. So it is for a container that is there for grading alone and has a limit of memory,
such as Gradescope's. Results name it.
"""

import base64
import contextlib
import itertools
import json
import os
import platform
import random
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from grading.sandbox import sandbox_init, seccomp
from grading.sandbox.bubblewrap import TRANSIENT_USERS
from grading.sandbox.runner import INBOX, EndReport, Job, Process, Sandbox
from grading.sandbox.staged import StagedProcess, remove, translation
from labkit.checks.assignment import NETWORKS
from labkit.files import KIT
from labkit.limits import SandboxError

PUBLIC = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/var/crash")  # where everybody may write
# Of the kit: what grades, and what is or makes a solution. All of it can be closed where the environment is elsewhere.
SECRETS = ("grading", "tests", "benchmarks", *(f"{script}.py" for script in NETWORKS))
PATIENCE = 5.0  # seconds for the watch to end everything and report, before it is killed


class AnotherUser(Sandbox):
    """Runs commands as users who are nobody else. Raises SandboxError where that can't be done here."""

    name = "another user"
    allows = ("see other processes",)

    def __init__(self) -> None:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            raise SandboxError("only root, on Linux, can run student code as another user")
        calls = seccomp.program(namespaces=False)
        if calls is None:
            raise SandboxError(f"the kit has no filter of system calls for a processor called {platform.machine()}")
        self.filter = calls
        # Of each run two: whom the command runs as, and who sends its signals.
        pairs = [(user, user + 1) for user in TRANSIENT_USERS[::2]]
        random.shuffle(pairs)
        self._users = itertools.cycle(pairs)

    def exposure(self, folder: Path) -> str | None:
        path = folder.resolve()
        on_the_way = path.exists() and all(map(_lets_pass, path.parents))
        if on_the_way and path.stat().st_mode & (0o005 if path.is_dir() else 0o004):
            return f"is open to all users of this system: chmod o-rwx {folder}"
        return None

    @property
    def secrets(self) -> dict[str, Path]:
        return {f"the kit's {name}": KIT / name for name in SECRETS}

    def _launch(self, job: Job) -> Process:
        busy = {uid for pid in filter(str.isdigit, os.listdir("/proc")) for uid in _users_of(pid)}
        free = (pair for pair in itertools.islice(self._users, len(TRANSIENT_USERS)) if busy.isdisjoint(pair))
        pair = next(free, None)
        if pair is None:
            raise SandboxError("every user that is set apart for passing services has processes here")
        return _UserProcess(self, job, *pair)


def _users_of(pid: str) -> set[int]:
    with contextlib.suppress(OSError):
        line = next(line for line in Path(f"/proc/{pid}/status").read_bytes().split(b"\n") if line.startswith(b"Uid:"))
        return set(map(int, line.split()[1:]))
    return set()


class _UserProcess(StagedProcess):
    """The watch, which waits for the command."""

    grace = 5.0

    def __init__(self, sandbox: AnotherUser, job: Job, user: int, messenger: int) -> None:
        """Start the command as `user`."""
        super().__init__(job.limits)
        self._user, self._messenger, self._ended = user, messenger, False
        self._lent: dict[Path, os.stat_result] = {}  # the inbox and what was in it, as they were
        self._public = list(_public_folders())
        self._control, inherited = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with inherited:
                self._start(sandbox, job, inherited.fileno())
        except BaseException:
            self._control.close()
            self._take_back()
            remove(self.folder)
            raise

    def _start(self, sandbox: AnotherUser, job: Job, control: int) -> None:
        home = self._give(job)
        outside = {path: str(self._copy_of(path)) for path in job.read_only} | {"/output": str(self.output)}
        translate = translation(outside | ({INBOX: "."} if job.inbox else {}))
        config = {
            "command": [translate(part) for part in job.command],
            "cwd": str(job.inbox) if job.inbox else translate(job.cwd),
            "control": control,
            "usage": None,
            "output": str(self.output) if job.has_output else None,
            "limits": asdict(job.limits),
            "user": self._user,
            "messenger": self._messenger,
            "scratch": [str(home), *self._public],
            "filter": base64.b64encode(sandbox.filter).decode(),
        }
        env = {name: translate(value) for name, value in job.env.items()}
        env |= {"HOME": str(home), "TMPDIR": str(home)}
        self.begin(self._watch_command(config), env=env, pass_fds=[control], **job.pipes)

    @staticmethod
    def _watch_command(config: dict[str, object]) -> list[str]:
        return [sys.executable, "-I", "-S", sandbox_init.__file__, json.dumps(config)]

    def _copy_of(self, inside: str) -> Path:
        return self.folder / "shown" / inside.lstrip("/")

    def _give(self, job: Job) -> Path:
        """Let the user have its folders, and read copies of what it may; return its home.

        An inbox can't be a copy. It becomes the working directory, which is entered before the folders on the way to
        it are closed to the user. Raises SandboxError where `..` leads from there to what no other way leads to.
        """
        if job.inbox:
            _check_way_back(job.inbox)
        home, shown = self.folder / "home", self.folder / "shown"
        home.mkdir()
        shown.mkdir()
        for own in (home, self.output):
            os.chown(own, self._user, self._user)
            own.chmod(0o700)
        os.chown(self.folder, -1, self._user)
        self.folder.chmod(0o710)
        for inside, outside in sorted(job.read_only.items()):
            try:
                _copy(outside, self._copy_of(inside))
            except (OSError, shutil.Error, RecursionError) as error:
                raise SandboxError(f"{outside} can't be copied for a sandbox: {error}") from error
        _open_to(shown, self._user)
        if job.inbox:
            self._lent = {path: path.stat() for path in _what_is_in(job.inbox)}
            _open_to(job.inbox, self._user)
        return home

    def kill(self) -> None:
        with contextlib.suppress(OSError):  # it has hung up itself
            self._control.shutdown(socket.SHUT_WR)
        try:
            self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.returncode and not self._ended:  # the watch has not done it
            rest = self._watch_command({"user": self._user, "messenger": self._messenger})
            try:
                subprocess.run(rest, check=True, timeout=2 * PATIENCE)
            except (subprocess.SubprocessError, OSError) as error:
                raise SandboxError(f"user {self._user}, as whom student code ran, can't be ended: {error}") from error
        self._ended = True

    def report(self) -> EndReport | None:
        if not self._control.recv(100):
            raise SandboxError("it did not start.")
        data = self._control.recv(1000)
        report = EndReport(**json.loads(data)) if data else None
        if self.excess:
            return EndReport("output", None, report.cpu_seconds if report else 0.0)
        return report

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._control.close()
            for path in _left_by(self._user, self._public):
                remove(path)
            self._take_back()

    def _take_back(self) -> None:
        for path, before in self._lent.items():
            with contextlib.suppress(FileNotFoundError):  # its owner has removed it
                os.chown(path, -1, before.st_gid)
                path.chmod(stat.S_IMODE(before.st_mode))


def _public_folders() -> Iterator[str]:
    """Yield the folders in which everybody may write, with those right in them, such as /tmp/.X11-unix."""
    for folder in filter(os.path.isdir, PUBLIC):
        yield folder
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # others remove theirs meanwhile
                    if entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mode & 0o002:
                        yield entry.path


def _check_way_back(inbox: Path) -> None:
    above, *further = inbox.parents
    if _lets_pass(above) and not all(map(_lets_pass, further)):
        raise SandboxError(f"what is beside {inbox} could be read from there: chmod o-x {above}")


def _lets_pass(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)


def _left_by(user: int, folders: Iterable[str] = PUBLIC) -> Iterator[Path]:
    """Yield what a user owns right in folders."""
    for folder in filter(os.path.isdir, folders):
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_uid == user:
                        yield Path(entry)


def _copy(outside: Path, copy: Path) -> None:
    """Copy a file or a folder as it is, links as links, into folders that are made for it."""
    if outside.is_dir():
        shutil.copytree(outside, copy, symlinks=True, dirs_exist_ok=True)
    else:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(outside, copy)


def _open_to(folder: Path, group: int) -> None:
    """Let a group read a folder, and everything that is in it now."""
    for path in _what_is_in(folder):
        os.chown(path, -1, group)
        path.chmod(0o750 if path.is_dir() else 0o640)


def _what_is_in(folder: Path) -> list[Path]:
    """Return a folder and all that is in it, but for links."""
    return [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
