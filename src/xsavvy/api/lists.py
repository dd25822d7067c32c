# SPDX-License-Identifier: Apache-2.0
"""What the model knows, as rows: `listing(kind)`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from xsavvy import checker
from xsavvy.checker import Eventually, Program, Property
from xsavvy.cost.workload import workloads
from xsavvy.cpuid.presets import PRESETS
from xsavvy.isa import RULES, Status
from xsavvy.isa.components import COMPONENTS
from xsavvy.kvm import COMMITS, DISTRIBUTIONS, NEWEST, RELEASES, kernel
from xsavvy.model.build import World, assembled, resolve
from xsavvy.model.choices import value_name
from xsavvy.model.delta import BASE
from xsavvy.model.gallery import bugs
from xsavvy.model.part import Part
from xsavvy.model.platforms import preset
from xsavvy.model.programs import programs
from xsavvy.model.registry import (
    CHOICES,
    DEFAULTS,
    PARTS,
    SCENARIOS,
    deltas_of,
    kernel_choices,
)

from .usage import unknown

__all__ = ["KINDS", "ListItem", "listing"]


class ListItem(msgspec.Struct, frozen=True):
    """One thing that the model knows: its name, what it is, who says so, and what belongs to its kind."""

    name: str
    summary: str
    source: str
    details: dict[str, str]


def _first_line(function: Callable[..., Any] | None) -> str:
    return (
        (function.__doc__ or "").strip().splitlines()[0]
        if function is not None and function.__doc__
        else ""
    )


def _programs() -> Iterator[Program]:
    """The programs of the newest kernel: every part, on both vendors."""
    newest = kernel(NEWEST)
    for part in PARTS:
        for name in ("sapphire-rapids", "genoa"):
            yield assembled(World(part.scenarios[0], newest, preset(name), resolve(newest, {}), {}))


def _named(items: Iterable[ListItem]) -> list[ListItem]:
    """Keep the first item of each name."""
    return list({item.name: item for item in reversed(list(items))}.values())[::-1]


def _scenarios() -> list[ListItem]:
    return [
        ListItem(
            each.name,
            each.question,
            each.source,
            {
                "leaves out": each.leaves_out,
                "events": ", ".join(each.events),
                "properties": ", ".join((*each.properties, *each.eventualities)),
                "part": each.part,
                "checked by default": "yes" if each.default else "no",
            },
        )
        for each in SCENARIOS
    ]


def _parts() -> list[ListItem]:
    return [
        ListItem(
            part.name,
            part.summary,
            part.source,
            {
                "scenarios": ", ".join(each.name for each in part.scenarios),
                "choices": ", ".join(each.name for each in part.choices),
                "commits": str(len(part.deltas)),
                "builds on": _ground(part),
            },
        )
        for part in PARTS
    ]


def _ground(part: Part) -> str:
    if not part.builds_on_run:
        return "nothing: its own machine"
    return "nothing: it is the run loop" if part.name == "run" else "the run loop"


def _kernels() -> list[ListItem]:
    items = []
    for release in RELEASES:
        new = [commit for commit in COMMITS if commit.release == release]
        text = "; ".join(f"{commit.id} {commit.subject}" for commit in new) or "no modelled change"
        items.append(
            ListItem(release, text, "mainline", {"commits": str(len(kernel(release).commits))})
        )
    for each in DISTRIBUTIONS:
        text = f"{each.base} with {', '.join(each.adds)}"
        details = {"commits": str(len(kernel(each.name).commits))}
        items.append(ListItem(each.name, text, each.source, details))
    return items


def _commits() -> list[ListItem]:
    items = []
    for commit in COMMITS:
        changes = [
            text
            for _, delta in deltas_of(commit.id)
            for text in (*_answers({**delta.lacks, **delta.sets}), delta.summary)
            if text
        ]
        details = {"release": commit.release, "effect": commit.effect}
        if changes:
            details["in the model"] = "; ".join(changes)
        items.append(ListItem(commit.id, commit.subject, "mainline", details))
    return items


def _answers(values: Mapping[str, IntEnum]) -> list[str]:
    return [f"{name}={value_name(value)}" for name, value in values.items()]


def _choices() -> list[ListItem]:
    newest = kernel_choices(kernel(NEWEST))
    return [
        ListItem(
            each.name,
            each.question,
            each.source,
            {
                **{value_name(value): each.answers[value] for value in each.values},
                f"{BASE}": value_name(DEFAULTS[each.name]),
                "newest kernel": value_name(newest[each.name]),
            },
        )
        for each in CHOICES
    ]


def _properties() -> list[ListItem]:
    always = [_property(each, "always") for program in _programs() for each in program.properties]
    later = [
        _property(each, "eventually") for program in _programs() for each in program.eventualities
    ]
    return _named([*always, *later])


def _property(each: Property | Eventually, kind: str) -> ListItem:
    details = {"kind": kind, "witness": each.witness, "mutant": each.mutant}
    return ListItem(each.name, each.sentence, each.source, details)


def _witnesses() -> list[ListItem]:
    return _named(
        ListItem(each.name, each.sentence, "", {})
        for program in _programs()
        for each in program.witnesses
    )


def _events() -> list[ListItem]:
    return _named(
        ListItem(
            each.name, each.summary or _first_line(each.effect), each.source, {"actor": each.actor}
        )
        for program in _programs()
        for each in program.events
    )


def _steps() -> list[ListItem]:
    return _named(
        ListItem(
            row.label,
            row.summary or _first_line(row.step.effect),
            row.source,
            {"actor": row.actor, "context": ", ".join(row.contexts) or "anything may come"},
        )
        for program in _programs()
        for row in checker.layout(program)
        if row.step is not None
    )


def _bugs() -> list[ListItem]:
    items = []
    for bug in bugs():
        details = {
            "fixed by": ", ".join(bug.commits),
            "CVE": bug.cve,
            "evidence": bug.evidence,
            "world": f"{bug.scenario} {bug.platform} {bug.before}".strip(),
            "violates": bug.property,
            "what happens": bug.story,
            "not expressed": bug.reason,
        }
        details = {name: text for name, text in details.items() if text}
        items.append(ListItem(bug.id, bug.title, bug.source, details))
    return items


def _programs_of_guests() -> list[ListItem]:
    return [
        ListItem(name, each.title, each.source, {"lines": str(len(each.statements))})
        for name, each in programs().items()
    ]


def _workloads() -> list[ListItem]:
    items = []
    for name, each in workloads().items():
        details = {
            "compares": each.compare,
            "one turn": f"{each.units} {each.unit}",
            "judged by": each.judge,
        }
        kept = {key: text for key, text in details.items() if text}
        items.append(ListItem(name, each.program.title, each.program.source, kept))
    return items


def _components() -> list[ListItem]:
    return [
        ListItem(
            each.name,
            each.title,
            each.source,
            {
                "index": str(each.index),
                "kind": str(each.kind.value),
                "XFD": "yes" if each.xfd_capable else "no",
                "MSRs": ", ".join(msr.name for msr in each.msrs),
            },
        )
        for each in COMPONENTS
    ]


def _platforms() -> list[ListItem]:
    items = []
    for each in PRESETS.values():
        cpu = preset(each.name).processor
        details = {
            "XCR0": f"{cpu.xcr0_supported:#x}",
            "IA32_XSS": f"{cpu.xss_supported:#x}",
            "virtualization": each.virtualization,
        }
        items.append(ListItem(each.name, each.title, f"{each.project} {each.origin}", details))
    return items


def _inferred() -> list[ListItem]:
    items = [
        ListItem(rule.name, rule.summary, rule.source, {"room": "isa"})
        for rule in RULES
        if rule.status is Status.INFERRED
    ]
    items += [
        ListItem(
            commit.id,
            f"released in {commit.release}: {commit.subject}",
            "merge window",
            {"room": "kvm"},
        )
        for commit in COMMITS
        if commit.inferred
    ]
    rules = (*INFERRED, *(rule for part in PARTS for rule in part.inferred))
    items += [ListItem(name, text, source, {"room": "model"}) for name, text, source in rules]
    items += [
        ListItem(f"{path.name}.{step.name}", step.summary, step.source, {"room": "model"})
        for program in _programs()
        for path in program.paths()
        for step in path.steps
        if step.inferred
    ]
    return _named(items)


INFERRED = (
    (
        "host_xss",
        "The host's IA32_XSS has CET_U from v6.6 and CET_S from v6.17; PASID and others are left out.",
        "sources of 6.1, 6.12, 7.2; the releases between were not read",
    ),
    (
        "pkru_inuse_by_value",
        "XINUSE[PKRU] follows the value on AMD and the write elsewhere.",
        "commit ae6012d72fa6 for AMD; no source for Intel",
    ),
    (
        "nm_intercept",
        "On every design #NM exits once IA32_XFD of the guest is not zero; v1 of seed 001 did not intercept it.",
        "upstream's rule applied to the alternatives",
    ),
    (
        "v7.3",
        "v7.3 is Debian's 7.3.4; a mainline v7.3 was not read.",
        "diff of Debian's 7.2.13 and 7.3.4 sources",
    ),
)
"""Rules of the model itself that rest on inference."""

_LISTS: Mapping[str, Callable[[], list[ListItem]]] = {
    "scenarios": _scenarios,
    "parts": _parts,
    "kernels": _kernels,
    "commits": _commits,
    "choices": _choices,
    "properties": _properties,
    "witnesses": _witnesses,
    "events": _events,
    "steps": _steps,
    "bugs": _bugs,
    "programs": _programs_of_guests,
    "workloads": _workloads,
    "components": _components,
    "platforms": _platforms,
    "inferred": _inferred,
}

KINDS = tuple(_LISTS)
"""What can be listed."""


def listing(kind: str) -> list[ListItem]:
    """List everything of a kind (one of KINDS). Raises UsageError.

    >>> [item.name for item in listing("scenarios")][:3]
    ['fpu', 'xcr0', 'xss']
    """
    if kind not in _LISTS:
        raise unknown("list", kind, KINDS)
    return _LISTS[kind]()
