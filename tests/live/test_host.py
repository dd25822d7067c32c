# SPDX-License-Identifier: Apache-2.0
"""Other processors than this one: what would be asked of them, and what left alone."""

from __future__ import annotations

import dataclasses
import re

import pytest

from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa import components
from xsavvy.live import host as host_module
from xsavvy.live.answer import Answer
from xsavvy.live.case import Case
from xsavvy.live.fact.table import PROBES
from xsavvy.live.generate import Generator
from xsavvy.live.host import Host, describe, meet
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.predict import Prediction

XCR0 = "xcr0"


def as_if(name: str) -> Host:
    """A processor of a dump, with everything enabled that it supports."""
    table = PRESETS[name].table
    first = table.read(0xD)
    return describe(table, first.eax | first.edx << 32, 0xFFFF, 48, "Linux")


@pytest.fixture(params=[name for name in PRESETS if PRESETS[name].table.read(0xD, 1).eax & 0b100])
def other(request: pytest.FixtureRequest) -> Host:
    return as_if(request.param)


def test_pkru_and_tiles_are_never_requested(other: Host) -> None:
    """Cases for any processor leave PKRU and AMX alone, and the report says so."""
    forbidden = other.xcr0 & (components.PKRU | components.XTILECFG | components.XTILEDATA)
    names = {one.name for one in other.unreached}
    assert set(components.names(forbidden)) <= names
    generator = Generator(other, 1)
    for case in map(generator.case, range(300)):
        if case.has_operand:
            assert not case.rfbm & forbidden
        if other.processor.pku and case.instruction in {"rdpkru", "wrpkru"}:
            assert case.index


def test_the_model_predicts_cases_of_any_processor(other: Host) -> None:
    """Offsets come from the processor: every case has a prediction, and saves keep their size."""
    generator, model = Generator(other, 2), Prediction(other)
    for case in map(generator.case, range(200)):
        nothing = Answer(None, 0, None, None, 0, 0, b"", b"")
        predicted = model.predict(case, nothing)
        assert len(predicted.memory) == 8192
        assert len(predicted.after) == other.image_bytes <= 4096


def test_facts_make_cases_for_any_processor(other: Host) -> None:
    """Each probe either asks something of a processor or has nothing to ask."""
    for probe in PROBES:
        for case in probe.cases(other) if probe.cases else []:
            if case.has_operand:
                assert not case.rfbm & other.xcr0 & ~other.reachable


def test_a_component_that_is_not_enabled_is_out_of_reach() -> None:
    """With XCR0=7 a processor with AVX-512 is asked for x87, SSE and AVX only, and says why."""
    table = PRESETS["skylake-sp" if "skylake-sp" in PRESETS else next(iter(PRESETS))].table
    found = describe(table, 0b111, 0xFFFF, 48, "Linux")
    assert found.reachable == 0b111
    reasons = {one.name: one.reason for one in found.unreached}
    if table.read(0xD).eax & components.OPMASK:
        assert reasons["OPMASK"] == "XCR0=0x7 does not enable it"


@pytest.mark.parametrize(
    ("leaf", "bit", "feature"),
    [
        ((1, 0), ("ecx", 26), "xsave"),
        ((1, 0), ("ecx", 27), "osxsave"),
        ((0xD, 1), ("eax", 2), "xgetbv1"),
    ],
)
def test_a_processor_without_the_basics_says_which(
    monkeypatch: pytest.MonkeyPatch, leaf: tuple[int, int], bit: tuple[str, int], feature: str
) -> None:
    """Without XSAVE, OSXSAVE or XGETBV(1) nothing is executed and the reason names it."""
    table = PRESETS["milan"].table
    register, number = bit
    basics = {(1, 0): table.read(1)._replace(ecx=table.read(1).ecx | 3 << 26)}
    cut = Table({**table, **basics})
    entry = cut.read(*leaf)
    changed = entry._replace(**{register: getattr(entry, register) & ~(1 << number)})
    monkeypatch.setattr(host_module, "read_cpuid", lambda: cut.replaced({leaf: changed}))
    with pytest.raises(Unreachable, match=rf"^this CPU \(or VM\) has no {feature}$"):
        meet()


def test_a_table_without_sizes_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A VM whose CPUID lacks a component's subleaf is not guessed at."""
    table = PRESETS["milan"].table
    basics = table.read(1)._replace(ecx=table.read(1).ecx | 3 << 26)
    torn = table.replaced({(0xD, 2): None, (1, 0): basics})
    monkeypatch.setattr(host_module, "read_cpuid", lambda: torn)
    with pytest.raises(Unreachable, match=re.escape("CPUID: leaf 0xd lacks the size of AVX")):
        meet()


def test_cases_are_fitted_to_the_processor() -> None:
    """A recorded case gets this processor's sizes, and is refused where it asks too much."""
    host = as_if("milan")
    fitted = host.fitted(Case("xsave64", b"\x01", b"\x02" * 8000))
    assert len(fitted.setup) == len(fitted.memory) == host.image_bytes
    outside = host.xcr0 & ~host.reachable
    if outside:
        with pytest.raises(ValueError, match="it requests PKRU"):
            host.fitted(Case("xsave64", b"", rfbm=outside))
    pku = dataclasses.replace(host, processor=dataclasses.replace(host.processor, pku=True))
    with pytest.raises(ValueError, match="read or write PKRU"):
        pku.fitted(Case("wrpkru", b""))
    with pytest.raises(ValueError, match="operand must be accessible"):
        host.fitted(Case("fldcw", b"", second="absent"))
    ptwrite = host.table.replaced({(0x14, 0): Leaf(0, 1 << 4, 0, 0)})
    with pytest.raises(ValueError, match="another instruction"):
        dataclasses.replace(host, table=ptwrite).fitted(Case("xsave", b"", prefix="f3"))
