"""Gradescope's autograder: the zip that an instructor uploads there, and what runs in its container for each upload.

By its documentation (gradescope-autograders.readthedocs.io, "Autograder Specifications" and "Submission Metadata"): the
zip has `setup.sh` and `run_autograder` at its root and is unpacked to /autograder/source; an upload is in
/autograder/submission, unpacked, and /autograder/submission_metadata.json says whose it is and when it came; the result
goes to /autograder/results/results.json, and what is printed beside it is shown to the instructor.

Its containers give no rights for bubblewrap; student code runs as another user there (sandbox/another_user.py). It
fails closed: without a sandbox no student code runs, and whatever goes wrong, there is a result that says so.
"""

import io
import json
import os
import stat
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from grading.handout import kit_files
from grading.one import grade_one
from grading.results.export.graded import read_class
from grading.results.export.gradescope import document, failed
from labkit.checks.assignment import NETWORKS, Assignment, load_assignment
from labkit.checks.student_ids import as_written
from labkit.errors import RecordError
from labkit.files import FACES, KIT, atomic_file
from labkit.formats import as_record
from labkit.submission.names import zip_name

FOLDER = "kit"  # of this kit, in the zip
FAILED = "failed.json"  # in that folder: the result where not even Python ends as it should
NOT_GRADED = (
    "Not graded: grading this failed, which is not your fault. Your instructor sees the reason; this 0 is no mark of "
    "yours."
)
RUNS = (  # patterns of paths in the kit
    *(f"{name}.py" for name in (*FACES, *NETWORKS)),
    "report_template.md",
    "requirements.txt",
    "requirements-grading.txt",
    "labkit/**/*.*",
    "grading/**/*.py",
    "grading/results/templates/*.*",
)
SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image.
set -e
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python3 -m venv /autograder/source/venv
/autograder/source/venv/bin/pip install --no-cache-dir -r /autograder/source/kit/requirements-grading.txt
cd /autograder/source/kit
/autograder/source/venv/bin/python input_data.py /autograder/mnist
"""
RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each upload. Whatever happens, there is a result.
root="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$root/results"
chmod 700 "$root/source/kit" "$root/mnist" "$root/submission"  # student code runs as another user, who may not see them
cd "$root/source/kit" && ../venv/bin/python -m grading.autograder "$root"
if [ ! -s "$root/results/results.json" ]; then
    cp "$root/source/kit/failed.json" "$root/results/results.json"
fi
"""


class _User(TypedDict):
    id: int
    email: str
    name: str


class _Metadata(TypedDict):
    """What is needed of submission_metadata.json."""

    created_at: str
    users: list[_User]


def write_autograder(path: Path, assignment: Path) -> None:
    """Write the zip, with this assignment's rubric in it.

    Raises AssignmentError for a rubric that can't be used, and OSError where a file can't be read or written.
    """
    load_assignment(assignment)
    files = {f"{FOLDER}/{name}": (KIT / name).read_bytes() for name in kit_files(RUNS, "the autograder needs")}
    files |= {
        "setup.sh": SETUP.encode(),
        "run_autograder": RUN.encode(),
        f"{FOLDER}/assignment.toml": assignment.read_bytes(),
        f"{FOLDER}/{FAILED}": failed(NOT_GRADED),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name)
            member.create_system = 3  # Unix, so that the mode counts
            member.external_attr = (0o100755 if name in ("setup.sh", "run_autograder") else 0o100644) << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    with atomic_file(path) as file:
        file.write(buffer.getvalue())


def main(arguments: Sequence[str]) -> int:
    """Grade the upload below the folder that is the one argument, /autograder; write its result, whatever happens."""
    root = Path(arguments[0])
    try:
        content = grade_upload(root)
    except Exception:  # there has to be a result; the instructor sees what is printed
        traceback.print_exc()
        content = failed(NOT_GRADED)
    with atomic_file(root / "results" / "results.json") as file:
        file.write(content)
    return 0


def grade_upload(root: Path) -> bytes:
    """Grade the upload, print its feedback, and return its results.json; raise whatever keeps it from being graded."""
    rubric = KIT / "assignment.toml"
    assignment = load_assignment(rubric)
    with tempfile.TemporaryDirectory(prefix="autograder-") as scratch:
        submission = _packed(root, Path(scratch), assignment)
        out = Path(scratch) / "grades"
        grade_one(
            submission,
            out=out,
            out_mode=0o700,
            assignment=rubric,
            train=True,
            unsafe=False,
            data_dir=root / "mnist",
        )
        graded = read_class(out, assignment)
        (student,) = graded.students
        return document(student, graded)


def _packed(root: Path, folder: Path, assignment: Assignment) -> Path:
    """Pack what was uploaded into a zip that is called, and was handed in, as the system says; return its path.

    Only plain files: nothing that leads elsewhere. Raises OSError, RecordError for metadata of another form, and
    BadName for a student whom the zip can't be called after.
    """
    content = (root / "submission_metadata.json").read_bytes()
    try:
        metadata = as_record(json.loads(content), _Metadata)
        user = metadata["users"][0]
    except (ValueError, IndexError) as error:
        raise RecordError(f"submission_metadata.json tells nobody's name ({error})") from error
    first, _, last = user["name"].strip().partition(" ")
    # The school's own id is most often what the address begins with.
    student = as_written(user["email"].partition("@")[0], assignment.student_id) or str(user["id"])
    path = folder / zip_name(student, first, last or first, assignment.student_id)
    uploaded = root / "submission"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(uploaded.rglob("*")):
            if stat.S_ISREG(file.lstat().st_mode) and not _is_behind_a_link(file, uploaded):
                member = zipfile.ZipInfo(file.relative_to(uploaded).as_posix())
                archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    time = datetime.fromisoformat(metadata["created_at"]).timestamp()
    os.utime(path, (time, time))
    return path


def _is_behind_a_link(file: Path, folder: Path) -> bool:
    return any(parent.is_symlink() for parent in file.parents if parent.is_relative_to(folder) and parent != folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
