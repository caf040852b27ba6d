"""Puts together what a sandbox gets to see of the kit: the modules that are needed in there, and no others."""

import shutil
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stage(folder: Path, names: Sequence[str]) -> Path:
    """Copies modules, named by their paths from the kit's root without ".py", to a folder; a sandbox gets no others."""
    for name in names:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / f"{name}.py", path)
    return folder
