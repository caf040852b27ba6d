"""Gradescope's autograder, in a made-up /autograder: whose upload it is, and a result whatever happens."""

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from grading import assessment, autograder, batch, course
from grading.command_line import main
from grading.sandbox.bubblewrap import _show, _shown
from labkit.files import KIT
from labkit.limits import NoSandbox
from tests.grading.graded_class import checks, play
from tests.submissions import reference_scripts
from tests.submissions.report_pdf import make_report
from tests.support.needs import needs

pytestmark = pytest.mark.grading

METADATA = {
    "id": 123456,
    "created_at": "2026-11-03T14:22:32.365935-07:00",
    "assignment": {"due_date": "2026-11-30T23:00:00.000000-07:00", "total_points": "100.0"},
    "submission_method": "upload",
    "users": [{"email": "189295@example.org", "id": 77, "name": "Ada Lovelace"}],
    "previous_submissions": [],
}


@pytest.fixture
def root(tmp_path):
    """Lay out /autograder with an upload in it."""
    (tmp_path / "submission/code").mkdir(parents=True)
    (tmp_path / "submission/code/model_no1.py").write_text("x = 1\n")
    (tmp_path / "submission/report.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "submission_metadata.json").write_text(json.dumps(METADATA))
    return tmp_path


@pytest.fixture
def seen(monkeypatch):
    """Have checks found without any code run; return a list of what was to be graded."""
    needs("jinja2")
    seen = []

    def verdict(submission):
        with zipfile.ZipFile(submission.zip) as archive:
            seen.append((submission, sorted(archive.namelist())))
        return checks()

    monkeypatch.setattr(
        course,
        "find_sandbox",
        lambda unsafe: SimpleNamespace(name="bubblewrap", exposure=lambda folder: None, secrets={}),
    )
    monkeypatch.setattr(course.network_checks, "find_data", lambda folder: folder)
    play(monkeypatch, verdict)
    monkeypatch.setattr(batch.Batch, "compare", lambda self, rows: None)
    return seen


def result_of(root):
    assert autograder.main([str(root)]) == 0
    return json.loads((root / "results/results.json").read_bytes())


def test_an_upload_is_graded_as_the_students_who_gradescope_says_at_its_time(root, seen, capsys):
    record = result_of(root)
    ((submission, names),) = seen
    assert (submission.id, submission.name, submission.surname) == ("189295", "ada", "lovelace")
    assert abs(submission.submitted - datetime.fromisoformat(METADATA["created_at"])).total_seconds() < 2
    assert names == ["code/model_no1.py", "report.pdf"]
    assert record["score"] == 75
    assert record["output"].startswith("NOT FINAL: up to 25 of the 100 points are still to be given (explanation, ")
    assert len(record["tests"]) == 17
    assert "ada lovelace (189295)" in capsys.readouterr().out, "the instructor sees the feedback"


def test_without_an_id_in_the_address_gradescopes_number_is_the_id(root, seen):
    users = [{"email": "ada@example.org", "id": 77, "name": "Ada"}]
    (root / "submission_metadata.json").write_text(json.dumps(METADATA | {"users": users}))
    result_of(root)
    assert (seen[0][0].id, seen[0][0].name, seen[0][0].surname) == ("77", "ada", "ada")


def test_a_link_in_an_upload_leads_nowhere(root, seen, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret")
    (secret / "marks.csv").write_text("secret")
    os.symlink(secret / "marks.csv", root / "submission/link.csv")
    os.symlink(secret, root / "submission/folder")
    result_of(root)
    assert seen[0][1] == ["code/model_no1.py", "report.pdf"]


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps(METADATA | {"users": []})])
def test_whatever_fails_there_is_a_result_that_says_so(root, seen, capsys, content):
    (root / "submission_metadata.json").write_text(content)
    record = result_of(root)
    assert (record["score"], record["output"]) == (0, autograder.NOT_GRADED)
    assert "Traceback" in capsys.readouterr().err
    assert seen == []


