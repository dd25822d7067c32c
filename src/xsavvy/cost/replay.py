# SPDX-License-Identifier: Apache-2.0
"""A recorded trace as a workload: the guest's exits, as often as they were recorded, under any choice and kernel.

What replays is what a trace shows. An exit that went to the VMM, one that the fastpath handled and an intercepted
write of IA32_XFD are replayed as such; every other exit as one that stays in the kernel. A turn has all of one kind,
then all of the next: a count depends on how they followed each other in one way only, which is kept. An exit to the VMM
swaps the fpstates, and writes IA32_XFD twice where the guest's is not the VMM's, so those with the guest's tiles on are
replayed between two writes of it. What was passed through left no trace.
"""

from __future__ import annotations

from .recorded.result import Recorded

__all__ = ["NothingToReplay", "replayed", "workload_text"]

INSIDE = "other"
USERSPACE = "userspace"
_STATEMENTS = {
    USERSPACE: "exit to userspace",
    "fastpath": "fastpath exit",
    INSIDE: "external interrupt",
}
_XFD = "wrmsr_xfd"
_TO_AND_FRO = ("WRMSR IA32_XFD = 0", "WRMSR IA32_XFD = xtiledata")


class NothingToReplay(ValueError):
    """Say in one line why a trace cannot be replayed."""


def replayed(seen: Recorded) -> dict[str, int]:
    """Say as what each exit is replayed, and how often; the numbers sum up to the trace's exits.

    `wrmsr_xfd`, `userspace`, `fastpath`, and `other` for exits that stay in the kernel.
    """
    known = {name: seen.exits_as_modelled[name] for name in (_XFD, USERSPACE, "fastpath")}
    known[INSIDE] = seen.exits_as_modelled.total() - sum(known.values())
    return {name: count for name, count in known.items() if count}


def workload_text(seen: Recorded, name: str) -> str:
    """Write the guest program; one turn of its loop is the whole trace, or twice the trace.

    Raises:
        NothingToReplay: the trace has no exits.
    """
    counts = replayed(seen)
    if not counts:
        raise NothingToReplay(
            f"{seen.name}: no kvm_exit among {seen.events:,} events, so there is nothing to replay"
        )
    tiles = _XFD in counts
    turns = (
        1 + counts.get(_XFD, 0) % 2
    )  # a guest writes XFD to and fro: two traces have an even number
    platform = "genoa" if _svm(seen) and not tiles else "sapphire-rapids"
    lines = [
        f"title: recorded: {''.join(char for char in name if char.isprintable() and char != '#')}",
        f"platform: {platform}",
        "compare: xfd_intercept" if tiles else "compare: kernel = v6.18, v6.19",
        f"unit: {turns} {'trace' if turns == 1 else 'traces'}",
        "start: vcpu_cr4 = 0x40000",
        *(["start: vcpu_xcr0 = x87|sse|avx"] if tiles else []),
        "",
    ]
    if tiles:
        lines += ["WRMSR IA32_XFD = xtiledata", "XSETBV = x87|sse|avx|xtilecfg|xtiledata"]
    else:
        lines.append("XSETBV = x87|sse|avx")
    lines.append("repeat 2:")
    on = min(seen.userspace_with_tiles, counts.get(USERSPACE, 0)) if tiles else 0
    if tiles:
        lines += _to_and_fro(counts[_XFD] * turns // 2, on * turns)
    for kind, count in counts.items():
        if kind != _XFD:
            left = count - (on if kind == USERSPACE else 0)
            lines += _repeat(left * turns, _STATEMENTS[kind])
    return "\n".join(lines) + "\n"


def _to_and_fro(pairs: int, on: int) -> list[str]:
    """Write IA32_XFD in pairs; between the last two the exits to the VMM that find the tiles on."""
    to, fro = _TO_AND_FRO
    lines = _repeat(pairs - 1, to, fro)
    return [*lines, f"    {to}", *_repeat(on, _STATEMENTS[USERSPACE]), f"    {fro}"]


def _repeat(count: int, *statements: str) -> list[str]:
    if not count:
        return []
    return [f"    repeat {count}:", *(f"        {statement}" for statement in statements)]


def _svm(seen: Recorded) -> bool:
    """Tell SVM from VMX: the kernel spells reasons of the former small."""
    return all(reason == reason.lower() for reason in seen.exits)
