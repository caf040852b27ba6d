"""Turns a script into a notebook for Jupyter, or for a hosted notebook service: the same lines, cell by cell.

    python exercises/notebook.py relu_network                 write relu_network.ipynb to the working folder
    python exercises/notebook.py deep_mnist --to deep.ipynb   under another name
    python exercises/notebook.py --help                       all scripts

The docstring becomes text, each paragraph of the script a cell, the flags a line at the top, and the pictures are shown
at the end. Where the service has no kit, upload the zip of the hand-out beside the notebook.
"""

import lab  # isort: skip  # before all else: by it the kit is found

import argparse
import ast
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from labkit.errors import LabError
from labkit.files import KIT, atomic_file

SETUP = """\
# The kit is in this folder, or in one above; in a hosted service, in the hand-out's zip beside this notebook.
import sys
import zipfile
from pathlib import Path

places = [Path.cwd() / "mnist-lab", Path.cwd(), *Path.cwd().parents]
if not any((place / "labkit").is_dir() for place in places):  # once: your changes to the files stay
    for archive in Path().glob("mnist-lab*.zip"):
        zipfile.ZipFile(archive).extractall()
sys.path[:0] = [str(place) for place in places if (place / "labkit").is_dir()][:1]
import lab"""
READ_FLAGS = """\
ARGUMENTS = ""  # the flags, as on the command line: "--seed 1", or "--help" for all of them
{call}
FLAGS.script = "{name}"
flags = FLAGS"""
PICTURES = """\
from IPython.display import Image, display

for picture in sorted(lab.run_folder(FLAGS).glob("*.*")) if hasattr(FLAGS, "results_dir") else []:
    if picture.suffix in (".png", ".gif"):
        print(picture.name)
        display(Image(picture.read_bytes()))"""


def scripts() -> dict[str, Path]:
    """Return what can become a notebook, by name: the exercises, the lab's scripts, and a student's copies."""
    paths = [*(KIT / "exercises").glob("*.py"), *KIT.glob("*_mnist.py"), *KIT.glob("model_no?.py")]
    return {path.stem: path for path in paths if path.read_text("utf-8").endswith("lab.run_script(main, FLAGS)\n")}


def cells(name: str, source: str) -> list[tuple[str, str]]:
    """Return the cells of a script of this name: the kind of each, "markdown" or "code", and its text.

    Raises LabError for what is not of the form of the lab's scripts.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise LabError(f"{name}.py, line {error.lineno} is not Python: {error.msg}") from error
    lines = source.splitlines()
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    guards = [node for node in tree.body if isinstance(node, ast.If)]
    call = "\n".join(_text(guards[0].body, lines)) if guards else ""
    if "main" not in functions or "FLAGS = lab.parse_flags(" not in call:
        raise LabError(
            f"{name}.py has no main(flags), or no FLAGS: only scripts like softmax_mnist.py become notebooks"
        )
    main, leave_out = functions["main"], ["import lab"]
    body = main.body[1:] if ast.get_docstring(main) else main.body
    steps = list(_paragraphs(body, lines)) if _can_be_unrolled(main) else [_text([main], lines), ["main(flags)"]]
    top = tree.body.index(guards[0])
    rest = [node for node in tree.body[top:] if node not in guards and node is not main]
    before, after = ([*_paragraphs(nodes, lines)] for nodes in (tree.body[1:top], rest))
    flags = READ_FLAGS.format(call=_with_arguments(call), name=name).splitlines()
    code = ["\n".join(text) for text in [*before, flags, *after, *steps] if text != leave_out]
    texts = [SETUP, *code, PICTURES]
    return [("markdown", ast.get_docstring(tree) or name), *(("code", text) for text in texts)]


def _paragraphs(statements: Sequence[ast.stmt], lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines of statements between which there is no blank line, with the comments above them."""
    paragraph: list[ast.stmt] = []
    for statement in statements:
        between = lines[_end(paragraph[-1]) : _start(statement)] if paragraph else []
        if "" in between:
            yield _text(paragraph, lines)
            paragraph = []
        paragraph.append(statement)
    if paragraph:
        yield _text(paragraph, lines)


def _text(statements: Sequence[ast.stmt], lines: list[str]) -> list[str]:
    """Return the lines of statements that follow each other, and of the comments right above, without indentation."""
    first = _start(statements[0])
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return textwrap.dedent("\n".join(lines[first : _end(statements[-1])])).splitlines()


def _start(statement: ast.stmt) -> int:
    """Return the index of the first line of a statement, with its decorators."""
    return min(node.lineno for node in (statement, *getattr(statement, "decorator_list", []))) - 1


def _end(statement: ast.stmt) -> int:
    assert statement.end_lineno is not None  # it was parsed
    return statement.end_lineno


def _can_be_unrolled(main: ast.FunctionDef) -> bool:
    """Tell whether the body of main runs as well outside of a function."""
    inner = [node for part in main.body if isinstance(part, ast.FunctionDef) for node in ast.walk(part)]
    returns = [node for node in ast.walk(main) if isinstance(node, ast.Return) and node not in inner]
    return not returns and not any(isinstance(node, ast.Nonlocal) for node in ast.walk(main))


def _with_arguments(call: str) -> str:
    """Return the lines that read the flags, from ARGUMENTS in place of the command line."""
    calls = [node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call)]
    node = next(node for node in calls if ast.unparse(node.func) == "lab.parse_flags")
    lines = call.splitlines()
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    last = lines[node.end_lineno - 1].encode()  # columns are counted in bytes
    before, after = last[: node.end_col_offset - 1].decode(), last[node.end_col_offset - 1 :].decode()
    comma = ", " if before.strip() else "    "
    lines[node.end_lineno - 1] = f"{before}{comma}arguments=ARGUMENTS{after}"
    if not before.strip() and not lines[node.end_lineno - 2].endswith(","):
        lines[node.end_lineno - 2] += ","
    return "\n".join(lines)


def write_notebook(name: str, script: Path, path: Path) -> None:
    """Write the script as a notebook of format 4; raise LabError where there is a file already."""
    import nbformat.v4

    if path.exists():
        raise LabError(f"{path} is there already, perhaps with work of yours in it: give another name by --to")
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    parts = [make[kind](text) for kind, text in cells(name, script.read_text("utf-8"))]
    for number, part in enumerate(parts):
        part["id"] = f"cell-{number}"  # not drawn by chance: the same script is the same notebook
    notebook = nbformat.v4.new_notebook(cells=parts)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.validate(notebook)
    with atomic_file(path) as file:
        file.write(nbformat.writes(notebook).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, and write the notebook; return the exit status."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("name", choices=sorted(scripts()), metavar="NAME", help=", ".join(sorted(scripts())))
    parser.add_argument("--to", type=Path, metavar="FILE", help="where it goes (default: NAME.ipynb)")
    flags = parser.parse_args(arguments)
    lab.require("nbformat")
    path = flags.to or Path(f"{flags.name}.ipynb")
    try:
        write_notebook(flags.name, scripts()[flags.name], path)
    except (LabError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"{path}: open it with Jupyter (pip install jupyterlab, then jupyter lab), or upload it to a notebook service"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
