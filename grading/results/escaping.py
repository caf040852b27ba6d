"""Escapes untrusted text for what it is written into: Markdown that becomes HTML, and tables that Excel opens."""

import re

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
    parts = _CODE.split(" ".join(printable(text).split()))
    return "".join(f"`{part}`" if n % 2 else _inline(part) for n, part in enumerate(parts))


# Between two single backticks, with no mark-up, link or end of a table's cell in it.
_CODE = re.compile(r"(?<!`)`(?! )((?:(?!\]\(|://)[^`<>&|\\])+)(?<! )`(?!`)")


def _inline(text: str) -> str:
    """Escape as `markdown` does, but keep the spaces around."""
    left, right = (" " * text.startswith(" "), " " * (text.endswith(" ") and bool(text.strip())))
    return f"{left}{markdown(text)}{right}"


def _escape(found: re.Match[str]) -> str:
    if found[0].isdigit():
        return f"{found[0]}\\"  # 1\. is no item of a list
    return f"\\{found[0]}"


def code_block(text: str, lines: int = 40) -> str:
    """Return text as a block of code, which keeps its lines; of a long one the last `lines`, where an error is."""
    shown = printable(text).rstrip().split("\n")
    if len(shown) > lines:
        shown = [f"... ({len(shown) - lines} lines before)", *shown[-lines:]]
    longest = max([2, *map(len, re.findall("`+", text))])  # a fence longer than any within can't be closed by it
    fence = "`" * (longest + 1)
    return "\n".join([f"{fence}text", *shown, fence])


def cell(value: str | float) -> str | float:
    """Escape a value as a cell that no spreadsheet takes for a formula, with comma, semicolon or tab as separator.

    Numbers stay numbers. A text that begins like a formula, or has what looks like a cell that does, gets an
    apostrophe before that: the spreadsheets' own sign that a text follows.
    """
    if isinstance(value, int | float):
        return int(value) if value == int(value) else value
    text = " ".join(printable(value).split())
    return re.sub(r"(^|[,;|])([\s\"']*)(?=[=+\-@＝＋－＠])", r"\1\2'", text)  # noqa: RUF001 # Excel reads wide ones, too
