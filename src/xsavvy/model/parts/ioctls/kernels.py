# SPDX-License-Identifier: Apache-2.0
"""What commits change in this part: those after v5.17 are made, the older ones undone where a kernel lacks them."""

from collections.abc import Callable, Mapping

from xsavvy.checker import Program, Step
from xsavvy.model.change import with_event, with_step
from xsavvy.model.delta import Delta

from .choices import CpuidRefresh, CpuidSize, XssSwap
from .control import reset_xss, reset_xss_alone, store_sregs_and_see_set_bits
from .cpuid import set_cpuid2, set_cpuid2_any_time, set_cpuid2_before_run
from .derived import add_pkru_mask
from .image import get_xsave2_all, set_xsave_any_mxcsr, set_xsave_unchecked
from .process import (
    advertise,
    advertise_all,
    advertise_sizes_of_all,
    request_add,
    request_drop_supervisor,
)
from .xfd import save_xfd_err_unless_ts
from .xfeatures import (
    check_xcr0_by_host,
    set_msr_xss_if_both,
    set_msr_xss_unnoticed,
    set_msrs_xss_unnoticed,
    set_xcrs_by_host,
)

__all__ = ["DELTAS", "XSS_AT_INIT"]

Edit = Callable[[Program], Program]
MMU_RESETS = tuple(
    f"{path}.kvm_mmu_reset_context" for path in ("kvm_set_cr4", "set_sregs", "kvm_vcpu_reset")
)
XSS_AT_INIT = Step(
    "ia32_xss",
    reset_xss,
    source="linux:arch/x86/kvm/x86.c kvm_vcpu_reset() before be4f3b3f8227",
)


def _unchecked_images(program: Program) -> Program:
    program = program.replaced_event("KVM_SET_XCRS", effect=set_xcrs_by_host)
    program = program.replaced_event("KVM_SET_XSAVE", effect=set_xsave_unchecked)
    return program.replaced("kvm_emulate_xsetbv.check_xcr0", effect=check_xcr0_by_host)


def _image_as_it_is(program: Program) -> Program:
    program = program.replaced_event("KVM_GET_XSAVE", effect=get_xsave2_all)
    return program.replaced_event("KVM_GET_XSAVE2", effect=get_xsave2_all)


def _keep_pkru_mask(program: Program) -> Program:
    known = {f"{path.name}.{step.name}" for path in program.paths() for step in path.steps}
    for label in MMU_RESETS:
        if label in known:
            program = program.replaced(label, effect=add_pkru_mask)
    return program


def _cr4_without_mmu_reset(program: Program) -> Program:
    return program.removed("kvm_set_cr4.kvm_mmu_reset_context")


def _no_sync_regs(program: Program) -> Program:
    return program.without_event("KVM_SYNC_X86_SREGS")


def _xss_unnoticed(program: Program) -> Program:
    program = program.replaced_event("KVM_SET_MSRS IA32_XSS", effect=set_msrs_xss_unnoticed)
    return program.replaced("set_msr_xss.set_msr_xss", effect=set_msr_xss_unnoticed)


def _xss_at_init(program: Program) -> Program:
    return program.inserted(XSS_AT_INIT, before="kvm_vcpu_reset.set_cr4")


def _xss_at_init_alone(program: Program) -> Program:
    if any(
        step.name == XSS_AT_INIT.name
        for path in program.paths()
        if path.name == "kvm_vcpu_reset"
        for step in path.steps
    ):
        return program.replaced("kvm_vcpu_reset.ia32_xss", effect=reset_xss_alone)
    return program


