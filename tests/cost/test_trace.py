# SPDX-License-Identifier: Apache-2.0
"""Reading traces: writers, times, losses, and files that mean no good."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xsavvy.cost.recorded import payload
from xsavvy.cost.recorded.line import BLOCK, LONGEST
from xsavvy.cost.trace import MOST_THREADS, Recorded, UnreadableTrace, load_trace, read_trace

HEAD = " qemu-7 [001] d..1. "


def _read(*lines: str) -> Recorded:
    return read_trace(io.BytesIO("\n".join(lines).encode()), "test")


@pytest.mark.parametrize(
    "head",
    [
        " qemu-7 [001] d..1. 1.5: ",
        " qemu-7 [001] d..1 1.5: ",
        " qemu-7     (      7) [001] d..1. 1.5: ",
        " qemu-7 [001] 1.5: ",
        " qemu 7 [001] 1.5: kvm:",
        " qemu 7/7 [001] 1.500000: 1 kvm:",
        " [001] 1.5: kvm:",
        " a [b]-7 [001] .... 1.5: ",
        " CPU 0/KVM-7 [001] ... ",
    ],
)
def test_each_writer_is_understood(head: str) -> None:
    """An entry counts, whatever stands before it."""
    seen = _read(f"{head}kvm_entry: vcpu 3, rip 0x100")
    assert (seen.entries, seen.torn, seen.vcpus[0].number) == (1, 0, 3)
    assert seen.first == (1.5 if "1.5" in head else None)


@pytest.mark.parametrize(
    ("exit_", "between", "modelled"),
    [
        ("reason MSR_WRITE rip 0x1 info1 0x0", "kvm_msr: msr_write 1c4 = 0x40000", "wrmsr_xfd"),
        ("reason msr rip 0x1 info1 0x1", "kvm_msr: msr_write 1c5 = 0x0", "wrmsr_xfd_err"),
        ("vcpu 0 reason msr rip 0x1", "kvm_msr: msr_write da0 = 0x0", "wrmsr_xss"),
        ("reason MSR_WRITE rip 0x1", "kvm_msr: msr_write 1c4 = 0x1 (#GP)", "msr_write"),
        ("reason MSR_WRITE rip 0x1", "kvm_msr: msr_write 6e0 = 0x5", "fastpath"),
        ("reason MSR_WRITE rip 0x1", "kvm_msr: msr_write c0000103 = 0x5", "msr_write"),
        ("reason HLT rip 0x1", "kvm_userspace_exit: reason KVM_EXIT_HLT (5)", "userspace"),
        ("reason EXTERNAL_INTERRUPT rip 0x1 info 0 800000f6", "kvm_pio: x", "interrupt"),
        ("reason EXCEPTION_NMI rip 0x1 info 0 80000202", "kvm_pio: x", "nmi"),
        (
            "reason EXCEPTION_NMI rip 0x1 intr_info 0x80000307 e",
            "kvm_pio: x",
            "device_not_available",
        ),
        ("reason EXCEPTION_NMI rip 0x1 info 0 80000b0e", "kvm_pio: x", "exception_nmi"),
        ("reason XSETBV rip 0x1", "kvm_pio: x", "xsetbv"),
    ],
)
def test_an_exit_gets_the_reason_that_the_model_knows(
    exit_: str, between: str, modelled: str
) -> None:
    """What follows an exit on its thread says which MSR was written and whether the VMM was asked."""
    other = " else-8 [000] .... 1.0: kvm_msr: msr_write 1c4 = 0x1"
    for end in ([f"{HEAD}3.0: kvm_entry: vcpu 0"], []):
        seen = _read(f"{HEAD}1.0: kvm_exit: {exit_}", other, f"{HEAD}2.0: {between}", *end)
        assert seen.exits_as_modelled == {modelled: 1}


def test_times_are_between_partners_of_one_thread() -> None:
    """Guest time runs from entry to exit, host time from exit to entry, for each thread by itself."""
    seen = _read(
        " a-1 [000] d..1 1.0: kvm_entry: vcpu 0",
        " b-2 [001] d..1 1.1: kvm_entry: vcpu 1",
        " a-1 [000] d..1 1.3: kvm_exit: reason HLT rip 0x1 info 0 0",
        " b-2 [001] d..1 1.5: kvm_exit: reason HLT rip 0x1 info 0 0",
        " a-1 [000] d..1 1.8: kvm_entry: vcpu 0",
        " a-1 [000] d..1 2.0: kvm_entry: vcpu 0",
    )
    first, second = seen.vcpus
    assert (first.guest_seconds, first.host_seconds, first.unpaired) == (0.3, 0.5, 1)
    assert (second.guest_seconds, second.host_seconds, second.exits) == (0.4, 0.0, 1)
    assert seen.seconds == 1.0
    assert seen.per_second(4) == 4.0


def test_a_thread_is_known_by_its_number() -> None:
    """The kernel does not always know a thread's name; its number tells that it is the same."""
    seen = _read(
        " <...>-7     (-----) [000] d..1 1.0: kvm_entry: vcpu 0",
        " qemu-7     (      7) [000] d..1 1.5: kvm_exit: reason HLT rip 0x1 info 0 0",
        " qemu-8     (      7) [000] d..1 1.6: kvm_entry: vcpu 1",
    )
    assert [(vcpu.number, vcpu.guest_seconds) for vcpu in seen.vcpus] == [(0, 0.5), (1, 0.0)]


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("CPU:3 [LOST 12 EVENTS]", 12),
        ("CPU:3 [LOST EVENTS]", 0),
        ("CPU:3 [7 EVENTS DROPPED]", 7),
        ("CPU:3 [EVENTS DROPPED]", 0),
        (" perf 1 [000] 1.2: PERF_RECORD_LOST lost 9", 9),
        (" perf 1 [000] 1.2: unknown: PERF_RECORD_LOST lost 9", 9),
    ],
)
def test_what_was_lost_is_said_and_no_time_bridges_it(line: str, lost: int) -> None:
    """A gap is counted, and an exit after it is not paired with an entry before it."""
    seen = _read(
        f"{HEAD}1.0: kvm_entry: vcpu 0",
        line,
        f"{HEAD}9.0: kvm_exit: reason HLT rip 0x1 info 0 0",
    )
    assert (seen.lost, seen.gaps, seen.torn, seen.events) == (lost, 1, 0, 2)
    assert seen.vcpus[0].guest_seconds == 0.0


