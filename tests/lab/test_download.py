"""Downloads: from mirrors that behave and misbehave, on loopback; processes that are killed, or fill one directory."""

import contextlib
import errno
import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests
import urllib3

from input_data import DataError, maybe_download, read_data_sets
from labkit import files
from labkit.data import data_directory, download, mnist_files
from tests.support import digit_files
from tests.support.digit_files import NAMES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, serving
from tests.support.tracing import ROOT

pytestmark = pytest.mark.loader

PATIENCE = 60  # seconds until a child process, or what it was to do, is given up: only a hang takes that long


@pytest.fixture
def mnist(monkeypatch):
    """Make a small data set that passes for MNIST; return its payloads by name."""
    return digit_files.pass_for_mnist(monkeypatch)


@pytest.fixture
def mirrors(monkeypatch):
    """Return a function that makes its arguments, servers or URLs, the mirrors."""

    def use(*servers):
        urls = tuple(server if isinstance(server, str) else server.url for server in servers)
        monkeypatch.setattr(mnist_files, "MIRRORS", urls)

    return use


@pytest.fixture
def short_timeout(monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 1)
    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 1)


def load(directory, **options):
    return read_data_sets(directory, **{"validation_size": 5, "dataset": "mnist", **options})


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


GZIPPED_NAMES = sorted(f"{name}.gz" for name in NAMES)


# --- mirrors -----------------------------------------------------------------------------------------------------


def test_missing_files_are_fetched_verified_and_kept(tmp_path, mnist, mirrors, capsys):
    directory = tmp_path / "made" / "on the way"
    with serving(mnist) as server:
        mirrors(server)
        data = load(directory, dtype="uint8", validation_size=0)
    assert data.name == "MNIST"
    assert np.array_equal(data.train.images, digit_files.pixels_of(mnist[TRAIN_IMAGES]))
    assert names_in(directory) == GZIPPED_NAMES
    output = capsys.readouterr()
    assert output.out == ""
    for name in NAMES:
        assert f"{name}.gz: 100%" in output.err
    mirrors(digit_files.closed_port_url())
    assert load(directory).name == "MNIST"


def test_only_what_is_missing_is_fetched(tmp_path, mnist, mirrors):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    with serving(mnist) as server:
        mirrors(server)
        load(tmp_path)
    assert [request for request in server.requests if request.startswith("GET")] == [f"GET /{TEST_LABELS}.gz"]


def test_good_files_are_used_without_asking_a_mirror(tmp_path, mnist, mirrors):
    digit_files.write(tmp_path, mnist)
    with serving(mnist) as server:
        mirrors(server)
        load(tmp_path)
    assert server.requests == []


@pytest.mark.parametrize("unpacked", [False, True], ids=["gzipped", "unpacked"])
@pytest.mark.parametrize("content", [b"", b"<html>", digit_files.images_payload(60, seed=9)])
def test_a_bad_file_is_fetched_again_and_not_left_behind(tmp_path, mnist, mirrors, unpacked, content):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TRAIN_IMAGES}.gz").unlink()
    (tmp_path / (TRAIN_IMAGES if unpacked else f"{TRAIN_IMAGES}.gz")).write_bytes(content)
    with serving(mnist) as server:
        mirrors(server)
        assert load(tmp_path).name == "MNIST"
    assert names_in(tmp_path) == GZIPPED_NAMES
    assert gzip.decompress((tmp_path / f"{TRAIN_IMAGES}.gz").read_bytes()) == mnist[TRAIN_IMAGES]


def not_found(handler):
    handler.send_error(404)
    return True


def web_page(handler):
    handler.send_body(b"<!DOCTYPE html><title>Log in to the campus network</title>")
    return True


