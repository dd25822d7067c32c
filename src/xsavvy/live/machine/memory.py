# SPDX-License-Identifier: Apache-2.0
"""Memory for machine code: written first, made executable afterwards, never both at once."""

from __future__ import annotations

import ctypes
import errno
import functools
import mmap
import os

from xsavvy.live.machine.reach import Unreachable, require_x86_64

__all__ = ["PAGE", "Executable", "libc"]

PAGE = mmap.PAGESIZE


@functools.cache
def libc() -> ctypes.CDLL:
    """Return the C library with the prototypes of the few functions used here."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.syscall.restype = ctypes.c_long
    return library


class Executable:
    """A private mapping that holds machine code.

    It is writable while code is put into it and executable while it is used: systems that forbid
    both at once (a hardened seccomp filter) allow this; SELinux without `execmem` forbids it too.
    """

    def __init__(self, code: bytes) -> None:
        require_x86_64()
        self.size = -(-len(code) // PAGE) * PAGE
        self._map = mmap.mmap(-1, self.size)
        self._anchor = ctypes.c_char.from_buffer(self._map)
        self.base = ctypes.addressof(self._anchor)
        self._map[: len(code)] = code
        self._protect(mmap.PROT_READ | mmap.PROT_EXEC)

    def write(self, offset: int, code: bytes) -> None:
        """Put more code at `offset`; nothing in the mapping may be running."""
        self._protect(mmap.PROT_READ | mmap.PROT_WRITE)
        self._map[offset : offset + len(code)] = code
        self._protect(mmap.PROT_READ | mmap.PROT_EXEC)

    def _protect(self, protection: int) -> None:
        if libc().mprotect(self.base, self.size, protection):
            number = ctypes.get_errno()
            name = errno.errorcode.get(number, str(number))
            raise Unreachable(f"no writable+executable mapping here: {name}: {os.strerror(number)}")
