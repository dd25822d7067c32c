# SPDX-License-Identifier: Apache-2.0
"""Ask Bochs thousands of cases, compare with the model, and explain what differs by what is known of Bochs."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from xsavvy.live.answer import Difference
from xsavvy.live.conformance import Met
from xsavvy.live.host import Unreached
from xsavvy.live.kvm.conform import Explanation
from xsavvy.live.machine.reach import Unreachable

from .case import BochsCase, Reply
from .directed import directed
from .generate import Generator
from .known import FILTERS, Filter
from .part import MODELS, Part, meet
from .predict import Prediction, disagreements
from .process import Bochs, Failed
from .ram import Broken
from .situation import Situation
from .unjudged import UNJUDGED

__all__ = ["BochsConformance", "Known", "Taken", "conform_bochs", "judge", "result"]

BATCH: Final = 1500
SECOND_PART: Final = 20
"""One batch in so many goes to the processor without PKU and CET."""
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Known:
    """How many cases a filter was needed for."""

    name: str
    why: str
    cases: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Who was asked, what, and what came of it."""

    part: Part
    case: BochsCase
    reply: Reply


@dataclass(frozen=True, slots=True)
class BochsConformance:
    """What Bochs said about the model.

    Attributes:
        oracle: "bochs".
        met: version and CPU models.
        cases, agree: how many were judged, and how many were predicted to the last byte.
        explained: those that differ for a reason that is known; `why` names the filters.
        unexplained: those that the model predicts wrongly.
        known: the filters, and how many cases each was needed for.
        groups: judged cases by instruction.
        unreached: what neither Bochs nor any other oracle here can judge, and what the model rests on.
        seed: decides the random cases.
        seconds: how long it took.
    """

    oracle: str
    met: Met
    cases: int
    agree: int
    explained: tuple[Explanation, ...]
    unexplained: tuple[Explanation, ...]
    known: tuple[Known, ...]
    groups: dict[str, int]
    unreached: tuple[Unreached, ...]
    seed: int
    seconds: float

    @property
    def holds(self) -> bool:
        """Tell whether every difference is explained."""
        return not self.unexplained

    def to_dict(self) -> dict[str, object]:
        """Give the result as plain values for JSON; times in seconds."""
        return asdict(self)


def conform_bochs(
    cases: int = 20_000,
    *,
    seed: int = 1,
    progress: OnProgress | None = None,
    record: Callable[[Taken], object] | None = None,
) -> BochsConformance:
    """Ask so many random cases, after the directed ones. Raises Unreachable.

    `record` is given every case and answer, to be judged again elsewhere.
    """
    began = time.perf_counter()
    taken = _asked(cases, seed, progress)
    if record is not None:
        taken = _kept(taken, record)
    return result("bochs", taken, seed, began)


def _kept(taken: Iterable[Taken], record: Callable[[Taken], object]) -> Iterator[Taken]:
    for one in taken:
        record(one)
        yield one


def _asked(cases: int, seed: int, progress: OnProgress | None) -> Iterator[Taken]:
    """Ask the directed cases of every part, then the random ones, batch by batch."""
    try:
        emulators = [Bochs(model) for model in MODELS]
        parts = [meet(bochs) for bochs in emulators]
        for bochs, part in zip(emulators, parts, strict=True):
            yield from _run(bochs, part, [case for _, case in directed(part)])
        generators = [Generator(part, seed) for part in parts]
        done = batch = 0
        while done < cases:
            which = 1 if batch % SECOND_PART == SECOND_PART - 1 else 0
            numbers = range(done, min(done + BATCH, cases))
            questions = [generators[which].case(number) for number in numbers]
            yield from _run(emulators[which], parts[which], questions)
            done, batch = numbers.stop, batch + 1
            if progress is not None:
                progress(done, cases)
    except (Failed, Broken) as error:
        raise Unreachable(str(error)) from None


