"""The pictures: what they show, their legibility in black and white, and that no display is ever needed."""

import errno
import functools
import gc
import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import colormaps, pyplot
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

import plotter

pytestmark = pytest.mark.plotter

ROOT = Path(plotter.__file__).parent
DATASET = "synthetic digits"


def weights(seed=0):
    return np.random.default_rng(seed).normal(size=(784, 10)).astype(np.float32)


def answers(n, wrong):
    """Return labels and predictions of n digits; the first `wrong` predictions are one too high."""
    labels = np.arange(n) % 10
    return labels, np.where(np.arange(n) < wrong, (labels + 1) % 10, labels)


def digits(n):
    return np.random.default_rng(1).random((n, 784), dtype=np.float32)


HISTORY = [
    {"step": 10 * n, "loss": 2.3 / n, "seconds": 1.5 * n, "validation_accuracy": 0.9 + n / 1000 if n % 2 else None}
    for n in range(1, 8)
]
FURTHER = [
    {"step": step, "loss": 0.1, "seconds": 1.0, "validation_accuracy": accuracy}
    for step, accuracy in ((0, 0.1), (500, 0.97), (510, None), (1000, 0.99), (1500, 0.995))
]
LAYERS = {
    "h_conv1": np.random.default_rng(2).random((28, 28, 32)),
    "h_pool2": np.random.default_rng(3).random((7, 7, 80)),
    "h_fc1": np.random.default_rng(4).random(1024),
    "logits": np.random.default_rng(5).normal(size=10),
}
DIGIT_ERRORS = {name: np.linspace(0, n, 10) for n, name in enumerate(("full", "no. 1", "no. 2", "no. 3"), 1)}


def networks(seeds):
    """Return four networks of as many seeds, as plot_comparison takes them."""
    found = {}
    for n, name in enumerate(DIGIT_ERRORS):
        accuracies = 99.2 - 0.1 * n + 0.01 * np.arange(seeds)
        found[name] = {
            "accuracies": accuracies,
            "interval": (accuracies.mean() - 0.03, accuracies.mean() + 0.05) if seeds > 1 else None,
            "seconds": 10.0 + 3 * n + np.arange(seeds),
            "histories": [[row | {"loss": row["loss"] * (n + 1) + seed} for row in HISTORY] for seed in range(seeds)],
        }
    return found


PICTURES = {
    "mnist_weights": lambda path: plotter.plot_mnist_weights(weights(), path, dataset=DATASET),
    "filters": lambda path: plotter.plot_filters(np.ones((5, 5, 1, 32)), path, name="W_conv1", dataset=DATASET),
    "kernels": lambda path: plotter.plot_filters(np.ones((5, 5, 32, 64)), path, name="W_conv2", dataset=DATASET),
    "feature_maps": lambda path: plotter.plot_feature_maps(digits(1)[0], LAYERS, path, dataset=DATASET),
    "curves": lambda path: plotter.plot_curves(HISTORY, path, dataset=DATASET),
    "confusion": lambda path: plotter.plot_confusion(*answers(10_000, 800), path, dataset=DATASET),
    "mistakes": lambda path: plotter.plot_mistakes(digits(100), *answers(100, 75), path, dataset=DATASET),
    "comparison": lambda path: plotter.plot_comparison(networks(5), path, dataset=DATASET),
    "one_seed": lambda path: plotter.plot_comparison(networks(1), path, dataset=DATASET),
    "digit_errors": lambda path: plotter.plot_digit_errors(DIGIT_ERRORS, path, dataset=DATASET),
    "distortions": lambda path: plotter.plot_distortions(digits(10), [digits(10)] * 7, path, dataset=DATASET),
    "images_seen": lambda path: plotter.plot_images_seen(
        FURTHER, 256, path, committee=[0.995, 0.9962], dataset=DATASET
    ),
    "shared_mistakes": lambda path: plotter.plot_shared_mistakes(
        digits(100),
        answers(100, 75)[0],
        np.stack([answers(100, wrong)[1] for wrong in (75, 30, 50)]),
        path,
        dataset=DATASET,
    ),
    "no_mistakes": lambda path: plotter.plot_mistakes(digits(100), *answers(100, 0), path, dataset=DATASET),
}
every_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())


@pytest.fixture(scope="module")
def picture_of(tmp_path_factory):
    """Return a function that draws each picture once, in a file."""
    folder = tmp_path_factory.mktemp("pictures")
    return functools.cache(lambda draw: draw(folder / f"{id(draw)}.png"))


@pytest.fixture
def drawn(monkeypatch):
    """Return a list to which each Figure is appended in place of being saved."""
    figures = []
    monkeypatch.setattr(plotter, "save_figure", lambda figure, path: figures.append(figure) or path)
    return figures


