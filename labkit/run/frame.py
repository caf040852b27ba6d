"""The frame around a training, behind `lab.Run`: it counts the steps, keeps the history, and has the rest done.

The rest has a module each: when to log and validate (schedule), figures (evaluation), the display (progress),
checkpoints, TensorBoard (board), and the record.
"""

import argparse
import contextlib
import hashlib
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from labkit import host
from labkit.data.loader import DataSets
from labkit.errors import LabError
from labkit.formats import FORMAT, Point, RunRecord
from labkit.run import advice, evaluation, record
from labkit.run.board import open_board
from labkit.run.checkpoints import Checkpoint, check_recipe
from labkit.run.progress import TrainingProgress
from labkit.run.schedule import LOG_EVERY, intervals, is_validated, learning_rate
from labkit.text import counted


class Run:
    """One training: counts the steps, watches the loss, saves checkpoints, tests once, and leaves the record.

    `folder` is where the results go (a Path); `history` is a list of dicts with `step`, `loss` (the mean since the
    last entry), `validation_accuracy` and `train_accuracy` (0 to 1, or None where they were not measured; the latter is
    of the first 1,000 training images) and `seconds` of training so far. Its first entry is of step 0, before training.
    """

    def __init__(
        self,
        flags: argparse.Namespace,
        mnist: DataSets,
        model: Any,
        optimizer: Any,
        predict: evaluation.Predict,
    ) -> None:
        """Check the model and prepare its run.

        `predict` turns images (N, 784) into class numbers (N,); `optimizer` is None if it has no state.
        Raises LabError for a model whose output is not (N, 10).
        """
        advice.check_model(flags.script, model)
        if host.current.advises:
            for problem in advice.warnings(flags.script, model):
                tqdm.write(f"warning: {problem}", file=sys.stderr)
        self.flags, self.mnist, self.model, self.predict = flags, mnist, model, predict
        self.optimizer = optimizer
        self.folder = record.run_folder(flags)
        if not flags.test_only:
            record.keep_longer_run(self.folder, flags.steps)
        self.folder.mkdir(parents=True, exist_ok=True)  # fails now, if at all, and not after the training
        self.history: list[Point] = []
        self.seconds = 0.0
        self.test_accuracy: float | None = None  # until it is tested
        self._round = range(0)  # the steps that are being trained
        self._losses: list[float] = []  # since the last entry of the history
        self._log_every, self._validate_every = intervals(flags.steps, host.current.validates)
        self._checkpoint = (host.current.checkpoints or Checkpoint)(self.folder / "checkpoint", model, optimizer)
        self._board = open_board(flags, model)
        if host.current.began:
            host.current.began(self)

    def steps(self) -> Iterator[int]:
        """Yield the numbers of the steps to train: from 1, or under --resume from where the checkpoint was saved."""
        for (step,) in self._rounds(at_most=1):
            yield step

    def rounds(self) -> Iterator[range]:
        """Yield the same as ranges of at most LOG_EVERY steps, for a script whose graph loops over them."""
        yield from self._rounds(at_most=LOG_EVERY)

    def _rounds(self, at_most: int) -> Iterator[range]:
        if self.flags.test_only:
            print(
                f"{self.flags.script}: tests the weights of step {self._restore_to_test():,}, {self.mnist.name}",
                flush=True,
            )
            return
        done = self._resume() if self.flags.resume else 0
        print(
            f"{self.flags.script}: {counted(self.flags.steps, 'step')} of {counted(self.flags.batch_size, 'image')}, "
            f"{self.mnist.name}, seed {self.flags.seed}, {self.flags.precision}"
            + (f", on from step {done:,}" if done else ""),
            flush=True,
        )
        if not self.history and host.current.validates:
            self._log_start()
        started = time.perf_counter() - self.seconds
        with contextlib.closing(TrainingProgress(self.flags.steps, done, self.seconds)) as progress:
            while done < self.flags.steps:
                next_entry = (done // self._log_every + 1) * self._log_every
                self._round = range(done + 1, min(done + at_most, next_entry, self.flags.steps) + 1)
                yield self._round
                done = self._round[-1]
                self.seconds = time.perf_counter() - started
                progress.advance(len(self._round))
                self._log(done, progress)

    def _log_start(self) -> None:
        """Add step 0 to the history, and print it: a network that has learned nothing is right by chance."""
        entry = self._entry(0, loss=None, validates=True)
        print(f"before training: validation {entry['validation_accuracy']:.2%}", flush=True)

    def _entry(self, step: int, loss: float | None, validates: bool) -> Point:
        """Add an entry to the history, with both accuracies where it validates; return it."""
        entry: Point = {
            "step": step,
            "loss": loss,
            "validation_accuracy": self._validation_accuracy() if validates else None,
            "train_accuracy": self._train_accuracy() if validates and host.current.validates else None,
            "seconds": round(self.seconds, 3),
        }
        self.history.append(entry)
        return entry

    def log(self, losses: Any) -> None:
        """Record the loss of this step (a scalar), or those of this round; raise LabError if one is not finite."""
        losses = np.ravel(losses)
        evaluation.check_losses(losses, self._round, self.flags.learning_rate)
        self._losses.extend(losses)

    def _log(self, step: int, progress: TrainingProgress) -> None:
        """Add to the history every few steps; validate and save a checkpoint when due."""
        validates = is_validated(step, self.flags.steps, self._validate_every)
        if not validates and step % self._log_every:
            return
        loss, self._losses = float(np.mean(self._losses)), []
        if validates:
            evaluation.check_weights(self.model.trainable_variables, step, self.flags.learning_rate)
        entry = self._entry(step, loss, validates)
        measured = [
            e["validation_accuracy"] for e in self.history if e["step"] and e["validation_accuracy"] is not None
        ]
        figures = f"loss {loss:.3f}" + (f", validation {measured[-1]:.2%}" if measured else "")
        progress.show(step, self.seconds, figures)
        if self._board:
            scalars = {"loss": loss, "learning rate": learning_rate(step, self.flags)}
            accuracies = {
                "validation accuracy": entry["validation_accuracy"],
                "training accuracy": entry.get("train_accuracy"),
            }
            scalars |= {name: value for name, value in accuracies.items() if value is not None}
            self._board.log(step, scalars, histograms=validates)
        if validates:
            self._save(step)

    def _save(self, step: int) -> None:
        state = {"recipe": self.recipe(), "step": step, "seconds": self.seconds, "history": self.history}
        self._checkpoint.save(step, state | {"order": self.mnist.train.get_state()})

    def _resume(self) -> int:
        """Go back to the last checkpoint; return its step. Raise LabError where it belongs to another run."""
        state = self._checkpoint.read_state()
        if state is None:
            print(f"no checkpoint in {self._checkpoint.folder}: starting from the first step", file=sys.stderr)
            return 0
        check_recipe(self._checkpoint.folder, state["recipe"], self.recipe(), self.flags.script)
        self._checkpoint.restore()
        self.mnist.train.set_state(state["order"])
        self.history, self.seconds = state["history"], state["seconds"]
        return state["step"]

    def _restore_to_test(self) -> int:
        """Restore the weights of the last checkpoint; return its step. Raise LabError where it is of another script."""
        state = self._checkpoint.read_state()
        if state is None:
            raise LabError(f"no checkpoint in {self._checkpoint.folder} to test: train first, without --test-only")
        script = "script_sha256"  # how it was trained is of no account
        check_recipe(self._checkpoint.folder, {script: state["recipe"][script]}, self.recipe(), self.flags.script)
        self._checkpoint.restore()
        self.history, self.seconds = state["history"], state["seconds"]
        settings = {*record.SETTINGS} & {*state["recipe"]} - {"precision"}
        vars(self.flags).update({name: state["recipe"][name] for name in settings})  # pictures tell of the training
        return state["step"]

    def _train_accuracy(self) -> float:
        images, labels = self.mnist.train.first(evaluation.TRAIN_IMAGES)
        return evaluation.accuracy(evaluation.predict_all(self.predict, images), labels)

    def _validation_accuracy(self) -> float:
        predictions = evaluation.predict_all(self.predict, self.mnist.validation.images)
        return evaluation.accuracy(predictions, self.mnist.validation.labels)

    def test(self) -> np.ndarray:
        """Test the model, once, and write the record; return the digit seen in each test image: (10000,), uint8.

        Under --test-only the record stays that of the training.
        """
        predictions = evaluation.predict_all(self.predict, self.mnist.test.images)
        self.test_accuracy = evaluation.accuracy(predictions, self.mnist.test.labels)
        if not self.flags.test_only:
            record.write_predictions(self.folder, predictions)
            record.write_record(self.folder, self._record())
        return predictions

    def finish(self) -> None:
        """Print where the results are and, on the last line, the test accuracy; raise LabError before the test."""
        if self.test_accuracy is None:
            raise LabError("run.finish() tells the test accuracy, so run.test() has to come before it")
        if evaluation.is_guessing(self.test_accuracy, self.flags.steps):
            advice = "no better than guessing: the network has learned nothing; try a smaller --learning-rate than"
            print(f"warning: {advice} {self.flags.learning_rate:g}", file=sys.stderr)
        print(f"results in {self.folder}")
        evaluation.print_accuracy(self.test_accuracy, self.mnist.test.num_examples, self.mnist.name)
        if host.current.ended:
            host.current.ended(self)

    def _record(self) -> RunRecord:
        assert self.test_accuracy is not None  # the record is written once the test is done
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
            "predictions_sha256": hashlib.sha256((self.folder / record.PREDICTIONS).read_bytes()).hexdigest(),
            "training_seconds": round(self.seconds, 3),
            "history": self.history,
            **record.environment(),
        }

    def recipe(self) -> dict[str, Any]:
        """Return all that decides the result on a given machine: two runs of the same recipe and seed are the same."""
        settings = {name: getattr(self.flags, name) for name in record.SETTINGS if hasattr(self.flags, name)}
        return record.recipe(settings, self.mnist.name, record.source_of(type(self.model)))
