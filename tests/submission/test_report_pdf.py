"""submit.py report: Markdown in, PDF out, and nothing else read or written."""

import re
import shutil
import sys
from types import SimpleNamespace

import pypdf
import pytest

import submit
from labkit.checks.report.accuracies import find_accuracies
from labkit.checks.report.text import read_pdf, template_prompts_left
from labkit.files import WriteError
from labkit.submission import report_markup, report_pdf
from labkit.submission.report_pdf import ReportError, write_pdf
from tests.support.needs import needs
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

TEMPLATE = ROOT / "report_template.md"
FILLER = "\n\nThe network reads digits, and this report says how well it does so. " * 5


@pytest.fixture(autouse=True)
def _programs():
    needs("typst")
    needs("pypandoc")


@pytest.fixture
def make(tmp_path):
    """Return a function that writes report.md, makes its PDF, and returns its text, the remarks, and pypdf's reader."""

    def make(markdown):
        source, target = tmp_path / "report.md", tmp_path / "report.pdf"
        source.write_text(markdown + FILLER, encoding="utf-8")
        remarks = write_pdf(source, target)
        text = read_pdf(target).text
        joined = re.sub(r" (?=[.,])", "", " ".join(text.split()))  # older versions of pypdf see a space before a comma
        return SimpleNamespace(text=joined, rows=text, remarks=remarks, reader=pypdf.PdfReader(target))

    return make


def pictures(reader):
    return [image for page in reader.pages for image in page.images]


@pytest.mark.smoke
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


@pytest.mark.smoke
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
    assert find_accuracies(made.rows).placed["model_no1"] == [0.9877]
    assert len(pictures(made.reader)) == 1


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("../secret.png", "is outside the report's folder"),
        ("/etc/hostname", "is outside the report's folder"),
        ("link.png", "is outside the report's folder"),
        ("notes.txt", "is of a kind that can't be set"),
        ("broken.png", "the picture broken.png can't be set: failed to decode image"),
    ],
)
def test_a_picture_that_can_not_be_shown_is_named(link, message, make, tmp_path):
    secret = tmp_path.parent / "secret.png"
    shutil.copy(ROOT / "docs" / "curves.png", secret)
    if link == "link.png":
        (tmp_path / link).symlink_to(secret)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.png").write_text("x")
    with pytest.raises(ReportError) as error:
        make(f"![picture]({link})")
    assert message in str(error.value)
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


def test_a_picture_that_is_missing_is_a_box_with_its_name_and_a_remark(make, tmp_path):
    made = make("Text.\n\n![caption](results/<b>&ablation.png){width=60%}\n\n- item ![](no%20file.png)")
    (first, second) = made.remarks
    assert first.startswith("line 3: the picture results/<b>&ablation.png is not there (looked for ")
    assert second.startswith("line 5: the picture no file.png is not there")
    assert "missing: results/<b>&ablation.png" in made.text
    assert "missing: no file.png" in made.text
    assert "Figure 1: caption" in made.text
    assert report_pdf.count_missing(tmp_path / "report.pdf") == 2
    assert not report_pdf.is_stale(tmp_path / "report.md", tmp_path / "report.pdf")


@pytest.mark.parametrize("link", ["https://example.org/a.png", "file:///etc/hostname", "data:image/png;base64,AAAA"])
def test_a_picture_that_is_no_file_is_a_box_and_a_remark(link, make, tmp_path):
    made = make(f"Text.\n\n![caption]({link})")
    assert made.remarks == [
        f"line 3: the picture {link} is not a file: save it beside the report, and give its name; "
        "a box stands in its place"
    ]
    assert f"missing: {link}" in made.text
    assert report_pdf.count_missing(tmp_path / "report.pdf") == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 | 3 |\n| 1 | 2 |", {3: 2}),
        ("a | b\n--|--\n1 | 2 | 3\n1 | 2\n1 | 2 | 3 | 4", {3: 2, 5: 2}),
        ("| a | b | c |\n|---|:-:|\n| 1 | 2 |", {1: 2}),
        ("> | a |\n> |---|\n> | 1 | 2 |\n\n| a | b |\n|---|---|\n| 1 | `2` | `3` |", {3: 1, 7: 2}),
        ("| a | b |\n|---|---|\n| 1 | 2 | |\n| `1|2` | \\| |\n| $|x|$ | <i title='|'>r</i> |\n\n1 | 2 | 3", {}),
        ("| a | b |\n|---|---|\n| <a|b> | 1 |\n| $5 | $6 | 7 |", {3: 2, 4: 2}),
        ("```\n| a |\n|---|\n| 1 | 2 |\n```\n<!--\n| a |\n|---|\n| 1 | 2 |\n-->\n\na\n\n---\n", {}),
    ],
)
def test_cells_beyond_a_tables_columns_are_told_with_their_line(text, lines):
    remarks = report_markup.lost_cells(text)
    assert [remark.split(";")[0] for remark in remarks] == [
        f"line {line}: the table has {columns} column{'s' * (columns > 1)}, and what is beyond is lost here"
        for line, columns in lines.items()
    ]


