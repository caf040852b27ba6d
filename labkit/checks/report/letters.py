"""Whether the letters that come out of a PDF are those that a person sees, and what of them can be mended.

A PDF's letters are numbers of a font's shapes; which characters these stand for is told beside the font, or is not. Two
letters in one shape, a ligature, are what is told wrong most often.
"""

import re
import unicodedata
from collections.abc import Iterable

from labkit.checks.report.languages import Language, any_of, chosen

MOST_PER_WORD = 10  # letters, of a text's words on average; German has some 6.5
MOST_STRANGE = 0.005  # of all letters: some three in a hundred words

_LIGATURES = {
    # TeX's own fonts (OT1 and T1: Knuth, The TeXbook, appendix F; LaTeX's encguide), where a PDF tells nothing of them
    **dict(zip("\x0b\x0c\x0e\x0f", ("ff", "fi", "ffi", "ffl"), strict=True)),  # its "fl" is a line's end elsewhere
    **dict(zip("\x1b\x1c\x1d\x1e\x1f", ("ff", "fi", "fl", "ffi", "ffl"), strict=True)),
    # Calibri, as macOS prints it: the shapes' numbers, in a private plane or without it (Unicode's mailing list, March
    # 2016, "Joined ti coded as Ɵ in PDF": U+10019F, and U+019F for short)
    **{chr(plane + code): letters
       for code, letters in ((0x19F, "ti"), (0x1A9, "tt"), (0x1AB, "tti"), (0x14C, "ft"), (0x19E, "tf"))
       for plane in (0, 0x100000)},
}  # fmt: skip
_LIGATURE = re.compile(
    rf"(?<=[^\W\d_])[{re.escape(''.join(_LIGATURES))}]|[{re.escape(''.join(_LIGATURES))}](?=[a-zà-ÿ])"
)
# TeX's accents, where its fonts have no accented letters (OT1; The TeXbook, chapter 9): drawn before their letter.
_ACCENTS = {
    "`": "\u0300",
    "\u00b4": "\u0301",
    "\u02c6": "\u0302",
    "\u02dc": "\u0303",
    "\u00a8": "\u0308",
    "\u00b8": "\u0327",
}
_DOTLESS = {"\u0131": "i"}
_ACCENTED = re.compile(  # a ` alone may quote a word of code
    r"(?P<accent>[\u00b4\u02c6\u02dc\u00a8\u00b8]|`(?=[aeiou\u0131](?![^\W\d_]))|(?<=[^\W\d_])`)(?:(?<!`) )?"
    r"(?P<letter>[aeiounc\u0131])",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_WORD = re.compile(r"[a-z\u00c0-\u024f]+", re.IGNORECASE)
# What no text in a language of Europe has: control characters, letters of Africa's alphabets and of phonetics, the
# private planes, and the sign for what is no character.
_STRANGE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u0180-\u02af\ue000-\uf8ff\ufffd\U000f0000-\U0010ffff]|\(cid:\d+\)")
FEWEST_FAMILIAR = 0.08  # of all words; plain English has some 0.25


def mend_letters(text: str) -> str:
    """Return a text in which ligatures that came out as something else, and accents by themselves, are letters."""
    text = _LIGATURE.sub(lambda match: _LIGATURES[match[0]], text)
    return _ACCENTED.sub(_composed, text)


def _composed(match: re.Match[str]) -> str:
    letter = match["letter"]
    return unicodedata.normalize("NFC", _DOTLESS.get(letter, letter) + _ACCENTS[match["accent"]])


def illegible(text: str, languages: Iterable[Language] = chosen()) -> str:
    """Say why a text can't be what a person reads in the PDF, or is in none of these languages; "" where it can."""
    letters = len(_LETTER.findall(text))
    if len(_STRANGE.findall(text)) > MOST_STRANGE * letters:
        return "its letters come out as others when a program reads it"
    words = _LATIN_WORD.findall(text)
    if sum(map(len, words)) > MOST_PER_WORD * len(words):
        return "its words come out without the spaces between them"
    familiar = rf"\b(?:{any_of(language.familiar for language in languages)})\b"
    if len(re.findall(familiar, text, re.IGNORECASE)) < FEWEST_FAMILIAR * len(text.split()):
        return (
            "its letters make words in none of the languages that the assignment names: it is in another, or its font "
            "has no alphabet"
        )
    return ""
