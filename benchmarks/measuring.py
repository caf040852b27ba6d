"""What every benchmark does the same: flags, processes, rounds, summaries, tables, the record and the exit status.

No benchmark imports TensorFlow itself, only the processes that it starts: they print much on stderr, and the peak
memory of a child process starts at what its parent held.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "torch", "numpy")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # the processor's, that decide these figures
EPILOG = """\
One table for each question goes to stdout, progress to stderr, and everything measured to the JSON file.
Measure on a quiet machine: a benchmark warns when others keep it busy.
exit status: 0 success, 1 a failure reported on stderr, 2 a bad flag, 130 Ctrl-C"""

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class BenchmarkError(Exception):
    """A measurement failed, or can't be trusted; the text says why."""


# ------------------------------------------------------------------------------------------- command line, exit status


def new_parser(description: str, name: str) -> argparse.ArgumentParser:
    """Return a parser with the flags of every benchmark; `name` is that of its record."""
    parser = argparse.ArgumentParser(
        description=description, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("MNIST_DATA_DIR") or "MNIST_data"),
        help="where the MNIST files are, gzipped, or go (default: $MNIST_DATA_DIR, else MNIST_data)",
    )
    parser.add_argument(
        "--dataset",
        choices=("auto", "mnist", "synthetic"),
        default="auto",
        help="auto is MNIST, or synthetic digits where it is not available (default: auto)",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=Path,
        default=Path("results", "benchmarks", f"{name}.json"),
        help="where everything measured goes (default: %(default)s)",
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a few steps of everything, to see that it runs; its figures mean nothing"
    )
    return parser


def add_batch_sizes(parser: argparse.ArgumentParser, default: Sequence[int] = (50, 100, 256)) -> None:
    """Add the flag for the sizes of the batches that are measured."""
    parser.add_argument(
        "--batch-sizes",
        metavar="N",
        type=positive,
        nargs="+",
        default=list(default),
        help=f"images in a batch; each size is measured and gets its table (default: {' '.join(map(str, default))})",
    )


def parse(parser: argparse.ArgumentParser, **smoke: Any) -> argparse.Namespace:
    """Parse the command line; under --smoke, `smoke` are the defaults."""
    options = parser.parse_args()
    if options.smoke:
        parser.set_defaults(**smoke)
        options = parser.parse_args()
    return options


