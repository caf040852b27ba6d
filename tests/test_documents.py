"""The documents tell the truth about flags, lines of code, files and versions, and their commands can run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import pytest
from msgspec import toml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.run.flags import FLAGS
from labkit.version import NAME, VERSION
from tests.support.documents import anchors, commands, dead_links, without_code
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.lab

STUDENT = ROOT / "docs" / "student"
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(STUDENT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ROOT / "exercises" / "README.md",
    *sorted((ROOT / "docs" / "instructor").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
COMMANDS = list(dict.fromkeys(chain.from_iterable(map(commands, TEXTS.values()))))

LEFT_OUT = {  # commands, as patterns, that no test runs; with the reason
    r"(python3|python3\.13|py) .*-m venv .*": ".ci/run makes an environment by it",
    r"(\.venv/bin/)?pip .*": "it installs packages, which .ci/run does",
    r"uv .*": "it asks for the newest packages that there are",
    r"sudo .*": "it changes the machine, or needs a service that may not be there",
    r"tensorboard .*": "it serves until it is stopped",
    r"source .*|export .*|unset .*": "the shell's own",
    r"\.ci/run|ruff .*|lint-imports|pyright": "it is CI itself, or a part of it",
    r"python -m grading": "a name, and no command to type",
    r"python keep_all\.py .*": "the reader writes that script",
}
ONLY_HELP = {  # of these the flags are checked, and no more
    r"python .*benchmarks[/.]\w+.*": "tests/benchmarks/ runs each benchmark",
    r"python -m grading page( .*)?": "tests/grading/test_page_browser.py runs it",
    r"python -m grading (?:(export|one)( .*)?|autograder)": "tests/grading/ has a test for each target, and for one",
    r"python -m grading cluster .*": "tests/grading/test_cluster.py starts each",
    r"python -m grading .* --scheduler .*": "tests/grading/test_cluster_class.py does it with a class",
    r"python -m grading .* --claim.*": "tests/grading/test_cluster_class.py does it with a class",
    r"python -m grading .* --(worksheet|roster) .*": "tests/grading/test_round_trip.py reads each system's download",
    r"python exercises/.*": "tests/exercises/ runs each script",
    r"python submit\.py (check|pack .*)": "test_handout.py ends a student's way with both, in a minute",
}
SELF = r"(\.venv/bin/)?python -m pytest.*"  # the tests: their arguments are looked at
WITHOUT_HELP = ("-m json.tool", "-m tests.submissions.verdicts")


def is_in(patterns, command):
    return any(re.fullmatch(pattern, command) for pattern in patterns)


CAN_RUN = [command for command in COMMANDS if not is_in([*LEFT_OUT, SELF], command)]


def asked(*arguments):
    """Run a program of the kit that answers at once."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


# ------------------------------------------------------------------------------------------------- what they say is so


def test_every_flag_is_in_the_table():
    table = (STUDENT / "flags.md").read_text(encoding="utf-8").split("\n## ")[0]
    assert re.findall(r"^\| `(--[a-z-]+)", table, re.MULTILINE) == list(FLAGS)


def test_the_lines_of_todays_tensorflow_are_in_the_scripts():
    scripts = [(ROOT / name).read_text(encoding="utf-8") for name in ("softmax_mnist.py", "deep_mnist.py")]
    table = re.findall(r"^\| .+", (STUDENT / "tensorflow-1-to-2.md").read_text(encoding="utf-8"), re.MULTILINE)
    rows = [row.split(" | ") for row in table[2:]]
    lines = [line for row in rows if len(row) == 3 for line in re.findall(r"`([^`]+)`", row[1])]
    assert len(lines) > 12
    for line in lines:
        assert any(line in script for script in scripts), line


def test_the_readme_is_one_page_and_begins_with_the_two_commands_that_ci_runs():
    readme = TEXTS["README.md"]
    assert len(readme.splitlines()) <= 150
    first, second = re.findall(r"^```sh\n(.*?)\n```$", readme, re.MULTILINE | re.DOTALL)[:2]
    assert first.startswith("python3 -m venv .venv && ")
    assert first.endswith(" && .venv/bin/python deep_mnist.py")
    assert second == ".venv/bin/python -m pytest -n 2 --dist loadfile"


