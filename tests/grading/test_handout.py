"""The hand-out: what students get, what they don't, and the way from the one to a zip."""

import ast
import os
import re
import subprocess
import sys
import zipfile

import pytest

from grading import command_line, staging
from grading.handout import FOLDER, handed_out, write_handout
from grading.intake.arrivals import unpack
from labkit.checks.assignment import NETWORKS
from tests.submissions.report_pdf import make_report
from tests.submissions.report_words import write_report
from tests.submissions.rewriting import DEEP, edited, without_layer
from tests.support.documents import dead_links
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Make the folder that a student has once lab.zip is unpacked."""
    folder = tmp_path_factory.mktemp("student")
    write_handout(folder / "lab.zip")
    with zipfile.ZipFile(folder / "lab.zip") as archive:
        archive.extractall(folder)
    return folder / FOLDER


# -------------------------------------------------------------------------------------------------------- what is in it


def test_what_students_get_is_faces_texts_and_whole_folders(lab):
    there = {path.relative_to(lab).as_posix() for path in lab.rglob("*") if path.is_file()}
    assert there == set(handed_out())
    assert {path.partition("/")[0] for path in there if "/" in path} == {"docs", "exercises", "labkit", "tests"}
    for folder in ("labkit", "exercises"):
        assert {f"{path.relative_to(ROOT)}" for path in ROOT.glob(f"{folder}/**/*.py")} <= there
    assert not [path for path in there if path.startswith("docs/instructor")]  # the answers to the exercises' questions


def test_a_draft_stays_here(tmp_path, monkeypatch):
    for name in handed_out():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "--force", "."], cwd=tmp_path, check=True)
    (tmp_path / "docs" / "exam.png").write_bytes(b"draft")
    (tmp_path / "labkit" / "solutions.py").write_text("draft")
    before = handed_out()
    monkeypatch.setattr("grading.handout.KIT", tmp_path)
    assert handed_out() == before


def test_a_kit_that_is_not_complete_is_not_handed_out(tmp_path, monkeypatch):
    (tmp_path / "lab.py").write_text("")
    monkeypatch.setattr("grading.handout.KIT", tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape("softmax_mnist.py, which students get")):
        write_handout(tmp_path / "lab.zip")
    assert not (tmp_path / "lab.zip").exists()


def test_extensions_of_students_are_not_handed_out(tmp_path, monkeypatch, capsys):
    for name in handed_out():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    with (tmp_path / "assignment.toml").open("a", encoding="utf-8") as file:
        file.write('\n[extensions]\n"189295" = 2027-02-07\n')
    monkeypatch.setattr("grading.handout.KIT", tmp_path)
    assert command_line.main(["handout", str(tmp_path / "lab.zip")]) == 1
    assert "has [extensions], which every student would read" in capsys.readouterr().err
    assert not (tmp_path / "lab.zip").exists()


def test_neither_solutions_nor_results_nor_the_grader_are_in_it(lab):
    there = {path.relative_to(lab).as_posix() for path in lab.rglob("*") if path.is_file()}
    assert not any(re.search(r"model_no\d|results/|submissions/|grading|__main__|__pycache__", path) for path in there)


# What a module may hold without looking like a script: the networks by name, and a function that computes any of them.
A_PEER = """\
import tensorflow as tf

SHAPES = {"model_no3": [[5, 5, 1, 32], [32], [5, 5, 32, 64], [64], [7 * 7 * 64, 10], [10]]}


def new_variables(name="model_no3"):
    return [tf.Variable(tf.random.normal(shape)) for shape in SHAPES[name]]


def logits(x, variables, keep_prob):
    h = tf.reshape(x, [-1, 28, 28, 1])
    for W, b in zip(variables[:-2:2], variables[1:-2:2], strict=True):
        h = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(h, W, 1, "SAME") + b), 2, 2, "SAME")
    return tf.matmul(tf.reshape(h, [-1, variables[-2].shape[0]]), variables[-2]) + variables[-1]
"""


def models_of_ablations(folder, *modules):
    """Return which of the modules (paths in `folder`) yield an ablation, as the architecture check reads it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.solutions.ablations_in", folder, *modules],
        cwd=ROOT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.attack
def test_no_ablation_can_be_made_of_a_module_that_is_handed_out(lab, tmp_path):
    modules = sorted(name for name in handed_out() if name.endswith(".py"))
    peer = tmp_path / "peer.py"  # the last, to see that what is called before it keeps nothing from being seen
    peer.write_text(A_PEER)
    assert models_of_ablations(lab, *modules, peer) == [f"{peer}: model_no3 of new_variables and logits"]


@pytest.mark.attack
@pytest.mark.sample(0, of="what the test before sees, too")
def test_an_ablation_that_a_module_makes_would_be_seen(tmp_path):
    (tmp_path / "peer.py").write_text(A_PEER)
    assert models_of_ablations(tmp_path, "peer.py") == ["peer.py: model_no3 of new_variables and logits"]
    assert models_of_ablations(ROOT, "model_no1.py") == ["model_no1.py: model_no1 of Model"]


def test_what_builds_networks_is_neither_handed_out_nor_staged_beside_a_submission():
    beside = [path.as_posix() for path in staging.staged(staging.WORKER)]
    assert not [path for path in (*handed_out(), *beside) if "trusted" in path or path.startswith("model_no")]


