# SPDX-License-Identifier: Apache-2.0
"""The gallery as a page: what its manifests say, which the tests hold against runs."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.model.gallery import Bug, bugs


def gallery_block() -> str:
    """Return the tables: bugs with their worlds, wrong fixes, bugs without a world."""
    return "\n".join((*_shown(), "", *_fixes(), "", *_stories(), "", *_left()))


def _shown() -> Iterator[str]:
    yield "| bug | fixed by | scenario | property | before | found in | states | after | holds in |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for bug in bugs():
        if bug.before_expected and bug.after_expected:
            fix = ", ".join(f"`{commit}`" for commit in bug.commits)
            cve = f" ({bug.cve})" if bug.cve else ""
            yield (
                f"| {bug.id}{cve} | {fix} | {bug.scenario} | {bug.property} | {bug.before} "
                f"| {bug.before_expected.depth} steps | {bug.before_expected.states:,} "
                f"| {_short(bug)} | {bug.after_expected.states:,} states |"
            )


def _short(bug: Bug) -> str:
    """Return the kernel after the fix, in short where it is the one before with the fix."""
    return (
        bug.after.replace(bug.before, "", 1)
        if bug.after.startswith(f"{bug.before}+")
        else bug.after
    )


def _fixes() -> Iterator[str]:
    yield "| bug | wrong fix | refuted by | in |"
    yield "|---|---|---|---|"
    for bug in bugs():
        for fix in bug.wrong_fix:
            yield f"| {bug.id} | {fix.title} | {fix.property} | {fix.depth} steps |"


def _stories() -> Iterator[str]:
    for bug in bugs():
        if not bug.reason:
            yield f"* **{bug.id}**: {bug.title}. {bug.story}"


def _left() -> Iterator[str]:
    yield "| bug | why the model cannot express it |"
    yield "|---|---|"
    for bug in bugs():
        if bug.reason:
            yield f"| {bug.id}: {bug.title} | {bug.reason} |"