def _run(bochs: Bochs, part: Part, cases: Sequence[BochsCase]) -> Iterator[Taken]:
    for start in range(0, len(cases), BATCH):
        batch = cases[start : start + BATCH]
        ram = part.ram(batch)
        replies = ram.replies(bochs.run(ram.build()))
        for case, reply in zip(batch, replies, strict=True):
            yield Taken(part, case, reply)


def judge(
    part: Part,
    model: Prediction,
    case: BochsCase,
    seen: Reply,
    filters: Sequence[Filter] = FILTERS,
) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
    """Compare one answer.

    Returns:
        The names of the filters that were needed, and the differences that none of them excuses.
    """
    predicted = model.predict(case)
    found = disagreements(model, case, predicted, seen)
    if not found:
        return (), ()
    situation = Situation(part.processor, case, predicted, seen)
    situation, applying = _forgetting(model, situation, filters)
    needed = [each.name for each in applying]
    applying += [each for each in filters if not each.forgets and each.applies(situation)]
    found = disagreements(model, case, situation.predicted, seen)
    left = []
    for difference in found:
        reason = next((each for each in applying if each.covers(situation, difference)), None)
        if reason is None:
            left.append(difference)
        elif reason.name not in needed:
            needed.append(reason.name)
    return tuple(needed), tuple(left)


def _forgetting(
    model: Prediction, situation: Situation, filters: Sequence[Filter]
) -> tuple[Situation, list[Filter]]:
    """Predict without the checks that Bochs forgets; give the filters that say which."""
    used: list[Filter] = []
    again = True
    while again:
        again = False
        for each in filters:
            if each.forgets and each not in used and each.applies(situation):
                situation = _again(model, situation, each.forgets(situation))
                used.append(each)
                again = True
    return situation, used


def _again(model: Prediction, situation: Situation, variant: BochsCase) -> Situation:
    """Predict again for a case without what should have been refused; a restore leaves the real case's memory."""
    predicted = model.predict(variant)
    if situation.restores:
        memory = situation.predicted.answer.memory
        answer = dataclasses.replace(predicted.answer, memory=memory)
        predicted = dataclasses.replace(predicted, answer=answer)
    return dataclasses.replace(situation, case=variant, predicted=predicted)


def result(oracle: str, taken: Iterable[Taken], seed: int, began: float) -> BochsConformance:
    """Judge answers, and count."""
    models: dict[str, Prediction] = {}
    parts: dict[str, Part] = {}
    used: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    found: list[Explanation] = []
    cases = 0
    for one in taken:
        part = parts.setdefault(one.part.model, one.part)
        model = models.setdefault(part.model, Prediction(part))
        cases += 1
        group = one.case.instruction.removesuffix("64").partition(",")[0]
        groups[group] += 1
        needed, left = judge(part, model, one.case, one.reply)
        used.update(needed)
        if needed or left:
            found.append(_explanation(one, group, needed, left))
    return BochsConformance(
        oracle=oracle,
        met=_met(parts.values()),
        cases=cases,
        agree=cases - len(found),
        explained=tuple(each for each in found if each.why),
        unexplained=tuple(each for each in found if not each.why),
        known=tuple(Known(each.name, each.why, used[each.name]) for each in FILTERS),
        groups=dict(sorted(groups.items())),
        unreached=UNJUDGED,
        seed=seed,
        seconds=time.perf_counter() - began,
    )


def _met(parts: Iterable[Part]) -> Met:
    found = list(parts)
    version = found[0].version if found else ""
    return Met("; ".join(part.name for part in found), f"Bochs {version}")


def _explanation(
    one: Taken, group: str, needed: Sequence[str], left: Sequence[Difference]
) -> Explanation:
    """Say what differs; where something is left, the filters do not count."""
    return Explanation(
        case=f"{one.case.describe()}.",
        group=group,
        predicted="; ".join(f"{each.what} {each.predicted}" for each in left),
        seen="; ".join(f"{each.what} {each.seen}" for each in left),
        why="" if left else ", ".join(needed),
    )
