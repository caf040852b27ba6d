"""To what size a class can grow: the coordinator on up to 1,000 simulated workers, similarity, tables and page.

    python benchmarks/scale.py                     classes of 1,000, 3,000 and 10,000: ten minutes, 5 GB in $TMPDIR
    python benchmarks/scale.py --picture FILE.png  the same, and the speed-up as a picture
    python benchmarks/scale.py --run 1 1000        also 100,000 submissions on so many workers: nine minutes, 9 GB each
    python benchmarks/scale.py --smoke             classes of 20 and 40, to see that it runs

The coordinator is the grader's own, with all that it reads and writes; units are not graded, but take as long as such
of a real class did, in virtual time (see simulated_workers.py), on one worker for ten submissions. What 100,000
submissions take is reckoned from what those of the largest class cost the coordinator, as the table says; with --run
another has what they do take. All seconds are of the processor, so that a busy machine does not change them much.

With --engine the time is measured, too, that Dask takes to carry a unit, to real processes on this machine.
"""

import argparse
import itertools
import json
import random
import statistics
import sys
from pathlib import Path
from typing import Any

import measuring

sys.path.insert(0, str(measuring.ROOT))  # first of all, because a module in this folder is called like the grader
from benchmarks.simulated_workers import RECORDED, makespan

