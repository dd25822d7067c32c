# SPDX-License-Identifier: Apache-2.0
"""The campaign: many random cases, the directed facts, and one result.

Start at `conform_silicon`. A case that the model predicts wrongly is made small before it is
reported; `replay` asks recorded cases again, on this machine or on another.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xsavvy.isa.components import names
from xsavvy.live.answer import Answer, Difference
from xsavvy.live.case import Case
from xsavvy.live.conformance import Conformance, Explained, Met, Unexplained
from xsavvy.live.fact.probe import ask
from xsavvy.live.fact.table import PROBES
from xsavvy.live.generate import Generator
from xsavvy.live.host import Host, Unreached, meet
from xsavvy.live.judge import Model, Oracle, judge
from xsavvy.live.predict import Prediction
from xsavvy.live.printed import lines
from xsavvy.live.shrink import shrink
from xsavvy.live.silicon import Silicon

__all__ = ["conform_silicon", "minimal", "replay"]

Progress = Callable[[int, int], None]
Answered = Callable[[Answer], None]

STEP: Final = 500
MOST_SHRUNK: Final = 8
"""Only so many differences are made small; a wrong model has many of the same."""
MOST_WRONG: Final = 100
"""A campaign with so many differences ends: the model is wrong, more cases say nothing new."""


def conform_silicon(
    cases: int = 100_000,
    *,
    seed: int = 1,
    progress: Progress | None = None,
    answered: Answered | None = None,
) -> Conformance:
    """Compare the model with this processor.

    Args:
        cases: how many random cases; the directed facts come on top.
        seed: decides the cases, together with the processor's own CPUID.
        progress: called with the number of cases done and their total, now and then.
        answered: called with the answer to each random case, in order.

    The campaign ends early after a hundred differences.

    Raises:
        Unreachable: this machine cannot be asked; the reason says why.
    """
    host = meet()
    generator = Generator(host, seed)
    numbered = ((number, generator.case(number)) for number in range(cases))
    return _run(host, numbered, cases, seed, progress, answered)


def replay(recorded: Iterable[Case]) -> Conformance:
    """Ask recorded cases again; those that this processor cannot be asked are listed.

    Raises:
        Unreachable: this machine cannot be asked; the reason says why.
    """
    host = meet()
    fitting: list[tuple[int, Case]] = []
    left_out: list[Unreached] = []
    with Silicon(host) as silicon:
        for number, case in enumerate(recorded):
            try:
                fitted = host.fitted(case)
                silicon.ask(fitted)
                fitting.append((number, fitted))
            except ValueError as error:
                left_out.append(Unreached(f"recorded case {number}", str(error)))
    result = _run(host, fitting, len(fitting), 0, None)
    return dataclasses.replace(result, unreached=(*result.unreached, *left_out))


def _run(
    host: Host,
    numbered: Iterable[tuple[int, Case]],
    total: int,
    seed: int,
    progress: Progress | None,
    answered: Answered | None = None,
) -> Conformance:
    start = time.perf_counter()
    model = Prediction(host)
    agree = reruns = done = 0
    instructions: Counter[str] = Counter()
    asked: Counter[int] = Counter()
    explained: list[Explained] = []
    unexplained: list[Unexplained] = []
    with Silicon(host) as silicon:
        facts = tuple(ask(probe, silicon, model, host) for probe in PROBES)
        for number, case in numbered:
            verdict = judge(silicon, model, case)
            reruns += verdict.reruns
            if answered is not None:
                answered(verdict.answer)
            if verdict.agrees:
                agree += 1
            elif verdict.why:
                light = dataclasses.replace(case, setup=b"", memory=b"")
                explained.append(Explained(light, verdict.why, number))
            elif len(unexplained) < MOST_SHRUNK:
                small, left = minimal(silicon, model, case, verdict.differences)
                printed = lines(small, *model.layouts(small))
                unexplained.append(Unexplained(small, left, number, printed))
            else:
                unexplained.append(Unexplained(case, verdict.differences, number))
            done += 1
            instructions[case.instruction] += 1
            if case.has_operand:
                asked[case.rfbm & host.reachable] += 1
            if len(unexplained) == MOST_WRONG:
                break
            if progress is not None and (done % STEP == 0 or done == total):
                progress(done, total)
    return Conformance(
        oracle="silicon",
        met=Met(cpu=host.met, kernel=host.kernel),
        cases=done,
        agree=agree,
        explained=tuple(explained),
        unexplained=tuple(unexplained),
        facts=facts,
        unreached=host.unreached,
        seed=seed,
        reruns=reruns,
        seconds=time.perf_counter() - start,
        instructions=dict(sorted(instructions.items())),
        components=_by_component(asked),
    )


def _by_component(asked: Mapping[int, int]) -> dict[str, int]:
    """Count for each component the cases whose mask had it."""
    found: Counter[str] = Counter()
    for mask, cases in sorted(asked.items()):
        for name in names(mask):
            found[name] += cases
    return dict(sorted(found.items()))


def minimal(
    oracle: Oracle, model: Model, case: Case, found: tuple[Difference, ...]
) -> tuple[Case, tuple[Difference, ...]]:
    """Make a wrongly predicted case small; the difference stays of the same kind.

    Returns:
        The small case and what is predicted wrongly in it.
    """
    kinds = {_kind(one) for one in found}

    def differs(variant: Case) -> tuple[Difference, ...]:
        try:
            verdict = judge(oracle, model, variant)
        except ValueError:
            return ()
        same = kinds & {_kind(one) for one in verdict.differences}
        return verdict.differences if same else ()

    small = shrink(case, lambda variant: bool(differs(variant)))
    return small, differs(small) or found


def _kind(difference: Difference) -> str:
    """Name what differs without the place of the byte."""
    return difference.what.partition(" (")[0]
