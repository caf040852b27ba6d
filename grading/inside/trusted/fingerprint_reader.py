"""Takes the fingerprints of a submission; runs in the sandbox, under its limits.

What comes out is bounded in size: the names and lines of the files that were looked at, and by kind the fingerprints
(see fingerprints.Print).
"""

from pathlib import Path
from typing import Any

from grading.inside.trusted.fingerprints import KINDS, Print, fingerprints, lines_of, source_text

MAX_CHARACTERS = 300_000  # of all scripts together, and of the report: ten times what anybody has written by hand
MAX_FILES = 100
MAX_PRINTS = 10_000  # of a kind
REPORT = "report.pdf"
SHOWN = 200  # characters of a line that are kept for the instructor to look at


def read_scripts(folder: Path) -> dict[str, str]:
    """Read the scripts in a folder, by their paths: those of the assignment first, then their helpers."""
    paths = [path for path in folder.rglob("*.py") if path.is_file()]
    paths.sort(key=lambda path: (path.parent != folder, not path.name.startswith("model_no"), path))
    texts, left = {}, MAX_CHARACTERS
    for path in paths[:MAX_FILES]:
        with open(path, "rb") as file:
            text = "\n".join(lines_of(source_text(file.read(4 * left))))[:left]
        texts[path.relative_to(folder).as_posix()] = text
        left -= len(text)
    return texts


def read_report(path: Path) -> str:
    """Read the text of a report, as much of it as is looked at."""
    return "\n".join(lines_of(source_text(path.read_bytes())))[:MAX_CHARACTERS]


def find_all(scripts: dict[str, str], report: str, known: dict[str, frozenset[int]]) -> dict[str, Any]:
    """Return what is kept of a submission's texts, fit for JSON; `problem` is why they can't be compared, or ""."""
    files = [*scripts.items(), (REPORT, report)]
    prints: dict[str, dict[int, Print]] = {name: {} for name in KINDS}
    runs = 0
    for number, (_, text) in enumerate(files):
        for name in ("code", "comments") if number < len(scripts) else ("report",):
            winnowed, count = fingerprints(text, number, KINDS[name], known[name])
            runs += count
            for fingerprint in winnowed:
                prints[name].setdefault(fingerprint.value, fingerprint)
    return {
        "problem": "" if runs else "there is too little text in it to compare",
        "files": [[name, [line[:SHOWN] for line in text.split("\n")]] for name, text in files],
        "prints": {name: list(winnowed.values())[:MAX_PRINTS] for name, winnowed in prints.items()},
    }
