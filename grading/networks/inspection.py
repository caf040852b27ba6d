"""The grader's side of the inspector: hands it graphs, takes what it finds, and holds the labels it must not have."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from grading.inside.trusted.inspector import Answer
from grading.networks.worker_report import text
from grading.sandbox.runner import Running, Sandbox
from grading.staging import TRUSTED, stage
from labkit.data.idx_files import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, read_idx
from labkit.formats import read_record
from labkit.limits import MIB, Limits, SandboxError

# Memory that is given back to the kernel comes again page by page, which is a third of the time with large tensors.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
START_SECONDS = 60  # for a process to import TensorFlow on a busy machine
READING_SECONDS = 120  # for all of reading a graph, which takes 2 to 6
BATCH = 37  # images in a graph: that of labkit.checks.graph.freezing, which imports TensorFlow
BATCHES = 14  # of digits, 500 in all, on which graph and network are compared: rare ones are among them
VALIDATION = 5000  # the first images of the training set, which the recipe leaves out


@dataclass(frozen=True)
class Inspection:
    """What the inspector found in a graph: what is wrong, a line each; the part that is right, 0 to 1; the layers.

    `unread` tells what stopped the reading, where nothing is known to be wrong; `run` what is wrong with the weights
    that the script's main trained. Where the network was trained, `untrained` and `trained` are its accuracies on the
    test images before and after, the former by the best names for its ten classes (see `known`); `training_problem`
    tells why it could not be trained.
    """

    problems: list[str]
    remarks: list[str]
    fraction: float
    layers: list[str]
    unread: str | None = None
    run: str | None = None
    untrained: float | None = None
    trained: float | None = None
    training_problem: str | None = None


class Inspector:
    """The trusted process that looks at graphs (inside/trusted/inspector.py), for one thread. A context manager."""

    _process: Running  # made by `_start`

    def __init__(self, sandbox: Sandbox, scratch: Path | None = None, precision: str = "auto") -> None:
        """Start the process, with a folder of its own in `scratch`; raise limits.SandboxError where that fails.

        `precision` is that of trainings: float32, bfloat16, or auto for what this machine's processor does best.
        """
        self._precision = precision
        self._folder = Path(tempfile.mkdtemp(prefix="inspector-", dir=scratch))
        self._sandbox, self._inbox = sandbox, self._folder / "inbox"
        self._inbox.mkdir()
        self._images_of: tuple[Path | None, str] | None = None
        self._code = stage(self._folder / "kit", TRUSTED)
        self._start()

    def _start(self) -> None:
        try:
            self._process = self._sandbox.start(
                [self._sandbox.python, "-m", "grading.inside.trusted.inspector", "/inbox"],
                inbox=self._inbox,
                read_only={"/kit": self._code},
                limits=Limits(memory_bytes=6144 * MIB, scratch_bytes=256 * MIB),
                env={"PYTHONPATH": "/kit", **KEEP_MEMORY},
            )
        except SandboxError:
            shutil.rmtree(self._folder)
            raise

    def inspect(
        self,
        script: str,
        graph: Path,
        whole: bool = True,
        weights: Path | None = None,
        data: Path | None = None,
        recipe: Mapping | None = None,
        training_seconds: float = 0.0,
    ) -> Inspection:
        """Inspect a graph.

        Args:
            script: whose network it should be.
            graph: its frozen graph.
            whole: false for a model that failed midway.
            weights: samples of those that the script's main trained (.npz); None where there are none.
            data: MNIST's directory; without one, nothing is trained.
            recipe: what to train with; with it a network that is right is trained and tested.
            training_seconds: the limit for that.

        Raises limits.SandboxError where the inspector is lost, for which the graph is not to blame.
        """
        shutil.copyfile(graph, self._inbox / "graph.pb")
        request = {"script": script, "graph": "graph.pb", "whole": whole, "images": self._images(data)}
        request |= {"reading_seconds": READING_SECONDS, "training_seconds": training_seconds}
        if weights:
            shutil.copyfile(weights, self._inbox / "weights.npz")
            request["weights"] = "weights.npz"
        if recipe and data:
            request |= {"recipe": dict(recipe), "precision": self._precision}
        answer = self._ask(request, START_SECONDS + READING_SECONDS + training_seconds)
        if answer.stopped:
            return Inspection([f"reading the model's graph {text(answer.stopped)} and was stopped"], [], 0.0, [])
        problem = answer.first_weights
        if answer.training_stopped and not problem:
            if answer.training_stopped != "timeout":  # no student code runs there
                raise SandboxError(f"training broke off ({text(answer.training_stopped)}): {text(answer.log)}")
            problem = f"the network could not be trained in the {training_seconds:g} s allowed"
        return Inspection(
            problems=[text(line) for line in answer.problems],
            remarks=[text(line) for line in answer.remarks],
            fraction=answer.fraction,
            layers=[text(line) for line in answer.layers],
            unread=answer.unread and text(answer.unread),
            run=answer.run and text(answer.run),
            untrained=_of_test_set(known, answer.untrained, data),
            trained=_of_test_set(accuracy, answer.trained, data),
            training_problem=problem and text(problem),
        )

    def _ask(self, request: dict[str, Any], seconds: float) -> Answer:
        """Send a request; return the answer. A graph that ends the whole process gets a second chance, in a new one."""
        for last in (False, True):
            try:
                return read_record(self._process.ask(json.dumps(request).encode(), seconds), Answer)
            except SandboxError:
                self._process.close()
                self._start()
                if last:
                    return Answer(stopped="ended the process that reads, twice,")
        raise AssertionError  # never reached

    def _images(self, data: Path | None) -> str:
        """Return the name of a file with all images that the inspector needs; without MNIST, blots in their place."""
        name = "images.npz"
        if self._images_of != (data, name):
            arrays: dict[str, Any] = read_digits(data) if data else {"probes": _blots()}
            np.savez(self._inbox / name, **arrays)
            self._images_of = (data, name)
        return name

    def close(self) -> None:
        """End the process."""
        self._process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Inspector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of predictions (n,), 0 to 9, that are right."""
    return float(np.mean(predictions == labels))