def test_citations_notes_and_commands_that_stay_as_they_are_are_told_with_their_line(make):
    made = make(
        "---\ntitle: Lab\n---\nAs in [@kingma2015], [^1] and [^2]. `[@a]` \\[@b] [@c](#d)\n\n\\newpage\n\n"
        "| a |\n|---|\n| 1 | 2 |\n\n[^1]: A note.\n\n# D\n"
    )
    assert "As in [@kingma2015]," in made.text
    assert [remark.split(";")[0] for remark in made.remarks] == [
        r"line 6: LaTeX outside of a formula stays as it is: \newpage",
        "line 10: the table has 1 column, and what is beyond is lost here",
        "line 4: [@kingma2015] stays as it is",
        "line 4: [^2] stays as it is",
    ]


@pytest.mark.smoke
def test_common_html_is_set_and_the_loss_of_other_is_told_with_its_line(make):
    made = make(
        """\
In results/<script>/seed-<n>/, H<sub>2</sub>O<br>and x<sup>2<b>3</b></sup>. <!-- <div> --> `<div>`

```
<div>code</div>
```
<div>lost
words</div>

<span style="color: red">red</span> <kbd>Ctrl</kbd>"""
    )
    assert "In results/<script>/seed-<n>/, H2O and x23. <div>" in made.text
    assert "red Ctrl" in made.text
    assert made.remarks == [
        "line 6: HTML is left out, with all that stands in it: <div>lost words</div>",
        'line 9: HTML is left out: <span style="color: red">',
        "line 9: HTML is left out: <kbd>",
    ]


@pytest.mark.smoke
def test_formulas_of_notebooks_are_set_too(make):
    made = make(
        "\\begin{align}\na &= \\beta \\\\\nc &= d\n\\end{align}\n\n"
        "Space $ x + \\lambda $, not 5 $ or 6 $ each, `$ x + y $`."
    )
    assert made.remarks == []
    for part in ("a = β", "x + λ, not 5 $ or 6 $ each, $ x + y $."):
        assert part in made.text
    assert "align" not in made.text


@pytest.mark.parametrize(
    ("text", "closed_up"),
    [
        ("$ x + y $", "$x + y$"),
        ("$ n $ and $ a_1$", "$n$ and $a_1$"),
        ("$a$ and $b_1$, $$ a + b $$", None),
        ("5 $ or 6 $ each, and $5 + $6", None),
        ("`$ x + y $`, and \\$ x + y \\$", None),
        ("```\n$ x + y $\n```\n<!-- $ x + y $ -->", None),
        ("An open ` here\n\n$ x + y $ and `code`", "An open ` here\n\n$x + y$ and `code`"),
    ],
)
def test_only_formulas_lose_the_spaces_inside_their_dollar_signs(text, closed_up):
    assert report_markup.close_up_formulas(text) == (closed_up or text)


def test_other_latex_stays_as_it_is_and_is_told_with_its_line(make):
    made = make("Text\n\n\\textbf{bold} in C:\\Users\\ada and \\input{/etc/hostname}")
    assert "\\textbf{bold} in C:\\Users\\ada and \\input{/etc/hostname}" in made.text
    assert made.remarks == [
        r"line 3: LaTeX outside of a formula stays as it is: \textbf{bold}",
        r"line 3: LaTeX outside of a formula stays as it is: \input{/etc/hostname}",
    ]


def test_characters_without_a_font_are_named_with_their_line(make):
    made = make(
        "Alphabets: Žαж∑→é\N{COMBINING ACUTE ACCENT}\n\nNone: \U0010fffd is private, and \U000103a0\u2705 are not here"
    )
    (remark,) = made.remarks
    assert remark.startswith("line 3: no font here has ")
    assert remark.endswith(": a box stands for each")
    assert "\N{WHITE HEAVY CHECK MARK}" in remark


def test_a_link_to_no_heading_is_text_and_told_with_its_line(make):
    made = make("# Here\n\nSee [there](#nowhere) and [here](#here).")
    assert made.remarks == ["line 3: no heading is called #nowhere, so the link to it is left out"]
    assert "See there and here." in made.text


