"""Cells of manual.csv: what is written is read again, whatever saved the file, and no other byte of it changes.

Python's csv module says what is in a file; the files are put together here, piece by piece, so that it is known which
bytes may change.
"""

import contextlib
import csv
import io
import itertools
import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grading.results import manual, manual_file
from grading.results.cells import scan
from grading.results.escaping import as_meant, protected_text
from grading.results.manual import add_rows, read_manual
from grading.results.manual_file import ChangedMeanwhile, ManualError, read_sheet, save
from labkit.checks.assignment import load_assignment
from labkit.files import KIT
from tests.grading.test_results import result_of

pytestmark = pytest.mark.grading

ITEMS = load_assignment().manual
HEADS = ["id", "name", "Übung", "folder", "zip", *(item.name for item in ITEMS), "comment", "overrule"]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16-le", "utf-16-be"]
MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
TEXTS = [
    "",
    "8",
    "7,5",
    "qué pasó?",
    'she said "no"',
    "two\nlines",
    "a, b; c\td",
    "=1+1",
    "-5 for style; =cmd",
    "'quoted'",
    "'=x",
    "well, '=x",
    "sep=;",
    '"',
    "€",
    "line\n\n=last",
]
FOREIGN = ["Ж李", "😀, =1", "שלום"]  # which Windows' 1252 does not have


class Made:
    """A file that is put together of raw cells: `lines` of (text, raw) pairs, or of nothing for a blank line."""

    def __init__(self, seed: int, encoding: str, separator: str) -> None:
        self.chance = random.Random(f"{seed} {encoding} {separator}")
        self.encoding, self.separator = encoding, separator
        self.line_end = self.chance.choice(["\n", "\r\n"])
        self.above = self.chance.choice(["", f"sep={separator}{self.line_end}"])
        self.all_quoted = self.chance.random() < 0.3
        heads = self.chance.sample(HEADS, len(HEADS))
        self.lines = [[self.cell(head) for head in heads]]
        for number in range(4):
            texts = {"id": str(number), "name": "Zoë", "folder": f"folder{number}", "zip": f"{number}.zip"}
            self.lines.append([self.cell(texts.get(head) or self.chance.choice(TEXTS)) for head in heads])
            if self.chance.random() < 0.2:
                self.lines.append([])
        self.heads = heads
        self.end = self.chance.choice(["", self.line_end])

    def cell(self, text: str) -> tuple[str, str]:
        bare = not self.all_quoted and not re.search(rf'["\r\n{self.separator}]', text) and self.chance.random() < 0.7
        return text, text if bare else '"' + text.replace('"', '""') + '"'

    def pieces(self, row: int, column: int) -> tuple[bytes, bytes]:
        """Return what is before and behind a cell."""
        lines = [self.separator.join(raw for _, raw in line) for line in self.lines]
        raws = [raw for _, raw in self.lines[row]]
        before = [*lines[:row], self.separator.join([*raws[:column], ""])]
        behind = [self.separator.join(["", *raws[column + 1 :]]), *lines[row + 1 :]]
        head, tail = self.above + self.line_end.join(before), self.line_end.join(behind) + self.end
        return MARKS.get(self.encoding, b"") + head.encode(self.plain), tail.encode(self.plain)

    @property
    def plain(self) -> str:
        return self.encoding.removesuffix("-sig")

    def content(self) -> bytes:
        before, behind = self.pieces(0, 0)
        return before + self.lines[0][0][1].encode(self.plain) + behind

    def row_of(self, folder: str) -> int:
        return next(number for number, line in enumerate(self.lines) if folder in [text for text, _ in line])


