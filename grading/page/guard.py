"""Who may use the page: the browser that opened the address with the secret, here, and no other page in it.

The page is on 127.0.0.1, the reports on localhost: to a browser these are two sites, so that a report gets neither the
page's cookie nor a word of its pages.
"""

import secrets
from dataclasses import dataclass, field

from flask import Flask, Response, abort, make_response, request

PAGE_HOST, REPORTS_HOST = "127.0.0.1", "localhost"
FORM_TOKEN, COOKIE = "csrf", "page"


@dataclass(frozen=True)
class Secrets:
    """What no client but this browser knows; new at each start."""

    # Below which all addresses are: cookies don't know of ports, so the cookie is for this path. A server of another
    # user of this machine, on another port, does not get it.
    root: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(16)}")
    address: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # in the address that is printed
    # In the address that a browser is started with, where other users of the machine may read it: it opens once.
    once: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # in each form of the page
    reports: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # in the addresses of the reports


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing."""
    return secrets.compare_digest(one.encode(), other.encode())


def guard_page(app: Flask, known: Secrets, port: int, reports_port: int) -> None:
    """Refuse each request that is not of the page's own browser; say in each answer what a browser may do with it."""
    host, origin = f"{PAGE_HOST}:{port}", f"http://{PAGE_HOST}:{port}"
    unused = {known.once}

    @app.before_request
    def check() -> Response | None:
        if request.host != host:  # another name for this machine, as in an attack by DNS rebinding
            abort(403, f"This page is at {origin} only.")
        if request.endpoint == "enter":
            return None
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(403, "Another page asked for this one.")
        if not same(request.cookies.get(COOKIE, ""), known.cookie):
            abort(403, "Open the address that the command has printed: it lets this browser in.")
        if request.method == "POST" and (
            request.headers.get("Origin") != origin or not same(request.form.get(FORM_TOKEN, ""), known.form)
        ):
            abort(403, "This form is not of this page, or of an earlier start of it: load the page again.")
        return None

    @app.get("/enter/<secret>")
    def enter(secret: str) -> Response:
        if same(secret, known.once) and not unused:
            abort(403, "This address has opened a browser already. If it was not yours, end the page with Ctrl-C.")
        if not same(secret, known.address) and not same(secret, known.once):
            abort(403, "This is not the address that the command has printed.")
        unused.discard(secret)
        # No redirect: behind a link on another site, a browser would not send the new cookie along.
        onward = f'<meta http-equiv="refresh" content="0;url={known.root}/">'
        answer = make_response(f"<!DOCTYPE html>{onward}<title>Class page</title>")
        answer.set_cookie(COOKIE, known.cookie, path=known.root, httponly=True, samesite="Strict")
        return answer

    @app.after_request
    def restrict(answer: Response) -> Response:
        frames = f"frame-src 'self' http://{REPORTS_HOST}:{reports_port}; frame-ancestors 'self'"
        return _restricted(
            answer,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
            f"form-action 'self'; base-uri 'none'; {frames}",
        )


def guard_reports(app: Flask, port: int, page_port: int) -> None:
    """Refuse requests to the reports under any other name; let nothing but the page put one into a frame."""

    @app.before_request
    def check() -> None:
        if request.host != f"{REPORTS_HOST}:{port}":
            abort(403)

    @app.after_request
    def restrict(answer: Response) -> Response:
        return _restricted(answer, f"default-src 'none'; frame-ancestors http://{PAGE_HOST}:{page_port}")


def _restricted(answer: Response, policy: str) -> Response:
    answer.headers["Content-Security-Policy"] = answer.headers.get("Content-Security-Policy", policy)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"  # addresses are secrets; "no-referrer" hides a form's origin
    answer.headers["Cache-Control"] = "no-store"
    return answer
