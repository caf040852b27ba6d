"""Skips tests for want of what the README's first command does not install, with the line that installs it."""

from types import ModuleType

import pytest

REQUIREMENTS = {  # the file that has the package
    "cryptography": "requirements-grading.txt",
    "psutil": "requirements-grading.txt",
    "pypdfium2": "requirements-grading.txt",
    "pypandoc": "requirements-report.txt",
    "typst": "requirements-report.txt",
    "tensorboard": "requirements-dev.txt",
}


def needs(package: str) -> ModuleType:
    """Import a package, or skip: the test or fixture that calls this, or the module at whose top it is called."""
    return pytest.importorskip(package, reason=f"{package} is not installed: pip install -r {REQUIREMENTS[package]}")
