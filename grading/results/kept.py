"""What the folder of results keeps of a submission to be shown: its report, and its scripts as diffs.

Only of what was graded: what is refused or superseded has none, and what crashed gets it when it is graded.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from grading.inside.trusted.shown_code import FOUND_CODE, FOUND_REPORT, SCRIPTS, Code, CodePiece, Script
from grading.layout import CODE, REPORT, STILL_REPORT
from labkit.errors import RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record
from labkit.text import printable
from labkit.version import VERSION


def keep_report(unpacked: Path, folder: Path) -> None:
    """Keep the report of an unpacked submission, byte for byte, in the folder of its results; or none, without one."""
    if not (unpacked / REPORT).is_file():
        (folder / REPORT).unlink(missing_ok=True)
        return
    with open(unpacked / REPORT, "rb") as report, atomic_file(folder / REPORT) as kept:
        shutil.copyfileobj(report, kept)


def keep_what_is_shown(output: Path, folder: Path, unpacked: Path, problem: str | None) -> None:
    """Keep what text_reader.py has left in the folder `output`, atomically: the scripts, and the report's still copy.

    `unpacked` is the submission, `problem` says how the reading ended, None for well. Raises OSError.
    """
    _keep_code(output / FOUND_CODE, folder / CODE, unpacked, problem)
    if (output / FOUND_REPORT).is_file():
        with open(output / FOUND_REPORT, "rb") as report, atomic_file(folder / STILL_REPORT) as kept:
            shutil.copyfileobj(report, kept)


def keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Keep what was taken of a submission where it was graded, by name, each atomically; raise WriteError."""
    for name, data in files.items():
        with atomic_file(folder / name) as kept:
            kept.write(data)


def _keep_code(output: Path, file: Path, unpacked: Path, problem: str | None) -> None:
    try:
        code = read_record(output.read_bytes(), Code)
    except (OSError, RecordError):
        why = f"its code can't be shown: reading it {problem or 'left nothing behind'}"
        code = Code({name: Script(why, []) for name in SCRIPTS if (unpacked / f"{name}.py").is_file()})
    scripts = {name: {"problem": printable(one.problem), "rows": _rows(one)} for name, one in code.scripts.items()}
    record = {"format": FORMAT, "version": VERSION, "scripts": scripts}
    with atomic_file(file) as target:
        target.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())


def _rows(script: Script) -> list[tuple]:
    return [(kind, old, new, [_fit(piece) for piece in pieces]) for kind, old, new, pieces in script.rows]


def _fit(piece: CodePiece) -> CodePiece:
    # What str takes for printable is, so that most text need not be looked at character by character.
    return piece if piece.text.isprintable() else CodePiece(piece.token_class, printable(piece.text))


def read_code(folder: Path) -> Code | None:
    """Read the scripts that are kept in the folder of a submission's results; None where there are none to be shown."""
    try:
        return read_record((folder / CODE).read_bytes(), Code)
    except (OSError, RecordError):
        return None


def discard(folder: Path) -> None:
    """Remove what was kept of an earlier submission."""
    for name in (REPORT, STILL_REPORT, CODE):
        (folder / name).unlink(missing_ok=True)
