"""Scripts, modules, reports and names that are to be taken for something else, or to overwhelm who reads them."""

import random

from tests.submissions import Case, make_zip
from tests.submissions.attacks import ANY, AT_IMPORT, CANARY, HARMLESS, WRONG_NETWORK, forging, hostile
from tests.submissions.report_pdf import make_report
from tests.submissions.report_words import write_report
from tests.submissions.rewriting import DEEP

SHADOW = f"""
open("/tmp/{CANARY}", "w").close()
raise SystemExit(0)
"""


def shadows(*names: str) -> dict[str, str]:
    """Return files that hide modules of these names."""
    return dict.fromkeys(names, SHADOW)


SHADOWS = [
    hostile(
        "shadows_of_the_kit",
        "have its own lab, data and pictures used",
        "",
        HARMLESS,
        files=shadows("lab.py", "input_data.py", "plotter.py", "labkit/__init__.py", "labkit/data/loader.py")
        | shadows("labkit/run/__init__.py", "labkit/run/frame.py", "labkit/run/flags.py", "labkit/run/checkpoints.py"),
    ),
    hostile("shadow_of_the_recipe", "have its own training used", "", HARMLESS, files=shadows("deep_mnist.py")),
    forging(
        "shadow_of_the_grader",
        "have its own grader used",
        "",
        files=shadows("grading/__init__.py", "grading/inside/__init__.py", "grading/inside/worker/worker.py")
        | shadows("labkit/checks/__init__.py", "labkit/checks/graph/freezing.py", "labkit/checks/graph/judging.py")
        | shadows("grading/inside/trusted/inspector.py", "grading/inside/trusted/training.py"),
    ),
    Case(
        "shadows_of_python",
        "have its own TensorFlow, NumPy and standard library used",
        "hostile",
        {
            "model_no1.py": DEEP,
            **shadows("tensorflow.py", "numpy.py", "json.py", "runpy.py", "tempfile.py", "pathlib.py", "inspect.py"),
            **shadows("sitecustomize.py", "usercustomize.py", "keras/__init__.py", "tqdm/__init__.py"),
        },
        expect={f"{kind}/model_no1": status for kind, status in WRONG_NETWORK.items()}
        | {f"{kind}/*": ANY for kind in WRONG_NETWORK},
    ),
]

STRANGE = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m \u202egnp.exe\u202c \u200b <script>alert(1)</script> </td></table> "
    "![](http://example.org/?you) [here](javascript:alert(1)) `code` | cell | =1+1 \x08\x08\x08"
)
FORMULAS = "=cmd|'/C calc'!A0\n+1+1\n-1+1\n@SUM(A1)\n\t=1+1\n\r=1+1"
PARAGRAPH = "<script>alert(1)</script> ![](http://example.org/?you) [here](javascript:alert(1)) =1+1 | a | b | `c`"
ENDLESS = "\n\n".join(["never ending story " * 1000] * 350)
UNREADABLE = {f"{kind}/model_no1": status for kind, status in AT_IMPORT.items()}

TEXTS = [
    hostile(
        "strange_prints",
        "have its prints do something",
        f"print({STRANGE!r})\nprint({STRANGE!r}, file=sys.stderr)\n",
        HARMLESS,
    ),
    hostile("strange_exception", "have its reason do something", f"raise ValueError({STRANGE!r})\n", AT_IMPORT),
    hostile("formulas_for_reasons", "have a spreadsheet run it", f"raise ValueError({FORMULAS!r})\n", AT_IMPORT),
    hostile(
        "strange_exception_type",
        "have the name of its reason do something",
        f"raise type({STRANGE!r}, (Exception,), {{}})({STRANGE!r})\n",
        AT_IMPORT,
    ),
    hostile(
        "exception_that_fails",
        "fail while it says why it failed",
        """
        class Failing(Exception):
            def __str__(self):
                raise self

            __repr__ = __str__

        raise Failing
        """,
        AT_IMPORT,
    ),
    hostile("not_an_exception", "end by what nobody catches", "raise BaseException('to the top')\n", AT_IMPORT),
    hostile(
        "strange_source",
        "have its comments do something where passages are shown",
        f'# {STRANGE}\n# ```\n# \u2066 if False: \u2069\nCOMMENT = """{STRANGE}"""\n',
        HARMLESS,
    ),
    Case(
        "nested_source",
        "overflow whoever parses it",
        "hostile",
        {"model_no1.py": "x = " + "(" * 50_000 + ")" * 50_000},
        expect=UNREADABLE,
    ),
    Case(
        "unfinished_source",
        "keep whoever reads it looking for an end",
        "hostile",
        {"model_no1.py": "x = '" + "\\'" * 200_000 + '\n"""' + "#'" * 100_000},
        expect=UNREADABLE,
    ),
    Case(
        "source_in_no_encoding",
        "crash whoever decodes it",
        "hostile",
        {"model_no1.py": b"# -*- coding: no-such-thing -*-\n\xff\xfe\xed\xa0\x80 = 1\n"},
        expect={**UNREADABLE, "files/model_no1": "failed"},
    ),
    Case(
        "strange_report",
        "have the text of its report do something",
        "hostile",
        {"report.pdf": make_report(text=f"{write_report(rng=random.Random(7))}\n\n{PARAGRAPH}")},
    ),
    Case(
        "endless_report",
        "have a million words compared",
        "hostile",
        build=lambda files: make_zip(files | {"report.pdf": make_report(text=f"{write_report()}\n\n{ENDLESS}")}),
        expect={"report/text": "failed", "report/*": ANY},
    ),
]


def named(name: str, attempts: str, zip_name: str) -> Case:
    """Make a good submission in a zip of this name, which is tolerated with a remark."""
    return Case(name, attempts, "hostile", zip_name=zip_name, remarks=("other signs",))


NAMES = [
    named("escape_in_zip_name", "colour the terminal", "{id}_\x1b[31m{name}_{surname}.zip"),
    named("script_in_zip_name", "run where names are shown", "{id}_<script>alert(1)<_{surname}.zip"),
    named("formula_in_zip_name", "have a spreadsheet run it", "{id}_=cmd|'calc'!A0_{surname}.zip"),
    named("command_in_zip_name", "have a shell run it", "{id}_$(touch {name})_{surname}.zip"),
    named("line_end_in_zip_name", "forge a row of the table", "{id}_{name}\n1,ada,lovelace,100_{surname}.zip"),
    named("bidi_in_zip_name", "look like a picture", "{id}_{name}_{surname}\u202egnp.zip"),
]

ATTACKS = [*SHADOWS, *TEXTS, *NAMES]
