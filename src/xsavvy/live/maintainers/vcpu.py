# SPDX-License-Identifier: Apache-2.0
"""A vCPU by the rules: what each step of a case returns, with no machine at hand.

No rule is written here. The processor's are functions of `xsavvy.isa`, KVM's of `xsavvy.kvm`; this keeps the few
registers between steps and asks them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xsavvy.isa import keys, masks
from xsavvy.isa import registers as legal
from xsavvy.isa.access import plan_wrpkru, plan_xgetbv, plan_xsetbv
from xsavvy.isa.components import SSE, X87, XTILEDATA
from xsavvy.isa.control import Control, Tracking
from xsavvy.isa.faults import Fault, Stop
from xsavvy.isa.restore import Header
from xsavvy.kvm import Kernel, cet, ioctls, registers
from xsavvy.kvm.acceptance import set_xsave
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE

from .case import GP, NM, OK, PF, UD, Case, Step
from .features import Features
from .msr import exists, listed, write_accepted

__all__ = ["Vcpu", "answers"]

KEY = 2
"""The protection key of every page of pku.c and pks.c."""


def answers(case: Case, offered: Features, kernel: Kernel) -> list[Any]:
    """Return what the rules of a kernel say of each step, on a KVM that offers some features."""
    vcpu = Vcpu(kernel, offered, case)
    return [vcpu.answer(step) for step in case.steps]


def _vector(stop: Stop) -> str:
    return f"#{stop.vector.name}" if isinstance(stop, Fault) else OK


class Vcpu:
    """The registers of one vCPU between the steps of a case."""

    def __init__(self, kernel: Kernel, offered: Features, case: Case) -> None:
        self.kernel = kernel
        self.offered = offered
        told = case.cpuid and case.entries
        self.guest = offered.without(case.without)
        self.cpuid = offered.processor.xcr0_supported if told else 0
        self.frozen = False
        self.cr4_features = registers.cr4_features(
            self.guest.cr4 if told else 0,
            offered.cr4,
            int(case.cpuid),
            int("85e5ba83c016" in kernel),
        )
        self.cr4 = 0
        self.wp = 0
        self.xcr0 = X87
        self.pkru = 0
        self.tiles_in_use = False
        self.msrs: dict[int, int] = {}
        self.rbx = 0

    def answer(self, step: Step) -> Any:
        """Return the result of one step."""
        return STEPS[step.name](self, *step.operands)

    @property
    def control(self) -> Control:
        """What is enabled now."""
        return Control(
            self.xcr0,
            xfd=self.msrs.get(0x1C4, 0),
            osxsave=bool(self.cr4 & CR4_OSXSAVE),
            pke=bool(self.cr4 & CR4_PKE),
        )

    # Instructions of the guest.

    def xgetbv(self, rcx: int) -> Any:
        """Read XCR0, or XINUSE; ECX is all that counts of RCX."""
        tracking = Tracking(XTILEDATA if self.tiles_in_use else 0)
        plan = plan_xgetbv(self.guest.processor, self.control, rcx & 0xFFFF_FFFF, tracking)
        return _vector(plan.stop) if plan.stop else plan.value

    def xsetbv(self, rcx: int, value: int) -> str:
        """Write XCR0."""
        plan = plan_xsetbv(self.guest.processor, self.control, rcx & 0xFFFF_FFFF, value)
        if not plan.stop:
            self.xcr0 = plan.value
        return _vector(plan.stop)

    def mov_cr4(self, sets: int, clears: int) -> str:
        """Write CR4 with bits set and cleared."""
        value = (self.cr4 | sets) & ~clears
        if registers.cr4_errno(value, self.cr4_features):
            return GP
        if not cet.cr_pair_ok(cet.CR0_WP * self.wp, value):
            return GP
        self.cr4 = value
        return OK

    def osxsave(self) -> int:
        """Read CPUID.1.ECX[27]."""
        return registers.cpuid_osxsave(self.cr4, CR4_OSXSAVE)

    def ospke(self) -> int:
        """Read CPUID.7.ECX[4], as KVM_GET_CPUID2 has it."""
        return registers.cpuid_osxsave(self.cr4, CR4_PKE)

    def wrmsr(self, index: int, value: int) -> str:
        """Write an MSR as the guest."""
        if not write_accepted(index, value, self.guest, self.kernel, host=False):
            return GP
        self.msrs[index] = value
        return OK

    def rdmsr(self, index: int) -> Any:
        """Read an MSR as the guest."""
        return self.msrs.get(index, 0) if exists(index, self.guest) else GP

    def set_wp(self, wp: int) -> str:
        """Write CR0.WP."""
        self.wp = wp
        return OK if legal.cr0_wp_ok(wp, int(bool(self.cr4 & cet.CR4_CET))) else GP

    def wrpkru(self, value: int) -> str:
        """Write PKRU."""
        plan = plan_wrpkru(self.guest.processor, self.control, 0, 0, value)
        if not plan.stop:
            self.pkru = plan.value
        return _vector(plan.stop)

    def access(self, user_page: int, writes: int) -> str:
        """Read or write a page of key 2 in supervisor mode."""
        pkrs = self.msrs.get(0x6E1, 0)
        by_pkru = keys.pkru_refuses(self.pkru, KEY, user_page, writes, 0, self.wp)
        return PF if by_pkru or keys.pkrs_refuses(pkrs, KEY, user_page, writes, self.wp) else OK

    def tileload(self) -> str:
        """Use a tile."""
        xfd = self.msrs.get(0x1C4, 0)
        if masks.xfd_blocks(XTILEDATA, self.xcr0, xfd):
            self.msrs[0x1C5] = XTILEDATA
            return NM
        self.tiles_in_use = True
        return OK

    def tilerelease(self) -> str:
        """Put the tiles into their initial configuration."""
        self.tiles_in_use = False
        return OK

    def xsavec(self, rfbm: int) -> list[int]:
        """Save; the two bitmaps of the header."""
        in_use = XTILEDATA if self.tiles_in_use else 0
        bv = masks.xsavec_bv(rfbm & self.xcr0, in_use, self.msrs.get(0x1C4, 0))
        return [bv, masks.xsavec_xcomp_bv(rfbm & self.xcr0)]

    def emulated(self, affects: int, far: int, known: int) -> str:
        """Let KVM emulate a branch in user mode, with CR4.CET set."""
        u_cet, s_cet = self.msrs.get(0x6A0, 0), self.msrs.get(0x6A2, 0)
        refused = cet.emulation_refused(affects, far, 1, u_cet, s_cet)
        return UD if refused or not known else OK

    # Calls of the VMM.

    def set_xcrs(self, value: int) -> int:
        """KVM_SET_XCRS of XCR0."""
        by_guest = int("d7876f1be40a" in self.kernel)
        supported = self.offered.processor.xcr0_supported
        mask = ioctls.guest_supported(self.cpuid, supported)
        errno = ioctls.set_xcrs_errno(value, ioctls.set_xcrs_bound(mask, supported, by_guest), 0, 1)
        if not errno:
            self.xcr0 = value
        return -errno

    def set_msr(self, index: int, value: int) -> int:
        """KVM_SET_MSRS with one entry: how many were set."""
        if not write_accepted(index, value, self.guest, self.kernel, host=True):
            return 0
        self.msrs[index] = value
        return 1

    def get_msr(self, index: int) -> Any:
        """KVM_GET_MSRS with one entry: its value."""
        return self.msrs.get(index, 0)

    def listed(self, index: int) -> int:
        """Look for an MSR in KVM_GET_MSR_INDEX_LIST."""
        return int(listed(index, self.offered, self.kernel))

    def set_cr4(self, value: int) -> int:
        """KVM_SET_SREGS with another CR4."""
        errno = registers.cr4_errno(value, self.cr4_features)
        if not errno:
            self.cr4 = value
        return -errno

    def get_cr4(self) -> int:
        """KVM_GET_SREGS: CR4."""
        return self.cr4

    def set_cr0(self, sets: int, clears: int) -> int:
        """KVM_SET_SREGS with bits of CR0 set and cleared, from its value after reset."""
        return -registers.cr0_errno((0x6000_0010 | sets) & ~clears)

    def set_xsave(self, xstate_bv: int) -> int:
        """KVM_SET_XSAVE of an image that names components."""
        header = Header(xstate_bv)
        part, xfd = self.offered.processor, self.msrs.get(0x1C4, 0)
        return -set_xsave(self.kernel, part, header, 0x1F80, self.cpuid, xfd).errno

    def run(self) -> str:
        """KVM_RUN of a guest that halts."""
        self.frozen = True
        return OK

    def set_cpuid(self, which: str) -> int:
        """KVM_SET_CPUID2 of what was set before (`same`), or with something changed."""
        fpstate = self.cpuid | X87 | SSE
        equal = int(which == "same")
        return -ioctls.set_cpuid2_errno(self.cpuid, fpstate, fpstate, int(self.frozen), equal, 1)

    def get_cpuid(self, lacks: int) -> int:
        """KVM_GET_CPUID2 with room for fewer entries than there are."""
        return -registers.get_cpuid2_errno(-lacks, 0)

    def sync_run(self, valid: int, dirty: int, shared: int, vcpu: int | None) -> Any:
        """KVM_RUN of a guest that adds 1 to RBX: [RBX in struct kvm_run, RBX of the vCPU], or an errno.

        `shared` is put into struct kvm_run before; `vcpu` is set by KVM_SET_REGS before, unless None.
        """
        errno = registers.run_errno(valid, dirty)
        if errno:
            return -errno
        before = self.rbx if vcpu is None else vcpu
        self.rbx = registers.taken_register(before, shared, dirty, registers.SYNC_REGS) + 1
        shown = registers.shown_register(self.rbx, shared, valid, registers.SYNC_REGS)
        return [shown, self.rbx]

    def set_exception(self, vector: int) -> int:
        """KVM_SET_VCPU_EVENTS with an exception."""
        return -registers.exception_errno(vector)

    def reg_list(self) -> int:
        """KVM_GET_REG_LIST: how many registers."""
        return registers.enumerated_registers(int(self.guest.has("SHSTK")))

    def get_reg(self, index: int) -> int:
        """KVM_GET_ONE_REG: the value, or an errno."""
        return self.msrs.get(index, 0) if exists(index, self.guest) else -ioctls.EINVAL

    def set_reg(self, index: int, value: int) -> int:
        """KVM_SET_ONE_REG."""
        if not write_accepted(index, value, self.guest, self.kernel, host=True):
            return -ioctls.EINVAL
        self.msrs[index] = value
        return 0

    # What is told of the processor.

    def supported_xcr0(self, mask: int) -> int:
        """Bits of the XCR0 that the guest may have."""
        return self.offered.processor.xcr0_supported & mask

    def usable_xcr0(self) -> int:
        """Say whether all that is supported can be enabled together."""
        supported = self.offered.processor.xcr0_supported
        return legal.xcr0_ok(supported, supported)

    def offset(self, index: int) -> int:
        """Where a component lies in the standard format."""
        return self.offered.processor.standard[index].offset

    def size(self, index: int) -> int:
        """How large a component is."""
        return self.offered.processor.subleaves[index].size


STEPS: Mapping[str, Callable[..., Any]] = {
    "XGETBV": Vcpu.xgetbv,
    "XSETBV": Vcpu.xsetbv,
    "MOV CR4": Vcpu.mov_cr4,
    "CPUID OSXSAVE": Vcpu.osxsave,
    "WRMSR": Vcpu.wrmsr,
    "RDMSR": Vcpu.rdmsr,
    "CR0.WP": Vcpu.set_wp,
    "WRPKRU": Vcpu.wrpkru,
    "access": Vcpu.access,
    "TILELOADD": Vcpu.tileload,
    "TILERELEASE": Vcpu.tilerelease,
    "XSAVEC": Vcpu.xsavec,
    "emulated": Vcpu.emulated,
    "KVM_SET_XCRS": Vcpu.set_xcrs,
    "KVM_SET_MSRS": Vcpu.set_msr,
    "KVM_GET_MSRS": Vcpu.get_msr,
    "KVM_GET_MSR_INDEX_LIST": Vcpu.listed,
    "KVM_SET_SREGS CR4": Vcpu.set_cr4,
    "KVM_GET_SREGS CR4": Vcpu.get_cr4,
    "KVM_SET_SREGS CR0": Vcpu.set_cr0,
    "KVM_SET_XSAVE": Vcpu.set_xsave,
    "KVM_RUN": Vcpu.run,
    "KVM_SET_CPUID2": Vcpu.set_cpuid,
    "KVM_GET_CPUID2": Vcpu.get_cpuid,
    "KVM_GET_CPUID2 OSXSAVE": Vcpu.osxsave,
    "KVM_GET_CPUID2 OSPKE": Vcpu.ospke,
    "KVM_RUN with registers": Vcpu.sync_run,
    "KVM_SET_VCPU_EVENTS": Vcpu.set_exception,
    "KVM_GET_REG_LIST": Vcpu.reg_list,
    "KVM_GET_ONE_REG": Vcpu.get_reg,
    "KVM_SET_ONE_REG": Vcpu.set_reg,
    "XCR0 supported": Vcpu.supported_xcr0,
    "XCR0 usable": Vcpu.usable_xcr0,
    "offset": Vcpu.offset,
    "size": Vcpu.size,
}
"""Every step that a case may have, and who answers it."""
