"""Archives that try to do harm while they are unpacked, and PDFs that do it while they are read."""

import stat
import zlib

from tests.submissions import Case, Files, make_zip
from tests.submissions.forge import Build, edit, edited, member, overlapping, renamed
from tests.submissions.report_pdf import assemble, write_objects


def hostile(name: str, attempts: str, build: Build, refused: str) -> Case:
    """Make an archive that has to be refused, and say why."""
    return Case(name, attempts, "hostile", build=build, refused=refused)


def many(count: int, path: str) -> Build:
    """Add many empty members; `path` is a format for their number."""
    return lambda files: make_zip(files | {path.format(n): b"" for n in range(count)})


def lying_about_size(files: Files) -> bytes:
    """Make a script that claims 10 bytes, with the checksum of those, and unpacks to 10 MB."""
    start = files["model_no1.py"][:10]
    data = make_zip(files | {"model_no1.py": start + b" " * 10**7})
    return edit(data, "model_no1.py", size=10, crc=zlib.crc32(start) ^ 1)


def pointing_elsewhere(files: Files) -> bytes:
    """Let the list's entry of model_no1.py point to the data of model_no2.py."""
    data = make_zip(files)
    offset = data.index(b"PK\x03\x04", 4)
    return edit(data, "model_no1.py", offset=offset)


def of_two_minds(files: Files) -> bytes:
    """Give a member another name in the list than in front of its data."""
    data = make_zip(files)
    return data[:30] + b"model_no9.py" + data[42:]


def huge(files: Files, megabytes: int = 1024) -> bytes:
    """Make a zip with a member of so many zeros, without holding them."""
    data = make_zip(files | {"zeros.bin": deflated(bytes(2**20), megabytes)}, 0)
    return edit(data, "zeros.bin", method=8, size=megabytes * 2**20)


def in_pieces(files: Files, pieces: int = 130) -> bytes:
    """Make a zip with many members of 4 MB, each too small to be a bomb."""
    packed = deflated(bytes(2**20), 4)
    data = make_zip(files | {f"{n}.bin": packed for n in range(pieces)}, 0)
    for n in range(pieces):
        data = edit(data, f"{n}.bin", method=8, size=4 * 2**20)
    return data


def deflated(piece: bytes, times: int) -> bytes:
    """Deflate a piece once, and repeat the result: blocks that do not look back can be put in a row."""
    compressor = zlib.compressobj(9, wbits=-15)
    block = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * times + b"\x03\x00"


def claiming_more(files: Files) -> bytes:
    """Claim ten bytes more for a script than it has."""
    return edit(make_zip(files), "model_no1.py", size=len(files["model_no1.py"]) + 10)


PATHS = [
    hostile("absolute_path", "write to /tmp", member("/tmp/pwned.py", b"x"), "an absolute path"),
    hostile("parent_folder", "write beside its folder", member("../pwned.py", b"x"), "leads out of its folder"),
    hostile("deep_parent_folder", "write above", member("a/../../../pwned.py", b"x"), "leads out of its folder"),
    hostile("parent_folder_at_the_end", "be its own parent", member("code/..", b"x"), "leads out of its folder"),
    hostile("parent_of_model", "overwrite a sibling", member("../189296_bob/model_no1.py", b"x"), "leads out"),
    hostile("drive_letter", "write to C:", member("C:/pwned.py", b"x"), "a drive letter"),
    hostile("drive_relative", "write to the drive's folder", member("C:pwned.py", b"x"), "a drive letter"),
    hostile("backslash_parent", "write beside it on Windows", member("..\\pwned.py", b"x"), "backslashes"),
    hostile("network_share", "write to a server", member("\\\\server\\share\\pwned.py", b"x"), "backslashes"),
    hostile("double_slash", "write to a server", member("//server/pwned.py", b"x"), "an absolute path"),
    hostile("ntfs_stream", "hide in a stream", member("model_no1.py:hidden.py", b"x"), "a colon"),
    hostile("nul_in_name", "show another name", renamed("safe.py?.txt", b"?", b"\0"), "a control character"),
    hostile("escape_in_name", "colour the terminal", member("\x1b[31mred\x1b[0m.py"), "a control character"),
    hostile("newline_in_name", "forge a line of the log", member("x\ngraded: 100.py"), "a control character"),
    hostile("not_utf8", "crash the decoder", renamed("caf\u00e9.py", b"\xc3\xa9", b"\xff\xfe"), "not valid UTF-8"),
    hostile("endless_path", "a path of 4,000 characters", member("/".join(["x" * 400] * 10)), "characters"),
    hostile("endless_name", "a name of 300 characters", member("x" * 300 + ".py"), "characters"),
    hostile("deep_folders", "1,000 folders", member("d/" * 110 + "x.py"), "folders around it"),
    hostile("nameless_file", "no name at all", member(".", b"x"), "no name"),
]

