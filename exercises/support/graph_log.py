"""Writes graphs for TensorBoard's page of graphs."""

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from labkit.errors import LabError


def write_graph(graph: Any, name: str, flags: argparse.Namespace) -> None:
    """Write a graph, such as that of a concrete function, to LOG_DIR/<script>/<name>; do nothing without --log-dir.

    Raises LabError where TensorBoard is not installed, without which TensorFlow can't write for it.
    """
    if not flags.log_dir:
        return
    if not importlib.util.find_spec("tensorboard"):
        raise LabError("--log-dir needs TensorBoard: pip install tensorboard")
    import tensorflow as tf  # here, because it takes seconds, and --help should not

    writer = tf.summary.create_file_writer(str(Path(flags.log_dir) / flags.script / name))
    with writer.as_default(step=0):
        tf.summary.graph(graph.as_graph_def())
    writer.close()
