# SPDX-License-Identifier: Apache-2.0
"""Large scenarios: what the others let in one after the other is let in at once.

They ask whether the small scenarios leave out something that matters: a bug that needs a softirq, a migration and a
write of PKRU together is in none of them. They take 2 million to more than 1,000 million states.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU

from .scenario import BASE, TILES, Scenario
from .values import CR4_OSXSAVE

__all__ = ["large"]

BOTH = {True: "sapphire-rapids", False: "genoa"}


def large(quick: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Join quick scenarios to large ones.

    >>> from xsavvy.model.scenarios import QUICK
    >>> [scenario.name for scenario in large(QUICK)]
    ['fpu-xcr0', 'fpu-pkru', 'fpu-pkru-xss', 'everything']
    """
    named = {scenario.name: scenario for scenario in quick}
    some = _joined(
        "fpu-xcr0",
        "Do the guest, the VMM and another task keep their registers while the guest switches XCR0?",
        [named["fpu"], named["xcr0"]],
        leaves_out="PKRU, IA32_XSS, XFD, NMIs",
    )
    more = _joined(
        "fpu-pkru",
        "Are registers, XCR0 and PKRU kept apart when softirqs, migrations and NMIs come in anywhere?",
        [named["fpu"], named["xcr0"], named["pkru"]],
        leaves_out="IA32_XSS, XFD",
        guest_xcr0=BASE | AVX | PKRU,
        needs_xcr0=AVX | PKRU,
        start={"vcpu_cr4": CR4_OSXSAVE},
    )
    most = _joined(
        "fpu-pkru-xss",
        "The same, for a guest that has CET_U in IA32_XSS too?",
        [named["fpu"], named["xcr0"], named["pkru"], named["xss"]],
        leaves_out="XFD",
        guest_xcr0=BASE | AVX | PKRU,
        needs_xcr0=AVX | PKRU,
        needs_xss=CET_U | CET_S,
        start={"vcpu_cr4": CR4_OSXSAVE},
    )
    everything = _joined(
        "everything",
        "Does anything go wrong when everything that the model knows may happen at any time?",
        [named[name] for name in ("fpu", "xcr0", "pkru", "xss", "xfd")],
        leaves_out="nothing but what the model leaves out",
        guest_xcr0=BASE | AVX | PKRU | TILES,
        needs_xcr0=AVX | PKRU | TILES,
        needs_xss=CET_U | CET_S,
        start={"vcpu_cr4": CR4_OSXSAVE},
    )
    intel = {True: "sapphire-rapids", False: "sapphire-rapids"}
    return some, more, most, replace(everything, vmx_only=True, stand_in=intel)


def _joined(
    name: str,
    question: str,
    parts: Sequence[Scenario],
    *,
    leaves_out: str,
    guest_xcr0: int = BASE | AVX,
    needs_xcr0: int = AVX,
    needs_xss: int = 0,
    start: Mapping[str, int] | None = None,
) -> Scenario:
    """Let in what any of the parts lets in, and ask for everything that they ask for."""
    return Scenario(
        name,
        question,
        events=_union(part.events for part in parts),
        properties=_union(part.properties for part in parts),
        witnesses=_union(part.witnesses for part in parts),
        leaves_out=leaves_out,
        source="; ".join(_union([part.source] for part in parts)),
        guest_xcr0=guest_xcr0,
        needs_xcr0=needs_xcr0,
        needs_xss=needs_xss,
        tries_illegal=True,
        default=False,
        large=True,
        stand_in=BOTH,
        start=start or {},
    )


def _union(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))
