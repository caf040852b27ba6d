"""The second choice of sandbox: a container engine, docker or podman, with an image that holds the kit's packages.

    docker build -t mnist-lab-grading -f grading/Dockerfile .

No engine was at hand where this was written: the command line is tested, but it has never run. The engine bounds
memory and processes of the container as a whole; its /output is a folder on disk, watched.
"""

import math
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator

from grading.sandbox.runner import Job, Process, Report, Sandbox
from grading.sandbox.sandbox_init import verdict
from grading.sandbox.staged import StagedProcess
from labkit.limits import Limits, SandboxError

IMAGE = "mnist-lab-grading"
USER = 61184  # for a grader that is root: the first of the users that systemd sets apart for passing services
ENGINE_FAILED = 125  # exit status of `docker run` when the engine itself failed
ENGINE_SECONDS = 30.0  # for one command to the engine


class _Container(Sandbox):
    python = "/usr/local/bin/python"  # of the image

    def __init__(self) -> None:
        if shutil.which(self.name) is None:
            raise SandboxError(f"there is no {self.name} on the PATH")
        if self.engine("version").returncode:  # the client alone answers with an error
            raise SandboxError(f"{self.name} is here, but its engine does not answer: is it running, and open to you?")
        if self.engine("image", "inspect", IMAGE).returncode:
            raise SandboxError(f"it has no image {IMAGE}: {self.name} build -t {IMAGE} -f grading/Dockerfile .")

    def engine(self, *command: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run([self.name, *command], capture_output=True, text=True, timeout=ENGINE_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxError(f"{self.name} {command[0]} failed: {error}") from error

    def _launch(self, job: Job) -> Process:
        return _ContainerProcess(self, job)


class Docker(_Container):
    """Runs commands in docker containers. Raises SandboxError where docker, its engine or the image is missing."""

    name = "docker"


class Podman(_Container):
    """Runs commands in podman containers. Raises SandboxError where podman, its engine or the image is missing."""

    name = "podman"


def command_line(engine: str, name: str, job: Job, output: os.PathLike, user: tuple[int, int]) -> list[str]:
    """The engine's command line for a job.

    Args:
        engine: "docker" or "podman".
        name: of the container, unique.
        job: what to run.
        output: the folder outside that is /output inside, where the job has one.
        user: the numbers of the grader's own user and group.
    """
    limits = job.limits
    uid, gid = user if user[0] else (USER, USER)
    options = [
        "--name",
        name,
        "--interactive",
        "--init",
        "--hostname",
        "sandbox",
        "--network",
        "none",
        "--ipc",
        "private",
    ]
    options += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", f"{uid}:{gid}"]
    if engine == "podman" and user[0]:
        options += ["--userns", "keep-id"]  # without root, the grader's own user is root inside otherwise
    options += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    options += ["--pids-limit", str(limits.processes), "--shm-size", str(limits.scratch_bytes)]
    options += ["--tmpfs", f"/tmp:rw,nosuid,nodev,mode=1777,size={limits.scratch_bytes}"]
    for limit, value in _ulimits(limits):
        options += ["--ulimit", f"{limit}={value}:{value}"]
    for inside, outside in sorted(job.read_only.items()):
        options += ["--mount", f"type=bind,source={outside},target={inside},readonly"]
    if job.has_output:
        options += ["--mount", f"type=bind,source={output},target=/output"]
    for variable, value in job.env.items():
        options += ["--env", f"{variable}={value}"]
    command = list(job.command)
    if limits.wall_seconds != math.inf:  # a container outlives a grader that is killed, but not for long
        command = ["timeout", "--signal=KILL", f"{limits.wall_seconds + 1:g}", *command]
    return [engine, "run", *options, "--workdir", job.cwd, IMAGE, *command]


def _ulimits(limits: Limits) -> Iterator[tuple[str, int]]:
    yield "core", 0
    yield "fsize", limits.file_bytes
    yield "nofile", limits.open_files
    if limits.cpu_seconds != math.inf:
        yield "cpu", math.ceil(limits.cpu_seconds)


class _ContainerProcess(StagedProcess):
    def __init__(self, sandbox: _Container, job: Job) -> None:
        super().__init__(job.limits)
        self._engine, self._name = sandbox.engine, f"{IMAGE}-{uuid.uuid4().hex}"
        user = (os.getuid(), os.getgid())
        self.begin(command_line(sandbox.name, self._name, job, self.output, user), **job.pipes)

    def kill(self) -> None:
        self._engine("kill", self._name)  # fails where it has ended
        self.popen.kill()
        self.popen.wait()

    def report(self) -> Report:
        if self.excess:
            return Report("output", None, 0.0)
        status = self.popen.returncode
        if status == ENGINE_FAILED:
            raise SandboxError("the engine did not start it.")
        if self._engine("inspect", "--format", "{{.State.OOMKilled}}", self._name).stdout.strip() == "true":
            return Report("memory", None, 0.0)
        return Report(*verdict(128 - status if status > 128 else status), 0.0)

    def close(self) -> None:
        super().close()
        self._engine("rm", "--force", self._name)
