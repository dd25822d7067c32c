# SPDX-License-Identifier: Apache-2.0
"""The instructions of the XSAVE family, their encodings, and what distinguishes them.

Sources: SDM and APM instruction pages; prefixes as measured on Zen 4: LOCK, 66, F2 and F3 give
#UD, with one exception: 66 0F AE /6 is another instruction, CLWB.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from xsavvy.isa.processor import Processor


class Instruction(enum.Enum):
    """An instruction that saves or restores extended state."""

    XSAVE = "XSAVE"
    XSAVEOPT = "XSAVEOPT"
    XSAVEC = "XSAVEC"
    XSAVES = "XSAVES"
    XRSTOR = "XRSTOR"
    XRSTORS = "XRSTORS"

    saves: bool
    supervisor: bool
    compacts: bool
    """The save always uses the compacted format."""

    def supported(self, processor: Processor) -> bool:
        """Tell whether a processor has the instruction.

        >>> Instruction.XSAVES.supported(Processor(xsaves=False))
        False
        """
        return processor.xsave and (
            self in _BASIC or bool(getattr(processor, _FEATURE[self.value]))
        )


_BASIC: Final = frozenset({Instruction.XSAVE, Instruction.XRSTOR})
_FEATURE: Final = {
    "XSAVEOPT": "xsaveopt",
    "XSAVEC": "xsavec",
    "XSAVES": "xsaves",
    "XRSTORS": "xsaves",
}
for _each in Instruction:
    _each.saves = _each.value.startswith("XSAVE")
    _each.supervisor = _each.value.endswith("S")
    _each.compacts = _each.value in {"XSAVEC", "XSAVES"}


class Encoding(NamedTuple):
    """What a sequence of bytes encodes.

    Attributes:
        name: mnemonic without the 64; empty when the bytes raise #UD.
        instruction: the member of the family, None for anything else.
        wide: REX.W is set: the 64-bit form of the x87 pointers.
    """

    name: str
    instruction: Instruction | None = None
    wide: bool = False


_OPCODES: Final = {
    (0xAE, 4): Instruction.XSAVE,
    (0xAE, 5): Instruction.XRSTOR,
    (0xAE, 6): Instruction.XSAVEOPT,
    (0xC7, 3): Instruction.XRSTORS,
    (0xC7, 4): Instruction.XSAVEC,
    (0xC7, 5): Instruction.XSAVES,
}
_PREFIXES: Final = frozenset({0xF0, 0x66, 0xF2, 0xF3})
_OPERAND_SIZE: Final = frozenset({0x66})


def decode(code: bytes) -> Encoding:
    """Name what `code` encodes in 64-bit mode, if it belongs to the family or looks like it.

    The memory operand's SIB byte and displacement are not looked at.  A prefixed member of the
    family raises #UD (empty name); 66 0F AE /6 is CLWB, which is not a save at all.

    >>> decode(bytes.fromhex("480fae26"))
    Encoding(name='XSAVE', instruction=<Instruction.XSAVE: 'XSAVE'>, wide=True)
    >>> decode(bytes.fromhex("660fae36")).name, decode(bytes.fromhex("f00fae26")).name
    ('CLWB', '')
    """
    start = 0
    while start < len(code) and code[start] in _PREFIXES:
        start += 1
    prefixes = frozenset(code[:start])
    rex = start < len(code) and code[start] & 0xF0 == 0x40
    wide = rex and bool(code[start] & 0x08)
    body = code[start + rex :]
    if len(body) < 3 or body[0] != 0x0F:
        return Encoding("")
    digit, memory = body[2] >> 3 & 7, body[2] >> 6 != 3
    found = _OPCODES.get((body[1], digit)) if memory else None
    if found is None:
        return Encoding("")
    if found is Instruction.XSAVEOPT and prefixes == _OPERAND_SIZE:
        return Encoding("CLWB")
    return Encoding("") if prefixes else Encoding(found.value, found, wide)
