# SPDX-License-Identifier: Apache-2.0
"""A guest model in the words of a VMM: libvirt's `<cpu>`, QEMU's `-cpu`, a Firecracker template.

Only features around extended state are spoken of: what the guest has is required, what it does not have is turned
off. libvirt and QEMU put them on top of a base model that the caller names.
Sources: libvirt docs/formatdomain.rst "CPU model and topology"; qemu docs/system/cpu-models-x86.rst; firecracker
docs/cpu_templates/schema.json. Names that libvirt 11.3 does not know are left out and listed.
"""

from __future__ import annotations

import json
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from xsavvy.cpuid.feature import feature
from xsavvy.kvm.capabilities import FEATURES

from .guest import Guest

__all__ = ["FORMATS", "firecracker", "libvirt", "qemu", "template"]

_LIBVIRT: Final = {name: name for name in FEATURES} | {"amx_tile": "amx-tile", "pt": "intel-pt"}
_UNKNOWN_TO_LIBVIRT: Final = ("cet_ss", "cet_ibt")
_QEMU: Final = {**_LIBVIRT, "cet_ss": "shstk", "cet_ibt": "ibt"}
FORMATS: Final = ("libvirt", "qemu", "firecracker")


def template(guest: Guest, form: str, model: str = "qemu64") -> str:
    """Return a guest model as the text of one of FORMATS."""
    if form == "libvirt":
        return libvirt(guest, model)
    return qemu(guest, model) if form == "qemu" else firecracker(guest)


def libvirt(guest: Guest, model: str) -> str:
    """Return the domain's `<cpu>` element."""
    lines = ["<cpu mode='custom' match='exact' check='full'>",
             f"  <model fallback='forbid'>{quoteattr(model)[1:-1]}</model>"]  # fmt: skip
    for name in FEATURES:
        policy = "require" if name in guest.features else "disable"
        if name in _UNKNOWN_TO_LIBVIRT:
            lines.append(f"  <!-- {policy} {_QEMU[name]}: libvirt 11.3 has no name for it -->")
        else:
            lines.append(f"  <feature policy='{policy}' name='{_LIBVIRT[name]}'/>")
    return "\n".join([*lines, "</cpu>", ""])


def qemu(guest: Guest, model: str) -> str:
    """Return the option for QEMU; `shstk` and `ibt` are names of QEMU 11.

    >>> qemu(Guest("g", 0x7, 0, frozenset({"xsave", "avx"})), "qemu64").split(",")[:3]
    ['-cpu qemu64', 'enforce', '+xsave']
    """
    words = [f"{'+' if name in guest.features else '-'}{_QEMU[name]}" for name in FEATURES]
    return ",".join([f"-cpu {model}", "enforce", *words]) + "\n"


def firecracker(guest: Guest) -> str:
    """Return a CPU template that takes from a host what the guest does not have; `x` leaves a bit as KVM offers it."""
    keep: dict[tuple[int, int, str], dict[int, bool]] = {}
    for name in FEATURES:
        if name in guest.features:
            continue
        at = feature(name)
        keep.setdefault((at.leaf, at.subleaf, at.register), {})[at.bit] = False
    for key, mask in _masks(guest).items():
        keep.setdefault(key, {}).update({bit: False for bit in range(32) if not mask >> bit & 1})
    leaves: dict[tuple[int, int], list[dict[str, str]]] = {}
    for (leaf, sub, register), bits in sorted(keep.items()):
        text = "".join("0" if bit in bits else "x" for bit in range(31, -1, -1))
        leaves.setdefault((leaf, sub), []).append({"register": register, "bitmap": f"0b{text}"})
    entries: list[dict[str, Any]] = [
        {
            "leaf": hex(leaf),
            "subleaf": hex(sub),
            "flags": int(leaf in {0x7, 0xD}),
            "modifiers": changes,
        }
        for (leaf, sub), changes in leaves.items()
    ]
    return json.dumps({"cpuid_modifiers": entries}, indent=2) + "\n"


def _masks(guest: Guest) -> dict[tuple[int, int, str], int]:
    return {
        (0xD, 0, "eax"): guest.xcr0 & 0xFFFFFFFF,
        (0xD, 0, "edx"): guest.xcr0 >> 32,
        (0xD, 1, "ecx"): guest.xss & 0xFFFFFFFF,
        (0xD, 1, "edx"): guest.xss >> 32,
    }
