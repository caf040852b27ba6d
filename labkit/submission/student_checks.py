"""What `submit.py check` looks at, before the student hands in: the grader's checks, as far as a student can make them.

Each check is a Check under the name that it has in grading; what depends on a failed one is skipped.
"""

import ast
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labkit.checks.assignment import CHECKS, NETWORKS, Assignment
from labkit.checks.check import Check, CheckId, Status, failed, passed, skipped
from labkit.checks.file_checks import pdf_problem, script_problem
from labkit.checks.importing import ABSENT
from labkit.checks.records import ABLATION, RESULTS, BadRecord, check_training, read_ablation
from labkit.checks.report.rules import PARTS, TEXT, ReportContent, Unread, judge, reading_of, unread
from labkit.files import FACES, KIT
from labkit.limits import Outcome
from labkit.mistakes import explain, with_script, without_place
from labkit.networks import FULL, REMOVED, TRIAL_STEPS
from labkit.recipe import recipe_problem
from labkit.sources import encoding_problem, source_problem
from labkit.submission.children import run_child
from labkit.submission.report_pdf import count_missing, is_stale

TOTAL = sum(map(len, CHECKS.values())) + 1  # that of the full network's training comes on top
REPORT_SECONDS = 60  # to read the PDF, which takes two
REPORT = "report.pdf"
# What stands beside a script in grading, and no module of the student's own: only the scripts go in.
IMPORTABLE = {*FACES, "labkit"} - {"compare", "submit"}


def check_all(
    folder: Path, assignment: Assignment, announce: Callable[[str], object] = lambda what: None
) -> Iterator[Check]:
    """Check the scripts, results and report in a folder; yield one Check after the other, TOTAL in all.

    `announce` is called with what is being done, before whatever takes seconds.
    """
    said = {}
    for script in NETWORKS:
        for check in _check_script(script, folder, assignment.limits.run_seconds, announce):
            yield _said_once(check, script, said)
    measured = {}
    for script in (FULL, *NETWORKS):
        if not (folder / f"{script}.py").is_file():
            yield skipped(CheckId("training", script), f"there is no {script}.py")
            continue
        check, accuracy = check_training(script, folder, assignment.bands[script])
        yield _trained_alike(check, folder / f"{script}.py")
        if accuracy is not None:
            measured[script] = accuracy
    yield from _check_report(folder / REPORT, assignment, measured, announce)


def _trained_alike(check: Check, path: Path) -> Check:
    """Return the check of a training; failed where the script trains otherwise than deep_mnist.py.

    That comes before whatever else is wrong with the training, so that nobody trains twice.
    """
    reference = KIT / f"{FULL}.py"
    problem = recipe_problem(path.read_bytes(), reference.read_bytes()) if reference.is_file() else None
    return failed(check.name, with_script(path.stem, problem)) if problem else check


def _said_once(check: Check, script: str, said: dict[tuple[str, str], str]) -> Check:
    """Refer to another script where a failed check repeats its message; `said` has the first of each message."""
    if check.status != Status.FAILED:
        return check
    key = check.name.group, without_place(check.message, script)
    first = said.setdefault(key, script)
    return check if first == script else replace(check, message=f"{script}.py: the same as in {first}.py, above")


# --------------------------------------------------------------------------------------------------------- the scripts


def _check_script(script: str, folder: Path, seconds: float, announce: Callable[[str], object]) -> Iterator[Check]:
    path = folder / f"{script}.py"
    names = CheckId("files", script), CheckId("run", script), CheckId("architecture", script)
    if not path.is_file():
        yield failed(names[0], f"there is no {path.name} here: copy deep_mnist.py, and remove {REMOVED[script]}")
        yield from (skipped(name, f"there is no {path.name}") for name in names[1:])
        return
    problem = script_problem(path)
    if problem:
        yield failed(names[0], problem)
        yield from (skipped(name, f"{path.name} holds no script") for name in names[1:])
        return
    yield passed(names[0], f"{path.name} is there")
    announce(f"{path.name}: shapes")
    problem, shapes = _look_at(path, seconds)
    if problem:
        yield failed(names[1], with_script(script, problem))
        yield skipped(names[2], f"{path.name} can't be imported")
        return
    announce(f"{path.name}: {TRIAL_STEPS} steps")
    yield _check_steps(names[1], path, seconds)
    yield _check_shapes(names[2], path, shapes)


def _look_at(path: Path, seconds: float) -> tuple[str | None, list[str]]:
    """Return why a script can't be imported, or None; and what is wrong with its shapes, a line each."""
    source = b""
    try:
        source = path.read_bytes()
        if problem := encoding_problem(source):
            return problem, []
        tree = ast.parse(source, str(path))
    except SyntaxError as error:
        return source_problem(source) or explain(error, path), []
    except (OSError, ValueError) as error:  # the latter for null bytes, before Python 3.12
        return f"it can't be read: {error}", []
    helpers = sorted(name for name in _imported(tree) - IMPORTABLE - set(NETWORKS) if _is_local(name, path.parent))
    if helpers:
        return f"it imports {helpers[0]}.py, which would not be in the zip: move what it needs into {path.name}", []
    with tempfile.TemporaryDirectory() as scratch:
        destination = Path(scratch, "found.json")
        outcome = run_child(["-m", "labkit.checks.model_check", path.stem, destination], seconds, path.parent)
        if outcome.problem or not destination.is_file():
            return f"importing it and its Model {_how_it_ended(outcome)}", []
        problems = json.loads(destination.read_text(encoding="utf-8"))
    return problems["import"], problems["shapes"]


