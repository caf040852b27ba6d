"""What students send: taken in where it is odd, refused with a reason where it is harmful, and never let out."""

import functools
import json
import os
import random
import re
import shutil
import stat
import struct
import zipfile
import zlib
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from grading.intake.arrivals import LIMITS, BadZip, collect, sha256_of, unpack
from grading.intake.contents import Content, content_of
from grading.intake.folders import Arrival
from grading.intake.people import People, Person
from grading.intake.unpacking import _write
from grading.intake.zips import ZipLimits
from labkit.submission.packing import MANIFEST, kit_version, zip_bytes
from labkit.text import printable
from tests.submissions import Case, hostile_zips, make_zip, reference_scripts, structural
from tests.submissions.report_pdf import make_report

pytestmark = pytest.mark.grading

GOOD = {**reference_scripts(), "report.pdf": make_report()}
CASES = {case.name: case for case in (*structural.CASES, *hostile_zips.CASES)}
ABOUT_THE_ZIP = [case for case in CASES.values() if case not in structural.NAMED]
DEADLINE = datetime(2026, 5, 31, 22, 0, tzinfo=timezone.utc)


@functools.cache
def zip_of(case_name):
    return CASES[case_name].zip(GOOD)


def test_a_repository_is_of_the_longest_login_that_its_name_ends_with(tmp_path):
    rng = random.Random(0)

    def name(words):
        return "-".join(rng.choice(["ann", "lee", "lab", "x", ""]) for _ in range(words))

    people = [Person(login=name(rng.randint(1, 3)).upper()) for _ in range(15)]
    roster = People(tmp_path, "roster", people)
    logins = {person.login.lower() for person in people if person.login}
    names = [name(rng.randint(1, 5)) for _ in range(300)]
    for repository in names:
        ends = [login for login in logins if repository == login or repository.endswith(f"-{login}")]
        person = roster.of_repository(repository)
        assert (person.login.lower() if person else "") == max(ends, key=len, default="")


@pytest.fixture
def canary(tmp_path):
    """Make a folder deep in a tree of other people's files, which must not change; they are checked after the test."""
    tree = tmp_path / "class"
    folder = tree / "work" / "189295"
    for name in ("189296_bob/model_no1.py", "work/189296_bob/model_no1.py", "work/pwned.py", "pwned.py", "grades.csv"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("canary")
    before = snapshot(tree)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    assert snapshot(tree) == before


def snapshot(tree):
    """Return paths, modes and contents of everything in a folder."""
    return {
        path.relative_to(tree): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in tree.rglob("*")
    }


def written(tmp_path, data, name="189295_ada_lovelace.zip", folder="submissions"):
    (tmp_path / folder).mkdir(exist_ok=True)
    path = tmp_path / folder / name
    path.write_bytes(data)
    return path


def sent(path, hours_after=0.0):
    """Set when a zip was handed in, in hours after the deadline."""
    time = (DEADLINE + timedelta(hours=hours_after)).timestamp()
    os.utime(path, (time, time))
    return path


# ---------------------------------------------------------------------------------------------------------- every case


def test_there_are_enough_cases():
    assert len(structural.CASES) >= 40
    assert len(hostile_zips.CASES) >= 30
    assert len(CASES) == len(structural.CASES) + len(hostile_zips.CASES), "two cases have the same name"


@pytest.mark.parametrize("case", ABOUT_THE_ZIP, ids=lambda case: case.name)
def test_case(case: Case, tmp_path, canary):
    path = written(tmp_path, zip_of(case.name))
    if case.refused:
        with pytest.raises(BadZip) as refusal:
            unpack(path, canary)
        assert_refused(case, str(refusal.value))
        assert list(canary.iterdir()) == []
        return
    found = unpack(path, canary)
    assert_remarks(case, found.remarks)
    expected = {script for script in structural.REFERENCE if "failed" not in case.status(f"files/{script[:-3]}")}
    assert {f"{script}.py" for script in found.scripts} == expected
    for script in expected - case.files.keys():
        assert (canary / script).read_bytes() == GOOD[script]
    is_there = case.files.get("report.pdf") is not None  # and fails for what is in it
    assert (found.report is None) == (bool({"failed", "undecided"} & case.status("files/report")) and not is_there)
    assert {path.name for path in canary.iterdir()} >= expected | ({"report.pdf"} if found.report else set())


@pytest.mark.parametrize("case", structural.NAMED, ids=lambda case: case.name)
def test_zip_name(case: Case, tmp_path):
    name = case.zip_name.format(id="189295", name="ada", surname="lovelace", Name="Ada", Surname="Lovelace")
    written(tmp_path, zip_of(case.name), name)
    (submission,) = collect(tmp_path / "submissions")
    if case.refused:
        assert_refused(case, submission.problem)
    else:
        assert submission.problem is None
        assert (submission.id, submission.surname) == ("189295", "lovelace")
        assert_remarks(case, submission.remarks)


def assert_refused(case, message):
    assert case.refused in message
    assert message == printable(message).replace("\n", ""), "no line for a terminal"
    assert len(message) < 500


def assert_remarks(case, remarks):
    for fragment in case.remarks:
        assert any(fragment in remark for remark in remarks), f"no remark has {fragment!r}: {remarks}"


def test_every_reason_has_its_own_message():
    reasons = {case.refused for case in CASES.values() if case.refused}
    assert len(reasons) >= 35


# ------------------------------------------------------------------------------------------------------------ unpacking


def test_good_zip_is_unpacked_without_remarks(tmp_path, canary):
    found = unpack(written(tmp_path, make_zip(GOOD)), canary)
    assert found.remarks == []
    assert {path.name: path.read_bytes() for path in canary.iterdir()} == GOOD
    assert found.scripts == {script: f"{script}.py" for script in ("model_no1", "model_no2", "model_no3")}
    assert found.report == "report.pdf"


def test_what_the_kit_packs_is_taken_in_without_remarks(tmp_path, canary):
    found = unpack(written(tmp_path, zip_bytes(GOOD | {MANIFEST: b"{}"})), canary)
    assert found.remarks == []
    assert found.others == [MANIFEST]


def test_files_are_readable_by_the_sandbox_and_never_executable(tmp_path, canary):
    files = {"lab/mine/__init__.py": b"", **{f"lab/{path}": content for path, content in GOOD.items()}}
    old = os.umask(0o077)
    try:
        unpack(written(tmp_path, structural.member("lab/x.py", b"", stat.S_IFREG | 0o4777)(files)), canary)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in canary.rglob("*")}
    assert modes.pop("mine") == 0o755
    assert set(modes.values()) == {0o644}


