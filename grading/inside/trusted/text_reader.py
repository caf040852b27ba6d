"""Reads the texts of a submission; runs in the sandbox, under its limits.

    python -m grading.inside.trusted.text_reader SUBMISSION/ TEXTS/ OUTPUT/

TEXTS/ has the report's text, the hashes of what was handed out, by kind (known.json), and deep_mnist.py. What comes out
is bounded in size: the fingerprints and the scripts as they are shown, both JSON, and a copy of the report in which
nothing acts. The fingerprints come first, so that they are there whatever becomes of the rest.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from grading.inside.trusted.code_reader import read_code
from grading.inside.trusted.fingerprint_reader import REPORT as REPORT_FILE
from grading.inside.trusted.fingerprint_reader import find_all, read_report, read_scripts
from grading.inside.trusted.shown_code import FOUND_CODE, FOUND_REPORT
from labkit.formats import FORMAT

REPORT, KNOWN, REFERENCE = "report.txt", "known.json", "deep_mnist.py"  # in TEXTS/
FINGERPRINTS = "fingerprints.json"  # in OUTPUT/


def main() -> None:
    """Read what the command line names, and write what was found."""
    folder, texts, output = map(Path, sys.argv[1:])
    known = {name: frozenset(values) for name, values in json.loads((texts / KNOWN).read_bytes()).items()}
    _write(output / FINGERPRINTS, find_all(read_scripts(folder), read_report(texts / REPORT), known))
    scripts = read_code(folder, texts / REFERENCE).scripts
    _write(output / FOUND_CODE, {"scripts": {name: vars(script) for name, script in scripts.items()}})
    if (folder / REPORT_FILE).is_file():
        with contextlib.suppress(Exception):  # a PDF that can't be copied so can still be downloaded
            from grading.inside.trusted.still_report import (
                write_still_copy,  # the grader's process needs no reader of PDFs
            )

            write_still_copy(folder / REPORT_FILE, output / FOUND_REPORT)


def _write(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps({"format": FORMAT, **record}, ensure_ascii=False), encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main()
