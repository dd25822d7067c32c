# SPDX-License-Identifier: Apache-2.0
"""How a real machine compared with the model, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import duration, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.live.bochs import BochsConformance
    from xsavvy.live.conformance import Conformance, Fact, Unexplained
    from xsavvy.live.kvm import KvmConformance

__all__ = ["bochs_lines", "conform_lines", "kvm_lines"]

SHOWN = 20
LABEL = len("  not asked  ")


def conform_lines(conformance: Conformance, width: int | None) -> Iterator[Text]:
    """Give who was asked, how many cases agree, each difference, and what could not be asked."""
    yield from flow(_who(conformance), indent=0, width=width)
    yield from flow(_count(conformance), indent=2, width=width)
    for counts in (conformance.instructions, conformance.components):
        shown = (Text(f"{name} {number(cases)}", "dim") for name, cases in counts.items())
        yield from flow(shown, indent=2, width=width)
    for fact in conformance.facts:
        if fact.seen is not None:
            yield from _fact(fact, width)
    for why, cases in _explained(conformance).items():
        words = f"{plural(len(cases), 'case')}, among them {cases[0]}: {why}"
        yield from _labelled("explained", "yellow", words, width)
    for unexplained in conformance.unexplained[:SHOWN]:
        yield from _difference(unexplained)
    if len(conformance.unexplained) > SHOWN:
        hidden = plural(len(conformance.unexplained) - SHOWN, "more difference")
        yield Text(f"  {hidden}: --json shows all", "yellow")
    for reason, names in _not_asked(conformance).items():
        yield from _labelled("not asked", "dim", f"{' '.join(names)} ({reason})", width)


def kvm_lines(found: KvmConformance, width: int | None) -> Iterator[Text]:
    """Give who was asked under which rules, how many claims agree in each group, and each difference."""
    met = found.met
    who = [styled(found.oracle, "bold")]
    who += [styled(word, "dim") for word in (met.cpu, met.kernel, met.module) if word]
    who.append(styled(f"rules of {found.rules}", "dim"))
    yield from flow(who, indent=0, width=width)
    unexplained = len(found.unexplained)
    count = [Text(plural(found.cases, "case")), Text(f"{number(found.agree)} agree", "green")]
    if found.explained:
        count.append(Text(f"{number(len(found.explained))} explained", "yellow"))
    count.append(Text(f"{number(unexplained)} unexplained", "bold red" if unexplained else ""))
    count.append(Text(duration(found.seconds), "dim"))
    yield from flow(count, indent=2, width=width)
    groups = (Text(f"{name} {number(cases)}", "dim") for name, cases in found.groups.items())
    yield from flow(groups, indent=2, width=width)
    reasons: dict[str, list[str]] = {}
    for each in found.explained:
        reasons.setdefault(each.why, []).append(each.case)
    for why, cases in reasons.items():
        words = f"{plural(len(cases), 'case')}, among them {cases[0]}: {why}"
        yield from _labelled("explained", "yellow", words, width)
    for each in found.unexplained[:SHOWN]:
        words = f"{each.case} Predicted {each.predicted}, seen {each.seen}."
        yield from _labelled("differs", "bold red", words, width)
    if unexplained > SHOWN:
        hidden = plural(unexplained - SHOWN, "more difference")
        yield Text(f"  {hidden}: --json shows all", "yellow")


def bochs_lines(found: BochsConformance, width: int | None) -> Iterator[Text]:
    """Give who was asked, how many cases agree, what each known deviation explains, each difference, what is left."""
    who = [styled(found.oracle, "bold"), styled(found.met.kernel, "dim")]
    yield from flow([*who, styled(found.met.cpu, "dim")], indent=0, width=width)
    unexplained = len(found.unexplained)
    count = [Text(plural(found.cases, "case")), Text(f"{number(found.agree)} agree", "green")]
    count.append(Text(f"{number(len(found.explained))} explained", "yellow"))
    count.append(Text(f"{number(unexplained)} unexplained", "bold red" if unexplained else ""))
    count += [Text(f"seed {found.seed}", "dim"), Text(duration(found.seconds), "dim")]
    yield from flow(count, indent=2, width=width)
    groups = (Text(f"{name} {number(cases)}", "dim") for name, cases in found.groups.items())
    yield from flow(groups, indent=2, width=width)
    for known in found.known:
        if known.cases:
            words = f"{known.name}, {plural(known.cases, 'case')}: {known.why}"
            yield from _labelled("explained", "yellow", words, width)
    for each in found.unexplained[:SHOWN]:
        words = f"{each.case} Predicted {each.predicted}, seen {each.seen}."
        yield from _labelled("differs", "bold red", words, width)
    if unexplained > SHOWN:
        hidden = plural(unexplained - SHOWN, "more difference")
        yield Text(f"  {hidden}: --json shows all", "yellow")
    for part in found.unreached:
        yield from _labelled("not asked", "dim", f"{part.name} ({part.reason})", width)


def _labelled(label: str, style: str, words: str, width: int | None) -> Iterator[Text]:
    lines = flow(map(styled, words.split()), indent=LABEL, width=width, gap=" ")
    yield Text(f"  {label}".ljust(LABEL), style).append_text(lines[0][LABEL:])
    yield from lines[1:]


def _who(conformance: Conformance) -> Iterator[Text]:
    met = conformance.met
    yield styled(conformance.oracle, "bold")
    yield from (styled(word, "dim") for word in (met.cpu, met.kernel, met.module) if word)


def _count(conformance: Conformance) -> Iterator[Text]:
    unexplained = len(conformance.unexplained)
    yield Text(plural(conformance.cases, "case"))
    yield Text(f"{number(conformance.agree)} agree", "green")
    if conformance.explained:
        yield Text(f"{number(len(conformance.explained))} explained", "yellow")
    yield Text(f"{number(unexplained)} unexplained", "bold red" if unexplained else "")
    yield Text(f"seed {conformance.seed}", "dim")
    yield Text(duration(conformance.seconds), "dim")


def _fact(fact: Fact, width: int | None) -> Iterator[Text]:
    if fact.agrees:
        yield from _labelled("agrees", "green", fact.sentence, width)
    else:
        words = f"{fact.sentence} Predicted {fact.predicted}, seen {fact.seen}."
        yield from _labelled("differs", "bold red", words, width)


def _explained(conformance: Conformance) -> dict[str, list[str]]:
    """Group the explained cases by their reason."""
    reasons: dict[str, list[str]] = {}
    for one in conformance.explained:
        reasons.setdefault(one.why, []).append(one.case.describe())
    return reasons


def _not_asked(conformance: Conformance) -> dict[str, list[str]]:
    """Group what could not be asked, facts and parts of the processor, by the reason."""
    reasons: dict[str, list[str]] = {}
    for fact in conformance.facts:
        if fact.seen is None:
            reasons.setdefault(fact.reason, []).append(fact.sentence)
    for part in conformance.unreached:
        reasons.setdefault(part.reason, []).append(part.name)
    return reasons


def _difference(found: Unexplained) -> Iterator[Text]:
    line = Text("  differs".ljust(LABEL), "bold red").append_text(styled(found.case.describe()))
    yield line if found.number is None else line.append(f", case {found.number}", "dim")
    for one in found.differences:
        yield Text("    ").append_text(styled(one.what, "bold"))
        yield Text("      predicted ").append_text(styled(one.predicted))
        yield Text("      seen      ").append_text(styled(one.seen))
