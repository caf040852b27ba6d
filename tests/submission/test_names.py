"""The names of zips: made, read back tolerantly, and kept from doing harm where they are shown or become folders."""

import re

import pytest

from labkit.submission.names import (
    MAX_STEM,
    BadName,
    ZipName,
    copy_number,
    is_reserved,
    parse_zip_name,
    safe_stem,
    same_number,
    same_person,
    zip_name,
)
from labkit.text import printable, quoted

pytestmark = pytest.mark.grading


@pytest.mark.parametrize(
    ("name", "surname", "expected"),
    [
        ("ada", "lovelace", "189295_ada_lovelace.zip"),
        ("Ada", "LOVELACE", "189295_ada_lovelace.zip"),
        ("María José", "O'Brien", "189295_maria-jose_o-brien.zip"),
        ("Mari\u0301a Jose\u0301", "O\u2019Brien", "189295_maria-jose_o-brien.zip"),
        ("Jean-Luc", "de la Fontaine", "189295_jean-luc_de-la-fontaine.zip"),
        ("Łukasz", "Straße", "189295_lukasz_strasse.zip"),
        ("明", "李", "189295_ming_li.zip"),
        ("Мария", "Кюри", "189295_mariya_kyuri.zip"),
        ("  Ada ", "_love_lace_", "189295_ada_love-lace.zip"),
        ("../../etc", "pass/wd", "189295_etc_pass-wd.zip"),
    ],
)
def test_names_become_safe_file_names(name, surname, expected):
    assert zip_name("189295", name, surname) == expected


@pytest.mark.parametrize(
    ("student_id", "name", "surname", "message"),
    [
        ("18a295", "ada", "lovelace", 'the student id "18a295" is not a number'),
        ("", "ada", "lovelace", 'the student id "" is not a number'),
        ("-5", "ada", "lovelace", 'the student id "-5" is not a number'),
        ("١٢٣", "ada", "lovelace", "is not a number"),
        ("9" * 40, "ada", "lovelace", "has 40 digits"),
        ("189295", "ada", "", 'the surname is missing (found "")'),
        ("189295", "---", "lovelace", 'the name is missing (found "---")'),
    ],
)
def test_name_that_no_zip_can_have_is_refused(student_id, name, surname, message):
    with pytest.raises(BadName) as refusal:
        zip_name(student_id, name, surname)
    assert message in str(refusal.value)


@pytest.mark.parametrize("name", ["ada", "Maria José", "Ann O'Neill Smith", "x" * 500])
def test_every_name_that_is_made_is_read_back_without_a_remark(name):
    made = zip_name("007", name, name)
    assert len(made.encode()) < 200
    parsed = parse_zip_name(made)
    assert parsed.id == "007"
    assert parsed.remarks == ()
    assert zip_name(parsed.id, parsed.name, parsed.surname) == made


@pytest.mark.parametrize(
    ("file_name", "oddity"),
    [
        ("189295_Ada_Lovelace.zip", "capital letters"),
        ("189295_ada_lovelace.ZIP", ".ZIP"),
        ("189295_ada_lovelace.zip.zip", ".zip.zip"),
        ("189295_ada_lovelace.rar", ".rar"),
        ("189295_ada_lovelace (2).zip", "the mark of a copy"),
        ("189295_ada_lovelace - Copy.zip", "the mark of a copy"),
        ("189295_ada_lovelace_2.zip", "a number at its end"),
        ("189295 ada lovelace.zip", "spaces"),
        ("189295.ada.lovelace.zip", "dots"),
        ("189295-ada-lovelace.zip", "other separators"),
        ("189295_ada lovelace.zip", "spaces"),
        ("189295__ada__lovelace.zip", "other separators"),
        ("189295_àda_lovelace.zip", "outside ASCII"),
        ("\uff11\uff18\uff19295_ada_lovelace.zip", "outside ASCII"),
        ("189295_(ada)_lovelace.zip", "other signs"),
        ("ada_lovelace_189295.zip", "the id in another place"),
        ("Ada Lovelace_12345_assignsubmission_file_189295_ada_lovelace.zip", "Moodle's prefix"),
        ("Ada Lovelace_12345_assignsubmission_file_189295.zip", "Moodle's were taken"),
        ("Copy of 189295_ada_lovelace.zip", "the mark of a copy"),
        ("Kopie von 189295_ada_lovelace.zip", "the mark of a copy"),
        ("Copia di 189295_ada_lovelace (1).zip", "the mark of a copy"),
        ("189295_ada_lovelace - Copy (2).zip", "the mark of a copy"),
        ("189295_ada_lovelace-1.zip", "the mark of a copy"),
        ("189295_ada_lovelace_v2.zip", "or of a version"),
        ("189295_ada_lovelace_final.zip", "or of a version"),
        ("189295_ada_lovelace-20261103T142210Z-001.zip", "the mark of a copy"),
        ("189295_ada_lovelace-main.zip", "the mark of a copy"),
        ("Ada Lovelace - 189295_ada_lovelace.zip", "the uploader's name beside it"),
        ("189295_ada_lovelace - Ada Lovelace.zip", "the uploader's name beside it"),
    ],
)
def test_oddities_are_tolerated_and_told(file_name, oddity):
    parsed = parse_zip_name(file_name)
    assert (parsed.id, parsed.name, parsed.surname) == ("189295", "ada", "lovelace")
    (remark,) = parsed.remarks
    assert f'"{file_name}" was read as 189295_ada_lovelace.zip: it has' in remark
    assert oddity in remark.partition("it has")[2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada lovelace", "Ada Lovelace", True),
        ("maria-jose o-brien", "María José O'Brien de la Cruz", True),
        ("lovelace ada", "Ada Lovelace", True),
        ("mary obrien", "Mary O'Brien", True),
        ("ada lovelace", "Ada Evil", False),
        ("ada lovelace", "Mallory Evil", False),
        ("", "Ada Lovelace", False),
        ("", "", False),
    ],
)
def test_same_person_is_told_from_another(one, other, same):
    assert same_person(one, other) == same_person(other, one) == same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("0189295", "189295", True), ("00", "0", True), ("189295", "18929", False), ("", "", False), ("0", "", False)],
)
def test_zeros_before_a_number_make_no_other(one, other, same):
    assert same_number(one, other) == same


