# SPDX-License-Identifier: Apache-2.0
"""RDMSR and WRMSR of the MSRs around XSAVE, and MOV to CR0 and CR4 as far as their bits matter here.

An MSR exists where its feature does: IA32_XSS with XSAVES, IA32_XFD and IA32_XFD_ERR with XFD, IA32_PKRS with PKS,
IA32_U_CET and IA32_S_CET with either half of CET, the shadow stack pointers with shadow stacks.

Sources: SDM "WRMSR", "RDMSR", "MOV - Move to/from Control Registers", "Model-Specific Registers"; the values are those
of `xsavvy.isa.registers`; confirmed on Bochs but for XFD and PKS, which it does not have.
"""

from __future__ import annotations

from typing import Final

from xsavvy.isa import registers
from xsavvy.isa.access import ReadPlan, WritePlan
from xsavvy.isa.control import Control
from xsavvy.isa.faults import Reason, Stop, protection
from xsavvy.isa.processor import Processor

CR4_OSXSAVE: Final = 1 << 18
CR4_PKE: Final = 1 << 22
CR4_CET: Final = 1 << 23
CR0_WP: Final = 1 << 16
XSS, XFD, XFD_ERR, PKRS = 0xDA0, 0x1C4, 0x1C5, 0x6E1
U_CET, S_CET, SSP_TABLE = 0x6A0, 0x6A2, 0x6A8
PL0_SSP, PL1_SSP, PL2_SSP, PL3_SSP = 0x6A4, 0x6A5, 0x6A6, 0x6A7
MSRS: Final = {
    "IA32_U_CET": U_CET,
    "IA32_S_CET": S_CET,
    "IA32_PL0_SSP": PL0_SSP,
    "IA32_PL1_SSP": PL1_SSP,
    "IA32_PL2_SSP": PL2_SSP,
    "IA32_PL3_SSP": PL3_SSP,
    "IA32_INTERRUPT_SSP_TABLE_ADDR": SSP_TABLE,
    "IA32_XSS": XSS,
}
"""The MSRs of supervisor state, IA32_XSS last."""


def msr_exists(processor: Processor, index: int) -> bool:
    """Tell whether a processor has one of these MSRs.

    >>> msr_exists(Processor(), XSS), msr_exists(Processor(), U_CET)
    (True, False)
    """
    if index == XSS:
        return processor.xsave and processor.xsaves
    if index in (XFD, XFD_ERR):
        return processor.xfd
    if index == PKRS:
        return processor.pks
    if index in (U_CET, S_CET):
        return processor.cet_ss or processor.cet_ibt
    return processor.cet_ss and PL0_SSP <= index <= SSP_TABLE


def msr_value_ok(processor: Processor, index: int, value: int) -> bool:
    """Tell whether an MSR that exists accepts a value.

    >>> msr_value_ok(Processor(cet_ss=True), PL3_SSP, 2)
    False
    """
    width = processor.linear_address_bits
    if index == XSS:
        return bool(registers.xss_ok(value, processor.xss_supported))
    if index == XFD:
        return bool(registers.xfd_ok(value, processor.xfd_capable))
    if index == XFD_ERR:
        return bool(registers.xfd_err_ok(value, processor.xfd_capable))
    if index == PKRS:
        return bool(registers.pkrs_ok(value))
    if index in (U_CET, S_CET):
        return bool(registers.cet_ok(value, processor.cet_ss, processor.cet_ibt, width))
    if index == SSP_TABLE:
        return bool(registers.canonical_ok(value, width))
    return bool(registers.ssp_ok(value, width))


def plan_rdmsr(processor: Processor, control: Control, index: int, value: int) -> ReadPlan:
    """Read an MSR that holds `value`.

    Faults: #GP CPL; #GP no such MSR.

    >>> plan_rdmsr(Processor(), Control(1, cpl=3), XSS, 0).stop.describe()
    '#GP(0): the current privilege level is not 0'
    """
    stop = _msr_stop(processor, control, index)
    return ReadPlan(stop) if stop else ReadPlan(None, value)


def plan_wrmsr(processor: Processor, control: Control, index: int, value: int) -> WritePlan:
    """Write an MSR.

    Faults: #GP CPL; #GP no such MSR; #GP illegal value.

    >>> plan_wrmsr(Processor(xss_supported=1 << 11), Control(1), XSS, 1 << 12).stop.describe()
    '#GP(0): the register does not accept the value'
    """
    stop = _msr_stop(processor, control, index)
    if stop:
        return WritePlan(stop)
    if not msr_value_ok(processor, index, value):
        return WritePlan(protection(Reason.VALUE))
    return WritePlan(None, value)


def plan_mov_cr4(processor: Processor, control: Control, cr0_wp: int, value: int) -> WritePlan:
    """Write CR4; only OSXSAVE, PKE and CET are looked at.

    Faults: #GP CPL; #GP a bit without its feature; #GP CET without CR0.WP.

    >>> plan_mov_cr4(Processor(cet_ss=True), Control(1), 0, CR4_CET).stop.describe()
    '#GP(0): the register does not accept the value'
    """
    if control.cpl:
        return WritePlan(protection(Reason.PRIVILEGE))
    osxsave = 1 if value & CR4_OSXSAVE else 0
    pke, cet = 1 if value & CR4_PKE else 0, 1 if value & CR4_CET else 0
    has_cet = 1 if processor.cet_ss or processor.cet_ibt else 0
    legal = (
        registers.cr4_osxsave_ok(osxsave, processor.xsave)
        and registers.cr4_pke_ok(pke, processor.pku)
        and registers.cr4_cet_ok(cet, cr0_wp, has_cet)
    )
    return WritePlan(None, value) if legal else WritePlan(protection(Reason.VALUE))


def plan_mov_cr0(control: Control, cr4_cet: int, value: int) -> WritePlan:
    """Write CR0; only WP is looked at.

    Faults: #GP CPL; #GP WP cleared while CR4.CET is 1.

    >>> plan_mov_cr0(Control(1), 1, 0).stop.describe()
    '#GP(0): the register does not accept the value'
    """
    if control.cpl:
        return WritePlan(protection(Reason.PRIVILEGE))
    if not registers.cr0_wp_ok(1 if value & CR0_WP else 0, cr4_cet):
        return WritePlan(protection(Reason.VALUE))
    return WritePlan(None, value)


def _msr_stop(processor: Processor, control: Control, index: int) -> Stop:
    """Check what both MSR instructions check."""
    if control.cpl:
        return protection(Reason.PRIVILEGE)
    if not msr_exists(processor, index):
        return protection(Reason.ECX)
    return None
