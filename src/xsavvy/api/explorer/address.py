# SPDX-License-Identifier: Apache-2.0
"""What a link to a moment says: a world, a path through it, and perhaps another world beside it.

A path is the numbers of the rules that were taken. It is written `11-29.86`: numbers joined by dots, a run of
consecutive numbers by its ends. Links come from anywhere, so every length is bounded.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from xsavvy.api.usage import UsageError

__all__ = [
    "LONGEST_LINK",
    "LONGEST_PATH",
    "Link",
    "WorldAddress",
    "chosen_values",
    "link_text",
    "path_numbers",
    "path_text",
    "read_link",
    "the_pairs",
    "world_address",
]

LONGEST_PATH = 20_000
"""Rules of a path."""

LONGEST_LINK = 65_536
"""Characters of a link, or of a query."""

MOST_PAIRS = 200
"""Names with a value in a link: far more than there are choices."""

_PIECE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?")


class WorldAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A world by names; an empty one stands for the default. `set` holds the choices that are not the kernel's."""

    scenario: str = ""
    kernel: str = ""
    platform: str = ""
    set: dict[str, str] = {}


class Link(msgspec.Struct, frozen=True):
    """What the fragment of an address holds.

    `at` is the number of steps of the path that are shown as done, None for all of them. `digest` names the model that
    the path was made in. `rest` keeps what only a page knows, such as its colors.
    """

    world: WorldAddress
    path: list[int] = []
    at: int | None = None
    digest: str = ""
    other: WorldAddress | None = None
    rest: dict[str, str] = {}


def path_numbers(text: str) -> list[int]:
    """Read a path. Raises UsageError.

    >>> path_numbers("11-13.86")
    [11, 12, 13, 86]
    """
    found: list[int] = []
    for piece in text.split(".") if text else ():
        match = _PIECE.fullmatch(piece)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else -1
        if last < first:
            raise UsageError(
                f"path: {piece[:40]!r}: expected a number of a rule, or two as in '11-29'"
            )
        if len(found) + last - first >= LONGEST_PATH:
            raise UsageError(f"path: expected at most {LONGEST_PATH} rules")
        found.extend(range(first, last + 1))
    return found


def path_text(path: Iterable[int]) -> str:
    """Write a path.

    >>> path_text([11, 12, 13, 86, 85])
    '11-13.86.85'
    """
    runs = groupby(enumerate(path), lambda each: each[1] - each[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ".".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in ends)


def the_pairs(query: str, where: str) -> dict[str, list[str]]:
    """Read the names and values of a query or of a fragment. Raises UsageError.

    >>> the_pairs("set=a%3Db&set=c=d&path=", "query")
    {'set': ['a=b', 'c=d'], 'path': ['']}
    """
    if len(query) > LONGEST_LINK:
        raise UsageError(f"{where}: expected at most {LONGEST_LINK} characters")
    if not query:
        return {}
    if not query.isascii():
        raise UsageError(f"{where}: expected ASCII, with everything else percent-encoded")
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_PAIRS,
        )
    except UnicodeDecodeError:
        raise UsageError(f"{where}: expected percent-encoded UTF-8") from None
    except ValueError:
        raise UsageError(
            f"{where}: expected at most {MOST_PAIRS} pairs NAME=VALUE joined by '&'"
        ) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def world_address(
    pairs: Mapping[str, Sequence[str]], prefix: str = "", base: WorldAddress | None = None
) -> WorldAddress:
    """Read a world from pairs; what they do not name is that of `base`. Raises UsageError.

    >>> world_address({"kernel": ["v6.18"], "set": ["pkru_switch=never"]}).set
    {'pkru_switch': 'never'}
    """
    base = base or WorldAddress()
    names = {
        name: _single(pairs, f"{prefix}{name}", getattr(base, name))
        for name in ("scenario", "kernel", "platform")
    }
    texts = pairs.get(f"{prefix}set")
    chosen = base.set if texts is None else chosen_values([each for each in texts if each])
    return WorldAddress(**names, set=dict(chosen))


def chosen_values(texts: Iterable[str]) -> dict[str, str]:
    """Read CHOICE=VALUE texts. Raises UsageError."""
    chosen: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise UsageError(f"set: {text[:80]!r}: expected CHOICE=VALUE")
        if chosen.get(name, value) != value:
            raise UsageError(f"set: {name[:80]!r} is set twice")
        chosen[name] = value
    return chosen


def read_link(text: str) -> Link:
    """Read a link: a whole address, or what follows its '#'. Raises UsageError.

    >>> read_link("#scenario=pkru&kernel=v6.18&path=11-13&at=2").path
    [11, 12, 13]
    """
    pairs = the_pairs(text.rpartition("#")[2], "link")
    world = world_address(pairs)
    beside = any(name.startswith("other.") for name in pairs)
    at = _single(pairs, "at", "")
    if at and not re.fullmatch("[0-9]{1,6}", at):
        raise UsageError(f"link: at={at[:40]!r}: expected a number of steps")
    known = {"scenario", "kernel", "platform", "set", "path", "at", "digest"}
    return Link(
        world=world,
        path=path_numbers(_single(pairs, "path", "")),
        at=int(at) if at else None,
        digest=_single(pairs, "digest", ""),
        other=world_address(pairs, "other.", world) if beside else None,
        rest={
            name: values[-1]
            for name, values in pairs.items()
            if name not in known and not name.startswith("other.")
        },
    )


def link_text(link: Link) -> str:
    """Write a link, from its '#' on; the other world only in what differs.

    >>> link_text(Link(WorldAddress("pkru", "v6.18"), [11, 12], other=WorldAddress("pkru", "v6.19")))
    '#scenario=pkru&kernel=v6.18&path=11-12&other.kernel=v6.19'
    """
    pairs = list(_world_pairs(link.world, WorldAddress(), ""))
    if link.path:
        pairs.append(("path", path_text(link.path)))
    if link.at is not None:
        pairs.append(("at", str(link.at)))
    if link.digest:
        pairs.append(("digest", link.digest))
    if link.other is not None:
        pairs += list(_world_pairs(link.other, link.world, "other.")) or [
            ("other.kernel", link.other.kernel)
        ]
    pairs += link.rest.items()
    return "#" + urlencode(pairs, quote_via=quote, safe="=")


def _world_pairs(world: WorldAddress, base: WorldAddress, prefix: str) -> Iterable[tuple[str, str]]:
    for name in ("scenario", "kernel", "platform"):
        if getattr(world, name) != getattr(base, name):
            yield f"{prefix}{name}", getattr(world, name)
    if world.set != base.set:
        for name, value in world.set.items():
            yield f"{prefix}set", f"{name}={value}"
        if not world.set:
            yield f"{prefix}set", ""


def _single(pairs: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    values = pairs.get(name, (default,))
    if len(values) != 1:
        raise UsageError(f"{name}: expected once, and it is there {len(values)} times")
    return values[0]