def cut_off(handler):
    body = handler.server.bodies[handler.path]
    handler.send_body(body[: len(body) // 2], length=len(body))
    return True


def cut_off_without_length(handler):
    body = handler.server.bodies[handler.path]
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    return True


def nothing(handler):
    handler.send_body(b"")
    return True


def other_digits(handler):
    handler.send_body(gzip.compress(digit_files.images_payload(60, seed=9)))
    return True


def silent_before_the_answer(handler):
    handler.server.over.wait(PATIENCE)
    return True


def silent_in_the_middle(handler):
    body = handler.server.bodies[handler.path]
    handler.send_body(body[: len(body) // 2], length=len(body))
    handler.server.over.wait(PATIENCE)
    return True


def drops_the_connection(handler):
    handler.connection.close()
    return True


MISBEHAVIOURS = {
    not_found: "HTTP status 404",
    web_page: "web page",
    cut_off: "broke off|cannot be reached",
    cut_off_without_length: "truncated",
    nothing: "is empty",
    other_digits: "SHA-256 .* expected",
    silent_before_the_answer: "gave no answer in 1 s",
    silent_in_the_middle: "gave no answer in 1 s",
    drops_the_connection: "cannot be reached",
}


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS, ids=lambda function: function.__name__)
def test_a_misbehaving_mirror_is_told_and_leaves_nothing_behind(tmp_path, mnist, mirrors, short_timeout, misbehave):
    with serving(mnist, misbehave) as server:
        mirrors(server)
        with pytest.raises(DataError, match=MISBEHAVIOURS[misbehave]) as error:
            load(tmp_path)
    assert server.url in str(error.value)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS, ids=lambda function: function.__name__)
def test_the_next_mirror_makes_up_for_a_misbehaving_one(tmp_path, mnist, mirrors, short_timeout, misbehave):
    with serving(mnist, misbehave) as bad, serving(mnist) as good:
        mirrors(bad, good)
        assert load(tmp_path).name == "MNIST"
    assert names_in(tmp_path) == GZIPPED_NAMES


def test_a_mirror_that_fell_silent_is_not_asked_for_the_next_file(tmp_path, mnist, mirrors, short_timeout):
    with serving(mnist, silent_before_the_answer) as silent, serving(mnist) as good:
        mirrors(silent, good)
        load(tmp_path)
    assert len([request for request in silent.requests if request.startswith("GET")]) == 1


def test_mirrors_that_never_answer_cost_one_timeout_together(tmp_path, mnist, mirrors, short_timeout, monkeypatch):
    asked, over = [], threading.Event()

    def hang(url, **options):
        asked.append(url)
        over.wait()  # in a daemon thread: as the lookup of a name may hang, whatever the timeout

    monkeypatch.setattr(requests, "head", hang)
    mirrors("http://first.invalid/", "http://second.invalid/")
    try:
        with pytest.raises(DataError, match=r"first.invalid/ gave no answer(.|\n)*second.invalid/ gave no answer"):
            load(tmp_path)
    finally:
        over.set()
    assert len(asked) == 2


def test_a_mirror_that_unpacks_on_the_way_is_understood(tmp_path, mnist, mirrors):
    def unpacked(handler):
        handler.send_body(mnist[handler.path[1:].removesuffix(".gz")])
        return True

    with serving(mnist, unpacked) as server:
        mirrors(server)
        assert load(tmp_path).name == "MNIST"


def test_a_slow_mirror_is_waited_for(tmp_path, mnist, mirrors, short_timeout):
    def slowly(handler):
        body = handler.server.bodies[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), len(body) // 4 + 1):
            handler.wfile.write(body[start : start + len(body) // 4 + 1])
            time.sleep(0.2)  # seconds; together longer than the timeout, one by one shorter
        return True

    with serving(mnist, slowly) as server:
        mirrors(server)
        assert load(tmp_path).name == "MNIST"


def test_an_endless_download_is_given_up(tmp_path, mnist, mirrors, monkeypatch):
    monkeypatch.setattr(download, "MAX_DOWNLOAD", 1_000_000)

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(ConnectionError):  # when the client has had enough
            while not handler.server.over.is_set():
                handler.wfile.write(bytes(100_000))
        return True

    with serving(mnist, endless) as server:
        mirrors(server)
        with pytest.raises(DataError, match="sends more than 1,000,000 bytes"):
            load(tmp_path)
    assert names_in(tmp_path) == []


# --- certificates and proxies ------------------------------------------------------------------------------------


def refuse_the_certificate(url, **options):
    """Raise what requests.head does where the certificate is not signed by a known authority."""
    cause = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)")
    cause.verify_message = "self-signed certificate in certificate chain"
    raise requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(None, url, urllib3.exceptions.SSLError(cause)))


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_a_certificate_that_is_not_trusted_stops_with_its_remedy(tmp_path, mnist, monkeypatch, dataset):
    monkeypatch.setattr(requests, "head", refuse_the_certificate)
    with pytest.raises(DataError) as error:
        load(tmp_path, dataset=dataset)
    message = str(error.value)
    assert "has a certificate that is not trusted here (self-signed certificate in certificate chain)" in message
    assert message.count("set the environment variable REQUESTS_CA_BUNDLE") == 1
    assert "clock" in message


@pytest.mark.parametrize("content", [None, b"not a certificate"], ids=["missing", "of something else"])
def test_a_bad_certificate_bundle_stops_with_its_remedy(tmp_path, mnist, mirrors, monkeypatch, content):
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    message = r"could not be asked \((.|\n)*set the environment variable REQUESTS_CA_BUNDLE"
    with serving(mnist) as server:
        mirrors(server.url.replace("http:", "https:"))
        with pytest.raises(DataError, match=message):
            load(tmp_path / "data", dataset="auto")


def test_a_mirror_with_a_trusted_certificate_makes_up_for_one_without(tmp_path, mnist, mirrors, monkeypatch):
    head = requests.head

    def refuse_https(url, **options):
        return refuse_the_certificate(url) if url.startswith("https") else head(url, **options)

    monkeypatch.setattr(requests, "head", refuse_https)
    with serving(mnist) as server:
        mirrors("https://first.invalid/", server)
        assert load(tmp_path).name == "MNIST"


@pytest.fixture
def dead_proxy(monkeypatch):
    """Set a proxy in the environment at which nothing listens; return its URL without the password."""
    proxy = digit_files.closed_port_url().rstrip("/")
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy.replace("http://", "http://ann:secret@"))
        monkeypatch.setenv(name.upper(), proxy)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return proxy


@pytest.mark.parametrize("url", ["http://first.invalid/", "https://first.invalid/"])
def test_a_proxy_that_cannot_be_reached_is_named_with_its_remedy(tmp_path, mnist, mirrors, dead_proxy, url):
    mirrors(url, url)
    with pytest.raises(mnist_files.NoFilesError) as error:
        load(tmp_path)
    message = str(error.value)
    assert f"{url} cannot be reached through the proxy {dead_proxy} (" in message
    assert "refused" in message
    assert message.count("The proxy is set by the environment variable https_proxy") == 1
    assert "secret" not in message
    assert "None" not in message


def test_where_there_is_none_no_word_is_said_of_it(tmp_path, mnist, mirrors):
    mirrors(digit_files.closed_port_url())
    with pytest.raises(mnist_files.NoFilesError, match="refused") as error:
        load(tmp_path)
    assert "through the proxy" not in str(error.value)
    assert "https_proxy" not in str(error.value)


# --- maybe_download ----------------------------------------------------------------------------------------------


def test_maybe_download_fetches_a_file_into_a_new_directory_and_keeps_what_is_there(tmp_path, mnist):
    with serving(mnist) as server:
        url = f"{server.url}{TEST_LABELS}.gz"
        path = maybe_download("labels.gz", str(tmp_path / "new"), url)
        assert path == str(tmp_path / "new" / "labels.gz")
        assert gzip.decompress(Path(path).read_bytes()) == mnist[TEST_LABELS]
        Path(path).write_bytes(b"mine")
        assert maybe_download("labels.gz", tmp_path / "new", url) == path
    assert Path(path).read_bytes() == b"mine"


@pytest.mark.parametrize("misbehave", [not_found, cut_off, drops_the_connection])
def test_maybe_download_tells_a_failure_and_leaves_nothing_behind(tmp_path, mnist, misbehave):
    with serving(mnist, misbehave) as server, pytest.raises(DataError, match=server.url):
        maybe_download("labels.gz", tmp_path, f"{server.url}{TEST_LABELS}.gz")
    assert names_in(tmp_path) == []


# --- the disk ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)])
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, mnist, mirrors, monkeypatch, number):
    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", full)
    with serving(mnist) as server:
        mirrors(server)
        with pytest.raises(DataError, match=rf"{TRAIN_IMAGES}.gz cannot be written: {os.strerror(number)}. Free some"):
            load(tmp_path)
    assert names_in(tmp_path) == []


