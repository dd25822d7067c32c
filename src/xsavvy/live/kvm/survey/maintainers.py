# SPDX-License-Identifier: Apache-2.0
"""The cases of the maintainers' suites, asked of a KVM: each step becomes calls, and their answers its result.

The guest is given what KVM_GET_SUPPORTED_CPUID says, as the selftests do, and runs in real mode, or in 64-bit mode
where a step needs it. What such a guest cannot do is not asked, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from xsavvy.kvm import Kernel
from xsavvy.live.kvm import longmode
from xsavvy.live.kvm.code import CPUID, RDMSR, WRMSR, XGETBV, XSETBV, change_cr4, program
from xsavvy.live.kvm.facts import Facts
from xsavvy.live.kvm.question import Claim, Question
from xsavvy.live.maintainers import TABLES, Case, Features, Step, Table, answers

from .guestcpuid import features_of, suite_entries

__all__ = ["Asked", "asked_cases", "maintainers_cases"]

Calls = list[list[Any]]
HLT = 5
CAP_ONE_REG = 70
VECTORS = {6: "#UD", 7: "#NM", 13: "#GP", 14: "#PF"}
NO_TILES = "needs tiles that are configured in a guest"
LISTED = "KVM_GET_MSR_INDEX_LIST"
TOLD = ("XCR0 supported", "XCR0 usable", "offset", "size", LISTED)
"""Steps that the facts answer."""
OF_GUEST = (
    "XGETBV",
    "XSETBV",
    "MOV CR4",
    "CPUID OSXSAVE",
    "RDMSR",
    "WRMSR",
    "KVM_RUN",
    "WRPKRU",
    "access",
)
"""Steps that are instructions of the guest."""
WIDE = ("access", "WRPKRU")
"""Steps that need 64-bit mode."""
UNASKED = {
    "TILELOADD": NO_TILES,
    "TILERELEASE": NO_TILES,
    "XSAVEC": NO_TILES,
    "emulated": "needs KVM's forced emulation (module parameter force_emulation_prefix)",
}
SET_BY_XSETBV = "QEMU's SVM does not intercept XSETBV: the guest would change its host's XCR0"
NO_ONE_REG = "this KVM has no KVM_CAP_ONE_REG"


@dataclass(frozen=True)
class Asked:
    """A case as it is asked, or why it is not."""

    table: Table
    case: Case
    question: Question | None
    why: str = ""

    def predicted(self, facts: Facts, kernel: Kernel) -> list[Any]:
        """Return what the rules of a kernel say, one result for each step of the case."""
        return answers(self.case, features_of(facts), kernel)

    def results(self, found: Sequence[Any], facts: Facts) -> list[Any]:
        """Read the answers of a machine: one result for each of the steps."""
        told = self.predicted(facts, facts.rules)
        results, start = [], len(_opening(self.case, facts))
        for step, rule in zip(self.case.steps, told, strict=True):
            count = len(_calls(step, facts, wide=_is_wide(self.case)))
            seen = found[start : start + count]
            results.append(_result(step, seen) if count else _told(step, facts, rule))
            start += count
        return results


def maintainers_cases(facts: Facts) -> Iterator[Question]:
    """Give the questions that can be asked of a KVM."""
    for asked in asked_cases(facts):
        if asked.question is not None:
            yield asked.question


def asked_cases(facts: Facts) -> Iterator[Asked]:
    """Give every case of every suite, as it is asked of a KVM or not."""
    features = features_of(facts)
    for table in TABLES:
        lacks = table.lacks(features)
        for case in table.cases(_everything(features, lacks)):
            if lacks:
                yield Asked(table, case, None, why=f"this KVM does not offer {', '.join(lacks)}")
            else:
                yield _asked(table, case, facts)


def _everything(features: Features, lacks: tuple[str, ...]) -> Features:
    """Return the features with which a table that is skipped gives its cases, to be counted."""
    return features if not lacks else features.having(lacks)


def _asked(table: Table, case: Case, facts: Facts) -> Asked:
    why = _why_not(case, facts)
    if why:
        return Asked(table, case, None, why=why)
    calls = _opening(case, facts)
    for step in case.steps:
        calls += _calls(step, facts, wide=_is_wide(case))
    asked = Asked(table, case, None)

    def judge(found: Sequence[Any], facts: Facts, kernel: Kernel) -> list[Claim]:
        results = zip(
            case.steps, asked.predicted(facts, kernel), asked.results(found, facts), strict=True
        )
        return [
            Claim(f"{table.name}: {case.what}: {step}", predicted, result)
            for step, predicted, result in results
            if step.asserts is not None
        ]

    return Asked(table, case, Question("maintainers", calls, judge))


def _why_not(case: Case, facts: Facts) -> str:
    """Return why a case cannot be asked of this KVM; empty if it can."""
    for step in case.steps:
        if step.name in UNASKED:
            return UNASKED[step.name]
        if step.name == "XSETBV" and step.asserts == "ok" and "QEMU TCG CPU" in facts.brand:
            return SET_BY_XSETBV
    return ""


def _is_wide(case: Case) -> bool:
    """Say whether a guest must be in 64-bit mode: for RCX[63:32], or for pages."""
    return any(
        step.name in WIDE or (step.name in ("XGETBV", "XSETBV") and step.operands[0] >> 32)
        for step in case.steps
    )


def _opening(case: Case, facts: Facts) -> Calls:
    """Return the calls before the first step: the guest's CPUID, and its mode."""
    calls: Calls = []
    if case.cpuid:
        calls.append(["set_cpuid", suite_entries(facts, case.without) if case.entries else []])
    if _is_wide(case):
        calls.append(longmode.enter())
    return calls


