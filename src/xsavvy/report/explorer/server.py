# SPDX-License-Identifier: Apache-2.0
"""The server of one session: on 127.0.0.1, with a bounded number of connections at a time."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from .answers import Answers
from .connection import Connection

__all__ = ["ExplorerServer"]

ADDRESS = "127.0.0.1"
MOST_CONNECTIONS = 32
PATIENCE = 15.0
"""Seconds that a client has for its request, and again for taking the reply."""

LINGER = 1.0
"""Seconds in which a refused client may still send, so that it reads why before the connection breaks."""

BUSY = (
    b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    b'{"error":"too many connections"}'
)


class ExplorerServer(ThreadingHTTPServer):
    """Serves a page and what it asks for; port 0 takes a free one. Raises OSError.

    `patience` is the time in seconds that a client has for its request.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, answers: Answers, page: bytes, policy: str, *, token: str, port: int = 0
    ) -> None:
        self.answers = answers
        self.page = page
        self.policy = policy
        self.token = token
        self.patience = PATIENCE
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((ADDRESS, port), Connection)

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.port}/"

    def server_bind(self) -> None:
        """Bind without asking for the name of this machine, which may take the network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there is place for one more."""
        if not self._places.acquire(blocking=False):
            request.setblocking(False)
            with suppress(OSError):  # nobody may wait for it
                request.send(BUSY)
            request.close()
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._places.release()
            self.close_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make place for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def shutdown_request(self, request: Any) -> None:
        """End a connection after what the client still sends, so that it gets its reply."""
        until = time.monotonic() + LINGER
        with suppress(OSError):  # it may be gone already
            request.shutdown(socket.SHUT_WR)
            request.settimeout(LINGER)
            while time.monotonic() < until and request.recv(1 << 16):
                pass
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that went away."""
