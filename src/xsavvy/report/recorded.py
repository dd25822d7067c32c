# SPDX-License-Identifier: Apache-2.0
"""What a recorded trace holds, and measured weights, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import columns, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.api.measuring import MeasuredWeights
    from xsavvy.cost.trace import Recorded

__all__ = ["measured_lines", "recorded_lines"]


def recorded_lines(seen: Recorded) -> Iterator[Text]:
    """Give what was recorded: how long, what is missing, how often what happened, and each vCPU's times."""
    seconds = seen.seconds
    long = f"  {seconds:,.6f} s" if seconds else "  no times"
    yield (
        Text("")
        .append_text(styled(seen.name, "bold"))
        .append_text(styled(f"{long}, {number(seen.events)} events", "dim"))
    )
    for count, what in (
        (seen.torn, f"{plural(seen.torn, 'torn line')} skipped"),
        (seen.gaps, f"{plural(seen.gaps, 'gap')}, {plural(seen.lost, 'event')} known to be lost"),
        (seen.beyond, f"{number(seen.beyond)} of too many different kinds, in no row below"),
    ):
        if count:
            yield styled(f"  {what}", "yellow")
    rows = [[styled(word, "dim") for word in ("what the guest did", "times", "a second")]]
    for name, count in _rows(seen).items():
        rate = seen.per_second(count)
        rows.append([styled(name), styled(number(count)), styled(f"{rate:,.0f}" if rate else "")])
    yield from columns(rows, right=range(1, 3))
    for vcpu in seen.vcpus[:8]:
        yield styled(
            f"vCPU {max(vcpu.number, 0)} ({vcpu.thread}): {vcpu.guest_seconds:.6f} s in the guest, "
            f"{vcpu.host_seconds:.6f} s between exits and entries, {number(vcpu.unpaired)} unpaired",
            "dim",
        )
    if len(seen.vcpus) > 8:
        yield styled(f"and {number(len(seen.vcpus) - 8)} vCPUs more", "dim")
    yield Text("")


def _rows(seen: Recorded) -> Mapping[str, int]:
    rows = dict(seen.behaviour())
    rows |= {f"exit: {reason}": count for reason, count in seen.exits.most_common(12)}
    rows |= {f"to the VMM: {reason}": count for reason, count in seen.userspace.most_common(6)}
    return rows


def measured_lines(found: MeasuredWeights) -> Iterator[Text]:
    """Give what was measured, and what could not be."""
    weights = found.weights
    yield (
        Text("")
        .append_text(styled(weights.title, "bold"))
        .append_text(styled(f"  {weights.unit}", "dim"))
    )
    rows = [[styled(word, "dim") for word in ("event", "bytes", "low", "mid", "high", "source")]]
    for each in weights.weights:
        cells = (each.event, "" if each.bytes is None else number(each.bytes))
        numbers = (f"{value:,.0f}" for value in (each.low, each.mid, each.high))
        rows.append([styled(cell) for cell in (*cells, *numbers)] + [styled(each.source, "dim")])
    yield from columns(rows, right=range(1, 5))
    for what, reason in found.missing:
        yield styled(f"not measured: {what}: {reason}", "yellow")