DELTAS: Mapping[str, Delta] = {
    "d7876f1be40a": Delta(
        without=_unchecked_images, summary="XCR0 and images: checked against the host alone"
    ),
    "4344ee981e21": Delta(without=_image_as_it_is, summary="KVM_GET_XSAVE: copies all"),
    "mxcsr_reserved_bits": Delta(
        without=with_event("KVM_SET_XSAVE", set_xsave_any_mxcsr),
        summary="KVM_SET_XSAVE: MXCSR is not looked at",
    ),
    "c4d2188206ba": Delta(
        without=with_step("set_sregs.set_cr4", store_sregs_and_see_set_bits),
        summary="set_sregs: CPUID follows if the new CR4 has OSXSAVE or PKE",
    ),
    "01643c51bfcf": Delta(without=_no_sync_regs, summary="KVM_RUN takes no registers along"),
    "c034f2aa8622": Delta(
        without=with_step("set_msr_xss.set_msr_xss", set_msr_xss_if_both),
        summary="set_msr_xss: XSAVE is asked for, too",
    ),
    "312a1c87798e": Delta(lacks={"xss_swap": XssSwap.GUEST_CPUID}),
    "8d214c481611": Delta(
        without=_cr4_without_mmu_reset, summary="kvm_set_cr4: the MMU is not reset"
    ),
    "a3ca5281bb77": Delta(without=_keep_pkru_mask, summary="pkru_mask: added to, not computed"),
    "feb627e8d6f6": Delta(
        without=with_event("KVM_SET_CPUID2", set_cpuid2_any_time),
        summary="KVM_SET_CPUID2: accepted at any time",
    ),
    "c6617c61e8fe": Delta(
        without=with_event("KVM_SET_CPUID2", set_cpuid2_before_run),
        summary="KVM_SET_CPUID2: refused once the vCPU has run",
    ),
    "445ecdf79be0": Delta(
        without=with_event("KVM_GET_SUPPORTED_CPUID", advertise_all),
        summary="KVM_GET_SUPPORTED_CPUID: permissions are not looked at",
    ),
    "1ffce0924a8c": Delta(
        without=with_event("KVM_GET_SUPPORTED_CPUID", advertise_sizes_of_all),
        summary="KVM_GET_SUPPORTED_CPUID: sizes of all that the host has",
    ),
    "05a9e065059e": Delta(
        without=_xss_at_init_alone, summary="kvm_vcpu_reset: CPUID does not follow IA32_XSS"
    ),
    "4c282e51e445": Delta(
        without=_xss_unnoticed, summary="set_msr_xss: CPUID does not follow IA32_XSS"
    ),
    "be4f3b3f8227": Delta(without=_xss_at_init, summary="kvm_vcpu_reset: zeroes IA32_XSS"),
    "063452fd94d1": Delta(
        edit=with_event("ARCH_REQ_XCOMP_GUEST_PERM", request_drop_supervisor),
        summary="ARCH_REQ_XCOMP_GUEST_PERM: adds to the mask's user components",
    ),
    "55cd57b596e8": Delta(
        edit=with_event("KVM_GET_SUPPORTED_CPUID", advertise),
        summary="KVM_GET_SUPPORTED_CPUID: the tiles whole or not at all",
    ),
    "93da6af3ae56": Delta(sets={"cpuid_refresh": CpuidRefresh.WHEN_READ}),
    "3ef0df3f760f": Delta(
        edit=with_step("vcpu_exit_guest.handle_exit_irqoff", save_xfd_err_unless_ts),
        summary="handle_exit_irqoff: a #NM of CR0.TS is let alone",
    ),
    "d8414603b29f": Delta(
        edit=with_event("ARCH_REQ_XCOMP_GUEST_PERM", request_add),
        summary="ARCH_REQ_XCOMP_GUEST_PERM: adds to the whole mask",
    ),
    "9622e116d0d2": Delta(sets={"cpuid_compacted": CpuidSize.XCR0_AND_XSS}),
    "e2b43fb25243": Delta(
        edit=with_event("KVM_SET_CPUID2", set_cpuid2),
        summary="KVM_SET_CPUID2: what is due on the old CPUID is done first",
    ),
}
