"""A Slurm cluster of one node, this machine, for as long as a test wants it.

    with slurm_cluster(tmp_path / "slurm") as cluster:
        job = cluster.submit(script, cwd=tmp_path, env={"SOURCE": ...})
        cluster.wait_for(job, seconds=60)

Everything of it is in the folder, and its ports are its own, so neither a cluster that the machine belongs to nor
another test is touched. Its three daemons run in the foreground, as children of the test.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue")
START = 30  # seconds for the daemons to find each other
NODE, PARTITION = "node", "all"
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000000 State=UNKNOWN
PartitionName={partition} Nodes={node} Default=YES MaxTime=INFINITE State=UP
# More processors and memory than the machine has may be promised: a job of a test asks for what a class needs.
SlurmdParameters=config_overrides
"""


class Cluster:
    """A cluster that is up."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that holds its configuration."""
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}

    def ask(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run one of Slurm's commands; return what it prints, and fail the test where it fails."""
        done = subprocess.run(
            command, env=self.environment | dict(env or {}), cwd=cwd, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, script: Path, *arguments: str, cwd: Path, env: Mapping[str, str]) -> str:
        """Submit a script, as `sbatch SCRIPT` in a folder does; return the job's number."""
        return self.ask("sbatch", "--parsable", str(script), *arguments, cwd=cwd, env=env).strip()

    def wait_for(self, job: str, seconds: float) -> None:
        """Wait until a job, all of an array, is over."""
        deadline = time.monotonic() + seconds
        while self.ask("squeue", "--noheader", "--jobs", job):
            assert time.monotonic() < deadline, f"job {job} is not over after {seconds} s"
            time.sleep(0.5)


def needs_slurm() -> None:
    """Skip the test where no cluster can be made, and say what is missing."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"Slurm is not here ({', '.join(missing)}): apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        pytest.skip("a Slurm cluster is made by root alone: its daemons start jobs as other users")


@contextlib.contextmanager
def slurm_cluster(folder: Path, cpus: int = 8) -> Iterator[Cluster]:
    """Start a cluster, and stop it again with all that runs on it; skip the test where Slurm is not there.

    `cpus` is how many processors the node claims to have.
    """
    needs_slurm()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    places = {"folder": folder, "host": socket.gethostname(), "node": NODE, "partition": PARTITION, "cpus": cpus}
    controller, node_port = _free_ports(2)
    (folder / "slurm.conf").write_text(CONF.format(**places, controller=controller, node_port=node_port))
    cluster = Cluster(folder)
    # By force: it wants a socket that everybody can reach, and here only root has to.
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.sock"]
    munged += [f"--{what}-file={folder}/munge.{what}" for what in ("key", "log", "pid", "seed")]
    with contextlib.ExitStack() as running:
        for command in (munged, ["slurmctld", "-D", "-i"], ["slurmd", "-D", "-N", NODE]):
            running.enter_context(_daemon(command, folder, cluster.environment))
        _wait_until_up(cluster, folder)
        running.callback(cluster.ask, "scancel", "--full", f"--partition={PARTITION}")
        yield cluster


@contextlib.contextmanager
def _daemon(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    with open(folder / f"{command[0]}.out", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(cluster: Cluster, folder: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"], env=cluster.environment, capture_output=True, text=True, timeout=60
        )
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "\n".join(f"{path.name}: {path.read_text(errors='replace')[-2000:]}" for path in folder.glob("*.out"))
    raise AssertionError(f"the cluster is not up after {START} s:\n{logs}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as sockets:
        held = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]
