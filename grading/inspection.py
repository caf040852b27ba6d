"""The grader's side of the inspector: hands it graphs, takes what it finds, and holds the labels it must not have."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from grading.limits import SandboxError
from grading.runner import Sandbox
from grading.worker_report import text
from idx_files import TEST_IMAGES, TEST_LABELS, read_idx

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("__init__", "architecture", "forks", "freezing", "graphs", "inspector", "layers", "operations", "reading")
# Memory that is given back to the kernel comes again page by page, which is a third of the time with large tensors.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
START_SECONDS = 60  # for a process to import TensorFlow on a busy machine
INSPECTION_SECONDS = 120


@dataclass(frozen=True)
class Found:
    """What the inspector found in a graph: what is wrong, a line each; the part that is right, 0 to 1; the layers.

    `accuracy` is that on the test images, None where the network is wrong or was not to be tested.
    """

    problems: list[str]
    remarks: list[str]
    fraction: float
    layers: list[str]
    accuracy: float | None = None


class Inspector:
    """The trusted process that looks at graphs (see grading/inspector.py), for one thread. A context manager."""

    def __init__(self, sandbox: Sandbox, scratch: Path | None = None):
        """Starts it, with a folder of its own in `scratch`. Raises limits.SandboxError where that fails."""
        self._folder = Path(tempfile.mkdtemp(prefix="inspector-", dir=scratch))
        self._inbox = self._folder / "inbox"
        self._inbox.mkdir()
        self._images_of = None
        try:
            self._process = sandbox.start(
                [sandbox.python, "-m", "grading.inspector", "/inbox"],
                read_only={
                    "/grader": stage(self._folder / "grader", [f"grading/{name}" for name in MODULES]),
                    "/inbox": self._inbox,
                },
                env={"PYTHONPATH": "/grader", **KEEP_MEMORY},
            )
        except SandboxError:
            shutil.rmtree(self._folder)
            raise

    def inspect(self, script: str, graph: Path, whole: bool = True, data: Path | None = None, count: int = 0) -> Found:
        """What the inspector finds in a graph, that of a `whole` model or of one that failed midway.

        Where `data`, MNIST's directory, is given, and the network is right, it is tested on the first `count` test
        images. Raises limits.SandboxError where the inspector is lost.
        """
        shutil.copyfile(graph, self._inbox / "graph.pb")
        request = {"script": script, "graph": "graph.pb", "whole": whole, "seconds": INSPECTION_SECONDS}
        if data:
            request |= {"images": self._images(data), "count": count}
        answer = json.loads(self._process.ask(json.dumps(request).encode(), START_SECONDS + INSPECTION_SECONDS))
        if "refused" in answer:
            return Found([text(answer["refused"])], [], 0.0, [])
        problems, remarks, layers = ([text(line) for line in answer[key]] for key in ("problems", "remarks", "layers"))
        accuracy = None
        if "predictions" in answer:
            predictions = np.array(list(answer["predictions"]), np.uint8)
            accuracy = float(np.mean(predictions == read_test_set(data)[1][:count]))
        return Found(problems, remarks, float(answer["fraction"]), layers, accuracy)

    def _images(self, data):
        if self._images_of != data:
            np.save(self._inbox / "images.npy", read_test_set(data)[0])
            self._images_of = data
        return "images.npy"

    def close(self) -> None:
        """Ends the process."""
        self._process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@lru_cache(maxsize=1)
def read_test_set(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The test images (n, 784) and labels (n,), uint8; the labels never leave the grader's process."""
    images, labels = (read_idx(data_file(data, name), name).array for name in (TEST_IMAGES, TEST_LABELS))
    return images.reshape(len(images), -1), labels


def data_file(data: Path, name: str) -> Path:
    """One of MNIST's files in its directory, unpacked or gzipped."""
    unpacked = data / name
    return unpacked if unpacked.is_file() else data / f"{name}.gz"


def stage(folder: Path, names: Sequence[str]) -> Path:
    """Copies modules, named by their paths from the kit's root without ".py", to a folder; a sandbox gets no others."""
    for name in names:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / f"{name}.py", path)
    return folder
