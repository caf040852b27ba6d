"""exercises/phone.py: the files it makes, how a drawing becomes an image of MNIST, and the page to draw on."""

import http.client
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from exercises import phone
from exercises.support.drawing_page import HEADERS, LARGEST, DrawingServer
from exercises.support.litert import LiteModel
from exercises.support.strokes import BOX, PEN, POINTS, NotStrokes, check_strokes, draw_as_mnist
from labkit.files import KIT
from tests.support.exercise import run_exercise
from tests.support.needs import needs

pytestmark = pytest.mark.exercises
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


# ---------------------------------------------------------------------------------------------------------- LiteRT


class Softmax(tf.Module):
    """A network small enough to be worked out in NumPy."""

    def __init__(self, rng):
        super().__init__()
        self.W = tf.Variable(rng.normal(size=(784, 10)).astype(np.float32) / 28)
        self.b = tf.Variable(rng.normal(size=10).astype(np.float32))

    def __call__(self, x):
        return tf.matmul(x, self.W) + self.b


def test_the_files_compute_what_the_network_does(tmp_path):
    needs("ai_edge_litert")
    rng = np.random.default_rng(0)
    network, images = Softmax(rng), rng.random((60, 784), np.float32)
    expected = images @ network.W.numpy() + network.b.numpy()
    files = {"float32": phone.convert(network), "int8": phone.convert(network, images[:50])}
    found = {}
    for name, content in files.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(content)
        found[name] = phone.all_logits(LiteModel(path), images)
    np.testing.assert_allclose(found["float32"], expected, atol=1e-5)
    step = np.ptp(expected) / 255  # of a scale that the shown images span
    error = np.abs(found["int8"] - expected)
    assert 0 < error.max() < 4 * step
    assert len(files["int8"]) < len(files["float32"]) / 2.5


def test_the_comparison_counts_guesses(tmp_path, capsys):
    needs("ai_edge_litert")
    rng = np.random.default_rng(0)
    network, images = Softmax(rng), rng.random((40, 784), np.float32)
    right = (images @ network.W.numpy() + network.b.numpy()).argmax(axis=1)
    labels = np.eye(10, dtype=np.float32)[np.where(np.arange(40) < 30, right, (right + 1) % 10)]
    part = SimpleNamespace(images=images, labels=labels)
    flags = SimpleNamespace(script="phone", seed=0, results_dir=tmp_path)
    folder = tmp_path / "phone" / "seed-0"
    folder.mkdir(parents=True)
    phone.compare(flags, SimpleNamespace(name="MNIST", train=part, test=part), network)
    whole, float32, int8 = capsys.readouterr().out.splitlines()
    assert whole == "TensorFlow: 31,400 bytes of weights, accuracy 0.7500 (MNIST)"
    assert f"float32: {(folder / 'float32.tflite').stat().st_size:,} bytes, accuracy 0.7500" in float32
    assert float32.endswith("the same guess for 40 of 40 images")
    assert f"int8: {(folder / 'int8.tflite').stat().st_size:,} bytes" in int8


# ------------------------------------------------------------------------------------------------- drawings as images

LINE = [np.array([[0.2, 0.1], [0.2, 0.9]])]
RING = [np.array([[0.5 + 0.3 * math.cos(t), 0.5 + 0.3 * math.sin(t)] for t in np.linspace(0, 2 * math.pi, 60)])]
SEVEN = [np.array([[0.2, 0.2], [0.7, 0.2], [0.4, 0.9]]), np.array([[0.3, 0.55], [0.7, 0.5]])]


def centre(image):
    rows, columns = np.mgrid[:28, :28]
    return (image * rows).sum() / image.sum(), (image * columns).sum() / image.sum()


@pytest.mark.parametrize("strokes", [LINE, RING, SEVEN])
def test_a_drawing_fills_the_box_and_its_centre_of_mass_is_in_the_middle(strokes):
    image = draw_as_mnist(strokes)
    assert (image.shape, image.dtype, image.min(), image.max()) == ((28, 28), np.float32, 0, 1)
    assert centre(image) == pytest.approx((13.5, 13.5), abs=0.05)
    inked = [np.flatnonzero(image.sum(axis=axis) > 0.3) for axis in (0, 1)]
    longest = max(places[-1] - places[0] + 1 for places in inked)
    assert longest in (BOX, BOX + 1), "a box of 20 pixels can lie across 21"


@pytest.mark.parametrize("strokes", [LINE, RING, SEVEN])
def test_where_and_how_large_it_is_drawn_does_not_matter(strokes):
    small = [0.3 * stroke + 0.55 for stroke in strokes]
    np.testing.assert_allclose(draw_as_mnist(small), draw_as_mnist(strokes), atol=1e-5)


