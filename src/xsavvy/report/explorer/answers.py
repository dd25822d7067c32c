# SPDX-License-Identifier: Apache-2.0
"""What each request gets: a method, a path and a query in, a typed answer out, as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from xsavvy.api import UsageError
from xsavvy.api.address import path_numbers, the_pairs, world_address
from xsavvy.api.exploring import Explorer

from .guard import Refused

__all__ = ["Answers", "Failure", "failure"]

MOST_STEPS = 20_000
WORLD = ("scenario", "kernel", "platform", "set")
_NUMBER = re.compile("[0-9]{1,9}")

Pairs = Mapping[str, Sequence[str]]
Route = tuple[tuple[str, ...], Callable[[Pairs], object]]


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer, in one line."""

    error: str


def failure(why: str) -> bytes:
    """Return the JSON of a failure."""
    return msgspec.json.encode(Failure(" ".join(why.split())))


@dataclass(frozen=True)
class Answers:
    """Everything that the page can ask for."""

    explorer: Explorer

    def answer(self, method: str, path: str, query: str, body: bytes) -> bytes:
        """Answer a request. Raises Refused, UsageError."""
        del body
        if method != "GET":
            raise Refused(HTTPStatus.NOT_FOUND, "nothing is here")
        return self.get(path, query)

    def get(self, path: str, query: str) -> bytes:
        """Answer a GET request. Raises Refused, UsageError."""
        routes: dict[str, Route] = {
            "/api/catalog": ((), self._catalog),
            "/api/world": (WORLD, self._world),
            "/api/walk": ((*WORLD, "path", "digest", "since"), self._walk),
            "/api/run": ((*WORLD, "path", "digest", "since", "until", "limit"), self._run),
        }
        if path not in routes:
            raise Refused(HTTPStatus.NOT_FOUND, "nothing is here")
        names, answer = routes[path]
        pairs = the_pairs(query, "query")
        for name in pairs:
            if name not in names:
                raise UsageError(
                    f"query: {name[:40]!r}: expected {', '.join(names) or 'no parameter'}"
                )
        return msgspec.json.encode(answer(pairs))

    def _catalog(self, _pairs: Pairs) -> object:
        return self.explorer.catalog()

    def _world(self, pairs: Pairs) -> object:
        return self.explorer.world(world_address(pairs))

    def _walk(self, pairs: Pairs) -> object:
        return self.explorer.walk(
            world_address(pairs),
            path_numbers(_text(pairs, "path")),
            digest=_text(pairs, "digest"),
            since=_number(pairs, "since", 0),
        )

    def _run(self, pairs: Pairs) -> object:
        return self.explorer.run(
            world_address(pairs),
            path_numbers(_text(pairs, "path")),
            until=_text(pairs, "until") or "guest",
            limit=_number(pairs, "limit", 500),
            digest=_text(pairs, "digest"),
            since=_number(pairs, "since", 0),
        )


def _text(pairs: Pairs, name: str) -> str:
    found = pairs.get(name, [""])
    if len(found) != 1:
        raise UsageError(f"query: {name}: expected once")
    return found[0]


def _number(pairs: Pairs, name: str, default: int) -> int:
    text = _text(pairs, name)
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or int(text) > MOST_STEPS:
        raise UsageError(f"query: {name}={text[:40]!r}: expected a number up to {MOST_STEPS}")
    return int(text)
