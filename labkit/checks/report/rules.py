"""What a report has to have: rules about what was found in it, the same for grading and for the student's own check.

Where a program can't tell, for the PDF, the language or the wording, a check is undecided, and says what was seen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from labkit.checks.assignment import ReportRules, Rules
from labkit.checks.check import Accuracies, Check, CheckId, accuracies_of, failed, passed, skipped, undecided
from labkit.checks.report.methods import MISSING, TREATED, UNCLEAR
from labkit.checks.report.text import FEWEST_HIDDEN, hidden_words
from labkit.errors import RecordError
from labkit.formats import read_record
from labkit.networks import FULL, TITLES

NETWORKS = TITLES | {FULL: "the full network"}
TEXT = CheckId("report", "text")
METHODS, ACCURACIES, TEMPLATE = PARTS = tuple(  # which depend on the text
    CheckId("report", part) for part in ("methods", "accuracies", "template")
)
SHOWN = 3  # numbers, or prompts, that a message quotes
MOST_OF_ONE = 3  # numbers for one network, in a table and in words; more are a list to choose from
ROUNDED = 0.0005 + 1e-9  # what a percentage with one decimal may be off
BETTER = 0.001 + 1e-9  # than the full network: an ablation may be by chance, but not by more


@dataclass(frozen=True)
class ReportContent:
    """What the reader found: the visible text, and the methods, accuracies and prompts in it.

    `methods` maps the lecture's methods to TREATED, UNCLEAR or MISSING. `accuracies` maps networks to their stated
    accuracies, 0 to 1; `loose` are accuracies of an unknown network. `hidden` and `doubtful` count words that surely or
    perhaps can't be seen; `why` has the reasons. `illegible` says why the text can't be what a person reads.
    """

    pages: int
    text: str
    introduction: bool
    methods: dict[str, str]
    accuracies: dict[str, list[float]]
    prompts: list[str]
    loose: list[float] = field(default_factory=list)
    hidden: int = 0
    doubtful: int = 0
    why: list[str] = field(default_factory=list)
    illegible: str = ""


@dataclass(frozen=True)
class Unread:
    """Why a report could not be read, for the student; undecided where that is the grader's limit."""

    problem: str
    undecided: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportReading:
    """What the reader (reader.py) writes of a report: one of the two."""

    content: ReportContent | None = None
    unread: Unread | None = None


def reading_of(data: bytes) -> ReportContent | Unread:
    """Read what the reader wrote of a report; raise RecordError if it is not of its form."""
    reading = read_record(data, ReportReading)
    result = reading.content or reading.unread
    if result is None:
        raise RecordError("it has neither content nor unread")
    return result


def unread(problem: Unread, details: Mapping[str, Any] | None = None) -> list[Check]:
    """Return the four checks of a report that could not be read."""
    if problem.undecided:
        first = undecided(TEXT, problem.problem, remarks=problem.remarks, **(details or {}))
        return [first, *(undecided(name, problem.problem) for name in PARTS)]
    skips = [skipped(name, "the report could not be read") for name in PARTS]
    return [failed(TEXT, problem.problem, remarks=problem.remarks, **(details or {})), *skips]


Runs = Mapping[str, Sequence[float]]


def judge(
    content: ReportContent,
    rules: Rules,
    measured: Mapping[str, float],
    details: Mapping[str, Any] | None = None,
    runs: Runs | None = None,
) -> list[Check]:
    """Return the four checks of a `ReportContent`; `details` is what reading it cost: `log` and `seconds`.

    `measured` maps scripts to test accuracies, 0 to 1; for one that is not in it, the assignment's band counts. `runs`
    are those of ablation.csv, scripts to the test accuracies of their seeds: then these have to be in the bands, and
    the text only has to agree with them.
    """
    doubt = _doubt(content)
    checks = [
        _check_text(content, rules.report, details or {}),
        _check_methods(content),
        _check_accuracies(content, rules, measured, runs or {}),
    ]
    if doubt:
        checks = [
            check if check.passed else undecided(check.name, f"{doubt}; in what could be read: {check.message}")
            for check in checks
        ]
    checks[2] = replace(checks[2], accuracies=_figures(content, runs or {}))
    return [*checks, _check_template(content)]


def _figures(content: ReportContent, runs: Runs) -> tuple[Accuracies, ...]:
    stated = {script: content.accuracies.get(script, []) for script in NETWORKS} | {"": content.loose}
    return accuracies_of("report", stated) + accuracies_of("ablation.csv", runs)


def _doubt(content: ReportContent) -> str:
    """Say what kept the text from being read, so that what was not found may be there all the same; "" for nothing."""
    if content.doubtful >= FEWEST_HIDDEN:
        return f"{content.doubtful:,} words can't be told to be seen ({', '.join(content.why)})"
    return content.illegible