def title(figure):
    return figure.get_suptitle()


def luminance(rgb):
    """Return the relative luminance of sRGB colours, as WCAG 2 defines it; `rgb` is (..., 3) from 0 to 1."""
    rgb = np.asarray(rgb, dtype=np.float64)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


# The weights of the softmax regression


def test_weights_are_ten_panels_of_28x28_titled_by_digit(drawn):
    W = weights()
    plotter.plot_mnist_weights(W, "w.png")
    panels = drawn[0].axes[:10]
    assert [axes.get_title() for axes in panels] == list("0123456789")
    for digit, axes in enumerate(panels):
        np.testing.assert_array_equal(axes.images[0].get_array(), W[:, digit].reshape(28, 28))


def test_weights_share_one_scale_centred_on_zero_and_one_colour_bar(drawn):
    W = np.full((784, 10), -0.25)
    W[100, 3] = 2.0
    plotter.plot_mnist_weights(W, "w.png")
    assert {axes.images[0].get_clim() for axes in drawn[0].axes[:10]} == {(-2.0, 2.0)}
    assert len(drawn[0].axes) == 11


def test_a_known_weight_gets_its_colour_at_its_place(tmp_path, monkeypatch):
    figures, save = [], plotter.save_figure
    monkeypatch.setattr(plotter, "save_figure", lambda figure, path: figures.append(figure) or save(figure, path))
    W = np.zeros((784, 10))
    W[3 * 28 + 5, 7] = 1.0  # row 3, column 5
    W[20 * 28 + 11, 2] = -1.0
    picture = imread(plotter.plot_mnist_weights(W, tmp_path / "w.png"))[:, :, :3]

    def colour(digit, row, column):
        left, bottom, width, height = figures[0].axes[digit].get_position().bounds
        x = left + width * (column + 0.5) / 28
        y = 1 - (bottom + height * (1 - (row + 0.5) / 28))
        return picture[int(y * picture.shape[0]), int(x * picture.shape[1])]

    np.testing.assert_allclose(colour(7, 3, 5), to_rgb("#fff6c9"), atol=0.01)
    np.testing.assert_allclose(colour(2, 20, 11), to_rgb("#061240"), atol=0.01)
    np.testing.assert_allclose(colour(2, 3, 5), to_rgb("#868686"), atol=0.01)


def test_untrained_weights_can_be_drawn(drawn):
    plotter.plot_mnist_weights(np.zeros((784, 10)), "w.png")
    assert drawn[0].axes[0].images[0].get_clim() == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "mistake"),
    [
        ((1024, 10), "last layer.*1024 inputs are features"),
        ((3136, 10), "last layer.*3136 inputs are features"),
        ((10, 784), "transposed"),
        ((28, 28, 10), "reshaped"),
        ((7840,), "reshaped"),
        ((10,), "softmax_mnist.py"),
        ((), "softmax_mnist.py"),
    ],
)
def test_weights_of_another_shape_are_told_with_the_likely_mistake(shape, mistake):
    with pytest.raises(ValueError, match=mistake) as raised:
        plotter.plot_mnist_weights(np.zeros(shape), "w.png")
    assert str(shape) in str(raised.value)


def test_a_forgotten_call_of_numpy_is_told():
    class Variable:
        def numpy(self):
            return weights()

    with pytest.raises(ValueError, match=r"add the brackets, as in W\.numpy\(\)"):
        plotter.plot_mnist_weights(Variable().numpy, "w.png")
    with pytest.raises(ValueError, match=r"Variable without numbers.*pass W\.numpy\(\)"):
        plotter.plot_mnist_weights(Variable(), "w.png")


def test_tensors_are_drawn_and_symbolic_ones_told(tmp_path):
    tf = pytest.importorskip("tensorflow")
    expected = plotter.plot_mnist_weights(weights(), tmp_path / "array.png").read_bytes()
    variable = tf.Variable(weights())
    for name, W in {"tensor": tf.constant(weights()), "variable": variable}.items():
        assert plotter.plot_mnist_weights(W, tmp_path / f"{name}.png").read_bytes() == expected
    plotter.plot_filters(tf.ones((5, 5, 1, 32), tf.bfloat16), tmp_path / "bfloat16.png")

    @tf.function
    def step():
        for W in (variable, variable + 1):
            with pytest.raises(ValueError, match=r"without numbers: outside of tf\.function"):
                plotter.plot_mnist_weights(W, tmp_path / "symbolic.png")

    step()


