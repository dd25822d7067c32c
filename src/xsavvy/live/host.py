# SPDX-License-Identifier: Apache-2.0
"""What of this processor a user process can reach, and what it cannot and why.

Offsets, sizes and XCR0 are read here at run time and nowhere assumed. Two facts are not in CPUID
and are measured once: the bits that MXCSR may have, and the width from which FIP and FDP are
sign-extended (a virtual machine may be told less than the part has).
"""

from __future__ import annotations

import dataclasses
import platform
import struct
from dataclasses import dataclass

from xsavvy.cpuid.feature import has
from xsavvy.cpuid.processor import IncompleteTable, processor
from xsavvy.cpuid.table import Table
from xsavvy.isa import components
from xsavvy.isa.layout import EXTENDED_OFFSET, HEADER_OFFSET
from xsavvy.isa.processor import Processor
from xsavvy.live.case import Case
from xsavvy.live.cpuid import read_cpuid
from xsavvy.live.machine.instruction import INSTRUCTIONS, LENS
from xsavvy.live.machine.memory import PAGE
from xsavvy.live.machine.native import Native
from xsavvy.live.machine.reach import Unreachable

__all__ = ["Host", "Unreached", "describe", "meet"]

NEEDED = ("xsave", "osxsave", "xgetbv1")
OPTIONAL = ("xsaveopt", "xsavec", "xsaves")
LEGACY = components.X87 | components.SSE
INITIAL_FCW = 0x37F
INITIAL_MXCSR = 0x1F80


