"""What each face does first: the wrong Python, and files that hide modules, are told in one line."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from labkit import startup
from labkit.data import loader
from labkit.host import Host, hosted
from labkit.run import flags as lab_flags
from labkit.study import command_line
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

FACES = ["lab.py", "input_data.py", "compare.py", "submit.py"]
SCRIPTS = [
    name for name in ("softmax_mnist.py", "deep_mnist.py", "beyond_mnist.py", *FACES[1:]) if (ROOT / name).is_file()
]
OLD = ["2.7", "3.6", "3.7", "3.8", "3.9"]
WITHOUT_PACKAGES = (sys.executable, "-S")  # -S: no site-packages
NOWHERE = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")  # where nobody answers


@pytest.fixture
def kit(tmp_path):
    """Copy the kit's code, so that files can be put beside it."""
    folder = tmp_path / "the kit"
    folder.mkdir()
    for path in ROOT.glob("*.py"):
        shutil.copy(path, folder)
    for package in ("labkit", "grading"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(*command, cwd, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean | environment, capture_output=True, text=True, timeout=60
    )


def the_line(done):
    """Return the one line that a command prints before it ends with status 1."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr.strip()


def make_environment(kit, name=".venv", version="3.12.1", python=True):
    """Make the files of a virtual environment that startup reads."""
    programs = kit / name / ("Scripts" if startup.WINDOWS else "bin")
    programs.mkdir(parents=True)
    (kit / name / "pyvenv.cfg").write_bytes(b"home = /\xff\nversion = " + version.encode() + b"\n")
    if python:
        (programs / ("python.exe" if startup.WINDOWS else "python")).touch()
    return programs


def other_python(version):
    """Return the interpreter of that version, from PATH or from pyenv; skip the test if there is none."""
    candidates = [shutil.which(f"python{version}")]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
        candidates += sorted(Path(root, "versions").glob(f"{version}.*/bin/python"))
    for python in filter(None, candidates):
        done = run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])", cwd=ROOT)
        if done.stdout.strip() == version:  # pyenv's stand-ins on PATH may have nothing behind them
            return python
    pytest.skip(f"there is no Python {version} on PATH or in pyenv: pyenv install {version}")


# ---------------------------------------------------------------------------------------------------------- old Pythons


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_is_told_in_one_line_by_every_script_and_command(version, kit):
    python = other_python(version)
    for script in [*SCRIPTS, *(path.name for path in kit.glob("model_no?.py"))]:
        line = the_line(run(python, script, "--steps", "5", cwd=kit))
        assert re.match(rf"error: this is Python {re.escape(version)}\.\d+ \(/.*\), which is too old for the lab", line)
        assert "with Python 3.10 to 3.13" in line
        assert line.endswith(f".venv/bin/python {script} --steps 5")
    line = the_line(run(python, "-m", "grading", "doctor", cwd=kit))
    assert line.endswith("install -r requirements-grading.txt && .venv/bin/python -m grading doctor")


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_is_led_to_the_environment_that_is_there(version, kit):
    make_environment(kit)
    line = the_line(run(other_python(version), "deep_mnist.py", cwd=kit))
    assert line.endswith(f"the lab's own is {kit}/.venv/bin/python: run .venv/bin/python deep_mnist.py")


# --------------------------------------------------------------------------------------------- Pythons without packages


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_python_without_the_packages_is_led_to_the_environment(script, kit):
    programs = make_environment(kit)
    line = the_line(run(*WITHOUT_PACKAGES, script, "--help", "it's", "", cwd=kit))
    version = ".".join(map(str, sys.version_info[:3]))
    assert line.startswith(f"error: this is Python {version} ({sys.executable}), which has no numpy")
    assert str(programs / "python") in line
    if not startup.WINDOWS:
        assert line.endswith(f"run .venv/bin/python {script} --help 'it'\"'\"'s' ''")


def test_an_environment_called_venv_does_as_well(kit):
    programs = make_environment(kit, "venv")
    assert str(programs / "python") in the_line(run(*WITHOUT_PACKAGES, "deep_mnist.py", cwd=kit))


@pytest.mark.skipif(os.name == "nt", reason="the shell's own way with quotation marks")
def test_the_command_works_as_it_is_from_another_folder(kit, tmp_path):
    programs = make_environment(kit)
    (programs / "python").write_text('#!/bin/sh\necho "$#:$1:$2"\n')
    (programs / "python").chmod(0o755)
    line = the_line(run(*WITHOUT_PACKAGES, kit / "submit.py", "María José", cwd=tmp_path))
    command = line.partition(": run ")[2]
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"2:{kit / 'submit.py'}:María José\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has a page of its own")
def test_without_an_environment_the_command_is_the_readmes(kit):
    line = the_line(run(*WITHOUT_PACKAGES, "deep_mnist.py", cwd=kit))
    command = line.partition("make one: ")[2]
    assert f"\n{command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_on_windows_the_command_is_that_of_the_page_on_windows(monkeypatch):
    page = (ROOT / "docs" / "student" / "windows-macos-gpu.md").read_text(encoding="utf-8")
    monkeypatch.setattr(startup, "WINDOWS", True)
    monkeypatch.setattr(os.path, "join", lambda *parts: "\\".join(parts))
    monkeypatch.setattr(startup, "_shown", lambda path: path.replace(".exe", ""))
    monkeypatch.setattr(sys, "argv", ["deep_mnist.py"])
    assert f"\n{startup.creation('.venv')}\n" in page


def test_on_windows_a_quoted_program_is_called():
    words = [r"C:\my lab\.venv\Scripts\python.exe", "deep_mnist.py", "--results-dir", "a b"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(startup, "WINDOWS", True)
        assert startup.quoted(words) == rf'& "{words[0]}" deep_mnist.py --results-dir "a b"'
        assert startup.quoted([r".venv\Scripts\python.exe", "x.py"]) == r".venv\Scripts\python.exe x.py"


@pytest.mark.parametrize("environment", [{"version": "3.8.18"}, {"python": False}], ids=["too old", "moved"])
def test_an_environment_that_can_not_run_the_lab_is_made_anew(environment, kit):
    make_environment(kit, **environment)
    line = the_line(run(*WITHOUT_PACKAGES, "deep_mnist.py", cwd=kit))
    assert f"{kit / '.venv'}, does not work either" in line
    assert "-m venv --clear .venv" in line


def test_the_environment_itself_gets_what_is_missing_in_it(kit, monkeypatch):
    make_environment(kit)
    monkeypatch.setattr(startup, "KIT", str(kit))
    monkeypatch.setattr(sys, "prefix", str(kit / ".venv"))
    monkeypatch.setattr(sys, "executable", "/kit/.venv/bin/python")
    monkeypatch.chdir(kit)
    assert startup._missing_package(["no_such_package"]).endswith(
        "which has no no_such_package: run /kit/.venv/bin/python -m pip install -r requirements.txt"
    )


def test_a_package_of_the_exercises_comes_from_their_own_requirements(kit, monkeypatch):
    make_environment(kit)
    monkeypatch.setattr(startup, "KIT", str(kit))
    monkeypatch.setattr(startup, "_place", lambda package: None)
    monkeypatch.delitem(sys.modules, "gymnasium", raising=False)
    monkeypatch.setattr(sys, "prefix", str(kit / ".venv"))
    monkeypatch.chdir(kit)
    assert startup._missing_package(["gymnasium"]).endswith("-m pip install -r requirements-exercises.txt")


def test_a_python_newer_than_tensorflows_packages_may_run_the_lab_where_it_can(kit, monkeypatch):
    make_environment(kit)
    monkeypatch.setattr(startup, "KIT", str(kit))
    monkeypatch.setattr(startup.sys, "version_info", (3, 14, 0, "final", 0))
    assert startup._missing_package(["numpy"]) == ""
    line = startup._missing_package(["numpy", "no_such_package"])
    assert "TensorFlow has packages for Python 3.10 to 3.13 only" in line
    assert str(kit / ".venv") in line


def test_the_versions_are_those_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"With {startup.SUPPORTED} and nothing else" in readme
    oldest, newest = (".".join(map(str, version)) for version in (startup.OLDEST, startup.NEWEST))
    assert f"Python {oldest} to {newest}" == startup.SUPPORTED


# ----------------------------------------------------------------------------------------------- files that hide others

HIDING = ["tensorflow.py", "random.py", "string.py", "keras.py", "six.py", "numpy/__init__.py", "random.pyc", "time.py"]


@pytest.mark.parametrize("name", HIDING)
def test_a_file_with_the_name_of_a_module_is_named_before_it_can_run(name, kit):
    path = kit / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("print('I run')\nraise RuntimeError\n")
    line = the_line(run(sys.executable, "deep_mnist.py", "--help", cwd=kit))
    first = name.partition("/")[0]
    assert line.startswith(
        f"error: {first} (in {kit}) has the name of a module that the lab needs, and hides it: rename it"
    )


@pytest.mark.parametrize("script", [*SCRIPTS, "grading"])
def test_every_script_and_command_names_it(script, kit):
    (kit / "string.py").write_text("ascii_letters = 'abc'\n")
    (kit / "types.py").write_text("raise RuntimeError\n")
    arguments = ["-m", "grading"] if script == "grading" else [script]
    if script == "grading":
        (kit / "types.py").unlink()  # python -m imports that one itself
        assert f"string.py (in {kit}) has the name" in the_line(run(sys.executable, *arguments, cwd=kit))
    else:
        assert f"string.py and types.py (in {kit}) have the names" in the_line(run(sys.executable, *arguments, cwd=kit))


def test_what_hides_nothing_is_let_pass(kit):
    for name in ("helper.py", "utils.py", "random.txt", "tests/__init__.py", "benchmarks/__init__.py", "model.py"):
        (kit / name).parent.mkdir(exist_ok=True)
        (kit / name).touch()
    for name in ("numpy/notes.txt", "string/x.py", "__pycache__/random.cpython-311.pyc"):
        (kit / name).parent.mkdir(exist_ok=True)
        (kit / name).touch()
    assert startup.hidden_modules(str(kit)) == ""
    done = run(sys.executable, "submit.py", "--help", cwd=kit)
    assert done.returncode == 0, done.stderr


def test_nothing_in_the_kit_hides_a_module():
    assert startup.hidden_modules(str(ROOT)) == ""


def test_other_processes_under_python_m_are_none_of_its_business(kit):
    (kit / "keras.py").touch()  # as the grader's worker may find it in a submission
    done = run(sys.executable, "-m", "input_data", "--help", cwd=kit)
    assert done.returncode == 0, done.stderr


def test_every_package_that_the_requirements_install_is_known():
    names = set()
    for name in closure("requirements.txt"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            files = metadata.distribution(name).files or ()
            names |= {file.parts[0].partition(".")[0] for file in files if file.suffix == ".py"} - {"", "__pycache__"}
    assert {"numpy", "keras", "six"} <= names
    assert names - set(startup.PACKAGES) == set(), "put them into PACKAGES of labkit/startup.py"


def closure(requirements):
    """Return the names of all distributions that a file of requirements needs, directly or not."""
    lines = (ROOT / requirements).read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found = set()
    while wanted:
        requirement = wanted.pop()
        name = canonical(requirement.name)
        if name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(name)
        with contextlib.suppress(metadata.PackageNotFoundError):
            wanted += map(Requirement, metadata.requires(name) or ())
    return found


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# ------------------------------------------------------------------------------------------------------------ the faces


def test_what_a_host_has_in_place_of_the_loader_is_what_a_script_reads():
    import lab

    def read(seed, **_):
        return SimpleNamespace(train=SimpleNamespace(num_examples=5), seed=seed)

    flags = SimpleNamespace(seed=3, precision="float32", data_dir="x", dataset="mnist", batch_size=5)
    with hosted(Host(read_data_sets=read)):
        assert lab.read_data(flags).seed == 3


# ------------------------------------------------------------------------------------ a path that is not valid text


@pytest.fixture
def bad_kit(kit):
    """Move the kit to a folder whose name is a byte that is not UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(kit.parent) + b"/kit\xff"))
    try:
        kit.rename(folder)
    except OSError:  # macOS
        pytest.skip("this file system takes valid UTF-8 only")
    if os.name == "nt":
        pytest.skip("paths are text on Windows")
    return folder


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name != "input_data.py"])
def test_a_path_that_tensorflow_can_not_read_is_told_in_one_line(script, bad_kit):
    line = the_line(run(sys.executable, script, cwd=bad_kit))
    assert r"kit\udcff is not valid in the system's encoding, utf-8" in line
    assert "move the folder to a path of plain letters" in line


