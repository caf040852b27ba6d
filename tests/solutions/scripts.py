"""Runs lab scripts as a student does.

Importing TensorFlow is most of a short run, so on Linux a script runs in a copy of a process that has done so already.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from tests.support.tracing import ROOT

PATIENCE = 300  # seconds: not a figure to reach, but to end a test that hangs
NO_DATA = {"MNIST_DATA_DIR": ""}
FORKS = sys.platform == "linux"
if FORKS:
    CONTEXT = multiprocessing.get_context("forkserver")
    CONTEXT.set_forkserver_preload(["tensorflow", "matplotlib.pyplot", "scipy.special"])


def start(script: str, *flags: object, cwd: Path, **environment: str) -> subprocess.Popen:
    """Start a script in a process and a folder of its own."""
    return subprocess.Popen(
        [sys.executable, *_command(script, flags)],
        cwd=cwd,
        env=os.environ | NO_DATA | {"PYTHONPATH": str(ROOT)} | environment,  # a changed copy imports the kit's modules
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(script: str, *flags: object, cwd: Path, **environment: str) -> SimpleNamespace:
    """Run a script to its end; return an object with returncode, stdout and stderr."""
    if not FORKS or "PYTHONPATH" in environment:  # which counts when Python starts
        process = start(script, *flags, cwd=cwd, **environment)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return SimpleNamespace(returncode=process.returncode, stdout=stdout, stderr=stderr)
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        environment = os.environ | NO_DATA | environment
        process = CONTEXT.Process(target=_become, args=(_command(script, flags), cwd, environment, streams))
        process.start()
        process.join(PATIENCE)
        assert process.exitcode is not None, f"{script} does not end"
        stdout, stderr = (stream.read_text(encoding="utf-8") for stream in streams)
        return SimpleNamespace(returncode=process.exitcode, stdout=stdout, stderr=stderr)


def _command(script, flags):
    return [str(ROOT / f"{script}.py"), *map(str, flags)]


def _become(command: list[str], cwd: Path, environment: Mapping[str, str], streams: list[Path]) -> None:
    """Turn this process into `python command`, whose output goes to two files."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, stream in enumerate(streams, start=1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv, sys.path[:1] = command, [str(Path(command[0]).parent), str(ROOT)]
    runpy.run_path(command[0], run_name="__main__")
