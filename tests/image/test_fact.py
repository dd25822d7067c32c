# SPDX-License-Identifier: Apache-2.0
"""The surprising facts of the processor, in bytes.

Facts 15 to 21 are KVM's and not told here; 1, 2, 13, 14, 22 and 24 are told in tests/isa.
"""

from __future__ import annotations

import dataclasses
import struct

import pytest

from tests.isa.part import EVERYTHING, SAPPHIRE, ZEN4
from xsavvy.image import Registers, execute
from xsavvy.isa import Control, Instruction, Operand, Reason
from xsavvy.isa.components import CET_U, PKRU, XTILEDATA

STANDARD_SAVES = (Instruction.XSAVE, Instruction.XSAVEOPT)
GARBAGE = b"\xaa" * 2560
ZEN4_ON = Control(0xE7, 0x1800)


def filled(xinuse: int = 0xE7, mxcsr: int = 0x1F80) -> Registers:
    """Zen 4 registers in which component i holds bytes of value i; some counted as in use."""
    data = {i: bytes([i]) * leaf.size for i, leaf in ZEN4.subleaves.items()}
    return Registers(mxcsr=mxcsr, xmm=b"\1" * 256, extended=data, xinuse=xinuse)


def image(xstate_bv: int, xcomp_bv: int = 0, mxcsr: int = 0x1F80, fill: int = 0x11) -> bytearray:
    """An area of 2,560 bytes full of one value."""
    area = bytearray([fill]) * 2560
    area[:32] = struct.pack("<HHBBHQQII", 0x37F, 0, 0, 0, 0, 0, 0, mxcsr, 0)
    area[512:576] = struct.pack("<QQ", xstate_bv, xcomp_bv) + bytes(48)
    return area


def bitmaps(memory: bytes) -> tuple[int, int]:
    """XSTATE_BV and XCOMP_BV."""
    xstate_bv, xcomp_bv = struct.unpack_from("<QQ", memory, 512)
    return xstate_bv, xcomp_bv


@pytest.mark.parametrize("instruction", STANDARD_SAVES)
def test_fact_3_rfbm_2_alone_stores_mxcsr(instruction: Instruction) -> None:
    """Fact 3: a save of AVX alone writes MXCSR and MXCSR_MASK but no XMM register."""
    saved = execute(ZEN4, instruction, filled(mxcsr=0x1FA0), GARBAGE, 4).memory
    assert saved[24:32].hex() == "a01f0000ffff0200"
    assert saved[160:416] == GARBAGE[160:416]
    compact = execute(ZEN4, Instruction.XSAVEC, filled(mxcsr=0x1FA0), GARBAGE, 4).memory
    assert compact[24:32] == GARBAGE[24:32]


def test_fact_3_a_standard_load_of_mxcsr_ignores_xstate_bv() -> None:
    """Fact 3: with XSTATE_BV=0 a standard restore initialises XMM and still loads MXCSR."""
    result = execute(ZEN4, Instruction.XRSTOR, filled(), image(0, mxcsr=0x1FA0), 2)
    assert result.registers.mxcsr == 0x1FA0
    assert result.registers.xmm == bytes(256)
    compact = execute(
        ZEN4, Instruction.XRSTOR, filled(mxcsr=0x1F8F), image(0, 1 << 63 | 2, 0xFFFF_FFFF), 2
    )
    assert compact.stop is None
    assert compact.registers.mxcsr == 0x1F80


def test_fact_4_mxcsr_alone_in_bytes() -> None:
    """Fact 4: with XMM zero and MXCSR=1FA0H, XSAVEC stores 256 zeros, XSAVEOPT nothing."""
    odd = dataclasses.replace(Registers.initial(ZEN4), mxcsr=0x1FA0)
    compact = execute(ZEN4, Instruction.XSAVEC, odd, GARBAGE, 2).memory
    assert compact[160:416] == bytes(256)
    assert bitmaps(compact) == (2, 1 << 63 | 2)
    standard = execute(ZEN4, Instruction.XSAVEOPT, odd, GARBAGE, 2).memory
    assert standard[160:416] == GARBAGE[160:416]
    assert bitmaps(standard)[0] & 2 == 0
    assert standard[24:28] == compact[24:28]


@pytest.mark.parametrize("instruction", STANDARD_SAVES)
def test_fact_5_garbage_in_the_header_survives(instruction: Instruction) -> None:
    """Fact 5: unrequested bits, bit 63 too, XCOMP_BV and bytes 16-63 keep their garbage."""
    saved = execute(ZEN4, instruction, filled(0b100), GARBAGE, 0b110).memory
    assert bitmaps(saved) == (0xAAAA_AAAA_AAAA_AAAA & ~0b110 | 0b100, 0xAAAA_AAAA_AAAA_AAAA)
    assert saved[528:576] == GARBAGE[528:576]
    nothing = execute(ZEN4, instruction, filled(), GARBAGE, 0).memory
    assert nothing == GARBAGE