def test_weights_that_are_not_finite_are_told():
    W = weights()
    W[5, 5], W[6, 6] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 7,840 numbers in W are not finite"):
        plotter.plot_mnist_weights(W, "w.png")


# Filters and feature maps


def test_each_filter_stands_in_its_tile_under_its_number(drawn):
    W_conv = np.random.default_rng(0).normal(size=(5, 5, 1, 32))
    plotter.plot_filters(W_conv, "f.png", name="W_conv1")
    axes = drawn[0].axes[0]
    sheet, pitch = axes.images[0].get_array(), 5 + 2 + 1  # a tile, two pixels for its number, one of space
    np.testing.assert_array_equal(sheet[pitch + 2 : pitch + 7, 18:23], W_conv[:, :, 0, 11])  # second row, fourth
    number = axes.texts[11]
    assert (number.get_text(), number.get_position()) == ("11", (20, pitch + 1))
    assert title(drawn[0]) == "W_conv1: 32 filters of 5x5"


def test_later_filters_are_columns_of_kernels_and_the_title_says_how_many(drawn):
    W_conv = np.random.default_rng(0).normal(size=(5, 5, 32, 64))
    plotter.plot_filters(W_conv, "f.png", name="W_conv2")
    sheet = drawn[0].axes[0].images[0].get_array()
    assert sheet.shape == (8 * 6 - 1, 16 * 6 - 1)
    np.testing.assert_array_equal(sheet[6 * 3 : 6 * 3 + 5, 6 * 9 : 6 * 9 + 5], W_conv[:, :, 3, 9])
    assert np.ma.getmaskarray(np.ma.masked_invalid(sheet))[5].all()
    assert "the first 16 of 64 filters" in title(drawn[0])
    assert "the first 8 of 32 input channels" in title(drawn[0])


@pytest.mark.parametrize("shape", [(784, 10), (32,), (5, 5, 1, 0)])
def test_filters_of_another_shape_are_told(shape):
    with pytest.raises(ValueError, match=r"filters are \(height, width, in, out\)"):
        plotter.plot_filters(np.zeros(shape), "f.png")


def test_each_layer_is_a_block_in_the_order_given(drawn):
    PICTURES["feature_maps"]("m.png")
    blocks = drawn[0].axes[::2]  # every other one is a colour bar
    assert [axes.get_title(loc="left") for axes in blocks] == [
        "input: 28x28",
        "h_conv1: 32 maps of 28x28",
        "h_pool2: the first 64 of 80 maps of 7x7",
        "h_fc1: 1,024 values",
        "logits: 10 values",
    ]
    tops = [axes.get_position().y1 for axes in blocks]
    assert tops == sorted(tops, reverse=True)
    np.testing.assert_array_equal(blocks[2].images[0].get_array()[8:15, 24:31], LAYERS["h_pool2"][:, :, 16 + 3])


def test_a_layer_with_negative_values_gets_the_scale_centred_on_zero(drawn):
    PICTURES["feature_maps"]("m.png")
    conv1, logits = drawn[0].axes[2].images[0], drawn[0].axes[8].images[0]
    assert conv1.get_clim() == (0, LAYERS["h_conv1"].max())
    assert logits.get_clim() == (-abs(LAYERS["logits"]).max(), abs(LAYERS["logits"]).max())


def test_the_values_of_a_short_vector_are_numbered_and_maps_of_one_pixel_are_not(drawn):
    layers = {"h_pool3": np.ones((1, 1, 16)), "logits": np.ones(10), "score": np.ones(1)}
    plotter.plot_feature_maps(digits(1)[0], layers, "m.png", dataset=DATASET)
    _, maps, logits, score = drawn[0].axes[::2]
    assert list(maps.get_xticks()) == []
    assert maps.get_title(loc="left") == "h_pool3: 16 maps of 1x1"
    assert list(logits.get_xticks()) == list(range(10))
    assert score.get_title(loc="left") == "score: 1 value"


def test_the_scale_of_large_outputs_is_not_cut_off(tmp_path):
    layers = {"h_fc1": 12_345 * LAYERS["h_fc1"], "logits": 1e-5 * LAYERS["logits"]}
    picture = imread(plotter.plot_feature_maps(digits(1)[0] * 255, layers, tmp_path / "m.png", dataset=DATASET))
    assert (picture[:, -3:, :3] == 1).all()


def test_a_batch_in_place_of_one_digit_is_told():
    with pytest.raises(ValueError, match=r"image has shape \(2, 784\).*images\[0\]"):
        plotter.plot_feature_maps(digits(2), LAYERS, "m.png", dataset=DATASET)
    with pytest.raises(ValueError, match=r"h_conv1 has shape \(1, 28, 28, 32\).*h_conv1\[0\]"):
        plotter.plot_feature_maps(digits(1)[0], {"h_conv1": np.ones((1, 28, 28, 32))}, "m.png", dataset=DATASET)