def test_an_environment_at_such_a_path_is_told_too(monkeypatch):
    monkeypatch.setattr(startup, "_place", lambda package: "/home/\udcff/.venv/tensorflow/__init__.py")
    with pytest.raises(SystemExit):
        startup.check("tensorflow")
    startup.check("numpy")


def test_the_loader_needs_no_tensorflow_and_works_there(bad_kit, synthetic_dir):
    data = bad_kit / "data"
    shutil.copytree(synthetic_dir / "synthetic", data / "synthetic")
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    done = run(sys.executable, "input_data.py", data, "--dataset", "synthetic", cwd=bad_kit, **strict)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"synthetic digits in {bad_kit}".replace("\udcff", r"\udcff"))


def test_submit_tells_it_of_the_folder_in_which_it_works(bad_kit):
    line = the_line(run(sys.executable, ROOT / "submit.py", "check", cwd=bad_kit))
    assert "is not valid in the system's encoding" in line


def test_a_folder_for_results_that_tensorflow_can_not_write_to_is_a_bad_flag(tmp_path):
    for flag in ("--results-dir", "--log-dir"):
        done = run(
            sys.executable, ROOT / "deep_mnist.py", flag, b"x\xff".decode(errors="surrogateescape"), cwd=tmp_path
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith(rf"deep_mnist.py: error: argument {flag}: x\udcff is not valid")


@pytest.mark.skipif(os.name == "nt", reason="there are no such locales")
def test_an_ascii_terminal_stops_nothing(tmp_path):
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii:strict"}
    (tmp_path / "é").mkdir()
    done = run(sys.executable, ROOT / "input_data.py", "é", "--dataset", "mnist", cwd=tmp_path, **ascii_only, **NOWHERE)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr


# ---------------------------------------------------------------------------------------------- the data folder, Ctrl-C


def test_a_tilde_in_the_data_folder_is_the_home_folder_in_scripts_and_commands(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_DATA_DIR", "~/mnist")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    seen = []
    monkeypatch.setattr(loader, "read_data_sets", lambda folder, **_: seen.append(folder) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loader.main([])
    with pytest.raises(ZeroDivisionError):
        command_line.study(*command_line.parse([]))
    assert list(map(str, seen)) == [str(tmp_path / "mnist")] * 2
    monkeypatch.setattr(lab_flags, "import_tensorflow", lambda: None)
    monkeypatch.setattr(sys, "argv", ["deep_mnist.py"])
    assert lab_flags.parse_flags("").data_dir == str(tmp_path / "mnist")


def test_ctrl_c_outside_of_any_command_is_one_line(kit):
    (kit / "own.py").write_text("import input_data\nraise KeyboardInterrupt\n")
    done = run(sys.executable, "own.py", cwd=kit)
    assert done.returncode != 0
    assert done.stderr == "stopped by Ctrl-C\n"
