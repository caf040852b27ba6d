"""The frame behind lab.py, around a script's model: seed, progress bar, record, and how a script ends.

TensorFlow is imported inside the functions that need it: that takes seconds, and `--help` should not.
"""

import argparse
import atexit
import contextlib
import errno
import hashlib
import importlib.util
import json
import linecache
import math
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, NoReturn

import numpy as np
from tqdm import tqdm

from labkit import host, mistakes, notebook, startup
from labkit.data.loader import DataSets, read_data_sets
from labkit.errors import KitError
from labkit.files import atomic_file
from labkit.formats import FORMAT, RunRecord
from labkit.run import summary
from labkit.run.checkpoints import Checkpoint, TensorBoard
from labkit.sources import code_sha256, import_problem, recipe_problem

LOG_EVERY = 10  # steps between two entries of the history; fewer in a very short run
TELLS = 10  # lines in a log file, where there is no progress bar; more of a run in which one would take longer than
TELL_AFTER = 30  # seconds
VALIDATIONS = 5  # in a run; each takes as long as some 15 training steps
VALIDATE_EVERY_AT_MOST = 500  # steps: a long run wants more, because it saves its checkpoints then
WARM_UP = 0.2  # the part of a one-cycle run in which the learning rate rises
ERROR = "error.txt"  # in a run's folder: the whole trace of a mistake
GUESSING, MANY_STEPS = 0.15, 100  # an accuracy that is hardly above chance; steps after which it should be
TEST_BATCH = 500  # images at once: fewer test more slowly, more take more memory
FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # the processor's instructions that multiply in bfloat16
PACKAGES = ("tensorflow", "tensorflow-cpu", "numpy", "matplotlib")


_ran = []  # the main that run_script was called with


class LabError(KitError):
    """A failure that a student can mend: the text says what was wrong and what to do next."""


def watch_script() -> None:
    """Tells in a line, too, what one of the lab's scripts does wrong outside of its main, or where it forgets that."""
    started: Any = sys.modules["__main__"]
    path = Path(getattr(started, "__file__", None) or "")
    if getattr(started, "__spec__", None) or not re.fullmatch(r"softmax_mnist|deep_mnist|model_no\d", path.stem):
        return  # a notebook, pytest, a worker of grading
    usual = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        started.FLAGS = None
        told = mistakes.explain(error, path) if isinstance(error, Exception) else ""
        if told.startswith("line "):
            print(f"error: {path.name}, {told}", file=sys.stderr)
        elif isinstance(error, KeyboardInterrupt):
            print("stopped by Ctrl-C", file=sys.stderr)
        else:
            usual(kind, error, trace)

    def look_back() -> None:
        if getattr(started, "FLAGS", None) and not _ran:
            last = '`if __name__ == "__main__":` and `lab.run_script(main, FLAGS)`'
            print(f"error: {path.name} runs nothing: its last lines have to be {last}", file=sys.stderr)

    sys.excepthook = tell
    atexit.register(look_back)


def run_script(main: FunctionType, flags: argparse.Namespace) -> None:
    """Runs `main(flags)` and ends the process: 0, or 1 and a line on stderr on a failure, or 130 on Ctrl-C."""
    host.refuse_while_importing()
    _ran.append(main)
    try:
        if getattr(flags, "summary", False):
            print(summary.summary(main.__globals__["Model"]()))
        else:
            main(flags)
    except KeyboardInterrupt:
        has_checkpoint = any(_folder(flags).glob("checkpoint/*.index"))
        way_on = "; --resume continues from the last checkpoint" if has_checkpoint else " before the first checkpoint"
        _stop(f"stopped by Ctrl-C{way_on}", status=130)
    except KitError as error:
        _stop(f"error: {error}")
    except OSError as error:  # a full disk, a folder that may not be written
        unwritable = error.errno in (errno.EACCES, errno.EEXIST, errno.ENOTDIR, errno.EPERM, errno.EROFS)
        _stop(f"error: {error}" + ("; --results-dir takes another folder for the results" if unwritable else ""))
    except Exception as error:  # most often a shape that does not fit, in a copy that a student is editing
        _stop(f"error: {_explain(error, flags, main)}")


