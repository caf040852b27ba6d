"""A submission's scripts as they are shown: each as a diff against deep_mnist.py, its lines in pieces of one class.

The classes are those of pygments' tokens, by their short names. No lexer is imported: who only shows what was found
needs none.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from labkit.networks import REMOVED

FOUND_CODE, FOUND_REPORT = "code.json", "report.pdf"  # what text_reader.py leaves to be shown
SCRIPTS = tuple(REMOVED)
MOST_LINES = 2000  # of a script: those of the kit have 140
MOST_CHARACTERS = 100_000  # of a script, after its lines were cut
MOST_ROWS = 2 * MOST_LINES  # of a diff

# Comments, errors, keywords, numbers, builtins, names of classes, decorators and functions, operators, strings and
# docstrings; all other text has none.
TokenClass = Literal["", "c", "err", "k", "mi", "nb", "nc", "nd", "nf", "o", "s", "sd"]


class CodePiece(NamedTuple):
    """Text of a line, and its class."""

    token_class: TokenClass
    text: str


class DiffRow(NamedTuple):
    """A line of a diff: in both (" "), in deep_mnist.py only ("-") or in the script only ("+").

    The numbers are those of the line in deep_mnist.py and in the script, from 1; None where it is not in it.
    """

    kind: Literal[" ", "-", "+"]
    old: int | None
    new: int | None
    pieces: list[CodePiece]


@dataclass(frozen=True)
class Script:
    """A script's diff; `problem` says why it is not shown, or not all of it, and is "" where it is."""

    problem: str
    rows: list[DiffRow]

    def __post_init__(self) -> None:
        if len(self.rows) > MOST_ROWS:
            raise ValueError(f"a diff has {len(self.rows):,} rows, at most {MOST_ROWS:,} are expected")
        for kind, old, new, pieces in self.rows:
            if (old is None) != (kind == "+") or (new is None) != (kind == "-"):
                raise ValueError(f"a row of the kind {kind!r} has the numbers {old} and {new}")
            if any(end in piece.text for piece in pieces for end in "\r\n"):
                raise ValueError("a row has more than one line")


@dataclass(frozen=True)
class Code:
    """The scripts that were there, by name. `version` is that of the kit, where it is kept."""

    scripts: dict[str, Script]
    version: str = ""

    def __post_init__(self) -> None:
        if others := self.scripts.keys() - set(SCRIPTS):
            raise ValueError(f"{min(others)!r} is none of the scripts")
