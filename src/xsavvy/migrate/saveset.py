# SPDX-License-Identifier: Apache-2.0
"""What a VMM must save for a guest on a host, and what is missing from a VMM's own list.

KVM says which MSRs there are to save; which of them hold state of a guest follows from the guest's features. The other
ioctls that carry extended state are listed beside them.
Source: arch/x86/kvm/msrs.c kvm_probe_msr_to_save(), kvm_get_msr_common(); Firecracker pull request 5972.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from xsavvy.isa.components import XTILEDATA
from xsavvy.kvm.exposed import cap_xsave2, listed_msrs, required_size
from xsavvy.kvm.migration import KVM_XSAVE_BYTES

from .guest import Guest
from .host import Host

__all__ = ["BadList", "SaveItem", "listed_numbers", "save_set"]

_CONSEQUENCE: Final = {
    "IA32_XSS": "the guest comes back with IA32_XSS=0, and the first XRSTORS of an image whose XCOMP_BV names a"
                " supervisor component is a #GP",
    "IA32_XFD": "the guest's tiles are no longer disabled, or it finds #NM where it had allowed them",
    "IA32_XFD_ERR": "a #NM that was on its way has no cause",
    "IA32_U_CET": "user tasks run without their shadow stack until the guest's kernel switches",
    "IA32_S_CET": "the guest's kernel runs without shadow stacks and branch tracking",
    "IA32_PL0_SSP": "the next entry to the guest's kernel loads a shadow stack at 0",
    "IA32_PL1_SSP": "ring 1 loads a shadow stack at 0",
    "IA32_PL2_SSP": "ring 2 loads a shadow stack at 0",
    "IA32_PL3_SSP": "the next return to user mode loads a shadow stack at 0: #CP",
    "IA32_INT_SSP_TAB": "an interrupt with a stack of its own finds no shadow stack for it",
    "IA32_BNDCFGS": "the guest's kernel has MPX turned off",
}  # fmt: skip


@dataclass(frozen=True)
class SaveItem:
    """One thing to save.

    Attributes:
        name, number: an MSR's name and number, or an ioctl's name and None.
        kind: msr or ioctl.
        needed: the guest has state there; false for what KVM lists and this guest does not use.
        saved: whether the VMM's list has it; None if none was given, or for an ioctl.
        why: what it holds, and what happens without it.
        source: where that stands.
    """

    name: str
    number: int | None
    kind: Literal["msr", "ioctl"]
    needed: bool
    saved: bool | None
    why: str
    source: str


class BadList(ValueError):
    """A VMM's list without any MSR; `str()` says what was expected."""


_RANGE: Final = re.compile(r"(0x[0-9a-f]+)\s*(?:-|\.\.=?)\s*(0x[0-9a-f]+)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"0x[0-9a-f]{2,8}\b", re.IGNORECASE)
_ALIASES: Final = {"PL0_SSP": 0x6A4, "PL1_SSP": 0x6A5, "PL2_SSP": 0x6A6, "PL3_SSP": 0x6A7,
                   "U_CET": 0x6A0, "S_CET": 0x6A2, "INT_SSP_TAB": 0x6A8, "XSS": 0xDA0, "XFD": 0x1C4,
                   "XFD_ERR": 0x1C5, "BNDCFGS": 0xD90}  # fmt: skip
_NAME: Final = re.compile(
    r"(?:(?<=[^A-Za-z0-9])|^)(?:HV_|MSR_|IA32_)*("
    + "|".join(sorted(_ALIASES, key=len, reverse=True))
    + r")\b"
)
_COMMENT: Final = re.compile(r"//.*|/\*.*?\*/|^\s*#.*", re.MULTILINE)


def listed_numbers(text: str) -> frozenset[int]:
    """Read the MSRs of a VMM's list: numbers, ranges, the manual's names, or source code with them.

    Comments do not count. Raises BadList.

    >>> sorted(map(hex, listed_numbers("MSR_RANGE!(MSR_IA32_XSS), 0x6a4-0x6a5 // IA32_S_CET")))
    ['0x6a4', '0x6a5', '0xda0']
    """
    text = _COMMENT.sub("", text)
    found: set[int] = set()
    for first, last in _RANGE.findall(text):
        low, high = int(first, 16), int(last, 16)
        found |= set(range(low, high + 1)) if high - low < 4096 else set()
    found |= {int(each, 16) for each in _NUMBER.findall(text)}
    found |= {_ALIASES[name] for name in _NAME.findall(text)}
    if not found and not re.search(r"MSR|IA32_", text):
        raise BadList("expected numbers such as 0xda0 or names such as IA32_XSS")
    return frozenset(found)


def save_set(
    host: Host, guest: Guest, listed: frozenset[int] | None = None
) -> tuple[SaveItem, ...]:
    """Return what must be saved for a guest on a host, and whether a VMM's list has it."""
    return (*_ioctls(host, guest), *_msrs(host, guest, listed))


def _msrs(host: Host, guest: Guest, listed: frozenset[int] | None) -> Iterator[SaveItem]:
    for msr in listed_msrs(host.caps, host.kernel):
        needed = guest.xss != 0 if msr.name == "IA32_XSS" else guest.has(*msr.needs)
        why = _CONSEQUENCE.get(msr.name, "its state is lost")
        saved = None if listed is None else msr.number in listed
        yield SaveItem(msr.name, msr.number, "msr", needed, saved, f"without it {why}", msr.source)


def _ioctls(host: Host, guest: Guest) -> Iterator[SaveItem]:
    where = "linux:arch/x86/kvm/x86.c"
    size = max(KVM_XSAVE_BYTES, required_size(host.table, guest.xcr0, host.kernel, compacted=False))
    new = cap_xsave2(host.table, host.caps, host.kernel) != 0
    needs_new = bool(guest.xcr0 & XTILEDATA)
    name = "KVM_GET_XSAVE2" if new else "KVM_GET_XSAVE"
    why = f"{size} bytes with the registers"
    if needs_new:
        why += "; KVM_GET_XSAVE answers EINVAL as they are more than 4096"
    yield SaveItem(name, None, "ioctl", True, None, why, f"{where} kvm_vcpu_ioctl_x86_get_xsave2()")
    yield SaveItem("KVM_GET_XCRS", None, "ioctl", guest.xcr0 != 0, None, "XCR0",
                   f"{where} kvm_vcpu_ioctl_x86_get_xcrs()")  # fmt: skip
    yield SaveItem("KVM_GET_SREGS", None, "ioctl", True, None, "CR4: OSXSAVE, PKE and CET",
                   f"{where} __get_sregs()")  # fmt: skip
    if guest.has("cet_ss") and "9d6812d41535" in host.kernel:
        yield SaveItem("KVM_GET_ONE_REG", None, "ioctl", True, None,
                       "SSP, register 0x2030000300000000: no MSR holds the current shadow stack pointer",
                       f"{where} kvm_get_one_reg(); commit 9d6812d41535")  # fmt: skip
