# SPDX-License-Identifier: Apache-2.0
"""A client that speaks to the explorer's server byte by byte."""

from __future__ import annotations

import json
import re
import socket
from typing import Any, NamedTuple

from xsavvy.report.explorer.session import Session

JSON = "application/json"


class Reply(NamedTuple):
    """What came back: the status, the headers in small letters, the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class Client:
    """Speaks to a session's server byte by byte."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.port = session.server.port
        self.token = session.server.token

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def send(self, data: bytes, *, more: bool = False) -> Reply:
        """Send bytes, and read until the server closes; with `more` the connection stays open for writing."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if not more:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has replied already
            found = bytearray()
            while part := connection.recv(1 << 16):
                found += part
        return parsed(bytes(found))

    def ask(self, target: str, method: str = "GET", /, *body: bytes, **headers: str) -> Reply:
        """Send a request as the page does, but for the headers given; an empty one is left out."""
        lines = {"Host": f"127.0.0.1:{self.port}"}
        if body:
            lines |= {"Content-Type": JSON, "Content-Length": str(len(body[0]))}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return self.send(
            f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + b"".join(body)
        )

    def search(self, body: object) -> Reply:
        """Begin a search as the page does."""
        return self.ask("/api/search", "POST", json.dumps(body).encode(), X_Xsavvy=self.token)


def parsed(data: bytes) -> Reply:
    """Take a reply apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert re.fullmatch(r"HTTP/1\.[01] [2-5]\d\d .*", first), data[:200]
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)


def refused(reply: Reply, status: int, words: str = "") -> None:
    """Check that a reply is a refusal of one line."""
    assert reply.status == status, reply
    assert reply.headers["content-type"] == JSON
    assert list(reply.json()) == ["error"]
    assert "\n" not in reply.json()["error"]
    assert words in reply.json()["error"]
