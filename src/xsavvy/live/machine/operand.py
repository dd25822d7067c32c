# SPDX-License-Identifier: Apache-2.0
"""The memory operand: the same two pages, seen through every combination of permissions.

Two pages of memory are mapped nine times over: each of the two readable and writable, readable
only, or not accessible, and always followed by a page that is not accessible. A case chooses one of
the nine *views* and an offset; no mapping changes while cases run.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from itertools import product

from xsavvy.live.machine.memory import PAGE, libc
from xsavvy.live.machine.reach import Unreachable

__all__ = ["ABSENT", "READ_ONLY", "SPACE", "WRITABLE", "Operand"]

WRITABLE, READ_ONLY, ABSENT = "writable", "read-only", "absent"
SPACE = 2 * PAGE
_PROTECTION = {
    WRITABLE: mmap.PROT_READ | mmap.PROT_WRITE,
    READ_ONLY: mmap.PROT_READ,
    ABSENT: 0,
}
_SHARED, _PRIVATE, _FIXED, _ANONYMOUS = 0x01, 0x02, 0x10, 0x20
_FAILED = ctypes.c_void_p(-1).value


class Operand:
    """Two pages of memory and their views; `window` is how Python reads and writes them."""

    def __init__(self) -> None:
        file = os.memfd_create("xsavvy-operand")
        try:
            os.ftruncate(file, SPACE)
            self.window = mmap.mmap(file, SPACE)
            self._views = {
                pages: self._map(file, pages) for pages in product(_PROTECTION, repeat=2)
            }
        finally:
            os.close(file)
        self.touch()

    def address(self, first: str, second: str, offset: int) -> int:
        """Return the address of byte `offset` in the view with these permissions."""
        return self._views[first, second] + offset

    def touch(self) -> None:
        """Read every accessible page of every view once.

        A page that the kernel has not mapped yet would fault with another error code than one
        whose permission is missing.
        """
        for pages, base in self._views.items():
            for number, page in enumerate(pages):
                if page != ABSENT:
                    ctypes.c_ubyte.from_address(base + number * PAGE).value  # noqa: B018

    def close(self) -> None:
        """Unmap the views; the window goes with the object."""
        for base in self._views.values():
            libc().munmap(base, SPACE + PAGE)
        self._views = {}

    @staticmethod
    def _map(file: int, pages: tuple[str, ...]) -> int:
        base = _mapped(None, SPACE + PAGE, 0, _PRIVATE | _ANONYMOUS, -1, 0)
        for number, page in enumerate(pages):
            start = number * PAGE
            if page != ABSENT:
                _mapped(base + start, PAGE, _PROTECTION[page], _SHARED | _FIXED, file, start)
        return base


def _mapped(
    address: int | None, size: int, protection: int, flags: int, file: int, offset: int
) -> int:
    result = libc().mmap(address, size, protection, flags, file, offset)
    if result is None or result == _FAILED:
        raise Unreachable(f"mmap() refused: {os.strerror(ctypes.get_errno())}")
    return int(result)
