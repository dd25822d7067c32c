# SPDX-License-Identifier: Apache-2.0
"""The guest's fpstate on one host: how it comes to be, and how KVM_RUN loads and saves it.

`h` is the host. Source: arch/x86/kernel/fpu/core.c.
"""

from xsavvy.isa.components import PKRU, X87, XTILEDATA
from xsavvy.isa.masks import xrstor_loads, xrstor_xfd_blocks, xsavec_bv
from xsavvy.kvm.ioctls import FPSSE

from .constants import MoveConstants, at
from .machine import Moving
from .values import CONTENTS, Fault, FpstateSize, UabiSize

__all__ = ["create_vcpu", "kernel_bytes", "load_guest_fpu", "put_guest_fpu"]


def kernel_bytes(k: MoveConstants, h: int, xfeatures: int) -> int:
    """Return how many bytes the kernel's save instruction may write to an fpstate with these components."""
    if xfeatures & XTILEDATA:
        return at(k.src_kernel_tiles, k.dst_kernel_tiles, h)
    return at(k.src_kernel_bytes, k.dst_kernel_bytes, h)


def create_vcpu(s: Moving, k: MoveConstants, h: int) -> None:
    """KVM_CREATE_VCPU: a zeroed fpstate of the default size, XCR0 at its reset value.

    Source: arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate().
    """
    s.vcpu_created[h] = 1
    s.vcpu_xcr0[h] = X87
    s.fp_xfeatures[h] = at(k.src_default, k.dst_default, h)
    s.fp_compacted[h] = at(k.src_compacts, k.dst_compacts, h)
    s.fp_bytes[h] = at(k.src_kernel_bytes, k.dst_kernel_bytes, h)
    if at(k.src_fpstate_size, k.dst_fpstate_size, h) == FpstateSize.USER:
        s.fp_bytes[h] = at(k.src_user_bytes, k.dst_user_bytes, h)
    s.uabi_bytes[h] = at(k.src_kvm_xsave, k.dst_kvm_xsave, h)
    if at(k.src_uabi_size, k.dst_uabi_size, h) == UabiSize.HOST_DEFAULT:
        s.uabi_bytes[h] = at(k.src_user_bytes, k.dst_user_bytes, h)


def load_guest_fpu(s: Moving, k: MoveConstants, h: int) -> int:
    """Restore the guest's fpstate as KVM_RUN does on its way in, and return what the registers then hold.

    PKRU is not in it: KVM loads its own copy. A fault is one of the kernel's own instruction.
    Source: arch/x86/kernel/fpu/core.c restore_fpregs_from_fpstate(); SDM "XRSTOR", "XRSTORS".
    """
    rfbm = s.fp_xfeatures[h] & ~PKRU
    xstate_bv = s.fp_xstate_bv[h]
    if xrstor_xfd_blocks(rfbm, xstate_bv, s.fp_xfd[h]):
        s.fault = Fault.XRSTOR_NM
    if at(k.src_compacts, k.dst_compacts, h) and not s.fp_compacted[h]:
        s.fault = Fault.XRSTOR_GP
    if s.fp_mxcsr_reserved[h] or xstate_bv & ~s.fp_xfeatures[h]:
        s.fault = Fault.XRSTOR_GP
    found = xrstor_loads(rfbm, xstate_bv) & CONTENTS
    return found & FPSSE if s.fp_misplaced[h] else found


def put_guest_fpu(s: Moving, k: MoveConstants, h: int, registers: int) -> None:
    """Save the registers to the guest's fpstate as KVM_RUN does on its way out.

    The header's bit of PKRU tells of the host's PKRU, which is in the register by then.
    Source: arch/x86/kernel/fpu/core.c save_fpregs_to_fpstate(), fpu_swap_kvm_fpstate(); inferred for PKRU.
    """
    in_use = registers | at(k.src_vmm_pkru, k.dst_vmm_pkru, h)
    s.fp_xstate_bv[h] = xsavec_bv(s.fp_xfeatures[h] & CONTENTS, in_use, s.fp_xfd[h])
    s.fp_compacted[h] = at(k.src_compacts, k.dst_compacts, h)
    s.fp_misplaced[h] = 0
