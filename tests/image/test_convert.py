# SPDX-License-Identifier: Apache-2.0
"""Conversions: the registers are the same afterwards, nothing is lost unsaid, and there and back is byte-exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.image.core import PART
from tests.image.saved import CPUS, images, made, places
from xsavvy.image.apply import execute
from xsavvy.image.convert import Converted, Refused, Target, convert
from xsavvy.image.difference import Side, differences
from xsavvy.image.file import Kind, Saved
from xsavvy.image.fleet import convert_all
from xsavvy.image.header import write
from xsavvy.image.recover import Certainty, Recovered
from xsavvy.image.registers import Registers
from xsavvy.isa import Instruction
from xsavvy.isa.components import AVX, PKRU, SSE, XTILEDATA, indices
from xsavvy.isa.control import Control
from xsavvy.isa.layout import LEGACY_PLACES, Layout
from xsavvy.isa.processor import Processor


def converted(saved: Saved, cpu: str, target: Target) -> Converted | str:
    """The result, or the reasons against it."""
    try:
        return convert(saved, places(saved, PART[cpu]), target)
    except Refused as error:
        return str(error)


def can(cpu: str, compacted: bool) -> bool:
    return compacted and PART[cpu].xsavec


def loaded(saved: Saved, part: Processor, features: int) -> Registers:
    """The registers after XRSTORS or XRSTOR of an image on its own processor."""
    which = Instruction.XRSTORS if saved.header.compacted and part.xsaves else Instruction.XRSTOR
    control = Control(part.xcr0_supported, part.xss_supported)
    start = Registers.initial(part)
    result = execute(part, which, start, saved.area, features, control)
    assert result.stop is None, result.stop.describe()
    return result.registers


@given(images)
def test_the_registers_are_the_same(which: tuple[int, str, str, bool, bool]) -> None:
    """What converts has no difference by meaning, whatever the layouts and formats."""
    seed, cpu, other, before, after = which
    saved = made(seed, cpu, before)
    target = Target(PART[other], can(other, after))
    done = converted(saved, cpu, target)
    if isinstance(done, str):
        assert any(words in done for words in ("not supported", "no place", "data beyond"))
        return
    result = Saved(done.area, saved.kind)
    one = Side(saved, places(saved, PART[cpu]))
    assert differences(one, Side(result, places(result, PART[other]))) == []
    for index in indices(result.header.xstate_bv & saved.header.xstate_bv & ~0b11):
        old, new = (
            places(*each).layout[index] for each in ((saved, PART[cpu]), (result, PART[other]))
        )
        size = min(old.size, new.size)
        assert (
            saved.area[old.offset : old.offset + size]
            == result.area[new.offset : new.offset + size]
        )


@given(st.integers(0, 1 << 32), st.sampled_from(CPUS))
def test_the_processor_loads_the_same(seed: int, cpu: str) -> None:
    """XRSTOR from the converted image leaves the registers as from the first, with the other format."""
    part = PART[cpu]
    saved = made(seed, cpu, False)
    saved = Saved(saved.area, Kind.RAW)
    done = converted(saved, cpu, Target(part, part.xsavec))
    assert isinstance(done, Converted)
    features = done.plan.named
    first, second = loaded(saved, part, features), loaded(Saved(done.area), part, features)
    assert first.x87 == second.x87
    assert (first.mxcsr, first.xmm) == (second.mxcsr, second.xmm)
    assert first.extended == second.extended


@given(images)
def test_there_and_back_is_byte_exact(which: tuple[int, str, str, bool, bool]) -> None:
    """After two conversions every component of XSTATE_BV and XSTATE_BV itself are what they were."""
    seed, cpu, other, before, after = which
    saved = made(seed, cpu, before)
    done = converted(saved, cpu, Target(PART[other], can(other, after)))
    if isinstance(done, str):
        return
    there = Saved(done.area, saved.kind)
    again = converted(there, other, Target(PART[cpu], bool(saved.header.compacted)))
    assert isinstance(again, Converted)
    last, lost = Saved(again.area), saved.header.xstate_bv & ~there.header.xstate_bv
    assert last.header.xstate_bv & ~SSE == saved.header.xstate_bv & ~lost & ~SSE
    for index in indices(last.header.xstate_bv & saved.header.xstate_bv):
        for place in _pieces(index, places(saved, PART[cpu]).layout):
            new = _moved(index, place, places(last, PART[cpu]).layout)
            assert saved.area[place] == last.area[new]


def _pieces(index: int, layout: Layout) -> list[slice]:
    if index == 0:
        return [slice(0, 24), slice(32, 160)]
    return [slice(layout[index].offset, layout[index].end)]


def _moved(index: int, place: slice, layout: Layout) -> slice:
    return place if index == 0 else slice(layout[index].offset, layout[index].end)


def with_bits(cpu: str, xstate_bv: int, *, fill: int = 0x11, mxcsr: int = 0x1F80) -> Saved:
    """A standard image with these components."""
    part = PART[cpu]
    area = bytearray(part.standard.size)
    for index, place in part.standard.items():
        if index > 1 and xstate_bv >> index & 1:
            area[place.offset : place.end] = bytes([fill]) * place.size
    area[24:28] = mxcsr.to_bytes(4, "little")
    write(area, xstate_bv=xstate_bv)
    return Saved(bytes(area))


def test_nothing_is_lost_unsaid() -> None:
    """A component that the target lacks is refused by name, unless dropped, defaulted or initial."""
    saved = with_bits("sapphire-rapids", PKRU | XTILEDATA | AVX)
    target = Target(PART["haswell"], compacted=False)
    refused = converted(saved, "sapphire-rapids", target)
    assert isinstance(refused, str)
    assert "PKRU is not supported by the target's processor" in refused
    assert "XTILEDATA is not supported" in refused
    for drop, default in ((PKRU | XTILEDATA, 0), (PKRU, XTILEDATA)):
        kept = Target(PART["haswell"], compacted=False, drop=drop, default=default)
        done = converted(saved, "sapphire-rapids", kept)
        assert isinstance(done, Converted)
        assert Saved(done.area).header.xstate_bv == AVX
    blank = with_bits("sapphire-rapids", PKRU | AVX, fill=0)
    done = converted(blank, "sapphire-rapids", target)
    assert isinstance(done, Converted)
    assert done.notes == ("PKRU holds its initial configuration, so nothing is lost",)


def test_drop_leaves_out_and_default_keeps_the_room() -> None:
    """Of a dropped component XCOMP_BV has no bit; a defaulted one is named and initial."""
    saved = with_bits("genoa", PKRU | AVX)
    gone = converted(saved, "genoa", Target(PART["genoa"], True, drop=PKRU))
    reset = converted(saved, "genoa", Target(PART["genoa"], True, default=PKRU))
    assert isinstance(gone, Converted)
    assert isinstance(reset, Converted)
    assert [Saved(each.area).header[:2] for each in (gone, reset)] == [(AVX, 7), (AVX, 7 | PKRU)]


def test_supervisor_state_has_no_standard_place() -> None:
    """CET of a compacted image is refused in the standard format, with that reason."""
    part = PART["genoa"]
    area = bytearray(1024)
    area[600] = 1
    area[576:600] = bytes([8]) * 24
    write(area, xstate_bv=0x1000, xcomp_bv=0x1000, compacted=True)
    refused = converted(Saved(bytes(area)), "genoa", Target(part, compacted=False))
    assert (
        refused
        == "CET_S is supervisor state, for which the standard format has no place (drop or default it)"
    )


def test_mxcsr_is_kept_by_the_sse_bit() -> None:
    """MXCSR alone makes SSE's bit in the compacted format, as XSAVEC would; bits of AMD stay with AMD."""
    saved = with_bits("genoa", AVX, mxcsr=0x1FA0)
    done = converted(saved, "genoa", Target(PART["genoa"], compacted=True))
    assert isinstance(done, Converted)
    assert Saved(done.area).header.xstate_bv == AVX | SSE
    assert done.notes == ("SSE gets its bit, as MXCSR is not 1F80H",)
    misaligned = with_bits("genoa", AVX, mxcsr=0x21F80)
    target = Target(PART["haswell"], compacted=False)
    refused = converted(misaligned, "genoa", target)
    assert isinstance(refused, str)
    assert refused.startswith("MXCSR 0x21f80 has bits that the target lacks")
    target = Target(PART["haswell"], compacted=False, default_mxcsr=True)
    assert isinstance(converted(misaligned, "genoa", target), Converted)


