"""Escapes untrusted text for what it is written into: Markdown that becomes HTML, and tables that Excel opens."""

import re
from collections.abc import Iterator, Sequence

from labkit.text import printable


def markdown(text: str) -> str:
    """Escape text as Markdown of one line that shows as it is: no HTML, link, picture, emphasis, heading or code.

    Underscores within a word stay as they are: they mean nothing there, and scripts' names should read well as a file.
    """
    line = " ".join(printable(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])|^[#+-]|^\d+(?=[.)])|(?<=:)/|(?<=www)\.", _escape, line)


def message(text: str) -> str:
    """Escape a check's message as `markdown` does, but keep lines of code, between backticks, as code.

    Escaped, a line could not be copied. What might be more than code to some renderer is escaped all the same.
    """
    parts = code_parts(" ".join(printable(text).split()))
    return "".join(f"`{part}`" if n % 2 else _inline(part) for n, part in enumerate(parts))


def code_parts(text: str) -> list[str]:
    """Split text at its lines of code, between backticks: every second part is one, without the backticks."""
    return _CODE.split(text)


# Between two single backticks, with no mark-up, link or end of a table's cell in it.
_CODE = re.compile(r"(?<!`)`(?! )((?:(?!\]\(|://)[^`<>&|\\])+)(?<! )`(?!`)")


def _inline(text: str) -> str:
    """Escape as `markdown` does, but keep the spaces around."""
    left, right = (" " * text.startswith(" "), " " * (text.endswith(" ") and bool(text.strip())))
    return f"{left}{markdown(text)}{right}"


def _escape(match: re.Match[str]) -> str:
    if match[0].isdigit():
        return f"{match[0]}\\"  # 1\. is no item of a list
    return f"\\{match[0]}"


def last_lines(text: str, lines: int) -> list[str]:
    """Return the lines of an untrusted text, made printable; the last `lines`, where an error is."""
    shown = printable(text).rstrip().split("\n")
    if len(shown) > lines:
        shown = [f"... ({len(shown) - lines} lines before)", *shown[-lines:]]
    return shown


def fenced(lines: Sequence[str]) -> str:
    """Return printable lines as a block of code, which keeps them."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    fence = "`" * (max([2, *runs]) + 1)  # a fence longer than any within can't be closed by it
    return "\n".join([f"{fence}text", *lines, fence])


def cell(value: str | float) -> str | float:
    """Escape a value as a cell that no spreadsheet takes for a formula, with comma, semicolon or tab as separator.

    Numbers stay numbers. A text that begins like a formula, or has what looks like a cell that does, gets an
    apostrophe before that: the spreadsheets' own sign that a text follows.
    """
    if isinstance(value, int | float):
        return int(value) if value == int(value) else value
    return _marked(" ".join(printable(value).split()))


def protected_text(text: str) -> str:
    """Escape as `cell` does, but keep all that is in the text, so that `as_meant` gives it back.

    A text with something to escape begins with an apostrophe, wherever that is: so an apostrophe that a person wrote
    somewhere within a text is no escape of this function's.
    """
    marked = _marked(text)
    return marked if marked == text or text[0] in _FORMULA else f"'{marked}"


def as_meant(text: str) -> str:
    """Undo `protected_text`; return a text that is not of its making as it is."""
    if not text.startswith("'"):
        return text
    meant = _unmarked(text if text[1:2] in _FORMULA else text[1:])
    return meant if meant and protected_text(meant) == text else text


_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 # what formulas begin with: Excel reads wide ones, too
_ENDS = ",;|\t\r\n"  # of a cell, whatever the separator that a program takes


def _marked(text: str) -> str:
    """Put an apostrophe before each character of a text that may begin a formula in some cell."""
    return "".join(f"'{char}" if begins and char in _FORMULA else char for char, begins in _beginnings(text))


def _unmarked(text: str) -> str:
    """Take the apostrophes of `_marked` out again."""
    return "".join(
        char
        for (char, begins), after in zip(_beginnings(text), f"{text[1:]} ", strict=False)
        if not (begins and char == "'" and after in _FORMULA)
    )


def _beginnings(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each character, with whether a cell may begin with it, but for blanks and quotation marks."""
    begins = True
    for char in text:
        yield char, begins
        begins = char in _ENDS or (begins and (char.isspace() or char in "\"'"))
