# SPDX-License-Identifier: Apache-2.0
"""The six instructions told a second time, straight from the manual's operation sections.

Written without looking at `xsavvy.isa.masks` or the plans and using none of them: one function per
instruction that walks the components one by one, on a dictionary of bytes.  It knows neither
faults of entry nor pages; it judges headers, MXCSR, XFD, bytes and XINUSE.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from xsavvy.isa import Processor, Vendor

BIT63 = 1 << 63
FNINIT = struct.pack("<H", 0x37F) + bytes(158)


class GeneralProtection(Exception):
    """#GP(0)."""


class NotAvailable(Exception):
    """#NM for XFD; the argument is XFD_ERR."""


@dataclass
class Machine:
    """Registers as the manual names them; component bytes by number, 0 and 1 included."""

    part: Processor
    xcr0: int
    xss: int = 0
    xfd: int = 0
    mxcsr: int = 0x1F80
    data: dict[int, bytes] = field(default_factory=dict)
    xinuse: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for i in (0, 1, *self.part.subleaves):
            self.data.setdefault(i, self.init(i))

    def init(self, i: int) -> bytes:
        """Initial configuration of a component."""
        if i == 0:
            return FNINIT
        if i == 16:
            return struct.pack("<Q", 0x8000FF01)
        return bytes(256 if i == 1 else self.part.subleaves[i].size)

    def saved(self, i: int) -> bytes:
        """A component as a 64-bit save stores it."""
        raw = self.data[i]
        if i == 0 and self.part.vendor is Vendor.AMD and not raw[2] & 0x80:
            return raw[:6] + bytes(18) + raw[24:]
        return raw

    # --- operation sections ---

    def xsave(self, memory: bytes, mask: int, opt: bool = False) -> bytes:
        """XSAVE, XSAVEOPT: the standard format."""
        area = bytearray(memory)
        old_bv = int.from_bytes(memory[512:520], "little")
        for i in range(63):
            if not mask & self.xcr0 & 1 << i:
                continue
            used = i in self.xinuse and not self.xfd & 1 << i
            if used:
                self._put(area, i, self._standard(i), self.saved(i))
                old_bv |= 1 << i
            else:
                if not opt:
                    self._put(area, i, self._standard(i), self.init(i))
                old_bv &= ~(1 << i)
        if mask & self.xcr0 & 6:
            struct.pack_into("<II", area, 24, self.mxcsr, self.part.mxcsr_mask)
        struct.pack_into("<Q", area, 512, old_bv)
        return bytes(area)

    def xsavec(self, memory: bytes, mask: int, supervisor: bool = False) -> bytes:
        """XSAVEC, XSAVES: the compacted format."""
        area = bytearray(memory)
        rfbm = mask & (self.xcr0 | (self.xss if supervisor else 0))
        offsets = self._offsets(rfbm)
        new_bv = 0
        for i in range(63):
            if not rfbm & 1 << i:
                continue
            used = i in self.xinuse or (i == 1 and self.mxcsr != 0x1F80)
            if used and not self.xfd & 1 << i:
                self._put(area, i, offsets[i], self.saved(i))
                new_bv |= 1 << i
                if i == 1:
                    struct.pack_into("<II", area, 24, self.mxcsr, self.part.mxcsr_mask)
        struct.pack_into("<QQ", area, 512, new_bv, rfbm | BIT63)
        return bytes(area)

    def xrstor(self, area: bytes, mask: int, supervisor: bool = False) -> None:
        """XRSTOR, XRSTORS: either format; raises before it changes anything."""
        enabled = self.xcr0 | (self.xss if supervisor else 0)
        rfbm = mask & enabled
        bv, xcomp, r16, r24 = struct.unpack_from("<QQQ40s", area, 512)
        compact = xcomp >> 63
        if supervisor and not compact:
            raise GeneralProtection
        if compact:
            form = xcomp ^ BIT63
            if form & ~enabled or bv & ~form or r16 or any(r24):
                raise GeneralProtection
            offsets = self._offsets(form)
        else:
            if bv & ~self.xcr0 or xcomp or r16:
                raise GeneralProtection
            offsets = {i: self._standard(i) for i in range(63) if self.xcr0 & 1 << i}
        if rfbm & bv & self.xfd:
            raise NotAvailable(rfbm & bv & self.xfd)
        (mxcsr,) = struct.unpack_from("<I", area, 24)
        loads_mxcsr = rfbm & bv & 2 if compact else rfbm & 6
        if loads_mxcsr and mxcsr & ~self.part.mxcsr_mask:
            raise GeneralProtection
        if loads_mxcsr:
            self.mxcsr = mxcsr
        elif compact and rfbm & 2:
            self.mxcsr = 0x1F80
        for i in range(63):
            if not rfbm & 1 << i:
                continue
            self.xinuse.discard(i)
            if bv & 1 << i:
                self.data[i] = self._get(area, i, offsets[i])
                if self.part.vendor is not Vendor.AMD or self.saved(i) != self.init(i):
                    self.xinuse.add(i)
            else:
                self.data[i] = self.init(i)

    # --- where bytes are ---

    def _standard(self, i: int) -> int:
        return {0: 0, 1: 160}.get(i) if i < 2 else self.part.subleaves[i].offset  # type: ignore[return-value]

    def _offsets(self, form: int) -> dict[int, int]:
        found, nxt = {0: 0, 1: 160}, 576
        for i in range(2, 63):
            if form & 1 << i:
                leaf = self.part.subleaves[i]
                nxt = -(-nxt // 64) * 64 if leaf.align64 else nxt
                found[i] = nxt
                nxt += leaf.size
        return found

    def _put(self, area: bytearray, i: int, offset: int, data: bytes) -> None:
        if i == 0:
            area[:24], area[32:160] = data[:24], data[32:]
        else:
            area[offset : offset + len(data)] = (
                data[:4] + area[offset + 4 : offset + 8] if (i == 9) else data
            )

    def _get(self, area: bytes, i: int, offset: int) -> bytes:
        if i == 0:
            return self._x87(area)
        if i == 9:
            return area[offset : offset + 4] + bytes(4)
        return area[offset : offset + len(self.init(i))]

    def _x87(self, area: bytes) -> bytes:
        """The x87 bytes of a 64-bit load as the registers keep them."""
        fcw, fsw, ftw, fop, fip, fdp = struct.unpack_from("<HHBxHQQ", area)
        fcw = fcw & 0x1F3F | 0x40
        busy = any(fsw >> n & 1 and not fcw >> n & 1 for n in range(6))
        fsw = fsw | 0x8080 if busy else fsw & 0x7F7F
        width = self.part.linear_address_bits
        for_sign = 1 << width - 1
        fip, fdp = (
            ((p & (2 * for_sign - 1)) ^ for_sign) - for_sign & (1 << 64) - 1 for p in (fip, fdp)
        )
        out = struct.pack("<HHBxHQQ8x", fcw, fsw, ftw, fop % 2048, fip, fdp)
        for n in range(8):
            out += area[32 + 16 * n : 42 + 16 * n] + bytes(6)
        return out
