"""Compares what the grader made of a class with what it should have made of it.

    python -m tests.submissions.verdicts FOLDER/expected.json GRADES/

prints a line for each difference; the exit status is 1 if there is any.
"""

import csv
import html
import json
import sys
from pathlib import Path

from grading.layout import GRADES, NOT_GRADED, RESULT, SUBMISSIONS
from grading.results.escaping import cell
from labkit.submission.names import safe_stem
from tests.submissions import allowed

ZIP = "files/zip"  # the check that stands for the zip itself
PAGE = "similarity.html"


def differences(expected: dict[str, dict], grades: Path) -> list[str]:
    """List what is not as expected. `expected` is that of generate.py, `grades` the grader's output folder."""
    found = []
    for name, verdict in expected.items():
        path = grades / SUBMISSIONS / safe_stem(name) / RESULT
        if not path.is_file():
            found.append(f"{name} ({verdict['case']}): no result")
            continue
        result = json.loads(path.read_bytes())
        found += [f"{name} ({verdict['case']}): {line}" for line in _of_result(verdict, result)]
    rows = []
    for table in (GRADES, NOT_GRADED):
        with open(grades / table, newline="", encoding="utf-8") as file:
            rows += [row["zip"] for row in csv.DictReader(file)]
    tables = f"{GRADES} and {NOT_GRADED} have"
    counts = {name: rows.count(str(cell(name))) for name in expected}
    found += [f"{tables} {count} rows for {name}" for name, count in counts.items() if count != 1]
    return found + _of_pairs(expected, grades)


def _of_result(verdict: dict, result: dict) -> list[str]:
    status = "superseded" if verdict["superseded_by"] else "refused" if verdict["refused"] else "graded"
    if result["status"] != status:
        return [f"{result['status']} ({result['problem']}), expected {status}"]
    lines = []
    if verdict["refused"] not in result["problem"]:
        lines.append(f"problem is {result['problem']!r}, expected {verdict['refused']!r} in it")
    if status != "graded":
        return lines
    checks = {check["name"]: check for check in result["checks"] if check["name"] != ZIP}
    for name, check in checks.items():
        expected = allowed(verdict["expect"], name)
        if name.startswith("training/") and not result["trained"]:
            expected = {"skipped"}
        if check["status"] not in expected:
            lines.append(f"{name} {check['status']}, expected {' or '.join(sorted(expected))}: {check['message']}")
    for name, fragment in verdict["messages"].items():
        if fragment not in checks[name]["message"]:
            lines.append(f"{name} says {checks[name]['message']!r}, expected {fragment!r} in it")
    remarks = [*result["remarks"], *(remark for check in result["checks"] for remark in check["remarks"])]
    lines += [f"no remark about {fragment!r}" for fragment in verdict["remarks"] if fragment not in "\n".join(remarks)]
    return lines


def _of_pairs(expected: dict[str, dict], grades: Path) -> list[str]:
    """List copies that were not found, and pairs of good students who have nothing in common."""
    page = (grades / PAGE).read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith('<tr><td><a href="#pair-')]
    listed = {frozenset(name for name in expected if f", {name}</td>" in html.unescape(row)) for row in rows}
    copied = {frozenset((name, v["copied_from"])) for name, v in expected.items() if v["copied_from"]}
    good = {name for name, verdict in expected.items() if verdict["kind"] in ("good", "copied")}
    lines = [f"{' and '.join(sorted(pair))} are copies, but not listed" for pair in copied - listed]
    return lines + [
        f"{' and '.join(sorted(pair))} are listed, but no copies" for pair in listed - copied if pair <= good
    ]


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    found = differences(json.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
    print("\n".join(found) or "every verdict is as expected")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
