# SPDX-License-Identifier: Apache-2.0
"""What the designs of the threads cost: counted, priced where a price is known, and over the rate of what they save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xsavvy import api
from xsavvy.cost.event import Kind

from .page import explore
from .row import VMX, Row
from .seed_001 import XFD as XFD_ANSWER

FAILING = {"allocation": "may_fail", "after_failure": "reenters"}
EXITS = 10_000
"""Exits a second of the guest in the table over the rate of writes."""
RATES = (0, 10, 100, 1_000, 10_000, 100_000)
KINDS = [str(kind) for kind in Kind]


@dataclass(frozen=True)
class Question:
    """Workloads under the values of one choice; what it is about stands before its tables, a picture after them."""

    compare: str
    workloads: tuple[str, ...]
    kernel: str | None = None
    judge: bool = False
    about: str = ""
    after: str = ""


def _report(question: Question) -> api.CostReport:
    return api.cost(
        question.workloads,
        compare=question.compare,
        kernel=question.kernel,
        judge=question.judge,
    )


def _tables(questions: Sequence[Question]) -> str:
    return "\n\n".join(block for each in questions for block in _blocks(each))


def _blocks(question: Question) -> Iterator[str]:
    report = _report(question)
    if question.about:
        yield question.about
    for name in question.workloads:
        yield "\n".join(_table(report, name))
    if question.after:
        yield question.after


def _picture(name: str, says: str) -> str:
    return f"![{says}](../pictures/{name})"


def _table(report: api.CostReport, workload: str) -> Iterator[str]:
    results = [each for each in report.results if each.workload == workload]
    first = results[0]
    turn = first.unit if first.units == 1 else f"{first.units} {first.unit}"
    kinds = sorted({key for each in results for key in _counts(each)}, key=_order)
    judged = any(each.safe != "not asked" for each in results)
    yield f"**{_sentence(report.titles[workload])}** (`{workload}`), events for each {turn}:"
    yield ""
    heads = [report.compare.partition("=")[0], *kinds, "cycles", f"more than `{_value(first)}`"]
    heads += ["safe"] if judged else []
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for same in _alike(results):
        each = same[0]
        counts = _counts(each)
        cells = [", ".join(f"`{_value(each)}`" for each in same)]
        cells += [f"{counts[kind]:g}" for kind in kinds]
        cells += [_priced(each), _more(each)]
        cells += ["**refuted**" if each.refuted else each.safe] if judged else []
        yield f"| {' | '.join(cells)} |"


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]


def _value(result: api.CostResult) -> str:
    return result.choice.partition("=")[2] or result.choice


def _alike(results: Sequence[api.CostResult]) -> list[list[api.CostResult]]:
    """Put together the choices that execute the same and are equally safe, in the order of the first of each."""
    found: dict[object, list[api.CostResult]] = {}
    for each in results:
        key = (*sorted(_counts(each).items()), *each.more, bool(each.refuted))
        found.setdefault(key, []).append(each)
    return list(found.values())


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
    return "\n".join((tables, "", *_pays(report), "", *_rates(report), "", *_until(report)))


def _pays(report: api.CostReport) -> Iterator[str]:
    point = next(each for each in report.break_even if each.cheaper.endswith("first_nonzero"))
    yield (
        f"In a guest that exits {EXITS:,} times a second, letting writes through pays from about {_whole(point.mid)} "
        f"writes a second on ({_whole(point.low)} to {_whole(point.high)}, the grey strip); the XSETBVs that it saves "
        "too, which nobody has priced, make it fewer:"
    )
    yield ""
    yield _picture(
        "seed-001-xfd.svg",
        "Cycles more than upstream over XFD writes a second: options 1, 2 and 3 cost what upstream does; always "
        "intercepting begins below and rises",
    )


def _whole(rate: float) -> str:
    return f"{int(float(f'{rate * EXITS:.2g}')):,}"


def _until(report: api.CostReport) -> Iterator[str]:
    yield (
        "Exits that writes of IA32_XFD cause, from boot through a thousand turns of two writes each, and what the "
        "checker says where the growth may fail and the VMM calls KVM_RUN again regardless:"
    )
    yield ""
    yield "| xfd_intercept | exits for WRMSR | exits to userspace | safe then |"
    yield "|---|---|---|---|"
    for each in report.results:
        if each.workload == "xfd-toggle":
            name = _value(each)
            exits = each.events.get("vmexit wrmsr_xfd", 0)
            out = each.events.get("exit_to_userspace", 0)
            yield f"| `{name}` | {exits:,} | {out:,} | {_safe_after_failure(name)} |"


def _safe_after_failure(design: str) -> str:
    row = Row("", "xfd-on-demand", "v6.19", VMX, {"xfd_intercept": design, **FAILING})
    broken = [
        XFD_ANSWER.columns[each.property]
        for each in explore(row, list(XFD_ANSWER.columns))
        if each.verdict == "violated"
    ]
    return f"**refuted**: {', '.join(broken)}" if broken else "holds"


def _rates(report: api.CostReport) -> Iterator[str]:
    more = {(each.workload, each.choice): each for each in report.results}
    alike = _alike([each for each in report.results if each.workload == "xfd-exits"])
    heads = " | ".join(f"{rate:,}" for rate in RATES)
    yield (
        f"Thousands of cycles a second more than `first_nonzero`, for so many XFD writes a second in a guest that "
        f"exits {EXITS:,} times a second:"
    )
    yield ""
    yield f"| xfd_intercept | {heads} |"
    yield f"|---|{'---|' * len(RATES)}"
    for same in alike:
        write, exit_ = more["xfd-toggle", same[0].choice], same[0]
        cells = [_rate(write, exit_, rate) for rate in RATES]
        names = ", ".join(f"`{_value(each)}`" for each in same)
        yield f"| {names} | {' | '.join(cells)} |"


def _rate(write: api.CostResult, exit_: api.CostResult, rate: int) -> str:
    sums = [
        round((one * rate / write.units + other * EXITS) / 1000)
        for one, other in zip(write.more, exit_.more, strict=True)
    ]
    low, mid, high = sums
    return f"{mid:,} ({low:,} to {high:,})" if low != high else f"{mid:,}"


def trace_block() -> str:
    """Return the tables of seed 000."""
    picture = _picture(
        "seed-000-trace.svg",
        "Above: cycles a second over exits a second, where only the designs that switch at every entry rise. Below: "
        "cycles over switches of PT state, by WRMSR and by XSAVES",
    )
    return _tables(
        (
            Question("pt_switch", ("pt-off", "pt-on", "pt-toggled"), judge=True),
            Question(
                "pt_switch=trace_en,always",
                ("pt-msrs",),
                judge=True,
                about="What a guest pays that switches PT state between its tasks, without the component:",
            ),
            Question(
                "pt_switch=xss_always,xss_emulated,xss_fpstate",
                ("pt-xsaves",),
                judge=True,
                about="And with it:",
                after=picture,
            ),
        )
    )


def pkru_block() -> str:
    """Return the tables of seed 002: the hidden RDPKRU, the loop, NMIs masked."""
    picture = _picture(
        "seed-002-fastpath.svg",
        "Cycles more than v6.19 over fastpath exits: switching XCR0 and IA32_XSS inside the loop is most of it, PKRU "
        "little, masked NMIs a constant",
    )
    return _tables(
        (
            Question(
                "pkru_compare",
                ("pkru-guest", "pkru-same"),
                about="The patch: RDPKRU that its callers do not see.",
            ),
            Question(
                "nmi_window",
                ("ipi-heavy",),
                "v6.19",
                about='"Masking NMIs in the LAPIC, which would be too expensive":',
            ),
            Question(
                "pkru_home=outside_loop,vendor_run,vmcs_field",
                ("ipi-heavy",),
                "v6.19",
                about="PKRU switched around the loop of fastpath exits, inside it, or by fields that the VMCS does "
                "not have:",
            ),
            Question(
                "xfeatures_home=outside_loop,vendor_run",
                ("ipi-heavy",),
                "v6.19",
                about="XCR0 and IA32_XSS, which the same series took out of the loop:",
                after=picture,
            ),
        )
    )


def cet_block() -> str:
    """Return the table of seed 003."""
    return _tables((Question("cet_switch", ("cet-tasks",), judge=True),))


def protected_block() -> str:
    """Return the table of seed 004."""
    return _tables((Question("protected_restore", ("td-exits",), judge=True),))
