"""Telling a method that is treated from one that is just named, however a report is divided."""

import re
from pathlib import Path

import pytest

from labkit.checks.assignment import load_assignment
from labkit.checks.report.languages import chosen
from labkit.checks.report.letters import illegible
from labkit.checks.report.methods import METHODS, MISSING, TREATED, UNCLEAR, find_methods
from labkit.checks.report.rules import ReportContent, judge

pytestmark = pytest.mark.submit

ABOUT = {
    "convolution": (
        "A filter of 5x5 weights is laid over each pixel; the products of weights and pixels are summed, and a "
        "bias is added. The same weights are used all over the image, because a stroke looks the same wherever it "
        "is. With SAME padding the edges are filled with zeros, so that the image keeps its size."
    ),
    "max pooling": (
        "Of each square of 2x2 values only the largest is kept. Height and width are halved, so the layers after "
        "it have a quarter of the values to look at, and a stroke that moves by a pixel gives nearly the same "
        "output. What is lost is the exact place of the stroke, which matters little for a digit."
    ),
    "ReLU": (
        "It returns the larger of zero and its input. Without such a function in between, any number of layers "
        "would be one linear map and could be replaced by a single matrix. Compared with the sigmoid it does not "
        "saturate for large inputs, so gradients do not vanish on their way back."
    ),
    "dropout": (
        "While training, each unit of the fully connected layer is set to zero with probability one half, anew for "
        "every batch. The others are divided by the probability to be kept, so that the expected sum stays the "
        "same. No unit can rely on a particular other one, which works against overfitting."
    ),
    "softmax and cross-entropy": (
        "The last layer gives ten logits. The exponential of each is divided by their sum, which makes a "
        "probability distribution of them. The loss is the negative logarithm of the probability of the right "
        "digit. It has a useful gradient everywhere, which the number of mistakes has not."
    ),
}
NAMES = dict(zip(METHODS, ("Convolution", "Max pooling", "ReLU", "Dropout", "Softmax and cross-entropy"), strict=True))
ASKED = dict(zip(METHODS, ("What is convolution?", "Why max pooling?", "What is a ReLU?"), strict=False)) | {
    "dropout": "How does dropout work?",
    "softmax and cross-entropy": "What are softmax and cross-entropy?",
}
OTHER = {
    "convolution": "Faltung",
    "max pooling": "Pooling",
    "ReLU": "Activation function",
    "dropout": "Regularisation",
    "softmax and cross-entropy": "Output layer and loss",
}


def report(methods):
    return f"1 Introduction\nThe task is to read digits.\n2 Methods\n{methods}\n3 Experiments\nAll were trained alike."


def wrapped(text, width=70):
    words, lines = text.split(), [""]
    for word in words:
        lines[-1] = f"{lines[-1]} {word}".strip()
        if len(lines[-1]) > width:
            lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda n, m: f"2.{n} {NAMES[m]}\n{wrapped(ABOUT[m])}", id="headings"),
        pytest.param(lambda n, m: f"{NAMES[m]}\n{wrapped(ABOUT[m])}", id="headings without numbers"),
        pytest.param(lambda n, m: wrapped(f"{NAMES[m]}. {ABOUT[m]}"), id="run-in headings"),
        pytest.param(lambda n, m: wrapped(f"{NAMES[m]}: {ABOUT[m]}"), id="run-in headings with a colon"),
        pytest.param(lambda n, m: f"\u2022 {NAMES[m]}:\n{wrapped(ABOUT[m])}", id="bullets with a paragraph below"),
        pytest.param(lambda n, m: wrapped(f"\u2022 {NAMES[m]}: {ABOUT[m]}"), id="bullets"),
        pytest.param(lambda n, m: wrapped(f"Then comes {NAMES[m].lower()}. {ABOUT[m]}"), id="flowing text"),
        pytest.param(lambda n, m: f"2.{n} {OTHER[m]}\n{wrapped(ABOUT[m])}", id="other headings"),
        pytest.param(lambda n, m: f"{ASKED[m]}\n{wrapped(ABOUT[m])}", id="questions"),
        pytest.param(lambda n, m: f"{'Conv layers' if n == 1 else NAMES[m]}\n{wrapped(ABOUT[m])}", id="conv layers"),
        pytest.param(lambda n, m: f"{'I' * n}. {NAMES[m].upper()}\n{wrapped(ABOUT[m], 40)}", id="narrow columns"),
    ],
)
def test_every_method_is_treated_in_whatever_form_it_is_explained(form):
    text = report("\n".join(form(n, method) for n, method in enumerate(METHODS, 1)))
    assert find_methods(text) == dict.fromkeys(METHODS, TREATED)


@pytest.mark.parametrize("left_out", METHODS)
def test_a_method_that_is_left_out_is_missing_and_the_others_are_not(left_out):
    for form in ("2.1 {}\n{}", "{}. {}"):
        text = report("\n".join(form.format(NAMES[m], wrapped(ABOUT[m])) for m in METHODS if m != left_out))
        assert find_methods(text) == {m: MISSING if m == left_out else TREATED for m in METHODS}