def test_an_unwritable_directory_is_told(tmp_path, mnist, mirrors, monkeypatch):
    # Permissions do not bind root, so the refusal is staged.
    def refuse(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(files, "open", refuse, raising=False)
    with serving(mnist) as server:
        mirrors(server)
        with pytest.raises(DataError, match=r"cannot be written: Permission denied. Choose a directory"):
            load(tmp_path, dataset="auto")


def test_a_directory_that_cannot_be_made_is_told(tmp_path, mnist):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"data cannot be (read|made): "):
        load(tmp_path / "file" / "data")


def test_a_bad_file_that_cannot_be_replaced_is_told_with_both_reasons(tmp_path, mnist, mirrors, monkeypatch):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TRAIN_LABELS}.gz").write_bytes(b"")

    def refuse(source, target):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "replace", refuse)
    with serving(mnist) as server:
        mirrors(server)
        with pytest.raises(DataError, match=r"is empty(.|\n)*cannot be replaced: .*Permission denied"):
            load(tmp_path)
    assert names_in(tmp_path) == GZIPPED_NAMES


# --- other data --------------------------------------------------------------------------------------------------


OTHER = digit_files.payloads(train=40, test=30, seed=77)


def load_other(directory, url, **options):
    return read_data_sets(directory, validation_size=5, dtype="uint8", source_url=url, **options)