def test_helpers_keep_their_path_from_the_scripts(tmp_path, canary):
    files = {f"lab/code/{path}": content for path, content in GOOD.items()}
    files |= {"lab/code/mine/layers.py": b"A", "lab/elsewhere.py": b"B", "lab/code/settings.json": b"{}"}
    found = unpack(written(tmp_path, make_zip(files)), canary)
    assert found.others == ["mine/layers.py", "settings.json"]
    assert (canary / "mine" / "layers.py").read_bytes() == b"A"
    assert not list(canary.rglob("elsewhere.py"))


def test_names_in_utf8_are_read_even_if_they_do_not_say_so(tmp_path, canary):
    data = CASES["utf8_without_flag"].zip(GOOD)
    assert unpack(written(tmp_path, data), canary).others == ["lab_é/notes.txt"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("José".encode("cp437"), "José"),
        ("Ação".encode("cp850"), "Ação"),
        ("São João".encode("cp850"), "São João"),
        ("Müller".encode("cp437"), "Müller"),
        ("实验报告".encode("gbk"), "实验报告"),
        ("naïve".encode(), "naïve"),
    ],
)
def test_names_in_old_code_pages_are_shown_as_they_were_meant(raw, shown, tmp_path, canary):
    stand_in = "#" * len(raw)
    data = make_zip(GOOD | {f"{stand_in}/notes.txt": b"x"}).replace(stand_in.encode(), raw)
    assert unpack(written(tmp_path, data), canary).others == [f"{shown}/notes.txt"]


@pytest.mark.parametrize(("checksum_of", "shown"), [(b"notes_.txt", "notes_ж.txt"), (b"other.txt", "notes_.txt")])
def test_a_unicode_path_is_taken_where_it_stands_for_this_name(checksum_of, shown, tmp_path, canary):
    body = struct.pack("<BI", 1, zlib.crc32(checksum_of)) + "notes_ж.txt".encode()
    info = zipfile.ZipInfo("notes_.txt")
    info.extra = struct.pack("<HH", 0x7075, len(body)) + body
    path = written(tmp_path, make_zip(GOOD))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(info, "x")
    assert unpack(path, canary).others == [shown]


def test_a_link_in_a_repositorys_archive_is_left_out(tmp_path, canary):
    path = written(tmp_path, structural.member("README", b"docs/README.md", stat.S_IFLNK | 0o777)(GOOD))
    with pytest.raises(BadZip, match="a link"):
        unpack(path, canary)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"0123456789abcdef0123456789abcdef01234567"  # git archive's: the commit
    found = unpack(path, canary)
    assert found.remarks == ['left out, because it is a link in a repository: "README"']
    assert {path.name for path in canary.iterdir()} == set(GOOD)


