# SPDX-License-Identifier: Apache-2.0
"""The maintainers' cases against the model and against a KVM: one line for each file of their suites."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from xsavvy.cpuid.presets import PRESETS
from xsavvy.kvm import COMMITS, NEWEST, Kernel, kernel
from xsavvy.live.conformance import Met
from xsavvy.live.machine.reach import Unreachable
from xsavvy.live.maintainers import TABLES, Explored, Table, answers, offered

from .cause import Causes
from .conform import Ask, Explanation, ask_here, opened
from .facts import FACTS, Facts, facts_of
from .question import Claim
from .rules import DECIDING
from .survey.maintainers import Asked, asked_cases

__all__ = ["MaintainersConformance", "Source", "conform_maintainers"]

PLATFORM = "sapphire-rapids"
"""The preset whose guests have everything that the suites ask for, but supervisor keys."""
Explore = Callable[[str, str, str], dict[str, str]]
"""The verdict of each property of a scenario, on a kernel and a platform."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a suite.

    Attributes:
        assertions: how many of them the rules and scenarios were asked, and how many of those `agree`.
        differs: those that do not, in words.
        asked: how many a machine was asked, and how many of those it keeps (`kept`).
        explained, unexplained: those that it does not keep.
        not_asked: how many it was not asked, by the reason.
        rules: the functions and scenarios that answer.
        left_out: assertions that nothing answers, and why.
    """

    project: str
    file: str
    revision: str
    assertions: int
    agree: int
    differs: tuple[str, ...]
    asked: int
    kept: int
    explained: tuple[Explanation, ...]
    unexplained: tuple[Explanation, ...]
    not_asked: dict[str, int]
    rules: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MaintainersConformance:
    """What the model and a machine say to what the maintainers assert.

    `kernel` and `platform` are the model's; `met` is the machine, None if there is none, for the reason `why`.
    """

    oracle: str
    kernel: str
    platform: str
    met: Met | None
    why: str
    sources: tuple[Source, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Tell whether the model agrees with everything, and each other answer of the machine is explained."""
        return not any(each.differs or each.unexplained for each in self.sources)

    def to_dict(self) -> dict[str, object]:
        """Give the result as plain values for JSON; times in seconds."""
        return asdict(self)


def conform_maintainers(explore: Explore, ask: Ask | None = None) -> MaintainersConformance:
    """Ask the rules, the scenarios and this machine's /dev/kvm, or whoever else is to be asked, every case."""
    began = time.perf_counter()
    facts, why = None, ""
    answered: dict[str, list[tuple[Asked, list[Any]]]] = {}
    try:
        if ask is None:
            with opened() as device:
                facts, answered = _answered(lambda calls: ask_here(device, calls))
        else:
            facts, answered = _answered(ask)
    except Unreachable as error:
        why = str(error)
    sources = tuple(
        _source(table, explore, facts, answered.get(table.file, [])) for table in TABLES
    )
    met = None
    if facts is not None:
        met = Met(
            f"{facts.brand or facts.vendor}, XCR0={facts.xcr0:#x}",
            f"Linux {facts.release}",
            facts.module,
        )
    return MaintainersConformance(
        "maintainers", NEWEST, PLATFORM, met, why, sources, time.perf_counter() - began
    )


def _answered(ask: Ask) -> tuple[Facts, dict[str, list[tuple[Asked, list[Any]]]]]:
    """Ask every case that can be asked; give the cases of each file with their answers."""
    facts = facts_of(ask(FACTS))
    found: dict[str, list[tuple[Asked, list[Any]]]] = {}
    for asked in asked_cases(facts):
        answer = ask(asked.question.calls) if asked.question is not None else []
        found.setdefault(asked.table.file, []).append((asked, answer))
    return facts, found


def _source(
    table: Table, explore: Explore, facts: Facts | None, answered: list[tuple[Asked, list[Any]]]
) -> Source:
    assertions, differs = _by_the_rules(table)
    for each in table.explored:
        assertions += 1
        if not _explored(each, explore):
            differs.append(each.what)
    asked, differences, not_asked = _by_the_machine(facts, answered)
    explained = tuple(each for each in differences if each.why)
    unexplained = tuple(each for each in differences if not each.why)
    return Source(
        table.project, table.file, table.revision, assertions, assertions - len(differs), tuple(differs),
        asked, asked - len(differences), explained, unexplained, not_asked, table.rules, table.left_out,
    )  # fmt: skip


def _by_the_rules(table: Table) -> tuple[int, list[str]]:
    """Count what a table asserts, and name what the rules of the newest kernel say otherwise."""
    newest = kernel(NEWEST)
    features = offered(newest, PRESETS[PLATFORM].table)
    features = features.having(table.lacks(features))
    assertions, differs = 0, []
    for case in table.cases(features):
        assertions += case.asserted
        for step, answer in zip(case.steps, answers(case, features, newest), strict=True):
            if not step.accepts(answer):
                differs.append(
                    f"{case.what}: {step}: asserted {step.asserts}, by the rules {answer}"
                )
    return assertions, differs


def _explored(each: Explored, explore: Explore) -> bool:
    """Say whether a property holds where the test passes, and is violated where it fails."""
    after = explore(each.scenario, each.kernel, each.platform)[each.property] == "holds"
    if not each.before:
        return after
    return after and explore(each.scenario, each.before, each.platform)[each.property] == "violated"


def _by_the_machine(
    facts: Facts | None, answered: list[tuple[Asked, list[Any]]]
) -> tuple[int, list[Explanation], dict[str, int]]:
    """Count what was asked and what was not, and give what the machine does not keep."""
    count, found = 0, []
    not_asked: dict[str, int] = {}
    for asked, answer in answered:
        assert facts is not None
        if asked.question is None:
            not_asked[asked.why] = not_asked.get(asked.why, 0) + asked.case.asserted
        else:
            count += asked.case.asserted
            found += _not_kept(asked, answer, facts)
    return count, found, not_asked


def _not_kept(asked: Asked, answer: list[Any], facts: Facts) -> list[Explanation]:
    """Explain each assertion of a case that a machine does not keep."""
    assert asked.question is not None
    causes, found = Causes(asked.question, answer, facts), []
    claims = 0
    for place, (step, seen) in enumerate(
        zip(asked.case.steps, asked.results(answer, facts), strict=True)
    ):
        if step.asserts is None:
            continue
        claims += 1
        if step.accepts(seen):
            continue
        what = f"{asked.table.name}: {asked.case.what}: {step}"
        claim = Claim(what, step.asserts, seen)
        why = _older(asked, place, seen, facts) or causes.of(claim, claims - 1)
        found.append(Explanation(what, "maintainers", str(step.asserts), str(seen), why))
    return found


def _older(asked: Asked, place: int, seen: Any, facts: Facts) -> str:
    """Say that the kernel is older than what the test asserts, if its own rules say what was seen."""
    if asked.predicted(facts, facts.rules)[place] != seen:
        return ""
    step = asked.case.steps[place]
    for commit in COMMITS:
        if commit.id in DECIDING and commit.id not in facts.rules:
            younger = Kernel(facts.rules.name, facts.rules.commits | {commit.id})
            if step.accepts(asked.predicted(facts, younger)[place]):
                return f"the kernel is older than {commit.id} ({commit.subject}), {commit.release}"
    return f"as the rules of {facts.rules.name} say: the kernel is older than the test"
