"""The class page in a browser: how long the class view and the next student take, beside static pages of the same size.

    python benchmarks/class_page.py            1,000 submissions, nine rounds
    python benchmarks/class_page.py --smoke    30 and one, to see that it runs

The class is made up, and its results are written as the grader writes them. A view's time is the browser's own, from
the request to the end of loading (its Navigation Timing), without the time that a click or a key takes. The static page
is what the server sent, as a file of an ordinary file server; the two take turns. The browser is Chromium, headless.
"""

import argparse
import contextlib
import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measuring

sys.path.insert(0, str(measuring.ROOT))  # first of all, because a module in this folder is called like the grader
from grading.layout import CODE, RESULT, SUBMISSIONS
from grading.results.manual import FILE as MANUAL
from grading.results.manual import add_rows
from grading.results.results import Result, mark, write_result
from labkit.checks.assignment import CHECK_IDS, load_assignment
from labkit.checks.check import failed, passed
from labkit.formats import FORMAT

LOG = "a line that a script printed\n" * 40
OURS, STATIC = "the class page", "static"


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "class_page")
    parser.add_argument("--students", metavar="N", type=measuring.positive, default=1000, help="default: %(default)s")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=9, help="views of each kind (default: %(default)s)"
    )
    return measuring.parse(parser, students=30, rounds=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print the table, and write the record."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None or not measuring.is_installed("playwright"):
        raise measuring.BenchmarkError("Chromium and Playwright: apt-get install chromium; requirements-dev.txt")
    machine = measuring.print_machine()
    with tempfile.TemporaryDirectory(prefix="class-page-") as scratch:
        out = make_class(Path(scratch) / "grades", options.students)
        rounds = measure(out, Path(scratch) / "static", browser, options)
    print(f"A class of {options.students:,}\n\n{as_table(rounds)}\n")
    results = {f"{view}, {server}": values for (view, server), values in rounds.items()}
    record = {"settings": {"students": options.students, "rounds": options.rounds}, "machine": machine}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record | {"results": results}, indent=1) + "\n")
    print(f"everything measured: {options.json}")


def make_class(out: Path, students: int) -> Path:
    """Write the results of a class, one check in ten of which failed; return the folder."""
    assignment = load_assignment()
    results = []
    for number in range(students):
        folder = out / SUBMISSIONS / f"{100000 + number}_ada_lovelace"
        folder.mkdir(parents=True)
        checks = [
            failed(name, "it is not what was asked for", fraction=0.5, log=LOG)
            if (number + place) % 10 == 0
            else passed(name, "right", log=LOG)
            for place, name in enumerate(CHECK_IDS)
        ]
        result = Result(
            zip=f"{folder.name}.zip",
            zip_sha256=f"{number:064x}",
            id=str(100000 + number),
            name="ada",
            surname="lovelace",
            submitted="2027-01-31T12:00:00+01:00",
            late_seconds=0.0,
            sandbox="bubblewrap",
            kit="0" * 16,
            folder=folder.name,
            checks=checks,
        )
        write_result(folder / RESULT, result, mark(result, assignment))
        (folder / CODE).write_text(json.dumps({"format": FORMAT, "scripts": {}}))
        results.append(result)
    add_rows(out / MANUAL, results, assignment.manual)
    return out


def measure(out: Path, static: Path, browser: str, options: argparse.Namespace) -> dict[tuple[str, str], list[float]]:
    """Open each view in turn, from the page and as a file; return the seconds by view and server."""
    from playwright.sync_api import sync_playwright

    static.mkdir()
    with serve_class(out) as address, serve_files(static) as files, sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        window.goto(address)
        window.locator("#students").wait_for()
        home = window.url.rstrip("/")
        students = iter(range(1, 10_000))

        def seconds(url: str) -> float:
            window.goto(url)
            timing = window.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
            return (timing["loadEventEnd"] - timing["startTime"]) / 1000

        def next_student() -> float:
            return seconds(f"{home}/students/{next(students) % options.students + 1}?pane=checks")

        views: dict[tuple[str, str], Any] = {
            ("class view", OURS): lambda: seconds(f"{home}/"),
            ("next student", OURS): next_student,
        }
        for view, path in (("class view", "/"), ("next student", "/students/1?pane=checks")):
            content = window.request.get(f"{home}{path}", headers={"Sec-Fetch-Site": "same-origin"}).body()
            name = f"{view.split()[0]}.html"
            (static / name).write_bytes(re.sub(rb'(src|href)="[^"]*/assets/', rb'\1="', content))
            views[view, STATIC] = functools.partial(seconds, f"{files}/{name}")
        for asset in ("page.css", "page.js"):
            shutil.copyfile(measuring.ROOT / "grading/page/assets" / asset, static / asset)
        return measuring.alternate(views, options.rounds)


@contextlib.contextmanager
def serve_class(out: Path) -> Iterator[str]:
    """Run the command; yield the address that it prints."""
    command = [sys.executable, "-m", "grading", "page", "--no-browser", "--out", str(out)]
    with subprocess.Popen(command, cwd=measuring.ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r"http\S+", process.stdout.readline() if process.stdout else "")
            if found is None:
                raise measuring.BenchmarkError("the class page did not start")
            yield found[0]
        finally:
            process.terminate()


@contextlib.contextmanager
def serve_files(folder: Path) -> Iterator[str]:
    """Serve a folder's files on the loopback; yield the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def as_table(rounds: dict[tuple[str, str], list[float]]) -> str:
    """Format a row for each view: the page, the static one, and what is between them."""
    rows = []
    for view in ("class view", "next student"):
        ours, static = rounds[view, OURS], rounds[view, STATIC]
        cells = [*measuring.summary(ours).text(".3f"), *measuring.summary(static).text(".3f")]
        rows.append([view, *cells, f"{measuring.ratio(ours, static):.2f}"])
    return measuring.table(["view", "seconds", "spread", "static, seconds", "spread", "page / static"], rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
