# SPDX-License-Identifier: Apache-2.0
"""This machine's KVM, and kept answers of others, beside what the maintainers assert."""

from __future__ import annotations

import ast
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from xsavvy.live.kvm import asker, conform_maintainers, longmode
from xsavvy.live.kvm.facts import FACTS, Facts, facts_of
from xsavvy.live.kvm.maintainers import MaintainersConformance
from xsavvy.live.kvm.survey.guestcpuid import features_of
from xsavvy.live.kvm.survey.maintainers import asked_cases
from xsavvy.report.maintainers import maintainers_lines

CAPTURES = Path(__file__).parents[1] / "captures"


def holds(_scenario: str, _kernel: str, _platform: str) -> dict[str, str]:
    """Stand in for the scenarios, which have a test of their own."""
    return Verdicts()


class Verdicts(dict[str, str]):
    """What a test needs of each property."""

    def __missing__(self, _property: str) -> str:
        return "holds"


def kept(name: str) -> dict[str, Any]:
    """Return the answers of a capture by their calls."""
    with gzip.open(CAPTURES / f"{name}.jsonl.gz", "rt") as file:
        next(file)
        return {json.dumps(calls): answer for calls, answer in map(json.loads, file)}


def of_capture(name: str) -> MaintainersConformance:
    """Ask the answers of a capture."""
    answers = kept(name)
    return conform_maintainers(holds, lambda calls: answers[json.dumps(calls)])


def facts_of_capture(name: str) -> Facts:
    """Return what the kernel of a capture said of itself."""
    return facts_of(kept(name)[json.dumps(FACTS)])


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
def test_this_machine_keeps_what_is_asserted_or_has_a_reason() -> None:
    """Hundreds of assertions, each kept, explained, or not asked for a reason."""
    found = conform_maintainers(holds)
    assert [each for source in found.sources for each in source.unexplained] == []
    assert found.met is not None
    assert sum(source.asked for source in found.sources) > 300
    for source in found.sources:
        assert source.kept + len(source.explained) == source.asked
        assert all(source.not_asked)


@pytest.mark.parametrize("name", ["debian-6.1", "debian-6.12"])
def test_debians_kernels_keep_what_is_asserted_but_what_is_younger(name: str) -> None:
    """An unmodified kvm_amd differs where a commit came later, or QEMU's processor is not one."""
    found = of_capture(name)
    assert [each for source in found.sources for each in source.unexplained] == []
    whys = {each.why for source in found.sources for each in source.explained}
    assert any("85e5ba83c016" in why for why in whys)
    assert all("the kernel is older than" in why or "QEMU" in why for why in whys)
    asked = {source.file.rsplit("/", 1)[-1]: source.asked for source in found.sources}
    assert asked["set_sregs_test.c"] > 100
    assert asked["pku.c"] == 21


def test_a_wrong_answer_is_seen() -> None:
    """A KVM that takes XCR0=0 is found out."""
    answers = kept("debian-6.12")

    def ask(calls: list[list[Any]]) -> Any:
        answer = [*answers[json.dumps(calls)]]
        for place, (name, *_) in enumerate(calls):
            if name == "set_xsave":
                answer[place] = -22
        return answer

    found = conform_maintainers(holds, ask)
    assert not found.holds
    differ = [each for source in found.sources for each in source.unexplained]
    assert differ
    assert all(each.case.startswith("state_test: ") for each in differ)


def test_without_a_machine_the_model_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result says that no machine was asked, and why."""
    monkeypatch.setattr(asker, "NAME", "/dev/nothing-like-kvm")
    found = conform_maintainers(holds)
    assert found.met is None
    assert "No such file" in found.why
    assert sum(source.asked for source in found.sources) == 0
    text = "\n".join(line.plain for line in maintainers_lines(found, 100))
    assert "no machine (/dev/nothing-like-kvm: No such file or directory)" in text


def test_the_report_has_a_line_for_each_file() -> None:
    """Counts of both, what is explained, what is left out."""
    found = of_capture("debian-6.12")
    lines = [line.plain for line in maintainers_lines(found, None)]
    assert any(line.startswith("  xsave.c  model 409 of 409  machine ") for line in lines)
    assert any("QEMU's SVM does not intercept XSETBV" in line for line in lines)
    assert any(line.startswith("    left out   VMOVDQA") for line in lines)
    assert found.to_dict()["oracle"] == "maintainers"


def test_what_is_not_asked_has_a_reason() -> None:
    """Each case is a question, or says why it is none."""
    facts = facts_of_capture("debian-6.12")
    for asked in asked_cases(facts):
        assert (asked.question is None) == bool(asked.why)


def test_features_are_read_from_what_kvm_supports() -> None:
    """QEMU's processor has protection keys and no XSAVES, and kvm-amd says so."""
    has = features_of(facts_of_capture("debian-6.12"))
    assert has.has("XSAVE")
    assert has.has("PKU")
    assert not has.has("XSAVES")
    assert not has.has("CET")
    assert has.processor.xcr0_supported == 0x207


def test_the_asker_needs_nothing_but_the_standard_library() -> None:
    """It runs inside the machine of another kernel."""
    tree = ast.parse(Path(asker.__file__).read_text())
    modules = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    } | {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert modules <= sys.stdlib_module_names


@here
def test_a_guest_in_64_bit_mode_has_both_kinds_of_pages() -> None:
    """Reads and writes by either mapping arrive, what is not mapped and what is undefined is noted."""
    device = os.open(asker.NAME, os.O_RDWR)
    try:
        results = asker.answer(device, [
            ["set_cpuid", [[0x80000001, 0, 0, 0, 0, 0, 1 << 29]]],
            longmode.enter(),
            ["run", longmode.access(0, 1)],
            ["run", longmode.access(1, 0)],
            ["run", "0f0bf4"],
            ["run", "8a042500003000f4"],
            ["run", longmode.program(b"\x48\x89\xc8", rcx=0x1234)],
        ])  # fmt: skip
    finally:
        os.close(device)
    assert results[:2] == [0, 0]
    assert [vector for _, vector, _ in results[2:]] == [-1, -1, 6, 14, -1]
    assert results[3][2][0] & 0xFF == 1
    assert results[6][2][0] == 0x1234
