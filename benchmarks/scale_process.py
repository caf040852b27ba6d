"""What `scale.py` measures in processes of their own, so that each begins with the same memory.

    python -m benchmarks.scale_process grade 1000 100    a class by the coordinator, on simulated workers
    python -m benchmarks.scale_process compare 1000      who shares what
    python -m benchmarks.scale_process page 1000 100     the class page of a class that is graded so
    python -m benchmarks.scale_process engine 1000 2     units that do nothing, by Dask

The numbers are of submissions and of workers. Each prints, on its last line, a JSON of what it measured.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.measuring import positive
from benchmarks.simulated_workers import RECORDED, SimulatedWorkers, makespan
from grading import assessment
from grading.batch import Batch
from grading.course import _write_tables
from grading.inside.trusted.fingerprints import KINDS
from grading.intake.contents import Content
from grading.intake.submission import Submission
from grading.layout import CODE, REPORT, STILL_REPORT, SUBMISSIONS
from grading.options import Options
from grading.progress import Progress
from grading.results.manual import FILE as MANUAL
from grading.results.manual import Manual, read_manual
from grading.results.summary import gone, summary
from grading.similarity.comparing import Library
from grading.similarity.pairs import Source, find_pairs, version
from grading.similarity.similarity_page import write_page
from grading.unit import FINGERPRINTS, GradedUnit, UnitStatus
from grading.workers import Workers
from labkit.checks.assignment import CHECK_IDS, DEFAULT, load_assignment
from labkit.checks.check import failed, passed
from labkit.formats import FORMAT
from labkit.networks import LAYERS

ZIP_BYTES, REPORT_BYTES, CODE_BYTES = 200_000, 100_000, 54_000  # of a submission, its report, its code as it is shown
LOG = "a line that a script printed\n" * 10
LAYERS_OF = {name: tuple(map(str, layers)) for name, layers in LAYERS.items()}
KIT = "0123456789abcdef"
LARGE = 10_000  # submissions: their files take 2.5 GB


def main(part: str, submissions: int, workers: int) -> None:
    """Measure one part, and print what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(PARTS[part](Path(folder), submissions, workers)))


# --------------------------------------------------------------------------------------------------------- coordinator


def grade(folder: Path, submissions: int, workers: int) -> dict[str, Any]:
    """Grade a class, write its tables, and read the points that somebody gave. Seconds are of the processor."""
    class_ = _submissions(folder, submissions)
    durations = random.Random(0).choices(RECORDED, k=submissions)
    answer = _forgetful(folder / "grades" / SUBMISSIONS, class_) if submissions > LARGE else _answer
    simulated = SimulatedWorkers(workers, durations, answer)
    batch, before, started = _batch(folder, submissions), _memory(), time.perf_counter()
    rows = batch.grade(class_, Workers(simulated, bytes, simulated.count))
    memory, wall = _memory() - before, time.perf_counter() - started
    assignment, out = load_assignment(), folder / "grades"

    def write_tables() -> None:
        _write_tables(out, rows, assignment)
        summary(rows, Manual([], []), out, trained=True, lost=0)
        gone(rows, out)

    def read_points() -> None:
        _mark_everything(out / MANUAL)
        read_manual(out / MANUAL, assignment.manual, assignment.points)

    return {
        "virtual_seconds": simulated.now,
        "ideal_seconds": makespan(durations, workers),
        "work_seconds": sum(durations),
        "wall_seconds": wall,
        "costs": simulated.costs,
        "memory_bytes": memory,
        "tables_seconds": _seconds(write_tables),
        "manual_seconds": _seconds(read_points),
    }


def _batch(folder: Path, submissions: int) -> Batch:
    out = folder / "grades"
    out.mkdir(exist_ok=True)
    options = Options(folder, out, 0o755, DEFAULT, True, 1, False, [], False, folder)
    setup = assessment.Setup(load_assignment(), "bubblewrap", True, KIT)
    # No sandbox: whatever is to be compared comes with its fingerprints.
    library = Library(out, None, folder)  # pyright: ignore[reportArgumentType]
    progress = Progress(out, submissions)
    return Batch(options, setup, Manual([], []), library, progress)


