"""Honest mistakes in the scripts, each with the checks that should fail and those that should not."""

from tests.submissions import Case, reference_scripts

NO1 = reference_scripts()["model_no1.py"].decode()

CASES = [
    Case(
        "syntax_error",
        "a bracket that was never closed",
        "flawed",
        {"model_no1.py": NO1.replace("class Model(tf.Module):", "class Model(tf.Module:")},
        expect={"run/model_no1": "failed", "architecture/model_no1": "skipped", "training/model_no1": "skipped"},
    ),
]
