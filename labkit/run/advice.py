"""What a student should know of a model before it is trained: that its shape is wrong, or that its layers are."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit import mistakes, startup
from labkit.errors import LabError
from labkit.model_problems import output_problem, variables_problem
from labkit.recipe import recipe_problem
from labkit.run import summary
from labkit.run.record import source_of
from labkit.sources import import_problem


def check_model(script: str, model: Any) -> None:
    """Send two blank images through the model, so that a wrong shape shows in the script's own line, at once.

    Raises LabError where its output is not (N, 10), or where it has no variables to train.
    """
    problem = output_problem(model) or variables_problem(model)
    if problem:
        raise LabError(mistakes.with_script(script, problem))


def warnings(script: str, model: Any) -> Iterator[str]:
    """Yield what keeps an ablation from being compared with deep_mnist.py: how it is trained, and its layers."""
    yield from filter(None, (_unlike_reference(script, model), summary.warning(script, model)))


def _unlike_reference(script: str, model: Any) -> str | None:
    """Return a warning about an ablation whose Model has another name, or that is trained unlike deep_mnist.py."""
    reference = Path(startup.KIT) / "deep_mnist.py"
    if not re.fullmatch(r"model_no\d", script) or not reference.is_file():
        return None
    source = source_of(type(model))
    problem = import_problem(source) or recipe_problem(source, reference.read_bytes())
    if type(model).__name__ != "Model":
        problem = mistakes.explain(mistakes.NoModel(), script)
    return mistakes.with_script(script, problem) if problem else None
