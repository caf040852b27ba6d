"""Runs student code, inside the sandbox: exports each script's network as data, and runs its main for 20 steps.

    python -m grading.inside.worker.worker '{"scripts": ["model_no1"], "seconds": 120, "scratch": ["/output", "/tmp"]}'

What it sees: /submission, the student's files; /kit, the kit's modules, which no file of the student's replaces; /data,
MNIST's training images and labels, where networks are trained (elsewhere). What it leaves in /output is mere data:
`report.json`, with a record for each task of each script; the frozen graph of each script's network, as
`model_no1.pb`; and `model_no1.npz`, some of the weights that its main trained, before and after.

TensorFlow is imported once. Each task runs in a child of its own (see `forks`), with student code, in a copy of the
student's files that it may write to, as at home; this process has none. The export comes first, in a process in which
nothing else of the script's has run. The 20 steps are taken on noise and without pictures, and feed nothing but run/.
"""

import contextlib
import hashlib
import importlib
import json
import os
import runpy
import shutil
import stat
import sys
import tempfile
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit import forks
from labkit.checks.importing import import_script, stand_in_for_absent
from labkit.formats import FORMAT
from labkit.host import Host, hosted
from labkit.mistakes import ModelError, explain
from labkit.model_problems import output_problem
from labkit.networks import TRIAL_STEPS
from labkit.sources import encoding_problem, source_problem

if TYPE_CHECKING:
    from labkit.data.loader import DataSets

# Where things are; without a sandbox, somewhere else.
SUBMISSION, OUTPUT = (Path(os.environ.get(f"GRADING_{name.upper()}", f"/{name}")) for name in ("submission", "output"))
BATCH_SIZE = 4  # images, in those 20 steps
IMPORT_SHARE = 0.5  # of a script's time limit that its import and export may take
LEFT = {"export": ".pb", "run": ".npz"}  # suffixes of the file that a task leaves
SAMPLE = 4096  # numbers of each variable that are kept, before and after the 20 steps
MAX_FILE = 2**28  # bytes of what a task leaves


def main() -> None:
    """Do the job on the command line, and write the report."""
    job = json.loads(sys.argv[1])
    forks.protect()
    forks.import_tensorflow()
    _prepare()
    records, left = [], {}
    for script in job["scripts"]:
        for name, task, seconds in _tasks(job, records):
            ended = forks.run(partial(task, script), seconds)
            records.append({"script": script, "task": name, **asdict(ended)})
            file = f"{script}{LEFT[name]}"
            digest = _digest(ended.result, file)
            left |= {file: _collect(file, digest)} if digest else {}
            _clear(job["scratch"])
    # At the end, when there is nothing left to overwrite anything.
    for file, data in left.items():
        _write(file, data)
    _write("report.json", json.dumps({"format": FORMAT, "tasks": records}).encode())


def _tasks(
    job: dict[str, Any], records: list[dict[str, Any]]
) -> Iterator[tuple[str, Callable[[str], dict[str, Any]], float]]:
    """Yield a script's tasks, each with its time limit; what comes after a task may depend on its record, the last."""
    yield "export", export, IMPORT_SHARE * job["seconds"]
    result = records[-1]["result"]
    if isinstance(result, dict) and not result.get("error"):  # what can't be imported can't run
        yield "run", run, job["seconds"]


def _digest(result: Any, file: str) -> Any:
    """Return the SHA-256 that a task's result gives for a file; None if it has none, or is of another form."""
    files = result.get("files") if isinstance(result, dict) else None
    return files.get(file) if isinstance(files, dict) else None


