"""What the reader finds in reports, and how often it is right: precision and recall of each finding, over many PDFs.

    python benchmarks/reports.py                  317 PDFs, set by nine programs, in five languages: three minutes
    python benchmarks/reports.py --corpus FOLDER  keeps them there, each with a JSON of what is in it
    python benchmarks/reports.py --smoke          a few of them, to see that it runs

Each text of tests/checks/reports/ is set by each program. Of one whole report in each language there are incomplete
ones as well: without a method, without introduction, without numbers, with headings over filler, with a prompt of the
template. A finding that is left to the instructor is neither right nor wrong, and is counted by itself.
"""

import argparse
import importlib.util
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import measuring
from tqdm import tqdm

sys.path.insert(0, str(measuring.ROOT))  # first of all, because a module in this folder is called like the grader
from labkit.checks.assignment import load_assignment
from labkit.checks.check import Status
from labkit.checks.report.languages import METHODS
from labkit.checks.report.methods import TREATED, UNCLEAR
from labkit.checks.report.reader import find_all
from labkit.checks.report.rules import NETWORKS, ReportContent, judge
from tests.submissions.report_programs import PACKAGES, PROGRAMS

TEXTS = measuring.ROOT / "tests" / "checks" / "reports"
TEMPLATE = measuring.ROOT / "report_template.md"
WHOLE = ("lab_report", "relazione", "bericht", "informe", "rapport")  # one in each language, with numbered sections
FILLER = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. " * 5
PROMPT = "Prompt: What happens in training, and what in testing? Why is the sum divided by keep_prob?"


@dataclass(frozen=True)
class Truth:
    """What is in a report, as a person reads it, and the verdicts that it should get."""

    name: str
    text: str
    introduction: bool
    methods: frozenset[str]
    accuracies: dict[str, list[float]]
    prompts: bool
    verdicts: dict[str, str]


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", metavar="FOLDER", type=Path, help="keep the PDFs there, and what is in each")
    parser.add_argument(
        "--smoke", action="store_true", help="one text and its incomplete versions, by one program each"
    )
    return measuring.parse(parser)


def main(options: argparse.Namespace) -> None:
    """Make the PDFs, read them, and print the tables."""
    programs = installed()
    jobs = [(truth, program) for n, truth in enumerate(corpus()) for program in programs_of(truth, n, programs)]
    if options.smoke:
        jobs = [(truth, program) for truth, program in jobs if truth.name.startswith("rapport")][::4]
    counts, verdicts = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.corpus or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for truth, program in tqdm(jobs, unit="PDF", disable=None):
            found = read(truth, program, folder)
            counts.update(findings(truth, found))
            verdicts.update(judged(truth, found))
    print(f"{len(jobs)} PDFs of {len({truth.name for truth, _ in jobs})} texts")
    print(findings_table(counts))
    print(verdicts_table(verdicts))


# ---------------------------------------------------------------------------------------------------------- the corpus


def corpus() -> Iterator[Truth]:
    """Yield the reports: those of tests/checks/reports/, and incomplete versions of WHOLE."""
    for path in sorted(TEXTS.glob("*.txt")):
        known = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        treated = METHODS if known["verdicts"].get("methods") == "passed" else ()
        accuracies = {network: known["accuracies"][network] for network in NETWORKS}
        text = path.read_text(encoding="utf-8")
        truth = Truth(path.stem, text, True, frozenset(treated), accuracies, False, known["verdicts"])
        yield truth
        if path.stem in WHOLE:
            yield from incomplete(truth)


def incomplete(truth: Truth) -> Iterator[Truth]:
    """Yield versions of a whole report that lack something; its methods are sections 2.1 to 2.5, in their order."""
    for n, method in enumerate(METHODS, 1):
        without, filled = section(truth.text, f"2.{n}", ""), section(truth.text, f"2.{n}", FILLER)
        left = frozenset(METHODS) - {method}
        yield version(truth, f"without {method}", without, methods=left, verdicts={"methods": "failed"})
        yield version(truth, f"filler for {method}", filled, methods=left, verdicts={"methods": "undecided"})
    opening = re.sub(r"^# 1 .+?(?=^# 2)", "", truth.text, flags=re.MULTILINE | re.DOTALL)
    yield version(truth, "without introduction", opening, introduction=False, verdicts={"text": "failed"})
    numbers = re.sub(r"^\|.*\n", "", truth.text, flags=re.MULTILINE)
    none: dict[str, list[float]] = {network: [] for network in NETWORKS}
    yield version(truth, "without numbers", numbers, accuracies=none, verdicts={"accuracies": "failed"})
    prompt = f"{truth.text}\n\n{PROMPT}\n"
    yield version(truth, "with a prompt", prompt, prompts=True, verdicts={"template": "failed"})


