"""Runs student code, inside the sandbox: imports each script, exports its network, runs it, trains it.

    python -m grading.worker '{"task": "try", "scripts": ["model_no1"], "seconds": 120, "with_values": false,
                               "scratch": ["/output", "/tmp"]}'

What it sees: /submission, the student's files; /kit, the kit's modules, which no file of the student's replaces; /data,
MNIST's training images and labels, where there is something to train. What it leaves in /output is mere data:
`report.json`, a list of records, one for each task of each script, and the frozen graph of each script.

TensorFlow is imported once. Each task runs in a child of its own (see `forks`), with student code; this process has
none. The 20 steps are taken on noise and without pictures, which is enough to see a script run to its end.
"""

import contextlib
import hashlib
import importlib
import inspect
import json
import os
import runpy
import shutil
import sys
import tempfile
import traceback
import types
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from grading import forks
from grading.importing import explain, import_script

# Where things are; without a sandbox, somewhere else.
SUBMISSION, OUTPUT, DATA = (
    Path(os.environ.get(f"GRADING_{name.upper()}", f"/{name}")) for name in ("submission", "output", "data")
)
STEPS = 20
BATCH_SIZE = 4  # images, in those 20 steps
IMPORT_SHARE = 0.25  # of a script's time limit that its import may take
# The kit's modules that a script may import: they are in memory before a script is, so nothing can stand in for them.
KIT = (
    "idx_files",
    "mnist_files",
    "synthetic_digits",
    "input_data",
    "lab_files",
    "lab_flags",
    "labkit.run.frame",
    "lab",
)
KIT += ("deep_mnist",)


def main() -> None:
    """Does what the command line says, and reports."""
    job = json.loads(sys.argv[1])
    forks.protect()
    forks.import_tensorflow()
    _prepare()
    records, graphs = [], {}
    for script in job["scripts"]:
        for name, task, seconds in _tasks(job, script, records):
            ended = forks.run(partial(task, script), seconds)
            records.append({"script": script, "task": name, **asdict(ended)})
            if isinstance(ended.result, dict) and ended.result.get("graph"):
                graphs[script] = _collect(script, ended.result["graph"])
            _clear(job["scratch"])
    # At the end, when there is nothing left to overwrite anything.
    for script, data in graphs.items():
        _write(f"{script}.pb", data)
    _write("report.json", json.dumps(records).encode())


def _tasks(job, script, records):
    """The tasks of a script, each with its time limit; what comes after a task may depend on its record, the last."""

    def result():
        return records[-1]["result"] if isinstance(records[-1]["result"], dict) else {"error": "unknown"}

    if job["task"] == "train":
        yield "train", partial(train, recipe=job["recipe"]), job["seconds"]
        return
    yield "import", check_import, IMPORT_SHARE * job["seconds"]
    if not result().get("error"):
        yield "run", partial(run, with_values=job["with_values"]), job["seconds"]
        if not result().get("graph"):
            yield "export", partial(export, with_values=job["with_values"]), IMPORT_SHARE * job["seconds"]


def _collect(script, digest):
    """Takes a graph out of reach of the scripts that follow; empty where it is not the one that was written."""
    data = (OUTPUT / f"{script}.pb").read_bytes()
    return data if hashlib.sha256(data).hexdigest() == digest else b""


def _clear(folders):
    """Removes what a script has left, so that the next one finds room."""
    for path in [path for folder in folders for path in Path(folder).iterdir()]:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _write(name, data):
    with tempfile.NamedTemporaryFile(dir=OUTPUT, delete=False) as file:
        file.write(data)
    os.replace(file.name, OUTPUT / name)  # whatever is there under that name


def _prepare():
    """Loads what every task needs, before there is any student code."""
    sys.modules["plotter"] = _NoPictures("plotter")
    for name in (*KIT, "grading.freezing"):
        importlib.import_module(name)
    sys.path.insert(0, str(SUBMISSION))
    sys.modules["labkit.run.frame"].Checkpoint = _NoCheckpoint
    sys.modules["labkit.run.frame"].VALIDATIONS = 1  # whatever its accuracy, it decides nothing


class _NoPictures(types.ModuleType):
    """Stands in for plotter: drawing takes longer than everything else."""

    def __getattr__(self, name):
        if name.startswith("plot_"):
            return lambda *_, **__: None
        raise AttributeError(f"module 'plotter' has no attribute {name!r}")


class _NoCheckpoint:
    """Stands in for the Checkpoint of a run: nobody resumes here."""

    def __init__(self, folder, *_):
        self.folder = folder

    def save(self, *_):
        pass

    def read_state(self):
        return None


# -------------------------------------------------------------------------------------------------- import and export


def check_import(script):
    """Imports the script, which should do nothing else."""
    try:
        _import(script)
    except BaseException as error:  # whatever it raises, sys.exit included
        return {"error": explain(error, script)}
    return {"error": None}


def export(script, with_values):
    """Imports a script that does not run, and writes the frozen graph of its untrained network as far as it gets."""
    import tensorflow as tf

    from grading.freezing import freeze_broken

    _use_one_thread(tf)
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))  # as lab.read_data does, before a graph is traced
    networks = []
    try:
        graph = _export(_import(script).Model, script, with_values, networks)
    except BaseException as error:
        graph = _write_graph(script, freeze_broken(networks[0])) if networks else None
        return {"error": explain(error, script), "graph": graph}
    return {"error": None, "graph": graph}


