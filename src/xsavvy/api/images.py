# SPDX-License-Identifier: Apache-2.0
"""Saved state: `show_image`, `check_image`, `convert_image` and `diff_images`.

Files are recognised by their content; `kind` (elf, kvm, criu, raw) forces a reader. A CPU is a preset's name or a file
with a CPUID dump. Everything that a caller or a file gets wrong raises UsageError.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xsavvy.image import convert
from xsavvy.image.difference import Difference, differences
from xsavvy.image.difference import Side as DiffSide
from xsavvy.image.file import Kind, Saved
from xsavvy.image.file.saved import KVM_BYTES
from xsavvy.image.lane import LANES
from xsavvy.image.load import Fate, Verdict, would_load
from xsavvy.image.recover import Recovered
from xsavvy.image.value import Register
from xsavvy.image.view import Part, view
from xsavvy.isa import masks
from xsavvy.isa.components import SUPERVISOR, names
from xsavvy.isa.control import Control
from xsavvy.isa.instruction import Instruction
from xsavvy.kvm.verdict import would_set

from .imagefile import (
    layout_of,
    mask_of,
    named_cpu,
    named_kernel,
    names_mxcsr,
    read_areas,
    this_cpu,
)
from .usage import UsageError, unknown

__all__ = [
    "JUDGES",
    "ConvertedImage",
    "ImageArea",
    "ImageComponent",
    "ImageDifference",
    "ImageVerdict",
    "check_image",
    "convert_image",
    "diff_images",
    "show_image",
]

JUDGES = ("xrstor", "xrstors", "kvm")


@dataclass(frozen=True)
class ImageComponent:
    """A component of an image: `state` is saved, initial, cut off, or no known place; `stale` is hexadecimal."""

    index: int | None
    name: str
    title: str
    state: str
    offset: int | None
    size: int | None
    registers: tuple[Register, ...]
    stale: str
    note: str


@dataclass(frozen=True)
class ImageArea:
    """One XSAVE area of a file.

    Attributes:
        file, kind, owner: where it was, and whose registers they are (a thread; empty if unknown).
        format: standard, compacted, or legacy (no header).
        size: its bytes.
        xstate_bv, xcomp_bv, xcr0: masks; XCR0 is what a kernel left in the area, else 0.
        saved: names of the components in XSTATE_BV.
        certainty, why, cpus: how its layout is known, and which known CPUs have it.
        components: MXCSR and every component that the image speaks of.
        remarks: sentences about the whole.
    """

    file: str
    kind: str
    owner: str
    format: str
    size: int
    xstate_bv: int
    xcomp_bv: int
    xcr0: int
    saved: tuple[str, ...]
    certainty: str
    why: str
    cpus: tuple[str, ...]
    components: tuple[ImageComponent, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class ImageVerdict:
    """What one judge says of one area: `accepts`, and `sound` if what it takes is what was saved."""

    file: str
    owner: str
    by: str
    cpu: str
    accepts: bool
    sound: bool
    stop: str
    why: tuple[str, ...]
    components: tuple[Fate, ...]


@dataclass(frozen=True)
class ConvertedImage:
    """A converted area: its bytes, what it has now, and what changed without being lost."""

    area: bytes
    format: str
    cpu: str
    components: tuple[str, ...]
    saved: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImageDifference:
    """A register that two areas do not have alike, or a component that cannot be compared (then `note` says why)."""

    owner: str
    component: str
    register: str
    one: str
    other: str
    one_value: str
    other_value: str
    note: str


def show_image(
    path: str,
    *,
    kind: str | None = None,
    cpu: str | None = None,
    lanes: str = "",
    thread: int | None = None,
) -> list[ImageArea]:
    """Say what is in a file, component by component, register by register; `cpu` is the one that made it.

    Raises UsageError.
    """
    if lanes and lanes not in LANES:
        raise unknown("kind of lanes", lanes, LANES)
    made_by = named_cpu(cpu)
    return [
        _shown(path, saved, layout_of(saved, made_by), lanes)
        for saved in read_areas(path, kind, thread)
    ]


def check_image(
    path: str,
    *,
    cpu: str | None = None,
    from_cpu: str | None = None,
    kernel: str | None = None,
    by: Sequence[str] = (),
    xcr0: int | None = None,
    xss: int | None = None,
    xfd: int = 0,
    guest_xcr0: int | None = None,
    kind: str | None = None,
    thread: int | None = None,
) -> list[ImageVerdict]:
    """Ask whether a CPU (by default this one) or a kernel's KVM would take what is in a file.

    `by` are judges of JUDGES, by default those that take the image's format. XCR0 and IA32_XSS are what the CPU
    supports unless given; `guest_xcr0` is the guest's CPUID (0xD,0). Raises UsageError.
    """
    for judge in by:
        if judge not in JUDGES:
            raise unknown("judge", judge, JUDGES)
    chosen, made_by = named_cpu(cpu) or this_cpu(), named_cpu(from_cpu)
    part = chosen.processor
    control = Control(
        part.xcr0_supported if xcr0 is None else xcr0,
        part.xss_supported if xss is None else xss,
        xfd,
    )
    if control.features & ~part.features or xfd & ~part.xfd_capable:
        beyond = ", ".join(names(control.features & ~part.features | xfd & ~part.xfd_capable))
        raise UsageError(f"{chosen.name} has no {beyond}: expected masks within what it supports")
    if not masks.xcr0_ok(control.xcr0, part.xcr0_supported):
        raise UsageError(
            f"XCR0 {control.xcr0:#x}: expected a value that XSETBV of {chosen.name} accepts"
        )
    target = named_kernel(kernel)
    found = []
    for saved in read_areas(path, kind, thread):
        where = layout_of(saved, made_by)
        for judge in by or _judges(saved):
            if judge == "kvm":
                verdict = would_set(target, saved, where, part, guest_xcr0, xfd)
            else:
                verdict = would_load(saved, where, part, control, Instruction(judge.upper()))
            found.append(_verdict(path, saved, chosen.name, verdict))
    return found


def convert_image(
    path: str,
    *,
    to: str,
    cpu: str | None = None,
    from_cpu: str | None = None,
    drop: Sequence[str] = (),
    default: Sequence[str] = (),
    kind: str | None = None,
    thread: int | None = None,
) -> ConvertedImage:
    """Convert an area to the standard or the compacted format of a CPU (by default this one).

    A component that the target cannot hold and that is not initial is refused, unless it is dropped or put into its
    initial configuration by name. A KVM blob in the standard format stays 4096 bytes at least. Raises UsageError.
    """
    if to not in {"standard", "compacted"}:
        raise unknown("format", to, ("standard", "compacted"))
    if names_mxcsr(drop):
        raise UsageError("MXCSR cannot be dropped, as every area has it: default it")
    chosen, made_by = named_cpu(cpu) or this_cpu(), named_cpu(from_cpu)
    areas = read_areas(path, kind, thread)
    if len(areas) != 1:
        owners = ", ".join(each.owner for each in areas[:4])
        raise UsageError(f"{path}: {len(areas)} areas ({owners}, ...): choose one by its thread")
    saved = areas[0]
    least = KVM_BYTES if saved.kind is Kind.KVM and to == "standard" else 0
    target = convert.Target(
        chosen.processor,
        to == "compacted",
        mask_of(drop),
        mask_of(default),
        names_mxcsr(default),
        least,
    )
    try:
        done = convert.convert(saved, layout_of(saved, made_by), target)
    except convert.Refused as error:
        raise UsageError(f"{path}: not converted: {error}") from None
    xstate_bv = int.from_bytes(done.area[512:520], "little")
    return ConvertedImage(
        done.area, to, chosen.name, names(done.plan.named), names(xstate_bv), done.notes
    )


def diff_images(
    one: str,
    other: str,
    *,
    kind: str | None = None,
    cpus: tuple[str | None, str | None] = (None, None),
    threads: tuple[int | None, int | None] = (None, None),
) -> list[ImageDifference]:
    """Compare two files by meaning, area by area in their order; `cpus` are those that made them. Raises UsageError."""
    sides = []
    for path, cpu, thread in zip((one, other), cpus, threads, strict=True):
        made_by = named_cpu(cpu)
        sides.append(
            [DiffSide(saved, layout_of(saved, made_by)) for saved in read_areas(path, kind, thread)]
        )
    if len(sides[0]) != len(sides[1]):
        raise UsageError(
            f"{one} has {len(sides[0])} areas, {other} {len(sides[1])}: choose one of each by its thread"
        )
    return [
        _difference(first.saved.owner, each)
        for first, second in zip(*sides, strict=True)
        for each in differences(first, second)
    ]


def _shown(path: str, saved: Saved, recovered: Recovered, lanes: str) -> ImageArea:
    found = view(saved, recovered, lanes)
    head = saved.header
    return ImageArea(
        file=path,
        kind=saved.kind.title,
        owner=saved.owner,
        format="legacy" if saved.fxsave else "compacted" if head.compacted else "standard",
        size=len(saved.area),
        xstate_bv=head.xstate_bv | head.xstate_bv_63 << 63,
        xcomp_bv=head.xcomp_bv | head.compacted << 63,
        xcr0=saved.xcr0,
        saved=names(head.xstate_bv),
        certainty=recovered.certainty.value,
        why=recovered.why,
        cpus=recovered.fits,
        components=tuple(_component(each) for each in found.parts),
        remarks=found.remarks,
    )


def _component(part: Part) -> ImageComponent:
    return ImageComponent(
        part.index, part.name, part.title, part.state, part.offset, part.size, part.registers,
        part.stale.hex(), part.note,
    )  # fmt: skip


def _judges(saved: Saved) -> tuple[str, ...]:
    """Give the judges that take an image of this format at all."""
    head = saved.header
    if not head.compacted:
        return ("xrstor", "kvm")
    return ("xrstors",) if head.xcomp_bv & SUPERVISOR else ("xrstor", "xrstors")


def _verdict(path: str, saved: Saved, cpu: str, found: Verdict) -> ImageVerdict:
    return ImageVerdict(
        path,
        saved.owner,
        found.by,
        cpu,
        found.accepts,
        found.sound,
        found.stop,
        found.why,
        found.fates,
    )


def _difference(owner: str, found: Difference) -> ImageDifference:
    return ImageDifference(
        owner, found.component, found.register, found.one, found.other, found.one_value,
        found.other_value, found.note,
    )  # fmt: skip
