"""Writes the page as files, to be read and not to be written in: for an archive, or for a colleague."""

import shutil
from pathlib import Path

from flask import Flask
from tqdm import tqdm

from grading.layout import STILL_REPORT
from grading.options import GradingError
from grading.page.addresses import PANES, FileAddresses
from grading.page.class_folder import ClassFolder
from grading.page.class_view import Question
from grading.page.rendering import Views, configure
from grading.page.server import open_class
from grading.page.sitting import Sitting
from labkit.files import atomic_file

ASSETS = Path(__file__).resolve().parent / "assets"


def write_copy(out: Path, assignment: Path, target: Path) -> None:
    """Write all views of a class, with the names, into a folder that is empty or new.

    Raises GradingError where the folder has something in it, or manual.csv can't be read: without its marks the copy
    would be wrong for good. Raises KitError where the class can't be read, and OSError.
    """
    folder = open_class(out, assignment)
    if problems := folder.read().problems:
        raise GradingError(f"{problems[0]}; mend that, then write the copy")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)  # it has marks in it
    if any(target.iterdir()):
        raise GradingError(f"{target} has files in it: give a folder that is empty or new")
    app = Flask(__name__)
    configure(app)
    with app.app_context():
        _write_views(folder, Views(folder, FileAddresses(), Sitting(names_shown=True)), target)
    shutil.copyfile(ASSETS / "page.css", target / "page.css")


def _write_views(folder: ClassFolder, views: Views, target: Path) -> None:
    class_, addresses = folder.read(), views.addresses
    _write(target / addresses.of_class(), views.of_class(class_, Question(sort="name")))
    _write(target / addresses.similarity(), views.of_similarity(class_))
    for student in tqdm(class_.students, unit="student", desc="writing", dynamic_ncols=True, disable=None):
        for pane in PANES:
            _write(target / addresses.student(student.number, pane=pane), views.of_student(class_, student, pane))
        _write(target / addresses.feedback(student.number), views.feedback(class_, student))
        if (folder.folder_of(student) / STILL_REPORT).is_file():
            shutil.copyfile(folder.folder_of(student) / STILL_REPORT, target / addresses.report(student.number))


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode())
