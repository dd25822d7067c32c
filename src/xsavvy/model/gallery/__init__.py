# SPDX-License-Identifier: Apache-2.0
"""The gallery: what went wrong upstream, one manifest a bug.

A manifest names a world in which a general property is violated, the same world with the fix, in which it holds, and
the counts of both. A bug that the model cannot express has a reason in place of these. The files beside this module
are the ones that come with xsavvy; a user's own have the same form.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

__all__ = ["BrokenManifest", "Bug", "Expected", "WrongFix", "bugs", "read_manifest"]

LIMIT = 1 << 16
WORLD = ("scenario", "platform", "before", "after", "property", "before_expected", "after_expected")


class BrokenManifest(ValueError):
    """A manifest that cannot be used; the message is one line: file, what, what was expected."""


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an exploration counted when somebody last looked; `depth` is that of the shortest trace."""

    states: int
    depth: int | None = None


class WrongFix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fix that somebody proposed and that is refuted: another kernel or design, and the property that it violates."""

    title: str
    property: str
    depth: int
    kernel: str = ""
    scenario: str = ""
    choices: Mapping[str, str] = {}


class Bug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One manifest; `property` is the one that is violated, `commits` are the fix.

    `evidence` grades what was read of the fix: A its text, B its title, C nothing (from memory).
    Either the world and its counts are there, or `reason` says why the model cannot express the bug.
    """

    id: str
    title: str
    commits: list[str]
    source: str
    evidence: str
    known_bug: str = ""
    cve: str = ""
    scenario: str = ""
    platform: str = ""
    before: str = ""
    after: str = ""
    property: str = ""
    story: str = ""
    reason: str = ""
    choices: Mapping[str, str] = {}
    before_expected: Expected | None = None
    after_expected: Expected | None = None
    wrong_fix: list[WrongFix] = []


def read_manifest(path: Path) -> Bug:
    """Read one manifest. Raises BrokenManifest."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise BrokenManifest(f"{path}: cannot be read: {error.strerror}") from None
    return _decoded(data, str(path))


@cache
def bugs() -> tuple[Bug, ...]:
    """Return the gallery that comes with xsavvy, in the order of the bugs' numbers."""
    found = [
        _decoded(each.read_bytes(), each.name)
        for each in files(__name__).iterdir()
        if each.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=_place))


def _place(bug: Bug) -> tuple[int, str]:
    digits = "".join(char for char in bug.known_bug if char.isdigit())
    return int(digits or 1000), bug.id


def _decoded(data: bytes, where: str) -> Bug:
    if len(data) > LIMIT:
        raise BrokenManifest(f"{where}: more than {LIMIT} bytes, expected a small TOML file")
    try:
        bug = msgspec.toml.decode(data, type=Bug)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BrokenManifest(f"{where}: {error}") from None
    _complete(bug, where)
    return bug


def _complete(bug: Bug, where: str) -> None:
    missing = [name for name in WORLD if not getattr(bug, name)]
    given = [name for name in WORLD if getattr(bug, name)]
    if bug.reason and given:
        raise BrokenManifest(f"{where}: a bug with a reason has no {given[0]!r}")
    if not bug.reason and missing:
        raise BrokenManifest(f"{where}: expected {missing[0]!r}, or a reason why there is none")
    if bug.before_expected is not None and bug.before_expected.depth is None:
        raise BrokenManifest(f"{where}: before_expected: expected the depth of the trace")
