# SPDX-License-Identifier: Apache-2.0
"""Which commit undoes what in the run loop, for kernels before v5.17.

Oldest last: the youngest missing commit is undone first, so each edit finds the program as the next younger kernel has
it.
"""

from collections.abc import Mapping

from xsavvy.checker import Program
from xsavvy.model import constants as c
from xsavvy.model.delta import Delta

from .eager import switches_eagerly
from .entry import loads_at_entry
from .lazy import loads_on_demand
from .pkru import forgets_pkru, keeps_pkru_in_image, loads_pkru_if_it_differed
from .swap import copies_registers, reloads_at_entry, reloads_at_load, saves_whatever_is_there
from .xcr0 import forgets_at_xsetbv

__all__ = ["HISTORY_DELTAS"]


def _no_fastpath(program: Program) -> Program:
    run = next(
        path.name for path in program.paths() if path.name in {"vmx_vcpu_run", "svm_vcpu_run"}
    )
    program = program.replaced(f"{run}.exit_fastpath", to={})
    return program.without_event("fastpath exit")


HISTORY_DELTAS: Mapping[str, Delta] = {
    "69f6ed1d14c6": Delta(
        without=copies_registers,
        summary="the swap copies: the XRSTOR changes whose registers they are",
    ),
    "fastpath_reenters": Delta(without=_no_fastpath, summary="event fastpath exit: gone"),
    "37486135d3a7": Delta(lacks={"pkru_switch": c.PkruSwitch.PKE}),
    "2620fe268e80": Delta(
        without=reloads_at_load,
        summary="TIF_NEED_FPU_LOAD: resolved at vcpu_load() and at sched-in, not at entry",
    ),
    "tif_in_guest_fpu_swap": Delta(
        without=saves_whatever_is_there,
        summary="the swap: saves without a look at TIF_NEED_FPU_LOAD",
    ),
    "tif_at_vcpu_load": Delta(
        without=reloads_at_entry, summary="TIF_NEED_FPU_LOAD: resolved at entry, not at vcpu_load()"
    ),
    "ec269475cba7": Delta(lacks={"user_registers": c.UserRegisters.THREAD_FPU}),
    "577ff465f5a6": Delta(lacks={"pkru_compare": c.PkruCompare.NONE}),
    "5f409e20b794": Delta(
        without=switches_eagerly,
        summary="context_switch and kernel_fpu: registers are put back at once; no fpregs_lock()",
    ),
    "1811d979c716": Delta(lacks={"xfeatures_home": c.XfeaturesHome.OUTSIDE_LOOP}),
    "240c35a3783a": Delta(lacks={"user_registers": c.UserRegisters.OWN_BUFFER}),
    "f775b13eedee": Delta(
        without=loads_at_entry,
        summary="the swap: in vcpu_enter_guest() and at sched-out; no FPU in interrupts meanwhile",
    ),
    "38cfd5e3df9c": Delta(
        without=keeps_pkru_in_image, summary="the swap: saves and loads PKRU with the registers"
    ),
    "b9dd21e104bc": Delta(
        without=loads_pkru_if_it_differed, summary="kvm_load_guest_pkru: by guest_pkru_valid"
    ),
    "host_pkru": Delta(without=forgets_pkru, summary="PKRU: no steps for it in the swap"),
    "fc5b7f3b": Delta(lacks={"xfeatures_home": c.XfeaturesHome.WHILE_LOADED}),
    "1be0e61c1f25": Delta(lacks={"pkru_switch": c.PkruSwitch.NEVER}),
    "653f52c316a4": Delta(
        without=loads_on_demand,
        summary="vcpu_enter_guest: loads the guest's FPU only after its #NM",
    ),
    "42bdf991f4ca": Delta(
        without=forgets_at_xsetbv, summary="__kvm_set_xcr: clears guest_xcr0_loaded, leaves XCR0"
    ),
}