# Results


def test_curves_show_the_loss_of_each_step_and_the_accuracy_where_measured(drawn):
    plotter.plot_curves(HISTORY, "c.png", dataset=DATASET)
    loss, accuracy = drawn[0].axes
    np.testing.assert_allclose(loss.lines[0].get_xydata(), [[10 * n, 2.3 / n] for n in range(1, 8)])
    np.testing.assert_allclose(accuracy.lines[0].get_xydata(), [[10 * n, 0.9 + n / 1000] for n in (1, 3, 5, 7)])
    assert loss.get_yscale() == "log"
    assert "nats" in loss.get_ylabel()
    assert "fraction" in accuracy.get_ylabel()
    assert "step" in accuracy.get_xlabel()
    assert accuracy.get_title(loc="right") == "best 0.9070, last 0.9070"
    assert "70 steps in 10 s" in title(drawn[0])  # 10.5 s; Python rounds half to even
    assert loss.lines[0].get_linestyle() != accuracy.lines[0].get_linestyle()


def test_curves_begin_before_training_and_set_training_beside_validation_images(drawn):
    measured = [(0, None, 0.1, 0.09), (10, 0.7, None, None), (20, 0.5, 0.99, 1.0)]
    fields = ("step", "loss", "validation_accuracy", "train_accuracy")
    curve = [dict(zip(fields, values, strict=True)) | {"seconds": values[0] / 10} for values in measured]
    plotter.plot_curves(curve, "c.png", dataset=DATASET)
    loss, accuracy = drawn[0].axes
    assert notes(loss) == []  # a loss before training is not missing
    validation, training = accuracy.lines
    np.testing.assert_allclose(validation.get_xydata(), [[0, 0.1], [20, 0.99]])
    np.testing.assert_allclose(training.get_xydata(), [[0, 0.09], [20, 0.9995]])  # 1 is at infinity
    assert accuracy.get_yscale() == "logit"
    assert accuracy.get_title(loc="right") == "before training 0.1000, best 0.9900, last 0.9900"
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["validation images", "training images"]
    figure = drawn[0]
    plotter.FigureCanvasAgg(figure).draw()
    boxes = [label.get_window_extent() for label in accuracy.get_yticklabels() if label.get_text()]
    assert len(boxes) > 5
    assert all(upper.y0 > lower.y1 for lower, upper in itertools.pairwise(sorted(boxes, key=lambda box: box.y0)))


def history(losses):
    return [{"step": 10 * n, "loss": loss, "seconds": 0.1 * n} for n, loss in enumerate(losses, 1)]


def notes(axes):
    return [" ".join(text.get_text().split()) for text in axes.texts]


@pytest.mark.parametrize(("losses", "step"), [([np.nan, np.nan], 10), ([2.3, 9.0, np.inf, np.nan], 30)])
def test_a_panel_says_why_a_loss_or_an_accuracy_is_missing(losses, step, drawn):
    plotter.plot_curves(history(losses), "c.png", dataset=DATASET)
    loss, accuracy = drawn[0].axes
    assert notes(loss) == [f"The loss is not a finite number in step {step}: did training diverge?"]
    assert notes(accuracy) == ["The validation accuracy was not measured."]
    assert len(accuracy.lines[0].get_xdata()) == 0
    assert accuracy.get_title(loc="right") == "not measured"


def test_panels_that_miss_nothing_say_nothing(drawn):
    PICTURES["curves"]("c.png")
    PICTURES["comparison"]("c.png")
    assert [notes(axes) for figure in drawn for axes in figure.axes] == [[]] * 6


def test_one_step_is_a_step(drawn):
    plotter.plot_curves([{"step": 1, "loss": 2.3, "seconds": 0.1}], "c.png", dataset=DATASET)
    assert title(drawn[0]) == f"Training on {DATASET}: 1 step in 0 s"


@pytest.mark.parametrize(
    ("highest", "lowest"), [(1, 1e-12), (2.3, 0.003), (2.3, 0.49), (0.52, 0.51), (300, 2), (0.97, 0.12), (5.1, 5.1)]
)
def test_labels_of_a_logarithmic_axis_are_several_and_do_not_overlap(highest, lowest, drawn):
    plotter.plot_curves(history(np.geomspace(highest, lowest, 30)), "c.png", dataset=DATASET)
    check_labels(drawn[0], 0)


