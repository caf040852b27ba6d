"""Graders that share a class: each submission is graded once, whatever becomes of a grader, and none is lost.

The graders are real processes; what they do to a submission is played (together.py).
"""

import csv
import errno
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from grading import claims
from grading.claim_files import FOLDER, create_once
from grading.claims import Claims, Pace
from grading.command_line import main
from grading.locking import is_graded_now, locked
from grading.options import GradingError
from grading.progress import read_progress
from grading.unit import GradedUnit, UnitStatus
from labkit.files import WriteError
from tests.grading.graded_class import checks, hand_in
from tests.grading.together import PACE, PATIENCE, Together, eventually
from tests.submissions import make_zip
from tests.support.needs import needs
from tests.support.tracing import ROOT

needs("psutil")
needs("jinja2")
pytestmark = pytest.mark.grading

STUDENTS = [f"10{n:02}_ada_lovelace" for n in range(8)]


@pytest.fixture
def together(tmp_path):
    """Make a class of eight, which graders share; whatever is at work at the end is ended."""
    for name in STUDENTS:
        hand_in(tmp_path / "submissions", f"{name}.zip")
    made = Together(tmp_path)
    yield made
    made.end()


def rows(out):
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_each_is_published_once(together, graded_again=()):
    """Check the class after its graders: a result of one unit for each, and tables that have them all."""
    units = {name: unit for _, name, unit in together.events("published")}
    assert {(name, unit) for _, name, unit in together.events("published")} == set(units.items()), "two results of one"
    assert sorted(units) == STUDENTS
    assert {name: result["checks"][0]["message"] for name, result in together.results().items()} == units
    assert {(row["zip"], row["status"]) for row in rows(together.out)} == {
        (f"{name}.zip", "graded") for name in STUDENTS
    }
    times = [name for _, name, _ in together.events("graded")]
    assert sorted(times) == sorted([*STUDENTS, *graded_again])


# -------------------------------------------------------------------------------------------------- side by side


def test_graders_share_a_class_and_leave_what_one_alone_does(together, tmp_path):
    graders = [together.start(hangs={"grade": "any"}) for _ in range(3)]
    assert len({grader.hangs() for grader in graders}) == 3, "each has another one"
    for grader in graders:
        grader.release()
    assert [grader.wait() for grader in graders] == [0, 0, 0]
    assert_each_is_published_once(together)
    assert len(together.events("tables")) == 1
    assert not (together.out / FOLDER).exists()
    progress = read_progress(together.out)
    assert (progress.done, progress.submissions, progress.phase) == (8, 8, "ended")
    said = [grader.said.read_text() for grader in graders]
    assert sum("8 submissions: 8 graded" in text for text in said) == 1
    assert sum("another grader has written the tables" in text for text in said) == 2
    alone = Together(tmp_path / "alone")
    alone.submissions = together.submissions
    assert alone.start(flags={"claim": False}).wait() == 0
    for table in ("grades.csv", "manual.csv", "not-graded.csv"):
        assert (together.out / table).read_bytes() == (alone.out / table).read_bytes()
    names = [sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) for out in (together.out, alone.out)]
    assert names[0] == names[1]


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_what_is_graded_is_not_graded_again_and_new_points_count(together):
    assert together.start().wait() == 0
    manual = together.out / "manual.csv"
    manual.write_text(manual.read_text().replace("1003_ada_lovelace.zip,", "1003_ada_lovelace.zip,7"))
    hand_in(together.submissions, "1003_ada_lovelace.zip")
    graders = [together.start() for _ in range(2)]
    assert [grader.wait() for grader in graders] == [0, 0]
    assert_each_is_published_once(together)
    assert [row["score"] for row in rows(together.out)].count("64") == 1


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_a_grader_that_comes_when_all_is_graded_sees_to_it_that_the_tables_are_of_all(together):
    first = together.start(hangs={"tables": "any"})
    first.hangs()
    hand_in(together.submissions, "1099_alan_turing.zip")
    second = together.start()
    eventually(lambda: [name for who, name, _ in together.events("published") if who == second.number])
    first.release()
    assert [first.wait(), second.wait()] == [0, 0]
    assert len(rows(together.out)) == 9


# --------------------------------------------------------------------------------------------------- what goes wrong


