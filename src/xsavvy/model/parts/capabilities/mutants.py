# SPDX-License-Identifier: Apache-2.0
"""Changes that must break the properties of this part, one for each."""

from xsavvy.checker import Program
from xsavvy.kvm.cet import CET_ALL
from xsavvy.model.change import without_step
from xsavvy.model.mutant import Mutant

from .constants import ModuleConstants
from .machine import Module

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"
LOAD = "kvm_x86_vendor_init"


def any_xss(s: Module, k: ModuleConstants) -> None:
    """Start from all CET bits, whatever the host has enabled."""
    s.kvm_xss = CET_ALL


def no_check(s: Module, k: ModuleConstants) -> None:
    """Compare nothing."""


def _components_last(program: Program) -> Program:
    return program.moved(f"{LOAD}.kvm_setup_xss_caps", before=f"{LOAD}.done")


def _no_nested(program: Program) -> Program:
    for step in ("check_processor_compat", "kvm_online_cpu"):
        program = program.replaced(f"{LOAD}.{step}", effect=no_check, to={})
    return program.removed(f"{LOAD}.nested_vmx_setup_ctls_msrs")


MUTANTS = (
    Mutant(
        "the components are checked after the CPUs",
        "capabilities",
        INTEL,
        _components_last,
        kernel="v7.3",
    ),
    Mutant(
        "missing components are not looked for",
        "capabilities",
        INTEL,
        changed={"cet_components": "assumed"},
        kernel="v7.3",
    ),
    Mutant(
        "nested capabilities are never computed",
        "capabilities",
        INTEL,
        _no_nested,
        kernel="v7.3",
    ),
    Mutant(
        "branch tracking is tied to shadow stacks",
        "capabilities",
        INTEL,
        changed={"ibt_alone": "tied"},
        kernel="v7.3",
    ),
    Mutant(
        "the host's IA32_XSS is not looked at",
        "capabilities",
        INTEL,
        lambda program: program.replaced(f"{LOAD}.supported_xss", effect=any_xss),
        kernel="v7.3",
    ),
    Mutant(
        "the host's S_CET is not sampled",
        "capabilities",
        INTEL,
        without_step(f"{LOAD}.sample_s_cet"),
        kernel="v7.3",
    ),
)
