# SPDX-License-Identifier: Apache-2.0
"""What a KVM tells userspace that guests may have: XCR0, IA32_XSS, features and MSRs, each bit with its reason.

The order is the kernel's own: what the processor has; what the command line leaves of it; what the host's FPU enables;
what KVM knows; what the vendor's module can switch; what the process may use. The rules are those of `enabled`,
`cet`, `migration` and `ioctls`.

Source: arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps(), __do_cpuid_func(); arch/x86/kvm/x86.c kvm_x86_vendor_init(),
kvm_setup_xss_caps(), kvm_probe_msr_to_save(); arch/x86/kernel/fpu/xstate.c fpu__init_system_xstate() (6.1, 6.12, 7.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xsavvy.cpuid.feature import feature
from xsavvy.cpuid.processor import vendor, xcr0_supported, xss_supported
from xsavvy.cpuid.table import Table
from xsavvy.isa.components import (
    AMX,
    APX,
    AVX,
    AVX512,
    COMPONENTS,
    LWP,
    MPX,
    PKRU,
    XTILEDATA,
    indices,
    names,
)
from xsavvy.isa.processor import Vendor

from . import cet, enabled, ioctls
from .configuration import DEPENDS, PLAIN, Configuration
from .kernels import Kernel
from .ledger import Ledger, Reason
from .migration import advertised_instructions

__all__ = ["FEATURES", "Capabilities", "capabilities", "is_vmx"]

FEATURES: Final = (
    *("xsave", "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd", "avx", "mpx", "avx512f", "pku"),
    *("cet_ss", "cet_ibt", "amx_tile", "pt"),
)
"""Features around extended state that some KVM has offered."""
NEVER: Final = ("pks", "enqcmd", "uintr", "arch_lbr", "apx", "lwp")
"""Features with a component that no KVM up to the newest offers."""
_COMPONENTS_OF: Final = {
    "avx": AVX, "mpx": MPX, "avx512f": AVX512, "amx_tile": AMX, "apx": APX, "lwp": LWP,
}  # fmt: skip
_INSTRUCTIONS: Final = ("xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd")
_CPUID: Final = "linux:arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps()"
_X86: Final = "linux:arch/x86/kvm/x86.c"
_FPU: Final = "linux:arch/x86/kernel/fpu/xstate.c fpu__init_system_xstate()"
_DEPS: Final = "linux:arch/x86/kernel/cpu/cpuid-deps.c"
_XSS_CAPS: Final = f"{_X86} kvm_setup_xss_caps()"


@dataclass(frozen=True)
class Capabilities:
    """What one KVM says.

    Attributes:
        xcr0, xss: components that KVM_GET_SUPPORTED_CPUID tells this process of.
        supported_xcr0: kvm_caps.supported_xcr0, before permissions: KVM_X86_XCOMP_GUEST_SUPP.
        host_xcr0, host_xss: what the host has in its own registers; of IA32_XSS the bits that guests could have.
        host_xsaves: whether the host's kernel has XSAVES to use.
        features: names of the features shown, in the order of FEATURES.
        vmx: whose virtualization it is.
        reasons: one for each bit, shown or not.
    """

    xcr0: int
    xss: int
    supported_xcr0: int
    host_xcr0: int
    host_xss: int
    host_xsaves: bool
    features: tuple[str, ...]
    vmx: bool
    reasons: tuple[Reason, ...]


def is_vmx(table: Table) -> bool:
    """Tell whose virtualization a host uses: SVM on AMD's processors, VMX on all others."""
    return vendor(table) is not Vendor.AMD