def test_every_page_for_the_student_is_linked_from_the_readme():
    assert {path.name for path in STUDENT.glob("*.md")} == set(
        re.findall(r"\(docs/student/([\w-]+\.md)", TEXTS["README.md"])
    )


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_and_anchor_leads_somewhere(name):
    assert dead_links(ROOT / name) == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_path_of_the_kit_exists(name):
    rooms = "labkit|grading|exercises|tests|benchmarks|docs"
    paths = re.findall(rf"`((?:{rooms})/[\w./-]*)", TEXTS[name])
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_that_a_message_names_exists():
    sources = [
        path.read_text(encoding="utf-8") for room in ("labkit", "grading") for path in ROOT.glob(f"{room}/**/*.py")
    ]
    named = {page for source in sources for page in re.findall(r"docs/[\w/-]+\.md", source)}
    assert len(named) > 1
    assert [page for page in named if not (ROOT / page).is_file()] == []
    assert not [source for source in sources if re.search(r"README\.md, [A-Z]", source)]


def test_an_anchor_is_made_as_forges_make_it():
    text = "# The `run.json`, and more\n\n```sh\n# no heading\n```\n\n## A\n\n## A\n"
    assert anchors(text) == {"the-runjson-and-more", "a", "a-1"}


def test_no_document_names_a_place_on_somebodys_machine():
    for name, text in TEXTS.items():
        assert not re.search(r"/home/|/root/|/tmp/\w|/work/", without_code(text)), name


# ------------------------------------------------------------------------------------------------------- their commands


def program(command):
    """Return the beginning of a Python command, before its arguments, as a list, subcommands included."""
    words = shlex.split(command.replace("/path/to/the/kit/", ""))[1:]
    words = words[:2] if words[0] == "-m" else words[:1]
    rest = shlex.split(command)[1 + len(words) :]
    commands_within = {
        "submit.py": ("report", "check", "pack"),
        "grading": ("doctor", "handout", "export", "one", "page", "autograder", "cluster"),
    }
    return words + [word for word in rest[:1] if word in commands_within.get(words[-1], ())]


def by_program():
    """Return the flags that the documents give to each program."""
    found = {}
    for command in CAN_RUN:
        flags = found.setdefault(" ".join(program(command)), set())
        flags.update(re.findall(r"(?<=\s)--[a-z][a-z-]*", command))
    return {name: flags for name, flags in found.items() if name not in WITHOUT_HELP}


def test_commands_are_found_and_what_is_left_out_is_there():
    assert len(COMMANDS) > 50
    for pattern in (*LEFT_OUT, *ONLY_HELP, SELF):
        assert any(re.fullmatch(pattern, command) for command in COMMANDS), f"no document has {pattern}"
    for command in CAN_RUN:
        assert re.match(r"(\.venv/bin/)?python ", command), f"how is {command} run? See LEFT_OUT"


def long_ones_in_ci_only(name: str) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of a program's test: those of the benchmarks import much."""
    return (pytest.mark.benchmark, pytest.mark.sample(2, of="help of benchmarks")) if "benchmarks" in name else ()


