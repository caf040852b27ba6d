"""Scripts in a notebook: pasted into a cell, and under %run. A kernel runs them, as Jupyter's would."""

import io
import json
import os
import re
import sys
from types import SimpleNamespace

import pytest

from labkit import notebook
from labkit.sources import code_sha256
from tests.support.kernel import started_kernel
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def kernel(tmp_path_factory, synthetic_dir):
    """Return a function that runs a cell in a kernel; its `folder` is the one that the kernel is in."""
    folder = tmp_path_factory.mktemp("notebook")
    with started_kernel(folder, synthetic_dir) as run:
        run.folder = folder
        yield run


def softmax(**changes):
    """Return the softmax regression's text with few steps: 20, on synthetic digits."""
    text = (ROOT / "softmax_mnist.py").read_text(encoding="utf-8")
    for old, new in ({"steps=1000": "steps=20"} | changes).items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def pasted(kernel):
    return kernel(softmax(**{"    FLAGS = lab.parse_flags(": "    FLAGS = lab.parse_flags(  # pasted\n        "}))


@pytest.mark.course
@pytest.mark.sample(2, of="a script pasted into a notebook")
def test_a_pasted_script_runs_to_its_usual_last_line(pasted):
    assert pasted.errors == []
    assert re.fullmatch(r"test accuracy 0\.\d{4} \(10,000 images, synthetic digits\)", pasted.stdout.splitlines()[-1])


@pytest.mark.course
@pytest.mark.sample(2, of="a script pasted into a notebook")
def test_it_says_how_to_set_its_flags(pasted):
    assert "%run softmax_mnist.py --steps 100" in pasted.stdout.splitlines()[0]


@pytest.mark.course
@pytest.mark.sample(2, of="a script pasted into a notebook")
def test_it_leaves_its_record_under_the_name_in_its_docstring(pasted, kernel):
    record = json.loads((kernel.folder / "results/softmax_mnist/seed-0/run.json").read_bytes())
    assert (record["script"], record["steps"], record["flags"]["resume"]) == ("softmax_mnist", 20, False)
    text = softmax(**{"    FLAGS = lab.parse_flags(": "    FLAGS = lab.parse_flags(  # pasted\n        "})
    assert record["recipe"]["script_sha256"] == code_sha256(text.encode())


@pytest.mark.course
@pytest.mark.sample(2, of="a script pasted into a notebook")
def test_a_mistake_in_a_pasted_script_is_one_line_that_names_it(pasted, kernel):
    text = softmax(**{"tf.zeros([784, 10])": "tf.zeros([783, 10])"})
    shown = kernel(text)
    line = next(i for i, code in enumerate(text.splitlines(), 1) if "return tf.matmul" in code)
    (message,) = shown.errors
    assert message.startswith(f"error: the cell, line {line}, `return tf.matmul(x, self.W) + self.b")
    assert "\n" not in message
    assert "Traceback" not in shown.stderr
    assert "Traceback" in (kernel.folder / "results/softmax_mnist/seed-0/error.txt").read_text()


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_under_run_a_script_takes_its_flags(kernel):
    shown = kernel(f"%run {ROOT / 'softmax_mnist.py'} --steps 5 --seed 3 --dataset synthetic")
    assert shown.errors == []
    assert "softmax_mnist: 5 steps" in shown.stdout
    assert (kernel.folder / "results/softmax_mnist/seed-3/run.json").is_file()


def test_under_run_a_bad_flag_ends_without_the_kernels_noise(kernel):
    shown = kernel(f"%run {ROOT / 'softmax_mnist.py'} --colour red")
    assert shown.stderr.splitlines()[-1] == "softmax_mnist.py: error: unrecognized arguments: --colour red"
    assert shown.errors == ["ended with exit status 2"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("submit.py report", "error: there is no report.md"),
        ("compare.py --seeds 1 --networks model_no1 --dataset mnist --data-dir nowhere", "error: "),
        ("input_data.py nowhere --dataset mnist", "input_data.py: nowhere "),
    ],
)
def test_a_command_that_fails_under_run_ends_in_its_line(command, message, kernel):
    shown = kernel(f"%env HTTPS_PROXY=http://127.0.0.1:9\n%run {ROOT}/{command}")
    assert shown.stderr.splitlines()[-1].startswith(message)
    assert shown.errors == ["ended with exit status 1"]


def test_a_command_that_succeeds_under_run_ends_without_a_word(kernel):
    (kernel.folder / "folder").mkdir()
    shown = kernel(f"%run {ROOT / 'submit.py'} pack --help")
    assert shown.errors == []
    assert shown.stderr == ""


def test_a_file_beside_the_notebook_that_hides_a_module_is_named(kernel):
    (kernel.folder / "keras.py").touch()
    try:
        (line,) = kernel("import importlib, labkit.startup as s; s.check()").errors
    finally:
        (kernel.folder / "keras.py").unlink()
    assert line.startswith("error: keras.py (in " + str(kernel.folder) + ") has the name of")


# ------------------------------------------------------------------------------------------------------------ the parts


@pytest.fixture
def shell(monkeypatch):
    """Pretend that IPython runs the test; its cells are the list that is returned."""
    cells = []
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(user_ns={"In": cells}))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return cells


@pytest.mark.parametrize("launcher", ["ipykernel_launcher.py", "colab_kernel_launcher.py"])
def test_the_launchers_command_line_is_not_the_scripts(launcher, shell, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"/usr/lib/{launcher}", "-f", "kernel.json"])
    assert notebook.pasted("/tmp/ipykernel_7/1.py")
    monkeypatch.setattr(sys, "argv", ["deep_mnist.py", "--steps", "5"])
    assert not notebook.pasted(os.path.abspath("deep_mnist.py"))


def test_the_script_of_a_cell_is_the_one_that_its_docstring_runs(shell):
    assert notebook.script(None) == "notebook"
    shell += ["", "!python compare.py", '"""A\n\n    python model_no1.py          train\n"""', "x = 1"]
    assert notebook.script("Automatically created module") == "model_no1"
    assert notebook.script("A\n\n    python mine.py   train\n") == "mine"


def test_outside_of_a_notebook_nothing_is_pasted():
    assert not notebook.pasted("/somewhere/else.py")


def test_a_window_without_a_terminals_ways_does_for_submit(monkeypatch, tmp_path):
    import submit

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["submit.py", "report"])
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # as in IDLE and Spyder, it can't be reconfigured
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as end:
        submit.main()
    assert end.value.code == 1
    assert sys.stderr.getvalue().startswith("error: ")
