# SPDX-License-Identifier: Apache-2.0
"""The picture of a trace has every actor and every register where the trace has them, and nothing of a file runs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.arch.source import ROOT
from tests.cli.fake import VIOLATED, result
from xsavvy import api
from xsavvy.api import CheckResult, Opening, Story, TraceStep, UsageError
from xsavvy.api.lanes import lane_of
from xsavvy.report.lane import lanes_of, rows_of
from xsavvy.report.tracepicture import trace_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def window() -> Story:
    """The NMI in the window of PKRU, public since 2021."""
    return api.story(
        "pkru",
        property="nmi_reads_user_memory_under_host_pkru",
        kernel="v6.18",
        platform="sapphire-rapids",
    )


@pytest.fixture(scope="module")
def pkru(window: Story) -> CheckResult:
    """The result of that story."""
    return window.result


def words(picture: str) -> list[str]:
    """The texts of a picture."""
    return [each.text or "" for each in ET.fromstring(picture).iter(f"{SVG}text")]


def boxes(picture: str, style: str) -> list[tuple[float, float]]:
    """The upper and lower edges of the boxes of one style."""
    found = [
        each for each in ET.fromstring(picture).iter(f"{SVG}rect") if style in each.get("class", "")
    ]
    return [
        (float(each.attrib["y"]), float(each.attrib["y"]) + float(each.attrib["height"]))
        for each in found
    ]


def step(name: str, actor: str = "vcpu", **changes: tuple[str, str]) -> TraceStep:
    """A step of a trace."""
    return TraceStep(actor, name, "", "", changes)


def test_the_documents_have_what_the_command_writes(window: Story) -> None:
    """docs/pictures/pkru-window.svg is what `xsavvy trace pkru --svg` draws of this run."""
    kept = ROOT / "docs" / "pictures" / "pkru-window.svg"
    assert kept.read_text(encoding="utf-8") == trace_svg(window.result, window.risk)


def test_the_lanes_are_the_actors(pkru: CheckResult) -> None:
    """A trace has the lanes that it uses, in the order of the picture."""
    assert list(lanes_of(pkru.trace)) == ["kvm", "interrupt", "userspace"]
    assert {"Userspace", "KVM", "Interrupt", "PKRU", "NMI"} <= set(words(trace_svg(pkru)))


def test_an_entry_is_the_processors() -> None:
    """The vCPU thread is userspace before its ioctl, and the CPU where that enters the guest by itself."""
    names = ("vmm.ioctl_KVM_RUN", "vcpu_enter_guest.preempt_disable", "vmx_vcpu_run.vmenter")
    assert [lane_of("vcpu", name) for name in names] == ["userspace", "kvm", "cpu"]
    assert lane_of("an actor of a patch", "anything") == "cpu"


def test_the_window_is_shaded_to_the_end(window: Story) -> None:
    """The shade and the wrong value begin at the step that opened the window, and end with the trace."""
    picture = trace_svg(window.result, window.risk)
    (shade,), (wrong,) = boxes(picture, "window"), boxes(picture, "bar wrong")
    assert wrong[0] < shade[0] < wrong[1] <= shade[1]
    assert not boxes(trace_svg(result(verdict="violated", trace=VIOLATED.trace)), "window")


def test_what_was_at_risk_for_a_while_is_shaded_so_long() -> None:
    """The shade covers the states at risk and no others: here the start and the second of four."""
    trace = [step(f"path.{number}") for number in range(3)]
    told = result(verdict="violated", trace=trace)
    first, second = boxes(trace_svg(told, [True, False, True, False]), "window")
    (whole,) = boxes(trace_svg(told, [True, True, True, True]), "window")
    assert whole[0] == first[0] < first[1] < second[0] < second[1] < whole[1]
    assert not boxes(trace_svg(told, [False] * 4), "window")


def test_a_long_trace_is_folded() -> None:
    """Runs of steps that change nothing become one row; steps where another actor cuts in stay."""
    quiet = [step(f"path.{number}") for number in range(20)]
    trace = [
        step("path.first"),
        *quiet,
        step("nmi", "nmi"),
        *quiet,
        step("path.last", f=("0", "1")),
    ]
    rows = rows_of(result(verdict="violated", trace=trace))
    assert [(row.number, row.quiet) for row in rows] == [
        (1, 0),
        (2, 19),
        (21, 0),
        (22, 0),
        (23, 0),
        (24, 19),
        (43, 0),
    ]
    assert sum(row.quiet or 1 for row in rows) == len(trace)
    short = rows_of(result(verdict="violated", trace=trace[:8]))
    assert all(row.step for row in short)


def test_what_a_patch_says_stays_text() -> None:
    """Names and values of a patch can neither close an element nor hide a control character."""
    evil = '</text><script>alert(1)</script>"\x1b[2J'
    trace = [step(evil, evil, **{"hw_a[0]": (evil, evil)})]
    picture = trace_svg(
        result(
            verdict="violated",
            property=evil,
            sentence=evil,
            trace=trace,
            opening=Opening(1, "hw_a[0]"),
        )
    )
    assert not list(ET.fromstring(picture).iter(f"{SVG}script"))
    assert "\x1b" not in picture


def test_a_witness_is_reached() -> None:
    """A trace to what must be reachable is drawn without a cross, and says so."""
    picture = trace_svg(result(verdict="holds", trace=VIOLATED.trace))
    assert "cross" not in picture.partition("</style>")[2]
    assert "reached: host_pkru_is_host" in words(picture)


def test_without_a_trace_there_is_no_picture() -> None:
    """A property that holds has nothing to draw."""
    with pytest.raises(UsageError, match="host_pkru_is_host: holds, so there is no trace"):
        trace_svg(result())
