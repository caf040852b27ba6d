"""What is kept of a submission to be shown: its scripts as diffs, which the sandbox makes of them."""

import dataclasses
import difflib
import json
import subprocess
import sys
import time

import pytest
from pygments.lexers.python import PythonLexer

from grading.inside.trusted import code_reader
from grading.inside.trusted.fingerprints import MAX_LINE
from grading.inside.trusted.shown_code import MOST_CHARACTERS, MOST_LINES, MOST_ROWS, CodePiece
from grading.results.kept import discard, keep_report, keep_what_is_shown, read_code
from grading.similarity import pairs
from labkit.text import printable
from tests.submissions import ROOT, SCRIPTS
from tests.support.needs import needs

pytestmark = pytest.mark.grading

REFERENCE = (ROOT / "deep_mnist.py").read_text(encoding="utf-8")
BIDI = "access = 'user\u202e \u2066# only admins\u2069 \u2066'  \x1b[31m\x00\n"


@pytest.fixture
def kept(sandbox, tmp_path):
    """Return a function that has scripts, given by name as bytes, read in the sandbox, and returns what is kept."""

    def keep(**scripts):
        folder, scratch = tmp_path / "submission", tmp_path / "scratch"
        folder.mkdir()
        scratch.mkdir()
        folder.chmod(0o755)
        for name, data in scripts.items():
            (folder / f"{name}.py").write_bytes(data)
        pairs.keep_texts(tmp_path / "prints.json", folder, "", sandbox, scratch, tmp_path)
        assert pairs.are_kept(tmp_path / "prints.json")
        return read_code(tmp_path).scripts

    return keep


def sides(script):
    """Return the two texts that a diff is of, as lists of lines, by its rows alone."""
    texts = [(row, "".join(piece.text for piece in row.pieces)) for row in script.rows]
    old = [text for row, text in texts if row.kind != "+"]
    new = [text for row, text in texts if row.kind != "-"]
    assert [row.old for row in script.rows if row.old] == list(range(1, len(old) + 1))
    assert [row.new for row in script.rows if row.new] == list(range(1, len(new) + 1))
    return old, new


def test_the_solutions_are_shown_as_what_they_changed(kept):
    needs("psutil")
    texts = {script: (ROOT / f"{script}.py").read_text(encoding="utf-8") for script in SCRIPTS}
    scripts = kept(**{script: text.encode() for script, text in texts.items()})
    assert list(scripts) == list(SCRIPTS)
    for name, script in scripts.items():
        assert script.problem == ""
        assert sides(script) == (REFERENCE.splitlines(), texts[name].splitlines())
        same = sum(row.kind == " " for row in script.rows)
        assert same > 90, "most of a copy is as it was"
    pieces = [piece for row in scripts["model_no1"].rows for piece in row.pieces]
    assert {
        CodePiece("k", "class"),
        CodePiece("nc", "Model"),
        CodePiece("nf", "__init__"),
        CodePiece("mi", "64"),
    } <= set(pieces)
    assert all(piece.token_class in ("sd", "c", "s") for piece in pieces if "ablation" in piece.text.lower())


def test_odd_and_hostile_scripts_are_shown_as_far_as_they_go(kept):
    needs("psutil")
    broken = "def model(:\n    return '''never\n" + REFERENCE.replace("\n", "\r\n")
    scripts = kept(model_no1=broken.encode(), model_no2=b"x" * 2**20, model_no3=BIDI.encode() + bytes(range(256)) * 99)
    assert sides(scripts["model_no1"])[1] == broken.splitlines()
    assert sides(scripts["model_no2"])[1] == ["x" * MAX_LINE]
    assert scripts["model_no2"].problem == "its lines are shown up to 1,000 characters"
    old, new = sides(scripts["model_no3"])
    assert old == REFERENCE.splitlines()
    assert new[0] == printable(BIDI).strip("\n")
    assert "\\u202e" in new[0]
    assert "\\x00" in new[0]
    assert all(printable(line) == line for line in new)


def test_a_script_that_is_not_there_has_no_diff(kept):
    needs("psutil")
    scripts = kept(model_no2=b"", helpers=b"x = 1\n")
    assert list(scripts) == ["model_no2"]
    assert {row.kind for row in scripts["model_no2"].rows} == {"-"}