def _how_it_ended(outcome: Outcome) -> str:
    """Say how the process that looks at a script ended before it was done, and what may be done about it."""
    if outcome.ended == "killed":
        return f"{outcome.problem}: look at the last lines that you changed, and run the script itself"
    todo = "it must not train, nor do anything else, before its main is called"
    if outcome.ended == "timeout":
        return f"{outcome.problem}: close what else is running and try again; if that does not help, {todo}"
    return f"{outcome.problem or 'ended without a word'}: {todo}"


def _imported(tree: ast.AST) -> set[str]:
    """Return the top-level names of all modules that a script imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def _is_local(module: str, folder: Path) -> bool:
    return (folder / f"{module}.py").is_file()


def _check_steps(name: CheckId, path: Path, seconds: float) -> Check:
    with tempfile.TemporaryDirectory() as results:
        outcome = run_child([path, "--steps", TRIAL_STEPS, "--results-dir", results], seconds, path.parent)
        left = list(Path(results).glob("*/seed-*/run.json"))
    errors = [line for line in outcome.log.splitlines() if line.startswith("error: ")]
    if outcome.problem:
        why = errors[-1].removeprefix("error: ").partition(" (all of it:")[0] if errors else outcome.problem
        return failed(name, f"{path.name} --steps {TRIAL_STEPS}: {why}", log=outcome.log)
    if not left:
        problem = "it ended well, but left no run.json: keep everything outside of Model as it is in deep_mnist.py"
        why = errors[-1].removeprefix("error: ") if errors else problem
        return failed(name, f"{path.name} --steps {TRIAL_STEPS}: {why}", log=outcome.log)
    absent = sorted(ABSENT & _imported(ast.parse(path.read_bytes())))
    but = f"; grading has no {absent[0]}, so use nothing of it, or leave it out" if absent else ""
    return passed(name, f"{path.name} imports without training, and runs {TRIAL_STEPS} steps{but}")


def _check_shapes(name: CheckId, path: Path, problems: list[str]) -> Check:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        mark = path.stem.removeprefix("model_")
        all_of_them = f"; all of it: python -m pytest tests/test_shapes.py -m {mark}"
        return failed(name, f"{with_script(path.stem, problems[0])}{more}{all_of_them}")
    return passed(name, f"{path.name} has the right layers, each with the right shape")


# ---------------------------------------------------------------------------------------------------------- the report


def _check_report(
    path: Path, assignment: Assignment, measured: dict[str, float], announce: Callable[[str], object]
) -> Iterator[Check]:
    name = CheckId("files", "report")
    if not path.is_file():
        todo = "make it of report.md with `python submit.py report`, or export it from any word processor"
        yield failed(name, f"there is no {path.name} here: {todo}")
        yield from (skipped(part, f"there is no {path.name}") for part in (TEXT, *PARTS))
        return
    problem = pdf_problem(path) or _stale_report(path)
    yield failed(name, problem) if problem else passed(name, f"{path.name} is there")
    announce(f"{path.name}: reading")
    report = _read_report(path, assignment.report.languages)
    if isinstance(report, Unread):
        yield from unread(report)
        return
    yield from judge(report, assignment, measured, runs=_compared(path.parent / RESULTS / ABLATION))


def _compared(path: Path) -> dict[str, tuple[float, ...]]:
    """Return what compare.py measured, {} where it was not run, or has left nothing of use."""
    try:
        return read_ablation(path) if path.is_file() else {}
    except BadRecord:
        return {}


def _stale_report(path: Path) -> str | None:
    """Say what to do about a PDF made of an earlier report.md, or without its pictures; None for any other."""
    with contextlib.suppress(OSError, UnicodeError):  # there is no report.md, most often
        if is_stale(path.with_suffix(".md"), path):
            return f"report.md has changed since {path.name} was made of it: `python submit.py report` makes it anew"
    missing = count_missing(path)
    if missing:
        boxes = "a box stands in place of a picture" if missing == 1 else f"boxes stand in place of {missing} pictures"
        return f"in {path.name} {boxes}: `python submit.py report` says which, and makes it anew once they are there"
    return None


def _read_report(path: Path, languages: Iterable[str]) -> ReportContent | Unread:
    """Return what the reader finds in a PDF."""
    with tempfile.TemporaryDirectory() as scratch:
        destination = Path(scratch, "found.json")
        files = path.name, KIT / "report_template.md", destination
        outcome = run_child(["-m", "labkit.checks.report.reader", *files, *languages], REPORT_SECONDS, path.parent)
        if outcome.problem or not destination.is_file():
            ended = outcome.problem or "ended without a word"
            return Unread(f"reading {path.name} {ended}: it is damaged, or far too complicated; export it again")
        return reading_of(destination.read_bytes())
