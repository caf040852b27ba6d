"""Fingerprints of texts: what two texts have in common, however the rest was shuffled, renamed or reformatted.

A text becomes tokens, each run of `size` tokens a hash, and of each `window` hashes in a row the least is kept: two
texts that share `size + window - 1` tokens in a row share a fingerprint for certain, and nothing shorter than `size`
tokens is ever seen. (Schleimer, Wilkerson, Aiken, "Winnowing: local algorithms for document fingerprinting", 2003.)
"""

import hashlib
import keyword
import re
from typing import NamedTuple

MAX_CHARACTERS = 300_000  # of a text that are looked at: ten times the longest that anybody has written by hand

# Whatever a student has written is a row of these: an unclosed string ends with its line, or with the text.
_CODE = re.compile(
    r"""(?P<string>[bfru]{0,2}(?:\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)
        |"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))
      |(?P<comment>\#[^\n]*)|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<operator>[^\w\s])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


class Token(NamedTuple):
    """A word, name or sign, as far as it counts, and where it stands in the text."""

    text: str
    start: int
    end: int


class Kind(NamedTuple):
    """How a kind of text is compared: what its tokens are, and the lengths above."""

    tokens: object  # a function from a text to a list of Token
    size: int
    window: int


def code_tokens(source):
    """The tokens of Python code, right or wrong, of which only the structure counts.

    Names, numbers and strings are all alike, so that renaming hides nothing; comments and layout are left out.
    """
    tokens = []
    for found in _CODE.finditer(source[:MAX_CHARACTERS]):
        kind, text = found.lastgroup, found[0]
        if kind == "comment":
            continue
        if kind != "operator" and not keyword.iskeyword(text):
            text = kind
        tokens.append(Token(text, found.start(), found.end()))
    return tokens


def comment_tokens(source):
    """The words of a script's comments, docstrings and other strings."""
    tokens = []
    for found in _CODE.finditer(source[:MAX_CHARACTERS]):
        if found.lastgroup in ("comment", "string"):
            tokens += _words(source, found.start(), found.end())
    return tokens


def word_tokens(text):
    """The words of a text in any language."""
    return _words(text, 0, min(len(text), MAX_CHARACTERS))


def _words(text, start, end):
    return [Token(found[0].lower(), found.start(), found.end()) for found in _WORD.finditer(text, start, end)]


KINDS = {
    "code": Kind(code_tokens, size=20, window=8),  # 27 tokens are two to three lines
    "comments": Kind(comment_tokens, size=6, window=4),
    "report": Kind(word_tokens, size=8, window=4),
}


def hashes(tokens, size):
    """The hash of each run of `size` tokens, 64 bits, the same in every process: a list, by the run's first token."""
    texts = [token.text for token in tokens]
    runs = ("\0".join(texts[start : start + size]) for start in range(len(texts) - size + 1))
    return [
        int.from_bytes(hashlib.blake2b(run.encode(errors="replace"), digest_size=8).digest(), "big") for run in runs
    ]


def winnow(values, window, known=frozenset()):
    """The fingerprints among hashes: a dict from each to its first position. None of `known` is taken."""
    own = [(value, -position) for position, value in enumerate(values) if value not in known]
    positions = [-position for _, position in own]
    found, first = {}, 0
    for last, position in enumerate(positions):
        while positions[first] <= position - window:
            first += 1
        value, place = min(own[first : last + 1])  # of equal ones the last, so that it serves the next windows, too
        found.setdefault(value, -place)
    return found