@pytest.mark.parametrize(
    ("name", "flags"),
    [pytest.param(*item, id=item[0], marks=long_ones_in_ci_only(item[0])) for item in by_program().items()],
)
def test_a_program_in_the_documents_has_the_flags_that_they_give_it(name, flags):
    done = asked(*name.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", done.stdout)] == []


def test_the_tests_that_documents_run_exist():
    settings = toml.decode((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = {re.split(r"[:(]", line)[0] for line in settings["tool"]["pytest"]["ini_options"]["markers"]}
    files = [path for path in (ROOT / "tests").rglob("*.*") if path.suffix in (".py", ".edit")]
    cases = " ".join(path.stem if path.suffix == ".edit" else path.read_text(encoding="utf-8") for path in files)
    for command in [command for command in COMMANDS if re.fullmatch(SELF, command)]:
        words = shlex.split(command)[3:]
        options = dict(pairwise(words))
        assert set(options.get("-m", "lab").split()) - {"or", "and", "not"} <= markers, command
        assert options.get("-k", "") in cases, command
        assert [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()] == [], command


# What makes a command short, by its program.
SCRIPTS = ("softmax_mnist", "deep_mnist", "beyond_mnist", "model_no1", "model_no2", "model_no3")
TINY = {
    **{f"{script}.py": ["--steps", "2", "--dataset", "synthetic"] for script in SCRIPTS},
    "compare.py": ["--seeds", "1", "--steps", "2", "--networks", "deep_mnist", "--dataset", "synthetic"],
    "-m grading": ["--no-train"],
    "-m tests.submissions.generate": ["--students", "1"],
}


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_the_commands_of_the_documents_run(tmp_path, sandbox, mnist_dir, synthetic_dir):
    for package in ("pypandoc", "typst", "psutil"):
        needs(package)
    kit = tmp_path / "kit"
    subprocess.run(["git", "clone", "--quiet", ROOT, kit], check=True)
    (kit / "report.md").write_bytes((kit / "report_template.md").read_bytes())
    places = {"SUBMISSIONS/": "small/submissions", "SOURCE": "small/submissions", "/the/shared/folder": str(mnist_dir)}
    run_command(kit, ["-m", "tests.submissions.generate", "small", "--students", "1"], synthetic_dir)
    for command in CAN_RUN:
        if is_in(ONLY_HELP, command):
            continue
        for place, instead in places.items():
            command = command.replace(place, shlex.quote(instead))
        name = " ".join(program(command))
        if name in TINY:  # a study, or a run with other flags, is refused where these results are
            for script in ("deep_mnist", name.removesuffix(".py")):
                shutil.rmtree(kit / "results" / script, ignore_errors=True)
        words = shlex.split(command)[1:]
        more = [] if {"--help", "--version"} & set(words) else TINY.get(name, [])
        run_command(kit, words + more, mnist_dir if name == "input_data.py" else synthetic_dir)


def run_command(kit: Path, arguments: list[str], data: Path) -> None:
    """Run Python in the kit, where nothing can be downloaded."""
    nowhere = "http://127.0.0.1:9"
    environment = os.environ | {"MNIST_DATA_DIR": str(data), "HTTPS_PROXY": nowhere, "https_proxy": nowhere}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=kit, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"{arguments}\n{done.stderr}"


# ------------------------------------------------------------------------------------------------ version and packages


def project():
    return toml.decode((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(file):
    """Return the lines of a requirements file that name a package."""
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def plain(lines):
    return sorted(line.replace("'", '"') for line in lines)


def test_dependencies_and_extras_are_those_of_the_requirements_files():
    extras = project()["optional-dependencies"]
    assert plain(project()["dependencies"]) == plain(requirements("requirements.txt"))
    assert plain(extras["report"]) == plain(requirements("requirements-report.txt"))
    assert plain(extras["grading"]) == plain(requirements("requirements-grading.txt"))
    assert plain(extras["exercises"]) == plain(requirements("requirements-exercises.txt"))
    assert plain(extras["cluster"]) == plain(requirements("requirements-cluster.txt"))
    every = f"{NAME}[report,exercises,grading,cluster]"
    assert plain(extras["dev"]) == plain([every, *requirements("requirements-dev.txt")])


def locked():
    """Return the pins of the lock, and how many hashes each has."""
    text = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").replace("\\\n", "")
    assert "://" not in text, "each machine has a package index of its own"
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [(Requirement(line.partition("--hash=")[0]), line.count("--hash=sha256:")) for line in lines]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")])
def test_the_lock_has_one_version_with_hashes_of_each_required_package(python, system):
    environment = {"python_version": python, "python_full_version": f"{python}.1", "implementation_name": "cpython"}
    environment |= dict(zip(("sys_platform", "platform_machine"), system, strict=True))
    pins = {}
    for pin, hashes in locked():
        if pin.marker is None or pin.marker.evaluate(environment):
            assert hashes, f"{pin} has no hash"
            assert pins.setdefault(canonicalize_name(pin.name), pin) is pin, f"{pin.name} is there twice"
    for file in ROOT.glob("requirements*.txt"):
        for wanted in map(Requirement, requirements(file)):
            if wanted.marker is None or wanted.marker.evaluate(environment):
                (pinned,) = pins[canonicalize_name(wanted.name)].specifier
                assert wanted.specifier.contains(pinned.version), f"renew the lock (docs/development.md): {wanted}"


def test_the_version_is_one_and_is_in_the_changelog():
    assert (project()["name"], project()["version"]) == (NAME, VERSION)
    assert f"\n## {VERSION}\n" in TEXTS["CHANGELOG.md"]


@pytest.mark.parametrize("command", [["-m", "grading"], ["submit.py"]], ids=" ".join)
def test_a_command_tells_its_version(command):
    assert asked(*command, "--version").stdout == f"{NAME} {VERSION}\n"
