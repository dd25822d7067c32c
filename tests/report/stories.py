# SPDX-License-Identifier: Apache-2.0
"""Stories for the tests of pages: bugs that are fixed, on the kernels before their fix."""

from __future__ import annotations

from functools import cache

from xsavvy.api import Story, story

PLATFORM = "sapphire-rapids"


@cache
def window_story() -> Story:
    """An NMI reads user memory under the guest's PKRU."""
    return story(
        "pkru",
        property="nmi_reads_user_memory_under_host_pkru",
        kernel="v6.18",
        platform=PLATFORM,
    )


@cache
def sleeping_story() -> Story:
    """A machine check's handler sleeps; three lanes."""
    return story("machine-check", property="kernel_survives", kernel="v5.0", platform=PLATFORM)


@cache
def lasso_story() -> Story:
    """A sigreturn() faults for ever on a page that is reclaimed."""
    return story("sigframe", property="sigreturn_ends", kernel="v6.7", platform=PLATFORM)


@cache
def witness_story() -> Story:
    """The guest writes its own PKRU."""
    return story("pkru-xinuse", witness="guest_has_its_own_pkru", kernel="v6.18", platform="genoa")
