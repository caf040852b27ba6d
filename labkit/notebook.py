"""Whether code runs in a notebook, and how it ends there: a notebook goes on after a failure, a script does not.

labkit/startup.py imports this file, and says why any Python must be able to read it.
"""
# ruff: noqa: RUF005, UP031

import os
import sys

UNNAMED = "notebook"  # the name of a script that does not tell its own


class Stopped(Exception):
    """Ends a cell as sys.exit ends a script. What the notebook shows of it is its text, in one line, and no trace."""

    def _render_traceback_(self, *_):  # IPython asks an exception for this
        return [str(self)]


def running():
    """Tell whether IPython runs this code: a notebook, Spyder, or a terminal's prompt."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return shell is not None and shell() is not None


def stop(status, line=""):
    """End a script with this exit status and a line on stderr, or a notebook's cell with the line alone.

    In a notebook, a status of 0 ends nothing, and the code after the call runs on.
    """
    if running():
        if status:
            raise Stopped(line or "ended with exit status %s" % status)
        return
    if line:
        sys.stderr.write(line + "\n")
    sys.exit(status)


def call(function):
    """Call the function and return its result; where it would end a script, as argparse does, end the cell instead."""
    try:
        return function()
    except SystemExit as end:
        if running() and end.code:
            stop(end.code)
        raise


def pasted(file):
    """Tell whether code of this file name is a cell's, which has the notebook's command line; not so under %run."""
    return running() and os.path.realpath(file) != os.path.realpath(sys.argv[0])


def script(description):
    """Return the name of the script that was pasted: the one in its docstring's command, `python deep_mnist.py`.

    It is looked for in `description`, then in the cells, the last one first.
    """
    cells = sys.modules["IPython"].get_ipython().user_ns.get("In", [])
    for text in [description or ""] + cells[::-1]:
        for line in text.splitlines():
            words = line.split()
            if line.startswith("    python ") and words[1].endswith(".py"):
                return os.path.basename(words[1])[: -len(".py")]
    return UNNAMED
