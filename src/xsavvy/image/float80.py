# SPDX-License-Identifier: Apache-2.0
"""The ten bytes of an x87 register as a decimal number, exactly.

Bits 0-63 are the significand with its integer bit, 64-78 the exponent, 79 the sign.

Source: SDM "x87 FPU Data Types" and "Unsupported Double Extended-Precision Floating-Point Encodings".
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

__all__ = ["EMPTY", "decimal", "kind", "tag"]

EMPTY: Final = "empty"
_DIGITS: Final = Context(prec=21, Emax=10_000, Emin=-10_000)
_EXACT: Final = Context(prec=60, Emax=10_000, Emin=-10_000)
_BIAS: Final = 16383 + 63
_INTEGER_BIT: Final = 1 << 63


def _parts(data: bytes) -> tuple[bool, int, int]:
    significand = int.from_bytes(data[:8], "little")
    top = int.from_bytes(data[8:10], "little")
    return bool(top >> 15), top & 0x7FFF, significand


def kind(data: bytes) -> str:
    """Name what ten bytes encode.

    >>> kind(bytes(10)), kind(bytes.fromhex("0000000000000080ff7f"))
    ('zero', 'infinity')
    >>> kind(bytes.fromhex("00000000000000000040"))
    'unsupported'
    """
    _, exponent, significand = _parts(data)
    if exponent == 0:
        return "denormal" if significand else "zero"
    if not significand & _INTEGER_BIT:
        return "unsupported"
    if exponent < 0x7FFF:
        return "normal"
    fraction = significand & _INTEGER_BIT - 1
    if not fraction:
        return "infinity"
    return "quiet NaN" if fraction >> 62 else "signaling NaN"


def tag(data: bytes) -> str:
    """Give the tag that a register which is not empty has.

    >>> tag(bytes(10)), tag(bytes.fromhex("0000000000000080ff3f"))
    ('zero', 'valid')
    """
    found = kind(data)
    return "valid" if found == "normal" else found if found == "zero" else "special"


def decimal(data: bytes) -> str:
    """Write the number, with 21 digits where it has more.

    >>> decimal(bytes.fromhex("00000000000000800040")), decimal(bytes.fromhex("35c26821a2da0fc900c0"))
    ('2', '-3.14159265358979323851')
    >>> decimal(bytes.fromhex("00000000000000c0ffff")), decimal(bytes.fromhex("01000000000000000000"))
    ('-quiet NaN', '3.64519953188247460253e-4951')
    """
    negative, exponent, significand = _parts(data)
    sign = "-" if negative else ""
    what = kind(data)
    if what not in {"zero", "normal", "denormal"}:
        return sign + what
    if not significand:
        return f"{sign}0"
    power = max(exponent, 1) - _BIAS
    scale = _EXACT.power(Decimal(2), power)
    value = _DIGITS.multiply(Decimal(significand), scale).normalize(_DIGITS)
    adjusted = value.adjusted()
    if -5 <= adjusted < 21:
        return sign + f"{value:f}"
    digits = "".join(map(str, value.as_tuple().digits))
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{adjusted:+d}"
