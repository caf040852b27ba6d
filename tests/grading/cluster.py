"""A Dask cluster of real processes on this machine, with stand-ins for units.

    with Cluster(tmp_path) as cluster:
        cluster.start_worker("lab1")
        with dask_workers(cluster.address, cluster.tls, OWN, train=False, grade=stand_in) as workers:
            answer = workers.executor.submit(workers.grade, order(...)).result(60)

A worker is started as `python -m grading cluster worker` starts it, but without its trials of the sandbox, which take
ten seconds and more: what it has proved is given.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from distributed import get_worker

from grading.cluster import certificate, command
from grading.cluster.proof import Proof
from grading.cluster.settings import Settings
from grading.cluster.worker import or_rest
from grading.unit import GradedUnit, UnitStatus
from tests.support.tracing import ROOT

PATIENCE = 90  # seconds: not a figure to reach, but to end a test that hangs
OWN = Proof("coordinator", "k1t", "3.11.7", {"numpy": "2.1.0"}, "bubblewrap", True, "float32", "a processor")


class Cluster:
    """A scheduler, and workers as they are started. A context manager, which ends all of them."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", environment: Mapping[str, str] | None = None) -> None:
        """Make the certificate, and start the scheduler."""
        self.folder, self.tls = folder, folder / "tls"
        self.processes: dict[str, subprocess.Popen] = {}
        certificate.make_certificate(self.tls)
        with socket.create_server((host, 0)) as free:
            self.host, self.port = host, free.getsockname()[1]
        self.address, self.environment = f"tls://{host}:{self.port}", environment
        self.start_scheduler()

    def start_scheduler(self) -> None:
        """Start the scheduler, for the first time or again, and wait until it is up."""
        (self.folder / "scheduler.log").unlink(missing_ok=True)
        where = ["--host", self.host, "--port", str(self.port), "--tls", str(self.tls)]
        self.start("scheduler", [sys.executable, "-m", "grading", "cluster", "scheduler", *where], self.environment)
        wait_until(lambda: "Scheduler at:" in self.log("scheduler"), "the scheduler is up")

    def start(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen:
        """Start a process in a group of its own, its output in a file."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_worker(
        self, name: str, proof: Proof = OWN, inside: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen:
        """Start a worker of one slot; `inside` is a command that starts what follows it."""
        given = command.worker_flags(name, 1, proof, self.tls)
        settings = Settings(proof.encode(), "nowhere", False)
        where = f"{self.address!r}, Path({str(self.tls)!r})"
        code = "from pathlib import Path; from grading.cluster.command import keep_working; "
        code += f"keep_working({where}, {given}, {settings.environment()})"
        return self.start(name, [*inside, sys.executable, "-c", code], environment)

    def log(self, name: str) -> str:
        """Return what a process has printed so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def end(self, name: str) -> None:
        """Kill a process, and all that it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.end(name)


# ------------------------------------------------------------------------------------------------ stand-ins for units


def order(name: str, log: Path, **what: object) -> bytes:
    """Return a task for `stand_in`: whose it is, where to note that it was begun, and what happens then."""
    return json.dumps({"name": name, "log": str(log), **what}).encode()


def stand_in(task: bytes) -> bytes:
    """Do what an order says, in a worker: sleep so many `seconds`, die on the worker `kills`, fail on `fails`."""
    wanted, worker = json.loads(task), str(get_worker().name)
    with open(wanted["log"], "a") as log:
        log.write(f"{wanted['name']} {worker}\n")
    time.sleep(wanted.get("seconds", 0))
    if wanted.get("kills") in (worker, "all"):
        os.kill(os.getpid(), signal.SIGKILL)
    if wanted.get("fails") in (worker, "all"):
        return or_rest(GradedUnit(UnitStatus.FAILED, problem="OSError: No space left on device").encode())
    return GradedUnit(UnitStatus.REFUSED, problem=f"{wanted['name']} was here", machine=worker).encode()


def begun(log: Path) -> list[tuple[str, str]]:
    """Return which unit was begun on which worker, in that order."""
    return [tuple(line.split()) for line in log.read_text().splitlines()] if log.exists() else []


def wait_until(true, what: str, seconds: float = PATIENCE) -> None:
    """Wait until a function says so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not after {seconds} s"
        time.sleep(0.1)
