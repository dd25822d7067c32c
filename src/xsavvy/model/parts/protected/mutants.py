# SPDX-License-Identifier: Apache-2.0
"""Changes that must break the properties of protected guests."""

from xsavvy.model.change import with_event, with_step
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing
from xsavvy.model.mutant import Mutant
from xsavvy.model.values import Buffer

from .launch import is_rejected, mark_launched, sync_vmsa
from .machine import ProtectedMachine
from .sev import load_guest_registers

__all__ = ["PROTECTED_MUTANTS"]

AMD = "genoa"
NEWER = "v7.2"


def load_all_but_xmm(s: ProtectedMachine, k: Constants) -> None:
    """Load the guest's registers, and leave XMM as they are."""
    kept = s.hw_sse[s.cpu]
    load_guest_registers(s, k)
    s.hw_sse[s.cpu] = kept


def load_all_but_xcr0(s: ProtectedMachine, k: Constants) -> None:
    """Load the guest's registers, and leave XCR0 as it is."""
    kept = s.hw_xcr0[s.cpu]
    load_guest_registers(s, k)
    s.hw_xcr0[s.cpu] = kept


def launch_unmarked(s: ProtectedMachine, k: Constants) -> None:
    """Launch, and forget that the fpstate is nobody's from now on."""
    if not is_rejected(s, k):
        sync_vmsa(s, k)
        mark_launched(s, k)
        s.fp_confidential = 0


def return_fpstate(s: ProtectedMachine, k: Constants) -> None:
    """Return the guest's fpstate, scratch buffer or not."""
    s.uapi_sse = s.fp_sse[Buffer.GUEST]


PROTECTED_MUTANTS = (
    Mutant(
        "VMRUN does not load XMM",
        "protected-run",
        AMD,
        with_step("svm_vcpu_run.vmrun", load_all_but_xmm),
        kernel=NEWER,
    ),
    Mutant(
        "VMRUN does not load XCR0",
        "protected-run",
        AMD,
        with_step("svm_vcpu_run.vmrun", load_all_but_xcr0),
        kernel=NEWER,
    ),
    Mutant(
        "a helper warns and is called",
        "protected-run",
        AMD,
        changed={"protected_warn": "warn"},
        kernel=NEWER,
    ),
    Mutant(
        "VMEXIT loads the host's TSC_AUX",
        "protected-user-return",
        AMD,
        changed={"tsc_aux_restore": "host_value"},
        kernel=NEWER,
    ),
    Mutant(
        "the user-return notifier does nothing",
        "protected-user-return",
        AMD,
        with_step("task_exit_to_user.kvm_on_user_return", nothing),
        kernel=NEWER,
    ),
    Mutant(
        "a VMSA is copied again",
        "sev-es-launch",
        AMD,
        changed={"vmsa_resync": "writes"},
        kernel=NEWER,
    ),
    Mutant(
        "the launch does not mark the fpstate",
        "sev-es-launch",
        AMD,
        with_event("KVM_SEV_LAUNCH_UPDATE_VMSA", effect=launch_unmarked),
        kernel=NEWER,
    ),
    Mutant(
        "ioctls are silent",
        "sev-es-launch",
        AMD,
        changed={"protected_ioctl": "silent"},
        kernel=NEWER,
    ),
    Mutant(
        "KVM_GET_XSAVE does not ask",
        "sev-es-launch",
        AMD,
        with_event("KVM_GET_XSAVE", effect=return_fpstate),
        kernel=NEWER,
    ),
)