def test_so_they_are_in_a_comparison(drawn):
    compared = networks(1)
    for network in compared.values():
        network["histories"] = [history(np.geomspace(2.3, 0.49, 30))]
    plotter.plot_comparison(compared, "c.png", dataset=DATASET)
    check_labels(drawn[0], 2)


def check_labels(figure, panel):
    plotter.FigureCanvasAgg(figure).draw()
    axes = figure.axes[panel]
    inside = axes.get_window_extent()
    boxes = [
        label.get_window_extent()
        for label in axes.get_yticklabels(which="both")
        if label.get_text() and inside.y0 <= np.mean(label.get_window_extent().intervaly) <= inside.y1
    ]
    boxes.sort(key=lambda box: box.y0)
    assert axes.get_yscale() == "log"
    assert len(boxes) >= 2
    assert all(upper.y0 > lower.y1 for lower, upper in itertools.pairwise(boxes))


@pytest.mark.parametrize("history", [[], [{"step": 1}], {"history": []}])
def test_a_history_that_is_none_is_told(history):
    with pytest.raises(ValueError, match="history must be a list of at least one dict with step, loss and seconds"):
        plotter.plot_curves(history, "c.png", dataset=DATASET)


def test_confusion_counts_truth_by_row_and_guess_by_column(drawn):
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 10, (2, 500)).astype(np.uint8)
    plotter.plot_confusion(labels, predictions, "c.png", dataset=DATASET)
    axes = drawn[0].axes[0]
    assert "truth" in axes.get_ylabel()
    for text in axes.texts:
        guess, truth = text.get_position()
        expected = sum(1 for a, b in zip(labels, predictions, strict=True) if (a, b) == (truth, guess))
        assert int(text.get_text()) == expected
    assert f"accuracy {sum(labels == predictions) / 500:.4f} (500 images, {DATASET})" in title(drawn[0])


def test_confusion_colours_the_mistakes_alone_and_every_count_is_legible(drawn):
    counts = np.diag([900] * 10)
    counts[4] = [0, 4, 8, 11, 900, 13, 15, 17, 19, 20]  # mistakes of every shade
    labels = np.repeat(np.arange(100) // 10, counts.ravel())
    predictions = np.repeat(np.arange(100) % 10, counts.ravel())
    plotter.plot_confusion(labels, predictions, "c.png", dataset=DATASET)
    axes = drawn[0].axes[0]
    shares = axes.images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(shares)).diagonal().all()
    assert axes.images[0].get_clim()[1] == pytest.approx(100 * 20 / counts[4].sum())
    for text in axes.texts:
        guess, truth = text.get_position()
        cell = axes.get_facecolor() if guess == truth else axes.images[0].to_rgba(shares[truth, guess])
        bright, dark = sorted(luminance([cell[:3], to_rgb(text.get_color())]), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 3, f"the count in row {truth}, column {guess} is hard to read"


def test_mistakes_are_the_first_ones_in_order_under_guess_and_truth(drawn):
    images, (labels, predictions) = digits(100), answers(100, 75)
    plotter.plot_mistakes(images, labels, predictions, "m.png", dataset=DATASET)
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.texts] == [f"{(n + 1) % 10}, not {n % 10}" for n in range(60)]
    assert "the first 60 of 75 mistakes" in title(drawn[0])
    row, column = 42 + 8, 3 * 34  # digit 13: second row, fourth; pitch 8 + 28 + 6 and 28 + 6
    tile = axes.images[0].get_array()[row : row + 28, column : column + 28]
    np.testing.assert_allclose(tile, images[13].reshape(28, 28))


def test_distorted_digits_stand_below_the_digit_that_they_were(drawn):
    images, other = digits(3), digits(6)[3:]
    plotter.plot_distortions(images, [other, images], "d.png", dataset=DATASET)
    sheet = drawn[0].axes[0].images[0].get_array()
    for row, expected in enumerate((images, other, images)):
        tile = sheet[32 * row : 32 * row + 28, 64 : 64 + 28]  # the third; 28 pixels and 4 between
        np.testing.assert_allclose(tile, expected[2].reshape(28, 28))


def test_distortions_of_other_digits_than_there_are_is_told():
    with pytest.raises(ValueError, match=r"\(3, 784\), \(2, 784\)\]; each must be"):
        plotter.plot_distortions(digits(3), [digits(2)], "d.png", dataset=DATASET)


