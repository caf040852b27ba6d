"""Fingerprints of texts: what two texts have in common, however the rest was shuffled, renamed or reformatted.

A text becomes tokens, each run of `size` tokens a hash, and of each `window` hashes in a row the least is kept: two
texts that share `size + window - 1` tokens in a row share a fingerprint for certain, and nothing shorter than `size`
tokens is ever seen. (Schleimer, Wilkerson, Aiken, "Winnowing: local algorithms for document fingerprinting", 2003.)

Untrusted texts are read here in the sandbox only (by text_reader.py): a lexer is made of patterns, and a text
can be made to keep a pattern busy for hours.
"""

import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Name, Number, String, Text, _TokenType

MAX_LINE = 1000  # characters of a line that are looked at

_WORD = re.compile(r"[^\W_]+")
_NO_WORDS = (String.Affix, String.Escape, String.Interpol)


class Token(NamedTuple):
    """A word, name or sign, as far as it counts, and the lines that it stands on, from 0.

    Tokens in a row with the same `piece` are one, such as a line of a comment: handed out, it is left out as a whole.
    """

    text: str
    first: int
    last: int
    piece: int = 0


class Kind(NamedTuple):
    """How a kind of text is compared: what its tokens are, and the lengths above."""

    tokens: Callable[[str], list[Token]]
    size: int
    window: int


class Print(NamedTuple):
    """A fingerprint, and its place: number of the file, of the run's first token, and the lines of the run."""

    value: int
    file: int
    token: int
    first: int
    last: int


def source_text(data: bytes) -> str:
    """Decode an untrusted script: UTF-8, or UTF-16 with its mark; what is neither becomes U+FFFD."""
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, whatever ends them, each cut where it is too long."""
    return [line[:MAX_LINE] for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def code_tokens(source: str) -> list[Token]:
    """Return the tokens of Python code, right or wrong, of which only the structure counts.

    Names, numbers and strings are all alike, so that renaming hides nothing; comments and layout are left out.
    """
    tokens: list[Token] = []
    in_string = False
    for kind, text, line in lexed(source):
        last = line + text.count("\n")
        if kind in String and in_string:  # the lexer gives a string in pieces: quotes, text, escapes
            tokens[-1] = tokens[-1]._replace(last=last)
        elif kind in String:
            tokens.append(Token("string", line, last))
        elif kind in Name or kind in Number:
            tokens.append(Token("name" if kind in Name else "number", line, last))
        elif kind not in Comment and kind not in Text and not text.isspace():
            tokens.append(Token(text, line, last))
        in_string = kind in String
    return tokens


def comment_tokens(source: str) -> list[Token]:
    """Return the words of a script's comments, docstrings and other strings; each line of each is a piece."""
    lines = [
        words
        for kind, text, line in lexed(source)
        if kind in Comment or (kind in String and kind not in _NO_WORDS)
        for words in _words(text, line)
    ]
    return [word._replace(piece=number) for number, words in enumerate(lines) for word in words]


def word_tokens(text: str) -> list[Token]:
    """Return the words of a text in any language."""
    return [word for words in _words(text, 0) for word in words]


@functools.lru_cache(maxsize=8)  # code and comments of a script, and what is shown of it, come of one reading
def lexed(source: str) -> list[tuple[_TokenType, str, int]]:
    """Return the lexer's tokens: kind, text, and the line on which it begins."""
    tokens, line = [], 0
    for _, kind, text in PythonLexer().get_tokens_unprocessed(source):
        tokens.append((kind, text, line))
        line += text.count("\n")
    return tokens


def _words(text: str, line: int) -> list[list[Token]]:
    """Return the words of a text that begins on this line, line by line."""
    return [
        [Token(match[0].lower(), number, number) for match in _WORD.finditer(part)]
        for number, part in enumerate(text.split("\n"), line)
    ]


KINDS = {
    "code": Kind(code_tokens, size=20, window=8),  # 27 tokens are two to three lines
    "comments": Kind(comment_tokens, size=6, window=4),
    "report": Kind(word_tokens, size=8, window=4),
}


def hashes(tokens: Sequence[Token], size: int) -> list[int]:
    """Return the hash of each run of `size` tokens, 63 bits, the same in every process, in the order of the runs."""
    texts = [token.text for token in tokens]
    return [_hash(texts[start : start + size]) for start in range(len(texts) - size + 1)]


def hashes_of_known(text: str, kind: Kind) -> set[int]:
    """Return what identifies a text that was handed out: the hashes of its runs, and of its pieces."""
    tokens = kind.tokens(text)
    return {*hashes(tokens, kind.size), *(_hash([token.text for token in piece]) for piece in _pieces(tokens))}


def _hash(texts: Sequence[str]) -> int:
    run = "\0".join(texts).encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "big") >> 1


def _pieces(tokens: Sequence[Token]) -> list[list[Token]]:
    return [list(piece) for _, piece in itertools.groupby(tokens, key=lambda token: token.piece)]


def winnow(values: Sequence[int], window: int, known: Collection[int] = frozenset()) -> dict[int, int]:
    """Return the fingerprints among hashes: a dict from each to its first position. None of `known` is taken."""
    own = [(value, -position) for position, value in enumerate(values) if value not in known]
    positions = [-position for _, position in own]
    positions_by_value: dict[int, int] = {}
    first = 0
    for last, position in enumerate(positions):
        while positions[first] <= position - window:
            first += 1
        value, place = min(own[first : last + 1])  # of equal ones the last, so that it serves the next windows, too
        positions_by_value.setdefault(value, -place)
    return positions_by_value


def fingerprints(text: str, file: int, kind: Kind, known: Collection[int]) -> tuple[list[Print], int]:
    """Return the fingerprints of a text, each with its first place, and the number of runs of the text.

    `file` is the number of the text's file. A text that has runs, and no fingerprints, is as it was handed out; `known`
    has the hashes of what was. Its pieces are left out before the runs are made. Otherwise, where a comment of the
    kit's is deleted, there would be a run from the text before it to the text behind it, without a word of the
    student's in it.
    """
    tokens = kind.tokens(text)
    runs = max(0, len(tokens) - kind.size + 1)
    own = [piece for piece in _pieces(tokens) if _hash([token.text for token in piece]) not in known]
    tokens = list(itertools.chain.from_iterable(own))
    prints = []
    for value, start in winnow(hashes(tokens, kind.size), kind.window, known).items():
        prints.append(Print(value, file, start, tokens[start].first, tokens[start + kind.size - 1].last))
    return prints, runs
