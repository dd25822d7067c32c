# SPDX-License-Identifier: Apache-2.0
"""A fleet's images at once: `convert_images`, by NumPy, a few ten million a minute and core."""

from collections.abc import Sequence
from dataclasses import dataclass

from xsavvy.image.convert import Target
from xsavvy.image.file import Kind
from xsavvy.image.file.saved import KVM_BYTES, MAX_AREA
from xsavvy.isa.layout import EXTENDED_OFFSET
from xsavvy.isa.processor import Processor

from .imagefile import mask_of, named_cpu, names_mxcsr, this_cpu
from .usage import UsageError, unknown

__all__ = ["ConvertedFleet", "convert_images"]


@dataclass(frozen=True)
class ConvertedFleet:
    """The converted areas in their order, None where one was refused; and by its number the reason."""

    areas: tuple[bytes | None, ...]
    refused: dict[int, str]


def convert_images(
    areas: Sequence[bytes],
    *,
    to: str,
    from_cpu: str,
    cpu: str | None = None,
    drop: Sequence[str] = (),
    default: Sequence[str] = (),
    kind: str = "raw",
) -> ConvertedFleet:
    """Convert areas (kind raw or kvm) that one kind of CPU made, as `convert_image` converts each.

    Areas of the same size are converted together. Raises UsageError for wrong names and sizes; what one image cannot
    keep is in `refused`.

    >>> area = bytearray(832)
    >>> area[24:26], area[512], area[576] = bytes.fromhex("801f"), 4, 7
    >>> done = convert_images([bytes(area)] * 2, to="compacted", from_cpu="genoa", cpu="skylake-sp")
    >>> [each[576] for each in done.areas], done.refused
    ([7, 7], {})
    """
    if to not in {"standard", "compacted"}:
        raise unknown("format", to, ("standard", "compacted"))
    if kind not in {"raw", "kvm"}:
        raise unknown("kind of image", kind, ("raw", "kvm"))
    if names_mxcsr(drop):
        raise UsageError("MXCSR cannot be dropped, as every area has it: default it")
    source, chosen = named_cpu(from_cpu), named_cpu(cpu) or this_cpu()
    assert source is not None
    least = KVM_BYTES if kind == "kvm" and to == "standard" else 0
    target = Target(
        chosen.processor,
        to == "compacted",
        mask_of(drop),
        mask_of(default),
        names_mxcsr(default),
        least,
    )
    by_size: dict[int, list[int]] = {}
    for number, area in enumerate(areas):
        if not EXTENDED_OFFSET <= len(area) <= MAX_AREA:
            raise UsageError(
                f"area {number}: expected {EXTENDED_OFFSET} to {MAX_AREA} bytes, found {len(area)}"
            )
        by_size.setdefault(len(area), []).append(number)
    return _converted(areas, by_size, source.processor, target, Kind(kind))


def _converted(
    areas: Sequence[bytes],
    by_size: dict[int, list[int]],
    source: Processor,
    target: Target,
    kind: Kind,
) -> ConvertedFleet:
    """Convert the areas of each size as one matrix."""
    from xsavvy.image.fleet import convert_all, matrix  # only a fleet needs NumPy

    found: list[bytes | None] = [None] * len(areas)
    refused: dict[int, str] = {}
    for numbers in by_size.values():
        rows = matrix([areas[number] for number in numbers])
        fleet = convert_all(rows, source, target, kind)
        for row, number in enumerate(numbers):
            if row in fleet.refused:
                refused[number] = fleet.refused[row]
            else:
                found[number] = fleet.areas[row, : fleet.sizes[row]].tobytes()
    return ConvertedFleet(tuple(found), dict(sorted(refused.items())))
