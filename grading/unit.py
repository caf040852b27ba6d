"""The unit of grading: a submission's files and the rules go in, checks and what is kept beside them come out.

    answer = Place(sandbox, data, kit, scratch).grade(task.encode())
    graded = Graded.decode(answer)

A task knows nothing of the machine that sends it, and an answer nothing of the one that graded but its name. Both are
bytes: JSON and files, of bounded size, and nothing that is ever unpickled. So any executor can carry them, to a thread,
another process, another machine. Who is who, lateness, points, tables and comparisons are the sender's.
"""

import contextlib
import dataclasses
import json
import platform
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from grading import assessment
from grading.intake.contents import Content
from grading.intake.zips import LIMITS, BadZip
from grading.layout import CODE, REPORT, STILL_REPORT
from grading.networks import network_checks
from grading.results.kept import keep_report
from grading.sandbox.runner import Sandbox
from grading.similarity.pairs import keep_texts
from labkit.checks.assignment import Rules
from labkit.checks.check import Check
from labkit.errors import KitError, RecordError
from labkit.formats import FORMAT, read_record
from labkit.limits import SandboxError
from labkit.text import printable

FINGERPRINTS = "fingerprints.json"
KEPT = (REPORT, STILL_REPORT, CODE, FINGERPRINTS)  # what an answer may hold beside the checks
MOST_HEAD = 16 * 2**20  # bytes of the JSON before the files
MOST_BYTES = MOST_HEAD + LIMITS.total_bytes  # of a task or of an answer; a usual one has some 200 KB
MOST_TRACE = 50_000  # characters
STANDSTILL = 30.0  # seconds in which nothing moved here: a process that was stopped, a machine that was
TICK = 1.0  # seconds between two looks at the clock


class Refusal(KitError):
    """A unit can't be graded at this place; the text says why and what to do."""


class StoodStill(KitError):
    """A machine or a process was stopped while it graded: what ran out of time then, may not be to blame."""


class UnitStatus(str, Enum):
    """What became of a unit."""

    GRADED = "graded"
    REFUSED = "refused"  # nothing in it can be graded: `problem` is for the student
    CHANGED = "changed"  # the files are not those that were collected
    FAILED = "failed"  # the grader did, or the machine: `problem` is for the instructor

    def __str__(self) -> str:  # as it is written, whatever the version of Python
        return self.value


# ------------------------------------------------------------------------------------------------------ in and out


@dataclass(frozen=True)
class _TaskHead:
    sha256: str
    rules: Rules
    kit: str
    sandbox: str
    train: bool
    names: list[str]
    left_out: tuple[str, ...]
    sizes: list[int]


@dataclass(frozen=True)
class Task:
    """What is to be graded, and how: `files` are names and bytes as they came in, `sha256` is that of the collection.

    `left_out` are the remarks of intake.contents.Content. The place has to have the kit and the sandbox that the sender
    will record.
    """

    files: Sequence[tuple[str, bytes]]
    left_out: tuple[str, ...]
    sha256: str
    rules: Rules
    kit: str
    sandbox: str
    train: bool

    def encode(self) -> bytes:
        """Return it as bytes; raise RecordError for one that is too large."""
        head = {name: getattr(self, name) for name in ("left_out", "sha256", "kit", "sandbox", "train")}
        head |= {"rules": dataclasses.asdict(self.rules), "names": [name for name, _ in self.files]}
        return _packed(head, [data for _, data in self.files])

    @classmethod
    def decode(cls, data: bytes) -> "Task":
        """Read what `encode` made; raise RecordError for anything else."""
        head, parts = _unpacked(data, _TaskHead)
        if len(head.names) != len(parts):
            raise RecordError(f"it names {len(head.names)} files and holds {len(parts)}")
        files = tuple(zip(head.names, parts, strict=True))
        return cls(files, head.left_out, head.sha256, head.rules, head.kit, head.sandbox, head.train)


@dataclass(frozen=True)
class _GradedHead:
    outcome: UnitStatus
    machine: str
    checks: list[Check]
    problem: str
    trace: str
    names: list[str]
    sizes: list[int]


