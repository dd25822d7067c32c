# SPDX-License-Identifier: Apache-2.0
"""What the kernel decides about images and signal frames that userspace hands to it: functions of the dialect.

Each takes and returns small integers and knows no state. KVM's own ioctls are in `ioctls`.
"""

from typing import Final

from xsavvy.isa.components import PKRU

__all__ = ["AS_XRSTOR", "DROPPED", "WITH_ITS_BIT", "frame_is_extended", "pkru_after_ptrace"]

DROPPED: Final = 0
WITH_ITS_BIT: Final = 1
AS_XRSTOR: Final = 2


def pkru_after_ptrace(old: int, xstate_bv: int, value: int, rule: int) -> int:
    """Say what PTRACE_SETREGSET makes of a stopped thread's PKRU.

    From v5.14 to v6.1 the value was dropped, as PKRU had moved out of the fpstate; then it was taken if the image has
    it (commit 4a804c4f8356), and without it PKRU becomes 0 as with XRSTOR (commit d7e5aceace51).
    Source: arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate().

    >>> pkru_after_ptrace(3, 0x200, 5, DROPPED), pkru_after_ptrace(3, 0x200, 5, WITH_ITS_BIT)
    (3, 5)
    >>> pkru_after_ptrace(3, 0, 5, WITH_ITS_BIT), pkru_after_ptrace(3, 0, 5, AS_XRSTOR)
    (3, 0)
    """
    if rule != DROPPED and xstate_bv & PKRU:
        return value
    if rule == AS_XRSTOR:
        return 0
    return old


def frame_is_extended(magic2_at: int, size_looked_at: int) -> int:
    """Say whether the second magic number stands where the kernel looks for it.

    A frame without it is taken for one of a program that copied the legacy part only.
    Source: arch/x86/kernel/fpu/signal.c check_xstate_in_sigframe().

    >>> frame_is_extended(840, 840), frame_is_extended(840, 2696)
    (1, 0)
    """
    return 1 if magic2_at == size_looked_at else 0