KINDS = [
    hostile("link_to_passwd", "read /etc/passwd", member("notes.txt", b"/etc/passwd", stat.S_IFLNK | 0o777), "a link"),
    hostile("link_as_script", "a script that is a link", member("x.py", b"../x.py", stat.S_IFLNK | 0o777), "a link"),
    hostile("link_as_folder", "write through a link", member("code", b"/tmp", stat.S_IFLNK | 0o777), "a link"),
    hostile("windows_link", "a reparse point", member("code", b"C:/", attributes=0x420), "a link"),
    hostile("device", "a disk", member("sda", b"", stat.S_IFBLK | 0o666), "a device"),
    hostile("character_device", "/dev/zero", member("zero.py", b"", stat.S_IFCHR | 0o666), "a device"),
    hostile("pipe", "a reader that waits for ever", member("model.py", b"", stat.S_IFIFO | 0o666), "a pipe"),
    hostile("socket", "a socket", member("model.py", b"", stat.S_IFSOCK | 0o666), "a pipe"),
]

COLLISIONS = [
    hostile("one_name_twice", "check one, run the other", member("model_no1.py", b"evil"), "twice"),
    hostile("dot_name_twice", "the same by ./", member("./model_no1.py", b"evil"), "twice"),
    hostile("capitals", "the same on Windows", member("MODEL_NO1.PY", b"evil"), "twice (the other is"),
    hostile("full_width", "the same to Unicode", member("model_no\uff11.py", b"evil"), "twice (the other is"),
    hostile("dot_at_the_end", "the same on Windows", member("model_no1.py.", b"evil"), "twice (the other is"),
    hostile("file_and_folder", "a file that is a folder", member("model_no1.py/x.py", b"evil"), "a file and a folder"),
]

BOMBS = [
    hostile("bomb", "1 GB of zeros", huge, "a compression bomb"),
    hostile(
        "bomb_as_script",
        "a script of 10 MB",
        lambda f: make_zip(f | {"model_no4.py": bytes(10**7)}),
        "a compression bomb",
    ),
    hostile("bomb_in_pieces", "150 members of 4 MB", in_pieces, "unpacks to 5"),
    hostile("overlapping_members", "a bomb of shared bytes", overlapping, "shares its bytes"),
    hostile("many_members", "5,000 files", many(5000, "{}.py"), "holds 5,00"),
    hostile("endless_listing", "a list of 3 MB", many(9000, "{:0250d}.py"), "list of files is too long"),
    hostile("lying_size", "less in the header than in the data", lying_about_size, "is damaged"),
    hostile(
        "claims_petabytes", "a size that is not there", edited("model_no1.py", size=2**32 - 2), "a compression bomb"
    ),
]

FORGERIES = [
    hostile("claiming_more", "more in the header than in the data", claiming_more, "10 bytes are missing"),
    hostile("pointing_elsewhere", "check one file, run another", pointing_elsewhere, "shares its bytes"),
    hostile("pointing_outside", "data behind the end", edited("model_no1.py", offset=2**31), "shares its bytes"),
    hostile("of_two_minds", "two names for one file", of_two_minds, "is damaged"),
    hostile("secret_method", "an unknown compression", edited("model_no1.py", method=77), "method 77"),
    hostile("strong_encryption", "a list that is masked", edited("model_no1.py", flags=0x2041), "encrypted"),
    hostile("wrong_checksum", "a checksum that is not the data's", edited("model_no1.py", crc=1), "is damaged"),
    hostile(
        "longer_than_itself", "more packed bytes than there are", edited("report.pdf", packed=10**6), "shares its bytes"
    ),
    hostile("program_in_front", "run when double-clicked", lambda files: b"MZ" + make_zip(files), "a Windows program"),
]


# ---------------------------------------------------------------------------------------------------------------- PDFs


def endless_page(megabytes: int = 1024) -> bytes:
    """Make a page of instructions that unpack to a thousand times their size."""
    line = b"BT /F 10 Tf (never ending) Tj ET\n"
    return assemble([b"\x78\xda" + deflated(line * (2**20 // len(line)), megabytes)])


def circular_pages() -> bytes:
    """Make a tree of pages that has itself as a branch."""
    return write_objects(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000 >>"]
    )


NO_TEXT = {"report/text": "failed", "report/*": "skipped|failed"}
PDFS = [
    Case(
        "endless_pdf",
        "a page that unpacks to 1 GB",
        "hostile",
        build=lambda f: make_zip(f | {"report.pdf": endless_page()}),
        expect=NO_TEXT,
    ),
    Case("circular_pdf", "a page tree without an end", "hostile", {"report.pdf": circular_pages()}, expect=NO_TEXT),
]

CASES = [*PATHS, *KINDS, *COLLISIONS, *BOMBS, *FORGERIES, *PDFS]
