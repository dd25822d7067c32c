# SPDX-License-Identifier: Apache-2.0
"""A saved image at its destination: what KVM_SET_XSAVE there says to these bytes, and what the guest then has.

Source: `kvm.verdict`; arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(); gem5#296 (a header of zeros).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from xsavvy.cpuid.processor import processor
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Recovered
from xsavvy.image.view import view
from xsavvy.isa.components import COMPONENTS
from xsavvy.kvm.verdict import would_set

from .finding import Finding
from .guest import Guest
from .host import Host

__all__ = ["arrives"]

_SET: Final = "linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave()"
_COPY: Final = "linux:arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate()"


def arrives(
    saved: Saved, recovered: Recovered, destination: Host, guest: Guest
) -> Iterator[Finding]:
    """Say what is refused and what is lost of an image. Raises IncompleteTable."""
    part = processor(destination.table)
    answer = would_set(
        destination.kernel, saved, recovered, part, guest.xcr0, supported=destination.supported
    )
    if not answer.accepts:
        for why in answer.why:
            yield Finding(
                "image",
                "KVM_SET_XSAVE",
                "refused",
                f"KVM_SET_XSAVE answers {answer.stop}: {why}",
                _SET,
            )
        return
    for fate in answer.fates:
        if fate.becomes == "loaded" and fate.why:
            yield Finding(fate.component, "layout", "loses", fate.why, _COPY)
        elif fate.becomes == "dropped":
            yield Finding(fate.component, "KVM_SET_XSAVE", "loses", fate.why, _SET, "b45f72177594")
    yield from _forgotten(saved, recovered, guest)


def _forgotten(saved: Saved, recovered: Recovered, guest: Guest) -> Iterator[Finding]:
    """Components whose bytes are there and whose bit in XSTATE_BV is not: the guest gets initial ones."""
    known = {each.name: each.mask for each in COMPONENTS}
    for each in view(saved, recovered).parts:
        if each.stale and known.get(each.name, 0) & (guest.xcr0 | 3):
            yield Finding(each.name, "header", "loses",
                          "the image has bytes for it, and its XSTATE_BV does not name it: the guest gets the initial"
                          " state", f"{_COPY}; gem5#296")  # fmt: skip
