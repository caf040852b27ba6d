"""Makes students' scripts out of the kit's: with some text replaced, which has to be there, or with another model."""

import re
from pathlib import Path
from string import Template

from tests.submissions import ROOT, SCRIPTS, Files, reference_scripts

Change = tuple[str, str]  # the text that is there, once, and the one in its place

REFERENCE = {path.removesuffix(".py"): text.decode() for path, text in reference_scripts().items()}
DEEP = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")  # what a script is where nothing has been removed
MODEL = re.compile(r"^def weight_variable.*(?=^def main)", re.DOTALL | re.MULTILINE)  # the helpers and the class
_TEMPLATES = Path(__file__).with_name("models")
_SHAPES = {
    "model_no1": {"channels": 1, "side": 14, "filters": 64, "flat": 12544, "units": 1024},
    "model_no2": {"channels": "", "side": 14, "filters": 32, "flat": 6272, "units": 1024},
    "model_no3": {"channels": 32, "side": 7, "filters": 64, "flat": "", "units": 3136},
}


def replaced(text: str, *changes: Change) -> str:
    """Make each change to a text; raise ValueError for text that is not there exactly once."""
    for old, new in changes:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times, expected once")
        text = text.replace(old, new)
    return text


def model_text(name: str, script: str) -> str:
    """Return the model of a script, written as in models/<name>.txt.

    A line marked #-1 there is not in model_no1, one marked #=3 is in model_no3 only. $channels is the number of input
    channels of the second convolution; $side, $filters and $flat are height, depth and number of units after the last
    pooling; $units is the number of inputs of the last layer.
    """
    number = script[-1]
    lines = []
    for line in (_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        text, _, mark = line.partition("#-" if "#-" in line else "#=")
        if not mark or (mark == number) == ("#=" in line):
            lines.append(text.rstrip() + "\n")
    return Template("".join(lines)).substitute(_SHAPES[script], n=number)


def with_model(name: str, *changes: Change) -> Files:
    """Put the model of models/<name>.txt into the three scripts, with changes elsewhere."""
    scripts = {}
    for script in SCRIPTS:
        model = model_text(name, script) + "\n\n"
        text = MODEL.sub(lambda _, model=model: model, REFERENCE[script])
        scripts[f"{script}.py"] = replaced(text, *changes).encode()
    return scripts


def rewritten(*changes: Change) -> Files:
    """Make the same changes to each of the three reference solutions."""
    return {f"{script}.py": replaced(text, *changes).encode() for script, text in REFERENCE.items()}


def substituted(*changes: Change) -> Files:
    """Apply re.sub with each change to the three reference solutions; raise ValueError for a pattern that none has."""
    scripts = dict(REFERENCE)
    for pattern, new in changes:
        before = scripts
        scripts = {script: re.sub(pattern, new, text) for script, text in before.items()}
        if scripts == before:
            raise ValueError(f"nothing fits {pattern!r}")
    return {f"{script}.py": text.encode() for script, text in scripts.items()}
