"""Zips as real students make them: odd but good, or without something that was asked for."""

import stat
import unicodedata

from tests.submissions import Case, Files, make_zip, reference_scripts
from tests.submissions.forge import edited, member, streamed, with_folders, with_zip64
from tests.submissions.report_pdf import make_report

REFERENCE = reference_scripts()
NO1 = REFERENCE["model_no1.py"].decode()


def moved(**paths: str):
    """Build a zip in which files have other paths: formats of the old one, by its start ("" for any other)."""

    def build(files: Files) -> bytes:
        def path_of(path: str) -> str:
            kind = "report" if path.endswith(".pdf") else "code"
            return paths.get(kind, "{}").format(path)

        return make_zip({path_of(path): content for path, content in files.items()})

    return build


def renaming(**names: str):
    """Build a zip in which scripts have other names: the new ones by script."""
    return lambda files: make_zip(
        {names.get(path.removesuffix(".py"), path): content for path, content in files.items()}
    )


def odd(name: str, attempts: str, **case) -> Case:
    """Make a submission that is good, whatever is odd about it."""
    return Case(name, attempts, "odd", **case)


def without(*scripts: str) -> dict[str, str]:
    """Return what is expected where scripts are missing."""
    checks = {f"files/{script}": "failed" for script in scripts}
    return checks | {f"*/{script}": "skipped" for script in scripts}


TOP = "expected at the top of the zip"
TAKEN = "was taken for"
LITTER = "because programs leave it behind"
ONLY = "because only scripts"

# ---------------------------------------------------------------------------------------------- tolerated with a remark