def test_fact_5_xsavec_overwrites_all_64_bits() -> None:
    """Fact 5: XSAVEC and XSAVES leave no bit of either bitmap, and bytes 16-63 untouched."""
    for instruction in (Instruction.XSAVEC, Instruction.XSAVES):
        saved = execute(ZEN4, instruction, filled(0b100), GARBAGE, 0b111).memory
        assert bitmaps(saved) == (0b100, 1 << 63 | 0b111)
        assert saved[528:576] == GARBAGE[528:576]


def test_fact_6_the_layout_has_holes() -> None:
    """Fact 6: component 7 stands where it would if 2, 5 and 6 had been written."""
    saved = execute(ZEN4, Instruction.XSAVEC, filled(0x80), GARBAGE, 0xE4).memory
    assert bitmaps(saved) == (0x80, 1 << 63 | 0xE4)
    assert saved[576:1408] == GARBAGE[576:1408]
    assert saved[1408:2432] == b"\7" * 1024


def test_fact_7_a_partial_restore_reads_behind_the_holes() -> None:
    """Fact 7: restoring component 7 alone reads from where XCOMP_BV puts it."""
    area = image(0xE7, 1 << 63 | 0xE7)
    area[1408:2432] = b"\x77" * 1024
    result = execute(ZEN4, Instruction.XRSTOR, filled(), area, 0x80)
    assert result.registers.extended[7] == b"\x77" * 1024
    assert result.registers.extended[6] == b"\6" * 512


def test_fact_8_zeros_loaded_by_a_restore_are_initial() -> None:
    """Fact 8: XSTATE_BV with zeros behind it leaves XINUSE clear on AMD, one bit of data sets it.

    The manual, and so the model of Intel, has the bit set after every load.
    """
    for index in (0, 1, 2, 5, 6, 7):
        area = image(1 << index, fill=0)
        result = execute(ZEN4, Instruction.XRSTOR, filled(), area, 0xE7)
        assert result.registers.xinuse == 0
        area[ZEN4.standard[index].offset + 32] = 1
        result = execute(ZEN4, Instruction.XRSTOR, filled(), area, 0xE7)
        assert result.registers.xinuse == 1 << index
    area = image(0b100, fill=0)
    assert execute(SAPPHIRE, Instruction.XRSTOR, filled(), area, 0b100).registers.xinuse & 4


def test_fact_9_pointers_are_zero_in_a_save_without_exception() -> None:
    """Fact 9: what XRSTOR loaded with ES=0 is saved as zeros by every save of Zen 4."""
    area = image(1)
    area[:24] = struct.pack("<HHBBHQQ", 0x37F, 1, 0xFF, 0, 0x123, 0x1234_5678_9ABC, 0x7654)
    held = execute(ZEN4, Instruction.XRSTOR, filled(), area, 1).registers
    assert held.x87.image[8:14].hex() == "bc9a78563412"
    for instruction in Instruction:
        if instruction.saves:
            saved = execute(ZEN4, instruction, held, GARBAGE, 1).memory
            assert saved[:24].hex() == "7f030100ff00" + "00" * 18


@pytest.mark.parametrize("instruction", list(Instruction))
def test_fact_11_a_short_area_is_left_alone(instruction: Instruction) -> None:
    """Fact 11: with the last byte missing nothing is written or loaded, and CR2 names it."""
    header = 1 << 63 | 0xE7
    area = image(0xE7, header if instruction.supervisor else 0)
    size = 2432
    operand = Operand(0x7000)
    result = execute(ZEN4, instruction, filled(), area[: size - 1], 0xE7, ZEN4_ON, operand=operand)
    assert result.fault is not None
    assert result.fault.reason is Reason.PAYLOAD_PAGE
    assert result.fault.address == 0x7000 + size - 1
    assert result.memory == area[: size - 1]
    assert result.registers == filled()


def test_fact_11_initial_components_need_memory() -> None:
    """Fact 11: XSAVEOPT of initial state faults in a small area that it would not write to."""
    fresh = Registers.initial(ZEN4)
    for instruction, need in ((Instruction.XSAVEOPT, 896), (Instruction.XSAVEC, 640)):
        assert execute(ZEN4, instruction, fresh, GARBAGE[:need], 0x20).stop is None
        assert execute(ZEN4, instruction, fresh, GARBAGE[: need - 64], 0x20).stop is not None


def test_fact_12_stale_memory_behind_xsaveopt() -> None:
    """Fact 12: unmodified components stay stale in memory; MXCSR and XSTATE_BV are written."""
    registers = filled(mxcsr=0x1FA0)
    saved = execute(ZEN4, Instruction.XSAVEOPT, registers, GARBAGE, 0xE7, xmodified=0).memory
    assert saved[32:512] == GARBAGE[32:512]
    assert saved[576:] == GARBAGE[576:]
    assert saved[24:28].hex() == "a01f0000"
    assert bitmaps(saved)[0] & 0xE7 == 0xE7


