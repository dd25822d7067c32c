# SPDX-License-Identifier: Apache-2.0
"""What the run loop's machine needs in addition, when its guest is a protected one.

`vmsa_` is memory that the guest owns after its launch: the VMSA of SEV-ES and SNP, the state that the TDX module keeps
of a TD. `cpu_hostsa_` is the host save area that VMEXIT loads from.
"""

from enum import IntEnum
from typing import Annotated

from xsavvy.checker import Choice, Each, Flag, Init, Mask
from xsavvy.model.machine import CPUS, Machine
from xsavvy.model.values import XCR0_ALWAYS, XCR0_BITS, XSS_BITS, Value

__all__ = ["HOST_TSC_AUX", "Harm", "ProtectedMachine", "Vmsa"]

HOST_TSC_AUX = Value.KERNEL
"""The value that Linux gives TSC_AUX on this CPU: the number of CPU and node, for RDPID and RDTSCP in user mode."""


class Vmsa(IntEnum):
    """Who owns the page with the guest's registers; SYNCED: the host, which has copied KVM's state there."""

    HOST = 0
    SYNCED = 1
    GUEST = 2


class Harm(IntEnum):
    """What the host suffered from an access to memory that it does not own."""

    NONE = 0
    RMP_VIOLATION = 1


class ProtectedMachine(Machine):
    """The run loop's machine with a guest whose registers live in memory that the host cannot read."""

    vmsa_owner: Annotated[int, Choice(Vmsa), "who owns the guest's register memory"]
    vmsa_sse: Annotated[int, Choice(Value), "the guest's XMM there"]
    vmsa_pkru: Annotated[int, Choice(Value), "the guest's PKRU there"]
    vmsa_xcr0: Annotated[int, Mask(XCR0_BITS, always=XCR0_ALWAYS), "the guest's XCR0 there"]
    vmsa_xss: Annotated[int, Mask(XSS_BITS), "the guest's IA32_XSS there"]
    vmsa_tsc_aux: Annotated[int, Choice(Value), "the guest's TSC_AUX there"]

    cpu_hostsa_xcr0: Annotated[
        list[int], Each(CPUS, Mask(XCR0_BITS, always=XCR0_ALWAYS)), "XCR0 for VMEXIT to load"
    ]
    cpu_hostsa_xss: Annotated[list[int], Each(CPUS, Mask(XSS_BITS)), "IA32_XSS for VMEXIT to load"]
    cpu_hostsa_pkru: Annotated[list[int], Each(CPUS, Choice(Value)), "PKRU for VMEXIT to load"]
    cpu_hostsa_tsc_aux: Annotated[
        list[int], Each(CPUS, Choice(Value)), "TSC_AUX for VMEXIT to load"
    ]
    hw_tsc_aux: Annotated[
        list[int], Each(CPUS, Choice(Value)), Init([HOST_TSC_AUX, HOST_TSC_AUX]), "TSC_AUX"
    ]
    cpu_uret_tsc_aux: Annotated[
        list[int],
        Each(CPUS, Choice(Value)),
        Init([HOST_TSC_AUX, HOST_TSC_AUX]),
        "user_return_msrs.values[TSC_AUX].curr: what KVM believes is in the register",
    ]

    fp_confidential: Annotated[int, Flag(), "is_confidential of the guest's fpstate"]
    vcpu_protected: Annotated[int, Flag(), "guest_state_protected"]
    vcpu_guest_loaded: Annotated[
        int, Flag(), "guest_state_loaded: prepared since the vCPU was loaded"
    ]
    vcpu_td_entered: Annotated[int, Flag(), "guest_entered: the cache is corrected at the next put"]
    vcpu_warned: Annotated[int, Flag(), "a WARN_ON_ONCE about protected state has fired"]
    vcpu_td_failed: Annotated[int, Flag(), "TDH.VP.ENTER has just returned an error"]

    uapi_sse: Annotated[
        int, Choice(Value), "the XMM that KVM_GET_XSAVE returned of a protected vCPU"
    ]
    harm: Annotated[int, Choice(Harm), "what the host suffered from foreign memory"]

    ghost_xcr0: Annotated[int, Mask(XCR0_BITS, always=XCR0_ALWAYS), "the guest's XCR0"]
    ghost_xss: Annotated[int, Mask(XSS_BITS), "the guest's IA32_XSS"]
    ghost_tsc_aux: Annotated[int, Choice(Value), "the guest's TSC_AUX"]
    ghost_pretended: Annotated[
        int,
        Flag(),
        "an ioctl has reported success and done nothing for a protected guest",
    ]
    ghost_intruded: Annotated[
        int, Flag(), "the host has written to memory that the guest or the firmware owns"
    ]
