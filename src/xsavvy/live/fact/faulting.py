# SPDX-License-Identifier: Apache-2.0
"""Facts about faults."""

from __future__ import annotations

from collections.abc import Sequence

from xsavvy.isa.components import SSE, X87
from xsavvy.live.answer import Answer
from xsavvy.live.case import Case
from xsavvy.live.fact.probe import fault, filled, image, saves
from xsavvy.live.host import Host
from xsavvy.live.machine.memory import PAGE
from xsavvy.live.machine.operand import ABSENT


def torn(host: Host) -> list[Case]:
    """Save and restore areas that reach into a page that is not there."""
    setup = filled(host, image(host, host.reachable), host.reachable)
    offset = PAGE - 640
    cases = [
        Case(name, image(host), setup, host.reachable, offset=offset, second=ABSENT)
        for name in (*saves(host), "xrstor64")
    ]
    wrong = filled(host, image(host, host.reachable, mxcsr=1 << 16), host.reachable)
    cases.append(Case("xrstor64", image(host), wrong, host.reachable, offset=offset, second=ABSENT))
    cases.append(Case("xsave64", setup, setup, X87 | SSE, offset=offset, second=ABSENT))
    return cases


def torn_told(host: Host, cases: Sequence[Case], answers: Sequence[Answer]) -> str:
    """Tell the fault, and how many bytes of the accessible page were changed."""
    del host
    return "; ".join(
        f"{case.instruction} {fault(answer)}, "
        f"{sum(map(int.__ne__, answer.memory[case.offset : PAGE], case.memory))} bytes changed"
        for case, answer in zip(cases, answers, strict=True)
    )


def privileged(host: Host) -> list[Case]:
    """Execute what only CPL 0 may."""
    memory = bytes(host.image_bytes)
    cases = [Case(name, image(host), memory, X87) for name in ("xsaves64", "xrstors64")]
    return [*cases, Case("xsetbv", image(host), b"", host.xcr0)]


def prefixed(host: Host) -> list[Case]:
    """Put each prefix before XSAVEOPT and XSAVE, where it means no other instruction."""
    memory = bytes(host.image_bytes)
    pairs = [("66", "xsaveopt"), ("f2", "xsaveopt"), ("lock", "xsaveopt")]
    pairs += [("66", "xsave"), ("f2", "xsave"), ("lock", "xsave")]
    return [Case(name, image(host), memory, X87, prefix=prefix) for prefix, name in pairs]
