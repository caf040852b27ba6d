"""Records, which cross from one process to another or are kept in a file: JSON, with the number of its form in it.

They are held to a type where they come in, by msgspec: it reads dataclasses and typed dicts as they are, and has no
dependencies of its own. pydantic would do the same, as five packages in place of one.
"""

import json
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar

from labkit.errors import RecordError

FORMAT = 1  # of all records: another number stands for what a reader of this one would take for something else

_T = TypeVar("_T")


def read_record(data: bytes | str, kind: type[_T], *, earlier: bool = False) -> _T:
    """Read a record from JSON as a `kind`, a dataclass or a TypedDict. Fields that it does not know are left out.

    With `earlier`, a record without a format counts, too: one of a version of the kit that did not number them. Raises
    RecordError for what is no JSON, of another format, or not of the form of `kind`. It bounds neither the size of the
    data nor the length of a text in it: who reads what is untrusted does.
    """
    try:
        # Not by msgspec, which refuses half a surrogate pair: Python has those in names of files.
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordError(str(error)) from error
    if not isinstance(record, dict):
        raise RecordError(f"it is a {type(record).__name__}, expected an object")
    version = record.setdefault("format", FORMAT if earlier else None)
    if version != FORMAT:
        raise RecordError(f"its format is {version!r}, expected {FORMAT}")
    return as_record(record, kind)


def as_record(value: object, kind: type[_T]) -> _T:
    """Convert what JSON holds to a `kind`: see read_record; raise RecordError."""
    import msgspec  # here: the scripts, and what runs beside student code, only write records, and need not wait for it

    try:
        return msgspec.convert(value, kind, dec_hook=_parse)
    except (msgspec.ValidationError, RecursionError) as error:
        raise RecordError(str(error)) from error


def _parse(kind: Any, value: object) -> Any:
    """Parse a value of a class that msgspec doesn't know, and that is written as a text: check.CheckId."""
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {type(value).__name__}")
    return kind.parse(value)


class _Point(TypedDict):
    step: int
    loss: float | None
    validation_accuracy: float | None
    seconds: float


class Point(_Point, total=False):
    """One entry of a training's history; an accuracy is None where it was not measured, the loss before training."""

    train_accuracy: float | None  # records of an earlier version have none


class Machine(TypedDict):
    """Where a training ran."""

    platform: str
    processor: str
    processors: int | None
    python: str


class Environment(TypedDict):
    """With what a training ran: the versions of the packages, and the machine."""

    packages: dict[str, str]
    machine: Machine


class RunRecord(Environment):
    """run.json, which a lab script leaves of a training: docs/formats.md tells of each field."""

    format: int
    script: str
    dataset: str
    sha256: Mapping[str, str]
    seed: int
    flags: dict[str, Any]
    recipe: dict[str, Any]
    parameters: int
    steps: int
    test_accuracy: float
    test_images: int
    predictions_sha256: str
    training_seconds: float
    history: list[Point]
