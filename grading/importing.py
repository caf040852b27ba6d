"""Imports a student's script, which should do nothing else then, and says in a line why that failed.

The worker of grading does it in its sandbox, `submit.py check` in a process of its own.
"""

import errno
import importlib
import re
import sys
import traceback
from pathlib import Path

NEWER = (3, 12)  # has a syntax that older ones have not: nested f-strings, type statements, def f[T]
MESSAGE = 500  # characters of an error message that are kept
NOISE = r"\{\{.*?\}\} ?|\[Op:.*|\x1b\[[0-9;]*m"  # in TensorFlow's error messages


class RunsOnImport(BaseException):
    """The script did on import what belongs into its `main`; no `except Exception` of the script's own stops it."""


class NoModel(Exception):
    """The script has no Model."""


def import_script(path: Path):
    """Imports the script `path`, whose folder is on the path of modules, and lets nothing run; returns the module.

    Raises RunsOnImport, NoModel, and whatever the script raises, SystemExit included.
    """
    import input_data
    import lab

    def refuse(*_, **__):  # whoever wants flags or data is running, not being imported
        raise RunsOnImport

    originals = lab.parse_flags, lab.read_data, lab.run_script, input_data.read_data_sets
    lab.parse_flags = lab.read_data = lab.run_script = input_data.read_data_sets = refuse
    sys.argv = [str(path)]
    try:
        module = importlib.import_module(path.stem)
    finally:
        lab.parse_flags, lab.read_data, lab.run_script, input_data.read_data_sets = originals
    if not callable(getattr(module, "Model", None)):
        raise NoModel
    return module


def explain(error: BaseException, script: str) -> str:
    """One line for the student: where in the script the error came up, and what it is."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).stem == script]
    at = f"line {frames[-1].lineno}, `{frames[-1].line}`: " if frames else ""
    if isinstance(error, RunsOnImport):
        what = 'it runs when it is imported; keep that line below `if __name__ == "__main__":`, or in main'
    elif isinstance(error, NoModel):
        return "it has no class Model: keep that name, which tests and grading look for"
    elif isinstance(error, SystemExit):
        what = "it ends the program"
    else:
        what = f"{_reason(error)}{_newer_python(error)}"
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            what = f"{what}{_memory_limit()}"
    return f"{at}{what}"[:MESSAGE]


def _reason(error):
    """The line of an error's message that says what is wrong."""
    text = re.sub(NOISE, "", str(error)).partition("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if lines[0].startswith("Exception encountered when calling"):  # as Keras begins
        lines = lines[1:] or lines
    # An error in a traced function comes with its trace, and then has its type in its own text.
    return lines[-1] if lines[0] == "in user code:" else f"{type(error).__name__}: {lines[0]}"


def _newer_python(error):
    """What to say of syntax that this Python does not know, and a newer one does."""
    if not isinstance(error, SyntaxError) or sys.version_info >= NEWER:
        return ""
    line = (error.text or "").strip()
    if "f-string" not in error.msg and not re.match(r"type \w+|(async )?(def|class) \w+\[", line):
        return ""
    here, newer = (".".join(map(str, version[:2])) for version in (sys.version_info, NEWER))
    return f"; Python {newer} can read that, and here is Python {here}: write it so that both can"


def _memory_limit() -> str:
    """How much memory there is, where there is a limit: in the sandbox, which has none that processes share, either."""
    try:
        import resource  # Windows has none
    except ImportError:
        return ""
    most = resource.getrlimit(resource.RLIMIT_DATA)[0]
    if most == resource.RLIM_INFINITY:
        return ""
    return f" (a script may use {most // 2**20:,} MiB of memory, and share none between processes but by a file)"
