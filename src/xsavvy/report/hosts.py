# SPDX-License-Identifier: Apache-2.0
"""What a KVM shows, what becomes of a move, what hosts have in common, what must be saved: as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.isa.components import names
from xsavvy.report.text import columns, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.api import (
        Exposure,
        FleetReport,
        MigrateReport,
        PairsReport,
        SaveReport,
        SharedModel,
    )
    from xsavvy.kvm.ledger import Reason

__all__ = [
    "exposure_lines",
    "fleet_lines",
    "move_lines",
    "pairs_lines",
    "save_lines",
    "shared_lines",
]

STYLES = {"loads": "green", "unknown": "yellow", "loses": "bold red", "refused": "bold red"}


def _mask(label: str, mask: int, width: int | None) -> Iterator[Text]:
    items = [Text(f"{mask:#x}"), *(styled(name) for name in names(mask))]
    lines = flow(items, indent=len(label) + 4, width=width)
    yield Text(f"  {label}  ").append(lines[0].plain.strip())
    yield from lines[1:]


def _words(label: str, words: list[str], width: int | None) -> Iterator[Text]:
    lines = flow([styled(word) for word in words or ["none"]], indent=len(label) + 4, width=width)
    yield Text(f"  {label}  ").append(lines[0].plain.strip())
    yield from lines[1:]


def exposure_lines(found: Exposure, width: int | None) -> Iterator[Text]:
    """Give the masks, leaf 0xD, the MSRs, and a reason for each bit."""
    yield styled(f"{found.host} under {found.kernel}", "bold")
    yield from _mask("XCR0", found.xcr0, width)
    yield from _mask("XSS ", found.xss, width)
    yield from _words("with", list(found.features), width)
    yield from _words("MSRs", [f"{msr.name}={msr.number:#x}" for msr in found.msrs], width)
    yield from _words("caps", [f"KVM_CAP_XSAVE2={found.xsave2}",
                               f"KVM_X86_XCOMP_GUEST_SUPP={found.xcomp_guest_supp:#x}"], width)  # fmt: skip
    yield Text()
    head = [Text(word, "dim") for word in ("leaf", "eax", "ebx", "ecx", "edx")]
    rows = [
        [Text(f"{each.leaf:#x}.{each.subleaf:#x}"),
         *(Text(f"{value:#x}") for value in (each.eax, each.ebx, each.ecx, each.edx))]
        for each in found.cpuid
    ]  # fmt: skip
    yield from columns([head, *rows], right=(1, 2, 3, 4))
    yield Text()
    yield from _reasons([each for each in found.reasons if each.shown is not True], width)


def _reasons(reasons: list[Reason], width: int | None) -> Iterator[Text]:
    """Give hidden and unknown bits, those with one reason together, with their source if it is one, too."""
    marks = {False: Text("hidden", "red"), None: Text("unknown", "yellow")}
    groups: dict[tuple[bool | None, str, str], list[Reason]] = {}
    for each in reasons:
        groups.setdefault((each.shown, each.why, each.commit), []).append(each)
    for (shown, why, commit), members in groups.items():
        sources = {each.source for each in members}
        where = [next(iter(sources))] if len(sources) == 1 else []
        where += [f"commit {commit}"] if commit and commit not in "".join(where) else []
        bits = [styled(each.bit, "bold") for each in members]
        tail = [styled(f"[{'; '.join(where)}]", "dim")] if where else []
        yield from flow([marks[shown], *bits, styled(f": {why}"), *tail], indent=2, width=width)


def move_lines(found: MigrateReport, width: int | None) -> Iterator[Text]:
    """Give the verdict, then each finding with its rule, source and commit."""
    yield from flow(
        [styled(found.verdict, STYLES[found.verdict]), styled(f"{found.source} {found.source_kernel}"),
         Text("->"), styled(f"{found.destination} {found.destination_kernel}"), Text("guest"),
         styled(found.guest, "bold"), Text(f"XCR0={found.guest_xcr0:#x} XSS={found.guest_xss:#x}")],
        indent=0, width=width,
    )  # fmt: skip
    for each in found.findings:
        commit = f"; commit {each.commit}" if each.commit else ""
        word = "note" if each.effect == "loads" else each.effect
        items = [styled(word, STYLES[each.effect]), styled(each.component, "bold"), styled(each.rule),
                 styled(each.why), styled(f"[{each.source}{commit}]", "dim")]  # fmt: skip
        yield from flow(items, indent=2, width=width)


def shared_lines(found: SharedModel, width: int | None) -> Iterator[Text]:
    """Give the guest model, then what each host costs."""
    yield styled(f"largest guest model of {plural(len(found.hosts), 'host')}", "bold")
    yield from _mask("XCR0", found.xcr0, width)
    yield from _mask("XSS ", found.xss, width)
    yield from _words("with", list(found.features), width)
    if len(found.vendors) > 1:
        yield Text("  vendors differ: ", "yellow").append_text(styled(", ".join(found.vendors)))
    for each in found.costs:
        who = ", ".join(each.hosts) or "all"
        why = "; ".join(dict.fromkeys(each.why))
        items = [
            Text("without", "red"),
            styled(each.bit, "bold"),
            styled(f"because of {who}:"),
            styled(why, "dim"),
        ]
        yield from flow(items, indent=2, width=width)


def save_lines(found: SaveReport, width: int | None) -> Iterator[Text]:
    """Give what must be saved, and what a list lacks."""
    yield styled(f"{found.host} under {found.kernel}, guest {found.guest}", "bold")
    marks = {True: Text("saved", "green"), None: Text("save"), False: Text("MISSING", "bold red")}
    for item in found.items:
        mark = marks[item.saved] if item.needed else Text("unused", "dim")
        number = "" if item.number is None else f" {item.number:#x}"
        items = [
            mark,
            styled(f"{item.name}{number}", "bold"),
            styled(item.why),
            styled(f"[{item.source}]", "dim"),
        ]
        yield from flow(items, indent=2, width=width)
    if found.missing:
        yield Text("missing: ", "bold red").append_text(styled(", ".join(found.missing)))


def fleet_lines(found: FleetReport, width: int | None) -> Iterator[Text]:
    """Give a line for each kind of host, a column for each guest, and the totals."""
    yield from flow([styled(f"guests from {found.source}", "bold"),
                     Text(f"to {plural(found.hosts, 'host')} of {plural(len(found.rows), 'kind')}")],
                    indent=0, width=width)  # fmt: skip
    head = [Text(word, "dim") for word in ("host", "kernel", "hosts", *found.guests)]
    rows = [
        [styled(row.host), styled(row.kernel), Text(number(row.count)),
         *(styled(word, STYLES[word]) for word in row.verdicts)]
        for row in found.rows
    ]  # fmt: skip
    loads = [Text(number(total[0])) for total in found.totals]
    yield from columns(
        [head, *rows, [Text("loads on"), Text(), Text(number(found.hosts)), *loads]], right=(2,)
    )


def pairs_lines(found: PairsReport, width: int | None) -> Iterator[Text]:
    """Give a line for each kind of source: how many hosts take each guest, of all."""
    yield from flow([Text("guests move from a host to so many", "bold"), Text(f"of {number(found.hosts)}")],
                    indent=0, width=width)  # fmt: skip
    head = [Text(word, "dim") for word in ("from", "kernel", "hosts", *found.guests)]
    rows = [
        [styled(row.host), styled(row.kernel), Text(number(row.count)),
         *(Text(number(total[0])) for total in row.totals)]
        for row in found.rows
    ]  # fmt: skip
    yield from columns([head, *rows], right=range(2, 3 + len(found.guests)))
