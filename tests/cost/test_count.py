# SPDX-License-Identifier: Apache-2.0
"""Workloads that can be counted by hand."""

from pathlib import Path

import pytest

from xsavvy.api import CostResult, cost
from xsavvy.cost.count import bytes_moved
from xsavvy.cost.event import Event, Kind
from xsavvy.cost.weights import load_weights
from xsavvy.cost.workload import workloads
from xsavvy.isa.components import SSE
from xsavvy.model.platforms import preset
from xsavvy.model.values import TILE

RTIT = 4 + 2 * 2


def one(workload: str, compare: str) -> CostResult:
    """Return the only result of a workload under one value."""
    (result,) = cost([workload], compare=compare).results
    return result


def each(result: CostResult) -> dict[str, float]:
    """Return what one turn executes."""
    return {
        str(Event(Kind(count.kind), count.detail, count.by)): count.each
        for count in result.counts
        if count.each
    }


def test_a_guest_that_touches_nothing() -> None:
    """A guest without XSAVE and keys costs an entry and an exit; so does a million of its turns."""
    result = one("untouched", "kernel=v6.18")
    assert each(result) == {"vmentry": 1, "vmexit interrupt": 1}
    assert result.events["vmexit interrupt"] == result.times == 1000


def test_a_passed_through_xfd_costs_the_guest_its_write_and_the_host_a_read() -> None:
    """Upstream's toggle is two WRMSRs of the guest, and every exit one RDMSR more."""
    assert each(one("xfd-toggle", "xfd_intercept=first_nonzero")) == {"wrmsr IA32_XFD (guest)": 2}
    exits = each(one("xfd-exits", "xfd_intercept=first_nonzero"))
    assert exits == {
        "vmentry": 1,
        "vmexit interrupt": 1,
        "xsetbv": 2,
        "wrmsr IA32_XSS": 2,
        "rdmsr IA32_XFD": 1,
    }


def test_an_intercepted_xfd_costs_an_exit_for_each_write() -> None:
    """Each of the two writes leaves the guest, switches XCR0 and IA32_XSS twice, and writes the register."""
    result = one("xfd-toggle", "xfd_intercept=always")
    assert each(result) == {
        "vmentry": 2,
        "vmexit wrmsr_xfd": 2,
        "xsetbv": 4,
        "wrmsr IA32_XSS": 4,
        "wrmsr IA32_XFD": 2,
    }
    # At boot one more write exits, and the guest's first nonzero one.
    assert result.events["vmexit wrmsr_xfd"] == 2 * 1000 + 1


@pytest.mark.parametrize(("option", "exits"), [("option_1", 2), ("option_2", 2), ("option_3", 4)])
def test_the_options_of_the_thread_stop_exiting(option: str, exits: int) -> None:
    """After the boot's write, options 1 and 2 exit once, option 3 at the 1st, 2nd and 3rd; then two guest writes."""
    result = one("xfd-toggle", f"xfd_intercept={option}")
    assert each(result) == {"wrmsr IA32_XFD (guest)": 2}
    assert result.events["vmexit wrmsr_xfd"] == exits
    assert result.events["exit_to_userspace"] == 1
    assert result.events["wrmsr IA32_XFD (guest)"] == 2000 - (exits - 1)


def test_the_loop_of_fastpath_exits() -> None:
    """v6.18 switches at each of ten entries what v6.19 switches once around them."""
    switched = {"xsetbv": 2, "wrmsr IA32_XSS": 2, "rdpkru": 1, "wrpkru": 2}
    around = {"vmentry": 10, "vmexit fastpath": 9, "vmexit interrupt": 1}
    inside = {event: 10 * count for event, count in switched.items()}
    assert each(one("ipi-heavy", "kernel=v6.18")) == inside | around
    assert each(one("ipi-heavy", "kernel=v6.19")) == switched | around


def test_a_halt_that_need_not_wait_joins_the_loop() -> None:
    """1876dd69dfe8 spares nine of ten RDMSRs of IA32_XFD; what is switched inside the loop stays until v6.19."""
    inside = {"xsetbv": 20, "wrmsr IA32_XSS": 20, "rdpkru": 30, "wrpkru": 20}
    old = each(one("hlt-pending", "kernel=v6.11"))
    assert old == {"vmentry": 10, "vmexit interrupt": 10, "rdmsr IA32_XFD": 10} | inside
    joined = {"vmentry": 10, "vmexit fastpath": 9, "vmexit interrupt": 1, "rdmsr IA32_XFD": 1}
    assert each(one("hlt-pending", "kernel=v6.12")) == joined | inside
    once = {"xsetbv": 2, "wrmsr IA32_XSS": 2, "rdpkru": 1, "wrpkru": 2}
    assert each(one("hlt-pending", "kernel=v6.19")) == joined | once


