# SPDX-License-Identifier: Apache-2.0
"""The tested instructions, each beside its bytes; the memory operand is always [RSI]."""

from __future__ import annotations

__all__ = ["ACCESS", "INSTRUCTIONS", "LENS", "MEMORY", "PREFIXES", "encoding"]

# Mnemonic: bytes. 0F AE and 0F C7 are groups: bits 5:3 of the last byte choose the instruction.
MEMORY = {
    "xsave": bytes.fromhex("0f ae 26"),  # /4
    "xsave64": bytes.fromhex("48 0f ae 26"),
    "xrstor": bytes.fromhex("0f ae 2e"),  # /5
    "xrstor64": bytes.fromhex("48 0f ae 2e"),
    "xsaveopt": bytes.fromhex("0f ae 36"),  # /6
    "xsaveopt64": bytes.fromhex("48 0f ae 36"),
    "xrstors": bytes.fromhex("0f c7 1e"),  # /3
    "xrstors64": bytes.fromhex("48 0f c7 1e"),
    "xsavec": bytes.fromhex("0f c7 26"),  # /4
    "xsavec64": bytes.fromhex("48 0f c7 26"),
    "xsaves": bytes.fromhex("0f c7 2e"),  # /5
    "xsaves64": bytes.fromhex("48 0f c7 2e"),
}
# FLDCW shows x87 pointers that are held but not stored: an exception becomes unmasked.
LENS = {"fldcw": bytes.fromhex("d9 2e")}  # /5
ACCESS = {
    "xgetbv": bytes.fromhex("0f 01 d0"),
    "xsetbv": bytes.fromhex("0f 01 d1"),
    "rdpkru": bytes.fromhex("0f 01 ee"),
    "wrpkru": bytes.fromhex("0f 01 ef"),
}
INSTRUCTIONS = MEMORY | LENS | ACCESS
PREFIXES = {
    "": b"",
    "66": b"\x66",
    "f2": b"\xf2",
    "f3": b"\xf3",
    "lock": b"\xf0",
}


def encoding(instruction: str, prefix: str = "") -> bytes:
    """Return the bytes of an instruction of this module behind a prefix of this module.

    >>> encoding("xsave64", "lock").hex(" ")
    'f0 48 0f ae 26'
    """
    return PREFIXES[prefix] + INSTRUCTIONS[instruction]
