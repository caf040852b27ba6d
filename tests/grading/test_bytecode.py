"""Packages that Python would have to compile anew in each sandbox are told before a class waits for that."""

import py_compile

from grading import bytecode


def test_a_package_without_bytecode_is_told_until_it_is_compiled(tmp_path, monkeypatch):
    source = tmp_path / "uncompiled_package" / "__init__.py"
    source.parent.mkdir()
    source.write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = bytecode.missing("uncompiled_package") or ""
    assert told.startswith("uncompiled_package was installed without bytecode")
    assert told.endswith(f"-m compileall -q {tmp_path}")
    py_compile.compile(str(source))
    assert bytecode.missing("uncompiled_package") is None


def test_a_package_that_is_not_there_has_nothing_to_compile():
    assert bytecode.missing("no_such_package_here") is None
