# SPDX-License-Identifier: Apache-2.0
"""Every function of every part says what it executes: by the rule, or by a row that says what else."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import xsavvy.model
from xsavvy.cost import exceptions
from xsavvy.cost.account import CONTENTS, INSIDE_KVM_RUN, REGISTERS, SYSTEM_CALLS
from xsavvy.cost.exceptions import EXCEPTIONS, instead_of
from xsavvy.kvm import kernel
from xsavvy.model.build import World, assembled, resolve
from xsavvy.model.platforms import preset
from xsavvy.model.registry import PARTS

PREFIX = "xsavvy.model."
STARTS = {"set_up", "_start", "_start_cpus", "_start_buffers"}
"""Functions that make the first state: nobody executes them."""

INSTRUCTIONS = {
    "guest.wrmsr_xfd hw_xfd",
    "guest.wrpkru hw_pkru",
    "history.xcr0.kvm_load_guest_xcr0 hw_xcr0",
    "history.xcr0.kvm_put_guest_xcr0 hw_xcr0",
    "parts.cet.border.load_guest_cet hw_cet_s",
    "parts.cet.border.load_guest_cet hw_cet_u",
    "parts.cet.border.load_host_cet hw_cet_s",
    "parts.cet.border.load_host_cet hw_cet_u",
    "parts.cet.guest.write_s_cet hw_s_cet",
    "parts.history.hotplug.bring_up hw_pkru",
    "parts.history.hotplug.bring_up hw_xcr0",
    "parts.history.hotplug.bring_up hw_xfd",
    "parts.history.hotplug.bring_up hw_xss",
    "parts.history.mutants.get_host_pkru hw_pkru",
    "parts.ioctls.switch.load_guest_xss hw_xss",
    "parts.ioctls.switch.load_host_xss hw_xss",
    "parts.ioctls.switch.wrmsr_xss hw_xss",
    "parts.ioctls.xfd.save_xfd_err_late hw_xfd_err",
    "parts.ioctls.xrstors.write_cet_u hw_cet_u",
    "parts.nested.guest.wrmsr_xfd hw_xfd",
    "parts.protected.guest.wrmsr_tsc_aux hw_tsc_aux",
    "parts.protected.guest.wrmsr_xss hw_xss",
    "parts.protected.guest.xsetbv hw_xcr0",
    "parts.protected.sev.prepare_switch_to_guest hw_pkru",
    "parts.protected.tdx.load_host_pkru hw_pkru",
    "parts.protected.tdx.load_host_xcr0 hw_xcr0",
    "parts.protected.tdx.load_host_xss hw_xss",
    "parts.protected.userreturn.kvm_set_user_return_msr hw_tsc_aux",
    "parts.protected.xfeatures.common_load_host_pkru hw_pkru",
    "parts.tasks.guest_xfd.load_guest_xfd hw_xfd",
    "parts.tasks.guest_xfd.sync_guest_xfd hw_xfd",
    "parts.tasks.kthread.load_pkru hw_pkru",
    "parts.tasks.kthread.offload_pkru hw_pkru",
    "parts.tasks.lifecycle.start_child hw_pkru",
    "parts.tasks.pkru.write_pkru hw_pkru",
    "parts.trace.perf.serve_interrupt hw_trace_en",
    "parts.trace.perf.start_event hw_trace_en",
    "parts.trace.perf.stop_event hw_trace_en",
    "parts.trace.pt.read_msrs hw_trace",
    "parts.trace.pt.start_host hw_trace_en",
    "parts.trace.pt.stop_host hw_trace_en",
    "parts.trace.pt.write_msrs hw_trace",
    "pkru.remember_guest_pkru hw_pkru",
    "pkru.sample_host_pkru hw_pkru",
    "pkru.sample_host_pkru_at_entry hw_pkru",
    "pkru.write_pkru hw_pkru",
    "run.handle_exit_irqoff hw_xfd_err",
    "run.sync_now hw_xfd",
    "switch.load_pkru hw_pkru",
    "switch.offload_pkru hw_pkru",
    "switch.sched_in hw_pkru",
    "vmm.write_own_pkru hw_pkru",
    "xfeatures.clear_xfd_err hw_xfd_err",
    "xfeatures.load_guest_xcr0 hw_xcr0",
    "xfeatures.load_guest_xfd_err hw_xfd_err",
    "xfeatures.load_guest_xss hw_xss",
    "xfeatures.load_host_xcr0 hw_xcr0",
    "xfeatures.load_host_xss hw_xss",
    "xstate.xfd_update_state hw_xfd",
}
"""Every access in the model that is the instruction which its register asks for."""

USER_ACTS = {
    "WRPKRU by VMM",
    "WRPKRU by task",
    "XRSTOR PKRU by task",
    "write XMM by VMM",
    "the frame's header is spoiled",
    "the frame's page is unmapped",
    "the frame's size is understated",
    "the handler changes PKRU in its frame",
}
"""What the VMM does in user mode."""
KERNEL_MOMENTS = {
    "INIT",
    "exit request",
    "exit to userspace of the other VM",
    "signal",
    "signal in user mode",
    "signal with a handler",
    "stop for the tracer",
    "state is saved for a new vCPU",
}
"""What happens to the VMM's thread in the kernel, and what the model leaves to the VMM of a migration."""


