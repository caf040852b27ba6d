"""Runs a script of exercises/ as `python exercises/NAME.py` does, but in this process, which has TensorFlow already."""

import contextlib
import io
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import tensorflow as tf

from tests.support.tracing import ROOT

FOLDER = ROOT / "exercises"


def run_exercise(name: str, *arguments: str | Path) -> str:
    """Run the script with these arguments to its end, and return what it printed on stdout.

    Raises AssertionError, with what it printed on stderr, where its exit status is not 0.
    """
    return run_and_look(name, *arguments)[0]


def run_and_look(name: str, *arguments: str | Path) -> tuple[str, dict[str, Any]]:
    """Do as run_exercise does; return the module's names, too, as they are at its end."""
    out, err = io.StringIO(), io.StringIO()
    command = [str(FOLDER / f"{name}.py"), *map(str, arguments)]
    status: Any = 0
    names: dict[str, Any] = {}
    with mock.patch.object(sys, "argv", command), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            names = runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            status = end.code
        finally:  # for the tests after it, which multiply in float32
            tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False})
    assert not status, f"{name}: exit status {status}\n{err.getvalue()}"
    return out.getvalue(), names
