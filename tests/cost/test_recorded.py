# SPDX-License-Identifier: Apache-2.0
"""The traces beside the checkout replay to their own counts, which grep-like counting finds by another way."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from xsavvy.cost.event import Event, Kind
from xsavvy.cost.trace import Recorded, UnreadableTrace, load_trace

DATA = Path(__file__).parents[3] / "shared/data/traces"
TRACES = (
    "ftrace-vmx-text-1.txt",
    "ftrace-vmx-text-2.txt",
    "kvm_amd612_tcg_ftrace.txt",
    "kvm_amd61_tcg_ftrace.txt",
    "kvm_ftrace.txt",
    "kvm_ftrace_msr_xcr.txt",
    "kvm_perf_script.txt",
    "kvm_x86fpu_ftrace.txt",
    "perf-script-and-new-formats.txt",
)


def _text(name: str) -> str:
    path = DATA / name
    if not path.exists():
        pytest.skip("no recorded traces beside the checkout (../shared/data/traces)")
    return path.read_text(encoding="utf-8")


def _read(name: str) -> tuple[str, Recorded]:
    return _text(name), load_trace(DATA / name)


def _grep(text: str, pattern: str) -> Counter[str]:
    return Counter(re.findall(pattern, text))


@pytest.mark.parametrize("name", TRACES)
def test_each_kind_of_event_is_counted_as_often_as_grep_finds_it(name: str) -> None:
    """Counts by reason, MSR, exception, leaf and event are the numbers of lines that say so."""
    text, seen = _read(name)
    assert seen.entries == text.count(" kvm_entry: ") + text.count("kvm:kvm_entry: ")
    assert seen.exits == _grep(text, r"kvm_exit: (?:vcpu \d+ )?reason (\w+)")
    assert seen.fpu_loads == len(re.findall(r"kvm_fpu: load$", text, re.MULTILINE))
    assert seen.fpu_unloads == len(re.findall(r"kvm_fpu: unload$", text, re.MULTILINE))
    assert seen.userspace == _grep(text, r"kvm_userspace_exit: reason (\w+)")
    for counter, word in ((seen.msr_writes, "msr_write"), (seen.msr_reads, "msr_read")):
        assert {f"{key:x}": n for key, n in counter.items()} == _grep(text, rf"{word} (\w+) =")
    assert seen.msr_faults.total() == text.count("(#GP)")
    assert seen.emulated.total() == text.count("kvm_emulate_insn: ")
    assert seen.emulated["xsetbv"] == len(re.findall(r"kvm_emulate_insn: \S+:0f 01 d1 \(", text))
    assert seen.injected.total() == text.count("kvm_inj_exception: ")
    assert {f"{leaf:x}": n for leaf, n in seen.cpuid.items()} == _grep(text, r"func (\w+) idx")
    assert seen.x86_fpu == _grep(text, r" (x86_fpu_\w+): ")
    masks = {f"{mask:x}": n for mask, n in seen.xfeatures.items()}
    assert masks == _grep(text, r"xfeatures: (\w+)")


@pytest.mark.parametrize("name", TRACES)
def test_no_line_is_forgotten(name: str) -> None:
    """Every line is an event, a comment, or counted as torn; an event is as often there as its header says."""
    text, seen = _read(name)
    lines = text.splitlines()
    assert seen.lines == len(lines)
    comments = sum(line.startswith("#") or not line.strip() for line in lines)
    assert seen.events + seen.torn + comments == seen.lines
    marks = sum(line.startswith("==") for line in lines)
    assert seen.torn == marks, "nothing but the recorder's own marks"
    if written := re.search(r"entries-written: (\d+)/", text):
        assert seen.events == int(written[1])


@pytest.mark.parametrize("name", ["kvm_amd612_tcg_ftrace.txt", "kvm_amd61_tcg_ftrace.txt"])
def test_a_real_run_is_recovered(name: str) -> None:
    """Each exit has its entry, each exit to the VMM its HLT, and the times add up to the run's."""
    _, seen = _read(name)
    assert seen.entries == seen.exits.total() == seen.exits_as_modelled.total()
    assert seen.exits_as_modelled["userspace"] == seen.exits["hlt"] == seen.userspace.total() == 30
    assert seen.exits_as_modelled["interrupt"] == seen.exits["interrupt"]
    (vcpu,) = seen.vcpus
    assert (vcpu.number, vcpu.unpaired) == (0, 0)
    assert seen.seconds is not None
    assert 0 < vcpu.guest_seconds + vcpu.host_seconds < seen.seconds
    tally = seen.tally()
    assert tally[Event(Kind.VMENTRY)] == seen.entries
    assert tally[Event(Kind.EXIT_TO_USERSPACE)] == 30
    assert sum(n for event, n in tally.items() if event.kind is Kind.VMEXIT) == seen.entries


def test_two_writers_of_one_run_agree() -> None:
    """What perf and ftrace recorded of the same guest program differs by a factor only."""
    _, perf = _read("kvm_perf_script.txt")
    _, ftrace = _read("kvm_ftrace_msr_xcr.txt")
    assert perf.msr_writes.keys() == ftrace.msr_writes.keys()
    assert {ftrace.msr_writes[key] / perf.msr_writes[key] for key in perf.msr_writes} == {100 / 30}
    assert perf.injected.keys() == ftrace.injected.keys() == {"#GP"}


@pytest.mark.parametrize("name", ["kvm_ioctls_612_amd_tcg.txt", "kvm_msr.format.6.18"])
def test_what_lies_beside_the_traces_is_no_trace(name: str) -> None:
    """A survey of ioctls and a format file are refused in one line that says what was expected."""
    _text(name)
    with pytest.raises(
        UnreadableTrace, match=r"no event in \d+ lines; expected text of ftrace"
    ) as no:
        load_trace(DATA / name)
    assert "\n" not in str(no.value)
