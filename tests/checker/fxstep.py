# SPDX-License-Identifier: Apache-2.0
"""Guards, effects and properties of the register-switch protocol; see `fx.py`."""

from __future__ import annotations

from enum import IntEnum


class At(IntEnum):
    USER = 0
    RUN = 1
    LOADED = 2
    IRQ_OFF = 3
    READY = 4
    GUEST = 5
    EXIT = 6
    STORED = 7
    HANDLE = 8
    PUT = 9


def quiet(s):
    return s.sirq == 0 and s.nmi == 0


def vcpu(s):
    return s.cur == 0 and quiet(s)


def other(s):
    return s.cur == 1 and quiet(s)


def preemptible(s):
    return s.pc <= At.LOADED or s.pc >= At.HANDLE


# --- the vCPU task


def can_load(s, k):
    return vcpu(s) and s.pc == At.USER and s.nl & 1


def load(s, k):
    if s.own != 1:
        s.regs = s.himg
        s.own = 1
    s.nl &= ~1


def can_write(s, k):
    return vcpu(s) and s.pc == At.USER and not s.nl & 1


def write(s, k, c):
    s.regs ^= 1 << c
    s.hexp ^= 1 << c


def in_user(s, k):
    return vcpu(s) and s.pc == At.USER


def run(s, k):
    s.pc = At.RUN


def can_set_xsave(s, k):
    return vcpu(s) and s.pc == At.USER and s.bud > 0


def set_xsave(s, k, c):
    s.gimg ^= 1 << c
    s.gexp ^= 1 << c
    s.bud -= 1


def in_run(s, k):
    return vcpu(s) and s.pc == At.RUN


def swap_in(s, k):
    if not s.nl & 1:
        s.himg = s.regs
    s.fpst = 1
    s.regs = s.gimg
    s.own = 1
    s.nl &= ~1
    s.pc = At.LOADED


def in_loaded(s, k):
    return vcpu(s) and s.pc == At.LOADED


def irq_off(s, k):
    s.pc = At.IRQ_OFF


def must_reload(s, k):
    return vcpu(s) and s.pc == At.IRQ_OFF and s.nl & 1


def reload(s, k):
    if s.own != 1:
        s.regs = s.gimg
        s.own = 1
    s.nl &= ~1


def may_load_xcr(s, k):
    return vcpu(s) and s.pc == At.IRQ_OFF and not s.nl & 1


def load_xcr(s, k):
    s.hx = s.gx
    s.pc = At.READY


def may_enter(s, k):
    return vcpu(s) and s.pc == At.READY and s.pend == 0


def enter(s, k):
    s.pc = At.GUEST


def must_cancel(s, k):
    return vcpu(s) and s.pc == At.READY and s.pend != 0


def leave_guest(s, k):
    s.pc = At.EXIT


def guest_can_write(s, k, c):
    return vcpu(s) and s.pc == At.GUEST and s.hx >> c & 1


def guest_write(s, k, c):
    s.regs ^= 1 << c
    s.gexp ^= 1 << c


def can_xsetbv(s, k, c):
    if not (vcpu(s) and s.pc == At.GUEST):
        return 0
    new = s.gx ^ 1 << c
    return new & (new + 1) == 0


def xsetbv(s, k, c):
    s.gx ^= 1 << c
    s.pc = At.EXIT


def in_guest(s, k):
    return vcpu(s) and s.pc == At.GUEST


def in_exit(s, k):
    return vcpu(s) and s.pc == At.EXIT


def store_xcr(s, k):
    s.hx = k.full
    s.pc = At.STORED


def in_stored(s, k):
    return vcpu(s) and s.pc == At.STORED


def irq_on(s, k):
    s.pc = At.HANDLE


def can_emulate(s, k):
    return vcpu(s) and s.pc == At.HANDLE and s.bud > 0


def emulate(s, k):
    if s.nl & 1:
        if s.own != 1:
            s.regs = s.gimg
        s.own = 1
        s.nl &= ~1
    s.regs ^= 1
    s.gexp ^= 1
    s.bud -= 1


