"""Grades the submissions of a class, several at a time, each once, until all are done or somebody says stop.

What a submission does, or what grading it does to the grader, never stops the others. A result is written as soon as it
is known, so a killed run continues where it was.
"""

import contextlib
import dataclasses
import queue
import tempfile
import threading
import traceback
from collections.abc import Generator
from pathlib import Path

from tqdm import tqdm

from grading import assessment
from grading.intake.arrivals import BadZip
from grading.intake.contents import Content
from grading.intake.submission import Submission
from grading.layout import FEEDBACK, FEEDBACK_PAGE, RESULT, SUBMISSIONS
from grading.networks import network_checks
from grading.options import GradingError, Options
from grading.progress import Progress
from grading.results.feedback import write_feedback
from grading.results.kept import discard, keep_report
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, Row
from grading.results.results import Mark, Result, SubmissionStatus, mark, read_result, write_result
from grading.results.summary import Rows
from grading.sandbox.runner import Sandbox
from grading.similarity.comparing import Library, archived, compare
from labkit.errors import KitError
from labkit.limits import SandboxError
from labkit.text import printable, quoted

ERROR_LOG = "error.log"
REPLACED = "the zip was replaced after it was marked by hand, and what was given for the earlier one doesn't count"


class Changed(KitError):
    """A zip is not the one that was collected, so that neither its time nor its owner is known."""


class _Inspectors:
    """The inspector of one thread, started when it is needed, and anew after a failure."""

    def __init__(self, sandbox: Sandbox, scratch: Path) -> None:
        self._sandbox, self._scratch, self._inspector = sandbox, scratch, None

    def get(self) -> network_checks.Inspector:
        if self._inspector is None:
            self._inspector = network_checks.Inspector(self._sandbox, self._scratch)
        return self._inspector

    def close(self) -> None:
        if self._inspector is not None:
            with contextlib.suppress(SandboxError):
                self._inspector.close()
        self._inspector = None


