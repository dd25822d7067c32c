# SPDX-License-Identifier: Apache-2.0
"""May a guest move: two hosts, their kernels, a guest model; and what many hosts have in common.

Read `host`, `guest` and `move`; then `baseline`, `saveset`, and `fleet`, which is `move` on columns.
"""

from .guest import BadGuest, Guest, guest_of, offered_guest
from .host import Host
from .move import EFFECTS, Finding, Move, judge
from .vmm import CAREFUL, Vmm

__all__ = [
    "CAREFUL",
    "EFFECTS",
    "BadGuest",
    "Finding",
    "Guest",
    "Host",
    "Move",
    "Vmm",
    "guest_of",
    "judge",
    "offered_guest",
]
