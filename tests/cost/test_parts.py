# SPDX-License-Identifier: Apache-2.0
"""What steps of the parts execute that no workload has: counted by hand from the kernel's functions."""

from __future__ import annotations

from pathlib import Path

from xsavvy.api import cost
from xsavvy.cost.count import bytes_moved
from xsavvy.cost.event import Event, Kind
from xsavvy.isa.components import PKRU, SSE
from xsavvy.model.platforms import preset


def turn(folder: Path, settings: str, *body: str, kernel: str = "v6.18") -> dict[str, float]:
    """Count one turn of a loop on Sapphire Rapids."""
    path = folder / "own.guest"
    lines = [f"kernel: {kernel}", *(each.strip() for each in settings.split(";")), "repeat 3:"]
    path.write_text("\n".join([*lines, *(f"    {line}" for line in body)]))
    (result,) = cost([str(path)]).results
    return {
        str(Event(Kind(count.kind), count.detail, count.by)): count.each
        for count in result.counts
        if count.each
    }


def test_a_write_of_one_msr_is_one_write(tmp_path: Path) -> None:
    """The model's field stands for IA32_U_CET and IA32_PL3_SSP; the guest writes the former."""
    found = turn(
        tmp_path,
        "part: cet; start: vcpu_cr4 = 0x40000",
        "WRMSR U_CET = guest",
        "WRMSR U_CET = init",
    )
    assert found == {"wrmsr IA32_U_CET (guest)": 2}


def test_a_write_of_one_rtit_msr_is_one_write(tmp_path: Path) -> None:
    """The same for the MSRs of Processor Trace, of which one field stands for eight."""
    found = turn(
        tmp_path,
        "part: trace; set: pt_switch = always; start: vcpu_cr4 = 0; start: vcpu_xcr0 = x87|sse|avx",
        "WRMSR of another RTIT MSR = guest",
        "WRMSR of another RTIT MSR = guest2",
        kernel="v6.11",
    )
    assert found == {"wrmsr IA32_RTIT_OUTPUT_BASE (guest)": 2}


def test_a_write_that_lands_in_the_vmcs_is_counted(tmp_path: Path) -> None:
    """L1's and L2's WRMSR of IA32_S_CET do not exit; the VMLAUNCH and L1's intercept do."""
    found = turn(
        tmp_path,
        "part: nested",
        "WRMSR IA32_S_CET",
        "VMLAUNCH",
        "WRMSR IA32_S_CET",
        "L1's intercept",
    )
    assert found["wrmsr IA32_S_CET (guest)"] == 2
    assert found["vmexit vmlaunch"] == found["vmexit l1_intercept"] == 1


def test_a_system_call_enters_the_kernel_and_leaves_it(tmp_path: Path) -> None:
    """KVM_SET_XSAVE is one step in the model, KVM_GET_MSRS a path; both go there and back, beside KVM_RUN."""
    found = turn(tmp_path, "title: an image", "KVM_SET_XSAVE = sse", "exit to userspace")
    assert found["enter_kernel"] == found["enter_kernel KVM_SET_XSAVE"] == 1
    assert found["exit_to_userspace"] == found["exit_to_userspace KVM_SET_XSAVE"] == 1
    settings = "part: cet; start: vcpu_cr4 = 0x40000"
    found = turn(tmp_path, settings, "KVM_GET_MSRS", "exit to userspace")
    assert found["enter_kernel"] == found["enter_kernel KVM_GET_MSRS"] == 1
    assert found["exit_to_userspace"] == 2
    assert found["rdmsr IA32_U_CET"] == found["rdmsr IA32_PL0_SSP"] == 1


def test_a_signal_and_its_return(tmp_path: Path) -> None:
    """XSAVE to the frame, the initial state for the handler, XRSTOR of the frame.

    PKRU: sig_prepare_pkru() reads, and writes 0 after another read; pkru_write_default() reads and writes.
    """
    found = turn(tmp_path, "part: tasks", "signal in user mode", "sigreturn")
    frame = bytes_moved(preset("sapphire-rapids").processor, SSE | PKRU)
    assert found == {
        "enter_kernel interrupt": 1,
        "enter_kernel sigreturn": 1,
        "exit_to_userspace": 2,
        f"xsave {frame}": 1,
        "xrstors 576": 1,
        f"xrstor {frame}": 1,
        "rdpkru": 3,
        "wrpkru": 2,
    }
