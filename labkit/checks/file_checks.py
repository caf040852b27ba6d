"""Whether a file of a submission is what its name says, as far as its first bytes tell: a script, or a PDF.

Nothing here runs or parses a file: that is for the sandbox. What a script does is for the checks after this one; but a
file without content earns no points by being there.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from labkit.checks.check import Check, CheckId, failed, passed, undecided

REPORT = "report.pdf"
LONGEST_SHOWN = 80  # characters of a file's name that a message quotes
MOST_BYTES = 200_000  # that are looked at; a script of the lab has 6,000

_STATEMENT = re.compile(r"\s*(?:(?:import|from|def|class)\s+\w|\w[\w.]*\s*[=(])")  # the beginning of a line of Python
_NOT_PDF = {  # first bytes of what is sent in a PDF's place
    b"PK\x03\x04": "a Word or LibreOffice document, or a zip",
    b"\xd0\xcf\x11\xe0": "a document of an older Word",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"<": "a web page",
}


def check_files(
    folder: Path, scripts: Iterable[str], names: Mapping[str, str], report: str | None, left_out: Iterable[str] = ()
) -> list[Check]:
    """Check the files of a submission unpacked to `folder`; return the checks "files/".

    `scripts` are the names that are required; `names` maps those that exist to their names in the zip; `report` is the
    PDF's name there, None or "" without one; `left_out` are the files that were not recognised, of which some may have
    been meant.
    """
    checks = []
    for script in scripts:
        name = CheckId("files", script)
        if script not in names:
            checks.append(failed(name, f"there is no {script}.py in the zip{_likely_name(script, left_out)}"))
            continue
        problem = script_problem(folder / f"{script}.py", names[script])
        checks.append(failed(name, problem) if problem else passed(name, f"found as {names[script]}"))
    name = CheckId("files", "report")
    if not report:
        return [*checks, _no_report(name, left_out)]
    problem = pdf_problem(folder / REPORT, report)
    return [*checks, failed(name, problem) if problem else passed(name, f"found as {report}")]


def _likely_name(script: str, left_out: Iterable[str]) -> str:
    """Point to the one file that may be a script under another name; "" if there is none or several."""
    number = script.removeprefix("model_no")
    named = re.compile(rf"(?:.*/)?(?:model|no)[^/]*(?<!\d){number}(?!\d)[^/]*\.(?:py|ipynb|txt)", re.IGNORECASE)
    near = [path for path in left_out if len(path) <= LONGEST_SHOWN and named.fullmatch(path)]
    if len(near) != 1:
        return ""
    notebook = near[0].lower().endswith(".ipynb")
    return f'; "{near[0]}" is there: {"export that notebook as" if notebook else "if it is meant, call it"} {script}.py'


def _no_report(name: CheckId, left_out: Iterable[str]) -> Check:
    """Return the check of a report that was not found: undecided where it may be any of several PDFs."""
    pdfs = sorted(path for path in left_out if path.lower().endswith(".pdf"))
    shown = ", ".join(f'"{path}"' for path in pdfs[:3] if len(path) <= LONGEST_SHOWN) + ", ..." * (len(pdfs) > 3)
    if not pdfs:
        return failed(name, f"there is no PDF in the zip: export your report as {REPORT}")
    if len(pdfs) == 1:
        why = "for its size, or for lying among pictures"
        return failed(
            name, f"{shown or 'the one PDF'} was not taken for the report, {why}: put {REPORT} beside the scripts"
        )
    return undecided(name, f"which PDF is the report can't be told ({shown}): call it {REPORT}")


def script_problem(path: Path, name: str = "") -> str | None:
    """Explain why a file is no Python script, and what to do; None where it may be one, with mistakes or without.

    `name` is the student's name of the file, where that is not its name here.
    """
    name = name or path.name
    try:
        content = _beginning(path)
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    if not content.strip():
        return f"{name} is empty: save your script in it, and look into the zip before you hand it in"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        text = content.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        return f"{name} is not text, whatever its name says: save the script itself under that name"
    if text.lstrip().startswith("{") and '"cells"' in text:
        return f"{name} is a notebook: export it as a Python script (.py), and see that it runs"
    if not any(map(_STATEMENT.match, text.splitlines())):
        return f"{name} has no line of Python: save your script in it, and look into the zip before you hand it in"
    return None


def pdf_problem(path: Path, name: str = "") -> str | None:
    """Explain why a file is no PDF, and what to do; None where it begins as one. `name` is as for a script."""
    name = name or path.name
    try:
        content = _beginning(path)
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    if not content.strip():
        return f"{name} is an empty file: export it again"
    if b"%PDF-" not in content[:1024]:
        kinds = [kind for start, kind in _NOT_PDF.items() if content.lstrip().startswith(start)]
        return (
            f"{name} is not a PDF, whatever its name says, but {kinds[0] if kinds else 'something else'}: "
            "renaming is not enough, export it as PDF"
        )
    if len(content) < MOST_BYTES and b" obj" not in content:
        return f"{name} is damaged (it begins as a PDF, and nothing of one follows): export it again"
    return None


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(MOST_BYTES)