def subscripts(node: ast.FunctionDef) -> set[str]:
    """The list fields of the record that a function reads or writes."""
    return {
        at.value.attr
        for at in ast.walk(node)
        if isinstance(at, ast.Subscript) and isinstance(at.value, ast.Attribute)
    }


def touching(module: str) -> Iterator[tuple[str, str]]:
    """Give each function of a module and each register that it touches; what returns bool is a guard, never counted."""
    loaded = importlib.import_module(module)
    for node in ast.walk(ast.parse(inspect.getsource(loaded))):
        if isinstance(node, ast.FunctionDef) and node.name not in STARTS:
            if ast.unparse(node.returns or node) != "bool":
                for name in sorted(subscripts(node) & {*REGISTERS, *CONTENTS}):
                    yield node.name, name


def modules() -> list[str]:
    """Every module of the model."""
    return [each.name for each in pkgutil.walk_packages(xsavvy.model.__path__, PREFIX)]


def without_a_row() -> set[str]:
    """The accesses of which at least the reads or the writes have no row in `exceptions`."""
    return {
        f"{module.removeprefix(PREFIX)}.{function} {name}"
        for module in modules()
        for function, name in touching(module)
        if not all(instead_of(module, function, name, mode) for mode in ("read", "write"))
    }


def test_every_function_that_touches_a_register_is_known() -> None:
    """A new step that touches a register is looked at once: is it an instruction, or is there a row for it?"""
    assert without_a_row() == INSTRUCTIONS


def test_nothing_moves_the_contents_of_registers_unnoticed() -> None:
    """XMM, tiles and bounds have no instruction by the rule, so each function that moves them has a row."""
    assert not [each for each in without_a_row() if each.partition(" ")[2] in CONTENTS]


def test_a_missing_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two tests above fail where a row is taken away."""
    rows = dict(EXCEPTIONS)
    for access in EXCEPTIONS:
        if access.function == "save_to_frame":
            del rows[access]
    monkeypatch.setattr(exceptions, "EXCEPTIONS", rows)
    found = without_a_row() - INSTRUCTIONS
    assert found == {
        f"parts.tasks.frame.save_to_frame hw_{name}" for name in ("pkru", "sse", "xcr0")
    }


def test_every_exception_names_functions_that_exist() -> None:
    """A row for a function that is gone would hide that its accesses are counted."""
    for access in EXCEPTIONS:
        module = importlib.import_module(access.module)
        assert access.function == "*" or hasattr(module, access.function), access


def test_every_caller_of_an_exception_exists() -> None:
    """The same for the caller that decides."""
    names = {
        node.name
        for module in modules()
        for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module))))
        if isinstance(node, ast.FunctionDef)
    }
    callers = {access.caller for access in EXCEPTIONS} - {"*"}
    assert callers
    assert callers <= names


def vmm_events() -> set[str]:
    """The names of what the VMM does, in every part and on both vendors' machines."""
    names = set()
    target = kernel("v6.18")
    for part in PARTS:
        for platform in ("sapphire-rapids", "genoa"):
            world = World(part.scenarios[0], target, preset(platform), resolve(target, {}), {})
            names |= {each.name for each in assembled(world).events if each.actor == "vmm"}
    return names


def test_every_act_of_the_vmm_is_a_system_call_or_none() -> None:
    """Who enters the kernel says so by the name; everything else is listed here."""
    names = vmm_events()
    calls = {name for name in names if name.startswith(SYSTEM_CALLS)}
    assert len(calls) > 20
    assert names - calls - USER_ACTS - KERNEL_MOMENTS == set()
    assert set(INSIDE_KVM_RUN) <= calls
