"""Grades a class: what came in, who is who, the tables and pages that come out. Each submission: batch.py."""

import contextlib
import dataclasses
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from grading import assessment, bytecode
from grading.batch import Batch
from grading.claims import Claims
from grading.intake.arrivals import collect, sha256_of, without_effect
from grading.intake.download import unpacked_download
from grading.intake.people import read_roster
from grading.intake.submission import Facts, Submission, TimeSource
from grading.intake.times import read_times
from grading.intake.worksheet import read_worksheet
from grading.layout import GRADES, NOT_GRADED, RESULT, SUBMISSIONS
from grading.locking import InUse, locked
from grading.networks import network_checks
from grading.options import GradingError, Options
from grading.progress import Progress
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, add_rows, read_manual
from grading.results.results import SubmissionStatus, write_grades, write_not_graded
from grading.results.summary import Rows, gone, replaced, summary, unmarked, whose
from grading.sandbox.choice import check_hidden, find_sandbox
from grading.sharing import Sharing
from grading.similarity.comparing import Library
from grading.unit import Place
from grading.workers import Workers, threads
from labkit.checks.assignment import Assignment, load_assignment
from labkit.text import counted, printable, quoted
from labkit.version import VERSION


def grade_class(options: Options) -> int:
    """Grade all the zips of a folder and write all results; return the exit status.

    1 is for a class in which the grader itself failed on a zip, 0 for any other. Raises KitError
    and OSError where the class can't be graded at all.
    """
    assignment = load_assignment(options.assignment)
    facts = _facts(options, assignment)
    if options.claim and options.regrade:
        raise GradingError(
            "--regrade with --claim would have each grader grade all again, what the others have just graded, too: "
            "give a new folder with --out, or leave one of them out"
        )
    if options.claim and options.scheduler:
        raise GradingError(
            "--claim is for graders that share a folder, --scheduler for one that has a cluster: leave one of them out"
        )
    with contextlib.ExitStack() as unpacked:
        if options.submissions.is_file():
            folder, left_out = unpacked.enter_context(unpacked_download(options.submissions))
            for reason in left_out:
                print(f"left out of {options.submissions}: {printable(reason)}", file=sys.stderr)
            options = dataclasses.replace(options, submissions=folder)
        return _grade_folder(options, assignment, facts)


def _grade_folder(options: Options, assignment: Assignment, facts: Facts) -> int:
    submissions = _collect(options, assignment, facts)
    if options.out.is_file():
        raise GradingError(f"{options.out} is a file, and --out takes a folder for the results: give another")
    options.out.mkdir(options.out_mode, parents=True, exist_ok=True)
    _tell_of_older_results(options.out)
    try:
        with locked(options.out, shared=options.claim), _scratch() as name:
            scratch = Path(name)
            place = _place(options, assignment, scratch)
            if problem := bytecode.missing():
                print(f"note: {problem}", file=sys.stderr)
            course = _Course(options, assignment, submissions, facts, place, scratch)
            return course.grade_together() if options.claim else course.grade_alone()
    except InUse as error:
        raise GradingError(str(error)) from error


def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)