def test_a_folder_is_as_good_as_a_zip(tmp_path, canary):
    home = tmp_path / "submissions" / "189295_ada_lovelace"
    for path, content in (GOOD | {"mine/x.py": b"y", ".DS_Store": b"z", "results/curves.png": b"\x89PNG"}).items():
        (home / "lab" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "lab" / path).write_bytes(content)
    (submission,) = collect(tmp_path / "submissions")
    assert (submission.id, submission.surname, submission.problem) == ("189295", "lovelace", None)
    found = unpack(submission.content, canary)
    assert found.others == ["mine/x.py"]
    assert {path.name: path.read_bytes() for path in canary.iterdir() if path.is_file()} == GOOD


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ZipLimits(total_bytes=5000), "at most 5,000 are accepted"),
        (ZipLimits(kept_bytes=5000), "more than 5,000 bytes of scripts"),
        (ZipLimits(depth=0), "more than 0 folders around it"),
    ],
)
def test_limits_are_those_of_loose_files_too(limits, message, tmp_path, canary):
    for path, content in GOOD.items():
        (tmp_path / "lab" / "code").mkdir(parents=True, exist_ok=True)
        (tmp_path / "lab" / "code" / path).write_bytes(content)
    with pytest.raises(BadZip, match=message):
        unpack(content_of(tmp_path / "lab"), canary, limits)
    assert list(canary.iterdir()) == []


def test_loose_files_are_hashed_with_their_names_and_graded_as_they_were_collected(tmp_path):
    home = tmp_path / "lab"
    home.mkdir()
    for path, content in GOOD.items():
        (home / path).write_bytes(content)
    before = content_of(home).sha256()
    (tmp_path / "copy").mkdir()
    copy = content_of(home).copied_to(tmp_path / "copy")
    (home / "model_no1.py").rename(home / "model_no9.py")
    assert content_of(home).sha256() != before
    assert copy.sha256() == before


def test_loose_files_may_have_more_bytes_than_a_zip_and_are_known_by_their_hash_then(tmp_path):
    home = tmp_path / "class" / "189295_ada_lovelace"
    home.mkdir(parents=True)
    for path, content in GOOD.items():
        (home / path).write_bytes(content)
    with open(home / "data.npy", "wb") as file:
        file.truncate(LIMITS.zip_bytes + 1)
    (submission,) = collect(tmp_path / "class")
    assert (submission.sound, submission.problem) == (True, None)
    assert submission.sha256 == content_of(home).sha256(), "without a hash it would count as changed, at each run"


def test_script_that_was_not_chosen_is_no_helper_in_its_place(tmp_path, canary):
    """On a system that ignores capitals b/Model_No1.py would get the place of a/model_no1.py."""
    files = {"a/model_no1.py": b"1", "a/model_no2.py": b"2", "b/model_no3.py": b"3", "b/Model_No1.py": b"OLD"}
    found = unpack(written(tmp_path, make_zip(files)), canary)
    assert found.scripts["model_no1"] == "a/model_no1.py"
    assert found.others == []
    assert (canary / "model_no1.py").read_bytes() == b"1"


def test_helpers_of_two_folders_may_not_become_one_file_on_another_system(tmp_path, canary):
    files = {"a/model_no1.py": b"1", "b/model_no2.py": b"2", "a/My.py": b"x", "b/my.py": b"y"}
    with pytest.raises(BadZip, match="twice"):
        unpack(written(tmp_path, make_zip(files)), canary)


def test_large_helper_is_left_out(tmp_path, canary):
    found = unpack(
        written(tmp_path, make_zip(GOOD | {"data.csv": b"1,2\n" * 10**5})), canary, ZipLimits(script_bytes=10**5)
    )
    assert found.others == []
    assert any('"data.csv"' in remark for remark in found.remarks)


def test_nothing_is_ever_written_through_a_link(tmp_path):
    """The last line of defence, behind all the checks of names and kinds."""
    target = written(tmp_path, b"untouched", "grades.csv")
    (tmp_path / "x.py").symlink_to(target)
    with pytest.raises(FileExistsError):
        _write(tmp_path, "x.py", [b"evil"])
    assert target.read_bytes() == b"untouched"


def test_exact_name_goes_before_a_copy(tmp_path, canary):
    found = unpack(written(tmp_path, make_zip({"model_no1 (1).py": b"copy", **GOOD})), canary)
    assert found.scripts["model_no1"] == "model_no1.py"
    assert (canary / "model_no1.py").read_bytes() == GOOD["model_no1.py"]


def test_report_pdf_goes_before_other_pdfs(tmp_path, canary):
    unpack(written(tmp_path, make_zip({"a.pdf": b"a", "report_old.pdf": b"b", **GOOD})), canary)
    assert (canary / "report.pdf").read_bytes() == GOOD["report.pdf"]


