"""A class is graded to its end, whatever comes in: each zip once, nothing lost, nobody forgotten.

The checks themselves are played here, so that what is around them can be tried in seconds.
"""

import csv
import dataclasses
import datetime
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from grading import assessment, batch, course, locking, progress, staging, unit
from grading.__main__ import main
from grading.intake.arrivals import BadZip, sha256_of, unpack
from grading.locking import is_graded_now
from grading.networks import network_checks
from grading.progress import Progress, read_progress
from grading.results.results import mark
from grading.similarity import comparing
from grading.similarity.pairs import version
from grading.similarity.similarity_record import read_similarities
from labkit.checks.assignment import CHECK_IDS, DEFAULT, load_assignment
from labkit.checks.check import CheckId, failed, passed, undecided
from labkit.files import atomic_file
from labkit.limits import NoSandbox, SandboxError
from labkit.submission.names import safe_stem
from tests.grading.graded_class import mark_by_hand
from tests.submissions import ROOT, make_zip
from tests.support.needs import needs

psutil = needs("psutil")  # without which the command that is tried here ends at once
needs("jinja2")
pytestmark = pytest.mark.grading

STUDENTS = ("1001_ada_lovelace", "1002_charles_babbage", "1003_grace_hopper", "1004_alan_turing")
NAMES = [*CHECK_IDS]


class Class:
    """A folder of zips, and the checks that are played; `graded` are the stems that were, in this order."""

    def __init__(self, folder):
        self.submissions, self.out = folder / "zips", folder / "grades"
        self.submissions.mkdir()
        self.assignment = folder / "assignment.toml"
        self.assignment.write_bytes(DEFAULT.read_bytes())
        self.graded = []
        self.play = lambda submission: [passed(name, "fine", log="a log") for name in NAMES]

    def add(self, name, content="print('mine')\n", **files):
        """Hand a zip in; `content` is the first script's."""
        scripts = {f"{script}.py": content.encode() for script in ("model_no1", "model_no2", "model_no3")}
        path = self.submissions / f"{name}.zip"
        path.write_bytes(make_zip(scripts | {"report.pdf": b"%PDF-1.4 " + name.encode(errors="replace")}))
        return path

    def check(self, content, rules, sandbox, inspector, data, scratch):
        submission = SimpleNamespace(stem=safe_stem(content.files[0][0]), content=content)
        self.graded.append(submission.stem)
        unpack(content, scratch / assessment.UNPACKED)
        return self.play(submission), ""

    def keep_texts(self, file, folder, report, sandbox, scratch, results=None):
        record = {
            "format": 1,
            "version": version(),
            "problem": "",
            "files": [],
            "prints": {"code": [], "comments": [], "report": []},
        }
        file.write_text(json.dumps(record))
        if results:
            (results / "code.json").write_text('{"format": 1, "scripts": {}}')

    def run(self, *flags):
        """Grade the class as the command does; return the exit status."""
        self.graded.clear()
        return main(
            [str(self.submissions), "--out", str(self.out), "--assignment", str(self.assignment), "--no-train", *flags]
        )

    def edit(self, old, new):
        text = self.assignment.read_text()
        assert old in text
        self.assignment.write_text(text.replace(old, new))

    def folder(self, name):
        """Return the folder with the results of a zip."""
        return self.out / "submissions" / safe_stem(f"{name}.zip")

    def result(self, name):
        return json.loads((self.folder(name) / "result.json").read_text())

    def feedback(self, name):
        return (self.folder(name) / "feedback.md").read_text()

    def grades(self, table="grades.csv"):
        with open(self.out / table, newline="", encoding="utf-8") as file:
            return {row["zip"]: row for row in csv.DictReader(file)}

    def rows(self):
        """Return the rows of all that came in: those of students, and those of what is nobody's mark."""
        return self.grades("not-graded.csv") | self.grades()


@pytest.fixture
def klass(tmp_path, monkeypatch):
    """Make a class of four, whose checks all pass."""
    made = Class(tmp_path)
    for name in STUDENTS:
        made.add(name)
    monkeypatch.setattr(assessment, "grade", made.check)
    monkeypatch.setattr(comparing, "keep_texts", made.keep_texts)
    monkeypatch.setattr(unit, "keep_texts", made.keep_texts)
    monkeypatch.setattr(comparing.report_check, "read_report", lambda *_: (None, "not read", None))
    monkeypatch.setattr(
        course,
        "find_sandbox",
        lambda unsafe: SimpleNamespace(
            name="none" if unsafe else "bubblewrap", exposure=lambda folder: None, secrets={}
        ),
    )
    monkeypatch.setattr(course.network_checks, "Inspector", lambda *_: SimpleNamespace(close=lambda: None))
    return made


# ----------------------------------------------------------------------------------------------------- every zip, once


def test_every_zip_gets_a_result_feedback_and_a_row(klass, capsys):
    klass.add("nobody")
    (klass.submissions / "1005_ada_byron.zip").write_bytes(b"<html>a login page</html>")
    (klass.submissions / "notes.txt").write_text("not a zip")
    assert klass.run() == 0
    rows = klass.rows()
    assert set(rows) == {*(f"{name}.zip" for name in STUDENTS), "nobody.zip", "1005_ada_byron.zip", "notes.txt"}
    assert {name: row["status"] for name, row in rows.items() if row["status"] != "graded"} == {
        "nobody.zip": "refused",
        "1005_ada_byron.zip": "refused",
        "notes.txt": "not graded",
    }
    assert set(klass.grades()) == {*(f"{name}.zip" for name in STUDENTS), "1005_ada_byron.zip"}, "a row without an id"
    for row in klass.grades().values():
        name = row["zip"].removesuffix(".zip")
        assert klass.result(name)["score"] == float(row["score"])
        assert f"{float(row['score']):g} of" in klass.feedback(name)
    assert "no student id" in klass.grades("not-graded.csv")["nobody.zip"]["reason"]
    assert float(rows["1001_ada_lovelace.zip"]["score"]) == 57  # 75 by machine, without the trainings
    assert float(rows["1005_ada_byron.zip"]["score"]) == 0
    assert "web page" in klass.feedback("1005_ada_byron")
    assert "4 graded, 2 refused" in capsys.readouterr().out


