# SPDX-License-Identifier: Apache-2.0
"""Ask another model checker about an exported system; skip where it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import peer
from bench.peer import Count
from xsavvy.checker import System
from xsavvy.checker.export import export

LANGUAGE = {"rumur": "murphi", "spin": "promela", "tlc": "tla"}
TOOLS = tuple(LANGUAGE)


def ask(
    tool: str, system: System, folder: Path, *, properties: bool = True, deadlocks: bool = False
) -> Count:
    """Export a system and run a tool on it, built quickly rather than to be quick."""
    reason = peer.missing(tool)
    if reason:
        pytest.skip(reason)
    model = export(system, LANGUAGE[tool], title="test", properties=properties)
    starts = len(system.starts)
    if tool == "rumur":
        return peer.rumur(model.text, folder, deadlocks=deadlocks, optimise="-O0")
    if tool == "spin":
        return peer.spin(
            model.text, folder, starts=starts, deadlocks=deadlocks, optimise="-O0", slots=18
        )
    return peer.tlc(model.text, model.configuration, folder, starts=starts, deadlocks=deadlocks)
