"""The first process in a sandbox: starts the command under its limits, watches it, ends it, and tells how it ended.

It runs as process 1 of the sandbox's PID namespace, so nothing in there can kill, stop or trace it, and when it ends
the kernel ends the rest. Where there is no namespace (see `another_user`) it runs as root, and whatever runs as the
command's user is the sandbox: `_Namespace` and `_User` are the two ways to tell what is in it. It reports over a
socket that the command never sees: first a descriptor of the output folder, through which the grader reads what is in
there when all is dead, and at the end how the command ended and what it used.

What it counts, it counts at a look every few hundredths of a second, by what the kernel tells of each process. With the
filter (see `seccomp`) nothing that is used stays out of these numbers for good: memory is a process's own, or in a
folder in memory, or in buffers, which are counted at their largest; and the processor time of the dead goes to who
waited for them, up to this process, so that in the end it is exact. What can't be read is over the limit.

It holds no secret and imports the standard library alone. Its one argument is JSON: `command`, `cwd`, `control` (the
socket's descriptor), `user` (to become, or null), `output` (the folder, or null), `usage` (a descriptor of a control
group's cpu.stat, or null), `limits`, and where there is no namespace `filter` (of system calls, in base64), `scratch`
(folders that the user may write to) and `messenger` (a user who is nobody).
"""

import abc
import base64
import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

POLL = 0.05  # seconds, at most, between two looks at memory, processor time and files
NICE = 5  # so that a bomb in here does not starve who watches it
SCRATCH = ("/tmp", "/dev/shm")
SCRATCH_FILES = 10_000  # their bytes are bounded by the mount
LOOKS = 20  # at processes that are held and still come or go, before that counts as more than allowed
SLOT_BYTES = 8192  # of the kernel's, for a file that is open: of pipes it gives everyone 64 MiB, and then a page each
SOCKET_BYTES = 2**18  # that a socket holds at most, as it comes
TCP_BYTES = 2**23  # that one of TCP holds more, where the kernel does not tell
MAPPING_BYTES = 256  # of the kernel's, for a mapping
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
IN_NANOSECONDS = os.path.exists("/proc/self/schedstat")
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38
SECCOMP_MODE_FILTER = 2
INSTRUCTION_BYTES = 8  # of a filter


def main() -> None:
    config = json.loads(sys.argv[1])
    if "command" not in config:  # the watch of another process was killed before it was done
        _User(config).end_all()
        return
    control = socket.socket(fileno=config["control"])
    control.set_inheritable(False)
    kept = {control.fileno(), config["usage"]}
    for descriptor in set(range(3, 1024)) - kept:  # what bwrap was given
        with contextlib.suppress(OSError):
            os.close(descriptor)
    if config["usage"] is not None:
        os.set_inheritable(config["usage"], False)
    output = [os.open(config["output"], os.O_RDONLY | os.O_DIRECTORY)] if config["output"] else []
    socket.send_fds(control, [b"up"], output)
    _prctl(PR_SET_DUMPABLE, 0)  # closes /proc/1 to a command that runs as the same user
    realm = _User(config) if "scratch" in config else _Namespace()
    limits, cpu, kernel = config["limits"], _Cpu(config["usage"]), _Kernel()
    watch, command = os.getpid(), os.fork()
    if command == 0:
        _become(config, watch)
    ending = os.pidfd_open(command)
    try:
        ended, status = _watch(command, ending, control, limits, realm, cpu, kernel)
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            signal.pidfd_send_signal(ending, signal.SIGKILL)  # it may not be the user yet by whom all are found
            os.waitpid(command, 0)
        realm.end_all()
    cpu_seconds = cpu.seconds({})  # now that all are dead, nothing is missing
    if cpu_seconds > limits["cpu_seconds"] and ended in ("exit", "killed"):
        ended, status = "cpu", None
    control.send(json.dumps({"ended": ended, "status": status, "cpu_seconds": cpu_seconds}).encode())


