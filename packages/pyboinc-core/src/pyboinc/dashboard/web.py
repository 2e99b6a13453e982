"""The dashboard's server: for whoever has the token, on this computer unless told otherwise.

The token comes in the link that the command prints, and goes into a cookie that no script can read and no other site's
request carries. What changes the batch is a POST with the token in its form. Pages hold no script.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import bottle

from ..cli.change import cancel_batch, retire_batch
from ..cli.folder import Folder
from ..errors import PyBoincError
from . import page
from .source import Source

HEADERS = {
    "Content-Security-Policy": page.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY = ("0.0.0.0", "::", "")
ACTIONS: dict[str, Callable[[Folder], Folder]] = {"cancel": cancel_batch, "retire": retire_batch}
IDLE = 30  # seconds after which a connection that says nothing is closed


class Dashboard:
    """A WSGI application. host (str): the address that it is served at; requests for another name are refused."""

    def __init__(self, source: Source, host: str = LOOPBACK[0], token: str = "") -> None:
        self.token = token or secrets.token_urlsafe(24)
        self._source = source
        self._host = host
        self._cookie = f"pyboinc_{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"  # of its own: cookies know no ports
        self.wsgi: Any = bottle.Bottle()
        self.wsgi.route("/", callback=self._guarded(self._overview))
        self.wsgi.route("/style.css", callback=self._style)
        for verb in ACTIONS:
            self.wsgi.route(f"/{verb}", callback=self._guarded(partial(self._ask, verb)))
            self.wsgi.route(f"/{verb}", "POST", callback=self._guarded(partial(self._change, verb)))
        self.wsgi.add_hook("before_request", self._check_name)
        self.wsgi.default_error_handler = _plain_error

    def _check_name(self) -> None:
        """A page of another site whose name points here (DNS rebinding) gets nothing."""
        name = bottle.request.get_header("Host", "").rpartition(":")[0] or bottle.request.get_header("Host", "")
        if self._host not in ANY and name not in (*LOOPBACK, self._host, f"[{self._host}]"):
            raise bottle.HTTPResponse("not here", 421, **HEADERS)

    def _guarded(self, view: Callable[[], str]) -> Callable[[], Any]:
        """Only with the token; errors of PyBOINC's are pages."""

        def answer() -> Any:
            request = bottle.request
            if self._is_token(request.query.get("token", "")):
                return self._moved({"Set-Cookie": f"{self._cookie}={self.token}; HttpOnly; SameSite=Lax; Path=/"})
            if not self._is_token(request.get_cookie(self._cookie) or ""):
                return _html(page.message("Not for you", "Open the link that pyboinc dashboard has printed: it holds the token."), 403)
            try:
                made = view()
            except PyBoincError as error:
                return _html(page.message("This can't be shown or done", str(error)), 409)
            return made if isinstance(made, bottle.HTTPResponse) else _html(made)

        return answer

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self.token.encode())

    def _overview(self) -> str:
        return page.overview(self._source.look())

    def _ask(self, verb: str) -> str:
        return page.question(verb, self._source.look(), self.token)

    def _change(self, verb: str) -> Any:
        if not self._is_token(bottle.request.forms.get("token", "")):
            return _html(page.message("Not done", "The form had no token: go back and try again."), 403)
        try:
            there = ACTIONS[verb](self._source.folder())
        finally:
            self._source.forget()
        if there.checkpoint.state == "running":
            text = "The master is told to end, and does as soon as its handler or make_calls comes back to PyBOINC."
            return _html(page.message("Not ended yet", text), 202)
        return self._moved({})

    @staticmethod
    def _moved(headers: dict[str, str]) -> Any:
        return bottle.HTTPResponse("", 303, **HEADERS, **headers, Location="/")

    @staticmethod
    def _style() -> Any:
        return bottle.HTTPResponse(page.STYLE, 200, **HEADERS, **{"Content-Type": "text/css; charset=utf-8"})


def _html(text: str, status: int = 200) -> Any:
    return bottle.HTTPResponse(text, status, **HEADERS, **{"Content-Type": "text/html; charset=utf-8"})


def _plain_error(error: Any) -> str:
    for name, value in {**HEADERS, "Content-Type": "text/plain; charset=utf-8"}.items():
        bottle.response.set_header(name, value)
    return f"{error.status_line}\n"


class _Server(ThreadingMixIn, WSGIServer):
    """Browsers open connections that they don't use yet: a thread for each."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = IDLE

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the link with the token would be in it."""


def server(dashboard: Dashboard, host: str, port: int) -> WSGIServer:
    """Bound, not yet serving. port: 0 takes a free one. Raises OSError."""
    return make_server(host, port, dashboard.wsgi, _Server, _Handler)