def may_go_again(s, k):
    return vcpu(s) and s.pc == At.HANDLE and not s.pend & 2


def go_again(s, k):
    s.pc = At.LOADED


def in_handle(s, k):
    return vcpu(s) and s.pc == At.HANDLE


def put(s, k):
    s.pc = At.PUT


def in_put(s, k):
    return vcpu(s) and s.pc == At.PUT


def swap_out(s, k):
    if not s.nl & 1:
        s.gimg = s.regs
    s.fpst = 0
    s.regs = s.himg
    s.own = 1
    s.nl &= ~1
    s.pc = At.USER


# --- interrupts


def no_irq(s, k):
    return quiet(s) and not s.pend & 1


def raise_irq(s, k):
    s.pend |= 1


def no_tick(s, k):
    return quiet(s) and not s.pend & 2


def tick(s, k):
    s.pend |= 2


def can_softirq(s, k):
    return (
        s.pend & 1 and quiet(s) and ((s.cur == 0 and preemptible(s)) or (s.cur == 1 and s.pc1 != 2))
    )


def softirq_in(s, k):
    s.pend &= ~1
    s.sirq = 1
    if s.cur == 0:
        save_vcpu(s)
        s.nl |= 1
    else:
        save_other(s)
        s.nl |= 2
    s.own = 0


def save_vcpu(s):
    if s.nl & 1:
        return
    if s.fpst == 1:
        s.gimg = s.regs
    else:
        s.himg = s.regs


def save_other(s):
    if not s.nl & 2:
        s.oimg = s.regs


def in_softirq(s, k):
    return s.sirq == 1 and s.nmi == 0


def softirq_use(s, k):
    s.regs = 0
    s.sirq = 2


def softirq_used(s, k):
    return s.sirq == 2 and s.nmi == 0


def softirq_out(s, k):
    s.sirq = 0


def can_nmi(s, k):
    return s.nmi == 0 and (s.pc != At.GUEST or s.cur == 1)


def nmi_in(s, k):
    s.nmi = 1


def in_nmi(s, k):
    return s.nmi == 1


def nmi_out(s, k):
    s.nmi = 0


# --- the scheduler and the other task


def can_schedule_out(s, k):
    return s.pend & 2 and vcpu(s) and preemptible(s)


def schedule_out(s, k):
    save_vcpu(s)
    s.nl |= 2
    s.cur = 1
    s.pend &= ~2


def can_schedule_in(s, k):
    return s.pend & 2 and other(s) and s.pc1 != 2


def schedule_in(s, k):
    save_other(s)
    s.nl |= 1
    s.cur = 0
    s.pend &= ~2


def other_can_load(s, k):
    return other(s) and s.pc1 == 0 and s.nl & 2


def other_load(s, k):
    if s.own != 2:
        s.regs = s.oimg
        s.own = 2
    s.nl &= ~2


def other_can_write(s, k):
    return other(s) and s.pc1 == 0 and not s.nl & 2


def other_write(s, k, c):
    s.regs ^= 1 << c
    s.oexp ^= 1 << c


def other_in_user(s, k):
    return other(s) and s.pc1 == 0


def system_call(s, k):
    s.pc1 = 1


def other_in_kernel(s, k):
    return other(s) and s.pc1 == 1


def kernel_fpu(s, k):
    save_other(s)
    s.nl |= 2
    s.own = 0
    s.regs = 0
    s.pc1 = 2


def no_fpu(s, k):
    s.pc1 = 3


def in_kernel_fpu(s, k):
    return other(s) and s.pc1 == 2


def can_ptrace(s, k):
    return other(s) and s.pc1 == 3 and s.bud > 0 and s.pc == At.USER


def ptrace(s, k, c):
    s.himg ^= 1 << c
    s.hexp ^= 1 << c
    if k.bug == 0:
        if s.own == 1:
            s.own = 0
    s.bud -= 1


def in_return(s, k):
    return other(s) and s.pc1 == 3


def return_to_user(s, k):
    s.pc1 = 0