@pytest.mark.parametrize(
    "name",
    [
        "relazione_lovelace.pdf",
        "Laborbericht MNIST.pdf",
        "Informe final.pdf",
        "rapport-TP3.pdf",
        "Mémoire.pdf",
        "MNIST report v2 (1).pdf",
    ],
)
def test_the_report_is_known_by_its_name_in_the_languages_of_the_kit(name, tmp_path, canary):
    pictures = {"accuracy.pdf": b"%PDF-1.4 a", "slides.pdf": b"%PDF-1.4 b", "results/ablation.pdf": b"%PDF-1.4 c"}
    scripts = {path: content for path, content in GOOD.items() if path != "report.pdf"}
    unpack(written(tmp_path, make_zip({**pictures, name: GOOD["report.pdf"], **scripts})), canary)
    assert (canary / "report.pdf").read_bytes() == GOOD["report.pdf"]


def test_the_assignment_may_name_more_words_for_a_report(tmp_path, canary):
    scripts = {path: content for path, content in GOOD.items() if path != "report.pdf"}
    files = {"plots.pdf": b"%PDF-1.4 a", "Verslag-Lovelace.pdf": GOOD["report.pdf"], **scripts}
    assert unpack(written(tmp_path, make_zip(files)), canary, report_names=["verslag"]).report == "Verslag-Lovelace.pdf"


def test_a_picture_among_the_results_is_never_the_report(tmp_path, canary):
    scripts = {path: content for path, content in GOOD.items() if path != "report.pdf"}
    found = unpack(written(tmp_path, make_zip({"results/ablation.pdf": b"%PDF-1.4 a", **scripts})), canary)
    assert found.report is None
    assert '"results/ablation.pdf" was taken for a picture, for its folder, and for no report' in found.remarks


def test_one_pdf_beside_pictures_is_the_report_whatever_it_is_called(tmp_path, canary):
    scripts = {path: content for path, content in GOOD.items() if path != "report.pdf"}
    files = {"figures/a.pdf": b"%PDF-1.4 a", "lovelace.pdf": GOOD["report.pdf"], **scripts}
    assert unpack(written(tmp_path, make_zip(files)), canary).report == "lovelace.pdf"


def test_large_report_is_left_out_and_the_scripts_are_kept(tmp_path, canary):
    found = unpack(written(tmp_path, make_zip(GOOD)), canary, ZipLimits(report_bytes=100))
    assert found.report is None
    assert len(found.scripts) == 3
    assert any("at most 100 are accepted" in remark for remark in found.remarks)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ZipLimits(zip_bytes=1000), "at most 1,000 are accepted"),
        (ZipLimits(members=3), "holds 4 files, at most 3"),
        (ZipLimits(total_bytes=5000), "at most 5,000 are accepted"),
        (ZipLimits(kept_bytes=5000), "more than 5,000 bytes of scripts"),
        (ZipLimits(ratio=2, ratio_from=100), "more than 2 times its size"),
    ],
)
def test_limits(limits, message, tmp_path, canary):
    with pytest.raises(BadZip, match=message):
        unpack(written(tmp_path, make_zip(GOOD)), canary, limits)
    assert list(canary.iterdir()) == []


def test_what_is_refused_for_its_size_is_not_read(tmp_path):
    with open(tmp_path / "189295_ada_lovelace.zip", "wb") as file:
        file.write(make_zip(GOOD))
        file.truncate(LIMITS.zip_bytes + 1)
    (submission,) = collect(tmp_path)
    assert "at most 104,857,600 are accepted" in submission.problem
    assert submission.sha256 == ""


def test_folder_with_files_in_it_is_left_alone(tmp_path):
    path = written(tmp_path, make_zip(GOOD))
    with pytest.raises(FileExistsError):
        unpack(path, path.parent)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_full_disk_is_not_the_students_fault(tmp_path, canary, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grading.intake.unpacking.os.open", fail)
    with pytest.raises(OSError, match="No space left"):
        unpack(written(tmp_path, make_zip(GOOD)), canary)


def test_members_are_streamed(tmp_path, canary, monkeypatch):
    """Whatever the size of a member, no more than a piece of it is asked for at once."""
    asked = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: asked.append(n) or read(self, n))
    unpack(written(tmp_path, make_zip({**GOOD, "report.pdf": os.urandom(10**6)})), canary)
    assert 0 < min(asked) <= max(asked) <= 2**16
    assert len(asked) > 10**6 / 2**16


def test_no_mutation_of_a_zip_does_harm(tmp_path, canary):
    """Bytes altered, removed, repeated and put elsewhere, by chance: a zip is read, or refused with a reason."""
    rng = random.Random(0)
    files = {path: content[:300] for path, content in GOOD.items()} | {"mine/x.py": b"y"}
    originals = [make_zip(files), make_zip(files, zipfile.ZIP_STORED), structural.streamed(files)]
    originals += [structural.with_zip64(files), hostile_zips.overlapping(files, 3, 1000)]
    path = written(tmp_path, b"")
    reasons = []
    for _ in range(1000):
        data = bytearray(rng.choice(originals))
        for _ in range(rng.choice([1, 1, 2, 5])):
            mutate(data, rng)
        path.write_bytes(data)
        try:
            unpack(path, canary)
        except BadZip as refusal:
            reasons.append(str(refusal))
        shutil.rmtree(canary)
    assert 300 < len(reasons) < 1000
    assert all(reason == printable(reason) for reason in reasons)