def test_what_a_killed_grader_had_is_graded_by_another(together):
    victim = together.start(hangs={"grade": "any"})
    name = victim.hangs()
    other = together.start()
    eventually(lambda: len(together.events("published")) == 7)
    assert eventually(lambda: read_progress(together.out)).phase == "grading"
    victim.send(signal.SIGKILL)
    assert other.wait() == 0
    assert f'which has "{name}.zip" and gives no sign of life' in other.said.read_text()
    assert_each_is_published_once(together)
    assert {who for who, graded, _ in together.events("graded") if graded == name} == {other.number}


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_what_a_grader_had_graded_when_it_was_ended_is_published_by_another_and_not_graded_again(together, end):
    victim = together.start(hangs={"publish": "any"})
    name = victim.hangs()
    victim.send(end)
    assert together.start().wait() == 0
    assert_each_is_published_once(together)
    assert [who for who, graded, _ in together.events("graded") if graded == name] == [victim.number]
    if end == signal.SIGSTOP:
        victim.release()
        victim.send(signal.SIGCONT)
        assert victim.wait() == 0
        assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_a_grader_that_was_only_slow_drops_what_another_has_published(together):
    slow = together.start(hangs={"grade": "any"})
    name = slow.hangs()
    slow.send(signal.SIGSTOP)
    assert together.start().wait() == 0
    assert_each_is_published_once(together)
    slow.release()
    slow.send(signal.SIGCONT)
    assert slow.wait() == 0
    assert_each_is_published_once(together, graded_again=[name])


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_what_a_grader_had_while_it_was_stopped_is_graded_by_another(together):
    stopped = together.start(hangs={"grade": "any"}, standstill=0.7, pace=Pace(beat=0.1, stale=3600, look=0.05))
    name = stopped.hangs()
    other = together.start(pace=Pace(beat=0.1, stale=3600, look=0.05))
    eventually(lambda: len(together.events("published")) == 7)
    stopped.send(signal.SIGSTOP)
    time.sleep(1)
    stopped.release()
    stopped.send(signal.SIGCONT)
    assert [stopped.wait(), other.wait()] == [0, 0]
    assert_each_is_published_once(together, graded_again=[name])
    assert together.results()[name]["checks"][0]["message"] in {
        unit for who, _, unit in together.events("graded") if who == other.number
    }


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_of_two_that_graded_one_submission_the_first_to_say_so_is_published(together):
    slow = together.start(hangs={"commit": "any"})  # it has seen that what it graded is still its own
    name = slow.hangs()
    slow.send(signal.SIGSTOP)
    other = together.start(hangs={"publish": name})  # it has taken over, graded, and made its result the one
    assert other.hangs() == name
    slow.release()
    slow.send(signal.SIGCONT)
    assert slow.wait() == 0
    other.release()
    assert other.wait() == 0
    assert_each_is_published_once(together, graded_again=[name])
    ((_, _, unit),) = [event for event in together.events("graded") if event[:2] == (other.number, name)]
    assert together.results()[name]["checks"][0]["message"] == unit


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_what_is_published_stays_whatever_another_grader_brings_late(together):
    slow = together.start(hangs={"commit": "any"})
    name = slow.hangs()
    slow.send(signal.SIGSTOP)
    other = together.start(hangs={"tables": "any"})
    other.hangs()
    slow.release()
    slow.send(signal.SIGCONT)
    eventually(lambda: "graded here" in slow.said.read_text())
    other.release()
    assert [slow.wait(), other.wait()] == [0, 0]
    assert_each_is_published_once(together, graded_again=[name])
    assert len(together.events("published")) == 8


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_who_is_killed_while_it_writes_the_tables_is_replaced(together):
    victim = together.start(hangs={"tables": "any"})
    victim.hangs()
    other = together.start()
    time.sleep(2 * PACE.look)
    victim.send(signal.SIGKILL)
    assert other.wait() == 0
    assert_each_is_published_once(together)
    assert read_progress(together.out).phase == "ended"


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_one_that_is_stopped_gives_back_what_it_has_at_once(together):
    stopped = together.start(hangs={"grade": "any"})
    stopped.hangs()
    other = together.start(pace=Pace(beat=0.1, stale=3600, look=0.05))
    eventually(lambda: len(together.events("published")) == 7)
    stopped.send(signal.SIGINT)
    assert stopped.wait() == 130
    assert other.wait() == 0
    assert_each_is_published_once(together)


