"""The first process in a sandbox: starts the command under its limits, watches it, ends it, and tells how it ended.

It runs as process 1 of the sandbox's PID namespace, so nothing in there can kill, stop or trace it, and when it ends
the kernel ends the rest. It reports over a socket that the command never sees: first a descriptor of /output, through
which the grader reads what is in there when all is dead, and at the end how the command ended and what it used.

It holds no secret and imports the standard library alone. Its one argument is JSON: `command`, `cwd`, `control` (the
socket's descriptor), `user` (to become, or null), `output` (whether there is one), and `limits`.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time

POLL = 0.05  # seconds between two looks at memory, processor time and files
NICE = 5  # so that a bomb in here does not starve who watches it
SCRATCH = ("/tmp", "/dev/shm")
SCRATCH_FILES = 10_000  # their bytes are bounded by the mount
PR_SET_DUMPABLE = 4


def main() -> None:
    config = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    control.set_inheritable(False)
    os.closerange(3, control.fileno())  # what bwrap was given
    os.closerange(control.fileno() + 1, 1024)
    output = [os.open("/output", os.O_RDONLY | os.O_DIRECTORY)] if config["output"] else []
    socket.send_fds(control, [b"up"], output)
    _set_dumpable(False)  # closes /proc/1 to a command that runs as the same user
    command = os.fork()
    if command == 0:
        _become(config)
    try:
        ended, status = _watch(command, control, config["limits"])
    finally:
        _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    control.send(json.dumps({"ended": ended, "status": status, "cpu_seconds": used.ru_utime + used.ru_stime}).encode())


def _set_dumpable(dumpable):
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)


# ------------------------------------------------------------------------------------------------------- the command


def _become(config):
    """Turns this process into the command, under its limits and without any privilege. Does not return."""
    try:
        _set_dumpable(True)
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # what no limit counts (buffers of sockets) is left to the kernel, which ends this first
        os.nice(NICE)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored is inherited
            signal.signal(number, signal.SIG_DFL)
        for which, value in _resource_limits(config["limits"]):
            value = min(value, resource.getrlimit(which)[1] % 2**63)  # RLIM_INFINITY is -1
            resource.setrlimit(which, (value, value))
        if config["user"] is not None:
            os.setgroups([])
            os.setresgid(*[config["user"]] * 3)
            os.setresuid(*[config["user"]] * 3)  # from 0 to another: every capability goes
        os.chdir(config["cwd"])
        os.execvp(config["command"][0], config["command"])
    except OSError as error:
        os.write(2, f"{config['command'][0]} cannot be run: {error}\n".encode())
    finally:
        os._exit(127)


def _resource_limits(limits):
    # A core of 1 byte is none; 0 would still start the program that the host may have set up to collect cores.
    yield resource.RLIMIT_CORE, 1
    if limits["cpu_seconds"] != float("inf"):
        yield resource.RLIMIT_CPU, int(limits["cpu_seconds"]) + 1
    yield resource.RLIMIT_DATA, limits["memory_bytes"]
    yield resource.RLIMIT_FSIZE, limits["file_bytes"]
    yield resource.RLIMIT_NOFILE, limits["open_files"]
    yield resource.RLIMIT_NPROC, limits["processes"]


# --------------------------------------------------------------------------------------------------------- the watch


def _watch(command, control, limits):
    """Waits until the command ends, a limit is passed, or the grader hangs up; returns `ended` and the status."""
    deadline = time.monotonic() + limits["wall_seconds"]
    ending = os.pidfd_open(command)
    while True:
        ready, _, _ = select.select([ending, control], [], [], POLL)
        status = _reap(command)
        if status is not None:
            return verdict(os.waitstatus_to_exitcode(status))
        if control in ready:
            return "stopped", None
        passed = "timeout" if time.monotonic() > deadline else _passed(limits)
        if passed:
            return passed, None


def _reap(command):
    """Takes in the dead, orphans too; returns the wait status of the command if it is among them, else None."""
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


def verdict(status):
    """How a command ended and its status, in the words of limits.Outcome; `status` is as Popen.returncode has it."""
    limit = {-signal.SIGXCPU: "cpu", -signal.SIGXFSZ: "output"}.get(status)
    return (limit, None) if limit else ("killed" if status < 0 else "exit", status)


def _passed(limits):
    """The name of the limit that the sandbox as a whole has passed, or None."""
    memory, ticks = 0, 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if pid == "1":
            continue
        try:
            memory += _memory(pid)
            ticks += _ticks(pid)
        except (OSError, ValueError):  # it ended just now
            continue
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ticks / os.sysconf("SC_CLK_TCK") + ended.ru_utime + ended.ru_stime > limits["cpu_seconds"]:
        return "cpu"
    output, output_files = _used("/output")
    scratch, scratch_files = map(sum, zip(*map(_used, SCRATCH), strict=True))
    if output > limits["output_bytes"] or output_files > limits["output_files"] or scratch_files > SCRATCH_FILES:
        return "output"
    if memory + output + scratch > limits["memory_bytes"]:  # what is in a tmpfs is in memory
        return "memory"
    return None


def _memory(pid):
    """Bytes of the process that no file backs."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    counted = ("RssAnon", "RssShmem", "HugetlbPages", "VmSwap")
    return 1024 * sum(int(fields[name].split()[0]) for name in counted if name in fields)  # a dead one has none


def _ticks(pid):
    """Processor time of the process and of those children that it has waited for, in clock ticks."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()  # the name before it may hold anything
    return sum(map(int, fields[11:15]))


def _used(folder):
    """Bytes and files in use in a tmpfs; (0, 0) where there is none."""
    try:
        status = os.statvfs(folder)
    except FileNotFoundError:
        return 0, 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize, status.f_files - status.f_ffree - 1  # its root


def _end_all():
    """Kills everything else in the sandbox and waits until it is gone."""
    try:
        while True:
            os.kill(-1, signal.SIGKILL)
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


if __name__ == "__main__":
    main()