def test_an_exit_for_another_reason_is_no_difference() -> None:
    """Nine fastpath exits instead of nine others: what is left are nine RDMSRs, and only their price has a range."""
    first, second = cost(["hlt-pending"], compare="kernel=v6.11,v6.12").results
    assert first.more == (0, 0, 0)
    price = load_weights("intel-server").cycles(Kind.RDMSR, "IA32_XFD")
    assert second.more == tuple(-9 * value for value in reversed(price))


def test_the_hidden_rdpkru() -> None:
    """Seed 002: the helper's own RDPKRU is the second and third; the hint of the thread removes both."""
    assert each(one("pkru-guest", "pkru_compare=rdpkru"))["rdpkru"] == 3
    assert each(one("pkru-guest", "pkru_compare=hint"))["rdpkru"] == 1
    assert each(one("pkru-same", "pkru_compare=rdpkru"))["rdpkru"] == 1
    assert "wrpkru" not in each(one("pkru-same", "pkru_compare=rdpkru"))


def test_a_nested_guest_gains_nothing_from_passthrough() -> None:
    """L2's writes exit in any case; passthrough adds its RDMSR to each of those exits."""
    intercepted = {"vmentry": 2, "vmexit wrmsr_xfd": 2, "wrmsr IA32_XFD": 2}
    assert each(one("nested-xfd", "xfd_intercept=always")) == intercepted
    passed = each(one("nested-xfd", "xfd_intercept=first_nonzero"))
    assert passed == intercepted | {"rdmsr IA32_XFD": 2}


def test_processor_trace_by_design() -> None:
    """Upstream pays 2 (4 + 2n) reads and as many writes only while the guest traces; 'always' pays them always."""
    off = each(one("pt-off", "pt_switch=trace_en"))
    assert off == {"vmentry": 1, "vmexit interrupt": 1, "rdmsr IA32_RTIT_CTL": 1}
    for name, design in (("pt-on", "trace_en"), ("pt-off", "always"), ("pt-on", "always")):
        turn = each(one(name, f"pt_switch={design}"))
        others = {event: count for event, count in turn.items() if "RTIT" in event}
        del others["rdmsr IA32_RTIT_CTL"], others["wrmsr IA32_RTIT_CTL"]
        assert sum(others.values()) == 2 * RTIT + 2 * RTIT


def test_cet_by_design() -> None:
    """Deferred CET costs nothing at an exit; at once, five reads and ten writes."""
    deferred = each(one("cet-tasks", "cet_switch=vmcs_and_fpu"))
    at_once = each(one("cet-tasks", "cet_switch=all_at_entry"))
    more = {event: count for event, count in at_once.items() if event not in deferred}
    assert sum(count for event, count in more.items() if event.startswith("rdmsr")) == 2 * 5
    assert sum(count for event, count in more.items() if event.startswith("wrmsr")) == 2 * 10


def test_a_swap_of_the_fpu_moves_the_bytes_of_the_platform() -> None:
    """An exit to userspace saves and restores two fpstates; bytes come from CPUID leaf 0xD."""
    size = bytes_moved(preset("sapphire-rapids").processor, SSE)
    turn = each(one("userspace", "kernel=v6.18"))
    assert (turn[f"xsaves {size}"], turn[f"xrstors {size}"]) == (2, 2)
    assert (turn["enter_kernel"], turn["exit_to_userspace"]) == (1, 1)


def test_tiles_bring_their_configuration() -> None:
    """TILEDATA is 8192 bytes, TILECFG 64."""
    processor = preset("sapphire-rapids").processor
    assert bytes_moved(processor, SSE | TILE) - bytes_moved(processor, SSE) == 8192 + 64


def test_a_loop_in_one_stride_counts_as_turn_by_turn(tmp_path: Path) -> None:
    """A loop's turns are multiplied once they repeat; written out they count the same."""
    text = workloads()["ipi-heavy"].program
    head = [f"{key}: {value}" for _, key, value in text.settings]
    body = ["WRPKRU by guest = guest"]
    turn = ["fastpath exit"] * 9 + ["external interrupt"]
    written = [*head, *body, *(turn * 7), "repeat 1:", "    external interrupt"]
    looped = [*head, *body, "repeat 7:", *(f"    {line}" for line in turn)]
    looped += ["repeat 1:", "    external interrupt"]
    totals = []
    for number, lines in enumerate((written, looped)):
        path = tmp_path / f"{number}.guest"
        path.write_text("\n".join(lines))
        totals.append(one(str(path), "kernel=v6.18").events)
    assert totals[0] == totals[1]
