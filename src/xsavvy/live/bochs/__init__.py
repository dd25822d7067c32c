# SPDX-License-Identifier: Apache-2.0
"""Bochs 2.7 as an oracle: what only privileged code can ask, of a processor in software.

`kernel` is the machine code inside, `ram` lays out its memory, `process` runs the emulator; `directed` and `generate`
say what is asked, `predict` what the model says, `known` what Bochs is known to do wrongly; `conform` tells the story.
"""

from .capture import Capture, is_capture, replay_capture
from .conform import BochsConformance, Taken, conform_bochs

__all__ = [
    "BochsConformance",
    "Capture",
    "Taken",
    "conform_bochs",
    "is_capture",
    "replay_capture",
]
