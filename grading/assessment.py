"""Grades one submission: unpacks it, has it checked, and says what that depended on."""

import dataclasses
import hashlib
import json
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from grading import report_check, staging
from grading.intake.arrivals import unpack
from grading.intake.contents import Content
from grading.intake.submission import Submission
from grading.networks import network_checks
from grading.results.results import Result
from grading.sandbox.runner import Sandbox
from labkit.checks.assignment import CHECK_IDS, CHECKS, NETWORKS, Assignment, Rules
from labkit.checks.check import Check, CheckId, failed, passed, skipped
from labkit.checks.file_checks import check_files
from labkit.files import FACES, KIT

UNPACKED = "submission"
ZIP = CheckId("files", "zip")  # the check that comes before all others: it has no points, but remarks
PACKAGES = ("tensorflow", "tensorflow-cpu", "numpy", "pypdf", "cryptography", "pypdfium2")


@dataclass(frozen=True)
class Setup:
    """What is the same for the whole class."""

    assignment: Assignment
    sandbox: str  # the name of that which submissions run in
    train: bool
    kit: str  # see grader_version

    def key(self, zip_sha256: str) -> str:
        """Return a hash of all that the checks of a zip depend on: with the same key they need not be run again.

        Trainings are in a result, or they are not (Result.trained).
        """
        parts = [zip_sha256, self.kit, self.sandbox]
        rules = json.dumps(dataclasses.asdict(self.assignment.rules), sort_keys=True)
        return hashlib.sha256(json.dumps([*parts, rules]).encode()).hexdigest()


def what_grades() -> list[Path]:
    """Return the files that a verdict depends on: the kit's code, and the text that a report is compared with.

    A script of the instructor's own beside the kit's is not among them.
    """
    code = [path for room in ("labkit", "grading") for path in KIT.glob(f"{room}/**/*.py")]
    return sorted([*code, *(KIT / f"{name}.py" for name in (*FACES, *NETWORKS)), KIT / staging.TEMPLATE])


def grader_version() -> str:
    """Return a hash of the code that grades and of the packages that it uses: 16 hex digits."""
    digest = hashlib.sha256()
    for path in what_grades():
        digest.update(path.relative_to(KIT).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(platform.python_version().encode())
    for package in PACKAGES:
        try:
            digest.update(f"{package} {metadata.version(package)}".encode())
        except metadata.PackageNotFoundError:
            continue
    return digest.hexdigest()[:16]


def new_result(submission: Submission, zip_name: str, setup: Setup) -> Result:
    """Make a submission's result without its checks; `zip_name` is the zip's path within the folder of submissions."""
    return Result(
        zip=zip_name,
        folder=submission.stem,
        zip_sha256=submission.sha256,
        id=submission.id,
        name=submission.name,
        surname=submission.surname,
        submitted=submission.submitted.isoformat(timespec="seconds"),
        late_seconds=submission.late.total_seconds(),
        sandbox=setup.sandbox,
        kit=setup.kit,
        trained=setup.train,
        remarks=list(submission.remarks),
        system=submission.system,
        system_key=submission.key,
        uploaded_as=list(submission.uploaded_as),
        time_source=str(submission.time_source),
    )


def grade(
    content: Content,
    rules: Rules,
    sandbox: Sandbox,
    inspector: network_checks.Inspector,
    data: Path | None,
    scratch: Path,
) -> tuple[list[Check], str]:
    """Run all the checks of one submission that can be graded.

    Args:
        content: its files.
        rules: what the checks go by.
        sandbox: to run it in.
        inspector: to judge its networks with.
        data: the directory of MNIST; None where nothing is trained.
        scratch: a folder, in which the files are unpacked to UNPACKED.

    Returns:
        (checks, text): the list of Check, in the rubric's order, and the text of the report, "" without one.

    Raises:
        BadZip: the zip is refused.
        SandboxError: the sandbox failed.
    """
    folder = scratch / UNPACKED
    unpacked = unpack(content, folder, report_names=rules.report.names)
    checks = [passed(ZIP, "the zip could be unpacked", remarks=tuple(unpacked.remarks))]
    checks += check_files(
        folder, CHECKS["files"][:-1], unpacked.scripts, unpacked.report, unpacked.left_out + unpacked.others
    )
    checks += network_checks.check_networks(
        folder,
        rules=rules,
        sandbox=sandbox,
        train=data is not None,
        inspector=inspector,
        data=data,
        workdir=_folder(scratch / "networks"),
        scripts=set(unpacked.scripts),
    )
    of_report, text = report_check.check_report(
        folder, rules, sandbox, _folder(scratch / "report"), file=_of_report(checks)
    )
    return _in_order(checks + of_report), text


def refusal(problem: str) -> list[Check]:
    """Return the checks of a zip in which nothing can be graded: the problem, and everything else skipped."""
    return [failed(ZIP, problem), *(skipped(name, "the zip can't be graded") for name in CHECK_IDS)]


def _of_report(checks: list[Check]) -> Check:
    return next(check for check in checks if check.name == CheckId("files", "report"))


def _in_order(checks: list[Check]) -> list[Check]:
    """Return the rubric's checks in its order; a missing one is failed, because silence must not earn points."""
    by_name = {check.name: check for check in checks}
    missing = "this check has come to no result; ask your instructor"
    return [by_name.get(name) or failed(name, missing) for name in (ZIP, *CHECK_IDS)]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