@dataclass(frozen=True)
class GradedUnit:
    """What came of a unit: checks where it was graded, a problem where it was not, and what is kept, by name (KEPT).

    `machine` is the name of the host; `trace` where the grader failed.
    """

    outcome: UnitStatus
    machine: str = field(default_factory=platform.node)
    checks: list[Check] = field(default_factory=list)
    problem: str = ""
    trace: str = ""
    kept: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def failed(cls, error: BaseException, machine: str | None = None) -> "GradedUnit":
        """Return what came of a unit on which the grader failed; on this machine, where no other is named."""
        trace = printable("".join(traceback.format_exception(error))[-MOST_TRACE:])
        problem = f"{type(error).__name__}: {printable(str(error)[:MOST_TRACE])}"
        return cls(UnitStatus.FAILED, platform.node() if machine is None else machine, problem=problem, trace=trace)

    def encode(self) -> bytes:
        """Return it as bytes; raise RecordError for one that is too large."""
        head = {name: getattr(self, name) for name in ("outcome", "machine", "problem", "trace")}
        head |= {"checks": [dataclasses.asdict(check) for check in self.checks], "names": list(self.kept)}
        return _packed(head, list(self.kept.values()))

    @classmethod
    def decode(cls, data: bytes) -> "GradedUnit":
        """Read what `encode` made; raise RecordError for anything else."""
        head, parts = _unpacked(data, _GradedHead)
        if len(head.names) != len(parts) or not set(head.names) <= set(KEPT):
            raise RecordError(f"it names {', '.join(head.names)[:200]}, and holds {len(parts)} files")
        kept = dict(zip(head.names, parts, strict=True))
        return cls(head.outcome, printable(head.machine[:255]), head.checks, head.problem, head.trace, kept)


_T = TypeVar("_T", _TaskHead, _GradedHead)


def _packed(head: Mapping[str, Any], parts: Sequence[bytes]) -> bytes:
    """Put together a line of JSON, which says how long the parts are, and the parts."""
    record = {"format": FORMAT, **head, "sizes": [len(part) for part in parts]}
    line = json.dumps(record).encode() + b"\n"
    size = len(line) + sum(record["sizes"])
    if len(line) > MOST_HEAD or size > MOST_BYTES:
        raise RecordError(f"it has {size:,} bytes, {len(line):,} of them before the files: more than can be sent")
    return b"".join([line, *parts])


def _unpacked(data: bytes, kind: type[_T]) -> tuple[_T, list[bytes]]:
    end = data.find(b"\n", 0, MOST_HEAD)
    if len(data) > MOST_BYTES or end < 0:
        raise RecordError(f"{len(data):,} bytes are no unit of grading")
    head = read_record(data[:end], kind)
    if min(head.sizes, default=0) < 0 or sum(head.sizes) != len(data) - end - 1:
        raise RecordError("its files have other sizes than it says")
    parts, start = [], end + 1
    for size in head.sizes:
        parts.append(data[start : start + size])
        start += size
    return head, parts


# --------------------------------------------------------------------------------------------------------- the work


class Place:
    """Where units are graded: what is the machine's own, made once for each process, and used by any of its threads."""

    def __init__(
        self, sandbox: Sandbox, data: Path | None, kit: str, scratch: Path | None = None, precision: str = "auto"
    ) -> None:
        """Set it up.

        Args:
            sandbox: to run submissions in.
            data: the directory of MNIST, complete; None where nothing is trained.
            kit: what assessment.grader_version says here.
            scratch: a folder for temporary files; the system's own where none is given.
            precision: of trainings: float32, bfloat16, or auto for what this machine's processor does best.
        """
        self.sandbox, self.data, self.kit, self.scratch, self._precision = sandbox, data, kit, scratch, precision
        self._inspectors: dict[int, network_checks.Inspector] = {}  # by the thread
        self._pulse = _Pulse()

    def grade(self, task: bytes) -> bytes:
        """Grade a task, whatever happens: what an executor runs. A failure of the grader is an answer, too."""
        try:
            with self._pulse.watched():
                graded = grade_one(Task.decode(task), self)
            return graded.encode()
        except Exception as error:  # a mistake of the grader's, or of the machine's: never the end of the class
            self._drop_inspector(threading.get_ident())  # it may be what failed
            return GradedUnit.failed(error).encode()

    def inspector(self) -> network_checks.Inspector:
        """Return the inspector of the thread that calls this, started where it has none; raise SandboxError."""
        thread = threading.get_ident()
        if thread not in self._inspectors:
            self._inspectors[thread] = network_checks.Inspector(self.sandbox, self.scratch, self._precision)
        return self._inspectors[thread]

    def _drop_inspector(self, thread: int) -> None:
        if inspector := self._inspectors.pop(thread, None):
            with contextlib.suppress(SandboxError):
                inspector.close()

    def close(self) -> None:
        """End what was started for the threads; call it when no unit is being graded any more."""
        self._pulse.end()
        for thread in list(self._inspectors):
            self._drop_inspector(thread)


