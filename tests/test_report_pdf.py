"""submit.py report: Markdown in, PDF out, and nothing else read or written."""

import shutil
import sys
from types import SimpleNamespace

import pypdf
import pytest

import submit
from grading import report_pdf
from grading.report_accuracies import accuracies
from grading.report_pdf import ReportError, write_pdf
from grading.report_text import read_pdf, template_prompts_left
from idx_files import DataError
from tests.needs import needs
from tests.tracing import ROOT

pytestmark = [pytest.mark.submit, pytest.mark.smoke]

TEMPLATE = ROOT / "report_template.md"
FILLER = "\n\nThe network reads digits, and this report says how well it does so. " * 5


@pytest.fixture(autouse=True)
def _programs():
    needs("typst")
    needs("pypandoc")


@pytest.fixture
def make(tmp_path):
    """Writes a report.md and makes its PDF; returns an object with its text, the remarks, and pypdf's reader."""

    def make(markdown):
        source, target = tmp_path / "report.md", tmp_path / "report.pdf"
        source.write_text(markdown + FILLER, encoding="utf-8")
        remarks = write_pdf(source, target)
        text = " ".join(read_pdf(target).text.split())
        return SimpleNamespace(text=text, remarks=remarks, reader=pypdf.PdfReader(target))

    return make


def pictures(reader):
    return [image for page in reader.pages for image in page.images]


def test_the_template_becomes_a_pdf_of_a4_pages(tmp_path):
    (tmp_path / "results").mkdir()
    for name in ("ablation.png", "ablation_digits.png"):
        shutil.copy(ROOT / "docs" / "curves.png", tmp_path / "results" / name)
    shutil.copy(TEMPLATE, tmp_path / "report.md")
    assert write_pdf(tmp_path / "report.md", tmp_path / "report.pdf") == []
    text = read_pdf(tmp_path / "report.pdf").text
    reader = pypdf.PdfReader(tmp_path / "report.pdf")
    assert {(round(float(page.mediabox.width)), round(float(page.mediabox.height))) for page in reader.pages} == {
        (595, 842)
    }
    assert len(pictures(reader)) == 2
    assert "Copy this file to report.md" not in text  # a comment
    template = TEMPLATE.read_text(encoding="utf-8")
    assert len(template_prompts_left(text, template)) == template.count("> Prompt:") - 1  # one names the convention


def test_all_that_a_report_needs_comes_through(make, tmp_path):
    shutil.copy(ROOT / "docs" / "curves.png", tmp_path / "my curves.png")
    made = make(
        """\
---
title: Ablation of a *network*
author: Žofia O'Brien-Łukasiewicz, Αθηνά (189295)
---
<!-- secret
comment -->

# 1 Introduction
Some **bold** words, `code`, a [link](https://example.org/).
- a list right below

$$H(y, p) = -\\sum_{i=0}^{9} y_i \\log p_i \\qquad \\mathrm{softmax}(z)_i = \\frac{e^{z_i}}{\\sum_j e^{z_j}}$$

| network | accuracy, % |
|---|---:|
| full | 99.19 |
| no. 1 | 98.77 |

: Accuracy of two networks.

![Curves of training](my%20curves.png){width=60%}

```python
h = tf.nn.relu(x)  # (N, 10)
```
"""
    )
    assert made.remarks == []
    assert made.reader.metadata.title == "Ablation of a network"
    assert made.reader.metadata.author == "Žofia O\u2019Brien-Łukasiewicz, Αθηνά (189295)"
    for part in ("Žofia O\u2019Brien-Łukasiewicz, Αθηνά (189295)", "1 Introduction", "bold", "a list right below"):
        assert part in made.text
    assert "Table 1: Accuracy of two networks." in made.text
    assert "Figure 1: Curves of training" in made.text
    assert "h = tf.nn.relu(x) # (N, 10)" in made.text
    assert "∑" in made.text
    assert "\\sum" not in made.text
    assert "secret" not in made.text
    assert accuracies(made.text)["model_no1"] == [0.9877]
    assert len(pictures(made.reader)) == 1


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("results/ablation.png", "the picture results/ablation.png is not there"),
        ("../secret.png", "is outside the report's folder"),
        ("/etc/hostname", "is outside the report's folder"),
        ("link.png", "is outside the report's folder"),
        ("https://example.org/a.png", "is not a file: save it beside the report"),
        ("file:///etc/hostname", "is not a file"),
        ("notes.txt", "is of a kind that can't be set"),
        ("broken.png", "the picture broken.png can't be set: failed to decode image"),
    ],
)
def test_a_picture_that_can_not_be_shown_is_named(link, told, make, tmp_path):
    secret = tmp_path.parent / "secret.png"
    shutil.copy(ROOT / "docs" / "curves.png", secret)
    if link == "link.png":
        (tmp_path / link).symlink_to(secret)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.png").write_text("x")
    with pytest.raises(ReportError) as error:
        make(f"![picture]({link})")
    assert told in str(error.value)
    assert not (tmp_path / "report.pdf").exists()