def test_unchanged_zips_are_not_graded_again(klass):
    klass.run()
    assert sorted(klass.graded) == sorted(STUDENTS)
    before = klass.grades()
    klass.run()
    assert klass.graded == []
    assert klass.grades() == before
    klass.run("--regrade")
    assert sorted(klass.graded) == sorted(STUDENTS)


def test_only_what_changed_is_graded_again(klass, monkeypatch):
    klass.run()
    klass.add(STUDENTS[1], content="print('better')\n")
    klass.run()
    assert klass.graded == [STUDENTS[1]]
    for path in klass.submissions.iterdir():
        os.utime(path)  # a copy of the folder has other times
    klass.run()
    assert klass.graded == []
    klass.edit("min_words = 600", "min_words = 700")
    klass.run()
    assert len(klass.graded) == 4
    monkeypatch.setattr(assessment, "grader_version", lambda: "another kit")
    klass.run()
    assert len(klass.graded) == 4


@pytest.mark.parametrize("side", [staging.WORKER, staging.TRUSTED])
def test_whatever_is_staged_into_a_sandbox_has_part_in_the_version_that_results_are_kept_by(side):
    assert {ROOT / path for path in staging.staged(side)} <= set(assessment.what_grades())


def test_a_change_in_any_room_makes_another_version(tmp_path, monkeypatch):
    for path in assessment.what_grades():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    version = assessment.grader_version()
    monkeypatch.setattr(assessment, "KIT", tmp_path)
    (tmp_path / "of_the_instructor.py").write_text("print('no part of the kit')")
    assert assessment.grader_version() == version
    for room in ("lab.py", "labkit/text.py", "labkit/checks/graph/reading.py", "grading/inside/trusted/training.py"):
        with open(tmp_path / room, "a") as file:
            file.write("# changed\n")
        assert assessment.grader_version() != version, room
        version = assessment.grader_version()


def test_points_deadline_and_penalty_apply_at_once_without_another_run_of_the_checks(klass):
    klass.play = lambda submission: (
        [passed(name, "fine") for name in NAMES[:-1]] + [failed(NAMES[-1], "left", fraction=0.5)]
    )
    klass.run()
    assert klass.result(STUDENTS[0])["score"] == 55.5
    klass.edit("template = 3", "template = 13")
    klass.run()
    assert klass.graded == []
    assert klass.result(STUDENTS[0])["score"] == 60.5
    klass.edit("# deadline = 2027-01-31T23:59:59+01:00", "deadline = 2020-01-01")
    for hours, name in enumerate(STUDENTS):  # not all within minutes, as those of a download
        os.utime(klass.submissions / f"{name}.zip", (1_700_000_000 + 3600 * hours,) * 2)
    klass.run()
    assert klass.graded == []
    assert klass.result(STUDENTS[0])["score"] == 30.25
    assert float(klass.grades()[f"{STUDENTS[0]}.zip"]["late_penalty"]) == 30.25
    assert "after the deadline" in klass.feedback(STUDENTS[0])


def test_a_stopped_run_continues_where_it_was(klass, monkeypatch, capsys):
    updates, stopped = [], threading.Event()

    def play(submission):
        if len(klass.graded) == 3:  # the third is in the midst of it when Ctrl-C comes
            assert stopped.wait(20)
            raise OSError("no folder any more")
        return [passed(name, "fine") for name in NAMES]

    class Bar(batch.tqdm):
        def update(self, n=1):
            updates.append(n)
            if len(updates) == 2:
                raise KeyboardInterrupt
            return super().update(n)

    klass.play = play
    with monkeypatch.context() as patched:
        patched.setattr(batch, "tqdm", Bar)
        assert klass.run("--jobs", "1") == 130
    assert "the same command continues" in capsys.readouterr().err
    rows = klass.grades()
    assert len(rows) == 4, "the table is there, with all"
    assert [rows[f"{name}.zip"]["score"] for name in klass.graded[:2]] == ["57", "57"]
    waiting = [row for row in rows.values() if row["status"] == "waiting"]
    assert [(row["score"], row["remarks"]) for row in waiting] == [("", "the run was stopped before it was graded")] * 2
    assert len((klass.out / "manual.csv").read_text().splitlines()) == 5
    workers = [thread for thread in threading.enumerate() if thread.name.endswith("(_work)")]
    stopped.set()
    for thread in workers:
        thread.join(20)  # in a process of its own it would have died with that
    assert sorted(path.parent.name for path in klass.out.glob("submissions/*/result.json")) == sorted(klass.graded[:2])
    done = klass.graded[:2]
    klass.play = lambda submission: [passed(name, "fine") for name in NAMES]
    assert klass.run() == 0
    assert sorted(klass.graded + done) == sorted(STUDENTS)
    assert {row["status"] for row in klass.grades().values()} == {"graded"}


def test_jobs_grade_at_the_same_time(klass):
    together = threading.Barrier(4, timeout=20)

    def play(submission):
        together.wait()
        return [passed(name, "fine") for name in NAMES]

    klass.play = play
    assert klass.run("--jobs", "4") == 0
    assert all(row["status"] == "graded" for row in klass.grades().values())


# -------------------------------------------------------------------------------------------------- what is kept of it


def kept(klass, name):
    return {path.name for path in klass.folder(name).iterdir()} - {"result.json", "feedback.md", "feedback.html"}


def test_report_and_code_are_kept_of_what_was_graded_and_go_with_it(klass):
    klass.run()
    assert (klass.folder(STUDENTS[0]) / "report.pdf").read_bytes() == b"%PDF-1.4 " + STUDENTS[0].encode()
    assert all(kept(klass, name) == {"report.pdf", "code.json"} for name in STUDENTS)
    (klass.submissions / f"{STUDENTS[0]}.zip").write_bytes(make_zip({"model_no1.py": b"without a report"}))
    (klass.submissions / f"{STUDENTS[1]}.zip").write_bytes(b"no zip any more")
    klass.play = lambda submission: 1 / 0 if submission.stem == STUDENTS[2] else [passed(name, "") for name in NAMES]
    klass.add(STUDENTS[2], content="print('this crashes the grader')")
    klass.run()
    assert [kept(klass, name) for name in STUDENTS] == [
        {"code.json"},
        set(),
        {"error.log"},
        {"report.pdf", "code.json"},
    ]


