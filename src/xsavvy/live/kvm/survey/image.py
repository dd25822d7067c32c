# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_XSAVE and KVM_GET_XSAVE: what is accepted, and what comes back, component by component."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from xsavvy.isa.components import AVX, HI16_ZMM, OPMASK, PKRU, SSE, X87, ZMM_HI256
from xsavvy.kvm import Kernel
from xsavvy.live.kvm import rules
from xsavvy.live.kvm.asker import digest, filler
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question

from .guestcpuid import BITS, leaf_d, shown_xcr0, spans

__all__ = ["images"]

MXCSR_MASK = 0xFFFF
INITIAL_MXCSR, INITIAL_FCW = 0x1F80, 0x37F


def images(facts: Facts, rng: random.Random, count: int) -> Iterator[Question]:
    """Ask which images are accepted under three CPUIDs, and what each leaves to be read back."""
    where = spans(facts)
    cases = [*_directed_images(), *(_random_image(rng) for _ in range(count))]
    for guest in dict.fromkeys((facts.supported_xcr0, X87 | SSE | AVX, 0)):
        for start in range(0, len(cases), 100):
            yield _images_question(guest, cases[start : start + 100], where)


Image = tuple[bytes, int, int, int]


def _header(xstate_bv: int, xcomp_bv: int = 0, other: int | None = None) -> bytes:
    data = bytearray(xstate_bv.to_bytes(8, "little") + xcomp_bv.to_bytes(8, "little") + bytes(48))
    if other is not None:
        data[other] = 1
    return bytes(data)


def _directed_images() -> Iterator[Image]:
    for bit in BITS:
        yield _header(bit), INITIAL_MXCSR, INITIAL_FCW, 0
    for value in (0, 3, 7, 0xE7, 0x207, 0x2E7, 0x60003):
        yield _header(value), 0x1FA0, 0x27F, 7
    for xcomp in (1, 1 << 63, 1 << 63 | 7):
        yield _header(7, xcomp), INITIAL_MXCSR, INITIAL_FCW, 0
    for other in range(16, 64):
        yield _header(7, other=other), INITIAL_MXCSR, INITIAL_FCW, 0
    for xstate_bv in (0, 1, 2, 4, 0x20):
        for mxcsr in (1 << 16, 1 << 18, 1 << 31, 0xFFFF):
            yield _header(xstate_bv), mxcsr, 0x37F, 0


def _random_image(rng: random.Random) -> Image:
    bits = (X87, SSE, AVX, OPMASK, ZMM_HI256, HI16_ZMM, PKRU)
    xstate_bv = sum(bit for bit in bits if rng.random() < 0.5)
    if rng.random() < 0.2:
        xstate_bv |= rng.choice(BITS)
    other = rng.randrange(8, 64) if rng.random() < 0.1 else None
    mxcsr = rng.getrandbits(16) if rng.random() < 0.9 else rng.getrandbits(32)
    return _header(xstate_bv, other=other), mxcsr, rng.getrandbits(16), rng.getrandbits(40) | 1


def _images_question(guest: int, cases: list[Image], lies: dict[int, list[int]]) -> Question:
    where = [lies[index] for index in sorted(lies)]
    calls: list[list[Any]] = [
        ["set_cpuid", leaf_d(guest)],
        ["get_cpuid"],
        ["set_xsave", _header(0).hex(), INITIAL_MXCSR, INITIAL_FCW, 0],
    ]
    for header, mxcsr, fcw, fill in cases:
        calls += [["set_xsave", header.hex(), mxcsr, fcw, fill], ["get_xsave", where]]

    def judge(answers: Sequence[Any], facts: Facts, kernel: Kernel) -> list[Claim]:
        given = shown_xcr0(answers[1])
        stored: Image = (_header(0), INITIAL_MXCSR, INITIAL_FCW, 0)
        claims = []
        for place, case in enumerate(cases):
            header, mxcsr = case[0], case[1]
            expected = rules.set_xsave_errno(
                header, mxcsr, _mxcsr_mask(facts), given, facts, kernel
            )
            what = (
                f"KVM_SET_XSAVE with header {header[:16].hex()} MXCSR {mxcsr:#x}, CPUID {given:#x}"
            )
            claims.append(Claim(what, -expected, answers[3 + 2 * place]))
            if expected == 0:
                stored = case
            if answers[3 + 2 * place] != -expected:
                return claims  # what is stored from here on is not known
            predicted = _shown(stored, sorted(lies), where, given, facts, kernel)
            claims.append(
                Claim(f"KVM_GET_XSAVE after it: {what[14:]}", predicted, answers[4 + 2 * place])
            )
        return claims

    return Question("xsave", calls, judge)


def _mxcsr_mask(facts: Facts) -> int:
    """Return the bits that MXCSR may have: AMD has bit 17 (misaligned SSE) too."""
    misaligned = facts.supported.get((0x80000001, 0), (0, 0, 0, 0))[2] >> 7 & 1
    return MXCSR_MASK | (misaligned << 17)


def _shown(
    stored: Image,
    indices: list[int],
    where: list[list[int]],
    given: int,
    facts: Facts,
    kernel: Kernel,
) -> list[Any]:
    """Return what KVM_GET_XSAVE shows of an image that was stored."""
    header, mxcsr, fcw, fill = stored
    bv = rules.get_xsave_bv(int.from_bytes(header[:8], "little"), given, facts, kernel)
    image = filler(fill)
    digests = []
    for index, (start, size) in zip(indices, where, strict=True):
        data = image[start : start + size] if bv >> index & 1 else bytes(size)
        # PKRU is four bytes of the component; KVM writes them from its own copy.
        if index == 9 and bv >> 9 & 1:
            data = data[:4] + bytes(size - 4)
        digests.append(digest(data))
    return [
        _header(bv).hex(),
        fcw if bv & X87 else INITIAL_FCW,
        mxcsr if bv & (SSE | AVX) else INITIAL_MXCSR,
        facts.xcr0,
        digests,
    ]
