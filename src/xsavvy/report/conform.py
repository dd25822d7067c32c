# SPDX-License-Identifier: Apache-2.0
"""How a real machine compared with the model, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import columns, duration, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.live.conformance import Conformance, Fact, Unexplained

__all__ = ["conform_lines"]

SHOWN = 20


def conform_lines(conformance: Conformance, width: int | None) -> Iterator[Text]:
    """Give who was asked, how many cases agree, each difference, and what could not be asked."""
    yield from flow(_who(conformance), indent=0, width=width)
    yield from flow(_count(conformance), indent=2, width=width)
    yield from columns(_fact(fact) for fact in conformance.facts)
    for explained in conformance.explained[:SHOWN]:
        yield Text("  explained: ", "yellow").append_text(styled(explained.case.describe()))
        yield Text("    ").append_text(styled(explained.why))
    for unexplained in conformance.unexplained[:SHOWN]:
        yield from _difference(unexplained)
    hidden = sum(
        max(0, len(found) - SHOWN) for found in (conformance.explained, conformance.unexplained)
    )
    if hidden:
        yield Text(f"  {plural(hidden, 'more difference')}: --json shows all", "yellow")
    for missing in conformance.unreached:
        yield styled(f"  not asked: {missing.name}: {missing.reason}", "dim")


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


def _fact(fact: Fact) -> list[Text]:
    if fact.seen is None:
        return [Text("not asked", "dim"), styled(f"{fact.sentence} ({fact.reason})", "dim")]
    if fact.agrees:
        return [Text("agrees", "green"), styled(fact.sentence)]
    words = f"{fact.sentence} Predicted {fact.predicted}, seen {fact.seen}."
    return [Text("differs", "bold red"), styled(words)]


def _difference(found: Unexplained) -> Iterator[Text]:
    line = Text("  differs: ", "bold red").append_text(styled(found.case.describe()))
    yield line if found.number is None else line.append(f", case {found.number}", "dim")
    for one in found.differences:
        yield Text("    ").append_text(styled(one.what, "bold"))
        yield Text("      predicted ").append_text(styled(one.predicted))
        yield Text("      seen      ").append_text(styled(one.seen))
