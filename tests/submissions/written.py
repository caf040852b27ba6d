"""Networks as people write them, right and wrong ones: what each makes of a reference script, and what it must get.

networks/passed/, failed/ and undecided/ hold a file for each, called by its kind, by what its architecture must get.
Its first line names the script, says what "run" must get ("either" where both can be defended), and what is special.
The rest are edits of the reference script: "@ 27 4" takes four lines away from the 27th on, and lines that begin with
"+" come in their place.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.submissions import reference_scripts

FOLDER = Path(__file__).parent / "networks"
HEAD = re.compile(r"(model_no\d)\.py, run (passed|failed|either): (.+)")


@dataclass(frozen=True)
class Written:
    """A script that somebody wrote: `architecture` and `run` are the verdicts that it must get."""

    name: str
    script: str
    source: bytes
    architecture: str
    run: str
    idea: str


def read_all() -> list[Written]:
    """Read all networks, in the order of their names."""
    references = {name: source.decode().split("\n") for name, source in reference_scripts().items()}
    return [_read(path, references) for path in sorted(FOLDER.glob("*/*.edit"))]


def _read(path: Path, references: dict[str, list[str]]) -> Written:
    # Some are not UTF-8, on purpose; in Latin-1 every byte is a letter.
    head, *edits = path.read_bytes().decode("latin-1").rstrip("\n").split("\n")
    script, run, idea = HEAD.fullmatch(head).groups()
    lines = [line.encode().decode("latin-1") for line in references[f"{script}.py"]]
    source = "\n".join(edited(lines, edits)).encode("latin-1")
    return Written(path.stem, script, source, path.parent.name, run, idea)


def edited(lines: list[str], edits: list[str]) -> list[str]:
    """Apply edits of the form above to lines."""
    result, done = [], 0
    for edit in edits:
        if edit.startswith("@"):
            start, count = map(int, edit.split()[1:])
            result += lines[done : start - 1]
            done = start - 1 + count
        else:
            result.append(edit[1:])
    return result + lines[done:]
