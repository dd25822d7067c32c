# SPDX-License-Identifier: Apache-2.0
"""Verdicts as SARIF 2.1.0: a rule per property, a result per property and world, traces as code flows.

A step is a logical location; it has a physical one where its Python function is part of this package, as a path from
the folder that holds the package. Only a violation has a level; what could not be decided is open, never passed.
Source: SARIF 2.1.0 (OASIS), sections 3.27.9 kind, 3.27.10 level, 3.36 codeFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from xsavvy.report.text import escape
from xsavvy.report.world import sorted_by_world, world_name, world_of
from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import CheckResult, LeftOut, TraceStep

__all__ = ["sarif"]

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
BASE = "PACKAGE"
BASE_WORDS = "The folder that holds the package xsavvy, whose functions are the steps of the model."
KIND = {"holds": "pass", "violated": "fail", "incomplete": "open"}


def sarif(results: Sequence[CheckResult], left_out: Sequence[LeftOut] = ()) -> str:
    """Return the JSON document of results and of worlds without results."""
    rules = {result.property: _rule(result) for result in results}
    numbers = {name: number for number, name in enumerate(sorted(rules))}
    run = {
        "tool": {
            "driver": {
                "name": "xsavvy",
                "version": __version__,
                "rules": [rules[name] for name in numbers],
            }
        },
        "invocations": [_invocation(results, left_out)],
        "originalUriBaseIds": {BASE: {"description": {"text": BASE_WORDS}}},
        "columnKind": "unicodeCodePoints",
        "results": [
            *(_result(each, numbers) for each in sorted_by_world(results)),
            *(
                _not_applicable(each)
                for each in sorted_by_world(left_out)
                if each.verdict == "not applicable"
            ),
        ],
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _text(words: str) -> dict[str, str]:
    return {"text": escape(words)}


def _rule(result: CheckResult) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": escape(result.property),
        "shortDescription": _text(result.sentence),
        "defaultConfiguration": {"level": "error"},
    }
    if result.source:
        rule["help"] = _text(f"Source: {result.source}")
    return rule


def _result(result: CheckResult, numbers: Mapping[str, int]) -> dict[str, Any]:
    world = world_name(world_of(result))
    found: dict[str, Any] = {
        "ruleId": escape(result.property),
        "ruleIndex": numbers[result.property],
        "kind": KIND[result.verdict],
        "level": "error" if result.verdict == "violated" else "none",
        "message": _text(f"{result.verdict} in {world}: {result.sentence}"),
        "partialFingerprints": {"world/v1": escape(f"{result.property} {world}")},
        "properties": {
            "scenario": escape(result.scenario),
            "kernel": escape(result.kernel),
            "platform": escape(result.platform),
            "set": {escape(name): escape(value) for name, value in result.set.items()},
            "states": result.states,
            "transitions": result.transitions,
            "depth": result.depth,
            "kind": result.kind,
        },
    }
    if result.trace:
        found["locations"] = [_location(result.trace[-1])]
        flow = [_hop(number, step) for number, step in enumerate(result.trace, 1)]
        words = world + _loop(result)
        found["codeFlows"] = [{"message": _text(words), "threadFlows": [{"locations": flow}]}]
    return found


def _loop(result: CheckResult) -> str:
    if result.loop is None:
        return ""
    if result.loop == len(result.trace):
        return "; there the run ends"
    return f"; the steps after number {result.loop} repeat for ever"


def _not_applicable(one: LeftOut) -> dict[str, Any]:
    world = world_name(world_of(one))
    return {
        "kind": "notApplicable",
        "level": "none",
        "message": _text(f"not applicable: {world}: {one.reason}"),
    }


def _hop(number: int, step: TraceStep) -> dict[str, Any]:
    hop: dict[str, Any] = {
        "location": _location(step),
        "module": escape(step.actor),
        "executionOrder": number,
    }
    if step.changes:
        hop["state"] = {escape(field): _text(new) for field, (_, new) in step.changes.items()}
    return hop


def _location(step: TraceStep) -> dict[str, Any]:
    name = escape(step.step)
    location: dict[str, Any] = {
        "logicalLocations": [{"name": name, "fullyQualifiedName": name, "kind": "function"}],
        "message": _text(_words(step)),
    }
    file, _, line = step.code.rpartition(":")
    if file and line.isdigit():
        location["physicalLocation"] = {
            "artifactLocation": {"uri": file, "uriBaseId": BASE},
            "region": {"startLine": int(line)},
        }
    return location


def _words(step: TraceStep) -> str:
    """Say who does what, with which values, what it changes, and by which source."""
    chosen = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
    words = f"{step.actor}: {step.step}" + (f" ({chosen})" if chosen else "")
    parts = [words + (" (inferred)" if step.inferred else "")]
    parts += [step.summary] if step.summary else []
    parts += [f"{field}: {old} -> {new}" for field, (old, new) in step.changes.items()]
    parts += [f"source: {step.source}"] if step.source else []
    return "; ".join(parts)


def _invocation(results: Sequence[CheckResult], left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """Tell whether all searches ended, and which did not."""
    open_results = {world_of(each) for each in results if each.verdict == "incomplete"}
    words = dict.fromkeys(open_results, "the search ended before all states were seen")
    words |= {world_of(each): each.reason for each in left_out if each.verdict == "incomplete"}
    told = [
        {"level": "error", "message": _text(f"{world_name(world)}: {words[world]}")}
        for world in sorted(words)
    ]
    return {"executionSuccessful": not told, "toolExecutionNotifications": told}
