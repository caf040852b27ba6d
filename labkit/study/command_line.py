"""Trains the full network and its three ablations over several seeds, and says what each layer was worth.

    python compare.py                      5 seeds of each, about 6 minutes on two cores; then look into results/
    python compare.py --seeds 2 --steps 50 --results-dir try     a quick look at what comes out
    python compare.py --networks deep_mnist model_no1            while model_no2.py is not written yet

Each training is a lab script in a process of its own. What is finished is used again: after Ctrl-C, a power cut or a
change to one of the scripts the same command trains only what is missing. One table is of one kind: same data, flags,
packages and machine; where results of another kind are in the way, this says which, and leaves them alone.
"""

import argparse
import ast
import contextlib
import hashlib
import io
import itertools
import math
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from labkit import startup
from labkit.data import loader
from labkit.errors import KitError, RecordError
from labkit.files import KIT
from labkit.formats import RunRecord, read_record
from labkit.networks import REMOVED, expected_variables
from labkit.run import frame
from labkit.run.flags import FLAGS
from labkit.sources import code_sha256

NETWORKS = ("deep_mnist", *REMOVED)
SCRIPTS = KIT
POLL = 0.2  # seconds between two looks at the trainings
NO_RECORD = "it left no run.json: keep everything outside of the class Model as it is in deep_mnist.py"
HELD_BACK = (signal.SIGINT, signal.SIGTERM)  # while a training starts
TAIL = 500  # bytes at the end of what a training prints: some lines
PATIENCE = 10  # seconds for a stopped training to end by itself
EPILOG = """\
results, in RESULTS_DIR (default: results):
  ablation.md          tables, conclusions, and what they rest on, to paste into the report
  ablation.csv         a row for each run
  ablation.png         accuracy with intervals, time against accuracy, learning curves
  ablation_digits.png  which digits suffer when a layer goes
  <script>/seed-<n>/   each run, as the script itself leaves it
exit status: 0 success, 1 a failure told on stderr (the tables are of what did finish), 2 a bad flag, 130 Ctrl-C"""


class StudyError(KitError):
    """What keeps a study, or one of its runs, from going on; the text is fit for a student to read."""


class NoRunError(StudyError):
    """There is no finished run yet."""


class OtherKindError(StudyError):
    """A finished run that may not stand in one table with those of this study."""


class OtherNetworkError(StudyError):
    """A finished run of a script as it is, which holds another network than its name says."""


@dataclass(frozen=True, eq=False)
class Job:
    """A training that the study needs: where its results go, and what its run.json has to hold to count for it."""

    network: str
    seed: int
    folder: Path
    wanted: dict

    def __str__(self) -> str:
        return f"{self.network} seed {self.seed}"


# ------------------------------------------------------------------------------------------------------ command line


