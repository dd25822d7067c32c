# SPDX-License-Identifier: Apache-2.0
"""Which kind of file an image is in, told from its bytes, and the one way in: `read()`.

An ELF core and a CRIU image have magic numbers.  An XSAVE area has none: bytes are taken for one if their
header could be an area's (no bit that no processor has, bit 63 where it belongs).  `kind` forces a reader, for
what is damaged there.
"""

from __future__ import annotations

import io
from typing import IO, Final

from xsavvy.isa.components import SUPERVISOR, USER
from xsavvy.isa.layout import EXTENDED_OFFSET

from .criu import MAX_BYTES, is_crit, is_criu, read_crit, read_criu
from .elf import MAGIC, read_elf
from .saved import (
    FRAME_MAGIC,
    FXSAVE_BYTES,
    KVM_BYTES,
    MAX_AREA,
    Kind,
    Saved,
    UnreadableImage,
    from_fxsave,
    sized,
)

__all__ = ["read", "read_bytes"]

_KNOWN: Final = USER | SUPERVISOR
_BIT_63: Final = 1 << 63


def read_bytes(data: bytes, name: str = "<image>", kind: Kind | None = None) -> tuple[Saved, ...]:
    """Read what is in memory; see `read()`.

    >>> area = bytearray(576)
    >>> area[512] = 1
    >>> read_bytes(bytes(area))[0].kind
    <Kind.RAW: 'raw'>
    """
    return read(io.BytesIO(data), name, kind)


def read(stream: IO[bytes], name: str = "<image>", kind: Kind | None = None) -> tuple[Saved, ...]:
    """Read every XSAVE area of a file that can be sought in; `kind` says what it must be.

    Raises UnreadableImage, whose text is one line: file, what was expected, what was found.
    """
    stream.seek(0)
    start = stream.read(512)
    if not start:
        raise UnreadableImage(f"{name}: expected an image, found an empty file")
    if kind is Kind.ELF or (kind is None and start.startswith(MAGIC)):
        return read_elf(stream, name)
    stream.seek(0)
    if kind is Kind.CRIU or (kind is None and (is_criu(start) or is_crit(start))):
        data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UnreadableImage(f"{name}: expected a CRIU image of at most {MAX_BYTES} bytes")
        return (
            read_criu(data, name) if is_criu(start) or not is_crit(start) else read_crit(data, name)
        )
    return (_area(stream.read(MAX_AREA + 1), name, kind),)


def _area(data: bytes, name: str, kind: Kind | None) -> Saved:
    if len(data) == FXSAVE_BYTES:
        return from_fxsave(data, Kind.RAW if kind is None else kind)
    if kind is None and (not EXTENDED_OFFSET <= len(data) <= MAX_AREA or not _plausible(data)):
        size = f"more than {MAX_AREA}" if len(data) > MAX_AREA else str(len(data))
        raise UnreadableImage(
            f"{name}: expected an ELF core, a CRIU core image, or an XSAVE area of {EXTENDED_OFFSET}"
            f" to {MAX_AREA} bytes with a legal header; found {size} bytes"
        )
    saved = Saved(_without_frame(sized(data, name)), kind or Kind.RAW)
    return Saved(saved.area, Kind.KVM) if kind is None and _is_kvm(saved) else saved


def _without_frame(data: bytes) -> bytes:
    """Cut off what a signal frame has behind the area: its second magic number, and what was on the stack.

    Source: linux arch/x86/include/uapi/asm/sigcontext.h struct _fpx_sw_bytes (xstate_size).
    """
    size = int.from_bytes(data[480:484], "little")
    framed = data[464:468] == FRAME_MAGIC and EXTENDED_OFFSET <= size <= len(data)
    return data[:size] if framed else data


def _plausible(data: bytes) -> bool:
    xstate_bv, xcomp_bv = (int.from_bytes(data[at : at + 8], "little") for at in (512, 520))
    return not xstate_bv & ~_KNOWN and (xcomp_bv == 0 or not xcomp_bv & ~_KNOWN ^ _BIT_63)


def _is_kvm(saved: Saved) -> bool:
    """Tell a blob of KVM: 4096 bytes, or more with the mask that the kernel leaves at byte 464."""
    if saved.header.compacted:
        return False
    return len(saved.area) == KVM_BYTES or (len(saved.area) > KVM_BYTES and bool(saved.xcr0))
