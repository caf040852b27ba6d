"""One measurement of `optimisations.py`, in a process of its own: trains by a version of `deep_mnist.py`, by the clock.

    python -m benchmarks.optimisations_process SCRIPT [flags of a lab script]

Prints as JSON the loss of each step, the seconds that a step took in each round of ten, and how far the training has
moved each variable: the Euclidean distance from its first values.
"""

import json
import runpy
import sys
import time

import numpy as np

import lab

ROUND = 10  # steps, as in a run of the script


class StopWatch:
    """Stands in for lab.Run: gives out rounds of steps, times them, and does nothing else between them."""

    def __init__(self, flags, mnist, model, optimizer, predict):
        self.steps, self.losses, self.step_seconds = flags.steps, [], []
        self.variables = model.trainable_variables
        self.first_values = [variable.numpy().copy() for variable in self.variables]

    def rounds(self):
        for first in range(1, self.steps + 1, ROUND):
            started = time.perf_counter()
            yield range(first, first + ROUND)
            self.step_seconds.append((time.perf_counter() - started) / ROUND)

    def log(self, losses):
        self.losses += np.ravel(losses).tolist()

    def test(self):
        """Report after the training, and end the script."""
        moved = [
            float(np.linalg.norm(variable.numpy() - first))
            for variable, first in zip(self.variables, self.first_values, strict=True)
        ]
        print(json.dumps({"losses": self.losses, "step_seconds": self.step_seconds, "moved": moved}))
        sys.exit()


if __name__ == "__main__":
    lab.Run = StopWatch
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
