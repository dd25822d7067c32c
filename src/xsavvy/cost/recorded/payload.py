# SPDX-License-Identifier: Apache-2.0
"""The text of each kind of event, and what it adds to a `Recorded`.

Each reader takes the state of the event's thread and the text, and answers whether the text was whole.
An exit is classified when the next entry of its thread comes, for only then is it known which MSR was written and
whether the VMM had to be asked.
Source: the format files of Linux 6.18 (`print fmt`), arch/x86/kvm/trace.h, arch/x86/include/asm/msr-trace.h,
arch/x86/include/asm/trace/fpu.h; older texts from traces that people published.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from xsavvy.cost.recorded.result import Recorded, Vcpu
from xsavvy.isa.system import XFD, XFD_ERR, XSS

__all__ = ["READERS", "Reader", "Thread", "count", "settle"]

MOST_KINDS: Final = 4096
"""Different keys that one counter may have."""
_MOST_NAME: Final = 80

_EXIT: Final = re.compile(r"(?:vcpu (\d{1,9}) )?+reason (.{1,80}?) rip 0x[0-9a-f]++(.*)")
_INTERRUPTION: Final = re.compile(
    r"intr_info 0x([0-9a-f]{1,8})|info [0-9a-f]++ ([0-9a-f]{1,8})\s*$"
)
_ENTRY: Final = re.compile(r"vcpu (\d{1,9})(?![0-9])")
_MSR: Final = re.compile(r"msr_(read|write) ([0-9a-f]{1,8}) = 0x([0-9a-f]++)( \(#GP\))?")
_HOST_MSR: Final = re.compile(r"([0-9a-f]{1,8}), value [0-9a-f]++")
_USERSPACE: Final = re.compile(r"reason (\S++) \(-?\d++\)")
_INSTRUCTION: Final = re.compile(r"[0-9a-f]++:[0-9a-f]++:((?: ?[0-9a-f]{2})++) \(\w++\)")
_EXCEPTION: Final = re.compile(r"(#\w++)|.*exception=(\d{1,3})(?![0-9])")
_CPUID: Final = re.compile(r"func ([0-9a-f]{1,8}) .*rax ")
_FPU: Final = re.compile(r".*xfeatures: ([0-9a-f]{1,16}) xcomp_bv: [0-9a-f]++")

_MNEMONICS: Final = (
    "DE DB . BP OF BR UD NM DF . TS NP SS GP PF . MF AC MC XM VE CP . . . . . . HV VC SX".split()
)
_EXCEPTIONS: Final = {vector: f"#{name}" for vector, name in enumerate(_MNEMONICS) if name != "."}
_OPCODES: Final = {
    "0f 01 d0": "xgetbv",
    "0f 01 d1": "xsetbv",
    "0f 01 ee": "rdpkru",
    "0f 01 ef": "wrpkru",
    "0f 30": "wrmsr",
    "0f 32": "rdmsr",
    "0f a2": "cpuid",
    "f4": "hlt",
}
_FASTPATH: Final = frozenset({0x6E0, 0x830})
"""Writes of IA32_TSC_DEADLINE and of the x2APIC's ICR; linux arch/x86/kvm/x86.c handle_fastpath_wrmsr()."""
_MODELLED_WRITE: Final = {XSS: "wrmsr_xss", XFD: "wrmsr_xfd", XFD_ERR: "wrmsr_xfd_err"}
_MODELLED_REASON: Final = {"external_interrupt": "interrupt", "intr": "interrupt"}
_TYPE, _NMI, _HARDWARE, _NM = 0x700, 0x200, 0x300, 7


@dataclass
class Thread:
    """What must be remembered of one thread between its events: nothing that grows."""

    name: str
    vcpu: Vcpu | None = None
    entered: float | None = None
    left: float | None = None
    inside: bool = False
    pending: str = ""
    tiles_on: bool = False


Reader = Callable[[Recorded, Thread, float | None, str], bool]
Key = TypeVar("Key", int, str)


def count(seen: Recorded, counter: Counter[Key], key: Key) -> None:
    """Add one, unless the file has brought too many different keys."""
    if key in counter or len(counter) < MOST_KINDS:
        counter[key] += 1
    else:
        seen.beyond += 1


def settle(seen: Recorded, thread: Thread) -> None:
    """Count the exit of a thread that is not classified yet, if there is one."""
    if thread.pending:
        count(seen, seen.exits_as_modelled, thread.pending)
        thread.pending = ""


def _entry(seen: Recorded, thread: Thread, time: float | None, text: str) -> bool:
    found = _ENTRY.match(text)
    if found is None:
        return False
    settle(seen, thread)
    seen.entries += 1
    vcpu = thread.vcpu or _vcpu(seen, thread, found[1])
    vcpu.entries += 1
    if thread.inside:
        vcpu.unpaired += 1
    elif time is not None and thread.left is not None and time >= thread.left:
        vcpu.host_seconds += time - thread.left
    thread.entered, thread.left, thread.inside = time, None, True
    return True