def capabilities(table: Table, kernel: Kernel, host: Configuration = PLAIN) -> Capabilities:
    """Derive what KVM offers on a host with this CPUID, kernel and configuration.

    >>> from xsavvy.cpuid.presets import PRESETS
    >>> from .kernels import kernel
    >>> genoa = PRESETS["genoa"].table
    >>> [hex(capabilities(genoa, kernel(name)).xss) for name in ("v6.17", "v6.18")]
    ['0x0', '0x1800']
    """
    found = Ledger()
    _processor(found, table)
    _command_line(found, host, kernel)
    vmx = is_vmx(table)
    own_xcr0 = _host_xcr0(found, table, kernel, host)
    own_xss = _host_xss(found, table, kernel)
    own_xsaves = own_xcr0 != 0 and found.has("xsaves")
    supported = _guest_xcr0(found, own_xcr0, kernel, vmx, host)
    _features(found, supported, kernel, vmx, host, table)
    xss = _guest_xss(found, own_xss, kernel, vmx, host)
    xcr0 = _permitted(found, supported, kernel, host)
    kept = tuple(name for name in FEATURES if found.has(name))
    return Capabilities(
        xcr0, xss, supported, own_xcr0, own_xss, own_xsaves, kept, vmx, _named(found.reasons)
    )


def _processor(found: Ledger, table: Table) -> None:
    """Enter the processor's features and components."""
    for name in (*FEATURES, *NEVER):
        at = feature(name)
        value = table.bit(at.leaf, at.subleaf, at.register, at.bit)
        if value:
            found.put(name, "the processor has it and KVM knows it", at.place)
        else:
            why = "the processor does not have it" if value is False else "the dump does not say"
            found.absent(name, why, at.place, known=value is not None)
    for register, mask in (("XCR0", xcr0_supported(table)), ("IA32_XSS", xss_supported(table))):
        for component in COMPONENTS:
            bit, supervisor = f"{register}.{component.name}", component.kind.value == "supervisor"
            if supervisor is not (register == "IA32_XSS"):
                continue
            if mask & component.mask:
                found.put(bit, "the host enables it and KVM switches it", component.source)
            else:
                found.absent(bit, "the processor does not have it", component.source)


def _command_line(found: Ledger, host: Configuration, kernel: Kernel) -> None:
    """Take what the command line turns off, and all that hangs on it."""
    del kernel
    for name in sorted(host.cleared):
        found.take(name, f"the command line turns {name} off", f"{_DEPS} (clearcpuid=, noxsave)")
    if not cet.host_ibt(cet.IBT, int(not host.ibt)):
        found.take("cet_ibt", "the host's own IBT is off: ibt=off, no CONFIG_X86_KERNEL_IBT, or a failed"
                   " selftest", "linux:arch/x86/kernel/cpu/common.c setup_cet()")  # fmt: skip
    changed = True
    while changed:
        changed = False
        for name, needs in DEPENDS.items():
            missing = found.first(*needs)
            if missing is not None and found.has(name):
                found.take(name, f"it needs {missing.bit}: {missing.why}", f"{_DEPS} cpuid_deps[]")
                changed = True


def _bits(mask: int, register: str = "XCR0") -> list[str]:
    return [f"{register}.{names(1 << index)[0]}" for index in indices(mask)]


def _take(found: Ledger, mask: int, why: str, source: str, commit: str = "") -> None:
    for bit in _bits(mask):
        found.take(bit, why, source, commit)


def _mask(found: Ledger, register: str) -> int:
    return sum(each.mask for each in COMPONENTS if found.has(f"{register}.{each.name}"))


def _host_xcr0(found: Ledger, table: Table, kernel: Kernel, host: Configuration) -> int:
    """Return the host's XCR0: components whose feature the kernel has, and which it knows."""
    if not found.has("xsave"):
        _take(found, xcr0_supported(table), "the host has no XSAVE", _FPU)
        return 0
    for name, mask in _COMPONENTS_OF.items():
        missing = found.first(name)
        if missing is not None:
            _take(
                found,
                mask,
                f"the host has no {name}: {missing.why}",
                f"{_FPU} xsave_cpuid_features[]",
            )
    missing = found.first("pku")
    if missing is not None:
        _take(found, PKRU, f"the host has no pku: {missing.why}", f"{_FPU} xsave_cpuid_features[]")
    if not host.protection_keys and "18032b47adf1" in kernel:
        _take(found, PKRU, "nopku: the host leaves PKRU out of its XCR0", _FPU, "18032b47adf1")
    has = _mask(found, "XCR0")
    own = enabled.host_xcr0(kernel, has)
    _take(found, has & ~own & PKRU, "this kernel does not enable it", _FPU, "host_pkru")
    _take(found, has & ~own & AMX, "this kernel does not enable it", _FPU, "host_amx")
    return own


