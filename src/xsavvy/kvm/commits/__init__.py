# SPDX-License-Identifier: Apache-2.0
"""Upstream commits that change how extended state is handled, oldest release first.

Identifier and subject were read in mails, revision lists, trees or a `Fixes:` tag. `release` is the first mainline
release with the commit. `effect` says what it changes, in terms of the model where it does. Distributions backport:
what counts is the set (`kernels`), and a version is a name for one. One table for each subject; within a release the
order is that of the tables.
"""

from .cet import CET
from .commit import Commit
from .history import HISTORY
from .ioctls import IOCTLS
from .migration import MIGRATION
from .nested import NESTED
from .protected import PROTECTED
from .registers import REGISTERS
from .runloop import RUN_LOOP
from .tasks import TASKS
from .trace import TRACE

__all__ = ["COMMITS", "Commit", "release_number"]


def release_number(release: str) -> tuple[int, ...]:
    """Return a release as numbers that can be compared.

    >>> release_number("v6.9") < release_number("v6.18")
    True
    """
    return tuple(int(part) for part in release.removeprefix("v").split("."))


COMMITS: tuple[Commit, ...] = tuple(
    sorted(
        (
            *RUN_LOOP,
            *IOCTLS,
            *HISTORY,
            *CET,
            *TRACE,
            *MIGRATION,
            *NESTED,
            *TASKS,
            *PROTECTED,
            *REGISTERS,
        ),
        key=lambda commit: release_number(commit.release),
    )
)
