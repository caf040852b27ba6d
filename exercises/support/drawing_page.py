"""Serves the page of phone.py, on which one draws a digit, with Python's own web server.

There are three files and one question to answer, all behind a secret in the address, so a page of another site can't
ask. What is asked is checked before it is used, and is small; nothing of it is kept.
"""

import http
import json
import os
import secrets
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from exercises.support.strokes import NotStrokes, check_strokes, draw_as_mnist

FOLDER = Path(__file__).with_name("drawing")
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address has the secret in it
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LARGEST = 128 * 1024  # bytes of a question: more than the 4,000 points of strokes.py take
CONNECTIONS = 200  # at once: a browser keeps a few, and a class has thirty
PATIENCE = 30  # seconds that a connection may stay silent
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another: somebody may have to type the address
SECRET_LENGTH = 10  # of 31 letters each: 8e14 addresses
PORT = 8000  # for a room, if it is free: easy to type

Logits = Callable[[np.ndarray], np.ndarray]  # images (N, 784) to (N, 10)


class DrawingServer(ThreadingHTTPServer):
    """The server: `address` is where the page is, and `serve_forever` runs it."""

    daemon_threads = True  # the end of the program is the end of them
    allow_reuse_address = os.name != "nt"  # there it would let two programs have one port

    def __init__(self, logits: Logits, room: bool = False) -> None:
        """Listen on this machine alone, or for the room: on all its networks. Raises OSError where it can't."""
        self._logits, self._at_once = logits, threading.Lock()  # the interpreter answers one at a time
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self.secret = "".join(secrets.choice(LETTERS) for _ in range(SECRET_LENGTH))
        try:
            super().__init__(("" if room else "127.0.0.1", PORT if room else 0), _Handler)
        except OSError:
            if not room:
                raise
            super().__init__(("", 0), _Handler)
        host = own_address() if room else "127.0.0.1"
        self.address = f"http://{host}:{self.server_address[1]}/{self.secret}/"

    def server_bind(self) -> None:
        """Bind, without asking a name server who we are, as HTTPServer does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def answer(self, strokes: Any) -> dict[str, list[float] | list[int]]:
        """Return the probabilities of the ten digits, and the image they are of; raise NotStrokes for anything else."""
        image = draw_as_mnist(check_strokes(strokes))
        with self._at_once:
            logits = np.asarray(self._logits(image.reshape(1, 784)), np.float64)[0]
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        grey = np.round(255 * image).astype(int)
        return {"probabilities": [round(float(p), 4) for p in probabilities], "image": grey.ravel().tolist()}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, unless there are too many already."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Do as the base class does, and count the thread as free again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in a line what went wrong; that somebody hung up is nothing to say."""
        error = sys.exception() if sys.version_info >= (3, 11) else sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"warning: the page could not answer: {type(error).__name__}: {error}", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # one connection for all that a finger draws
    server_version, sys_version = "exercises", ""
    timeout = PATIENCE
    disable_nagle_algorithm = True  # an answer goes out at once

    @property
    def _page(self) -> DrawingServer:
        assert isinstance(self.server, DrawingServer)
        return self.server

    def do_GET(self) -> None:
        name = self._name()
        if name not in FILES:
            return self._refuse(404)
        file, kind = FILES[name]
        return self._send(200, (FOLDER / file).read_bytes(), kind)

    def do_POST(self) -> None:
        if self._name() != "guess":
            return self._refuse(404)
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not length:
            return self._refuse(411)
        if not (length.isascii() and length.isdigit()):
            return self._refuse(400)
        if len(length) > 10 or int(length) > LARGEST:
            return self._refuse(413)
        if self.headers.get_content_type() != "application/json":
            return self._refuse(415)
        body = self.rfile.read(int(length))
        try:
            question = json.loads(body)
            if len(body) != int(length) or not isinstance(question, dict) or set(question) != {"strokes"}:
                return self._refuse(400)
            answer = self._page.answer(question["strokes"])
        except (NotStrokes, ValueError, RecursionError):
            return self._refuse(400)
        return self._send(200, json.dumps(answer).encode(), "application/json")

    def _name(self) -> str | None:
        """Return what is asked for behind the secret, or None where the secret is wrong."""
        secret, slash, name = self.path.partition("?")[0].removeprefix("/").partition("/")
        right = secrets.compare_digest(secret.encode(), self._page.secret.encode())
        return name if right and slash else None

    def _refuse(self, status: int) -> None:
        self.close_connection = True  # what else was sent is not read
        self._send(status, f"{status} {http.HTTPStatus(status).phrase}\n".encode(), "text/plain; charset=utf-8")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP as everything else is refused: without repeating what was sent."""
        self._refuse(code)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}
        headers |= {"Connection": "close"} if self.close_connection else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the script's lines are for who drew."""


def own_address() -> str:
    """Return this machine's address in the network that it is in; nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(("192.0.2.1", 9))  # an address of nobody: which way would it go?
            return connection.getsockname()[0]
        except OSError:  # there is no network
            return "127.0.0.1"