def test_no_line_that_an_ablation_takes_is_in_it(lab):
    given = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")
    for script in NETWORKS:
        source = (ROOT / f"{script}.py").read_text(encoding="utf-8")
        lines = {line.partition("#")[0].strip() for line in source.partition("class Model")[2].splitlines()}
        solution = {line for line in lines if line and line not in given}
        assert solution, script
        for path in lab.rglob("*.*"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [line for line in solution if line in text], path


def test_what_is_in_it_imports_nothing_that_is_held_back(lab):
    for path in lab.rglob("*.py"):
        for module in imported(ast.parse(path.read_bytes())):
            file = module.replace(".", "/") + ".py"
            if (ROOT / file).is_file() and module not in NETWORKS:
                assert (lab / file).is_file(), f"{path.relative_to(lab)} imports {module}"


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_same_kit_gives_the_same_bytes(tmp_path):
    write_handout(tmp_path / "a.zip")
    write_handout(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


# -------------------------------------------------------------------------------------------------------- its documents


def test_no_link_in_its_documents_is_dead_and_every_script_in_them_is_there(lab):
    documents = [lab / "README.md", lab / "exercises" / "README.md", *(lab / "docs").rglob("*.md")]
    assert {path.name: dead for path in documents if (dead := dead_links(path))} == {}
    texts = " ".join(path.read_text(encoding="utf-8") for path in documents)
    scripts = set(re.findall(r"python (\w[\w/]*\.py)", texts)) - {f"{script}.py" for script in (*NETWORKS, "keep_all")}
    assert len(documents) > 5
    assert len(scripts) > 3
    assert [script for script in scripts if not (lab / script).is_file()] == []


# ---------------------------------------------------------------------------------------------- the whole student's way

EDITED = {  # what a student who knows what to do makes of deep_mnist.py
    "model_no1": edited(
        without_layer(DEEP, "conv1"),
        ("weight_variable([5, 5, 32, 64])", "weight_variable([5, 5, 1, 64])"),
        ("weight_variable([7 * 7 * 64, 1024])", "weight_variable([14 * 14 * 64, 1024])"),
        ("conv2d(h_pool1, self.W_conv2)", "conv2d(x_image, self.W_conv2)"),
        ("tf.reshape(h_pool2, [-1, 7 * 7 * 64])", "tf.reshape(h_pool2, [-1, 14 * 14 * 64])"),
    ),
    "model_no2": edited(
        without_layer(DEEP, "conv2"),
        ("weight_variable([7 * 7 * 64, 1024])", "weight_variable([14 * 14 * 32, 1024])"),
        ("tf.reshape(h_pool2, [-1, 7 * 7 * 64])", "tf.reshape(h_pool1, [-1, 14 * 14 * 32])"),
    ),
    "model_no3": edited(
        DEEP,
        ("self.W_fc1 = weight_variable([7 * 7 * 64, 1024])\nself.b_fc1 = bias_variable([1024])", ""),
        ("weight_variable([1024, 10])", "weight_variable([7 * 7 * 64, 10])"),
        ("h_fc1 = tf.nn.relu(tf.matmul(h_pool2_flat, self.W_fc1) + self.b_fc1)", ""),
        ("h_fc1_drop = dropout(h_fc1, keep_prob)", ""),
        ("tf.matmul(h_fc1_drop, self.W_fc2)", "tf.matmul(h_pool2_flat, self.W_fc2)"),
    ),
}


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_a_student_gets_from_the_hand_out_to_a_zip(lab, synthetic_dir, tmp_path):
    nowhere = "http://127.0.0.1:9"  # where nobody answers: nothing is to be downloaded
    data = {"MNIST_DATA_DIR": str(synthetic_dir), "PYTHONPATH": "", "HTTPS_PROXY": nowhere, "https_proxy": nowhere}
    synthetic = ("--dataset", "synthetic")

    def run(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=lab, env=os.environ | data, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    assert "synthetic digits)" in run("deep_mnist.py", "--steps", "20", *synthetic)

    for script, text in EDITED.items():
        (lab / f"{script}.py").write_text(text, encoding="utf-8")
    assert "passed" in run("-m", "pytest", "-q", "tests/test_shapes.py")

    run("compare.py", "--seeds", "1", "--steps", "20", *synthetic)
    write_students_report(lab)
    checks = dict(line.split()[1::-1] for line in run("submit.py", "check", status=1).splitlines()[:-1])
    wrong = {name for name, status in checks.items() if status != "passed"}
    assert wrong == {"training/deep_mnist", *(f"training/{script}" for script in NETWORKS)}  # on synthetic digits

    assert "189295_ada_lovelace.zip" in run("submit.py", "pack", "189295", "ada", "lovelace", "--force")
    unpacked = unpack(lab / "189295_ada_lovelace.zip", tmp_path / "unpacked")
    assert set(unpacked.scripts) == set(NETWORKS)
    assert unpacked.report == "report.pdf"
    assert unpacked.remarks == []


def write_students_report(lab):
    """Write report.pdf, by way of report.md if the packages for that are installed."""
    try:
        import pypandoc  # noqa: F401
        import typst  # noqa: F401
    except ImportError:
        make_report(lab / "report.pdf")
        return
    pictures = "\n\n".join(f"![{name}](results/{name}.png)" for name in ("ablation", "ablation_digits"))
    (lab / "report.md").write_text(f"{write_report()}\n\n{pictures}\n", encoding="utf-8")
    subprocess.run([sys.executable, "submit.py", "report"], cwd=lab, check=True, timeout=60)
