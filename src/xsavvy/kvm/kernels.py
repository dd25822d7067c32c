# SPDX-License-Identifier: Apache-2.0
"""Kernels: names for sets of commits.

A version is the set of commits first released up to it. A distribution's kernel is such a set with some added
(`distributions`), and any set can be named by adding and taking away: `v6.12+b45f72177594`, `v6.19-7649412af3ea`.
"""

import difflib
import re
from dataclasses import dataclass

from .commits import COMMITS, Commit, release_number
from .distributions import DISTRIBUTIONS

__all__ = ["NEWEST", "OLDEST", "RELEASES", "Kernel", "UnknownKernel", "kernel"]

RELEASES = (
    *(f"v3.{minor}" for minor in range(10, 20)),
    *(f"v4.{minor}" for minor in range(21)),
    *(f"v5.{minor}" for minor in range(20)),
    *(f"v6.{minor}" for minor in range(20)),
    *(f"v7.{minor}" for minor in range(4)),
)
"""Versions that can be named.

v7.3 stands for what was read of Debian's 7.3.4 source, which differs from 7.2 in no modelled step.
"""

OLDEST = RELEASES[0]
NEWEST = RELEASES[-1]

_DISTRIBUTIONS = {each.name: each for each in DISTRIBUTIONS}
_EDIT = re.compile(r"([+-])([^+-]*)")


class UnknownKernel(ValueError):
    """A kernel that cannot be named so; the message gives the nearest valid names."""


@dataclass(frozen=True)
class Kernel:
    """A set of commits and the text that named it."""

    name: str
    commits: frozenset[str]

    def __contains__(self, commit: object) -> bool:
        return commit in self.commits


def _release(text: str) -> frozenset[str]:
    if text in _DISTRIBUTIONS:
        found = _DISTRIBUTIONS[text]
        return _release(found.base) | frozenset(found.adds)
    if text not in RELEASES:
        names = (*RELEASES, *_DISTRIBUTIONS)
        near = difflib.get_close_matches(text, names, n=3, cutoff=0.3) or (OLDEST, NEWEST)
        raise UnknownKernel(
            f"kernel {text!r}: expected a version from {OLDEST} to {NEWEST}; nearest: {', '.join(near)}"
        )
    return frozenset(
        commit.id for commit in COMMITS if release_number(commit.release) <= release_number(text)
    )


def _base(text: str) -> str:
    """Return what a name starts with: a distribution's kernel, whose name may have a dash, or a version."""
    ours = [
        name for name in _DISTRIBUTIONS if text == name or text.startswith((f"{name}+", f"{name}-"))
    ]
    if ours:
        return max(ours, key=len)
    marks = r"[+-]" if text.startswith("v") else r"\+"
    return re.split(marks, text, maxsplit=1)[0]


def _commit(text: str, whole: str) -> Commit:
    found = [commit for commit in COMMITS if text and commit.id.startswith(text)]
    if len(found) != 1:
        near = difflib.get_close_matches(text, [commit.id for commit in COMMITS], n=3, cutoff=0.3)
        hint = f"; nearest: {', '.join(near)}" if near else "; see: xsavvy list commits"
        raise UnknownKernel(f"kernel {whole!r}: {text!r} is not one commit of the table{hint}")
    return found[0]


def kernel(text: str) -> Kernel:
    """Return the kernel that a text names: a version or a distribution's, then `+ID` and `-ID` in any number.

    Raises UnknownKernel.

    >>> "b45f72177594" in kernel("v6.18"), "b45f72177594" in kernel("v6.18+b45f72177594")
    (False, True)
    """
    release = _base(text)
    commits = _release(release)
    for sign, name in _EDIT.findall(text[len(release) :]):
        commit = _commit(name, text)
        commits = commits | {commit.id} if sign == "+" else commits - {commit.id}
    return Kernel(text, commits)
