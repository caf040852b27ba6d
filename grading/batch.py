"""Grades the submissions of a class, several at a time, each once, until all are done or somebody says stop.

What a submission does, or what grading it does to the grader, never stops the others. A result is written as soon as it
is known, so a killed run continues where it was.
"""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import queue
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path

from tqdm import tqdm

from grading import assessment
from grading.intake.contents import Content
from grading.intake.submission import Submission
from grading.layout import FEEDBACK, FEEDBACK_PAGE, RESULT, SUBMISSIONS
from grading.options import GradingError, Options
from grading.progress import Progress
from grading.results.feedback import write_feedback
from grading.results.kept import discard, keep
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, ManualRow
from grading.results.results import Mark, MarkedCheck, Result, SubmissionStatus, mark, read_result, write_result
from grading.results.summary import Rows
from grading.similarity.comparing import Library, archived, compare
from grading.unit import FINGERPRINTS, MOST_BYTES, GradedUnit, Task, UnitStatus
from grading.workers import Workers
from labkit.checks.check import Check
from labkit.errors import RecordError
from labkit.text import printable, quoted

ERROR_LOG = "error.log"
STOPPED = "the run was stopped before it was graded"
CHANGED = "it has changed since the class was collected, or can't be read any more: run the command again"
TRIED = "another grader is trying it once more"
REPLACED = "the zip was replaced after it was marked by hand, and what was given for the earlier one doesn't count"


LOOK = 1.0  # seconds between two looks how many workers there are
IN_FLIGHT = 2**30  # bytes of submissions that are sent out at a time; one is sent, however large


