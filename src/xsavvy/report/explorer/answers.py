# SPDX-License-Identifier: Apache-2.0
"""What each request gets: a method, a path and a query in, a typed answer out, as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from xsavvy.api import UsageError
from xsavvy.api.explorer.address import WorldAddress, path_numbers, the_pairs, world_address
from xsavvy.api.explorer.exploring import Explorer
from xsavvy.api.explorer.seeking import Searches

from .guard import Refused

__all__ = ["Answers", "Failure", "failure"]

MOST_STEPS = 20_000
WORLD = ("scenario", "kernel", "platform", "set")
WALK = (*WORLD, "path", "digest", "since")
OTHER = tuple(f"other.{name}" for name in WORLD)
_NUMBER = re.compile("[0-9]{1,9}")
_SEARCH = re.compile("/api/search/([0-9]{1,9})")

Pairs = Mapping[str, Sequence[str]]


class SearchWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request for a search; `path` is written as in a link, and the search goes on from its end."""

    world: WorldAddress
    property: str = ""
    witness: str = ""
    path: str = ""
    max_states: int | None = None


class Begun(msgspec.Struct, frozen=True):
    """A search that was begun."""

    job: int


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
    searches: Searches

    def answer(self, method: str, path: str, query: str, body: bytes) -> bytes:
        """Answer a request. Raises Refused, UsageError."""
        search = _SEARCH.fullmatch(path)
        match method:
            case "GET" if search is None:
                found = self._get(path, query)
            case "POST" if path == "/api/search":
                found = self._begin(body)
            case "GET" | "DELETE" if search is not None:
                found = self._search(int(search[1]), end=method == "DELETE")
            case _:
                raise Refused(HTTPStatus.NOT_FOUND, "nothing is here")
        return msgspec.json.encode(found)

    def _get(self, path: str, query: str) -> object:
        routes = {
            "/api/catalog": ((), self._catalog),
            "/api/world": (WORLD, self._world),
            "/api/walk": (WALK, self._walk),
            "/api/run": ((*WALK, "until", "limit"), self._run),
            "/api/lockstep": ((*WALK, *OTHER), self._lockstep),
        }
        if path not in routes:
            raise Refused(HTTPStatus.NOT_FOUND, "nothing is here")
        names, answer = routes[path]
        pairs = the_pairs(query, "query")
        for name in pairs:
            if name not in names:
                expected = ", ".join(names) or "no parameter"
                raise UsageError(f"query: {name[:40]!r}: expected {expected}")
        return answer(pairs)

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

    def _lockstep(self, pairs: Pairs) -> object:
        world = world_address(pairs)
        return self.explorer.lockstep(
            world,
            world_address(pairs, "other.", world),
            path_numbers(_text(pairs, "path")),
            digest=_text(pairs, "digest"),
            since=_number(pairs, "since", 0),
        )

    def _begin(self, body: bytes) -> object:
        try:
            wish = msgspec.json.decode(body, type=SearchWish)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"search: {error}") from None
        job = self.searches.begin(
            wish.world,
            property=wish.property,
            witness=wish.witness,
            path=path_numbers(wish.path),
            max_states=wish.max_states,
        )
        return Begun(job)

    def _search(self, number: int, *, end: bool) -> object:
        news = self.searches.end(number) if end else self.searches.look(number)
        if news is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"no search {number}")
        return news


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
