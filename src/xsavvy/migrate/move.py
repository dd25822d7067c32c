# SPDX-License-Identifier: Apache-2.0
"""The journey of a guest: what the source saves, what the destination accepts, what arrives.

The order is that in which a VMM does it. Every decision of a kernel is a function of `kvm.ioctls`, `kvm.migration`,
`kvm.cet`, `kvm.registers` or `kvm.acceptance`; the model's part `moves` explores the same functions, and a test
compares the two. The guest is taken to use all that its model has.

Source: qemu target/i386/kvm/kvm.c kvm_arch_get_registers(), kvm_arch_put_registers(); for what KVM answers, those of
the functions asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xsavvy.cpuid.processor import IncompleteTable, processor
from xsavvy.isa.components import AMX, XTILEDATA, indices, names
from xsavvy.isa.restore import Header
from xsavvy.kvm import acceptance, cet, ioctls, migration, registers
from xsavvy.kvm.exposed import MSRS, listed_msrs

from .finding import EFFECTS, Finding, Move, verdict_of
from .guest import Guest
from .host import Host
from .vmm import CAREFUL, Vmm

__all__ = ["EFFECTS", "Finding", "Move", "at_source", "image_of", "judge", "moved_components"]

_FP: Final = "linux:arch/x86/kernel/fpu/xstate.c"
_X86: Final = "linux:arch/x86/kvm/x86.c"
_CPUID: Final = "linux:arch/x86/kvm/cpuid.c"
_MXCSR: Final = 0x1F80
_ERRNO: Final = {1: "EPERM", 14: "EFAULT", 16: "EBUSY", 22: "EINVAL", 95: "EOPNOTSUPP"}


def _words(mask: int) -> str:
    return ", ".join(names(mask)) or "-"


def judge(
    source: Host, destination: Host, guest: Guest, vmm: Vmm = CAREFUL, *, image: bool = True
) -> Move:
    """Say what becomes of a guest that moves.

    `image=False` leaves out what KVM_SET_XSAVE says, for a caller that asks about an image of its own.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from xsavvy.kvm import kernel
    >>> milan, rome = (Host(name, PRESETS[name].table, kernel("v6.18")) for name in ("milan", "rome"))
    >>> judge(milan, rome, Guest("keys", 0x207, 0, frozenset({"xsave", "avx", "pku"}))).verdict
    'refused'
    """
    findings = [*at_source(source, guest, vmm), *_unknown(destination, guest)]
    findings += _setup(destination, guest)
    if image:
        findings += _image(source, destination, guest)
    findings += _registers(source, destination, guest, vmm)
    findings += _promises(destination, guest)
    if source.caps.vmx is not destination.caps.vmx:
        findings.append(
            Finding("CPU", "vendor", "loads", "the hosts' vendors differ: more than extended state does",
                    "Hyper-V, dynamic processor compatibility: one vendor only")
        )  # fmt: skip
    return Move(source.name, destination.name, guest.name, verdict_of(findings), tuple(findings))


def _unknown(host: Host, guest: Guest) -> Iterator[Finding]:
    missing = host.missing & guest.mask
    if missing:
        yield Finding(_words(missing), "incomplete-dump", "unknown",
                      f"the dump of {host.name} does not say where it lies", "CPUID leaf 0xD")  # fmt: skip
    for name in sorted(guest.features & host.unknown):
        yield Finding(name, "incomplete-dump", "unknown",
                      f"the dump of {host.name} does not say whether it is there", "CPUID")  # fmt: skip


# What the source saves.


def image_of(source: Host, guest: Guest) -> tuple[int, int]:
    """Return XSTATE_BV of the image that the source emits, and whether it is compacted.

    The guest uses all it has; the host's own PKRU may put its bit there, too.
    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(); `Host.leaks` for PKRU.
    """
    if not source.has_xsave:
        return ioctls.FPSSE, 0
    in_use = (guest.xcr0 & source.supported) | ioctls.FPSSE | source.leaks
    known = ioctls.guest_supported(guest.xcr0, source.supported)
    user = source.user_xfeatures(guest.xcr0)
    at_get = int("8647c52e9504" in source.kernel)
    shown = ioctls.get_xsave_bv(in_use, user, known, at_get)
    return shown, int(source.compacts and not source.converts)


def at_source(source: Host, guest: Guest, vmm: Vmm) -> Iterator[Finding]:
    """Say what goes wrong before the guest leaves, whatever the destination is."""
    yield from _unknown(source, guest)
    lacks = guest.mask & ~(source.supported | source.caps.xss)
    if lacks:
        yield Finding(_words(lacks), "source-lacks", "unknown",
                      f"{source.name} cannot have such a guest", _reason(source, lacks))  # fmt: skip
    dynamic = guest.xcr0 & source.supported & XTILEDATA
    if dynamic and ioctls.get_xsave_errno(dynamic, int(vmm.xsave2)):
        yield Finding("XTILEDATA", "KVM_GET_XSAVE", "refused",
                      "the image is larger than 4096 bytes: KVM_GET_XSAVE answers EINVAL, KVM_GET_XSAVE2 is needed",
                      f"{_X86} kvm_vcpu_ioctl_x86_get_xsave(); cloud-hypervisor#5800",
                      "be50b2065dfa")  # fmt: skip
    shown, _ = image_of(source, guest)
    lost = ((guest.xcr0 & source.supported) | ioctls.FPSSE) & ~shown
    if lost:
        yield Finding(_words(lost), "KVM_GET_XSAVE", "loses",
                      "the guest's CPUID bounds the image, x87 and SSE included",
                      f"{_X86} kvm_vcpu_ioctl_x86_get_xsave()", "a1020a25e697")  # fmt: skip
    beyond = shown & ~(guest.xcr0 | ioctls.FPSSE)
    if beyond and source.has_xsave:
        yield Finding(_words(beyond), "image-names-more", "loads",
                      "the image names what the guest does not have: the host's own value",
                      f"{_X86} kvm_vcpu_ioctl_x86_get_xsave()", "ad856280ddea")  # fmt: skip
    yield from _unsaved(source, guest, vmm)


def _reason(host: Host, mask: int) -> str:
    wanted = {f"{register}.{name}" for register in ("XCR0", "IA32_XSS") for name in names(mask)}
    found = [each for each in host.caps.reasons if each.bit in wanted and not each.shown]
    return (
        "; ".join(dict.fromkeys(f"{each.why} ({each.source})" for each in found))
        or "CPUID leaf 0xD"
    )


def _unsaved(source: Host, guest: Guest, vmm: Vmm) -> Iterator[Finding]:
    """MSRs that hold the guest's state and do not come along."""
    listed = {msr.name for msr in listed_msrs(source.caps, source.kernel)}
    for msr in MSRS:
        needed = guest.xss & source.caps.xss if msr.name == "IA32_XSS" else guest.has(*msr.needs)
        if not needed or (msr.name != "IA32_XSS" and msr.name not in listed):
            continue
        saved = int(vmm.saves(msr.number))
        if msr.name == "IA32_XSS":
            saved = migration.saved_xss(int(msr.name in listed), source.caps.xss, saved)
        if not saved:
            yield Finding(msr.name, "not-saved", "loses",
                          "it is not among the MSRs that the VMM saves: the guest finds its reset value",
                          f"{msr.source}; Firecracker pull request 5972")  # fmt: skip