def parse(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """Reads the command line; returns the options of the study, and a dict of the lab flags that were given."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed would be taken for --seeds
    )
    count = FLAGS["--steps"]["type"]
    parser.add_argument(
        "--seeds", type=count, default=5, metavar="N", help="train each network with the seeds 0 to N - 1 (default: 5)"
    )
    parser.add_argument(
        "--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="which to compare (default: all four)"
    )
    parser.add_argument(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="trainings at once, which share the processors out among them; each takes up to 1.2 GB (default: 1)",
    )
    passed_on = parser.add_argument_group("flags of the lab scripts, passed on to each training")
    for name, settings in FLAGS.items():
        if name not in ("--seed", "--resume", "--summary"):
            text = settings["help"].replace("%(default)s", "the script's own")
            passed_on.add_argument(name, **settings | {"default": argparse.SUPPRESS, "help": text})
    given = vars(parser.parse_args(arguments))
    options = argparse.Namespace(**{name: given.pop(name) for name in ("seeds", "networks", "jobs")})
    if options.jobs > processors():
        parser.error(f"--jobs {options.jobs} is more than the {processors()} processors that there are")
    return options, given


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------------------------------------- what is to be trained


def find_jobs(
    networks: Collection[str], seeds: int, given: dict[str, Any], data: loader.DataSets
) -> tuple[list[Job], dict[str, str]]:
    """The Jobs of a study, seed by seed; and {network: why it has none}. Says which scripts are not there yet."""
    wanted, faults = {}, {}
    for network in [network for network in NETWORKS if network in networks]:  # in that order, once
        try:
            wanted[network] = expected_record(network, given, data)
        except FileNotFoundError:
            hint = f": copy deep_mnist.py and remove {REMOVED[network]}" if network in REMOVED else ""
            say(f"{network}.py is not there yet, so it is left out{hint}")
        except StudyError as error:
            faults[network] = str(error)
    for network, its in wanted.items():
        first, reference = next(iter(wanted.items()))
        if changed := changes(reference, its):
            listed = ", ".join(f"{name} is {one} in {first} and {other} in {network}" for name, one, other in changed)
            raise StudyError(f"the networks are not trained alike: {listed}; make them equal, or give them as flags")
    results = Path(given.get("results_dir", "results"))
    jobs = []
    for seed, (network, its) in itertools.product(range(seeds), wanted.items()):
        recipe = its["recipe"] | {"seed": seed}
        jobs.append(Job(network, seed, results / network / f"seed-{seed}", its | {"recipe": recipe}))
    return jobs, faults


def expected_record(network: str, given: dict[str, Any], data: loader.DataSets) -> dict[str, Any]:
    """What decides a training's result, laid out as in run.json, but for the seed.

    Raises StudyError for a script whose flags can't be read, and OSError where there is none.
    """
    path = SCRIPTS / f"{network}.py"
    source = path.read_bytes()
    defaults = read_defaults(path.name, source)
    recipe = defaults | {name: value for name, value in given.items() if name in defaults}
    recipe["precision"] = frame.pick_precision(given.get("precision", "auto"))
    packages = {}
    for package in frame.PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            packages[package] = metadata.version(package)
    return {
        "recipe": recipe | {"dataset": data.name, "script_sha256": code_sha256(source)},
        "sha256": data.sha256,
        "packages": packages,
        "machine": {
            "platform": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def read_defaults(name: str, source: bytes) -> dict[str, Any]:
    """The defaults in a lab script's call of lab.parse_flags, read without running it. Raises StudyError."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        call = next(call for call in calls if ast.unparse(call.func) == "lab.parse_flags")
        return {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
    except SyntaxError as error:
        raise StudyError(f"{name}, line {error.lineno}: {error.msg}") from error
    except (StopIteration, ValueError) as error:
        raise StudyError(
            f"{name} has no call of lab.parse_flags with plain numbers: take it over from deep_mnist.py, where only "
            "the docstring and the class Model are to change"
        ) from error


def unlike_scripts(networks: Iterable[str]) -> list[str]:
    """A line for each script that differs from deep_mnist.py in more than its docstring and its Model."""
    full = f"{NETWORKS[0]}.py"
    reference = _outside_of_model(SCRIPTS / full)
    if not reference:
        return []
    scripts = [f"{network}.py" for network in dict.fromkeys(networks)]
    found = {script: _first_difference(_outside_of_model(SCRIPTS / script), reference) for script in scripts}
    return [
        f"Caution: {script} differs from {full} outside of the class Model, {where}: more than a layer may be compared"
        for script, where in found.items()
        if where
    ]


def _first_difference(statements: list[ast.stmt], reference: list[ast.stmt]) -> str:
    """Where statements begin to differ from others, in words; "" where they don't."""
    for statement, expected in itertools.zip_longest(statements, reference):
        if statement is None:
            return f"where it lacks `{_first_line(expected)}`"
        if expected is None or ast.dump(statement) != ast.dump(expected):
            return f"first in line {statement.lineno}, `{_first_line(statement)}`"
    return ""


def _outside_of_model(path: Path) -> list[ast.stmt]:
    """The statements of a lab script, without its docstring and the class Model; [] where it can't be read."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    return [
        statement
        for statement in body
        if not (isinstance(statement, ast.ClassDef) and statement.name == "Model")
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]


def _first_line(statement: ast.stmt) -> str:
    return ast.unparse(statement).partition("\n")[0]


def kind(record: Mapping[str, Any]) -> dict[str, Any]:
    """All that the runs of one table share, names to values: of a run.json, or of what is wanted.

    Neither script nor seed is in it. Nor is the number of threads, which no record has: with fewer of them sums are
    taken in another order, and that changes a result as another seed does, no more.
    """
    shared = {name: value for name, value in record["recipe"].items() if name not in ("script_sha256", "seed")}
    shared["data files"] = " ".join(sorted(digest[:8] for digest in record["sha256"].values()))
    machine = dict(record["machine"])
    machine["system"] = machine.pop("platform").partition("-")[0]  # without the kernel's version: that is updated
    return shared | record["packages"] | machine


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Where two records differ in kind: a list of (name, value before, value now)."""
    before, now = kind(before), kind(now)
    names = [name for name in now | before if before.get(name) != now.get(name)]
    if "dataset" in names and "data files" in names:
        names.remove("data files")  # goes without saying
    return [(name, before.get(name, "none"), now.get(name, "none")) for name in names]


# ------------------------------------------------------------------------------------------------ what is there already


def read_run(job: Job, labels: np.ndarray) -> tuple[RunRecord, np.ndarray]:
    """(run.json, predictions) of a finished job: the record, and uint8 (images,).

    Raises NoRunError; OtherKindError for a run that was trained under other conditions; OtherNetworkError for one whose
    network is not the one that the study is about; and StudyError for one whose script has changed since, or whose
    files are damaged.
    """
    try:
        record = read_record((job.folder / "run.json").read_bytes(), RunRecord, earlier=True)
    except FileNotFoundError as error:
        raise NoRunError(NO_RECORD) from error
    except OSError as error:
        raise StudyError(f"its run.json can't be read ({error.strerror})") from error
    except RecordError as error:
        raise StudyError("its run.json is damaged") from error
    if not record["history"]:  # of which tables and pictures are made
        raise StudyError("its run.json is damaged")
    if changed := changes(record, job.wanted):
        raise OtherKindError(", ".join(f"{name} was {before}, is {now}" for name, before, now in changed))
    if record["recipe"].get("script_sha256") != job.wanted["recipe"]["script_sha256"]:
        raise StudyError("its script has changed since")
    check_network(job.network, record["parameters"])
    return record, read_predictions(job.folder / "predictions.npy", record, labels)


def check_network(network: str, parameters: int) -> None:
    """Raises OtherNetworkError where a network has not as many parameters as the one that is asked about."""
    expected = count_parameters(network)
    if parameters == expected:
        return
    same = [f", which is what {other}.py should have" for other in NETWORKS if count_parameters(other) == parameters]
    if network not in REMOVED:
        wanted, mark = f"the lecture's network has {expected:,}: there is nothing to compare the others with", "deep"
    else:
        wanted = f"without {REMOVED[network]} it would be {expected:,}: so it tells nothing about them"
        mark = network.removeprefix("model_")
    raise OtherNetworkError(
        f"{network}.py has {parameters:,} parameters{''.join(same)}, and {wanted}; to see what differs: "
        f"python -m pytest tests/test_shapes.py -m {mark}"
    )


def count_parameters(network: str) -> int:
    """How many weights and biases the assignment's network of that name has."""
    return sum(math.prod(shape) for shape in expected_variables(network).values())


def read_predictions(path: Path, record: RunRecord, labels: np.ndarray) -> np.ndarray:
    """The predictions of a run, (images,) uint8. Raises StudyError where they don't bear out its record."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StudyError(f"its predictions.npy can't be read ({error.strerror})") from error
    if hashlib.sha256(raw).hexdigest() != record["predictions_sha256"]:
        raise StudyError("its predictions.npy is not the one that its run.json tells of")
    predictions = np.load(io.BytesIO(raw), allow_pickle=False)
    right = float(np.mean(predictions == labels))
    if not math.isclose(record["test_accuracy"], right, abs_tol=1e-9):  # nor is NaN close to anything
        raise StudyError(f"its test accuracy is {record['test_accuracy']}, but {right} of its predictions are right")
    return predictions


def find_finished(
    jobs: Sequence[Job], labels: np.ndarray
) -> tuple[dict[Job, tuple[RunRecord, np.ndarray]], dict[str, str]]:
    """What is finished already: {job: what read_run returns}; and {network: why it is none of this study's}.

    Says which runs have to be trained again, and why. Raises StudyError where a run of another kind is in the way: to
    train that again would be to lose it.
    """
    finished, strange, again, others = {}, {}, defaultdict(list), defaultdict(list)
    for job in jobs:
        try:
            finished[job] = read_run(job, labels)
        except NoRunError:
            continue
        except OtherKindError as error:
            others[str(error)].append(job)
        except OtherNetworkError as error:
            strange[job.network] = str(error)
        except StudyError as error:
            again[str(error)].append(job)
    if others:
        listed = "".join(f"\n  {named(those)}: {why}" for why, those in others.items())
        raise StudyError(
            f"there are results of another kind, which can't go into one table with those of this command:{listed}\n"
            "Give the flags that they were trained with; or keep them, and give another --results-dir; or delete them."
        )
    for why, those in again.items():
        say(f"{named(those)}: {why}; to be trained again")
    return finished, strange


def named(jobs: Sequence[Job]) -> str:
    """Their names, short: "deep_mnist seed 0, 1; model_no1 seed 0"."""
    seeds = defaultdict(list)
    for job in jobs:
        seeds[job.network].append(str(job.seed))
    return "; ".join(f"{network} seed {', '.join(those)}" for network, those in seeds.items())


# ------------------------------------------------------------------------------------------------------------- training


class Training:
    """A lab script at work on a job, in a process of its own; after a kill it continues from the last checkpoint."""

    def __init__(self, job: Job, flags: list[str], environment: dict[str, str], resume: bool = True) -> None:
        self.job = job
        self.resumed = resume and _left_unfinished(job.folder)
        self._earlier_record = _written(job.folder / "run.json")
        command = [sys.executable, SCRIPTS / f"{job.network}.py", "--seed", str(job.seed), *flags]
        # A pipe would fill up, and halt the training.
        self._messages, self._output = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command + ["--resume"] * self.resumed,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._messages,
            env=os.environ | environment,
        )

    def steps(self) -> tuple[int, int]:
        """How many steps are done, of how many, as far as the script has told; (0, 1) before."""
        if not hasattr(os, "pread"):  # Windows; a seek would move the place at which the script writes
            return 0, 1
        size = os.fstat(self._output.fileno()).st_size
        end = os.pread(self._output.fileno(), TAIL, max(0, size - TAIL))
        told = re.findall(rb"^step ([\d,]+) of ([\d,]+),", end, re.MULTILINE)
        done, total = (int(number.replace(b",", b"")) for number in told[-1]) if told else (0, 1)
        return done, total

    def fault(self) -> str:
        """What went wrong in a training that has ended, in a line, or "" where nothing did. Call it once."""
        with self._messages, self._output:
            if self.process.returncode == 0:
                left = _written(self.job.folder / "run.json") != self._earlier_record
                return "" if left else f"it ended well, but {NO_RECORD}"
            self._messages.seek(0)
            lines = [line for line in self._messages.read().decode(errors="replace").splitlines() if line.strip()]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        if told:
            return told[-1]
        last = f": {lines[-1].strip()}" if lines else ""  # of a traceback, the line that says what it was
        return f"it ended with exit status {self.process.returncode}{last}"


def _written(path: Path) -> tuple[int, int] | None:
    """What tells one writing of a file from another; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _left_unfinished(folder: Path) -> bool:
    """Whether a run was killed there after its first checkpoint: it has one that is newer than its record."""
    checkpoint, record = folder / "checkpoint" / "checkpoint", folder / "run.json"
    if not checkpoint.exists():
        return False
    return not record.exists() or record.stat().st_mtime < checkpoint.stat().st_mtime


def train(waiting: deque[Job], at_once: int, flags: list[str], bar: tqdm) -> Generator[tuple[Job, str], None, None]:
    """Trains, and yields (job, fault) as each ends; fault is "", or a line that says what went wrong.

    waiting: a deque of Jobs, from which the caller may take some meanwhile. Every training is stopped when the caller
    leaves early, by Ctrl-C for example.
    """
    environment = share_of_the_processors(at_once)
    at_work, forecast = [], Forecast(bar.n)
    try:
        while waiting or at_work:
            while waiting and len(at_work) < at_once:
                with signals_held_back():  # else one that has just started is in no list yet, and goes on alone
                    at_work.append(Training(waiting.popleft(), flags, environment))
            bar.set_postfix_str(_at_present(at_work, bar, forecast))
            time.sleep(POLL)
            for training in [training for training in at_work if training.process.poll() is not None]:
                at_work.remove(training)
                fault = training.fault()
                if fault and training.resumed:  # the checkpoint may be of another recipe, or damaged: without it, then
                    with signals_held_back():
                        at_work.append(Training(training.job, flags, environment, resume=False))
                    continue
                bar.update()
                yield training.job, fault
    finally:
        stop([training.process for training in at_work])
        for training in at_work:
            training.fault()  # nobody asks what a stopped one has to say


class Forecast:
    """When all will be done, from what is; it counts down while there is no news."""

    def __init__(self, before: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`before` of the trainings were done already, and say nothing about the time that one takes."""
        self._before, self._clock, self._started = before, clock, clock()
        self._news: tuple[float, float] = (before, before)
        self._end: float | None = None

    def seconds_left(self, done: float, total: float) -> float | None:
        """`done` of `total` trainings, with the parts of those at work; None before the first part is."""
        now, since = self._clock(), done - self._before
        if since > 0 and (done, total) != self._news:
            self._news = done, total
            self._end = now + (now - self._started) * (total - done) / since
        return None if self._end is None else max(0.0, self._end - now)


def _at_present(at_work: list[Training], bar: tqdm, forecast: Forecast) -> str:
    """What stands behind the progress bar: how long it will take, and what is trained now."""
    parts = [(training.job, *training.steps()) for training in at_work]
    left = forecast.seconds_left(bar.n + sum(step / steps for _, step, steps in parts), bar.total)
    told = [f"{job}, step {step:,} of {steps:,}" if step else str(job) for job, step, steps in parts]
    return ("" if left is None else f"{tqdm.format_interval(left)} left, ") + f"now {'; '.join(told)}"


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM wait until the end of the block; a process that starts in it takes them as ever."""
    if threading.current_thread() is not threading.main_thread():  # no other may set a signal, or gets one
        yield
        return
    held = []
    before = {number: signal.signal(number, lambda *which: held.append(which)) for number in HELD_BACK}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, _ in held[:1]:
            signal.raise_signal(number)


def share_of_the_processors(at_once: int) -> dict[str, str]:
    """The environment that keeps trainings from fighting over processors; alone, a training takes them all."""
    if at_once == 1:
        return {}
    threads = str(max(1, processors() // at_once))
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")  # the last one, on ARM
    return dict.fromkeys(names, threads)


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends the processes. What they have saved stays good: they write each file whole or not at all."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# -------------------------------------------------------------------------------------------------------------- study


def study(options: argparse.Namespace, given: dict[str, Any]) -> int:
    """Trains what is missing, writes tables and pictures, and prints what came out; returns the exit status."""
    from labkit.study import ablation  # here, because it takes a second, and --help should not

    data = loader.read_data_sets(given.get("data_dir") or startup.data_folder(), dataset=given.get("dataset", "auto"))
    labels = data.test.labels  # (10000,)
    jobs, faults = find_jobs(set(options.networks), options.seeds, given, data)
    notes = unlike_scripts(job.network for job in jobs)
    for note in notes:
        say(note)
    finished, strange = find_finished(jobs, labels)
    jobs = [job for job in jobs if job.network not in strange]
    # Not "auto": were the data to vanish meanwhile, half of the study would be on synthetic digits.
    passed_on = given | {"dataset": "mnist" if data.name == "MNIST" else "synthetic"}
    faults |= strange | train_missing(jobs, finished, labels, options.jobs, passed_on)

    runs = defaultdict(list)
    for job in sorted(finished, key=jobs.index):
        runs[job.network].append(ablation.Run(job.network, job.seed, *finished[job]))
    if runs:
        notes += [f"Missing: {name}, because {fault}" for name, fault in faults.items()]
        if options.jobs > 1:
            notes.append(f"Trained {options.jobs} at once: times are longer than of one training alone")
        paths = ablation.write(runs, labels, Path(given.get("results_dir", "results")), notes)
        print(ablation.main_table(runs), *ablation.conclusions(runs, labels), sep="\n")
        print(f"written: {', '.join(map(str, paths))}", flush=True)
    else:
        say("error: there is no finished run to make a table of")
    for name, fault in faults.items():
        say(f"failed: {name}: {fault}")
    return 1 if faults or not runs else 0


def train_missing(
    jobs: Sequence[Job],
    finished: dict[Job, tuple[RunRecord, np.ndarray]],
    labels: np.ndarray,
    at_once: int,
    flags: dict[str, Any],
) -> dict[str, str]:
    """Trains the jobs that are not in `finished`, and adds them to it; returns {name of a job: why it failed}.

    Where a network turns out to be another than its name says, or its script has a mistake, its other seeds are not
    tried.
    """
    arguments = [part for name, value in flags.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    waiting, faults = deque(job for job in jobs if job not in finished), {}
    bar = tqdm(
        total=len(jobs),
        initial=len(finished),
        bar_format="{n_fmt} of {total_fmt} runs |{bar}| {elapsed} gone{postfix}",
        dynamic_ncols=True,
        disable=None,
    )
    with bar, contextlib.closing(train(waiting, at_once, arguments, bar)) as ended:
        for job, fault in ended:
            try:
                if fault:
                    raise StudyError(fault)
                record, _ = finished[job] = read_run(job, labels)
                bar.write(f"{job}: test accuracy {record['test_accuracy']:.4f}, {record['training_seconds']:.1f} s")
            except StudyError as error:
                strange = isinstance(error, OtherNetworkError)
                given_up = [other for other in waiting if other.network == job.network]
                given_up = given_up if strange or is_its_own(str(error), job.network) else []
                for other in given_up:
                    waiting.remove(other)
                    bar.total -= 1
                seeds = ", ".join(str(other.seed) for other in given_up)
                told = f"{error}; so not tried with seed {seeds}" if given_up and not strange else str(error)
                faults[job.network if strange else str(job)] = told
                bar.write(f"{job} failed: {told}", file=sys.stderr)
    return faults


def is_its_own(fault: str, network: str) -> bool:
    """Whether a fault is a mistake in the network's script, which it will meet again with the next seed."""
    return fault.startswith(f"{network}.py") or NO_RECORD in fault


def say(line: str) -> None:
    """A line for the student, on stderr: standard output is for results."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def no_training_left_behind() -> Iterator[None]:
    """Lets a SIGTERM end the trainings, too; afterwards the signal is again what it was, which a notebook relies on."""
    if threading.current_thread() is not threading.main_thread():  # no other may set a signal
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options, given = parse(arguments)
    try:
        with no_training_left_behind():
            return study(options, given)
    except KeyboardInterrupt:
        say("stopped by Ctrl-C; the same command continues from here")
        return 130
    except ImportError as error:
        say(f"error: a package is missing ({error}); to install it: pip install -r requirements.txt")
    except (KitError, OSError) as error:
        say(f"error: {' '.join(str(error).split())}")  # the loader's errors have a line for each mirror
    return 1