@dataclass(frozen=True)
class _Course:
    """A class that has been collected."""

    options: Options
    assignment: Assignment
    submissions: list[Submission]
    facts: Facts
    place: Place
    scratch: Path

    def grade_alone(self) -> int:
        out, manual = self.options.out, self._manual()  # a mistake in it should show before the work starts
        with Progress(out, len(self.submissions)) as progress:
            batch = self._batch(manual, progress)
            try:
                with _workers(self.options, self.place) as workers:
                    rows = batch.grade(self.submissions, workers)
            except (KeyboardInterrupt, GradingError):
                _write_tables(out, batch.rows_so_far(self.submissions), self.assignment)
                raise
            return self._conclude(rows, batch, manual, progress, lost=len(batch.lost_trainings))

    def grade_together(self) -> int:
        """Grade what no other grader has; one of them writes what is of the whole class, when all is done."""
        out, course = self.options.out, self
        claims = Claims(out, self._terms(), (submission.stem for submission in self.submissions))
        with Progress(out, len(self.submissions), lambda: claims.tells) as progress, claims:
            while True:
                try:
                    return course._share(claims, progress)
                except _ClassChangedError as changed:
                    print("the class has changed since it was collected: what is new is graded now", file=sys.stderr)
                    course = dataclasses.replace(self, submissions=changed.submissions)
                    progress.total(len(changed.submissions))
                    claims.start_over()

    def _share(self, claims: Claims, progress: Progress) -> int:
        """Grade what no other grader has; raise _ClassChangedError where the class is not as it was collected."""
        batch = self._batch(self._manual(), progress)
        share = Sharing(batch, claims, self.submissions, progress)
        with threads(self.place, self.options.jobs) as workers:
            share.grade(workers)
        print("\n".join([f"{counted(share.graded_here, 'submission')} graded here", *unmarked(batch.unmarked)]))
        with claims.finishing(share.digest()) as is_mine:
            if is_mine:
                self._refuse_changes()
                manual = self._manual()  # of now
                batch, lost = self._batch(manual, progress), len(batch.lost_trainings)
                rows = batch.conclude(self.submissions, share.failures, share.claimed)
                return self._conclude(rows, batch, manual, progress, lost)
        print(f"all are graded, and another grader has written the tables in {self.options.out}")
        return 1 if share.failures else 0

    def _refuse_changes(self) -> None:
        """Raise _ClassChangedError where the class is not as it was collected.

        Another grader may have collected the newer one, and have written its tables: those of the older one would take
        a student out of them.
        """
        now = _collect(self.options, self.assignment, self.facts)
        if _what_counts(now) != _what_counts(self.submissions):
            raise _ClassChangedError(now)

    def _manual(self) -> Manual:
        return read_manual(self.options.out / MANUAL, self.assignment.manual, self.assignment.points)

    def _batch(self, manual: Manual, progress: Progress) -> Batch:
        options, place = self.options, self.place
        setup = assessment.Setup(self.assignment, place.sandbox.name, options.train, place.kit)
        library = Library(options.out, place.sandbox, self.scratch, self.assignment.report.names)
        return Batch(options, setup, manual, library, progress)

    def _conclude(self, rows: Rows, batch: Batch, manual: Manual, progress: Progress, lost: int) -> int:
        """Write what is of the whole class, and print what came of it; return the exit status."""
        options, assignment, submissions = self.options, self.assignment, self.submissions
        _write_tables(options.out, rows, assignment)
        lines = summary(rows, manual, options.out, trained=options.train, lost=lost)
        lines += [*_times(submissions, assignment), *without_effect(submissions, self.facts, assignment.deadline)]
        lines += [*whose(submissions), *unmarked(batch.unmarked), *replaced(batch.replaced)]
        print("\n".join([*lines, *gone(rows, options.out)]))
        progress.comparing()
        batch.compare(rows)
        failed = (SubmissionStatus.CRASHED, SubmissionStatus.WAITING)
        return 1 if any(row.status in failed for row, _ in rows) else 0

    def _terms(self) -> dict[str, str]:
        """Return what graders that share a class have to have in common, by what it is."""
        options = self.options
        files = {"--roster": options.roster, "--worksheet": options.worksheet, "--times": options.times}
        given = {flag: sha256_of(file)[:16] for flag, file in files.items() if file}
        return {
            "version of the kit": VERSION,
            "code of the kit, or Python, or packages": self.place.kit,
            "sandbox": self.place.sandbox.name,
            "trainings": f"in {options.precision}" if options.train else "none",
            "--assignment": sha256_of(options.assignment)[:16],
            **given,
            "--column, --dates": " ".join([*options.columns, options.dates]).strip(),
            "--archive": " ".join(map(str, options.archive)),
        }


class _ClassChangedError(Exception):
    """The class is not as it was collected any more; `submissions` are those of now."""

    def __init__(self, submissions: list[Submission]) -> None:
        super().__init__()
        self.submissions = submissions


def _what_counts(submissions: list[Submission]) -> list[tuple[str, str, str | None]]:
    """Return what decides which submissions are graded, and what as."""
    return sorted((one.stem, one.sha256, one.superseded_by or one.problem or "") for one in submissions)


def _write_tables(out: Path, rows: Rows, assignment: Assignment) -> None:
    add_rows(out / MANUAL, [row for row, _ in rows if row.is_students], assignment.manual)
    write_grades(out / GRADES, rows, assignment)
    write_not_graded(out / NOT_GRADED, [row for row, _ in rows])


def _facts(options: Options, assignment: Assignment) -> Facts:
    """Read what the instructor gives beside the files, so that a mistake in it shows before any work."""
    if options.roster and options.worksheet:
        raise GradingError("--roster and --worksheet both tell who is who: give one of them")
    if options.columns and not options.worksheet:
        raise GradingError(f"--column {options.columns[0]} is of no use without --worksheet, whose column it names")
    people = read_roster(options.roster, assignment.student_id) if options.roster else None
    if options.worksheet:
        people = read_worksheet(options.worksheet, assignment.student_id, options.columns, options.dates)
    times = read_times(options.times, options.dates) if options.times else None
    return Facts(people, times, assignment.extensions)