class Batch:
    """One run over the submissions of a class."""

    def __init__(
        self, options: Options, setup: assessment.Setup, manual: Manual, scratch: Path, progress: Progress
    ) -> None:
        # Here, so that what grades nothing does without Jinja2, and what grades misses it before any submission.
        from grading.results.feedback_page import write_feedback_page

        self._write_feedback_page = write_feedback_page
        self._options, self._setup, self._manual, self._scratch = options, setup, manual, scratch
        self._progress = progress
        self._stopped = threading.Event()  # from then on a failure is that of a run which somebody ended
        self.unmarked = []  # zips that had points in manual.csv at the last run, and have none
        self.replaced = []  # zips that are others than those that were marked by hand
        self.lost_trainings = 0  # of zips that were trained before, and are graded without that
        self._rows = {}  # by the stem of the submission
        self._contents: dict[str, Content] = {}  # so, too
        self._library = Library(options.out, setup.sandbox, scratch, setup.assignment.report.names)
        self._results = options.out / SUBMISSIONS
        self._results.mkdir(exist_ok=True)

    def grade(self, submissions: list[Submission]) -> list[tuple[Result, Mark]]:
        """Grade the submissions, or take known results; return a (Result, Mark) for each, in their order.

        The checks in the rows have no logs, so that a large class fits into memory.
        """
        rows, todo = self._rows, queue.SimpleQueue()
        self._progress.count(rows)
        self._contents = {submission.stem: submission.content for submission in submissions}
        with tqdm(total=len(submissions), unit="zip", desc="grading", dynamic_ncols=True, disable=None) as bar:
            for submission in submissions:
                known = self._known(submission)
                if known and submission.set_aside:  # nobody's feedback
                    rows[submission.stem] = known, mark(known, self._setup.assignment)
                    bar.update()
                elif known:
                    try:
                        rows[submission.stem] = self._publish(submission, known)
                    except OSError as error:
                        rows[submission.stem] = self._note_crash(submission, known, error)
                    bar.update()
                else:
                    todo.put(submission)
            with contextlib.closing(self._grade_all(todo)) as graded:
                for submission, row in graded:
                    rows[submission.stem] = row
                    bar.set_postfix_str(printable(submission.zip.name)[:40])
                    bar.update()
        return [rows[submission.stem] for submission in submissions]

    def rows_so_far(self, submissions: list[Submission]) -> list[tuple[Result, Mark]]:
        """Return the rows in the midst of grading: what is not graded yet is waiting."""
        return [self._rows.get(submission.stem) or self._waiting(submission) for submission in submissions]

    def _waiting(self, submission: Submission) -> tuple[Result, Mark]:
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        result.status, result.problem = SubmissionStatus.WAITING, "the run was stopped before it was graded"
        return result, mark(result, self._setup.assignment)

    def _grade_all(
        self, todo: queue.SimpleQueue[Submission]
    ) -> Generator[tuple[Submission, tuple[Result, Mark] | None], None, None]:
        """Grade what is in the queue in several threads; yield submissions with their rows, as they finish."""
        waiting, finished = todo.qsize(), queue.SimpleQueue()
        # Daemons: they may be in the midst of a training when Ctrl-C comes, and nobody should wait for that.
        threads = [
            threading.Thread(target=self._work, args=(todo, finished), daemon=True)
            for _ in range(min(self._options.jobs, waiting))
        ]
        try:
            for thread in threads:
                thread.start()
            for _ in range(waiting):
                yield finished.get()
            for thread in threads:
                thread.join()
        finally:
            self._stopped.set()

    def _known(self, submission: Submission) -> Result | None:
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
                self.lost_trainings += bool(
                    not self._setup.train and earlier and earlier.status == SubmissionStatus.GRADED and earlier.trained
                )
                return None
            result.checks, result.trained = earlier.checks, earlier.trained
        return result

    def _work(
        self,
        todo: queue.SimpleQueue[Submission],
        finished: queue.SimpleQueue[tuple[Submission, tuple[Result, Mark] | None]],
    ) -> None:
        """Grade submissions from the queue until it is empty; run by each of several threads."""
        with contextlib.closing(_Inspectors(self._setup.sandbox, self._scratch)) as inspectors:
            while not self._stopped.is_set():
                try:
                    submission = todo.get_nowait()
                except queue.Empty:
                    return
                with self._progress.working_on(submission.stem):
                    row = self._grade_one(submission, inspectors)
                finished.put((submission, row))

    def _grade_one(self, submission: Submission, inspectors: _Inspectors) -> tuple[Result, Mark] | None:
        """Grade a submission, whatever happens; return its row, or None in a run that was stopped."""
        result = assessment.new_result(submission, self._zip_name(submission), self._setup)
        try:
            return self._publish(submission, self._examine(submission, result, inspectors))
        except Exception as error:  # a mistake of the grader's, or of the machine's: never the end of the class
            inspectors.close()  # it may be what failed
            return None if self._stopped.is_set() else self._note_crash(submission, result, error)

    def _examine(self, submission: Submission, result: Result, inspectors: _Inspectors) -> Result:
        """Run the checks; return the result with them."""
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as scratch:
            scratch = Path(scratch)
            submission = _as_it_was_collected(submission, scratch / "content")
            try:
                result.checks, report = assessment.grade(submission, self._setup, inspectors.get(), scratch)
            except BadZip as error:  # it was good when the class was collected
                return _refused(result, str(error))
            folder, unpacked = self._results / submission.stem, scratch / assessment.UNPACKED
            folder.mkdir(exist_ok=True)
            discard(folder)  # of an earlier zip: a new one may fail to come
            keep_report(unpacked, folder)
            self._library.keep(submission.sha256, unpacked, report, folder)
        result.key = self._setup.key(submission.sha256)
        return result

    def _note_crash(self, submission: Submission, result: Result, error: Exception) -> tuple[Result, Mark]:
        """Write the trace to a log, and a remark to the row, which is returned."""
        log = self._results / submission.stem / ERROR_LOG
        result.status, result.key, result.checks = SubmissionStatus.CRASHED, "", []
        failure = f"the grader failed ({type(error).__name__}: {printable(str(error))}); the trace is in {log}"
        result.problem = str(error) if isinstance(error, Changed) else failure
        with contextlib.suppress(OSError):
            log.parent.mkdir(exist_ok=True)
            log.write_text(printable("".join(traceback.format_exception(error))), encoding="utf-8")
            return self._publish(submission, result)
        return result, mark(result, self._setup.assignment)

    def _publish(self, submission: Submission, result: Result) -> tuple[Result, Mark]:
        """Write a result and its feedback, as text and as a page; return its row."""
        assignment, written = self._setup.assignment, self._manual.of(result)
        folder = self._results / submission.stem
        earlier = read_result(folder / RESULT)
        if earlier and earlier.marked and not written.counts:
            self.unmarked.append(result.zip)
        if _is_of_an_earlier_zip(result, written, earlier):
            result.remarks.append(f"{REPLACED}: {written.told}; open again until its row in {MANUAL} is changed")
            self.replaced.append(result.zip)
            written = Row({})
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


def _as_it_was_collected(submission: Submission, folder: Path) -> Submission:
    """Return the submission with a private copy of its files; raise Changed if they are others than were collected."""
    folder.mkdir()
    try:
        copy = submission.content.copied_to(folder)
    except OSError as error:
        raise Changed(f"{quoted(submission.zip.name)} can't be read any more ({error.strerror or error})") from error
    if copy.sha256() != submission.sha256:
        raise Changed(f"{quoted(submission.zip.name)} has changed since the class was collected: run the command again")
    return dataclasses.replace(submission, content=copy)


def _is_of_an_earlier_zip(result: Result, written: Row, earlier: Result | None) -> bool:
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


def _without_logs(result: Result, marks: Mark) -> tuple[Result, Mark]:
    marked = [dataclasses.replace(row, check=dataclasses.replace(row.check, log="")) for row in marks.checks]
    checks = [row.check for row in marked]
    return dataclasses.replace(result, checks=checks), dataclasses.replace(marks, checks=marked)


def _refused(result: Result, problem: str) -> Result:
    result.status, result.problem, result.checks = SubmissionStatus.REFUSED, problem, assessment.refusal(problem)
    return result
