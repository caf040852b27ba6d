"""No sandbox, under --unsafe-no-sandbox: a process with limits, which sees and reaches all that its user does."""

import contextlib
import math
import os
import signal

from grading.sandbox.runner import INBOX, EndReport, Job, Process, Sandbox
from grading.sandbox.sandbox_init import verdict
from grading.sandbox.staged import StagedProcess, translation
from labkit.limits import Limits

# The shell sets the limits: those of the grader itself must stay. Where one can't be set, the rest still holds.
LIMITED = """
exec 3>&2 2>/dev/null
ulimit -c 0; ulimit -S -t "$1"; ulimit -d "$2"; ulimit -f "$3"; ulimit -n "$4"
exec 2>&3 3>&-
shift 4; exec "$@"
"""


class Unconfined(Sandbox):
    """Runs commands under some limits (wall and processor time, memory of a process, files), and confines nothing.

    No paths are mounted, so those inside are replaced in the command, its environment and `cwd` by those outside.
    """

    name = "none"

    def __init__(self) -> None:
        import psutil  # noqa: F401  # here, because who has a sandbox that works can do without

    def _launch(self, job: Job) -> Process:
        return _PlainProcess(job)


class _PlainProcess(StagedProcess):
    def __init__(self, job: Job) -> None:
        super().__init__(job.limits)
        outside = {inside: str(path) for inside, path in job.read_only.items()} | {"/output": str(self.output)}
        outside |= {INBOX: str(job.inbox)} if job.inbox else {}
        translate = translation(outside)
        env = {name: translate(value) for name, value in job.env.items()} | {"HOME": str(self.folder)}
        command = ["/bin/sh", "-c", LIMITED, "sh", *_ulimits(job.limits), *map(translate, job.command)]
        self.begin(command, env=env, cwd=translate(job.cwd), **job.pipes)

    def kill(self) -> None:
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.popen.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def report(self) -> EndReport:
        ended, status = ("output", None) if self.excess else verdict(self.popen.returncode)
        return EndReport(ended, status, 0.0)


def _ulimits(limits: Limits) -> list[str]:
    """Return the limits in the units of the shell's ulimit: seconds, KiB, blocks of 512 bytes, and a number."""
    cpu = "unlimited" if limits.cpu_seconds == math.inf else str(math.ceil(limits.cpu_seconds))
    return [cpu, str(limits.memory_bytes // 1024), str(limits.file_bytes // 512), str(limits.open_files)]