LAID_OUT = [
    odd("wrapping_folder", "all in a folder", build=moved(code="lab/{}", report="lab/{}"), remarks=(TOP,)),
    odd(
        "three_wrapping_folders", "three folders deep", build=moved(code="a/b/c/{}", report="a/b/c/{}"), remarks=(TOP,)
    ),
    odd(
        "code_and_report_folders",
        "code/ and report/",
        build=moved(code="x/code/{}", report="x/report/{}"),
        remarks=(TOP,),
    ),
    odd("folder_entries", "an entry for each folder", build=with_folders, remarks=(TOP,)),
    odd("dot_slash", "paths that start with ./", build=moved(code="./{}", report=".//{}")),
    odd(
        "accented_folder",
        "a folder in decomposed Unicode",
        build=moved(code=unicodedata.normalize("NFD", "Università/è {}").replace(" ", "/"), report="Università/{}"),
        remarks=(TOP,),
    ),
    odd(
        "utf8_without_flag",
        "names in UTF-8 that do not say so",
        build=lambda files: edited("lab_é/notes.txt", flags=0)({**files, "lab_é/notes.txt": b"x"}),
    ),
    odd(
        "a_folder_called_like_a_script",
        "a folder whose name ends with .py",
        build=lambda files: make_zip({**files, "helpers.py/notes.txt": b"x"}),
    ),
    odd(
        "a_folder_for_each_script",
        "each script in a folder of its own",
        build=lambda files: make_zip({f"{path.split('.')[0]}/{path}": content for path, content in files.items()}),
        remarks=(TOP,),
    ),
    odd(
        "macos_litter",
        "what macOS adds",
        files={"__MACOSX/._model_no1.py": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "._report.pdf": b"\0\5\x16\7"},
        remarks=(LITTER, "__MACOSX"),
    ),
    odd("windows_litter", "what Windows adds", files={"Thumbs.db": b"x", "desktop.ini": b"x"}, remarks=(LITTER,)),
    odd("python_cache", "compiled modules", files={"__pycache__/model_no1.cpython-311.pyc": b"x"}, remarks=(LITTER,)),
    odd("git_folder", "a whole repository", files={".git/config": "[core]", ".git/HEAD": "x"}, remarks=(LITTER,)),
    odd("editor_folder", "settings of an editor", files={".vscode/settings.json": "{}"}, remarks=(LITTER,)),
    odd(
        "macos_icon_and_colons",
        "a folder's picture, and names with a colon",
        files={"Icon\r": b"", "notes 3:11.txt": "x", "results/curves 14:22.png": b"\x89PNG"},
        remarks=(LITTER, 'a colon: "notes 3:11.txt"', 'a colon: "results/curves 14:22.png"'),
    ),
    odd(
        "windows_marks_of_origin",
        "where a browser had it from",
        files={"report.pdf:Zone.Identifier": "[ZoneTransfer]", "model_no1.py\uf03aZone.Identifier": "[ZoneTransfer]"},
        remarks=(LITTER,),
    ),
    odd(
        "virtual_environment",
        "an environment with a link, beside the scripts",
        build=lambda files: member(".venv/bin/python", b"/usr/bin/python3", stat.S_IFLNK | 0o777)(
            {**files, ".venv/a/b:c.py": b"x", "venv/lib/x.py": b"x"}
        ),
        remarks=(LITTER,),
    ),
    odd(
        "thousands_of_objects",
        "the objects of git",
        build=lambda files: make_zip({**files, **{f".git/objects/{n:040d}": b"" for n in range(3000)}}),
        remarks=(LITTER,),
    ),
    odd(
        "report_twice",
        "Report.pdf beside report.pdf, the same",
        build=lambda files: make_zip({**files, "Report.pdf": files["report.pdf"]}),
        remarks=('"Report.pdf" is the same as "report.pdf"',),
    ),
    odd(
        "code_and_text_zipped",
        "two zips within one",
        build=lambda files: make_zip(
            {
                "code.zip": make_zip({path: content for path, content in files.items() if path.endswith(".py")}),
                "text.zip": make_zip({"report.pdf": files["report.pdf"]}),
            }
        ),
        remarks=('the zip "code.zip" within was opened', 'the zip "text.zip" within was opened'),
    ),
    odd(
        "settings_module",
        "a module that a script imports",
        files={
            "model_no1.py": NO1.replace("KEEP_PROB = 0.5", "from my_settings import KEEP_PROB"),
            "my_settings.py": "KEEP_PROB = 0.5",
        },
    ),
    odd(
        "settings_package",
        "a package beside scripts in a folder",
        files={
            "model_no1.py": NO1.replace("KEEP_PROB = 0.5", "from mine.settings import KEEP_PROB"),
            "mine/__init__.py": "",
            "mine/settings.py": "KEEP_PROB = 0.5",
        },
        build=moved(code="code/{}"),
        remarks=(TOP,),
    ),
    odd(
        "data_and_results",
        "the results folder with it",
        files={"results/deep_mnist/seed-0/predictions.npy": bytes(10_000), "results/curves.png": b"\x89PNG"},
        remarks=(ONLY, "predictions.npy"),
    ),
    odd("notebook_besides", "a notebook besides the scripts", files={"lab.ipynb": "{}"}, remarks=(ONLY, "lab.ipynb")),
    odd("weights_besides", "trained weights", files={"weights.h5": b"\x89HDF"}, remarks=(ONLY, "weights.h5")),
    odd("zip_within", "an older zip besides the scripts", files={"old.zip": b"PK\3\4"}, remarks=(ONLY, "old.zip")),
    odd("reserved_name", "a helper called aux.py", files={"aux.py": "x = 1"}, remarks=("Windows reserves",)),
    odd("capital_names", "Model_No1.py", build=renaming(model_no1="Model_No1.py"), remarks=(TAKEN,)),
    odd("capital_extension", "model_no2.PY", build=renaming(model_no2="model_no2.PY"), remarks=(TAKEN,)),
    odd("spaces_in_names", "model no1.py", build=renaming(model_no1="model no1.py"), remarks=(TAKEN,)),
    odd("hyphens_in_names", "model-no-3.py", build=renaming(model_no3="model-no-3.py"), remarks=(TAKEN,)),
    odd("names_without_no", "model2.py", build=renaming(model_no2="model2.py"), remarks=(TAKEN,)),
    odd("downloaded_twice", "model_no1 (1).py alone", build=renaming(model_no1="model_no1 (1).py"), remarks=(TAKEN,)),
    odd("hidden_extension", "model_no1.py.txt", build=renaming(model_no1="model_no1.py.txt"), remarks=(TAKEN,)),
    odd("a_copy_besides", "model_no1 (1).py besides", files={"model_no1 (1).py": "raise SystemExit"}),
    odd("an_old_copy", "one script also in old/", files={"old/model_no1.py": "raise SystemExit"}),
    odd("the_same_twice", "one script in two folders", files={"copy/model_no1.py": NO1}),
    odd("byte_order_mark", "a script with a byte order mark", files={"model_no1.py": "\ufeff" + NO1}),
    odd("windows_line_ends", "a script with CR LF", files={"model_no1.py": NO1.replace("\n", "\r\n")}),
    odd("report_in_capitals", "Report.PDF", build=renaming(**{"report.pdf": "Report.PDF"}), remarks=(TAKEN,)),
    odd("report_by_id", "a PDF of another name", build=renaming(**{"report.pdf": "189295.pdf"}), remarks=(TAKEN,)),
    odd("slides_besides", "two PDFs", files={"slides.pdf": make_report(text="Slides")}, remarks=("of 2 PDFs",)),
    odd(
        "report_in_its_name",
        "two PDFs, one called lab-report.pdf",
        files={"slides.pdf": make_report(text="Slides")},
        build=renaming(**{"report.pdf": "lab-report.pdf"}),
        remarks=('of 2 PDFs "lab-report.pdf"',),
    ),
    odd(
        "report_folder_decides",
        "two PDFs, one in report/",
        files={"slides.pdf": make_report(text="Slides")},
        build=renaming(**{"report.pdf": "report/text.pdf"}),
        remarks=('of 2 PDFs "report/text.pdf"',),
    ),
    odd(
        "two_equal_sets",
        "everything twice, without a difference",
        build=lambda files: make_zip({f"{folder}/{p}": c for folder in "ab" for p, c in files.items()}),
        remarks=(TOP,),
    ),
]