RECKONED = 100_000  # submissions of the class that no machine here has graded
UNTRAINED = 14.5  # seconds of the processor for a submission without training: see grading_parts.py


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "scale")
    parser.add_argument(
        "--classes",
        metavar="N",
        type=measuring.positive,
        nargs="+",
        default=[1000, 3000, 10_000],
        help="submissions (default: 1000 3000 10000)",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=measuring.positive,
        nargs="+",
        default=[1, 10, 100, 300, 1000, 3000, 10_000],
        help="of the reckoned class (default: 1 10 100 300 1000 3000 10000)",
    )
    parser.add_argument(
        "--engine", metavar="N", type=int, default=0, help="units that Dask carries (default: none, without Dask)"
    )
    parser.add_argument(
        "--run",
        metavar="N",
        type=measuring.positive,
        nargs="+",
        default=[],
        help=f"workers for which {RECKONED:,} submissions are run, too (default: none)",
    )
    parser.add_argument("--picture", metavar="FILE", type=Path, help="where the picture of the speed-up goes")
    return measuring.parse(parser, classes=[20, 40], workers=[1, 5])


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    results: dict[str, Any] = {}
    for part in ("grade", "compare", "page"):
        results[part] = {size: measure(part, size, max(1, size // 10)) for size in options.classes}
        print(f"{TITLES[part]}\n\n{TABLES[part](results[part])}\n", flush=True)
    costs = results["grade"][max(options.classes)]["costs"]
    results["scale"] = scaled = scale(costs, options.workers)
    print(f"{RECKONED:,} submissions, reckoned\n\n{scale_table(scaled)}\n", flush=True)
    fed = [seconds * len(costs) / sum(costs) for seconds in (statistics.mean(RECORDED), UNTRAINED)]
    print(f"The most workers that it can feed: {fed[0]:,.0f} that train, {fed[1]:,.0f} that don't\n")
    if options.run:
        results["run"] = ran = {workers: measure("grade", RECKONED, workers) for workers in options.run}
        print(f"{RECKONED:,} submissions, run\n\n{run_table(ran)}\n", flush=True)
    if options.picture:
        draw(scaled, options.picture)
    if options.engine:
        results["engine"] = measure("engine", options.engine, 2)
        cost = {name: 1000 * value / options.engine for name, value in results["engine"].items() if name != "peak"}
        print(f"Dask, 2 workers: {cost['seconds']:.1f} ms a unit, {cost['cpu']:.1f} ms of them the coordinator's own\n")
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "data_dir", "picture")}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    record = {"settings": settings, "machine": machine, "results": results}
    options.json.write_text(json.dumps(record, indent=1) + "\n")
    print(f"everything measured: {options.json}")


def measure(part: str, size: int, *others: int) -> dict[str, Any]:
    """Measure one part for a class of this size, in a process of its own."""
    finished = measuring.run("-m", "benchmarks.scale_process", part, size, *others)
    return json.loads(finished.stdout.splitlines()[-1]) | {"peak": finished.peak_bytes or 0}


def scale(costs: list[float], workers: list[int]) -> dict[int, dict[str, float]]:
    """Reckon the class of RECKONED submissions, by number of workers, from what submissions cost the coordinator."""
    rng = random.Random(0)
    durations, drawn = rng.choices(RECORDED, k=RECKONED), rng.choices(costs, k=RECKONED)
    return {
        count: {
            "seconds": makespan(durations, count, itertools.chain(drawn, itertools.repeat(0.0))),
            "ideal": makespan(durations, count),
            "work": sum(durations),
            "own": sum(drawn),
        }
        for count in workers
    }


def grade_table(classes: dict[int, dict[str, Any]]) -> str:
    """Format what a submission costs the coordinator, and what the tables take, a row for each class."""
    rows = [
        [
            f"{size:,}",
            f"{1000 * sum(found['costs']) / size:.1f}",
            f"{1000 * sum(found['costs'][-size // 10 :]) / (size // 10):.1f}",
            f"{found['memory_bytes'] / size / 1000:.1f}",
            f"{found['ideal_seconds'] / found['virtual_seconds']:.1%}",
            f"{found['tables_seconds']:.2f}",
            f"{found['manual_seconds']:.2f}",
        ]
        for size, found in classes.items()
    ]
    headers = ["submissions", "ms of each", "of the last tenth", "KB held of each", "of the ideal speed-up"]
    return measuring.table([*headers, "tables, s", "reading manual.csv, s"], rows)


def compare_table(classes: dict[int, dict[str, Any]]) -> str:
    """Format what comparing takes, a row for each class."""
    rows = [
        [f"{size:,}", f"{found['seconds']:.1f}", f"{found['peak'] / 1e6:,.0f}", f"{found['pairs']:,}"]
        for size, found in classes.items()
    ]
    return measuring.table(["submissions", "seconds", "peak memory, MB", "pairs found"], rows)


def page_table(classes: dict[int, dict[str, Any]]) -> str:
    """Format how long the views of the page take, a row for each class."""
    rows = [
        [f"{size:,}", *(f"{found[view]:.2f}" for view in ("first", "again", "student"))]
        for size, found in classes.items()
    ]
    return measuring.table(["submissions", "class view, first, s", "again, s", "a student, s"], rows)


def scale_table(scaled: dict[int, dict[str, float]]) -> str:
    """Format the speed-up over one worker, and its part of the ideal, a row for each number of workers."""
    rows = [
        [
            f"{workers:,}",
            f"{found['seconds'] / 3600:,.1f}",
            f"{found['work'] / found['seconds']:,.1f}",
            f"{found['work'] / found['ideal']:,.1f}",
            f"{found['ideal'] / found['seconds']:.1%}",
            f"{found['own'] / found['seconds']:.1%}",
        ]
        for workers, found in scaled.items()
    ]
    headers = ["workers", "hours", "speed-up", "ideal", "of the ideal", "coordinator busy"]
    return measuring.table(headers, rows)


def run_table(runs: dict[int, dict[str, Any]]) -> str:
    """Format what a class that was run took, a row for each number of workers."""
    rows = [
        [
            f"{workers:,}",
            f"{run['virtual_seconds'] / 3600:,.1f}",
            f"{run['work_seconds'] / run['virtual_seconds']:,.1f}",
            f"{run['ideal_seconds'] / run['virtual_seconds']:.1%}",
            f"{1000 * statistics.mean(run['costs']):.1f}",
            f"{1000 * statistics.mean(run['costs'][-len(run['costs']) // 10 :]):.1f}",
            f"{run['memory_bytes'] / 1e6:,.0f}",
        ]
        for workers, run in runs.items()
    ]
    headers = ["workers", "hours", "speed-up", "of the ideal", "ms of each", "of the last tenth", "MB held"]
    return measuring.table(headers, rows)


def draw(scaled: dict[int, dict[str, float]], file: Path) -> None:
    """Draw the speed-up over the number of workers beside the ideal."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    workers = list(scaled)
    axes.loglog(workers, [found["work"] / found["ideal"] for found in scaled.values()], "--", label="ideal")
    axes.loglog(workers, [found["work"] / found["seconds"] for found in scaled.values()], "o-", label="coordinator")
    each = next(iter(scaled.values()))
    axes.axvline(each["work"] / each["own"], color="gray", linestyle=":", label="more than it can feed")
    axes.set(xlabel="workers", ylabel="speed-up over one worker", title=f"{RECKONED:,} submissions")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)
    plt.close(figure)


TITLES = {
    "grade": "The coordinator",
    "compare": "Who shares what",
    "page": "The class page",
}
TABLES = {"grade": grade_table, "compare": compare_table, "page": page_table}


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