def _host_xss(found: Ledger, table: Table, kernel: Kernel) -> int:
    """Return the CET bits of the host's IA32_XSS; what else is there no guest gets."""
    boot = cet.SHSTK if found.has("cet_ss") else 0
    offered = cet.host_xss_cet(boot, int(found.has("xsaves")), xss_supported(table))
    own = enabled.host_xss(kernel, offered)
    gates = {"CET_U": "host_cet_user", "CET_S": "host_cet_kernel"}
    for name, commit in gates.items():
        bit = f"IA32_XSS.{name}"
        if not boot:
            found.take(
                bit, "both CET components hang on the host's SHSTK, which it does not have", _FPU
            )
        elif commit not in kernel:
            found.take(bit, "this kernel does not enable it", _FPU, commit)
    for component in COMPONENTS:
        if component.kind.value == "supervisor" and component.name not in gates:
            found.take(f"IA32_XSS.{component.name}", "no KVM gives it to guests",
                       f"{_X86} KVM_SUPPORTED_XSS")  # fmt: skip
    return own


def _guest_xcr0(found: Ledger, own: int, kernel: Kernel, vmx: bool, host: Configuration) -> int:
    """Return kvm_caps.supported_xcr0."""
    known = f"{_X86} KVM_SUPPORTED_XCR0"
    _take(found, own & ~enabled.KVM_SUPPORTED_XCR0, "no KVM gives it to guests", known)
    own &= enabled.KVM_SUPPORTED_XCR0
    offered = enabled.guest_xcr0(kernel, own)
    if offered & PKRU and not enabled.guest_has_protection_keys(kernel, offered, vmx):
        found.put(
            "XCR0.PKRU", "the host enables it; SVM does not switch it yet", known, "37486135d3a7"
        )
    _take(found, own & ~offered & AMX, "this KVM has no IA32_XFD for guests", known, "820a6ee944e7")
    if not (vmx and host.mpx_controls):
        _take(found, offered & MPX, "guests have MPX with VMX and its BNDCFGS controls alone",
              "linux:arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps()")  # fmt: skip
        offered &= ~MPX
    return offered


def _features(
    found: Ledger, supported: int, kernel: Kernel, vmx: bool, host: Configuration, table: Table
) -> None:
    """Take the features that KVM cannot give guests; CET has its own rules."""
    for name in NEVER:
        found.take(name, "no KVM offers it to guests", _CPUID)
    if not supported & MPX:
        found.take(
            "mpx", "guests have no MPX without its components", f"{_X86} kvm_mpx_supported()"
        )
    for name in ("amx_tile", "xfd"):
        if "820a6ee944e7" not in kernel:
            found.take(name, "this KVM has no IA32_XFD for guests", _CPUID, "820a6ee944e7")
    if "host_pkru" not in kernel:
        found.take("pku", "this kernel knows no protection keys", _CPUID, "host_pkru")
    elif not enabled.guest_has_protection_keys(kernel, PKRU, vmx):
        found.take("pku", "SVM does not switch PKRU yet", _CPUID, "37486135d3a7")
    if not host.protection_keys:
        found.take("pku", "nopku: the host has CR4.PKE clear (no OSPKE)", _CPUID)
    if not host.tdp:
        found.take("pku", "shadow paging does not know protection keys", _CPUID)
    if not (vmx and host.guest_pt and "f99e3daf94ff" in kernel):
        found.take("pt", "Processor Trace is the host's: pt_mode is not 1",
                   "linux:arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps()")  # fmt: skip
    if "aa0d42cacf09" in kernel:
        found.take("pt", "pt_mode is there with CONFIG_BROKEN only", "linux:arch/x86/kvm/vmx/vmx.c",
                   "aa0d42cacf09")  # fmt: skip
    _told_instructions(found, kernel, table)