def _check_text(content: ReportContent, rules: ReportRules, details: Mapping[str, Any]) -> Check:
    words = _count_words(content.text)
    problems = []
    if words < rules.min_words:
        problems.append(f"it has {words:,} words, and {rules.min_words:,} are the least that the assignment takes")
    if content.pages > rules.max_pages:
        problems.append(f"it has {content.pages} pages, and {rules.max_pages} are the most")
    if not content.introduction:
        problems.append("no introduction was found: give it a heading of its own")
    size = f"{words:,} words on {content.pages} page{'s' * (content.pages != 1)}"
    remarks = hidden_words(content.hidden, content.why)
    if remarks:
        size = f"{size} (and {content.hidden:,} more that can't be seen, which don't count)"
    if problems:
        fraction = 1 - len(problems) / 3
        return failed(TEXT, f"{size}; {'; '.join(problems)}", fraction=fraction, remarks=remarks, **details)
    return passed(TEXT, f"{size}, with an introduction", remarks=remarks, **details)


def _count_words(text: str) -> int:
    """Count the words of a text; in scripts without spaces between words, two characters count as one."""
    characters = len(re.findall(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]", text))
    others = re.sub(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+", " ", text)
    return len(others.split()) + characters // 2


def _check_methods(content: ReportContent) -> Check:
    by_verdict = {
        verdict: [method for method, treatment in content.methods.items() if treatment == verdict]
        for verdict in (TREATED, UNCLEAR, MISSING)
    }
    treated, unclear, missing = by_verdict.values()
    if not missing and not unclear:
        return passed(METHODS, f"treated: {', '.join(treated)}")
    parts = [f"treated: {', '.join(treated)}"] if treated else []
    if unclear:
        parts.append(
            f"there seems to be something about {', '.join(unclear)}, but without the name, or without the words that "
            "an explanation has; below a heading that names the method it would be found"
        )
    if missing:
        parts.append(
            f"not there, or just named: {', '.join(missing)}; give each a section, or some sentences of its own"
        )
    if unclear:
        return undecided(METHODS, "; ".join(parts))
    return failed(METHODS, parts[-1], fraction=len(treated) / len(content.methods))


# ------------------------------------------------------------------------------------------------------- the accuracies


@dataclass
class _Verdicts:
    """What the accuracies of the four networks came to: sentences, and the values that agree."""

    agreed: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _check_accuracies(content: ReportContent, rules: Rules, measured: Mapping[str, float], runs: Runs) -> Check:
    """Check that each network's accuracy is near the measured one, or in its band; what is unclear is undecided."""
    verdicts = _Verdicts()
    for script in NETWORKS:
        if script in runs:
            _judge_runs(script, content, rules, runs, verdicts)
        else:
            _judge_network(script, content, rules, measured, verdicts)
    _judge_together(verdicts, content, runs)
    agreed = ", ".join(f"{NETWORKS[script]} {value:.2%}" for script, value in verdicts.agreed.items())
    if verdicts.missing:
        lost = f"no test accuracy was found of {', '.join(verdicts.missing)}; make a table with a row for each network"
        *first, last = (f'"{title}"' for title in TITLES.values())
        verdicts.problems.append(f"{lost}, called {', '.join(first)} and {last}")
    if verdicts.doubts:
        seen = f"found, and as expected: {agreed}; " if agreed else ""
        return undecided(ACCURACIES, seen + "; ".join(verdicts.doubts + verdicts.problems))
    if not verdicts.problems:
        return passed(ACCURACIES, f"found, and as expected: {agreed}{' (by ablation.csv)' * bool(runs)}")
    fraction = len(verdicts.agreed) / len(NETWORKS)
    return failed(ACCURACIES, "; ".join(verdicts.problems), fraction=fraction)


def _judge_runs(script: str, content: ReportContent, rules: Rules, runs: Runs, verdicts: _Verdicts) -> None:
    """Judge a network by its runs, which have to be in its band; what the text states has to agree with them."""
    name, (low, high) = NETWORKS[script], rules.bands[script]
    mean = sum(runs[script]) / len(runs[script])
    stated = content.accuracies.get(script, [])
    numbers = ", ".join(f"{value:.2%}" for value in stated[:SHOWN])
    own = [value for value in stated or content.loose if _agrees(value, runs[script])]
    of_others = [
        NETWORKS[other]
        for other in runs
        if other != script and any(_agrees(value, runs[other]) and value not in own for value in stated)
    ]
    tolerance = rules.report.accuracy_tolerance + 1e-9
    if not low - ROUNDED <= mean <= high + ROUNDED:
        beyond = f"{name}: ablation.csv has {mean:.2%}, where {low:.2%} to {high:.2%} is to be expected"
        (verdicts.doubts if low - tolerance <= mean <= high + tolerance else verdicts.problems).append(beyond)
    elif own and not of_others:
        verdicts.agreed[script] = mean
    elif own:
        verdicts.doubts.append(f"{name}: the report has {numbers}, and {mean:.2%} is its accuracy by ablation.csv")
    elif of_others:
        verdicts.problems.append(
            f"{name}: the report has {numbers}, which by ablation.csv is that of {of_others[0]}; its own is {mean:.2%}"
        )
    elif stated and not any(abs(value - mean) <= tolerance for value in stated):
        verdicts.problems.append(f"{name}: the report has {numbers}, where ablation.csv has {mean:.2%}")
    else:
        seen = f"the report has {numbers}" if stated else "the report's text has no number that agrees"
        verdicts.doubts.append(f"{name}: ablation.csv has {mean:.2%}, and {seen}")


def _agrees(value: float, runs: Sequence[float]) -> bool:
    """Tell whether a stated accuracy is one of a network's runs, or their mean, rounded as reports round."""
    digits = next((digits for digits in (2, 3) if abs(value - round(value, digits)) < 1e-9), 4)  # 99%, 98.7%, 98.71%
    return any(abs(value - known) <= 0.5 / 10**digits + 1e-9 for known in (*runs, sum(runs) / len(runs)))


def _judge_network(
    script: str, content: ReportContent, rules: Rules, measured: Mapping[str, float], verdicts: _Verdicts
) -> None:
    name, stated = NETWORKS[script], content.accuracies.get(script, [])
    low, high = (measured[script],) * 2 if script in measured else rules.bands[script]
    expected = f"{low:.2%} was measured" if script in measured else f"{low:.2%} to {high:.2%} is to be expected"
    tolerance = rules.report.accuracy_tolerance + 1e-9
    surely = tolerance if script in measured else ROUNDED  # a band is wide enough without the tolerance
    near = [value for value in stated if low - surely <= value <= high + surely]
    perhaps = [value for value in stated if low - tolerance <= value <= high + tolerance]
    numbers = ", ".join(f"{value:.2%}" for value in stated[:SHOWN])
    if not stated:
        verdicts.missing.append(name)
    elif len(stated) > MOST_OF_ONE or max(stated) - min(stated) > tolerance or (near and len(near) < len(stated)):
        span = f"{len(stated)} numbers, from {min(stated):.2%} to {max(stated):.2%}"
        verdicts.doubts.append(f"{name}: the report has {span}, and which of them is its test accuracy can't be told")
    elif near:
        verdicts.agreed[script] = near[0]
    elif perhaps:
        verdicts.doubts.append(
            f"{name}: the report has {numbers}, a little beyond what the assignment expects: {expected}"
        )
    else:
        verdicts.problems.append(f"{name}: the report has {numbers}, where {expected}")


def _judge_together(verdicts: _Verdicts, content: ReportContent, runs: Runs) -> None:
    """Judge what no network's number shows alone: numbers of no network, four equal ones, a full network that loses."""
    if verdicts.missing and content.loose:
        numbers = ", ".join(f"{value:.2%}" for value in content.loose[: SHOWN + 1])
        verdicts.doubts.append(f"the report has {numbers}, and which networks these belong to can't be told")
    verdicts.doubts += [
        f"{NETWORKS[one]} and {NETWORKS[other]} have each other's numbers in two places: which is right can't be told"
        for one, other in combinations([script for script in NETWORKS if script not in runs], 2)
        if len(stated := set(content.accuracies.get(one, []))) > 1 and stated == set(content.accuracies.get(other, []))
    ]
    values = list(verdicts.agreed.values())
    if len(values) == len(NETWORKS) and len(set(values)) == 1:
        verdicts.doubts.append(f"all four networks have the same test accuracy, {values[0]:.2%}: state another decimal")
    full = verdicts.agreed.get(FULL)
    better = [NETWORKS[s] for s, value in verdicts.agreed.items() if full is not None and value > full + BETTER]
    if better:
        verdicts.doubts.append(f"{', '.join(better)} should not be better than the full network: are they swapped?")


def _check_template(content: ReportContent) -> Check:
    if not content.prompts and content.illegible:
        return undecided(TEMPLATE, f"{content.illegible}, so that no prompt could be found in it")
    if not content.prompts:
        return passed(TEMPLATE, "no prompt of the template is left")
    more = f", and {len(content.prompts) - SHOWN} more" if len(content.prompts) > SHOWN else ""
    return failed(TEMPLATE, f"prompts are left: {'; '.join(map(str, content.prompts[:SHOWN]))}{more}")
