# SPDX-License-Identifier: Apache-2.0
"""What an oracle said about the model: the result of a conformance run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from xsavvy.live.answer import Difference
from xsavvy.live.case import Case, encode
from xsavvy.live.host import Unreached

__all__ = ["Conformance", "Explained", "Fact", "Met", "Unexplained"]


@dataclass(frozen=True, slots=True)
class Met:
    """Who was asked.

    Attributes:
        cpu: the processor's name, version and XCR0.
        kernel: name and release of the kernel around it.
        module: the kernel module that answered; empty where the processor answered itself.
    """

    cpu: str
    kernel: str
    module: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A case that differs for a known reason, which allows both answers.

    Attributes:
        case: the case without its images; the seed and the number bring them back.
        why: the reason.
        number: which case of the seed it is.
    """

    case: Case
    why: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A case that the model predicts wrongly.

    Attributes:
        case: the case, made small.
        differences: what was predicted otherwise than seen.
        number: which case of the seed, or of the recorded ones, it was before.
        printed: the case for people: what is in its images, and the line that replays it.
    """

    case: Case
    differences: tuple[Difference, ...]
    number: int | None = None
    printed: tuple[str, ...] = ()

    @property
    def predicted(self) -> str:
        """What the model said, where it differs."""
        return "; ".join(f"{one.what} {one.predicted}" for one in self.differences)

    @property
    def seen(self) -> str:
        """What the oracle said, where it differs."""
        return "; ".join(f"{one.what} {one.seen}" for one in self.differences)


@dataclass(frozen=True, slots=True)
class Fact:
    """One directed question, in the words of a sentence, and both answers to it.

    Attributes:
        name: a short name.
        sentence: what is asked, as a statement.
        predicted: the model's answer.
        seen: the oracle's answer; None where it could not be asked.
        reason: why it could not be asked.
    """

    name: str
    sentence: str
    predicted: str
    seen: str | None
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Tell whether it was asked and the answers are the same."""
        return self.seen is not None and self.predicted == self.seen


@dataclass(frozen=True, slots=True)
class Conformance:
    """What an oracle said about the model.

    Attributes:
        oracle: "silicon".
        met: the processor and kernel that answered.
        cases: how many random cases were judged.
        agree: how many of them were predicted to the last byte.
        explained: those that differ for a known reason.
        unexplained: those that the model predicts wrongly.
        facts: the directed questions.
        unreached: what of the processor could not be asked, and why.
        seed: with a case's number this is a complete record of it.
        reruns: how often a case was asked again because XINUSE may change at any interrupt.
        seconds: how long it took.
        instructions: how many of the cases had each instruction.
        components: how many of the cases asked an instruction with an operand for each component.
    """

    oracle: str
    met: Met
    cases: int
    agree: int
    explained: tuple[Explained, ...]
    unexplained: tuple[Unexplained, ...]
    facts: tuple[Fact, ...]
    unreached: tuple[Unreached, ...]
    seed: int
    reruns: int
    seconds: float
    instructions: Mapping[str, int] = field(default_factory=dict)
    components: Mapping[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Tell whether nothing is unexplained and every fact that was asked agrees."""
        return not self.unexplained and all(f.agrees for f in self.facts if f.seen is not None)

    def to_dict(self) -> dict[str, object]:
        """Give the result as plain values for JSON; times in seconds, sizes in bytes."""
        return {
            "oracle": self.oracle,
            "met": asdict(self.met),
            "cases": self.cases,
            "agree": self.agree,
            "explained": [
                {"case": one.case.describe(), "number": one.number, "why": one.why}
                for one in self.explained
            ],
            "unexplained": [
                {
                    "case": json.loads(encode(one.case)),
                    "number": one.number,
                    "predicted": one.predicted,
                    "seen": one.seen,
                }
                for one in self.unexplained
            ],
            "facts": [{**asdict(fact), "agrees": fact.agrees} for fact in self.facts],
            "unreached": [asdict(one) for one in self.unreached],
            "seed": self.seed,
            "reruns": self.reruns,
            "seconds": self.seconds,
            "instructions": dict(self.instructions),
            "components": dict(self.components),
        }