def _collect(file: str, digest: object) -> bytes:
    """Read a file into memory, out of reach of later scripts; return b"" if it is not the one that was written."""
    with contextlib.suppress(OSError):
        descriptor = os.open(OUTPUT / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would keep us waiting
        with open(descriptor, "rb") as opened:
            data = opened.read(MAX_FILE) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        return data if hashlib.sha256(data).hexdigest() == digest else b""
    return b""


def _clear(folders: Iterable[str | Path]) -> None:
    """Remove what a script has left, so that the next one has room."""
    for path in [path for folder in folders for path in Path(folder).iterdir()]:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _write(name: str, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=OUTPUT, delete=False) as file:
        file.write(data)
    os.replace(file.name, OUTPUT / name)  # whatever is there under that name


def _prepare() -> None:
    """Load what every task needs, before any student code."""
    sys.modules["plotter"] = _NoPictures("plotter")
    # The kit's modules are in memory before a script is, so that nothing can stand in for them: deep_mnist imports what
    # the lab needs, and scripts of the tutorials' kind import input_data.
    for name in ("deep_mnist", "input_data", "labkit.checks.graph.freezing"):
        importlib.import_module(name)


class _NoPictures(types.ModuleType):
    """Stands in for plotter: drawing takes longer than everything else."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("plot_"):
            return lambda *_, **__: None
        raise AttributeError(f"module 'plotter' has no attribute {name!r}")


class _NoCheckpoint:
    """Stands in for the Checkpoint of a run: nobody resumes here. But what can't be saved fails as it does at home."""

    def __init__(self, folder: Path, model: Any, *_: object) -> None:
        import tensorflow as tf

        tf.train.Checkpoint(model=model)
        self.folder = folder

    def save(self, *_: object) -> None:
        pass

    def read_state(self) -> None:
        return None


def _own_copy() -> Path:
    """Change to a copy of the submission that is writable, as at home, and import from it; return the folder."""
    folder = Path(tempfile.mkdtemp(), "submission")
    try:
        shutil.copytree(SUBMISSION, folder, copy_function=shutil.copyfile)
    except (OSError, shutil.Error):  # too much to be copied: then it may be read only
        folder = SUBMISSION
    os.chdir(folder if os.access(folder, os.W_OK) else tempfile.mkdtemp())
    sys.path.insert(0, str(folder))
    stand_in_for_absent(folder)
    return folder


def _kept(file: str, data: bytes) -> dict[str, str]:
    """Write a task's file, and return its entry among the result's files.

    That has its SHA-256, because another process that the script has started may overwrite it.
    """
    (OUTPUT / file).write_bytes(data)
    return {file: hashlib.sha256(data).hexdigest()}


def _use_one_thread(tf: Any) -> None:
    """Use one thread: for networks and batches as small as these, more threads only cost time."""
    with contextlib.suppress(RuntimeError):  # a script may have said what it wants
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


# ------------------------------------------------------------------------------------------------------------- export


def export(script: str) -> dict[str, Any]:
    """Import the script, which should do nothing else, and write the frozen graph of a new network of its Model.

    Where the script can't be imported, "error" says why. Where its Model fails, "model_error" does, and the graph goes
    as far as the Model gets.
    """
    path = _own_copy() / f"{script}.py"
    try:
        model = import_script(path).Model
    except BaseException as error:  # whatever it raises, sys.exit included
        return {"error": _kind_of_script(path) or explain(error, script)}
    import tensorflow as tf

    from labkit.checks.graph.freezing import freeze_broken

    _use_one_thread(tf)  # not before the import: that may have its own say
    tf.random.set_seed(0)  # as lab.read_data does, before a model is made
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))
    networks, error = [], None
    try:
        graph = _frozen(model, networks)
    except BaseException as problem:
        error, graph = explain(problem, script), None
        with contextlib.suppress(Exception):  # there may be nothing to show
            graph = freeze_broken(networks[0]) if networks else None
    files = _kept(f"{script}.pb", graph.SerializeToString()) if graph else {}
    return {"error": None, "model_error": error, "files": files}


def _kind_of_script(path: Path) -> str | None:
    """Say what kind of script it is, if it is none of the lab's; None for one that is, or that can't be read."""
    with contextlib.suppress(OSError, RecursionError, MemoryError):
        return source_problem(path.read_bytes())
    return None


def _frozen(model: Any, networks: list[Any]) -> Any:
    """Return the frozen graph of a new network of the class `model`; append the network to the list `networks`."""
    from labkit.checks.graph.freezing import BATCH, CallableModel, freeze

    networks.append(CallableModel(model()))
    # The call makes the variables of Keras layers, and plain errors; as many images as in the graph, so that a model
    # which adapts to what it is given has nothing else to adapt to. Told is what the script itself tells.
    if output_problem(networks[0], BATCH) and (problem := output_problem(networks[0])):
        raise ModelError(problem)
    return freeze(networks[0])


