# SPDX-License-Identifier: Apache-2.0
"""Commits about what KVM_SET_SREGS accepts."""

from __future__ import annotations

from .commit import Commit

REGISTERS: tuple[Commit, ...] = (
    Commit(
        "85e5ba83c016",
        "KVM: x86: Do all post-set CPUID processing during vCPU creation",
        "v6.14",
        "A vCPU without CPUID refuses CR4 bits that need a feature; before, it took what KVM supports.",
        inferred=True,
    ),
)
