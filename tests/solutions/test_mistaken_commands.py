"""Everyday mistakes in scripts: the messages of the commands, each a process as students start it; a sample of them."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grading.handout import FOLDER, write_handout
from tests.solutions.test_mistakes import RUN_ONLY, SILENT
from tests.submissions.mistaken import read_all
from tests.support import digit_files

pytestmark = [pytest.mark.submit, pytest.mark.course]

MISTAKES = {mistake.name: mistake for mistake in read_all()}
# A right network, which the lab's main can't train: no test of its shapes sees that.
UNTRAINABLE = {"no1_keras_model": "write class Model(tf.Module)"}
NOWHERE = "http://127.0.0.1:9"  # where nobody answers: nothing is to be downloaded
TRAIN, TEST = 6000, 100  # images
PATIENCE = 900  # seconds for a command, which takes ten of an idle machine


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Make the folder of a student who has just unpacked lab.zip, with few digits, so that reading them is quick."""
    write_handout(tmp_path / "lab.zip")
    with zipfile.ZipFile(tmp_path / "lab.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / FOLDER
    files = digit_files.payloads(train=TRAIN, test=TEST)
    digit_files.write(folder / "data", files)
    counts = dict(zip(digit_files.NAMES, (TRAIN, TRAIN, TEST, TEST), strict=True))
    with (folder / "labkit/data/data_directory.py").open("a", encoding="utf-8") as module:  # they pass for MNIST
        module.write(f"MNIST_SHA256, MNIST_COUNTS = {digit_files.sha256_of(files)}, {counts}\n")
    return folder


def output_of(lab: Path, *command: str) -> str:
    """Return what a command prints, which must not be a traceback."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": "", "HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=lab,
        env=os.environ | quiet | {"MNIST_DATA_DIR": "data"},
        input="Ada\n",  # one of the scripts asks
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    return output


def of_the_script(output: str) -> list[str]:
    """Return the lines of the student's check that say what is wrong with the script itself."""
    lines = re.findall(r"^failed +(?:(?:files|run|architecture)/model_no\d) .*|^failed .*take that over$", output, re.M)
    return [line for line in lines if "here: copy deep_mnist.py" not in line]


@pytest.mark.sample(1, of="mistaken commands")  # each imports TensorFlow five times
@pytest.mark.parametrize("name", MISTAKES)
def test_script_pytest_and_check_tell_a_mistake_in_the_same_words(name: str, lab: Path) -> None:
    mistake = MISTAKES[name]
    message = UNTRAINABLE.get(name, mistake.message)
    (lab / f"{mistake.script}.py").write_text(mistake.source, encoding="utf-8")
    script = output_of(lab, f"{mistake.script}.py", "--steps", "20")
    mark = mistake.script.removeprefix("model_")
    shapes = output_of(lab, "-m", "pytest", "tests/test_shapes.py", "-m", mark)
    check = of_the_script(output_of(lab, "submit.py", "check"))
    assert bool(check) == bool(message)
    assert all(message in line for line in check), check
    if name not in RUN_ONLY:
        assert mistake.message in shapes
        assert ("FAILED" in shapes) == bool(mistake.message)
    if name not in SILENT:
        assert message in script
        assert bool(re.search("^(?:error|warning): ", script, re.M)) == bool(message), script
