"""Compares a submission's scripts with deep_mnist.py, line by line, and finds the tokens to be highlighted.

Runs in the sandbox: lexing and comparing untrusted text take what time the text makes them take.
"""

import functools
from difflib import SequenceMatcher
from pathlib import Path

from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, _TokenType

from grading.inside.trusted.fingerprints import MAX_LINE, lexed, lines_of, source_text
from grading.inside.trusted.shown_code import (
    MOST_CHARACTERS,
    MOST_LINES,
    SCRIPTS,
    Code,
    CodePiece,
    DiffRow,
    Script,
    TokenClass,
)

_CLASSES: list[tuple[_TokenType, TokenClass]] = [  # the first that a token is of
    (Comment, "c"),
    (String.Doc, "sd"),
    (String, "s"),
    (Number, "mi"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Operator, "o"),
    (Name.Class, "nc"),
    (Name.Function, "nf"),
    (Name.Decorator, "nd"),
    (Name.Builtin, "nb"),
    (Error, "err"),
]


def read_code(folder: Path, reference: Path) -> Code:
    """Compare the scripts in a folder, those that are there, with `reference`, deep_mnist.py."""
    old, _ = _lines(reference.read_bytes())
    styled = _styled(old)
    paths = {name: folder / f"{name}.py" for name in SCRIPTS}
    return Code({name: _compare(old, styled, path.read_bytes()) for name, path in paths.items() if path.is_file()})


def _compare(old: list[str], styled_old: list[list[CodePiece]], script: bytes) -> Script:
    """Compare a script, as it was handed in, with the lines of deep_mnist.py, given as text and in pieces."""
    new, problem = _lines(script)
    styled_new = _styled(new)
    rows: list[DiffRow] = []
    # Popular lines begin no match in a long text (autojunk): else many equal ones would take the square of the time.
    matcher = SequenceMatcher(None, [line.rstrip() for line in old], [line.rstrip() for line in new])
    for tag, first_old, last_old, first_new, last_new in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(range(first_old, last_old), range(first_new, last_new), strict=True)
            rows += [DiffRow(" ", one + 1, other + 1, styled_new[other]) for one, other in pairs]
        else:
            rows += [DiffRow("-", n + 1, None, styled_old[n]) for n in range(first_old, last_old)]
            rows += [DiffRow("+", None, n + 1, styled_new[n]) for n in range(first_new, last_new)]
    return Script(problem, rows)


def _lines(script: bytes) -> tuple[list[str], str]:
    """Return the lines that are shown, and what is left out: a sentence, "" for nothing."""
    text = source_text(script)
    lines = lines_of(text)
    if not lines[-1]:
        lines.pop()  # the text ends with its last line, as it should
    shown, left = [], MOST_CHARACTERS
    for line in lines[:MOST_LINES]:
        left -= len(line) + 1
        if left < 0:
            break
        shown.append(line)
    left_out = []
    if len(shown) < len(lines):
        left_out.append(f"only the first {len(shown):,} of its {len(lines):,} lines are shown")
    if any(len(line) == MAX_LINE for line in shown):
        left_out.append(f"its lines are shown up to {MAX_LINE:,} characters")
    return shown, "; ".join(left_out)


def _styled(lines: list[str]) -> list[list[CodePiece]]:
    """Return the pieces of each line of a script; neighbours of the same class are one piece."""
    styled: list[list[CodePiece]] = [[]]
    for kind, text, _ in lexed("".join(f"{line}\n" for line in lines)):  # as for the fingerprints: it is lexed once
        for number, part in enumerate(text.split("\n")):
            if number:
                styled.append([])
            _append(styled[-1], CodePiece(_class_of(kind), part))
    return styled


def _append(pieces: list[CodePiece], piece: CodePiece) -> None:
    if pieces and pieces[-1].token_class == piece.token_class:
        pieces[-1] = CodePiece(piece.token_class, pieces[-1].text + piece.text)
    elif piece.text:
        pieces.append(piece)


@functools.cache
def _class_of(kind: _TokenType) -> TokenClass:
    for parent, name in _CLASSES:
        if kind in parent:
            return name
    return ""
