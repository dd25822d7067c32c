# SPDX-License-Identifier: Apache-2.0
"""Checks that every save and restore makes before it looks at memory, in order.

#UD (no such instruction, CR4.OSXSAVE=0, a prefix, ENABLE_XSAVES=0) comes before #NM for CR0.TS,
that before #GP for privilege, that before the exit to the hypervisor, that before #GP for
alignment.  CR0.EM has no say.

Sources: SDM "Protected Mode Exceptions" of the six instructions, "Priority Among Simultaneous
Exceptions and Interrupts" (#UD and #NM are faults of decoding, #GP is one of executing) and
"Relative Priority of Faults and VM Exits"; the order of the faults is confirmed on Bochs, the
place of the exit is inferred.
"""

from __future__ import annotations

from xsavvy.isa.control import Control, Operand
from xsavvy.isa.faults import Exit, Reason, Stop, not_available, page, protection, undefined
from xsavvy.isa.instruction import Instruction
from xsavvy.isa.layout import ALIGNMENT, HEADER_OFFSET
from xsavvy.isa.processor import Processor

_WRITE, _USER, _PRESENT = 0b010, 0b100, 0b001


def entry_stop(
    processor: Processor,
    instruction: Instruction,
    control: Control,
    instruction_mask: int,
    operand: Operand,
) -> Stop:
    """Find what stops an instruction before it touches memory.

    >>> stop = entry_stop(Processor(), Instruction.XSAVES, Control(3, cpl=3), 3, Operand(8))
    >>> stop.describe()
    '#GP(0): the current privilege level is not 0'
    """
    if not instruction.supported(processor):
        return undefined(Reason.UNSUPPORTED)
    if not control.osxsave:
        return undefined(Reason.OSXSAVE)
    if operand.prefixed:
        return undefined(Reason.ENCODING)
    intercepted = instruction.supervisor and control.non_root and processor.xsaves_can_exit
    if intercepted and not control.enable_xsaves:
        return undefined(Reason.ENABLE_XSAVES)
    if control.ts:
        return not_available(Reason.TASK_SWITCHED)
    if instruction.supervisor and control.cpl:
        return protection(Reason.PRIVILEGE)
    if intercepted and instruction_mask & control.xss & control.xss_exiting:
        return Exit(Reason.XSS_EXITING)
    if operand.address % ALIGNMENT:
        return protection(Reason.ALIGNMENT)
    return None


def write_stop(control: Control, operand: Operand, extent: int) -> Stop:
    """Find a page fault of a save: the area's first byte is probed, then its last.

    That is before anything is written.  What lies between is not named in CR2, whichever page is
    missing; error code bit 0 tells whether the named byte is there but read-only.
    Status: confirmed on Zen 4; what happens between the two bytes of a larger area is not.
    """
    return _write_probe(control, operand, 0) or _write_probe(control, operand, extent - 1)


def header_stop(control: Control, operand: Operand) -> Stop:
    """Find a page fault of a restore on its first byte, then on the header.

    CR2 gets the first byte's address, or the header's.
    Status: confirmed on Zen 4.
    """
    return _read_probe(control, operand, 0, Reason.PAYLOAD_PAGE) or _read_probe(
        control, operand, HEADER_OFFSET, Reason.HEADER_PAGE
    )


def read_stop(control: Control, operand: Operand, extent: int) -> Stop:
    """Find a page fault of a restore on the rest; CR2 gets the last byte of the area."""
    return _read_probe(control, operand, extent - 1, Reason.PAYLOAD_PAGE)


def _write_probe(control: Control, operand: Operand, place: int) -> Stop:
    present = operand.accessible is None or place < operand.accessible
    if present and (operand.writable is None or place < operand.writable):
        return None
    code = _WRITE | (_USER if control.cpl == 3 else 0) | (_PRESENT if present else 0)
    return page(Reason.PAYLOAD_PAGE, operand.address + place, code)


def _read_probe(control: Control, operand: Operand, place: int, reason: Reason) -> Stop:
    if operand.accessible is None or place < operand.accessible:
        return None
    return page(reason, operand.address + place, _USER if control.cpl == 3 else 0)