def test_other_data_is_checked_for_structure_and_named_after_its_source(tmp_path):
    with serving(OTHER) as server:
        data = load_other(tmp_path, server.url)
    assert data.name == f"data from {server.url}"
    assert data.sha256 == digit_files.sha256_of(OTHER)
    assert (data.train.num_examples, data.test.num_examples) == (35, 30)
    assert np.array_equal(data.test.images, digit_files.pixels_of(OTHER[digit_files.TEST_IMAGES]))


def test_other_data_is_loaded_again_without_network(tmp_path):
    with serving(OTHER) as server:
        load_other(tmp_path, server.url)
    assert load_other(tmp_path, server.url).name == f"data from {server.url}"


def test_a_source_url_may_lack_its_last_slash(tmp_path):
    with serving(OTHER) as server:
        assert load_other(tmp_path, server.url.rstrip("/")).name == f"data from {server.url}"
        assert load_other(tmp_path, server.url).name == f"data from {server.url}"


def test_a_password_in_the_url_stays_out_of_the_name(tmp_path):
    with serving(OTHER) as server:
        data = load_other(tmp_path, server.url.replace("http://", "http://ann:secret@"))
    assert data.name == f"data from {server.url}"
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_mnist_from_a_source_url_is_called_mnist(tmp_path, mnist):
    with serving(mnist) as server:
        assert load_other(tmp_path, server.url).name == "MNIST"


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_a_directory_of_other_data_does_not_pass_as_mnist(tmp_path, mnist, mirrors, dataset):
    with serving(OTHER) as server:
        load_other(tmp_path, server.url)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with serving(mnist) as server:
        mirrors(server)
        with pytest.raises(DataError, match="holds other data than MNIST"):
            load(tmp_path, dataset=dataset)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_data_of_two_sources_is_not_mixed_in_one_directory(tmp_path):
    with serving(OTHER) as first, serving(digit_files.payloads(train=40, test=30, seed=5)) as second:
        load_other(tmp_path, first.url)
        (tmp_path / f"{TRAIN_IMAGES}.gz").unlink()
        with pytest.raises(DataError, match=rf"holds data from {first.url}, expected data from {second.url}"):
            load_other(tmp_path, second.url)


def test_other_data_is_not_mixed_with_mnist(tmp_path, mnist):
    digit_files.write(tmp_path, mnist)
    (tmp_path / f"{TRAIN_LABELS}.gz").unlink()
    with serving(OTHER) as server, pytest.raises(DataError, match=r"40 items, expected (60|the 60 of MNIST)"):
        load_other(tmp_path, server.url)
    assert f"{TRAIN_LABELS}.gz" not in names_in(tmp_path)


def test_dataset_mnist_takes_nothing_else_from_a_source_url(tmp_path, mnist):
    with serving(OTHER) as server, pytest.raises(DataError, match="40 items, expected the 60 of MNIST"):
        load_other(tmp_path, server.url, dataset="mnist")
    assert names_in(tmp_path) == []


def test_other_data_is_never_replaced_by_synthetic_digits(tmp_path):
    with pytest.raises(DataError, match="cannot be reached"):
        load_other(tmp_path, digit_files.closed_port_url())


def test_a_directory_of_mnist_does_not_pass_as_other_data(tmp_path, mnist):
    digit_files.write(tmp_path, mnist)
    with (
        serving(OTHER) as server,
        pytest.raises(DataError, match=rf"holds MNIST, expected data from {server.url}. Choose"),
    ):
        load_other(tmp_path, server.url)


def test_mnist_that_came_from_a_source_url_is_loaded_again_without_network(tmp_path, mnist):
    with serving(mnist) as server:
        load_other(tmp_path, server.url)
    assert load_other(tmp_path, server.url).name == "MNIST"


