# SPDX-License-Identifier: Apache-2.0
"""A search for the explorer: a wish comes in as a line of JSON, news leave as lines."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from xsavvy import checker
from xsavvy.api.checking import bound_system, patch_of
from xsavvy.api.usage import UsageError
from xsavvy.api.walking import Walk
from xsavvy.api.world import find_scenario, setting, world
from xsavvy.checker import CheckerError, Outcome, System
from xsavvy.checker.outcome import Trace

__all__ = ["MOST_STATES", "News", "Wish", "answer", "looks", "seek"]

MOST_STATES = 2_000_000
"""States after which a search ends, unless another number is given."""

FIRST_LOOK = 20_000
"""States of a search that is cut, since most of what can be found is near; if nothing was, a longer one begins anew."""

LONGER = 10
"""How many times as long the next one is: all that were cut cost at most a ninth of the last one."""


class Wish(msgspec.Struct, frozen=True):
    """What to search for: a property's violation or a witness, from the end of a path through a world.

    `platform` is what `check` takes: a preset, a file, or None for this machine.
    """

    scenario: str
    kernel: str
    platform: str | None
    set: dict[str, str]
    patch: str
    property: str
    witness: str
    path: list[int]
    max_states: int


class News(msgspec.Struct, frozen=True):
    """How a search is. When it is done there is a verdict.

    Of a property: violated, holds, incomplete; of a witness: seen, unseen, incomplete. `path` leads to what was found,
    from the start of the model. The verdict is about what can follow the path that the search began from.
    """

    state: str = "running"
    states: int = 0
    depth: int = 0
    seconds: float = 0.0
    verdict: str = ""
    path: list[int] = msgspec.field(default_factory=list)
    sentence: str = ""
    error: str = ""


def answer(line: bytes, write: Callable[[bytes], None]) -> None:
    """Do one wish, and tell about it until it is done."""
    for news in _answers(msgspec.json.decode(line, type=Wish), write):
        write(msgspec.json.encode(news))


def seek(wish: Wish, progress: Callable[[News], None] | None = None) -> News:
    """Search as long as it takes. Raises UsageError, CheckerError.

    >>> found = seek(Wish("pkru-xinuse", "v6.18", "genoa", {}, "", "", "guest_has_its_own_pkru", [], 100_000))
    >>> found.verdict, len(found.path)
    ('seen', 22)
    """
    began = time.monotonic()
    system = _system(wish)

    def report(states: int, _transitions: int, depth: int, _frontier: int, _: float) -> None:
        if progress is not None:
            progress(News("running", states, depth, time.monotonic() - began))

    for limit in looks(wish.max_states):
        outcome = checker.search(system, max_states=limit, progress=report)
        verdict, sentence, trace = _found(outcome, wish)
        if trace is not None or outcome.complete:
            break
    return News(
        state="done",
        states=outcome.states,
        depth=outcome.depth,
        seconds=time.monotonic() - began,
        verdict=verdict,
        path=[*wish.path, *(hop.rule for hop in trace.hops)] if trace is not None else [],
        sentence=sentence,
    )


def looks(most: int) -> Iterator[int]:
    """Yield how many states each search may see, the last one `most`.

    >>> list(looks(2_000_000)), list(looks(50_000))
    ([20000, 200000, 2000000], [50000])
    """
    limit = FIRST_LOOK
    while limit * LONGER <= most:
        yield limit
        limit *= LONGER
    yield most


def _answers(wish: Wish, write: Callable[[bytes], None]) -> Iterator[News]:
    try:
        yield seek(wish, lambda news: write(msgspec.json.encode(news)))
    except (UsageError, CheckerError) as error:
        yield News("failed", error=" ".join(str(error).split()))


def _system(wish: Wish) -> System:
    """Bind the wish's world, beginning at the end of its path."""
    patch = patch_of(Path(wish.patch) if wish.patch else None)
    shared = setting(wish.kernel, wish.platform, wish.set, patch.choices if patch else ())
    target, note = world(find_scenario(wish.scenario), shared)
    if target is None:
        raise UsageError(note)
    system = bound_system(target, patch)
    states = Walk(system).states(wish.path)
    if len(states) <= len(wish.path):
        raise UsageError(f"path: step {len(states)} is not possible")
    return replace(system, starts=(states[-1],))


def _found(outcome: Outcome, wish: Wish) -> tuple[str, str, Trace | None]:
    if wish.witness:
        seen = outcome.witness(wish.witness)
        return seen.verdict, seen.sentence, seen.trace
    judged = next(each for each in outcome.verdicts if each.name == wish.property)
    return judged.verdict, judged.sentence, judged.trace
