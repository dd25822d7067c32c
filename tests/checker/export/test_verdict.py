# SPDX-License-Identifier: Apache-2.0
"""rumur, SPIN and TLC come to our verdicts: properties, deadlocks, and models that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest

from tests.checker.export.second import TOOLS, ask
from tests.checker.fx import Size, budget, program
from tests.model.world import system as real
from xsavvy.checker import (
    Below,
    Each,
    Event,
    Mask,
    ModelError,
    Program,
    Property,
    Record,
    bind,
    search,
)

every_tool = pytest.mark.parametrize("tool", TOOLS)


class Tank(Record):
    level: Annotated[int, Below(4), "litres"]
    valves: Annotated[int, Mask(5), "open valves"]
    marks: Annotated[list[int], Each(2, Below(4)), "what was poured"]


class Full:
    top = 3
    too_much = 0


def pour(s, k):
    s.level += 1
    if k.too_much:
        s.valves += s.level


def room(s, k):
    return s.level < k.top


def mark(s, k):
    s.marks[s.level] = 1


def is_full(s, k):
    return s.level == k.top


def below_three(s, k):
    return s.level < 3


def tank(*, terminal=None, effect=pour, holds=None) -> Program:
    """A tank that is filled until there is no more room."""
    laws = (Property("never_full", "The tank is never full.", holds, source="-"),) if holds else ()
    pouring = Event("rain", "sky", effect, source="-", when=room)
    return Program(Tank, (), (pouring,), laws, terminal=terminal)


@every_tool
def test_the_seeded_bug(tool: str, tmp_path: Path) -> None:
    """The protocol whose ptrace forgets to invalidate the owner breaks a property."""
    system = bind(program(1), Size(1, bug=1), [budget(2)])
    assert any(item.verdict == "violated" for item in search(system).verdicts)
    assert ask(tool, system, tmp_path).verdict == "violated"


@every_tool
def test_a_violation_of_a_real_kernel(tool: str, tmp_path: Path) -> None:
    """On Intel, XINUSE[PKRU] is not what the guest left (published: seed 002)."""
    system = real("pkru-xinuse", "v6.18", "sapphire-rapids")
    assert search(system).verdict("guest_sees_its_own_pkru_inuse").verdict == "violated"
    assert ask(tool, system, tmp_path).verdict == "violated"


@every_tool
def test_properties_that_hold(tool: str, tmp_path: Path) -> None:
    """On AMD the same properties hold."""
    system = real("pkru-xinuse", "v6.18", "genoa")
    assert ask(tool, system, tmp_path, deadlocks=True).verdict == "holds"


@every_tool
def test_a_violated_property_can_be_left_out(tool: str, tmp_path: Path) -> None:
    """Without properties a violation ends nothing."""
    system = bind(tank(holds=below_three), Full)
    assert ask(tool, system, tmp_path).verdict == "violated"
    found = ask(tool, system, tmp_path, properties=False)
    assert (found.states, found.transitions, found.verdict) == (4, 3, "holds")


@every_tool
def test_a_deadlock(tool: str, tmp_path: Path) -> None:
    """A state without any enabled rule is a deadlock, if one asks for them."""
    system = bind(tank(), Full)
    assert search(system).deadlocks.count == 1
    assert ask(tool, system, tmp_path, deadlocks=True).verdict == "deadlock"
    assert ask(tool, system, tmp_path).verdict == "holds"


@pytest.mark.parametrize("tool", ["spin", "tlc"])
def test_a_terminal_state_is_no_deadlock(tool: str, tmp_path: Path) -> None:
    """Where a model ends on purpose nothing is missing."""
    system = bind(tank(terminal=is_full), Full)
    assert search(system).deadlocks.count == 0
    assert ask(tool, system, tmp_path, deadlocks=True).verdict == "holds"


@every_tool
def test_an_illegal_value(tool: str, tmp_path: Path) -> None:
    """A rule that leaves an illegal value in a field is an error for everybody."""

    class Wrong(Full):
        too_much = 1

    system = bind(tank(), Wrong)
    with pytest.raises(ModelError):
        search(system)
    assert ask(tool, system, tmp_path).verdict != "holds"


@every_tool
def test_an_index_out_of_range(tool: str, tmp_path: Path) -> None:
    """So is an index that a list has not."""
    events = (
        Event("rain", "sky", pour, source="-", when=room),
        Event("mark", "sky", mark, source="-"),
    )
    system = bind(Program(Tank, (), events), Full)
    with pytest.raises(ModelError):
        search(system)
    assert ask(tool, system, tmp_path).verdict != "holds"
