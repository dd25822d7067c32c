# SPDX-License-Identifier: Apache-2.0
"""A directed question: a sentence, a few cases, and a way to tell the answers in a line.

The same teller reads the model's predictions and the processor's answers, so no probe says what is
expected.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from xsavvy.isa.components import X87, indices
from xsavvy.isa.layout import HEADER_OFFSET
from xsavvy.live.answer import PAGE_FAULT, Answer
from xsavvy.live.case import Case
from xsavvy.live.conformance import Fact
from xsavvy.live.host import Host
from xsavvy.live.judge import RERUNS, Model, Oracle
from xsavvy.live.shrink import initial_image

__all__ = ["COMPACT", "Probe", "ask", "fault", "faults", "filled", "image", "saves", "word"]

COMPACT: Final = 1 << 63
VECTORS: Final = {6: "#UD", 7: "#NM", 13: "#GP", 14: "#PF", 17: "#AC"}
ABSENT: Final = "this CPU (or VM) lacks what the question is about"

Ask = Callable[[Host], list[Case]]
Tell = Callable[[Host, Sequence[Case], Sequence[Answer]], str]


@dataclass(frozen=True)
class Probe:
    """One fact: its sentence, the cases that show it, and the words for their answers.

    Attributes:
        name: short name.
        sentence: the fact.
        cases: makes the cases for a processor; none where it lacks what the fact is about.
        tell: puts the answers into a line.
        reason: why the processor cannot be asked at all, if so.
    """

    name: str
    sentence: str
    cases: Ask | None = None
    tell: Tell | None = None
    reason: str = ""


def ask(probe: Probe, oracle: Oracle, model: Model, host: Host) -> Fact:
    """Ask the processor and the model; what the manuals leave open counts as predicted.

    Repeated as `judge` does, for XINUSE may change at any interrupt.
    """
    cases = probe.cases(host) if probe.cases is not None else []
    if not cases or probe.tell is None:
        return Fact(probe.name, probe.sentence, "", None, probe.reason or ABSENT)
    predicted = seen = ""
    for _ in range(RERUNS + 1):
        answers = [oracle.ask(case) for case in cases]
        expected = [
            _expected(model, case, answer) for case, answer in zip(cases, answers, strict=True)
        ]
        predicted = probe.tell(host, cases, expected)
        seen = probe.tell(host, cases, answers)
        if predicted == seen:
            break
    return Fact(probe.name, probe.sentence, predicted, seen)


def _expected(model: Model, case: Case, seen: Answer) -> Answer:
    predicted = model.predict(case, seen)
    if predicted == seen or all(other != seen for _, other in model.allowed(case, seen)):
        return predicted
    return seen


_WORDS: Final = {
    "fcw": (0, "<H"),
    "fsw": (2, "<H"),
    "fop": (6, "<H"),
    "fip": (8, "<Q"),
    "fdp": (16, "<Q"),
    "mxcsr": (24, "<I"),
    "mxcsr_mask": (28, "<I"),
}


def image(host: Host, xstate_bv: int = 0, xcomp_bv: int = 0, **words: int) -> bytes:
    """Build an image: initial, but for the header and the named words of the legacy region."""
    changed = bytearray(initial_image(host.image_bytes))
    struct.pack_into("<QQ", changed, HEADER_OFFSET, xstate_bv, xcomp_bv)
    for name, value in words.items():
        place, form = _WORDS[name]
        struct.pack_into(form, changed, place, value)
    return bytes(changed)


def filled(host: Host, standard: bytes, mask: int) -> bytes:
    """Give XMM and the later components of `mask` data that tells them apart, standard format."""
    changed = bytearray(standard)
    for index in indices(mask & ~X87):
        place = host.processor.standard[index]
        changed[place.offset : place.end] = bytes([0x10 + index]) * place.size
    return bytes(changed)


def fault(answer: Answer) -> str:
    """Name what stopped a case."""
    if answer.vector is None:
        return "no fault"
    name = VECTORS.get(answer.vector, f"vector {answer.vector}")
    return f"{name} at {answer.cr2:+}" if answer.vector == PAGE_FAULT else name


def faults(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Name what stopped each case."""
    del host, cases
    return ", ".join(map(fault, answers))


def word(answer: Answer, case: Case, place: int, size: int = 8) -> int:
    """Read a number out of the operand afterwards."""
    start = case.offset + place
    return int.from_bytes(answer.memory[start : start + size], "little")


def saves(host: Host) -> list[str]:
    """List the saves that the processor has, in their 64-bit form."""
    part = host.processor
    optional = [("xsaveopt64", part.xsaveopt), ("xsavec64", part.xsavec)]
    return ["xsave64", *(name for name, there in optional if there)]
