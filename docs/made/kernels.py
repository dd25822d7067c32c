# SPDX-License-Identifier: Apache-2.0
"""Kernels, and what each release changed of what is modelled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from xsavvy import api
from xsavvy.kvm import RELEASES

from .markdown import code, plain, table

__all__ = ["changes_block", "kernels_block"]


def kernels_block() -> str:
    """Return what can be named: a release or a distribution's kernel, and how many commits that is."""
    rows = (
        (code(item.name), item.details["commits"], plain(item.source))
        for item in api.listing("kernels")
    )
    return "\n".join(table(("kernel", "modelled commits", "where from"), rows))


def changes_block() -> str:
    """Return the difference of each two neighbouring releases, youngest first, as `xsavvy diff` tells it."""
    lines: list[str] = []
    for before, after in reversed(list(pairwise(RELEASES))):
        found = api.diff(before, after)
        if found:
            lines += [f"## {before} to {after}", ""]
            for commit in found:
                lines += _commit(commit)
    return "\n".join(lines)


def _commit(commit: api.CommitDiff) -> Iterator[str]:
    yield f"{code(commit.commit)} **{plain(commit.subject)}**"
    yield ""
    yield plain(commit.effect)
    yield ""
    if commit.changes:
        head = ("change", "where", "what", "part")
        yield from table(head, (_change(each) for each in commit.changes))
        yield ""


def _change(change: api.StepDiff) -> tuple[str, str, str, str]:
    where = f"{change.what} {code(change.where)}"
    part = f"{change.part}, {change.on} only" if change.on else change.part
    return change.kind, where, plain(change.detail), part