# ------------------------------------------------------------------------------------------------ tolerated: the format

PACKED = [
    odd("stored", "no compression", build=lambda files: make_zip(files, 0)),
    odd("streamed", "sizes behind the data", build=streamed),
    odd("zip64", "the fields of huge files", build=with_zip64),
    odd("bytes_behind", "a line end behind the zip", build=lambda files: make_zip(files) + b"\r\n"),
    odd("old_dates", "no dates", build=lambda files: make_zip(files).replace(b"\x00\x60\x21\x5c", bytes(4))),
    odd("odd_modes", "a setuid script", build=edited("model_no1.py", attributes=0o104777 << 16)),
]

# -------------------------------------------------------------------------------------------- tolerated: the zip's name

NAMED = [
    odd("capital_zip_name", "capitals in its name", zip_name="{id}_{Name}_{Surname}.zip", remarks=("capital letters",)),
    odd("spaces_in_zip_name", "spaces for _", zip_name="{id} {Name} {Surname}.zip", remarks=("spaces",)),
    odd("dots_in_zip_name", "dots for _", zip_name="{id}.{name}.{surname}.zip", remarks=("dots",)),
    odd("accents_in_zip_name", "accents", zip_name="{id}_{name}-josé_{surname}.zip", remarks=("outside ASCII",)),
    odd("zip_name_in_another_order", "the id last", zip_name="{name}_{surname}_{id}.zip", remarks=("another place",)),
    odd("zip_downloaded_twice", "(1) at its end", zip_name="{id}_{name}_{surname} (1).zip", remarks=("a copy",)),
    odd("double_extension", ".zip.zip", zip_name="{id}_{name}_{surname}.zip.zip", remarks=(".zip.zip",)),
    odd("capital_zip_extension", ".ZIP", zip_name="{id}_{name}_{surname}.ZIP", remarks=(".ZIP",)),
    odd(
        "moodle_name",
        "a bulk download",
        zip_name="{Name} {Surname}_12345_assignsubmission_file_{id}_{name}_{surname}.zip",
        remarks=("Moodle's prefix",),
    ),
    odd(
        "moodle_has_the_name",
        "a bulk download of 189295.zip",
        zip_name="{Name} {Surname}_12345_assignsubmission_file_{id}.zip",
        remarks=("Moodle's were taken",),
    ),
    Case("nameless", "no id and no name", "flawed", zip_name="lab.zip", refused="has no student id"),
    Case("id_with_letters", "s189295", "flawed", zip_name="s{id}_{name}_{surname}.zip", refused="is not a number"),
    Case("no_surname", "a surname is missing", "flawed", zip_name="{id}_{name}.zip", refused="has no surname"),
    Case(
        "two_numbers",
        "two numbers",
        "flawed",
        zip_name="2026_{id}_{name}_{surname}.zip",
        refused="more than one number",
    ),
]

# ---------------------------------------------------------------------------------------------------- something missing

NO_REPORT = {"files/report": "failed", "report/*": "skipped"}
BAD_REPORT = {"report/text": "failed", "report/*": "skipped|failed"}
NO_PDF = {**BAD_REPORT, "files/report": "failed"}
TEMPLATE = "Abc. > Prompt: What is the task, what are the data (how many images, of what size, split how)?"

