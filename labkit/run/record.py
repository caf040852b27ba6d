"""What a training leaves in its folder: predictions.npy, and run.json with the result and its provenance.

The provenance is what decides a result: the recipe, the packages and the machine. A study compares that of a record
with what a training would have here and now.
"""

import argparse
import contextlib
import functools
import json
import linecache
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from labkit.errors import LabError
from labkit.files import atomic_file
from labkit.formats import Environment, Machine, RunRecord
from labkit.sources import code_sha256
from labkit.text import counted

RECORD, PREDICTIONS = "run.json", "predictions.npy"
ERROR = "error.txt"  # the whole trace of a mistake
SETTINGS = ("steps", "batch_size", "learning_rate", "schedule", "label_smoothing", "precision", "seed")  # in a recipe
PACKAGES = ("tensorflow", "tensorflow-cpu", "numpy", "matplotlib")


def run_folder(flags: argparse.Namespace) -> Path:
    """Return the folder that the results of a run go to."""
    return Path(flags.results_dir) / flags.script / f"seed-{flags.seed}"


def keep_longer_run(folder: Path, steps: int) -> None:
    """Raise LabError where the record of a longer run would be replaced by that of a shorter one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # no record, or none that anybody can use
        longer = int(json.loads((folder / RECORD).read_text(encoding="utf-8"))["steps"])
        if longer > steps:
            raise LabError(
                f"{folder} holds a run of {longer:,} steps, which this one of {counted(steps, 'step')} would replace: "
                "give --results-dir try, for example, or delete that folder first"
            )


def write_predictions(folder: Path, predictions: np.ndarray) -> None:
    """Write predictions.npy, the digit seen in each test image, (images,), as uint8, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / PREDICTIONS) as file:
        np.save(file, predictions.astype(np.uint8))


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json; what an earlier try left of a mistake goes."""
    with atomic_file(folder / RECORD) as file:
        file.write(json.dumps(record, indent=1).encode())
    (folder / ERROR).unlink(missing_ok=True)


def recipe(settings: Mapping[str, Any], dataset: str, source: bytes) -> dict[str, Any]:
    """Return all that decides the result on a given machine: two runs of the same recipe and seed are the same.

    `settings` are those of the flags that do, `source` the bytes of the script.
    """
    return {**settings, "dataset": dataset, "script_sha256": code_sha256(source)}


def environment() -> Environment:
    """Return the versions of the packages, and the machine, laid out as in run.json."""
    packages = {package: version for package in PACKAGES if (version := _version(package))}
    machine: Machine = {
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    return {"packages": packages, "machine": machine}


@functools.cache  # which reads a file, for each run of a study
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def source_of(kind: type) -> bytes:
    """Return the bytes of the script that a class is in, or of the cell: the same, where a script was pasted whole."""
    file = getattr(sys.modules[kind.__module__], "__file__", None)
    if file:
        return Path(file).read_bytes()
    codes = [part.__code__ for part in vars(kind).values() if hasattr(part, "__code__")]
    return "".join(linecache.getlines(codes[0].co_filename)).encode() if codes else b""
