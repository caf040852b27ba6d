"""Where student code runs: finds out what confines a process on this machine, by trying.

    sandbox = find_sandbox()
    outcome = sandbox.run([sandbox.python, "/submission/model_no1.py"], read_only={"/submission": folder})
    if outcome.problem: ...

Bubblewrap comes first. Where it does not work and root grades, as in a container, another user has to do. Where
neither works, grading refuses, unless it is told to go without.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.sandbox.another_user import AnotherUser
from grading.sandbox.bubblewrap import Bubblewrap
from grading.sandbox.runner import Running, Sandbox
from grading.sandbox.unconfined import Unconfined
from labkit.limits import Limits, NoSandbox, Outcome, SandboxError

__all__ = [
    "Limits",
    "NoSandbox",
    "Outcome",
    "Running",
    "Sandbox",
    "SandboxError",
    "Trial",
    "check_hidden",
    "find_sandbox",
    "trials",
]

TRIAL = Limits(wall_seconds=20)


def find_sandbox(unsafe: bool = False) -> Sandbox:
    """Return the first sandbox that works here.

    With `unsafe`, where none does, it is one that confines nothing, named "none". Raises NoSandbox where none works.
    """
    problems = []
    for trial in trials():
        if trial.sandbox:
            return trial.sandbox
        problems.append(f"{trial.name}: {' '.join(trial.problem.split())}")
    if unsafe:
        return Unconfined()
    raise NoSandbox(
        f"no sandbox works here ({'; '.join(problems)}), and student code does not run without one: see "
        "python -m grading doctor"
    )


def check_hidden(sandbox: Sandbox, private: Mapping[str, Path]) -> None:
    """Check that student code can't read what is `private`, folders by what they are, nor the sandbox's secrets.

    Raises SandboxError, a line, that says what is to be done.
    """
    exposed = [
        f"{what} ({folder}) {reason}"
        for what, folder in {**private, **sandbox.secrets}.items()
        if (reason := sandbox.exposure(folder))
    ]
    if exposed:
        raise SandboxError("; ".join(exposed))


@dataclass(frozen=True)
class Trial:
    """A kind of sandbox, one that works or None, and what went wrong."""

    name: str
    sandbox: Sandbox | None
    problem: str


def trials() -> Iterator[Trial]:
    """Try one kind of sandbox after the other."""
    for kind in (Bubblewrap, AnotherUser):
        try:
            sandbox = kind()
            outcome = sandbox.run([sandbox.python, "-c", "print('it works')"], limits=TRIAL)
        except SandboxError as error:
            yield Trial(kind.name, None, str(error))
        else:
            problem = f"a trial run {outcome.problem}: {outcome.log}" if outcome.problem else ""
            yield Trial(kind.name, None if problem else sandbox, problem)
