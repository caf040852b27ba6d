"""Run a script that was written for TensorFlow 1, as it is, against the kit's loader.

    python benchmarks/tf1_script.py SCRIPT --data-dir /the/shared/folder --iterations 200

Below the script, `tensorflow` is tensorflow.compat.v1 without the behaviour of version 2, and the loader of the
tutorials, under each of the names that it had, is the kit's. Three things are changed from outside, none in the
script: whatever directory it names, the data is that of `--data-dir`; pictures are drawn, but not shown; and
`--iterations` cuts each `range` in the script short, because a training of an hour shows no more of the loader than one
of a minute. At the end, or where the script fails, the calls that it made of the loader are listed on stderr.
"""

import argparse
import builtins
import collections
import functools
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = (  # each name under which scripts import the loader
    "input_data",
    "tensorflow.examples.tutorials.mnist.input_data",
    "tensorflow.contrib.learn.python.learn.datasets.mnist",
)


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", type=Path, metavar="SCRIPT")
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        default=os.environ.get("MNIST_DATA_DIR") or "MNIST_data",
        help="where the MNIST files are, or go (default: $MNIST_DATA_DIR, else MNIST_data)",
    )
    parser.add_argument("--iterations", type=int, metavar="N", help="of each range in the script, at most")
    return parser.parse_args()


def main(flags: argparse.Namespace) -> None:
    """Run the script, and list its calls even if it fails."""
    sys.path.insert(0, str(ROOT))
    import input_data

    calls: collections.Counter[str] = collections.Counter()
    record_calls(input_data, calls, os.path.abspath(flags.data_dir))
    os.environ["MPLBACKEND"] = "Agg"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    install(input_data)
    sys.argv = [str(flags.script)]
    names = {} if flags.iterations is None else {"range": short_range(flags.iterations)}
    try:
        runpy.run_path(str(flags.script), names, run_name="__main__")
    finally:
        sys.stdout.flush()
        for call, count in calls.items():
            print(f"{count:6} x {call}", file=sys.stderr)


def short_range(iterations: int) -> Callable[..., range]:
    """Return a `range` that ends after so many numbers."""
    return lambda *bounds: builtins.range(*bounds)[:iterations]


def record_calls(loader: ModuleType, calls: collections.Counter[str], directory: str) -> None:
    """Make the loader count its calls, and read its files from `directory`."""
    read_data_sets, next_batch = loader.read_data_sets, loader.DataSet.next_batch

    @functools.wraps(read_data_sets)
    def read(train_dir: str, *arguments: Any, **options: Any) -> Any:
        calls[f"read_data_sets({written(repr(train_dir), *map(repr, arguments), **options)})"] += 1
        return read_data_sets(directory, *arguments, **options)

    def take(data_set: Any, batch_size: int, *arguments: Any, **options: Any) -> Any:
        calls[f"next_batch({written(repr(batch_size), *map(repr, arguments), **options)})"] += 1
        return next_batch(data_set, batch_size, *arguments, **options)

    loader.read_data_sets, loader.DataSet.next_batch = read, take


def written(*arguments: str, **options: Any) -> str:
    """Format arguments as they are written in a call."""
    return ", ".join([*arguments, *(f"{name}={value!r}" for name, value in options.items())])


def install(loader: ModuleType) -> None:
    """Put TensorFlow 1, with `loader` under the names of MODULES, in TensorFlow's place."""
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
    sys.modules["tensorflow"] = tf
    for name in MODULES:
        sys.modules[name], (parent, _, child) = loader, name.rpartition(".")
        below = loader
        while parent:
            package = sys.modules.setdefault(parent, ModuleType(parent))
            package.__path__ = getattr(package, "__path__", [])
            setattr(package, child, below)
            below, (parent, _, child) = package, parent.rpartition(".")
    sys.modules["tensorflow.contrib.learn"].datasets = ModuleType("datasets")
    tf.contrib.learn.datasets.load_dataset = lambda name: loader.read_data_sets("MNIST-data")  # "mnist" is its one name


if __name__ == "__main__":
    main(parse_flags())