def test_code_that_the_sandbox_fails_on_is_not_that_of_an_earlier_zip(klass, monkeypatch):
    klass.run()
    klass.add(STUDENTS[0], content="print('another')")
    with monkeypatch.context() as patched:
        for module in (unit, comparing):
            patched.setattr(module, "keep_texts", raising(SandboxError("no more processes")))
        klass.run()
    assert kept(klass, STUDENTS[0]) == {"report.pdf"}
    assert kept(klass, STUDENTS[1]) == {"report.pdf", "code.json"}


def test_who_sent_the_same_zip_is_told_to_programs_by_the_folders_of_the_results(klass):
    data = (klass.submissions / f"{STUDENTS[0]}.zip").read_bytes()
    (klass.submissions / f"{STUDENTS[3]}.zip").write_bytes(data)
    klass.run()
    (group,) = read_similarities(klass.out).copies
    assert [one.folder for one in group] == [klass.folder(name).name for name in (STUDENTS[0], STUDENTS[3])]


def raising(error):
    """Return a function that raises the error, whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail


# ------------------------------------------------------------------------------------------------------- how far it is


def eventually(condition):
    """Wait until a condition holds, for what another thread or process does; return what it came to."""
    deadline = time.monotonic() + 20
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def test_another_process_can_see_how_far_a_run_is_and_that_it_ended(klass):
    seen = []

    def play(submission):
        if len(klass.graded) == 3:  # two are done
            eventually(lambda: (state := read_progress(klass.out)) and state.done == 2 and state.running)
            seen.append((read_progress(klass.out), is_graded_now(klass.out)))
        return [passed(name, "fine") for name in NAMES]

    klass.play = play
    assert read_progress(klass.out) is None
    assert not is_graded_now(klass.out)
    assert klass.run("--jobs", "1") == 0
    ((midway, at_work),) = seen
    assert (midway.submissions, midway.done, midway.phase, midway.ended) == (4, 2, "grading", "")
    assert midway.running == [klass.graded[2]]
    assert at_work
    state = read_progress(klass.out)
    assert (state.submissions, state.done, state.running, state.phase) == (4, 4, [], "ended")
    assert midway.started == state.started <= state.ended
    assert datetime.datetime.fromisoformat(state.ended).tzinfo
    assert not is_graded_now(klass.out)


def test_a_run_that_is_comparing_says_so_and_one_that_breaks_off_too(klass, monkeypatch):
    phases = []

    def compare(*_):
        phases.append(eventually(lambda: read_progress(klass.out).phase == "comparing"))
        raise ValueError("no comparison")

    monkeypatch.setattr(batch, "compare", compare)
    assert klass.run() == 1
    assert phases == [True]
    assert read_progress(klass.out).phase == "stopped"


def test_a_killed_run_is_told_by_its_lock_and_whoever_asks_hinders_no_grader(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom grading.locking import locked\n"
        "from grading.progress import Progress\nout = Path(sys.argv[1])\n"
        "with locked(out), Progress(out, 120) as progress:\n"
        "    progress.working_on(['a'])\n    progress.count(range(57))\n    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program, tmp_path], cwd=ROOT)
    try:
        state = eventually(lambda: (state := read_progress(tmp_path)) and state.running and state.done and state)
        assert (state.done, state.submissions, state.running) == (57, 120, ["a"])
        assert is_graded_now(tmp_path)
        assert is_graded_now(tmp_path), "who asks takes nothing away"
        assert (tmp_path / ".lock").read_text() == str(other.pid)
    finally:
        other.kill()
        other.communicate()
    assert not is_graded_now(tmp_path)
    assert read_progress(tmp_path).phase == "grading", "what a killed run could not take back"
    with open(tmp_path / ".lock", "rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(asking, fcntl.LOCK_UN)).start()
        with locking.locked(tmp_path):
            assert is_graded_now(tmp_path)


def test_progress_is_written_a_few_times_a_second_and_stops_nothing_where_it_can_not(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(progress, "atomic_file", lambda path: written.append(path) or atomic_file(path))
    rows = []
    with Progress(tmp_path, 1000) as told:
        told.count(rows)
        for n in range(1000):
            told.working_on([str(n)])
            rows.append(n)
    assert len(written) <= 3
    assert read_progress(tmp_path).done == 1000
    with Progress(tmp_path / "nowhere", 1), pytest.raises(RuntimeError), Progress(tmp_path, 1):
        raise RuntimeError("the run's own")
    assert read_progress(tmp_path).phase == "stopped"


# --------------------------------------------------------------------------------------------------- whatever comes in


@pytest.mark.parametrize("error", [ValueError("a slip\x1b[31m"), SandboxError("no more processes"), MemoryError()])
def test_a_crash_of_the_grader_is_a_remark_in_that_row_and_tried_again(klass, error, capsys):
    def play(submission):
        if submission.stem == STUDENTS[1]:
            raise error
        return [passed(name, "fine") for name in NAMES]

    klass.play = play
    assert klass.run() == 1
    row = klass.grades()[f"{STUDENTS[1]}.zip"]
    assert (row["status"], row["score"]) == ("crashed", "")
    assert type(error).__name__ in row["remarks"]
    assert "not your fault" in klass.feedback(STUDENTS[1])
    trace = (klass.folder(STUDENTS[1]) / "error.log").read_text()
    assert "Traceback" in trace
    assert "\x1b" not in trace + row["remarks"]
    assert sum(row["status"] == "graded" for row in klass.grades().values()) == 3
    assert "1 crashed" in capsys.readouterr().out
    klass.play = lambda submission: [passed(name, "fine") for name in NAMES]
    assert klass.run() == 0
    assert klass.graded == [STUDENTS[1]]
    assert not (klass.folder(STUDENTS[1]) / "error.log").exists()


def test_results_that_cannot_be_written_are_a_crash_of_their_row_and_not_of_the_class(klass):
    (klass.out / "submissions").mkdir(parents=True)
    refused = klass.add("nobody")
    for name in (STUDENTS[1], refused.stem):
        klass.folder(name).write_text("in the folder's place")
    assert klass.run() == 1
    crashed = {name for name, row in klass.rows().items() if row["status"] == "crashed"}
    assert crashed == {f"{STUDENTS[1]}.zip", refused.name}
    assert len(klass.rows()) == 5


def test_a_zip_that_turns_bad_on_the_way_is_refused(klass):
    def play(submission):
        if submission.stem == STUDENTS[1]:
            raise BadZip("the zip has changed")
        return [passed(name, "fine") for name in NAMES]

    klass.play = play
    assert klass.run() == 0
    assert klass.grades()[f"{STUDENTS[1]}.zip"]["status"] == "refused"
    assert "the zip has changed" in klass.feedback(STUDENTS[1])


def test_a_zip_replaced_since_the_class_was_collected_is_not_graded_as_the_one_that_was(klass):
    def play(submission):
        if len(klass.graded) == 1:
            for name in STUDENTS:
                klass.add(name, content="print('replaced')\n")
        return [passed(name, submission.content.one_file.read_bytes().hex()) for name in NAMES]

    klass.play = play
    before = {name: sha256_of(klass.submissions / f"{name}.zip") for name in STUDENTS}
    assert klass.run("--jobs", "1") == 1
    rows = klass.grades()
    first, *others = klass.graded + [name for name in STUDENTS if name not in klass.graded]
    assert others
    assert len(klass.graded) == 1
    assert rows[f"{first}.zip"]["status"] == "graded"
    assert klass.result(first)["zip_sha256"] == before[first]
    graded = bytes.fromhex(klass.result(first)["checks"][1]["message"])
    assert hashlib.sha256(graded).hexdigest() == before[first]
    for name in others:
        assert rows[f"{name}.zip"]["status"] == "crashed"
        assert "has changed since the class was collected" in rows[f"{name}.zip"]["remarks"]
    klass.play = lambda submission: [passed(name, "fine") for name in NAMES]
    assert klass.run() == 0
    assert sorted(klass.graded) == sorted(STUDENTS)


def test_a_second_grader_in_the_same_folder_says_so_and_stops_and_a_killed_one_is_no_hindrance(klass, capsys):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom grading.locking import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    klass.out.mkdir()
    other = subprocess.Popen([sys.executable, "-c", program, klass.out], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"locked\n"
        assert klass.run() == 1
        told = f"another grader is at work in {klass.out} (process {other.pid}): wait for it, or give another --out"
        assert capsys.readouterr().err == f"error: {told}\n"
        assert klass.graded == []
    finally:
        other.kill()
        other.communicate()
    assert klass.run() == 0
    assert len(klass.graded) == 4


def test_an_inspector_that_does_not_start_is_a_crash_of_each_row_and_not_of_the_class(klass, monkeypatch):
    def refuse(*_):
        raise SandboxError("no more processes")

    monkeypatch.setattr(course.network_checks, "Inspector", refuse)
    assert klass.run() == 1
    assert {row["status"] for row in klass.grades().values()} == {"crashed"}


def test_a_comparison_that_fails_costs_no_grade(klass, monkeypatch, capsys):
    monkeypatch.setattr(comparing, "find_pairs", lambda *_: 1 / 0)
    assert klass.run() == 1
    assert len(klass.grades()) == 4
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert "Traceback" in (klass.out / "error.log").read_text()


def test_a_zip_of_last_year_is_found_in_the_archive_and_this_years_folder_is_none(klass, monkeypatch, tmp_path):
    archives = []
    find = lambda sources, archive, rules: archives.append(archive) or ([], [])  # noqa: E731
    monkeypatch.setattr(comparing, "find_pairs", find)
    old = tmp_path / "2026" / "somewhere"
    old.mkdir(parents=True)
    for name in (f"{STUDENTS[0]}.zip", "nobody.zip"):
        (old / name).write_bytes(make_zip({"model_no1.py": name.encode()}))
    assert klass.run("--archive", str(tmp_path)) == 0
    assert [source.student for source in archives[0]] == ["1001", ""]


def test_an_archive_whose_zips_can_not_be_read_is_left_out_in_one_line(klass, monkeypatch, capsys, tmp_path):
    def take(file, folder, *rest):
        if (folder / "model_no1.py").read_bytes() == b"crash":
            raise IsADirectoryError("helpers.py")
        klass.keep_texts(file, folder, *rest)

    monkeypatch.setattr(comparing, "keep_texts", take)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "1_a_b.zip").write_bytes(make_zip({"model_no1.py": b"crash"}))
    (tmp_path / "old" / "2_a_b.zip").write_bytes(b"no zip")
    (tmp_path / "old" / "3_a_b.zip").symlink_to(tmp_path / "nowhere")
    assert klass.run("--archive", str(tmp_path / "old")) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out of the comparison")]
    assert "1_a_b.zip" in line
    assert "helpers.py" in line
    page = (klass.out / "similarity.html").read_text()
    assert "2_a_b.zip" in page


def test_the_page_of_similar_ones_begins_with_those_who_sent_the_same_zip(klass):
    for n in range(5):
        (klass.submissions / f"200{n}_student_number{n}.zip").write_bytes(klass.add("1005_new_student").read_bytes())
    klass.run()
    (group,) = [line for line in (klass.out / "similarity.html").read_text().splitlines() if "1005_new" in line]
    assert all(f"(200{n})" in group for n in range(5))
    assert "1001" not in group


def test_fingerprints_that_are_missing_or_of_another_kit_are_taken_again_without_grading(klass):
    klass.run()
    kept = sorted((klass.out / ".fingerprints").iterdir())
    assert len(kept) == len(STUDENTS)
    kept[0].unlink()
    kept[1].write_text(kept[1].read_text().replace(version(), "another"))
    klass.run()
    assert klass.graded == []
    assert all(version() in path.read_text() for path in kept)


def test_of_two_zips_of_a_student_the_later_counts_and_the_other_has_a_row(klass):
    old = klass.add("1001_ada_lovelace (1)", content="print('earlier')\n")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    klass.run()
    row = klass.grades("not-graded.csv")[old.name]
    assert row["status"] == "superseded"
    assert "1001_ada_lovelace.zip" in row["reason"]
    assert old.name not in klass.grades()
    assert "not graded" in klass.feedback(old.stem)
    assert len(klass.graded) == 4
    assert old.name not in (klass.out / "manual.csv").read_text()


@pytest.mark.parametrize(("minutes", "status"), [(10, "superseded"), (20, "graded")])
def test_within_the_grace_period_a_zip_supersedes_one_in_time(klass, minutes, status):
    klass.edit("# deadline = 2027-01-31T23:59:59+01:00", "deadline = 2026-01-31T12:00:00+00:00")
    deadline = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc).timestamp()
    for folder, late in (("first", -60), ("second", minutes)):  # the grace period is of 15 minutes
        zip_ = klass.add("1005_mary_somerville", folder)
        (klass.submissions / folder).mkdir()
        zip_ = zip_.rename(klass.submissions / folder / zip_.name)
        os.utime(zip_, (deadline + 60 * late,) * 2)
    klass.run()
    assert klass.rows()["first/1005_mary_somerville.zip"]["status"] == status


def moodle(folder, participant, name, **files):
    """Hand loose files in through Moodle."""
    home = folder / f"{name}_{participant}_assignsubmission_file"
    home.mkdir(parents=True)
    for script in ("model_no1", "model_no2", "model_no3"):
        (home / f"{script}.py").write_text(f"print({name!r})")
    (home / "report.pdf").write_bytes(b"%PDF-1.4 " + name.encode())


def test_a_moodle_download_is_graded_as_the_zip_that_it_is_with_its_worksheet(klass, tmp_path, capsys):
    moodle(tmp_path / "moodle", 101, "Ada Lovelace")
    moodle(tmp_path / "moodle", 102, "Alan Turing")
    klass.submissions = tmp_path / "MNIST lab-4711.zip"
    shutil.make_archive(str(klass.submissions.with_suffix("")), "zip", tmp_path / "moodle")
    sheet = tmp_path / "Grades-MNIST lab-4711.csv"
    sheet.write_text(
        "Identifier,Full name,ID number,Last modified (submission)\n"
        'Participant 101,Ada Lovelace,1001,"Tuesday, 3 November 2026, 2:14 PM"\n'
        'Participant 102,Alan Turing,1004,"Thursday, 5 November 2026, 2:14 PM"\n'
    )
    klass.edit("# deadline = 2027-01-31T23:59:59+01:00", 'deadline = 2026-11-01\nextensions = {"01001" = 2026-11-03}')
    assert klass.run("--worksheet", str(sheet)) == 0
    rows = {row["id"]: row for row in klass.grades().values()}
    assert {(row["id"], row["name"], row["system"], row["key"]) for row in rows.values()} == {
        ("1001", "Ada", "moodle", "101"),
        ("1004", "Alan", "moodle", "102"),
    }
    assert (rows["1001"]["late_hours"], rows["1004"]["late_hours"]) == ("0", "86.23")
    result = json.loads((next((klass.out / "submissions").glob("ada*")) / "result.json").read_text())
    assert (result["system"], result["system_key"], result["time_source"]) == ("moodle", "101", "worksheet")
    assert result["uploaded_as"] == ["Ada Lovelace_101_assignsubmission_file"]


def test_a_worksheet_of_another_assignment_is_told_before_anything_is_graded(klass, tmp_path, capsys):
    moodle(klass.submissions, 101, "Ada Lovelace")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Full name,Time\nParticipant 999,Ada Lovelace,2026-11-03 14:14\n")
    assert klass.run("--worksheet", str(sheet)) == 1
    assert 'has none of the participants in the submissions, such as "101"' in capsys.readouterr().err
    assert klass.run("--worksheet", str(sheet), "--roster", str(sheet)) == 1
    assert "give one of them" in capsys.readouterr().err
    assert klass.graded == []


def test_files_with_the_times_of_a_download_charge_nobody_and_it_is_told(klass, capsys):
    klass.edit("# deadline = 2027-01-31T23:59:59+01:00", "deadline = 2020-01-01")
    klass.run()
    told = capsys.readouterr().out
    assert "when 4 of 4 came in is not known: their files have the time of a download" in told
    assert {row["late_penalty"] for row in klass.grades().values()} == {"0"}
    assert "handed in" not in klass.feedback(STUDENTS[0])


def test_who_is_not_in_the_roster_is_told_and_not_graded(klass, tmp_path, capsys):
    (tmp_path / "roster.csv").write_text(
        "id,name,surname\n1001,Ada,Lovelace\n1002,Charles,Babbage\n1003,Grace,Hopper\n"
    )
    assert klass.run("--roster", str(tmp_path / "roster.csv")) == 0
    assert sorted(klass.graded) == sorted(STUDENTS[:3])
    row = klass.grades("not-graded.csv")[f"{STUDENTS[3]}.zip"]
    assert row["status"] == "not graded"
    assert "has no student with the id 1004" in row["reason"]
    assert f'not graded: "{STUDENTS[3]}.zip"' in capsys.readouterr().out


def test_untrusted_names_are_harmless_in_every_file(klass, capsys):
    names = ["=cmd()_1_x_y", "1_<script>_x\x1b[31m", "..", "1_a_b\u202egpj", "con", "1_a_b\udcff", "-1_a_b"]
    for name in names:
        klass.add(name)
    assert klass.run() in (0, 1)
    assert len(klass.rows()) == len(names) + 4
    as_it_is = {".json", ".pdf", ".lock"}  # for programs, and as it was handed in
    written = [path for path in klass.out.rglob("*") if path.is_file() and path.suffix not in as_it_is]
    written = [path for path in written if path.name != ".lock"]
    assert len(written) == 2 * (len(names) + 4) + 4, "two files of feedback each, and those of the class"
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert not {"\x1b", "\u202e"} & set(text), path
        assert path.suffix == ".csv" or "<script" not in text, path
    assert {path.parent for path in klass.out.parent.rglob("feedback.md")} == {
        path.parent for path in klass.out.glob("submissions/*/feedback.md")
    }
    assert "\x1b" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("name", ["grades.csv", "manual.csv", "similarity.html", "submissions", "error.log"])
def test_a_zip_called_like_a_file_of_the_graders_is_graded_or_refused_like_any(klass, name):
    klass.add(name)
    (klass.submissions / f"{name}.zip.zip").write_bytes(b"not a zip")
    for _ in range(2):
        assert klass.run() == 0
        assert [klass.rows()[f"{name}{zip_}"]["status"] for zip_ in (".zip", ".zip.zip")] == ["refused"] * 2
        assert len(klass.rows()) == 6


def test_ids_are_what_the_assignment_says(klass):
    klass.edit("student_id = '[0-9]+'", "student_id = '[A-Z][0-9]{7}'")
    klass.add("a0123456_new_student")
    klass.run()
    assert klass.grades()["a0123456_new_student.zip"]["id"] == "A0123456"
    assert klass.rows()[f"{STUDENTS[0]}.zip"]["status"] == "refused"


def test_the_summary_names_whom_it_refused_and_strays_are_not_in_the_mean(klass, capsys):
    klass.play = lambda submission: [failed(name, "wrong", fraction=0.5) for name in NAMES]
    (klass.submissions / "1005_new_student.zip").write_bytes(b"no zip")
    (klass.submissions / "notes.txt").write_text("bring coffee")
    klass.run()
    told = capsys.readouterr().out.splitlines()
    assert f"mean score of 5: {4 * 28.5 / 5:.1f} of 57.0; points of 4 are still to be given by hand" in told
    refused = [line for line in told if line.startswith(("refused: ", "not graded: "))]
    assert [line.split(": ")[1] for line in refused] == ['"1005_new_student.zip"', '"notes.txt"']
    assert "not a zip" in refused[0]


def test_results_of_an_earlier_version_of_the_kit_are_told_and_neither_read_nor_removed(klass, capsys):
    klass.run()
    (klass.out / "submissions" / STUDENTS[0]).rename(klass.out / STUDENTS[0])
    assert klass.run() == 0
    assert klass.graded == [STUDENTS[0]]
    assert "holds results of an earlier version of the kit (1, such as" in capsys.readouterr().err
    assert (klass.out / STUDENTS[0] / "result.json").is_file()


def test_results_among_the_submissions_are_no_submission(klass):
    klass.out = klass.submissions / "grades"
    klass.run()
    klass.run()
    assert len(klass.grades()) == 4


def test_moodle_folders_with_zips_of_the_same_name_stay_apart(klass):
    for number, name in enumerate(("Ada Lovelace", "Alan Turing")):
        folder = klass.submissions / f"{name}_{number + 1}_assignsubmission_file_"
        folder.mkdir()
        klass.add(f"{folder.name}/submission")
    klass.run()
    assert len(klass.grades()) == 6


# ---------------------------------------------------------------------------------------------------------- the rubric


def test_a_check_that_nobody_made_is_failed_and_never_passed():
    made = assessment._in_order([passed(CheckId("run", "model_no1"), "ran")])
    status = {check.name: check.status for check in made}
    assert status.pop("run/model_no1") == "passed"
    assert set(status.values()) == {"failed"}
    assert set(NAMES) <= set(status) | {"run/model_no1"}


def test_without_training_no_training_is_said_to_hang_on_what_failed(tmp_path):
    one = network_checks._Submission(tmp_path, None, None, None, None, tmp_path, {"model_no2"})
    checks = {"architecture/model_no2": failed(CheckId("architecture", "model_no2"), "another layer")}
    assert one._why_skipped(CheckId("training", "model_no2"), checks) == "the networks were not trained this time"
    trained = dataclasses.replace(one, data=tmp_path)
    assert (
        trained._why_skipped(CheckId("training", "model_no2"), checks)
        == "this needs architecture/model_no2 to be right first"
    )


def test_a_refused_zip_has_every_check_and_no_points():
    result = SimpleNamespace(checks=assessment.refusal("not a zip"), trained=True, late_seconds=0)
    marks = mark(result, load_assignment())
    assert (marks.score, marks.max_score) == (0, 75)


def test_what_is_undecided_is_named_and_counted_as_open(klass, capsys):
    klass.play = lambda submission: [
        undecided(name, "not read") if name.startswith("architecture/") else passed(name, "fine") for name in NAMES
    ]
    assert klass.run() == 0
    assert klass.result(STUDENTS[0])["max_score"] == 27
    told = capsys.readouterr().out
    assert "points of 4 are still to be given by hand" in told
    assert 'undecided, to be settled by hand: "1001_ada_lovelace.zip" architecture/model_no1, ' in told
    assert ", and 2 more" in told


def test_manual_points_survive_regrades_and_count(klass):
    klass.run()
    path = klass.out / "manual.csv"
    written = path.read_text().replace("1001_ada_lovelace.zip,,,,", "1001_ada_lovelace.zip,9,4,8,Well done")
    path.write_text(written)
    klass.add("1005_new_student")
    klass.run("--regrade")
    assert path.read_text().startswith(written)
    assert klass.result(STUDENTS[0])["score"] == 57 + 21
    assert klass.result(STUDENTS[0])["max_score"] == 57 + 25
    assert klass.grades()["1001_ada_lovelace.zip"]["discussion"] == "8"
    assert "Well done" in klass.feedback(STUDENTS[0])
    assert klass.result("1005_new_student")["max_score"] == 57


def marked(klass, name, points="9,4,8,Well done"):
    """Write the instructor's points for a zip of the class."""
    path = klass.out / "manual.csv"
    before = path.read_text()
    path.write_text(before.replace(f"{name}.zip,,,,", f"{name}.zip,{points}"))
    assert path.read_text() != before