def _submissions(folder: Path, count: int) -> list[Submission]:
    """Return a class, all of whom have the same file on the disk, under hashes of their own."""
    (folder / "submission.zip").write_bytes(os.urandom(ZIP_BYTES))
    content = Content.of_file(folder / "submission.zip")
    return [
        Submission(
            folder / f"{100_000 + number}_ada_lovelace.zip",
            f"{100_000 + number}_ada_lovelace",
            datetime(2027, 1, 31, 12, tzinfo=timezone.utc),
            content=content,
            sha256=f"{number:064x}",
            id=str(100_000 + number),
            name="ada",
            surname="lovelace",
            sound=True,
        )
        for number in range(count)
    ]


def _answer(number: int) -> bytes:
    """Return what comes back of a submission: one check in ten failed, and files of the usual sizes."""
    checks = []
    for place, name in enumerate(CHECK_IDS):
        what = {"log": LOG, "layers": LAYERS_OF.get(name.subject, ()) if name.group == "architecture" else ()}
        if (number + place) % 10 == 0:
            checks.append(failed(name, f"layer {place} is not what was asked for", fraction=0.5, **what))
        else:
            checks.append(passed(name, f"the layers are those of {name.subject}", **what))
    kept = {REPORT: bytes(REPORT_BYTES), STILL_REPORT: bytes(REPORT_BYTES), CODE: bytes(CODE_BYTES)}
    return GradedUnit(UnitStatus.GRADED, checks=checks, kept=kept | {FINGERPRINTS: bytes(35_000)}).encode()


def _forgetful(results: Path, class_: list[Submission]) -> Callable[[int], bytes]:
    """Return an `_answer` that removes the files kept of the one before: those of a large class fill a disk."""
    last: list[int] = []

    def answer(number: int) -> bytes:
        for before in last:
            for name in (REPORT, STILL_REPORT, CODE):
                (results / class_[before].stem / name).unlink(missing_ok=True)
        last[:] = [number]
        return _answer(number)

    return answer


def _mark_everything(path: Path) -> None:
    """Give each submission points for each item, as if somebody had."""
    head, *rows = path.read_text().splitlines()
    items = {item.name for item in load_assignment().manual}
    places = [place for place, name in enumerate(head.split(",")) if name in items]
    for number, row in enumerate(rows):
        cells = row.split(",")
        for place in places:
            cells[place] = "1"
        rows[number] = ",".join(cells)
    path.write_text("\n".join([head, *rows]) + "\n")


# ---------------------------------------------------------------------------------------------------------- similarity


def compare(folder: Path, submissions: int, _: int) -> dict[str, Any]:
    """Find the pairs of a class whose fingerprints are drawn at random, and write the page."""
    sources = []
    for number, prints in enumerate(_fingerprints(submissions)):
        file = folder / f"{number}.json"
        places = {kind: [[value, 0, 0, 0, 0] for value in values] for kind, values in prints.items()}
        record = {"format": FORMAT, "problem": "", "files": [["model_no1.py", ["x = 1"]]], "prints": places}
        file.write_text(json.dumps(record | {"version": version()}))
        sources.append(Source(file, f"student {number}", str(number), str(number)))
    before, pairs = _memory(), []

    def find() -> None:
        pairs.extend(find_pairs(sources, [], load_assignment().similarity)[0])
        write_page(folder / "similarity.html", pairs, f"{submissions} submissions")

    return {"seconds": _seconds(find), "memory_bytes": _memory() - before, "pairs": len(pairs)}


