"""Takes the fingerprints of a submission; runs in the sandbox, under its limits.

    python -m grading.inside.trusted.fingerprint_reader SUBMISSION/ report.txt known.json found.json

known.json has the hashes of what was handed out, by kind. What comes out is JSON, bounded in size: the names and lines
of the files that were looked at, and by kind the fingerprints (see fingerprints.Print).
"""

import json
import sys
from pathlib import Path
from typing import Any

from grading.inside.trusted.fingerprints import KINDS, Print, fingerprints, lines_of, source_text
from labkit.formats import FORMAT

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


def find_all(scripts: dict[str, str], report: str, known: dict[str, frozenset[int]]) -> dict[str, Any]:
    """Return what is kept of a submission's texts, fit for JSON; `problem` is why they can't be compared, or ""."""
    files = [*scripts.items(), (REPORT, report)]
    prints: dict[str, dict[int, Print]] = {name: {} for name in KINDS}
    runs = 0
    for number, (_, text) in enumerate(files):
        for name in ("code", "comments") if number < len(scripts) else ("report",):
            found, count = fingerprints(text, number, KINDS[name], known[name])
            runs += count
            for one in found:
                prints[name].setdefault(one.value, one)
    return {
        "problem": "" if runs else "there is too little text in it to compare",
        "files": [[name, [line[:SHOWN] for line in text.split("\n")]] for name, text in files],
        "prints": {name: list(found.values())[:MAX_PRINTS] for name, found in prints.items()},
    }


def main() -> None:
    """Read what the command line names, and write what was found to the last of them."""
    folder, report, known, destination = map(Path, sys.argv[1:])
    text = "\n".join(lines_of(source_text(report.read_bytes())))[:MAX_CHARACTERS]
    hashes = {name: frozenset(values) for name, values in json.loads(known.read_bytes()).items()}
    found = find_all(read_scripts(folder), text, hashes)
    found = {"format": FORMAT, **found}
    destination.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main()
