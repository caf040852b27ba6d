"""What `grading.py` does in processes of their own, because a class and its grader are not to be in its memory.

    python -m benchmarks.grading_process make FOLDER STUDENTS     a class of good students, with work of their own
    python -m benchmarks.grading_process grade [FLAGS]...         grades as `python -m grading` does

The latter prints, on its last line, a JSON with the seconds it took, the processor time of everything that it started
and of itself, and the most memory that the grader itself held.
"""

import json
import resource
import sys
import time
from pathlib import Path

from grading.__main__ import main
from tests.submissions import make_zip
from tests.submissions.generate import Student


def make(folder: Path, students: int) -> None:
    """Write a zip for each student."""
    folder.mkdir(parents=True)
    for number in range(students):
        student = Student(str(180_000 + number), "ada", "lovelace", seed=str(number))
        (folder / student.zip_name("{id}_{name}_{surname}.zip")).write_bytes(make_zip(student.files()))


def grade(flags: list[str]) -> int:
    """Grade, and print what it cost; return the exit status."""
    started = time.perf_counter()
    status = main(flags)
    seconds = time.perf_counter() - started
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cost = {
        "seconds": seconds,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in (own, others)),
        "peak_bytes": own.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(cost))
    return status


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(grade(sys.argv[2:]))
