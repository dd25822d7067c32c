# SPDX-License-Identifier: Apache-2.0
"""A machine, its host's configuration, KVM's module and one vCPU, as far as they decide who has CET.

A name says where a value comes from: `machine_` from the processor, `host_` from the host kernel, `param_` from the
module's parameters, `kvm_` from the module, `vcpu_` from userspace's CPUID.
"""

from enum import IntEnum
from typing import Annotated

from xsavvy.checker import Choice, Flag, Location, Mask, Record
from xsavvy.kvm.cet import CET_ALL, IBT, SHSTK

__all__ = ["BOTH", "Breakage", "Module"]

BOTH = SHSTK | IBT


class Breakage(IntEnum):
    """What went wrong when a guest used what it was offered."""

    NONE = 0
    NOT_SWITCHED = 1
    """A register that the guest writes is in no fpstate: the guest's value stays for whoever comes next."""
    REFUSED = 2
    """A write that CPUID promises is a #GP."""
    NOT_MAPPED = 3
    """A shadow stack page cannot be mapped, and its fault not be handled."""
    NOT_EMULATED = 4
    """KVM emulated an instruction that CET sees."""
    NOT_ENTERED = 5
    """The entry fails."""


class Module(Record):
    """From power-on to a guest that uses CET."""

    module_at: Annotated[int, Location("module"), "how far loading, and the VMM, are"]

    chosen: Annotated[int, Flag(), "the environment has chosen what is read next"]

    machine_cpuid: Annotated[int, Mask(BOTH), "SHSTK and IBT in the processor's CPUID"]
    machine_xsaves: Annotated[int, Flag(), "XSAVES in CPUID"]
    machine_xss: Annotated[int, Mask(CET_ALL), "the CET bits of IA32_XSS that CPUID has"]
    machine_load_cet: Annotated[int, Flag(), "VMX can load CET state at entry and exit"]
    machine_no_hw_error_code: Annotated[int, Flag(), "VMX can inject any exception's error code"]
    machine_unrestricted: Annotated[int, Flag(), "VMX can run real mode"]

    host_boot: Annotated[int, Mask(BOTH), "SHSTK and IBT in boot_cpu_data"]
    host_ibt_off: Annotated[int, Flag(), "ibt=off"]
    host_xss: Annotated[int, Mask(CET_ALL), "the CET bits of the host's IA32_XSS"]
    host_s_cet: Annotated[int, Flag(), "the host's S_CET is not zero: it tracks its branches"]

    param_tdp: Annotated[int, Flag(), "ept=1 or npt=1, and the machine has it"]
    param_cet: Annotated[int, Flag(), "kvm_intel.cet=1"]
    param_nested: Annotated[int, Flag(), "kvm_intel.nested=1"]
    param_smaller_maxphyaddr: Annotated[int, Flag(), "allow_smaller_maxphyaddr"]

    kvm_caps: Annotated[int, Mask(BOTH), "SHSTK and IBT in kvm_cpu_caps"]
    kvm_xss: Annotated[int, Mask(CET_ALL), "kvm_caps.supported_xss"]
    kvm_host_s_cet: Annotated[int, Flag(), "kvm_host.s_cet is not zero"]
    kvm_nested: Annotated[int, Flag(), "vmcs_config.nested offers to load CET state"]
    kvm_refused: Annotated[int, Flag(), "the module did not load"]

    uapi_cpuid: Annotated[int, Mask(BOTH), "SHSTK and IBT as userspace set them"]
    vcpu_cpuid: Annotated[int, Mask(BOTH), "SHSTK and IBT as KVM keeps them"]
    vcpu_has_cpuid: Annotated[int, Flag(), "userspace has set it"]
    vcpu_runs: Annotated[int, Flag(), "KVM_SET_CPUID2 is done"]
    vcpu_caps: Annotated[int, Mask(BOTH), "vcpu->arch.cpu_caps"]
    breakage: Annotated[int, Choice(Breakage), "what broke"]