def test_folders_are_no_part_of_the_name():
    assert parse_zip_name("2026/189295_ada_lovelace.zip") == ZipName("189295", "ada", "lovelace")


@pytest.mark.parametrize(
    ("file_name", "surname"),
    [("189295_anna_final.zip", "final"), ("189295_anna_kopie.zip", "kopie"), ("anna-neu-12.zip", "neu")],
)
def test_what_may_be_a_surname_or_an_id_is_no_mark_of_a_version(file_name, surname):
    assert parse_zip_name(file_name).surname == surname


@pytest.mark.parametrize(
    ("file_name", "number"),
    [("x.zip", 0), ("x (2).zip", 2), ("x - Copy.zip", 1), ("x-3.zip", 3), ("x_v4.zip", 4), ("x_final.zip", 99)],
)
def test_the_number_of_a_version_is_read_off_the_name(file_name, number):
    assert copy_number(f"189295_ada_{file_name}") == number


def test_more_parts_than_name_and_surname_are_the_surnames():
    parsed = parse_zip_name("189295_maria_jose_o_brien.zip")
    assert (parsed.name, parsed.surname) == ("maria", "jose-o-brien")
    assert "4 parts after the id" in parsed.remarks[0]


@pytest.mark.parametrize(
    ("file_name", "message"),
    [
        ("lab.zip", "has no student id"),
        ("drive-download-20261103T142210Z-001.zip", "says nobody's name"),
        ("", "has no student id"),
        (".zip", "has no student id"),
        ("ada_lovelace.zip", "has no student id"),
        ("Ada Lovelace_12345_assignsubmission_file_lab.zip", "has no student id"),
        ("189295.zip", "has no name and surname"),
        ("189295_ada.zip", "has no surname"),
        ("s189295_ada_lovelace.zip", '"s189295" in the name'),
        ("18929S_ada_lovelace.zip", '"18929S" in the name'),
        ("2026_189295_ada_lovelace.zip", "more than one number (2026 and 189295)"),
        ("189295\u00b2_ada_lovelace.zip", 'has "\u00b2" in what may be the id'),
        ("\u2460_ada_lovelace.zip", 'has "\u2460" in what may be the id'),
        ("\x1b[31m_\u202e.zip", r"\x1b[31m_\u202e"),
        ("\udcff.zip", r"\udcff"),
    ],
)
def test_what_would_be_a_guess_is_refused(file_name, message):
    with pytest.raises(BadName) as refusal:
        parse_zip_name(file_name)
    assert message in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("file_name", ["189295_ada_lovelace.zip", "lab.v2.zip", "model-1.zip"])
def test_safe_stem_is_the_stem(file_name):
    assert safe_stem(file_name) == file_name.removesuffix(".zip")


