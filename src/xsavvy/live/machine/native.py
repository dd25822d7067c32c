# SPDX-License-Identifier: Apache-2.0
"""Run one instruction on this processor and report everything it did.

`Native.run()` loads a state, executes one *thunk* and returns an `Observation`: the fault if there
was one, XINUSE before and after, the state afterwards as an XSAVE area. The caller's own state,
PKRU and AMX tiles included, is put away before and given back after.
Read `stub.py` for the machine code.
"""

from __future__ import annotations

import ctypes
import mmap
import signal
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

from xsavvy.live.machine.memory import PAGE, Executable, libc
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.machine.stub import ENTER, HANDLER, NO_FAULT, Slot, thunk

__all__ = ["EVERYTHING", "FLAG_AC", "Native", "Observation"]

EVERYTHING = (1 << 64) - 1
FLAG_AC = 1 << 18
_SIGNALS = (signal.SIGSEGV, signal.SIGILL, signal.SIGBUS, signal.SIGFPE)
_RT_SIGACTION = 13
_ACTION = struct.Struct("<QQQQ")  # struct kernel_sigaction: handler, flags, restorer, mask
_SA_SIGINFO, _SA_RESTORER = 0x4, 0x0400_0000
_SLOTS = struct.Struct(f"<{len(Slot)}Q")
_ALIGNMENT = 64


class Observation(NamedTuple):
    """What one run showed.

    Attributes:
        vector: exception vector, or None where the thunk ended without one.
        error: error code of the exception.
        cr2: CR2 as the kernel saw it; means something only for #PF (vector 14).
        place: offset of the faulting instruction in the thunk.
        xinuse_before: XGETBV with ECX=1, just before the thunk.
        xinuse_after: the same, just after it.
        rax: RAX as the thunk left it; 0 where it faulted.
        rdx: RDX as the thunk left it; 0 where it faulted.
        after: the state afterwards, as XSAVE64 wrote it into zeros; empty where not asked for.
    """

    vector: int | None
    error: int
    cr2: int
    place: int
    xinuse_before: int
    xinuse_after: int
    rax: int
    rdx: int
    after: bytes


class Native:
    """A processor with fault handlers in place: use it as a context manager.

    Args:
        thunks: the instructions that will be run, by name.
        area_bytes: size of an XSAVE area for everything that XCR0 enables now (CPUID.0DH.0:EBX).

    Raises:
        Unreachable: not x86-64 Linux, or no executable memory. Whether the processor has XSAVE and
            XGETBV with ECX=1 must be known before: see `host.py`.
    """

    def __init__(self, thunks: Mapping[str, bytes], area_bytes: int) -> None:
        room = -(-area_bytes // PAGE) * PAGE
        self._data = mmap.mmap(-1, PAGE + 3 * room)
        self._anchor = ctypes.c_char.from_buffer(self._data)
        self._base = ctypes.addressof(self._anchor)
        self._previous = _SLOTS.size
        self._caller, self._setup, self._after = (PAGE + room * n for n in range(3))
        self._area_bytes = area_bytes
        self._zeros = bytes(area_bytes)
        self._assemble(thunks)
        self._active = False

    def _assemble(self, thunks: Mapping[str, bytes]) -> None:
        code = bytearray(ENTER.code)
        handler = _padded(code)
        code += HANDLER.code
        offsets: dict[str, int] = {}
        for name, instruction in thunks.items():
            offsets[name] = _padded(code)
            code += thunk(instruction)
        memory = Executable(bytes(code))
        limits = struct.pack(
            "<QQQ", memory.base, memory.base + memory.size, self._base + self._previous
        )
        memory.write(handler + HANDLER.places["low"], limits)
        self._code = memory
        self._enter = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(memory.base)
        self._thunks = {name: memory.base + offset for name, offset in offsets.items()}
        self._resume = memory.base + ENTER.places["resume"]
        self._recover = memory.base + ENTER.places["recover"]
        self._action = _ACTION.pack(
            memory.base + handler,
            _SA_SIGINFO | _SA_RESTORER,
            memory.base + handler + HANDLER.places["restorer"],
            0,
        )

    @property
    def setup_address(self) -> int:
        """Where the setup image lies, for a thunk that uses it as its operand."""
        return self._base + self._setup

    def setup_bytes(self) -> bytes:
        """Return the setup image as it is now."""
        return self._data[self._setup : self._setup + self._area_bytes]

    def __enter__(self) -> Self:
        if self._active:
            raise RuntimeError("these handlers are in place already")
        for number in _SIGNALS:
            old = _sigaction(number, self._action)
            start = self._previous + number * _ACTION.size
            self._data[start : start + _ACTION.size] = old
        self._active = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._active = False
        for number in _SIGNALS:
            start = self._previous + number * _ACTION.size
            _sigaction(number, self._data[start : start + _ACTION.size])

    def run(
        self,
        name: str,
        *,
        operand: int = 0,
        rfbm: int = 0,
        index: int = 0,
        setup: bytes | None = None,
        setup_rfbm: int = EVERYTHING,
        after_rfbm: int = 0,
        flags: int = 0,
    ) -> Observation:
        """Run one thunk.

        Args:
            name: which thunk.
            operand: address in RSI.
            rfbm: value of EDX:EAX.
            index: value of ECX.
            setup: image that XRSTOR64 loads before; None leaves the caller's state in place.
            setup_rfbm: RFBM of that XRSTOR64.
            after_rfbm: components to read back afterwards.
            flags: RFLAGS bits to set for the thunk (`FLAG_AC`).

        Raises:
            ValueError: the setup image itself faulted, so nothing was tested.
        """
        if not self._active:
            raise RuntimeError("no fault handlers: use `with Native(...)`")
        data, setup_at = self._data, self._setup
        if setup is not None:
            data[setup_at : setup_at + len(setup)] = setup
        if after_rfbm:
            data[self._after : self._after + self._area_bytes] = self._zeros
        address = self._thunks[name]
        _SLOTS.pack_into(
            data,
            0,
            rfbm,
            operand,
            index,
            self._base + setup_at if setup is not None else 0,
            setup_rfbm,
            self._base + self._after if after_rfbm else 0,
            after_rfbm,
            0,
            0,
            NO_FAULT,
            0,
            0,
            0,
            self._base + self._caller,
            address,
            flags,
            self._resume,
            self._recover,
            0,
            0,
        )
        if flags:
            self._enter_alone()
        else:
            self._enter(self._base)
        slots = _SLOTS.unpack_from(data, 0)
        faulted = slots[9] != NO_FAULT
        place = slots[12] - address if faulted else 0
        if faulted and self._code.base <= slots[12] < self._resume:
            raise ValueError(f"the setup image faulted with vector {slots[9]}")
        return Observation(
            slots[9] if faulted else None,
            slots[10],
            slots[11],
            place,
            slots[7],
            slots[8],
            slots[18],
            slots[19],
            data[self._after : self._after + self._area_bytes] if after_rfbm else b"",
        )

    def _enter_alone(self) -> None:
        """Enter while no other signal handler can run: it would inherit RFLAGS.AC and fault."""
        waiting = signal.valid_signals() - {*_SIGNALS}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
        try:
            self._enter(self._base)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _padded(code: bytearray) -> int:
    code += bytes([0xCC]) * (-len(code) % _ALIGNMENT)
    return len(code)


def _sigaction(number: int, action: bytes) -> bytes:
    old = ctypes.create_string_buffer(_ACTION.size)
    if libc().syscall(_RT_SIGACTION, number, action, old, 8):
        raise Unreachable(f"rt_sigaction() refused signal {number}")
    return old.raw