def _times(submissions: list[Submission], assignment: Assignment) -> list[str]:
    """Say that nobody was charged for lateness where the files have the time of a download."""
    limits = [moment for moment in (assignment.deadline, *assignment.extensions.values()) if moment]
    unknown = [one for one in submissions if one.time_source == TimeSource.DOWNLOAD and limits]
    late = sum(one.submitted > min(limits) for one in unknown)
    if not late:
        return []
    return [
        f"when {late} of {len(submissions)} came in is not known: their files have the time of a download, so nothing "
        "is charged for lateness; --worksheet (Moodle) or --times with a table tells the grader"
    ]


def _collect(options: Options, assignment: Assignment, facts: Facts) -> list[Submission]:
    if not options.submissions.is_dir():
        raise GradingError(f"there is no folder {options.submissions}: give the one that holds the students' zips")
    out = options.out.resolve()
    if options.submissions.resolve() in (out, out / SUBMISSIONS):
        raise GradingError(f"results would come among the zips in {options.submissions}: give another --out")
    late, ids = assignment.late, assignment.student_id
    submissions = collect(options.submissions, assignment.deadline, late.grace, ids, facts, out)
    _refuse_another_worksheet(facts, submissions)
    if not submissions:
        raise GradingError(f"{options.submissions} is empty: it should hold the students' zips")
    for archive in options.archive:
        if not archive.is_dir():
            raise GradingError(f"there is no folder {archive}: --archive takes one with zips of earlier years")
    return submissions


def _refuse_another_worksheet(facts: Facts, submissions: list[Submission]) -> None:
    """Raise GradingError where a worksheet has none of the participants: it is another assignment's."""
    uploaders = {one.key for one in submissions if one.system == "moodle"}
    if facts.people and facts.people.what == "worksheet" and not any(map(facts.people.with_key, uploaders)):
        some = f", such as {quoted(min(uploaders))}" if uploaders else ""
        raise GradingError(
            f"{facts.people.source} has none of the participants in the submissions{some}: it is the worksheet of "
            "another assignment, or of another course; download that of this one. Or these submissions are no "
            "download of Moodle's: then give --roster, with columns id, name, surname"
        )


def _tell_of_older_results(out: Path) -> None:
    """Report results of earlier versions of the kit beside the grader's files; they are neither read nor removed."""
    older = sorted(path.parent.name for path in out.glob(f"*/{RESULT}"))
    if older:
        print(
            f"note: {out} holds results of an earlier version of the kit ({len(older)}, such as {quoted(older[0])}), "
            f"which are not read: results are in {out / SUBMISSIONS} now; delete the old folders",
            file=sys.stderr,
        )


def _place(options: Options, assignment: Assignment, scratch: Path) -> Place:
    """Find what this machine grades with."""
    sandbox = find_sandbox(options.unsafe)
    data = network_checks.find_data(options.data_dir) if options.train and not options.scheduler else None
    check_hidden(sandbox, _private(options, assignment))
    if sandbox.name == "none":
        print("warning: NO SANDBOX: student code runs as you, with your files and your network", file=sys.stderr)
    return Place(sandbox, data, assessment.grader_version(), scratch, options.precision)


def _workers(options: Options, place: Place) -> AbstractContextManager[Workers]:
    """Return who grades: threads of this process, or the workers of a cluster."""
    if not options.scheduler:
        return threads(place, options.jobs)
    from grading.cluster.engine import dask_workers  # here: it needs packages that nothing else does
    from grading.cluster.proof import describe

    own = describe(place.sandbox.name, options.data_dir, options.precision)
    return dask_workers(options.scheduler, options.tls, own, train=options.train)


def _private(options: Options, assignment: Assignment) -> dict[str, Path]:
    """Return what student code may not read, by the name under which it was given."""
    private = {"SUBMISSIONS": options.submissions, "--out": options.out, "--data-dir": options.data_dir}
    private |= {f"--archive {n}": folder for n, folder in enumerate(options.archive, 1)}
    files = {"--roster": options.roster, "--worksheet": options.worksheet, "--times": options.times}
    files |= {"--tls": options.tls} if options.scheduler else {}
    private |= {flag: file for flag, file in files.items() if file}
    if assignment.extensions:  # with students' ids
        private["--assignment"] = options.assignment
    return private