def test_the_ink_is_the_area_under_a_round_pen():
    length = BOX - 2 * PEN
    assert draw_as_mnist(LINE).sum() == pytest.approx(2 * PEN * length + math.pi * PEN**2, rel=0.03)
    ring = math.pi * ((BOX / 2) ** 2 - (BOX / 2 - 2 * PEN) ** 2)
    assert draw_as_mnist(RING).sum() == pytest.approx(ring, rel=0.03)


def test_x_is_to_the_right_and_y_down():
    image = draw_as_mnist([np.array([[0.2, 0.2], [0.8, 0.2]]), np.array([[0.8, 0.2], [0.8, 0.8]])])
    quarters = [image[:14, :14], image[:14, 14:], image[14:, :14], image[14:, 14:]]
    assert np.argmin([quarter.sum() for quarter in quarters]) == 2, "nothing is drawn below left"


def test_nothing_is_black_and_a_dot_is_a_dot():
    assert not draw_as_mnist([]).any()
    assert draw_as_mnist([np.array([[0.9, 0.1]])]).sum() == pytest.approx(math.pi * PEN**2, rel=0.15)


def test_many_points_are_painted_like_few():
    few, many = np.array([[0.2, 0.2], [0.8, 0.7]]), np.linspace([0.2, 0.2], [0.8, 0.7], POINTS)
    np.testing.assert_allclose(draw_as_mnist([many]), draw_as_mnist([few]), atol=1e-5)


BAD_STROKES = [
    None, 1, "1", {}, [1], [[]], [[1]], [[[1]]], [[[0, 0, 0]]], [[["0", 0]]], [[[True, 0]]], [[[0, 1.01]]], [[[-1, 0]]],
    [[[0, float("nan")]]], [[[0, float("inf")]]], [[[10**400, 0]]], [[[0, 0]]] * 201, [[[0, 0]] * (POINTS + 1)], [None],
    [{"0": 0}],
]  # fmt: skip


@pytest.mark.parametrize("value", BAD_STROKES, ids=lambda value: repr(value)[:20])
def test_what_is_no_list_of_strokes_is_refused(value):
    with pytest.raises(NotStrokes):
        check_strokes(value)


# ------------------------------------------------------------------------------------------------------- the server


@pytest.fixture
def server():
    """Serve a network whose logits are known: the ink in the left half, and in the right, are those of 0 and 1."""

    def logits(images):
        halves = images.reshape(-1, 28, 2, 14).sum(axis=(1, 3))
        return np.concatenate([halves / 10, np.zeros((len(images), 8))], axis=1)

    with DrawingServer(logits) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method="GET", name="", body=None, **headers):
    path = name if name.startswith("/") else f"/{server.secret}/{name}"
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    if body is not None:
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "kind"), [("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")]
)
def test_the_three_files_are_there_and_use_nothing_from_elsewhere(server, name, kind):
    status, body, headers = ask(server, name=name)
    assert (status, headers.get_content_type(), headers["Connection"]) == (200, kind, None)
    assert {header: headers[header] for header in HEADERS} == HEADERS
    assert "'unsafe" not in headers["Content-Security-Policy"]
    assert not re.search(rb"(https?:)?//[a-z]|style=|\son[a-z]+=|innerHTML|eval\(", body)


def test_a_guess_is_the_softmax_of_the_logits_and_comes_with_the_image(server):
    status, body, _ = ask(server, "POST", "guess", json.dumps({"strokes": [stroke.tolist() for stroke in SEVEN]}))
    answer = json.loads(body)
    image = draw_as_mnist(SEVEN)
    assert status == 200
    np.testing.assert_array_equal(answer["image"], np.round(255 * image).astype(int).ravel())
    logits = np.array([image[:, :14].sum() / 10, image[:, 14:].sum() / 10, *[0] * 8])
    np.testing.assert_allclose(answer["probabilities"], np.exp(logits) / np.exp(logits).sum(), atol=1e-4)


@pytest.mark.parametrize("path", ["/", "", "/guess", "/wrong/", "/wrong/page.js", "/{secret}", "/{secret}/../lab.py",
                                  "/{secret}//", "/{secret}/index.html", "/{secret}/page.js/", "/%2e%2e/"])  # fmt: skip
def test_without_the_secret_and_for_other_files_there_is_nothing(server, path):
    path = path.format(secret=server.secret) or "/x"
    for method in ("GET", "POST"):
        status, body, _ = ask(server, method, path, "{}" if method == "POST" else None)
        assert (status, body) == (404, b"404 Not Found\n")


def test_each_server_has_another_secret():
    secrets = set()
    for _ in range(3):
        with DrawingServer(lambda images: images) as server:
            secrets.add(server.secret)
            assert server.server_address[0] == "127.0.0.1"
    assert len(secrets) == 3