@pytest.mark.parametrize("seen", [True, False])
def test_manual_points_for_earlier_work_are_open_again_once_its_zip_is_replaced(klass, seen, capsys):
    klass.run()
    marked(klass, STUDENTS[0])
    if seen:
        klass.run()
    klass.add(STUDENTS[0], content="print('another')\n")
    for _ in range(2):  # it is said at every run, until the instructor has looked
        capsys.readouterr()
        klass.run()
        row = klass.grades()[f"{STUDENTS[0]}.zip"]
        assert "replaced after it was marked by hand" in row["remarks"]
        assert "doesn't count: explanation 9, experiments 4, discussion 8; open again" in row["remarks"]
        assert (row["score"], row["max_score"], row["discussion"]) == ("57", "57", "")
        assert "Well done" not in klass.feedback(STUDENTS[0])
        assert f'doesn\'t count: "{STUDENTS[0]}.zip"; look again' in capsys.readouterr().out
    path = klass.out / "manual.csv"
    path.write_text(path.read_text().replace("Well done", "Well done again"))
    klass.run()
    assert klass.grades()[f"{STUDENTS[0]}.zip"]["remarks"] == ""
    assert klass.result(STUDENTS[0])["score"] == 78


def test_a_decision_against_a_check_of_earlier_work_counts_no_more_once_its_zip_is_replaced(klass):
    klass.run()
    path = klass.out / "manual.csv"
    row = f"{STUDENTS[0]}.zip,,,,"
    path.write_text(path.read_text().replace(f"{row},\n", f'{row},"run/model_no1 = 1: by eye; malus = 5: talk"\n'))
    klass.run()
    assert klass.result(STUDENTS[0])["score"] == 51
    klass.add(STUDENTS[0], content="print('another')\n")
    klass.run()
    assert klass.result(STUDENTS[0])["score"] == 57
    assert "doesn't count: run/model_no1 = 1, malus = 5" in klass.grades()[f"{STUDENTS[0]}.zip"]["remarks"]


