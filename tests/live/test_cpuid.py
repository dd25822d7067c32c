# SPDX-License-Identifier: Apache-2.0
"""CPUID as this machine executes it."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

import pytest

from xsavvy.cpuid.table import Table
from xsavvy.live.cpuid import read_cpuid
from xsavvy.live.machine import memory
from xsavvy.live.machine.reach import Unreachable

pytestmark = pytest.mark.silicon


@pytest.fixture(scope="module")
def table() -> Table:
    try:
        return read_cpuid()
    except Unreachable as error:
        pytest.skip(f"silicon: {error.reason}")


def test_the_kernel_read_the_same_processor(table: Table) -> None:
    """Vendor and name are those that the kernel shows in /proc/cpuinfo."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    shown = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    assert table.vendor == shown["vendor_id"]
    assert table.brand == shown["model name"].strip()


def test_every_enumerated_component_has_a_subleaf(table: Table) -> None:
    """Leaf 0xD is read for each bit of XCR0 and IA32_XSS that it enumerates, and for no other."""
    if not table.read(1).ecx >> 26 & 1:
        pytest.skip("silicon: this CPU (or VM) has no xsave")
    first, second = table.read(0xD), table.read(0xD, 1)
    managed = first.eax | first.edx << 32 | second.ecx | second.edx << 32
    expected = {0, 1} | {bit for bit in range(2, 63) if managed >> bit & 1}
    assert set(table.subleaves(0xD)) == expected
    assert all(table.read(0xD, bit).eax for bit in expected - {0, 1})


def test_each_range_ends_where_it_says(table: Table) -> None:
    """The highest basic and extended leaves read are those that leaf 0 and 0x80000000 name."""
    leaves = {leaf for leaf, _ in table}
    assert max(leaf for leaf in leaves if leaf < 0x4000_0000) == table.read(0).eax
    assert max(leaves) == table.read(0x8000_0000).eax


def test_the_thread_may_run_where_it_could_before(table: Table) -> None:
    """Reading pins the thread for a moment and lets it go."""
    before = os.sched_getaffinity(0)
    assert read_cpuid().vendor == table.vendor
    assert os.sched_getaffinity(0) == before


def test_another_machine_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another architecture the reason names it, and no code is run."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(Unreachable, match=r"^not x86-64: aarch64$"):
        read_cpuid()


def test_another_system_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off Linux the reason names the system."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unreachable, match=r"^not Linux: darwin$"):
        read_cpuid()


def test_forbidden_executable_memory_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mprotect() refuses PROT_EXEC, the reason says so with its errno."""

    class Refusing:
        @staticmethod
        def mprotect(*_: object) -> int:
            ctypes.set_errno(13)
            return -1

    monkeypatch.setattr(memory, "libc", lambda: Refusing)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(
        Unreachable, match=r"^no writable\+executable mapping here: EACCES: Permission denied$"
    ):
        read_cpuid()