def mutate(data, rng):
    if not data:
        return
    # Where a zip is most easily hurt: at its headers.
    headers = [header.start() for header in re.finditer(b"PK", data)] or [0]
    at = min(rng.choice(headers) + rng.randrange(60), len(data) - 1)
    piece = data[at : at + rng.randrange(1, 40)]
    match rng.randrange(6):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 2:
            data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"../."])
        case 3:
            del data[at : at + len(piece)]
        case 4:
            data[at:at] = piece
        case 5:
            del data[rng.randrange(len(data)) :]
            data += b"\0"


# ----------------------------------------------------------------------------------------------------------- the class


def test_everything_in_the_folder_is_in_the_list(tmp_path):
    folder = written(tmp_path, make_zip(GOOD)).parent
    (folder / "189296_bob_stone.rar").write_bytes(b"Rar!\x1a\x07\x00")
    (folder / "189297_eve_moon").mkdir()
    (folder / "189298_joe_hill.zip").symlink_to("/etc/passwd")
    os.mkfifo(folder / "189299_sue_lake.zip")
    (folder / "notes.txt").write_text("a note")
    (folder / ".DS_Store").write_bytes(b"litter")
    found = {submission.zip.name: submission for submission in collect(folder)}
    problems = {name: submission.problem for name, submission in found.items()}
    assert list(problems) == sorted(problems)
    assert problems.pop("189295_ada_lovelace.zip") is None
    assert "a RAR archive" in problems.pop("189296_bob_stone.rar")
    assert "a folder without a file" in problems.pop("189297_eve_moon")
    assert "a link or a device" in problems.pop("189298_joe_hill.zip")
    assert "a link or a device" in problems.pop("189299_sue_lake.zip")
    assert "is no zip, and lies in no student's folder" in problems.pop("notes.txt")
    assert not problems
    assert found["189297_eve_moon"].id == "189297"


def test_companions_that_macos_makes_are_no_submissions(tmp_path):
    written(tmp_path, b"\0\5\x16\7 and more", "._189295_ada_lovelace.zip")
    path = written(tmp_path, make_zip(GOOD), "._189296_bob_stone.zip")
    assert [submission.zip for submission in collect(path.parent)] == [path]


@pytest.mark.parametrize(
    "name",
    [
        "Grades-Course-Assignment-4711.csv",
        "Grades-ML 101-MNIST lab-4711 (1).csv",
        "Bewertungen-ML-MNIST-4711.csv",
        "~$189302_notes.docx",
        ".~lock.189295_ada_lovelace.csv#",
        "189295_ada_lovelace.zip:Zone.Identifier",
    ],
)
def test_a_side_file_of_the_system_is_no_submission_and_its_number_nobodys_id(name, tmp_path):
    path = written(tmp_path, make_zip(GOOD), "189295_ada_lovelace.zip")
    path.with_name(name).write_text("Identifier,Full name\n")
    assert [submission.zip for submission in collect(path.parent)] == [path]


def test_a_file_that_a_student_may_have_sent_stays_in_the_list(tmp_path):
    for name in ("189295-ada-lovelace-2.zip", "189296_grace_hopper.csv", "model-no1-4711.py"):
        path = written(tmp_path, b"x" * 200, name)
    assert len(collect(path.parent)) == 3


def test_links_to_folders_are_not_followed(tmp_path):
    elsewhere = written(tmp_path, make_zip(GOOD), folder="elsewhere").parent
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "189295_ada_lovelace").symlink_to(elsewhere)
    (submission,) = collect(tmp_path / "submissions")
    assert "is a link or a device, not a zip" in submission.problem


def test_moodles_folders_are_looked_into(tmp_path):
    for student, number in (("Ada Lovelace", 1), ("Bob Stone", 2)):
        written(tmp_path, make_zip(GOOD), "189295.zip", f"{student}_{number}_assignsubmission_file_")
    found = collect(tmp_path)
    assert [submission.surname for submission in found] == ["lovelace", "stone"]
    assert len({submission.stem for submission in found}) == 2, "two submissions would share a folder of results"


def test_folder_name_never_gives_an_id(tmp_path):
    (submission,) = collect(written(tmp_path, make_zip(GOOD), "ada_lovelace.zip", "2026_lab").parent)
    assert submission.id == ""
    assert "no student id" in submission.problem


