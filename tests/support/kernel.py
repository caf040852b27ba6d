"""A kernel of Jupyter's, which runs the cells of a notebook."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.tracing import ROOT

PATIENCE = 120  # seconds: not a figure to reach, but to end a test that hangs


@contextlib.contextmanager
def started_kernel(folder: Path, digits: Path) -> Iterator[Callable[[str], SimpleNamespace]]:
    """Start a kernel in a folder, with the kit on its path and these digits in place of MNIST.

    Gives a function that runs a cell and returns its stdout, stderr, error lines, and how many pictures it showed.
    """
    reason = "ipykernel is not installed: pip install -r requirements-dev.txt"
    pytest.importorskip("ipykernel", reason=reason)
    manager = pytest.importorskip("jupyter_client.manager", reason=reason)
    settings = {"MNIST_DATA_DIR": str(digits), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]  # not one of another environment
    started = manager.KernelManager()
    started.kernel_spec.argv = command
    started.start_kernel(cwd=folder, env=os.environ | settings)
    client = started.blocking_client()
    client.start_channels()

    def run(code: str) -> SimpleNamespace:
        shown = SimpleNamespace(stdout="", stderr="", errors=[], pictures=0)

        def show(message: dict) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                setattr(shown, content["name"], getattr(shown, content["name"]) + content["text"])
            elif message["msg_type"] == "error":
                shown.errors += content["traceback"]
            elif message["msg_type"] == "display_data":
                shown.pictures += "image/png" in content["data"]

        client.execute_interactive(code, output_hook=show, timeout=PATIENCE, allow_stdin=False)
        return shown

    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield run
    finally:
        client.stop_channels()
        started.shutdown_kernel(now=True)