def _prctl(option: int, value: int, argument: object = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, argument, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


# ------------------------------------------------------------------------------------------------------- the command


def _become(config: dict, watch: int) -> None:
    """Turn this process into the command, under its limits and without any privilege; it does not return."""
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # until it is the user by whom it is found
        if os.getppid() != watch:  # that was killed before
            os._exit(127)
        _prctl(PR_SET_DUMPABLE, 1)
        os.nice(NICE)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored is inherited
            signal.signal(number, signal.SIG_DFL)
        for which, value in _resource_limits(config["limits"]):
            value = min(value, resource.getrlimit(which)[1] % 2**63)  # RLIM_INFINITY is -1
            resource.setrlimit(which, (value, value))
        if "filter" in config:  # else bwrap has been started so
            Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, the kernel ends this first
        os.chdir(config["cwd"])  # an inbox, to which the way is closed
        if config["user"] is not None:
            os.setgroups([])
            os.setresgid(*[config["user"]] * 3)
            os.setresuid(*[config["user"]] * 3)  # from 0 to another: every capability goes
        if "filter" in config:  # else bwrap has set it
            _filter(base64.b64decode(config["filter"]))
        os.execvp(config["command"][0], config["command"])
    except OSError as error:
        os.write(2, f"{config['command'][0]} cannot be run: {error}\n".encode())
    finally:
        os._exit(127)


def _filter(program: bytes) -> None:
    """Put this process, and all that it starts, under a filter of system calls, and forbid it new privileges."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    code = ctypes.create_string_buffer(program)
    argument = struct.pack("@HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(code))  # struct sock_fprog
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, argument)


def _resource_limits(limits: dict) -> Iterator[tuple[int, int]]:
    # A core of 1 byte is none; 0 would still start the program that the host may have set up to collect cores.
    yield resource.RLIMIT_CORE, 1
    if limits["cpu_seconds"] != float("inf"):
        yield resource.RLIMIT_CPU, int(limits["cpu_seconds"]) + 1
    yield resource.RLIMIT_DATA, limits["memory_bytes"]
    yield resource.RLIMIT_FSIZE, limits["file_bytes"]
    yield resource.RLIMIT_NOFILE, limits["open_files"]
    yield resource.RLIMIT_NPROC, limits["processes"]
    yield resource.RLIMIT_SIGPENDING, limits["open_files"]  # and timers
    yield resource.RLIMIT_RTPRIO, 0
    yield resource.RLIMIT_NICE, 0


# --------------------------------------------------------------------------------------------------------- the watch


def _watch(
    command: int, ending: int, control: socket.socket, limits: dict, realm: "_Realm", cpu: "_Cpu", kernel: "_Kernel"
) -> tuple[str, int | None]:
    """Wait until the command ends, a limit is passed, or the grader hangs up; return `ended` and the status.

    `ending` is a descriptor of the command's process.
    """
    deadline = time.monotonic() + limits["wall_seconds"]
    while True:
        pause = POLL * (0.5 + os.urandom(1)[0] / 512)  # so that nothing can be elsewhere at each look
        ready, _, _ = select.select([ending, control], [], [], pause)
        status = _reap(command)
        if status is not None:
            return verdict(os.waitstatus_to_exitcode(status))
        if control in ready:
            return "stopped", None
        passed = "timeout" if time.monotonic() > deadline else _passed(limits, realm, cpu, kernel)
        if passed:
            return passed, None


def _reap(command: int) -> int | None:
    """Reap dead processes, orphans too; return the wait status of the command if it is among them, else None."""
    status = None
    try:
        while True:
            pid, its_status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == command:
                status = its_status
    except ChildProcessError:
        pass
    return status


def verdict(status: int) -> tuple[str, int | None]:
    """Return how a command ended and its status, in the words of limits.Outcome; `status` is Popen's returncode."""
    limit = {-signal.SIGXCPU: "cpu", -signal.SIGXFSZ: "output"}.get(status)
    return (limit, None) if limit else ("killed" if status < 0 else "exit", status)


def _passed(limits: dict, realm: "_Realm", cpu: "_Cpu", kernel: "_Kernel") -> str | None:
    """Return the name of the limit that the sandbox as a whole has passed, or None."""
    try:
        _wake(realm)
        memory, times = _count(realm)
        memory += realm.socket_bytes() + kernel.bytes(len(times))
        cpu_seconds = cpu.seconds(times)
        output, output_files = realm.output()
        scratch, scratch_files = realm.scratch()
    except (OSError, ValueError, LookupError, MemoryError):  # somebody keeps this process from reading it
        return "memory"
    if cpu_seconds > limits["cpu_seconds"]:
        return "cpu"
    if output > limits["output_bytes"] or output_files > limits["output_files"] or scratch_files > SCRATCH_FILES:
        return "output"
    if memory + output + scratch > limits["memory_bytes"]:  # what is in a tmpfs is in memory
        return "memory"
    return None


def _count(realm: "_Realm") -> tuple[int, dict[tuple[str, int], tuple[float, float]]]:
    """Return the bytes of memory of all processes in there, and the `_times` of each, by what identifies it.

    Where one ended meanwhile, another may have its memory by now, and so on from one to the next, faster than one can
    look. Then all are stopped for the moment that counting takes. Raises OSError where even that does not help.
    """
    counted = _count_once(realm)
    if counted:
        return counted
    realm.has_held = True
    realm.signal_all(signal.SIGSTOP)  # nothing can ignore it, and who is about to fork does so afterwards
    try:
        for _ in range(LOOKS):
            counted = _count_once(realm)
            if counted:
                return counted
            time.sleep(POLL / LOOKS)
    finally:
        realm.signal_all(signal.SIGCONT)
    raise OSError("processes come and go")


def _wake(realm: "_Realm") -> None:
    """Continue who has been stopped after the others were continued: a child that was being forked meanwhile.

    The kernel gives it the one signal when it is there, and forgets the other, which nobody waits for (6.18).
    """
    if realm.has_held and any(map(_is_stopped, realm.processes())):
        realm.signal_all(signal.SIGCONT)


def _is_stopped(pid: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] == b"T"
    return False


def _count_once(realm: "_Realm") -> tuple[int, dict[tuple[str, int], tuple[float, float]]] | None:
    """Count once; return what `_count` does, or None where a process ended meanwhile."""
    memory, times = 0, {}
    try:
        for pid in realm.processes():
            memory += _memory(pid)
            began, used = _times(pid)
            times[pid, began] = used
    except (FileNotFoundError, ProcessLookupError):
        return None
    return memory, times


def _numbers(folder: str) -> Iterator[str]:
    return filter(str.isdigit, os.listdir(folder))


def _memory(pid: str) -> int:
    """Return the bytes of the process that no file backs, with the kernel's own for its page tables and open files."""
    fields = _status(f"/proc/{pid}/status")
    if "RssAnon" not in fields and int(fields["Threads"]) > 1:  # its first thread has ended, the others go on
        for thread in _numbers(f"/proc/{pid}/task"):
            if thread != pid:
                fields |= _status(f"/proc/{pid}/task/{thread}/status")
    counted = ("RssAnon", "RssShmem", "HugetlbPages", "VmSwap", "VmPTE")
    memory = 1024 * sum(int(fields[name].split()[0]) for name in counted if name in fields)  # a dead one has none
    return memory + SLOT_BYTES * int(fields.get("FDSize", 0))


def _status(path: str) -> dict[str, str]:
    """Read the fields of a status file; the name of a process may hold anything but a line's end."""
    with open(path, "rb") as file:
        return dict(line.split(":", 1) for line in file.read().decode("latin-1").split("\n") if ":" in line)


def _times(pid: str) -> tuple[int, tuple[float, float]]:
    """Return when the process began, and its processor time in seconds: its own, and that of its reaped children."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()  # the name before it may hold anything
    user, system, waited_user, waited_system = map(int, fields[11:15])
    own = (user + system) / TICKS_PER_SECOND
    if IN_NANOSECONDS:  # but of its first thread alone: for many processes of less than a tick each
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            own = max(own, int(file.read().split()[0]) / 10**9)
    return int(fields[19]), (own, (waited_user + waited_system) / TICKS_PER_SECOND)


class _Cpu:
    """Counts processor time in three ways, none of which counts too much: the largest is right.

    By who waited for whom, which is exact when all are dead, unless somebody makes the kernel forget; by what each
    process had used when it was last seen; and by the control group, where there is one.
    """

    def __init__(self, usage: int | None) -> None:
        self._usage, self._last, self._gone, self._began = usage, {}, 0.0, 0.0
        self._began = self._of_group()  # what bwrap used

    def seconds(self, times: Mapping[tuple[str, int], tuple[float, float]]) -> float:
        """Return the processor time until now, in seconds; `times` is what `_count` returns for living processes."""
        for process in self._last.keys() - times.keys():
            self._gone += self._last.pop(process)
        self._last |= {process: own for process, (own, _) in times.items()}
        seen = self._gone + sum(self._last.values())
        waited = _rusage(resource.RUSAGE_CHILDREN) + sum(own + waited for own, waited in times.values())
        return max(seen, waited, self._of_group())

    def _of_group(self) -> float:
        if self._usage is None:
            return 0.0
        fields = dict(line.split() for line in os.pread(self._usage, 4096, 0).splitlines())
        return int(fields[b"usage_usec"]) / 10**6 - _rusage(resource.RUSAGE_SELF) - self._began


class _Kernel:
    """What the kernel keeps about the mappings of processes, tens of thousands each, which it tells of none of them.

    It tells how much it keeps in all, for the whole machine. Of what that has grown, a sandbox is charged with no more
    than its processes can have, so that one with few is hardly charged for what another does meanwhile.
    """

    def __init__(self) -> None:
        self._before = self._unreclaimable()
        with open("/proc/sys/vm/max_map_count") as file:
            self._most = int(file.read()) * MAPPING_BYTES

    def bytes(self, processes: int) -> int:
        return min(max(0, self._unreclaimable() - self._before), processes * self._most)

    def _unreclaimable(self) -> int:
        with open("/proc/meminfo", "rb") as file:
            return 1024 * next(int(line.split()[1]) for line in file if line.startswith(b"SUnreclaim:"))


def _rusage(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _tcp_bytes() -> int:
    """Return the bytes of a TCP socket whose buffers have grown."""
    try:
        return sum(int(open(f"/proc/sys/net/ipv4/tcp_{kind}mem").read().split()[2]) for kind in "rw")
    except OSError:
        return TCP_BYTES


# ------------------------------------------------------------------------------------------------- what is in there


class _Realm(abc.ABC):
    """What belongs to the sandbox: its processes, and the folders that they may write to."""

    has_held = False  # whether all were stopped once, to be counted

    @abc.abstractmethod
    def processes(self) -> Iterator[str]:
        """Yield the number of each process, but for those that have ended."""

    @abc.abstractmethod
    def signal_all(self, number: int) -> None:
        """Send all of them a signal at once."""

    @abc.abstractmethod
    def socket_bytes(self) -> int:
        """Return the bytes that the buffers of their sockets may hold, which belong to no process."""

    @abc.abstractmethod
    def output(self) -> tuple[int, int]:
        """Return the bytes and files in the output folder; (0, 0) if there is none."""

    @abc.abstractmethod
    def scratch(self) -> tuple[int, int]:
        """Return the bytes and files in all other folders that they may write to."""

    def end_all(self) -> None:
        """Kill everything and wait until it is gone."""
        while any(self.processes()):
            self.signal_all(signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.wait()
                while os.waitpid(-1, os.WNOHANG) != (0, 0):  # and who else has ended by now
                    pass


class _Namespace(_Realm):
    """A PID namespace whose process 1 this is, in which every other process is of the sandbox."""

    def processes(self) -> Iterator[str]:
        return (pid for pid in _numbers("/proc") if pid != "1")

    def signal_all(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, number)

    def socket_bytes(self) -> int:
        used, tcp = _sockets()
        return SOCKET_BYTES * used + (tcp and tcp * _tcp_bytes())

    def output(self) -> tuple[int, int]:
        return _used("/output")

    def scratch(self) -> tuple[int, int]:
        size, files = map(sum, zip(*map(_used, SCRATCH), strict=True))
        return size, files


def _sockets() -> tuple[int, int]:
    """Return how many sockets there are in this network namespace, and how many of TCP."""
    with open("/proc/net/sockstat", "rb") as file:
        fields = {line.split()[0]: line.split()[1:] for line in file}
    return int(fields[b"sockets:"][1]), int(fields[b"TCP:"][1])


def _used(folder: str) -> tuple[int, int]:
    """Return the bytes and files in use in a tmpfs; (0, 0) if it does not exist."""
    try:
        status = os.statvfs(folder)
    except FileNotFoundError:
        return 0, 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree - 1  # its root


class _User(_Realm):
    """Whatever runs as one user of this machine, who has nothing else here; this process is root.

    Signals to all go out from a process that may signal that user's and no others, while they may not signal it: root's
    would reach the whole machine. Its real user is one who has no process, its effective user that of the sandbox.
    """

    def __init__(self, config: dict) -> None:
        self._user, self._messenger = config["user"], config["messenger"]
        self._output, self._scratch = config.get("output"), config.get("scratch", [])
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # whose parent has ended is this process's child, as in a namespace

    def processes(self) -> Iterator[str]:
        return (pid for pid in _numbers("/proc") if self._owns(pid))

    def _owns(self, pid: str) -> bool:
        # Not the owner of /proc/PID: that is root where a process has made itself undumpable.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # of others, some end meanwhile
            return str(self._user) in _status(f"/proc/{pid}/status")["Uid"].split()
        return False

    def signal_all(self, number: int) -> None:
        try:
            sender = os.fork()
        except BlockingIOError:  # they are as many as the container may have
            self._signal_each(number)
            return
        if sender == 0:
            self._signal_and_end(number)
        status = os.waitstatus_to_exitcode(os.waitpid(sender, 0)[1])
        if status:
            raise OSError(f"signal {number} could not be sent: exit status {status}")

    def _signal_each(self, number: int) -> None:
        """Signal them one by one; who starts others meanwhile is ahead of that until some have ended."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                process = os.pidfd_open(int(pid))
                try:
                    if self._owns(pid):  # and nobody else has its number by now
                        signal.pidfd_send_signal(process, number)
                finally:
                    os.close(process)

    def _signal_and_end(self, number: int) -> None:
        """Signal all that the user has, from a process of its own, and end that: with 0 where it could be done."""
        status = 1
        try:
            users = (self._messenger, self._user, self._messenger)
            os.setgroups([])
            os.setresuid(*users)
            if os.getresuid() == users and int(_status("/proc/self/status")["CapEff"], 16) == 0:
                os.kill(-1, number)
                status = 0
        finally:
            os._exit(status)

    def socket_bytes(self) -> int:
        return 0  # the filter lets it have none

    def output(self) -> tuple[int, int]:
        return self._owned([self._output]) if self._output else (0, 0)

    def scratch(self) -> tuple[int, int]:
        return self._owned(self._scratch)

    def _owned(self, folders: list[str]) -> tuple[int, int]:
        return usage(folders, SCRATCH_FILES, self._user)


class _Swapped(Exception):
    """A folder is another one than it was a moment ago."""


def usage(folders: Iterable[str], max_files: int, owner: int | None = None) -> tuple[int, int]:
    """Return the bytes on disk and the number of the files below folders, of a user or of all; stop at `max_files`.

    Folders of others are not looked into. Raises OSError where one can't be read, or others keep taking its place.
    """
    for _ in range(LOOKS):
        with contextlib.suppress(_Swapped):
            return _usage(folders, max_files, owner)
    raise OSError("folders are swapped while they are looked at")


def _usage(folders: Iterable[str], max_files: int, owner: int | None) -> tuple[int, int]:
    size, files = 0, 0
    pending: list[tuple[str, tuple[int, int] | None]] = [(folder, None) for folder in folders]
    while pending and files <= max_files:
        path, known = pending.pop()
        try:
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):  # gone by now
            continue
        try:
            if known and known != _identity(os.fstat(folder)):  # by a link on the way to it, it may be anybody's
                raise _Swapped
            with os.scandir(folder) as entries:
                for status, name in _statuses(entries):
                    if owner in (None, status.st_uid):
                        size, files = size + 512 * status.st_blocks, files + 1
                        if stat.S_ISDIR(status.st_mode):
                            pending.append((os.path.join(path, name), _identity(status)))
                    if files > max_files:
                        break
        finally:
            os.close(folder)
    return size, files


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _statuses(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[os.stat_result, str]]:
    """Yield the status and name of what a folder holds, but for what is gone by now."""
    for entry in entries:
        with contextlib.suppress(FileNotFoundError):
            yield entry.stat(follow_symlinks=False), entry.name


if __name__ == "__main__":
    main()
