# SPDX-License-Identifier: Apache-2.0
"""What VMX does at an entry and an exit with state that XSAVE does not manage, and what exits: on flags and masks.

These are the rules of the processor; a hypervisor that runs another one has to keep them for its guest, too.
"""

__all__ = ["device_not_available", "xsaves_exits"]


def xsaves_exits(enabled: int, instruction_mask: int, xss: int, exit_bitmap: int) -> int:
    """Say whether XSAVES or XRSTORS exits: not if it is not enabled, as it is an #UD then.

    Source: SDM "Instructions That Cause VM Exits Conditionally" (XSAVES, XRSTORS).

    >>> xsaves_exits(1, 0x800, 0x800, 0x800), xsaves_exits(1, 0x800, 0x800, 0), xsaves_exits(0, 0x800, 0x800, 0x800)
    (1, 0, 0)
    """
    return 1 if enabled and instruction_mask & xss & exit_bitmap else 0


def device_not_available(cr0_ts: int) -> int:
    """Say whether an x87 or SSE instruction raises #NM.

    Source: SDM "Interrupt 7: Device Not Available Exception (#NM)".

    >>> device_not_available(1), device_not_available(0)
    (1, 0)
    """
    return cr0_ts
