# SPDX-License-Identifier: Apache-2.0
"""SARIF 2.1.0: valid by the official schema where that is at hand, and by its main rules everywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

import xsavvy
from tests.report.verdict import LEFT_OUT, RESULTS
from xsavvy.report.sarif import sarif

SCHEMA = "XSAVVY_SARIF_SCHEMA"


def run() -> dict[str, Any]:
    whole = json.loads(sarif(RESULTS, LEFT_OUT))
    assert whole["version"] == "2.1.0"
    (only,) = whole["runs"]
    found: dict[str, Any] = only
    return found


def test_the_official_schema_accepts_it() -> None:
    """The schema that OASIS publishes finds nothing wrong, with and without results."""
    path = os.environ.get(SCHEMA)
    if not path:
        pytest.skip(f"{SCHEMA} names no copy of sarif-schema-2.1.0.json")
    import jsonschema

    validator = jsonschema.Draft4Validator(json.loads(Path(path).read_text()))
    for text in (sarif(RESULTS, LEFT_OUT), sarif([])):
        assert not list(validator.iter_errors(json.loads(text)))


def test_every_property_is_a_rule() -> None:
    """Rules are sorted, unique, and say the sentence and its source; results point to them."""
    rules = run()["tool"]["driver"]["rules"]
    names = [rule["id"] for rule in rules]
    assert names == sorted(set(names))
    assert len(names) == len({each.property for each in RESULTS})
    known = next(rule for rule in rules if rule["id"] == "no_fault")
    assert known["shortDescription"]["text"] == "The host never runs on the guest's PKRU."
    assert known["help"]["text"] == "Source: SDM"
    for each in run()["results"]:
        if "ruleIndex" in each:
            assert names[each["ruleIndex"]] == each["ruleId"]


def test_each_verdict_has_its_kind() -> None:
    """Only a violation has a level; what is open or does not apply has none, and is no pass."""
    found = {(each["kind"], each["level"]) for each in run()["results"]}
    assert found == {("pass", "none"), ("fail", "error"), ("open", "none"),
                     ("notApplicable", "none")}  # fmt: skip
    assert len(run()["results"]) == len(RESULTS) + 1
    fingerprints = [each["partialFingerprints"]["world/v1"] for each in run()["results"][:-1]]
    assert len(set(fingerprints)) == len(fingerprints)


def test_a_search_without_an_end_is_no_success() -> None:
    """The run tells of each world whose search did not end; without one it was successful."""
    (invocation,) = run()["invocations"]
    told = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert not invocation["executionSuccessful"]
    assert told == ["fpu v6.12 milan: the worker was killed",
                    "window v6.12 preset pkru=by_pke: the search ended before all states were seen",
                    ]  # fmt: skip
    (calm,) = json.loads(sarif(RESULTS[:2]))["runs"][0]["invocations"]
    assert calm == {"executionSuccessful": True, "toolExecutionNotifications": []}


def test_a_trace_is_a_code_flow() -> None:
    """Each step is a location with who, what, the changes and the source; the last is the result's."""
    violated = next(each for each in run()["results"] if each.get("ruleId") == "no_fault")
    (flow,) = violated["codeFlows"]
    first, second = flow["threadFlows"][0]["locations"]
    assert (first["executionOrder"], first["module"]) == (1, "vcpu")
    assert first["location"]["logicalLocations"][0]["fullyQualifiedName"] == "enter.load_pkru"
    assert first["location"]["message"]["text"] == (
        "vcpu: enter.load_pkru; hw: HOST -> GUEST; source: arch/x86/kvm/x86.c load()"
    )
    assert first["state"] == {"hw": {"text": "GUEST"}}
    assert second["location"]["message"]["text"].startswith("irq: softirq (n=2); cpu: 0 -> 1")
    assert violated["locations"] == [second["location"]]
    assert "physicalLocation" not in first["location"]


def test_a_lasso_says_what_repeats() -> None:
    """The message of a code flow tells from where on its steps repeat, or that the run ends."""
    flows = {
        each["ruleId"]: each["codeFlows"][0] for each in run()["results"] if "codeFlows" in each
    }
    assert flows["soon"]["message"]["text"].endswith("; the steps after number 1 repeat for ever")
    ends = next(flow for name, flow in flows.items() if name.startswith("a\\x00b"))
    assert ends["message"]["text"].endswith("; there the run ends")
    assert "; the" not in flows["no_fault"]["message"]["text"]


def test_physical_locations_are_true() -> None:
    """A step of the model points to the function that it is, by a path inside the package."""
    report = xsavvy.check(["pkru-xinuse"], kernel="v6.18", platform="sapphire-rapids")
    whole = json.loads(sarif(report.results))["runs"][0]
    flows = [each["codeFlows"][0] for each in whole["results"] if "codeFlows" in each]
    assert flows
    root = Path(xsavvy.__file__).parents[1]
    for step in flows[0]["threadFlows"][0]["locations"]:
        place = step["location"]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] in whole["originalUriBaseIds"]
        lines = (root / place["artifactLocation"]["uri"]).read_text().splitlines()
        assert lines[place["region"]["startLine"] - 1].startswith("def ")


def test_the_same_verdicts_are_the_same_document() -> None:
    """Order and time of the searches leave no mark, and no text can move a cursor."""
    slower = [msgspec.structs.replace(each, seconds=9.0) for each in RESULTS]
    text = sarif(slower[::-1], LEFT_OUT[::-1])
    assert text == sarif(RESULTS, LEFT_OUT)
    text.encode("utf-8")
    assert not {"\x1b", "\u202e", "\x85", "\\u001b"} & set(text)
