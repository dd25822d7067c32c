# SPDX-License-Identifier: Apache-2.0
"""What is measured on this machine, and that it is sane; never how fast it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xsavvy.api.measuring import measure_weights
from xsavvy.api.usage import UsageError
from xsavvy.cost.weights import load_weights
from xsavvy.live import measure as measuring
from xsavvy.live.host import Host
from xsavvy.live.kvm import asker
from xsavvy.live.machine.clock import Clock
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.measure import Measurements, measure

pytestmark = pytest.mark.silicon


@pytest.fixture(scope="module")
def measured(host: Host) -> Measurements:
    return measure(runs=9)


def test_ranges_rise_and_say_what_they_are(measured: Measurements) -> None:
    """Each result has its range, its source, and a processor that it belongs to."""
    assert measured.cpu
    assert measured.kernel.startswith("Linux")
    for each in measured.found:
        assert 0 <= each.low <= each.mid <= each.high
        assert "measured here" in each.source
    assert {name for name, _ in measured.missing} >= {"RDMSR, WRMSR, XSETBV"}


def test_the_family_is_there_for_each_state(measured: Measurements, host: Host) -> None:
    """XSAVE and XRSTOR are measured for each state that this processor has, and a stand-in says so."""
    sizes = {each.bytes for each in measured.found if each.event == "xsave"}
    assert {64, 576} <= sizes
    assert max(size for size in sizes if size) <= host.area_bytes
    for event in ("xsaves", "xrstors"):
        assert all("stands in" in each.source for each in measured.found if each.event == event)
    assert all(each.mid > 1 for each in measured.found if each.event in {"xsave", "xgetbv"})


def test_saving_more_state_is_not_cheaper(measured: Measurements) -> None:
    """The least that XSAVEC takes does not fall when more is in use."""
    found = {each.bytes: each.low for each in measured.found if each.event == "xsavec"}
    if not found:
        pytest.skip("this CPU (or VM) has no xsavec")
    least = [found[size] for size in sorted(size for size in found if size)]
    assert least[-1] > least[0] * 0.9


def test_a_longer_loop_takes_longer(host: Host) -> None:
    """The clock counts turns: ten times as many take some ten times as long."""
    clock = Clock({"xgetbv": "xgetbv | 0f 01 d0"}, host.area_bytes)
    short = min(clock.ticks("xgetbv", 1000) for _ in range(20))
    long = min(clock.ticks("xgetbv", 10_000) for _ in range(20))
    assert 5 < long / short < 20


def test_what_was_loaded_is_what_is_saved(host: Host) -> None:
    """The state under measurement is really there, and the caller's own comes back."""
    if not host.processor.xsavec:
        pytest.skip("this CPU (or VM) has no xsavec")
    clock = Clock({"xsavec64": "xsavec64 | 48 0f c7 26"}, host.area_bytes)
    image = bytearray(host.image_bytes)
    image[0:2], image[24:28], image[512] = b"\x7f\x02", b"\x80\x1f\0\0", 0b11
    image[160:176] = b"\1" * 16
    clock.clear()
    before = sum(each / 3 for each in range(100))
    clock.ticks("xsavec64", 3, rfbm=host.reachable, setup=bytes(image))
    assert clock.saved_header() == (0b11, 1 << 63 | host.reachable)
    assert sum(each / 3 for each in range(100)) == before


def test_kvm_run_is_measured_or_the_reason_is_said(measured: Measurements) -> None:
    """With a KVM that can be opened there is a round trip; without one there is a reason."""
    events = {each.event for each in measured.found}
    if os.access(asker.NAME, os.R_OK | os.W_OK):
        assert {"kvm_run", "kvm_run_io"} <= events or "KVM_RUN" in dict(measured.missing)
    else:
        assert dict(measured.missing)["KVM_RUN"].startswith(asker.NAME)


def test_without_a_kvm_the_rest_is_measured(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine without /dev/kvm has its instructions measured, and says what it lacks."""
    monkeypatch.setattr(asker, "NAME", str(tmp_path / "kvm"))
    found = measure(runs=3)
    assert not [each for each in found.found if each.event.startswith("kvm_run")]
    assert dict(found.missing)["KVM_RUN"].endswith("No such file or directory")


def test_what_was_measured_is_a_file_of_weights(host: Host, tmp_path: Path) -> None:
    """The weights of this machine can be written, read again, and price what they measured."""
    found = measure_weights(runs=3)
    file = tmp_path / "here.toml"
    file.write_text(found.weights.to_toml())
    again = load_weights(file)
    assert again.weights == found.weights.weights
    assert again.find("xsaves", "576") is not None or not host.processor.xsavec


def test_where_nothing_can_be_measured_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor, or no executable memory, is a plain refusal."""

    def refuse() -> Host:
        raise Unreachable("not x86-64: riscv64")

    monkeypatch.setattr(measuring, "meet", refuse)
    with pytest.raises(UsageError, match="nothing can be measured here: not x86-64: riscv64"):
        measure_weights()


def test_an_exit_is_told_from_the_way_to_the_vmm(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a KVM whose guests really exit, an exit has a price of its own, and entries are in it."""
    if not os.access(asker.NAME, os.R_OK | os.W_OK):
        pytest.skip(f"{asker.NAME} cannot be opened")
    monkeypatch.setattr(measuring, "_REAL_MODULES", frozenset(asker.met()["modules"]))
    found = {each.event: each for each in measure(runs=3).found}
    if "vmexit" not in found:
        pytest.skip("no module kvm_* is loaded, so nobody knows what the guest does")
    # Which is dearer is the machine's business, and the moment's.
    assert "an exit for CPUID" in found["vmexit"].source
    assert "exit" not in found["kvm_run"].source
    assert found["vmentry"].high == found["enter_kernel"].high == 0
    assert "exit_to_userspace" in found