def test_manual_points_of_a_zip_that_is_gone_or_superseded_are_told(klass, capsys):
    klass.run()
    for name in STUDENTS[:2]:
        marked(klass, name)
        os.utime(klass.submissions / f"{name}.zip", (1_700_000_000, 1_700_000_000))
    klass.add(f"{STUDENTS[0]} (1)", content="print('again')\n")
    (klass.submissions / f"{STUDENTS[1]}.zip").rename(klass.submissions / "1002_charles_babbage_jr.zip")
    capsys.readouterr()
    assert klass.run() == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "count for nobody" in line]
    assert len(told) == 2
    assert '"1001_ada_lovelace.zip" is superseded; give them to "1001_ada_lovelace (1).zip"' in told[0]
    assert 'no zip "1002_charles_babbage.zip"; give them to "1002_charles_babbage_jr.zip"' in told[1]


def test_zips_of_which_it_is_in_doubt_whose_they_are_are_named_at_the_end(klass, capsys):
    klass.run()
    assert "whose is" not in capsys.readouterr().out
    klass.add("1001_mallory_evil", content="print('mine')\n")
    klass.run()
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("whose is ")]
    about = "the id 1001 came in under another name too; each is graded"
    assert told == [f'whose is "1001_{name}.zip"? {about}' for name in ("ada_lovelace", "mallory_evil")]


