"""Runs the class page on this machine: one server for the page, one for the reports, until Ctrl-C."""

import contextlib
import errno
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from grading.layout import SUBMISSIONS
from grading.options import GradingError
from grading.page.application import Page, reports_app
from grading.page.class_folder import ClassFolder, Order
from grading.page.guard import PAGE_HOST, Secrets

TRIES = 20  # of ports, where none was asked for


class _Quiet(WSGIRequestHandler):
    """Answers as HTTP/1.1, and keeps addresses, which have secrets in them, out of the terminal."""

    protocol_version = "HTTP/1.1"  # connections stay open

    def log(self, type: str, message: str, *args: object) -> None:
        if type == "error":
            super().log(type, message, *args)


def open_class(out: Path, assignment: Path) -> ClassFolder:
    """Return the class in a folder of results; raise GradingError where there is none."""
    if not (out / SUBMISSIONS).is_dir():
        raise GradingError(f"there are no results in {out}: grade the class first, and give its folder with --out")
    return ClassFolder(out, assignment, Order(secrets.randbits(64)))


def serve(out: Path, assignment: Path, *, port: int, browser: bool) -> None:
    """Show the page until Ctrl-C; `port` 0 is any that is free, with the next one for the reports.

    Raises KitError where the class or the assignment can't be read, and GradingError for a port that is taken.
    """
    folder = open_class(out, assignment)
    folder.read()  # all results, once: the first view shall not wait for that
    known = Secrets()
    with contextlib.ExitStack() as open_:
        port, sockets = _listen(port)
        page = Page(folder, known, port, port + 1)

        def folder_of(number: int) -> Path | None:
            with page.lock:
                student = folder.read().student(number)
            return folder.folder_of(student) if student else None

        reports = reports_app(folder_of, known.reports, port + 1, port)
        for server in (_server(page.app, sockets[0]), *(_server(reports, one) for one in sockets[1:])):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            open_.callback(server.shutdown)
        address = f"http://{PAGE_HOST}:{port}/enter/"
        print(
            f"The class page is at {address}{known.address}\nEnd it with Ctrl-C: all that you write is saved at once.",
            flush=True,
        )
        if browser and not webbrowser.open(address + known.once):
            print("note: no browser could be opened: open this address in one on this machine", file=sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    print("\nThe class page is closed.")


def _server(app: object, listening: socket.socket) -> BaseWSGIServer:
    host, port = listening.getsockname()[:2]
    server = make_server(
        host,
        port,
        app,  # pyright: ignore[reportArgumentType]
        threaded=True,
        request_handler=_Quiet,
        fd=listening.detach(),
    )
    server.daemon_threads = True  # pyright: ignore[reportAttributeAccessIssue] # of a mix-in: Ctrl-C waits for no browser
    return server


def _listen(port: int) -> tuple[int, list[socket.socket]]:
    """Return the port, and sockets: one for the page, and for the reports one on each loopback that there is."""
    for attempt in range(1 if port else TRIES):
        first = port or 20000 + secrets.randbelow(20000)
        sockets: list[socket.socket] = []
        try:
            sockets.append(_socket(PAGE_HOST, first, socket.AF_INET))
            sockets.append(_socket(PAGE_HOST, first + 1, socket.AF_INET))
            # Browsers may try the newer loopback first: nobody else is to answer there with something called a report.
            with _unless_taken():
                sockets.append(_socket("::1", first + 1, socket.AF_INET6))
        except OSError as error:
            for one in sockets:
                one.close()
            if port or attempt == TRIES - 1:
                raise GradingError(
                    f"port {first} or {first + 1} is taken ({error.strerror}): give another with --port"
                ) from error
            continue
        return first, sockets
    raise AssertionError("the last attempt raises")


@contextlib.contextmanager
def _unless_taken() -> Iterator[None]:
    """Do without a loopback that this machine does not have; raise OSError for a port that somebody else has there."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise


def _socket(host: str, port: int, family: socket.AddressFamily) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))
        one.listen()
    except OSError:
        one.close()
        raise
    return one
