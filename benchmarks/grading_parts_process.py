"""What `grading_parts.py` does for one kit, in a process of its own, from that kit's folder.

    python benchmarks/grading_parts_process.py SUBMISSIONS OUT

It grades one submission at a time without training, and prints on its last line a JSON: processor seconds by part. It
looks on from outside: at what a sandbox reports at its end, at what the worker tells of its tasks, and in /proc at what
the inspector has used before and after each request. What starts and watches a sandbox is what was waited for beyond
that. The inspector lives on, so that this is not known of it.
"""

import json
import os
import resource
import sys
from collections.abc import Sequence
from typing import Any

sys.path.insert(0, os.getcwd())  # the kit's folder, which need not be this file's

from grading.__main__ import main
from grading.networks.inspection import Inspector
from grading.sandbox.runner import Sandbox

IMPORT, START = "worker: start, TensorFlow's import", "inspector: start, once a class"
READING, SANDBOXES = "inspector: reading and comparing", "sandboxes: start and watch"
ITSELF = "the grader itself, its start too"
TASKS = {"export": "worker: export", "run": "worker: 20 steps"}
READERS = {
    "labkit.checks.report.reader": "report's reader",
    "grading.inside.trusted.text_reader": "reader of texts",
}
TICKS = os.sysconf("SC_CLK_TCK")


def seconds_below(pid: int) -> float:
    """Return the processor time of all that a process started, and of what has ended and was waited for."""
    used: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # it has ended
            continue
        used[int(number)] = sum(map(int, fields[11:15])) / TICKS
        children.setdefault(int(fields[1]), []).append(int(number))
    seconds, queue = 0.0, [pid]
    while queue:
        below = children.get(queue.pop(), [])
        seconds += sum(used[child] for child in below)
        queue += below
    return seconds


def seconds_of(who: int) -> float:
    """Return the processor time of this process, or of those that it has waited for."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def watch(parts: dict[str, float]) -> None:
    """Have sandboxes and inspector add to `parts` what they use."""
    run, inspect = Sandbox.run, Inspector.inspect

    def watched_run(self: Sandbox, command: Sequence[str], **options: Any) -> Any:
        before = seconds_of(resource.RUSAGE_CHILDREN)
        outcome = run(self, command, **options)
        parts[SANDBOXES] += max(0.0, seconds_of(resource.RUSAGE_CHILDREN) - before - outcome.cpu_seconds)
        output = options.get("output")
        tasks = []
        if output and (output / "report.json").is_file():
            tasks = json.loads((output / "report.json").read_bytes())["tasks"]
        for task in tasks:
            parts[TASKS[task["task"]]] += task["cpu_seconds"]
        own = outcome.cpu_seconds - sum(task["cpu_seconds"] for task in tasks)
        parts[IMPORT if tasks else READERS.get(command[2], SANDBOXES)] += own  # else a trial of the sandbox itself
        return outcome

    def watched_inspect(self: Inspector, *arguments: Any, **options: Any) -> Any:
        before = seconds_below(os.getpid())  # of nothing else: one submission at a time
        parts[START] = parts[START] or before
        inspection = inspect(self, *arguments, **options)
        parts[READING] += seconds_below(os.getpid()) - before
        return inspection

    Sandbox.run, Inspector.inspect = watched_run, watched_inspect


if __name__ == "__main__":
    names = [IMPORT, *TASKS.values(), READING, *READERS.values(), SANDBOXES, START, ITSELF]
    parts = dict.fromkeys(names, 0.0)
    watch(parts)
    status = main([sys.argv[1], "--out", sys.argv[2], "--no-train", "--jobs", "1"])
    parts[ITSELF] = seconds_of(resource.RUSAGE_SELF)
    print(json.dumps(parts))
    sys.exit(status)
