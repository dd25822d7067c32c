# SPDX-License-Identifier: Apache-2.0
"""What a guest's CPUID has that the KVM of a kernel offers to no guest, and what that KVM would make of it.

The question is asked of the most generous host: one that has what the guest is told and all that this
needs, with every permission and parameter set. What KVM then still withholds, no guest of that kernel can
have been offered; the reasons are those of `capabilities`. KVM_SET_CPUID2 mostly takes such a table all the
same: the guest learns of it by a fault, or by state that is lost.

Source: `capabilities`, `exposed`; arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps(), kvm_check_cpuid();
arch/x86/kvm/x86.c kvm_setup_xss_caps().
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from xsavvy.cpuid.counterpart import PAIRS
from xsavvy.cpuid.feature import feature, tell
from xsavvy.cpuid.finding import Finding, finding
from xsavvy.cpuid.processor import (
    XSAVE_LEAF,
    missing_subleaves,
    subleaf,
    xcr0_supported,
    xss_supported,
)
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa import layout
from xsavvy.isa.components import ALL, indices, names

from .capabilities import FEATURES, NEVER, capabilities
from .commits import COMMITS
from .configuration import DEPENDS, PLAIN
from .exposed import required_size
from .kernels import Kernel
from .ledger import Reason

__all__ = ["objections"]

_GENEROUS: Final = replace(PLAIN, guest_pt=True)
_VENDORS: Final = {
    "GenuineIntel": Leaf(0, 0x756E6547, 0x6C65746E, 0x49656E69),
    "AuthenticAMD": Leaf(0, 0x68747541, 0x444D4163, 0x69746E65),
}
_SEEN: Final = frozenset(each.id for each in COMMITS if each.id_seen)
_ALIGNS: Final = "cc04b6a21d43"


def objections(table: Table, kernel: Kernel) -> tuple[Finding, ...]:
    """Return what this kernel's KVM offers to no guest, each with the reason and the commit.

    Where the table does not say whose processor it is, only what neither VMX nor SVM offers is named.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from .kernels import kernel
    >>> guest = PRESETS["genoa-guest"].table
    >>> [len(objections(guest, kernel(name))) for name in ("v6.17", "v6.18")]
    [3, 0]
    """
    hosts = [_host(table)]
    if not table.vendor:
        hosts = [hosts[0].replaced({(0, 0): leaf}) for leaf in _VENDORS.values()]
    refused = [_refused(table, host, kernel) for host in hosts]
    common = {bit: reason for bit, reason in refused[0].items() if all(bit in r for r in refused)}
    return (
        *_features(table, common, kernel),
        *_masks(table, common, kernel),
        *_size(table, kernel),
    )


def _host(table: Table) -> Table:
    """Return a host with the guest's bits, and with the features that its components and features need."""
    wanted = {name for name in (*FEATURES, *NEVER) if tell(table, name)}
    for pair in PAIRS:
        there = xss_supported(table) if pair.supervisor else xcr0_supported(table)
        if there & pair.components and pair.feature != "cet_ibt":
            wanted.add(pair.feature)
    for name in [*wanted]:
        wanted.update(_needed(name))
    for name in sorted(wanted):
        at = feature(name)
        leaf = table.read(at.leaf, at.subleaf)
        value = leaf[Leaf._fields.index(at.register)] | 1 << at.bit
        table = table.replaced({(at.leaf, at.subleaf): leaf._replace(**{at.register: value})})
    return table


def _needed(name: str) -> set[str]:
    """Return every feature that Linux wants for one, directly or not."""
    found = set(DEPENDS.get(name, ()))
    return found.union(*(_needed(each) for each in found)) if found else found


def _refused(table: Table, host: Table, kernel: Kernel) -> dict[str, Reason]:
    """Return the reasons for which bits of the guest are not offered on a host."""
    caps = capabilities(host, kernel, _GENEROUS)
    reasons = {each.bit: each for each in caps.reasons if not each.shown}
    told = {name for name in (*FEATURES, *NEVER) if tell(table, name)}
    return {bit: each for bit, each in reasons.items() if bit in told or "." in bit}


def _source(reason: Reason) -> str:
    """Return a reason's source with the commit, if its id was ever seen."""
    seen = reason.commit in _SEEN
    return f"{reason.source}; commit {reason.commit}" if seen else reason.source


def _says(bit: str, reason: Reason, kernel: Kernel) -> str:
    return f"the KVM of {kernel.name} offers {bit} to no guest: {reason.why}"


def _features(table: Table, refused: dict[str, Reason], kernel: Kernel) -> Iterator[Finding]:
    for name in (*FEATURES, *NEVER):
        if name in refused:
            at = feature(name)
            found = table.read(at.leaf, at.subleaf)[Leaf._fields.index(at.register)]
            yield finding(
                "kvm-feature", (at.leaf, at.subleaf, at.register), found, f"bit {at.bit} = 0",
                _says(name, refused[name], kernel), _source(refused[name]),
            )  # fmt: skip


def _masks(table: Table, refused: dict[str, Reason], kernel: Kernel) -> Iterator[Finding]:
    for register, sub, place, mask in (
        ("XCR0", 0, "eax", xcr0_supported(table)),
        ("IA32_XSS", 1, "ecx", xss_supported(table)),
    ):
        for index in indices(mask & ALL):
            bit = f"{register}.{names(1 << index)[0]}"
            if bit in refused:
                yield finding(
                    f"kvm-{register.lower().replace('ia32_', '')}", (XSAVE_LEAF, sub, place), mask,
                    f"bit {index} = 0", _says(bit, refused[bit], kernel), _source(refused[bit]),
                )  # fmt: skip


def _size(table: Table, kernel: Kernel) -> Iterator[Finding]:
    """Find a kernel that would tell this guest a compacted size without alignment."""
    mask = xcr0_supported(table) | xss_supported(table)
    if _ALIGNS in kernel or not tell(table, "xsavec") or missing_subleaves(table):
        return
    leaves = {index: subleaf(table.read(XSAVE_LEAF, index)) for index in indices(mask) if index > 1}
    told = required_size(table, mask, kernel, compacted=True)
    right = layout.compacted(leaves, mask).size
    if told != right:
        yield finding(
            "kvm-unaligned-size", (XSAVE_LEAF, 1, "ebx"), told, f"{right:#x}",
            f"with all of XCR0 and IA32_XSS enabled, the KVM of {kernel.name} tells the guest this size:"
            " it leaves out alignment",
            f"linux:arch/x86/kvm/cpuid.c xstate_required_size(); commit {_ALIGNS}",
        )  # fmt: skip
