"""Checks a report: it is read in the sandbox, and what was found there is judged by labkit/checks/report/rules.py."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from grading.intake.unpacking import REPORT
from grading.sandbox.runner import Sandbox
from grading.staging import TEMPLATE, TRUSTED, stage
from labkit.checks.assignment import Rules
from labkit.checks.check import Check, Status, skipped, undecided
from labkit.checks.records import ABLATION, RESULTS, BadRecord, read_ablation
from labkit.checks.report.languages import SHIPPED
from labkit.checks.report.rules import ACCURACIES, PARTS, TEXT, ReportContent, Unread, judge, reading_of, unread
from labkit.errors import RecordError
from labkit.limits import MIB, Limits, Outcome

LIMITS = Limits(wall_seconds=60, cpu_seconds=60, memory_bytes=1024 * MIB, output_bytes=8 * MIB, output_files=2)


def check_report(
    folder: Path, rules: Rules, sandbox: Sandbox, scratch: Path, file: Check | None = None
) -> tuple[list[Check], str]:
    """Check report.pdf in `folder`, an unpacked submission.

    `scratch` is an empty folder. The accuracies are compared with the bands of the rules, which are those of the full
    recipe: the grader trains for fewer steps. Where `submit.py pack` has put ablation.csv beside the report, it is what
    is compared with them, and the text has to agree with it.

    `file` is the check files/report: where it could not be decided, for there are several PDFs, neither can these.

    Returns (checks, text): those of "report/", and the report's text for other uses, "" without one.
    """
    if not (folder / REPORT).is_file():
        if file is not None and file.status == Status.UNDECIDED:
            return [undecided(name, "it can't be told which PDF is the report") for name in (TEXT, *PARTS)], ""
        return [skipped(name, "there is no report") for name in (TEXT, *PARTS)], ""
    content, problem, outcome = read_report(folder, sandbox, scratch, rules.report.languages)
    details = {"log": outcome.log, "seconds": outcome.seconds}
    if content is None:
        assert problem is not None
        return unread(problem, details), ""
    runs, remarks = _runs(folder)
    checks = judge(content, rules, {}, details, runs)
    at = next(n for n, check in enumerate(checks) if check.name == ACCURACIES)
    checks[at] = replace(checks[at], remarks=(*checks[at].remarks, *remarks))
    return checks, content.text


def _runs(folder: Path) -> tuple[dict[str, tuple[float, ...]], tuple[str, ...]]:
    """Return the runs of a submission's ablation.csv, {} without one; and a remark on one that is of no use."""
    for path in (folder / ABLATION, folder / RESULTS / ABLATION):  # as packed, and as it lies in a zip made by hand
        if path.is_file():
            try:
                return read_ablation(path), ()
            except BadRecord as error:
                return {}, (f"{error}, so the report was read without it",)
    return {}, ()


def read_report(
    folder: Path, sandbox: Sandbox, scratch: Path, languages: Iterable[str] = tuple(SHIPPED)
) -> tuple[ReportContent | None, Unread | None, Outcome]:
    """Read report.pdf in `folder`, in any of `languages`; `scratch` is an empty folder.

    Returns (content, problem, outcome): the ReportContent, or None and the Unread, and how reading ended.
    """
    kit = stage(scratch / "kit", TRUSTED)
    outcome = sandbox.run(
        [
            sandbox.python,
            "-m",
            "labkit.checks.report.reader",
            f"/submission/{REPORT}",
            TEMPLATE,
            "/output/found",
            *languages,
        ],
        read_only={f"/submission/{REPORT}": folder / REPORT, "/kit": kit},
        output=scratch / "output",
        limits=LIMITS,
        cwd="/kit",
    )
    if outcome.problem:
        problem = f"reading the PDF {outcome.problem}: it is damaged, or far too complicated; export it again"
        return None, Unread(problem), outcome
    try:
        reading = reading_of((scratch / "output" / "found").read_bytes())
    except (OSError, RecordError):
        return None, Unread("reading the PDF left nothing behind: it is damaged; export it again"), outcome
    return (None, reading, outcome) if isinstance(reading, Unread) else (reading, None, outcome)
