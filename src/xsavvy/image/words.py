# SPDX-License-Identifier: Apache-2.0
"""Control and status words in words: FCW, FSW, MXCSR, PKRU, CET, and what their bits say.

Sources: SDM "x87 FPU Control Word", "x87 FPU Status Register", "MXCSR Control and Status Register", "Protection Keys",
"CET State"; APM "Misaligned Exception Mask" (MXCSR bit 17).
"""

from __future__ import annotations

from typing import Final

__all__ = ["bits", "cet", "fcw", "fsw", "full_tags", "mxcsr", "pkru", "pkru_keys", "top"]

_EXCEPTIONS: Final = ("IE", "DE", "ZE", "OE", "UE", "PE")
_MASKS: Final = ("IM", "DM", "ZM", "OM", "UM", "PM")
_ROUNDING: Final = ("nearest", "down", "up", "toward zero")
_PRECISION: Final = ("24 bits", "reserved", "53 bits", "64 bits")
_CET: Final = {
    0: "SH_STK_EN",
    1: "WR_SHSTK_EN",
    2: "ENDBR_EN",
    3: "LEG_IW_EN",
    4: "NO_TRACK_EN",
    5: "SUPPRESS_DIS",
    10: "SUPPRESS",
    11: "TRACKER",
}


def bits(value: int, names: dict[int, str]) -> str:
    """Name the bits that are set.

    >>> bits(0b101, {0: "A", 2: "C"})
    'A C'
    """
    return " ".join(name for bit, name in names.items() if value >> bit & 1)


def _masked(masks: int) -> str:
    if masks == 0x3F:
        return "all exceptions masked"
    names = " ".join(name for bit, name in enumerate(_MASKS) if masks >> bit & 1)
    return f"masked: {names}" if names else "no exception masked"


def fcw(value: int) -> str:
    """Say what the x87 control word asks for.

    >>> fcw(0x37F)
    'all exceptions masked, precision 64 bits, round to nearest'
    """
    rounding, precision = _ROUNDING[value >> 10 & 3], _PRECISION[value >> 8 & 3]
    to = (
        rounding
        if rounding == "toward zero"
        else f"to {rounding}"
        if rounding == "nearest"
        else rounding
    )
    return f"{_masked(value & 0x3F)}, precision {precision}, round {to}"


def top(value: int) -> int:
    """Give FSW.TOP, the physical register that is ST0.

    >>> top(0x3800)
    7
    """
    return value >> 11 & 7


def fsw(value: int) -> str:
    """Say what the x87 status word reports.

    >>> fsw(0x8084)
    'TOP=0 ZE ES B'
    """
    names = dict(enumerate(_EXCEPTIONS)) | {
        6: "SF",
        7: "ES",
        8: "C0",
        9: "C1",
        10: "C2",
        14: "C3",
        15: "B",
    }
    return f"TOP={top(value)} {bits(value, names)}".strip()


def full_tags(abridged: int, kinds: list[str], stack_top: int) -> int:
    """Make the full tag word (two bits a register) of FXSAVE's byte and of what ST0 to ST7 hold.

    >>> hex(full_tags(0x01, ["zero"] + ["valid"] * 7, 0)), hex(full_tags(0, [""] * 8, 0))
    ('0xfffd', '0xffff')
    """
    codes = {"valid": 0, "zero": 1, "special": 2}
    word = 0
    for physical in range(8):
        held = abridged >> physical & 1
        code = codes[kinds[physical - stack_top & 7]] if held else 3
        word |= code << 2 * physical
    return word


def mxcsr(value: int) -> str:
    """Say what MXCSR asks for and reports.

    >>> mxcsr(0x1F80), mxcsr(0x9FC1)
    ('all exceptions masked, round to nearest', 'all exceptions masked, round to nearest, DAZ, FTZ, flags IE')
    """
    rounding = _ROUNDING[value >> 13 & 3]
    to = f"to {rounding}" if rounding == "nearest" else rounding
    parts = [_masked(value >> 7 & 0x3F), f"round {to}"]
    parts += [name for bit, name in ((6, "DAZ"), (15, "FTZ"), (17, "MM")) if value >> bit & 1]
    flags = " ".join(name for bit, name in enumerate(_EXCEPTIONS) if value >> bit & 1)
    parts += [f"flags {flags}"] if flags else []
    reserved = value & ~0x2FFFF
    parts += [f"reserved bits {reserved:#x}"] if reserved else []
    return ", ".join(parts)


def pkru_keys(value: int) -> tuple[str, ...]:
    """Say of each protection key what it denies: nothing, writes, or access.

    >>> pkru_keys(0b1001)[:3]
    ('access denied', 'writes denied', 'allowed')
    """
    said = ("allowed", "access denied", "writes denied", "access denied")
    return tuple(said[value >> 2 * key & 3] for key in range(16))


def pkru(value: int) -> str:
    """Say which keys are denied what, consecutive keys together.

    >>> pkru(0x55555554)
    'keys 1-15: access denied'
    >>> pkru(0), pkru(0b1000)
    ('no key denies anything', 'key 1: writes denied')
    """
    keys = pkru_keys(value)
    runs: list[list[int]] = []
    for key, said in enumerate(keys):
        if runs and keys[runs[-1][-1]] == said and runs[-1][-1] == key - 1:
            runs[-1].append(key)
        else:
            runs.append([key])
    told = [
        f"key {run[0]}: {keys[run[0]]}"
        if len(run) == 1
        else f"keys {run[0]}-{run[-1]}: {keys[run[0]]}"
        for run in runs
        if keys[run[0]] != "allowed"
    ]
    return "; ".join(told) or "no key denies anything"


def cet(value: int) -> str:
    """Name the bits of IA32_U_CET.

    >>> cet(0x3)
    'SH_STK_EN WR_SHSTK_EN'
    """
    return bits(value, _CET)
