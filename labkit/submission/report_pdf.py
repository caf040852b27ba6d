"""Turns a student's report.md into a PDF: pandoc reads the Markdown, Typst sets the pages.

Both come as packages with their programs inside. Whatever the report says, it reads no file but the pictures in its own
folder and reaches no network: pandoc runs in its sandbox without the extensions that let raw Typst through, and Typst
sees a folder in which there is nothing but the text and copies of the pictures.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from labkit.errors import KitError
from labkit.files import atomic_file
from labkit.submission import report_glyphs
from labkit.submission.report_markup import Lines, close_up_formulas, mend

STYLE = Path(__file__).with_name("report_style.typ")
FAMILIES = '"Libertinus Serif", "DejaVu Sans"'  # of fonts, as the style has them
SECONDS = 60  # after which pandoc is stopped; it takes less than one
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
ATTRIBUTES = ("width", "height")  # of a picture; others could hold Typst
LENGTH = re.compile(
    r"\d{1,5}(\.\d{1,5})?\s?(%|px|pt|cm|mm|in|em)?"
)  # of an attribute; pandoc 3.6 hands on what is none
# In the properties of each PDF, which may be made anew, before its source's digest and the number of missing pictures.
MADE_HERE = b"MNIST lab kit"
LANGUAGE = re.compile(r"([a-z]{2,3})([-_].*)?")  # `it`, or `it-IT`

# Chosen one by one: of pandoc's own set, raw_attribute and the attributes of spans and blocks let Typst through.
MARKDOWN = (
    "markdown_strict+all_symbols_escapable+auto_identifiers+backtick_code_blocks+definition_lists+escaped_line_breaks"
    "+fancy_lists+fenced_code_blocks+footnotes+grid_tables+implicit_figures+implicit_header_references+inline_notes"
    "+intraword_underscores+link_attributes+lists_without_preceding_blankline+multiline_tables+pipe_tables"
    "+simple_tables+smart+space_in_atx_header+startnum+strikeout+subscript+superscript+table_captions"
    "+tex_math_dollars+tex_math_single_backslash"
    "+raw_tex"  # reaches Typst in no way, and tells LaTeX from text: report_markup
)
WITH_HEADER = f"{MARKDOWN}+yaml_metadata_block"
# At the beginning only: pandoc takes what stands between two rules for a header anywhere, and leaves it out.
HEADER = re.compile(r"\A\s*---[ \t]*\n(?![ \t]*\n).*?^(---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)

OWN_PDF = "a PDF from any word processor, saved as report.pdf, is just as welcome"


class ReportError(KitError):
    """The report can't become a PDF; the text tells the student why, and what to do."""


def write_pdf(source: Path, target: Path) -> list[str]:
    """Write the PDF of `source`, a Markdown file; return remarks, a line each, on what of it is missing there.

    Raises ReportError, and leaves `target` as it was; WriteError where `target` can't be written.
    """
    pandoc, typst = _programs()
    text = _read(source)
    _check_target(target)
    shown = close_up_formulas(text)
    document = _parse(pandoc, shown)
    remarks = mend(document, Lines(shown)) + _mend_links(document, Lines(shown))
    _refine(document)
    properties = _properties(document)
    document["meta"] = {key: value for key, value in document["meta"].items() if key in ("author", "title")}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pictures, missing = _bring_pictures(document, source.resolve().parent, folder)
        pages, formulas = _run_pandoc(
            pandoc, json.dumps(document), "--from", "json", "--to", "typst", "--template", str(STYLE)
        )
        (folder / "report.typ").write_text(pages, encoding="utf-8")
        properties["mark"] = f"{MADE_HERE.decode()} {_digest(text)} {len(missing)} missing"
        pdf = _compile(typst, folder, source, pictures, properties)
    remarks += _with_lines(missing, Lines(shown)) + _with_lines(formulas, Lines(shown))
    remarks += _boxes(document, typst, Lines(shown))
    with atomic_file(target) as file:
        file.write(pdf)
    return remarks


def _with_lines(remarks: list[tuple[str, str]], lines: Lines) -> list[str]:
    """Put the number of the line before each remark; a remark comes with the piece of text that it is about."""
    return [f"{lines.before(piece) or lines.before(unquote(piece))}{remark}" for piece, remark in remarks]


def _boxes(document: Any, typst: Any, lines: Lines) -> list[str]:
    """Return a remark for each line with characters that none of the fonts has."""
    characters = set(json.dumps(document, ensure_ascii=False))
    unknown = report_glyphs.boxes(characters, typst, _fonts(), FAMILIES)
    by_line: dict[str, list[str]] = {}
    for character in unknown:
        by_line.setdefault(lines.anywhere(character), []).append(character)
    return [f"{line}no font here has {' '.join(missing)}: a box stands for each" for line, missing in by_line.items()]


