# SPDX-License-Identifier: Apache-2.0
"""Ask a KVM everything, compare with the rules of its kernel, explain what differs."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from xsavvy.live.conformance import Met
from xsavvy.live.machine.reach import Unreachable

from . import asker
from .cause import Causes
from .facts import FACTS, Facts, facts_of
from .question import Question
from .survey import questions

__all__ = ["Explanation", "KvmConformance", "ask_here", "conform_kvm", "judge", "opened"]

Ask = Callable[[list[list[Any]]], list[Any]]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing that was predicted otherwise than seen; `why` is empty if nobody knows."""

    case: str
    group: str
    predicted: str
    seen: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class KvmConformance:
    """What a KVM said about the rules.

    `rules` is the modelled kernel whose rules were predicted; `groups` counts the judged claims of each group.
    """

    oracle: str
    met: Met
    rules: str
    cases: int
    agree: int
    explained: tuple[Explanation, ...]
    unexplained: tuple[Explanation, ...]
    groups: dict[str, int]
    seconds: float

    @property
    def holds(self) -> bool:
        """Tell whether every difference is explained."""
        return not self.unexplained

    def to_dict(self) -> dict[str, object]:
        """Give the result as plain values for JSON; times in seconds."""
        return asdict(self)


def conform_kvm(
    *,
    seed: int = 1,
    images: int = 2000,
    masks: int = 4000,
    progress: OnProgress | None = None,
    record: list[Any] | None = None,
) -> KvmConformance:
    """Ask this machine's /dev/kvm, with so many random images and masks of XCR0. Raises Unreachable.

    `record` takes the calls and answers, to be judged again elsewhere.
    """
    with opened() as device:
        return judge(
            "kvm",
            lambda calls: ask_here(device, calls),
            seed,
            progress,
            record,
            images=images,
            masks=masks,
        )


@contextmanager
def opened() -> Iterator[int]:
    """Open /dev/kvm for a while. Raises Unreachable."""
    try:
        device = os.open(asker.NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Unreachable(f"{asker.NAME}: {error.strerror}") from None
    try:
        yield device
    finally:
        os.close(device)


def ask_here(device: int, calls: list[list[Any]]) -> list[Any]:
    """Make the calls of one case on an open /dev/kvm. Raises Unreachable."""
    try:
        return asker.answer(device, calls)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        raise Unreachable(f"{asker.NAME}: a virtual machine cannot be made: {name}") from None


def judge(
    oracle: str,
    ask: Ask,
    seed: int = 1,
    progress: OnProgress | None = None,
    record: list[Any] | None = None,
    *,
    images: int = 2000,
    masks: int = 4000,
) -> KvmConformance:
    """Ask whoever answers the facts first, then every question that follows from them, and judge the answers."""
    began = time.perf_counter()
    first = ask(FACTS)
    if record is not None:
        record.append([FACTS, first])
    facts = facts_of(first)
    planned = list(questions(facts, seed, images, masks))
    found: list[Explanation] = []
    groups: dict[str, int] = {}
    for number, question in enumerate(planned, 1):
        answers = ask(question.calls)
        if record is not None:
            record.append([question.calls, answers])
        count = 0
        for outcome in _differences(question, answers, facts):
            count += 1
            if outcome is not None:
                found.append(outcome)
        groups[question.group] = groups.get(question.group, 0) + count
        if progress is not None:
            progress(number, len(planned))
    return _result(oracle, facts, groups, found, time.perf_counter() - began)


def _differences(
    question: Question, answers: Sequence[Any], facts: Facts
) -> Iterator[Explanation | None]:
    """Give an explanation for each claim that did not come true, and None for each that did."""
    causes = Causes(question, answers, facts)
    for place, claim in enumerate(question.judge(answers, facts, facts.rules)):
        if claim.agrees:
            yield None
            continue
        why = causes.of(claim, place)
        yield Explanation(claim.what, question.group, str(claim.predicted), str(claim.seen), why)


def _result(
    oracle: str, facts: Facts, groups: dict[str, int], found: Iterable[Explanation], seconds: float
) -> KvmConformance:
    all_found = list(found)
    cases = sum(groups.values())
    return KvmConformance(
        oracle=oracle,
        met=Met(
            f"{facts.brand or facts.vendor}, XCR0={facts.xcr0:#x}",
            f"Linux {facts.release}",
            facts.module,
        ),
        rules=facts.rules.name,
        cases=cases,
        agree=cases - len(all_found),
        explained=tuple(each for each in all_found if each.why),
        unexplained=tuple(each for each in all_found if not each.why),
        groups=groups,
        seconds=seconds,
    )
