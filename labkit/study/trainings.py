"""Trains the scripts of a study, each in a process of its own, and shows how far they are.

When the last step of one is saved, the next one starts: it loads and prepares while the first is tested. That one then
draws its pictures at the lowest priority, on what the next one's training leaves of the processors.
"""

import contextlib
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from labkit import startup
from labkit.study.jobs import NO_RECORD, TrainingJob, script_path
from labkit.study.processes import Starter

POLL = 0.05  # seconds between two looks at the trainings
HELD_BACK = (signal.SIGINT, signal.SIGTERM)  # while a training starts
TAIL = 500  # bytes at the end of what a training prints: some lines
LOWEST_PRIORITY = 19


class Training:
    """A lab script at work on a job, in a process of its own; after a kill it continues from the last checkpoint."""

    def __init__(self, job: TrainingJob, flags: list[str], starter: Starter, resume: bool = True) -> None:
        self.job = job
        self.trained = self.tested = False
        self.resumed = resume and _left_unfinished(job.folder)
        self._earlier_checkpoints = self._last_checkpoints()
        self._earlier_record = _written(job.folder / "run.json")
        command = [str(script_path(job.network)), "--seed", str(job.seed), *flags]
        # A pipe would fill up, and halt the training.
        self._messages, self._output = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self.process = starter.start(command + ["--resume"] * self.resumed, self._output, self._messages)

    def _last_checkpoints(self) -> set[Path]:
        steps = self.job.wanted["recipe"]["steps"]
        return set(self.job.folder.glob(f"checkpoint/*-step-{steps}.index"))

    def look(self) -> None:
        """See whether the last step is saved, and whether the record is written; then come only pictures."""
        self.trained = self.trained or bool(self._last_checkpoints() - self._earlier_checkpoints)
        if not self.tested and _written(self.job.folder / "run.json") != self._earlier_record:
            self.trained = self.tested = True
            if hasattr(os, "setpriority"):  # not on Windows
                with contextlib.suppress(OSError):  # it has ended
                    os.setpriority(os.PRIO_PROCESS, self.process.pid, LOWEST_PRIORITY)

    def part_done(self) -> float:
        """Return how much of it is done: 0 to 1."""
        step, steps = self.steps()
        return 1.0 if self.trained else step / steps

    def steps(self) -> tuple[int, int]:
        """Return how many steps are done, of how many, as far as the script has printed it; (0, 1) before."""
        if not hasattr(os, "pread"):  # Windows; a seek would move the place at which the script writes
            return 0, 1
        size = os.fstat(self._output.fileno()).st_size
        end = os.pread(self._output.fileno(), TAIL, max(0, size - TAIL))
        progress = re.findall(rb"^step ([\d,]+) of ([\d,]+),", end, re.MULTILINE)
        done, total = (int(number.replace(b",", b"")) for number in progress[-1]) if progress else (0, 1)
        return done, total

    def fault(self) -> str:
        """Say in a line what went wrong in a training that has ended, or "" if nothing did. Call it once."""
        with self._messages, self._output:
            if self.process.returncode == 0:
                left = _written(self.job.folder / "run.json") != self._earlier_record
                return "" if left else f"it ended well, but {NO_RECORD}"
            self._messages.seek(0)
            lines = [line for line in self._messages.read().decode(errors="replace").splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        if errors:
            return errors[-1]
        last = f": {lines[-1].strip()}" if lines else ""  # of a traceback, the line that says what it was
        return f"it ended with exit status {self.process.returncode}{last}"


def _written(path: Path) -> tuple[int, int] | None:
    """Return what identifies one writing of a file; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _left_unfinished(folder: Path) -> bool:
    """Tell whether a run was killed there after its first checkpoint: it has one that is newer than its record."""
    checkpoint, record = folder / "checkpoint" / "checkpoint", folder / "run.json"
    if not checkpoint.exists():
        return False
    return not record.exists() or record.stat().st_mtime < checkpoint.stat().st_mtime


def train(
    waiting: deque[TrainingJob], at_once: int, flags: Mapping[str, Any], bar: tqdm
) -> Generator[tuple[TrainingJob, str], None, None]:
    """Train, and yield (job, fault) as each ends; fault is "", or a line that says what went wrong.

    waiting: a deque of Jobs, from which the caller may take some meanwhile. flags: those of the scripts, names to
    values, `dataset` among them. Every training is stopped when the caller leaves early, by Ctrl-C for example.
    """
    at_work, forecast = [], Forecast(bar.n)
    data = str(flags.get("data_dir") or startup.data_folder()), flags["dataset"]
    arguments = [part for name, value in flags.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    starter = Starter(share_of_the_processors(at_once), data)
    try:
        if len(waiting) > 1:  # for one it takes as long without
            with signals_held_back():
                starter.open()
            starter.wait_until_ready()
        while waiting or at_work:
            while waiting and _may_start(waiting[0], at_work, at_once):
                with signals_held_back():  # else one that has just started is in no list yet, and goes on alone
                    at_work.append(Training(waiting.popleft(), arguments, starter))
            bar.set_postfix_str(_at_present(at_work, bar, forecast))
            time.sleep(POLL)
            for training in at_work:
                training.look()
            for training in [training for training in at_work if training.process.poll() is not None]:
                at_work.remove(training)
                fault = training.fault()
                if fault and training.resumed:  # the checkpoint may be of another recipe, or damaged: without it, then
                    with signals_held_back():
                        at_work.append(Training(training.job, arguments, starter, resume=False))
                    continue
                bar.update()
                yield training.job, fault
    finally:
        starter.close()
        for training in at_work:
            training.fault()  # nobody asks what a stopped one has to say


def _may_start(job: TrainingJob, at_work: list[Training], at_once: int) -> bool:
    """Tell whether a job may start beside those at work: so many in training, and as many that are trained already.

    Not beside a trained one of its own network: what is wrong with that is known when it has ended.
    """
    trained = [training.job.network for training in at_work if training.trained]
    return len(at_work) - len(trained) < at_once and len(trained) <= at_once and job.network not in trained


class Forecast:
    """When all will be done, from what is; it counts down while there is no news."""

    def __init__(self, before: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock; `before` trainings were done already, and say nothing about the time that one takes."""
        self._before, self._clock, self._started = before, clock, clock()
        self._news: tuple[float, float] = (before, before)
        self._end: float | None = None

    def seconds_left(self, done: float, total: float) -> float | None:
        """Estimate the time left after `done` of `total` trainings, counting parts; None before any progress."""
        now, since = self._clock(), done - self._before
        if since > 0 and (done, total) != self._news:
            self._news = done, total
            self._end = now + (now - self._started) * (total - done) / since
        return None if self._end is None else max(0.0, self._end - now)


def _at_present(at_work: list[Training], bar: tqdm, forecast: Forecast) -> str:
    """Format the text behind the progress bar: how long it will take, and what is trained now."""
    left = forecast.seconds_left(bar.n + sum(training.part_done() for training in at_work), bar.total)
    shown = [training for training in at_work if not training.trained] or at_work
    parts = [(training.job, *training.steps()) for training in shown]
    running = [f"{job}, step {step:,} of {steps:,}" if step else str(job) for job, step, steps in parts]
    return ("" if left is None else f"{tqdm.format_interval(left)} left, ") + f"now {'; '.join(running)}"


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block ends; a process that starts in it handles them as usual."""
    if threading.current_thread() is not threading.main_thread():  # no other may set a signal, or gets one
        yield
        return
    held = []
    before = {number: signal.signal(number, lambda *arguments: held.append(arguments)) for number in HELD_BACK}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, _ in held[:1]:
            signal.raise_signal(number)


@contextlib.contextmanager
def no_training_left_behind() -> Iterator[None]:
    """Make SIGTERM end the trainings, too; restore its handler afterwards, because a notebook runs on."""
    if threading.current_thread() is not threading.main_thread():  # no other may set a signal
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_of_the_processors(at_once: int) -> dict[str, str]:
    """Return the environment that keeps trainings from competing for processors; a single training may use all."""
    if at_once == 1:
        return {}
    threads = str(max(1, processors() // at_once))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")  # the last one, on ARM
    return dict.fromkeys(names, threads)
