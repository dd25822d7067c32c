# SPDX-License-Identifier: Apache-2.0
"""The XSAVE header in bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xsavvy.image import header
from xsavvy.isa.components import ALL

MASKS = st.integers(0, ALL)


@given(MASKS, MASKS, st.booleans(), st.binary(min_size=600, max_size=600))
def test_what_is_written_is_read(a: int, b: int, compacted: bool, background: bytes) -> None:
    """Both bitmaps come back; nothing but their 16 bytes is touched."""
    area = bytearray(background)
    header.write(area, xstate_bv=a, xcomp_bv=b, compacted=compacted)
    found = header.read(area)
    assert (found.xstate_bv, found.xcomp_bv, found.compacted) == (a, b, compacted)
    assert found.xstate_bv_63 == 0
    assert area[:512] == background[:512]
    assert area[528:] == background[528:]


def test_reserved_bytes_are_told_apart() -> None:
    """Bytes 16-23 and 24-63 are reported separately, first and last byte of each."""
    for at, expected in ((16, (0, 1)), (23, (0, 1)), (24, (1, 0)), (63, (1, 0))):
        area = bytearray(576)
        area[512 + at] = 1
        found = header.read(area)
        assert (found.bytes_16_23_zero, found.bytes_24_63_zero) == expected


def test_bit_63_is_kept_apart() -> None:
    """XSTATE_BV[63] and XCOMP_BV[63] never appear in a mask."""
    area = bytearray(576)
    area[512:528] = b"\xff" * 16
    assert header.read(area)[:4] == (ALL, ALL, 1, 1)
