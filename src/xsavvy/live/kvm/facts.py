# SPDX-License-Identifier: Apache-2.0
"""Who answers, and what it says of itself before anything is asked of a vCPU."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xsavvy.isa.components import SSE, X87
from xsavvy.kvm import RELEASES, Kernel, kernel

__all__ = ["FACTS", "Facts", "facts_of", "nearest_kernel"]

CAP_XSAVE, CAP_XCRS, CAP_XSAVE2 = 55, 56, 208
NO_ENTRY = (0, 0, 0, 0)

FACTS: list[list[Any]] = [
    ["met"],
    ["check_extension", CAP_XSAVE],
    ["check_extension", CAP_XCRS],
    ["check_extension", CAP_XSAVE2],
    ["device_attr", 0, 0],
    ["supported_cpuid"],
    ["msr_list"],
    ["get_xsave", []],
]
"""The calls of the first case."""

Registers = tuple[int, int, int, int]


@dataclass(frozen=True)
class Facts:
    """What the first case answered.

    `xcr0` is the XCR0 that the kernel reports in every image; `supported` holds KVM_GET_SUPPORTED_CPUID by leaf and
    subleaf; `rules` is the modelled kernel whose rules are predicted.
    """

    release: str
    modules: tuple[str, ...]
    vendor: str
    brand: str
    extensions: Mapping[int, int]
    attribute: tuple[int, int]
    entries: tuple[tuple[int, ...], ...]
    supported: Mapping[tuple[int, int], Registers]
    msrs: frozenset[int]
    xcr0: int
    rules: Kernel

    @property
    def supported_xcr0(self) -> int:
        """The components that KVM offers a guest of this process."""
        eax, _, _, edx = self.supported.get((0xD, 0), NO_ENTRY)
        return edx << 32 | eax

    @property
    def supported_xss(self) -> int:
        """The components that a guest's IA32_XSS may have."""
        _, _, ecx, edx = self.supported.get((0xD, 1), NO_ENTRY)
        return edx << 32 | ecx

    @property
    def module(self) -> str:
        """The vendor's module that answers."""
        return ", ".join(self.modules) or "built in"


def facts_of(answer: Sequence[Any]) -> Facts:
    """Read the answer of the first case."""
    met, xsave, xcrs, xsave2, attribute, entries, msrs, image = answer
    return Facts(
        release=met["kernel"],
        modules=tuple(met["modules"]),
        vendor=met["cpu"][0],
        brand=met["cpu"][1],
        extensions={CAP_XSAVE: xsave, CAP_XCRS: xcrs, CAP_XSAVE2: xsave2},
        attribute=(attribute[0], attribute[1]),
        entries=tuple(tuple(each) for each in entries),
        supported={(e[0], e[1]): (e[3], e[4], e[5], e[6]) for e in entries},
        msrs=frozenset(msrs if isinstance(msrs, list) else ()),
        xcr0=image[3] if isinstance(image, list) else X87 | SSE,
        rules=nearest_kernel(met["kernel"]),
    )


def nearest_kernel(release: str) -> Kernel:
    """Return the modelled kernel of a release's version; the newest before it where that is unknown.

    >>> nearest_kernel("6.12.117+deb12-cloud-amd64").name, nearest_kernel("2.6.32").name
    ('v6.12', 'v3.10')
    """
    found = re.match(r"(\d+)\.(\d+)", release)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    older = [name for name in RELEASES if tuple(map(int, name[1:].split("."))) <= number]
    return kernel(older[-1] if older else RELEASES[0])
