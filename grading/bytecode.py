"""Tells where Python has to compile TensorFlow anew in each sandbox: seconds of processor time for each submission.

Nothing in a sandbox may keep what it has compiled, and grading's own process imports no TensorFlow. So what was
installed without bytecode, as by uv unless it is asked for it, stays so. pip compiles what it installs.
"""

import importlib.util
import shlex
import sys
from pathlib import Path

PACKAGE = "tensorflow"  # the largest by far; what was installed with it is compiled if it is


def missing(package: str = PACKAGE) -> str | None:
    """Say that a package has no bytecode, and what to do about it; None where it has, or is not there."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    source = Path(spec.origin)
    if (source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc").is_file():
        return None
    command = shlex.join([sys.executable, "-m", "compileall", "-q", str(source.parent.parent)])
    return (
        f"{package} was installed without bytecode, so that Python compiles it anew for each submission, which takes "
        f"seconds; compile it once and for all: {command}"
    )
