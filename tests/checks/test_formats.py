"""Records: what is of their form is read, and whatever else there may be in a file is refused in one way."""

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from labkit.checks.records import BadRecord, read_run
from labkit.errors import RecordError
from labkit.formats import FORMAT, read_record
from tests.support.tracing import ROOT

pytestmark = pytest.mark.grading


@dataclass(frozen=True)
class Point:
    """A record of the tests'."""

    x: float
    names: tuple[str, ...] = ()


def test_a_record_becomes_its_type_without_what_that_does_not_know():
    assert read_record('{"format": 1, "x": 1, "names": ["a\\ud800"], "z": 3}', Point) == Point(1.0, ("a\ud800",))


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"null", b'{"format": 1', b"[" * 100_000, b'{"format": 1, "x": ' + b"[" * 100_000),
        *(b'{"format": 1}', b'{"format": 1, "x": "1"}', b'{"format": 1, "x": true}', b'{"format": 1, "x": null}'),
        *(b'{"format": 1, "x": 1, "names": "a"}', b'{"format": 1, "x": 1, "names": [1]}'),
        *(b'{"x": 1}', b'{"format": 2, "x": 1}', b'{"format": "1", "x": 1}', b'{"format": [], "x": 1}'),
    ],
    ids=range(17),
)
def test_what_is_not_of_the_form_is_refused(data):
    with pytest.raises(RecordError):
        read_record(data, Point)


def test_a_record_without_a_format_is_read_where_an_earlier_version_may_have_left_it():
    assert read_record('{"x": 1}', Point, earlier=True) == Point(1.0)
    with pytest.raises(RecordError, match=r"its format is 2, expected 1"):
        read_record('{"format": 2, "x": 1}', Point, earlier=True)


@pytest.mark.parametrize(("form", "read"), [({}, True), ({"format": FORMAT}, True), ({"format": FORMAT + 1}, False)])
def test_a_training_of_an_earlier_version_of_the_kit_still_counts(tmp_path, form, read):
    path = tmp_path / "run.json"
    record = {"dataset": "MNIST", "steps": 540, "test_accuracy": 0.99, "recipe": {"script_sha256": "ab"}}
    path.write_text(json.dumps(form | record))
    if read:
        assert read_run(path).test_accuracy == 0.99
    else:
        with pytest.raises(BadRecord, match="is damaged"):
            read_run(path)


def test_what_writes_records_beside_student_code_does_not_import_msgspec():
    code = "import sys, grading.inside.worker.worker, labkit.run.frame; print('msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")
