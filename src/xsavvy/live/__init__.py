# SPDX-License-Identifier: Apache-2.0
"""This machine: its CPUID, its XSAVE instructions, and whether they do what the model says.

Read `campaign`, which tells the story; `machine` holds the machine code under it and can wait.
"""

from xsavvy.live.campaign import conform_silicon, replay
from xsavvy.live.case import Case
from xsavvy.live.conformance import Conformance
from xsavvy.live.cpuid import read_cpuid
from xsavvy.live.host import Host, meet
from xsavvy.live.machine.reach import Unreachable

__all__ = [
    "Case",
    "Conformance",
    "Host",
    "Unreachable",
    "conform_silicon",
    "meet",
    "read_cpuid",
    "replay",
]
