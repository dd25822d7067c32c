# SPDX-License-Identifier: Apache-2.0
"""The rules and the model agree with what the maintainers' suites assert."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy import api
from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import NEWEST, kernel
from xsavvy.live.maintainers import TABLES, Case, Features, Step, Table, answers, offered
from xsavvy.live.maintainers.vcpu import STEPS

PLATFORMS = (
    "sapphire-rapids",
    "genoa",
    "milan",
    "skylake-sp",
    "haswell",
    "naples",
    "granite-rapids",
)
SOURCE = Path(__file__).parents[3] / "src"


def features(platform: str, release: str = NEWEST) -> Features:
    """Return what a kernel's KVM offers on a platform."""
    return offered(kernel(release), PRESETS[platform].table)


def wrong(table: Table, has: Features, release: str = NEWEST) -> list[tuple[Case, Step, object]]:
    """Return the steps of a table whose assertion the rules of a kernel do not keep."""
    return [
        (case, step, answer)
        for case in table.cases(has)
        for step, answer in zip(case.steps, answers(case, has, kernel(release)), strict=True)
        if not step.accepts(answer)
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_rules_agree(table: Table, platform: str) -> None:
    """Every assertion of a file is kept by the newest kernel's rules, with the features that the test asks for."""
    has = features(platform)
    has = (
        has.having(table.lacks(has))
        if table.lacks(has) != ("XFD", "AMX")
        else features("sapphire-rapids")
    )
    assert wrong(table, has) == []


def test_every_file_is_there() -> None:
    """Five files of kvm-unit-tests and nine of the selftests, more than a thousand assertions on Sapphire Rapids."""
    names = {table.name for table in TABLES}
    assert names == {
        "xsave", "pku", "pks", "cet", "msr", "amx_test", "xcr0_cpuid_test", "xss_msr_test", "cpuid_test", "state_test",
        "msrs_test", "cr4_cpuid_sync_test", "set_sregs_test", "sync_regs_test",
    }  # fmt: skip
    has = features("sapphire-rapids").having(("PKS",))
    assert sum(case.asserted for table in TABLES for case in table.cases(has)) > 1_000


def test_a_guest_without_xsave_has_its_own_cases() -> None:
    """Without the feature CR4.OSXSAVE is refused, and nothing else is asserted."""
    table = next(table for table in TABLES if table.name == "xsave")
    has = features("sapphire-rapids").without(("XSAVE",))
    cases = list(table.cases(has))
    assert len(cases) == 2
    assert wrong(table, has) == []


def test_a_rule_that_answers_exists() -> None:
    """Each function that a table names is in the module that it names."""
    for table in TABLES:
        for rule in table.rules:
            if rule.startswith("model: "):
                continue
            module, _, function = rule.rpartition(".")
            path = SOURCE / "xsavvy" / Path(*module.split(".")).with_suffix(".py")
            assert f"def {function}(" in path.read_text()


def test_what_is_left_out_has_a_reason() -> None:
    """What nothing answers is listed with a sentence, once in each table."""
    for table in TABLES:
        reasons = [what for what, why in table.left_out if why]
        assert len(reasons) == len(set(reasons)) == len(table.left_out)


def test_every_step_is_used() -> None:
    """No step is defined that no case takes, and none is taken that is not defined."""
    has = features("sapphire-rapids").having(("PKS",))
    used = {step.name for table in TABLES for case in table.cases(has) for step in case.steps}
    assert used == set(STEPS)


def test_older_kernels_keep_less() -> None:
    """The rules of a kernel before a fix fail the test that was written for it, and no other."""
    expected = {
        "v5.19": {"set_sregs_test", "state_test"},
        "v6.1": {"set_sregs_test", "state_test"},
        "v6.12": {"set_sregs_test"},
        "v6.18": set(),
    }
    for release, files in expected.items():
        has = features("skylake-sp", release)
        found = {
            table.name for table in TABLES if not table.lacks(has) and wrong(table, has, release)
        }
        assert found == files, release


def test_the_scenarios_agree() -> None:
    """What a test asserts over time holds where it passes, and is violated where it fails."""
    asked: dict[tuple[str, str], dict[str, str]] = {}
    for table in TABLES:
        for each in table.explored:
            for release, verdict in ((each.kernel, "holds"), (each.before, "violated")):
                if not release:
                    continue
                if (each.scenario, release) not in asked:
                    report = api.check([each.scenario], kernel=release, platform=each.platform)
                    asked[each.scenario, release] = {
                        result.property: result.verdict for result in report.results
                    }
                assert asked[each.scenario, release][each.property] == verdict, each.what


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With any rule replaced, some assertion is not kept."""
    has = features("sapphire-rapids").having(("PKS",))
    for name in (
        "xsavvy.live.maintainers.vcpu.plan_xsetbv",
        "xsavvy.live.maintainers.vcpu.plan_xgetbv",
        "xsavvy.isa.keys.pkru_refuses",
        "xsavvy.isa.keys.pkrs_refuses",
        "xsavvy.isa.masks.xfd_blocks",
        "xsavvy.isa.masks.xsavec_bv",
        "xsavvy.kvm.cet.emulation_refused",
        "xsavvy.kvm.cet.u_s_cet_ok",
        "xsavvy.kvm.cet.ssp_ok",
        "xsavvy.kvm.ioctls.set_xcrs_errno",
        "xsavvy.kvm.ioctls.set_cpuid2_errno",
        "xsavvy.kvm.registers.cr4_errno",
        "xsavvy.kvm.registers.cr0_errno",
        "xsavvy.kvm.registers.run_errno",
        "xsavvy.kvm.registers.taken_register",
        "xsavvy.kvm.registers.shown_register",
        "xsavvy.kvm.registers.exception_errno",
        "xsavvy.kvm.registers.get_cpuid2_errno",
        "xsavvy.kvm.registers.enumerated_registers",
        "xsavvy.live.maintainers.msr.ioctls.set_xss_accepted",
    ):
        with monkeypatch.context() as patch:
            right = _function(name)
            patch.setattr(name, lambda *given, right=right: _other(right(*given)))
            assert any(wrong(table, has) for table in TABLES), name


def _function(name: str) -> object:
    import importlib

    module, _, function = name.rpartition(".")
    if module.endswith("msr.ioctls"):
        module = "xsavvy.kvm.ioctls"
    return getattr(importlib.import_module(module), function)


def _other(answer: object) -> object:
    """Return another answer than a rule's."""
    if isinstance(answer, int):
        return 0 if answer else 22
    return answer._replace(stop=None, value=1)  # type: ignore[attr-defined]
