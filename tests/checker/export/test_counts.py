# SPDX-License-Identifier: Apache-2.0
"""rumur, SPIN and TLC count the states and the transitions that our search counts."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.checker import chance
from tests.checker.export.second import TOOLS, ask
from tests.checker.fx import Size, budget, program
from tests.model.golden import GOLDEN
from tests.model.world import system as real
from xsavvy.checker import ModelError, System, bind, search

every_tool = pytest.mark.parametrize("tool", TOOLS)
quick_tool = pytest.mark.parametrize("tool", ["rumur", "spin"])


@every_tool
def test_the_protocol(tool: str, tmp_path: Path) -> None:
    """The benchmark protocol has 27,616 states for everybody."""
    found = ask(tool, bind(program(1), Size(1), [budget(0)]), tmp_path)
    assert (found.states, found.transitions, found.verdict) == (27616, 65792, "holds")


@pytest.mark.slow
@every_tool
def test_several_starts(tool: str, tmp_path: Path) -> None:
    """Start states that reach different parts are all started from."""
    system = bind(program(1), Size(1), [budget(0), budget(1), budget(2)])
    ours = search(system)
    found = ask(tool, system, tmp_path)
    assert (found.states, found.transitions) == (ours.states, ours.transitions)


@every_tool
def test_the_smallest_scenario(tool: str, tmp_path: Path) -> None:
    """A real scenario with all its registers and kernel paths."""
    counted(tool, "pkru-xinuse", "v6.18", "sapphire-rapids", tmp_path)


@quick_tool
def test_supervisor_state(tool: str, tmp_path: Path) -> None:
    """A real scenario with 14,048 states."""
    system = real("xss", "v6.12", "genoa")
    found = ask(tool, system, tmp_path, properties=False)
    assert (found.states, found.transitions) == (14048, 16654)


@pytest.mark.slow
@quick_tool
def test_dynamic_state(tool: str, tmp_path: Path) -> None:
    """A real scenario with reallocation on demand."""
    counted(tool, "xfd-on-demand", "v6.18", "sapphire-rapids", tmp_path)


def counted(tool: str, scenario: str, kernel: str, platform: str, folder: Path) -> None:
    """Compare a tool's counts with the pinned ones."""
    row = next(
        r for r in GOLDEN if (r.scenario, r.kernel, r.platform) == (scenario, kernel, platform)
    )
    found = ask(tool, real(scenario, kernel, platform), folder, properties=False)
    assert (found.states, found.transitions) == (row.states, row.transitions)


def random_systems(count: int) -> list[System]:
    """Random programs that can be searched to their end and have at least 30 states."""
    found: list[System] = []
    seed = 0
    while len(found) < count:
        _, space = chance.load(Random(seed))
        seed += 1
        try:
            system = bind(space["PROGRAM"], space["Constants"], space["STARTS"])
            ours = search(system, max_states=20_000)
        except ModelError:
            continue
        if ours.complete and ours.states >= 30:
            found.append(system)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("tool", "count"), [("rumur", 20), ("spin", 20), ("tlc", 6)])
def test_random_programs(tool: str, count: int, tmp_path: Path) -> None:
    """Random programs, with calls, loops, early returns and arithmetic."""
    for number, system in enumerate(random_systems(count)):
        ours = search(system)
        found = ask(tool, system, tmp_path / str(number), properties=False)
        assert (found.states, found.transitions) == (ours.states, ours.transitions), number
