"""Checks a report: its text, its methods, its accuracies beside those measured. It is read in the sandbox."""

import json
from dataclasses import dataclass
from pathlib import Path

from grading.checks import failed, passed, skipped
from grading.limits import MIB, Limits
from grading.report_text import METHODS
from grading.unpacking import REPORT

ROOT = Path(__file__).resolve().parent.parent
KIT = ("grading/__init__.py", "grading/report_reader.py", "grading/report_text.py", "report_template.md")
LIMITS = Limits(wall_seconds=60, cpu_seconds=60, memory_bytes=1024 * MIB, output_bytes=8 * MIB, output_files=2)
NETWORKS = {"deep_mnist": "the full network", "model_no1": "no. 1", "model_no2": "no. 2", "model_no3": "no. 3"}
PARTS = ("methods", "accuracies", "template")  # that depend on the text
SHOWN = 3  # numbers, or prompts, that a message quotes


@dataclass(frozen=True)
class Found:
    """What report_reader found: the text, and for each method, network and prompt what there is of it."""

    pages: int
    text: str
    introduction: bool
    treated: dict[str, bool]
    accuracies: dict[str, list[float]]
    prompts: list[str]


def check_report(folder, assignment, sandbox, scratch, measured):
    """Checks report.pdf in `folder`, an unpacked submission.

    `scratch` is an empty folder; `measured` maps scripts to the test accuracies that grading measured, 0 to 1. Returns
    (checks, text): those of "report/", and the report's text for what else wants to look at it, "" if it has none.
    """
    if not (folder / REPORT).is_file():
        return [skipped(f"report/{name}", "there is no report") for name in ("text", *PARTS)], ""
    found, problem, outcome = read_report(folder, sandbox, scratch)
    details = {"log": outcome.log, "seconds": outcome.seconds}
    if problem:
        unread = [skipped(f"report/{name}", "the report could not be read") for name in PARTS]
        return [failed("report/text", problem, **details), *unread], ""
    return judge(found, assignment, measured, details), found.text


def read_report(folder, sandbox, scratch):
    """Reads report.pdf in `folder`; `scratch` is an empty folder.

    Returns (found, problem, outcome): what was Found, or None and the problem for the student, and how reading ended.
    """
    outcome = sandbox.run(
        [sandbox.python, "-m", "grading.report_reader", f"/submission/{REPORT}", "report_template.md", "/output/found"],
        read_only={f"/submission/{REPORT}": folder / REPORT} | {f"/kit/{name}": ROOT / name for name in KIT},
        output=scratch,
        limits=LIMITS,
        cwd="/kit",
    )
    if outcome.problem:
        problem = f"reading the PDF {outcome.problem}: it is damaged, or far too complicated; export it again"
        return None, problem, outcome
    try:
        record = json.loads((scratch / "found").read_bytes())
        if "problem" in record:
            return None, str(record["problem"]), outcome
        return Found(**record), None, outcome
    except (OSError, ValueError, TypeError):
        return None, "reading the PDF left nothing behind: it is damaged; export it again", outcome


def judge(found, assignment, measured, details=None):
    """The four checks of what was `Found`; `measured` as in check_report, and `details` is what reading it cost."""
    return [
        _check_text(found, assignment.report, details or {}),
        _check_methods(found),
        _check_accuracies(found, assignment, measured),
        _check_template(found),
    ]


def _check_text(found, rules, details):
    words = len(found.text.split())
    problems = []
    if words < rules.min_words:
        problems.append(f"it has {words:,} words, and {rules.min_words:,} are the least that the assignment takes")
    if found.pages > rules.max_pages:
        problems.append(f"it has {found.pages} pages, and {rules.max_pages} are the most")
    if not found.introduction:
        problems.append("no introduction was found: give it a heading of its own")
    size = f"{words:,} words on {found.pages} page{'s' * (found.pages != 1)}"
    if problems:
        return failed("report/text", f"{size}; {'; '.join(problems)}", fraction=1 - len(problems) / 3, **details)
    return passed("report/text", f"{size}, with an introduction", **details)


def _check_methods(found):
    missing = [method for method in METHODS if not found.treated.get(method)]
    if not missing:
        return passed("report/methods", f"treated: {', '.join(METHODS)}")
    return failed(
        "report/methods",
        f"not there, or just named: {', '.join(missing)}; give each a section, or some sentences of its own",
        fraction=1 - len(missing) / len(METHODS),
    )


def _check_accuracies(found, assignment, measured):
    """Each network's accuracy has to be near the one measured, or else in its band, which the tolerance widens."""
    tolerance = assignment.report.accuracy_tolerance + 1e-9
    agreed, problems = [], []
    for script, name in NETWORKS.items():
        low, high = (measured[script],) * 2 if script in measured else assignment.bands[script]
        expected = f"{low:.2%} was measured" if script in measured else f"{low:.2%} to {high:.2%} is to be expected"
        stated = found.accuracies.get(script, [])
        near = [value for value in stated if low - tolerance <= value <= high + tolerance]
        if near:
            agreed.append(f"{name} {near[0]:.2%}")
        elif stated:
            others = ", ".join(f"{value:.2%}" for value in stated[:SHOWN])
            problems.append(f"{name}: the report has {others}, where {expected}")
        else:
            problems.append(f"{name}: no test accuracy was found; write it into a table with a row for each network")
    if not problems:
        return passed("report/accuracies", f"found, and as expected: {', '.join(agreed)}")
    return failed("report/accuracies", "; ".join(problems), fraction=len(agreed) / len(NETWORKS))


def _check_template(found):
    if not found.prompts:
        return passed("report/template", "no prompt of the template is left")
    more = f", and {len(found.prompts) - SHOWN} more" if len(found.prompts) > SHOWN else ""
    return failed("report/template", f"prompts are left: {'; '.join(map(str, found.prompts[:SHOWN]))}{more}")