def test_without_a_sandbox_no_code_runs(root, seen, monkeypatch, capsys):
    def none(unsafe):
        assert not unsafe
        raise NoSandbox("no sandbox works here")

    monkeypatch.setattr(course, "find_sandbox", none)
    assert result_of(root)["output"] == autograder.NOT_GRADED
    assert "no sandbox works here" in capsys.readouterr().err
    assert seen == []


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Make the zip by the command, and unpack it as Gradescope does, modes included."""
    folder = tmp_path_factory.mktemp("autograder")
    assert main(["autograder", str(folder / "autograder.zip")]) == 0
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        for member in archive.infolist():
            path = folder / "source" / archive.extract(member, folder / "source")
            path.chmod(member.external_attr >> 16 & 0o777)
    return folder / "source"


def test_the_zip_has_both_programs_at_its_root_and_all_that_grades(unpacked):
    for name in ("setup.sh", "run_autograder"):
        assert (unpacked / name).stat().st_mode & stat.S_IXUSR
        assert (unpacked / name).read_text().startswith("#!/usr/bin/env bash\n")
        subprocess.run(["bash", "-n", unpacked / name], check=True)
    there = {path.relative_to(unpacked / "kit") for path in (unpacked / "kit").rglob("*") if path.is_file()}
    assert {path.relative_to(KIT) for path in assessment.what_grades()} <= there
    assert {path.relative_to(KIT) for path in (KIT / "grading/results/templates").iterdir()} <= there
    assert not [path for path in there if path.parts[0] in ("tests", "benchmarks", "docs")]
    assert (unpacked / "kit/assignment.toml").read_bytes() == (KIT / "assignment.toml").read_bytes()


@pytest.mark.parametrize("python", ["#!/bin/sh\nexit 137\n", "#!/bin/sh\nkill -9 $$\n"])
def test_there_is_a_result_even_where_python_was_killed(unpacked, root, python):
    (root / "source").symlink_to(unpacked)
    (unpacked / "venv/bin").mkdir(parents=True, exist_ok=True)
    (unpacked / "venv/bin/python").write_text(python)
    (unpacked / "venv/bin/python").chmod(0o755)
    (root / "run_autograder").write_bytes((unpacked / "run_autograder").read_bytes())
    subprocess.run(["bash", root / "run_autograder"], check=True, capture_output=True)
    record = json.loads((root / "results/results.json").read_bytes())
    assert (record["score"], record["output"]) == (0, autograder.NOT_GRADED)


def test_a_rubric_that_can_t_be_used_makes_no_zip(tmp_path, capsys):
    (tmp_path / "bad.toml").write_text("course = 1\n")
    assert main(["autograder", str(tmp_path / "a.zip"), "--assignment", str(tmp_path / "bad.toml")]) == 1
    assert "bad.toml: " in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()


# What Docker lets root do in a container, if nothing else is asked for.
CAPABILITIES = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT"
CAPABILITIES += " MKNOD AUDIT_WRITE SETFCAP"


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a container in which there are other users")
def test_in_a_container_an_upload_is_graded_whole_by_another_user(unpacked, root, mnist_dir):
    needs("psutil")
    bubblewrap = shutil.which("bwrap") or pytest.skip("bubblewrap is not installed: apt-get install bubblewrap")
    for name, content in (reference_scripts() | {"report.pdf": make_report()}).items():
        (root / "submission" / name).write_bytes(content)
    shutil.rmtree(root / "submission/code")
    shutil.copytree(mnist_dir, root / "mnist")
    shutil.copytree(unpacked, root / "source", ignore=shutil.ignore_patterns("venv"))
    (root / "source/venv/bin").mkdir(parents=True)
    (root / "source/venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (root / "source/venv/bin/python").chmod(0o755)
    shutil.copy(unpacked / "run_autograder", root)

    container = [bubblewrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--proc", "/proc", "--dev", "/dev"]
    container += ["--perms", "1777", "--tmpfs", "/tmp", "--dir", "/etc"]
    for path in (*_shown(), *map(Path, ("/bin", "/usr/bin", "/etc/passwd"))):
        container += ["--symlink", os.readlink(path), str(path)] if path.is_symlink() else list(_show(path, path))
    container += ["--dir", "/autograder", "--bind", str(root), "/autograder", "--cap-drop", "ALL"]
    for capability in CAPABILITIES.split():
        container += ["--cap-add", f"CAP_{capability}"]
    done = subprocess.run(
        [*container, "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--", "/autograder/run_autograder"],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    record = json.loads((root / "results/results.json").read_bytes())
    assert record.get("extra_data", {}).get("sandbox") == "another user", done.stdout + done.stderr
    failed = {test["name"]: test["output"] for test in record["tests"] if test.get("status") == "failed"}
    assert failed == {}, done.stdout + done.stderr
    assert record["score"] == 75, done.stdout