def test_results_of_a_zip_that_is_gone_are_told(klass, capsys):
    klass.run()
    assert "zips that are gone" not in capsys.readouterr().out
    (klass.submissions / f"{STUDENTS[1]}.zip").unlink()
    klass.run()
    assert f'still has results of zips that are gone: "{STUDENTS[1]}"\n' in capsys.readouterr().out


def test_manual_points_that_are_there_no_more_are_told_once(klass, capsys):
    klass.run()
    marked(klass, STUDENTS[0])
    klass.run()
    path = klass.out / "manual.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if STUDENTS[0] not in line))
    capsys.readouterr()
    klass.run()
    assert f'gave points at the last run, and gives none now, to "{STUDENTS[0]}.zip"\n' in capsys.readouterr().out
    klass.run()
    assert "at the last run" not in capsys.readouterr().out


def test_a_decision_against_a_check_counts_at_once_and_no_check_is_made_again(klass, capsys):
    klass.play = lambda submission: [undecided(name, "a loop") for name in NAMES]
    klass.run()
    path = klass.out / "manual.csv"
    row = f"{STUDENTS[0]}.zip,,,,"
    assert f"{row},\n" in path.read_text()
    path.write_text(path.read_text().replace(f"{row},\n", f'{row},"run/model_no1 = 2: seen; malus = 1: late, said"\n'))
    capsys.readouterr()
    assert klass.run() == 0
    assert klass.graded == []
    assert klass.result(STUDENTS[0])["score"] == 1
    assert "- **run/model_no1**, 2 of 2: seen" in klass.feedback(STUDENTS[0])
    told = capsys.readouterr().out
    assert f'"{STUDENTS[0]}.zip" run/model_no1,' not in told
    assert f'"{STUDENTS[0]}.zip" run/model_no2,' in told