def _calls(step: Step, facts: Facts, *, wide: bool) -> Calls:
    """Return the calls of one step; none if the facts answer it."""
    if step.name in TOLD:
        return []
    if wide and step.name in CALLS_IN_64_BIT_MODE:
        return CALLS_IN_64_BIT_MODE[step.name](*step.operands)
    return CALLS[step.name](facts, *step.operands)


def _run(code: str) -> Calls:
    return [["run", code]]


def _write(instruction: bytes, ecx: int, value: int) -> Calls:
    return _run(program(instruction, eax=value & 0xFFFFFFFF, ecx=ecx, edx=value >> 32))


def _other_cpuid(facts: Facts, which: str) -> Calls:
    entries = [list(each) for each in suite_entries(facts, ())]
    for entry in entries:
        if which == "another feature" and (entry[0], entry[1]) == (7, 0):
            entry[4] -= 1
        if which == "another MAXPHYADDR" and entry[0] == 0x80000008:
            entry[3] -= 1
    return [["set_cpuid", entries]]


def _set_xsave(_facts: Facts, xstate_bv: int) -> Calls:
    header = xstate_bv.to_bytes(8, "little") + bytes(56)
    return [["set_xsave", header.hex(), 0x1F80, 0x37F, 0]]


CALLS: dict[str, Callable[..., Calls]] = {
    "XGETBV": lambda _, ecx: _run(program(XGETBV, ecx=ecx)),
    "XSETBV": lambda _, ecx, value: _write(XSETBV, ecx, value),
    "MOV CR4": lambda _, sets, clears: _run(change_cr4(sets, clears)),
    "CPUID OSXSAVE": lambda _: _run(program(CPUID, eax=1)),
    "RDMSR": lambda _, index: _run(program(RDMSR, ecx=index)),
    "WRMSR": lambda _, index, value: _write(WRMSR, index, value),
    "CR0.WP": lambda _, wp: [["set_cr0", 0x6000_0010 | wp << 16]],
    "WRPKRU": lambda _, value: _run(longmode.wrpkru(value)),
    "access": lambda _, user, writes: _run(longmode.access(user, writes)),
    "KVM_SET_XCRS": lambda _, value: [["set_xcrs", [[0, value]], 0, 1]],
    "KVM_SET_MSRS": lambda _, index, value: [["set_msr", index, value]],
    "KVM_GET_MSRS": lambda _, index: [["get_msr", index]],
    "KVM_SET_SREGS CR4": lambda _, value: [["set_cr4", value]],
    "KVM_GET_SREGS CR4": lambda _: [["get_cr4"]],
    "KVM_SET_SREGS CR0": lambda _, sets, clears: [["set_cr0", (0x6000_0010 | sets) & ~clears]],
    "KVM_SET_XSAVE": _set_xsave,
    "KVM_RUN": lambda _: _run(program(b"")),
    "KVM_SET_CPUID2": _other_cpuid,
    "KVM_GET_CPUID2": lambda facts, lacks: [["get_cpuid_with_room", len(facts.entries) - lacks]],
    "KVM_GET_CPUID2 OSXSAVE": lambda _: [["get_cpuid"]],
    "KVM_GET_CPUID2 OSPKE": lambda _: [["get_cpuid"]],
    "KVM_RUN with registers": lambda _, *operands: [["sync_run", *operands]],
    "KVM_SET_VCPU_EVENTS": lambda _, vector: [["set_exception", vector]],
    "KVM_GET_REG_LIST": lambda _: [["check_extension", CAP_ONE_REG], ["reg_list"]],
    "KVM_GET_ONE_REG": lambda _, index: [["get_reg", index]],
    "KVM_SET_ONE_REG": lambda _, index, value: [["set_reg", index, value]],
}
"""The calls of each step that a machine can be asked."""


