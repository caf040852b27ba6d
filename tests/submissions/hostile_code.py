"""Hostile scripts, each named after what it tries, with the verdict that it should get."""

from tests.submissions import Case, reference_scripts

NO1 = reference_scripts()["model_no1.py"].decode()

CASES = [
    Case(
        "endless_loop_at_import",
        "loops for ever when it is imported",
        "hostile",
        {"model_no1.py": NO1 + "\nwhile True:\n    pass\n"},
        expect={"run/model_no1": "failed", "architecture/model_no1": "skipped", "training/model_no1": "skipped"},
    ),
]