def test_unreadable_zip_does_not_stop_the_class(tmp_path, monkeypatch):
    path = written(tmp_path, make_zip(GOOD))
    written(tmp_path, make_zip(GOOD), "189296_bob_stone.zip")

    def fail(other):
        if other == path:
            raise PermissionError(13, "Permission denied")
        return sha256_of(other)

    monkeypatch.setattr("grading.intake.contents.sha256_of", fail)
    unread, read = collect(path.parent)
    assert (unread.problem, read.problem) == ("The file cannot be read: Permission denied.", None)
    assert unread.set_aside, "it is not the student's doing, and no mark"


def test_a_file_that_vanishes_does_not_end_the_collection(tmp_path, monkeypatch):
    path = written(tmp_path, make_zip(GOOD))
    gone = path.with_name("189296_bob_stone.zip.crdownload")
    found = [Arrival(one, Content.of_file(one), (one.name,)) for one in (gone, path)]
    monkeypatch.setattr("grading.intake.arrivals.find_arrivals", lambda *_: found)
    vanished, submission = collect(path.parent, DEADLINE)
    assert "has vanished" in vanished.problem
    assert vanished.set_aside, "it is no mark of the student's"
    assert vanished.late == timedelta()
    assert submission.problem is None


@pytest.mark.parametrize("seconds", [10**12, -(10**12), 2**62])
def test_a_date_of_no_calendar_does_not_end_the_collection(seconds, tmp_path, monkeypatch):
    path = written(tmp_path, make_zip(GOOD))
    again = sent(written(tmp_path, make_zip(GOOD | {"x.py": b"2"}), "189295_ada_lovelace (1).zip"), -1)
    lstat = type(path).lstat

    def odd(self):
        known = lstat(self)
        if self != path:
            return known
        return SimpleNamespace(st_mtime=seconds, st_mode=known.st_mode, st_size=known.st_size)

    monkeypatch.setattr(type(path), "lstat", odd)
    found = {submission.zip: submission for submission in collect(path.parent, DEADLINE)}
    assert any("time is none of any calendar" in remark for remark in found[path].remarks)
    assert found[path].superseded_by == again.name, "a time that is known goes before one that is not"


def counting(folder, deadline=DEADLINE, grace=timedelta()):
    """Return the names of the zips that count, of those whose students are known."""
    return [s.zip.name for s in collect(folder, deadline, grace) if s.superseded_by is None]


def test_last_valid_submission_in_time_counts(tmp_path):
    first = sent(written(tmp_path, make_zip(GOOD), "189295_ada_lovelace.zip"), -5)
    last = sent(written(tmp_path, make_zip({**GOOD, "x.py": b"2"}), "189295_ada_lovelace (1).zip"), -1)
    broken = sent(written(tmp_path, b"PK\3\4", "189295_ada_lovelace (2).zip"), -0.5)
    late = sent(written(tmp_path, make_zip({**GOOD, "x.py": b"3"}), "189295_ada_lovelace (3).zip"), 1)
    assert counting(first.parent) == [last.name]
    superseded = {s.zip.name: s.superseded_by for s in collect(first.parent, DEADLINE)}
    assert superseded == {first.name: last.name, last.name: None, broken.name: last.name, late.name: last.name}
    assert counting(first.parent, deadline=None) == [late.name]
    assert counting(first.parent, grace=timedelta(hours=2)) == [late.name]


@pytest.mark.parametrize(
    ("content", "why"),
    [(make_zip(GOOD | {"x.py": b"2"}), "because this one came after the deadline"), (b"no zip", "can't be graded")],
)
def test_who_sent_a_later_one_is_told_why_the_earlier_one_counts(content, why, tmp_path):
    counts = sent(written(tmp_path, make_zip(GOOD)), -1)
    later = sent(written(tmp_path, content, "189295_ada_lovelace (1).zip"), 1)
    found = {submission.zip: submission for submission in collect(counts.parent, DEADLINE)}
    assert why in found[later].superseded_why
    assert found[counts].superseded_why == ""


def test_late_submission_counts_where_there_is_no_other_and_is_noted(tmp_path):
    broken = sent(written(tmp_path, b"", "189295_ada_lovelace.zip"), -1)
    late = sent(written(tmp_path, make_zip(GOOD), "189295_ada_lovelace (1).zip"), 26.5)
    submission = next(s for s in collect(broken.parent, DEADLINE) if s.superseded_by is None)
    assert submission.zip == late
    assert submission.late == timedelta(hours=26.5)
    assert "handed in 1 d 2 h 30 min after the deadline" in submission.remarks


def test_broken_submission_counts_where_there_is_no_other(tmp_path):
    path = sent(written(tmp_path, b"", "189295_ada_lovelace.zip"), -1)
    assert counting(path.parent) == [path.name]