def positive(text: str) -> int:
    """Parse a whole number above zero, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above zero")
    return value


def run_benchmark(main: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Run `main(options)` and end the process: status 0, 1 and a line on stderr on a failure, or 130 on Ctrl-C."""
    try:
        main(options)
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)
    except (BenchmarkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


# ----------------------------------------------------------------------------------------------------------- processes


class Finished(NamedTuple):
    """A process that ended well."""

    stdout: str
    seconds: float  # wall time, from start to exit
    peak_bytes: int | None  # the most memory it held at once; None where the system does not tell


def run(*command: Any, environment: Mapping[str, str] | None = None, root: Path = ROOT) -> Finished:
    """Run Python with these arguments in the project's folder; raise BenchmarkError if that fails.

    `environment` are the variables that differ from this process's own; `root` is the folder, where it is another.
    """
    command = [sys.executable, *map(str, command)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2"} | os.environ | (environment or {})
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        try:
            peak_bytes = _wait(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        stdout.seek(0)
        stderr.seek(0)
        if process.returncode:
            reason = stderr.read().strip().splitlines() or ["no message"]
            raise BenchmarkError(f"`{' '.join(command)}` failed with status {process.returncode}: {reason[-1]}")
        return Finished(stdout.read(), seconds, peak_bytes)


def _wait(process: subprocess.Popen) -> int | None:
    """Wait for the end of the process; return its peak memory in bytes."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def is_installed(package: str) -> bool:
    """Tell whether a peer's package is installed; if not, say on stderr that the peer is skipped."""
    if importlib.util.find_spec(package):
        return True
    print(f"skipped: {package} is not installed (pip install -r benchmarks/requirements.txt)", file=sys.stderr)
    return False


# ---------------------------------------------------------------------------------------------------------------- data


class Digits(NamedTuple):
    """The data of a benchmark, the same for all contenders."""

    name: str  # "MNIST" or "synthetic digits"
    data_dir: Path  # as a lab script takes it
    dataset: str  # the same
    files: Path  # the directory of the four gzipped files

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of a lab script that point it to this data."""
        return "--data-dir", str(self.data_dir), "--dataset", self.dataset


def prepare_digits(options: argparse.Namespace) -> Digits:
    """Fetch or draw missing digits, once, by the lab's own command, so that no contender's time contains that."""
    data_dir = options.data_dir.resolve()
    name = run("input_data.py", data_dir, "--dataset", options.dataset).stdout.splitlines()[0].partition(" in ")[0]
    if name == "synthetic digits":
        if options.dataset == "auto":
            print(f"warning: no MNIST in {data_dir}: everything is on SYNTHETIC DIGITS", file=sys.stderr)
        return Digits(name, data_dir, "synthetic", files=data_dir / "synthetic")
    return Digits(name, data_dir, "mnist", files=data_dir)


# ---------------------------------------------------------------------------------------------------- rounds, summaries


def alternate(contenders: Mapping[Key, Callable[[], Result]], rounds: int) -> dict[Key, list[Result]]:
    """Run each contender once a round, starting with another one each time.

    A machine that slows down for a while then slows all of them, and the ratio of a round stays fair.
    """
    results: dict[Key, list[Result]] = {key: [] for key in contenders}
    keys = list(contenders)
    with progress(rounds * len(keys)) as bar:
        for number in range(rounds):
            first = number % len(keys)
            for key in keys[first:] + keys[:first]:
                bar.set_postfix_str(str(key))
                results[key].append(contenders[key]())
                bar.update()
    return results


def progress(runs: int) -> tqdm:
    """Return a progress bar on stderr, where that is a terminal."""
    return tqdm(total=runs, unit="run", dynamic_ncols=True, disable=None)


class Summary(NamedTuple):
    """The middle and the ends of what the rounds measured."""

    median: float
    lowest: float
    highest: float

    def text(self, form: str) -> tuple[str, str]:
        """Return two cells of a table, median and spread, each number in the given format."""
        return f"{self.median:{form}}", f"{self.lowest:{form}} to {self.highest:{form}}"


def summary(values: Sequence[float]) -> Summary:
    """Summarise one value per round."""
    return Summary(statistics.median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median over the rounds of ours / theirs."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


# ------------------------------------------------------------------------------------------------------------- reports


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table that is aligned in a terminal, too; all columns but the first are right-aligned."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(headers), rule, *map(line, rows)])


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code: processor, cores, system, versions, and load."""
    cpuinfo = Path("/proc/cpuinfo")
    words = cpuinfo.read_text() if cpuinfo.is_file() else ""
    models = [line.partition(":")[2].strip() for line in words.splitlines() if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "instructions": [name for name in INSTRUCTIONS if name in set(words.split())],
        "cores": cores,
        "system": platform.platform(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version()} | _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def print_machine() -> dict[str, Any]:
    """Print what the figures depend on, and a warning if the machine is busy; return what `machine` returns."""
    found = machine()
    versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
    features = f" ({', '.join(found['instructions'])})" if found["instructions"] else ""
    print(f"{found['processor']}{features}, {found['cores']} cores, {found['system']}; {versions}\n", flush=True)
    if found["load"] is not None and found["load"] > found["cores"] / 4:
        print(
            f"warning: other programs keep this machine busy (load {found['load']:.1f} on {found['cores']} cores): "
            "the figures will be worse than they should be",
            file=sys.stderr,
        )
    return found


def write_record(options: argparse.Namespace, digits: Digits, machine: dict[str, Any], results: Any) -> None:
    """Write everything measured to the file of --json, and print where that is."""
    settings = {name: value for name, value in vars(options).items() if name not in ("json", "data_dir")}
    record = {"dataset": digits.name, "settings": settings, "machine": machine, "results": results}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record, indent=1, default=str) + "\n")  # paths, too
    print(f"everything measured: {options.json}")
