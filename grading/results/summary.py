"""What became of a class, in some lines for the instructor: how many, what is still open, and where it all is."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from grading.intake.submission import Submission
from grading.layout import FEEDBACK, FEEDBACK_PAGE, GRADES, NOT_GRADED, SUBMISSIONS
from grading.results.manual import FILE as MANUAL
from grading.results.manual import OVERRULE, Manual
from grading.results.results import Mark, Result, SubmissionStatus
from labkit.checks.check import Status
from labkit.text import counted, printable, quoted

NAMED = 10  # that are named of many
Rows = Sequence[tuple[Result, Mark]]


def summary(rows: Rows, manual: Manual, out: Path, *, trained: bool, lost: int) -> list[str]:
    """Write the lines; `trained`: whether this run trains; `lost`: how many submissions lose trainings by that."""
    counts = Counter(result.status for result, _ in rows)
    shown = [status for status in SubmissionStatus if status != SubmissionStatus.WAITING or counts[status]]
    states = ", ".join(f"{counts[status]} {status}" for status in shown)
    late = sum(1 for result, _ in rows if result.late_seconds)
    lines = [
        f"{counted(len(rows), 'submission')}: {states}; {late} late",
        *_mean(rows),
        *_refused(rows),
        *_undecided(rows),
    ]
    lines += _trainings(rows, lost) if not trained else []
    lines += _manual(rows, manual, out)
    lines.append(f"{out / GRADES}: a row for each student; {out / SUBMISSIONS}/<zip>/{FEEDBACK_PAGE}: for the students")
    if not all(result.is_students for result, _ in rows):
        lines.append(f"{out / NOT_GRADED}: what came in and is no student's mark, with the reason")
    page = f"python -m grading page --out {shlex.quote(str(out))}"
    lines.append(f"{out / MANUAL}: write your points there, or in a browser ({page}), then run the same command again")
    return lines


def unmarked(zips: Sequence[str]) -> list[str]:
    """Report zips that had manual points at the last run, and have none any more: the instructor knows why."""
    if not zips:
        return []
    return [f"{MANUAL} gave points at the last run, and gives none now, to {_listed(map(quoted, zips))}"]


def replaced(zips: Sequence[str]) -> list[str]:
    """Report zips that were marked by hand, and have been replaced: their points are open again."""
    if not zips:
        return []
    return [
        f"replaced since you marked them, so what {MANUAL} gives doesn't count: "
        f"{_listed(map(quoted, zips))}; look again, and change the row: a word in its comment will do"
    ]


def whose(submissions: Sequence[Submission]) -> list[str]:
    """Write a line for each submission whose owner is in doubt."""
    doubted = [submission for submission in submissions if submission.doubts]
    lines = [f"whose is {quoted(one.zip.name)}? {printable('; '.join(one.doubts))}" for one in doubted[:NAMED]]
    return lines + [f"whose are {len(doubted) - NAMED} more? {GRADES} has the remarks"] * (len(doubted) > NAMED)


def gone(rows: Rows, out: Path) -> list[str]:
    """Report results of zips that do not exist any more, so that nobody returns them."""
    folders = {path.name for path in (out / SUBMISSIONS).iterdir() if path.is_dir()}
    left = sorted(folders - {result.folder for result, _ in rows if result.status != SubmissionStatus.NOT_GRADED})
    if not left:
        return []
    return [f"{out / SUBMISSIONS} still has results of zips that are gone: {_listed(map(quoted, left))}"]


def _mean(rows: Rows) -> list[str]:
    """Report the mean score of the students; a refused file without an id belongs to none of them."""
    marked = [marks for result, marks in rows if _is_graded(result) or (_is_refused(result) and result.id)]
    if not marked:
        return []
    score, max_score = (sum(getattr(marks, name) for marks in marked) for name in ("score", "max_score"))
    pending = sum(1 for result, marks in rows if _is_graded(result) and marks.pending)
    without = f"; points of {pending} are still to be given by hand" if pending else ""
    if len({marks.max_score for marks in marked}) > 1:  # of some more has been marked than of others
        return [f"mean score of {len(marked)}: {score / max_score:.0%} of the points that were marked so far{without}"]
    return [f"mean score of {len(marked)}: {score / len(marked):.1f} of {max_score / len(marked):.1f}{without}"]


def _is_graded(result: Result) -> bool:
    return result.status == SubmissionStatus.GRADED


def _is_refused(result: Result) -> bool:
    return result.status == SubmissionStatus.REFUSED


def _refused(rows: Rows) -> list[str]:
    """Say who has nothing graded, and why: a line each. Who waits comes first, since running again mends that."""
    statuses = (SubmissionStatus.WAITING, SubmissionStatus.REFUSED, SubmissionStatus.NOT_GRADED)
    refused = sorted(
        (result for result, _ in rows if result.status in statuses), key=lambda result: statuses.index(result.status)
    )
    lines = [f"{result.status}: {quoted(result.zip)}: {printable(result.problem)}" for result in refused[:NAMED]]
    more = f"{len(refused) - NAMED} more are refused, or not graded; {GRADES} and {NOT_GRADED} have the reasons"
    return lines + [more] * (len(refused) > NAMED)


def _undecided(rows: Rows) -> list[str]:
    """Report what the grader could not decide: only the instructor can, and it is one among many cells."""
    checks = [
        f"{quoted(result.zip)} {row.check.name}"
        for result, marks in rows
        for row in marks.checks
        if row.check.status == Status.UNDECIDED and row.check.name not in marks.decisions
    ]
    if not checks:
        return []
    return [
        f"undecided, to be settled by hand: {_listed(checks)}; {FEEDBACK} has what was seen, and the "
        f"column {OVERRULE} of {MANUAL} takes your points"
    ]


def _trainings(rows: Rows, lost: int) -> list[str]:
    kept = sum(1 for result, _ in rows if _is_graded(result) and result.trained)
    lines = [f"the trainings of {kept} are known, and kept with their points"] if kept else []
    if lost:
        lines.append(
            f"the trainings of {lost} are not taken over (another zip, kit or rules, or --regrade), and are left out "
            "with their points: run without --no-train"
        )
    return lines


def _manual(rows: Rows, manual: Manual, out: Path) -> list[str]:
    lines = []
    if manual.missing:
        lines.append(f"{out / MANUAL} has no column {', '.join(manual.missing)}: add it to give these points")
    return lines + [f"{out / MANUAL}, {remark}" for remark in manual.without_effect([result for result, _ in rows])]


def _listed(names: Iterable[str]) -> str:
    """List the first NAMED of the names, and how many more there are."""
    names = list(names)
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
