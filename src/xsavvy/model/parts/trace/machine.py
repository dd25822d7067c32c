# SPDX-License-Identifier: Apache-2.0
"""The run loop's machine with Processor Trace: its MSRs, perf that owns them in the host, KVM's copies.

TraceEn is a flag of its own; the other MSRs (status, output base and mask, CR3 match, address ranges) are one token,
as KVM and XSAVES move them together. The masks of IA32_XSS are those of the run loop and PT.
"""

from typing import Annotated

from xsavvy.checker import Choice, Each, Flag, Mask
from xsavvy.isa.components import PT
from xsavvy.model.machine import BUFFERS, CPUS, Machine
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, XCR0_ALWAYS, XCR0_BITS, XSS_BITS, Buffer, Exit

from .values import Trace, TraceExit, TraceFault

__all__ = ["TraceMachine"]


class TraceMachine(Machine):
    """The run loop's record and Processor Trace's."""

    hw_xss: Annotated[list[int], Each(CPUS, Mask(XSS_BITS | PT)), "IA32_XSS"]
    vcpu_xss: Annotated[int, Mask(XSS_BITS | PT), "vcpu->arch.ia32_xss"]
    vcpu_exit: Annotated[int, Choice(Exit, TraceExit), "the exit being handled"]
    vcpu_exit_value: Annotated[
        int,
        Mask(XCR0_ALWAYS | XCR0_BITS | XSS_BITS | PT | CR4_OSXSAVE | CR4_PKE),
        "the operand of the exiting instruction",
    ]

    hw_trace_en: Annotated[list[int], Each(CPUS, Flag()), "IA32_RTIT_CTL.TraceEn"]
    hw_trace: Annotated[list[int], Each(CPUS, Choice(Trace)), "the other MSRs of Processor Trace"]

    cpu_pt_event: Annotated[list[int], Each(CPUS, Flag()), "a perf event traces on this CPU"]
    cpu_pt_handle_nmi: Annotated[
        list[int],
        Each(CPUS, Flag()),
        "pt->handle_nmi: perf's interrupt handler may start the trace",
    ]

    vmcs_trace_en: Annotated[int, Flag(), "GUEST_IA32_RTIT_CTL.TraceEn"]
    vcpu_trace_en: Annotated[int, Flag(), "pt_desc.guest.ctl.TraceEn"]
    vcpu_trace: Annotated[int, Choice(Trace), "pt_desc.guest, the other MSRs"]
    vcpu_trace_passthrough: Annotated[int, Flag(), "the other MSRs do not exit"]
    vcpu_trace_resident: Annotated[
        int, Flag(), "a XSAVES or XRSTORS has made the guest's MSRs resident (xss_toggled)"
    ]
    vcpu_trace_extra_ranges: Annotated[
        int, Flag(), "pt_desc.num_address_ranges is greater than the processor's"
    ]
    vcpu_host_trace_en: Annotated[int, Flag(), "pt_desc.host.ctl.TraceEn"]
    vcpu_host_trace: Annotated[int, Choice(Trace), "pt_desc.host, the other MSRs"]
    vcpu_ran: Annotated[int, Flag(), "the vCPU has been entered: its CPUID is fixed"]
    vcpu_trace_operand: Annotated[int, Choice(Trace), "operand: the other MSRs"]
    vcpu_trace_operand_en: Annotated[int, Flag(), "operand: TraceEn"]

    fp_trace: Annotated[list[int], Each(BUFFERS, Choice(Trace), Buffer), "PT state of an image"]

    ghost_trace_en: Annotated[int, Flag(), "TraceEn, as the guest knows it"]
    ghost_trace: Annotated[int, Choice(Trace), "the other MSRs, as the guest knows them"]

    trace_fault: Annotated[int, Choice(TraceFault), "what ended the run"]