def _fingerprints(submissions: int) -> Iterator[dict[str, list[int]]]:
    """Yield those of a class: idioms of code and phrases of reports, each of which some have, and what is one's own.

    One student in fifty hands in what the one before has, a seventh of it rewritten. The numbers are about those of a
    generated class: a hundred fingerprints of code, and of a report's 280 more than half are somebody else's, too.
    """
    rng = random.Random(0)
    pools = {
        "code": [(rng.betavariate(0.5, 1.5), _own(rng, rng.randint(1, 8))) for _ in range(60)],
        "comments": [(0.9, _own(rng, 4))],
        "report": [(rng.betavariate(0.5, 5), _own(rng, rng.randint(1, 8))) for _ in range(400)],
    }
    own = {"code": 40, "comments": 3, "report": 120}
    last: dict[str, list[int]] = {}
    for number in range(submissions):
        if number % 50 == 49:
            yield {kind: _rewritten(rng, values) for kind, values in last.items()}
            continue
        prints = {kind: set(_own(rng, rng.randint(own[kind] // 2, 3 * own[kind] // 2))) for kind in KINDS}
        for kind, pool in pools.items():
            prints[kind].update(value for popularity, values in pool if rng.random() < popularity for value in values)
        last = {kind: sorted(values) for kind, values in prints.items()}
        yield last


def _own(rng: random.Random, count: int) -> list[int]:
    return [rng.getrandbits(62) for _ in range(count)]


def _rewritten(rng: random.Random, values: list[int]) -> list[int]:
    kept = rng.sample(values, len(values) * 6 // 7)
    return sorted({*kept, *_own(rng, len(values) - len(kept))})


# ---------------------------------------------------------------------------------------------------- page and engine


def page(folder: Path, submissions: int, workers: int) -> dict[str, Any]:
    """Open the class view, for the first time and again, and a student's."""
    from flask import Flask

    from grading.page.addresses import FileAddresses
    from grading.page.class_view import Question
    from grading.page.rendering import Views, configure
    from grading.page.server import open_class
    from grading.page.sitting import Sitting

    grade(folder, submissions, workers)
    before = _memory()
    app = Flask("grading.page.application")
    configure(app)
    with app.app_context():
        found = open_class(folder / "grades", DEFAULT)
        views = Views(found, FileAddresses(), Sitting())
        first, again = (_seconds(lambda: views.of_class(found.read(), Question())) for _ in range(2))
        student = _seconds(lambda: views.of_student((class_ := found.read()), class_.students[0], "checks"))
    return {"first": first, "again": again, "student": student, "memory_bytes": _memory() - before}


def engine(folder: Path, submissions: int, workers: int) -> dict[str, Any]:
    """Send units that do nothing to Dask's workers, as many at a time as there are; return the time of one."""
    from grading.cluster.engine import dask_workers
    from tests.grading.cluster import OWN, Cluster, wait_until

    with Cluster(folder) as cluster:
        for number in range(workers):
            cluster.start_worker(f"worker{number}")
        with dask_workers(cluster.address, cluster.tls, OWN, train=False, grade=nothing) as found:
            wait_until(lambda: found.count() == workers, "the workers are there")
            units = [found.executor.submit(found.grade, bytes(ZIP_BYTES)) for _ in range(2 * workers)]
            for unit in units:
                unit.result()
            seconds, cpu = time.perf_counter(), time.process_time()
            waiting: list[Any] = []
            for _ in range(submissions):
                if len(waiting) == workers:
                    waiting.pop(0).result()
                waiting.append(found.executor.submit(found.grade, bytes(ZIP_BYTES)))
            for unit in waiting:
                unit.result()
            return {"seconds": time.perf_counter() - seconds, "cpu": time.process_time() - cpu}


def nothing(task: bytes) -> bytes:
    """Return at once what is as large as a unit's answer."""
    return bytes(len(task))


PARTS: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "grade": grade,
    "compare": compare,
    "page": page,
    "engine": engine,
}


def _seconds(what: Callable[[], object]) -> float:
    started = time.process_time()
    what()
    return time.process_time() - started


def _memory() -> int:
    """Return how much memory this process holds, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("submissions", type=positive)
    parser.add_argument("workers", type=positive, nargs="?", default=1)
    flags = parser.parse_args()
    main(flags.part, flags.submissions, flags.workers)