@pytest.mark.parametrize("url", ["http://yann.lecun.com/exdb/mnist", mnist_files.MIRRORS[0].replace("https", "http")])
def test_the_address_of_mnist_itself_may_be_the_source_url_of_a_directory_of_mnist(tmp_path, mnist, url):
    digit_files.write(tmp_path, mnist)
    assert load_other(tmp_path, url).name == "MNIST"


def test_labels_that_do_not_match_the_images_of_other_data_are_refused(tmp_path):
    mismatched = {**OTHER, TRAIN_LABELS: digit_files.labels_payload(39)}
    with (
        serving(mismatched) as server,
        pytest.raises(DataError, match=r"39 items, expected 40: as many as train-images"),
    ):
        load_other(tmp_path, server.url)
    assert f"{TRAIN_LABELS}.gz" not in names_in(tmp_path)


def test_mismatched_files_in_the_directory_are_fetched_again(tmp_path):
    digit_files.write(tmp_path, {**OTHER, TRAIN_LABELS: digit_files.labels_payload(39)})
    with serving(OTHER) as server:
        assert load_other(tmp_path, server.url).sha256 == digit_files.sha256_of(OTHER)


# --- processes ---------------------------------------------------------------------------------------------------


def start_loading(directory, url):
    code = (
        "import json, sys, input_data\n"
        "data = input_data.read_data_sets(sys.argv[1], validation_size=5, source_url=sys.argv[2])\n"
        "print(json.dumps(data.sha256))"
    )
    command = [sys.executable, "-c", code, str(directory), url]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_fill_one_directory_at_once(tmp_path):
    together = threading.Barrier(2)

    def once_both_ask(handler):
        if TRAIN_IMAGES in handler.path:
            together.wait(PATIENCE)
        return False

    with serving(OTHER, once_both_ask) as server:
        processes = [start_loading(tmp_path, server.url) for _ in range(2)]
        outputs = [process.communicate(timeout=PATIENCE) for process in processes]
    for output, errors in outputs:
        assert output, errors
        assert json.loads(output) == digit_files.sha256_of(OTHER)
    assert names_in(tmp_path) == sorted([*GZIPPED_NAMES, data_directory.SOURCE_NOTE])


def test_a_download_killed_halfway_leaves_no_bad_file_and_is_made_good(tmp_path):
    half_sent = threading.Event()

    def half(handler):
        if half_sent.is_set():
            return False
        body = handler.server.bodies[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        half_sent.set()
        handler.server.over.wait(PATIENCE)
        return True

    with serving(OTHER, half) as server:
        process = start_loading(tmp_path, server.url)
        assert half_sent.wait(PATIENCE)
        leftovers = wait_for_temporary_file(tmp_path)
        process.kill()
        process.communicate(timeout=PATIENCE)
        assert names_in(tmp_path) == leftovers
        assert load_other(tmp_path, server.url).sha256 == digit_files.sha256_of(OTHER)
    assert names_in(tmp_path) == sorted([*leftovers, *GZIPPED_NAMES, data_directory.SOURCE_NOTE])


def wait_for_temporary_file(directory):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if names := names_in(directory):
            assert all(name.startswith(".") and name.endswith(".part") for name in names)
            return names
        time.sleep(0.01)
    raise AssertionError("no temporary file appeared")


def test_a_directory_is_looked_through_for_them_once_a_week_however_many_files_are_written(tmp_path, monkeypatch):
    looked, glob = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: looked.append(path) or glob(path, pattern))
    now = time.time()
    for number in range(10):
        with files.atomic_file(tmp_path / f"{number}.json"):
            pass
    assert looked == [tmp_path]
    files._remove_stale(tmp_path, now + 2 * files.STALE_AFTER)
    assert looked == [tmp_path, tmp_path]


def test_temporary_files_of_killed_processes_go_after_a_week(tmp_path, mnist, mirrors):
    fresh = tmp_path / f".{TRAIN_IMAGES}.gz.123-0123abcd.part"
    stale = tmp_path / f".{TRAIN_IMAGES}.gz.124-0123abcd.part"
    foreign = tmp_path / ".somebody-elses.part"
    for path in (fresh, stale, foreign):
        path.write_bytes(b"half")
    for path in (stale, foreign):
        os.utime(path, (time.time() - 8 * 86_400, time.time() - 8 * 86_400))
    with serving(mnist) as server:
        mirrors(server)
        load(tmp_path)
    assert names_in(tmp_path) == sorted([fresh.name, foreign.name, *GZIPPED_NAMES])