def test_same_zip_again_counts_from_the_first_time(tmp_path):
    first = sent(written(tmp_path, make_zip(GOOD), "189295_ada_lovelace.zip"), 1)
    sent(written(tmp_path, make_zip(GOOD), "189295_ada_lovelace (1).zip"), 100)
    assert counting(first.parent) == [first.name]


def test_spelling_of_a_name_makes_no_other_student(tmp_path):
    first = sent(written(tmp_path, make_zip(GOOD), "189295_maria_jose_o-brien.zip"), -2)
    last = sent(written(tmp_path, make_zip(GOOD | {"x.py": b""}), "189295_María-José_O'Brien.zip"), -1)
    assert counting(first.parent) == [last.name]


def test_submission_under_another_students_id_replaces_nothing(tmp_path):
    victim = sent(written(tmp_path, make_zip(GOOD), "189295_ada_lovelace.zip"), -2)
    thief = sent(written(tmp_path, make_zip(GOOD | {"x.py": b""}), "189295_bob_stone.zip"), -1)
    assert counting(victim.parent) == [victim.name, thief.name]
    for submission in collect(victim.parent, DEADLINE):
        assert any("under another name too" in remark for remark in submission.remarks)
        assert not any("stone" in remark for remark in submission.remarks), "names another student to this one"


def moodle(tmp_path, full_name, number, name="189295_ada_lovelace.zip", hours=-1.0, **files):
    folder = f"submissions/{full_name}_{number}_assignsubmission_file_"
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    content = {path.replace("_json", ".json"): text for path, text in files.items()}
    return sent(written(tmp_path, make_zip({**GOOD, **content}), name, folder), hours)


def remarks_of(tmp_path):
    """Return the remarks of each submission, by the name of its zip, or of Moodle's folder."""
    found = collect(tmp_path / "submissions")
    return {s.zip.relative_to(tmp_path / "submissions").parts[0]: "; ".join(s.remarks) for s in found}


def test_in_a_moodle_folder_the_uploader_goes_before_the_zips_name_and_supersedes_nobody(tmp_path):
    moodle(tmp_path, "Ada Lovelace", 1001, hours=-2)
    moodle(tmp_path, "Mallory Evil", 1002, x=b"2")
    ada, mallory = collect(tmp_path / "submissions", DEADLINE)
    assert (ada.id, ada.name, ada.surname, ada.superseded_by) == ("189295", "ada", "lovelace", None)
    assert (mallory.id, mallory.name, mallory.surname) == ("participant 1002", "mallory", "evil")
    assert mallory.superseded_by is None
    assert "Moodle has it from" in "; ".join(mallory.remarks)
    for submission in (ada, mallory):
        assert "the id 189295 came in under another name too" in "; ".join(submission.remarks)
    assert "Mallory" not in "; ".join(ada.remarks)


def test_moodles_number_is_nobodys_id_and_an_online_text_no_second_student(tmp_path):
    zip_ = moodle(tmp_path, "Ada Lovelace", 1001)
    text = tmp_path / "submissions" / "Ada Lovelace_1001_assignsubmission_onlinetext_"
    text.mkdir()
    (text / "onlinetext.html").write_text("see the zip")
    alone = text.with_name("Alan Turing_189295_assignsubmission_onlinetext_")
    alone.mkdir()
    unnamed = moodle(tmp_path, "Niklaus Wirth", 1003, "assignment.zip", x=b"3")
    found = {submission.zip: submission for submission in collect(tmp_path / "submissions", DEADLINE)}
    assert text not in found
    assert (found[zip_].id, found[zip_].superseded_by, found[zip_].problem) == ("189295", None, None)
    assert "a text was typed in, too" in "; ".join(found[zip_].remarks)
    assert (found[alone].id, found[alone].surname, found[alone].set_aside) == ("participant 189295", "turing", True)
    assert (found[unnamed].id, found[unnamed].name, found[unnamed].problem) == ("participant 1003", "niklaus", None)
    assert not any("the id" in remark for submission in found.values() for remark in submission.remarks)


def test_with_blind_marking_one_id_of_two_uploaders_is_neithers_and_both_count(tmp_path):
    moodle(tmp_path, "Participant", 1001, hours=-2)
    moodle(tmp_path, "Participant", 1002, x=b"2")
    for number, submission in enumerate(collect(tmp_path / "submissions", DEADLINE), 1001):
        assert (submission.id, submission.superseded_by) == (f"participant {number}", None)
        assert "came in from another uploader too" in "; ".join(submission.remarks)


def test_an_uploaders_last_zip_counts_however_it_is_called_and_another_id_is_remarked(tmp_path):
    first = moodle(tmp_path, "Ada Lovelace", 1001, "189259_ada_lovelace.zip", hours=-2)
    last = moodle(tmp_path, "Ada Lovelace", 1001, x=b"2")
    found = {submission.zip: submission for submission in collect(tmp_path / "submissions", DEADLINE)}
    assert found[first].superseded_by == last.name
    assert found[last].superseded_by is None
    assert "the ids 189259 and 189295" in "; ".join(found[last].remarks)