REPORTS = {
    "English": "lab_report",
    "Italian": "relazione",
    "German": "bericht",
    "Spanish": "informe",
    "French": "rapport",
}


def sections_of(kind):
    """Return the five sections on methods of a report in reports/: headings and texts."""
    text = Path(__file__).with_name("reports").joinpath(f"{kind}.txt").read_text(encoding="utf-8")
    return re.findall(r"^# (2\.\d .+)\n\n(.+)$", text, re.MULTILINE)


SPOKEN = [pytest.param(language, sections_of(kind), id=language) for language, kind in REPORTS.items()]


def as_sections(sections):
    return report("\n".join(f"{heading}\n{wrapped(text)}" for heading, text in sections))


@pytest.mark.parametrize(("language", "sections"), SPOKEN)
def test_every_method_is_treated_in_each_language_by_itself_and_among_all(language, sections):
    for languages in (chosen([language]), chosen()):
        assert find_methods(as_sections(sections), languages) == dict.fromkeys(METHODS, TREATED)


@pytest.mark.parametrize(("language", "sections"), SPOKEN)
def test_every_method_is_treated_in_each_language_in_flowing_text(language, sections):
    text = wrapped(" ".join(f"{heading.split(' ', 1)[1]}. {text}" for heading, text in sections))
    assert find_methods(report(text), chosen([language])) == dict.fromkeys(METHODS, TREATED)


@pytest.mark.parametrize("left_out", range(len(METHODS)))
@pytest.mark.parametrize(("language", "sections"), SPOKEN)
def test_a_method_that_is_left_out_is_missing_in_each_language(language, sections, left_out):
    found = find_methods(as_sections(sections[:left_out] + sections[left_out + 1 :]))
    assert found == {method: MISSING if n == left_out else TREATED for n, method in enumerate(METHODS)}


@pytest.mark.parametrize(("language", "sections"), [spoken for spoken in SPOKEN if spoken.id != "English"])
def test_headings_in_each_language_over_words_of_something_else_are_left_to_the_instructor(language, sections):
    filler = [(heading, FILLER * 4) for heading, _ in sections]
    assert TREATED not in find_methods(as_sections(filler)).values()


@pytest.mark.parametrize(("language", "sections"), [spoken for spoken in SPOKEN if spoken.id != "English"])
def test_a_method_that_is_explained_without_its_name_is_not_missing_in_any_language(language, sections):
    found = find_methods(report("\n".join(wrapped(text) for _, text in sections)), chosen([language]))
    assert MISSING not in found.values()


@pytest.mark.parametrize(("language", "sections"), [spoken for spoken in SPOKEN if spoken.id != "English"])
def test_a_report_in_a_language_that_the_assignment_does_not_name_is_left_to_the_instructor(language, sections):
    text = as_sections(sections) * 2
    assert not illegible(text, chosen([language]))
    assert "in none of the languages" in illegible(text, chosen(["English"]))


def test_a_method_that_is_explained_without_its_name_is_unclear():
    verdicts = find_methods(report("\n".join(wrapped(about) for about in ABOUT.values())))
    assert set(verdicts.values()) <= {UNCLEAR, TREATED}
    assert verdicts["max pooling"] == verdicts["dropout"] == UNCLEAR


FILLER = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore. "
)


def check(text, **changes):
    fields = {"pages": 3, "text": text, "introduction": True, "prompts": [], "accuracies": {}} | changes
    return {
        check.name: check for check in judge(ReportContent(methods=find_methods(text), **fields), load_assignment(), {})
    }["report/methods"]


def test_a_line_of_a_paragraph_that_names_a_method_after_a_break_is_no_heading():
    text = (
        "L'ultimo strato usa la softmax, che dai dieci logit ricava probabilità\n"
        "tramite l'esponenziale e la divisione per la somma. Si minimizza la\n"
        "cross-entropy: il logaritmo negativo della probabilità assegnata\n"
        "alla classe corretta."
    )
    assert find_methods(text)["softmax and cross-entropy"] == TREATED


def test_headings_over_filler_do_not_pass():
    found = check(report("\n".join(f"2.1 {name}\n{wrapped(FILLER * 4)}" for name in NAMES.values())))
    assert found.status == "undecided"
    assert "there seems to be something about convolution, max pooling, ReLU, dropout" in found.message


def test_methods_that_are_just_named_fail_with_partial_credit():
    text = report(
        f"2.1 Convolution\n{wrapped(ABOUT['convolution'])}\nThen we use max pooling, ReLU, dropout and softmax."
    )
    found = check(text)
    assert (found.status, found.fraction) == ("failed", 0.2)
    assert "not there, or just named: max pooling, ReLU, dropout, softmax and cross-entropy" in found.message