@pytest.mark.parametrize(
    "file_name",
    [
        "../../etc/passwd.zip",
        "/abs.zip",
        "..",
        ".",
        "",
        ".zip",
        ".hidden.zip",
        "-rf.zip",
        "a b.zip",
        "a\\b.zip",
        "C:x.zip",
        "é.zip",
        "\x1b[31m.zip",
        "a\nb.zip",
        "\udcff.zip",
        "x" * 300 + ".zip",
        "con.zip",
        "NUL.tar.zip",
        "com1.zip",
        "a.ZIP",
        "Model-1.zip",
        "a.rar",
        "a+0123456789.zip",
        "李.zip",
    ],
)
def test_safe_stem_is_safe(file_name):
    stem = safe_stem(file_name)
    assert stem.isascii()
    assert stem.replace("+", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert stem[0] not in ".-"
    assert stem[-1] not in ". "
    assert len(stem) <= MAX_STEM + 11
    assert not is_reserved(stem)
    assert "+" in stem, "was altered without a hash to tell it apart"


def test_no_two_names_share_a_folder():
    names = [
        "a b.zip",
        "a-b.zip",
        "a.b.zip",
        "a b.ZIP",
        "a-b.ZIP",
        "a-b",
        "a-b.rar",
        "a\u00a0b.zip",
        "à-b.zip",
        "A-b.zip",
        "\u00e9.zip",
        "e\u0301.zip",
        "E\u0301.zip",
    ]
    names += [f"{'x' * 200}{n}.zip" for n in range(3)]
    names.append(f"{safe_stem('a b.zip')}.zip")  # a name made to look like another's folder
    assert len({safe_stem(name).casefold() for name in names}) == len(names), "on a system that ignores capitals"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, naïve 李 😀", "plain text, naïve 李 😀"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
        ("a\u2066b\u200bc\ufeff", r"a\u2066b\u200bc\ufeff"),
        ("\0\b\x7f", r"\x00\x08\x7f"),
        ("\udc80", r"\udc80"),
        ("a\u2028b", r"a\u2028b"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_printable_shows_what_controls_a_terminal(text, shown):
    assert printable(text) == shown


def test_quoted_is_one_line_of_bounded_length():
    assert quoted("a\nb\tc\x1b") == r'"a\nb\tc\x1b"'
    long = quoted("a" * 1000 + "z")
    assert len(long) <= 82
    assert long.endswith('aaz"')
    assert "..." in long


# -------------------------------------------------------------------------------------------------- other schools' ids


@pytest.mark.parametrize(
    ("ids", "name", "read"),
    [
        ("s[0-9]{6}", "s180496_ada_lovelace.zip", ("s180496", "ada", "lovelace")),
        ("s[0-9]{6}", "ada lovelace S180496 (1).zip", ("s180496", "ada", "lovelace")),
        ("s[0-9]{6}", "Ada B_1234567_assignsubmission_file_s180496_ada_b_2.zip", ("s180496", "ada", "b")),
        ("[0-9]{2}-[0-9]{3}-[0-9]{3}", "12-345-678_ada_king-lovelace.zip", ("12-345-678", "ada", "king-lovelace")),
        ("[0-9]{2}-[0-9]{3}-[0-9]{3}", "12-345-678-ada-lovelace.zip", ("12-345-678", "ada", "lovelace")),
        ("[A-Z][0-9]{7}[A-Z]", "a0123456x_ada_lovelace.zip", ("A0123456X", "ada", "lovelace")),
        ("(up|k)[0-9]+|[0-9]{4}CS[0-9]+", "2021CS10123_ada_lovelace.zip", ("2021CS10123", "ada", "lovelace")),
    ],
)
def test_an_id_with_letters_or_hyphens_is_read_where_the_assignment_has_its_pattern(ids, name, read):
    found = parse_zip_name(name, ids)
    assert (found.id, found.name, found.surname) == read
    packed = zip_name(read[0].lower(), *read[1:], ids)
    assert packed == f"{'_'.join(read)}.zip"
    assert parse_zip_name(packed, ids) == ZipName(*read), "without a remark"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("180496_ada_lovelace.zip", "has no student id, which are like s[0-9]{6}"),
        ("s1804967_ada_lovelace.zip", "has no student id"),
        ("s180496_s180497_ada_lovelace.zip", "has more than one student id (s180496 and s180497)"),
        ("s180496_ada.zip", "has no surname"),
    ],
)
def test_what_has_no_such_id_or_several_is_refused(name, message):
    with pytest.raises(BadName, match=re.escape(message)):
        parse_zip_name(name, "s[0-9]{6}")


def test_an_id_that_is_not_of_the_pattern_can_not_be_packed():
    with pytest.raises(BadName, match=re.escape('"180496" is not like those of this course, s[0-9]{6}: look it up')):
        zip_name("180496", "ada", "lovelace", "s[0-9]{6}")