def _export(model, script, with_values, networks):
    """Writes the frozen graph of a new network of the class `model`; the network goes to the list `networks`."""
    import tensorflow as tf

    from grading.freezing import Network, freeze

    networks.append(Network(model()))
    logits = networks[0](tf.zeros([2, 784]))  # makes the variables of Keras layers, and plain messages for mistakes
    if tuple(logits.shape) != (2, 10):
        raise ValueError(f"the model returned shape {tuple(logits.shape)} for 2 images, expected (2, 10)")
    return _write_graph(script, freeze(networks[0], with_values))


def _export_after_run(model, network, script, with_values):
    """Does the same in the process that ran the script; `network` is the one that took the 20 steps.

    Where values do not matter, that one will do: drawing the weights of a new one takes a tenth of a script's time.
    """
    from grading.freezing import Network, freeze

    inspect.signature(model.__init__).bind(None)  # training makes a new one, without arguments: TypeError otherwise
    if with_values or type(network) is not model:
        return _export(model, script, with_values, [])
    return _write_graph(script, freeze(Network(network), with_values))


def _import(script):
    return import_script(SUBMISSION / f"{script}.py")


def _write_graph(script, graph_def):
    """Writes a graph and returns its SHA-256, because whatever else a script has started may overwrite it."""
    data = graph_def.SerializeToString()
    (OUTPUT / f"{script}.pb").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _use_one_thread(tf):
    """For networks and batches as small as these, more threads only cost time."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


# --------------------------------------------------------------------------------------------------------- the script


def run(script, with_values):
    """Runs the script as `python script.py --steps 20` does; then writes the frozen graph of its network.

    Tells the exit status, and how many steps were finished. The graph comes from the same process because that saves
    a third of the time: importing the script and making its graph once more.
    """
    import tensorflow as tf

    import input_data
    import lab

    _use_one_thread(tf)
    finished, namespace = {}, {}
    lab.Run = _watched(lab.Run, finished)
    input_data.read_data_sets = _noise
    path = SUBMISSION / f"{script}.py"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.argv = [str(path), "--steps", str(STEPS), "--batch-size", str(BATCH_SIZE), "--results-dir", folder]
        try:
            namespace = runpy.run_path(str(path), run_name="__main__")
            status, error = 0, None
        except SystemExit as ending:
            status, error = ending.code if isinstance(ending.code, int) else int(bool(ending.code)), None
            if ending.code and not isinstance(ending.code, int):
                print(ending.code, file=sys.stderr)  # as Python does
        except BaseException as problem:
            status, error = 1, explain(problem, script)
            traceback.print_exc()
        os.chdir("/")
    graph, steps = None, max(finished, default=0)
    if status == 0:
        with contextlib.suppress(BaseException):  # `export` will tell
            graph = _export_after_run(namespace["Model"], finished.get(steps), script, with_values)
    return {"status": status, "error": error, "steps": steps, "graph": graph}


def _watched(run, finished):
    """A lab.Run that puts into the dict `finished`, under the number of steps, the network that took them."""
    import tensorflow as tf

    from grading.freezing import Network

    class WatchedRun(run):
        def __init__(self, flags, mnist, model, optimizer, predict):
            super().__init__(flags, mnist, model, optimizer, predict)
            if isinstance(optimizer, tf.compat.v1.train.Optimizer):
                # Where the first step makes them, TensorFlow traces all steps a second time.
                optimizer._create_slots(Network(model).trainable_variables)

        def finish(self):
            super().finish()
            finished[self.history[-1]["step"]] = self.model

    return WatchedRun


def _noise(_directory, fake_data=False, one_hot=False, dtype=np.float32, reshape=True, seed=None, **_):
    """What read_data_sets would return, with images of noise and few of them."""
    from input_data import DataSet, DataSets

    def some(count):
        images = np.random.RandomState(count).randint(0, 256, (count, 28, 28, 1)).astype(np.uint8)
        return DataSet(images, np.arange(count, dtype=np.uint8) % 10, False, one_hot, dtype, reshape, seed)

    # Two of one size: for another, TensorFlow would trace `predict` a second time.
    return DataSets(train=some(200), validation=some(50), test=some(50), name="MNIST", sha256={})


# ----------------------------------------------------------------------------------------------------------- training


def train(script, recipe):
    """Trains the script's Model by the main of the kit's deep_mnist.py, and writes the frozen graph of what it learned.

    `recipe` has the flags that matter: steps, batch_size, learning_rate, label_smoothing, seed.
    """
    import deep_mnist
    import input_data
    from grading.freezing import Network, freeze

    model = _import(script).Model
    made = []

    def make():
        made.append(Network(model()))
        return made[-1]

    deep_mnist.Model = make
    input_data.read_data_sets = _training_set
    fixed = {"schedule": "one-cycle", "precision": "auto", "dataset": "mnist", "data_dir": str(DATA), "log_dir": None}
    with tempfile.TemporaryDirectory() as folder:
        flags = types.SimpleNamespace(**recipe, **fixed, script=script, results_dir=folder, resume=False)
        try:
            deep_mnist.main(flags)
        except BaseException as error:
            return {"error": explain(error, script), "graph": None}
    return {"error": None, "graph": _write_graph(script, freeze(made[-1], with_values=True))}


def _training_set(_directory, one_hot=False, seed=None, **_):
    """The kit's training images. Validation, which decides nothing, is on few; the test images are not here at all."""
    from idx_files import TRAIN_IMAGES, TRAIN_LABELS, read_idx
    from input_data import DataSet, DataSets

    images, labels = (read_idx(DATA / name, name).array for name in (TRAIN_IMAGES, TRAIN_LABELS))

    def part(start, stop):
        return DataSet(images[start:stop], labels[start:stop], one_hot=one_hot, seed=seed)

    few = part(0, 500)
    return DataSets(train=part(5000, None), validation=few, test=few, name="MNIST", sha256={})


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
