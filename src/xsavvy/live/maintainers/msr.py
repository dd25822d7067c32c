# SPDX-License-Identifier: Apache-2.0
"""The MSRs of the suites: which exist for a guest, which values each accepts, by the rules of `isa` and `kvm`."""

from __future__ import annotations

from typing import Final

from xsavvy.isa import registers as legal
from xsavvy.kvm import Kernel, cet, ioctls
from xsavvy.kvm.exposed import MSRS
from xsavvy.kvm.migration import saved_xss
from xsavvy.kvm.registers import KVM_REG_GUEST_SSP

from .features import OF_PROCESSOR, Features

__all__ = ["ADDRESSES", "GUEST_SSP", "NAMES", "SSPS", "exists", "listed", "write_accepted"]

XFD, XFD_ERR, XSS, PKRS = 0x1C4, 0x1C5, 0xDA0, 0x6E1
U_CET, S_CET = 0x6A0, 0x6A2
SSPS: Final = (0x6A4, 0x6A5, 0x6A6, 0x6A7)
GUEST_SSP: Final = KVM_REG_GUEST_SSP
ADDRESSES: Final = {
    "FS_BASE": 0xC000_0100,
    "GS_BASE": 0xC000_0101,
    "KERNEL_GS_BASE": 0xC000_0102,
    "LSTAR": 0xC000_0082,
    "CSTAR": 0xC000_0083,
}
"""MSRs of 64-bit mode that hold a linear address; they stand beside the rest for the rule that they share."""
NEEDS: Final = {
    each.number: each.needs for each in MSRS if set(each.needs) <= set(OF_PROCESSOR.values())
}
"""Which features of a processor bring an MSR, any of them."""
NAMES: Final = {
    XFD: "IA32_XFD", XFD_ERR: "IA32_XFD_ERR", XSS: "IA32_XSS", PKRS: "IA32_PKRS", U_CET: "IA32_U_CET",
    S_CET: "IA32_S_CET", **{index: f"IA32_PL{ring}_SSP" for ring, index in enumerate(SSPS)},
    **{index: name for name, index in ADDRESSES.items()}, GUEST_SSP: "GUEST_SSP",
}  # fmt: skip


def exists(index: int, guest: Features) -> bool:
    """Say whether the guest's CPUID has an MSR."""
    if index in ADDRESSES.values():
        return guest.has("LM")
    if index in (XFD, XFD_ERR):
        return guest.has("XFD")
    if index == XSS:
        return guest.has("XSAVES")
    if index == PKRS:
        return guest.has("PKS")
    return guest.has("CET") if index in (U_CET, S_CET) else guest.has("SHSTK")


def write_accepted(index: int, value: int, guest: Features, kernel: Kernel, *, host: bool) -> bool:
    """Say whether a write is accepted, of the guest or of the VMM (`host`)."""
    part = guest.processor
    if index in (XFD, XFD_ERR):
        found = ioctls.set_xfd_accepted(value, part.xcr0_supported, int(part.xfd), int(host))
    elif index == XSS:
        found = _xss_accepted(value, guest, kernel, host=host)
    elif not exists(index, guest):
        return False
    elif index == PKRS:
        found = legal.pkrs_ok(value)
    elif index in (U_CET, S_CET):
        found = cet.u_s_cet_ok(value, guest.cet)
    elif index in ADDRESSES.values():
        found = legal.canonical_ok(value, part.linear_address_bits)
    else:
        canonical = legal.canonical_ok(value, part.linear_address_bits)
        found = cet.ssp_ok(value, canonical, 1)
    return bool(found)


def _xss_accepted(value: int, guest: Features, kernel: Kernel, *, host: bool) -> int:
    supported, strict = guest.processor.xss_supported, int("9622e116d0d2" in kernel)
    advertised = int(listed(XSS, guest, kernel))
    bound = ioctls.set_xss_bound(supported, supported, strict)
    has_xsaves = int(guest.has("XSAVES"))
    return ioctls.set_xss_accepted(value, bound, has_xsaves, int(host), strict, advertised)


def listed(index: int, offered: Features, kernel: Kernel) -> bool:
    """Say whether KVM_GET_MSR_INDEX_LIST has an MSR: the selftests hold it against KVM_GET_SUPPORTED_CPUID.

    Source: arch/x86/kvm/x86.c kvm_probe_msr_to_save(); IA32_XSS: commit c0a5f2989122.
    """
    if index == XSS:
        known = int("c0a5f2989122" in kernel)
        return bool(saved_xss(known, offered.processor.xss_supported, 1))
    if index in NEEDS:
        return any(getattr(offered.processor, name) for name in NEEDS[index])
    return exists(index, offered)