# What the destination accepts.


def _refusal(
    component: str, call: str, errno: int, why: str, source: str, commit: str = ""
) -> Finding:
    text = f"{call} answers {_ERRNO.get(errno, errno)}: {why}"
    return Finding(component, call, "refused", text, source, commit)


def _setup(host: Host, guest: Guest) -> Iterator[Finding]:
    """arch_prctl and KVM_SET_CPUID2."""
    if guest.xcr0 & XTILEDATA:
        prctl = f"{_FP} xstate_request_perm()"
        errno = ioctls.request_permission_errno(AMX, host.supported, ioctls.FPSSE, 0)
        if errno:
            yield _refusal("XTILEDATA", "arch_prctl", errno, "the host has no tiles for guests", prctl,
                           "86aff7a47992")  # fmt: skip
        permitted = ioctls.FPSSE | (AMX if host.configuration.tile_permission and not errno else 0)
        knows = "86aff7a47992" in host.kernel
        errno = (
            ioctls.set_cpuid2_errno(guest.xcr0, ioctls.FPSSE, permitted, 0, 0, 1) if knows else 0
        )
        if errno:
            yield _refusal("XTILEDATA", "KVM_SET_CPUID2", errno, "the process has no permission for tiles",
                           f"{_CPUID} kvm_check_cpuid()", "86aff7a47992")  # fmt: skip
    cr4, allowed = _cr4(host, guest)
    errno = registers.cr4_errno(cr4, allowed)
    if errno:
        bits = [name for name, bit in registers.CR4_OF_FEATURE.items() if cr4 & ~allowed & bit]
        yield _refusal(f"CR4 for {', '.join(bits)}", "KVM_SET_SREGS", errno,
                       "the guest's CR4 needs features that it cannot have here",
                       f"{_X86} kvm_is_valid_cr4()")  # fmt: skip


