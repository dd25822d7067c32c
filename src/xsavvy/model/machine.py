# SPDX-License-Identifier: Apache-2.0
"""The machine under check: one record of small integers.

A name says where the value lives: `hw_` in a register now, `cpu_` in the kernel's per-CPU variables, `fp_` in an
fpstate in memory, `thread_` and `tif_` with a task, `vcpu_` in KVM's copy, `ghost_` what should be true (only
properties read those). Read `values` first. What the record leaves out: docs/explanation/model-boundary.md.
"""

from typing import Annotated

from xsavvy.checker import Below, Choice, Context, Each, Flag, Init, Location, Mask, Record

from .values import (
    CR4_OSXSAVE,
    CR4_PKE,
    IMAGE,
    TILE,
    TRACKED,
    XCR0_ALWAYS,
    XCR0_BITS,
    XSS_BITS,
    Buffer,
    Exit,
    Fault,
    Realloc,
    Task,
    Value,
)

__all__ = ["Machine"]

CPUS = 2
TASKS = 2
BUFFERS = len(Buffer)


class Machine(Record):
    """Two CPUs, the VMM's vCPU thread, another host task, one guest.

    One CPU acts at a time (`cpu`); the other keeps what was left in it. Actions on different CPUs touch different
    fields as long as a task runs on one CPU only, so nothing is lost: docs/explanation/model-boundary.md says why.
    """

    # Who acts, and where it is in its path.
    cpu: Annotated[int, Below(CPUS), "the CPU that acts now"]
    current: Annotated[int, Choice(Task), "the task on it"]
    vcpu_at: Annotated[int, Location("vcpu"), "where the vCPU thread is"]
    task_at: Annotated[int, Location("task"), "where the other task is"]
    softirq_at: Annotated[int, Location("softirq"), "where the softirq is, if one runs"]
    switch_at: Annotated[int, Location("switch"), "where the scheduler is, if it switches"]
    nmi_at: Annotated[int, Location("nmi"), "where the NMI handler is, if one runs"]
    vcpu_context: Annotated[int, Context("vcpu"), "what the vCPU thread's place masks"]
    task_context: Annotated[int, Context("task"), "what the other task's place masks"]
    next_task: Annotated[int, Choice(Task), Init(Task.NOBODY), "whom the scheduler switches to"]
    next_cpu: Annotated[int, Below(CPUS), "and where"]

    # Registers, per CPU.
    hw_sse: Annotated[
        list[int], Each(CPUS, Choice(Value)), "XMM, for all components without a rule of their own"
    ]
    hw_pkru: Annotated[list[int], Each(CPUS, Choice(Value)), "PKRU"]
    hw_cet_u: Annotated[list[int], Each(CPUS, Choice(Value)), "IA32_U_CET and IA32_PL3_SSP"]
    hw_tile: Annotated[list[int], Each(CPUS, Choice(Value)), "TILEDATA"]
    hw_xinuse: Annotated[list[int], Each(CPUS, Mask(TRACKED)), "XINUSE"]
    hw_xcr0: Annotated[list[int], Each(CPUS, Mask(XCR0_BITS, always=XCR0_ALWAYS)), "XCR0"]
    hw_xss: Annotated[list[int], Each(CPUS, Mask(XSS_BITS)), "IA32_XSS"]
    hw_xfd: Annotated[list[int], Each(CPUS, Mask(TILE)), "IA32_XFD"]
    hw_xfd_err: Annotated[list[int], Each(CPUS, Mask(TILE)), "IA32_XFD_ERR"]

    # The kernel's per-CPU variables.
    cpu_xfd_state: Annotated[list[int], Each(CPUS, Mask(TILE)), "the kernel's cache of IA32_XFD"]
    cpu_fpregs_owner: Annotated[
        list[int],
        Each(CPUS, Choice(Task)),
        Init(Task.NOBODY),
        "fpu_fpregs_owner_ctx: whose registers these are",
    ]

    # Tasks.
    tif_need_fpu_load: Annotated[list[int], Each(TASKS, Flag(), Task), "TIF_NEED_FPU_LOAD"]
    thread_last_cpu: Annotated[list[int], Each(TASKS, Below(CPUS), Task), "fpu.last_cpu"]
    thread_pkru: Annotated[
        list[int], Each(TASKS, Choice(Value), Task), "thread.pkru, valid while scheduled out"
    ]

    # Buffers in memory, one fpstate each.
    fp_xfeatures: Annotated[
        list[int],
        Each(BUFFERS, Mask(XCR0_BITS | XSS_BITS, always=XCR0_ALWAYS), Buffer),
        "fpstate.xfeatures: what has room",
    ]
    fp_xstate_bv: Annotated[
        list[int], Each(BUFFERS, Mask(IMAGE), Buffer), "XSTATE_BV of its header"
    ]
    fp_xfd: Annotated[list[int], Each(BUFFERS, Mask(TILE), Buffer), "fpstate.xfd"]
    fp_sse: Annotated[list[int], Each(BUFFERS, Choice(Value), Buffer), "its XMM"]
    fp_cet_u: Annotated[list[int], Each(BUFFERS, Choice(Value), Buffer), "its CET_U"]
    fp_tile: Annotated[list[int], Each(BUFFERS, Choice(Value), Buffer), "its TILEDATA"]
    guest_fp_in_use: Annotated[int, Flag(), "the guest's fpstate is installed in the vCPU thread"]

    # KVM's vCPU.
    vcpu_xcr0: Annotated[int, Mask(XCR0_BITS, always=XCR0_ALWAYS), "vcpu->arch.xcr0"]
    vcpu_xss: Annotated[int, Mask(XSS_BITS), "vcpu->arch.ia32_xss"]
    vcpu_cr4: Annotated[
        int, Mask(CR4_OSXSAVE | CR4_PKE), "vcpu->arch.cr4, the two bits that matter"
    ]
    vcpu_pkru: Annotated[int, Choice(Value), "vcpu->arch.pkru"]
    vcpu_pkru_inuse: Annotated[int, Flag(), "XINUSE[PKRU] saved with it, where the design saves it"]
    vcpu_host_pkru: Annotated[int, Choice(Value), "vcpu->arch.host_pkru"]
    vcpu_xfd_err: Annotated[int, Mask(TILE), "guest_fpu.xfd_err"]
    vcpu_xfd_passthrough: Annotated[
        int, Flag(), "WRMSR of IA32_XFD does not exit; xfd_no_write_intercept"
    ]
    vcpu_realloc: Annotated[
        int, Choice(Realloc), "seed 001: the fpstate must grow before the guest goes on"
    ]
    vcpu_loaded: Annotated[int, Flag(), "between vcpu_load() and vcpu_put()"]
    vcpu_exit: Annotated[int, Choice(Exit), "the exit being handled"]
    vcpu_exit_value: Annotated[
        int,
        Mask(XCR0_ALWAYS | XCR0_BITS | XSS_BITS | CR4_OSXSAVE | CR4_PKE),
        "the operand of the exiting instruction",
    ]

    # What should be true.
    ghost_sse: Annotated[int, Choice(Value), "the guest's XMM, as the guest knows them"]
    ghost_pkru: Annotated[int, Choice(Value), "the guest's PKRU"]
    ghost_pkru_inuse: Annotated[int, Flag(), "the guest's XINUSE[PKRU] after its own last access"]
    ghost_cet_u: Annotated[int, Choice(Value), "the guest's CET_U"]
    ghost_tile: Annotated[int, Choice(Value), "the guest's TILEDATA"]
    ghost_xfd: Annotated[int, Mask(TILE), "the guest's IA32_XFD"]
    ghost_xfd_err: Annotated[int, Mask(TILE), "the guest's IA32_XFD_ERR"]
    ghost_vmm_pkru: Annotated[int, Choice(Value), Init(Value.VMM), "the VMM's PKRU"]

    fault: Annotated[int, Choice(Fault), "what killed the kernel"]
