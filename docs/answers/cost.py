# SPDX-License-Identifier: Apache-2.0
"""What the designs of the threads cost: counted, priced where a price is known, and over the rate of what they save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xsavvy import api
from xsavvy.cost.event import Kind

EXITS = 10_000
"""Exits a second of the guest in the table over the rate of writes."""
RATES = (0, 10, 100, 1_000, 10_000, 100_000)
KINDS = [str(kind) for kind in Kind]


@dataclass(frozen=True)
class Question:
    """Workloads under the values of one choice."""

    compare: str
    workloads: tuple[str, ...]
    kernel: str | None = None


def _report(question: Question) -> api.CostReport:
    return api.cost(question.workloads, compare=question.compare, kernel=question.kernel)


def _tables(questions: Sequence[Question]) -> str:
    return "\n\n".join(
        "\n".join(_table(_report(each), name)) for each in questions for name in each.workloads
    )


def _table(report: api.CostReport, workload: str) -> Iterator[str]:
    results = [each for each in report.results if each.workload == workload]
    first = results[0]
    turn = first.unit if first.units == 1 else f"{first.units} {first.unit}"
    kinds = sorted({key for each in results for key in _counts(each)}, key=_order)
    yield f"`{workload}`: {report.titles[workload]}; events for each {turn}."
    yield ""
    yield f"| {report.compare.partition('=')[0]} | {' | '.join(kinds)} | cycles | more than the first |"
    yield f"|---|{'---|' * (len(kinds) + 2)}"
    for each in results:
        counts = _counts(each)
        cells = [f"{counts[kind]:g}" for kind in kinds]
        name = each.choice.partition("=")[2] or each.choice
        yield f"| `{name}` | {' | '.join(cells)} | {_priced(each)} | {_more(each)} |"


def _counts(result: api.CostResult) -> Counter[str]:
    sums: Counter[str] = Counter()
    for count in result.counts:
        if count.each:
            word = count.kind if count.by == "host" else f"{count.kind} (guest)"
            sums[word] += count.each  # type: ignore[assignment]  # a mean may be broken
    return sums


def _order(word: str) -> tuple[int, str]:
    return KINDS.index(word.partition(" ")[0]), word


def _range(cycles: tuple[float, float, float]) -> str:
    low, mid, high = (f"{round(each):,}" for each in cycles)
    return f"{mid} ({low} to {high})"


def _priced(result: api.CostResult) -> str:
    kinds = dict.fromkeys(event.partition(" ")[0] for event in result.unpriced)
    return _range(result.cycles) + "".join(f" + {kind}" for kind in kinds)


def _more(result: api.CostResult) -> str:
    sums: Counter[str] = Counter()
    for event, count in result.more_unpriced.items():
        sums[event.partition(" ")[0]] += count  # type: ignore[assignment]
    words = [_range(result.more)] if any(result.more) else []
    words += [f"{count:+g} {kind}" for kind, count in sums.items() if count]
    return ", ".join(words) or "nothing"


XFD = Question("xfd_intercept", ("xfd-toggle", "xfd-exits"))


def xfd_block() -> str:
    """Return the tables of seed 001, and what each design takes more than upstream over the rate of writes."""
    report = _report(XFD)
    tables = "\n\n".join("\n".join(_table(report, name)) for name in XFD.workloads)
    return "\n".join((tables, "", *_until(report), "", *_rates(report)))


def _until(report: api.CostReport) -> Iterator[str]:
    yield "Exits that a write of IA32_XFD causes, from boot through a thousand turns of two writes each:"
    yield ""
    yield "| xfd_intercept | exits for WRMSR | exits to userspace |"
    yield "|---|---|---|"
    for each in report.results:
        if each.workload == "xfd-toggle":
            name = each.choice.partition("=")[2]
            exits = each.events.get("vmexit wrmsr_xfd", 0)
            yield f"| `{name}` | {exits:,} | {each.events.get('exit_to_userspace', 0):,} |"


def _rates(report: api.CostReport) -> Iterator[str]:
    more = {(each.workload, each.choice): each for each in report.results}
    choices = list(dict.fromkeys(each.choice for each in report.results))
    heads = " | ".join(f"{rate:,}" for rate in RATES)
    yield (
        f"Thousands of cycles a second more than upstream, for so many XFD writes a second in a guest that exits "
        f"{EXITS:,} times a second:"
    )
    yield ""
    yield f"| xfd_intercept | {heads} |"
    yield f"|---|{'---|' * len(RATES)}"
    for choice in choices[1:]:
        write, exit_ = more["xfd-toggle", choice], more["xfd-exits", choice]
        cells = [_rate(write, exit_, rate) for rate in RATES]
        yield f"| `{choice.partition('=')[2]}` | {' | '.join(cells)} |"


def _rate(write: api.CostResult, exit_: api.CostResult, rate: int) -> str:
    sums = [
        round((one * rate / write.units + other * EXITS) / 1000)
        for one, other in zip(write.more, exit_.more, strict=True)
    ]
    low, mid, high = sums
    return f"{mid:,} ({low:,} to {high:,})" if low != high else f"{mid:,}"


def trace_block() -> str:
    """Return the tables of seed 000."""
    return _tables(
        (
            Question("pt_switch", ("pt-off", "pt-on", "pt-toggled")),
            Question("pt_switch=xss_always,xss_emulated,xss_fpstate", ("pt-xsaves",)),
        )
    )


def pkru_block() -> str:
    """Return the tables of seed 002: the hidden RDPKRU, the loop, NMIs masked."""
    return _tables(
        (
            Question("pkru_compare", ("pkru-guest", "pkru-same")),
            Question("pkru_home=outside_loop,vendor_run,vmcs_field", ("ipi-heavy",), "v6.19"),
            Question("nmi_window", ("ipi-heavy",), "v6.19"),
            Question("xfeatures_home=outside_loop,vendor_run", ("ipi-heavy",), "v6.19"),
        )
    )


def cet_block() -> str:
    """Return the table of seed 003."""
    return _tables((Question("cet_switch", ("cet-tasks",)),))


def protected_block() -> str:
    """Return the table of seed 004."""
    return _tables((Question("protected_restore", ("td-exits",)),))
