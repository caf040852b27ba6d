"""Grades a class together with other graders, on this machine or on others: each submission is graded by one of them.

What is graded, and by whom, is told by the claims (claims.py) and by the results themselves: one with the right key is
done. Tables, similarity and what else is of the whole class are written by one grader, when all is done.
"""

import contextlib
import hashlib
import json
import random
import sys
from collections.abc import Iterator

from tqdm import tqdm

from grading.batch import Batch, progress_bar
from grading.claim_files import look_anew
from grading.claims import Claims
from grading.intake.submission import Submission
from grading.options import GradingError
from grading.progress import Progress
from grading.unit import GradedUnit, UnitStatus
from grading.workers import Workers
from labkit.text import counted, printable, quoted

IN_A_ROW = 5  # submissions that fail here and nowhere else, after which this machine takes no more


class Sharing:
    """One run over the submissions of a class, of which other graders do their part."""

    def __init__(self, batch: Batch, claims: Claims, submissions: list[Submission], progress: Progress) -> None:
        self._batch, self._claims, self._progress = batch, claims, progress
        self._submissions = submissions
        self._open: dict[str, Submission] = {}  # in an order of its own, so that few graders want the same
        self._outcomes: dict[str, str] = {}  # by the submission: the key of its result, or how it failed
        self._tried: set[str] = set()  # that this grader has failed on, or is at
        self._in_a_row = 0  # failures that may be this machine's
        self.graded_here = 0
        self.failures: dict[str, GradedUnit] = {}  # what the grader failed on, wherever it was tried

    def grade(self, workers: Workers) -> None:
        """Grade what nobody else has, until all is graded.

        Raises GradingError where it is this machine that fails, and others are there to go on; WriteError where the
        folder of results can't be written to.
        """
        self._progress.count(self._outcomes)
        with progress_bar(len(self._submissions)) as bar:
            self._begin()
            while self._open:
                self._look(bar)
                for submission, graded in self._batch.graded(
                    self._take, workers, lambda _: self._look(bar), self._claims.pace.look
                ):
                    self._bring_in(submission, graded)
                    bar.set_postfix_str(printable(submission.zip.name)[:40])
                if self._open:
                    self._tell_of_silence()
                    self._claims.pause()
            self._look(bar)

    @contextlib.contextmanager
    def claimed(self, submission: Submission) -> Iterator[bool]:
        """Keep others from a submission within the block; yields whether none is at it."""
        with self._claims.claimed(submission.stem) as is_mine:
            look_anew(self._batch.folder(submission))
            yield is_mine

    def digest(self) -> str:
        """Return a hash of what came of all submissions: the tables of two graders with the same are the same."""
        return hashlib.sha256(json.dumps(sorted(self._outcomes.items())).encode()).hexdigest()

    def _begin(self) -> None:
        todo = []
        for submission in self._submissions:
            known = self._batch.known(submission)
            if known is None:
                todo.append(submission)
            else:
                self._outcomes[submission.stem] = f"{known.status} {known.key or known.problem}"
        random.shuffle(todo)
        self._open = {submission.stem: submission for submission in todo}

    def _look(self, bar: tqdm) -> None:
        """See what the others have and have done, and tell how far the class is."""
        self._claims.look()
        if self._claims.tells:
            self._progress.working_on(self._claims.running)
        bar.update(len(self._outcomes) - bar.n)

    def _tell_of_silence(self) -> None:
        minutes = self._claims.pace.stale / 60
        for name, who in self._claims.silent(self._open):
            tqdm.write(
                f"waiting for {who}, which has {quoted(self._open[name].zip.name)} and gives no sign of life: what it "
                f"has is taken over after {minutes:g} minutes of that",
                file=sys.stderr,
            )

    # ------------------------------------------------------------------------------------------------ what to grade

    def _take(self) -> Submission | None:
        """Claim a submission that is to be graded; None where there is none at the moment."""
        for submission in self._free():
            if self._is_known(submission) or self._is_given_up(submission):
                continue
            if submission.stem in self._tried or not self._claims.take(submission.stem):
                continue
            look_anew(self._batch.folder(submission))
            if self._is_known(submission):
                continue  # it was published when the claim to it was gone
            self._tried.add(submission.stem)
            if committed := self._claims.committed(submission.stem, self._batch.key(submission)):
                self._bring_in(submission, committed)  # by a grader that has gone before it was published
                continue
            return submission
        return None

    def _free(self) -> Iterator[Submission]:
        return (one for one in list(self._open.values()) if self._claims.is_free(one.stem))

    def _is_known(self, submission: Submission) -> bool:
        """Tell whether there is a result, by whomever; it is done then."""
        known = self._batch.known(submission)
        if known is not None:
            self._close(submission, f"{known.status} {known.key}")
        return known is not None

    def _is_given_up(self, submission: Submission) -> bool:
        """Tell whether nobody tries any more; it is done then, too."""
        failure = self._claims.given_up(submission.stem)
        if failure is not None:
            self.failures[submission.stem] = failure
            self._outcomes[submission.stem] = str(failure.outcome)
            del self._open[submission.stem]
        return failure is not None

    def _close(self, submission: Submission, outcome: str) -> None:
        self._outcomes[submission.stem] = outcome
        self._claims.done(submission.stem, self._batch.key(submission))
        del self._open[submission.stem]

    # ---------------------------------------------------------------------------------------------- what came of it

    def _bring_in(self, submission: Submission, graded: GradedUnit) -> None:
        """Publish what came of a submission, if nothing else has; let others try what has failed."""
        if self._claims.has_lost(submission.stem):  # for this one stood still, and nobody knows what that did
            self._tried.discard(submission.stem)
            return
        if graded.outcome in (UnitStatus.FAILED, UnitStatus.CHANGED):
            self._fail(submission, graded)
            return
        self._in_a_row = 0
        if not self._claims.commit(submission.stem, self._batch.key(submission), graded):
            graded = self._claims.committed(submission.stem, self._batch.key(submission)) or graded
        look_anew(self._batch.folder(submission))
        if self._is_known(submission):
            return  # by another grader, which had taken this one for gone
        try:
            result, _ = self._batch.publish(submission, graded)
        except Exception as error:  # where it is not its folder alone that can't be written to, nor can the failure
            self._fail(submission, GradedUnit.failed(error))
            return
        self.graded_here += 1
        self._close(submission, f"{result.status} {result.key}")

    def _fail(self, submission: Submission, graded: GradedUnit) -> None:
        elsewhere = self._claims.failed_elsewhere(submission.stem)
        self._claims.fail(submission.stem, graded)
        if graded.outcome == UnitStatus.FAILED and not elsewhere:
            self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW and self._claims.others:
            raise GradingError(
                f"{counted(self._in_a_row, 'submission')} in a row failed on {graded.machine}, the last by "
                f"{graded.problem}: it takes no more, and leaves them to the others"
            )
