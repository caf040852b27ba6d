"""Graders that share a class, each a process of its own, in which no student's code runs and a unit takes no time.

What each does to the submissions is in a log; a unit's checks bear a number of its own, so that it can be told which
one was published.
"""

import contextlib
import errno
import json
import multiprocessing
import os
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from grading.claims import Pace
from tests.grading.graded_class import checks

PACE = Pace(beat=0.1, stale=1.5, look=0.05)
PATIENCE = 60  # seconds: not a figure to reach, but to end a test that hangs


@dataclass(frozen=True)
class Plan:
    """What is special about a grader: what it hangs in, at which submission, and what goes wrong with it."""

    hangs: dict[str, str] = field(default_factory=dict)  # by the step, such as "grade": a folder, or "any"
    fails: tuple[str, ...] = ()  # folders of submissions that it fails on
    full: str = ""  # "scratch", or "out" after some are published: a disk without any room
    clock: float = 0.0  # seconds that its clock is off
    standstill: float = PATIENCE  # seconds, after which it is noticed
    kit: str = "0123456789abcdef"
    seconds: float = 0.02  # that a unit takes
    flags: dict[str, object] = field(default_factory=dict)
    pace: Pace = PACE


class Together:
    """A folder of submissions and one of results, and the graders that are at work there."""

    def __init__(self, folder: Path) -> None:
        self.submissions, self.out, self.log = folder / "submissions", folder / "grades", folder / "log"
        self.log.mkdir(parents=True)
        self.graders = []

    def start(self, plan: Plan | None = None, **given: object) -> "Grader":
        """Start a grader, with --claim; what is given is for its Plan."""
        grader = Grader(self, plan or Plan(**given), len(self.graders))
        self.graders.append(grader)
        return grader

    def events(self, what: str) -> list[tuple[int, str, str]]:
        """Return what graders did of one kind, such as "graded": grader, submission, and the number of the unit."""
        lines = [line for path in sorted(self.log.glob("*.log")) for line in path.read_text().splitlines()]
        return [tuple(event[1:]) for event in map(json.loads, lines) if event[0] == what]

    def results(self) -> dict[str, dict]:
        """Return the results that are there, by their folders."""
        return {path.parent.name: json.loads(path.read_bytes()) for path in self.out.glob("submissions/*/result.json")}

    def end(self) -> None:
        for grader in self.graders:
            grader.kill()


class Grader:
    """One of the graders."""

    def __init__(self, together: Together, plan: Plan, number: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["grading.course", "grading.results.feedback_page", __name__])
        self.said = together.log / f"{number}.txt"
        self._process = context.Process(
            target=_grade, args=(together.submissions, together.out, plan, number, self.said)
        )
        self._process.start()
        self._together, self.number = together, number

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> int:
        """Return its exit status."""
        self._process.join(PATIENCE)
        assert self._process.exitcode is not None, f"it hangs: {self.said.read_text()}"
        return self._process.exitcode

    def send(self, signal_: int) -> None:
        os.kill(self.pid, signal_)

    def kill(self) -> None:
        if self._process.is_alive():
            self._process.kill()
        self._process.join(PATIENCE)

    def hangs(self) -> str:
        """Wait until it hangs where its plan says; return the submission."""
        return eventually(lambda: [name for who, name, _ in self._together.events("hangs") if who == self.number])[0]

    def release(self) -> None:
        """Let it go on from where it hangs."""
        (self._together.log / f"{self.number}.go").touch()


def eventually(condition):
    """Wait until a condition holds, for what another process does; return what it came to."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return value


# -------------------------------------------------------------------------------------------------- in the process


def _grade(submissions: Path, out: Path, plan: Plan, number: int, said: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(said, "w", 1, "utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        _play(plan, said.parent, number)
        from grading import course
        from grading.options import Options
        from labkit.checks.assignment import DEFAULT
        from labkit.errors import KitError

        given = {
            "train": False,
            "jobs": 1,
            "regrade": False,
            "archive": [],
            "unsafe": False,
            "claim": True,
        } | plan.flags
        options = Options(submissions, out, 0o755, DEFAULT, data_dir=submissions, **given)
        try:
            status = course.grade_class(options)
        except (KitError, OSError) as error:
            print(f"error: {error}")
            status = 1
        except KeyboardInterrupt:
            status = 130
    os._exit(status)


def _play(plan: Plan, folder: Path, number: int) -> None:
    """Play what a real grader does for its units, as the plan says."""
    from grading import assessment, batch, claims, course, unit
    from labkit.submission.names import safe_stem

    claims.PACE, unit.STANDSTILL, unit.TICK = plan.pace, plan.standstill, 0.05
    now = time.time
    time.time = lambda: now() + plan.clock

    def log(what: str, name: str, unit_number: str = "") -> None:
        with open(folder / f"{number}.log", "a", encoding="utf-8") as file:
            file.write(json.dumps([what, number, name, unit_number]) + "\n")

    def maybe_hang(step: str, name: str) -> None:
        if plan.hangs.get(step) in ("any", name):
            plan.hangs.pop(step)
            log("hangs", name)
            while not (folder / f"{number}.go").exists():
                time.sleep(0.02)

    def grade(content, rules, sandbox, inspector, data, scratch):
        name = safe_stem(content.files[0][0])
        (scratch / assessment.UNPACKED).mkdir()
        log("began", name)
        maybe_hang("grade", name)
        time.sleep(plan.seconds)
        if name in plan.fails:
            raise RuntimeError("a slip of the grader's")
        found, unit_number = checks(), secrets.token_hex(8)
        log("graded", name, unit_number)
        return [found[0].__class__(found[0].name, found[0].status, unit_number), *found[1:]], ""

    publish, write_tables, laid_out = batch.Batch.publish, course._write_tables, unit._laid_out
    conclude, commit = batch.Batch.conclude, claims.Claims.commit

    def committed(self, name, *given):
        maybe_hang("commit", name)
        return commit(self, name, *given)

    def concluded(self, *given):
        maybe_hang("conclude", "")
        return conclude(self, *given)

    def published(self, submission, graded):
        maybe_hang("publish", submission.stem)
        row = publish(self, submission, graded)
        log("published", submission.stem, graded.checks[0].message)
        return row

    def tables(*given):
        maybe_hang("tables", "")
        log("tables", "")
        write_tables(*given)

    def no_room(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    unit.keep_texts = no_room
    unit.network_checks.Inspector = lambda *_: SimpleNamespace(close=lambda: None)
    unit._laid_out = no_room if plan.full == "scratch" else laid_out
    assessment.grade, assessment.grader_version = grade, lambda: plan.kit
    batch.Batch.publish, course._write_tables = published, tables
    batch.Batch.conclude, claims.Claims.commit = concluded, committed
    batch.Batch.compare = lambda self, rows: None
    sandbox = SimpleNamespace(name="bubblewrap", exposure=lambda path: None, secrets={})
    course.find_sandbox = lambda unsafe: sandbox
    synced = []

    def fsync(descriptor):  # no test pulls the plug, and it is what takes most of the time
        synced.append(descriptor)
        if plan.full == "out" and len(synced) > 30:
            no_room()

    os.fsync = fsync
