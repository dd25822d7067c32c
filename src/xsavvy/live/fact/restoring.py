# SPDX-License-Identifier: Apache-2.0
"""Facts about restores: functions that make cases, each followed by one that tells the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xsavvy.isa.components import AVX, X87, indices
from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET
from xsavvy.live.answer import Answer
from xsavvy.live.case import Case
from xsavvy.live.fact.probe import COMPACT, faults, filled, image
from xsavvy.live.host import Host


def header_bits(host: Host) -> list[Case]:
    """Flip every bit of a legal header, in both formats, with nothing and everything requested."""
    return [case for _, _, case in _flips(host)]


def refused_bits(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """List the header bits whose flip is refused, by format and request."""
    del cases
    refused: dict[str, set[int]] = {}
    for (group, bit, _), answer in zip(_flips(host), answers, strict=True):
        refused.setdefault(group, set()).update({bit} if answer.vector == 13 else ())
    return "; ".join(f"{group}: {_ranges(bits)}" for group, bits in refused.items())


def _flips(host: Host) -> Iterator[tuple[str, int, Case]]:
    """Yield a name for format and request, the bit that is flipped, and the case."""
    formats = {"standard": 0}
    if host.processor.xsavec:
        formats["compacted"] = COMPACT | host.reachable
    for form, xcomp_bv in formats.items():
        for rfbm in (0, host.reachable):
            for bit in range(512):
                flipped = bytearray(image(host, 0, xcomp_bv))
                flipped[HEADER_OFFSET + bit // 8] ^= 1 << bit % 8
                case = Case("xrstor64", image(host), bytes(flipped), rfbm)
                yield f"{form} rfbm={rfbm:#x}", bit, case


def _ranges(numbers: set[int]) -> str:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(f"{low}-{high}" if low < high else str(low) for low, high in ranges) or "none"


def bit_63(host: Host) -> list[Case]:
    """Restore from a compacted area with XSTATE_BV[63] set."""
    if not host.processor.xsavec:
        return []
    return [Case("xrstor64", image(host), image(host, COMPACT, COMPACT | X87), X87)]


def compacted_last(host: Host) -> list[Case]:
    """Restore the last component from areas whose XCOMP_BV names all, and all but AVX, before it.

    The area's data says at which byte it lies, in units of 64.
    """
    if not host.processor.xsavec:
        return []
    last = 1 << max(indices(host.reachable))
    cases = []
    for xcomp_bv in (host.reachable, host.reachable & ~AVX | last):
        stored = bytearray(image(host, last, COMPACT | xcomp_bv))
        for place in range(EXTENDED_OFFSET, len(stored), 64):
            stored[place : place + 64] = bytes([place // 64]) * min(64, len(stored) - place)
        cases.append(Case("xrstor64", image(host), bytes(stored), last))
    return cases


def first_byte_of_last(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell from which byte of each area the last component was loaded."""
    del cases
    place = host.processor.standard[max(indices(host.reachable))]
    return ", ".join(f"loaded from byte {answer.after[place.offset] * 64}" for answer in answers)


def zeros(host: Host) -> list[Case]:
    """Load each component's initial data with its bit of XSTATE_BV set."""
    return [
        Case("xrstor64", image(host), image(host, 1 << index), host.reachable)
        for index in indices(host.reachable)
    ]


def xinuse_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell XGETBV(1) after each case."""
    del host, cases
    return ", ".join(f"{answer.xinuse_after:#x}" for answer in answers)


def unnamed(host: Host) -> list[Case]:
    """Restore everything in compacted format from an area that names only x87."""
    if not host.processor.xsavec:
        return []
    setup = filled(host, image(host, host.reachable), host.reachable)
    return [Case("xrstor64", setup, image(host, 0, COMPACT | X87), host.reachable)]


def unnamed_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell the fault and what is in use afterwards."""
    return f"{faults(host, cases, answers)}, in use {xinuse_told(host, cases, answers)}"
