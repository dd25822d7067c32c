# SPDX-License-Identifier: Apache-2.0
"""Changes of the model that must break a property: a sentence that nothing can break says nothing.

Each mutant names the world in which the property holds; the same world with the mutant violates it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xsavvy.checker import Program

from .constants import Constants
from .emulate import finish, lose_disabled_tiles
from .fpu import nothing
from .machine import Machine

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One change: an edit of the program, or other choices, in one scenario on one platform.

    `choices` are set in both worlds, `changed` only with the mutant.
    """

    name: str
    scenario: str
    platform: str
    edit: Callable[[Program], Program] | None = None
    changed: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    kernel: str = "v6.18+b45f72177594"


def accept_any_xcr0(s: Machine, k: Constants) -> None:
    """Store XCR0 without a look at it."""
    s.vcpu_xcr0 = s.vcpu_exit_value
    finish(s, k)


def drop_xfd(s: Machine, k: Constants) -> None:
    """Tell the guest that IA32_XFD is written, and do not write it."""
    lose_disabled_tiles(s, k, s.vcpu_exit_value)


def _without(label: str) -> Callable[[Program], Program]:
    return lambda program: program.removed(label)


def _with(label: str, effect: Callable[..., object]) -> Callable[[Program], Program]:
    return lambda program: program.replaced(label, effect=effect)


INTEL = "sapphire-rapids"

MUTANTS = (
    Mutant("guest XCR0 stays loaded", "xcr0", INTEL, _without("vmx_vcpu_run.load_host_xcr0")),
    Mutant("guest XCR0 is not loaded", "xcr0", INTEL, _without("vmx_vcpu_run.load_guest_xcr0")),
    Mutant(
        "XSETBV is not checked",
        "xcr0",
        INTEL,
        _with("kvm_emulate_xsetbv.__kvm_set_xcr", accept_any_xcr0),
    ),
    Mutant(
        "guest PKRU is not loaded", "pkru", "genoa", _without("svm_vcpu_run.kvm_load_guest_pkru")
    ),
    Mutant(
        "host PKRU is not restored", "pkru", "genoa", _without("svm_vcpu_run.kvm_load_host_pkru")
    ),
    Mutant(
        "PKRU is written with WRPKRU",
        "pkru-xinuse",
        INTEL,
        changed={"pkru_write": "wrpkru"},
        choices={"pkru_write": "xrstor"},
    ),
    Mutant(
        "the swap does not restore", "fpu", INTEL, _without("kvm_load_guest_fpu.restore_incoming")
    ),
    Mutant(
        "the context switch does not save",
        "fpu",
        INTEL,
        _with("context_switch.switch_fpu", nothing),
    ),
    Mutant(
        "the user's fpstate is not put back",
        "fpu",
        INTEL,
        _with("kvm_put_guest_fpu.install_user", nothing),
    ),
    Mutant("XFD is not synchronized", "xfd-on-demand", INTEL, changed={"xfd_sync": "never"}),
    Mutant(
        "WRMSR of IA32_XFD is dropped",
        "xfd",
        INTEL,
        _with("set_msr_xfd.set_fpstate_xfd", drop_xfd),
    ),
    Mutant("XFD_ERR is not cleared", "xfd-on-demand", INTEL, changed={"xfd_err": "not_cleared"}),
    Mutant(
        "XFD_ERR is not loaded",
        "xfd-on-demand",
        INTEL,
        _without("vcpu_enter_guest.load_guest_xfd_err"),
    ),
    Mutant(
        "tiles are offered without room",
        "xfd-on-demand",
        INTEL,
        changed={
            "xfd_intercept": "option_1",
            "allocation": "may_fail",
            "after_failure": "reenters",
        },
    ),
)