def test_trainings_that_are_known_are_kept_by_a_run_without_and_lost_ones_are_told(klass, monkeypatch, capsys):
    def run(*flags):
        klass.graded.clear()
        return main([str(klass.submissions), "--out", str(klass.out), "--assignment", str(klass.assignment), *flags])

    monkeypatch.setattr(course.network_checks, "find_data", lambda folder: folder)
    assert run() == 0
    assert klass.result(STUDENTS[0])["max_score"] == 75
    klass.add("1005_new_student")
    assert run("--no-train") == 0
    assert klass.graded == ["1005_new_student"]
    assert klass.result(STUDENTS[0])["max_score"] == 75
    assert klass.result("1005_new_student")["max_score"] == 57
    assert "the trainings of 4 are known, and kept with their points" in capsys.readouterr().out
    klass.add(STUDENTS[0], content="print('another')\n")
    run("--no-train")
    assert "the trainings of 1 are not taken over (another zip, kit or rules" in capsys.readouterr().out
    assert run() == 0
    assert sorted(klass.graded) == [STUDENTS[0], "1005_new_student"]


def test_a_mistake_in_manual_csv_is_told_before_the_work_starts(klass, capsys):
    klass.run()
    path = klass.out / "manual.csv"
    path.write_text(path.read_text().replace("lovelace.zip,,", "lovelace.zip,eleven,"))
    assert klass.run("--regrade") == 1
    assert klass.graded == []
    assert "eleven" in capsys.readouterr().err


