# SPDX-License-Identifier: Apache-2.0
"""Which requests are answered: those that the explorer's own page makes, and no other site's.

A browser lets any site send requests to 127.0.0.1. What such a request cannot do is name another Host or Origin than
its own (a rebound DNS name stands in Host), hide where it comes from (Sec-Fetch-Site), or read the token of the page.

One thing another site may do: lead here by a link. Then the browser leaves that site and shows our page (Fetch Metadata
calls that a navigation of a document), which nothing of that site can read or frame.
"""

from __future__ import annotations

import hmac
from email.message import Message
from http import HTTPStatus

__all__ = ["CHANGES", "METHODS", "TOKEN_HEADER", "Refused", "inspect"]

METHODS = ("GET", "POST", "DELETE")
CHANGES = ("POST", "DELETE")
TOKEN_HEADER = "X-Xsavvy"  # noqa: S105 (the header's name)
OWN_SITES = ("same-origin", "none")
LINK = {"Sec-Fetch-Mode": ["navigate"], "Sec-Fetch-Dest": ["document"]}
"""What the browser says of a link that somebody followed, whatever site it was on."""

HTTP_PORT = 80


class Refused(Exception):
    """A request that gets no answer: the status, and one line that says what was expected."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


def inspect(method: str, target: str, headers: Message, port: int, token: str) -> None:
    """Check where a request comes from; `target` is what its first line asks for. Raises Refused."""
    if method not in METHODS:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"method: expected {', '.join(METHODS)}")
    if headers.defects:
        raise Refused(HTTPStatus.BAD_REQUEST, "headers: expected lines NAME: VALUE")
    host = _only(headers, "Host")
    if host is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "Host: expected it once")
    if host.lower() not in _hosts(port):
        raise Refused(HTTPStatus.FORBIDDEN, f"Host: expected 127.0.0.1:{port}")
    origins = headers.get_all("Origin", [])
    if origins and origins != [f"http://{host.lower()}"]:
        raise Refused(HTTPStatus.FORBIDDEN, "Origin: expected this page's own")
    sites = headers.get_all("Sec-Fetch-Site", [])
    if any(site not in OWN_SITES for site in sites) and not _is_link(method, target, headers):
        raise Refused(HTTPStatus.FORBIDDEN, "Sec-Fetch-Site: expected same-origin")
    if method in CHANGES and not _has_token(headers, token):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"{TOKEN_HEADER}: expected the token of this server's page: load it anew",
        )


def _is_link(method: str, target: str, headers: Message) -> bool:
    said = {name: headers.get_all(name, []) for name in LINK}
    return method == "GET" and target == "/" and said == LINK


def _hosts(port: int) -> tuple[str, ...]:
    names = ("127.0.0.1", "localhost")
    bare = names if port == HTTP_PORT else ()
    return (*(f"{name}:{port}" for name in names), *bare)


def _only(headers: Message, name: str) -> str | None:
    found = headers.get_all(name, [])
    return str(found[0]).strip() if len(found) == 1 else None


def _has_token(headers: Message, token: str) -> bool:
    given = _only(headers, TOKEN_HEADER) or ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
