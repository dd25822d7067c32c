# SPDX-License-Identifier: Apache-2.0
"""An API with known answers, so that what a command prints can be compared letter by letter."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xsavvy.api import (
    CheckReport,
    CheckResult,
    LeftOut,
    LintResult,
    ListItem,
    Progress,
    TraceStep,
    UsageError,
)
from xsavvy.cpuid.describe import CpuDescription, describe
from xsavvy.cpuid.presets import PRESETS
from xsavvy.live.bochs import BochsConformance
from xsavvy.live.bochs.conform import Known
from xsavvy.live.case import Case
from xsavvy.live.conformance import Conformance, Explained, Fact, Met, Unexplained
from xsavvy.live.host import Unreached
from xsavvy.live.kvm import MaintainersConformance
from xsavvy.live.kvm.conform import Explanation


def result(**fields: Any) -> CheckResult:
    """A property that holds in the scenario `window`, but for what is given."""
    known: dict[str, Any] = {
        "scenario": "window",
        "kernel": "v6.12",
        "platform": "preset",
        "choices": {"pkru": "by_xcr0", "xfd": "always"},
        "property": "host_pkru_is_host",
        "sentence": "The host never runs on the guest's PKRU.",
        "verdict": "holds",
        "states": 1234,
        "transitions": 5678,
        "depth": 21,
        "seconds": 0.25,
        "trace": [],
        "deadlocks": 0,
        "unreached": [],
    }
    return CheckResult(**(known | fields))


TRACE = [
    TraceStep(
        "vcpu", "enter.load_pkru", "arch/x86/kvm/x86.c load()", "", {"hw": ("HOST", "GUEST")}
    ),
    TraceStep("irq", "softirq", "", "", {"cpu": ("0", "1"), "depth": ("0", "1")}, {"n": "2"}),
]
VIOLATED = result(
    property="no_fault", sentence="No XRSTOR faults.", verdict="violated", depth=2, trace=TRACE
)
PROGRESS = Progress(1000, 5000, 9, 100, 0.5)


class Api:
    """Stands where the module `xsavvy.api` stands; remembers how it was called."""

    UsageError = UsageError

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answers: dict[str, list[CheckResult]] = {
            "window": [result(), VIOLATED],
            "calm": [result(scenario="calm")],
        }
        self.notes: list[str] = []
        self.interrupt_at = ""
        self.unfit = ""
        self.conformance = conformance()
        self.bochs = bochs()
        self.lints: tuple[LintResult, ...] = ()
        self.theirs: MaintainersConformance | None = None
        self.CheckReport = CheckReport
        self.LeftOut = LeftOut

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
            if name == self.unfit:
                raise UsageError(f"{name}: not applicable to preset, which has no AMX")
            if name not in self.answers:
                near = difflib.get_close_matches(name, self.answers, 1)
                raise UsageError(f"no scenario {name!r}: did you mean {near[0]!r}?")
            if progress:
                progress(PROGRESS)
        return CheckReport([r for n in scenarios for r in self.answers[n]], self.notes, "A CPU")

    def default_scenarios(self, patch: Path | None = None) -> list[str]:
        return [name for name in self.answers if name != "extra"]

    def trace(self, scenario: str, **options: Any) -> CheckResult:
        self.calls.append({"scenario": scenario, **options})
        return self.answers[scenario][-1]

    def listing(self, kind: str, **options: Any) -> list[ListItem]:
        self.calls.append({"kind": kind, **options})
        if kind == "scenarios":
            return [ListItem(name, "A scenario of a test.", "seed", {}) for name in self.answers]
        return [
            ListItem("one", "First of its kind.", "SDM", {"bit": "9"}),
            ListItem("two", "", "", {}),
        ]

    def cpu(self, path: str | None, form: str | None, processor: str | None) -> CpuDescription:
        self.calls.append({"path": path, "form": form, "processor": processor})
        return describe(PRESETS["milan"].table)

    def lint(self, files: Sequence[str], **options: Any) -> tuple[LintResult, ...]:
        self.calls.append({"files": files, **options})
        return self.lints

    def replay_kvm(self, path: Path) -> None:
        return None

    def replay_silicon(self, path: Path) -> None:
        """Judge no file: it is no capture."""

    def replay_bochs(self, path: Path) -> None:
        return None

    def conform_maintainers(self) -> MaintainersConformance:
        assert self.theirs is not None
        return self.theirs

    def conform_bochs(self, **options: Any) -> BochsConformance:
        self.calls.append(options)
        return self.bochs

    def conform_silicon(self, **options: Any) -> Conformance:
        self.calls.append(options)
        return self.conformance


def bochs(*unexplained: Explanation) -> BochsConformance:
    """What a run on Bochs found: one difference that is known, and what is given."""
    return BochsConformance(
        oracle="bochs",
        met=Met("tigerlake", "Bochs 2.7"),
        cases=1000,
        agree=999 - len(unexplained),
        explained=(Explanation("xsavec64.", "xsavec", "", "", "B1"),),
        unexplained=unexplained,
        known=(Known("B1", "it places them elsewhere", 1), Known("B2", "another", 0)),
        groups={"xsavec": 600, "xsetbv": 400},
        unreached=(Unreached("XFD", "no emulator has the MSRs"),),
        seed=7,
        seconds=1.5,
    )


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