def test_grading_without_a_sandbox_is_recorded_in_every_result(klass, capsys):
    klass.run("--unsafe-no-sandbox")
    assert {klass.result(name)["sandbox"] for name in STUDENTS} == {"none"}
    assert "NO SANDBOX" in capsys.readouterr().err
    klass.run()  # and what was graded in that way does not pass for graded in a sandbox
    assert len(klass.graded) == 4
    assert {klass.result(name)["sandbox"] for name in STUDENTS} == {"bubblewrap"}


# ----------------------------------------------------------------------------------------------------- the command line


def test_a_folder_that_is_missing_or_empty_is_told(klass, capsys, tmp_path):
    klass.submissions = tmp_path / "none"
    assert klass.run() == 1
    assert "there is no folder" in capsys.readouterr().err
    klass.submissions.mkdir()
    assert klass.run() == 1
    assert "is empty" in capsys.readouterr().err


def test_a_file_where_a_folder_is_expected_is_told_with_what_to_do(klass, capsys, tmp_path):
    out = klass.out
    (tmp_path / "a file").write_text("x")
    klass.out = tmp_path / "a file"
    assert klass.run() == 1
    assert "is a file, and --out takes a folder for the results" in capsys.readouterr().err
    klass.out, klass.submissions = out, tmp_path / "a file"
    assert klass.run() == 1
    assert "is no download of a class that can be unpacked: The file is something else" in capsys.readouterr().err


@pytest.mark.parametrize("out", [".", "zips"])
def test_results_that_would_come_among_the_zips_are_told(klass, capsys, out):
    zips = klass.submissions.rename(klass.submissions.with_name("submissions"))
    klass.submissions, klass.out = zips, zips.parent if out == "." else zips
    assert klass.run() == 1
    assert "give another --out" in capsys.readouterr().err
    assert len(list(zips.iterdir())) == len(STUDENTS)


def test_no_sandbox_is_told_in_a_line_and_nothing_is_graded(klass, monkeypatch, capsys):
    def refuse(unsafe):
        raise NoSandbox("no sandbox works here")

    monkeypatch.setattr(course, "find_sandbox", refuse)
    assert klass.run() == 1
    assert capsys.readouterr().err == "error: no sandbox works here\n"
    assert klass.graded == []


def test_nothing_the_instructor_gives_may_lie_open_to_student_code(klass, tmp_path, monkeypatch, capsys):
    given = {
        "--roster": ("roster.csv", "id,name,surname\n1001,Ada,Lovelace\n"),
        "--times": ("times.csv", "zip,time\n1001_ada_lovelace.zip,2026-05-01T10:00:00Z\n"),
        "--assignment": ("mine.toml", f"{DEFAULT.read_text()}\n[extensions]\n1001 = 2030-01-01T00:00:00Z\n"),
    }
    flags = []
    for flag, (name, text) in given.items():
        (tmp_path / name).write_text(text)
        flags += [flag, str(tmp_path / name)]
    sandbox = SimpleNamespace(name="another user", exposure=lambda path: "lies open", secrets={})
    monkeypatch.setattr(course, "find_sandbox", lambda unsafe: sandbox)
    assert klass.run(*flags) == 1
    error = capsys.readouterr().err
    assert all(f"{flag} ({tmp_path / name}) lies open" in error for flag, (name, _) in given.items())
    assert all(f"{what} (" in error for what in ("SUBMISSIONS", "--out", "--data-dir"))
    assert klass.graded == []


def test_help_teaches_without_importing_what_takes_long():
    program = (
        "import sys\nfrom grading.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'numpy', 'tensorflow', 'grading.course'} & set(sys.modules), 'imports too much'"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("python -m grading doctor", "manual.csv", "feedback.md", "--unsafe-no-sandbox"):
        assert word in done.stdout


@pytest.mark.parametrize("flags", [["--jobs", "0"], ["--jobs", "many"], ["--nonsense"], []])
def test_a_bad_flag_ends_with_status_2(flags, tmp_path, capsys):
    submissions = [str(tmp_path)] if flags else []
    with pytest.raises(SystemExit) as ended:
        main(submissions + flags)
    assert ended.value.code == 2
    if "--jobs" in flags:
        expected = {"0": "0 is not a number above zero", "many": "invalid positive int value: 'many'"}
        assert expected[flags[1]] in capsys.readouterr().err


@pytest.mark.parametrize(("cores", "gigabytes", "jobs"), [(2, 24, 2), (16, 8, 3), (4, 1, 1)])
def test_there_are_as_many_jobs_as_cores_where_memory_allows(cores, gigabytes, jobs, klass, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=gigabytes * 10**9))
    asked = []
    monkeypatch.setattr(course, "grade_class", lambda options: asked.append(options.jobs) or 0)
    klass.run()
    klass.run("--jobs", "5")
    assert asked == [jobs, 5]


def test_a_missing_package_is_told_with_what_to_install():
    program = (
        "import sys\nsys.modules['psutil'] = None\nfrom grading.__main__ import main\nsys.exit(main(['submissions']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: psutil is not installed: pip install -r requirements-grading.txt\n"


def test_a_class_is_not_begun_without_the_package_that_writes_its_pages(klass, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "grading.results.feedback_page", raising=False)
    assert klass.run() == 1
    assert capsys.readouterr().err == "error: jinja2 is not installed: pip install -r requirements-grading.txt\n"
    assert klass.graded == []


def test_the_students_page_is_written_anew_where_nothing_is_graded_again(klass):
    klass.run()
    page = klass.folder(STUDENTS[0]) / "feedback.html"
    assert "ada lovelace" in page.read_text(encoding="utf-8")
    page.write_text("another kit's")
    mark_by_hand(klass.out, {"1001": {"comment": "Well done!"}})
    klass.run()
    assert klass.graded == []
    assert "Well done!" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o700), (0o022, 0o755), (0o002, 0o755)])
def test_marks_are_closed_to_whom_the_umask_says_and_the_sandbox_can_still_read(umask, mode, klass):
    laid_out = []

    def play(submission):
        file = klass.submissions.parent / "laid_out"
        file.touch()
        laid_out.append(file.stat().st_mode & 0o777)
        return [passed(name, "fine") for name in NAMES]

    klass.play = play
    before = os.umask(umask)
    try:
        assert klass.run() == 0
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert klass.out.stat().st_mode & 0o777 == mode
    assert set(laid_out) == {0o644}
