"""Checkpoints: what a stopped training needs to go on as if it had not been stopped.

TensorFlow is imported inside the functions that need it: that takes seconds, and `--help` should not.
"""

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labkit.errors import KitError, LabError

DISK_FULL = os.strerror(errno.ENOSPC)  # is in TensorFlow's message, too


class CheckpointError(KitError):
    """A checkpoint can't be saved, or read again; the text says why, and what to do."""


class Checkpoint:
    """All that the rest of a training depends on, saved as one, so that a resumed run ends as an unbroken one does.

    That is the weights, the optimizer's averages, the generator of dropout, and `state`: a dict of the caller's, of
    numbers, strings, lists and arrays (which come back as lists).
    """

    def __init__(self, folder: Path, model: Any, optimizer: Any = None) -> None:
        import tensorflow as tf

        self.folder = folder
        self._state = tf.Variable("", dtype=tf.string)  # pyright: ignore[reportArgumentType]  # the stubs want a tensor
        parts = {"model": model, "random": tf.random.get_global_generator(), "state": self._state}
        if optimizer is not None:
            parts["optimizer"] = optimizer
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**parts),
            folder,
            max_to_keep=1,  # the older one goes when the newer one is whole
            checkpoint_name=f"run-{time.time_ns()}-step",  # so that no run writes over another's files
        )

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Save weights, averages, generator and `state`, as of this step."""
        self._state.assign(json.dumps(state, default=lambda array: array.tolist()))
        with _explaining(f"the checkpoint in {self.folder} can't be saved", ""):
            try:
                self._manager.save(checkpoint_number=step)
            except Exception:
                for part in Path(self.folder).glob("*_temp"):  # on a full disk it would be in the way
                    shutil.rmtree(part, ignore_errors=True)
                raise

    def read_state(self) -> dict[str, Any] | None:
        """Read the `state` of the last checkpoint; None if there is no checkpoint."""
        import tensorflow as tf

        if self._manager.latest_checkpoint is None:
            return None
        with self._explaining_damage():
            reader = tf.train.load_checkpoint(self._manager.latest_checkpoint)
            return json.loads(reader.get_tensor("state/.ATTRIBUTES/VARIABLE_VALUE"))

    def restore(self) -> None:
        """Restore weights, averages and generator from the last checkpoint."""
        with self._explaining_damage():
            status = self._manager.checkpoint.restore(self._manager.latest_checkpoint)
        status.expect_partial()  # of a training that is over: its optimizer takes no step, so its averages stay unread

    def _explaining_damage(self) -> contextlib.AbstractContextManager[None]:
        return _explaining(f"the checkpoint in {self.folder} is damaged", ": leave out --resume to start anew")


def check_recipe(folder: Path, saved: Mapping[str, Any], current: Mapping[str, Any], script: str) -> None:
    """Raise LabError where the checkpoint in a folder was saved by a training with another recipe."""
    changed = [
        f"{script}.py has changed" if name == "script_sha256" else f"{name} was {value}, is {current[name]}"
        for name, value in saved.items()
        if value != current[name]
    ]
    if changed:
        raise LabError(
            f"the checkpoint in {folder} is of another run ({'; '.join(changed)}): "
            "give --resume with that run's flags, or leave it out to start anew"
        )


@contextlib.contextmanager
def _explaining(problem: str, todo: str) -> Iterator[None]:
    """Raise CheckpointError for whatever TensorFlow raises about a file, for which it has no type of its own."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, OSError, LookupError, ValueError, RuntimeError) as error:
        message = " ".join(str(error).split())
        if DISK_FULL in message:
            way_out = (
                "make room, or give --results-dir a folder on another disk; --resume goes on from the last checkpoint"
            )
            raise CheckpointError(f"{problem}, because the disk is full ({DISK_FULL}): {way_out}") from error
        raise CheckpointError(f"{problem} ({message[:200]}){todo}") from error