def known(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy of predictions when their ten classes are given the names that suit them best.

    Weights that know digits under other names, of outputs in another order, are no more random than those that know
    them under their own, and learn the names in a few steps.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.bincount(10 * np.minimum(predictions, 9).astype(int) + labels, minlength=100).reshape(10, 10)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(predictions))


def _of_test_set(
    measure: Callable[[np.ndarray, np.ndarray], float], predictions: str | None, data: Path | None
) -> float | None:
    if predictions is None:
        return None
    assert data is not None  # nothing was predicted without it
    digits = np.array(list(predictions), np.uint8)
    return measure(digits, read_test_set(data)[1][: len(digits)])


def read_digits(data: Path) -> dict[str, np.ndarray]:
    """Read the digits for the inspector: images (n, 784), uint8, as "probes", "train" and "test"; "labels" of "train".

    The probes are other training images each time.
    """
    images, labels = (read_idx(data_file(data, name), name).array for name in (TRAIN_IMAGES, TRAIN_LABELS))
    images = images.reshape(len(images), -1)
    chosen = np.random.default_rng().choice(len(images), BATCHES * BATCH, replace=False)
    return {
        "probes": images[chosen],
        "train": images[VALIDATION:],
        "labels": labels[VALIDATION:],
        "test": read_test_set(data)[0],
    }


def _blots() -> np.ndarray:
    """Draw round spots in the middle of black images: (BATCH, 784), uint8."""
    rng = np.random.default_rng()
    rows, columns = np.mgrid[:28, :28]
    centres, sizes = rng.uniform(8, 20, (2, BATCH, 1, 1)), rng.uniform(2, 6, (BATCH, 1, 1))
    distances = (rows - centres[0]) ** 2 + (columns - centres[1]) ** 2
    return (255 * np.exp(-distances / sizes**2)).astype(np.uint8).reshape(BATCH, 784)


@lru_cache(maxsize=1)
def read_test_set(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the test images (n, 784) and labels (n,), uint8; the labels never leave the grader's process."""
    images, labels = (read_idx(data_file(data, name), name).array for name in (TEST_IMAGES, TEST_LABELS))
    return images.reshape(len(images), -1), labels


def data_file(data: Path, name: str) -> Path:
    """Return the path of one of MNIST's files in its directory, unpacked or gzipped."""
    unpacked = data / name
    return unpacked if unpacked.is_file() else data / f"{name}.gz"