def test_raw_typst_stays_text_and_reads_nothing(make, tmp_path):
    (tmp_path / "secret.txt").write_text("the combination of the safe")
    shutil.copy(ROOT / "docs" / "curves.png", tmp_path / "a.png")
    read = '#read("/secret.txt")'
    made = make(
        f"""\
---
title: "{read.replace('"', "'")} `{read.replace('"', "'")}`{{=typst}}"
lang: 'en", x: read("/secret.txt'
header-includes: '{read}'
---
```{{=typst}}
{read}
```

`{read}`{{=typst}} [x]{{typst:text:fill="read(1)"}} ![a](a.png){{typst:width="read(2)" width="read(3)"}}

::: {{typst:fill="read(4)"}}
text
:::

$\\text{{" + read("/secret.txt") + "}}$ ${read}$ # {{#a b}} <x> @y
"""
    )
    assert "the combination of the safe" not in made.text
    assert "#read(" in made.text


@pytest.mark.parametrize("rule", ["---", "***", "* * *", "___"])
def test_a_horizontal_rule_is_set(rule, make):
    made = make(f"Hello\n\n{rule}\n\nWorld")
    assert made.remarks == []
    assert "Hello World" in made.text


@pytest.mark.parametrize("between", ["Note: five seeds", "a: b: c", "- item", "Plain words"])
def test_what_stands_between_two_rules_is_text_and_no_second_header(between, make):
    made = make(f"---\ntitle: The title\n---\n\n# Results\n\n---\n{between}\n\n---\n\nEnd")
    assert between.removeprefix("- ") in made.text
    assert made.reader.metadata.title == "The title"
    assert between.removeprefix("- ") in make(f"---\n\n{between}\n\n---\n\nEnd").text


def test_every_minus_is_one_and_every_hyphen_stays(make):
    made = make("| difference |\n|---|\n| -4.59 (-7.54 to -1.64) |\n\nmodel-no1, 2-3, `-1`, 5-fold, [-1, 1]")
    assert "\N{MINUS SIGN}4.59 (\N{MINUS SIGN}7.54 to \N{MINUS SIGN}1.64)" in made.text
    for part in ("model-no1, 2-3, -1", "5-fold, [\N{MINUS SIGN}1, 1]"):
        assert part in made.text


def test_the_cases_of_a_formula_have_room_between_value_and_condition(make, monkeypatch):
    pages = []
    compile_pages = report_pdf._compile
    monkeypatch.setattr(
        report_pdf, "_compile", lambda typst, folder, *rest: (
            pages.append((folder / "report.typ").read_text()) or compile_pages(typst, folder, *rest)
        ),
    )  # fmt: skip
    made = make(r"$$r(x) = \begin{cases} x & x > 0 \\ 0 & \text{otherwise \& nothing}\end{cases}$$")
    assert made.remarks == []
    assert pages[0].count("& quad") == 2


def test_html_pictures_and_formulas_that_fail_are_remarked_on(make):
    made = make('<img src="a.png" width="50%">\n\nA formula: $\\unheard{of}$')
    assert made.remarks == [
        'HTML is left out; write ![caption](file.png) instead of <img src="a.png" width="50%">',
        r"a formula that is not LaTeX stays as it is: \unheard{of}",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "copy report_template.md to that name, and write your report into it; a PDF from any word processor"),
        (b"caf\xe9", "is not in UTF-8 (byte 3): save it in that encoding"),
        (
            b"---\ntitle: a: b\n---\n",
            "at or after line 2 (mapping values are not allowed in this context): put what stands",
        ),
        (b"---\ntitle: ok\nauthor: a: b\n---\n", "at or after line 3 (mapping values are not allowed in this context)"),
        (b'---\ntitle: "a\n---\n', "(while scanning a quoted scalar: found unexpected document indicator)"),
        (b"[see](#nowhere)", "can't be set: label `<nowhere>` does not exist"),
    ],
)
def test_a_report_that_can_not_be_read_is_told_with_the_reason(content, told, tmp_path):
    if content is not None:
        (tmp_path / "report.md").write_bytes(content)
    with pytest.raises(ReportError) as error:
        write_pdf(tmp_path / "report.md", tmp_path / "report.pdf")
    assert told in str(error.value)
    assert not (tmp_path / "report.pdf").exists()


def test_a_pdf_from_elsewhere_is_not_written_over_and_one_from_here_is(make, tmp_path):
    make("first")
    assert "second" in make("second").text
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 from a word processor")
    with pytest.raises(ReportError, match="was not made by this command, so it stays"):
        make("third")
    assert (tmp_path / "report.pdf").read_bytes() == b"%PDF-1.7 from a word processor"


def test_a_pdf_that_can_not_be_written_leaves_the_earlier_one(make, tmp_path, monkeypatch):
    make("first")
    before = (tmp_path / "report.pdf").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("idx_files.os.fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        make("second")
    assert (tmp_path / "report.pdf").read_bytes() == before


def test_missing_packages_are_told_with_the_command_and_the_other_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pypandoc", None)
    monkeypatch.setattr(sys, "argv", ["submit.py", "report", str(tmp_path / "report.md")])
    with pytest.raises(SystemExit) as end:
        submit.main()
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert "pip install -r requirements-report.txt; a PDF from any word processor" in told
    assert len(told.splitlines()) == 1


def test_prompts_that_are_left_are_counted(tmp_path, monkeypatch, capsys):
    (tmp_path / "report.md").write_text("<!-- > Prompt: -->\n> Prompt: what?\n\n> Prompt: why?\n" + FILLER)
    monkeypatch.setattr(sys, "argv", ["submit.py", "report", str(tmp_path / "report.md")])
    with pytest.raises(SystemExit) as end:
        submit.main()
    assert end.value.code == 0
    assert "prompts of the template that are still in it: 2" in capsys.readouterr().err
