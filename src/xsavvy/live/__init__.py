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
from xsavvy.live.record import Record, judge_record, read_record, record_silicon, write_record

__all__ = [
    "Case",
    "Conformance",
    "Host",
    "Record",
    "Unreachable",
    "conform_silicon",
    "judge_record",
    "meet",
    "read_cpuid",
    "read_record",
    "record_silicon",
    "replay",
    "write_record",
]
