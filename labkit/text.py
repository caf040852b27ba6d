"""Text to be shown in a terminal, a log, a page or a message: untrusted text made fit for it, counts in words."""

import unicodedata

SHOWN = 80  # characters of an untrusted text in a message
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # categories of Unicode


def printable(text: str) -> str:
    r"""Escape untrusted text for a terminal, a log or a page: what controls either is shown as `\x1b`, `\u202e`.

    That goes for control characters, escape sequences, bidirectional overrides and other invisible characters;
    tabs and line ends stay, the latter as `\n`.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # a progress bar's updates become lines
    return "".join(
        # C: control, format, surrogate, private use, unassigned. Zl, Zp: line ends that few programs know.
        char if char in "\n\t" or unicodedata.category(char) not in _UNPRINTABLE else ascii(char)[1:-1]
        for char in text
    )


def quoted(text: str) -> str:
    """Quote untrusted text within a message: on one line, in quotation marks, cut in the middle where it is long."""
    text = printable(text).replace("\n", r"\n").replace("\t", r"\t")
    if len(text) > SHOWN:
        text = f"{text[: SHOWN // 2]}...{text[-SHOWN // 2 + 3 :]}"
    return f'"{text}"'


def as_number(text: str) -> float | None:
    """Read a number that a person wrote, with a decimal point or comma; None for what is none. It may be nan or inf."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 step", "1,000 steps"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
