"""The command line of the lab scripts, read before TensorFlow is imported: `--help` should not wait for that."""

import argparse
import math
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from labkit import host, notebook, startup

RESULTS = "results go to RESULTS_DIR/<script>/seed-<SEED>/: run.json, predictions.npy, the pictures and a checkpoint"
PICTURES = "pictures and other results go to RESULTS_DIR/<script>/seed-<SEED>/"  # of a script without a lab.Run
STATUS = "exit status: 0 success, 1 a failure reported on stderr, 2 a bad flag, 130 Ctrl-C"
SEEDS = 2**32  # that NumPy takes: 0 to one less


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Return argparse's type of a flag that is an int, or a float, above zero and finite."""

    def parse(text: str) -> float:
        value = kind(text)
        if not (value > 0 and math.isfinite(value)):
            raise argparse.ArgumentTypeError(f"{text} is not a number above zero")
        return value

    parse.__name__ = f"positive {kind.__name__}"  # argparse's word for it: "invalid positive int value: 'ten'"
    return parse


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a fraction: 0 or more, and less than 1")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < SEEDS:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {SEEDS - 1}, the seeds that NumPy takes")
    return value


def _folder(text: str) -> str:
    if startup.unreadable_path(text):
        raise argparse.ArgumentTypeError(
            f"{text} is not valid UTF-8, so TensorFlow can't write there: use plain letters"
        )
    return text


FLAGS = {
    "--data-dir": {
        "metavar": "DIR",
        "default": None,
        "help": f"where the MNIST files are, or go (default: {startup.DATA_DEFAULT})",
    },
    "--dataset": {
        "choices": ("auto", "mnist", "synthetic"),
        "default": "auto",
        "help": "auto is MNIST, or synthetic digits where it is not available (default: auto)",
    },
    "--steps": {"type": positive(int), "help": "training steps, one batch each (default: %(default)s)"},
    "--epochs": {"type": positive(int), "help": "passes over the training images (default: %(default)s)"},
    "--batch-size": {"type": positive(int), "help": "images in a batch (default: %(default)s)"},
    "--learning-rate": {
        "type": positive(float),
        "help": "how far a step goes; under one-cycle, the largest (default: %(default)s)",
    },
    "--schedule": {
        "choices": ("one-cycle", "constant"),
        "help": "one-cycle raises the learning rate for a fifth of the steps, then lowers it to zero "
        "(default: %(default)s)",
    },
    "--label-smoothing": {
        "type": _fraction,
        "help": "the part of each label that is shared out among the ten digits (default: %(default)s)",
    },
    "--committee": {
        "type": positive(int),
        "metavar": "N",
        "help": "train N networks, of the seeds from --seed on, and let them vote (default: %(default)s)",
    },
    "--precision": {
        "choices": ("auto", "float32", "bfloat16"),
        "default": "auto",
        "help": "of products, the weights are float32; auto is bfloat16 on a processor made for it (default: auto)",
    },
    "--seed": {
        "type": _seed,
        "default": 0,
        "help": "the same seed gives the same result on the same machine (default: 0)",
    },
    "--results-dir": {
        "type": _folder,
        "metavar": "DIR",
        "default": "results",
        "help": "where the results go (default: results)",
    },
    "--log-dir": {
        "type": _folder,
        "metavar": "DIR",
        "default": None,
        "help": "write TensorBoard logs there, too; to view them: tensorboard --logdir DIR",
    },
    "--summary": {
        "action": "store_true",
        "default": False,
        "help": "print the network's layers, their outputs' shapes and their weights, and train nothing",
    },
    "--resume": {
        "action": "store_true",
        "default": False,
        "help": "continue a stopped run from its last checkpoint",
    },
    "--test-only": {
        "action": "store_true",
        "default": False,
        "help": "train nothing: restore the last checkpoint, and test it again",
    },
}


def parse_flags(
    description: str | None,
    *,
    only: Collection[str] | None = None,
    own: Mapping[str, Mapping[str, Any]] | None = None,
    arguments: str | None = None,
    **defaults: Any,
) -> argparse.Namespace:
    """Read the command line of a lab script, then import TensorFlow.

    `defaults` are the script's own, for steps, epochs, batch_size, learning_rate, schedule, label_smoothing and
    committee; it has no flag for one that is left out. Of the flags that have a default here, it has all, or `only`
    those, such as ["seed", "results_dir"]. `own` are flags that no other script has, each with its options for
    argparse, such as {"--text": {"metavar": "FILE", "help": "..."}}. `arguments` are a command line for a notebook's
    cell, which has none, such as "--steps 100 --seed 1". Returns a namespace with a field for each flag, and `script`,
    the script's name without `.py`. Ends the process after `--help` (status 0) and on a bad flag (status 2).

    Pasted into a notebook's cell a script has no command line, only that of the notebook, and all flags are defaults.
    """
    host.refuse_while_importing()
    with_defaults = [_field(name) for name, options in FLAGS.items() if "default" in options]
    fields = {*(with_defaults if only is None else only), *defaults}
    results = [RESULTS] if only is None else [PICTURES] * ("results_dir" in fields)
    epilog, plain = "\n".join([*results, STATUS]), argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=plain)
    for name, options in FLAGS.items():
        if _field(name) in fields:
            parser.add_argument(name, **options)
    for name, options in (own or {}).items():
        parser.add_argument(name, **options)
    if "data_dir" in fields:
        defaults["data_dir"] = startup.data_folder()
    parser.set_defaults(**defaults)
    if notebook.pasted(sys._getframe(1).f_code.co_filename):
        flags = notebook.call(lambda: parser.parse_args(shlex.split(arguments or "")))
        flags.script = notebook.script(description)
        file = "deep_mnist.py" if flags.script == notebook.UNNAMED else f"{flags.script}.py"
        if arguments is None:
            print(f"the flags in a notebook's cell are the defaults; to set some: %run {file} --steps 100")
    else:
        flags = notebook.call(parser.parse_args)
        flags.script = Path(sys.argv[0]).stem
    import_tensorflow()
    return flags


def _field(flag: str) -> str:
    return flag[2:].replace("-", "_")


def import_tensorflow() -> None:
    """Import TensorFlow without its log messages, unless the import fails: then they are the explanation."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    sys.stderr.flush()
    try:
        terminal = os.dup(2)  # C++ prints some messages whatever the level, so the file descriptor itself is diverted
    except OSError:  # a window of Python's own, such as IDLE's, has none
        terminal = os.open(os.devnull, os.O_WRONLY)
    status, message = 0, ""
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except KeyboardInterrupt:
            status, message = 130, "stopped by Ctrl-C"
        except ImportError as error:
            messages.seek(0)
            os.write(terminal, messages.read())
            message = f"error: TensorFlow can't be imported ({error}); to install it: pip install -r requirements.txt"
            status = 1
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
    if status:
        notebook.stop(status, message)  # here, where stderr is a terminal's again
