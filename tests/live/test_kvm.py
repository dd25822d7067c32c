# SPDX-License-Identifier: Apache-2.0
"""This machine's /dev/kvm does what the rules of its kernel say, and a wrong rule would be seen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from xsavvy.cpuid import Leaf, Table
from xsavvy.kvm import kernel
from xsavvy.kvm.capabilities import capabilities
from xsavvy.kvm.configuration import configuration
from xsavvy.kvm.exposed import MSRS, leaf_d, listed_msrs
from xsavvy.live import read_cpuid
from xsavvy.live.capture import BadCapture
from xsavvy.live.kvm import (
    asker,
    conform_kvm,
    is_capture,
    judge,
    replay_capture,
    rules,
    write_capture,
)
from xsavvy.live.kvm.facts import FACTS, facts_of, nearest_kernel
from xsavvy.live.machine.reach import Unreachable


def reached() -> str:
    """Why /dev/kvm cannot be asked here; empty if it can."""
    try:
        device = os.open(asker.NAME, os.O_RDWR)
    except OSError as error:
        return f"{asker.NAME}: {error.strerror}"
    try:
        asker.answer(device, [["get_xcr0"]])
    except OSError as error:
        return f"{asker.NAME}: no virtual machine: {error.strerror}"
    finally:
        os.close(device)
    return ""


REASON = reached()
here = pytest.mark.skipif(bool(REASON), reason=REASON or "/dev/kvm answers")


@here
def test_this_machines_kvm_follows_the_rules() -> None:
    """Thousands of calls; what differs has a reason that is known."""
    found = conform_kvm()
    assert found.unexplained == ()
    assert found.holds
    assert found.cases > 10_000
    assert found.agree + len(found.explained) == found.cases
    assert set(found.groups) >= {"capabilities", "cpuid", "xcrs", "xsave", "msrs", "guest"}


@here
@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("set_xcrs_errno", lambda *_: 0),
        ("set_xsave_errno", lambda *_: 0),
        ("get_xsave_bv", lambda stored, *_: stored ^ 1),
        ("set_xfd_count", lambda *_: 1),
        ("offered_xcr0", lambda *_: 7),
    ],
)
def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch, rule: str, wrong: Any) -> None:
    """With any rule replaced, something is left unexplained."""
    monkeypatch.setattr(rules, rule, wrong)
    assert not conform_kvm(images=50, masks=100).holds


@here
def test_answers_can_be_judged_elsewhere() -> None:
    """Recorded answers give the same result without the machine."""
    taken: list[Any] = []
    found = conform_kvm(record=taken)
    answers = {repr(calls): answer for calls, answer in taken}
    again = judge("replay", lambda calls: answers[repr(calls)])
    assert (again.cases, again.agree) == (found.cases, found.agree)
    assert again.explained == found.explained


@here
def test_another_kernels_rule_is_named_by_its_commit() -> None:
    """Answers that follow the rules of another set of commits are explained by the commit."""
    taken: list[Any] = []
    conform_kvm(record=taken)
    answers = {repr(calls): answer for calls, answer in taken}
    facts = dict(answers)
    first = [*answers[repr(FACTS)]]
    first[0] = {**first[0], "kernel": "4.11.0"}
    facts[repr(FACTS)] = first
    found = judge("replay", lambda calls: facts[repr(calls)])
    whys = {each.why for each in found.explained}
    assert any("mxcsr_reserved_bits" in why for why in whys)


def test_a_release_has_a_modelled_kernel() -> None:
    """The newest version that is not newer."""
    assert nearest_kernel("6.12.117+deb12-cloud-amd64") == kernel("v6.12")
    assert nearest_kernel("99.1").name == "v7.3"


def test_without_the_device_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing device is one line."""
    monkeypatch.setattr(asker, "NAME", "/dev/nothing-like-kvm")
    with pytest.raises(Unreachable, match="No such file"):
        conform_kvm()


def test_facts_are_read_without_a_machine() -> None:
    """The first case's answer says who was met."""
    answer = [
        {"kernel": "6.12.1", "modules": ["kvm_amd"], "cpu": ["AuthenticAMD", "EPYC"]},
        1, 1, 4096, [0, 0x207],
        [[0xD, 0, 1, 0x207, 2440, 2440, 0], [0xD, 9, 1, 8, 2432, 0, 0]],
        [0xDA0],
        ["00" * 64, 0x37F, 0x1F80, 0x207, []],
    ]  # fmt: skip
    facts = facts_of(answer)
    assert facts.module == "kvm_amd"
    assert facts.supported_xcr0 == 0x207
    assert facts.xcr0 == 0x207


@here
def test_a_capture_is_judged_again(tmp_path: Path) -> None:
    """A file of answers gives the same result; a changed one does not pass, a broken one is one line."""
    path = tmp_path / "capture"
    taken: list[Any] = []
    found = conform_kvm(images=20, masks=40, record=taken)
    write_capture(path, "kvm", 1, 20, 40, taken)
    assert is_capture(path)
    again = replay_capture(path)
    assert (again.cases, again.agree, again.unexplained) == (found.cases, found.agree, ())
    path.write_text(path.read_text().replace("[0,-22,", "[0,0,"))
    assert not replay_capture(path).holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "capture:1"),
        ('{"kind": "xsavvy-kvm-capture"}', "not the head"),
        ('{"kind": "xsavvy-kvm-capture", "oracle": "x", "seed": 1, "images": 1, "masks": 1}', "no answer"),
        ('{"kind": "xsavvy-kvm-capture", "oracle": "x", "seed": 1, "images": 1, "masks": 1}\n3', "capture:2"),
        ('{"kind": "xsavvy-kvm-capture", "oracle": "x", "seed": 1, "images": 1e9, "masks": 1}', "capture:1"),
    ],
)  # fmt: skip
def test_a_broken_capture_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Where, and what was expected."""
    path = tmp_path / "capture"
    path.write_text(text)
    with pytest.raises(BadCapture) as caught:
        replay_capture(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def offered_here() -> tuple[str, list[str]]:
    """What this KVM shows that `capabilities` does not say, or the other way round."""
    device = os.open(asker.NAME, os.O_RDWR)
    try:
        facts = facts_of(asker.answer(device, FACTS))
    finally:
        os.close(device)
    table = read_cpuid()
    caps = capabilities(table, facts.rules, configuration(["no-tile-permission"]))
    told = leaf_d(table, caps, facts.rules)
    shown = Table({key: Leaf(*leaf) for key, leaf in facts.supported.items() if key[0] == 0xD})
    pairs = {
        "KVM_X86_XCOMP_GUEST_SUPP": (caps.supported_xcr0, facts.attribute[1]),
        "leaf 0xD": (told.selected([0xD]), shown),
        "MSRs": (
            {each.number for each in listed_msrs(caps, facts.rules)},
            facts.msrs & {each.number for each in MSRS},
        ),
    }
    return facts.module, [name for name, (ours, theirs) in pairs.items() if ours != theirs]


@here
def test_this_machines_kvm_offers_what_is_derived() -> None:
    """kvm_intel and kvm_amd offer what follows from this CPUID; kvm_pvm has its own way, but not of XCR0."""
    module, differ = offered_here()
    if "kvm_pvm" in module:
        assert set(differ) <= {"leaf 0xD", "MSRs"}
        pytest.skip(f"kvm_pvm shows a leaf 0xD of its own: {', '.join(differ)} differ")
    assert differ == []