def test_accuracy_stands_over_the_images_seen_and_a_committee_has_seen_those_of_each(drawn):
    plotter.plot_images_seen(FURTHER, 256, "i.png", committee=[0.994, 0.9962], dataset=DATASET)
    (axes,) = drawn[0].axes
    one, votes, *goals = axes.lines
    np.testing.assert_allclose(one.get_xydata(), [[128_000, 0.97], [256_000, 0.99], [384_000, 0.995]])
    np.testing.assert_allclose(votes.get_xydata(), [[384_000, 0.994], [768_000, 0.9962]])
    assert [goal.get_ydata()[0] for goal in goals] == [0.91, 0.992, 0.996, 0.9979]
    assert [text.get_text().partition(":")[0] for text in axes.texts] == ["0.91", "0.992", "0.996", "0.9979"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "logit")


def test_a_history_without_accuracies_after_the_first_step_is_told():
    with pytest.raises(ValueError, match="no validation accuracy"):
        plotter.plot_images_seen(FURTHER[:1], 256, "i.png", dataset=DATASET)


def test_what_a_whole_committee_gets_wrong_is_shown_under_what_most_of_it_saw(drawn):
    labels = np.array([0, 1, 2, 3, 4])
    predictions = [[0, 7, 3, 3, 9], [0, 2, 2, 9, 4], [0, 7, 9, 9, 8]]  # of three networks; all are wrong about the 1
    plotter.plot_shared_mistakes(digits(5), labels, predictions, "s.png", dataset=DATASET)
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.texts] == ["7, not 1"]
    np.testing.assert_allclose(axes.images[0].get_array()[8:36, :28], digits(5)[1].reshape(28, 28))
    assert "1 digit wrong for all of 3 networks" in title(drawn[0])
    plotter.plot_shared_mistakes(digits(5), labels, [labels, predictions[0]], "s.png", dataset=DATASET)
    assert "no digit wrong for all of 2 networks" in title(drawn[1])


@pytest.mark.parametrize("predictions", [[], np.arange(5), [[0, 1, 2, 3]], [[0, 1, 2, 3, 10]], np.zeros((2, 5, 10))])
def test_predictions_that_are_not_a_digit_for_each_image_and_network_are_told(predictions):
    with pytest.raises(ValueError, match="predictions"):
        plotter.plot_shared_mistakes(digits(5), np.arange(5), predictions, "s.png", dataset=DATASET)


def test_one_mistake_is_shown_and_none_is_said(drawn):
    for wrong in (1, 0):
        plotter.plot_mistakes(digits(100), *answers(100, wrong), "m.png", dataset=DATASET)
    assert "1 mistake\n" in title(drawn[0])
    assert "No mistakes: every image is right\naccuracy 1.0000 (100 images" in title(drawn[1])


def test_images_look_alike_in_any_layout_and_on_either_scale(tmp_path):
    raw = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    files = {
        plotter.plot_mistakes(images, *answers(20, 5), tmp_path / f"{n}.png", dataset=DATASET).read_bytes()
        for n, images in enumerate([raw, raw.reshape(20, 784), raw.reshape(20, 28, 28) / 255.0, raw.astype(np.float32)])
    }
    assert len(files) == 1


@pytest.mark.parametrize(
    ("labels", "predictions", "mistake"),
    [
        (np.eye(10, dtype=int), np.arange(10), r"labels are int64 \(10, 10\).*labels\.argmax\(axis=1\)"),
        (np.arange(10), np.ones((10, 10)), r"predictions are float64 \(10, 10\).*predictions\.argmax\(axis=1\)"),
        (np.arange(10), np.arange(9), "10 labels but 9 predictions"),
        (np.arange(11), np.arange(11), "labels go from 0 to 10"),
        (np.arange(0), np.arange(0), "labels are"),
    ],
)
def test_labels_and_predictions_must_be_class_numbers(labels, predictions, mistake):
    with pytest.raises(ValueError, match=mistake):
        plotter.plot_confusion(labels, predictions, "c.png", dataset=DATASET)


def test_mistakes_need_one_image_for_each_label():
    with pytest.raises(ValueError, match=r"images has shape \(9, 784\); 10 labels need \(10, 784\)"):
        plotter.plot_mistakes(digits(9), *answers(10, 1), "m.png", dataset=DATASET)


# Comparing networks


def test_a_comparison_shows_each_seed_and_the_mean_with_its_interval(drawn):
    PICTURES["comparison"]("c.png")
    scores, times = drawn[0].axes[:2]
    assert [label.get_text() for label in scores.get_yticklabels()] == list(DIGIT_ERRORS)
    seeds, n = networks(5)["no. 2"], 2
    np.testing.assert_allclose(scores.collections[2 * n].get_offsets()[:, 0], seeds["accuracies"])
    np.testing.assert_allclose(times.collections[2 * n].get_offsets(), np.c_[seeds["seconds"], seeds["accuracies"]])
    for axes, along in ((scores, 0), (times, 1)):
        mean, _, (bar,) = axes.containers[n]
        assert mean.get_xydata()[0, along] == pytest.approx(seeds["accuracies"].mean())
        np.testing.assert_allclose(bar.get_segments()[0][:, along], seeds["interval"])


