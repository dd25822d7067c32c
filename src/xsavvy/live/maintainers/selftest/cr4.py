# SPDX-License-Identifier: Apache-2.0
"""cr4_cpuid_sync_test.c and set_sregs_test.c: CR4 by KVM_SET_SREGS, what it shows in CPUID, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

from xsavvy.kvm.registers import CR0_CD, CR0_NW, CR0_PG
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE
from xsavvy.live.maintainers.case import FAILS, OK, Case, Step, Table
from xsavvy.live.maintainers.features import Features

from .project import FOLDER, NAME

__all__ = ["CR4_CPUID_SYNC", "SET_SREGS"]

ALWAYS = 0x7FF
# The bits that the test knows; SMXE and SMX are KVM's of no guest.
TRIED = {
    "UMIP": 1 << 11, "LA57": 1 << 12, "VMX": 1 << 13, "SMX": 1 << 14, "FSGSBASE": 1 << 16, "PCID": 1 << 17,
    "XSAVE": CR4_OSXSAVE, "SMEP": 1 << 20, "SMAP": 1 << 21, "PKU": CR4_PKE,
}  # fmt: skip


def sync_cases(_features: Features) -> Iterator[Case]:
    """Give the case of a VMM that clears CR4.OSXSAVE behind the guest's back."""
    yield Case(
        "CPUID shows CR4.OSXSAVE as it is, whether the VMM writes CR4 or the guest",
        (
            Step("KVM_SET_SREGS CR4", (CR4_OSXSAVE,), 0),
            Step("CPUID OSXSAVE", (), 1),
            Step("KVM_SET_SREGS CR4", (0,), 0),
            Step("CPUID OSXSAVE", (), 0),
            Step("MOV CR4", (CR4_OSXSAVE, 0), OK),
            Step("CPUID OSXSAVE", (), 1),
        ),
    )


def sregs_cases(features: Features) -> Iterator[Case]:
    """Give the cases of a vCPU without CPUID, and of one with all that KVM supports."""
    supported = ALWAYS | sum(bit for name, bit in TRIED.items() if features.has(name))
    for told, bits in ((False, ALWAYS), (True, supported)):
        who = "with all features" if told else "without CPUID"
        yield Case(
            f"a vCPU {who} takes CR4={bits:#x}",
            (Step("KVM_SET_SREGS CR4", (bits,), 0), Step("KVM_GET_SREGS CR4", (), bits)),
            cpuid=told,
        )
        for name, bit in TRIED.items():
            if not bits & bit:
                steps = (
                    Step("KVM_SET_SREGS CR4", (bits,), 0),
                    Step("KVM_SET_SREGS CR4", (bits | bit,), FAILS),
                    Step("KVM_GET_SREGS CR4", (), bits),
                )
                yield Case(
                    f"a vCPU {who} refuses the bit of {name}, and keeps CR4", steps, cpuid=told
                )
        for bit in (*(1 << each for each in range(32, 64)), CR0_NW, CR0_PG):
            refused = Step("KVM_SET_SREGS CR0", (bit, CR0_CD | CR0_NW & ~bit), FAILS)
            yield Case(f"a vCPU {who} refuses CR0 with {bit:#x}", (refused,), cpuid=told)
    shown = (Step("KVM_SET_SREGS CR4", (supported,), 0),)
    if supported & CR4_OSXSAVE:
        yield Case("CPUID shows OSXSAVE", (*shown, Step("KVM_GET_CPUID2 OSXSAVE", (), 1)))
    if supported & CR4_PKE:
        yield Case("CPUID shows OSPKE", (*shown, Step("KVM_GET_CPUID2 OSPKE", (), 1)))


CR4_CPUID_SYNC = Table(
    NAME,
    FOLDER + "cr4_cpuid_sync_test.c",
    "93c7dd1b3944",
    sync_cases,
    rules=("kvm.registers.cpuid_osxsave", "kvm.registers.cr4_errno", "model: ioctls-cpuid"),
    needs=("XSAVE",),
)
SET_SREGS = Table(
    NAME,
    FOLDER + "set_sregs_test.c",
    "67f8bc848ee3",
    sregs_cases,
    rules=("kvm.registers.cr4_errno", "kvm.registers.cr0_errno", "kvm.registers.cpuid_osxsave"),
    left_out=(
        (
            "EFER takes what KVM supports and refuses LME, NX, SVME, FFXSR, AUTOIBRS else",
            "EFER is not modelled",
        ),
        ("IA32_APIC_BASE with x2APIC but not enabled is refused", "the APIC is not modelled"),
    ),
)
