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
from xsavvy.live.record import (
    Record,
    Recording,
    is_record,
    judge_record,
    read_record,
    replay_record,
    write_record,
)

__all__ = [
    "Case",
    "Conformance",
    "Host",
    "Record",
    "Recording",
    "Unreachable",
    "conform_silicon",
    "is_record",
    "judge_record",
    "meet",
    "read_cpuid",
    "read_record",
    "replay",
    "replay_record",
    "write_record",
]
