"""A stand-in for a lab script: the same flags, the same record, but guesses instead of a training.

tests/study/test_compare.py copies it under the names of the four networks. What it is to do, beyond guessing, it reads
from the files next to it: `fail` (lines: a network, a seed, what to say) and `wait` (a network, a seed: to be killed).
"""

import hashlib
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import lab
from labkit.networks import expected_variables

if __name__ == "__main__":
    FLAGS = lab.parse_flags(
        __doc__, steps=540, batch_size=128, learning_rate=6e-3, schedule="one-cycle", label_smoothing=0.1
    )

HERE = Path(__file__).parent
NAMES = {"mnist": "MNIST", "synthetic": "synthetic digits"}
WRONG = {"deep_mnist": 8, "model_no1": 15, "model_no2": 30, "model_no3": 8}  # of 1,000 images, more or less
LABELS = np.arange(1000) % 10


def digits(name, labels):
    """Return what input_data.read_data_sets returns, as far as a study and its runs use it."""
    test = SimpleNamespace(images=np.arange(len(labels))[:, None], labels=labels, num_examples=len(labels))
    return SimpleNamespace(name=name, sha256={"test": hashlib.sha256(name.encode()).hexdigest()}, test=test)


class Model:
    """No network, but it has the parameters of one, to be counted."""

    def __init__(self, script):
        self.trainable_variables = [SimpleNamespace(shape=shape) for shape in expected_variables(script).values()]


class Run(lab.Run):
    """Writes the record of a run that never was."""

    def __init__(self, flags):
        self.flags, self.mnist, self.model = (
            flags,
            digits(NAMES[flags.dataset], np.eye(10)[LABELS]),
            Model(flags.script),
        )
        self.folder = Path(flags.results_dir) / flags.script / f"seed-{flags.seed}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seconds = 1.0 + flags.seed
        self.history = [
            {"step": step, "loss": 1 / step, "validation_accuracy": step / 100, "seconds": step / 10}
            for step in (10, 20, 30)
        ]

    def predict(self, images):
        """Guess digits, some of them wrong; the only pixel of an image is its number."""
        rng = np.random.default_rng([self.flags.seed, len(self.flags.script)])
        wrong = rng.permutation(len(LABELS))[: WRONG[self.flags.script] + self.flags.seed % 3]
        guesses = np.where(np.isin(np.arange(len(LABELS)), wrong), (LABELS + 1) % 10, LABELS)
        return SimpleNamespace(numpy=lambda: guesses[images[:, 0]])


def words_of(name):
    """Return the words of each line of a file next to this script."""
    path = HERE / name
    return [line.split(maxsplit=2) for line in path.read_text().splitlines()] if path.exists() else []


def main(flags):
    """Guess the digits, without training."""
    run = Run(flags)
    me = [flags.script, str(flags.seed)]
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "all")
    with (HERE / "log").open("a") as log:
        log.write(f"{' '.join(me)} {'resumed' if flags.resume else 'afresh'} {threads} {os.getpid()}\n")
    for network, seed, *message in words_of("fail"):
        if [network, seed] == me:
            raise lab.LabError(message[0])
    (run.folder / "checkpoint").mkdir(exist_ok=True)
    (run.folder / "checkpoint" / "checkpoint").touch()
    if me in words_of("wait") and not flags.resume:
        time.sleep(1000)
    flags.precision = lab.pick_precision(flags.precision)
    run.test()


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
