# SPDX-License-Identifier: Apache-2.0
"""A recorded trace as a workload: each exit is replayed once, under every choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy.api.replaying import replay_trace
from xsavvy.api.usage import UsageError
from xsavvy.cost.replay import replayed

DATA = Path(__file__).parents[3] / "shared/data/traces"


def _trace(
    folder: Path, *, xfd: int = 0, userspace: int = 0, fastpath: int = 0, other: int = 0
) -> Path:
    blocks = [
        *[("reason MSR_WRITE rip 0x1", "kvm_msr: msr_write 1c4 = 0x0")] * xfd,
        *[("reason HLT rip 0x1", "kvm_userspace_exit: reason KVM_EXIT_HLT (5)")] * userspace,
        *[("reason MSR_WRITE rip 0x1", "kvm_msr: msr_write 6e0 = 0x1")] * fastpath,
        *[("reason EPT_VIOLATION rip 0x1", "kvm_page_fault: x")] * other,
    ]
    lines = [
        f" v-1 [000] d..1 {at}.{part}: {text}\n"
        for at, (exit_, after) in enumerate(blocks)
        for part, text in ((0, "kvm_entry: vcpu 0"), (3, f"kvm_exit: {exit_}"), (5, after))
    ]
    path = folder / "made.txt"
    path.write_text("".join(lines))
    return path


def _each(path: Path, choice: str, **options: str) -> dict[str, float]:
    report = replay_trace(path, **options).report
    assert report is not None
    assert report.notes == []
    (result,) = (each for each in report.results if each.choice == choice)
    counts: dict[str, float] = {}
    for count in result.counts:
        name = f"{count.kind} {count.by}"
        counts[name] = counts.get(name, 0) + count.each / result.units
    return counts


@pytest.mark.parametrize("xfd", [4, 5])
def test_every_recorded_exit_is_one_exit_of_the_replay(tmp_path: Path, xfd: int) -> None:
    """Where XFD is always intercepted, a turn has exactly the exits, entries and ways to the VMM of the trace."""
    path = _trace(tmp_path, xfd=xfd, userspace=3, fastpath=7, other=11)
    seen = _each(path, "xfd_intercept=always")
    assert seen["vmexit host"] == seen["vmentry host"] == xfd + 21
    assert seen["exit_to_userspace host"] == 3


def test_another_choice_has_other_exits(tmp_path: Path) -> None:
    """Where XFD is passed through after its first write, the recorded writes are no exits any more."""
    path = _trace(tmp_path, xfd=6, other=2)
    seen = _each(path, "xfd_intercept=first_nonzero")
    assert seen["vmexit host"] == 2
    assert seen["wrmsr guest"] == 6


def test_a_trace_without_xfd_is_replayed_on_kernels(tmp_path: Path) -> None:
    """Nothing but exits is compared over the kernels between which the loop around the entry changed."""
    path = _trace(tmp_path, fastpath=10)
    old, new = _each(path, "v6.18"), _each(path, "v6.19")
    assert old["vmexit host"] == new["vmexit host"] == 10
    assert old["xsetbv host"] == 20
    assert new.get("xsetbv host", 0) == 0


@pytest.mark.parametrize("name", ["kvm_amd612_tcg_ftrace.txt", "kvm_amd61_tcg_ftrace.txt"])
def test_a_real_trace_replays_to_its_own_counts(name: str) -> None:
    """The recorded run has as many exits, entries and exits to the VMM as grep finds in its text."""
    path = DATA / name
    if not path.exists():
        pytest.skip("no recorded traces beside the checkout (../shared/data/traces)")
    text = path.read_text()
    assert sum(replayed(replay_trace(path).recorded).values()) == text.count(" kvm_exit: ")
    for kernel in ("v6.18", "v6.19"):
        seen = _each(path, kernel)
        assert seen["vmexit host"] == text.count(" kvm_exit: ")
        assert seen["vmentry host"] == text.count(" kvm_entry: ")
        assert seen["exit_to_userspace host"] == text.count(" kvm_userspace_exit: ")
        assert seen["enter_kernel host"] == text.count(" kvm_fpu: load")


def test_a_trace_without_exits_says_so(tmp_path: Path) -> None:
    """What has no exits is read, and not replayed, with the reason."""
    path = tmp_path / "fpu.txt"
    path.write_text(" v-1 [000] d..1 1.0: kvm_fpu: load\n")
    recorded, report, reason = replay_trace(path)
    assert (recorded.fpu_loads, report) == (1, None)
    assert reason.endswith("no kvm_exit among 1 events, so there is nothing to replay")


def test_no_trace_is_a_usage_error(tmp_path: Path) -> None:
    """A missing file is one line, as every wrong argument is."""
    with pytest.raises(UsageError, match="No such file or directory"):
        replay_trace(tmp_path / "none")


@pytest.mark.parametrize(("values", "swaps"), [(("40000", "0"), 2), (("0", "40000"), 0)])
def test_an_exit_to_the_vmm_finds_xfd_as_it_was_then(
    tmp_path: Path, values: tuple[str, str], swaps: int
) -> None:
    """With the tiles on, the swap writes IA32_XFD for the VMM and back for the guest; with them off it does not."""
    texts = [
        *(("MSR_WRITE rip 0x1", f"kvm_msr: msr_write 1c4 = 0x{value}") for value in values),
        ("HLT rip 0x1", "kvm_userspace_exit: reason KVM_EXIT_HLT (5)"),
    ]
    path = tmp_path / "made.txt"
    path.write_text(
        "".join(
            f" v-1 [000] d..1 {at}.{part}: {text}\n"
            for at, (reason, after) in enumerate(texts)
            for part, text in (
                (0, "kvm_entry: vcpu 0"),
                (3, f"kvm_exit: reason {reason}"),
                (5, after),
            )
        )
    )
    report = replay_trace(path).report
    assert report is not None
    always = next(each for each in report.results if each.choice == "xfd_intercept=always")
    written = [count.each for count in always.counts if count.detail == "IA32_XFD"]
    assert sum(written) == len(values) + swaps


def test_exits_with_tiles_on_are_not_counted_twice(tmp_path: Path) -> None:
    """They are taken out of the others: all exits, and all ways to the VMM, are those of the trace."""
    path = _trace(tmp_path, xfd=6, userspace=3, other=2)
    seen = _each(path, "xfd_intercept=always")
    assert seen["vmexit host"] == 11
    assert seen["exit_to_userspace host"] == 3