# --------------------------------------------------------------------------------------------------------- the script


def run(script: str) -> dict[str, Any]:
    """Run the script as `python script.py --steps 20` does, and write samples of the weights before and after.

    Reports the exit status, and how many steps were finished.
    """
    import tensorflow as tf

    from labkit.checks.graph.freezing import CallableModel

    before, finished = [], {}

    def began(run: Any) -> None:
        before[:] = _samples(CallableModel(run.model).trainable_variables)
        if isinstance(run.optimizer, tf.compat.v1.train.Optimizer):
            # Where the first step makes them, TensorFlow traces all steps a second time.
            run.optimizer._create_slots(CallableModel(run.model).trainable_variables)

    def ended(run: Any) -> None:
        finished[run.history[-1]["step"]] = _archive(before, _samples(CallableModel(run.model).trainable_variables))

    # Whatever its accuracy, it decides nothing; and a network that is not the one asked for is told in another check.
    # For batches as small as these, turning large weights into bfloat16 and back costs more than the products gain.
    watch = Host(False, _noise, _NoCheckpoint, "float32", validates=False, advises=False, began=began, ended=ended)
    path = _own_copy() / f"{script}.py"
    if problem := encoding_problem(path.read_bytes()):  # with which `python script.py` does not even begin
        return {"status": 1, "error": problem, "steps": 0, "files": {}}
    results = tempfile.mkdtemp()
    sys.argv = [str(path), "--steps", str(TRIAL_STEPS), "--batch-size", str(BATCH_SIZE), "--results-dir", results]
    _use_one_thread(tf)
    try:
        with hosted(watch):
            runpy.run_path(str(path), run_name="__main__")
        status, error = 0, None
    except SystemExit as ending:
        status, error = int(ending.code if isinstance(ending.code, int) else bool(ending.code)), None
        if ending.code and not isinstance(ending.code, int):
            print(ending.code, file=sys.stderr)  # as Python does
    except BaseException as problem:
        status, error = 1, explain(problem, script)
        traceback.print_exc()
    steps = max(finished, default=0)
    files = _kept(f"{script}.npz", finished[steps]) if finished else {}
    return {"status": status, "error": error, "steps": steps, "files": files}


def _samples(variables: Iterable[Any]) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Return each variable's shape, and up to SAMPLE of its numbers, evenly spaced."""
    values = [(tuple(variable.shape), variable.numpy().ravel()) for variable in variables]
    return [(shape, value[:: max(1, -(-value.size // SAMPLE))].astype(np.float32)) for shape, value in values]


def _archive(
    before: list[tuple[tuple[int, ...], np.ndarray]], after: list[tuple[tuple[int, ...], np.ndarray]]
) -> bytes:
    """Return the bytes of an .npz with the arrays shape_0, before_0, after_0, shape_1..."""
    arrays = {}
    for number, ((shape, was), (_, now)) in enumerate(zip(before, after, strict=False)):
        arrays |= {f"shape_{number}": np.array(shape, np.int64), f"before_{number}": was, f"after_{number}": now}
    with tempfile.TemporaryFile() as file:
        np.savez(file, **arrays)
        file.seek(0)
        return file.read()


def _noise(one_hot: bool, dtype: Any, reshape: bool, seed: int | None) -> "DataSets":
    """Return what read_data_sets would, with a few images of noise."""
    from labkit.data.loader import DataSet, DataSets

    def some(count: int) -> DataSet:
        images = np.random.RandomState(count).randint(0, 256, (count, 28, 28, 1)).astype(np.uint8)
        return DataSet(images, np.arange(count, dtype=np.uint8) % 10, False, one_hot, dtype, reshape, seed)

    # Two of one size: for another, TensorFlow would trace `predict` a second time.
    return DataSets(train=some(200), validation=some(50), test=some(50), name="MNIST", sha256={})


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
