"""Mends what a report has besides Markdown, and tells what of it is lost: HTML, and LaTeX outside of dollar signs.

Students bring both from notebooks and web pages. Pandoc's reader keeps them apart as "raw", and its Typst writer then
leaves them out without a word.
"""

import bisect
import re
from collections.abc import Iterator
from typing import Any

# Nothing in code is markup, nor in comments: both are blanked out before markup is looked for in a report's text.
CODE = re.compile(
    r"^ *(```|~~~).*?(^ *\1|\Z)|(`+)(?!`)((?!\n[ \t]*\n).)*?(?<!`)\3(?!`)|<!--.*?-->", re.DOTALL | re.MULTILINE
)
DOLLARS = re.compile(r"(?<![\\$])\$(?!\$)([^$\n]+)(?<![\\$])\$(?!\$)")
IN_A_FORMULA = re.compile(r"[\\^_=+<>{}]")  # and next to never in prose between two prices
ENVIRONMENT = re.compile(r"\\begin\{(align|alignat|eqnarray|equation|flalign|gather|multline)\*?\}")
TAG = re.compile(r"</?([a-zA-Z][\w-]*)\b[^>]*>")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
KEPT = {  # what a tag is to pandoc
    "b": "Strong",
    "strong": "Strong",
    "i": "Emph",
    "em": "Emph",
    "u": "Underline",
    "s": "Strikeout",
    "del": "Strikeout",
    "sub": "Subscript",
    "sup": "Superscript",
}
# Others that are meant as HTML; what is in none of the two, `seed-<n>` say, is text.
HTML = re.compile(
    "a|abbr|big|center|cite|code|dd|details|div|dl|dt|font|img|input|kbd|mark|p|q|small|span|summary|table|td|th|tr|tt"
)


class Lines:
    """Finds the lines of pieces of a text, which are asked for in the order of the text."""

    def __init__(self, text: str) -> None:
        self._whole, self._text = text, without_code(text)
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._last = 0

    def before(self, piece: str) -> str:
        """Return `"line 12: "`, or "" where the piece is not found, as it may be written differently in the text."""
        pattern = re.compile(r"\s+".join(map(re.escape, piece.split())))
        match = pattern.search(self._text, self._last) or pattern.search(self._text)
        if not match or not match[0]:
            return ""
        self._last = match.end()
        return self._at(match.start())

    def anywhere(self, piece: str) -> str:
        """Return the same for the first place where the piece occurs, even in code."""
        place = self._whole.find(piece)
        return self._at(place) if place >= 0 else ""

    def _at(self, place: int) -> str:
        return f"line {bisect.bisect_right(self._starts, place)}: "


def without_code(text: str) -> str:
    """Replace code and comments by blanks; each line stays where it is."""
    return CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)


def close_up_formulas(text: str) -> str:
    """Write `$x + y$` for `$ x + y $`, which Jupyter takes for a formula, and pandoc does not."""
    pieces, end = [], 0
    for match in DOLLARS.finditer(without_code(text)):
        formula = text[match.start(1) : match.end(1)]
        if formula[0].isspace() and (IN_A_FORMULA.search(formula) or len(formula.strip()) == 1):
            pieces += [text[end : match.start()], f"${formula.strip()}$"]
            end = match.end()
    return "".join(pieces) + text[end:]


def mend(document: Any, lines: Lines) -> list[str]:
    """Turn what is possible of HTML and LaTeX into pandoc's nodes; return remarks on what is lost."""
    remarks: list[str] = []
    for nodes in _lists_of_nodes(document):
        nodes[:] = _with_kept_tags(nodes)
    for nodes in _lists_of_nodes(document):
        nodes[:] = [new for node in nodes for new in _mended(node, lines, remarks)]
    return remarks


def _lists_of_nodes(tree: Any) -> Iterator[list[Any]]:
    """Yield the lists of nodes in pandoc's tree, in the order of the document; each may be changed when yielded."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        if tree and all(isinstance(node, dict) and "t" in node for node in tree):
            yield tree
        for branch in tree:
            yield from _lists_of_nodes(branch)


def _with_kept_tags(nodes: list[Any]) -> list[Any]:
    """Join what is between `<sub>` and `</sub>` into one node, and likewise for the other tags in KEPT."""
    names = [_tag(node) for node in nodes]
    for start, name in enumerate(names):
        if name in KEPT and f"/{name}" in names[start + 1 :]:
            end = names.index(f"/{name}", start + 1)
            inside = {"t": KEPT[name], "c": _with_kept_tags(nodes[start + 1 : end])}
            return [*nodes[:start], inside, *_with_kept_tags(nodes[end + 1 :])]
    return nodes


def _tag(node: Any) -> str:
    """Return the name of an inline node's tag, with a slash before it where it closes; "" for other nodes."""
    if node["t"] != "RawInline" or node["c"][0] != "html" or not (match := TAG.fullmatch(node["c"][1])):
        return ""
    return "/" * node["c"][1].startswith("</") + match[1].lower()


def _mended(node: Any, lines: Lines, remarks: list[str]) -> list[Any]:
    """Return what to set in place of a node."""
    if node["t"] not in ("RawInline", "RawBlock"):
        return [node]
    language, raw = node["c"]
    if language == "tex":
        return _latex(raw, node["t"], lines, remarks)
    text = COMMENT.sub("", raw).strip()
    tag = _tag(node).removeprefix("/")
    if tag == "br":
        return [{"t": "LineBreak"}]
    if tag and not HTML.fullmatch(tag):
        return [{"t": "Str", "c": raw}]
    if re.match(r"<img\b", text, re.IGNORECASE):
        picture = f"write ![caption](file.png) instead of {_short(text)}"
        remarks.append(f"{lines.before(text)}HTML is left out; {picture}")
    elif text and not text.startswith("</"):
        with_it = "" if node["t"] == "RawInline" else ", with all that stands in it"
        remarks.append(f"{lines.before(text)}HTML is left out{with_it}: {_short(text)}")
    return [node]


def _latex(raw: str, kind: str, lines: Lines, remarks: list[str]) -> list[Any]:
    """Return an environment of formulas as a formula, even without dollar signs; anything else as it is written."""
    if ENVIRONMENT.match(raw):
        nodes = [{"t": "Math", "c": [{"t": "DisplayMath"}, raw]}]
    else:
        if "{" in raw:
            remarks.append(f"{lines.before(raw)}LaTeX outside of a formula stays as it is: {_short(raw)}")
        words = [part for word in raw.split() for part in ({"t": "Space"}, {"t": "Str", "c": word})][1:]
        nodes = words + [{"t": "Space"}] * raw[-1:].isspace()
    return [{"t": "Para", "c": nodes}] if kind == "RawBlock" else nodes


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