@pytest.mark.parametrize(
    "script",
    [
        b"x\n" * 10**5,
        b"\n" * 10**5,
        "".join(line * 14 for line in REFERENCE.splitlines(keepends=True)).encode(),
        b"'" + b'\\"""\n' * 20_000,
        b"a+" * 2**19,
        b"".join(b"a+" * 40 + b"\n" for _ in range(5000)),
        bytes(range(256)) * 2**12,
        b"\x01\n" * 5000,
    ],
    ids=["equal lines", "blank lines", "repeated lines", "quotes", "one line", "tokens", "binary", "control"],
)
def test_whatever_the_size_of_a_script_what_is_shown_is_bounded_and_fast(script, tmp_path):
    (tmp_path / "model_no1.py").write_bytes(script)
    (tmp_path / "deep_mnist.py").write_text(REFERENCE, encoding="utf-8")
    started = time.process_time()  # the processor's, so that a busy machine doesn't matter
    shown = code_reader.read_code(tmp_path, tmp_path / "deep_mnist.py").scripts["model_no1"]
    assert time.process_time() - started < pairs.LIMITS.cpu_seconds / 4
    new = sides(shown)[1]
    assert shown.problem or len(new) == script.count(b"\n")
    assert len(shown.rows) <= MOST_ROWS
    assert len(new) <= MOST_LINES
    assert sum(map(len, new)) <= MOST_CHARACTERS
    assert len(json.dumps(shown.rows)) < 4 * 2**20


def test_no_lexer_and_no_comparison_sees_a_students_text_in_the_graders_own_process(kept, monkeypatch):
    needs("psutil")
    pairs.known_hashes()  # of the kit's own text
    read = []

    def lex(self, text, *_):
        read.append(text)
        raise AssertionError("lexed by the grader itself")

    def compare(*_):
        raise AssertionError("compared by the grader itself")

    monkeypatch.setattr(PythonLexer, "get_tokens_unprocessed", lex)
    monkeypatch.setattr(difflib.SequenceMatcher, "__init__", compare)
    scripts = kept(model_no1=b"import os  # of a student\n")
    assert (
        CodePiece("c", "# of a student") in scripts["model_no1"].rows[-1].pieces + scripts["model_no1"].rows[0].pieces
    )
    assert read == []


def test_what_is_kept_is_read_without_a_lexer(tmp_path):
    program = (
        "import pathlib, sys; from grading.results.kept import read_code; read_code(pathlib.Path(sys.argv[1])); "
        "print([name for name in sys.modules if name.startswith('pygments') or name == 'difflib'])"
    )
    (tmp_path / "code.json").write_text('{"format": 1, "scripts": {"model_no1": {"problem": "", "rows": []}}}')
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_what_takes_too_long_is_told_for_each_script_and_one_sandbox_is_all_that_it_takes(kept, monkeypatch, sandbox):
    needs("psutil")
    started = []
    run = type(sandbox).run
    monkeypatch.setattr(type(sandbox), "run", lambda *a, **given: started.append(1) or run(*a, **given))
    monkeypatch.setattr(pairs, "LIMITS", dataclasses.replace(pairs.LIMITS, cpu_seconds=0.5))
    scripts = kept(model_no1=b"x = (1 + y)\n" * 10**5, model_no3=b"")
    limit = "used more than the 0.5 s of processor time allowed and was stopped"
    told = f"its code can't be shown: reading it {limit}"
    assert {name: (one.problem, one.rows) for name, one in scripts.items()} == {
        "model_no1": (told, []),
        "model_no3": (told, []),
    }
    assert len(started) == 1


ROW = [" ", 1, 1, [["k", "import"], ["", " os"]]]


@pytest.mark.parametrize(
    "rows",
    [
        [["!", 1, 1, []]],
        [["+", 1, 1, []]],
        [["-", None, 1, []]],
        [[" ", 1, None, []]],
        [["+", None, 1, [['" onload="alert(1)', "x"]]]],
        [["+", None, 1, [["k", "two\nlines"]]]],
        [["+", None, 1, [["k", "two\rlines"]]]],
        [["+", None, "1", []]],
        [ROW] * (MOST_ROWS + 1),
    ],
)
def test_what_is_not_of_the_form_of_a_diff_is_not_kept(rows, tmp_path):
    (tmp_path / "model_no1.py").touch()
    found = tmp_path / "found"
    found.mkdir()
    for given, kept in ([ROW], True), (rows, False):
        (found / "code.json").write_text(
            json.dumps({"format": 1, "scripts": {"model_no1": {"problem": "", "rows": given}}})
        )
        keep_what_is_shown(found, tmp_path, tmp_path, None)
        code = read_code(tmp_path)
        assert code is not None
        assert (code.scripts["model_no1"].problem == "") is kept
        assert bool(code.scripts["model_no1"].rows) is kept


def test_the_report_is_kept_byte_for_byte_and_removed_where_there_is_none(tmp_path):
    unpacked, folder = tmp_path / "unpacked", tmp_path / "results"
    unpacked.mkdir()
    folder.mkdir()
    data = b"%PDF-1.4\r\n\x00\xff" * 10**5
    (unpacked / "report.pdf").write_bytes(data)
    (unpacked / "report.pdf").chmod(0o600)
    keep_report(unpacked, folder)
    assert (folder / "report.pdf").read_bytes() == data
    (folder / "other").touch()
    assert (folder / "report.pdf").stat().st_mode == (folder / "other").stat().st_mode
    (unpacked / "report.pdf").unlink()
    keep_report(unpacked, folder)
    assert [path.name for path in folder.iterdir()] == ["other"]
    discard(folder)
