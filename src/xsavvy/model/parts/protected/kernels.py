# SPDX-License-Identifier: Apache-2.0
"""What commits change for protected guests, and which kernels can launch which of them.

The base is v5.17, which has SEV-ES; TDX is all deltas.
"""

from collections.abc import Mapping

from xsavvy.checker import Program, Step
from xsavvy.model.delta import Delta
from xsavvy.model.values import IRQS_OFF
from xsavvy.model.world import World

from .designs import (
    FpuConfidential,
    LaunchLock,
    ProtectedIoctl,
    SevType,
    TdUserReturn,
    TscAuxRestore,
    VmsaResync,
)
from .guest import at_vmexit_of, vmgexit_with_xss, wrmsr_xss_unseen
from .ioctls import set_tsc_aux
from .launch import snp_launch
from .sev import sync_from_ghcb
from .tdx import note_guest_entered, with_restore, with_td_run

__all__ = ["DELTAS", "can_launch", "sev_type"]

SEV_KINDS = {
    SevType.SEV_ES_INIT: "ad73109ae7ec",
    SevType.SEV_ES: "4f5defae7089",
    SevType.SNP: "ad27ce155566",
}
TD_RUN = "81bf912b2c15"
SNP_LAUNCH = "snp-launch"


def can_launch(world: World) -> bool:
    """Say whether the kernel can launch the chosen kind of guest."""
    if world.platform.vmx:
        return TD_RUN in world.kernel
    return SEV_KINDS[sev_type(world)] in world.kernel


def sev_type(world: World) -> SevType:
    """Return the kind of guest on an AMD platform: SNP in SNP's own scenario, else the chosen one."""
    if world.scenario.name == SNP_LAUNCH:
        return SevType.SNP
    return SevType(world.choices["sev_type"])


def _is_vmx(program: Program) -> bool:
    return any(path.name == "vmx_vcpu_run" for path in program.paths())


def _has_td(program: Program) -> bool:
    return any(path.name == "tdx_vcpu_run" for path in program.paths())


def _without_sev_es(program: Program) -> Program:
    return program if _is_vmx(program) else program.without_event("KVM_SEV_LAUNCH_UPDATE_VMSA")


def _with_snp(program: Program) -> Program:
    return program if _is_vmx(program) else program.with_event(*snp_launch())


def _xss_not_intercepted(program: Program) -> Program:
    source = "linux:arch/x86/kvm/svm/sev.c sev_es_recalc_msr_intercepts()"
    return program if _is_vmx(program) else wrmsr_xss_unseen(program, source)


def _prevent_msr_access(program: Program) -> Program:
    if _is_vmx(program):
        return program
    source = "linux:arch/x86/kvm/svm/svm.c sev_es_prevent_msr_access()"
    return program.replaced_event("KVM_SET_MSRS of TSC_AUX", effect=set_tsc_aux, source=source)


def _validate_ghcb_xcr0(program: Program) -> Program:
    if _is_vmx(program):
        return program
    return program.replaced("kvm_emulate_xsetbv.__kvm_set_xcr", effect=sync_from_ghcb)


def _xss_from_ghcb(program: Program) -> Program:
    return program if _is_vmx(program) else program.with_event(vmgexit_with_xss())


def _run_tds(program: Program) -> Program:
    return at_vmexit_of(with_td_run(program), "tdx_vcpu_run") if _is_vmx(program) else program


def _restore_after_td(program: Program) -> Program:
    return with_restore(program) if _has_td(program) else program


def _note_entered(program: Program) -> Program:
    if not _has_td(program):
        return program
    run = next(path for path in program.paths() if path.name == "tdx_vcpu_run")
    step = Step(
        "guest_entered",
        note_guest_entered,
        needs=IRQS_OFF,
        source="linux:arch/x86/kvm/vmx/tdx.c tdx_user_return_msr_update_cache()",
    )
    return program.inserted(step, after=f"tdx_vcpu_run.{run.steps[-1].name}")


DELTAS: Mapping[str, Delta] = {
    "ad73109ae7ec": Delta(without=_without_sev_es, summary="no launch of a SEV-ES guest"),
    "296d5a17e793": Delta(sets={"tsc_aux_restore": TscAuxRestore.USER_RETURN}),
    "916e3e5f26ab": Delta(sets={"tsc_aux_restore": TscAuxRestore.HOST_VALUE}),
    "a26b7cd22546": Delta(
        edit=_xss_not_intercepted, summary="event WRMSR IA32_XSS: writes the register"
    ),
    "517987e3fb19": Delta(sets={"protected_ioctl": ProtectedIoctl.REFUSED}),
    "eb4441864e03": Delta(sets={"fpu_confidential": FpuConfidential.AT_LAUNCH}),
    "4f5defae7089": Delta(sets={"sev_type": SevType.SEV_ES}),
    "27bd5fdc24c0": Delta(
        edit=_prevent_msr_access, summary="event KVM_SET_MSRS of TSC_AUX: fails after the launch"
    ),
    "ad27ce155566": Delta(
        edit=_with_snp, summary="events KVM_SEV_SNP_LAUNCH_FINISH, SNP_LAUNCH_UPDATE of the VMSA"
    ),
    "81bf912b2c15": Delta(edit=_run_tds, summary="path tdx_vcpu_run; the guest runs in it"),
    "6bfa6d8509ad": Delta(
        edit=_restore_after_td, summary="tdx_vcpu_run: the host's PKRU, XCR0 and IA32_XSS"
    ),
    "e0b4f31a3c65": Delta(edit=_note_entered, summary="tdx_vcpu_run: guest_entered"),
    "29da8c823abf": Delta(sets={"tsc_aux_restore": TscAuxRestore.CURRENT_VALUE}),
    "4135a9a8ccba": Delta(
        edit=_validate_ghcb_xcr0, summary="kvm_emulate_xsetbv: the XCR0 of the GHCB is checked"
    ),
    "b5fa221f7b08": Delta(edit=_xss_from_ghcb, summary="event VMGEXIT with IA32_XSS"),
    "c0711f8c610e": Delta(sets={"td_user_return": TdUserReturn.WRITE_BEFORE}),
    "9b9f7962e3e8": Delta(sets={"vmsa_resync": VmsaResync.REJECTED}),
    "cb923ee6a80f": Delta(sets={"launch_lock": LaunchLock.ALL_VCPUS}),
}