CALLS_IN_64_BIT_MODE: dict[str, Callable[..., Calls]] = {
    "XGETBV": lambda rcx: _run(longmode.program(XGETBV, rcx=rcx)),
    "XSETBV": lambda rcx, value: _run(
        longmode.program(XSETBV, rcx=rcx, edx=value >> 32, eax=value & 0xFFFFFFFF)
    ),
    "MOV CR4": lambda sets, clears: _run(longmode.change_cr4(sets, clears)),
    "CR0.WP": lambda wp: [["set_cr0", longmode.CR0 | wp << 16]],
    "WRPKRU": lambda value: _run(longmode.wrpkru(value)),
    "access": lambda user, writes: _run(longmode.access(user, writes)),
}
"""What is different, or only possible, in 64-bit mode; the number of calls is that of `CALLS`."""


def _told(step: Step, facts: Facts, told: Any) -> Any:
    """Return what the facts say; of the processor that KVM shows they say what was made of them."""
    return int(step.operands[0] in facts.msrs) if step.name == LISTED else told


def _result(step: Step, seen: Sequence[Any]) -> Any:
    """Return the result of a step from the answers to its calls."""
    if step.name in OF_GUEST:
        return _ran(step, *seen[0])
    if step.name == "KVM_GET_REG_LIST":
        return max(seen[1], 0)
    if step.name == "KVM_GET_MSRS":
        return seen[0][1] if seen[0][0] == 1 else "not read"
    if step.name == "KVM_GET_CPUID2":
        return seen[0][0]
    if step.name == "KVM_RUN with registers":
        return seen[0][1:] if seen[0][0] == 0 else seen[0][0]
    if step.name.startswith("KVM_GET_CPUID2 "):
        leaf, bit = (1, 27) if step.name.endswith("OSXSAVE") else (7, 4)
        return next(entry[5] >> bit & 1 for entry in seen[0] if entry[0] == leaf and entry[1] == 0)
    return seen[0]


def _ran(step: Step, reason: int, vector: int, registers: Sequence[int]) -> Any:
    """Return what an instruction of a guest did: a vector, or what it read."""
    if reason != HLT:
        return f"exit {reason}"
    if vector >= 0:
        return VECTORS.get(vector, f"vector {vector}")
    eax, _, ecx, edx = registers
    if step.name in ("XGETBV", "RDMSR"):
        return edx << 32 | eax
    if step.name == "CPUID OSXSAVE":
        return ecx >> 27 & 1
    return "ok"