MISSING = [
    Case("no_model_no3", "two scripts", "flawed", {"model_no3.py": None}, expect=without("model_no3")),
    Case(
        "report_only",
        "no script",
        "flawed",
        dict.fromkeys(REFERENCE),
        expect=without("model_no1", "model_no2", "model_no3"),
    ),
    Case("no_report", "no PDF", "flawed", {"report.pdf": None}, expect=NO_REPORT),
    Case(
        "report_in_word",
        "report.docx",
        "flawed",
        {"report.pdf": None, "report.docx": b"PK\3\4"},
        expect=NO_REPORT,
        remarks=(ONLY, "report.docx"),
    ),
    Case(
        "which_report",
        "two PDFs of like names",
        "flawed",
        {"report.pdf": None, "first.pdf": make_report(text="One"), "second.pdf": make_report(text="Two")},
        expect={"files/report": "undecided", "report/*": "undecided"},
        remarks=("not clear",),
    ),
    Case(
        "notebook_for_a_script",
        "model_no1.ipynb",
        "flawed",
        {"model_no1.py": None, "model_no1.ipynb": "{}"},
        expect=without("model_no1"),
        remarks=(ONLY, "model_no1.ipynb"),
    ),
    Case(
        "script_of_two_megabytes",
        "a script with data in it",
        "flawed",
        {"model_no2.py": f"DATA = {'x' * 2**21!r}\n"},
        expect=without("model_no2"),
        remarks=("was left out: it has 2,",),
    ),
    Case("report_is_word", "a Word file called report.pdf", "flawed", {"report.pdf": b"PK\3\4" * 99}, expect=NO_PDF),
    Case("report_is_empty", "a report of 0 bytes", "flawed", {"report.pdf": b""}, expect=NO_PDF),
    Case("report_without_text", "a scan", "flawed", {"report.pdf": make_report(text="")}, expect=BAD_REPORT),
    Case("report_is_truncated", "half a report", "flawed", {"report.pdf": make_report()[:1500]}, expect=BAD_REPORT),
    Case(
        "report_too_short",
        "a report of two sentences",
        "flawed",
        {"report.pdf": make_report(text="I removed a layer each time. " * 12)},
        expect={"report/text": "failed", "report/methods": "failed|skipped", "report/accuracies": "failed|skipped"},
    ),
    Case(
        "report_names_the_methods",
        "methods named, not treated",
        "flawed",
        {
            "report.pdf": make_report(
                text="# 1 Introduction\n\nConvolution, max pooling, ReLU, dropout, softmax and cross-entropy.\n\n"
                + "My grandmother keeps bees in the garden behind the house, and this is what they did. " * 45
            )
        },
        expect={"report/methods": "failed", "report/accuracies": "failed"},
    ),
    Case(
        "report_with_other_numbers",
        "accuracies that nobody measured",
        "flawed",
        {
            "report.pdf": make_report(
                accuracies={"deep_mnist": 0.9, "model_no1": 0.8, "model_no2": 0.7, "model_no3": 0.6}
            )
        },
        expect={"report/accuracies": "failed"},
    ),
]

# ------------------------------------------------------------------------------------------------ refused, and innocent