def version(truth: Truth, what: str, text: str, **changes: Any) -> Truth:
    """Return a report with some of it changed."""
    return replace(truth, name=f"{truth.name}, {what}", text=text, **changes)


def section(text: str, number: str, content: str) -> str:
    """Return the text with this in place of what stands below a numbered heading; without the heading, too, for ""."""
    found = re.search(rf"^(# {re.escape(number)} [^\n]+\n\n).+?(?=^# )", text, re.MULTILINE | re.DOTALL)
    assert found, number
    return text[: found.start()] + (f"{found[1]}{content}\n\n" if content else "") + text[found.end() :]


def installed() -> list[str]:
    """Return the programs that can be used here; name the others on stderr."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(PACKAGES[name]) is None]
    if missing:
        todo = "pip install -r benchmarks/requirements-reports.txt"
        print(f"not installed, and left out: {'; '.join(missing)} ({todo})", file=sys.stderr)
    return [name for name in PROGRAMS if name not in missing]


def programs_of(truth: Truth, n: int, programs: list[str]) -> list[str]:
    """Return the programs that set a text: all of them; of an incomplete one, one in turn."""
    return programs if "," not in truth.name else [programs[n % len(programs)]]


def read(truth: Truth, program: str, folder: Path) -> ReportContent:
    """Make the PDF of a text, with what is in it beside it, and return what is found in it."""
    path = folder / f"{truth.name}, {program}.pdf"
    path.write_bytes(PROGRAMS[program](truth.text))
    inside = {
        "program": program,
        "introduction": truth.introduction,
        "methods": sorted(truth.methods),
        "accuracies": truth.accuracies,
        "prompts": truth.prompts,
        "verdicts": truth.verdicts,
    }
    path.with_suffix(".json").write_text(json.dumps(inside, indent=1), encoding="utf-8")
    contents = find_all(path, TEMPLATE.read_text(encoding="utf-8"))
    if "problem" in contents:
        raise measuring.BenchmarkError(f"{path.name}: {contents['problem']}")
    return ReportContent(**contents)


# --------------------------------------------------------------------------------------------------------- the figures


def findings(truth: Truth, found: ReportContent) -> Iterator[tuple[str, str]]:
    """Yield what became of each finding: its name, and "right", "missed", "wrong" or "open"."""
    yield from outcome("introduction", truth.introduction, found.introduction)
    for method, verdict in found.methods.items():
        open_ = verdict == UNCLEAR
        yield from outcome(f"method: {method}", method in truth.methods, verdict == TREATED, open_)
    for network, known in truth.accuracies.items():
        stated = found.accuracies[network]
        if known and stated and stated != known:
            yield f"accuracy: {NETWORKS[network]}", "wrong"
        else:
            yield from outcome(f"accuracy: {NETWORKS[network]}", bool(known), bool(stated), bool(found.loose))
    yield from outcome("prompt of the template", truth.prompts, bool(found.prompts))


def outcome(name: str, there: bool, found: bool, left_open: bool = False) -> Iterator[tuple[str, str]]:
    """Yield what became of a finding that is there or not, and was found or not; nothing where neither."""
    if there and found:
        yield name, "right"
    elif found:
        yield name, "wrong"
    elif left_open:
        yield name, "open"
    elif there:
        yield name, "missed"


def judged(truth: Truth, found: ReportContent) -> Iterator[tuple[str, str]]:
    """Yield the verdicts of the checks that a report is about: ("earned" or "not earned", the check's status)."""
    for check in judge(found, load_assignment(), {}):
        if check.name.subject in truth.verdicts and not (check.name.subject == "text" and truth.introduction):
            expected = truth.verdicts[check.name.subject]
            yield "earned" if expected == Status.PASSED else "not earned", check.status


def findings_table(counts: Counter[tuple[str, str]]) -> str:
    """Format precision and recall of each finding; of what is left open, neither."""
    rows = []
    for name in dict.fromkeys(name for name, _ in counts):
        right, missed, wrong, left_open = (counts[name, kind] for kind in ("right", "missed", "wrong", "open"))
        rows.append(
            [name, str(right + missed), share(right, right + wrong), share(right, right + missed), str(left_open)]
        )
    return measuring.table(["finding", "there", "precision, %", "recall, %", "left to the instructor"], rows)


def verdicts_table(verdicts: Counter[tuple[str, str]]) -> str:
    """Format how often points that are earned are given, and points that are not."""
    kinds = (Status.PASSED, Status.UNDECIDED, Status.FAILED)
    rows = [[name, *(str(verdicts[name, kind]) for kind in kinds)] for name in ("earned", "not earned")]
    return measuring.table(["points of a check", "passed", "undecided", "failed"], rows)


def share(part: int, whole: int) -> str:
    """Format a percentage; "-" of nothing."""
    return f"{100 * part / whole:.1f}" if whole else "-"


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
