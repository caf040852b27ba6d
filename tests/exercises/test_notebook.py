"""exercises/notebook.py: a script's own lines in a notebook that runs from top to bottom."""

import ast
import os
import sys
from pathlib import Path

import pytest

from exercises import notebook
from labkit.errors import LabError
from tests.support.kernel import started_kernel
from tests.support.needs import needs

pytestmark = pytest.mark.exercises

SCRIPTS = notebook.scripts()


def test_the_exercises_and_the_labs_scripts_can_become_notebooks():
    assert {"softmax_mnist", "deep_mnist", "tensors"} <= set(SCRIPTS)
    assert not {"lab", "notebook", "__init__", "test_shapes", "input_data"} & set(SCRIPTS)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_every_cell_is_python_and_every_statement_is_in_one(name):
    source = SCRIPTS[name].read_text(encoding="utf-8")
    kinds, texts = zip(*notebook.cells(name, source), strict=True)
    assert kinds == ("markdown",) + ("code",) * (len(texts) - 1)
    assert texts[0] == ast.get_docstring(ast.parse(source))
    in_cells = [ast.dump(node) for text in texts[1:] for node in ast.parse(text).body]
    for node in ast.parse(source).body[1:]:
        if isinstance(node, ast.If):  # the flags, and the start of main
            continue
        if isinstance(node, ast.FunctionDef) and node.name == "main" and ast.dump(node) not in in_cells:
            steps = node.body[1:] if ast.get_docstring(node) else node.body
            assert [ast.dump(step) for step in steps] == in_cells[-len(steps) - 2 : -2]  # before the pictures
        else:
            assert ast.dump(node) in in_cells, ast.unparse(node)


def test_comments_stay_above_their_lines_and_paragraphs_stay_apart():
    source = (
        '"""D."""\nimport lab\n\nif __name__ == "__main__":\n    FLAGS = lab.parse_flags(\n        __doc__, only=[]\n'
    )
    source += "    )\n\n# why\nA = 1\nB = 2  # two\n\n\n@f\ndef g():\n    return 1\n\n\ndef main(flags):\n    # first\n"
    source += "    a = 1\n\n    b = 2\n"
    texts = [text for _, text in notebook.cells("d", source)]
    assert texts[3:-1] == ["# why\nA = 1\nB = 2  # two", "@f\ndef g():\n    return 1", "# first\na = 1", "b = 2"]
    assert "__doc__, only=[]," in texts[2]
    assert "arguments=ARGUMENTS" in texts[2]


def test_a_main_that_returns_stays_a_function():
    source = '"""D."""\nif __name__ == "__main__":\n    FLAGS = lab.parse_flags(__doc__)\n\n\n'
    source += "def main(flags):\n    if flags.x:\n        return\n\n    b = 2\n"
    texts = [text for _, text in notebook.cells("d", source)]
    assert texts[-3:-1] == ["def main(flags):\n    if flags.x:\n        return\n\n    b = 2", "main(flags)"]


@pytest.mark.parametrize(("source", "problem"), [("a = (", "line 1 is not Python"), ('"""D."""\n', "no main")])
def test_what_is_no_script_is_refused_in_a_line(source, problem):
    with pytest.raises(LabError, match=problem):
        notebook.cells("mine", source)


def test_a_notebook_that_is_there_is_not_written_over(tmp_path, capsys):
    needs("nbformat")
    path = tmp_path / "t.ipynb"
    assert notebook.main(["tensors", "--to", str(path)]) == 0
    before = path.read_bytes()
    assert notebook.main(["tensors", "--to", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.training
@pytest.mark.sample(1, of="notebooks")
@pytest.mark.parametrize(
    ("name", "arguments", "printed", "pictures"),
    [
        ("tensors", "", "3 * 3 = 9", 0),
        ("softmax_mnist", "--steps 20 --dataset synthetic", "test accuracy", 4),
        ("deep_mnist", "--steps 2 --dataset synthetic", "test accuracy", 5),
    ],
)
def test_a_notebook_runs_from_top_to_bottom(name, arguments, printed, pictures, tmp_path, synthetic_dir):
    nbformat = needs("nbformat")
    path = tmp_path / f"{name}.ipynb"
    assert notebook.main([name, "--to", str(path)]) == 0
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    cells = [cell.replace('ARGUMENTS = ""', f'ARGUMENTS = "{arguments}"') for cell in cells]
    with started_kernel(tmp_path, synthetic_dir) as run:
        shown = [run(cell) for cell in cells]
    assert [error for cell in shown for error in cell.errors] == []
    assert printed in "".join(cell.stdout for cell in shown)
    assert sum(cell.pictures for cell in shown) == pictures
    assert (tmp_path / "results" / name).is_dir() == bool(pictures)


def test_a_hosted_service_unpacks_the_hand_out(tmp_path, monkeypatch):
    """The first cell finds the kit in a zip that is uploaded beside the notebook."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "mnist-lab (1).zip", "w") as archive:
        archive.writestr("mnist-lab/labkit/__init__.py", "")
        archive.writestr("mnist-lab/lab.py", "FOUND = 'here'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "lab", raising=False)
    names = {}
    exec(notebook.SETUP, names)
    assert names["lab"].FOUND == "here"
    monkeypatch.delitem(sys.modules, "lab")
    assert Path(names["lab"].__file__).parent == tmp_path / "mnist-lab"

    (tmp_path / "mnist-lab" / "lab.py").write_text("FOUND = 'what the student changed'\n")
    sys.path_importer_cache.clear()
    exec(notebook.SETUP, names)
    assert names["lab"].FOUND == "what the student changed"
    assert os.getcwd() == str(tmp_path)
