# SPDX-License-Identifier: Apache-2.0
"""What `check` says beyond the properties: deadlocks, eventualities, and what was left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy import api
from xsavvy.api.judgement import DEADLOCK
from xsavvy.api.result import CheckResult
from xsavvy.cli.status import of_verdicts

WORLD = {"kernel": "v6.18", "platform": "sapphire-rapids"}
SMALL = "pkru-xinuse"

STUCK = """
def never(s, k):
    return 0

def patch(program):
    return program.replaced("handle_exit.handle_exit", when=never)
"""

SILENT = """
from xsavvy.checker import Eventually
from xsavvy.model.progress import guest_runs, vmm_runs

def patch(program):
    return program.with_eventuality(
        Eventually("guest_exits", "A guest that runs exits.", vmm_runs, when=guest_runs, source="-")
    )
"""


def check(scenario: str, **options: object) -> dict[str, CheckResult]:
    """Check one scenario; its results by name."""
    report = api.check([scenario], **WORLD, **options)  # type: ignore[arg-type]
    return {result.property: result for result in report.results}


def written(folder: Path, text: str) -> Path:
    """Write a patch file."""
    path = folder / "patch.py"
    path.write_text(text)
    return path


def test_a_deadlock_is_a_violation_with_its_trace(tmp_path: Path) -> None:
    """A step that waits for ever is found, traced, and told to the shell."""
    found = check(SMALL, patch=written(tmp_path, STUCK))
    stuck = found[DEADLOCK]
    assert (stuck.kind, stuck.verdict, stuck.loop) == ("deadlock", "violated", None)
    assert len(stuck.trace) == stuck.depth
    assert stuck.deadlocks > 0
    assert of_verdicts(result.verdict for result in found.values()) == 1
    assert DEADLOCK not in check(SMALL)


def test_a_deadlock_can_be_traced(tmp_path: Path) -> None:
    """`trace` shows it by its name, and says so where there is none."""
    found = api.trace(SMALL, property=DEADLOCK, patch=written(tmp_path, STUCK), **WORLD)  # type: ignore[arg-type]
    assert found.trace[-1].step == "vcpu_exit_guest.preempt_enable"
    with pytest.raises(api.UsageError, match="no deadlock"):
        api.trace(SMALL, property=DEADLOCK, **WORLD)  # type: ignore[arg-type]


def test_an_eventuality_of_a_patch_is_judged(tmp_path: Path) -> None:
    """A guest need not exit, so a run may end in guest mode: a stem without a loop."""
    found = check(SMALL, patch=written(tmp_path, SILENT))["guest_exits"]
    assert (found.kind, found.verdict) == ("eventually", "violated")
    assert found.loop == found.depth == len(found.trace)
    assert found.trace[-1].step == "vmx_vcpu_run.vmenter"
    assert found.idle == {}


def test_every_scenario_can_be_asked_for_liveness() -> None:
    """The scenario names no eventuality; with `liveness` it is asked for all, which hold."""
    plain, asked = check(SMALL), check(SMALL, liveness=True)
    assert {result.kind for result in plain.values()} == {"always"}
    eventual = [result for result in asked.values() if result.kind == "eventually"]
    assert len(eventual) == 6
    assert {result.verdict for result in eventual} == {"holds"}


def test_half_a_search_leaves_eventualities_open() -> None:
    """A limit on states leaves every eventuality incomplete, and nothing is called idle."""
    found = check("progress", max_states=500)
    assert {result.verdict for result in found.values()} == {"incomplete"}
    assert all(result.idle == {} for result in found.values())


def test_an_interrupt_while_runs_are_judged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the search leaves the eventualities open, and the properties as they were."""

    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("xsavvy.checker.liveness.quick.Surveyor.draw", interrupt)
    found = check("progress")
    assert (found["kernel_survives"].verdict, found["kernel_survives"].ended) == (
        "holds",
        "complete",
    )
    eventual = [result for result in found.values() if result.kind == "eventually"]
    assert {(result.verdict, result.ended) for result in eventual} == {("incomplete", "stopped")}


def test_a_graph_that_is_too_large_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of states whose transitions fit, eventualities are not judged."""
    monkeypatch.setattr("xsavvy.api.judgement.MOST", 9000)
    eventual = [result for result in check("progress").values() if result.kind == "eventually"]
    assert {(result.verdict, result.ended) for result in eventual} == {("incomplete", "states")}


def test_what_was_left_out_is_named() -> None:
    """Values and outcomes that never come, and the choices that make no difference."""
    found = check("progress", choices={"pkru_write": "xrstor", "xfd_err": "not_saved"})
    result = found["kvm_run_gets_somewhere"]
    assert result.never_chosen == ["wake-up of the vCPU thread (cpu=1)"]
    assert result.untaken == ["kvm_emulate_xsetbv.__kvm_set_xcr -> kvm_put_guest_fpu.fpregs_lock"]
    assert result.idle["pkru_write"] == ["wrpkru"]
    assert result.no_effect == ["pkru_write=xrstor"]