def test_fact_13_a_privilege_fault_leaves_everything() -> None:
    """Fact 13: XSAVES at CPL 3 is #GP(0) and writes nothing."""
    result = execute(
        ZEN4, Instruction.XSAVES, filled(), GARBAGE, EVERYTHING, ZEN4_ON._replace(cpl=3)
    )
    assert result.fault is not None
    assert result.fault.describe() == "#GP(0): the current privilege level is not 0"
    assert result.memory == GARBAGE


def test_fact_23_pkru_is_four_of_eight_bytes() -> None:
    """Fact 23: the upper half of PKRU's component is neither written nor loaded (inferred)."""
    registers = dataclasses.replace(
        Registers.initial(SAPPHIRE), extended={9: b"\x54\x55\x55\x55" + bytes(4)}, xinuse=PKRU
    )
    area = bytes(2696)[:2688] + b"\xcc" * 8
    saved = execute(SAPPHIRE, Instruction.XSAVE, registers, area, PKRU).memory
    assert saved[2688:].hex() == "54555555cccccccc"
    back = execute(SAPPHIRE, Instruction.XRSTOR, Registers.initial(SAPPHIRE), saved, PKRU)
    assert back.registers.extended[9].hex() == "5455555500000000"


def test_fact_25_a_component_outside_xcomp_bv_becomes_initial() -> None:
    """Fact 25: with XCOMP_BV=1 and a request for everything, all but x87 is initialised."""
    result = execute(ZEN4, Instruction.XRSTOR, filled(), image(1, 1 << 63 | 1), 0xE7)
    assert result.stop is None
    assert result.registers.extended[7] == bytes(1024)
    assert result.registers.xmm == bytes(256)
    assert result.registers.xinuse == 1
    assert result.registers.extended[11] == b"\x0b" * 16


def test_xfd_in_bytes() -> None:
    """Under XFD plain XSAVE writes zero tiles, the others leave memory; a load sets XFD_ERR."""
    size = SAPPHIRE.subleaves[18].size
    held = dataclasses.replace(
        Registers.initial(SAPPHIRE), extended={18: b"\x42" * size}, xinuse=XTILEDATA
    )
    off = Control(0x602E7, xfd=XTILEDATA)
    area = b"\xaa" * SAPPHIRE.standard.size
    place = SAPPHIRE.standard[18]
    for instruction, expected in (("XSAVE", b"\0"), ("XSAVEOPT", b"\xaa")):
        saved = execute(SAPPHIRE, Instruction[instruction], held, area, XTILEDATA, off).memory
        assert saved[place.offset : place.end] == expected * size
        assert bitmaps(saved)[0] & XTILEDATA == 0
    full = execute(SAPPHIRE, Instruction.XSAVE, held, bytes(len(area)), XTILEDATA).memory
    result = execute(SAPPHIRE, Instruction.XRSTOR, held, full, XTILEDATA, off)
    assert result.registers == held.with_xfd_err(XTILEDATA)
    result = execute(SAPPHIRE, Instruction.XRSTOR, held, bytes(len(area)), XTILEDATA, off)
    assert result.stop is None
    assert result.registers.extended[18] == bytes(size)


@pytest.mark.parametrize(
    ("offset", "value", "legal"),
    [(0, 0x3, True), (0, 0x4, False), (8, 0x1000, True), (8, 0x1002, False), (8, 1 << 57, False)],
)
def test_supervisor_values_are_judged(offset: int, value: int, legal: bool) -> None:
    """XRSTORS on a part without branch tracking takes shadow stack bits and aligned pointers."""
    area = image(CET_U, 1 << 63 | CET_U, fill=0)
    struct.pack_into("<Q", area, 576 + offset, value)
    result = execute(ZEN4, Instruction.XRSTORS, Registers.initial(ZEN4), area, CET_U)
    assert (result.stop is None) == legal
    if not legal:
        assert result.fault is not None
        assert result.fault.reason is Reason.PAYLOAD
    ignored = execute(ZEN4, Instruction.XRSTORS, Registers.initial(ZEN4), area, 1)
    assert ignored.stop is None


def test_values_beyond_the_end_are_a_matter_of_pages() -> None:
    """An area that ends before its CET values is a page fault, not an illegal value."""
    area = bytes(image(0x1800, 1 << 63 | 0x1800, fill=0xFF))
    for size in (576, 592, 600):
        result = execute(
            ZEN4, Instruction.XRSTORS, Registers.initial(ZEN4), area[:size], EVERYTHING
        )
        assert result.fault is not None
        assert result.fault.reason is Reason.PAYLOAD_PAGE
