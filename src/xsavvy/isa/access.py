# SPDX-License-Identifier: Apache-2.0
"""XGETBV, XSETBV, RDPKRU and WRPKRU.

Sources: SDM and APM instruction pages; XSETBV's values tried on Bochs and through KVM.
"""

from __future__ import annotations

from typing import NamedTuple

from xsavvy.isa import masks
from xsavvy.isa.control import Control, Tracking
from xsavvy.isa.faults import Exit, Reason, Stop, protection, undefined
from xsavvy.isa.processor import Processor


class ReadPlan(NamedTuple):
    """What an instruction reads into EDX:EAX; 0 when stopped."""

    stop: Stop
    value: int = 0


class WritePlan(NamedTuple):
    """What an instruction writes into its register; meaningless when stopped."""

    stop: Stop
    value: int = 0


def plan_xgetbv(processor: Processor, control: Control, ecx: int, tracking: Tracking) -> ReadPlan:
    """Read XCR0 (ECX=0) or the components of it that are in use (ECX=1).

    Works at every privilege level and never exits.

    Faults: #UD no XSAVE, CR4.OSXSAVE=0; #GP ECX names nothing.
    Status: confirmed on Zen 4; what XFD does to it is inferred.

    >>> plan_xgetbv(Processor(), Control(0b111), 1, Tracking(0b101, mxcsr_initial=False)).value
    7
    """
    if not processor.xsave:
        return ReadPlan(undefined(Reason.UNSUPPORTED))
    if not control.osxsave:
        return ReadPlan(undefined(Reason.OSXSAVE))
    if ecx == 0:
        return ReadPlan(None, control.xcr0)
    if ecx == 1 and processor.xgetbv1:
        in_use = masks.xgetbv1(control.xcr0, tracking.xinuse, control.xfd, tracking.mxcsr_initial)
        return ReadPlan(None, in_use)
    return ReadPlan(protection(Reason.ECX))


def plan_xsetbv(processor: Processor, control: Control, ecx: int, value: int) -> WritePlan:
    """Write XCR0.

    Faults: #UD no XSAVE, CR4.OSXSAVE=0; #GP CPL; exit (Intel: always in a guest); #GP ECX != 0;
        #GP illegal value.
    Status: values confirmed on Bochs; that #GP for CPL comes before the exit is inferred.

    >>> plan_xsetbv(Processor(xcr0_supported=7), Control(1), 0, 5).stop.describe()
    '#GP(0): the register does not accept the value'
    """
    if not processor.xsave:
        return WritePlan(undefined(Reason.UNSUPPORTED))
    if not control.osxsave:
        return WritePlan(undefined(Reason.OSXSAVE))
    if control.cpl:
        return WritePlan(protection(Reason.PRIVILEGE))
    if control.non_root and (control.xsetbv_exits or not processor.is_amd):
        return WritePlan(Exit(Reason.XSETBV_EXITING))
    if ecx:
        return WritePlan(protection(Reason.ECX))
    if not masks.xcr0_ok(value, processor.xcr0_supported):
        return WritePlan(protection(Reason.VALUE))
    return WritePlan(None, value)


def plan_rdpkru(processor: Processor, control: Control, ecx: int, pkru: int) -> ReadPlan:
    """Read PKRU into EAX; EDX gets 0.

    Faults: #UD no PKU, CR4.PKE=0; #GP ECX != 0.
    Status: confirmed on Bochs.

    >>> plan_rdpkru(Processor(pku=True), Control(1, pke=False), 0, 4).stop.describe()
    '#UD: CR4.PKE is 0'
    """
    stop = _pkru_stop(processor, control, ecx)
    return ReadPlan(stop) if stop else ReadPlan(None, pkru)


def plan_wrpkru(processor: Processor, control: Control, ecx: int, edx: int, eax: int) -> WritePlan:
    """Write EAX to PKRU.

    Faults: #UD no PKU, CR4.PKE=0; #GP ECX != 0; #GP EDX != 0.
    Status: confirmed on Bochs.

    >>> plan_wrpkru(Processor(pku=True), Control(1), 0, 1, 0).stop.describe()
    '#GP(0): EDX is not 0'
    """
    stop = _pkru_stop(processor, control, ecx)
    if stop:
        return WritePlan(stop)
    if edx:
        return WritePlan(protection(Reason.EDX))
    return WritePlan(None, eax)


def _pkru_stop(processor: Processor, control: Control, ecx: int) -> Stop:
    """Check what both PKRU instructions check."""
    if not processor.pku:
        return undefined(Reason.UNSUPPORTED)
    if not control.pke:
        return undefined(Reason.PKE)
    if ecx:
        return protection(Reason.ECX)
    return None
