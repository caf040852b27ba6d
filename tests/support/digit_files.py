"""Small data sets in MNIST's format, whole and damaged, and a loopback server that misbehaves as told."""

import contextlib
import gzip
import hashlib
import http.server
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from labkit.data import data_directory

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def images_payload(count: int, seed: int = 0, rows: int = 28, columns: int = 28, magic: int = 2051) -> bytes:
    """Make an IDX file of random images."""
    pixels = np.random.RandomState(seed).randint(256, size=(count, rows, columns), dtype=np.uint8)
    return struct.pack(">IIII", magic, count, rows, columns) + pixels.tobytes()


def labels_payload(count: int, magic: int = 2049) -> bytes:
    """Make an IDX file of the labels 0, 1, ... 9, 0, ..."""
    return struct.pack(">II", magic, count) + bytes(row % 10 for row in range(count))


def payloads(train: int = 60, test: int = 20, seed: int = 0) -> dict[str, bytes]:
    """Make the four files of a small data set."""
    return {
        TRAIN_IMAGES: images_payload(train, seed),
        TRAIN_LABELS: labels_payload(train),
        TEST_IMAGES: images_payload(test, seed + 1),
        TEST_LABELS: labels_payload(test),
    }


def write(directory: Path, files: dict[str, bytes], unpacked: bool = False) -> None:
    """Put `files` into `directory`, gzipped unless `unpacked`."""
    directory.mkdir(exist_ok=True)
    for name, payload in files.items():
        if unpacked:
            (directory / name).write_bytes(payload)
        else:
            (directory / f"{name}.gz").write_bytes(gzip.compress(payload, mtime=0))


def pixels_of(payload: bytes) -> np.ndarray:
    """Return the images in a payload as uint8 (n, 784)."""
    return np.frombuffer(payload[16:], np.uint8).reshape(-1, 784)


def sha256_of(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(payload).hexdigest() for name, payload in files.items()}


def pass_for_mnist(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Make a small data set pass for MNIST; return its payloads by name."""
    files = payloads()
    counts = {name: 60 if name.startswith("train") else 20 for name in NAMES}
    monkeypatch.setattr(data_directory, "MNIST_SHA256", sha256_of(files))
    monkeypatch.setattr(data_directory, "MNIST_COUNTS", counts)
    return files


def closed_port_url() -> str:
    """Return a URL at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


class Server(http.server.ThreadingHTTPServer):
    """Serves gzipped `files` on loopback; `respond` may answer a GET in its own way, and returns whether it did."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, files: dict[str, bytes], respond: Callable | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies = {f"/{name}.gz": gzip.compress(payload, mtime=0) for name, payload in files.items()}
        self.respond = respond or (lambda handler: False)
        self.requests: list[str] = []  # "GET /train-images-idx3-ubyte.gz", in order of arrival
        self.over = threading.Event()  # set when the test is over: a silent answer may stop waiting
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.server.requests.append(f"HEAD {self.path}")
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path}")
        if self.server.respond(self):
            return
        if self.path not in self.server.bodies:
            self.send_error(404)
            return
        self.send_body(self.server.bodies[self.path])

    def send_body(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(files: dict[str, bytes], respond: Callable | None = None) -> Iterator[Server]:
    """Run a Server until the block ends."""
    with Server(files, respond) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
