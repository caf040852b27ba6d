"""The kit's errors: the tree that labkit/errors.py draws, and the one that says that a file can't be written."""

import errno
import importlib
import re

import pytest

from labkit import errors, files
from labkit.errors import KitError
from labkit.files import WriteError, atomic_file

pytestmark = pytest.mark.grading


def drawn():
    """Yield the lines of the tree: (depth, names, module); a line without a module has that of the line above it."""
    module = None
    for line in errors.__doc__.split("Not of them")[0].splitlines()[2:]:
        found = re.fullmatch(r"( +)([\w, ]+?)(?: \(an? \w+, too\))?(?:  +(here|\S+\.py))?", line)
        if found:
            module = found[3] or module
            path = "labkit/errors.py" if module in ("here", None) else module
            yield len(found[1]) // 4, found[2].split(", "), path.removesuffix(".py").replace("/", ".")


def test_the_tree_of_errors_is_as_it_is_drawn():
    parents, named = [], set()
    for depth, names, module in drawn():
        kinds = [getattr(importlib.import_module(module), name) for name in names]
        del parents[depth - 1 :]
        assert all(kind.__module__ == module for kind in kinds), names
        assert all(parents[-1:] == [] or kind.__bases__[0] is parents[-1] for kind in kinds), names
        parents.append(kinds[0])
        named.update(names)
    assert {kind.__name__ for kind in every(KitError)} == named
    assert len(named) > 25


def every(kind):
    """Return a class, and all that derive from it."""
    return {kind}.union(*map(every, kind.__subclasses__()))


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free some space there"), (errno.EACCES, "Choose a directory that you may write to")],
)
def test_a_file_that_can_not_be_written_is_named_with_what_to_do(tmp_path, monkeypatch, number, remedy):
    def refuse(*_):
        raise OSError(number, "so it is")

    monkeypatch.setattr(files.os, "replace", refuse)
    path = tmp_path / "file"
    with pytest.raises(WriteError) as error, atomic_file(path) as file:
        file.write(b"x")
    assert isinstance(error.value, KitError)
    assert isinstance(error.value, OSError)
    assert (error.value.errno, error.value.filename) == (number, str(path))
    assert str(error.value).startswith(f"{path} cannot be written: so it is. {remedy}")
    assert list(tmp_path.iterdir()) == []