def _stop(message: str, status: int = 1) -> NoReturn:
    line = " ".join(message.split())  # the loader's errors have a line for each mirror
    if notebook.running():
        notebook.stop(status, line)
    tqdm.write(line, file=sys.stderr)  # below the progress bar, not behind it
    sys.exit(status)


def _explain(error: Exception, flags: argparse.Namespace, main: FunctionType) -> str:
    """One line for a mistake in a script: the script's own line that led to it, and where the whole trace is.

    The script, a file or a notebook's cell, is where `main` is.
    """
    trace = _folder(flags) / ERROR
    with contextlib.suppress(OSError):  # the mistake itself matters more
        trace.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(traceback.format_exception(error))
        trace.write_text(text, encoding="utf-8", errors="backslashreplace")  # a path in it need not be valid UTF-8
    script = main.__code__.co_filename if hasattr(main, "__code__") else sys.argv[0]
    told = mistakes.explain(error, script)
    told = f"the cell, {told}" if notebook.pasted(script) else mistakes.told(Path(script).stem, told)
    return f"{told} (all of it: {trace})"


# ------------------------------------------------------------------------------------------------- seed, data, model


def read_data(flags: argparse.Namespace) -> DataSets:
    """The data sets of the flags, labels one-hot; seeds everything random in the script and picks the precision.

    Raises DataError where the data can't be had.
    """
    host.refuse_while_importing()
    import tensorflow as tf

    tf.random.set_seed(flags.seed)  # the first weights
    tf.random.set_global_generator(tf.random.Generator.from_seed(flags.seed))  # dropout; a checkpoint can hold it
    flags.precision = pick_precision(flags.precision)
    # TensorFlow rewrites the graph, as it would for a GPU: products in bfloat16, sums and weights in float32.
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": flags.precision == "bfloat16"}
    )
    mnist = read_data_sets(flags.data_dir, one_hot=True, seed=flags.seed, dataset=flags.dataset)
    if flags.batch_size > mnist.train.num_examples:
        raise LabError(f"--batch-size {flags.batch_size} is more than the {mnist.train.num_examples:,} training images")
    return mnist


