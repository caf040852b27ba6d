"""The unit of grading: what goes to whoever grades, what comes back, and that any executor can carry both."""

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Executor, Future
from types import SimpleNamespace

import pytest

from grading import course, unit
from grading.intake.zips import BadZip
from grading.progress import Progress
from grading.unit import FINGERPRINTS, KEPT, GradedUnit, Place, Task, UnitStatus
from grading.workers import Threads, Workers, threads
from labkit.checks.assignment import load_assignment
from labkit.checks.check import Accuracies, CheckId, Status, failed
from labkit.errors import RecordError
from labkit.limits import SandboxError
from tests.grading import graded_class
from tests.grading.graded_class import HOSTILE, checks, grade, hand_in, marks
from tests.submissions import ROOT
from tests.support.needs import needs

needs("psutil")
pytestmark = pytest.mark.grading

RULES = load_assignment().rules
KIT = "0123456789abcdef"


def task_of(*files, **others):
    files = files or (("1_a_b.zip", b"PK\x05\x06" + bytes(range(256))),)
    digest = hashlib.sha256(files[0][1]).hexdigest()
    return Task(files, (), digest, RULES, KIT, "bubblewrap", train=False, **others)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a place where nothing is run, and each inspector is a thing of its own; `play` says what comes out."""
    made = Place(SimpleNamespace(name="bubblewrap"), None, KIT, tmp_path)
    made.play = lambda content, data: (checks(), "its text")
    made.started = []

    def inspector(*_):
        made.started.append(SimpleNamespace(close=lambda: made.closed.append(threading.get_ident())))
        return made.started[-1]

    def play(content, rules, sandbox, inspector, data, scratch):
        (scratch / "submission").mkdir()
        (scratch / "submission" / "report.pdf").write_bytes(b"%PDF")
        return made.play(content, data)

    def keep_texts(file, folder, report, sandbox, scratch, results):
        file.write_text(report)
        (results / "code.json").write_text("{}")

    made.closed = []
    monkeypatch.setattr(unit.network_checks, "Inspector", inspector)
    monkeypatch.setattr(unit.assessment, "grade", play)
    monkeypatch.setattr(unit, "keep_texts", keep_texts)
    yield made
    made.close()


# ------------------------------------------------------------------------------------------------------ as bytes


def test_a_task_comes_out_of_its_bytes_as_it_went_in():
    names = ("a/\udcff=cmd|' /C calc'!A0.py", "two\nlines.pdf", "\u202e.py")
    files = tuple((name, os.urandom(n * 1000)) for n, name in enumerate(names))
    task = Task(files, (HOSTILE,), "00ff", dataclasses.replace(RULES), KIT, "another user", train=True)
    assert Task.decode(task.encode()) == task
    assert b"\n" not in task.encode().partition(b"\n")[0]


def test_an_answer_comes_out_of_its_bytes_as_it_went_in():
    found = failed(
        CheckId("training", "model_no1"),
        HOSTILE,
        fraction=0.25,
        log="a\nb\x1b",
        seconds=1.5,
        remarks=("x", HOSTILE),
        layers=("conv",),
        accuracies=(Accuracies("training", "model_no1", (0.5, 0.75)),),
    )
    kept = {name: os.urandom(n * 999) for n, name in enumerate(KEPT)}
    graded = GradedUnit(UnitStatus.GRADED, "node7", [found], kept=kept)
    again = GradedUnit.decode(graded.encode())
    assert again == graded
    assert (type(again.checks[0].name), again.checks[0].status) == (CheckId, Status.FAILED)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[5:],
        lambda data: data.replace(b'"report.pdf"', b'"/etc/x.pdf"'),
        lambda data: data.replace(b'"graded"', b'"perfect"'),
        lambda data: data.replace(b'"sizes": [3]', b'"sizes": [-1, 4]'),
        lambda data: data.replace(b'"sizes": [3]', b'"sizes": [1, 2]'),
        lambda data: data.replace(b'"format": 1', b'"format": 2'),
        lambda data: b"\x80\x04\x95" + data,
        lambda data: b"",
    ],
)
def test_what_is_no_answer_is_refused(damage):
    data = GradedUnit(UnitStatus.GRADED, "node7", checks(), kept={"report.pdf": b"abc"}).encode()
    assert GradedUnit.decode(data).kept == {"report.pdf": b"abc"}
    with pytest.raises(RecordError):
        GradedUnit.decode(damage(data))


def test_what_is_too_large_is_not_sent_and_not_taken(monkeypatch):
    data = GradedUnit(UnitStatus.GRADED, "node7", kept={"report.pdf": bytes(3000)}).encode()
    monkeypatch.setattr(unit, "MOST_BYTES", 2000)
    with pytest.raises(RecordError, match="more than can be sent"):
        GradedUnit(UnitStatus.GRADED, "node7", kept={"report.pdf": bytes(3000)}).encode()
    with pytest.raises(RecordError, match="no unit"):
        GradedUnit.decode(data)
    monkeypatch.undo()
    monkeypatch.setattr(unit, "MOST_HEAD", 1000)
    with pytest.raises(RecordError, match="more than can be sent"):
        GradedUnit(UnitStatus.FAILED, "node7", problem="x" * 2000).encode()


# ------------------------------------------------------------------------------------------------------ one of them


def test_what_was_hashed_is_what_is_graded(place):
    seen = []
    place.play = lambda content, data: seen.append(content.one_file.read_bytes()) or (checks(), "its text")
    task = task_of()
    graded = GradedUnit.decode(place.grade(task.encode()))
    assert (graded.outcome, graded.checks) == (UnitStatus.GRADED, checks())
    assert graded.kept == {"report.pdf": b"%PDF", "code.json": b"{}", FINGERPRINTS: b"its text"}
    assert [hashlib.sha256(data).hexdigest() for data in seen] == [task.sha256]
    other = task_of(("1_a_b.zip", b"PK of another"))
    changed = dataclasses.replace(other, sha256=task.sha256)
    assert GradedUnit.decode(place.grade(changed.encode())).outcome == UnitStatus.CHANGED
    assert len(seen) == 1
    assert list(place.scratch.iterdir()) == [], "nothing is left"


def test_loose_files_are_graded_under_the_names_that_they_came_in_under(place):
    files = (("code/model_no1.py", b"x = 1\n"), ("r\udce9port.pdf", b"%PDF"))
    digest = hashlib.sha256()
    for name, data in files:
        digest.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode(errors="surrogatepass"))
    seen = []
    place.play = lambda content, data: (
        seen.append([(name, path.read_bytes()) for name, path in content.files]) or ([], "")
    )
    task = Task(files, (), digest.hexdigest(), RULES, KIT, "bubblewrap", train=False)
    assert GradedUnit.decode(place.grade(task.encode())).outcome == UnitStatus.GRADED
    assert seen == [list(files)]


@pytest.mark.parametrize(
    ("error", "outcome", "problem"),
    [
        (BadZip("it is damaged"), UnitStatus.REFUSED, "it is damaged"),
        (SandboxError("no more processes\x1b"), UnitStatus.FAILED, "SandboxError: no more processes\\x1b"),
        (MemoryError(), UnitStatus.FAILED, "MemoryError: "),
        (RuntimeError("x" * 10**7), UnitStatus.FAILED, "RuntimeError: xxx"),
    ],
)
def test_whatever_happens_is_an_answer_and_only_a_failure_costs_the_inspector(place, error, outcome, problem):
    def play(content, data):
        raise error

    place.play = play
    graded = GradedUnit.decode(place.grade(task_of().encode()))
    assert (graded.outcome, graded.checks, graded.kept) == (outcome, [], {})
    assert graded.problem.startswith(problem)
    assert len(graded.problem + graded.trace) < 200_000
    assert ("Traceback" in graded.trace) == (outcome == UnitStatus.FAILED) or len(str(error)) > 10**6
    assert len(place.closed) == (outcome == UnitStatus.FAILED)


def test_a_place_with_another_kit_sandbox_or_without_the_digits_says_so_and_grades_nothing(place):
    for change, told in (
        ({"kit": "fedcba9876543210"}, "another version of the kit, of Python or of a package (0123456789abcdef)"),
        ({"sandbox": "another user"}, "has the sandbox bubblewrap, and the class is graded in another user"),
        ({"train": True}, "has no MNIST to train on"),
    ):
        graded = GradedUnit.decode(place.grade(dataclasses.replace(task_of(), **change).encode()))
        assert graded.outcome == UnitStatus.FAILED
        assert told in graded.problem
    assert place.started == []
    assert GradedUnit.decode(place.grade(b"nonsense")).outcome == UnitStatus.FAILED


def test_what_was_graded_while_the_machine_stood_still_is_nobodys_result(place, monkeypatch):
    assert GradedUnit.decode(place.grade(task_of().encode())).outcome == UnitStatus.GRADED
    monkeypatch.setattr(unit, "STANDSTILL", 0.2)
    monkeypatch.setattr(unit, "TICK", 60.0)  # as of a process that is stopped
    place.play = lambda content, data: time.sleep(0.3) or (checks(), "")
    graded = GradedUnit.decode(place.grade(task_of().encode()))
    assert (graded.outcome, graded.checks) == (UnitStatus.FAILED, [])
    assert "stood still for more than 0.2 s" in graded.problem


def test_nothing_is_trained_that_was_not_asked_for(place, tmp_path):
    place.data, seen = tmp_path, []
    place.play = lambda content, data: seen.append(data) or ([], "")
    for train in (False, True):
        place.grade(dataclasses.replace(task_of(), train=train).encode())
    assert seen == [None, tmp_path]


def test_texts_that_the_sandbox_fails_on_cost_nothing_else(place, monkeypatch):
    def fail(*_):
        raise SandboxError("no more processes")

    monkeypatch.setattr(unit, "keep_texts", fail)
    graded = GradedUnit.decode(place.grade(task_of().encode()))
    assert (graded.outcome, graded.kept) == (UnitStatus.GRADED, {"report.pdf": b"%PDF"})


def test_a_unit_is_graded_in_a_process_that_knows_nothing_of_the_sender(tmp_path):
    program = (
        "import sys\nfrom types import SimpleNamespace\nfrom grading import unit\n"
        "unit.network_checks.Inspector = lambda *_: SimpleNamespace(close=lambda: None)\n"
        "place = unit.Place(SimpleNamespace(name='bubblewrap'), None, '0123456789abcdef')\n"
        "sys.stdout.buffer.write(place.grade(sys.stdin.buffer.read()))\n"
    )
    task = task_of(("1_a_b.zip", b"not a zip"))
    done = subprocess.run(
        [sys.executable, "-c", program], input=task.encode(), cwd=ROOT, capture_output=True, check=True
    )
    graded = GradedUnit.decode(done.stdout)
    assert graded.outcome == UnitStatus.REFUSED
    assert "not a zip" in graded.problem


# ------------------------------------------------------------------------------------------------- threads that grade


def test_each_thread_has_its_own_inspector_for_all_its_units_and_all_are_ended(place):
    both = threading.Barrier(2, timeout=20)

    def play(content, data):
        both.wait()
        return [], ""

    place.play = play
    with threads(place, 2) as workers:
        futures = [workers.executor.submit(workers.grade, task_of().encode()) for _ in range(6)]
        assert all(GradedUnit.decode(future.result(20)).outcome == UnitStatus.GRADED for future in futures)
        assert len(place.started) == 2
        assert place.closed == []
    assert len(place.closed) == 2


def test_threads_are_an_executor_as_any():
    with Threads(2) as executor:
        assert isinstance(executor, Executor)
        assert list(executor.map(pow, range(50), [2] * 50)) == [n * n for n in range(50)]
        with pytest.raises(ZeroDivisionError):
            executor.submit(lambda: 1 / 0).result(20)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(print)
    release, executor = threading.Event(), Threads(1)
    first, second = executor.submit(release.wait, 20), executor.submit(print)
    executor.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled()
    release.set()
    assert first.result(20)


def test_threads_keep_neither_task_nor_answer():
    class Large:
        pass

    task, executor = Large(), Threads(1)
    future = executor.submit(lambda task: Large(), task)
    kept = [weakref.ref(task), weakref.ref(future.result(20))]
    del task, future
    deadline = time.monotonic() + 20
    while any(ref() for ref in kept) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [ref() for ref in kept] == [None, None]
    executor.shutdown()


def test_nobody_waits_for_a_thread_when_the_program_ends():
    program = (
        "import time\nfrom grading.workers import Threads\nexecutor = Threads(1)\n"
        "executor.submit(time.sleep, 600)\nprint('at it', flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"at it\n"
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=20)[1]
    finally:
        process.kill()


# ------------------------------------------------------------------------------------------------ a class by executors


class Recorded(Executor):
    """An executor that answers the first of what it holds when it is told to, and knows how much it held."""

    def __init__(self, answer):
        self.answer, self.held, self.most, self.sent = answer, deque(), 0, []

    def submit(self, fn, /, task):
        self.sent.append(Task.decode(task))
        self.held.append((Future(), self.sent[-1]))
        self.most = max(self.most, len(self.held))
        return self.held[-1][0]

    def answer_one(self):
        future, task = self.held.popleft()
        try:
            future.set_result(self.answer(task))
        except Exception as error:
            future.set_exception(error)


@pytest.fixture
def graded_by(tmp_path, monkeypatch):
    """Return a function that has a class of twelve graded by an executor that answers as it is told."""
    for n in range(12):
        hand_in(tmp_path / "submissions", f"10{n:02}_ada_lovelace.zip")

    def graded_by(answer, **others):
        executor = Recorded(answer)
        workers = Workers(executor, None, lambda: 2, **others)
        monkeypatch.setattr(course, "threads", lambda place, jobs: contextlib.nullcontext(workers))
        monkeypatch.setattr(graded_class, "play", lambda *_: None)
        told = []  # whenever as much as may be is sent
        monkeypatch.setattr(Progress, "working_on", lambda self, folders: told.append(folders) or executor.answer_one())
        executor.told = told
        return executor, grade(monkeypatch, tmp_path / "submissions", tmp_path / "grades", train=False)

    return graded_by


def test_a_bounded_number_is_sent_at_a_time_and_each_once(graded_by):
    executor, out = graded_by(lambda task: GradedUnit(UnitStatus.GRADED, "node7", checks()).encode(), ahead=1)
    assert executor.most == 3
    assert max(map(len, executor.told)) == 2, "the third waits for one of the two"
    assert len({task.sha256 for task in executor.sent}) == len(executor.sent) == 12
    assert set(marks(out).values()) == {57}
    record = json.loads((out / "submissions/1000_ada_lovelace/result.json").read_bytes())
    assert record["machine"] == "node7"
    again, _ = graded_by(lambda task: 1 / 0)
    assert again.sent == [], "which machine it was is no reason to grade again"
    record = json.loads((out / "submissions/1000_ada_lovelace/result.json").read_bytes())
    assert record["machine"] == "node7"


def test_large_submissions_are_not_sent_all_at_once(graded_by, monkeypatch):
    monkeypatch.setattr("grading.batch.IN_FLIGHT", 1)
    executor, _ = graded_by(lambda task: GradedUnit(UnitStatus.GRADED, "node7", checks()).encode(), ahead=10)
    assert executor.most == 1
    assert len(executor.sent) == 12


def test_what_an_executor_loses_or_spoils_is_a_crash_of_that_row_and_graded_at_the_next_run(graded_by):
    good = GradedUnit(UnitStatus.GRADED, "node7", checks()).encode()

    def answer(task):
        number = int(task.files[0][0][2:4])
        if number == 3:
            raise ConnectionError("the worker is gone")
        return good[:-1] if number == 5 else good

    _, out = graded_by(answer)
    assert len(marks(out)) == 10
    log = (out / "submissions/1003_ada_lovelace/error.log").read_text()
    assert "the worker is gone" in log
    executor, _ = graded_by(lambda task: good)
    assert sorted(task.files[0][0] for task in executor.sent) == ["1003_ada_lovelace.zip", "1005_ada_lovelace.zip"]
    assert len(marks(out)) == 12
