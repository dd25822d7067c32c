# SPDX-License-Identifier: Apache-2.0
"""One connection: one request is read within bounds of size and time, and one reply is written.

A client may send anything, as slowly as it likes. It gets one reply, at most, and the connection ends.
"""

from __future__ import annotations

import io
import socket
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from xsavvy.api import UsageError
from xsavvy.api.explorer.address import LONGEST_LINK
from xsavvy.report.text import escape

from .answers import failure
from .guard import CHANGES, METHODS, Refused, inspect

if TYPE_CHECKING:
    from .server import ExplorerServer

__all__ = ["LONGEST_BODY", "Connection"]

LONGEST_BODY = 65_536
MOST_BYTES = 3 * LONGEST_LINK
"""Bytes of a whole request: a long line, headers, a body."""

JSON = "application/json"
HTML = "text/html; charset=utf-8"
POLICY = "default-src 'none'; frame-ancestors 'none'"


class Patient(io.RawIOBase):
    """Reads a socket until a moment or a number of bytes, whatever comes first; then it has an end."""

    def __init__(self, connection: socket.socket, seconds: float, limit: int) -> None:
        self._socket = connection
        self._until = time.monotonic() + seconds
        self._left = limit

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there; nothing more after the limit. Raises TimeoutError."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not self._left:
            return 0
        self._socket.settimeout(left)
        count = self._socket.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


class Connection(BaseHTTPRequestHandler):
    """Answers the one request of a connection."""

    server: ExplorerServer
    default_request_version = "HTTP/1.0"

    def setup(self) -> None:
        """Read through bounds; write with a time limit."""
        super().setup()
        self.rfile = io.BufferedReader(Patient(self.connection, self.server.patience, MOST_BYTES))

    def handle(self) -> None:
        """Read the request, reply, and be done."""
        self.command, self.requestline, self.request_version = "", "", "HTTP/1.0"
        self._replied = False
        try:
            self._one_request()
        except TimeoutError:
            self.send_error(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")
        except ConnectionError:
            pass  # nobody is there any more

    def _one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(LONGEST_LINK + 1)
        if len(self.raw_requestline) > LONGEST_LINK:
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG, "the request line is too long")
        elif self.raw_requestline and self.parse_request():
            self._answer()

    def _answer(self) -> None:
        try:
            inspect(self.command, self.path, self.headers, self.server.port, self.server.token)
            body = self._body()
            self.reply(HTTPStatus.OK, *self._found(body))
        except Refused as refused:
            self.send_error(refused.status, refused.why)
        except UsageError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
        except (TimeoutError, ConnectionError):
            raise
        except Exception as error:  # a mistake of ours must not end the session
            told = escape(" ".join(f"{type(error).__name__}: {error}".split()))
            sys.stderr.write(f"xsavvy: explore: {self.command}: {told}\n")
            self.send_error(
                HTTPStatus.INTERNAL_SERVER_ERROR, "a mistake of xsavvy; see its terminal"
            )

    def _found(self, body: bytes) -> tuple[bytes, str, str]:
        path, _, query = self.path.partition("?")
        if self.command == "GET" and path == "/":
            return self.server.page, HTML, self.server.policy
        return self.server.answers.answer(self.command, path, query, body), JSON, POLICY

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get_all("Transfer-Encoding"):
            raise Refused(HTTPStatus.BAD_REQUEST, "body: expected a Content-Length")
        if self.command not in CHANGES or (self.command == "DELETE" and not lengths):
            if lengths not in ([], ["0"]):
                raise Refused(HTTPStatus.BAD_REQUEST, "body: expected none")
            return b""
        text = lengths[0] if len(lengths) == 1 else ""
        if not (text.isascii() and text.isdigit()):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: expected a number, once")
        if len(text) > 9 or int(text) > LONGEST_BODY:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: expected at most {LONGEST_BODY} bytes"
            )
        if int(text) and self.headers.get_content_type() != JSON:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: expected {JSON}")
        body = self.rfile.read(int(text))
        if len(body) != int(text):
            raise Refused(HTTPStatus.BAD_REQUEST, "body: it ended before its end")
        return body

    def reply(self, status: HTTPStatus, body: bytes, kind: str, policy: str) -> None:
        """Write the one reply; nothing if one was begun before."""
        if self._replied:
            return
        self._replied = True
        self.connection.settimeout(self.server.patience)
        self.send_response_only(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(METHODS)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Write why there is no answer."""
        del explain  # http.server's own word for what the message says
        with suppress(OSError):  # nobody may wait for it
            status = HTTPStatus(code)
            self.reply(status, failure(message or status.phrase), JSON, POLICY)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Write no log."""
