# SPDX-License-Identifier: Apache-2.0
"""Protection keys: which accesses PKRU and IA32_PKRS refuse.

Functions of the mask dialect: a key has two bits in its register, access-disable and write-disable.

Sources: SDM "Protection Keys", "Protection-Key Rights for User Pages", "for Supervisor Pages".
"""

from typing import Final

__all__ = ["AD", "WD", "pkrs_refuses", "pkru_refuses", "rights"]

AD: Final = 1
"""Access-disable."""
WD: Final = 2
"""Write-disable."""


def rights(register: int, key: int) -> int:
    """Return the two bits of a key in PKRU or IA32_PKRS.

    >>> rights(0x10, 2) == AD, rights(0x20, 2) == WD, rights(0x20, 1)
    (True, True, 0)
    """
    return (register >> (2 * key)) & (AD | WD)


def pkru_refuses(
    pkru: int, key: int, user_page: int, writes: int, user_mode: int, cr0_wp: int
) -> int:
    """Say whether PKRU refuses a data access: it rules user pages alone, whoever accesses them.

    AD refuses every access. WD refuses writes of user mode, and those of supervisor mode if CR0.WP is 1.

    >>> pkru_refuses(0x10, 2, 1, 0, 0, 0), pkru_refuses(0x10, 2, 0, 1, 0, 1)
    (1, 0)
    >>> pkru_refuses(0x20, 2, 1, 1, 0, 0), pkru_refuses(0x20, 2, 1, 1, 0, 1), pkru_refuses(0x20, 2, 1, 1, 1, 0)
    (0, 1, 1)
    """
    if not user_page:
        return 0
    return _refuses(rights(pkru, key), writes, 1 if user_mode or cr0_wp else 0)


def pkrs_refuses(pkrs: int, key: int, user_page: int, writes: int, cr0_wp: int) -> int:
    """Say whether IA32_PKRS refuses a data access of supervisor mode: it rules supervisor pages alone.

    >>> pkrs_refuses(0x10, 2, 0, 0, 0), pkrs_refuses(0x20, 2, 0, 1, 0), pkrs_refuses(0x20, 2, 0, 1, 1)
    (1, 0, 1)
    >>> pkrs_refuses(0x30, 2, 1, 1, 1)
    0
    """
    return 0 if user_page else _refuses(rights(pkrs, key), writes, cr0_wp)


def _refuses(bits: int, writes: int, heeds_wd: int) -> int:
    """Combine the bits of a key with what is done."""
    if bits & AD:
        return 1
    return 1 if bits & WD and writes and heeds_wd else 0
