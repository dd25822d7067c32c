# SPDX-License-Identifier: Apache-2.0
"""Changes that must break a property of nesting."""

from xsavvy.checker import Program
from xsavvy.model.constants import Constants
from xsavvy.model.mutant import Mutant

from .machine import NestedMachine
from .vmcs import prepare_vmcs02

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"
WITH_CET = "v6.18"


def forget_vmcs12_cet(s: NestedMachine, k: Constants) -> None:
    """Fill vmcs02 with L1's own CET state, whatever vmcs12 says."""
    own = s.vmcs01_cet
    prepare_vmcs02(s, k)
    s.vmcs02_cet = own


def forget_bitmap(s: NestedMachine, k: Constants) -> None:
    """Fill vmcs02 without L1's XSS-exiting bitmap."""
    prepare_vmcs02(s, k)
    s.vmcs02_xss_bitmap = 0


def _fill_without_cet(program: Program) -> Program:
    return program.replaced("nested_vmx_run.prepare_vmcs02", effect=forget_vmcs12_cet)


def _fill_without_bitmap(program: Program) -> Program:
    return program.replaced("nested_vmx_run.prepare_vmcs02", effect=forget_bitmap)


MUTANTS = (
    Mutant(
        "vmcs02 is not filled from vmcs12",
        "nested-migration",
        INTEL,
        _fill_without_cet,
        kernel=WITH_CET,
    ),
    Mutant(
        "KVM_SET_NESTED_STATE takes no snapshot",
        "nested-migration",
        INTEL,
        changed={"cet_snapshot": "if_not_loaded"},
        kernel=WITH_CET,
    ),
    Mutant(
        "L0 keeps exits of XSAVES",
        "nested-xsaves",
        INTEL,
        changed={"xsaves_exits": "l0"},
        kernel=WITH_CET,
    ),
    Mutant(
        "L1 gets the #NM of a lazy FPU",
        "nested-nm",
        INTEL,
        changed={"nested_nm": "bitmap"},
        choices={"nested_fpu": "lazy", "nested_nm": "vmcs12_cr0"},
        kernel=WITH_CET,
    ),
    Mutant(
        "CR4.CET is entered without CR0.WP",
        "nested-checks",
        INTEL,
        changed={"nested_cr_check": "unchecked"},
        kernel=WITH_CET,
    ),
    Mutant(
        "CET state of vmcs12 is not checked",
        "nested-checks",
        INTEL,
        changed={"nested_cet_check": "unchecked"},
        kernel=WITH_CET,
    ),
    Mutant(
        "the XSS-exiting bitmap is left out of vmcs02",
        "nested-xsaves",
        INTEL,
        _fill_without_bitmap,
        kernel=WITH_CET,
    ),
)