BAD_BODIES = [
    b"", b"{", b"null", b"[]", b"{}", b'{"strokes": 1}', b'{"strokes": [], "more": 1}', b"\xff\xfe", b"[" * 100_000,
    b'{"strokes": [[[NaN, 0]]]}', b'{"strokes": [[[1e999, 0]]]}', b'{"strokes": [[[' + b"1" * 5000 + b", 0]]]}",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:20]))
def test_a_malformed_question_is_a_bad_request_and_leaves_no_trace(server, body, capfd):
    status, answer, headers = ask(server, "POST", "guess", body)
    assert (status, answer, headers["Connection"]) == (400, b"400 Bad Request\n", "close")
    assert ask(server)[0] == 200, "the next one is answered"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content_Length": str(LARGEST + 1)}, 413), ({"Content_Length": "9" * 5000}, 413),
     ({"Content_Length": "-1"}, 400), ({"Content_Length": "\u00b2"}, 400), ({"Content_Length": "1e3"}, 400),
     ({"Transfer_Encoding": "chunked"}, 411), ({"Content_Type": "text/plain"}, 415),
     ({"Content_Type": "multipart/form-data"}, 415)],
)  # fmt: skip
def test_a_question_of_another_size_or_kind_is_refused_before_it_is_read(server, headers, status, capfd):
    assert ask(server, "POST", "guess", b"{}", **headers)[0] == status
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/9.9\r\n\r\n", b"505"), (b"DELETE /x/ HTTP/1.1\r\n\r\n", b"501"),
     (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"), (b"\x16\x03\x01\x02\x00\x01\n\n", b"400"),
     (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"), (b"", None)],
)  # fmt: skip
def test_what_is_no_http_is_refused_without_repeating_it(server, sent, status, capfd):
    with socket.create_connection(server.server_address[:2], timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert (status or b"") in answer
    assert b"nonsense" not in answer
    assert b"aaaa" not in answer
    assert ask(server)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_network_is_one_line(server, capfd):
    server._logits = lambda images: 1 / 0
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(server, "POST", "guess", b'{"strokes": []}')
    assert ask(server)[0] == 200
    assert re.fullmatch(r"warning: the page could not answer: ZeroDivisionError: .*\n", capfd.readouterr().err)


# ------------------------------------------------------------------------------------------------------ the whole


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
@pytest.mark.parametrize("seed", [0])
def test_the_files_guess_as_tensorflow_does(seed, mnist_dir, tmp_path):
    needs("ai_edge_litert")
    printed = run_exercise(
        "phone", "--data-dir", mnist_dir, "--dataset", "mnist", "--seed", seed, "--results-dir", tmp_path
    )
    found = re.findall(r"^(\w+): ([\d,]+) bytes.*accuracy ([\d.]+)", printed, re.MULTILINE)
    size = {name: int(bytes_.replace(",", "")) for name, bytes_, _ in found}
    right = {name: float(accuracy) for name, _, accuracy in found}
    assert "TensorFlow: 13,098,536 bytes" in printed, "4 bytes for each of 3,274,634 weights"
    assert size["float32"] == pytest.approx(13_098_536, rel=0.01)
    assert size["int8"] == pytest.approx(13_098_536 / 4, rel=0.02)
    same = int(
        re.search(r"^float32: .* the same guess for ([\d,]+) of 10,000", printed, re.MULTILINE)[1].replace(",", "")
    )
    assert same >= 9_999, "two logits may be as near as rounding"
    assert right["float32"] == pytest.approx(right["TensorFlow"], abs=1.1e-4)
    assert right["int8"] == pytest.approx(right["TensorFlow"], abs=0.001)
    assert right["TensorFlow"] > 0.985
    assert re.fullmatch(r"test accuracy 0\.9\d+ \(10,000 images, MNIST\)", printed.splitlines()[-1])


@pytest.fixture(scope="module")
def drawn(mnist_dir, tmp_path_factory):
    """Run the command that a student does, until it tells the address; at the end Ctrl-C, and look how it ends."""
    needs("ai_edge_litert")
    folder = tmp_path_factory.mktemp("phone")
    command = [
        sys.executable,
        str(KIT / "exercises" / "phone.py"),
        "--draw",
        "--no-browser",
        "--data-dir",
        str(mnist_dir),
    ]
    command += ["--dataset", "mnist", "--results-dir", str(folder), "--steps", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            yield address
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
            assert (process.returncode, out.strip(), err) == (0, "the page is closed", "")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def chromium():
    sync_api = needs("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def arc(x, y, rx, ry, begin, end, points=30):
    angles = np.linspace(math.radians(begin), math.radians(end), points)
    return [(x + rx * math.cos(t), y + ry * math.sin(t)) for t in angles]


FIGURES = {  # strokes, 0 to 1 across the drawing, as a hand makes them
    1: [[(0.5, 0.15), (0.48, 0.5), (0.47, 0.85)]],
    0: [arc(0.5, 0.5, 0.22, 0.33, -90, 275)],
    7: [[(0.3, 0.2), (0.5, 0.19), (0.7, 0.2), (0.6, 0.45), (0.48, 0.85)]],
    3: [arc(0.47, 0.33, 0.18, 0.16, -140, 90) + arc(0.47, 0.67, 0.2, 0.18, -90, 140)],
    2: [[*arc(0.5, 0.35, 0.2, 0.17, -170, 30), (0.32, 0.8), (0.5, 0.8), (0.72, 0.79)]],
}


def open_page(chromium, address, **options):
    context = chromium.new_context(**options)
    page = context.new_page()
    page.problems, page.asked = [], []
    page.on("console", lambda line: page.problems.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    context.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    return page


def draw_with_mouse(page, strokes):
    box = page.locator("#drawing").bounding_box()
    for stroke in strokes:
        for number, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4 if number else 1)
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def draw_with_finger(page, strokes):
    """Send touches as the screen does: the browser makes pointer events of them, or scrolls."""
    box = page.locator("#drawing").bounding_box()
    touch = page.context.new_cdp_session(page)
    for stroke in strokes:
        for number, (x, y) in enumerate(stroke):
            point = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            kind = "touchMove" if number else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def guessed(page, digit):
    page.wait_for_function("([digit]) => document.getElementById('guess').textContent === digit", arg=[str(digit)],
                           timeout=10_000)  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("how", ["mouse", "finger"])
@pytest.mark.parametrize("digit", FIGURES)
def test_a_digit_drawn_in_the_browser_is_seen(chromium, drawn, digit, how):
    size = {"width": 390, "height": 844} if how == "finger" else {"width": 1280, "height": 900}
    page = open_page(chromium, drawn, viewport=size, has_touch=how == "finger", is_mobile=how == "finger")
    (draw_with_finger if how == "finger" else draw_with_mouse)(page, FIGURES[digit])
    guessed(page, digit)
    percents = [int(text.rstrip("%")) for text in page.locator("#bars .percent").all_inner_texts()]
    assert np.argmax(percents) == digit
    assert 97 <= sum(percents) <= 103
    assert page.evaluate("window.scrollY") == 0, "the finger drew, and did not scroll"
    assert page.problems == []
    assert all(url.startswith(drawn) or url.startswith("data:") for url in page.asked)
    page.context.close()


@pytest.mark.browser
def test_the_bars_move_while_a_finger_draws(chromium, drawn):
    page = open_page(chromium, drawn, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = page.locator("#drawing").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    seen = set()
    for points, (x, y) in enumerate([(0.5, 0.2), (0.7, 0.2), (0.6, 0.45), (0.48, 0.85)], start=2):

        def answers(response, points=points):
            return response.url.endswith("/guess") and len(response.request.post_data_json["strokes"][0]) == points

        with page.expect_response(answers) as answer:
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        bars = [f"{math.floor(100 * p + 0.5)}%" for p in answer.value.json()["probabilities"]]
        page.wait_for_function(
            "bars => [...document.querySelectorAll('#bars .percent')].every((bar, i) => bar.textContent === bars[i])",
            arg=bars,
        )
        seen.add(tuple(bars))
    assert len(seen) > 1, "they moved before the mouse was let go"
    page.mouse.up()
    page.get_by_role("button", name="Clear").click()
    guessed(page, "nothing yet")
    assert set(page.locator("#bars .percent").all_inner_texts()) == {"0%"}
    page.context.close()


@pytest.mark.browser
def test_it_fits_a_phone_and_can_be_read_light_and_dark(chromium, drawn, tmp_path):
    needs("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    for width, height in ((390, 844), (1280, 900)):
        for scheme in ("light", "dark"):
            page = open_page(chromium, drawn, viewport={"width": width, "height": height}, color_scheme=scheme)
            draw_with_mouse(page, FIGURES[2])
            guessed(page, 2)
            page.wait_for_timeout(200)
            page.screenshot(path=folder / f"draw-{width}-{scheme}.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            violations = Axe().run(page).response["violations"]
            assert [f"{found['id']}: {found['help']}" for found in violations] == []
            page.context.close()


@pytest.mark.browser
def test_the_page_says_when_nobody_answers(chromium, drawn):
    page = open_page(chromium, drawn)
    page.route("**/guess", lambda route: route.abort())
    draw_with_mouse(page, FIGURES[1])
    page.locator("#status", has_text="No answer").wait_for(timeout=5_000)
    page.context.close()
