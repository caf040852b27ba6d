"""Makes what the students get: the kit without the solutions, without what gives them away, and without the grader.

Two lists say it, and each file of the kit is in one of them; a test holds them to that. What is in neither, a result
or a draft, stays here: the students' list has names only, no pattern that such a file could fit. Lists will do where
`git archive` would not: in a kit that is not a checkout.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from grading.packing import zip_bytes
from idx_files import atomic_file

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "mnist-lab"  # in the zip, so that unpacking it makes one folder

STUDENTS = (  # paths in the kit; where one fits the other list, too, this one wins
    ".gitignore",
    "LICENSE",
    "README.md",
    "ablation.py",
    "assignment.toml",
    "compare.py",
    "deep_mnist.py",
    "docs/ablation.png",
    "docs/curves.png",
    "docs/feature_maps.png",
    "docs/mistakes.png",
    "docs/weights.png",
    "grading/__init__.py",
    "grading/architecture.py",
    "grading/assignment.py",
    "grading/checks.py",
    "grading/children.py",
    "grading/dropout.py",
    "grading/file_checks.py",
    "grading/freezing.py",
    "grading/graphs.py",
    "grading/importing.py",
    "grading/judging.py",
    "grading/layers.py",
    "grading/limits.py",
    "grading/model_check.py",
    "grading/names.py",
    "grading/operations.py",
    "grading/packing.py",
    "grading/parameters.py",
    "grading/reading.py",
    "grading/records.py",
    "grading/report_accuracies.py",
    "grading/report_boxes.py",
    "grading/report_fonts.py",
    "grading/report_glyphs.py",
    "grading/report_ink.py",
    "grading/report_markup.py",
    "grading/report_methods.py",
    "grading/report_page.py",
    "grading/report_pdf.py",
    "grading/report_reader.py",
    "grading/report_rules.py",
    "grading/report_style.typ",
    "grading/report_text.py",
    "grading/segments.py",
    "grading/student_checks.py",
    "grading/student_ids.py",
    "idx_files.py",
    "input_data.py",
    "lab.py",
    "lab_files.py",
    "lab_flags.py",
    "labkit/__init__.py",
    "labkit/data/__init__.py",
    "labkit/data/legacy.py",
    "labkit/data/loader.py",
    "labkit/notebook.py",
    "labkit/run/__init__.py",
    "labkit/run/frame.py",
    "labkit/run/mistakes.py",
    "labkit/run/sources.py",
    "labkit/run/summary.py",
    "labkit/startup.py",
    "labkit/study/__init__.py",
    "labkit/study/command_line.py",
    "labkit/submission/__init__.py",
    "labkit/submission/command_line.py",
    "mnist_files.py",
    "plotter.py",
    "pyproject.toml",
    "report_template.md",
    "requirements-report.txt",
    "requirements.txt",
    "softmax_mnist.py",
    "submit.py",
    "synthetic_digits.py",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/digit_files.py",
    "tests/quick_script.py",
    "tests/test_compare.py",
    "tests/test_download.py",
    "tests/test_input_data.py",
    "tests/test_networks.py",
    "tests/test_plotter.py",
    "tests/test_shapes.py",
    "tests/test_synthetic_digits.py",
    "tests/tracing.py",
)
HELD_BACK = (  # patterns, in which "*" takes "/", too
    ".ci/*",
    "benchmarks/*",  # some of its peers build the ablations
    "docs/tf1_scripts.md",  # is of benchmarks/tf1_script.py
    "grading/*",  # what a student's check does without
    "model_no?.py",  # the solutions
    "requirements-dev.txt",
    "requirements-grading.txt",
    "tests/*",  # of the grader; and those that run the solutions or edit deep_mnist.py as the assignment asks
)


def write_handout(path: str | Path) -> None:
    """Writes the hand-out's zip, whose bytes depend on nothing but the kit's files.

    Raises OSError or DataError where a file can't be read or written, or is missing.
    """
    files = {f"{FOLDER}/{name}": (ROOT / name).read_bytes() for name in STUDENTS}
    readme = f"{FOLDER}/README.md"
    files[readme] = student_readme(files[readme].decode()).encode()
    with atomic_file(Path(path)) as file:
        file.write(zip_bytes(files))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path fits any of the patterns."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def student_readme(text: str) -> str:
    """A README without the instructor's sections, and without links to them."""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    rest = "".join(section for section in sections if not section.startswith("## For the instructor"))
    return re.sub(r":?\s\[[^\]]*\]\(#for-the-instructor[^)]*\)", "", rest)
