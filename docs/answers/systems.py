# SPDX-License-Identifier: Apache-2.0
"""Every design choice, value by value: where it matters, and what each value does to the properties.

The scenario is found where it is not written down: the one of the choice's own part in which the values lead to the
most different verdicts; else the first in which they change anything at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from functools import cache

from xsavvy.checker import Outcome, search
from xsavvy.kvm import kernel
from xsavvy.model.build import World, resolve, system_of
from xsavvy.model.choices import Choice, value_name
from xsavvy.model.edits import ImpossibleDesign
from xsavvy.model.platforms import preset
from xsavvy.model.registry import CHOICES, PARTS, SCENARIOS, part_of
from xsavvy.model.scenario import Scenario

from .row import SVM, VMX
from .seed_001 import XFD

KERNEL = "v6.18+b45f72177594"
OLDER = {"trace": "v6.11"}
"""Parts that are about a mode which later kernels have buried."""
LEFT_OUT = frozenset({"xfd"})
"""Scenarios that show something which upstream has not fixed (docs/decisions/0004); others ask about their choices."""
COLUMNS = {"xfd-on-demand": frozenset(XFD.columns)}
"""Scenarios of which a page shows some properties only, for the same reason; here it is those."""
MOST = 120_000
LARGER = 4_000_000
PREFERRED = dict.fromkeys(
    ("pkru_switch", "pkru_home", "pkru_order", "pkru_compare", "pkru_sample", "nmi_window"), "pkru"
)
"""Choices whose scenario is larger than those that are tried."""
FAILING = {"allocation": "may_fail", "after_failure": "reenters"}
NEEDS: Mapping[str, Mapping[str, str]] = {
    "allocation": {"xfd_intercept": "option_1", "after_failure": "reenters"},
    "after_failure": {"xfd_intercept": "option_1", "allocation": "may_fail"},
    "fake_values": {"protected_restore": "fake_state"},
    "pt_switch": {"host_tracing": "stopped_by_perf"},
    "save_mask": {"xfd_intercept": "option_1", **FAILING},
    "xfd_intercept": FAILING,
    "xfd_allocate": FAILING,
}
"""Answers to other questions without which a question does not come up."""


def systems_block() -> str:
    """Return one table: choice, value, scenario, verdicts, states."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| choice | value | scenario | what breaks | states |"
    yield "|---|---|---|---|---|"
    for choice in CHOICES:
        yield from choice_lines(choice)


def choice_lines(choice: Choice) -> Iterator[str]:
    """Give the rows of one choice."""
    where = place_of(choice)
    if where is None:
        yield f"| {choice.name} | | no scenario of at most {MOST:,} states | | |"
        return
    scenario, platform = where
    for value in choice.values:
        found = _explored(scenario, platform, choice, value)
        if found is None:
            cells = "contradicts another choice", ""
        else:
            broken = ", ".join(f"{name} in {depth}" for name, depth in _broken(scenario, found))
            cells = broken or "nothing", f"{found.states:,}"
        told = f"{scenario.name} ({platform})"
        yield f"| `{choice.name}` | `{value_name(value)}` | {told} | {cells[0]} | {cells[1]} |"


def _broken(scenario: Scenario, found: Outcome) -> list[tuple[str, int | None]]:
    shown = COLUMNS.get(scenario.name)
    return [
        (each.name, each.depth)
        for each in found.verdicts
        if each.verdict == "violated" and (shown is None or each.name in shown)
    ]


def place_of(choice: Choice) -> tuple[Scenario, str] | None:
    """Return the scenario and the platform in which a choice matters most."""
    if choice.name in PREFERRED:
        return next(each for each in SCENARIOS if each.name == PREFERRED[choice.name]), VMX
    ranked = []
    for order, (scenario, platform) in enumerate(_places(choice)):
        found = [_explored(scenario, platform, choice, value) for value in choice.values]
        seen = [each for each in found if each is not None]
        if seen and all(each.complete for each in seen):
            verdicts = len({tuple(n for n, _ in _broken(scenario, each)) for each in seen})
            worlds = len({(each.states, each.transitions) for each in seen})
            ranked.append((verdicts, worlds > 1, scenario.default, -order, scenario, platform))
    if not ranked:
        return None
    *_, scenario, platform = max(ranked, key=lambda each: each[:4])
    return scenario, platform


def _places(choice: Choice) -> Iterator[tuple[Scenario, str]]:
    own = next(part for part in PARTS if choice in part.choices)
    fitting = [
        each
        for each in SCENARIOS
        if not each.large
        and each.name not in LEFT_OUT
        and each.name not in PREFERRED.values()
        and part_of(each) is own
    ]
    for scenario in fitting:
        for platform in (VMX, SVM):
            if (platform == VMX and scenario.svm_only) or (platform == SVM and scenario.vmx_only):
                continue
            if not preset(platform).lacks(scenario.needs_xcr0, scenario.needs_xss):
                yield scenario, platform


@cache
def _outcome(scenario: str, platform: str, chosen: tuple[tuple[str, str], ...]) -> Outcome | None:
    which = next(each for each in SCENARIOS if each.name == scenario)
    target = kernel(OLDER.get(which.part, KERNEL))
    by_name = {choice.name: choice for choice in CHOICES}
    values: dict[str, IntEnum] = {}
    for name, text in chosen:
        value = by_name[name].parse(text)
        assert value is not None
        values[name] = value
    try:
        world = World(which, target, preset(platform), resolve(target, values), {})
        limit = LARGER if scenario in PREFERRED.values() else MOST
        return search(system_of(world), max_states=limit)
    except ImpossibleDesign:
        return None


def _explored(scenario: Scenario, platform: str, choice: Choice, value: IntEnum) -> Outcome | None:
    chosen = {**NEEDS.get(choice.name, {}), choice.name: value_name(value)}
    return _outcome(scenario.name, platform, tuple(sorted(chosen.items())))
