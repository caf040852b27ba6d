"""Tasks in children of their own: what they return is believed, and nothing that merely looks like it."""

import json
import os
import subprocess
import sys

import pytest

from labkit.forks import LOG_BYTES, PATIENCE
from tests.support.tracing import ROOT

pytestmark = [pytest.mark.grading, pytest.mark.skipif(sys.platform != "linux", reason="the grader needs Linux")]

# In a process of its own, because all that has been started from there is ended. What is printed goes to descriptor 1.
PROGRAM = """
import json, os, signal, sys, time
from dataclasses import asdict
from labkit import forks

def task():
    {task}

forks.PATIENCE = {patience}
forks.protect()
ended = forks.run(task, {seconds})
print(json.dumps(asdict(ended)))
"""


def end(task, seconds=20, patience=PATIENCE):
    """Return how `task`, the source of a function, ends."""
    program = PROGRAM.format(task=task, seconds=seconds, patience=patience)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_what_a_task_returns_comes_back_with_what_it_printed():
    ended = end('print("ciao", flush=True); return {"steps": 20}')
    assert (ended["ended"], ended["result"], ended["log"]) == ("done", {"steps": 20}, "ciao\n")


@pytest.mark.parametrize(
    ("task", "how", "status"),
    [
        ("os._exit(0)", "exit", 0),
        ("sys.exit(0)", "exit", 1),
        ("1 / 0", "exit", 1),
        ("return object()", "exit", 1),  # that is no JSON
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal", 11),
        ("""os.write(3, b'{{"nonce": "guessed", "result": {{}}}}'); os._exit(0)""", "exit", 0),
        ("while True: os.write(3, bytes(1000))", "flood", 9),
        ("while True: print('x' * 1000)", "flood", 9),
        ("for _ in range(9): os.fork()\n    time.sleep(600)", "timeout", 9),
    ],
)
def test_a_task_that_does_not_return_has_no_result(task, how, status):
    ended = end(task, seconds=1)
    assert (ended["ended"], ended["status"], ended["result"]) == (how, status, None)
    assert len(ended["log"]) < 2 * LOG_BYTES


def test_a_task_that_goes_on_is_ended():
    assert end("time.sleep(10**6)", seconds=0.2)["ended"] == "timeout"


def test_what_a_task_has_started_ends_with_it():
    ended = end("""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print(os.getpid(), flush=True)
            time.sleep(600)
        os._exit(0)
    time.sleep(0.2)
    """)
    assert ended["ended"] == "done"
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended["log"]), 0)


def test_a_name_that_is_no_text_hides_nothing():
    ended = end("""
    import ctypes
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"\\xff) 1", 0, 0, 0)
        print(os.getpid(), flush=True)
        time.sleep(600)
    time.sleep(0.2)
    """)
    assert ended["ended"] == "done"
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended["log"]), 0)


def test_time_in_which_a_task_waits_for_a_processor_does_not_count():
    other = "if os.fork() == 0:\n        while True: pass\n    "
    one_processor = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n    "
    work = "while time.process_time() < 0.8: pass\n    return 'done'"
    # Each has half of the processor: 1.6 s. Where other programs take some of it, too, it has to wait for longer.
    ended = end(one_processor + other + work, seconds=1, patience=30)
    assert (ended["ended"], ended["result"]) == ("done", "done")
    assert ended["seconds"] > 1


def test_a_task_that_waits_for_something_else_has_no_more_time():
    ended = end("time.sleep(600)", seconds=1)
    assert ended["ended"] == "timeout"
    assert ended["seconds"] < 3