def test_clocks_that_are_off_by_a_day_change_nothing(together):
    over = threading.Event()

    def shift():
        """Give all files times that are off, as those of other machines' clocks."""
        while not over.wait(0.01):
            for path in together.out.glob(f"{FOLDER}/*"):
                moment = time.time() + random.choice([-86400, 0, 86400])
                try:
                    os.utime(path, (moment, moment))
                except OSError:
                    continue

    shifting = threading.Thread(target=shift)
    shifting.start()
    try:
        victim = together.start(clock=86400, hangs={"grade": "any"})
        victim.hangs()
        graders = [together.start(clock=days * 86400, seconds=0.2) for days in (-1, 0, 1)]
        eventually(lambda: together.events("graded"))
        victim.send(signal.SIGKILL)
        assert [grader.wait() for grader in graders] == [0, 0, 0]
    finally:
        over.set()
        shifting.join()
    assert_each_is_published_once(together)


def test_a_machine_whose_disk_is_full_takes_no_more_and_costs_nobody_anything(together):
    good = together.start(hangs={"grade": "any"})
    good.hangs()
    full = together.start(full="scratch")
    assert full.wait() == 1
    good.release()
    assert "5 submissions in a row failed on" in full.said.read_text()
    assert "No space left on device" in full.said.read_text()
    assert good.wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_results_that_have_no_room_end_a_grader_and_are_graded_when_there_is_room_again(together):
    full = together.start(full="out")
    assert full.wait() == 1
    assert "No space left on device. Free some space there" in full.said.read_text()
    assert 0 < len(together.results()) < 8
    assert not (together.out / "grades.csv").exists()
    assert together.start().wait() == 0
    assert sorted(together.results()) == STUDENTS
    assert {row["status"] for row in rows(together.out)} == {"graded"}


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_what_every_grader_fails_on_is_crashed_and_tried_again_by_the_next_run(together):
    graders = [together.start(fails=(STUDENTS[3],)) for _ in range(2)]
    assert [grader.wait() for grader in graders] == [1, 1]
    (crashed,) = [row for row in rows(together.out) if row["status"] != "graded"]
    assert (crashed["zip"], crashed["status"], crashed["score"]) == (f"{STUDENTS[3]}.zip", "crashed", "")
    log = (together.out / "submissions" / STUDENTS[3] / "error.log").read_text()
    assert "a slip of the grader's" in log
    assert {who for who, name, _ in together.events("began") if name == STUDENTS[3]} == {0, 1}, "both have tried"
    assert together.start().wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_what_one_grader_fails_on_another_grades_also_where_it_comes_late(together):
    failing = together.start(fails=tuple(STUDENTS), seconds=0, hangs={"tables": "any"})
    failing.hangs()  # it was alone, and has failed on all
    other = together.start(hangs={"publish": STUDENTS[0]})
    assert other.hangs() == STUDENTS[0]
    failing.release()
    assert failing.wait() == 1
    other.release()
    assert other.wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_a_failure_is_not_written_over_what_another_grader_has_made_of_it_meanwhile(together):
    failing = together.start(fails=tuple(STUDENTS), seconds=0, hangs={"conclude": "any"})
    failing.hangs()
    other = together.start(hangs={"publish": STUDENTS[0]})
    other.hangs()
    failing.release()
    assert failing.wait() == 1
    statuses = {row["zip"]: row["status"] for row in rows(together.out)}
    assert statuses[f"{STUDENTS[0]}.zip"] == "waiting"
    assert f'waiting: "{STUDENTS[0]}.zip": another grader is trying it once more' in failing.said.read_text()
    assert set(statuses.values()) <= {"waiting", "graded", "crashed"}
    other.release()
    assert other.wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_a_zip_that_is_replaced_has_the_result_of_who_collected_it_last(together):
    first = together.start(hangs={"grade": "any"})
    had = first.hangs()
    replaced = next(name for name in STUDENTS if name != had)
    (together.submissions / f"{replaced}.zip").write_bytes(make_zip({"model_no1.py": b"another"}))
    second = together.start(hangs={"tables": "any"})
    eventually(lambda: len(together.events("published")) == 7)
    result = together.results()[replaced]
    first.release()
    assert second.hangs() == ""
    second.release()
    assert [first.wait(), second.wait()] == [0, 0]
    assert "the class has changed since it was collected" in first.said.read_text()
    assert together.results()[replaced]["zip_sha256"] == result["zip_sha256"]
    assert together.results()[replaced]["checks"] == result["checks"]
    assert {row["status"] for row in rows(together.out)} == {"graded"}
    assert len(together.events("graded")) == 8