class Batch:
    """One run over the submissions of a class."""

    def __init__(
        self,
        options: Options,
        setup: assessment.Setup,
        manual: Manual,
        library: Library,
        progress: Progress,
    ) -> None:
        # Here, so that what grades nothing does without Jinja2, and what grades misses it before any submission.
        from grading.results.feedback_page import write_feedback_page

        self._write_feedback_page = write_feedback_page
        self._options, self._setup, self._manual = options, setup, manual
        self._library, self._progress = library, progress
        self.unmarked = []  # zips that had points in manual.csv at the last run, and have none
        self.replaced = []  # zips that are others than those that were marked by hand
        self.lost_trainings: set[str] = set()  # of submissions that were trained before, and are graded without that
        self._rows = {}  # by the stem of the submission
        self._contents: dict[str, Content] = {}  # so, too
        self._results = options.out / SUBMISSIONS
        self._results.mkdir(exist_ok=True)

    def grade(self, submissions: list[Submission], workers: Workers) -> list[tuple[Result, Mark]]:
        """Have the submissions graded, or take known results; return a (Result, Mark) for each, in their order.

        The checks in the rows have no logs, so that a large class fits into memory.
        """
        self._progress.count(self._rows)
        with progress_bar(len(submissions)) as bar:
            todo = self._with_known_rows(submissions, bar)
            take = lambda: todo.popleft() if todo else None  # noqa: E731
            for submission, graded in self.graded(take, workers, self._progress.working_on):
                self._rows[submission.stem] = self._row(submission, graded)
                bar.set_postfix_str(printable(submission.zip.name)[:40])
                bar.update()
        return self.rows_so_far(submissions)

    def conclude(
        self,
        submissions: list[Submission],
        failures: Mapping[str, GradedUnit],
        claimed: Callable[[Submission], AbstractContextManager[bool]],
    ) -> list[tuple[Result, Mark]]:
        """Take known results alone, and what the grader failed on; return a row for each submission, in their order.

        A failure is written where `claimed` says that no other grader is at the submission, which may succeed.
        """
        self._progress.count(self._rows)
        with progress_bar(len(submissions)) as bar:
            for submission in self._with_known_rows(submissions, bar):
                failure = failures.get(submission.stem)
                if failure is None or failure.outcome == UnitStatus.CHANGED:
                    # There may be a result by another grader, who collected the class later.
                    self._rows[submission.stem] = self._waiting(submission, CHANGED)
                else:
                    with claimed(submission) as is_mine:
                        self._rows[submission.stem] = self._failed_row(submission, failure, is_mine)
                bar.update()
        return self.rows_so_far(submissions)

    def _failed_row(self, submission: Submission, failure: GradedUnit, is_mine: bool) -> tuple[Result, Mark]:
        known = self.known(submission)  # by a grader that came late
        if known is not None:
            return self._write(submission, known)
        return self._row(submission, failure) if is_mine else self._waiting(submission, TRIED)

    def _with_known_rows(self, submissions: list[Submission], bar: tqdm) -> deque[Submission]:
        """Write the known results with the points of today; return the submissions that have none."""
        rows, todo = self._rows, deque()
        self._contents = {submission.stem: submission.content for submission in submissions}
        for submission in submissions:
            known = self.known(submission)
            if known is None:
                todo.append(submission)
                continue
            if submission.set_aside:  # nobody's feedback
                rows[submission.stem] = known, mark(known, self._setup.assignment)
            else:
                try:
                    rows[submission.stem] = self._write(submission, known)
                except OSError as error:
                    rows[submission.stem] = self._note_crash(submission, known, GradedUnit.failed(error))
            bar.update()
        return todo

    def rows_so_far(self, submissions: list[Submission]) -> list[tuple[Result, Mark]]:
        """Return the rows in the midst of grading: what is not graded yet is waiting."""
        return [self._rows.get(submission.stem) or self._waiting(submission) for submission in submissions]

    def _waiting(self, submission: Submission, problem: str = STOPPED) -> tuple[Result, Mark]:
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        result.status, result.problem = SubmissionStatus.WAITING, problem
        return result, mark(result, self._setup.assignment)

    def graded(
        self,
        take: Callable[[], Submission | None],
        workers: Workers,
        tell: Callable[[list[str]], None],
        pause: float = LOOK,
    ) -> Iterator[tuple[Submission, GradedUnit]]:
        """Send out what `take` returns, some at a time; yield submissions with what came of them, as they come back.

        It ends when `take` returns None, for nothing, and all are back. `tell` is called with the folders of those that
        are being graded, whenever one comes back, or after `pause` seconds; then `take` is asked again, too.
        """
        sent: dict[Future[bytes], tuple[Submission, int]] = {}  # the first ones sent are the first ones taken
        finished: queue.SimpleQueue[Future[bytes]] = queue.SimpleQueue()
        in_flight = 0  # bytes
        while True:
            while len(sent) < workers.count() + workers.ahead and (not sent or in_flight < IN_FLIGHT):
                submission = take()
                if submission is None:
                    break
                future, size = self._send(submission, workers)
                sent[future], in_flight = (submission, size), in_flight + size
                future.add_done_callback(finished.put)
            if not sent:
                return
            running = itertools.islice(sent.values(), workers.count())
            tell([submission.stem for submission, _ in running])
            try:
                future = finished.get(timeout=pause)
            except queue.Empty:  # there may be more workers now, and more to take
                continue
            submission, size = sent.pop(future)
            in_flight -= size
            yield submission, _answer(future)

    def folder(self, submission: Submission) -> Path:
        """Return the folder of a submission's results."""
        return self._results / submission.stem

    def key(self, submission: Submission) -> str:
        """Return a hash of all that the result of this run will depend on."""
        return hashlib.sha256(f"{self._setup.key(submission.sha256)} {self._setup.train}".encode()).hexdigest()

    def known(self, submission: Submission) -> Result | None:
        """Return the result of a submission that need not be graded; None for one that has to be."""
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        if submission.superseded_by:
            result.status = SubmissionStatus.SUPERSEDED
            why = f", {submission.superseded_why}" if submission.superseded_why else ""
            result.problem = f"{quoted(submission.superseded_by)}, of the same student, counts instead{why}"
        elif submission.set_aside:
            result.status, result.problem = SubmissionStatus.NOT_GRADED, submission.problem or ""
        elif submission.problem:
            return _refused(result, submission.problem)
        else:
            result.key = self._setup.key(submission.sha256)
            earlier = read_result(self._results / submission.stem / RESULT)
            known = earlier and earlier.key == result.key and (earlier.trained or not self._setup.train)
            if earlier is None or self._options.regrade or not known:
                if earlier and earlier.status == SubmissionStatus.GRADED and earlier.trained and not self._setup.train:
                    self.lost_trainings.add(submission.stem)
                return None
            result.status, result.problem = earlier.status, earlier.problem  # refused, where it could not be unpacked
            result.checks, result.trained, result.machine = earlier.checks, earlier.trained, earlier.machine
        return result

    def _task(self, submission: Submission) -> bytes:
        """Return what is sent to whoever grades a submission; raise OSError, and RecordError for a huge one."""
        content, setup = submission.content, self._setup
        return Task(
            files=content.read(MOST_BYTES),
            left_out=content.left_out,
            sha256=submission.sha256,
            rules=setup.assignment.rules,
            kit=setup.kit,
            sandbox=setup.sandbox,
            train=setup.train,
        ).encode()

    def _send(self, submission: Submission, workers: Workers) -> tuple[Future[bytes], int]:
        """Read a submission's files, and give them to somebody who grades.

        Returns what will be a Graded, as bytes, and how many bytes have been sent.
        """
        try:
            task = self._task(submission)
        except (OSError, RecordError) as error:
            return _done(GradedUnit(UnitStatus.CHANGED, problem=str(error))), 0
        return workers.executor.submit(workers.grade, task), len(task)

    def _row(self, submission: Submission, graded: GradedUnit) -> tuple[Result, Mark]:
        """Write what came of a submission; return its row. Where that fails, it is a row that says so."""
        try:
            if graded.outcome in (UnitStatus.GRADED, UnitStatus.REFUSED):
                return self.publish(submission, graded)
        except Exception as error:  # a disk that is full, say: never the end of the class
            graded = GradedUnit.failed(error)
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        result.machine = graded.machine
        return self._note_crash(submission, result, graded)

    def publish(self, submission: Submission, graded: GradedUnit) -> tuple[Result, Mark]:
        """Write what came of a submission that was graded or refused; return its row."""
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        result.machine, result.key = graded.machine, self._setup.key(submission.sha256)
        if graded.outcome == UnitStatus.REFUSED:
            return self._write(submission, _refused(result, graded.problem))
        folder, kept = self._results / submission.stem, dict(graded.kept)
        folder.mkdir(exist_ok=True)
        discard(folder)  # of an earlier zip: a new one may fail to come
        if fingerprints := kept.pop(FINGERPRINTS, None):
            self._library.keep(submission.sha256, fingerprints)
        keep(folder, kept)
        result.checks = graded.checks
        return self._write(submission, result)

    def _note_crash(self, submission: Submission, result: Result, graded: GradedUnit) -> tuple[Result, Mark]:
        """Write the trace to a log, and a remark to the row, which is returned."""
        log = self._results / submission.stem / ERROR_LOG
        result.status, result.key, result.checks = SubmissionStatus.CRASHED, "", []
        result.problem = f"the grader failed ({graded.problem}); the trace is in {log}"
        if graded.outcome == UnitStatus.CHANGED:
            result.problem = CHANGED
        with contextlib.suppress(OSError):
            log.parent.mkdir(exist_ok=True)
            log.write_text(graded.trace or graded.problem or result.problem, encoding="utf-8")
            return self._write(submission, result)
        return result, mark(result, self._setup.assignment)

    def _write(self, submission: Submission, result: Result) -> tuple[Result, Mark]:
        """Write a result and its feedback, as text and as a page; return its row."""
        assignment, written = self._setup.assignment, self._manual.of(result)
        folder = self._results / submission.stem
        earlier = read_result(folder / RESULT)
        if earlier and earlier.marked and not written.counts:
            self.unmarked.append(result.zip)
        if _is_of_an_earlier_zip(result, written, earlier):
            result.remarks.append(f"{REPLACED}: {written.summary}; open again until its row in {MANUAL} is changed")
            self.replaced.append(result.zip)
            written = ManualRow({})
        marks = mark(result, assignment, written.points, written.decisions, written.levels)
        folder.mkdir(exist_ok=True)
        if result.status != SubmissionStatus.GRADED:
            discard(folder)
        write_result(folder / RESULT, result, marks)
        write_feedback(folder / FEEDBACK, result, marks, assignment, written.comment)
        self._write_feedback_page(folder / FEEDBACK_PAGE, result, marks, assignment, written.comment)
        if result.status != SubmissionStatus.CRASHED:
            (folder / ERROR_LOG).unlink(missing_ok=True)  # of an earlier run
        return _without_logs(result, marks)

    def compare(self, rows: Rows) -> None:
        """Compare the graded submissions with each other and with the archive, and write the page.

        Raises GradingError where that fails: by now everything else is done.
        """
        graded = [(row, self._contents[row.folder]) for row, _ in rows if row.status == SubmissionStatus.GRADED]
        try:
            archive = archived(self._options.archive, self._options.submissions)
            lines = compare(self._library, graded, archive, self._setup.assignment, self._options.out)
        except Exception as error:
            log = self._options.out / ERROR_LOG
            log.write_text(printable("".join(traceback.format_exception(error))), encoding="utf-8")
            raise GradingError(f"all is graded, but comparing failed ({type(error).__name__}); see {log}") from error
        print("\n".join(lines))

    def _zip_name(self, submission: Submission) -> str:
        return submission.zip.relative_to(self._options.submissions).as_posix()


