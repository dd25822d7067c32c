# SPDX-License-Identifier: Apache-2.0
"""Which byte of an area a page fault names: the first, the header, or the last."""

from __future__ import annotations

import pytest

from xsavvy.isa.control import Control, Operand
from xsavvy.isa.entry import header_stop, read_stop, write_stop
from xsavvy.isa.faults import Fault, Stop

AT = 0x4000
EXTENT = 832
USER = Control(0b111, cpl=3)


def named(stop: Stop) -> tuple[int, int] | None:
    """The offset that CR2 gets, and the error code."""
    if stop is None:
        return None
    assert isinstance(stop, Fault)
    assert stop.address is not None
    assert stop.error_code is not None
    return stop.address - AT, stop.error_code


@pytest.mark.parametrize(
    ("accessible", "writable", "expected"),
    [
        (None, None, None),
        (EXTENT, EXTENT, None),
        (EXTENT - 1, None, (EXTENT - 1, 6)),
        (64, None, (EXTENT - 1, 6)),
        (0, None, (0, 6)),
        (None, 64, (EXTENT - 1, 7)),
        (None, 0, (0, 7)),
        (64, 0, (0, 7)),
        (64, 32, (EXTENT - 1, 6)),
    ],
)
def test_a_save_probes_its_first_byte_then_its_last(
    accessible: int | None, writable: int | None, expected: tuple[int, int] | None
) -> None:
    """A save names its first byte if that cannot be written, else its last, never another."""
    operand = Operand(AT, accessible, writable)
    assert named(write_stop(USER, operand, EXTENT)) == expected


@pytest.mark.parametrize(
    ("accessible", "expected"),
    [(None, None), (576, None), (575, None), (512, (512, 4)), (1, (512, 4)), (0, (0, 4))],
)
def test_a_restore_probes_its_first_byte_then_the_header(
    accessible: int | None, expected: tuple[int, int] | None
) -> None:
    """Before it looks at the header, a restore names its first byte or the header."""
    assert named(header_stop(USER, Operand(AT, accessible))) == expected


def test_a_restore_then_probes_the_last_byte() -> None:
    """The rest is probed at its last byte; the supervisor's fault lacks the user bit."""
    assert named(read_stop(USER, Operand(AT, 576), EXTENT)) == (EXTENT - 1, 4)
    assert named(read_stop(Control(0b111), Operand(AT, 576), EXTENT)) == (EXTENT - 1, 0)
    assert read_stop(USER, Operand(AT, EXTENT), EXTENT) is None
