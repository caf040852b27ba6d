"""Grades one submission by the same path as a class, for whoever calls a program for each: a forge, a queue, you."""

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path

from grading.course import grade_class
from grading.intake.litter import is_side_file
from grading.layout import FEEDBACK, RESULT, SUBMISSIONS
from grading.options import GradingError, Options
from labkit.submission.names import safe_stem
from labkit.text import quoted


def grade_one(
    submission: Path, *, out: Path | None, out_mode: int, assignment: Path, train: bool, unsafe: bool, data_dir: Path
) -> int:
    """Grade a submission, and print its feedback on stdout, all else on stderr; return the exit status.

    `out` is the folder that keeps the results, None for none; `out_mode` its permissions where it is new. The status is
    1 where the grader itself failed, 0 for any other outcome. Raises KitError and OSError as grade_class does, and
    GradingError for a folder that has results of others, whose tables would be lost.
    """
    if not submission.exists():
        raise GradingError(f"there is no {submission}: give the student's zip")
    if is_side_file(submission):
        raise GradingError(f"{submission} is nobody's submission: give the student's zip, or a folder with the files")
    with tempfile.TemporaryDirectory(prefix="grading-one-", ignore_cleanup_errors=True) as scratch:
        inbox = Path(scratch) / "submissions"
        inbox.mkdir()
        _copy(submission, inbox / submission.name)
        results = out or Path(scratch) / "grades"
        others = _graded_in(results) - {safe_stem(submission.name)}
        if others:
            raise GradingError(f"{results} has results of others ({quoted(min(others))}): give another --out")
        options = Options(
            submissions=inbox,
            out=results,
            out_mode=out_mode,
            assignment=assignment,
            train=train,
            jobs=1,
            regrade=False,
            archive=[],
            unsafe=unsafe,
            data_dir=data_dir,
        )
        output = io.StringIO()
        try:
            with contextlib.redirect_stdout(output):
                status = grade_class(options)
        finally:
            # Of results that nobody keeps the places are not worth telling.
            lines = [line for line in output.getvalue().splitlines() if out or scratch not in line]
            print("\n".join(lines), file=sys.stderr)
        graded = _graded_in(results)
        if len(graded) != 1:
            raise GradingError(f"{submission} holds {len(graded)} submissions: give one, or grade it as a class")
        print((results / SUBMISSIONS / graded.pop() / FEEDBACK).read_text(encoding="utf-8"), end="")
    return status


def _copy(submission: Path, copy: Path) -> None:
    """Copy with the time of the file, which is that of handing in."""
    if submission.is_dir():
        shutil.copytree(submission, copy, symlinks=True)
    else:
        shutil.copy2(submission, copy)


def _graded_in(results: Path) -> set[str]:
    return {path.parent.name for path in (results / SUBMISSIONS).glob(f"*/{RESULT}")}