def test_zeros_before_an_id_are_no_way_round_its_owner(tmp_path):
    for hours, name in enumerate(("0189295_mallory_evil.zip", "189295_mallory_evil.zip", "189295_ada_lovelace.zip")):
        sent(written(tmp_path, make_zip(GOOD | {"x.py": name.encode()}), name), hours - 9)
    assert counting(tmp_path / "submissions") == ["189295_ada_lovelace.zip", "189295_mallory_evil.zip"]
    remarks = remarks_of(tmp_path)
    assert all("came in under another name too" in remark for remark in remarks.values())
    assert "have the ids 0189295 and 189295" in remarks["189295_mallory_evil.zip"]


def test_a_copy_of_anothers_zip_is_remarked_on_both(tmp_path):
    manifest = json.dumps({"id": "189295", "name": "Ada", "surname": "Lovelace", "forced": False}).encode()
    for name in ("189295_ada_lovelace.zip", "190000_mallory_evil.zip", "submission.zip"):
        written(tmp_path, make_zip(GOOD | {MANIFEST: manifest}), name)
    written(tmp_path, make_zip(GOOD), "190001_bob_stone.zip")
    remarks = remarks_of(tmp_path)
    assert remarks.pop("190001_bob_stone.zip") == ""
    assert all("byte for byte, came in from somebody else too" in remark for remark in remarks.values())
    assert "in the zip of somebody else says" in remarks["189295_ada_lovelace.zip"]
    for name in ("190000_mallory_evil.zip", "submission.zip"):
        assert 'manifest.json says that "189295 Ada Lovelace" packed the zip' in remarks[name]


def test_the_same_zip_sent_twice_by_one_student_is_no_copy(tmp_path):
    written(tmp_path, make_zip(GOOD), "189295_ada_lovelace.zip")
    written(tmp_path, make_zip(GOOD), "189295_ada_lovelace (1).zip")
    assert "byte for byte" not in "".join(remarks_of(tmp_path).values())


def test_a_manifest_that_nobody_needs_and_that_is_damaged_costs_nothing(tmp_path):
    data = make_zip({f"lab/{path}": text for path, text in GOOD.items()} | {"x/manifest.json": b"damaged"}, 0)
    written(tmp_path, data.replace(b"damaged", b"Damaged"))
    (submission,) = collect(tmp_path / "submissions")
    assert submission.problem is None
    assert "manifest.json in the zip can't be read" in submission.remarks


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"id": "0189295", "name": "Ada", "surname": "Lovelace", "kit": kit_version(), "forced": False}, None),
        (
            {"failed_checks": ["run/model_no1", "x\x1b"], "forced": True},
            '--force, although checks failed: "run/model_no1"',
        ),
        ({"kit": "0123456789abcdef"}, 'packed with the kit "0123456789abcdef", which is not the version here'),
        ({"id": "189295", "name": "Bob", "surname": "Stone"}, '"189295 Bob Stone" packed the zip'),
        ({"id": 7, "name": ["x"], "failed_checks": {}, "forced": "no"}, "can't be read"),
        ([], "can't be read"),
        ("[" * 30_000, "can't be read"),
        ("1" * 30_000, "can't be read"),
        (" " * 70_000, "can't be read"),
        ("\xff", "can't be read"),
    ],
    ids=range(10),
)
def test_what_a_manifest_says_is_read_and_remarked(tmp_path, manifest, said):
    data = manifest.encode("latin-1") if isinstance(manifest, str) else json.dumps(manifest).encode()
    written(tmp_path, make_zip(GOOD | {MANIFEST: data}))
    (submission,) = collect(tmp_path / "submissions")
    assert submission.problem is None
    assert len(submission.remarks) == (said is not None)
    assert (said or "") in "; ".join(submission.remarks)
    assert "\x1b" not in "; ".join(submission.remarks)


def test_nothing_is_written_to_the_folder_of_submissions(tmp_path):
    for n, case in enumerate(CASES.values()):
        written(tmp_path, zip_of(case.name), f"{n}_a_{case.name}.zip")
    before = snapshot(tmp_path)
    assert len(collect(tmp_path / "submissions", DEADLINE)) == len(CASES)
    assert snapshot(tmp_path) == before


# --------------------------------------------------------------------------------------------------------------- texts


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = written(tmp_path, b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_limits_leave_room_for_a_real_submission():
    sizes = [len(content) for content in GOOD.values()]
    assert sum(sizes) * 100 < LIMITS.kept_bytes
    assert isinstance(LIMITS, ZipLimits)