def test_a_comparison_of_single_seeds_draws_no_interval(drawn):
    PICTURES["one_seed"]("c.png")
    assert title(drawn[0]) == f"full, no. 1, no. 2, no. 3: 1 seed, {DATASET}"
    assert [len(container[2]) for container in drawn[0].axes[0].containers] == [0, 0, 0, 0]


def test_learning_curves_are_means_over_the_seeds(drawn):
    PICTURES["comparison"]("c.png")
    losses, validation = drawn[0].axes[2:]
    expected = [[10 * n, 2.3 / n * 3 + (0 + 1 + 2 + 3 + 4) / 5] for n in range(1, 8)]
    np.testing.assert_allclose(losses.lines[2].get_xydata(), expected)
    np.testing.assert_allclose(validation.lines[2].get_xydata(), [[10 * n, 10 - n / 10] for n in (1, 3, 5, 7)])


def test_a_comparison_says_which_curves_are_missing(drawn):
    compared = networks(2)
    compared["no. 1"]["histories"][1][3]["loss"] = np.nan
    for row in compared["no. 2"]["histories"][0]:
        row["validation_accuracy"] = None
    plotter.plot_comparison(compared, "c.png", dataset=DATASET)
    losses, validation = drawn[0].axes[2:]
    assert notes(losses) == ["Not a finite number in some step: the loss of no. 1"]
    assert notes(validation) == ["There is no step at which every seed measured the validation accuracy of no. 2"]


@pytest.mark.parametrize("entries", [2, 6, 54])
def test_each_curve_has_its_marks_however_short_it_is(entries, drawn):
    compared = networks(2)
    for network in compared.values():
        network["histories"] = [history(np.geomspace(2, 0.5, entries))] * 2
    plotter.plot_comparison(compared, "c.png", dataset=DATASET)
    for line in drawn[0].axes[2].lines:
        first, apart = line.get_markevery()
        assert len(range(first, entries, apart)) in (1, 2, 3, 4)


def test_compared_networks_are_told_apart_in_black_and_white():
    colours, markers, lines = zip(*plotter.LOOKS, strict=True)
    shades = np.sort(luminance([to_rgb(colour) for colour in colours]))
    assert ((shades[1:] + 0.05) / (shades[:-1] + 0.05) > 1.4).all()
    assert 1.05 / (shades[-1] + 0.05) > 2, "the lightest can't be seen on white"
    assert len(set(markers)) == len(set(lines)) == len(colours)


def test_digit_errors_stand_in_their_row_and_column_and_are_legible(drawn):
    PICTURES["digit_errors"]("d.png")
    axes = drawn[0].axes[0]
    for text in axes.texts:
        digit, network = text.get_position()
        share = list(DIGIT_ERRORS.values())[network][digit]
        assert text.get_text() == f"{share:.2f}"
        cell = axes.images[0].to_rgba(share)
        bright, dark = sorted(luminance([cell[:3], to_rgb(text.get_color())]), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 3, f"{text.get_text()} is hard to read"
    assert len(axes.texts) == 40


def test_a_comparison_that_can_not_be_drawn_is_told():
    with pytest.raises(ValueError, match="there are 0 networks"):
        plotter.plot_comparison({}, "c.png", dataset=DATASET)
    with pytest.raises(ValueError, match=r"errors have shape \(1, 3\)"):
        plotter.plot_digit_errors({"full": [1, 2, 3]}, "d.png", dataset=DATASET)
    diverged = networks(1)
    diverged["full"]["accuracies"] = [np.nan]
    with pytest.raises(ValueError, match="accuracies are not finite"):
        plotter.plot_comparison(diverged, "c.png", dataset=DATASET)


# Every picture


@every_picture
def test_the_title_names_the_dataset(draw, drawn):
    draw("p.png")
    assert DATASET in title(drawn[0])


@every_picture
@pytest.mark.smoke
def test_nothing_is_cut_off_at_the_edge(draw, picture_of):
    picture = imread(picture_of(draw))[:, :, :3]
    picture[3:-3, 3:-3] = 1
    assert (picture == 1).all(), "something reaches into the outermost three pixels"


@pytest.mark.parametrize("colours", [plotter.SIGNED, *(colormaps[name] for name in ("viridis", "Blues", "gray_r"))])
def test_every_colour_scale_is_monotone_in_black_and_white(colours):
    steps = np.diff(luminance(colours(np.linspace(0, 1, 64))[:, :3]))
    assert (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(draw, id=name, marks=(pytest.mark.course, pytest.mark.sample(2, of="what takes seconds")))
        if name in ("mnist_weights", "feature_maps", "comparison", "one_seed")
        else pytest.param(draw, id=name)
        for name, draw in PICTURES.items()
    ],
)
def test_the_same_input_gives_the_same_bytes(draw, picture_of, tmp_path):
    picture = picture_of(draw).read_bytes()
    assert picture == draw(tmp_path / "again.png").read_bytes()
    assert b"Software" not in picture  # nor with another release of Matplotlib


