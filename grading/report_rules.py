"""What a report has to have: rules about what was found in it, the same for grading and for the student's own check."""

from dataclasses import dataclass

from grading.checks import failed, passed
from grading.report_text import METHODS

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


def judge(found, assignment, measured, details=None):
    """The four checks of what was `Found`; `details` is what reading it cost: `log` and `seconds`.

    `measured` maps scripts to test accuracies, 0 to 1; for one that is not in it, the assignment's band counts.
    """
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
    agreed, missing, problems = [], [], []
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
            missing.append(name)
    if missing:
        problems.append(f"no test accuracy was found of {', '.join(missing)}; make a table with a row for each network")
    if not problems:
        return passed("report/accuracies", f"found, and as expected: {', '.join(agreed)}")
    return failed("report/accuracies", "; ".join(problems), fraction=len(agreed) / len(NETWORKS))


def _check_template(found):
    if not found.prompts:
        return passed("report/template", "no prompt of the template is left")
    more = f", and {len(found.prompts) - SHOWN} more" if len(found.prompts) > SHOWN else ""
    return failed("report/template", f"prompts are left: {'; '.join(map(str, found.prompts[:SHOWN]))}{more}")
