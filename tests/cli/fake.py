# SPDX-License-Identifier: Apache-2.0
"""An API with known answers, so that what a command prints can be compared letter by letter."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from xsavvy.cpuid.describe import CpuDescription, describe
from xsavvy.cpuid.presets import PRESETS
from xsavvy.live.case import Case
from xsavvy.live.conformance import Conformance, Explained, Fact, Met, Unexplained
from xsavvy.live.host import Unreached


class UsageError(ValueError):
    """What the API raises for a name that it does not know."""


class TraceStep(msgspec.Struct):
    actor: str
    step: str
    source: str = ""
    summary: str = ""
    changes: dict[str, list[str]] = {}


class CheckResult(msgspec.Struct):
    scenario: str = "window"
    kernel: str = "v6.12"
    platform: str = "preset"
    choices: dict[str, str] = {}
    property: str = "host_pkru_is_host"
    sentence: str = "The host never runs on the guest's PKRU."
    verdict: str = "holds"
    states: int = 1234
    transitions: int = 5678
    depth: int = 21
    seconds: float = 0.25
    trace: list[TraceStep] = []
    deadlocks: int = 0
    unreached: list[str] = []


class CheckReport(msgspec.Struct):
    results: list[CheckResult]
    notes: list[str] = []
    machine: str = "A processor"


class ListItem(msgspec.Struct):
    name: str
    summary: str = ""
    source: str = ""
    details: dict[str, str] = {}


class Progress(msgspec.Struct):
    states: int = 1000
    transitions: int = 5000
    depth: int = 9
    seconds: float = 0.5


TRACE = [
    TraceStep(
        "vcpu", "enter.load_pkru", "arch/x86/kvm/x86.c load()", "", {"hw": ["HOST", "GUEST"]}
    ),
    TraceStep("irq", "softirq", "", "", {"cpu": ["0", "1"], "depth": ["0", "1"]}),
]
VIOLATED = CheckResult(property="no_fault", sentence="No XRSTOR faults.", verdict="violated",
                       depth=2, trace=TRACE)  # fmt: skip


class Api:
    """Stands where the module `xsavvy.api` stands; remembers how it was called."""

    UsageError = UsageError

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: dict[str, list[CheckResult]] = {
            "window": [CheckResult(), VIOLATED],
            "calm": [CheckResult(scenario="calm")],
        }
        self.notes: list[str] = []
        self.interrupt_at = ""
        self.conformance = conformance()

    def check(
        self,
        scenarios: Sequence[str] = (),
        *,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> CheckReport:
        self.calls.append({"scenarios": list(scenarios), **options})
        for name in scenarios:
            if name == self.interrupt_at:
                raise KeyboardInterrupt
            if name not in self.answers:
                near = difflib.get_close_matches(name, self.answers, 1)
                raise UsageError(f"no scenario {name!r}: did you mean {near[0]!r}?")
            if progress:
                progress(Progress())
        return CheckReport([r for name in scenarios for r in self.answers[name]], self.notes)

    def trace(self, scenario: str, **options: Any) -> CheckResult:
        self.calls.append({"scenario": scenario, **options})
        return self.answers[scenario][-1]

    def default_scenarios(self) -> list[str]:
        return list(self.answers)

    def listing(self, kind: str, **options: Any) -> list[ListItem]:
        self.calls.append({"kind": kind, **options})
        if kind == "scenarios":
            return [ListItem(name, "A scenario of a test.", "thread seed") for name in self.answers]
        return [ListItem("one", "First of its kind.", "SDM", {"bit": "9"}), ListItem("two")]

    def cpu(self, path: str | None) -> CpuDescription:
        self.calls.append({"path": path})
        return describe(PRESETS["milan"].table)

    def conform_silicon(self, **options: Any) -> Conformance:
        self.calls.append(options)
        return self.conformance


def conformance(*unexplained: Unexplained, facts: tuple[Fact, ...] = ()) -> Conformance:
    """What a run on a processor found: everything agrees but for what is given."""
    return Conformance(
        oracle="silicon",
        met=Met("A processor", "Linux 6.12"),
        cases=1000,
        agree=999 - len(unexplained),
        explained=(Explained(Case("xsaveopt", b""), "XINUSE may change at any interrupt"),),
        unexplained=unexplained,
        facts=facts,
        unreached=(Unreached("XSAVES", "needs ring 0"),),
        seed=7,
        reruns=0,
        seconds=1.5,
    )
