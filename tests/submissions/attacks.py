"""Puts hostile code into a script, and says how a test can tell what came of it.

Nothing of this may ever run outside of a sandbox. Every attack leaves traces where it can:

- A file with CANARY in its name, or a process with it in its command line, is one that a script tried to leave behind.
  After grading there may be none on the host, in no folder and in no list of processes.
- BREACH in a log or a message is what a script prints when it got hold of something that it must not have.
- SECRET is a file that a test may put there before grading, and SECRET_VARIABLE a variable that it may set: whatever
  grading writes may not hold what is in them.
- PORT of the host's loopback is called by scripts; a test may listen there, and must not hear of anybody.

Each worker of pytest-xdist sets traps of its own, which only the scripts that it has made walk into.

What a script prints, writes or returns earns nothing, so those that swallow a refusal and go on with a right network
have full marks; those that forge something have a wrong network, whose architecture has to be found wrong all the same.
"""

import ast
import functools
import os
import textwrap
from functools import partial
from pathlib import Path

from tests.submissions import Case
from tests.submissions.rewriting import DEEP, REFERENCE, find_code, replaced

TEST_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
CANARY = f"mnist-lab-kit-canary-{TEST_WORKER}-"
BREACH = "BREACH"
SECRET = Path(f"/tmp/mnist-lab-kit-secret-{TEST_WORKER}")
SECRET_VARIABLE = "MNIST_LAB_KIT_SECRET"
PORT = 48151 + TEST_WORKER

ANY = "passed|failed|skipped"

# What becomes of the checks of the script with the attack, by the place where it strikes or what it breaks.
HARMLESS = {}
AT_IMPORT = {"run": "failed", "architecture": "skipped", "training": "skipped"}
IN_MODEL = {"run": "failed", "architecture": "failed|skipped", "training": "skipped"}
IN_MAIN = {"run": "failed", "architecture": "passed|skipped", "training": "passed|skipped"}
IN_GRAPH = {"run": "passed|failed", "architecture": "failed", "training": "skipped"}
WRONG_NETWORK = {"run": "passed|failed", "architecture": "failed|skipped", "training": "skipped"}
OPEN = {"run": ANY, "architecture": ANY, "training": ANY}  # harm may come to this script, but to no other

# What most attacks have a use for.
TOOLS = f"""
import os
import sys

def breach(what):
    print("{BREACH}:", what, flush=True)

def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        print("refused:", type(error).__name__, flush=True)
        return None

def read(path):
    with open(path, "rb") as file:
        return file.read(1000)

def steal(path):
    data = attempt(read, path)
    if data:
        breach(f"read {{path}}: {{data!r}}")

def forever(*_):
    while True:
        pass

def leave_canary(folder):
    path = os.path.join(folder, "{CANARY}")
    attempt(lambda: open(path, "w").write("I was here"))

"""

# Where code can be put: behind a statement; behind the docstring of a function; at the start of the training loop.
STATEMENTS = {"import": "import plotter", "init": "super().__init__()", "end": "run.finish()"}
FUNCTIONS = {"call": "__call__", "main": "main"}
LOOP = {"training": "run.rounds()"}


def attacked(code: str, at: str = "import", script: str = REFERENCE["model_no1"]) -> str:
    """Return a script with hostile code in one of these places, and with TOOLS."""
    line, indent = _place(script, at)
    lines = script.split("\n")
    lines[line:line] = [textwrap.indent(textwrap.dedent(code).strip(), " " * indent)]
    return replaced("\n".join(lines), ("import plotter\n", "import plotter\n" + TOOLS))


@functools.cache  # most are put into the same script
def _place(script: str, at: str) -> tuple[int, int]:
    """Return how many lines of a script stand before a place, and how far code is indented there."""
    if at in STATEMENTS:
        (before,) = find_code(script, STATEMENTS[at])
        return before.end_lineno, before.col_offset
    nodes = list(ast.walk(ast.parse(script)))
    if at in FUNCTIONS:
        (docstring,) = [n.body[0] for n in nodes if isinstance(n, ast.FunctionDef) and n.name == FUNCTIONS[at]]
        return docstring.end_lineno, docstring.col_offset
    (behind,) = [n.body[0] for n in nodes if isinstance(n, ast.For) and ast.unparse(n.iter) == LOOP[at]]
    return behind.lineno - 1, behind.col_offset


def hostile(
    name: str,
    attempts: str,
    code: str,
    statuses: dict[str, str],
    at: str = "import",
    network: str | None = None,
    files: dict[str, str | bytes] | None = None,
    messages: dict[str, str] | None = None,
    script: str = "model_no1",
    sisters: str = "passed",
    **case,
) -> Case:
    """Make a submission with one script that holds hostile code.

    `network` is the text that it is put into, by default the right script's. `statuses` are those of its checks, and
    `messages` fragments of their messages, by the first part of their names; the other scripts should have full marks,
    or the status `sisters`.
    """
    expect = {f"{kind}/{script}": status for kind, status in statuses.items()}
    expect |= {f"{kind}/*": sisters for kind in ("run", "architecture", "training") if sisters != "passed"}
    if "training" in statuses:  # no accuracy to compare the report's with, or a low one
        expect["report/accuracies"] = "passed|failed"
    return Case(
        name,
        attempts,
        "hostile",
        {f"{script}.py": attacked(code, at, network or REFERENCE[script]), **(files or {})},
        expect=expect,
        messages={f"{kind}/{script}": text for kind, text in (messages or {}).items()},
        alone=TOOLS + textwrap.dedent(code) if at == "import" and not files else "",
        within=None
        if files or network not in (None, DEEP)
        else partial(hostile, name, attempts, code, statuses, at, network, None, messages, **case),
        **case,
    )


def forging(name: str, attempts: str, code: str, at: str = "import", **case) -> Case:
    """Make a forgery around a network from which nothing was removed: its architecture must be found wrong."""
    return hostile(name, attempts, code, WRONG_NETWORK, at, DEEP, **case)
