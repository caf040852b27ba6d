"""The picture of a network's layers: equal ones side by side, what differs told in words, text that stays text."""

from collections import Counter
from xml.etree import ElementTree as xml

import pytest

from labkit.checks.assignment import NETWORKS
from labkit.checks.check import Check, CheckId, Status, failed, passed, undecided
from labkit.networks import FULL, LAYERS, REMOVED
from tests.support.needs import needs

needs("jinja2")
from grading.results.layers_picture import Agreement, layers_picture, rows_of  # noqa: E402 # it needs that package

pytestmark = pytest.mark.grading

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = {script: [str(layer) for layer in layers] for script, layers in LAYERS.items()}
GONE = {"model_no1": range(3), "model_no2": range(3, 6), "model_no3": range(6, 8)}  # of the full network's layers
WRONG_WORDS = {"differs", "missing", "not expected", "should be gone"}


def network(script, layers, make=failed):
    return make(CheckId("architecture", script), "a message", layers=tuple(layers))


def drawn(check: Check):
    """Parse a picture; return its root, and the words that are written in it."""
    root = xml.fromstring(layers_picture(check))
    return root, [element.text for element in root.iter(f"{SVG}text")]


def outcomes(script, found):
    return [row.outcome for row in rows_of(script, found)]


@pytest.mark.parametrize("script", NETWORKS)
def test_a_right_network_has_equal_layers_and_the_removed_ones_in_their_place(script):
    expected = [Agreement.GONE if place in GONE[script] else Agreement.EQUAL for place in range(len(LAYERS[FULL]))]
    assert outcomes(script, TEXTS[script]) == expected
    root, words = drawn(network(script, TEXTS[script], passed))
    assert words.count("removed") == 1
    assert not WRONG_WORDS & set(words)
    assert REMOVED[script] in " ".join(words)
    boxes = root.findall(f"{SVG}rect")
    dashed = [box for box in boxes if "stroke-dasharray" in box.attrib]
    assert (len(dashed), len(boxes)) == (1, 1 + 2 * len(LAYERS[script]))
    assert [root.find(f"{SVG}{tag}").text is not None for tag in ("title", "desc")] == [True, True]


def test_equal_layers_stand_at_the_same_height_and_no_box_lies_on_another():
    found = [*TEXTS["model_no2"][:1], "softmax, output 28x28x32", *TEXTS["model_no2"][1:]]
    root, _ = drawn(network("model_no2", found))
    tops = Counter(float(box.get("y")) for box in root.findall(f"{SVG}rect"))
    assert sorted(tops.values()) == [1, 1, *[2] * len(LAYERS["model_no2"])], "what is removed, and the softmax"
    height = float(root.get("viewBox").split()[3])
    for column in ("1.5", "195.5"):
        spans = [(float(box.get("y")), float(box.get("height"))) for box in root.findall(f"{SVG}rect")]
        at = [span for span, box in zip(spans, root.findall(f"{SVG}rect"), strict=True) if box.get("x") == column]
        ends = [top + tall for top, tall in at]
        assert all(end < top for end, (top, _) in zip(ends, at[1:], strict=False))
        assert ends[-1] <= height


def test_a_network_with_all_its_layers_shows_which_should_be_gone():
    whole = outcomes("model_no1", TEXTS[FULL])
    assert whole == [Agreement.KEPT] * 3 + [Agreement.DIFFERS] * 4 + [Agreement.EQUAL] * 2
    _, words = drawn(network("model_no1", TEXTS[FULL]))
    counts = Counter(words)
    assert (counts["should be gone"], counts["removed"], counts["differs"], counts["≠"], counts["="]) == (3, 3, 4, 4, 2)


def test_what_is_missing_and_what_is_too_many_is_told_in_its_place():
    right = TEXTS["model_no3"]
    without_relu = [right[0], *right[2:]]
    assert outcomes("model_no3", without_relu)[:3] == [Agreement.EQUAL, Agreement.MISSING, Agreement.EQUAL]
    with_softmax = [*right, "softmax, output 10"]
    assert outcomes("model_no3", with_softmax)[-2:] == [Agreement.EQUAL, Agreement.EXTRA]
    other = [right[0], "sigmoid, output 28x28x32", *right[2:]]
    assert outcomes("model_no3", other)[:3] == [Agreement.EQUAL, Agreement.DIFFERS, Agreement.EQUAL]
    for found, word in ((without_relu, "missing"), (with_softmax, "not expected"), (other, "differs")):
        assert drawn(network("model_no3", found))[1].count(word) == 1


def test_only_the_layers_that_are_gone_are_called_so_where_one_is_left():
    left = [*TEXTS["model_no2"][:3], "max pooling, output 7x7x64", *TEXTS["model_no2"][3:]]
    assert outcomes("model_no2", left)[3:6] == [Agreement.GONE, Agreement.GONE, Agreement.KEPT]
    _, words = drawn(network("model_no2", left))
    assert "convolution, ReLU" in words
    assert REMOVED["model_no2"] not in " ".join(words)


def test_a_network_that_could_not_be_read_is_shown_without_a_verdict():
    root, words = drawn(network("model_no1", [TEXTS["model_no1"][0], "a cumsum, output 10"], undecided))
    assert "seen" in words
    assert not WRONG_WORDS & set(words)
    assert {box.get("class") for box in root.findall(f"{SVG}rect")} == {"right"}


def test_there_is_no_picture_without_layers_or_of_another_check():
    assert layers_picture(network("model_no1", [])) == ""
    assert layers_picture(Check(CheckId("run", "model_no1"), Status.FAILED, "", layers=("a",))) == ""
    assert layers_picture(network("of somebody's own", ["a"])) == ""


@pytest.mark.parametrize(
    "text", ["</text><script>alert(1)</script>", "&lt;b&#62; \"'", "a\u202eb\x1b[31m\x00", "字" * 99]
)
def test_untrusted_text_is_text_and_stays_within_its_box(text):
    root, _ = drawn(network("model_no1", [text, f"relu, {text}", *TEXTS["model_no1"]]))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "desc", "rect", "text"}
    picture = layers_picture(network("model_no1", [text]))
    assert not {"\u202e", "\x1b", "\x00"} & set(picture)
    assert "<script" not in picture
    for box in root.findall(f"{SVG}svg"):
        assert box.get("overflow") == "hidden"
        assert all(len(line.text) <= 46 for line in box)


def test_a_picture_is_bounded_whatever_was_found():
    picture = layers_picture(network("model_no1", [f"layer {'x' * 1_000_000} {n}" for n in range(1000)]))
    assert len(picture) < 40_000
