"""Looks for networks of the assignment in modules: makes models of whatever they hold, and has the models checked.

    python -m tests.solutions.ablations_in FOLDER module.py ...

A line is printed for each ablation that the architecture check would pass. It runs in a process of its own, because it
imports and calls what may do anything.
"""

import contextlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import tensorflow as tf

from labkit.checks.assignment import NETWORKS
from labkit.checks.model_check import examine

ORDERS = (("x", "variables", "keep_prob"), ("variables", "x", "keep_prob"), ("x", "variables"), ("variables", "x"))


def ablations_in(module: ModuleType) -> Iterator[str]:
    """Yield the ablations that a module can be used for: "model_no1 of Model"."""
    own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    callables = {name: value for name, value in own.items() if callable(value) and not name.startswith("test_")}
    for script in NETWORKS:
        for name, make in callables.items():
            for made in _made(make, script):
                if callable(made) and _is_right(script, made):
                    yield f"{script} of {name}"
                if isinstance(made, list | tuple | dict):
                    for other in callables:
                        if any(_is_right(script, model) for model in _models(callables[other], made)):
                            yield f"{script} of {name} and {other}"


def _made(make: Callable[..., Any], script: str) -> Iterator[Any]:
    """Yield what a class or function returns when it is called with nothing, or with the name of a network."""
    for arguments in ((), (script,)):
        with contextlib.suppress(BaseException):  # of which pytest's and argparse's are
            inspect.signature(make).bind(*arguments)
            yield make(*arguments)


def _models(function: Callable[..., Any], variables: Any) -> Iterator[Callable[..., Any]]:
    """Yield a model for each order in which a function may take images, variables and keep_prob."""
    for order in ORDERS:
        with contextlib.suppress(Exception):
            inspect.signature(function).bind(*order)
            yield _Applied(function, order, variables)


class _Applied(tf.Module):
    """A function of images and variables as a model."""

    def __init__(self, function: Callable[..., Any], order: tuple[str, ...], variables: Any):
        super().__init__()
        self.function, self.order, self.held = function, order, variables

    def __call__(self, x: Any, keep_prob: float = 1.0) -> Any:
        known = {"x": x, "variables": self.held, "keep_prob": keep_prob}
        return self.function(*(known[name] for name in self.order))


def _is_right(script: str, model: Callable[..., Any]) -> bool:
    try:
        verdict, error = examine(script, model)
    except BaseException:
        return False
    return error is None and not verdict.problems and not verdict.unread


def main() -> None:
    """Import the modules that the command line names, and print what was found in them."""
    folder, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    os.chdir(tempfile.mkdtemp())  # whatever they write
    # All are imported before any of them is called: what that does may keep others from being imported.
    modules = {name: _imported(folder / name) for name in names if "tensorflow" in (folder / name).read_text("utf-8")}
    for name, module in modules.items():
        with contextlib.redirect_stdout(None):
            ablations = list(dict.fromkeys(ablations_in(module)))
        print(*(f"{name}: {ablation}\n" for ablation in ablations), sep="", end="")


def _imported(path: Path) -> ModuleType:
    """Import a file as a module with a unique name."""
    sys.path[:0] = [str(path.parent)]
    loader = SourceFileLoader(f"looked_at_{path.stem}", str(path))
    module = ModuleType(loader.name)
    module.__file__ = str(path)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