@pytest.mark.parametrize(
    ("lang", "names"), [("it", "Figura Tabella"), ("de-CH", "Abbildung Tabelle"), ('"zzzz"', "Figure Table")]
)
def test_captions_are_in_the_language_of_the_header(lang, names, make, tmp_path):
    shutil.copy(ROOT / "docs" / "curves.png", tmp_path / "a.png")
    made = make(f"---\nlang: {lang}\n---\n\n![one](a.png)\n\n| a |\n|---|\n| b |\n\n: two\n")
    for name in names.split():
        assert f"{name} 1:" in made.text


def test_the_text_behind_a_picture_without_room_moves_up(make, tmp_path):
    shutil.copy(ROOT / "docs" / "ablation.png", tmp_path / "a.png")
    made = make(FILLER * 5 + "\n\n![one](a.png)\n\nBehind the picture. " + FILLER)
    first, second, *_ = [page.extract_text() for page in made.reader.pages]
    assert "Behind the picture." in first
    assert "Figure 1: one" in second


@pytest.mark.parametrize("lines", [36, 37])  # after which there is room for the caption alone
def test_the_caption_of_a_table_is_on_the_page_of_its_first_row(lines, make):
    made = make("Line.\n\n" * lines + "| head |\n|---|\n| a |\n| b |\n\n: caption\n")
    first, second = [page.extract_text() for page in made.reader.pages]
    assert "Table 1:" not in first
    assert "Table 1:" in second
    assert "head" in second


def test_pictures_may_stand_in_lists_quotes_cells_and_notes(make, tmp_path):
    shutil.copy(ROOT / "docs" / "curves.png", tmp_path / "a.png")
    made = make("- item\n\n  ![one](a.png)\n\n> ![two](a.png)\n\nA note.[^1]\n\n[^1]: Note:\n\n    ![three](a.png)\n")
    assert {f"Figure {n}" for n in (1, 2, 3)} <= set(re.findall(r"Figure \d", made.text))


@pytest.mark.smoke
def test_html_pictures_and_formulas_that_fail_are_remarked_on(make):
    made = make('<img src="a.png" width="50%">\n\nA formula: $\\unheard{of}$')
    assert made.remarks == [
        'line 1: HTML is left out; write ![caption](file.png) instead of <img src="a.png" width="50%">',
        r"line 3: a formula that is not LaTeX stays as it is: \unheard{of}",
    ]


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "copy report_template.md to that name, and write your report into it; a PDF from any word processor"),
        (b"caf\xe9", "is not in UTF-8 (byte 3): save it in that encoding"),
        (
            b"---\ntitle: a: b\n---\n",
            "header can't be read, in line 2: a colon can't stand before a space in a text there; put what stands",
        ),
        (b"---\ntitle: ok\nauthor: a: b\n---\n", "in line 3: a colon can't stand before a space"),
        (b'---\ntitle: "a\n---\n', 'in line 2: the quotation mark " is not closed; put'),
        (b"---\ntitle: *Ablation* study\n---\n", "in line 2: a text can't begin with * there; put"),
        (b"---\ntitle: [Draft] Lab\n---\n", "in line 2: a text can't begin with [ there; put"),
        (b"---\nlang: en\nauthor: @ada\n---\n", "in line 3: a text can't begin with @ there; put"),
        (b"---\ntitle: | x\n---\n", "header can't be read, at or after line 2; put what stands"),
    ],
)
def test_a_report_that_can_not_be_read_is_told_with_the_reason(content, message, tmp_path):
    if content is not None:
        (tmp_path / "report.md").write_bytes(content)
    with pytest.raises(ReportError) as error:
        write_pdf(tmp_path / "report.md", tmp_path / "report.pdf")
    assert message in str(error.value)
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

    monkeypatch.setattr("labkit.files.os.fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        make("second")
    assert (tmp_path / "report.pdf").read_bytes() == before


def test_missing_packages_are_told_with_the_command_and_the_other_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pypandoc", None)
    monkeypatch.setattr(sys, "argv", ["submit.py", "report", str(tmp_path / "report.md")])
    with pytest.raises(SystemExit) as end:
        submit.main()
    assert end.value.code == 1
    output = capsys.readouterr().err
    assert "pip install -r requirements-report.txt; a PDF from any word processor" in output
    assert len(output.splitlines()) == 1


def test_prompts_that_are_left_are_counted(tmp_path, monkeypatch, capsys):
    (tmp_path / "report.md").write_text("<!-- > Prompt: -->\n> Prompt: what?\n\n> Prompt: why?\n" + FILLER)
    monkeypatch.setattr(sys, "argv", ["submit.py", "report", str(tmp_path / "report.md")])
    with pytest.raises(SystemExit) as end:
        submit.main()
    assert end.value.code == 0
    assert "prompts of the template that are still in it: 2" in capsys.readouterr().err