def test_what_cannot_be_converted_says_why() -> None:
    """A damaged header, an unknown place, and a target without the format are refused."""
    area = bytearray(with_bits("genoa", AVX).area)
    area[519] = 0x80
    assert "header is not legal" in str(
        converted(Saved(bytes(area)), "genoa", Target(PART["genoa"], False))
    )
    unknown = Recovered(Layout(LEGACY_PLACES), Certainty.PARTLY, "")
    with pytest.raises(Refused, match="PKRU has no known place"):
        convert(with_bits("genoa", PKRU), unknown, Target(PART["genoa"], False))
    assert "neither XSAVEC" in str(
        converted(with_bits("genoa", AVX), "genoa", Target(PART["haswell"], True))
    )


def test_a_larger_component_must_fit() -> None:
    """PKRU of Rome has 64 bytes, elsewhere 8: what lies beyond may only be zero."""
    saved = with_bits("rome", PKRU)
    refused = converted(saved, "rome", Target(PART["milan"], compacted=False))
    assert refused == "PKRU is smaller on the target and has data beyond"


@given(st.integers(0, 1 << 32), st.sampled_from(CPUS), st.sampled_from(CPUS), st.booleans())
def test_the_fleet_does_what_one_image_does(seed: int, cpu: str, other: str, after: bool) -> None:
    """Every row of the vectorised conversion equals the one-image path, refusals with their reasons."""
    saved = [made(seed + number // 3, cpu, False) for number in range(12)]
    damaged = bytearray(saved[3].area)
    damaged[530] = 1
    rows = [Saved(each.area, Kind.RAW) for each in saved] + [Saved(bytes(damaged), Kind.RAW)]
    target = Target(PART[other], can(other, after))
    matrix = np.frombuffer(b"".join(each.area for each in rows), np.uint8).reshape(len(rows), -1)
    fleet = convert_all(matrix, PART[cpu], target)
    for number, one in enumerate(rows):
        expected = converted(one, cpu, target)
        if isinstance(expected, str):
            assert fleet.refused[number] == expected
            assert not fleet.areas[number].any()
        else:
            assert number not in fleet.refused
            assert fleet.areas[number, : fleet.sizes[number]].tobytes() == expected.area


def test_a_fleet_of_kvm_blobs() -> None:
    """Compacted sources and blobs of a kernel go through the fleet's path, too."""
    part = PART["genoa"]
    for compacted, kind in ((True, Kind.RAW), (False, Kind.KVM)):
        saved = [made(number, "genoa", compacted) for number in range(40)]
        rows = [Saved(each.area, kind) for each in saved]
        target = Target(part, not compacted, drop=0x1800, least=4096)
        matrix = np.frombuffer(b"".join(each.area for each in rows), np.uint8).reshape(40, -1)
        fleet = convert_all(matrix, part, target, kind)
        for number, one in enumerate(rows):
            done = converted(one, "genoa", target)
            assert isinstance(done, Converted)
            assert fleet.areas[number, : fleet.sizes[number]].tobytes() == done.area


def as_matrix(rows: list[Saved]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.frombuffer(b"".join(each.area for each in rows), np.uint8).reshape(len(rows), -1)


def test_a_fleet_refuses_a_row_for_its_mxcsr() -> None:
    """One row with AMD's bit in MXCSR is refused with its reason; its neighbours are converted."""
    rows = [with_bits("genoa", AVX, mxcsr=value) for value in (0x1F80, 0x21F80, 0x1FA0)]
    target = Target(PART["haswell"], compacted=False)
    fleet = convert_all(as_matrix(rows), PART["genoa"], target)
    assert list(fleet.refused) == [1]
    assert fleet.refused[1] == converted(rows[1], "genoa", target)
    assert [int(size) for size in fleet.sizes] == [832, 0, 832]


def test_a_fleet_is_grouped_by_headers_and_not_by_their_hash() -> None:
    """Two headers that were made to have the same hash are still two headers."""
    first, second = (
        bytearray(with_bits("genoa", AVX).area),
        bytearray(with_bits("genoa", PKRU).area),
    )
    states = []
    for area in (first, second):
        state = 0
        for at in (464, 472, *range(512, 568, 8)):
            word = int.from_bytes(area[at : at + 8], "little")
            state = (state ^ word) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
            state ^= state >> 29
        states.append(state)
    second[568:576] = (states[0] ^ states[1]).to_bytes(8, "little")
    rows = [Saved(bytes(first)), Saved(bytes(second))]
    target = Target(PART["skylake-sp"], compacted=False)
    fleet = convert_all(as_matrix(rows), PART["genoa"], target)
    for number, one in enumerate(rows):
        done = converted(one, "genoa", target)
        assert isinstance(done, Converted)
        assert fleet.areas[number, : fleet.sizes[number]].tobytes() == done.area


def test_what_is_cut_off_cannot_be_converted() -> None:
    """A component that the file ends before is refused, and can be given up."""
    saved = Saved(with_bits("genoa", PKRU | AVX).area[:2432])
    refused = converted(saved, "genoa", Target(PART["genoa"], compacted=False))
    assert isinstance(refused, str)
    assert refused.startswith("PKRU has no known place in the image")
    assert isinstance(converted(saved, "genoa", Target(PART["genoa"], False, drop=PKRU)), Converted)