@dataclass(frozen=True)
class Unreached:
    """Something of the processor that a user process cannot ask here, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Host:
    """This processor as a user process meets it.

    Attributes:
        table: its CPUID.
        processor: what the model is told it is, with the two measured facts filled in.
        xcr0: XCR0 as XGETBV reads it.
        reachable: components of XCR0 that cases may request.
        area_bytes: size of an XSAVE area for all of XCR0.
        image_bytes: size of a standard XSAVE area for the reachable components.
        unreached: components and instructions that are left out.
        kernel: the kernel's name and release.
    """

    table: Table
    processor: Processor
    xcr0: int
    reachable: int
    area_bytes: int
    image_bytes: int
    unreached: tuple[Unreached, ...]
    kernel: str

    @property
    def met(self) -> str:
        """Name the processor in one line."""
        version = self.table.read(1).eax
        name = self.table.brand or self.table.vendor
        return f"{name} (CPUID 1.EAX={version:#x}), XCR0={self.xcr0:#x}"

    @property
    def other_instructions(self) -> frozenset[tuple[str, str]]:
        """Prefixed members of the family that are another instruction on such a processor.

        F3 0F AE /4 is PTWRITE, F3 0F AE /6 is CLRSSBSY (whose fault depends on CR4.CET).
        """
        ptwrite = bool(self.table.read(0x14).ebx >> 4 & 1)
        found = {("f3", "xsave"): ptwrite, ("f3", "xsaveopt"): self.processor.cet_ss}
        return frozenset(pair for pair, there in found.items() if there)

    def fitted(self, case: Case) -> Case:
        """Make a case of another processor fit this one: images get this one's size.

        Bytes beyond an image's end count as 0.

        Raises:
            ValueError: it requests what is out of reach here, or has no room here.
        """
        part, outside = self.processor, self.xcr0 & ~self.reachable
        if case.has_operand and case.rfbm & outside:
            raise ValueError(f"it requests {', '.join(components.names(case.rfbm & outside))}")
        if part.pku and case.instruction in {"rdpkru", "wrpkru"} and not case.index:
            raise ValueError("it would read or write PKRU")
        if case.instruction in LENS and not case.plain:
            raise ValueError("FLDCW only shows what is held: its operand must be accessible")
        if (case.prefix, case.instruction.removesuffix("64")) in self.other_instructions:
            raise ValueError("its bytes may be another instruction here")
        size = self.image_bytes
        needed = size if case.has_operand and not case.in_place else 0
        return dataclasses.replace(
            case,
            setup=case.setup[:size].ljust(size, b"\0"),
            memory=case.memory[:needed].ljust(needed, b"\0"),
        )


def meet() -> Host:
    """Find out what can be asked of this processor.

    Raises:
        Unreachable: not x86-64 Linux, no executable memory, no XSAVE or XGETBV with ECX=1, or a
            CPUID table that does not describe its own components.
    """
    table = read_cpuid()
    for feature in NEEDED:
        if not has(table, feature):
            raise Unreachable(f"this CPU (or VM) has no {feature}")
    described = _described(table)
    with Native(INSTRUCTIONS, table.read(0xD).ebx) as native:
        answer = native.run("xgetbv", index=0)
        mask, bits = _mxcsr_mask(native), _pointer_bits(native, described)
    kernel = f"{platform.system()} {platform.release()}"
    return describe(table, answer.rdx << 32 | answer.rax, mask, bits, kernel)


def describe(
    table: Table, xcr0: int, mxcsr_mask: int, linear_address_bits: int, kernel: str
) -> Host:
    """Put together what is known of a processor, this one or a recorded one.

    Args:
        table: its CPUID.
        xcr0: XCR0 as XGETBV reads it.
        mxcsr_mask: MXCSR_MASK as saves store it.
        linear_address_bits: the width from which FIP and FDP are sign-extended.
        kernel: the kernel's name and release.

    Raises:
        Unreachable: the table does not describe its own components, or x87 and SSE are not there.
    """
    part = dataclasses.replace(
        _described(table), mxcsr_mask=mxcsr_mask, linear_address_bits=linear_address_bits
    )
    reachable = sum(1 << index for index in range(63) if not _reason(index, xcr0, part))
    if reachable & LEGACY != LEGACY:
        raise Unreachable(f"with XCR0={xcr0:#x} and this CPUID, x87 and SSE cannot be requested")
    return Host(
        table=table,
        processor=part,
        xcr0=xcr0,
        reachable=reachable,
        area_bytes=table.read(0xD).ebx,
        image_bytes=part.standard.extent(reachable),
        unreached=_unreached(xcr0, part),
        kernel=kernel,
    )


def _described(table: Table) -> Processor:
    try:
        return processor(table)
    except IncompleteTable as error:
        raise Unreachable(f"CPUID: {error}") from None


def _reason(index: int, xcr0: int, processor: Processor) -> str:
    """Say why a component is out of reach; an empty string where it is not."""
    bit = 1 << index
    leaf = processor.subleaves.get(index)
    reason = ""
    if bit & processor.xss_supported:
        reason = "supervisor state: IA32_XSS, XSAVES and XRSTORS need CPL 0"
    elif not bit & processor.xcr0_supported:
        reason = "this CPU (or VM) does not enumerate it in CPUID leaf 0xD"
    elif not bit & xcr0:
        reason = f"XCR0={xcr0:#x} does not enable it"
    elif bit & components.PKRU:
        reason = "a wrong value would lock this process out of its own memory"
    elif bit & (components.XTILECFG | components.XTILEDATA):
        reason = "needs arch_prctl(ARCH_REQ_XCOMP_PERM), which cannot be taken back"
    elif leaf is not None and leaf.offset + leaf.size > PAGE:
        reason = f"ends at byte {leaf.offset + leaf.size} of the area, beyond one page"
    return reason


def _unreached(xcr0: int, processor: Processor) -> tuple[Unreached, ...]:
    missing = [
        Unreached(component.name, reason)
        for component in components.COMPONENTS
        if (reason := _reason(component.index, xcr0, processor))
    ]
    missing += [
        Unreached(name.upper(), f"this CPU (or VM) has no {name}")
        for name in OPTIONAL
        if not getattr(processor, name)
    ]
    if processor.xsaves:
        missing.append(Unreached("XSAVES, XRSTORS", "only their #GP at CPL 3 can be seen"))
    if processor.pku:
        missing.append(Unreached("WRPKRU", "only its #GP for ECX or EDX other than 0 is tried"))
    return tuple(missing)


def _probe_image(pointer: int = 0) -> bytes:
    """Build an image of x87 state with a pending exception, so that every part reports FIP."""
    image = bytearray(EXTENDED_OFFSET)
    unmasked_invalid, pending = INITIAL_FCW & ~1, 0x8081
    struct.pack_into("<HHBBHQQI", image, 0, unmasked_invalid, pending, 0, 0, 0, pointer, 0, 0x1F80)
    struct.pack_into("<Q", image, HEADER_OFFSET, components.X87)
    return bytes(image)


def _mxcsr_mask(native: Native) -> int:
    seen = native.run(
        "xgetbv", index=1, setup=_probe_image(), setup_rfbm=0b11, after_rfbm=0b11
    ).after
    return int.from_bytes(seen[28:32], "little")


def _pointer_bits(native: Native, described: Processor) -> int:
    """Find the lowest bit of FIP whose value is repeated in all bits above it."""
    for bits in (48, 57):
        seen = native.run(
            "xgetbv",
            index=1,
            setup=_probe_image(1 << (bits - 1)),
            setup_rfbm=0b11,
            after_rfbm=0b11,
        ).after
        if seen[15] == 0xFF:
            return bits
    return described.linear_address_bits
