# SPDX-License-Identifier: Apache-2.0
"""Why an answer differs: another kernel's rule, or a backend of its own kind; else the model is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xsavvy.kvm import COMMITS, Kernel
from xsavvy.live.maintainers.msr import ADDRESSES

from . import rules
from .facts import Facts
from .question import Claim, Question

__all__ = ["Backend", "Causes"]


@dataclass(frozen=True)
class Backend:
    """A module or a processor that differs from the real ones by design: the claims it is about, and what it does.

    `name` is a vendor module's, or part of the processor's name; `about` is how a claim begins, or the last step of
    a case of the maintainers.
    """

    name: str
    about: tuple[str, ...]
    why: str

    def answers(self, facts: Facts) -> bool:
        """Tell whether it is the one that was met."""
        return self.name in facts.modules or self.name in facts.brand

    def explains(self, what: str) -> bool:
        """Tell whether it is about a claim."""
        return what.startswith(self.about) or what.rsplit(": ", 1)[-1].startswith(self.about)


BACKENDS = (
    Backend(
        "kvm_pvm",
        ("KVM_GET_CPUID2 after",),
        "kvm_pvm: the guest's CPUID is replaced by the processor's, as CPL 3 runs natively",
    ),
    Backend(
        "kvm_pvm",
        ("KVM_SET_CPUID2 after KVM_RUN", "KVM_SET_CPUID2 same"),
        "kvm_pvm: the CPUID that was set is not the one that it compares with, as it was replaced",
    ),
    Backend(
        "kvm_pvm",
        ("KVM_SET_SREGS", "KVM_GET_SREGS CR4", "guest XSETBV", "CPUID (0xD,0).EBX in a guest"),
        "kvm_pvm: CPL 0 is emulated under the processor's CPUID, whatever the guest was given",
    ),
    Backend(
        "kvm_pvm",
        ("XGETBV",),
        "kvm_pvm: CPL 0 is emulated, and KVM's emulator has no XGETBV",
    ),
    Backend(
        "kvm_pvm",
        ("guest XGETBV at CPL 3",),
        "kvm_pvm: CPL 3 runs natively, under the host's XCR0",
    ),
    Backend(
        "QEMU TCG CPU",
        tuple(f"WRMSR {index:#x}, 0xaaaaaaaaaaaaaaaa" for index in ADDRESSES.values()),
        "QEMU's WRMSR does not look whether an address is canonical",
    ),
    Backend(
        "QEMU TCG CPU",
        ("guest XSETBV",),
        "QEMU's SVM does not intercept XSETBV, so KVM does not learn the guest's XCR0",
    ),
)
"""Backends that were met, with what was seen of them. Source: this project's own surveys."""


@dataclass(frozen=True)
class Causes:
    """The reasons for which the answers to one question may differ from the prediction."""

    question: Question
    answers: Sequence[Any]
    facts: Facts

    def of(self, claim: Claim, place: int) -> str:
        """Return why a claim differs, or nothing if no reason is known.

        Each commit that the rules look at is added or taken away in turn: if the prediction then is what was seen,
        the kernel has another set of commits than its version has. Of several such sets the one is named that
        explains most of the question.
        """
        for backend in BACKENDS:
            if backend.answers(self.facts) and backend.explains(claim.what):
                return backend.why
        for text, others in self.alternatives:
            if place < len(others) and others[place].what == claim.what and others[place].agrees:
                return text
        return ""

    @cached_property
    def alternatives(self) -> list[tuple[str, list[Claim]]]:
        """The same question under the rules of every neighbouring kernel, the one that agrees most first."""
        found = [
            (text, self.question.judge(self.answers, self.facts, kernel))
            for text, kernel in sorted(_neighbours(self.facts.rules), key=lambda each: each[0])
        ]
        return sorted(found, key=_wrong)


def _wrong(alternative: tuple[str, list[Claim]]) -> tuple[int, int]:
    """Count what an alternative does not explain; of two that explain all, the one that says more is better."""
    claims = alternative[1]
    return sum(not claim.agrees for claim in claims), -len(claims)


def _neighbours(target: Kernel) -> Iterator[tuple[str, Kernel]]:
    """Give the kernel with each deciding commit taken away or added, and how to say it."""
    for commit in COMMITS:
        if commit.id not in rules.DECIDING:
            continue
        if commit.id in target:
            text = f"as a kernel without {commit.id} ({commit.subject})"
            yield text, Kernel(target.name, target.commits - {commit.id})
        else:
            text = f"as a kernel with {commit.id} ({commit.subject}), {commit.release}"
            yield text, Kernel(target.name, target.commits | {commit.id})