def test_a_pdf_is_a_pdf_and_the_same_bytes_again(tmp_path):
    first, second = (PICTURES["curves"](tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first.startswith(b"%PDF")
    assert first == second
    assert b"CreationDate" not in first


def test_drawing_leaves_no_figure_and_no_setting_behind(tmp_path):
    def count_figures():
        gc.collect()
        return sum(isinstance(value, Figure) for value in gc.get_objects())

    settings, numbers, figures = dict(matplotlib.rcParams), pyplot.get_fignums(), count_figures()
    for _ in range(2):
        PICTURES["mnist_weights"](tmp_path / "w.png")
    assert count_figures() == figures
    assert pyplot.get_fignums() == numbers
    assert dict(matplotlib.rcParams) == settings


# Saving

draw, draw_another = PICTURES["no_mistakes"], PICTURES["filters"]


def test_saving_makes_the_folders_and_returns_the_path(tmp_path):
    target = tmp_path / "deep" / "er" / "p.png"
    assert draw(str(target)) == target
    assert os.listdir(target.parent) == ["p.png"]


def test_a_full_disk_is_told_and_leaves_the_earlier_picture(tmp_path, monkeypatch):
    target = draw(tmp_path / "p.png")
    before, write = target.read_bytes(), Path.write_bytes

    def write_half(path, data):
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match=r"cannot save the picture: No space left on device.*p\.png"):
        draw_another(target)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.png"]


def test_a_run_stopped_while_saving_leaves_the_earlier_picture(tmp_path, monkeypatch):
    target = draw(tmp_path / "p.png")
    before = target.read_bytes()

    def stop(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        draw_another(target)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.png"]


def test_a_path_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    for target in (tmp_path / "file" / "p.png", tmp_path / "folder.png"):
        with pytest.raises(OSError, match="cannot save the picture"):
            draw(target)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.parametrize("name", ["p.jpg", "p"])
def test_another_format_is_told(name, tmp_path):
    with pytest.raises(ValueError, match=r"neither \.png nor \.pdf"):
        draw(tmp_path / name)


# Windows


def run_python(code, folder, **environment):
    """Run code in a fresh Python without a display, but for what `environment` sets; return its stdout."""
    clean = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"}}
    command = [sys.executable, "-c", code]
    environment = {**clean, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="no display", marks=linux_only),
        pytest.param(
            {"MPLBACKEND": "TkAgg"},
            id="no display, GUI backend",
            marks=(linux_only, pytest.mark.course, pytest.mark.sample(2, of="what takes seconds")),
        ),
        pytest.param({"DISPLAY": ":987", "MPLBACKEND": "TkAgg"}, id="dead display", marks=linux_only),
        pytest.param(
            {"DISPLAY": ":987", "MPLBACKEND": "agg"},
            id="backend without windows",
            marks=(pytest.mark.course, pytest.mark.sample(2, of="what takes seconds")),
        ),
    ],
)
def test_without_a_window_the_picture_is_saved_under_results(environment, tmp_path):
    code = "import numpy, plotter; print(plotter.plot_mnist_weights(numpy.ones((784, 10))))"
    path = Path("results", "mnist_weights.png")
    assert run_python(code, tmp_path, **environment) == f"saved {path}\n{path}\n"
    assert imread(tmp_path / path).shape == (630, 1350, 4)


def test_where_a_window_opens_the_picture_is_shown_and_not_saved(tmp_path, monkeypatch):
    shown = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":0")
    pyplot.switch_backend("agg")
    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.required_interactive_framework", "tk")
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()) or pyplot.close())
    assert plotter.plot_mnist_weights(weights()) is None
    assert len(shown[0].axes) == 11
    assert os.listdir(tmp_path) == []


def test_importing_is_light(tmp_path):
    code = "import sys, plotter; print(sorted({'tensorflow', 'matplotlib.pyplot'} & set(sys.modules)))"
    assert run_python(code, tmp_path) == "[]\n"
