# SPDX-License-Identifier: Apache-2.0
"""Wrong models: the campaign finds each of them out, and says why with a small case."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from xsavvy.image import header
from xsavvy.isa import masks
from xsavvy.isa.layout import Layout
from xsavvy.isa.processor import Vendor
from xsavvy.isa.restore import Header
from xsavvy.live.answer import Answer
from xsavvy.live.campaign import conform_silicon, minimal, replay
from xsavvy.live.case import Case, decode, encode
from xsavvy.live.generate import Generator
from xsavvy.live.host import Host
from xsavvy.live.judge import judge
from xsavvy.live.predict import Prediction
from xsavvy.live.shrink import initial_image
from xsavvy.live.silicon import Silicon

pytestmark = pytest.mark.silicon

MOST_CASES = 3000
SMALL = 4  # bytes that are not initial, in both images together


class KeepsOldBits(Prediction):
    """XSAVEC keeps the XSTATE_BV bits that it was not asked for, as XSAVE does."""

    def predict(self, case: Case, seen: Answer) -> Answer:
        right = super().predict(case, seen)
        if not case.instruction.startswith("xsavec") or right.vector is not None:
            return right
        at = case.offset + 512
        kept = int.from_bytes(case.memory[512:520], "little") & ~case.rfbm & (1 << 64) - 1
        bits = int.from_bytes(right.memory[at : at + 8], "little") | kept
        memory = right.memory[:at] + bits.to_bytes(8, "little") + right.memory[at + 8 :]
        return dataclasses.replace(right, memory=memory)


class PartialStore(Prediction):
    """A store that faults has written the first line already."""

    def predict(self, case: Case, seen: Answer) -> Answer:
        right = super().predict(case, seen)
        if not (right.vector == 14 and case.instruction.startswith("xsave") and right.cr2):
            return right
        memory = right.memory[: case.offset] + bytes(64) + right.memory[case.offset + 64 :]
        return dataclasses.replace(right, memory=memory)


def checks_everything(area: bytes | bytearray) -> Header:
    """Take bytes 24-63 of the header for bytes that the standard format checks."""
    read = _read(area)
    return read._replace(bytes_16_23_zero=read.bytes_16_23_zero & read.bytes_24_63_zero)


_read = header.read

# Name: (module, function, replacement).
RULES: dict[str, tuple[object, str, Callable[..., object]]] = {
    "standard XRSTOR checks bytes 24-63": (header, "read", checks_everything),
    "XSAVEC ignores XINUSE": (masks, "xsavec_writes", lambda rfbm, xinuse, xfd: rfbm),
    "XSAVE forgets MXCSR for RFBM[2]": (
        masks,
        "xsave_writes_mxcsr",
        lambda rfbm: 1 if rfbm & 2 else 0,
    ),
    "MXCSR never counts as in use": (masks, "in_use", lambda xinuse, initial: xinuse),
    "XRSTOR needs XSTATE_BV[1] for MXCSR": (
        masks,
        "compacted_inits_mxcsr",
        lambda rfbm, xstate_bv: 0,
    ),
    "an area ends after the header": (Layout, "extent", lambda self, mask: 576),
    "loaded zeros are in use": (
        masks,
        "xinuse_after_xrstor_by_value",
        lambda xinuse, loads, inits, initial: (xinuse | loads) & ~inits,
    ),
    "any MXCSR is legal": (masks, "mxcsr_ok", lambda value, mask: 1),
}


@pytest.fixture
def silicon(host: Host) -> Iterator[Silicon]:
    with Silicon(host) as silicon:
        yield silicon


def first_wrong(silicon: Silicon, model: Prediction, host: Host) -> Case:
    """The first case of a fixed seed that a model predicts wrongly, made small."""
    generator = Generator(host, 2)
    for case in map(generator.case, range(MOST_CASES)):
        found = judge(silicon, model, case).differences
        if found:
            return minimal(silicon, model, case, found)[0]
    pytest.fail("the wrong model was not found out")


def size(case: Case) -> int:
    """How many bytes of a case's images are not those of the initial image."""
    return sum(
        one != other
        for image in (case.setup, case.memory)
        for one, other in zip(image, initial_image(len(image)), strict=True)
    )


def check(silicon: Silicon, wrong: Prediction, host: Host, most: int = SMALL) -> Case:
    """Find a wrong model out; the case is small and fails again once written and read."""
    small = first_wrong(silicon, wrong, host)
    assert size(small) <= most, encode(small)
    assert judge(silicon, wrong, decode(encode(small))).differences
    return small


@pytest.mark.parametrize("name", RULES)
def test_a_wrong_rule_is_found_and_made_small(
    host: Host, silicon: Silicon, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each rule that is replaced by a wrong one shows itself in a small case."""
    if name == "loaded zeros are in use" and not host.processor.xinuse_by_value:
        pytest.skip("silicon: this CPU may count loaded zeros as in use")
    module, function, wrong = RULES[name]
    with monkeypatch.context() as patch:
        patch.setattr(module, function, wrong)
        small = check(silicon, Prediction(host), host)
    assert judge(silicon, Prediction(host), small).agrees


@pytest.mark.parametrize("kind", [KeepsOldBits, PartialStore])
def test_a_wrong_answer_is_found_and_made_small(
    host: Host, silicon: Silicon, kind: type[Prediction]
) -> None:
    """A model that writes other bytes shows itself in a small case."""
    if kind is KeepsOldBits and not host.processor.xsavec:
        pytest.skip("silicon: this CPU (or VM) has no xsavec")
    small = check(silicon, kind(host), host)
    assert judge(silicon, Prediction(host), small).agrees


def test_the_wrong_vendor_is_found_and_made_small(host: Host, silicon: Silicon) -> None:
    """On AMD, a model with another vendor's x87 pointers is found out."""
    if not host.processor.is_amd:
        pytest.skip("silicon: this CPU is not an AMD part")
    stranger = dataclasses.replace(host.processor, vendor=Vendor.INTEL)
    small = check(silicon, Strict(dataclasses.replace(host, processor=stranger)), host, 8)
    assert any(small.setup[6:24])


def test_a_wrong_model_is_reported_readably(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result names what differs, shows the small case, and gives a line that replays it."""
    del host
    monkeypatch.setattr(masks, "mxcsr_ok", lambda value, mask: 1)
    result = conform_silicon(300, seed=2)
    assert not result.holds
    first = result.unexplained[0]
    assert first.predicted.startswith("vector none")
    assert first.seen.startswith("vector 0xd")
    assert first.printed[0].startswith("xrstor")
    assert first.printed[1] == "  state before: XSTATE_BV=0x0"
    assert "MXCSR=0x" in first.printed[2]
    assert decode(first.printed[3].removeprefix("  replay: ").encode()) == first.case
    assert len(encode(first.case)) < 300
    again = replay(one.case for one in result.unexplained)
    assert len(again.unexplained) == len(result.unexplained)
    assert capsys.readouterr() == ("", "")


class Strict(Prediction):
    """A model that allows nothing beside what it predicts."""

    def allowed(self, case: Case, seen: Answer) -> Iterator[tuple[str, Answer]]:
        del case, seen
        return iter(())
