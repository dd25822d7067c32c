# SPDX-License-Identifier: Apache-2.0
"""Guest programs go through the model line by line, and what is wrong in one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy.api import UsageError, run
from xsavvy.model.programs import BrokenProgram, parse, programs

SHIPPED = list(programs())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_program_that_comes_with_xsavvy_keeps_its_promises(name: str) -> None:
    """Every expectation is met, and no property breaks that the program does not foresee."""
    report = run(name)
    assert report.title
    assert report.unmet == []
    assert report.violated == []
    assert {step.line for step in report.results} - {0} <= set(report.lines)


def test_a_dozen_programs_come_with_xsavvy() -> None:
    """Enough to learn from."""
    assert len(SHIPPED) >= 12


def test_a_step_says_what_it_touched_in_which_context_and_why() -> None:
    """The load of the guest's PKRU: interrupts are off, the register changes, the source is named."""
    report = run("pkru-without-pke")
    step = next(each for each in report.results if each.step == "vmx_vcpu_run.kvm_load_guest_pkru")
    assert step.context == ["preemption off", "interrupts off"]
    assert step.changes == {"hw_pkru[0]": ("vmm", "init")}
    assert "kvm_load_guest_xsave_state" in step.source
    assert step.summary
    assert step.code.startswith("xsavvy/model/pkru.py:")


def test_another_kernel_behaves_otherwise() -> None:
    """What a program expects of v6.18 is not met on v6.19, and the report says what is there instead."""
    report = run("fastpath-inside", kernel="v6.19")
    assert "line 10: expected hw_pkru[0] = vmm, it is guest" in report.unmet


def test_a_design_can_be_tried() -> None:
    """With NMIs masked the window of seed 002 is closed: the NMI cannot arrive there."""
    with pytest.raises(UsageError, match="does not become possible: vcpu at"):
        run("pkru-nmi-vmx", choices={"nmi_window": "masked"})


def written(tmp_path: Path, text: str) -> str:
    """Write a program."""
    path = tmp_path / "mine.guest"
    path.write_bytes(text.encode("latin-1"))
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one line"),
        ("# nothing\n", "at least one line"),
        ("write XXM = guest", "mine.guest:1: no event 'write XXM'; nearest: write XMM"),
        ("write XMM = vmm", "expected one of: value=guest; value=guest2"),
        ("external interrupt = 3", "expected one of: reason=interrupt"),
        ("write XMM (valeu=guest)", "expected one of"),
        ("KVM_SET_XSAVE = sse at vmx_vcpu_run.vmexit", "does not become possible"),
        ("write XMM = guest at nowhere.here", "no place 'nowhere.here'"),
        ("until nowhere.here", "no place"),
        ("expect", "expected 'expect FIELD = VALUE'"),
        ("expect hw_sse[0]", "expected 'expect FIELD = VALUE'"),
        ("expect hw_ssx[0] = guest", "no field 'hw_ssx[0]'; nearest: "),
        ("violates nothing", "no property 'nothing'"),
        ("kernel: v9.9\nwrite XMM = guest", "kernel 'v9.9'"),
        ("platform: nowhere\nwrite XMM = guest", "no platform"),
        ("part: nothing\nwrite XMM = guest", "no part of the model 'nothing'"),
        ("set: pkru_home\nwrite XMM = guest", "expected NAME = VALUE"),
        ("set: pkru_hom = vendor_run\nwrite XMM = guest", "no choice"),
        ("start: vcpu_cr5 = 1\nwrite XMM = guest", "no field 'vcpu_cr5'"),
        ("start: vcpu_cr4 = 1\nwrite XMM = guest", "mine.guest:1: 'vcpu_cr4 = 1' is not"),
        ("x\n" * 2000, "at most 1000 lines"),
        ("\xff\xfe", "not text"),
    ],
)
def test_a_wrong_program_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Where, what, and what was expected."""
    with pytest.raises(UsageError) as caught:
        run(written(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_program_names_those_that_exist() -> None:
    """The nearest name."""
    with pytest.raises(UsageError, match="nearest: xcr0-switch"):
        run("xcr0-swich")


def test_the_other_task_must_be_left_before_the_guest_goes_on(tmp_path: Path) -> None:
    """A line that waits for a thread which sleeps says where everybody stands."""
    text = "external interrupt\npreemption at vcpu_run.xfer_to_guest_mode_work\nwrite XMM = guest"
    with pytest.raises(UsageError, match="task at task"):
        run(written(tmp_path, text))


def test_a_settings_word_may_be_part_of_a_patch(tmp_path: Path) -> None:
    """A patch changes the model that the program runs through."""
    patch = tmp_path / "patch.py"
    patch.write_text(
        "def patch(program):\n    return program.removed('vmx_vcpu_run.load_host_xcr0')\n"
    )
    report = run("xcr0-switch", patch=patch)
    assert "host_runs_on_host_features" in report.violated
    assert report.unmet


def test_a_repeat_does_what_is_indented_below_it() -> None:
    """Lines are repeated as often as it says, and blocks may stand in blocks."""
    text = "repeat 2:\n    repeat 3:\n        fastpath exit\n    external interrupt\nwrite XMM = guest\n"
    program = parse(text, "demo")
    outer, last = program.statements
    assert (outer.kind, outer.value, last.kind) == ("repeat", "2", "event")
    assert [each.kind for each in outer.body] == ["repeat", "event"]
    assert list(outer.lines) == [1, 2, 3, 4]


def test_a_run_repeats(tmp_path: Path) -> None:
    """Every turn is shown, and belongs to its line."""
    path = tmp_path / "demo.guest"
    path.write_text("repeat 3:\n    fastpath exit\n")
    steps = [
        each for each in run(str(path), kernel="v6.18").results if each.step == "fastpath exit"
    ]
    assert [each.line for each in steps] == [2, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("repeat 3:\nfastpath exit", "and indented lines below it"),
        ("repeat 0:\n    fastpath exit", "N from 1 to"),
        ("repeat many:\n    fastpath exit", "'repeat N:'"),
        ("fastpath exit\n    fastpath exit", "indented, but not below 'repeat N:'"),
        ("    fastpath exit\nfastpath exit", "indented, but not below 'repeat N:'"),
    ],
)
def test_what_is_wrong_with_a_repeat_is_one_line(text: str, message: str) -> None:
    """The message names the file and the line."""
    with pytest.raises(BrokenProgram, match=message) as broken:
        parse(text, "demo")
    assert str(broken.value).startswith("demo:")


def test_a_run_that_nobody_could_read_is_refused(tmp_path: Path) -> None:
    """A million turns are for xsavvy cost."""
    path = tmp_path / "demo.guest"
    path.write_text("repeat 1000000:\n    fastpath exit\n")
    with pytest.raises(UsageError, match="xsavvy cost"):
        run(str(path), kernel="v6.18")