class _Pulse:
    """Notices that the process stands still, by a thread that looks at the clock."""

    def __init__(self) -> None:
        self._last, self._standstills = time.monotonic(), 0
        self._thread: threading.Thread | None = None
        self._lock, self._over = threading.Lock(), threading.Event()

    def _tick(self) -> int:
        """Look at the clock; return how many times nothing has moved so far."""
        with self._lock:
            passed, self._last = time.monotonic() - self._last, time.monotonic()
            self._standstills += passed > STANDSTILL
            return self._standstills

    def _keep_ticking(self) -> None:
        while not self._over.wait(TICK):
            self._tick()

    def end(self) -> None:
        """End the thread."""
        self._over.set()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Raise StoodStill where nothing has moved for a while within the block."""
        with self._lock:
            if self._thread is None:
                self._last, self._thread = time.monotonic(), threading.Thread(target=self._keep_ticking, daemon=True)
                self._thread.start()
        before = self._tick()
        yield
        if self._tick() != before:
            raise StoodStill(f"{platform.node()} stood still for more than {STANDSTILL:g} s while this was graded")


def grade_one(task: Task, place: Place) -> GradedUnit:
    """Grade a task; raise KitError or OSError where the place can't, or fails at it."""
    _refuse_another(place, task)
    with tempfile.TemporaryDirectory(dir=place.scratch, ignore_cleanup_errors=True) as scratch:
        scratch = Path(scratch)
        content = _laid_out(task, scratch / "content")
        if content.sha256() != task.sha256:
            return GradedUnit(UnitStatus.CHANGED)
        try:
            checks, report = assessment.grade(
                content, task.rules, place.sandbox, place.inspector(), place.data if task.train else None, scratch
            )
        except BadZip as error:  # it was good when the class was collected
            return GradedUnit(UnitStatus.REFUSED, problem=str(error))
        return GradedUnit(UnitStatus.GRADED, checks=checks, kept=_kept(scratch, report, place.sandbox))


def _refuse_another(place: Place, task: Task) -> None:
    """Raise Refusal where the result would not be what the sender takes it for."""
    if place.kit != task.kit:
        raise Refusal(
            f"{platform.node()} has another version of the kit, of Python or of a package ({place.kit}) than the class "
            f"is graded by ({task.kit}): install the same there"
        )
    if place.sandbox.name != task.sandbox:
        raise Refusal(
            f"{platform.node()} has the sandbox {place.sandbox.name}, and the class is graded in {task.sandbox}: see "
            "python -m grading doctor there"
        )
    if task.train and place.data is None:
        raise Refusal(f"{platform.node()} has no MNIST to train on: give it --data-dir")


def _laid_out(task: Task, folder: Path) -> Content:
    """Write the files to a new folder, under names of the grader's own."""
    folder.mkdir()
    files = []
    for number, (name, data) in enumerate(task.files):
        path = folder / f"{number}.part"
        path.write_bytes(data)
        files.append((name, path))
    return Content(tuple(files), task.left_out)


def _kept(scratch: Path, report: str, sandbox: Sandbox) -> dict[str, bytes]:
    """Return what is to be kept of the submission that was unpacked in `scratch`.

    Where the sandbox fails on its texts, they are missing: the fingerprints are taken again when the class is compared,
    and nothing else is lost but what is shown.
    """
    unpacked, results, texts = (scratch / name for name in (assessment.UNPACKED, "kept", "texts"))
    results.mkdir()
    texts.mkdir()
    keep_report(unpacked, results)
    with contextlib.suppress(SandboxError, OSError):
        keep_texts(results / FINGERPRINTS, unpacked, report, sandbox, texts, results)
    return {name: (results / name).read_bytes() for name in KEPT if (results / name).is_file()}
