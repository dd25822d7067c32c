# SPDX-License-Identifier: Apache-2.0
"""Search a bound program with one of three engines, and answer in words.

"reference" calls the model's functions on records. "packed" runs Python that is generated from
the same functions, tens of times faster, at once. "compiled" runs machine code made from them,
hundreds of times faster, once llvmlite has made it; it stays on disk for the next time. All
report the same. "auto" is "compiled" if the code is there already; if not, it begins packed,
and compiles when there is more than a little to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xsavvy.checker import packed, reference
from xsavvy.checker.answer import Answer
from xsavvy.checker.bind import System
from xsavvy.checker.error import CheckerError, ResourceError, nearest
from xsavvy.checker.exploration import Meter, Progress
from xsavvy.checker.outcome import Outcome

Engine = Literal["auto", "reference", "packed", "compiled"]
ENGINES = ("auto", "reference", "packed", "compiled")

ENDLESS = 1 << 62  # a limit that no memory reaches; more does not fit into a word of machine code
LITTLE = 20_000  # states that "auto" explores before it asks for machine code


@dataclass(frozen=True)
class Resources:
    """What a compiled search may use.

    `threads`: None means one for each CPU that this process may run on. `memory`: bytes for the
    whole process, None for most of what is free. `checkpoint`: a directory to resume from and
    to save to. `specialise`: whether to compile code for this system alone, constants folded;
    None means during a search that turns out to be long.
    """

    threads: int | None = None
    memory: int | None = None
    checkpoint: Path | None = None
    specialise: bool | None = None


def search(
    system: System,
    engine: Engine = "auto",
    max_states: int | None = None,
    progress: Progress | None = None,
    resources: Resources | None = None,
) -> Outcome:
    """Explore every interleaving of a system, and judge its properties and witnesses.

    Stops when `max_states` states are known and more could follow, or on Ctrl-C; the answer
    is then incomplete, and only what was found counts. `progress` is called about ten times a
    second with (states, transitions, depth, frontier, seconds). Only the compiled engine heeds
    `resources`. Raises ModelError when a step writes an illegal value, ResourceError when
    there is too little memory, no compiler, or a checkpoint of something else.
    """
    if max_states is not None and max_states >= ENDLESS:
        max_states = None
    meter = Meter(progress)
    resources = resources or Resources()
    match engine:
        case "reference":
            explored = reference.explore(system, max_states, meter)
            return Answer(system, "reference", explored, lambda state: state).outcome(meter)
        case "packed":
            return _packed(system, max_states, meter)
        case "compiled":
            return _compiled(system, max_states, meter, resources)
        case "auto":
            return _auto(system, max_states, meter, resources)
    raise CheckerError(f"no engine {engine!r}; {nearest(engine, ENGINES)}")


def _packed(system: System, max_states: int | None, meter: Meter) -> Outcome:
    machine = packed.Machine(system)
    found = machine.explore(max_states, meter)
    return Answer(system, "packed", found, machine.word.unpack).outcome(meter)


def _compiled(
    system: System, max_states: int | None, meter: Meter, resources: Resources
) -> Outcome:
    reason = unavailable()
    if reason is not None:
        raise ResourceError(f"no compiled engine: {reason}")
    from xsavvy.checker.native.layout import Unfit

    try:
        return _by_machine_code(system, max_states, meter, resources)
    except Unfit as error:
        raise ResourceError(f"no compiled engine: {error}") from error


def _auto(system: System, max_states: int | None, meter: Meter, resources: Resources) -> Outcome:
    """Use machine code if it is there; else see first whether there is enough to do for it."""
    if resources.checkpoint is not None and unavailable() is None:
        return _compiled(system, max_states, meter, resources)
    little = max_states is not None and max_states <= LITTLE
    if little or unavailable() is not None:
        return _packed(system, max_states, meter)
    from xsavvy.checker.native.layout import Unfit
    from xsavvy.checker.native.tables import Cold

    try:
        return _by_machine_code(system, max_states, meter, resources, may_compile=False)
    except Unfit:
        return _packed(system, max_states, meter)
    except Cold:
        first = _packed(system, LITTLE, Meter())
        if first.ended != "states":
            return first
    return _by_machine_code(system, max_states, meter, resources)


def _by_machine_code(
    system: System,
    max_states: int | None,
    meter: Meter,
    resources: Resources,
    *,
    may_compile: bool = True,
) -> Outcome:
    from xsavvy.checker.native.machine import Machine  # llvmlite takes a while to import

    found = Machine(system, may_compile=may_compile).explore(
        max_states,
        meter,
        threads=resources.threads or len(os.sched_getaffinity(0)),
        memory=resources.memory,
        checkpoint=resources.checkpoint,
        specialise=resources.specialise,
    )
    state: Callable[[tuple[int, ...]], tuple[int, ...]] = tuple
    return Answer(system, "compiled", found, state).outcome(meter)


def unavailable() -> str | None:
    """Say why there is no compiled engine here; None if there is."""
    try:
        import llvmlite.binding  # noqa: F401
    except (ImportError, OSError) as error:
        return f"llvmlite cannot be imported ({error})"
    return None