def _exit(seen: Recorded, thread: Thread, time: float | None, text: str) -> bool:
    found = _EXIT.match(text)
    if found is None:
        return False
    settle(seen, thread)
    count(seen, seen.exits, found[2])
    thread.pending = _modelled(found[2], found[3])
    vcpu = thread.vcpu or _vcpu(seen, thread, found[1] or "-1")
    vcpu.exits += 1
    if not thread.inside:
        vcpu.unpaired += 1
    elif time is not None and thread.entered is not None and time >= thread.entered:
        vcpu.guest_seconds += time - thread.entered
    thread.left, thread.entered, thread.inside = time, None, False
    return True


def _vcpu(seen: Recorded, thread: Thread, number: str) -> Vcpu:
    thread.vcpu = Vcpu(thread.name, int(number))
    if len(seen.vcpus) < MOST_KINDS:
        seen.vcpus.append(thread.vcpu)
    return thread.vcpu


def _modelled(reason: str, rest: str) -> str:
    if reason == "EXCEPTION_NMI" and (found := _INTERRUPTION.search(rest)):
        value = int(found[1] or found[2], 16)
        if value & _TYPE == _NMI:
            return "nmi"
        if value & _TYPE == _HARDWARE and value & 0xFF == _NM:
            return "device_not_available"
    name = reason.lower()
    return _MODELLED_REASON.get(name, name)


def _guest_msr(seen: Recorded, thread: Thread, _time: float | None, text: str) -> bool:
    found = _MSR.match(text)
    if found is None:
        return False
    index, write = int(found[2], 16), found[1] == "write"
    count(seen, seen.msr_writes if write else seen.msr_reads, index)
    if found[4]:
        count(seen, seen.msr_faults, index)
        return True
    if write and index == XFD:
        thread.tiles_on = not found[3].strip("0")
    if write and thread.pending:
        if index in _FASTPATH:
            thread.pending = "fastpath"
        thread.pending = _MODELLED_WRITE.get(index, thread.pending)
    return True


def _host_msr(seen: Recorded, counter: Counter[int], text: str) -> bool:
    found = _HOST_MSR.match(text)
    if found is not None:
        count(seen, counter, int(found[1], 16))
    return found is not None


def _write_msr(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    return _host_msr(seen, seen.host_msr_writes, text)


def _read_msr(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    return _host_msr(seen, seen.host_msr_reads, text)


def _fpu(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    word = text.rstrip()
    seen.fpu_loads += word == "load"
    seen.fpu_unloads += word == "unload"
    return word in {"load", "unload"}


def _userspace(seen: Recorded, thread: Thread, _time: float | None, text: str) -> bool:
    found = _USERSPACE.match(text)
    if found is None:
        return False
    count(seen, seen.userspace, found[1][:_MOST_NAME])
    if thread.pending:
        thread.pending = "userspace"
        seen.userspace_with_tiles += thread.tiles_on
    return True


def _emulated(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    found = _INSTRUCTION.match(text)
    if found is None:
        return False
    code = found[1].strip()
    name = next((name for bytes_, name in _OPCODES.items() if code.startswith(bytes_)), "other")
    count(seen, seen.emulated, name)
    return True


def _injected(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    found = _EXCEPTION.match(text)
    if found is None:
        return False
    name = found[1] or _EXCEPTIONS.get(int(found[2]), f"vector {found[2]}")
    count(seen, seen.injected, name[:_MOST_NAME])
    return True


def _cpuid(seen: Recorded, _thread: Thread, _time: float | None, text: str) -> bool:
    found = _CPUID.match(text)
    if found is not None:
        count(seen, seen.cpuid, int(found[1], 16))
    return found is not None


def host_fpu(seen: Recorded, event: str, text: str) -> bool:
    """Read one of the events x86_fpu_*."""
    found = _FPU.match(text)
    if found is not None:
        count(seen, seen.x86_fpu, event)
        count(seen, seen.xfeatures, int(found[1], 16))
    return found is not None


READERS: Final[dict[str, Reader]] = {
    "kvm_entry": _entry,
    "kvm_exit": _exit,
    "kvm_msr": _guest_msr,
    "kvm_fpu": _fpu,
    "kvm_userspace_exit": _userspace,
    "kvm_emulate_insn": _emulated,
    "kvm_inj_exception": _injected,
    "kvm_cpuid": _cpuid,
    "write_msr": _write_msr,
    "read_msr": _read_msr,
}
"""The events that are read; the others are counted by name."""