def is_stale(source: Path, target: Path) -> bool:
    """Tell whether `target`, a PDF, was made by this command of another text than `source` has now.

    Raises OSError, UnicodeError.
    """
    digest = re.search(MADE_HERE + rb" ([0-9a-f]{16})", target.read_bytes())
    return bool(digest) and digest[1].decode() != _digest(source.read_text(encoding="utf-8-sig"))


def count_missing(target: Path) -> int:
    """Return how many pictures were missing when this command made `target`, a PDF; 0 for a PDF from elsewhere.

    Raises OSError.
    """
    missing = re.search(MADE_HERE + rb" [0-9a-f]{16} (\d+) missing", target.read_bytes())
    return int(missing[1]) if missing else 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _programs() -> tuple[str, Any]:
    """Return pandoc's path, and the module typst."""
    try:
        import pypandoc
        import typst

        return pypandoc.get_pandoc_path(), typst
    except (ImportError, OSError) as error:
        needed = "the PDF is made by two packages that are not installed: pip install -r requirements-report.txt"
        raise ReportError(f"{needed}; {OWN_PDF}") from error


def _read(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        todo = "copy report_template.md to that name, and write your report into it"
        raise ReportError(f"there is no {source}: {todo}; {OWN_PDF}") from error
    except OSError as error:
        raise ReportError(f"{source} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{source} is not in UTF-8 (byte {error.start}): save it in that encoding") from error


def _parse(pandoc: str, text: str) -> dict[str, Any]:
    """Return pandoc's tree of the document, with the fields of its header."""
    header = HEADER.match(text)
    body = text[header.end() :] if header else text
    tree, _ = _run_pandoc(pandoc, body, "--from", MARKDOWN, "--to", "json", "--columns", "10000")
    document = json.loads(tree)
    if header:
        tree, _ = _run_pandoc(pandoc, header[0], "--from", WITH_HEADER, "--to", "json")
        document["meta"] = json.loads(tree)["meta"]
    return document


def _check_target(target: Path) -> None:
    """Refuse to overwrite a PDF from elsewhere: it is somebody's work, and may be the only copy."""
    if target.exists() and MADE_HERE not in target.read_bytes():
        raise ReportError(
            f"{target} was not made by this command, so it stays: rename it first, or hand it in as it is"
        )


def _run_pandoc(pandoc: str, text: str, *arguments: str) -> tuple[str, list[tuple[str, str]]]:
    """Run pandoc; return its output, and each formula that it can't read, with a remark on it."""
    command = [pandoc, "--sandbox", *arguments]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ReportError(
            f"the report took pandoc more than {SECONDS} s: is there something in it without end?"
        ) from error
    messages = done.stderr.decode(errors="replace")
    if done.returncode:
        raise ReportError(_explain(" ".join(messages.split())))
    formulas = re.findall(r"Could not convert TeX math (.*?),? rendering as TeX", messages, re.DOTALL)
    remark = "a formula that is not LaTeX stays as it is:"
    return done.stdout.decode(), [(formula, f"{remark} {' '.join(formula.split())}") for formula in formulas]


def _explain(messages: str) -> str:
    """Return pandoc's message, and what to do; its versions differ in the words around a mistake in the header."""
    header = re.search(r"YAML parse exception at line (\d+), column \d+[:,] (.{1,200})", messages)
    if header:
        line = int(header[1]) + 1  # pandoc counts from below the "---" that opens the header
        todo = "put what stands behind `title:` or `author:` between quotation marks, a colon in it must not be bare"
        return f"the report's header can't be read, at or after line {line} ({header[2]}): {todo}"
    return f"pandoc can't read the report: {messages[:300]}"


def _nodes(tree: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a kind in pandoc's tree of a document."""
    if isinstance(tree, dict):
        if tree.get("t") == kind:
            yield tree
        tree = tree.values()
    if not isinstance(tree, str | int | float | None):
        for branch in tree:
            yield from _nodes(branch, kind)


def _mend_links(document: Any, lines: Lines) -> list[str]:
    """Turn links to missing headings, at which Typst would stop, into text; return remarks on them."""
    headings = {f"#{node['c'][1][0]}" for node in _nodes(document, "Header")}
    remarks = []
    for link in _nodes(document, "Link"):
        _, words, (target, _) = link["c"]
        if target.startswith("#") and target not in headings:
            remarks.append(f"{lines.before(f'({target}')}no heading is called {target}, so the link to it is left out")
            link.update({"t": "Span", "c": [["", [], []], words]})
    return remarks


def _refine(document: Any) -> None:
    """Turn hyphens that are minus signs into these, as Typst does with some; add room within the cases of a formula."""
    for node in _nodes(document, "Str"):
        node["c"] = re.sub(r"(?<![^([±=<>≤≥])-(?=\.?\d)", "\N{MINUS SIGN}", node["c"])
    for node in _nodes(document, "Math"):
        node["c"][1] = re.sub(
            r"\\begin\{cases\}.*?\\end\{cases\}",
            lambda cases: re.sub(r"(?<!\\)&", r"& \\quad ", cases[0]),
            node["c"][1],
            flags=re.DOTALL,
        )


def _properties(document: Any) -> dict[str, str]:
    """Return the plain text for the style: title and author, for the file's own properties, and the language."""
    language = LANGUAGE.fullmatch(_plain(document, "lang").lower())
    return {
        "author": _plain(document, "author"),
        "title": _plain(document, "title"),
        "lang": language[1] if language else "en",
    }


def _plain(document: Any, key: str) -> str:
    """Return the text of a field of the report's header, without markup; several authors with commas between."""
    field = document["meta"].get(key)
    fields = field["c"] if field and field["t"] == "MetaList" else [field]
    return ", ".join("".join(_words(one)) for one in fields if one)


def _words(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if tree["t"] in ("Str", "MetaString"):
            yield tree["c"]
        elif tree["t"] in ("Space", "SoftBreak"):
            yield " "
        else:
            yield from _words(tree.get("c", []))
    elif isinstance(tree, list):
        for branch in tree:
            yield from _words(branch)


def _bring_pictures(document: Any, home: Path, folder: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Copy the pictures into the folder that Typst sees, named by number; a missing one becomes an empty box.

    Returns (pictures, missing): {new name: the old one}, and a list of (old name, remark).
    """
    pictures, missing = {}, []
    for number, picture in enumerate(_nodes(document, "Image"), 1):
        attributes, _, target = picture["c"]
        path, link = _picture(target[0], home), target[0]
        target[0] = f"{number}{path.suffix.lower() if path.is_file() else '.svg'}"
        pictures[target[0]] = link
        attributes[2] = [
            [name, value] for name, value in attributes[2] if name in ATTRIBUTES and LENGTH.fullmatch(value)
        ]
        if not path.is_file():
            made = "; python compare.py makes it" if path.name.startswith("ablation") else ""
            remark = f"the picture {unquote(link)} is not there (looked for {path}){made}; a box stands in its place"
            missing.append((link, remark))
            (folder / target[0]).write_text(_empty_box(unquote(link)), encoding="utf-8")
            continue
        try:
            shutil.copyfile(path, folder / target[0])
        except OSError as error:
            raise ReportError(f"the picture {path} can't be read: {error.strerror}") from error
    return pictures, missing


def _picture(link: str, home: Path) -> Path:
    """Return the path of a picture in the report's folder, `home`, where it may be missing."""
    if re.match(r"\w{2,}:", link):
        raise ReportError(f"the picture {link[:80]} is not a file: save it beside the report, and give its name")
    path = (home / unquote(link).replace("\\", "/")).resolve()
    if not path.is_relative_to(home):
        raise ReportError(f"the picture {link} is outside the report's folder: copy it there, and give its name")
    if path.is_file() and path.suffix.lower() not in PICTURES:
        raise ReportError(f"the picture {link} is of a kind that can't be set, expected {', '.join(sorted(PICTURES))}")
    return path


def _empty_box(name: str) -> str:
    """Return an SVG that says which picture is missing."""
    shown = escape("".join(letter for letter in name if letter.isprintable())[-60:])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="480" height="120">'
        '<rect x="1" y="1" width="478" height="118" fill="none" stroke="#888" stroke-dasharray="6 4"/>'
        '<text x="240" y="65" font-family="DejaVu Sans" font-size="13" text-anchor="middle">'
        f"missing: {shown}</text></svg>"
    )


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf")  # more alphabets than the fonts that Typst brings


def _compile(typst: Any, folder: Path, source: Path, pictures: dict[str, str], properties: dict[str, str]) -> bytes:
    try:
        return typst.compile(folder / "report.typ", root=folder, font_paths=[_fonts()], sys_inputs=properties)
    except typst.TypstError as error:
        at = re.search(r'image\("([^"]+)"', error.diagnostic)
        subject = f"the picture {pictures[at[1]]}" if at and at[1] in pictures else str(source)
        raise ReportError(f"{subject} can't be set: {error.message}") from error
