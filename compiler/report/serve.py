"""A folder of results served to the browser of this machine alone, for reading only."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nmc.errors import NmcError, ToolError
from nmc.report.html.site import Site
from nmc.report.sources import result_files

HOST = "127.0.0.1"


def serve(directory: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve the results in a folder until interrupted (Ctrl-C). Port 0 takes a free one.

    `ready` is called with the address. Raises UsageError where there is no such folder, ToolError where the port is
    taken.
    """
    result_files(directory)
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(Site(directory)))
    except (OSError, OverflowError) as error:
        raise ToolError(f"cannot listen on {HOST}:{port}: {error}", "give another one with --port") from None
    with server:
        ready(f"http://{HOST}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    """A handler for the pages of a site. What is asked for is looked up among them: no path is ever opened."""

    class Handler(BaseHTTPRequestHandler):
        server_version = "nmc"
        sys_version = ""

        def do_GET(self) -> None:
            """The page."""
            self._answer(body=True)

        def do_HEAD(self) -> None:
            """What the page's answer would say of it."""
            self._answer(body=False)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the terminal is the user's."""

        def _answer(self, *, body: bool) -> None:
            status, kind, text = self._page()
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if body:
                self.wfile.write(data)

        def _page(self) -> tuple[HTTPStatus, str, str]:
            if not self._asked_here():
                return HTTPStatus.FORBIDDEN, "text/plain", "nmc serves this machine alone\n"
            try:
                page = site.page(unquote(urlsplit(self.path).path).removeprefix("/"))
            except (NmcError, OSError) as error:
                return HTTPStatus.UNPROCESSABLE_ENTITY, "text/plain", f"nmc: {error}\n"
            if page is None:
                return HTTPStatus.NOT_FOUND, "text/plain", "there is no such page\n"
            return HTTPStatus.OK, "text/html", page

        def _asked_here(self) -> bool:
            """Whether the browser meant this address: a foreign name that leads here must not read results."""
            name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
            return name in (HOST, "localhost")

    return Handler
