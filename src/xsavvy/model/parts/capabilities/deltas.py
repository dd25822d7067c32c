# SPDX-License-Identifier: Apache-2.0
"""What commits change in the order and the rules of loading; before v6.18 no guest is offered CET."""

from collections.abc import Mapping

from xsavvy.checker import Program, Step
from xsavvy.model.delta import Delta

from .load import (
    REFUSED,
    check_compat,
    drop_without_tdp,
    init_caps,
    nested_by_caps,
    sample_s_cet,
    set_svm_caps,
    set_vmx_caps,
    setup_xss_caps,
    smaller_maxphyaddr,
    supported_xss,
)

__all__ = ["DELTAS", "has"]

X86 = "linux:arch/x86/kvm/x86.c"
CAPS = "linux:arch/x86/kvm/cpuid.c kvm_initialize_cpu_caps()"
LOAD = "kvm_x86_vendor_init"
NESTED = f"{LOAD}.nested_vmx_setup_ctls_msrs"
CHECKS = (f"{LOAD}.check_processor_compat", f"{LOAD}.kvm_online_cpu")


def has(program: Program, label: str) -> bool:
    """Say whether a program has a step: what VMX has, SVM may lack."""
    steps = [f"{path.name}.{step.name}" for path in program.paths() for step in path.steps]
    return label in steps


def _insert(program: Program, name: str, effect: object, after: str, source: str) -> Program:
    return program.inserted(
        Step(name, effect, source=source),  # type: ignore[arg-type]
        after=f"{LOAD}.{after}",
    )


def _first(program: Program, name: str, effect: object, source: str) -> Program:
    path = next(each for each in program.paths() if each.name == LOAD)
    step = Step(name, effect, source=source)  # type: ignore[arg-type]
    return program.inserted(step, before=f"{LOAD}.{path.steps[0].name}")


def _xss_of_cet(program: Program) -> Program:
    program = _first(program, "supported_xss", supported_xss, f"{X86} kvm_x86_vendor_init()")
    late = "check_processor_compat" if has(program, CHECKS[0]) else "set_cpu_caps"
    return _insert(
        program, "kvm_setup_xss_caps", setup_xss_caps, late, f"{X86} kvm_x86_vendor_init()"
    )


def _sample(program: Program) -> Program:
    return _first(program, "sample_s_cet", sample_s_cet, f"{X86} kvm_x86_vendor_init()")


def _tdp(program: Program) -> Program:
    return _insert(program, "tdp_enabled", drop_without_tdp, "kvm_initialize_cpu_caps", CAPS)


def _addresses(program: Program) -> Program:
    name = "allow_smaller_maxphyaddr"
    return _insert(program, name, smaller_maxphyaddr, "kvm_initialize_cpu_caps", CAPS)


def _offer(program: Program) -> Program:
    program = program.replaced(f"{LOAD}.kvm_initialize_cpu_caps", effect=init_caps)
    if has(program, NESTED):
        program = program.replaced(f"{LOAD}.set_cpu_caps", effect=set_vmx_caps)
    return program


def _offer_on_svm(program: Program) -> Program:
    if has(program, NESTED):
        return program
    return program.replaced(f"{LOAD}.set_cpu_caps", effect=set_svm_caps)


def _nested_last(program: Program) -> Program:
    return program.moved(NESTED, after=f"{LOAD}.set_cpu_caps") if has(program, NESTED) else program


def _nested_cet(program: Program) -> Program:
    if not has(program, NESTED):
        return program
    program = program.replaced(NESTED, effect=nested_by_caps)
    for check in CHECKS:
        program = program.replaced(check, effect=check_compat, to={REFUSED: "out_unwind_ops"})
    return program


def _components_first(program: Program) -> Program:
    setup = f"{LOAD}.kvm_setup_xss_caps"
    return program.moved(setup, after=f"{LOAD}.set_cpu_caps") if has(program, setup) else program


DELTAS: Mapping[str, Delta] = {
    "69cc3e886582": Delta(
        edit=_xss_of_cet,
        summary="kvm_x86_vendor_init: supported_xss, and kvm_setup_xss_caps after the check of the CPUs",
    ),
    "584ba3ffb984": Delta(edit=_sample, summary="kvm_x86_vendor_init: samples the host's S_CET"),
    "1f6f68fcfe43": Delta(edit=_tdp, summary="kvm_x86_vendor_init: no SHSTK without TDP"),
    "343acdd158a5": Delta(
        edit=_addresses, summary="kvm_x86_vendor_init: no CET with a smaller MAXPHYADDR"
    ),
    "e140467bbdaf": Delta(edit=_offer, summary="kvm_x86_vendor_init: CET on VMX"),
    "f7336d47be53": Delta(
        edit=_nested_last, summary="kvm_x86_vendor_init: nested capabilities after set_cpu_caps"
    ),
    "42ae6448531b": Delta(
        edit=_nested_cet, summary="kvm_x86_vendor_init: nested capabilities have CET"
    ),
    "8db428fd5229": Delta(edit=_offer_on_svm, summary="kvm_x86_vendor_init: SHSTK on SVM"),
    "f8ade833b733": Delta(
        edit=_components_first, summary="kvm_x86_vendor_init: kvm_setup_xss_caps in set_cpu_caps"
    ),
}
