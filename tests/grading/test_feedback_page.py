"""feedback.html: all that feedback.md tells, for people; a file that asks for nothing; hostile text that stays text."""

import base64
import hashlib
import html
import itertools
import re
from html.parser import HTMLParser

import pytest

from grading.results.feedback import feedback
from grading.results.feedback_content import LOG_LINES
from grading.results.overruling import Decision
from grading.results.results import mark
from labkit.checks.assignment import load_assignment
from labkit.checks.check import CheckId, failed, passed, skipped, undecided
from labkit.networks import FULL, LAYERS
from labkit.text import printable
from tests.grading.test_results import HOSTILE, result_of
from tests.support.needs import needs

needs("jinja2")
from grading.results.feedback_page import feedback_html  # noqa: E402 # it needs that package

pytestmark = pytest.mark.grading

ASSIGNMENT = load_assignment()
LAYER_TEXTS = {script: tuple(map(str, layers)) for script, layers in LAYERS.items()}
MORE_HOSTILE = [
    "</style><style>* { display: none }</style>",
    "</pre></main></body><script src=//example.org></script>",
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "gpj.\u202efeedback\u2066\u200b\x1b[31m\x00",
    "x" * 3000,
]


class Page(HTMLParser):
    """Reads a page: its text by element, all elements with their attributes, and what its style is."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.within, self.pieces, self.style = [], [], [], ""
        self.feed(page)
        assert self.within == [], "an element that is not closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "wbr"):
            self.within.append(tag)
        if tag not in ("bdi", "strong", "code", "wbr"):
            self.pieces.append(" ")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.within.pop() == tag

    def handle_data(self, data):
        if self.within and self.within[-1] == "style":
            self.style += data
        else:
            self.pieces.append(data)

    @property
    def text(self):
        return " ".join("".join(self.pieces).split())

    def tags(self, *left_out):
        return [tag for tag, _ in self.elements if tag not in left_out]


def sentences(markdown):
    """Return the lines of Markdown, and the cells of its tables, as whoever renders it shows them."""
    lines = []
    for line in markdown.splitlines():
        if line.startswith(("```", "|---")):
            continue
        line = re.sub(r"^(#+ |- |  \d+\. )", "", line)
        lines += [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else [line]
    plain = (html.unescape(re.sub(r"\\(.)", r"\1", line.replace("**", "").replace("`", ""))) for line in lines)
    return [" ".join(line.split()) for line in plain if line.strip()]


def both(result, manual=None, decisions=None, comment=""):
    marks = mark(result, ASSIGNMENT, manual, decisions)
    return feedback(result, marks, ASSIGNMENT, comment), feedback_html(result, marks, ASSIGNMENT, comment)


def of_everything():
    """Make a result with every kind of check."""
    return result_of(
        passed(CheckId("files", "model_no1"), "there"),
        failed(CheckId("files", "report"), "there is no PDF"),
        failed(CheckId("run", "model_no1"), "line 9, `keep_prob * 2`: no number", log="Traceback\n  error: <b>\n"),
        passed(CheckId("architecture", "model_no2"), "right", layers=LAYER_TEXTS["model_no2"]),
        failed(CheckId("architecture", "model_no1"), "all of it", fraction=0.5, layers=LAYER_TEXTS[FULL]),
        undecided(CheckId("architecture", "model_no3"), "a loop", layers=("a convolution", "a cumsum, output 10")),
        skipped(CheckId("training", "model_no1"), "this needs architecture/model_no1 to be right first"),
        failed(CheckId("training", "model_no2"), "accuracy 0.1000", remarks=("a remark of a check",)),
        failed(CheckId("report", "methods"), "ReLU is not treated"),
        remarks=["the name was read tolerantly"],
        late_seconds=90_000.0,
    )


DECISIONS = {CheckId("run", "model_no1"): Decision(1.5, "I ran it"), "malus": Decision(2, "group work")}


@pytest.mark.parametrize(
    "result",
    [
        of_everything(),
        result_of(status="refused", problem="It is a RAR."),
        result_of(status="superseded", problem="another counts"),
        result_of(status="not graded", problem="a stray file"),
        result_of(status="crashed", problem="x"),
    ],
    ids=lambda result: str(result.status),
)
def test_every_sentence_of_the_text_is_in_the_page(result):
    text, page = both(result, {"explanation": 7.5}, DECISIONS, comment="Well written, but for page 2.")
    shown = Page(page).text
    told = sentences(text)
    assert len(told) >= 3
    for sentence in told:
        assert sentence in shown, sentence


def test_the_page_has_the_pictures_and_the_text_has_none():
    text, page = both(of_everything())
    labels = {attributes.get("aria-labelledby", "").split("-")[1] for _, attributes in Page(page).elements
              if "aria-labelledby" in attributes}  # fmt: skip
    assert labels == {"model_no1", "model_no2", "model_no3"}
    assert "<" not in text.replace("<b>", ""), "the log is in a block of code"


@pytest.mark.parametrize("text", [*HOSTILE, *MORE_HOSTILE])
def test_hostile_text_shows_as_it_is_and_makes_no_element_or_attribute(text):
    def page(text):
        checks = [
            failed(CheckId("run", "model_no1"), text, log=text, remarks=(text,)),
            failed(CheckId("architecture", "model_no1"), text, layers=(text,)),
            undecided(CheckId("architecture", "model_no2"), text, layers=(text,)),
            skipped(CheckId("training", "model_no1"), text),
        ]
        result = result_of(*checks, name=text, surname=text, id=text, zip=text, remarks=[text], problem=text)
        decisions = {CheckId("training", "model_no2"): Decision(1, text)}
        return both(result, decisions=decisions, comment=text)[1]

    hostile, harmless = Page(page(text)), Page(page("x"))
    drawn = ("code", "svg", "rect", "text")  # a line of code in a message; boxes are as high as their text
    assert hostile.tags(*drawn) == harmless.tags(*drawn)
    assert set(hostile.tags()) <= {*harmless.tags(), "code"}
    for tag, attributes in hostile.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("href", "src", "style")}
        if tag not in drawn:
            assert (tag, attributes) in harmless.elements
    assert hostile.style == harmless.style
    shown = " ".join(printable(text).split())
    assert hostile.text.replace("`", "").count(shown.replace("`", "")) >= 6
    assert not {"\u202e", "\u2066", "\u200b", "\x1b", "\x00"} & set(page(text))


def test_a_refused_or_unlucky_submission_has_hostile_text_as_text_too():
    for status in ("refused", "superseded", "not graded", "crashed"):
        written = both(result_of(status=status, problem="<script>alert(1)</script>", name="<b>"))[1]
        assert Page(written).text.count("<b> lovelace (189295)") == 1
        assert not {"script", "b"} & set(Page(written).tags()), status


def test_the_page_asks_nobody_for_anything_and_holds_the_browser_to_that():
    written = both(of_everything(), comment="https://example.org/")[1]
    page = Page(written)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|image-set|:/", page.style)
    values = [value for _, attributes in page.elements for name, value in attributes.items() if name != "xmlns"]
    assert not [value for value in values if value and ("//" in value or "url(" in value)]
    assert not {"a", "img", "link", "script", "iframe", "object", "embed", "form", "base"} & set(page.tags())


def test_the_page_reads_well_for_whoever_does_not_see_it():
    page = Page(both(of_everything(), {"explanation": 8}, DECISIONS)[1])
    levels = [int(tag[1]) for tag in page.tags() if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert ("html", {"lang": "en"}) in page.elements
    assert any(attributes.get("name") == "viewport" for _, attributes in page.elements)
    scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert scopes == ["col"] * 3 + ["row"] * (len(of_everything().checks) + 1)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    labels = [a["aria-labelledby"].split() for tag, a in page.elements if "aria-labelledby" in a]
    assert len(ids) == len(set(ids))
    assert {one for label in labels for one in label} == set(ids)


def test_a_long_log_is_shown_by_its_end():
    lines = [f"line {n}" for n in range(100)]
    shown = Page(both(result_of(failed(CheckId("run", "model_no1"), "it fails", log="\n".join(lines))))[1]).text
    assert lines[-LOG_LINES] in shown
    assert lines[-LOG_LINES - 1] not in shown
    assert f"({100 - LOG_LINES} lines before)" in shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme):
    style = Page(both(of_everything())[1]).style
    light, dark = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", rule)) for rule in re.findall(r":root \{([^}]*)", style)[:2]
    )
    colours = light if scheme == "light" else dark

    def luminance(colour):
        """Return the relative luminance of WCAG 2."""
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(*names):
        low, high = sorted(luminance(colours[name]) for name in names)
        return (high + 0.05) / (low + 0.05)

    for behind in ("ground", "soft"):
        assert contrast("ink", behind) >= 7
        assert contrast("wrong", behind) >= 4.5
        assert contrast("line", behind) >= 3, "of what is no text"