def test_who_collected_before_a_submission_came_takes_it_from_no_table(together):
    late = together.submissions.parent / "1008_ada_lovelace.zip"
    hand_in(late.parent, late.name)
    first = together.start(hangs={"grade": "any"})
    first.hangs()
    late.rename(together.submissions / late.name)
    second = together.start()
    eventually(lambda: len(together.events("published")) == 8)
    first.release()
    assert [first.wait(), second.wait()] == [0, 0]
    assert {row["zip"]: row["status"] for row in rows(together.out)} == {
        f"{name}.zip": "graded" for name in (*STUDENTS, late.stem)
    }
    assert "gone" not in first.said.read_text() + second.said.read_text()


def test_a_submission_that_comes_while_one_alone_grades_is_graded_too(together):
    grader = together.start(hangs={"grade": "any"})
    grader.hangs()
    hand_in(together.submissions, "1008_ada_lovelace.zip")
    grader.release()
    assert grader.wait() == 0
    assert len(rows(together.out)) == 9
    assert sorted(name for _, name, _ in together.events("graded")) == [*STUDENTS, "1008_ada_lovelace"]


@pytest.mark.usefixtures("sandbox")
def test_sigterm_ends_a_grader_as_ctrl_c_does(tmp_path):
    hand_in(tmp_path / "submissions", f"{STUDENTS[0]}.zip")
    out = tmp_path / "grades"
    command = [sys.executable, "-m", "grading", tmp_path / "submissions", "--out", out, "--claim", "--no-train"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    eventually(lambda: list(out.glob(f"{FOLDER}/claim.*")))
    process.terminate()
    assert "stopped by SIGTERM; what is graded is kept" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 143
    assert not (out / FOLDER).exists(), "what it had is given back"


# -------------------------------------------------------------------------------------------------- who may share


def another_class(together, tmp_path, *names):
    """Return those who would grade other submissions into the same folder."""
    another = Together(tmp_path / "another")
    another.out = together.out
    for name in names:
        hand_in(another.submissions, f"{name}.zip")
    return another


def test_another_class_into_the_same_folder_is_refused_and_disturbs_nobody(together, tmp_path):
    first = together.start(hangs={"grade": "any"})
    first.hangs()
    another = another_class(together, tmp_path, "2000_grace_hopper", "2001_grace_hopper")
    other = another.start(seconds=PACE.beat * 30)
    assert other.wait() == 1
    assert "grades other submissions into" in other.said.read_text()
    first.release()
    assert first.wait() == 0
    assert {row["zip"] for row in rows(together.out)} == {f"{name}.zip" for name in STUDENTS}


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_of_two_classes_that_start_at_once_one_is_refused_and_the_other_is_graded(together, tmp_path):
    others = {f"200{n}_grace_hopper" for n in range(8)}
    another = another_class(together, tmp_path, *others)
    graders = [one.start(seconds=PACE.beat * 2) for one in (together, another)]
    assert sorted(grader.wait() for grader in graders) == [0, 1]
    said = "".join(grader.said.read_text() for grader in graders)
    assert said.count("grades other submissions into") == 1
    assert {row["zip"].removesuffix(".zip") for row in rows(together.out)} in (set(STUDENTS), others)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_another_class_is_refused_by_who_is_at_work_when_the_first_is_gone(together, tmp_path):
    victim = together.start(hangs={"grade": "any"})
    victim.hangs()
    second = together.start(hangs={"grade": "any"})
    second.hangs()
    victim.send(signal.SIGKILL)
    another = another_class(together, tmp_path, "2000_grace_hopper")
    other = another.start(seconds=PACE.stale / 2)  # so that it is refused long before the first counts for gone
    assert other.wait() == 1
    assert f"(process {second.pid}) grades other submissions into" in other.said.read_text()
    second.release()
    assert second.wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_of_several_at_once_those_of_the_first_ones_class_stay(together, tmp_path):
    first = together.start(hangs={"grade": "any"})
    first.hangs()
    another = another_class(together, tmp_path, "2000_grace_hopper")
    second, other = [one.start(seconds=PACE.beat * 4) for one in (together, another)]
    assert other.wait() == 1
    first.release()
    assert (first.wait(), second.wait()) == (0, 0)
    assert {row["zip"] for row in rows(together.out)} == {f"{name}.zip" for name in STUDENTS}


@pytest.mark.parametrize("make", ["file", "folder"])
def test_a_claim_that_can_not_be_read_is_taken_over_and_told(together, make):
    claim = together.out / FOLDER / f"claim.{STUDENTS[3]}.1"
    claim.parent.mkdir(parents=True)
    claim.touch() if make == "file" else claim.mkdir()
    grader = together.start()
    assert grader.wait() == 0
    assert_each_is_published_once(together)
    assert f'which has "{STUDENTS[3]}.zip" and gives no sign of life' in grader.said.read_text()


def test_a_file_in_place_of_the_graders_folder_is_told(tmp_path):
    (tmp_path / FOLDER).touch()
    with pytest.raises(GradingError, match="is a file, and the graders' folder goes there"), Claims(tmp_path, {}):
        pass


def test_files_that_differ_are_named_without_their_hashes():
    one, other = "0123456789abcdef", "fedcba9876543210"
    assert claims._difference("--roster", one, other) == "another --roster"
    assert claims._difference("--roster", one, "") == "--roster there only"
    assert claims._difference("--roster", "", one) == "--roster here only"
    assert claims._difference("sandbox", "bubblewrap", "") == "sandbox 'bubblewrap', here ''"


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_another_version_of_the_kit_is_refused_by_name_and_disturbs_nobody(together):
    first = together.start(hangs={"grade": "any"})
    first.hangs()
    other = together.start(kit="fedcba9876543210")
    assert other.wait() == 1
    said = other.said.read_text()
    assert f"(process {first.pid}) grades into {together.out} with --claim by other terms" in said
    assert "(another code of the kit, or Python, or packages)" in said
    training = together.start(flags={"train": False, "archive": [together.out]})
    assert training.wait() == 1
    assert "--archive ''" in training.said.read_text()
    first.release()
    assert first.wait() == 0
    assert_each_is_published_once(together)


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_of_two_versions_that_start_at_once_one_grades_all(together):
    graders = [together.start(kit=kit) for kit in ("0123456789abcdef", "fedcba9876543210")]
    assert sorted(grader.wait() for grader in graders) in ([0, 0], [0, 1]), "one after the other, or one of them"
    assert len({result["kit"] for result in together.results().values()}) == 1
    assert len(together.results()) == 8


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_another_version_takes_over_from_one_that_was_killed(together):
    victim = together.start(hangs={"grade": "any"})
    victim.hangs()
    eventually(lambda: (together.out / FOLDER).glob("terms.*"))
    victim.send(signal.SIGKILL)
    other = together.start(kit="fedcba9876543210")
    assert other.wait() == 0
    assert "waiting to see whether" in other.said.read_text()
    assert {result["kit"] for result in together.results().values()} == {"fedcba9876543210"}
    assert {row["status"] for row in rows(together.out)} == {"graded"}


@pytest.mark.course
@pytest.mark.sample(6, of="graders that share a class")
def test_a_grader_without_claims_and_those_with_them_keep_each_other_out(together):
    sharing = together.start(hangs={"grade": "any"})
    sharing.hangs()
    assert is_graded_now(together.out)
    alone = together.start(flags={"claim": False})
    assert alone.wait() == 1
    assert "graders with --claim are at work in" in alone.said.read_text()
    assert "join them with --claim" in alone.said.read_text()
    sharing.release()
    assert sharing.wait() == 0
    assert not is_graded_now(together.out)
    with locked(together.out):
        late = together.start()
        assert late.wait() == 1
        assert f"another grader is at work in {together.out} (process {os.getpid()})" in late.said.read_text()


def test_who_asks_while_others_ask_is_not_told_that_somebody_grades(tmp_path):
    (tmp_path / ".lock").touch()
    over, wrong = time.monotonic() + 0.5, []

    def ask():
        while time.monotonic() < over:
            wrong.extend([1] * is_graded_now(tmp_path))
            time.sleep(random.uniform(0, 0.003))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert wrong == []


def test_grading_all_again_is_not_for_several(together, capsys):
    given = [str(together.submissions), "--out", str(together.out), "--no-train", "--claim", "--regrade"]
    assert main(given) == 1
    assert "--regrade with --claim would have each grader grade all again" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------- what it all hangs on


def _race(folder, number, rounds, barrier, won):
    claims.PACE, os.fsync = Pace(beat=3600, stale=0, look=0), lambda descriptor: None
    with Claims(folder, {"kit": "1"}) as mine:
        for n in range(rounds):
            mine.look(now=True)
            assert mine.is_free(f"s{n}"), "the claim of one that is gone"
            barrier.wait(30)
            if mine.take(f"s{n}"):
                won.put((n, number))
            barrier.wait(30)


def test_of_several_that_race_for_the_claim_of_one_that_is_gone_one_gets_it(tmp_path):
    racers, rounds = 4, 50
    context = multiprocessing.get_context("forkserver")
    (tmp_path / FOLDER).mkdir()
    gone = Claims(tmp_path, {"kit": "1"})
    for n in range(rounds):
        gone.take(f"s{n}")
    barrier, won = context.Barrier(racers), context.Queue()
    processes = [
        context.Process(target=_race, args=(tmp_path, number, rounds, barrier, won)) for number in range(racers)
    ]
    for process in processes:
        process.start()
    winners = [won.get(timeout=60) for _ in range(rounds)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert won.empty()
    assert sorted(n for n, _ in winners) == list(range(rounds))
    assert len({number for _, number in winners}) > 1


def test_a_file_is_made_by_one_only_and_whole(tmp_path):
    assert create_once(tmp_path / "new" / "claim.a.1", b"first")
    assert not create_once(tmp_path / "new" / "claim.a.1", b"second")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["claim.a.1"]
    assert (tmp_path / "new" / "claim.a.1").read_bytes() == b"first"


def test_an_answer_that_was_lost_on_the_way_does_not_lose_the_file(tmp_path, monkeypatch):
    link = os.link

    def without_answer(source, target):
        link(source, target)
        raise FileExistsError(errno.EEXIST, "the request was sent again")

    monkeypatch.setattr(os, "link", without_answer)
    assert create_once(tmp_path / "claim.a.1", b"mine")


def test_a_file_system_without_hard_links_is_told(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", none)
    with pytest.raises(GradingError, match="without hard links, which --claim needs"), Claims(tmp_path, {}):
        pass
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(WriteError, match="full"):
        create_once(tmp_path / "claim.a.1", b"mine")
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_time_in_which_one_did_not_look_makes_nobody_gone(tmp_path, monkeypatch):
    moment = itertools.count(1000)
    with Claims(tmp_path, {"kit": "1"}) as other, Claims(tmp_path, {"kit": "1"}) as mine:
        other.take("a")
        mine.look(now=True)
        monkeypatch.setattr(claims.time, "monotonic", lambda: 10_000.0 + 10_000 * next(moment))
        for _ in range(5):  # hours between two looks, as of a machine that slept
            mine.look(now=True)
            assert not mine.is_free("a")
        for _ in range(20):
            mine.look(now=True)
        assert mine.is_free("a")


def test_a_unit_that_failed_everywhere_is_given_up_with_what_went_wrong(tmp_path):
    graders = [Claims(tmp_path, {"kit": "1"}) for _ in range(5)]
    for grader in graders:
        grader.__enter__()
    try:
        for n, grader in enumerate(graders[: claims.ATTEMPTS]):
            grader.look(now=True)
            assert grader.given_up("a") is None
            assert grader.take("a")
            grader.fail("a", GradedUnit(UnitStatus.FAILED, f"node{n}", problem="a slip"))
        graders[4].look(now=True)
        failure = graders[4].given_up("a")
        assert (failure.outcome, failure.problem) == (UnitStatus.FAILED, "a slip")
        graders[4].look(now=True)
        assert graders[4].commit("b", "k" * 64, GradedUnit(UnitStatus.GRADED, "node4", checks()))
        assert not graders[3].commit("b", "k" * 64, GradedUnit(UnitStatus.GRADED, "node3", checks()))
        assert graders[3].committed("b", "k" * 64).machine == "node4"
        assert graders[3].committed("b", "l" * 64) is None, "of other terms"
    finally:
        for grader in graders:
            grader.__exit__()
    assert not (tmp_path / FOLDER).exists()
