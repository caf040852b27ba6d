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
from pathlib import Path
from urllib.parse import unquote

from idx_files import atomic_file

STYLE = Path(__file__).with_name("report_style.typ")
SECONDS = 60  # after which pandoc is stopped; it takes less than one
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"}
ATTRIBUTES = ("width", "height")  # of a picture; others could hold Typst
LENGTH = re.compile(
    r"\d{1,5}(\.\d{1,5})?\s?(%|px|pt|cm|mm|in|em)?"
)  # of an attribute; pandoc 3.6 hands on what is none
MADE_HERE = b"MNIST lab kit"  # in the properties of each PDF, which may be made anew, before its source's digest

# Chosen one by one: of pandoc's own set, raw_attribute and the attributes of spans and blocks let Typst through.
MARKDOWN = (
    "markdown_strict+all_symbols_escapable+auto_identifiers+backtick_code_blocks+definition_lists+escaped_line_breaks"
    "+fancy_lists+fenced_code_blocks+footnotes+grid_tables+implicit_figures+implicit_header_references+inline_notes"
    "+intraword_underscores+link_attributes+lists_without_preceding_blankline+multiline_tables+pipe_tables"
    "+simple_tables+smart+space_in_atx_header+startnum+strikeout+subscript+superscript+table_captions"
    "+tex_math_dollars+tex_math_single_backslash"
)
WITH_HEADER = f"{MARKDOWN}+yaml_metadata_block"
# At the beginning only: pandoc takes what stands between two rules for a header anywhere, and leaves it out.
HEADER = re.compile(r"\A\s*---[ \t]*\n(?![ \t]*\n).*?^(---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)

OWN_PDF = "a PDF from any word processor, saved as report.pdf, is just as welcome"


class ReportError(Exception):
    """The report can't become a PDF; the text tells the student why, and what to do."""


def write_pdf(source, target):
    """Writes the PDF of `source`, a Markdown file; returns remarks, a line each, on what in it did not come through.

    Raises ReportError, and leaves `target` as it was; DataError where `target` can't be written.
    """
    pandoc, typst = _programs()
    text = _read(source)
    _check_target(target)
    document, remarks = _parse(pandoc, text)
    remarks += _left_out(document)
    _refine(document)
    author, title = _plain(document, "author"), _plain(document, "title")
    document["meta"] = {key: value for key, value in document["meta"].items() if key in ("author", "title")}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pictures = _bring_pictures(document, source.resolve().parent, folder)
        pages, more = _run_pandoc(
            pandoc, json.dumps(document), "--from", "json", "--to", "typst", "--template", str(STYLE)
        )
        (folder / "report.typ").write_text(pages, encoding="utf-8")
        properties = {"author": author, "title": title, "mark": f"{MADE_HERE.decode()} {_digest(text)}"}
        pdf = _compile(typst, folder, source, pictures, properties)
    with atomic_file(target) as file:
        file.write(pdf)
    return remarks + more


def is_stale(source, target):
    """Whether `target`, a PDF, was made here of another text than `source` has now. Raises OSError, UnicodeError."""
    digest = re.search(MADE_HERE + rb" ([0-9a-f]{16})", target.read_bytes())
    return bool(digest) and digest[1].decode() != _digest(source.read_text(encoding="utf-8-sig"))


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _programs():
    """Pandoc's path, and the module typst."""
    try:
        import pypandoc
        import typst

        return pypandoc.get_pandoc_path(), typst
    except (ImportError, OSError) as error:
        needed = "the PDF is made by two packages that are not installed: pip install -r requirements-report.txt"
        raise ReportError(f"{needed}; {OWN_PDF}") from error


def _read(source):
    try:
        return source.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        todo = "copy report_template.md to that name, and write your report into it"
        raise ReportError(f"there is no {source}: {todo}; {OWN_PDF}") from error
    except OSError as error:
        raise ReportError(f"{source} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"{source} is not in UTF-8 (byte {error.start}): save it in that encoding") from error


def _parse(pandoc, text):
    """Pandoc's tree of the document, with the fields of its header, and the remarks."""
    header = HEADER.match(text)
    body = text[header.end() :] if header else text
    tree, remarks = _run_pandoc(pandoc, body, "--from", MARKDOWN, "--to", "json", "--columns", "10000")
    document = json.loads(tree)
    if header:
        tree, more = _run_pandoc(pandoc, header[0], "--from", WITH_HEADER, "--to", "json")
        document["meta"] = json.loads(tree)["meta"]
        remarks = more + remarks
    return document, remarks


def _check_target(target):
    """A PDF that came from elsewhere is somebody's work, and may be the only copy."""
    if target.exists() and MADE_HERE not in target.read_bytes():
        raise ReportError(
            f"{target} was not made by this command, so it stays: rename it first, or hand it in as it is"
        )


def _run_pandoc(pandoc, text, *arguments):
    """Pandoc's output, and a remark for each formula that it can't read."""
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
    return done.stdout.decode(), [
        f"a formula that is not LaTeX stays as it is: {' '.join(f.split())}" for f in formulas
    ]


def _explain(messages):
    """What pandoc says, with what to do about it; its versions differ in the words around a mistake in the header."""
    header = re.search(r"YAML parse exception at line (\d+), column \d+[:,] (.{1,200})", messages)
    if header:
        line = int(header[1]) + 1  # pandoc counts from below the "---" that opens the header
        todo = "put what stands behind `title:` or `author:` between quotation marks, a colon in it must not be bare"
        return f"the report's header can't be read, at or after line {line} ({header[2]}): {todo}"
    return f"pandoc can't read the report: {messages[:300]}"


def _nodes(tree, kind):
    """The nodes of a kind in pandoc's tree of a document."""
    if isinstance(tree, dict):
        if tree.get("t") == kind:
            yield tree
        tree = tree.values()
    if not isinstance(tree, str | int | float | None):
        for branch in tree:
            yield from _nodes(branch, kind)


def _left_out(document):
    """A remark for each piece of HTML, which does not come through; comments are not meant to."""
    raw = [node["c"][1] for kind in ("RawInline", "RawBlock") for node in _nodes(document, kind)]
    pictures = [html for html in raw if re.match(r"<img\b", html, re.IGNORECASE)]
    return [f"HTML is left out; write ![caption](file.png) instead of {html[:80]}" for html in pictures]


def _refine(document):
    """Makes a minus of each hyphen that is one, as Typst does of some; and room within the cases of a formula."""
    for node in _nodes(document, "Str"):
        node["c"] = re.sub(r"(?<![^([±=<>≤≥])-(?=\.?\d)", "\N{MINUS SIGN}", node["c"])
    for node in _nodes(document, "Math"):
        node["c"][1] = re.sub(
            r"\\begin\{cases\}.*?\\end\{cases\}",
            lambda cases: re.sub(r"(?<!\\)&", r"& \\quad ", cases[0]),
            node["c"][1],
            flags=re.DOTALL,
        )


def _plain(document, key):
    """The text of a field of the report's header, without markup; several authors with commas between."""
    field = document["meta"].get(key)
    fields = field["c"] if field and field["t"] == "MetaList" else [field]
    return ", ".join("".join(_words(one)) for one in fields if one)


def _words(tree):
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


def _bring_pictures(document, home, folder):
    """Copies the pictures into the folder that Typst sees, named by number; returns their new names with the old."""
    pictures = {}
    for number, picture in enumerate(_nodes(document, "Image"), 1):
        attributes, _, target = picture["c"]
        path = _picture(target[0], home)
        pictures[f"{number}{path.suffix.lower()}"] = target[0]
        target[0] = f"{number}{path.suffix.lower()}"
        attributes[2] = [
            [name, value] for name, value in attributes[2] if name in ATTRIBUTES and LENGTH.fullmatch(value)
        ]
        try:
            shutil.copyfile(path, folder / target[0])
        except OSError as error:
            raise ReportError(f"the picture {path} can't be read: {error.strerror}") from error
    return pictures


def _picture(link, home):
    """The path of a picture in the report's folder, `home`."""
    if re.match(r"\w{2,}:", link):
        raise ReportError(f"the picture {link[:80]} is not a file: save it beside the report, and give its name")
    path = (home / unquote(link).replace("\\", "/")).resolve()
    if not path.is_relative_to(home):
        raise ReportError(f"the picture {link} is outside the report's folder: copy it there, and give its name")
    if not path.is_file():
        made = "; python compare.py makes it" if path.name.startswith("ablation") else ""
        raise ReportError(f"the picture {link} is not there (looked for {path}){made}")
    if path.suffix.lower() not in PICTURES:
        raise ReportError(f"the picture {link} is of a kind that can't be set, expected {', '.join(sorted(PICTURES))}")
    return path


def _compile(typst, folder, source, pictures, properties):
    import matplotlib

    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")  # more alphabets than the fonts that Typst brings
    try:
        return typst.compile(folder / "report.typ", root=folder, font_paths=[fonts], sys_inputs=properties)
    except typst.TypstError as error:
        at = re.search(r'image\("([^"]+)"', error.diagnostic)
        what = f"the picture {pictures[at[1]]}" if at and at[1] in pictures else str(source)
        raise ReportError(f"{what} can't be set: {error.message}") from error