def progress_bar(submissions: int) -> tqdm:
    """Return a bar on the terminal, for so many submissions."""
    return tqdm(total=submissions, unit="zip", desc="grading", dynamic_ncols=True, disable=None)


def _is_of_an_earlier_zip(result: Result, written: ManualRow, earlier: Result | None) -> bool:
    """Tell whether the manual points are for other work under the same name; note which zip they are for.

    It is that of the run before they were written: that is what the instructor had seen.
    """
    if not written.counts:
        return False
    seen = earlier.zip_sha256 if earlier else result.zip_sha256
    result.marked = {"row": written.digest, "zip_sha256": seen}
    if earlier and earlier.marked.get("row") == written.digest:
        result.marked = earlier.marked
    return result.marked["zip_sha256"] != result.zip_sha256


def _answer(future: Future[bytes]) -> GradedUnit:
    """Return what an executor brings back; where it has lost a unit, or its answer is none, the grader has failed.

    Raises GradingError where the executor itself is lost, and the run can't go on.
    """
    try:
        return GradedUnit.decode(future.result())
    except GradingError:
        raise
    except Exception as error:
        return GradedUnit.failed(error, machine="")


def _done(graded: GradedUnit) -> Future[bytes]:
    future = Future()
    future.set_result(graded.encode())
    return future


def _without_logs(result: Result, marks: Mark) -> tuple[Result, Mark]:
    """Return a row as it is kept in memory: what only feedback shows is left out, and equal checks are one object."""
    marked = [_shared(dataclasses.replace(row, check=_bare(row.check))) for row in marks.checks]
    checks = [row.check for row in marked]
    return dataclasses.replace(result, checks=checks), dataclasses.replace(marks, checks=marked)


def _bare(check: Check) -> Check:
    return dataclasses.replace(check, log="", seconds=0.0, layers=(), accuracies=())


@functools.lru_cache(maxsize=4096)
def _shared(row: MarkedCheck) -> MarkedCheck:
    """Return an equal row that others have, too: most checks of a class come out in a few ways."""
    return row


def _refused(result: Result, problem: str) -> Result:
    result.status, result.problem, result.checks = SubmissionStatus.REFUSED, problem, assessment.refusal(problem)
    return result
