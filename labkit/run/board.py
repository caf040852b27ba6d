"""What TensorBoard shows of a training: the model's graph, scalars, and histograms of the weights."""

import argparse
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit import startup


def open_board(flags: argparse.Namespace, model: Any) -> "TensorBoard | None":
    """Return the logs that --log-dir asks for, and print how to view them; None where none are, or can be, written."""
    if not flags.log_dir:
        return None
    if not importlib.util.find_spec("tensorboard"):
        print("warning: no logs, because --log-dir needs TensorBoard: pip install tensorboard", file=sys.stderr)
        return None
    board = TensorBoard(Path(flags.log_dir) / flags.script / f"seed-{flags.seed}", model)
    print(f"to view the logs: tensorboard --logdir {startup.quoted([str(flags.log_dir)])}")
    return board


class TensorBoard:
    """Writes a model's graph at once, then scalars and weight histograms, to a folder that TensorBoard shows."""

    def __init__(self, folder: Path, model: Any) -> None:
        import tensorflow as tf

        self._model = model
        self._writer = tf.summary.create_file_writer(str(folder))
        graph = tf.function(model).get_concrete_function(tf.TensorSpec([None, 784], name="images")).graph
        with self._writer.as_default(step=0):
            tf.summary.graph(graph.as_graph_def())

    def log(self, step: int, scalars: Mapping[str, float], histograms: bool) -> None:
        """Write `scalars`, names to numbers, and with `histograms` the distribution of each variable, too."""
        import tensorflow as tf

        with self._writer.as_default(step=step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)
            if histograms:
                for name, value in vars(self._model).items():
                    if isinstance(value, tf.Variable):
                        tf.summary.histogram(name, value)
        self._writer.flush()