def test_a_full_ring_buffer_is_told_from_its_header() -> None:
    """Ftrace's header says how many events were overwritten before the trace was read."""
    seen = _read("# entries-in-buffer/entries-written: 1/100   #P:2", f"{HEAD}1.0: kvm_fpu: load")
    assert (seen.lost, seen.gaps) == (99, 1)


@pytest.mark.parametrize(
    "line",
    [
        f"{HEAD}1.0: kvm_exit: vcpu 0 reason HL",
        f"{HEAD}1.0: kvm_entry: vc",
        f"{HEAD}1.0: kvm_msr: msr_write 1c4",
        f"{HEAD}1.0: kvm_fpu: lo",
        f"{HEAD}1.0: kvm_userspace_exit: reason KVM_EX",
        f"{HEAD}1.0: x86_fpu_regs_activated: x86/fpu: 0000",
        " qemu-7 [00",
        f"{HEAD}{'9' * 400}.0: kvm_entry: vcpu 0",
        "80): kvm_entry: vcpu 0",
        "x" * (LONGEST + 1),
    ],
)
def test_a_torn_line_is_counted_and_skipped(line: str) -> None:
    """A line that was cut adds to nothing but the count of torn lines."""
    seen = _read(f"{HEAD}1.0: kvm_entry: vcpu 0", line, f"{HEAD}2.0: kvm_entry: vcpu 0")
    assert (seen.torn, seen.events, seen.lines, seen.entries) == (1, 2, 3, 2)
    assert seen.exits.total() == seen.msr_writes.total() == seen.fpu_loads == 0