def _cr4(host: Host, guest: Guest) -> tuple[int, int]:
    """Return the guest's CR4, as far as extended state goes, and the bits that it may have at a host."""
    bits, kept = registers.CR4_OF_FEATURE, guest.features & set(host.caps.features)
    wants = {
        "XSAVE": guest.xcr0 != 0,
        "PKU": guest.has("pku"),
        "CET": guest.has("cet_ss", "cet_ibt"),
    }
    has = {"XSAVE": host.has_xsave and guest.xcr0 != 0, "PKU": "pku" in kept,
           "CET": bool(kept & {"cet_ss", "cet_ibt"})}  # fmt: skip
    return (
        sum(bits[name] for name, wanted in wants.items() if wanted),
        sum(bits[name] for name, there in has.items() if there),
    )


def _image(source: Host, destination: Host, guest: Guest) -> Iterator[Finding]:
    """KVM_SET_XSAVE, and what the registers then hold."""
    shown, compacted = image_of(source, guest)
    call, where = "KVM_SET_XSAVE", f"{_X86} kvm_vcpu_ioctl_x86_set_xsave()"
    if not destination.has_xsave:
        errno = migration.fxsave_image_errno(shown, 1)
        if errno:
            yield _refusal(
                _words(shown & ~ioctls.FPSSE), call, errno, "the host has no XSAVE", where
            )
        return
    answer = _asked(destination, Header(shown, compacted=compacted), guest)
    if answer is None:
        return
    if answer.errno:
        allowed = destination.supported & destination.user_xfeatures(guest.xcr0)
        about = _words(shown & ~allowed) if shown & ~allowed else "header"
        commit = "d7876f1be40a" if shown & ~destination.supported else "ad856280ddea"
        if compacted and about == "header":
            commit = "d69c1382e1b7"
        yield _refusal(about, call, answer.errno, "; ".join(answer.why), where, commit)
        return
    kept = migration.keeps_format(int(destination.converts), int(destination.compacts), compacted)
    if destination.compacts and not kept:
        yield Finding("image", "format", "loses",
                      "KVM stores the standard format where the host's XRSTORS wants the compacted one: #GP in the"
                      " kernel", where, "df1daba7d1cb")  # fmt: skip
    if compacted and destination.converts:
        yield Finding("image", "format", "loses", "a compacted image is taken for a standard one",
                      where, "d69c1382e1b7")  # fmt: skip
    yield from _layout(source, destination, shown & guest.xcr0)


def _asked(host: Host, header: Header, guest: Guest) -> acceptance.Acceptance | None:
    """Ask KVM_SET_XSAVE; None where the dump does not describe a processor."""
    try:
        part = processor(host.table)
    except IncompleteTable:
        return None
    return acceptance.set_xsave(
        host.kernel, part, header, _MXCSR, guest.xcr0, supported=host.supported
    )


def moved_components(source: Host, destination: Host, mask: int) -> int:
    """Return the components of a mask that the two hosts keep in other places of the standard format."""
    return sum(
        1 << index
        for index in indices(mask & ~ioctls.FPSSE)
        if index in source.places
        and index in destination.places
        and source.places[index] != destination.places[index]
    )


