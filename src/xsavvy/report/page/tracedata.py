# SPDX-License-Identifier: Apache-2.0
"""A story as the data of a page: the start, and of every step only what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from xsavvy.api.groups import GROUPS
from xsavvy.api.lanes import LANES

if TYPE_CHECKING:
    from xsavvy.api import Story

__all__ = ["trace_data"]


def trace_data(story: Story, prefix: str) -> dict[str, Any]:
    """Return what the page's script needs to show the state at any step of a story.

    The rows of the page have the ids `prefix` + "step-" + number; what is written in a row is not repeated here.
    """
    start: dict[str, Any] = msgspec.to_builtins(story.start)
    return {
        "prefix": prefix,
        "property": story.result.property,
        "sentence": story.result.sentence,
        "fields": msgspec.to_builtins(story.fields),
        "groups": dict(GROUPS),
        "lanes": dict(LANES),
        "values": start["values"],
        "standing": start["standing"],
        "broken": start["broken"],
        "riskAtStart": story.risk_at_start,
        "steps": [
            {
                "name": step.taken.move.step,
                "summary": step.taken.move.summary,
                "code": step.taken.move.code,
                "changes": step.taken.changes,
                "standing": msgspec.to_builtins(step.standing),
                "breaks": step.taken.breaks,
                "mends": step.taken.mends,
                "risk": step.at_risk,
            }
            for step in story.steps
        ],
    }
