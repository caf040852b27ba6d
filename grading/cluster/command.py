"""Starts what a cluster consists of: `python -m grading cluster certificate|scheduler|worker`.

Scheduler and workers are Dask's own programs, with the flags that grading needs.
"""

import argparse
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from grading.cluster import certificate
from grading.cluster.address import EXAMPLE, NobodyThere, address, port, reach
from grading.cluster.settings import SCRATCH, TRIES, Settings
from grading.options import GradingError
from labkit import startup
from labkit.files import KIT
from labkit.run.flags import positive

if TYPE_CHECKING:  # it imports packages that --help need not have
    from grading.cluster.proof import Proof

DESCRIPTION = """\
Makes a cluster of many machines, on which python -m grading SOURCE --scheduler tls://HOST:8786 grades a class.

    python -m grading cluster certificate                      once; copy its folder to every machine
    python -m grading cluster scheduler                        on one machine, HOST
    python -m grading cluster worker tls://HOST:8786           on every machine that grades

Whoever has the certificate's key can run anything on all of them, as the user who started the worker.
"""
AGAIN = 5  # seconds
PORT, DASHBOARD = 8786, "127.0.0.1:8787"  # the page has neither password nor encryption, so this machine only sees it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("certificate", help="make the certificate by which the machines know each other")
    scheduler = commands.add_parser("scheduler", help="start what gives units to the workers")
    scheduler.add_argument(
        "--host", metavar="ADDRESS", default="0.0.0.0", help="the address on which it listens (default: all)"
    )
    scheduler.add_argument("--port", metavar="N", type=port, default=PORT, help="its port (default: %(default)s)")
    worker = commands.add_parser("worker", help="try this machine's sandbox, and grade for a scheduler")
    worker.add_argument("scheduler", metavar="ADDRESS", type=address, help=f"the scheduler's, {EXAMPLE}")
    worker.add_argument(
        "--slots",
        metavar="N",
        type=positive(int),
        help="units at a time (default: as many as cores, or as 2 GiB of memory for each allow)",
    )
    worker.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        default=Path(startup.data_folder()),
        help=f"where MNIST is (default: {startup.DATA_DEFAULT})",
    )
    add_precision(worker)
    worker.add_argument("--unsafe-no-sandbox", action="store_true", help="as for grading, where no sandbox works")
    for command in commands.choices.values():
        add_tls(command)


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says what all machines of a cluster train in."""
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of trainings, the same on all machines; bfloat16 only where all processors have it (default: float32)",
    )


def add_tls(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says where the certificate is."""
    parser.add_argument(
        "--tls",
        metavar="DIR",
        type=Path,
        default=certificate.FOLDER,
        help="the folder of the cluster's certificate and key (default: %(default)s)",
    )


def run(flags: argparse.Namespace, default_slots: Callable[[], int]) -> int:
    """Do what the command says; scheduler and worker go on until somebody ends them. Raises KitError and OSError."""
    if flags.command == "certificate":
        certificate.make_certificate(flags.tls)
        print(f"{flags.tls}: copy this folder to every machine of the cluster, and show the key in it to nobody")
        return 0
    if flags.command == "scheduler":
        allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(TRIES - 1)}
        command, environment = _program("scheduler", scheduler_flags(flags), allowed)
        _try_to_listen(flags.host, flags.port)
        os.execve(command[0], command, environment)
    _work(flags, flags.slots or default_slots())


def _try_to_listen(host: str, number: int) -> None:
    """Raise GradingError where the scheduler can't listen: Dask says so by a trace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, number), family=family).close()
    except OSError as error:
        raise GradingError(
            f"the scheduler can't listen at {host}, port {number} ({error.strerror}): give another --port, or --host"
        ) from error


def scheduler_flags(flags: argparse.Namespace) -> list[str]:
    """Return the flags for Dask's scheduler."""
    listening = [f"--host=tls://{flags.host}", f"--port={flags.port}", f"--dashboard-address={DASHBOARD}"]
    return [*listening, *certificate.flags(flags.tls)]


def _work(flags: argparse.Namespace, slots: int) -> NoReturn:
    from grading.cluster.proof import prove

    certificate.files_in(flags.tls)  # before the trials: they take a while
    private = {"the key": flags.tls / certificate.KEY, "--data-dir": flags.data_dir}
    print("trying the sandbox...", file=sys.stderr)
    proof = prove(flags.data_dir, flags.precision, private, unsafe=flags.unsafe_no_sandbox)
    for problem in proof.problems:
        print(f"no work for this machine: {problem}", file=sys.stderr)
    if not proof.mnist:
        print(f"MNIST is not whole in {flags.data_dir}: units are graded here without training only", file=sys.stderr)
    settings = Settings(proof.encode(), str(flags.data_dir.resolve()), flags.unsafe_no_sandbox)
    # Machines may be called alike, and one may have several workers.
    given = worker_flags(f"{platform.node()}-{secrets.token_hex(2)}", slots, proof, flags.tls)
    keep_working(flags.scheduler, flags.tls, given, settings.environment())


def worker_flags(name: str, slots: int, proof: "Proof", tls: Path) -> list[str]:
    """Return the flags for Dask's worker, called `name`: so many processes, each of which grades one unit at a time.

    Their memory is that of their sandboxes, which Dask does not see, so it shall not judge it.
    """
    offers = ",".join(f"{resource}={count}" for resource, count in proof.resources().items())
    flags = [f"--name={name}", f"--nworkers={slots}", "--nthreads=1", "--memory-limit=0"]
    flags += [f"--resources={offers}"] if offers else []
    return [*flags, "--no-dashboard", "--dashboard-address=127.0.0.1:0", *certificate.flags(tls)]


def _program(name: str, flags: list[str], environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of one of Dask's programs, which find units where the kit is."""
    import distributed  # noqa: F401  # here for the same reason; where it is missing, the grader says so

    paths = os.pathsep.join(filter(None, [str(KIT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *flags]
    return command, {**os.environ, "PYTHONPATH": paths, **environment}


def keep_working(scheduler: str, tls: Path, flags: list[str], environment: dict[str, str]) -> NoReturn:
    """Run Dask's worker, and again when it ends: it does after it has lost the scheduler, or the network to it.

    Raises GradingError where what answers as the scheduler has another certificate.
    """
    command, variables = _program("worker", [scheduler, *flags], environment)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    while True:
        _wait_for(scheduler, tls)
        # A process that was killed leaves things there, which go with the folder.
        with tempfile.TemporaryDirectory(prefix="grading-worker-", ignore_cleanup_errors=True) as scratch:
            process = subprocess.Popen(command, env={**variables, SCRATCH: scratch})
            try:
                process.wait()
            finally:  # Ctrl-C has reached it, too
                process.terminate()
                process.wait()
        print("the worker has ended, as it does when its scheduler is lost", file=sys.stderr, flush=True)
        time.sleep(AGAIN)


def _wait_for(scheduler: str, tls: Path) -> None:
    """Wait until a scheduler answers, and say so, once for each reason."""
    last = ""
    while True:
        try:
            reach(scheduler, tls)
        except NobodyThere as error:
            if str(error) != last:
                last = str(error)
                print(f"{last}; trying again every {AGAIN} s", file=sys.stderr, flush=True)
            time.sleep(AGAIN)
        else:
            return
