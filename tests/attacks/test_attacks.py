"""Every hostile script, tried for real on the sandbox and the worker: it gets its verdict, and nothing else.

`-m attack` packs three of them into a submission, one in each script; where something is wrong with a pack, each of its
three is tried by itself, to name the culprit. `-m full` tries all of them by themselves. An attack that has the whole
sandbox stopped, or fits one script only, always is: beside a right script, which must not come to harm.
"""

import dataclasses
from collections.abc import Iterator

import pytest

from grading.intake.arrivals import unpack
from grading.networks import network_checks
from labkit.checks.assignment import load_assignment
from labkit.text import printable
from tests.submissions import ROOT, SCRIPTS, Case, hostile_code, make_zip, reference_scripts
from tests.submissions.watch import reached, watched

pytestmark = pytest.mark.grading

PATIENCE = 60  # seconds for a script and its 20 steps: enough on a machine that is busy with other things
PATIENCE_WITH_ENDLESS = 20  # seconds, where some script does not end
PATIENCE_WITH_NO_OTHER = 8  # seconds, where what does not end is all there is
NO_REPORT = b"%PDF-1.4"  # nobody looks at it here
SCRIPTED = [case for case in hostile_code.CASES if any(path.endswith(".py") for path in case.files)]
PACKABLE = [case for case in SCRIPTED if case.within and not case.ends_sandbox]


def packs() -> Iterator[list[Case]]:
    """Yield all attacks in groups of three; the endless ones in groups of their own."""
    for endless in (False, True):
        alike = [case for case in PACKABLE if case.endless is endless]
        yield from (alike[start : start + 3] for start in range(0, len(alike), 3))
    yield from ([case] for case in SCRIPTED if case not in PACKABLE)


def name_of(pack: list[Case]) -> str:
    return "+".join(case.name for case in pack)


@pytest.fixture
def try_out(tmp_path, sandbox, inspector):
    """Return a function that checks cases in one submission and returns what is wrong, a line each."""

    def try_out(*cases: Case) -> list[str]:
        files, scripts = in_one_submission(cases)
        folder = tmp_path / name_of(cases)[:100]
        folder.mkdir()
        (folder / "189295_ada_lovelace.zip").write_bytes(make_zip(files))
        (folder / "work").mkdir()
        unpacked = unpack(folder / "189295_ada_lovelace.zip", folder / "submission")
        assert set(unpacked.scripts) == scripts
        assignment = load_assignment(ROOT / "assignment.toml")
        patience = PATIENCE_WITH_ENDLESS if any(case.endless for case in cases) else PATIENCE
        patience = PATIENCE_WITH_NO_OTHER if all(case.endless for case in cases) else patience
        limits = dataclasses.replace(assignment.limits, run_seconds=patience)
        assignment = dataclasses.replace(assignment, limits=limits)
        with watched() as secret:
            checks = network_checks.check_networks(
                folder / "submission", assignment, sandbox, False, inspector, None, folder / "work", scripts
            )
        of_scripts = [check for check in checks if check.name.partition("/")[2] in scripts]
        return [line for check in of_scripts for line in wrong(check, cases, secret)]

    return try_out


def in_one_submission(cases):
    """Return the files of a submission with one case, or with several in a script each; and the scripts in it."""
    if len(cases) == 1:
        files = {path: text for path, text in cases[0].files.items() if text is not None}
        own = {script for script in SCRIPTS if f"{script}.py" in files}
        witness = next(script for script in reversed(SCRIPTS) if script not in own or len(own) == len(SCRIPTS))
        files = {f"{witness}.py": reference_scripts()[f"{witness}.py"]} | files
        scripts = own | {witness}
    else:
        scripts = set(SCRIPTS[: len(cases)])
        files = {path: text for case in cases for path, text in case.files.items()}
    encoded = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return {**encoded, "report.pdf": NO_REPORT}, scripts


def wrong(check, cases, secret):
    """Yield what is wrong with a check of a submission that holds these cases."""
    message = f"{check.name}: {check.message}\n{check.log}"
    yield from (f"it got hold of what is not its own: {line}" for line in reached(message, secret))
    if message != printable(message):
        yield f"a terminal would act on this: {message!r}"
    if check.name.startswith("training/"):
        expected, fragment = {"skipped"}, ""
    else:
        script = f"{check.name.partition('/')[2]}.py"
        case = next((case for case in cases if script in case.files), cases[0])
        expected, fragment = case.status(check.name), case.messages.get(check.name, "")
    if check.status not in expected:
        yield f"{check.status}, expected {' or '.join(sorted(expected))}: {message}"
    if fragment not in check.message:
        yield f"expected {fragment!r} in this: {message}"


@pytest.mark.attack
@pytest.mark.packed
@pytest.mark.sample(7)
@pytest.mark.parametrize("pack", list(packs()), ids=name_of)
def test_attacks_get_their_verdicts_and_nothing_else(pack, try_out):
    if len(pack) == 1:
        assert not try_out(*pack)
        return
    together = try_out(*(case.within(script=script) for case, script in zip(pack, SCRIPTS, strict=False)))
    if together:
        alone = {case.name: try_out(case) for case in pack}
        pytest.fail(f"together: {together}; each alone: {alone}")


@pytest.mark.alone
@pytest.mark.parametrize("case", SCRIPTED, ids=lambda case: case.name)
def test_attack_gets_its_verdict_and_nothing_else(case, try_out):
    assert not try_out(case)
