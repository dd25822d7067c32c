# SPDX-License-Identifier: Apache-2.0
"""What KVM_SET_XSAVE says to an image, told as `image.load` tells what XRSTOR says.

Source: `acceptance`; arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave().
"""

from __future__ import annotations

from typing import Final

from xsavvy.image.file.saved import Saved
from xsavvy.image.load import Fate, Verdict, misplaced
from xsavvy.image.recover import Recovered
from xsavvy.image.view import Mxcsr, mxcsr
from xsavvy.isa.components import COMPONENTS, names
from xsavvy.isa.processor import Processor

from .acceptance import KVM_XSAVE_BYTES, Acceptance, set_xsave
from .ioctls import EFAULT, EINVAL, EPERM
from .kernels import Kernel

__all__ = ["would_set"]

ERRNO: Final = {EPERM: "EPERM", EFAULT: "EFAULT", EINVAL: "EINVAL"}


def would_set(
    kernel: Kernel,
    saved: Saved,
    recovered: Recovered,
    processor: Processor,
    guest_xcr0: int | None = None,
    xfd: int = 0,
    supported: int | None = None,
) -> Verdict:
    """Ask KVM_SET_XSAVE of a kernel on a host with this processor; see `acceptance.set_xsave()`.

    >>> from xsavvy.image.recover import recover
    >>> from .kernels import kernel
    >>> area = bytearray(4096)
    >>> area[512] = 4
    >>> found = would_set(kernel("v6.18"), Saved(bytes(area)), recover(Saved(bytes(576))), Processor())
    >>> found.by, found.stop
    ('KVM_SET_XSAVE v6.18', 'EINVAL')
    """
    value = mxcsr(saved)[1]
    answer = set_xsave(kernel, processor, saved.header, value, guest_xcr0, xfd, supported)
    by = f"KVM_SET_XSAVE {kernel.name}"
    if answer.errno:
        return Verdict(by, False, False, ERRNO.get(answer.errno, str(answer.errno)), answer.why, ())
    moved = misplaced(recovered, processor.standard, answer.copies)
    why = [f"{names(1 << index)[0]}: {words}" for index, words in moved.items()]
    if answer.dropped:
        why.append(
            f"IA32_XFD disables {', '.join(names(answer.dropped))}: the bits are dropped (b45f72177594)"
        )
    if answer.faults_later:
        words = ", ".join(names(answer.faults_later))
        why.append(
            f"IA32_XFD disables {words}, which is taken: the host's next XRSTOR faults (without b45f72177594)"
        )
    if len(saved.area) < KVM_XSAVE_BYTES:
        why.append(
            f"KVM reads {KVM_XSAVE_BYTES} bytes at least: the image has {len(saved.area)} and wants zeros behind"
        )
    if mxcsr(saved)[0] is Mxcsr.STALE:
        why.append(
            "MXCSR's bytes are left over from something else: KVM does not look at them, XRSTOR would"
        )
    sound = not (moved or answer.dropped or answer.faults_later)
    return Verdict(by, True, sound, "", tuple(why), tuple(_fates(answer, moved)))


def _fates(answer: Acceptance, moved: dict[int, str]) -> list[Fate]:
    found = []
    for component in COMPONENTS:
        if answer.copies & component.mask:
            found.append(Fate(component.name, "loaded", moved.get(component.index, "")))
        elif answer.dropped & component.mask:
            found.append(Fate(component.name, "dropped", "IA32_XFD disables it"))
        elif component.name == "PKRU" and answer.initial & component.mask:
            found.append(
                Fate(
                    component.name, "kept", "KVM keeps PKRU apart and changes it only with its bit"
                )
            )
        elif answer.initial & component.mask:
            found.append(Fate(component.name, "initialized", "XSTATE_BV does not name it"))
    return found
