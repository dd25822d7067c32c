# SPDX-License-Identifier: Apache-2.0
"""What the maintainers' cases say of the model and of a machine, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from xsavvy.report.text import duration, flow, number, plural, styled

if TYPE_CHECKING:
    from xsavvy.live.kvm import MaintainersConformance
    from xsavvy.live.kvm.maintainers import Source

__all__ = ["maintainers_lines"]

LABEL = len("    not asked  ")
SHOWN = 20


def maintainers_lines(found: MaintainersConformance, width: int | None) -> Iterator[Text]:
    """Give who was asked, the sums, and each file: what the model and the machine say, and what nobody was asked."""
    who = [
        styled(found.oracle, "bold"),
        styled(f"rules of {found.kernel} on {found.platform}", "dim"),
    ]
    if found.met is not None:
        met = found.met
        who += [styled(word, "dim") for word in (met.cpu, met.kernel, met.module) if word]
    yield from flow(who, indent=0, width=width)
    yield from flow(_sums(found), indent=2, width=width)
    if found.met is None:
        yield from _labelled("not asked", "dim", f"no machine ({found.why})", width)
    project = ""
    for source in found.sources:
        if source.project != project:
            project = source.project
            yield Text(f"  {project}", "bold")
        yield from _source(source, found.met is not None, width)


def _sums(found: MaintainersConformance) -> Iterator[Text]:
    sources = found.sources
    differ = sum(len(each.differs) for each in sources)
    yield Text(plural(sum(each.assertions for each in sources), "assertion"))
    yield Text(f"{number(sum(each.agree for each in sources))} agree with the model", "green")
    if differ:
        yield Text(f"{number(differ)} differ", "bold red")
    if found.met is not None:
        unexplained = sum(len(each.unexplained) for each in sources)
        yield Text(f"{number(sum(each.asked for each in sources))} asked of this machine")
        yield Text(f"{number(sum(each.kept for each in sources))} agree", "green")
        yield Text(f"{number(sum(len(each.explained) for each in sources))} explained", "yellow")
        yield Text(f"{number(unexplained)} unexplained", "bold red" if unexplained else "")
    yield Text(duration(found.seconds), "dim")


def _source(source: Source, asked: bool, width: int | None) -> Iterator[Text]:
    name = source.file.rsplit("/", 1)[-1]
    words = [
        styled(name),
        Text(f"model {number(source.agree)} of {number(source.assertions)}", "green"),
    ]
    if asked and source.asked:
        style = "green" if source.kept == source.asked else "yellow"
        words.append(Text(f"machine {number(source.kept)} of {number(source.asked)}", style))
    words.append(styled(source.revision, "dim"))
    yield from flow(words, indent=2, width=width)
    for what in source.differs[:SHOWN]:
        yield from _labelled("differs", "bold red", what, width)
    reasons: dict[str, list[str]] = {}
    for each in source.explained:
        reasons.setdefault(each.why, []).append(each.case)
    for why, cases in reasons.items():
        yield from _labelled("explained", "yellow", f"{number(len(cases))}: {why}", width)
    for each in source.unexplained[:SHOWN]:
        words_of = f"{each.case} Asserted {each.predicted}, seen {each.seen}."
        yield from _labelled("differs", "bold red", words_of, width)
    for reason, count in source.not_asked.items():
        yield from _labelled("not asked", "dim", f"{number(count)} ({reason})", width)
    for what, why in source.left_out:
        yield from _labelled("left out", "dim", f"{what} ({why})", width)


def _labelled(label: str, style: str, words: str, width: int | None) -> Iterator[Text]:
    lines = flow(map(styled, words.split()), indent=LABEL, width=width, gap=" ")
    yield Text(f"    {label}".ljust(LABEL), style).append_text(lines[0][LABEL:])
    yield from lines[1:]