def _layout(source: Host, destination: Host, mask: int) -> Iterator[Finding]:
    for index in indices(moved_components(source, destination, mask)):
        here, there = source.places[index], destination.places[index]
        yield Finding(_words(1 << index), "layout", "loses",
                      f"{here[1]} bytes at {here[0]} at the source, {there[1]} at {there[0]} at the destination, and no"
                      " kernel looks: it reads other bytes",
                      f"{_FP} copy_uabi_to_xstate(); CPUID (0xD,{index}); rr#3573")  # fmt: skip


def _registers(source: Host, destination: Host, guest: Guest, vmm: Vmm) -> Iterator[Finding]:
    """KVM_SET_XCRS and KVM_SET_MSRS."""
    known = ioctls.guest_supported(guest.xcr0, destination.supported)
    value = guest.xcr0 if source.has_xsave else 0
    if value and destination.has_xsave:
        bound = ioctls.set_xcrs_bound(
            known, destination.supported, int("d7876f1be40a" in destination.kernel)
        )
        errno = ioctls.set_xcrs_errno(value, bound, 0, 1)
        if errno:
            yield _refusal(_words(value & ~bound) if value & ~bound else "XCR0", "KVM_SET_XCRS", errno,
                           _reason(destination, value & ~bound), f"{_X86} __kvm_set_xcr()")  # fmt: skip
    xss = guest.xss & source.caps.xss
    if xss and vmm.saves(0xDA0):
        yield from _xss(destination, guest, xss)
    if guest.xcr0 & XTILEDATA and ("820a6ee944e7" not in destination.kernel
                                   or not ioctls.set_xfd_accepted(XTILEDATA, known, 1, 1)):  # fmt: skip
        yield _refusal("IA32_XFD", "KVM_SET_MSRS", 22, "the host has no IA32_XFD for this guest",
                       f"{_X86} kvm_set_msr_common()", "820a6ee944e7")  # fmt: skip
    yield from _cet(destination, guest)


def _xss(host: Host, guest: Guest, value: int) -> Iterator[Finding]:
    strict = int("69cc3e886582" in host.kernel)
    bound = ioctls.set_xss_bound(
        ioctls.guest_supported(guest.xss, host.caps.xss), host.caps.xss, strict
    )
    listed = "c0a5f2989122" in host.kernel and host.caps.xss != 0
    if not ioctls.set_xss_accepted(value, bound, int(guest.has("xsaves")), 1, strict, int(listed)):
        yield _refusal("IA32_XSS", "KVM_SET_MSRS", 22, _reason(host, value & ~bound),
                       f"{_X86} kvm_set_msr_common()", "69cc3e886582")  # fmt: skip


def _cet(host: Host, guest: Guest) -> Iterator[Finding]:
    """IA32_S_CET with all that the guest's features allow."""
    caps = _caps(guest.features)
    value = (cet.SHSTK_EN if caps & cet.SHSTK else 0) | (cet.ENDBR_EN if caps & cet.IBT else 0)
    there = cet.guest_caps(_caps(frozenset(host.caps.features)), caps)
    if value and not (there and cet.u_s_cet_ok(value, there)):
        missing = {name for name in ("cet_ss", "cet_ibt") if name in guest.features} - set(
            host.caps.features
        )
        yield _refusal("IA32_S_CET", "KVM_SET_MSRS", 22, f"guests here have no {' or '.join(sorted(missing))}",
                       "linux:arch/x86/kvm/msrs.h kvm_is_valid_u_s_cet()", "8b59d0275c96")  # fmt: skip


def _caps(features: frozenset[str]) -> int:
    return (cet.SHSTK if "cet_ss" in features else 0) | (cet.IBT if "cet_ibt" in features else 0)


def _promises(host: Host, guest: Guest) -> Iterator[Finding]:
    """Features that the guest's CPUID promises and the destination does not have; no ioctl asks."""
    lost = guest.features - set(host.caps.features) - host.unknown
    for reason in host.caps.reasons:
        if reason.bit in lost:
            yield Finding(reason.bit, "promise", "loses",
                          f"the guest's CPUID keeps promising it, and KVM does not ask: {reason.why}",
                          reason.source, reason.commit)  # fmt: skip
