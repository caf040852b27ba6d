"""Imports a student's script, which should do nothing else then.

The worker of grading does it in its sandbox, `submit.py check` in a process of its own, tests/test_shapes.py in theirs;
`labkit.mistakes` says in a line why it failed.
"""

import builtins
import importlib
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from labkit.host import Host, hosted
from labkit.mistakes import NoModel, RunsOnImport

# Packages that scripts import out of habit, and grading does without. To import one costs nothing; to use it fails.
ABSENT = frozenset(("cv2", "IPython", "pandas", "PIL", "seaborn", "sklearn", "tensorflow_datasets"))


def import_script(path: Path) -> types.ModuleType:
    """Import the script `path`, whose folder is on the path of modules, without letting it run; return the module.

    Raises RunsOnImport, NoModel, and whatever the script raises, SystemExit included.
    """

    def refuse(*_: object) -> NoReturn:
        raise RunsOnImport

    asked, builtins.input = builtins.input, refuse
    arguments, sys.argv = sys.argv, [str(path)]
    try:
        with hosted(Host(importing=True)):
            imported = importlib.import_module(path.stem)
    except NameError as error:
        if error.name != "FLAGS":  # which lab.parse_flags makes where the script runs
            raise
        raise RunsOnImport().with_traceback(error.__traceback__) from None
    finally:
        sys.argv = arguments
        builtins.input = asked
    model = getattr(imported, "Model", None)
    if not callable(model) or (model.__module__ or "").startswith(("keras.", "tensorflow.")):  # Keras's own Model
        raise NoModel
    return imported


class _Absent(types.ModuleType):
    """A package that is not there, or a part of it: it can be imported, and not used."""

    def __getattr__(self, name: str) -> "_Absent":
        if name.startswith("__"):  # what the import system and inspect look for
            raise AttributeError(name)
        return _Absent(f"{self.__name__}.{name}")

    def __call__(self, *_: object, **__: object) -> None:
        package = self.__name__.partition(".")[0]
        raise ModuleNotFoundError(f"No module named '{package}', of which {self.__name__} is used", name=package)


def stand_in_for_absent(folder: Path) -> None:
    """Let modules in `folder` import what is in ABSENT, from now on: an unused import must not cost a script points.

    No other module gets a stand-in, and none is in sys.modules: libraries import pandas where they find it, and use it.
    """
    original = builtins.__import__

    def import_or_stand_in(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        try:
            return original(name, globals, locals, fromlist or (), level)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            importer = Path(str((globals or {}).get("__file__", "")))
            if package not in ABSENT or folder not in importer.parents:
                raise
            return _Absent(name if fromlist else package)

    builtins.__import__ = import_or_stand_in