def _told_instructions(found: Ledger, kernel: Kernel, table: Table) -> None:
    """Show again what a kernel without 316314ca tells of though the host has turned it off."""
    every = {name: 1 << place for place, name in enumerate(_INSTRUCTIONS)}
    has = sum(
        bit for name, bit in every.items()
        if table.bit(0xD, 1, "eax", feature(name).bit)
    )  # fmt: skip
    uses = sum(bit for name, bit in every.items() if found.has(name))
    told = advertised_instructions(has, uses, 0xF, int("316314ca" in kernel))
    for name, bit in every.items():
        if told & bit and not uses & bit and found.has("xsave"):
            found.put(name, "the processor has it; that the host turned it off, this KVM does not ask",
                      "linux:arch/x86/kvm/cpuid.c __do_cpuid_ent()", "316314ca")  # fmt: skip


def _guest_xss(found: Ledger, own: int, kernel: Kernel, vmx: bool, host: Configuration) -> int:
    """Return kvm_caps.supported_xss, and take CET's features where they or their components must go."""
    offers = "e140467bbdaf" if vmx else "8db428fd5229"
    if offers not in kernel or "69cc3e886582" not in kernel:
        commit = offers if offers not in kernel else "69cc3e886582"
        return _without_cet(found, "this KVM offers no CET to guests", _CPUID, commit)
    caps = _cet(found)
    rules = (
        (cet.caps_without_tdp(caps, int(host.tdp)), "shadow page tables cannot map a shadow stack",
         _CPUID, "1f6f68fcfe43"),
        (cet.caps_with_smaller_maxphyaddr(caps, int(host.smaller_maxphyaddr)),
         "allow_smaller_maxphyaddr: the emulator knows no CET", _CPUID, "343acdd158a5"),
        (cet.vmx_caps(caps, int(host.cet), int(host.unrestricted_guest), int(host.injects_cp))
         if vmx else caps,
         "VMX cannot switch S_CET, run real mode or inject #CP here",
         "linux:arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps()", "e140467bbdaf"),
        (caps if vmx else cet.svm_caps(caps), "SVM has no indirect branch tracking",
         "linux:arch/x86/kvm/svm/svm.c svm_set_cpu_caps()", "8db428fd5229"),
    )  # fmt: skip
    for left, why, source, commit in rules:
        _drop_cet(found, caps & ~left, why, source, commit)
    caps = _cet(found)
    xss = cet.xss_with_caps(enabled.guest_xss(kernel, own), caps, int(found.has("xsaves")))
    if not caps:
        return _without_cet(found, "guests have neither SHSTK nor IBT", _XSS_CAPS, "69cc3e886582")
    if not cet.caps_with_components(caps, xss):
        return _without_cet(found, "the host's IA32_XSS lacks a CET component: both or none", _XSS_CAPS,
                            "69cc3e886582")  # fmt: skip
    return xss


def _cet(found: Ledger) -> int:
    return (cet.SHSTK if found.has("cet_ss") else 0) | (cet.IBT if found.has("cet_ibt") else 0)


def _drop_cet(found: Ledger, caps: int, why: str, source: str, commit: str) -> None:
    for name, bit in (("cet_ss", cet.SHSTK), ("cet_ibt", cet.IBT)):
        if caps & bit:
            found.take(name, why, source, commit)


def _without_cet(found: Ledger, why: str, source: str, commit: str) -> int:
    _drop_cet(found, cet.SHSTK | cet.IBT, why, source, commit)
    for bit in ("IA32_XSS.CET_U", "IA32_XSS.CET_S"):
        found.take(bit, why, source, commit)
    return 0


def _permitted(found: Ledger, supported: int, kernel: Kernel, host: Configuration) -> int:
    """Return what this process is told of: tiles only with its permission."""
    permission = supported if host.tile_permission else supported & ~XTILEDATA
    drops = "55cd57b596e8" in kernel
    told = ioctls.filtered_xcr0(
        supported,
        permission,
        int("445ecdf79be0" in kernel),
        int("6be3ae45f567" in kernel),
        int(drops),
    )
    _take(found, supported & ~told, "the process has no permission: arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)",
          f"{_X86} kvm_get_filtered_xcr0()", "55cd57b596e8" if drops else "445ecdf79be0")  # fmt: skip
    return told if supported else 0


def _named(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Leave out components that neither the processor nor anybody else speaks of."""
    return tuple(
        each
        for each in reasons
        if "." not in each.bit or each.why != "the processor does not have it"
    )