def as_csv_reads(content: bytes, encoding: str, separator: str) -> list[list[str]]:
    """Return the rows that are not blank, without Excel's own line."""
    text = content.decode({"utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding))
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    return rows[1:] if text.startswith("sep=") else rows


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# ------------------------------------------------------------------------------------------------------ a cell written


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_cell_is_read_as_it_was_written_and_no_other_byte_changes(encoding, separator, tmp_path):
    for seed in range(25):
        made = Made(seed, encoding, separator)
        path = written(tmp_path / "manual.csv", made.content())
        before = read_sheet(path)
        rows = as_csv_reads(before.content, encoding, separator)
        folder, column = f"folder{made.chance.randrange(4)}", made.chance.choice(HEADS[5:])
        text = made.chance.choice(TEXTS)
        content = before.with_cells(folder, {column: text})
        row, place = made.row_of(folder), made.heads.index(column)
        head, tail = made.pieces(row, place)
        assert content.startswith(head), (seed, text)
        assert content.endswith(tail), (seed, text)
        index = next(n for n, cells in enumerate(rows) if folder in cells)
        assert as_meant(rows[index][place]) == before.text(folder, column)
        if text != before.text(folder, column):
            rows[index][place] = protected_text(text)
        assert as_csv_reads(content, encoding, separator) == rows, (seed, text)
        after = read_sheet(written(path, content))
        assert after.text(folder, column) == text, seed
        others = [(f"folder{n}", name) for n in range(4) for name in HEADS if (f"folder{n}", name) != (folder, column)]
        assert [after.text(*other) for other in others] == [before.text(*other) for other in others]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_missing_column_comes_at_the_end_of_each_row(encoding, separator, tmp_path):
    for seed in range(8):
        made = Made(seed, encoding, separator)
        path = written(tmp_path / "manual.csv", made.content())
        rows = as_csv_reads(made.content(), encoding, separator)
        content = read_sheet(path).with_cells("folder2", {"further": "a; b, c", "more": "", "last": "=1"})
        width = len(rows[0])
        after = as_csv_reads(content, encoding, separator)
        assert [row[:width] for row in after] == rows
        new = [["further", "last"], *(["a; b, c", "'=1"] if "folder2" in row else ["", ""] for row in rows[1:])]
        assert [row[width:] for row in after] == new
        assert content.count(made.line_end.encode(made.plain)) == made.content().count(made.line_end.encode(made.plain))


@pytest.mark.parametrize("text", FOREIGN)
def test_a_text_that_the_encoding_can_not_hold_makes_the_file_utf_8_and_loses_nothing(text, tmp_path):
    made = Made(1, "cp1252", ";")
    path = written(tmp_path / "manual.csv", made.content())
    before = read_sheet(path)
    content = before.with_cells("folder1", {"comment": text})
    assert content.startswith(b"\xef\xbb\xbf")
    after = read_sheet(written(path, content))
    assert after.text("folder1", "comment") == text
    assert after.text("folder1", "name") == "Zoë"
    rows, again = (sheet.rows for sheet in (before, after))
    place = made.heads.index("comment")
    assert [[c for n, c in enumerate(r) if n != place] for _, r in rows] == [
        [c for n, c in enumerate(r) if n != place] for _, r in again
    ]


def test_a_text_whose_bytes_in_1252_would_be_taken_for_utf_8_is_not_left_to_a_guess(tmp_path):
    path = written(tmp_path / "manual.csv", "folder,comment\none,é\n".encode("cp1252"))
    for text in ("Ã©", "plain", "é"):
        assert (
            read_sheet(written(path, read_sheet(path).with_cells("one", {"comment": text}))).text("one", "comment")
            == text
        )


def test_the_same_text_leaves_the_file_as_it_is(tmp_path):
    content = b'folder,explanation,comment\r\none, 8 ,"a\r\nb"\r\n'
    path = written(tmp_path / "manual.csv", content)
    assert read_sheet(path).with_cells("one", {"explanation": "8", "comment": " a\r\nb", "overrule": ""}) == content


def test_rows_that_are_shorter_or_longer_than_the_first_keep_their_cells(tmp_path):
    path = written(tmp_path / "manual.csv", b"folder,explanation,comment\none\ntwo,8,,,\n\n,,\nthree,7,x")
    content = read_sheet(path).with_cells("one", {"comment": "a", "overrule": "malus = 1: late"})
    assert content == (b'folder,explanation,comment,overrule\none,,a,"malus = 1: late"\ntwo,8,,,\n\n,,,\nthree,7,x,')


def test_a_row_without_a_folder_is_found_by_its_zip(tmp_path):
    path = written(tmp_path / "manual.csv", b"zip,comment\n1_a.zip,x\n'-odd.zip,y\n")
    sheet = read_sheet(path)
    assert sheet.text("1_a", "comment", zip_name="1_a.zip") == "x"
    assert sheet.text("-odd.zip", "comment") == "y"
    assert sheet.with_cells("odd", {"comment": "z"}, zip_name="-odd.zip").endswith(b"'-odd.zip,z\n")
    mixed = read_sheet(written(path, b"folder,zip,comment\n,1_a.zip,x\nb,2_b.zip,y\n"))
    assert mixed.text("b", "comment", zip_name="2_b.zip") == "y"
    assert mixed.text("a", "comment", zip_name="1_a.zip") == "x"


@pytest.mark.parametrize(
    ("content", "folder", "cells", "said"),
    [
        (b"folder,comment\none,\n", "two", {"comment": "x"}, 'has no row for "two"'),
        (b"folder,comment\none,\none,\n", "one", {"comment": "x"}, "the rows 2 and 3 are for"),
        (b"folder,zip,comment\none,1.zip,\n,1.zip,\n", "one", {"comment": "x"}, "the rows 2 and 3 are for"),
        (b"folder,comment,comment\none,,\n", "one", {"comment": "x"}, "the column comment is there twice"),
        (b"folder,comment\none,a,b\n", "one", {"overrule": "x"}, "row 2 has more cells than the first row"),
        (b"folder,comment\none,\n", "one", {"comment": "a\x00b"}, "a character that no table holds"),
        (b"folder,comment\none,\n", "one", {"comment": "a\ud800"}, "a character that no table holds"),
        (b'folder,comment\none,"a\ntwo,b\n', "one", {"comment": "x"}, "row 2: a quotation mark is not closed"),
        (b"\xff\xfea", "one", {"comment": "x"}, "is damaged at byte 2"),
    ],
)
def test_what_can_not_be_written_is_told(content, folder, cells, said, tmp_path):
    path = written(tmp_path / "manual.csv", content)
    with pytest.raises(ManualError, match=re.escape(said)):
        read_sheet(path).with_cells(folder, cells)
    assert path.read_bytes() == content


def test_names_of_submissions_stay_what_they_are_beside_a_cell_that_is_written(tmp_path):
    names = ['<script>"x"</script>, =1.zip', "\u202etxt;'=2.zip", "a\nb.zip", "=cmd|' /C calc'!A0.zip"]
    results = [result_of(zip=name, folder=f"f{n}", name=name) for n, name in enumerate(names)]
    path = tmp_path / "manual.csv"
    add_rows(path, results, ITEMS)
    before = read_sheet(path).rows
    path.write_bytes(read_sheet(path).with_cells("f1", {"explanation": "8"}))
    after = read_sheet(path).rows
    assert [(n, row[:5]) for n, row in after] == [(n, row[:5]) for n, row in before]
    read = read_manual(path, ITEMS)
    assert [read.of(result).points for result in results] == [{}, {"explanation": 8}, {}, {}]


def test_a_text_is_protected_from_spreadsheets_and_comes_back_as_it_was():
    for length in range(6):
        for chars in itertools.product("'=a,\n\" ", repeat=length):
            text = "".join(chars).strip()
            shown = protected_text(text)
            assert as_meant(shown) == text
            for part in re.split(r"[,;|\t\n]", shown):
                assert not re.match(r'[\s"]*=', part), (text, shown)


def test_a_comment_that_a_person_has_written_with_apostrophes_is_read_as_it_is(tmp_path):
    for text in ("'Nice' is no argument", "write ', '=1' there", "''", "'"):
        path = written(tmp_path / "manual.csv", f'folder,comment\none,"{text}"\n'.encode())
        (row,) = read_manual(path, ITEMS)._rows
        assert row.comment == text


def test_any_text_is_taken_apart_as_pythons_csv_module_does():
    chance = random.Random(0)
    told = 0
    for _ in range(5000):
        text = "".join(chance.choices('ab",;\n\r ', k=chance.randrange(1, 16)))
        try:
            rows = [[cell.text for cell in row] for row in scan(text, ",", lenient=True)]
        except csv.Error:
            told += 1
            with pytest.raises(csv.Error):
                list(csv.reader(io.StringIO(text, newline=""), strict=True))
            continue
        assert rows == [row or [""] for row in csv.reader(io.StringIO(text, newline=""))], repr(text)
    assert 0 < told < 2500


# --------------------------------------------------------------------------------------------------------------- saving


def test_of_two_who_saved_one_is_told_that_the_file_has_changed(tmp_path):
    path = written(tmp_path / "manual.csv", b"folder,comment\none,\n")
    first, second = read_sheet(path), read_sheet(path)
    digest = save(path, first.with_cells("one", {"comment": "a"}), first.digest)
    assert digest == read_sheet(path).digest
    os.utime(path, (0, 0))  # by the clock it is older than what was read
    with pytest.raises(ChangedMeanwhile, match="has been changed since it was read"):
        save(path, second.with_cells("one", {"comment": "b"}), second.digest)
    assert read_sheet(path).text("one", "comment") == "a"
    assert save(path, b"folder,comment\none,c\n", digest) != digest


def test_a_file_that_appeared_or_is_gone_has_changed(tmp_path):
    path = tmp_path / "manual.csv"
    missing = read_sheet(path)
    assert (missing.digest, missing.text("one", "comment")) == ("", "")
    digest = save(path, b"folder\none\n", missing.digest)
    with pytest.raises(ChangedMeanwhile):
        save(path, b"folder\ntwo\n", missing.digest)
    path.unlink()
    with pytest.raises(ChangedMeanwhile):
        save(path, b"folder\ntwo\n", digest)
    assert [file.name for file in tmp_path.iterdir()] == [".manual.csv.lock"]


COUNT = """
import sys
from pathlib import Path
from grading.results.manual_file import ChangedMeanwhile, read_sheet, save
path, left = Path(sys.argv[1]), 15
while left:
    sheet = read_sheet(path)
    try:
        save(path, sheet.with_cells("one", {"n": str(int(sheet.text("one", "n")) + 1)}), sheet.digest)
        left -= 1
    except ChangedMeanwhile:
        pass
"""


def test_no_change_is_lost_between_processes_that_save_at_once(tmp_path):
    path = written(tmp_path / "manual.csv", b"folder;n\none;0\n")
    command = [sys.executable, "-c", COUNT, str(path)]
    processes = [subprocess.Popen(command, cwd=KIT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert path.read_bytes() == b"folder;n\none;30\n"


def test_of_threads_that_save_at_once_one_does(tmp_path):
    path = written(tmp_path / "manual.csv", b"folder,n\none,\n")
    digest, saved, start = read_sheet(path).digest, [], threading.Barrier(6)

    def save_one(number: int) -> None:
        start.wait()
        with contextlib.suppress(ChangedMeanwhile):
            saved.append(save(path, b"folder,n\none,%d\n" % number, digest))

    threads = [threading.Thread(target=save_one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert saved == [read_sheet(path).digest]


def test_a_lock_that_somebody_keeps_is_told(tmp_path, monkeypatch):
    path = written(tmp_path / "manual.csv", b"folder,n\none,\n")
    held = manual_file.briefly_locked
    monkeypatch.setattr(manual_file, "briefly_locked", lambda lock: held(lock, patience=0.05))
    told = r"another program has held .*\.lock for"
    with held(tmp_path / ".manual.csv.lock"), pytest.raises(ChangedMeanwhile, match=told):
        save(path, b"", read_sheet(path).digest)


def test_permissions_and_a_link_to_the_file_stay(tmp_path):
    path = written(tmp_path / "manual.csv", b"folder,n\none,\n")
    path.chmod(0o640)
    (tmp_path / "out").mkdir()
    link = tmp_path / "out" / "manual.csv"
    link.symlink_to(path)
    save(link, b"folder,n\none,1\n", read_sheet(link).digest)
    assert link.is_symlink()
    assert path.read_bytes() == b"folder,n\none,1\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_rows_that_are_added_take_nothing_back_that_was_saved_meanwhile(tmp_path, monkeypatch):
    path = tmp_path / "manual.csv"
    add_rows(path, [result_of(folder="one")], ITEMS)

    def save_late(*arguments):
        monkeypatch.setattr(manual, "save", save)
        sheet = read_sheet(path)
        save(path, sheet.with_cells("one", {"explanation": "8"}), sheet.digest)
        return save(*arguments)

    monkeypatch.setattr(manual, "save", save_late)
    add_rows(path, [result_of(folder="one"), result_of(folder="two", zip="2.zip")], ITEMS)
    sheet = read_sheet(path)
    assert sheet.text("one", "explanation") == "8"
    assert len(sheet.rows) == 2