UNCLEAR = [
    Case(
        "two_sets_of_scripts",
        "v1/ and v2/",
        "flawed",
        build=lambda files: make_zip({f"v{n}/{p}": c + b"#" * n for p, c in files.items() for n in (1, 2)}),
        refused="more than one model_no1.py",
    ),
    Case(
        "two_helpers_of_a_name",
        "a module of one name in two folders",
        "flawed",
        build=lambda files: make_zip(
            {f"{p[:9]}/{p}": c for p, c in files.items()} | {f"model_no{n}/my.py": b"%d" % n for n in (1, 2)}
        ),
        refused="are two files, and one to the scripts",
    ),
    Case("two_spellings", "Model_no1.py too", "flawed", {"Model_no1.py": "x"}, refused="twice (the other is"),
    odd(
        "a_zip_in_a_zip",
        "zipped twice",
        build=lambda f: make_zip({"a.zip": make_zip(f)}),
        remarks=('the zip "a.zip" within was opened', "expected at the top"),
    ),
    Case(
        "a_zip_in_a_zip_in_a_zip",
        "zipped three times",
        "flawed",
        build=lambda f: make_zip({"a.zip": make_zip({"b.zip": make_zip(f)})}),
        refused="within a zip",
    ),
    Case(
        "notebooks",
        "notebooks and a Word document",
        "flawed",
        build=lambda _: make_zip({"model_no1.ipynb": b"{}", "report.docx": b"PK"}),
        refused='"model_no1.ipynb" is a notebook: export it as a script',
    ),
    Case(
        "left_in_icloud",
        "placeholders of iCloud",
        "flawed",
        build=lambda _: make_zip({".model_no1.py.icloud": b"bplist00", "notes.txt": b"x"}),
        refused='stands for "model_no1.py", which is in iCloud only',
    ),
    Case(
        "a_rar_within",
        "a RAR within a zip",
        "flawed",
        build=lambda _: make_zip({"lab.rar": b"Rar!\x1a\x07\x01\x00"}),
        refused='"lab.rar" is a RAR archive',
    ),
    Case(
        "something_else",
        "holiday pictures",
        "flawed",
        build=lambda _: make_zip({"a.jpg": b"x"}),
        refused="holds none of",
    ),
    Case(
        "a_word_file",
        "a Word file",
        "flawed",
        build=lambda _: make_zip({"word/document.xml": b""}),
        refused="holds none of",
    ),
    Case("only_folders", "empty folders", "flawed", build=lambda _: make_zip({"code/": b""}), refused="is empty"),
    Case("an_empty_zip", "no file in it", "flawed", build=lambda _: make_zip({}), refused="is empty"),
    Case("an_empty_file", "0 bytes", "flawed", build=lambda _: b"", refused="is empty (0 bytes)"),
    Case("half_a_zip", "the upload broke off", "flawed", build=lambda f: make_zip(f)[:4000], refused="truncated"),
    Case("a_zip_without_its_end", "10 bytes short", "flawed", build=lambda f: make_zip(f)[:-30], refused="truncated"),
    Case(
        "a_zip_without_its_start", "its start is lost", "flawed", build=lambda f: make_zip(f)[99:], refused="not a zip"
    ),
    Case(
        "a_damaged_file",
        "a byte altered",
        "flawed",
        build=lambda files: make_zip(files, 0).replace(b"TensorFlow", b"tensorFlow"),
        refused="is damaged",
    ),
    Case("a_password", "encrypted", "flawed", build=edited("model_no1.py", flags=1), refused="encrypted"),
    Case("deflate64", "as 7-Zip can", "flawed", build=edited("model_no1.py", method=9), refused="Deflate64"),
    Case("bzip2", "as 7-Zip can", "flawed", build=edited("model_no1.py", method=12), refused="bzip2"),
    Case("lzma", "as 7-Zip can", "flawed", build=edited("report.pdf", method=14), refused="LZMA"),
    Case(
        "mixed_separators", "one name with / and \\", "flawed", build=member("a/code\\model.py"), refused="backslashes"
    ),
    odd(
        "backslashes",
        "as PowerShell 5 did",
        build=member("code\\model.py"),
        remarks=("separates folders by backslashes",),
    ),
    Case(
        "a_rar",
        "a .rar renamed",
        "flawed",
        build=lambda _: b"Rar!\x1a\x07\x01\x00" + bytes(99),
        refused="a RAR archive",
    ),
    Case(
        "a_7z",
        "a .7z renamed",
        "flawed",
        build=lambda _: b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(99),
        refused="a 7z archive",
    ),
    Case(
        "a_gzip", "a .tar.gz renamed", "flawed", build=lambda _: b"\x1f\x8b\x08\x00" + bytes(99), refused="a gzip file"
    ),
    Case(
        "a_tar",
        "a .tar renamed",
        "flawed",
        build=lambda _: bytes(257) + b"ustar\x00" + bytes(999),
        refused="a tar archive",
    ),
    Case("a_pdf", "the report alone", "flawed", build=lambda files: files["report.pdf"], refused="a PDF, not a zip"),
    Case(
        "a_web_page", "a login page", "flawed", build=lambda _: b"\n<!DOCTYPE html><html>Log in", refused="a web page"
    ),
    Case("noise", "something else", "flawed", build=lambda _: bytes(range(256)) * 9, refused="something else"),
]

CASES = [*LAID_OUT, *PACKED, *NAMED, *MISSING, *UNCLEAR]
