"""Ours: the lab scripts, run as a user runs them, and what their run.json tells about speed."""

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from measuring import BenchmarkError, Digits, Finished, run

SCRIPT = "deep_mnist.py"
INTERVAL = 10  # steps between two entries of a history


class LabRun(NamedTuple):
    """A run of the script: the process, and the record that it left."""

    process: Finished
    record: dict[str, Any]

    @property
    def validation_accuracy(self) -> float:
        """At the end of the training."""
        return self.record["history"][-1]["validation_accuracy"]

    def interval_seconds(self, warm_up: int) -> list[float]:
        """Return the time of each INTERVAL of steps after the first `warm_up` steps that is spent on training alone.

        Validation and checkpoint come after the entry that reports them: the interval that starts there is left out.
        """
        history = self.record["history"]
        seconds = [
            end["seconds"] - start["seconds"]
            for start, end in itertools.pairwise(history)
            if start["validation_accuracy"] is None
            and start["step"] >= warm_up
            and end["step"] - start["step"] == INTERVAL
        ]
        if not seconds:
            raise BenchmarkError(f"{SCRIPT} left no interval of {INTERVAL} steps without a validation: give more steps")
        return seconds


def run_deep_mnist(digits: Digits, *flags: Any) -> LabRun:
    """Run the deep network's script with these flags on this data, and clean up after it."""
    return run_lab_script(SCRIPT, digits, *flags)


def run_lab_script(script: str, digits: Digits, *flags: Any) -> LabRun:
    """Run a lab script with these flags on this data, and clean up after it."""
    with tempfile.TemporaryDirectory() as results:
        process = run(script, *digits.flags, "--results-dir", results, *flags)
        (record,) = Path(results).glob("*/*/run.json")
        return LabRun(process, json.loads(record.read_text()))