def test_the_hosts_own_msrs_are_kept_apart() -> None:
    """Events of the system msr are the host's; those of KVM the guest's."""
    seen = _read(
        f"{HEAD}1.0: write_msr: 1c4, value 40000",
        f"{HEAD}1.0: read_msr: 1c5, value 0",
        f"{HEAD}1.0: kvm_msr: msr_write 1c4 = 0x40000",
    )
    assert (seen.host_msr_writes, seen.host_msr_reads) == ({0x1C4: 1}, {0x1C5: 1})
    assert seen.msr_writes == {0x1C4: 1}
    assert {str(event) for event in seen.tally()} == {"wrmsr IA32_XFD", "rdmsr IA32_XFD_ERR"}
    assert seen.behaviour() == {"writes of IA32_XFD": 1}


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"# tracer: nop\n", b"PERFILE2\0\1\2\0", b"hello\n" * 20_000]
)
def test_a_file_that_is_no_trace_is_one_clear_line(data: bytes) -> None:
    """Nothing, comments, a binary recording and prose are refused."""
    with pytest.raises(UnreadableTrace) as no:
        read_trace(io.BytesIO(data), "there")
    assert str(no.value).startswith("there: ")
    assert "\n" not in str(no.value)


def test_a_line_that_never_ends_is_no_trace() -> None:
    """What gives bytes without end and without a line, such as /dev/zero, is given up."""
    with pytest.raises(UnreadableTrace, match="no event in 1 lines"):
        read_trace(_Endless(repeat(b"x" * BLOCK)), "there")  # type: ignore[arg-type]


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    """A path that does not exist, or is a directory, is named."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UnreadableTrace, match=str(path)):
            load_trace(path)


class _Endless(io.RawIOBase):
    """A file that goes on for a while and is never held as a whole."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


@pytest.mark.parametrize("piece", [b"x" * BLOCK, (HEAD + "1.0: kvm_fpu: load\n").encode() * 9000])
def test_memory_does_not_grow_with_the_file(piece: bytes) -> None:
    """A line of 64 MB and many lines are read in the memory of a few blocks."""
    start = (HEAD + "1.0: kvm_fpu: load\n").encode()
    tracemalloc.start()
    count = 64 if len(piece) == BLOCK else 4
    seen = read_trace(_Endless(iter([start, *([piece] * count)])), "long")  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * BLOCK
    assert seen.fpu_loads + seen.torn == seen.lines


def test_names_without_end_are_bounded() -> None:
    """Threads, reasons and MSRs that are different each time fill no memory; what is not told apart is counted."""
    lines = (
        f" t{n}-{n} [000] d..1 1.{n:06}: kvm_exit: reason R{n} rip 0x1 info 0 0\n"
        f" t{n}-{n} [000] d..1 1.{n:06}: kvm_msr: msr_read {n:x} = 0x0\n"
        for n in range(MOST_THREADS + 50)
    )
    seen = read_trace(io.BytesIO("".join(lines).encode()), "many")
    assert len(seen.exits) == len(seen.msr_reads) == payload.MOST_KINDS
    assert len(seen.vcpus) == MOST_THREADS
    assert seen.beyond == 3 * 50
    assert seen.torn == 0


@given(st.lists(st.binary(max_size=120), max_size=40))
def test_no_file_does_harm(lines: list[bytes]) -> None:
    """Whatever follows the first event is read or counted as torn; no line is lost and nothing else is raised."""
    data = b"\n".join([(HEAD + "1.0: kvm_fpu: load").encode(), *lines])
    seen = read_trace(io.BytesIO(data), "noise")
    assert 1 <= seen.events <= seen.lines
    assert seen.events + seen.torn <= seen.lines