def pick_precision(wanted: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """bfloat16 where the processor multiplies it faster than float32, or where it is asked for; else float32.

    Only Linux tells a program without more ado what its processor can do, so elsewhere `auto` is float32.
    """
    if wanted != "auto":
        return wanted
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0" or not cpuinfo.is_file():
        return "float32"
    return "bfloat16" if FAST_BFLOAT16 & set(cpuinfo.read_text().split()) else "float32"


def learning_rate(step: int | Sequence[int] | np.ndarray, flags: argparse.Namespace) -> np.ndarray | np.float32:
    """The learning rate of a step, counted from 1: constant, or one cycle of a straight rise and a straight fall.

    For a number of steps, such as a range, it is an array. It is float32 of NumPy's, because tf.function takes that as
    data, and would compile anew for each number of Python's.
    The cycle (Smith, "Super-convergence", 2018) starts gently, while the gradients are still wild, goes through
    rates that would be too high to end with, and ends near zero, where the weights settle.
    """
    if flags.schedule == "constant":
        return np.float32(np.full(np.shape(step), flags.learning_rate))
    rise = max(1.0, WARM_UP * flags.steps)
    fall = max(1.0, flags.steps - rise)
    step = np.asarray(step)
    return np.float32(flags.learning_rate * np.minimum(step / rise, (flags.steps + 1 - step) / (fall + 1)))


def _check_model(script: str, model: Any) -> None:
    """Sends two blank images through the model, so that a wrong shape shows in the script's own line, at once."""
    problem = mistakes.output_problem(model) or mistakes.variables_problem(model)
    if problem:
        raise LabError(mistakes.told(script, problem))


def _told_apart(script: str, model: Any) -> str | None:
    """What to say of an ablation whose Model has another name, or that is trained otherwise than deep_mnist.py."""
    reference = Path(startup.KIT) / "deep_mnist.py"
    if not re.fullmatch(r"model_no\d", script) or not reference.is_file():
        return None
    source = _source(type(model))
    problem = import_problem(source) or recipe_problem(source, reference.read_bytes())
    if type(model).__name__ != "Model":
        problem = mistakes.explain(mistakes.NoModel(), script)
    return mistakes.told(script, problem) if problem else None


def _keep_longer_run(folder: Path, steps: int) -> None:
    """Raises LabError where the record of a longer run would be replaced by that of a shorter one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # no record, or none that anybody can use
        longer = int(json.loads((folder / "run.json").read_text(encoding="utf-8"))["steps"])
        if longer > steps:
            raise LabError(
                f"{folder} holds a run of {longer:,} steps, which this one of {_counted(steps, 'step')} would replace: "
                "give --results-dir try, for example, or delete that folder first"
            )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def feature_maps(model: Any, image: np.ndarray) -> dict[str, np.ndarray]:
    """What each layer of the model makes of one image.

    image: (784,), float32. Returns a dict from the layer's name ("conv1 ReLU") to its output for the image: arrays
    (height, width, channels) or (units,), float32, in the order of the network.
    """
    import tensorflow as tf

    kinds, names = {"Relu": "ReLU", "MaxPool": "max pooling"}, []

    @tf.function
    def layers(x: Any) -> list[Any]:
        model(x)
        found = [op for op in tf.compat.v1.get_default_graph().get_operations() if op.type in kinds]
        names.extend([f"{op.name.rpartition('/')[0]} {kinds[op.type]}".strip() for op in found])
        return [op.outputs[0] for op in found]

    outputs = layers(tf.constant(image[None]))
    return {name: output.numpy()[0] for name, output in zip(names, outputs, strict=True)}


# -------------------------------------------------------------------------------------------------------------- run


class Run:
    """One training: counts the steps, watches the loss, saves checkpoints, tests once, and leaves the record.

    `folder` is where the results go (a Path); `history` is a list of dicts with `step`, `loss` (the mean since the
    last entry), `validation_accuracy` (0 to 1, or None where it was not measured) and `seconds` of training so far.
    """

    def __init__(
        self,
        flags: argparse.Namespace,
        mnist: DataSets,
        model: Any,
        optimizer: Any,
        predict: Callable[[np.ndarray], Any],
    ) -> None:
        """`predict` turns images (N, 784) into class numbers (N,); `optimizer` is None if it remembers nothing.

        Raises LabError for a model whose output is not (N, 10).
        """
        _check_model(flags.script, model)
        if host.current.advises:
            for problem in filter(None, (_told_apart(flags.script, model), summary.warning(flags.script, model))):
                tqdm.write(f"warning: {problem}", file=sys.stderr)
        self.flags, self.mnist, self.model, self.predict = flags, mnist, model, predict
        self.optimizer = optimizer
        self.folder = _folder(flags)
        _keep_longer_run(self.folder, flags.steps)
        self.folder.mkdir(parents=True, exist_ok=True)  # fails now, if at all, and not after the training
        self.history, self.seconds, self._losses = [], 0.0, []
        self._log_every, self._validate_every = _intervals(flags.steps, VALIDATIONS if host.current.validates else 1)
        self._checkpoint = (host.current.checkpoints or Checkpoint)(self.folder / "checkpoint", model, optimizer)
        self._board = None
        if flags.log_dir and importlib.util.find_spec("tensorboard"):
            self._board = TensorBoard(Path(flags.log_dir) / flags.script / f"seed-{flags.seed}", model)
            print(f"to view the logs: tensorboard --logdir {startup.quoted([str(flags.log_dir)])}")
        elif flags.log_dir:
            print("warning: no logs, because --log-dir needs TensorBoard: pip install tensorboard", file=sys.stderr)
        if host.current.began:
            host.current.began(self)

    def steps(self) -> Iterator[int]:
        """The numbers of the steps to train: from 1, or under --resume from where the checkpoint was saved."""
        for (step,) in self._rounds(at_most=1):
            yield step

    def rounds(self) -> Iterator[range]:
        """The same as ranges of steps, LOG_EVERY of them or fewer, for a script whose graph loops over them."""
        yield from self._rounds(at_most=LOG_EVERY)

    def _rounds(self, at_most: int) -> Iterator[range]:
        done = self._resume() if self.flags.resume else 0
        print(
            f"{self.flags.script}: {_counted(self.flags.steps, 'step')} of {_counted(self.flags.batch_size, 'image')}, "
            f"{self.mnist.name}, seed {self.flags.seed}, {self.flags.precision}"
            + (f", on from step {done:,}" if done else ""),
            flush=True,
        )
        started = time.perf_counter() - self.seconds
        self._told = done * TELLS // self.flags.steps, self.seconds
        with tqdm(total=self.flags.steps, initial=done, unit="step", dynamic_ncols=True, disable=None) as self._bar:
            while done < self.flags.steps:
                next_entry = (done // self._log_every + 1) * self._log_every
                self._round = range(done + 1, min(done + at_most, next_entry, self.flags.steps) + 1)
                yield self._round
                self._step = done = self._round[-1]
                self.seconds = time.perf_counter() - started
                self._bar.update(len(self._round))
                self._log()

    def log(self, losses: Any) -> None:
        """Takes the loss of this step (a scalar), or those of this round. Raises LabError when one is not finite."""
        losses = np.ravel(losses)
        for step, loss in zip(self._round, losses, strict=True):
            self._check_finite("the loss is", step, math.isfinite(loss))
        self._losses.extend(losses)

    def _check_finite(self, what: str, step: int, finite: bool) -> None:
        if not finite:
            raise LabError(
                f"{what} not finite at step {step:,}, so training can't go on: "
                f"try a smaller --learning-rate than {self.flags.learning_rate:g}"
            )

    def _log(self) -> None:
        """Adds to the history every few steps; validates and saves a checkpoint when their time has come."""
        validate = self._step % self._validate_every == 0 or self._step == self.flags.steps
        if not validate and self._step % self._log_every:
            return
        loss, self._losses = float(np.mean(self._losses)), []
        accuracy = None
        if validate:
            for variable in self.model.trainable_variables:  # a ReLU may turn NaN into 0, and the loss look sound
                self._check_finite("the weights are", self._step, _all_finite(variable))
            accuracy = self._validation_accuracy()
        entry = {
            "step": self._step,
            "loss": loss,
            "validation_accuracy": accuracy,
            "seconds": round(self.seconds, 3),
        }
        self.history.append(entry)
        measured = [e["validation_accuracy"] for e in self.history if e["validation_accuracy"] is not None]
        figures = f"loss {loss:.3f}" + (f", validation {measured[-1]:.2%}" if measured else "")
        self._bar.set_postfix_str(figures)
        if self._bar.disable:
            self._tell(figures)
        if self._board:
            scalars = {"loss": loss, "learning rate": learning_rate(self._step, self.flags)}
            scalars |= {"validation accuracy": accuracy} if validate else {}
            self._board.log(self._step, scalars, histograms=validate)
        if validate:
            order = self.mnist.train.get_state()
            state = {
                "recipe": self.recipe(),
                "step": self._step,
                "seconds": self.seconds,
                "history": self.history,
            }
            self._checkpoint.save(self._step, state | {"order": order})

    def _tell(self, figures: str) -> None:
        """Prints how far it is, now and then: a log file without a word looks as if the run hung."""
        tenth, steps = self._step * TELLS // self.flags.steps, self.flags.steps
        if (tenth > self._told[0] or self.seconds > self._told[1] + TELL_AFTER) and self._step < steps:
            self._told = tenth, self.seconds
            print(f"step {self._step:,} of {steps:,}, {self.seconds:.0f} s: {figures}", flush=True)

    def _resume(self) -> int:
        """Goes back to the last checkpoint; returns its step. Raises LabError where it is of another run."""
        state, recipe = self._checkpoint.read_state(), self.recipe()
        if state is None:
            print(f"no checkpoint in {self._checkpoint.folder}: starting from the first step", file=sys.stderr)
            return 0
        changed = [
            f"{self.flags.script}.py has changed"
            if name == "script_sha256"
            else f"{name} was {value}, is {recipe[name]}"
            for name, value in state["recipe"].items()
            if value != recipe[name]
        ]
        if changed:
            raise LabError(
                f"the checkpoint in {self._checkpoint.folder} is of another run ({'; '.join(changed)}): "
                "give --resume with that run's flags, or leave it out to start anew"
            )
        self._checkpoint.restore()
        self.mnist.train.set_state(state["order"])
        self.history, self.seconds = state["history"], state["seconds"]
        return state["step"]

    def _validation_accuracy(self) -> float:
        return float(np.mean(self._predict_all(self.mnist.validation.images) == _digits(self.mnist.validation.labels)))

    def _predict_all(self, images: np.ndarray) -> np.ndarray:
        batches = [images[start : start + TEST_BATCH] for start in range(0, len(images), TEST_BATCH)]
        return np.concatenate([self.predict(batch).numpy() for batch in batches]).astype(np.uint8)

    def test(self) -> np.ndarray:
        """Tests the model, once, and writes the record; returns the digit seen in each test image: (10000,), uint8."""
        predictions = self._predict_all(self.mnist.test.images)
        self.test_accuracy = float(np.mean(predictions == _digits(self.mnist.test.labels)))
        with atomic_file(self.folder / "predictions.npy") as file:
            np.save(file, predictions)
        with atomic_file(self.folder / "run.json") as file:
            file.write(json.dumps(self._record(), indent=1).encode())
        (self.folder / ERROR).unlink(missing_ok=True)  # of an earlier try
        return predictions

    def finish(self) -> None:
        """Says where the results are and, on the last line, what they are."""
        images = self.mnist.test.num_examples
        if self.test_accuracy < GUESSING and self.flags.steps >= MANY_STEPS:
            told = "no better than guessing: the network has learned nothing; try a smaller --learning-rate than"
            print(f"warning: {told} {self.flags.learning_rate:g}", file=sys.stderr)
        print(f"results in {self.folder}")
        print(f"test accuracy {self.test_accuracy:.4f} ({images:,} images, {self.mnist.name})", flush=True)
        if host.current.ended:
            host.current.ended(self)

    def _record(self) -> RunRecord:
        return {
            "format": FORMAT,
            "script": self.flags.script,
            "dataset": self.mnist.name,
            "sha256": self.mnist.sha256,
            "seed": self.flags.seed,
            "flags": vars(self.flags),
            "recipe": self.recipe(),
            "parameters": sum(math.prod(v.shape) for v in self.model.trainable_variables),
            "steps": self.flags.steps,
            "test_accuracy": self.test_accuracy,
            "test_images": self.mnist.test.num_examples,
            "predictions_sha256": hashlib.sha256((self.folder / "predictions.npy").read_bytes()).hexdigest(),
            "training_seconds": round(self.seconds, 3),
            "history": self.history,
            "packages": _versions(),
            "machine": {
                "platform": platform.platform(),
                "processor": platform.processor() or platform.machine(),
                "processors": os.cpu_count(),
                "python": platform.python_version(),
            },
        }

    def recipe(self) -> dict[str, Any]:
        """All that decides the result on a given machine: two runs with the same recipe and seed are the same."""
        names = ("steps", "batch_size", "learning_rate", "schedule", "label_smoothing", "precision", "seed")
        source = _source(type(self.model))
        return {name: getattr(self.flags, name) for name in names if hasattr(self.flags, name)} | {
            "dataset": self.mnist.name,
            "script_sha256": code_sha256(source),
        }


def _source(kind: type) -> bytes:
    """The bytes of the script that a class is in, or of the cell: the same, where a script was pasted whole."""
    file = getattr(sys.modules[kind.__module__], "__file__", None)
    if file:
        return Path(file).read_bytes()
    codes = [part.__code__ for part in vars(kind).values() if hasattr(part, "__code__")]
    return "".join(linecache.getlines(codes[0].co_filename)).encode() if codes else b""


def _all_finite(variable: Any) -> bool:
    """Whether all values of a tf.Variable are finite; NumPy would have to copy them first."""
    import tensorflow as tf

    return bool(tf.reduce_all(tf.math.is_finite(variable)))


def _intervals(steps: int, validations: int) -> tuple[int, int]:
    """How many steps lie between two entries of the history, and between two validations: a multiple of the first."""
    validate = min(VALIDATE_EVERY_AT_MOST, max(1, steps // validations))
    log = min(LOG_EVERY, validate)
    return log, math.ceil(validate / log) * log


def _folder(flags: argparse.Namespace) -> Path:
    return Path(flags.results_dir) / flags.script / f"seed-{flags.seed}"


def _digits(labels: np.ndarray) -> np.ndarray:
    return labels.argmax(axis=1)  # one-hot (N, 10) to class numbers (N,)


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
